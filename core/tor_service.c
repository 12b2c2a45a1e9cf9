/*
 * tor_service.c: our onion services, made through the control port and led to sockets of ours.
 *
 *     ADD_ONION NEW:ED25519-V3 Flags=DiscardPK,V3Auth PoWDefensesEnabled=1 MaxStreams=16
 *         Port=5222,unix:/…/service-0 ClientAuthV3=… (one for each slot)
 *
 * Tor keeps the service's private key to itself, and the service ends with the control connection.
 * It can be reached once its descriptor lies with the relays that are asked for it (HS_DESC
 * UPLOADED). What the owner is told comes from a timer, so that handlers never run within a walk
 * over the services.
 */
#include "core/base/buf.h"
#include "core/base/codec.h"
#include "core/base/log.h"
#include "core/base/stream_socket.h"
#include "core/crypto.h"
#include "core/onion.h"
#include "core/tor_directory.h"
#include "core/transport_tor_private.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of tor's LongLivedPorts, for which it takes relays that have been up for long: a session is
 * meant to last for days. */
#define SERVICE_PORT 5222
/* A dialler needs one stream on a circuit, and some more while old ones are not noticed dead. */
#define STREAMS_A_CIRCUIT 16
/* Services made and not yet published at one time; tor has at most 32 circuits under way, and each
 * service wants three introduction points and some 16 uploads. */
#define PUBLISHING_MAX 4
/* A service that takes longer makes room for the next one, and goes on trying. */
#define PUBLISHING_LIMIT_MS 60000
/* After the first upload the others are waited for, but not longer than this: a dialler asks one of
 * six or so relays, and does not find the service at those that have no descriptor yet. */
#define UPLOADS_SETTLE_MS 5000

enum service_state {
	SERVICE_WAITING,   /* for tor, or for others to be published */
	SERVICE_ADDING,    /* ADD_ONION sent */
	SERVICE_UPLOADING, /* has an address; nobody can know it yet */
	SERVICE_PUBLISHED, /* can be reached */
	SERVICE_FAILED,    /* tor does not want it; the owner frees it */
};

static const char *const state_names[] = {
    [SERVICE_WAITING] = "waiting",     [SERVICE_ADDING] = "adding",
    [SERVICE_UPLOADING] = "uploading", [SERVICE_PUBLISHED] = "published",
    [SERVICE_FAILED] = "failed",
};

struct tor_service {
	struct service service;
	enum service_state state;
	struct tor_transport *owner;
	struct tor_service *next;
	const struct service_handler *handler;
	void *arg;
	bool withdrawn; /* freed by its owner while ADD_ONION had no answer: gone with the answer */
	unsigned number; /* of its socket */
	struct listener *listener;
	char name[ONION_NAME_LEN + 1]; /* "" while it has none */
	uint8_t public_key[ONION_KEY_LEN];
	struct key keys[SERVICE_SLOTS];
	unsigned uploads, uploaded, failed; /* events of HS_DESC */
	bool late;                          /* PUBLISHING_LIMIT_MS have passed */
	struct timer *pace;                 /* publishing limit, then settling of uploads */
	struct timer *news;                 /* tell the owner */
	bool told;                          /* the owner knows it as reachable */
	struct err why;                     /* of FAILED */
};

static struct tor_service *service_of(struct service *service)
{
	return (struct tor_service *)service;
}

static void enter_state(struct tor_service *service, enum service_state state)
{
	log_debug("onion service %u: %s -> %s", service->number, state_names[service->state],
		  state_names[state]);
	service->state = state;
	if (state == SERVICE_FAILED || (state == SERVICE_PUBLISHED) != service->told)
		timer_set(service->news, 0);
}

/* --- what its owner is told --- */

static void tell(void *arg)
{
	struct tor_service *service = arg;
	bool reachable = service->state == SERVICE_PUBLISHED;

	if (service->state == SERVICE_FAILED) {
		service->handler->failed(service->arg, &service->why);
	} else if (reachable != service->told) {
		service->told = reachable;
		service->handler->published(service->arg, reachable);
	}
}

static void accepted(void *arg, struct stream *stream)
{
	struct tor_service *service = arg;

	if (service->withdrawn)
		stream_free(&stream);
	else
		service->handler->accepted(service->arg, stream);
}

/* --- making it --- */

static int make_keys(struct tor_service *service, struct buf *command, struct err *err)
{
	uint8_t public_key[X25519_LEN];
	char text[BASE32_LEN(X25519_LEN) + 1];

	for (unsigned i = 0; i < SERVICE_SLOTS; i++) {
		env_random(service->owner->env, &service->keys[i], sizeof service->keys[i]);
		if (crypto_x25519_public(&service->keys[i], public_key) != 0)
			return err_set(err, ERR_CRYPTO, "X25519 key for client authorization");
		base32_encode(public_key, sizeof public_key, text);
		/* tor takes capitals only. */
		for (char *at = text; *at != '\0'; at++)
			*at = (char)toupper((unsigned char)*at);
		if (buf_printf(command, " ClientAuthV3=%s", text) != 0)
			return err_set(err, ERR_MEMORY, "out of memory");
	}
	return 0;
}

