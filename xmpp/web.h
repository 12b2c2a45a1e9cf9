/*
 * web.h: what the server has for HTTP: the door for WebSocket (RFC 7395), the way to it (XEP-0156),
 * and the files of a web page. Who may come at all, core/base/http_server.h has decided before.
 */
#ifndef XMPP_WEB_H
#define XMPP_WEB_H

#include "xmpp/server_private.h"

struct upload;
struct web;

/* TOKEN/NAME follows. */
#define WEB_PATH_UPLOAD "/upload/"

/* Listen as config->web says. NULL with *err. */
struct web *web_new(struct server *server, const struct server_config *config, struct err *err);
/* Streams that have become clients stay. */
void web_free(struct web **web);
/* NULL: files are not taken. */
struct upload *web_uploads(const struct web *web);
uint16_t web_port(const struct web *web);

#endif
