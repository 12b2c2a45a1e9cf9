/*
 * web.c: see web.h.
 */
#include "xmpp/upload.h"
#include "xmpp/web_private.h"

#include "core/base/log.h"
#include "core/base/websocket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_WEBSOCKET      "/xmpp-websocket"
#define PATH_HOST_META      "/.well-known/host-meta"
#define PATH_HOST_META_JSON "/.well-known/host-meta.json"

#define REL_WEBSOCKET "urn:xmpp:alt-connections:websocket"

/* --- WebSocket --- */

static void on_taken(void *arg, struct stream *stream)
{
	struct web *web = arg;

	stream = websocket_new(web->server->env, stream, C2S_STRANGER_BYTES);
	if (stream)
		server_accept(web->server, stream, SERVER_DOOR_WEBSOCKET);
}

/* RFC 6455 section 4.2.1, RFC 7395 section 3.1. */
static void get_websocket(struct web *web, struct http_request *request)
{
	static const struct http_header want_version[] = {{"Sec-WebSocket-Version", "13"},
							  {NULL, NULL}};
	const char *key = http_header(request, "Sec-WebSocket-Key");
	const char *version = http_header(request, "Sec-WebSocket-Version");
	char accept[WEBSOCKET_ACCEPT_SIZE];
	const struct http_header headers[] = {{"Upgrade", "websocket"},
					      {"Sec-WebSocket-Accept", accept},
					      {"Sec-WebSocket-Protocol", "xmpp"},
					      {NULL, NULL}};

	if (!http_header_has(request, "Upgrade", "websocket") ||
	    !http_header_has(request, "Connection", "upgrade") || !version ||
	    strcmp(version, "13") != 0)
		http_reply(request, 426, want_version, "WebSocket only\n", 15);
	else if (!http_header_has(request, "Sec-WebSocket-Protocol", "xmpp") || !key ||
		 websocket_accept(key, accept) < 0)
		http_reply_status(request, 400);
	else
		http_upgrade(request, headers, on_taken, web);
}

/* --- XEP-0156 --- */

static void reply_text(struct http_request *request, const char *type, const struct buf *text)
{
	const struct http_header headers[] = {
	    {"Content-Type", type}, {"Cache-Control", "no-store"}, {NULL, NULL}};

	http_reply(request, 200, headers, buf_text(text), text->len);
}

static void get_host_meta(struct web *web, struct http_request *request)
{
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(&text,
		   "<?xml version='1.0' encoding='utf-8'?>\n"
		   "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n"
		   "  <Link rel='" REL_WEBSOCKET "' href='ws://localhost:%u" PATH_WEBSOCKET "'/>\n"
		   "</XRD>\n",
		   (unsigned)web_port(web));
	reply_text(request, "application/xrd+xml", &text);
	buf_free(&text);
}

static void get_host_meta_json(struct web *web, struct http_request *request)
{
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(&text,
		   "{\"links\": [{\"rel\": \"" REL_WEBSOCKET "\", "
		   "\"href\": \"ws://localhost:%u" PATH_WEBSOCKET "\"}]}\n",
		   (unsigned)web_port(web));
	reply_text(request, "application/json", &text);
	buf_free(&text);
}

/* --- requests --- */

static const struct {
	const char *path;
	void (*get)(struct web *web, struct http_request *request);
} routes[] = {
    {PATH_WEBSOCKET, get_websocket},
    {PATH_HOST_META, get_host_meta},
    {PATH_HOST_META_JSON, get_host_meta_json},
};

static bool is_get(const struct http_request *request)
{
	return strcmp(http_method(request), "GET") == 0 ||
	       strcmp(http_method(request), "HEAD") == 0;
}

static bool is_upload(const struct http_request *request)
{
	return strncmp(http_path(request), WEB_PATH_UPLOAD, strlen(WEB_PATH_UPLOAD)) == 0 &&
	       (is_get(request) || strcmp(http_method(request), "PUT") == 0);
}

static void on_request(void *arg, struct http_request *request)
{
	static const struct http_header allow[] = {{"Allow", "GET, HEAD"}, {NULL, NULL}};
	struct web *web = arg;

	if (web->upload && is_upload(request)) {
		web_upload(web, request, http_path(request) + strlen(WEB_PATH_UPLOAD));
		return;
	}
	if (!is_get(request)) {
		http_reply(request, 405, allow, "", 0);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(http_path(request), routes[i].path) == 0) {
			routes[i].get(web, request);
			return;
		}
	}
	if (web->files >= 0)
		web_files_get(web, request, http_path(request));
	else
		http_reply_status(request, 404);
}

static const struct http_handler on_http = {.request = on_request};

/* --- life --- */

/* 'self' does not mean ws: in all browsers. */
static void make_policy(struct web *web)
{
	unsigned port = web_port(web);

	snprintf(web->policy, sizeof(web->policy),
		 "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' "
		 "'unsafe-inline'; font-src 'self' data:; img-src 'self' data: blob:; media-src "
		 "'self' blob:; connect-src 'self' data: ws://localhost:%u ws://127.0.0.1:%u; "
		 "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
		 "frame-ancestors 'none'",
		 port, port);
}

static int copy_origins(struct web *web, const char *const *origins)
{
	size_t count = 0;

	while (origins && origins[count])
		count++;
	web->origins = calloc(count + 1, sizeof(*web->origins));
	for (size_t i = 0; web->origins && i < count; i++) {
		web->origins[i] = strdup(origins[i]);
		if (!web->origins[i])
			return -1;
	}
	return web->origins ? 0 : -1;
}

static int listen_for_web(struct web *web, const struct server_config *config, struct err *err)
{
	web->http = http_server_new(web->server->loop, config->listen, config->web->port,
				    (const char *const *)web->origins, &on_http, web, err);
	if (web->http)
		return 0;
	if (strstr(err->text, strerror(EADDRINUSE)))
		err_wrap(err, "another program runs on this port; choose another port, or 0 for "
			      "no HTTP");
	return err_wrap(err, "listen for HTTP");
}

struct web *web_new(struct server *server, const struct server_config *config, struct err *err)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web) {
		err_set(err, ERR_MEMORY, "no memory for the HTTP server");
		return NULL;
	}
	web->server = server;
	web->files = -1;
	if (copy_origins(web, config->web->origins) < 0)
		err_set(err, ERR_MEMORY, "no memory for the HTTP server");
	else if ((!config->web->uploads ||
		  (web->upload = upload_new(server->env, config->web->uploads,
					    &server->c2s.state_secret, err))) &&
		 (!config->web->files || web_files_open(web, config->web->files, err) == 0) &&
		 listen_for_web(web, config, err) == 0) {
		make_policy(web);
		return web;
	}
	web_free(&web);
	return NULL;
}

void web_free(struct web **web)
{
	struct web *old = *web;

	if (!old)
		return;
	http_server_free(&old->http);
	upload_free(&old->upload);
	if (old->files >= 0)
		close(old->files);
	for (char **origin = old->origins; origin && *origin; origin++)
		free(*origin);
	free(old->origins);
	free(old);
	*web = NULL;
}

struct upload *web_uploads(const struct web *web)
{
	return web->upload;
}

uint16_t web_port(const struct web *web)
{
	return http_server_port(web->http);
}
