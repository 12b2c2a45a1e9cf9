/*
 * dialogue_host.h: a stand-in for the layer above the server: users and contacts of a script,
 * answers as the script wants them, and a list of what the server has said.
 */
#ifndef TESTS_XMPP_DIALOGUE_HOST_H
#define TESTS_XMPP_DIALOGUE_HOST_H

#include "xmpp/pep.h"

struct dialogue_host;

struct dialogue_host *dialogue_host_new(const struct env *env);
void dialogue_host_free(struct dialogue_host **host);
/* For server_new, with the host as arg: all functions, or only those that a host must have. */
struct server_host dialogue_host_functions(void);
const struct server_host *dialogue_host_least_functions(void);
/* Pushes go there. */
void dialogue_host_set_server(struct dialogue_host *host, struct server *server);
struct server *dialogue_host_server(const struct dialogue_host *host);

int dialogue_host_add_user(struct dialogue_host *host, const char *name, const char *password);
/* Add a contact to the user's roster; groups: separated by commas, "" for none. -1: bad word. */
int dialogue_host_add_contact(struct dialogue_host *host, const char *user, const char *contact,
			      const char *subscription, const char *name, const char *groups);
/* Set what the contact shows (without telling the server). */
int dialogue_host_set_presence(struct dialogue_host *host, const char *user, const char *contact,
			       const struct server_presence *presence);
/* Archive the next message to the own account under this id. */
void dialogue_host_archive(struct dialogue_host *host, const char *id);
/* The next function that can fail fails so. */
void dialogue_host_refuse(struct dialogue_host *host, enum err_code code, const char *text);
/* Push the contact's item as it is. */
int dialogue_host_push(struct dialogue_host *host, const char *user, const char *contact);
/* Remove the contact and push that. */
int dialogue_host_remove(struct dialogue_host *host, const char *user, const char *contact);

/* A stranger wants to be the user's contact; the server is told if it runs. */
void dialogue_host_request(struct dialogue_host *host, const char *user, const char *contact,
			   const char *name, const char *text);
/* The request is answered. */
void dialogue_host_drop_request(struct dialogue_host *host, const char *user, const char *contact);

/* The contact that was asked last answers: answer is taken over, NULL: error. */
void dialogue_host_answer(struct dialogue_host *host, struct xml *answer, enum stanza_error error);

/* The oldest call not asked for yet, as text ("presence alice away 5 lunch"; "" for none), and the
 * stanza that came with it; the caller frees it. text lives until the next call. */
const char *dialogue_host_next_call(struct dialogue_host *host, struct xml **stanza);

#endif
