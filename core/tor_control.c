/*
 * tor_control.c: the control connection of tor_control.h.
 *
 *     connect → PROTOCOLINFO → SAFECOOKIE: AUTHCHALLENGE → AUTHENTICATE → [TAKEOWNERSHIP] → ready
 *
 * With SAFECOOKIE each side proves that it knows the cookie file's content without showing it
 * (control-spec, AUTHCHALLENGE), so that a stranger who listens on the port learns nothing; plain
 * COOKIE would give him the content of any file of 32 bytes that he names, and is not done.
 */
#include "core/tor_control.h"

#include "core/base/codec.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/crypto.h"
#include "core/tor_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COOKIE_LEN 32
#define NONCE_LEN  32
/* Longest password, so that a command with it in quotes fits. */
#define PASSWORD_MAX 1024
/* HMAC keys of control-spec, AUTHCHALLENGE. */
#define SERVER_HASH_KEY "Tor safe cookie authentication server-to-controller hash"
#define CLIENT_HASH_KEY "Tor safe cookie authentication controller-to-server hash"

enum control_state {
	CONTROL_CONNECTING,   /* waits for the socket */
	CONTROL_INFO,         /* PROTOCOLINFO sent */
	CONTROL_CHALLENGE,    /* AUTHCHALLENGE sent */
	CONTROL_AUTHENTICATE, /* AUTHENTICATE sent */
	CONTROL_OWNERSHIP,    /* TAKEOWNERSHIP sent */
	CONTROL_READY,        /* commands may come from outside */
	CONTROL_CLOSED,       /* over; waits to be freed */
};

static const char *const state_names[] = {
    [CONTROL_CONNECTING] = "connecting", [CONTROL_INFO] = "protocolinfo",
    [CONTROL_CHALLENGE] = "challenge",   [CONTROL_AUTHENTICATE] = "authenticate",
    [CONTROL_OWNERSHIP] = "ownership",   [CONTROL_READY] = "ready",
    [CONTROL_CLOSED] = "closed",
};

/* A command that waits for its answer. */
struct command {
	struct command *next;
	tor_answer answer;
	void *arg;
};

struct tor_control {
	enum control_state state;
	struct loop *loop;
	const struct tor_control_handler *handler;
	void *arg;
	struct stream *stream;
	struct tor_parser *parser;
	struct timer *limit; /* for the answer that comes next */
	int64_t answer_limit_ms;
	struct command *first;
	struct command **last;
	bool *freed; /* set by free while bytes are being handled */
	char *password;
	bool own;
	char version[64];
	uint8_t nonce[NONCE_LEN]; /* ours */
	struct key cookie;
};

static void enter_state(struct tor_control *control, enum control_state state)
{
	log_debug("tor control: %s -> %s", state_names[control->state], state_names[state]);
	control->state = state;
}

