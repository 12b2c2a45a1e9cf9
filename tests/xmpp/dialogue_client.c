/*
 * dialogue_client.c: see dialogue_client.h. SASL is in dialogue_login.c.
 */
#include "tests/xmpp/dialogue_client.h"
#include "tests/xmpp/dialogue_websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"

struct item {
	struct item *next;
	enum dialogue_item what;
	struct xml *element;
};

struct dialogue_client {
	struct loop *loop;
	int fd;
	SSL_CTX *ctx;
	SSL *tls;
	struct dialogue_websocket *ws; /* NULL: plain TCP or TLS */
	struct xml_parser *parser;
	struct item *items, **end;
	bool closed, deaf;
};

static void add_item(struct dialogue_client *client, enum dialogue_item what, struct xml *element)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		abort();
	item->what = what;
	item->element = element;
	*client->end = item;
	client->end = &item->next;
}

static void on_opened(void *arg, const struct xml *root)
{
	add_item(arg, ITEM_HEADER, xml_copy(root));
}

static void on_stanza(void *arg, struct xml *stanza)
{
	add_item(arg, ITEM_STANZA, stanza);
}

static void on_closed(void *arg)
{
	add_item(arg, ITEM_END, NULL);
}

static const struct xml_handler on_xml = {
    .opened = on_opened, .stanza = on_stanza, .closed = on_closed};

void dialogue_client_restart(struct dialogue_client *client)
{
	static const struct xml_limits limits = {
	    .bytes = 64 << 20, .depth = 1000, .children = 1000000};

	xml_parser_free(&client->parser);
	client->parser = xml_parser_new(&limits, &on_xml, client);
}

static struct dialogue_client *connect_to(struct loop *loop, const struct sockaddr *address,
					  socklen_t len)
{
	struct dialogue_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->loop = loop;
	client->end = &client->items;
	client->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The kernel completes the connection, whether the server has accepted it or not. */
	if (client->fd < 0 || connect(client->fd, address, len) < 0) {
		dialogue_client_free(&client);
		return NULL;
	}
	fcntl(client->fd, F_SETFL, O_NONBLOCK);
	dialogue_client_restart(client);
	return client;
}

struct dialogue_client *dialogue_client_new(struct loop *loop, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect_to(loop, (struct sockaddr *)&address, sizeof(address));
}

struct dialogue_client *dialogue_client_new_unix(struct loop *loop, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return connect_to(loop, (struct sockaddr *)&address, sizeof(address));
}

struct dialogue_client *dialogue_client_new_websocket(struct loop *loop, uint16_t port,
						      const char *origin)
{
	struct dialogue_client *client = dialogue_client_new(loop, port);

	if (client)
		client->ws = dialogue_websocket_new(loop, client->fd, origin);
	if (client && !client->ws)
		dialogue_client_free(&client);
	return client;
}

bool dialogue_client_is_websocket(const struct dialogue_client *client)
{
	return client->ws;
}

void dialogue_client_free(struct dialogue_client **client)
{
	struct dialogue_client *old = *client;
	struct item *item;

	if (!old)
		return;
	while ((item = old->items)) {
		old->items = item->next;
		xml_free(&item->element);
		free(item);
	}
	dialogue_websocket_free(&old->ws);
	SSL_free(old->tls);
	SSL_CTX_free(old->ctx);
	if (old->fd >= 0)
		close(old->fd);
	xml_parser_free(&old->parser);
	free(old);
	*client = NULL;
}

