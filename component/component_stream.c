/*
 * component_stream.c: see component_stream.h. The words are component_words.c's, the way to the
 * server component_dial.c's.
 *
 * Why not libstrophe, which speaks XEP-0114: component/README says what was measured.
 *
 *     WAITING -> DIALLING -> OPENING -> PROVING -> UP -> ENDING -> WAITING
 *        ^----------+-----------+----------+       |        `----> ENDED
 *        `-----------------------------------------'
 */
#include "component/component_stream.h"

#include "component/component_barriers.h"
#include "component/component_dial.h"
#include "component/component_words.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/stream.h"
#include "xmpp/jid.h"
#include "xmpp/stanza.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct component_stream_times usual_times = {
    .open = 30000,
    .silence = 30000,
    .answer = 60000,
    .first = 1000,
    .most = 60000,
    .refused = 300000,
    .steady = 30000,
    .end = 3000,
};

enum state {
	STATE_WAITING,  /* for the next attempt */
	STATE_DIALLING, /* TCP is being opened */
	STATE_OPENING,  /* our header is sent, the server's is waited for */
	STATE_PROVING,  /* the proof is sent, <handshake/> is waited for */
	STATE_UP,
	STATE_ENDING, /* our end is sent, the server's is waited for; why says why */
	STATE_ENDED,  /* for good */
};

struct component_stream {
	struct loop *loop;
	char *address, *domain, *secret;
	uint16_t port;
	const struct component_stream_times *times;
	const struct component_stream_handler *handler;
	void *arg;
	enum state state;
	struct component_dial *dial;
	struct stream *stream;
	struct xml_parser *parser;
	struct timer *timer; /* what it is for depends on the state */
	bool stopping;       /* component_stream_stop was called */
	bool over;           /* the stream has to be left when the parser has returned */
	struct err why;      /* for over, ENDING and the end */
	struct err logged;   /* the last failure that was logged */
	int64_t pause;       /* before the next attempt, without jitter */
	int64_t up_at, down_at, heard_at, retry_at;
	bool wants_room; /* room() is owed */
	struct component_barriers barriers;
};

static int64_t now(const struct component_stream *s)
{
	return env_mono_ms(loop_env(s->loop));
}

static const char *const state_names[] = {"waiting", "dialling", "opening", "proving",
					  "up",      "ending",   "ended"};

static void enter_state(struct component_stream *s, enum state state)
{
	log_debug("component stream: %s -> %s", state_names[s->state], state_names[state]);
	s->state = state;
}

/* --- the end of a connection --- */

static void drop_connection(struct component_stream *s)
{
	component_dial_free(&s->dial);
	stream_free(&s->stream);
	xml_parser_free(&s->parser);
	s->wants_room = s->over = false;
}

/* Each failure once, however often it comes again. */
static void log_failure(struct component_stream *s, bool was_up, int64_t pause)
{
	const char *text = s->why.text;

	if (was_up)
		log_warn("component: the connection to the Jabber server is lost: %s", text);
	else if (strcmp(text, s->logged.text) != 0)
		log_warn("component: no connection to the Jabber server: %s", text);
	if (!was_up)
		s->logged = s->why;
	log_debug("component: %s; trying again in %lld ms", text, (long long)pause);
}

/* How long until the next attempt; and the pause after that. */
static int64_t next_pause(struct component_stream *s, bool was_up)
{
	int64_t pause = s->pause;

	if (s->why.code == ERR_AUTH)
		pause = s->times->refused;
	else if (was_up && now(s) - s->up_at >= s->times->steady)
		pause = s->pause = s->times->first;
	s->pause = s->pause * 2 < s->times->most ? s->pause * 2 : s->times->most;
	return env_jitter(loop_env(s->loop), pause, COMPONENT_JITTER_PERCENT);
}

/* From the loop only: nothing of the connection is in use any more. */
static void lose(struct component_stream *s, const struct err *reason)
{
	bool was_up = s->state == STATE_UP || s->state == STATE_ENDING;
	struct err why;
	int64_t pause;

	s->why = *reason;
	drop_connection(s);
	if (s->stopping) {
		timer_stop(s->timer);
		enter_state(s, STATE_ENDED);
	} else {
		pause = next_pause(s, was_up);
		if (was_up)
			s->down_at = now(s);
		s->retry_at = now(s) + pause;
		log_failure(s, was_up, pause);
		timer_set(s->timer, pause);
		enter_state(s, STATE_WAITING);
	}
	why = s->why;
	if (s->handler->down)
		s->handler->down(s->arg, &why);
}

