/*
 * dialogue_client_say.c: the statements about clients and the server (see dialogue.h).
 */
#include "tests/xmpp/dialogue.h"

#include "tests/xmpp/dialogue_match.h"
#include "xmpp/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_STREAMS "http://etherx.jabber.org/streams"
/* Longest wait for something that must come. */
#define WAIT_MS 8000
/* Wait for something that must not come, where no answer to a ping can end the wait. */
#define SILENCE_MS 150

static const char header[] = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' "
			     "xmlns='jabber:client' xmlns:stream='" NS_STREAMS "'>";

static const char open_element[] =
    "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";

static const char *const item_names[] = {
    [ITEM_NOTHING] = "nothing",   [ITEM_HEADER] = "a header",
    [ITEM_STANZA] = "an element", [ITEM_END] = "the end of the stream",
    [ITEM_BAD] = "bad XML",       [ITEM_CLOSED] = "a disconnection",
};

struct actor {
	struct script *script;
	const struct statement *statement;
	const char *name;
	struct dialogue_client **client;
	bool *bound;
	char *session;
};

static int fail_item(const struct actor *actor, const char *expected, enum dialogue_item what,
		     struct xml *element)
{
	/* Both may be in script_text's buffer. */
	char *wanted = strdup(expected);

	script_fail(actor->script, "%s receives %s\n  expected: %s", actor->name,
		    element ? script_text(element) : item_names[what], wanted);
	free(wanted);
	xml_free(&element);
	return -1;
}

/* --- sending --- */

static int send_text(const struct actor *actor, const char *text)
{
	if (dialogue_client_send_text(*actor->client, text) < 0)
		return script_fail(actor->script, "%s cannot send", actor->name);
	return 0;
}

/* Takes the new connection. */
static int connected(const struct actor *actor, struct dialogue_client *client)
{
	dialogue_client_free(actor->client);
	*actor->bound = false;
	*actor->client = client;
	if (!client)
		return script_fail(actor->script, "%s cannot connect", actor->name);
	/* So that the server has accepted it before the next one connects. */
	for (int i = 0; i < 3; i++)
		loop_run_once(actor->script->loop, 1);
	return 0;
}

static int connect_to(const struct actor *actor, uint16_t port)
{
	return connected(actor, dialogue_client_new(actor->script->loop, port));
}

static int connects(const struct actor *actor)
{
	if (script_start(actor->script) < 0)
		return -1;
	return connect_to(actor, server_port(actor->script->server));
}

static int handshake(const struct actor *actor)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" CERTIFICATE_CA_FILE, actor->script->directory);
	if (dialogue_client_start_tls(*actor->client, path, "localhost") < 0)
		return script_fail(actor->script, "%s: the TLS handshake fails", actor->name);
	return 0;
}

/* To the port for direct TLS, in the clear all the same. */
static int connects_to_tls_port(const struct actor *actor)
{
	if (script_start(actor->script) < 0)
		return -1;
	if (!server_tls_port(actor->script->server))
		return script_fail(actor->script, "the server has no port for TLS");
	return connect_to(actor, server_tls_port(actor->script->server));
}

static int connects_to_socket(const struct actor *actor)
{
	if (script_start(actor->script) < 0)
		return -1;
	return connected(
	    actor, dialogue_client_new_unix(actor->script->loop, actor->script->config.socket));
}

/* A connects by WebSocket [from ORIGIN]; "PORT" in it is the server's */
static int connects_by_websocket(const struct actor *actor)
{
	const char *word = actor->statement->count > 5 ? actor->statement->words[5] : NULL;
	char origin[128] = "";
	const char *end;
	uint16_t port;

	if (script_start(actor->script) < 0)
		return -1;
	port = server_web_port(actor->script->server);
	if (word && (end = strstr(word, "PORT")))
		snprintf(origin, sizeof(origin), "%.*s%u", (int)(end - word), word, (unsigned)port);
	else if (word)
		snprintf(origin, sizeof(origin), "%s", word);
	return connected(
	    actor, dialogue_client_new_websocket(actor->script->loop, port, word ? origin : NULL));
}

static int connects_with_tls(const struct actor *actor)
{
	return connects_to_tls_port(actor) < 0 ? -1 : handshake(actor);
}

/* A sends [N times [joined]]: … */
static int sends(const struct actor *actor)
{
	unsigned long times =
	    actor->statement->count > 2 ? strtoul(actor->statement->words[2], NULL, 10) : 1;
	bool joined = actor->statement->count > 4;
	struct buf text;
	int result = 0;

	/* Each is a message of its own. */
	if (dialogue_client_is_websocket(*actor->client) && !joined) {
		while (times-- && result == 0)
			result = send_text(actor, actor->statement->block);
		return result;
	}
	buf_init(&text, 64 << 20);
	while (times--)
		buf_add_text(&text, actor->statement->block);
	result = send_text(actor, buf_text(&text));
	buf_free(&text);
	return result;
}