static int listen_unix(struct tor_service *service, struct buf *command, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/" TOR_SERVICE_SOCKET "%u", service->owner->directory,
		 service->number);
	service->listener =
	    listener_new_unix(service->owner->loop, path, 0600, accepted, service, err);
	if (service->listener == NULL)
		return -1;
	if (buf_printf(command, "unix:%s", path) != 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

static int listen_tcp(struct tor_service *service, struct buf *command, struct err *err)
{
	service->listener =
	    listener_new_tcp(service->owner->loop, "127.0.0.1", 0, accepted, service, err);
	if (service->listener == NULL)
		return -1;
	if (buf_printf(command, "127.0.0.1:%u", (unsigned)listener_port(service->listener)) != 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

static int write_command(struct tor_service *service, struct buf *command, struct err *err)
{
	const struct tor_transport *owner = service->owner;

	if (buf_printf(command,
		       "ADD_ONION NEW:ED25519-V3 Flags=DiscardPK,V3Auth%s MaxStreams=%d Port=%d,",
		       owner->pow_refused ? "" : " PoWDefensesEnabled=1", STREAMS_A_CIRCUIT,
		       SERVICE_PORT) != 0)
		return err_set(err, ERR_MEMORY, "out of memory");
	listener_free(&service->listener);
	if ((owner->unix_sockets ? listen_unix : listen_tcp)(service, command, err) != 0)
		return -1;
	return make_keys(service, command, err);
}

static void fail(struct tor_service *service, const struct err *why)
{
	service->why = *why;
	err_wrap(&service->why, "onion service");
	timer_stop(service->pace);
	listener_free(&service->listener);
	enter_state(service, SERVICE_FAILED);
}

static void destroy(struct tor_service *service)
{
	struct tor_service **at = &service->owner->services;

	while (*at != NULL && *at != service)
		at = &(*at)->next;
	if (*at == service)
		*at = service->next;
	listener_free(&service->listener);
	timer_free(&service->pace);
	timer_free(&service->news);
	secret_free(service, sizeof *service);
}

/* Nothing can be done if that fails: then the connection is lost, and the service with it. */
static void delete_onion(const struct tor_service *service, const char *name)
{
	if (service->owner->control != NULL)
		tor_control_send(service->owner->control, NULL, NULL, NULL, "DEL_ONION %s", name);
}

static void refused(struct tor_service *service, const struct tor_reply *reply)
{
	struct err why;

	/* 512, 513: a word in the command that it does not know. */
	if ((reply->code == 512 || reply->code == 513) && !service->owner->pow_refused) {
		log_info("tor knows no proof-of-work defence");
		service->owner->pow_refused = true;
		enter_state(service, SERVICE_WAITING);
		return;
	}
	err_set(&why, ERR_UNAVAILABLE, "tor refuses it: %d %.100s", reply->code,
		reply->lines[reply->count - 1].text);
	fail(service, &why);
}

static void added(void *arg, const struct tor_reply *reply)
{
	struct tor_service *service = arg;
	struct tor_transport *owner = service->owner;
	const char *name = tor_reply_value(reply, "ServiceID");
	struct err why;

	if (service->withdrawn) {
		if (reply->code == 250 && name != NULL)
			delete_onion(service, name);
		destroy(service);
	} else if (reply->code != 250) {
		refused(service, reply);
	} else if (name == NULL || onion_parse(name, service->public_key) != 0) {
		err_set(&why, ERR_PROTOCOL, "tor gives it no address");
		fail(service, &why);
	} else {
		memcpy(service->name, name, sizeof service->name);
		timer_set(service->pace, PUBLISHING_LIMIT_MS);
		enter_state(service, SERVICE_UPLOADING);
	}
	tor_services_start(owner);
}

static void add(struct tor_service *service)
{
	struct buf command;
	struct err err;

	service->uploads = service->uploaded = service->failed = 0;
	service->late = false;
	enter_state(service, SERVICE_ADDING);
	buf_init(&command, TOR_COMMAND_MAX);
	if (write_command(service, &command, &err) != 0 ||
	    tor_control_send(service->owner->control, added, service, &err, "%s",
			     buf_text(&command)) != 0)
		fail(service, &err);
	buf_free(&command);
}

static unsigned count_publishing(const struct tor_transport *transport)
{
	unsigned count = 0;

	for (const struct tor_service *s = transport->services; s != NULL; s = s->next)
		if (s->state == SERVICE_ADDING || (s->state == SERVICE_UPLOADING && !s->late))
			count++;
	return count;
}

void tor_services_start(struct tor_transport *transport)
{
	unsigned count = count_publishing(transport);

	if (transport->control == NULL)
		return;
	for (struct tor_service *s = transport->services; s != NULL && count < PUBLISHING_MAX;
	     s = s->next)
		if (s->state == SERVICE_WAITING) {
			add(s);
			count++;
		}
}

/* --- publication --- */

static void become_published(struct tor_service *service)
{
	timer_stop(service->pace);
	enter_state(service, SERVICE_PUBLISHED);
	tor_services_start(service->owner);
}

static void pace_over(void *arg)
{
	struct tor_service *service = arg;

	if (service->uploaded > 0) {
		become_published(service);
		return;
	}
	log_info("an onion service is slow to be published");
	service->late = true;
	tor_services_start(service->owner);
}

static void handle_event(struct tor_service *service, const char *action)
{
	bool first = service->uploaded == 0;

	if (strcmp(action, "UPLOAD") == 0)
		service->uploads++;
	else if (strcmp(action, "UPLOADED") == 0)
		service->uploaded++;
	else if (strcmp(action, "FAILED") == 0)
		service->failed++;
	log_debug("onion service %u: %s (%u of %u)", service->number, action, service->uploaded,
		  service->uploads);
	if (service->state != SERVICE_UPLOADING || service->uploaded == 0)
		return;
	if (service->uploaded + service->failed >= service->uploads)
		become_published(service);
	else if (first)
		timer_set(service->pace, UPLOADS_SETTLE_MS);
}

/* HS_DESC ACTION ADDRESS …; clients' events have the addresses that are dialled. */
void tor_services_event(struct tor_transport *transport, const struct tor_reply *event)
{
	const char *text = event->lines[0].text;
	char action[16], name[ONION_NAME_LEN + 1];

	if (tor_text_word(text, 1, action, sizeof action) != 0 ||
	    tor_text_word(text, 2, name, sizeof name) != 0)
		return;
	for (struct tor_service *s = transport->services; s != NULL; s = s->next)
		if (strcmp(s->name, name) == 0) {
			handle_event(s, action);
			return;
		}
}

/* --- the calls of transport.h --- */

static void lose(struct tor_service *service)
{
	listener_free(&service->listener);
	timer_stop(service->pace);
	service->name[0] = '\0';
	secret_wipe(service->keys, sizeof service->keys);
	if (service->state != SERVICE_FAILED)
		enter_state(service, SERVICE_WAITING);
}

void tor_services_down(struct tor_transport *transport)
{
	struct tor_service *next;

	for (struct tor_service *s = transport->services; s != NULL; s = next) {
		next = s->next;
		if (s->withdrawn)
			destroy(s);
		else
			lose(s);
	}
}

/* The lowest number that no service has, so that sockets left by a crash are used again. */
static unsigned free_number(const struct tor_transport *transport)
{
	unsigned number = 0;
	const struct tor_service *s = transport->services;

	while (s != NULL) {
		if (s->number == number) {
			number++;
			s = transport->services;
		} else {
			s = s->next;
		}
	}
	return number;
}

static void append(struct tor_transport *transport, struct tor_service *service)
{
	struct tor_service **at = &transport->services;

	while (*at != NULL)
		at = &(*at)->next;
	*at = service;
}

struct service *tor_service_new(struct transport *transport, const struct service_handler *handler,
				void *arg, struct err *err)
{
	struct tor_transport *owner = (struct tor_transport *)transport;
	struct tor_service *service = calloc(1, sizeof *service);

	if (service == NULL) {
		err_set(err, ERR_MEMORY, "onion service: out of memory");
		return NULL;
	}
	service->service.transport = transport;
	service->owner = owner;
	service->handler = handler;
	service->arg = arg;
	service->number = free_number(owner);
	service->pace = timer_new(owner->env, pace_over, service);
	service->news = timer_new(owner->env, tell, service);
	if (service->pace == NULL || service->news == NULL) {
		destroy(service);
		err_set(err, ERR_MEMORY, "onion service: out of memory");
		return NULL;
	}
	append(owner, service);
	tor_services_start(owner);
	return &service->service;
}

int tor_service_endpoint(const struct service *front, unsigned slot, struct endpoint *endpoint)
{
	const struct tor_service *service = (const struct tor_service *)front;

	if (service->name[0] == '\0')
		return -1;
	*endpoint = (struct endpoint){
	    .kind = ENDPOINT_ONION,
	    .port = SERVICE_PORT,
	    .auth = service->keys[slot],
	};
	memcpy(endpoint->service, service->public_key, ONION_KEY_LEN);
	return 0;
}

void tor_service_free(struct service *front)
{
	struct tor_service *service = service_of(front);
	struct tor_transport *owner = service->owner;

	if (service->state == SERVICE_ADDING) {
		service->withdrawn = true;
		timer_stop(service->news);
		return;
	}
	if (service->name[0] != '\0')
		delete_onion(service, service->name);
	destroy(service);
	tor_services_start(owner);
}
