/*
 * control_private.h: between the control socket and its commands.
 */
#ifndef COMPONENT_CONTROL_PRIVATE_H
#define COMPONENT_CONTROL_PRIVATE_H

#include "component/bridge_program.h"
#include "component/control.h"
#include "core/base/buf.h"
#include "core/base/stream_socket.h"

struct control_program;

struct control_client {
	struct control *control;
	struct control_client *next;
	struct stream *stream;
	struct buf line; /* the request that has not come whole yet */
	bool watching;
	bool stopping; /* asked for the daemon's end, which comes when the answer is out */
	struct account_reach *reach;     /* NULL: it does not wait for one (control_reach.c) */
	struct control_program *program; /* NULL: it neither listens nor waits for a message */
};

struct control {
	struct control_host host;
	struct listener *listener;
	struct timer *tell; /* pending: there is something to tell those who watch */
	struct control_client *clients;
	unsigned count;
};

/* control.c: send one answer or event, which is freed. -1: the client must go. */
int control_say(struct control_client *client, json_t *reply);

/* What is to be done after the answer. */
enum control_after { CONTROL_GO_ON, CONTROL_WATCH, CONTROL_STOP };

/* One request while it is carried out. */
struct control_call {
	const struct control_host *host;
	struct control_client *client; /* who has asked */
	json_t *args;
	json_t *reply; /* an object to add to */
	enum control_after after;
	bool done; /* it cannot be undone: when its answer cannot be made, the connection ends,
		    * since an error would say that nothing has happened */
};

/* What an answer lists. An item that cannot be added spoils it: half a list looks like a whole one.
 */
struct control_list {
	json_t *array; /* NULL: spoilt */
};

enum {
	CONTROL_SECRET = 1, /* a command whose arguments are wiped when it is done */
	CONTROL_LOCKED = 2, /* one that works while the daemon is locked */
};

struct control_command {
	const char *name;
	int (*handler)(struct control_call *call, struct err *err);
	unsigned flags;
};

/* control_people.c, control_messages.c, control_archive.c, control_program.c; each ends with a NULL
 * name. */
extern const struct control_command control_people_commands[];
extern const struct control_command control_messages_commands[];
extern const struct control_command control_archive_commands[];
extern const struct control_command control_program_commands[];
extern const struct control_command control_reach_commands[];

/* control_program.c. The host's arg is the control. */
extern const struct program_host control_program_host;
void control_program_free(struct control_program **program);
/* What was said has left: there is room for more. */
void control_program_drained(struct control_program *program);
/* Make the account a bot by the request's "bot", and put an invitation into the reply. */
int control_program_bot(struct control_call *call, struct account *account, struct err *err);

/* control_call.c. The argument called name: ERR_INPUT when it is something else, or missing where
 * it is needed. One that is optional and missing is NULL, or stays as it is. */
int control_text_optional(const struct control_call *call, const char *name, const char **text,
			  struct err *err);
int control_text(const struct control_call *call, const char *name, const char **text,
		 struct err *err);
int control_number_optional(const struct control_call *call, const char *name, int64_t *number,
			    struct err *err);
int control_flag_optional(const struct control_call *call, const char *name, bool *flag,
			  struct err *err);
/* The account that the request names; the only one when it names none. */
struct account *control_account(const struct control_call *call, struct err *err);
void control_list_init(struct control_list *list);
/* item is taken over; NULL: there was no memory for it. */
void control_list_add(struct control_list *list, json_t *item);
/* As json_object_set_new, which takes a NULL value for an error. */
int control_put(json_t *object, const char *key, json_t *value, struct err *err);

/* control_commands.c: carry out one request line (without its newline). Returns the answer, which
 * the caller frees with json_decref; NULL when memory is short. */
json_t *control_run(struct control_client *client, const char *line, size_t len,
		    enum control_after *after);

/* control_status.c: the answer to "status"; NULL when memory is short. */
json_t *control_status(const struct control_host *host);
json_t *control_account_json(const struct account *account);
/* A contact with its state. */
json_t *control_contact_json(const struct contact *contact);
/* All contacts of account as an array; NULL when memory is short. */
json_t *control_contacts_json(const struct account *account);

#endif
