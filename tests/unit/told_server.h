/*
 * told_server.h: in place of the XMPP server one that writes down what the bridge tells it, and
 * what tests do as its clients (bridge_rig.h). With personal eventing not there (no_pep.c).
 */
#ifndef TESTS_UNIT_TOLD_SERVER_H
#define TESTS_UNIT_TOLD_SERVER_H

#include "tests/unit/bridge_rig.h"

struct server {
	struct buf told; /* one line for each call */
	unsigned takers; /* resources that take a message */
	uint64_t token;  /* of the last one that was taken */
};

/* What the bridges offer a server; set by told_setup. */
extern const struct server_host *host;

/* For cmocka: *state is a struct world of two who are no contacts yet. */
int told_setup(void **state);
int told_teardown(void **state);
#define TOLD_TEST(name) cmocka_unit_test_setup_teardown(name, told_setup, told_teardown)

/* What the server was told since the last time. */
void expect_told(struct side *side, const char *want);
void forget_told(struct side *side);

/* They are linked, and told of nothing. */
void become_contacts(struct world *world);
/* Add by an id or a link, as tacetctl does. NULL with *err. */
struct contact *add_with(struct side *side, const char *word, const char *name,
			 const char *passphrase, struct err *err);
/* A client is there, or none. */
void set_presence(struct side *side, bool available);
/* A client of from's says text, a stanza. */
int say(struct side *from, const char *contact, const char *text, struct err *err);

#define FROM_ANN(id, more)                                                                         \
	"<message xmlns='jabber:client' to='x@localhost' from='ann@localhost/home' type='chat' "   \
	"id='" id "'>" more "</message>"

struct answer {
	char note[512], value[INVITATION_LINK_SIZE];
	bool error;
	size_t png_len;
};

/* A client runs the command node; form is a list of names and values, ended by NULL. */
struct answer command(struct side *side, const char *node, const char **form);

#endif
