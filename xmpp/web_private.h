/*
 * web_private.h: shared by web.c (the table of paths, WebSocket, host-meta), web_files.c and
 * web_upload.c.
 */
#ifndef XMPP_WEB_PRIVATE_H
#define XMPP_WEB_PRIVATE_H

#include "core/base/http_server.h"
#include "xmpp/web.h"

/* A page may load and talk to nothing but us: a picture that a contact's message points to would
 * tell the contact the user's address. WebAssembly is for a page that checks signatures with it. */
#define WEB_POLICY_SIZE 512

struct web {
	struct server *server;
	struct http_server *http;
	char **origins;        /* ends with NULL */
	int files;             /* the directory; -1: none */
	struct upload *upload; /* NULL: none */
	unsigned uploading;    /* files that come in now */
	char policy[WEB_POLICY_SIZE];
};

/* Open the directory of the page. */
int web_files_open(struct web *web, const char *path, struct err *err);
/* Answer with the file at path ("/" is index.html), or 404. */
void web_files_get(struct web *web, struct http_request *request, const char *path);
/* PUT or GET a file of web->upload; path is TOKEN/NAME. */
void web_upload(struct web *web, struct http_request *request, const char *path);

#endif
