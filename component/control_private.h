/*
 * control_private.h: between the control socket and its commands.
 */
#ifndef COMPONENT_CONTROL_PRIVATE_H
#define COMPONENT_CONTROL_PRIVATE_H

#include "component/control.h"

/* What is to be done after the answer. */
enum control_after { CONTROL_GO_ON, CONTROL_WATCH, CONTROL_STOP };

/* One request while it is carried out. */
struct control_call {
	const struct control_host *host;
	json_t *args;
	json_t *reply; /* an object to add to */
	enum control_after after;
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

/* control_people.c, control_messages.c, control_archive.c; each ends with a NULL name. */
extern const struct control_command control_people_commands[];
extern const struct control_command control_messages_commands[];
extern const struct control_command control_archive_commands[];

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
/* As json_object_set_new, which takes a NULL value for an error. */
int control_put(json_t *object, const char *key, json_t *value, struct err *err);

/* control_commands.c: carry out one request line (without its newline). Returns the answer, which
 * the caller frees with json_decref; NULL when memory is short. */
json_t *control_run(const struct control_host *host, const char *line, size_t len,
		    enum control_after *after);

/* control_status.c: the answer to "status"; NULL when memory is short. */
json_t *control_status(const struct control_host *host);
json_t *control_account_json(const struct account *account);
/* A contact with its state. */
json_t *control_contact_json(const struct contact *contact);
/* All contacts of account as an array. */
json_t *control_contacts_json(const struct account *account);

#endif
