/*
 * fuzz_c2s.c: what a client sends to the server: negotiation, and with a resource bound every
 * feature behind the router.
 *
 *     input: mode 1 ‖ piece 1 ‖ the text
 *     mode bit 0: the client has logged in already
 *     mode bit 1: over WebSocket; each line is a message (RFC 7395)
 *
 * Another resource of the same user looks on. What both are sent must be well-formed, and every
 * stanza addressed to the one that gets it.
 */
#include "core/base/websocket.h"
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/fake_env.h"
#include "tests/unit/memory_stream.h"
#include "xmpp/feature.h"
#include "xmpp/sasl_private.h"
#include "xmpp/sm.h"

#include <stdio.h>
#include <string.h>

#define HEADER                                                                                     \
	"<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "                       \
	"xmlns:stream='http://etherx.jabber.org/streams'>"
#define AUTH                                                                                       \
	"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"                        \
	"AGFsaWNlAHNlY3JldA==</auth>"
#define BIND                                                                                       \
	"<iq xmlns='jabber:client' type='set' id='1'><bind "                                       \
	"xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
#define OPEN "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"
/* The one who looks on wants to see everything. */
#define CURIOUS                                                                                    \
	"<iq type='set' id='2'><enable xmlns='urn:xmpp:carbons:2'/></iq>"                          \
	"<iq type='get' id='3'><query xmlns='jabber:iq:roster'/></iq><presence/>"

struct client {
	struct server *server;
	struct memory_stream stream;
	struct c2s *c2s;
	struct resource *resource;
	const char *name;
	bool websocket;
};

/* --- host: one contact that there is --- */

static int on_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	(void)arg;
	memset(credentials, 0, sizeof(*credentials));
	credentials->iterations = 1;
	FUZZ_CHECK(scram_keys_make(SCRAM_SHA256, "secret", credentials->salt, SCRAM_SALT_LEN, 1,
				   &credentials->keys[SCRAM_SHA256]) == 0);
	return strcmp(user, "alice") == 0 ? 0 : -1;
}

static const struct roster_item item = {
    .contact = "aaaa", .name = "Anna", .subscription = SUBSCRIPTION_BOTH};

static void on_roster(void *arg, const char *user,
		      void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	(void)arg;
	(void)user;
	each(each_arg, &item);
}

static int on_roster_set(void *arg, const char *user, const char *contact, const char *name,
			 const char *const *groups, struct err *err)
{
	const struct roster_item changed = {.contact = contact, .name = name, .groups = groups};

	if (strlen(contact) > 56)
		return err_set(err, ERR_INPUT, "%s", contact);
	server_roster_push(arg, user, contact, &changed);
	return 0;
}

static int on_contact(void *arg, const char *user, const char *contact, struct err *err)
{
	if (strcmp(contact, item.contact) != 0)
		return err_set(err, ERR_NOT_FOUND, "no %s", contact);
	server_roster_push(arg, user, contact, NULL);
	return 0;
}

static void on_contact_presence(void *arg, const char *user, const char *contact,
				struct server_presence *presence)
{
	(void)arg;
	(void)user;
	(void)contact;
	*presence = (struct server_presence){.available = true, .show = "dnd", .status = "<&>"};
}

static void on_presence(void *arg, const char *user, const struct server_presence *presence)
{
	(void)arg;
	(void)user;
	FUZZ_CHECK(presence->show && presence->status);
	FUZZ_CHECK(presence->priority >= -128 && presence->priority <= 127);
}

/* What contacts are sent comes back. */
static int on_message(void *arg, const char *user, const char *contact, struct xml *message,
		      const uint8_t *mark, struct err *err)
{
	(void)mark;
	if (strcmp(contact, item.contact) != 0)
		return err_set(err, ERR_NOT_FOUND, "no %s", contact);
	server_deliver_stored(arg, user, contact, 1, xml_copy(message));
	return 0;
}

