/*
 * dialogue.h: a script that is being played, for dialogue.c (reads scripts, the table of
 * statements) and dialogue_client_say.c, dialogue_host_say.c (what statements do).
 *
 * A script is lines; what is indented below one belongs to it; # begins a comment line.
 *
 *     user alice secret                     A sends:            B receives nothing
 *     A connects                                <presence/>     host gets ready alice
 *     A logs in as alice secret phone       A receives:
 *                                               <presence from='alice@localhost/phone' …/>
 *
 * tests/xmpp/README lists all statements.
 */
#ifndef TESTS_XMPP_DIALOGUE_H
#define TESTS_XMPP_DIALOGUE_H

#include "tests/xmpp/dialogue_client.h"
#include "tests/xmpp/dialogue_host.h"

#define WORDS_MAX    24
#define CLIENTS_MAX  16
#define SESSION_SIZE 64

struct script {
	const char *path;
	unsigned line; /* of the present statement */
	struct loop *loop;
	struct dialogue_host *host;
	struct server_config config;
	struct server_web web;
	char uploads[80]; /* a directory for them, made by the server */
	struct server_host functions;
	struct server *server; /* NULL until the first connection */
	char directory[64];    /* fresh, for certificates */
	char socket[80];       /* in it */
	struct {
		char name[16];
		struct dialogue_client *client;
		bool bound;
		char session[SESSION_SIZE]; /* id of its stream management, "": none */
	} clients[CLIENTS_MAX];
	unsigned silences; /* pings sent so far to see that nothing else comes */
};

struct statement {
	const char *words[WORDS_MAX + 1]; /* NULL after the last; without the ':' at the end */
	size_t count;
	char *block; /* what is indented below, "" for nothing */
};

/* Print "path:line: …" and return -1. */
int script_fail(const struct script *script, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Words from the first-th on, joined by blanks, in a static buffer. */
const char *statement_rest(const struct statement *statement, size_t first);
/* Elements of a block, as a list below one element; NULL after script_fail. */
struct xml *script_parse(const struct script *script, const char *block);
/* The element as text, in a static buffer. */
const char *script_text(const struct xml *element);
/* Start the server if it does not run yet. */
int script_start(struct script *script);

/* "A sends …", "host gets …" and the like: 0, or -1 after script_fail. */
int client_say(struct script *script, const struct statement *statement);
int host_say(struct script *script, const struct statement *statement);
/* What contacts publish, ask and answer (dialogue_pep_say.c). */
int host_learns(struct script *script, const struct statement *statement);
int host_serves(struct script *script, const struct statement *statement);
int host_answers(struct script *script, const struct statement *statement);
int host_lists(struct script *script, const struct statement *statement);
int server_say(struct script *script, const struct statement *statement);

#endif
