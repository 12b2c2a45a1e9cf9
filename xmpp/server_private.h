/*
 * server_private.h: what the files of the server share: server.c (streams, limits),
 * server_listen.c, user.c and resource.c (users and their bound resources),
 * router.c and the features.
 */
#ifndef XMPP_SERVER_PRIVATE_H
#define XMPP_SERVER_PRIVATE_H

#include "xmpp/c2s.h"
#include "xmpp/guard.h"
#include "xmpp/rate.h"
#include "xmpp/server.h"
#include "xmpp/stanza.h"

/* Most addresses to listen on; two (127.0.0.1 and ::1) are usual. */
#define SERVER_LISTEN_MAX 8
/* Most streams that are not authenticated; with one more the oldest of them is closed. */
#define SERVER_STRANGERS_MAX 256
/* Most bound resources of a user. */
#define SERVER_RESOURCES_MAX 64
/* The resource that contacts are shown with: their real ones are nobody's business. */
#define SERVER_CONTACT_RESOURCE "tacet"

struct client;
struct user;
struct web;
struct caps;
struct asked;

struct server {
	struct loop *loop;
	const struct env *env;
	int64_t started_ms; /* monotonic */
	const struct server_host *host;
	void *host_arg;
	char *domain;
	struct certificate_keeper *certificate; /* NULL: no TLS */
	struct c2s_config c2s;
	/* Each address for both ports, and the socket. */
	struct listener *listeners[2 * SERVER_LISTEN_MAX + 1];
	unsigned listener_count;
	uint16_t port, tls_port;        /* tls_port 0: none */
	struct web *web;                /* NULL: no HTTP */
	struct client *oldest, *newest; /* all streams, by age */
	unsigned streams, authenticated;
	struct user *users;   /* those who have logged in since the start */
	uint64_t presence_no; /* counts presence stanzas, to tell the latest */
	uint64_t push_no;     /* ids of pushes, and of questions to clients */
	struct caps *caps;    /* what clients can do (caps.h) */
	struct asked *asked;  /* questions to contacts under way (feature_contact.c) */
	uint64_t asked_no;
	struct rate accounts; /* made by XEP-0077 */
	struct rate account_tries;
	struct guard guard; /* against guessing passwords */
};

/* How a client has come in; through the last as messages (websocket.h). */
enum server_door { SERVER_DOOR_TCP, SERVER_DOOR_TLS, SERVER_DOOR_SOCKET, SERVER_DOOR_WEBSOCKET };

/* server_listen.c; on failure some may be open. */
int server_listen(struct server *server, const struct server_config *config, struct err *err);
void server_stop_listening(struct server *server);
/* Take a new stream. */
void server_accept(struct server *server, struct stream *stream, enum server_door door);

/* As server_user_end, but for one stream, which may be NULL. */
void server_user_end_others(struct server *server, const char *user, const struct c2s *stays);
/* contact's bare JID. */
void server_contact_jid(const struct server *server, const char *contact, char out[JID_TEXT_SIZE]);

#endif