/* End the stream in order; down() comes when the server has done so, too. */
static void end_stream(struct component_stream *s)
{
	static const char end[] = "</stream:stream>";

	stream_write(s->stream, end, sizeof(end) - 1);
	stream_finish(s->stream);
	timer_set(s->timer, s->times->end);
	enter_state(s, STATE_ENDING);
}

/* The server has broken the rules: tell it which, and end the stream. */
static void end_with_error(struct component_stream *s, const struct err *broken)
{
	struct buf out;

	buf_init(&out, 1024);
	if (!component_words_error(broken->text, &out))
		stream_write(s->stream, out.data, out.len);
	buf_free(&out);
	s->why = *broken;
	err_wrap(&s->why, "what the server sends is refused");
	end_stream(s);
}

/* From within the parser. */
static void give_up(struct component_stream *s, enum err_code code, const char *text)
{
	err_set(&s->why, code, "%s", text);
	s->over = true;
	xml_parser_stop(s->parser);
}

/* --- sending --- */

static int queue(struct component_stream *s, const struct xml *stanza, size_t most, struct err *err)
{
	struct buf out;
	int result = 0;

	buf_init(&out, COMPONENT_STANZA_BYTES);
	if (xml_write(stanza, NS_COMPONENT, &out)) {
		result = err_set(err, ERR_INPUT, "the stanza is too long, or memory is short");
	} else if (stream_queued(s->stream) + out.len > most) {
		s->wants_room = true;
		result = err_set(err, ERR_LIMIT, "too much waits for the Jabber server");
	} else if (stream_write(s->stream, out.data, out.len)) {
		result = err_set(err, ERR_MEMORY, "out of memory");
	}
	buf_free(&out);
	return result;
}

int component_stream_send(struct component_stream *s, const struct xml *stanza, struct err *err)
{
	if (s->state != STATE_UP)
		return err_set(err, ERR_UNAVAILABLE, "no connection to the Jabber server");
	return queue(s, stanza, COMPONENT_QUEUE_BYTES, err);
}

bool component_stream_room(struct component_stream *s)
{
	if (s->state != STATE_UP)
		return false;
	if (stream_queued(s->stream) < COMPONENT_QUEUE_BYTES / 2)
		return true;
	s->wants_room = true;
	return false;
}

static void give_room(struct component_stream *s)
{
	if (!s->wants_room || s->state != STATE_UP || stream_queued(s->stream) > 0 ||
	    s->barriers.count >= COMPONENT_BARRIERS)
		return;
	s->wants_room = false;
	if (s->handler->room)
		s->handler->room(s->arg);
}

static void on_drained(void *arg)
{
	give_room(arg);
}

/* --- barriers and pings --- */

/* There is a place for it. */
static int add_barrier(struct component_stream *s, void (*passed)(void *arg), void *passed_arg,
		       size_t most, struct err *err)
{
	struct xml *ping = component_barriers_ping(&s->barriers, s->domain);
	int result = ping ? queue(s, ping, most, err) : err_set(err, ERR_MEMORY, "out of memory");

	xml_free(&ping);
	if (!result)
		component_barriers_add(&s->barriers, now(s), passed, passed_arg);
	return result;
}

int component_stream_barrier(struct component_stream *s, void (*passed)(void *arg),
			     void *passed_arg, struct err *err)
{
	if (s->state != STATE_UP)
		return err_set(err, ERR_UNAVAILABLE, "no connection to the Jabber server");
	if (s->barriers.count >= COMPONENT_BARRIERS) {
		s->wants_room = true;
		return err_set(err, ERR_LIMIT, "too many barriers are under way");
	}
	return add_barrier(s, passed, passed_arg, COMPONENT_QUEUE_BYTES, err);
}

/* Those up to number are behind us. A callback may add others, or stop. */
static void pass_barriers(struct component_stream *s, uint64_t number)
{
	struct component_barrier barrier;

	while (component_barriers_take(&s->barriers, number, &barrier))
		if (barrier.passed)
			barrier.passed(barrier.arg);
	give_room(s);
}

/* When the server is to be pinged, or given up. */
static int64_t next_check(const struct component_stream *s)
{
	return s->barriers.count > 0 ? s->barriers.list[0].sent_at + s->times->answer
				     : s->heard_at + s->times->silence;
}

static void check_server(struct component_stream *s)
{
	struct err why;

	if (next_check(s) <= now(s)) {
		if (s->barriers.count > 0) {
			err_set(&why, ERR_TIMEOUT, "the server does not answer");
			lose(s, &why);
			return;
		}
		if (add_barrier(s, NULL, NULL, SIZE_MAX, &why))
			s->heard_at = now(s); /* memory is short: later */
	}
	timer_set(s->timer, next_check(s) - now(s));
}

/* --- what comes --- */

