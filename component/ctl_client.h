/*
 * ctl_client.h: tacetctl's end of the control socket (control.h): one request, then answers. It
 * blocks.
 */
#ifndef COMPONENT_CTL_CLIENT_H
#define COMPONENT_CTL_CLIENT_H

#include "core/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl_client;

/* ERR_UNAVAILABLE, with the path and what to do, when nobody listens there or we may not connect.
 */
struct ctl_client *ctl_client_new(const char *path, struct err *err);
/* The path of the daemon's socket: socket, or where the configuration (NULL: the usual one) says,
 * which is ERR_INPUT if it cannot be read. The caller frees it. */
char *ctl_client_path(const char *socket, const char *config, struct err *err);
/* Both. */
struct ctl_client *ctl_client_reach(const char *socket, const char *config, struct err *err);
void ctl_client_free(struct ctl_client **client);

/* Send {"cmd":command,"args":args}; what was sent is wiped. args may be NULL and stays the
 * caller's. */
int ctl_client_ask(struct ctl_client *client, const char *command, json_t *args, struct err *err);
/* Wait for an answer for at most ms from now on; 0: for ever, as at first. */
void ctl_client_limit(struct ctl_client *client, int64_t ms);
/* Wait for the next answer, which the caller frees with json_decref. NULL with *err: ERR_CLOSED
 * when the daemon has ended, ERR_TIMEOUT, ERR_PROTOCOL when it is no answer. A refusal ("ok":false)
 * is an answer too. */
json_t *ctl_client_answer(struct ctl_client *client, struct err *err);
/* What code a refusal of "listen" stands for: ERR_UNAVAILABLE when it is to be tried again, because
 * the daemon was there and is locked now. */
enum err_code ctl_client_refusal(const json_t *answer, bool was_there);
/* By a clock that does not jump. */
int64_t ctl_client_now_ms(void);

#endif