static void drop_commands(struct tor_control *control)
{
	struct command *next;

	for (struct command *c = control->first; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	control->first = NULL;
	control->last = &control->first;
}

/* The last thing that is done with the connection in a call: the owner may free it. */
static void fail(struct tor_control *control, const struct err *why)
{
	if (control->state == CONTROL_CLOSED)
		return;
	enter_state(control, CONTROL_CLOSED);
	timer_stop(control->limit);
	stream_free(&control->stream);
	drop_commands(control);
	control->handler->closed(control->arg, why);
}

/* --- commands and answers --- */

/* The format was checked where it is given. */
static int send_line(struct tor_control *control, tor_answer answer, void *arg, struct err *err,
		     const char *line)
{
	struct command *command = calloc(1, sizeof *command);

	if (command == NULL)
		return err_set(err, ERR_MEMORY, "command to tor: out of memory");
	command->answer = answer;
	command->arg = arg;
	if (stream_write(control->stream, line, strlen(line)) != 0 ||
	    stream_write(control->stream, "\r\n", 2) != 0) {
		free(command);
		return err_set(err, ERR_MEMORY, "command to tor: out of memory");
	}
	if (control->first == NULL)
		timer_set(control->limit, control->answer_limit_ms);
	*control->last = command;
	control->last = &command->next;
	return 0;
}

int tor_control_send(struct tor_control *control, tor_answer answer, void *arg, struct err *err,
		     const char *format, ...)
{
	char line[TOR_COMMAND_MAX];
	va_list ap;
	int len, result;

	if (control->state != CONTROL_READY)
		return err_set(err, ERR_WRONG_STATE, "no control connection to tor");
	va_start(ap, format);
	len = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	if (len < 0 || len >= (int)sizeof line || strpbrk(line, "\r\n") != NULL)
		result = err_set(err, ERR_INPUT, "command to tor is not one line");
	else
		result = send_line(control, answer, arg, err, line);
	secret_wipe(line, sizeof line);
	return result;
}

void tor_control_forget(struct tor_control *control, const void *arg)
{
	for (struct command *c = control->first; c != NULL; c = c->next)
		if (c->arg == arg)
			c->answer = NULL;
}

static void handle_answer(struct tor_control *control, const struct tor_reply *reply)
{
	struct command *command = control->first;
	struct err why;

	if (command == NULL) {
		err_set(&why, ERR_PROTOCOL, "tor answered what was not asked");
		fail(control, &why);
		return;
	}
	control->first = command->next;
	if (control->first == NULL) {
		control->last = &control->first;
		timer_stop(control->limit);
	} else {
		timer_set(control->limit, control->answer_limit_ms);
	}
	if (command->answer != NULL)
		command->answer(command->arg, reply);
	free(command);
}

static void handle_reply(struct tor_control *control, const struct tor_reply *reply)
{
	if (!reply->event)
		handle_answer(control, reply);
	else if (control->state == CONTROL_READY)
		control->handler->event(control->arg, reply);
}

/* --- authentication --- */

/* fail() with tor's own words. */
static void refuse(struct tor_control *control, enum err_code code, const char *what,
		   const struct tor_reply *reply)
{
	struct err why;

	err_set(&why, code, "%s: tor says: %d %.100s", what, reply->code,
		reply->lines[reply->count - 1].text);
	fail(control, &why);
}

/* Send one of our own commands and go to the state that waits for its answer. */
static void step(struct tor_control *control, enum control_state state, tor_answer answer,
		 const char *line)
{
	struct err why;

	enter_state(control, state);
	if (send_line(control, answer, control, &why, line) != 0)
		fail(control, &why);
}

static void become_ready(struct tor_control *control)
{
	secret_wipe(control->password, control->password != NULL ? strlen(control->password) : 0);
	key_wipe(&control->cookie);
	enter_state(control, CONTROL_READY);
	control->handler->ready(control->arg);
}

static void owned(void *arg, const struct tor_reply *reply)
{
	struct tor_control *control = arg;

	if (reply->code != 250)
		refuse(control, ERR_PROTOCOL, "TAKEOWNERSHIP", reply);
	else
		become_ready(control);
}

static void authenticated(void *arg, const struct tor_reply *reply)
{
	struct tor_control *control = arg;

	if (reply->code != 250)
		refuse(control, ERR_AUTH, "tor refuses the authentication", reply);
	else if (control->own)
		step(control, CONTROL_OWNERSHIP, owned, "TAKEOWNERSHIP");
	else
		become_ready(control);
}

static int cookie_hash(const struct tor_control *control, const char *key,
		       const uint8_t server_nonce[NONCE_LEN], uint8_t hash[SHA256_LEN])
{
	const struct crypto_part parts[] = {
	    {control->cookie.bytes, COOKIE_LEN},
	    {control->nonce, NONCE_LEN},
	    {server_nonce, NONCE_LEN},
	};

	return crypto_hmac_sha256(key, strlen(key), parts, 3, hash);
}

/* KEY=hex of len bytes. */
static int read_hex(const char *text, const char *key, uint8_t *out, size_t len)
{
	char hex[2 * NONCE_LEN + 1];

	if (tor_text_value(text, key, hex, sizeof hex) != 0 ||
	    hex_decode(hex, strlen(hex), out, len) != (int)len)
		return -1;
	return 0;
}

static int check_challenge(struct tor_control *control, const struct tor_reply *reply,
			   uint8_t client_hash[SHA256_LEN], struct err *why)
{
	const char *text = tor_reply_find(reply, "AUTHCHALLENGE");
	uint8_t claimed[SHA256_LEN], expected[SHA256_LEN], server_nonce[NONCE_LEN];

	if (text == NULL || read_hex(text, "SERVERHASH", claimed, sizeof claimed) != 0 ||
	    read_hex(text, "SERVERNONCE", server_nonce, sizeof server_nonce) != 0)
		return err_set(why, ERR_PROTOCOL, "malformed AUTHCHALLENGE of tor");
	if (cookie_hash(control, SERVER_HASH_KEY, server_nonce, expected) != 0 ||
	    cookie_hash(control, CLIENT_HASH_KEY, server_nonce, client_hash) != 0)
		return err_set(why, ERR_CRYPTO, "HMAC for AUTHCHALLENGE");
	if (!secret_equal(claimed, expected, SHA256_LEN))
		return err_set(why, ERR_AUTH,
			       "what listens on the control port does not know tor's cookie");
	return 0;
}

static void challenged(void *arg, const struct tor_reply *reply)
{
	struct tor_control *control = arg;
	uint8_t hash[SHA256_LEN];
	char line[sizeof "AUTHENTICATE " + HEX_LEN(SHA256_LEN)] = "AUTHENTICATE ";
	struct err why;

	if (reply->code != 250) {
		refuse(control, ERR_AUTH, "AUTHCHALLENGE", reply);
		return;
	}
	if (check_challenge(control, reply, hash, &why) != 0) {
		fail(control, &why);
		return;
	}
	hex_encode(hash, sizeof hash, line + strlen(line));
	step(control, CONTROL_AUTHENTICATE, authenticated, line);
}

/* The file must be one of 32 bytes; opened so that a pipe cannot stop us. */
static int read_cookie(struct tor_control *control, const char *path, struct err *err)
{
	uint8_t bytes[COOKIE_LEN + 1];
	struct stat st;
	ssize_t len = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_system(err, "tor's cookie file %s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		len = read(fd, bytes, sizeof bytes);
	close(fd);
	if (len == COOKIE_LEN)
		memcpy(control->cookie.bytes, bytes, COOKIE_LEN);
	secret_wipe(bytes, sizeof bytes);
	if (len != COOKIE_LEN)
		return err_set(err, ERR_AUTH, "tor's cookie file %s does not have 32 bytes", path);
	return 0;
}

static void start_cookie(struct tor_control *control, const char *auth)
{
	char path[PATH_MAX];
	char line[sizeof "AUTHCHALLENGE SAFECOOKIE " + HEX_LEN(NONCE_LEN)] =
	    "AUTHCHALLENGE SAFECOOKIE ";
	struct err why;

	if (tor_text_value(auth, "COOKIEFILE", path, sizeof path) != 0) {
		err_set(&why, ERR_AUTH, "tor names no cookie file");
		fail(control, &why);
		return;
	}
	if (read_cookie(control, path, &why) != 0) {
		why.code = ERR_AUTH;
		fail(control, &why);
		return;
	}
	env_random(loop_env(control->loop), control->nonce, sizeof control->nonce);
	hex_encode(control->nonce, sizeof control->nonce, line + strlen(line));
	step(control, CONTROL_CHALLENGE, challenged, line);
}

static void start_password(struct tor_control *control)
{
	char line[2 * PASSWORD_MAX + sizeof "AUTHENTICATE \"\""] = "AUTHENTICATE ";
	size_t len = strlen(line);
	struct err why;

	if (tor_text_quote(control->password, line + len, sizeof line - len) != 0) {
		err_set(&why, ERR_INPUT, "tor's password is too long or has a line break");
		fail(control, &why);
		return;
	}
	step(control, CONTROL_AUTHENTICATE, authenticated, line);
	secret_wipe(line, sizeof line);
}

/* Is word one of the comma-separated words of list? */
static bool lists(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',' ? 1 : 0;
		if (strncmp(at, word, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* SAFECOOKIE before NULL: it also tells us who tor is. */
static void choose_method(struct tor_control *control, const char *auth, const char *methods)
{
	struct err why;

	if (control->password != NULL && lists(methods, "HASHEDPASSWORD")) {
		start_password(control);
	} else if (lists(methods, "SAFECOOKIE")) {
		start_cookie(control, auth);
	} else if (lists(methods, "NULL")) {
		step(control, CONTROL_AUTHENTICATE, authenticated, "AUTHENTICATE");
	} else {
		err_set(&why, ERR_AUTH, "tor wants to be authenticated to by %.60s%s", methods,
			lists(methods, "HASHEDPASSWORD") ? ", and no password is configured" : "");
		fail(control, &why);
	}
}

static void informed(void *arg, const struct tor_reply *reply)
{
	struct tor_control *control = arg;
	const char *auth = tor_reply_find(reply, "AUTH");
	const char *version = tor_reply_find(reply, "VERSION");
	char methods[128];
	struct err why;

	if (reply->code != 250) {
		refuse(control, ERR_PROTOCOL, "PROTOCOLINFO", reply);
	} else if (auth == NULL || tor_text_value(auth, "METHODS", methods, sizeof methods) != 0) {
		err_set(&why, ERR_PROTOCOL, "tor names no method of authentication");
		fail(control, &why);
	} else {
		if (version != NULL)
			tor_text_value(version, "Tor", control->version, sizeof control->version);
		choose_method(control, auth, methods);
	}
}

/* --- the stream --- */

static void opened(void *arg)
{
	step(arg, CONTROL_INFO, informed, "PROTOCOLINFO 1");
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct tor_control *control = arg;
	const struct tor_reply *reply;
	bool freed = false;
	struct err why;
	size_t used;

	control->freed = &freed;
	while (len > 0 && control->state != CONTROL_CLOSED) {
		switch (tor_parser_feed(control->parser, data, len, &used, &reply, &why)) {
		case TOR_PARSED_BAD:
			fail(control, &why);
			break;
		case TOR_PARSED_REPLY:
			handle_reply(control, reply);
			break;
		case TOR_PARSED_MORE:
			break;
		}
		if (freed)
			return;
		data += used;
		len -= used;
	}
	control->freed = NULL;
}

static void closed(void *arg, const struct err *why)
{
	struct tor_control *control = arg;
	struct err told = *why;

	if (control->state == CONTROL_CONNECTING)
		told.code = ERR_UNAVAILABLE;
	err_wrap(&told, control->state == CONTROL_CONNECTING ? "connect to tor's control port"
							     : "tor's control port");
	fail(control, &told);
}

static void answer_is_late(void *arg)
{
	struct tor_control *control = arg;
	struct err why;

	err_set(&why, ERR_TIMEOUT, "tor's control port gives no answer");
	fail(control, &why);
}

static const struct stream_handler stream_handler = {
    .opened = opened,
    .received = received,
    .closed = closed,
};

static int set_up(struct tor_control *control, const struct tor_control_config *config,
		  struct err *err)
{
	control->parser = tor_parser_new();
	control->limit = timer_new(loop_env(control->loop), answer_is_late, control);
	if (config->password != NULL)
		control->password = strdup(config->password);
	if (control->parser == NULL || control->limit == NULL ||
	    (config->password != NULL && control->password == NULL))
		return err_set(err, ERR_MEMORY, "out of memory");
	control->stream = tor_socket_connect(control->loop, config->address, err);
	if (control->stream == NULL) {
		/* The kernel has said at once that nobody listens. */
		if (err->code == ERR_SYSTEM)
			err->code = ERR_UNAVAILABLE;
		return -1;
	}
	stream_set_handler(control->stream, &stream_handler, control);
	/* Whoever takes the connection and says nothing is late, too. */
	timer_set(control->limit, control->answer_limit_ms);
	return 0;
}

struct tor_control *tor_control_new(struct loop *loop, const struct tor_control_config *config,
				    const struct tor_control_handler *handler, void *arg,
				    struct err *err)
{
	struct tor_control *control = calloc(1, sizeof *control);

	if (control == NULL) {
		err_set(err, ERR_MEMORY, "tor's control port: out of memory");
		return NULL;
	}
	control->loop = loop;
	control->handler = handler;
	control->arg = arg;
	control->own = config->own;
	control->last = &control->first;
	control->answer_limit_ms =
	    config->answer_limit_ms > 0 ? config->answer_limit_ms : TOR_ANSWER_LIMIT_MS;
	if (set_up(control, config, err) != 0) {
		err_wrap(err, "connect to tor's control port");
		tor_control_free(&control);
	}
	return control;
}

void tor_control_free(struct tor_control **control)
{
	struct tor_control *c = *control;

	if (c == NULL)
		return;
	if (c->freed != NULL)
		*c->freed = true;
	stream_free(&c->stream);
	timer_free(&c->limit);
	tor_parser_free(&c->parser);
	drop_commands(c);
	if (c->password != NULL)
		secret_free(c->password, strlen(c->password));
	secret_wipe(c, sizeof *c);
	free(c);
	*control = NULL;
}

const char *tor_control_version(const struct tor_control *control)
{
	return control->version;
}

bool tor_control_same_user(const struct tor_control *control)
{
	uid_t uid;

	return control->stream != NULL && stream_peer_uid(control->stream, &uid) == 0 &&
	       uid == geteuid();
}