static void on_header(void *arg, const struct xml *root)
{
	struct component_stream *s = arg;
	const char *id = xml_get(root, "id");
	struct buf out;

	if (!xml_is(root, "stream", NS_STREAMS) || !id) {
		give_up(s, ERR_PROTOCOL,
			"it is no Jabber server, or its port is not for components");
		return;
	}
	buf_init(&out, XML_LIMIT_TAG + 1024);
	if (component_words_proof(id, s->secret, &out) ||
	    stream_write(s->stream, out.data, out.len))
		give_up(s, ERR_MEMORY, "out of memory");
	else
		enter_state(s, STATE_PROVING);
	buf_free(&out);
}

static void accepted(struct component_stream *s)
{
	enter_state(s, STATE_UP);
	s->up_at = s->heard_at = now(s);
	s->logged = (struct err){0};
	timer_set(s->timer, s->times->silence);
	log_notice("component: connected to the Jabber server");
	if (s->handler->up)
		s->handler->up(s->arg);
}

static bool is_stanza(const struct xml *element)
{
	return xml_is(element, "message", NS_COMPONENT) ||
	       xml_is(element, "presence", NS_COMPONENT) || xml_is(element, "iq", NS_COMPONENT);
}

/* Takes the stanza. */
static void deliver(struct component_stream *s, struct xml *stanza)
{
	uint64_t number = component_barriers_number(&s->barriers, s->domain, stanza);

	if (number == 0 && s->handler->stanza) {
		s->handler->stanza(s->arg, stanza);
		return;
	}
	xml_free(&stanza);
	pass_barriers(s, number);
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct component_stream *s = arg;

	s->heard_at = now(s);
	if (xml_is(stanza, "error", NS_STREAMS)) {
		component_words_read_error(stanza, &s->why);
		s->over = true;
		xml_parser_stop(s->parser);
	} else if (s->state == STATE_PROVING) {
		if (xml_is(stanza, "handshake", NS_COMPONENT))
			accepted(s);
		else
			give_up(s, ERR_PROTOCOL, "the server does not answer the handshake");
	} else if (s->state == STATE_UP && is_stanza(stanza)) {
		deliver(s, stanza);
		return;
	}
	xml_free(&stanza);
}

/* A stanza that passed a limit. Its sender is told where RFC 6120 asks for an answer; others see
 * nothing, as with any presence that is ignored. */
static void on_left_out(void *arg, struct xml *head)
{
	struct component_stream *s = arg;
	const char *type = xml_get(head, "type");
	bool request = xml_is(head, "message", NULL) ||
		       (type && (strcmp(type, "get") == 0 || strcmp(type, "set") == 0));
	struct xml *error = NULL;

	s->heard_at = now(s);
	log_info("component: a stanza that is too big was left out");
	if (s->state == STATE_UP && is_stanza(head) && request && !stanza_is_error(head))
		error = stanza_error_new(head, STANZA_POLICY_VIOLATION, "It is too big.");
	if (error)
		component_stream_send(s, error, NULL);
	xml_free(&error);
	xml_free(&head);
}

static void on_end(void *arg)
{
	give_up(arg, ERR_CLOSED, "the server has ended the stream");
}

static void on_received(void *arg, const uint8_t *data, size_t len)
{
	struct component_stream *s = arg;
	struct err broken;

	if (s->state == STATE_ENDING)
		return;
	if (xml_parse(s->parser, data, len, &broken)) {
		if (s->state != STATE_ENDING)
			end_with_error(s, &broken);
	} else if (s->over) {
		broken = s->why;
		lose(s, &broken);
	}
}

static void on_closed(void *arg, const struct err *reason)
{
	struct component_stream *s = arg;
	struct err why = s->state == STATE_ENDING ? s->why : *reason;

	lose(s, &why);
}

/* --- an attempt --- */

static int open_stream(struct component_stream *s)
{
	static const struct xml_limits limits = {XML_LIMIT_BYTES, XML_LIMIT_DEPTH,
						 XML_LIMIT_CHILDREN};
	static const struct xml_handler handler = {on_header, on_stanza, on_end};
	struct buf out;
	int result;

	s->parser = xml_parser_new(&limits, &handler, s);
	if (!s->parser)
		return -1;
	xml_parser_leave_out(s->parser, COMPONENT_SKIP_BYTES, on_left_out);
	component_barriers_begin(&s->barriers, loop_env(s->loop));
	buf_init(&out, XML_LIMIT_TAG);
	result = component_words_open(s->domain, &out);
	if (!result)
		result = stream_write(s->stream, out.data, out.len);
	buf_free(&out);
	return result;
}

