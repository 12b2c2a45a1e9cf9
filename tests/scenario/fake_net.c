/*
 * fake_net.c: hosts, their services, and dialling. The streams are in fake_stream.c.
 *
 * A service goes: made, has an address (FAKE_ADDRESS_MS), is published (publish_delay). A dial
 * needs a latency each way; it fails at once when the host may not dial, after the latency when
 * there is no such service or the authorization is wrong, and by time-out when a frozen host is
 * involved.
 */
#include "tests/scenario/fake_net_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_PORT 80

enum service_state { SERVICE_NEW, SERVICE_ADDRESSED, SERVICE_PUBLISHED, SERVICE_GONE };

struct fake_service {
	struct service service;
	struct fake_host *host;
	const struct service_handler *handler;
	void *arg;
	enum service_state state;
	bool tell_lost; /* published(false) is owed */
	uint8_t key[ONION_KEY_LEN];
	struct key auth[SERVICE_SLOTS];
	struct fake_issue *issue; /* of the present address */
	struct timer *timer;
	LIST_ENTRY(fake_service) next;
};

struct fake_dial {
	struct dial dial;
	struct fake_host *host;
	struct endpoint endpoint;
	void (*done)(void *arg, struct stream *stream, const struct err *why);
	void *arg;
	bool timed_out;
	struct timer *timer;
	LIST_ENTRY(fake_dial) next;
};

static const struct transport_ops fake_transport_ops;

void *fake_alloc(size_t len)
{
	void *memory = calloc(1, len);
	/* A test may let an allocation fail, but not the net's. */
	if (!memory)
		memory = calloc(1, len);
	if (!memory)
		abort();
	return memory;
}

/* Likewise. */
static struct timer *fake_timer(const struct env *env, void (*fire)(void *arg), void *arg)
{
	struct timer *timer = timer_new(env, fire, arg);

	if (!timer)
		timer = timer_new(env, fire, arg);
	if (!timer)
		abort();
	return timer;
}

int64_t fake_latency(struct fake_net *net)
{
	return FAKE_LATENCY_MIN_MS +
	       (int64_t)env_random_below(net->env, FAKE_LATENCY_MAX_MS - FAKE_LATENCY_MIN_MS);
}

/* --- services --- */

static void service_address(struct fake_service *service)
{
	const struct env *env = service->host->net->env;
	env_random(env, service->key, sizeof service->key);
	env_random(env, service->auth, sizeof service->auth);
	service->state = SERVICE_ADDRESSED;
	service->issue = fake_alloc(sizeof *service->issue);
	service->issue->host = service->host;
	service->issue->gone_ms = -1;
	memcpy(service->issue->key, service->key, sizeof service->key);
	memcpy(service->issue->auth, service->auth, sizeof service->auth);
	SLIST_INSERT_HEAD(&service->host->net->issues, service->issue, next);
	timer_set(service->timer, service->host->publish_delay);
}

static void address_gone(struct fake_service *service)
{
	if (service->issue)
		service->issue->gone_ms = fake_clock_now(service->host->net->clock);
	service->issue = NULL;
}

static void service_fire(void *arg)
{
	struct fake_service *service = arg;
	if (service->tell_lost) {
		service->tell_lost = false;
		timer_set(service->timer, FAKE_ADDRESS_MS);
		if (service->handler->published)
			service->handler->published(service->arg, false);
	} else if (service->state == SERVICE_NEW) {
		service_address(service);
	} else if (service->state == SERVICE_ADDRESSED) {
		service->state = SERVICE_PUBLISHED;
		if (service->handler->published)
			service->handler->published(service->arg, true);
	}
}

static struct service *fake_service_new(struct transport *transport,
					const struct service_handler *handler, void *arg,
					struct err *err)
{
	struct fake_service *service = fake_alloc(sizeof *service);
	(void)err;
	service->service.transport = transport;
	service->host = (struct fake_host *)transport;
	service->host->services_made++;
	service->handler = handler;
	service->arg = arg;
	service->timer = fake_timer(service->host->net->env, service_fire, service);
	timer_set(service->timer, FAKE_ADDRESS_MS);
	LIST_INSERT_HEAD(&service->host->services, service, next);
	return &service->service;
}

