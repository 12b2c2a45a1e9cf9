/*
 * feature_upload.c: XEP-0363, for the user's own clients.
 *
 * The address that a client gets leads to this machine. To a contact it would be of no use, and
 * tell it that and how the server listens here: a message that has one in it is refused.
 */
#include "xmpp/feature.h"
#include "xmpp/upload.h"
#include "xmpp/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_SIZE 64

bool upload_offered(const struct server *server)
{
	return server->web && web_uploads(server->web);
}

static void make_base(const struct server *server, char out[BASE_SIZE])
{
	snprintf(out, BASE_SIZE, "http://localhost:%u" WEB_PATH_UPLOAD,
		 (unsigned)web_port(server->web));
}

static void add_field(struct xml *form, const char *name, const char *type, const char *value)
{
	struct xml *field = xml_child_add(form, "field", NULL);

	xml_set(field, "var", name);
	xml_set(field, "type", type);
	xml_text_add(xml_child_add(field, "value", NULL), value);
}

void upload_describe(const struct server *server, struct xml *query)
{
	struct xml *form;
	char size[24];

	if (!upload_offered(server))
		return;
	xml_set(xml_child_add(query, "feature", NULL), "var", NS_UPLOAD);
	snprintf(size, sizeof(size), "%zu", UPLOAD_FILE_MAX);
	form = xml_child_add(query, "x", NS_FORM);
	xml_set(form, "type", "result");
	add_field(form, "FORM_TYPE", "hidden", NS_UPLOAD);
	add_field(form, "max-file-size", NULL, size);
}

/* 0: it is no size. */
static size_t size_of(const struct xml *payload)
{
	const char *text = xml_get(payload, "size");
	char *end;
	unsigned long long size;

	if (!text || *text < '0' || *text > '9')
		return 0;
	size = strtoull(text, &end, 10);
	return *end == '\0' ? (size_t)size : 0;
}

static void too_large(const struct request *request)
{
	struct xml *reply = stanza_error_new(request->stanza, STANZA_NOT_ACCEPTABLE, NULL);
	struct xml *large =
	    xml_child_add(xml_child(reply, "error", NULL), "file-too-large", NS_UPLOAD);
	char size[24];

	snprintf(size, sizeof(size), "%zu", UPLOAD_FILE_MAX);
	xml_text_add(xml_child_add(large, "max-file-size", NULL), size);
	request_reply(request, reply);
}

static void send_slot(const struct request *request, const char *path)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *slot = xml_child_add(reply, "slot", NS_UPLOAD);
	char url[BASE_SIZE + UPLOAD_PATH_SIZE];

	make_base(request->server, url);
	strncat(url, path, UPLOAD_PATH_SIZE);
	xml_set(xml_child_add(slot, "put", NULL), "url", url);
	xml_set(xml_child_add(slot, "get", NULL), "url", url);
	request_reply(request, reply);
}

void upload_request(struct request *request)
{
	const char *name = xml_get(request->payload, "filename");
	size_t size = size_of(request->payload);
	char path[UPLOAD_PATH_SIZE];
	struct err err;

	if (!request_offered(request, upload_offered(request->server)))
		return;
	if (!name || !*name || size == 0)
		request_error(request, STANZA_BAD_REQUEST, NULL);
	else if (size > UPLOAD_FILE_MAX)
		too_large(request);
	else if (upload_slot(web_uploads(request->server->web), request->resource->user->name, name,
			     size, path, &err) < 0)
		request_refused(request, &err);
	else
		send_slot(request, path);
}

bool upload_refuses(const struct request *request)
{
	char base[BASE_SIZE];
	struct buf text;
	bool found;

	if (!upload_offered(request->server))
		return false;
	make_base(request->server, base);
	buf_init(&text, C2S_QUEUE_MAX);
	/* Without "http", so that aesgcm: is found, too. What is encrypted cannot be looked into.
	 */
	found = xml_write(request->stanza, NS_CLIENT, &text) == 0 &&
		strstr(buf_text(&text), strchr(base, ':'));
	buf_free(&text);
	if (found)
		request_error(request, STANZA_NOT_ACCEPTABLE,
			      "this file lies on your own machine, where your contacts cannot "
			      "fetch it");
	return found;
}

void upload_user_gone(struct server *server, const char *user)
{
	if (upload_offered(server))
		upload_forget(web_uploads(server->web), user);
}