static void on_dialled(void *arg, struct stream *stream, const struct err *why)
{
	static const struct stream_handler handler = {
	    .received = on_received, .drained = on_drained, .closed = on_closed};
	struct component_stream *s = arg;
	struct err no_memory;

	component_dial_free(&s->dial);
	s->stream = stream;
	if (!stream) {
		lose(s, why);
		return;
	}
	stream_set_handler(stream, &handler, s);
	enter_state(s, STATE_OPENING);
	if (open_stream(s)) {
		err_set(&no_memory, ERR_MEMORY, "out of memory");
		lose(s, &no_memory);
	}
}

static void dial(struct component_stream *s)
{
	struct err why;

	enter_state(s, STATE_DIALLING);
	timer_set(s->timer, s->times->open);
	s->dial = component_dial_new(s->loop, s->address, s->port, on_dialled, s);
	if (!s->dial) {
		err_set(&why, ERR_MEMORY, "out of memory");
		lose(s, &why);
	}
}

static void on_timer(void *arg)
{
	struct component_stream *s = arg;
	struct err why = s->why;

	switch (s->state) {
	case STATE_WAITING:
		if (s->stopping)
			lose(s, &why);
		else
			dial(s);
		break;
	case STATE_UP:
		check_server(s);
		break;
	case STATE_ENDING:
		lose(s, &why);
		break;
	default:
		err_set(&why, ERR_TIMEOUT, "the server does not answer");
		lose(s, &why);
		break;
	}
}

/* --- the whole --- */

static int check_config(const struct component_stream_config *config, struct err *err)
{
	struct jid jid;

	if (jid_parse(config->domain, &jid, err))
		return err_wrap(err, "the component's domain");
	if (jid.local[0] || jid.resource[0])
		return err_set(err, ERR_INPUT, "the component's domain is no domain");
	if (!config->address[0] || !config->port || !config->secret[0])
		return err_set(err, ERR_INPUT,
			       "the Jabber server's address, port or secret is missing");
	return 0;
}

struct component_stream *component_stream_new(struct loop *loop,
					      const struct component_stream_config *config,
					      const struct component_stream_handler *handler,
					      void *arg, struct err *err)
{
	struct component_stream *s;

	if (check_config(config, err))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s) {
		s->loop = loop;
		s->port = config->port;
		s->times = config->times ? config->times : &usual_times;
		s->pause = s->times->first;
		s->handler = handler;
		s->arg = arg;
		s->address = strdup(config->address);
		s->domain = strdup(config->domain);
		s->secret = strdup(config->secret);
		s->timer = timer_new(loop_env(loop), on_timer, s);
		if (s->address && s->domain && s->secret && s->timer) {
			s->down_at = s->retry_at = now(s);
			timer_set(s->timer, 0);
			return s;
		}
	}
	component_stream_free(&s);
	err_set(err, ERR_MEMORY, "out of memory");
	return NULL;
}

void component_stream_free(struct component_stream **stream)
{
	struct component_stream *s = *stream;

	if (!s)
		return;
	drop_connection(s);
	timer_free(&s->timer);
	free(s->address);
	free(s->domain);
	secret_free(s->secret, s->secret ? strlen(s->secret) : 0);
	free(s);
	*stream = NULL;
}

void component_stream_stop(struct component_stream *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	err_set(&s->why, ERR_CLOSED, "stopped");
	if (s->state == STATE_UP) {
		end_stream(s);
	} else if (s->state != STATE_ENDING) {
		drop_connection(s);
		enter_state(s, STATE_WAITING);
		timer_set(s->timer, 0);
	}
}

int component_stream_set_secret(struct component_stream *s, const char *secret, struct err *err)
{
	char *copy;

	/* It is the file's owner who changes it: nobody learns anything from how long this takes.
	 */
	if (strcmp(secret, s->secret) == 0)
		return 0;
	copy = strdup(secret);
	if (!copy)
		return err_set(err, ERR_MEMORY, "out of memory");
	secret_free(s->secret, strlen(s->secret));
	s->secret = copy;
	if (s->state == STATE_WAITING)
		timer_set(s->timer, 0);
	return 0;
}

bool component_stream_is_up(const struct component_stream *s)
{
	return s->state == STATE_UP;
}

bool component_stream_is_ended(const struct component_stream *s)
{
	return s->state == STATE_ENDED;
}

void component_stream_describe(const struct component_stream *s, struct component_stream_info *info)
{
	bool up = s->state == STATE_UP;

	*info = (struct component_stream_info){
	    .state = state_names[s->state],
	    .since_ms = now(s) - (up ? s->up_at : s->down_at),
	    .retry_ms = s->state == STATE_WAITING && !s->stopping ? s->retry_at - now(s) : -1,
	    .queued = s->stream ? stream_queued(s->stream) : 0,
	    .trouble = up ? "" : s->why.text,
	};
}