static void on_arrived(void *arg, const char *user, const char *contact, uint64_t token)
{
	(void)arg;
	(void)user;
	(void)contact;
	FUZZ_CHECK(token == 1);
}

static void on_ready(void *arg, const char *user)
{
	(void)arg;
	(void)user;
}

/* An archive with nothing in it: what is fuzzed is what is asked of it. */
static int on_archive_query(void *arg, const char *user, const struct archive_query *query,
			    void (*each)(void *each_arg, struct archive_message *message),
			    void *each_arg, struct archive_result *result, struct err *err)
{
	(void)arg;
	(void)user;
	(void)each;
	(void)each_arg;
	(void)err;
	result->count = query->max;
	return 0;
}

static int on_archive_prefs(void *arg, const char *user, const struct archive_prefs *prefs,
			    struct err *err)
{
	(void)arg;
	(void)user;
	(void)prefs;
	(void)err;
	return 0;
}

static int on_archive_prefs_get(void *arg, const char *user, struct archive_prefs *prefs,
				struct err *err)
{
	return on_archive_prefs(arg, user, prefs, err);
}

static int on_archive_metadata(void *arg, const char *user,
			       void (*each)(void *each_arg, struct archive_message *message),
			       void *each_arg, struct err *err)
{
	(void)each;
	(void)each_arg;
	return on_archive_prefs(arg, user, NULL, err);
}

static int on_archive_keep(void *arg, const char *user, const struct xml *message,
			   char id[ARCHIVE_ID_MAX + 1], struct err *err)
{
	(void)arg;
	(void)user;
	(void)err;
	snprintf(id, ARCHIVE_ID_MAX + 1, "1");
	return xml_child(message, "body", NULL) != NULL;
}

static const struct archive_host archive_host = {
    .keep = on_archive_keep,
    .query = on_archive_query,
    .metadata = on_archive_metadata,
    .prefs_get = on_archive_prefs_get,
    .prefs_set = on_archive_prefs,
};

static const struct server_host host = {
    .credentials = on_credentials,
    .roster = on_roster,
    .roster_set = on_roster_set,
    .roster_remove = on_contact,
    .subscribe = on_contact,
    .deny = on_contact,
    .contact_presence = on_contact_presence,
    .presence = on_presence,
    .message = on_message,
    .arrived = on_arrived,
    .ready = on_ready,
    .archive = &archive_host,
};

/* --- owner of the streams: what server.c does with a socket --- */

static int on_client_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	return on_credentials(((struct client *)arg)->server, user, credentials);
}

static void on_authenticated(void *arg)
{
	(void)arg;
}

static int on_bind(void *arg, const char *resource, char jid[JID_TEXT_SIZE],
		   enum stanza_error *error)
{
	struct client *client = arg;

	(void)resource;
	(void)error;
	client->resource = resource_new(user_get(client->server, c2s_user(client->c2s)),
					client->c2s, client->name);
	FUZZ_CHECK(client->resource);
	snprintf(jid, JID_TEXT_SIZE, "%s", client->resource->jid);
	return 0;
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct resource *resource = ((struct client *)arg)->resource;

	router_route(resource, stanza);
	if (resource->sm)
		sm_handled(resource->sm);
}

/* There is nothing to resume: the streams here do not break. */
static void on_management(void *arg, const struct xml *element)
{
	struct client *client = arg;
	struct xml *failed = NULL;

	if (client->resource)
		sm_element(client->resource, element);
	else if (xml_is(element, "resume", NULL))
		FUZZ_CHECK(!sm_resumable(user_find(client->server, c2s_user(client->c2s)),
					 client->c2s, element, &failed));
	else
		sm_unexpected(client->c2s);
	xml_free(&failed);
}

/* One token, which is right with HT-SHA-256-NONE for any client that says which it is. */
static size_t on_tokens(void *arg, const char *user, const char *mechanism,
			struct sasl_token tokens[SASL_TOKENS_MAX])
{
	(void)user;
	(void)mechanism;
	memcpy(tokens[0].text, "token", sizeof("token"));
	return c2s_wishes(((struct client *)arg)->c2s)->has_agent;
}