/* A sends byte by byte: … */
static int sends_bytes(const struct actor *actor)
{
	const char *text = actor->statement->block;

	if (dialogue_client_send_slowly(*actor->client, text, strlen(text)) < 0)
		return script_fail(actor->script, "%s cannot send", actor->name);
	return 0;
}

static int disconnects(const struct actor *actor)
{
	dialogue_client_free(actor->client);
	*actor->bound = false;
	return 0;
}

static int stops_reading(const struct actor *actor)
{
	dialogue_client_deafen(*actor->client, true);
	return 0;
}

static int reads_again(const struct actor *actor)
{
	dialogue_client_deafen(*actor->client, false);
	return 0;
}

/* --- receiving --- */

static int receive_one(const struct actor *actor, enum dialogue_item wanted, struct xml *expected)
{
	struct xml *got;
	enum dialogue_item what = dialogue_client_next(*actor->client, WAIT_MS, &got);

	if (what != wanted || (expected && !dialogue_match(expected, got)))
		return fail_item(actor, expected ? script_text(expected) : item_names[wanted], what,
				 got);
	if (xml_is(got, "enabled", NULL) && xml_get(got, "id"))
		snprintf(actor->session, SESSION_SIZE, "%s", xml_get(got, "id"));
	xml_free(&got);
	return 0;
}

static int receives(const struct actor *actor)
{
	struct xml *list = script_parse(actor->script, actor->statement->block);
	int result = list ? 0 : -1;

	if (list && !xml_first(list))
		result = script_fail(actor->script, "%s receives what?", actor->name);
	for (struct xml *e = xml_first(list); e && result == 0; e = xml_next(e))
		result = receive_one(actor, ITEM_STANZA, e);
	xml_free(&list);
	return result;
}

static int receives_header(const struct actor *actor)
{
	struct xml *list = script_parse(actor->script, actor->statement->block);
	int result = list ? receive_one(actor, ITEM_HEADER, xml_first(list)) : -1;

	xml_free(&list);
	return result;
}

static int receives_end(const struct actor *actor)
{
	return receive_one(actor, ITEM_END, NULL);
}

static int is_disconnected(const struct actor *actor)
{
	return receive_one(actor, ITEM_CLOSED, NULL);
}

/* The server closes the connection, and whatever came before does not count. */
static int is_cut_off(const struct actor *actor)
{
	enum dialogue_item what;
	struct xml *element;

	do {
		what = dialogue_client_next(*actor->client, WAIT_MS, &element);
		xml_free(&element);
	} while (what != ITEM_CLOSED && what != ITEM_NOTHING && what != ITEM_BAD);
	return what == ITEM_CLOSED ? 0 : fail_item(actor, "a disconnection", what, NULL);
}

/* Without a resource there is nobody to ping: wait a little. */
static int receives_nothing(const struct actor *actor)
{
	struct xml *list, *got;
	enum dialogue_item what;
	char text[256];
	int result;

	if (!*actor->bound) {
		what = dialogue_client_next(*actor->client, SILENCE_MS, &got);
		return what == ITEM_NOTHING ? 0 : fail_item(actor, "nothing", what, got);
	}
	snprintf(text, sizeof(text),
		 "<iq xmlns='jabber:client' type='get' id='silence-%u' to='localhost'>"
		 "<ping xmlns='urn:xmpp:ping'/></iq>",
		 ++actor->script->silences);
	if (send_text(actor, text) < 0)
		return -1;
	snprintf(text, sizeof(text), "<iq type='result' id='silence-%u' to='*' from='localhost'/>",
		 actor->script->silences);
	list = script_parse(actor->script, text);
	result = receive_one(actor, ITEM_STANZA, xml_first(list));
	xml_free(&list);
	return result;
}

/* --- logging in --- */

static int opens(const struct actor *actor)
{
	struct xml *got;
	enum dialogue_item what;

	const char *text = dialogue_client_is_websocket(*actor->client) ? open_element : header;

	if (send_text(actor, text) < 0 || receive_one(actor, ITEM_HEADER, NULL) < 0)
		return -1;
	what = dialogue_client_next(*actor->client, WAIT_MS, &got);
	if (!xml_is(got, "features", NS_STREAMS))
		return fail_item(actor, "features", what, got);
	xml_free(&got);
	return 0;
}

/* A starts TLS */
static int starts_tls(const struct actor *actor)
{
	static const char request[] = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
	struct xml *got;
	enum dialogue_item what;

	if (send_text(actor, request) < 0)
		return -1;
	what = dialogue_client_next(*actor->client, WAIT_MS, &got);
	if (!xml_is(got, "proceed", "urn:ietf:params:xml:ns:xmpp-tls"))
		return fail_item(actor, "proceed", what, got);
	xml_free(&got);
	return handshake(actor);
}

/* A authenticates as USER PASSWORD with MECHANISM */
static int authenticates(const struct actor *actor)
{
	const char *const *word = actor->statement->words;
	char why[128];

	if (actor->statement->count != 7)
		return script_fail(actor->script,
				   "A authenticates as USER PASSWORD with MECHANISM");
	if (dialogue_client_login(*actor->client, word[6], word[3], word[4], why) < 0)
		return script_fail(actor->script, "%s cannot log in: %s", actor->name, why);
	return 0;
}