static int fake_service_endpoint(const struct service *base, unsigned slot,
				 struct endpoint *endpoint)
{
	const struct fake_service *service = (const struct fake_service *)base;
	if (service->state != SERVICE_ADDRESSED && service->state != SERVICE_PUBLISHED)
		return -1;
	*endpoint = (struct endpoint){.kind = ENDPOINT_ONION, .port = SERVICE_PORT};
	memcpy(endpoint->service, service->key, sizeof endpoint->service);
	endpoint->auth = service->auth[slot % SERVICE_SLOTS];
	return 0;
}

static void fake_service_free(struct service *base)
{
	struct fake_service *service = (struct fake_service *)base;
	LIST_REMOVE(service, next);
	address_gone(service);
	timer_free(&service->timer);
	free(service);
}

/* Tor's lost its services: they get new addresses, after published(false) if they were up. */
static void service_lose(struct fake_service *service)
{
	service->tell_lost = service->state == SERVICE_PUBLISHED;
	address_gone(service);
	service->state = SERVICE_NEW;
	timer_set(service->timer, service->tell_lost ? 0 : FAKE_ADDRESS_MS);
}

static void service_kill(struct fake_service *service)
{
	service->state = SERVICE_GONE;
	address_gone(service);
	timer_stop(service->timer);
}

/* --- dials --- */

static struct fake_service *service_find(struct fake_net *net, const struct endpoint *endpoint)
{
	struct fake_host *host;
	struct fake_service *service;
	SLIST_FOREACH(host, &net->hosts, next)
	{
		LIST_FOREACH(service, &host->services, next)
		{
			if (service->state == SERVICE_PUBLISHED &&
			    memcmp(service->key, endpoint->service, sizeof service->key) == 0)
				return service;
		}
	}
	return NULL;
}

static bool has_slot(const struct key auth[SERVICE_SLOTS], const struct endpoint *endpoint)
{
	for (unsigned i = 0; i < SERVICE_SLOTS; i++) {
		if (memcmp(&auth[i], &endpoint->auth, sizeof endpoint->auth) == 0)
			return true;
	}
	return false;
}

static void tell_dial(struct fake_host *host, const struct endpoint *endpoint)
{
	struct fake_net *net = host->net;
	const struct fake_issue *issue;
	int64_t gone_ms = 0;
	if (!net->dialled)
		return;
	SLIST_FOREACH(issue, &net->issues, next)
	{
		if (memcmp(issue->key, endpoint->service, sizeof issue->key) == 0 &&
		    has_slot(issue->auth, endpoint))
			break;
	}
	if (issue && issue->gone_ms >= 0)
		gone_ms = fake_clock_now(net->clock) - issue->gone_ms;
	net->dialled(net->dialled_arg, host->name, issue ? issue->host->name : NULL, gone_ms);
}

static void dial_drop(struct fake_dial *dial)
{
	LIST_REMOVE(dial, next);
	timer_free(&dial->timer);
	free(dial);
}

static void dial_fail(struct fake_dial *dial, enum err_code code, const char *text)
{
	void (*done)(void *, struct stream *, const struct err *) = dial->done;
	void *arg = dial->arg;
	struct err why;
	err_set(&why, code, "%s", text);
	dial_drop(dial);
	done(arg, NULL, &why);
}

static void dial_connect(struct fake_dial *dial, struct fake_service *service)
{
	struct fake_stream *ends[2];
	void (*done)(void *, struct stream *, const struct err *) = dial->done;
	void *arg = dial->arg;
	fake_stream_pair(dial->host, service->host, ends);
	dial_drop(dial);
	/* Either side may free its end in its call; the other is only told by its stream. */
	service->handler->accepted(service->arg, &ends[1]->stream);
	done(arg, &ends[0]->stream, NULL);
}

