/*
 * dialogue_host_private.h: what dialogue_host.c (roster, presence, messages) and
 * dialogue_host_people.c (accounts, blocking and what else a server may offer) share.
 */
#ifndef TESTS_XMPP_DIALOGUE_HOST_PRIVATE_H
#define TESTS_XMPP_DIALOGUE_HOST_PRIVATE_H

#include "tests/xmpp/dialogue_host.h"

#define GROUPS_MAX 8

struct contact {
	struct contact *next;
	char *user, *id, *name;
	enum subscription subscription;
	bool ask;
	char *groups[GROUPS_MAX + 1];
	struct server_presence presence; /* its strings are owned */
};

struct user {
	struct user *next;
	char *name;
	struct sasl_credentials credentials;
	uint8_t tokens[4096]; /* of its clients (XEP-0484) */
	size_t tokens_len;
};

struct call {
	struct call *next;
	char text[1024];
	struct xml *stanza;
};

/* Somebody on a list of a user's. */
struct person {
	struct person *next;
	char *user, *id;
	char *name, *text; /* of a request */
};

struct dialogue_host {
	const struct env *env;
	struct server *server;
	struct user *users;
	struct contact *contacts, **contacts_end;
	struct call *calls, **calls_end;
	struct call last;
	struct err refusal;
	struct person *blocked, *requests;
	struct kept_item *items; /* dialogue_host_pep.c */
	uint64_t asked;          /* the last question to a contact */
	char archives[32];       /* the id for the next message to the own account; "": not kept */
};

/* Keep what the server has said; the stanza is copied. */
void dialogue_host_note(struct dialogue_host *host, const struct xml *stanza, const char *format,
			...) __attribute__((format(printf, 3, 4)));
/* Must this call fail, as the script wants it? */
bool dialogue_host_refused(struct dialogue_host *host, struct err *err);
struct user *dialogue_host_find_user(struct dialogue_host *host, const char *name);
const struct server_command *dialogue_host_commands(void);
void dialogue_host_free_people(struct dialogue_host *host);
const struct pep_host *dialogue_host_pep(void);
void dialogue_host_free_items(struct dialogue_host *host);

/* dialogue_host_archive.c */
extern const struct archive_host dialogue_archive_host;

#endif