/* A fails to authenticate as USER PASSWORD with MECHANISM: CONDITION */
static int fails_to_authenticate(const struct actor *actor)
{
	const char *const *word = actor->statement->words;
	char why[128];

	if (actor->statement->count != 9)
		return script_fail(actor->script,
				   "A fails to authenticate as USER PASSWORD with MECHANISM");
	if (dialogue_client_login(*actor->client, word[8], word[5], word[6], why) == 0)
		return script_fail(actor->script, "%s has logged in", actor->name);
	if (strcmp(why, actor->statement->block) != 0)
		return script_fail(actor->script, "%s receives %s\n  expected: %s", actor->name,
				   why, actor->statement->block);
	return 0;
}

/* A binds RESOURCE */
static int bind_resource(const struct actor *actor, const char *resource)
{
	struct xml *list;
	char text[512];
	int result;

	snprintf(text, sizeof(text),
		 "<iq xmlns='jabber:client' type='set' id='bind-1'><bind "
		 "xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		 "<resource>%s</resource></bind></iq>",
		 resource);
	if (send_text(actor, text) < 0)
		return -1;
	list =
	    script_parse(actor->script,
			 "<iq type='result' id='bind-1'>"
			 "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>*</jid></bind></iq>");
	result = receive_one(actor, ITEM_STANZA, xml_first(list));
	xml_free(&list);
	*actor->bound = result == 0;
	return result;
}

static int binds(const struct actor *actor)
{
	return bind_resource(actor, actor->statement->words[2]);
}

/* A logs in as USER PASSWORD RESOURCE */
static int logs_in(const struct actor *actor)
{
	const char *const *word = actor->statement->words;
	char why[128];

	if (actor->statement->count != 7)
		return script_fail(actor->script, "A logs in as USER PASSWORD RESOURCE");
	if (opens(actor) < 0)
		return -1;
	if (dialogue_client_login(*actor->client, "PLAIN", word[4], word[5], why) < 0)
		return script_fail(actor->script, "%s cannot log in: %s", actor->name, why);
	if (opens(actor) < 0)
		return -1;
	return bind_resource(actor, word[6]);
}

static const char *session_of(const struct script *script, const char *name)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (strcmp(script->clients[i].name, name) == 0)
			return script->clients[i].session;
	return "";
}

/* A resumes H: its session, of which it has got H stanzas;
 * A resumes the session of B having H */
static int resumes(const struct actor *actor)
{
	const char *const *word = actor->statement->words;
	const char *session = actor->session, *h = word[2];
	char text[256];

	if (actor->statement->count == 8) {
		session = session_of(actor->script, word[5]);
		h = word[7];
	}
	snprintf(text, sizeof(text), "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%s'/>", session,
		 h);
	*actor->bound = true;
	return send_text(actor, text);
}

/* --- the table --- */

static const struct {
	const char *words; /* after the name */
	int (*say)(const struct actor *actor);
	bool without_connection;
} verbs[] = {
    /* A longer one comes before one that it begins with. */
    {"connects by WebSocket", connects_by_websocket, true},
    {"connects with TLS", connects_with_tls, true},
    {"connects to the TLS port", connects_to_tls_port, true},
    {"connects to the socket", connects_to_socket, true},
    {"connects", connects, true},
    {"sends byte by byte", sends_bytes, false},
    {"sends", sends, false},
    {"disconnects", disconnects, false},
    {"stops reading", stops_reading, false},
    {"reads again", reads_again, false},
    {"receives header", receives_header, false},
    {"receives end", receives_end, false},
    {"receives nothing", receives_nothing, false},
    {"receives", receives, false},
    {"is disconnected", is_disconnected, false},
    {"is cut off", is_cut_off, false},
    {"opens", opens, false},
    {"starts TLS", starts_tls, false},
    {"authenticates as", authenticates, false},
    {"fails to authenticate as", fails_to_authenticate, false},
    {"binds", binds, false},
    {"logs in as", logs_in, false},
    {"resumes", resumes, false},
};

static int find_client(struct script *script, const char *name)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		if (!script->clients[i].name[0])
			snprintf(script->clients[i].name, sizeof(script->clients[i].name), "%s",
				 name);
		if (strcmp(script->clients[i].name, name) == 0)
			return i;
	}
	return -1;
}

int client_say(struct script *script, const struct statement *statement)
{
	const char *said = statement_rest(statement, 1);
	int index = find_client(script, statement->words[0]);
	struct actor actor = {
	    .script = script, .statement = statement, .name = statement->words[0]};

	if (index < 0)
		return script_fail(script, "too many clients");
	actor.client = &script->clients[index].client;
	actor.bound = &script->clients[index].bound;
	actor.session = script->clients[index].session;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strncmp(said, verbs[i].words, strlen(verbs[i].words)) != 0)
			continue;
		if (!*actor.client && !verbs[i].without_connection)
			return script_fail(script, "%s is not connected", actor.name);
		return verbs[i].say(&actor);
	}
	return script_fail(script, "clients do not do that: %s", said);
}