static void on_wished(void *arg, const struct c2s_wishes *wishes, struct xml *success,
		      char jid[JID_TEXT_SIZE])
{
	struct client *client = arg;
	struct xml *failed = NULL;
	enum stanza_error error;

	if (wishes->resume)
		FUZZ_CHECK(!sm_resumable(user_find(client->server, c2s_user(client->c2s)),
					 client->c2s, wishes->resume, &failed));
	if (failed)
		xml_append(success, failed);
	if (!wishes->bind)
		return;
	on_bind(client, NULL, jid, &error);
	if (xml_child(wishes->bind, "enable", NS_SM))
		xml_append(success,
			   sm_enable(client->resource, xml_child(wishes->bind, "enable", NS_SM)));
}

static void on_settled(void *arg)
{
	FUZZ_CHECK(((struct client *)arg)->resource);
}

static void on_ended(void *arg)
{
	struct client *client = arg;

	if (client->resource)
		resource_end(client->resource);
}

static void on_gone(void *arg)
{
	(void)arg;
}

static const struct c2s_handler on_c2s = {
    .credentials = on_client_credentials,
    .authenticated = on_authenticated,
    .bind = on_bind,
    .tokens = on_tokens,
    .wished = on_wished,
    .settled = on_settled,
    .stanza = on_stanza,
    .management = on_management,
    .ended = on_ended,
    .gone = on_gone,
};

static void client_open(struct client *client, struct server *server, const char *name,
			bool websocket)
{
	struct stream *stream = &client->stream.stream;

	*client = (struct client){.server = server, .name = name, .websocket = websocket};
	memory_stream_init(&client->stream);
	if (websocket)
		stream = websocket_new(server->env, stream, C2S_STRANGER_BYTES);
	client->c2s = c2s_new(&server->c2s, stream, &on_c2s, client);
	FUZZ_CHECK(client->c2s);
	if (websocket)
		c2s_over_websocket(client->c2s);
}

/* As one message, with a mask that changes nothing (RFC 6455 section 5.2). */
static void client_say_message(struct client *client, const void *text, size_t len, size_t piece)
{
	uint8_t head[14] = {0x81, 0x80 | 127};
	struct buf frame;

	for (unsigned i = 0; i < 8; i++)
		head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	buf_init(&frame, SIZE_MAX);
	if (len < 126) {
		head[1] = (uint8_t)(0x80 | len);
		buf_add(&frame, head, 2);
	} else if (len < 65536) {
		head[1] = 0x80 | 126;
		buf_add(&frame, head, 2);
		buf_add(&frame, head + 8, 2);
	} else {
		buf_add(&frame, head, 10);
	}
	buf_add(&frame, head + 10, 4);
	buf_add(&frame, text, len);
	memory_stream_receive(&client->stream, frame.data, frame.len, piece);
	buf_free(&frame);
}

static void client_say_bytes(struct client *client, const uint8_t *text, size_t len, size_t piece)
{
	const uint8_t *end;

	if (!client->websocket) {
		memory_stream_receive(&client->stream, text, len, piece);
		return;
	}
	for (; (end = memchr(text, '\n', len)); text = end + 1) {
		client_say_message(client, text, (size_t)(end - text), piece);
		len -= (size_t)(end + 1 - text);
	}
	client_say_message(client, text, len, piece);
}

static void client_say(struct client *client, const char *text)
{
	client_say_bytes(client, (const uint8_t *)text, strlen(text), SIZE_MAX);
}

static void client_log_in(struct client *client)
{
	client_say(client, client->websocket ? OPEN : HEADER);
	client_say(client, AUTH);
	client_say(client, client->websocket ? OPEN : HEADER);
	client_say(client, BIND);
	FUZZ_CHECK(client->resource);
	buf_clear(&client->stream.out);
}