static void dial_fire(void *arg)
{
	struct fake_dial *dial = arg;
	struct fake_service *service = service_find(dial->host->net, &dial->endpoint);
	bool held = dial->host->frozen || (service && service->host->frozen) ||
		    (!service && dial->host->hang_dials);
	if (dial->timed_out)
		dial_fail(dial, ERR_TIMEOUT, "dial timed out");
	else if (dial->host->fail_dials)
		dial_fail(dial, ERR_UNAVAILABLE, "no circuit could be built");
	else if (held) {
		dial->timed_out = true;
		timer_set(dial->timer, FAKE_DIAL_TIMEOUT_MS);
	} else if (!service)
		dial_fail(dial, ERR_NOT_FOUND, "no such onion service");
	else if (!has_slot(service->auth, &dial->endpoint))
		dial_fail(dial, ERR_AUTH, "client authorization is wrong");
	else
		dial_connect(dial, service);
}

static struct dial *
fake_dial_begin(struct transport *transport, const struct endpoint *endpoint, const char *isolation,
		void (*done)(void *arg, struct stream *stream, const struct err *why), void *arg,
		struct err *err)
{
	struct fake_host *host = (struct fake_host *)transport;
	struct fake_dial *dial = fake_alloc(sizeof *dial);
	(void)isolation;
	(void)err;
	host->dials++;
	tell_dial(host, endpoint);
	dial->dial.transport = transport;
	dial->host = host;
	dial->endpoint = *endpoint;
	dial->done = done;
	dial->arg = arg;
	dial->timer = fake_timer(host->net->env, dial_fire, dial);
	timer_set(dial->timer, 2 * fake_latency(host->net));
	LIST_INSERT_HEAD(&host->pending, dial, next);
	return &dial->dial;
}

static void fake_dial_cancel(struct dial *base)
{
	dial_drop((struct fake_dial *)base);
}

static const struct transport_ops fake_transport_ops = {
    .name = "fake",
    .service_new = fake_service_new,
    .service_endpoint = fake_service_endpoint,
    .service_free = fake_service_free,
    .dial = fake_dial_begin,
    .dial_cancel = fake_dial_cancel,
};

/* --- hosts --- */

struct fake_host *fake_net_host(struct fake_net *net, const char *name)
{
	struct fake_host *host = fake_alloc(sizeof *host);
	host->transport.ops = &fake_transport_ops;
	host->net = net;
	snprintf(host->name, sizeof host->name, "%s", name);
	host->publish_delay = FAKE_PUBLISH_MS;
	LIST_INIT(&host->services);
	LIST_INIT(&host->pending);
	LIST_INIT(&host->streams);
	SLIST_INSERT_HEAD(&net->hosts, host, next);
	return host;
}

struct transport *fake_host_transport(struct fake_host *host)
{
	return &host->transport;
}

void fake_host_kill(struct fake_host *host, int64_t closed_ms)
{
	struct fake_stream *stream;
	struct fake_service *service;
	struct fake_dial *dial;
	LIST_FOREACH(stream, &host->streams, next) fake_stream_kill(stream, closed_ms);
	LIST_FOREACH(service, &host->services, next) service_kill(service);
	LIST_FOREACH(dial, &host->pending, next) timer_stop(dial->timer);
}

void fake_host_freeze(struct fake_host *host, bool on)
{
	struct fake_host *each;
	struct fake_stream *stream;
	host->frozen = on;
	SLIST_FOREACH(each, &host->net->hosts, next)
	{
		LIST_FOREACH(stream, &each->streams, next) fake_stream_thaw(stream);
	}
}

void fake_host_cut(struct fake_host *host)
{
	struct fake_stream *stream;
	LIST_FOREACH(stream, &host->streams, next) fake_stream_cut(stream);
}

void fake_host_break(struct fake_host *host)
{
	struct fake_stream *stream;
	LIST_FOREACH(stream, &host->streams, next) fake_stream_break(stream);
}