/* > 0: bytes moved; 0: not now; -1: gone. */
static ssize_t transfer(struct dialogue_client *client, void *in, const void *out, size_t len)
{
	ssize_t n;
	int error;

	if (client->tls) {
		n = in ? SSL_read(client->tls, in, (int)len)
		       : SSL_write(client->tls, out, (int)len);
		if (n > 0)
			return n;
		error = SSL_get_error(client->tls, (int)n);
		return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
	}
	n = in ? recv(client->fd, in, len, 0) : send(client->fd, out, len, MSG_NOSIGNAL);
	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void on_message(void *arg, const void *text, size_t len)
{
	static const struct xml_limits limits = {
	    .bytes = 64 << 20, .depth = 1000, .children = 1000000};
	struct xml *element = xml_parse_element(text, len, &limits, NULL);
	enum dialogue_item what = ITEM_STANZA;

	if (!element)
		what = ITEM_BAD;
	else if (xml_is(element, "open", NS_FRAMING))
		what = ITEM_HEADER;
	else if (xml_is(element, "close", NS_FRAMING))
		what = ITEM_END;
	add_item(arg, what, element);
}

/* -1: what came is no XML. */
static int take(struct dialogue_client *client, const void *data, size_t len)
{
	if (!client->ws)
		return xml_parse(client->parser, data, len, NULL);
	dialogue_websocket_feed(client->ws, data, len, on_message, client);
	return 0;
}

static void receive(struct dialogue_client *client)
{
	char chunk[16384];
	ssize_t n;

	while (!client->closed && !client->deaf &&
	       (n = transfer(client, chunk, NULL, sizeof(chunk))) != 0) {
		if (n < 0) {
			client->closed = true;
			add_item(client, ITEM_CLOSED, NULL);
		} else if (take(client, chunk, (size_t)n) < 0) {
			client->closed = true;
			add_item(client, ITEM_BAD, NULL);
		}
	}
}

static int send_bytes(struct dialogue_client *client, const void *data, size_t len)
{
	int64_t deadline = env_mono_ms(loop_env(client->loop)) + 10000;
	const char *at = data;

	while (len > 0) {
		ssize_t n = transfer(client, NULL, at, len);

		if (n < 0 || env_mono_ms(loop_env(client->loop)) > deadline)
			return -1;
		at += n;
		len -= (size_t)n;
		if (n == 0)
			loop_run_once(client->loop, 10);
		receive(client);
	}
	return 0;
}

static int send_pieces(struct dialogue_client *client, const void *data, size_t len, size_t piece)
{
	struct buf out;
	int result = 0;

	buf_init(&out, 64 << 20);
	if (client->ws)
		dialogue_websocket_frame(client->ws, data, len, &out);
	else
		buf_add(&out, data, len);
	for (size_t at = 0, n; at < out.len && result == 0; at += n) {
		n = piece < out.len - at ? piece : out.len - at;
		result = send_bytes(client, out.data + at, n);
		if (at + n < out.len)
			loop_run_once(client->loop, 1);
	}
	buf_free(&out);
	return result;
}

int dialogue_client_send(struct dialogue_client *client, const void *data, size_t len)
{
	return send_pieces(client, data, len, SIZE_MAX);
}

int dialogue_client_send_slowly(struct dialogue_client *client, const void *data, size_t len)
{
	return send_pieces(client, data, len, 1);
}

int dialogue_client_send_text(struct dialogue_client *client, const char *text)
{
	return dialogue_client_send(client, text, strlen(text));
}

enum dialogue_item dialogue_client_next(struct dialogue_client *client, int64_t wait_ms,
					struct xml **element)
{
	int64_t deadline = env_mono_ms(loop_env(client->loop)) + wait_ms;
	enum dialogue_item what;
	struct item *item;

	*element = NULL;
	for (;;) {
		receive(client);
		if (client->items || env_mono_ms(loop_env(client->loop)) >= deadline)
			break;
		loop_run_once(client->loop, 5);
	}
	item = client->items;
	if (!item)
		return ITEM_NOTHING;
	client->items = item->next;
	if (!client->items)
		client->end = &client->items;
	what = item->what;
	*element = item->element;
	free(item);
	return what;
}

int dialogue_client_start_tls(struct dialogue_client *client, const char *ca_file, const char *name)
{
	int64_t deadline = env_mono_ms(loop_env(client->loop)) + 5000;
	int n;

	client->ctx = SSL_CTX_new(TLS_client_method());
	if (!client->ctx || SSL_CTX_load_verify_locations(client->ctx, ca_file, NULL) != 1)
		return -1;
	SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
	client->tls = SSL_new(client->ctx);
	SSL_set_fd(client->tls, client->fd);
	SSL_set1_host(client->tls, name);
	while ((n = SSL_connect(client->tls)) != 1) {
		int error = SSL_get_error(client->tls, n);

		if ((error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) ||
		    env_mono_ms(loop_env(client->loop)) > deadline)
			return -1;
		loop_run_once(client->loop, 5);
	}
	dialogue_client_restart(client);
	return 0;
}

SSL *dialogue_client_tls(struct dialogue_client *client)
{
	return client->tls;
}

void dialogue_client_deafen(struct dialogue_client *client, bool deaf)
{
	client->deaf = deaf;
}