static void client_close(struct client *client)
{
	if (client->resource)
		resource_end(client->resource);
	c2s_free(&client->c2s);
	resource_free(&client->resource);
	memory_stream_clear(&client->stream);
}

/* --- what must hold --- */

static void check_opened(void *arg, const struct xml *root)
{
	(void)arg;
	(void)root;
}

static void check_stanza(void *arg, struct xml *stanza)
{
	struct client *client = arg;
	const char *to = xml_get(stanza, "to");

	if (xml_is(stanza, NULL, NS_CLIENT))
		FUZZ_CHECK(to && strcmp(to, client->resource->jid) == 0);
	else
		FUZZ_CHECK(xml_is(stanza, NULL, NS_SM) || xml_is(stanza, "error", NS_STREAMS) ||
			   (client->websocket && xml_is(stanza, "close", NS_FRAMING)));
	xml_free(&stanza);
}

static void check_closed(void *arg)
{
	FUZZ_CHECK(((struct client *)arg)->resource->ended);
}

/* Each frame that holds text holds one element that stands alone. */
static void check_frames(struct client *client)
{
	static const struct xml_limits limits = {16 << 20, 1000, 1 << 20};
	const uint8_t *at = client->stream.out.data;
	size_t left = client->stream.out.len;

	while (left) {
		size_t head = at[1] < 126 ? 2 : at[1] == 126 ? 4 : 10;
		uint64_t len = at[1] < 126 ? at[1] : 0;

		for (size_t i = 2; i < head; i++)
			len = len << 8 | at[i];
		FUZZ_CHECK(left >= head && left - head >= len);
		if (at[0] == 0x81) {
			struct xml *element =
			    xml_parse_element(at + head, (size_t)len, &limits, NULL);

			FUZZ_CHECK(element);
			check_stanza(client, element);
		}
		at += head + len;
		left -= head + (size_t)len;
	}
}

/* What was sent since the resource was bound. */
static void check_sent(struct client *client)
{
	static const struct xml_handler handler = {check_opened, check_stanza, check_closed};
	static const struct xml_limits limits = {16 << 20, 1000, 1 << 20};
	struct xml_parser *parser = xml_parser_new(&limits, &handler, client);

	FUZZ_CHECK(parser);
	FUZZ_CHECK(xml_parse(parser, HEADER, strlen(HEADER), NULL) == 0);
	FUZZ_CHECK(xml_parse(parser, buf_text(&client->stream.out), client->stream.out.len, NULL) ==
		   0);
	xml_parser_free(&parser);
}

static void run(struct server *server, bool logged_in, bool websocket, const uint8_t *data,
		size_t size, size_t piece)
{
	struct client client, other;

	client_open(&other, server, "other", false);
	client_log_in(&other);
	client_say(&other, CURIOUS);
	client_open(&client, server, "one", websocket);
	if (logged_in)
		client_log_in(&client);
	client_say_bytes(&client, data, size, piece);
	check_sent(&other);
	if (logged_in && websocket)
		check_frames(&client);
	else if (logged_in)
		check_sent(&client);
	client_close(&client);
	client_close(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_clock *clock = fake_clock_new(1);
	struct fake_env *fake = fake_env_new(clock);
	struct server server = {
	    .env = fake_env_env(fake), .host = &host, .domain = (char[]){"localhost"}};
	struct user *user;

	server.host_arg = &server;
	server.c2s = (struct c2s_config){
	    .env = server.env, .domain = server.domain, .plain_without_tls = true, .tokens = true};
	if (size >= 2)
		run(&server, data[0] & 1, data[0] & 2, data + 2, size - 2,
		    data[1] ? data[1] : 1000);
	while ((user = server.users)) {
		server.users = user->next;
		user_free(&user);
	}
	fake_env_free(&fake);
	fake_clock_free(&clock);
	return 0;
}