void fake_host_restart_tor(struct fake_host *host)
{
	struct fake_service *service;
	fake_host_break(host);
	LIST_FOREACH(service, &host->services, next) service_lose(service);
}

void fake_host_fail_dials(struct fake_host *host, bool on)
{
	host->fail_dials = on;
}

void fake_host_hang_dials(struct fake_host *host, bool on)
{
	host->hang_dials = on;
}

void fake_host_publish_delay(struct fake_host *host, int64_t ms)
{
	host->publish_delay = ms;
}

unsigned fake_host_services(const struct fake_host *host)
{
	const struct fake_service *service;
	unsigned count = 0;
	LIST_FOREACH(service, &host->services, next) count += service->state == SERVICE_PUBLISHED;
	return count;
}

unsigned fake_host_streams(const struct fake_host *host)
{
	const struct fake_stream *stream;
	unsigned count = 0;
	LIST_FOREACH(stream, &host->streams, next) count += !stream->ended;
	return count;
}

unsigned fake_host_dials(const struct fake_host *host)
{
	return host->dials;
}

unsigned fake_host_services_made(const struct fake_host *host)
{
	return host->services_made;
}

int fake_host_endpoint(const struct fake_host *host, unsigned slot, struct endpoint *endpoint)
{
	const struct fake_service *service = LIST_FIRST(&host->services);
	return service ? fake_service_endpoint(&service->service, slot, endpoint) : -1;
}

/* --- the net --- */

struct fake_net *fake_net_new(struct fake_clock *clock)
{
	struct fake_net *net = fake_alloc(sizeof *net);
	net->clock = clock;
	net->fake = fake_env_new(clock);
	net->env = fake_env_env(net->fake);
	SLIST_INIT(&net->hosts);
	SLIST_INIT(&net->issues);
	return net;
}

static void host_free(struct fake_host *host)
{
	if (!LIST_EMPTY(&host->services) || !LIST_EMPTY(&host->pending) ||
	    !LIST_EMPTY(&host->streams)) {
		fprintf(stderr, "fake_net: %s has left a service, dial or stream\n", host->name);
		abort();
	}
	free(host);
}

void fake_net_free(struct fake_net **net)
{
	if (!*net)
		return;
	while (!SLIST_EMPTY(&(*net)->hosts)) {
		struct fake_host *host = SLIST_FIRST(&(*net)->hosts);
		SLIST_REMOVE_HEAD(&(*net)->hosts, next);
		host_free(host);
	}
	while (!SLIST_EMPTY(&(*net)->issues)) {
		struct fake_issue *issue = SLIST_FIRST(&(*net)->issues);
		SLIST_REMOVE_HEAD(&(*net)->issues, next);
		free(issue);
	}
	for (unsigned i = 0; i < (*net)->conn_count; i++) {
		buf_free(&(*net)->conns[i]->up.bytes);
		buf_free(&(*net)->conns[i]->down.bytes);
		free((*net)->conns[i]);
	}
	free((*net)->conns);
	fake_env_free(&(*net)->fake);
	free(*net);
	*net = NULL;
}

unsigned fake_net_conns(const struct fake_net *net)
{
	return net->conn_count;
}

const struct fake_conn *fake_net_conn(const struct fake_net *net, unsigned index)
{
	return net->conns[index];
}

void fake_net_watch(struct fake_net *net,
		    void (*seen)(void *arg, const struct fake_conn *conn, bool up,
				 const uint8_t *data, size_t len),
		    void *arg)
{
	net->seen = seen;
	net->seen_arg = arg;
}

void fake_net_watch_dials(struct fake_net *net,
			  void (*dialled)(void *arg, const char *dialler, const char *issuer,
					  int64_t gone_ms),
			  void *arg)
{
	net->dialled = dialled;
	net->dialled_arg = arg;
}

void fake_net_keep(struct fake_net *net, bool on)
{
	net->forget = !on;
}
