/*
 * address.c: see address.h.
 *
 * At most three services: the one being made, the one that is shown, the one that is left.
 *
 *     due -> next is made -> published -> it is the one shown; the one before is left -> grace over
 *      ^        | failed: backoff           |
 *      +--------+------------ a day --------+
 */
#include "core/address.h"

#include "core/base/log.h"

#include <stdlib.h>

/* One service; it stays where it is in memory, as the transport knows it. */
struct place {
	struct address *address;
	struct service *service;
	bool reachable;
};

struct address {
	const struct env *env;
	struct transport *transport;
	const struct address_handler *handler;
	void *arg;
	bool running;
	struct place *next, *shown, *left;
	struct timer *due;   /* the next one is to be made */
	struct timer *grace; /* the one that is left is to be withdrawn */
	int64_t backoff_ms;  /* 0: nothing has failed */
};

static void withdraw(struct place **place)
{
	if (*place == NULL)
		return;
	service_free(&(*place)->service);
	free(*place);
	*place = NULL;
}

static void withdraw_all(struct address *address)
{
	timer_stop(address->due);
	timer_stop(address->grace);
	withdraw(&address->next);
	withdraw(&address->shown);
	withdraw(&address->left);
}

static void plan_again(struct address *address)
{
	int64_t *backoff = &address->backoff_ms;

	*backoff = *backoff == 0 ? ADDRESS_BACKOFF_MIN_MS : 2 * *backoff;
	if (*backoff > ADDRESS_BACKOFF_MAX_MS)
		*backoff = ADDRESS_BACKOFF_MAX_MS;
	timer_set(address->due, env_jitter(address->env, *backoff, 25));
}

/* --- what a service tells --- */

/* The next one is there. */
static void move(struct address *address)
{
	withdraw(&address->left);
	address->left = address->shown;
	address->shown = address->next;
	address->next = NULL;
	address->backoff_ms = 0;
	if (address->left != NULL)
		timer_set(address->grace, ADDRESS_GRACE_MS);
	timer_set(address->due, env_jitter(address->env, ADDRESS_LIFE_MS, ADDRESS_LIFE_JITTER));
}

static void on_published(void *arg, bool reachable)
{
	struct place *place = arg;
	struct address *address = place->address;
	bool fresh = place == address->next;

	place->reachable = reachable;
	if (place == address->left)
		return;
	log_info("address: %s service %s", fresh ? "the new" : "the",
		 reachable ? "published" : "not reachable");
	if (!reachable)
		return;
	if (fresh)
		move(address);
	address->handler->shown(address->arg, fresh);
}

static void on_accepted(void *arg, struct stream *stream)
{
	struct place *place = arg;

	place->address->handler->accepted(place->address->arg, stream);
}

/* It is not freed here, in its own call, but when another takes its place. */
static void on_failed(void *arg, const struct err *why)
{
	struct place *place = arg;
	struct address *address = place->address;

	log_warn("address: the service failed: %s", why->text);
	place->reachable = false;
	/* When the one shown is lost while the next one is being made, that one is waited for. */
	if (place == address->next || (place == address->shown && address->next == NULL))
		plan_again(address);
}

static const struct service_handler service_handler = {
    .published = on_published,
    .accepted = on_accepted,
    .failed = on_failed,
};

/* --- making one --- */

static void make_next(void *arg)
{
	struct address *address = arg;
	struct place *place = calloc(1, sizeof(*place));
	struct err why = {0};

	withdraw(&address->next);
	if (place == NULL) {
		plan_again(address);
		return;
	}
	place->address = address;
	place->service = service_new(address->transport, &service_handler, place, &why);
	if (place->service == NULL) {
		log_warn("address: no service: %s", why.text);
		free(place);
		plan_again(address);
		return;
	}
	address->next = place;
}

static void grace_over(void *arg)
{
	struct address *address = arg;

	withdraw(&address->left);
}

/* --- from outside --- */

struct address *address_new(const struct env *env, struct transport *transport,
			    const struct address_handler *handler, void *arg)
{
	struct address *address = calloc(1, sizeof(*address));

	if (address == NULL)
		return NULL;
	address->env = env;
	address->transport = transport;
	address->handler = handler;
	address->arg = arg;
	address->due = timer_new(env, make_next, address);
	address->grace = timer_new(env, grace_over, address);
	if (address->due == NULL || address->grace == NULL)
		address_free(&address);
	return address;
}

void address_free(struct address **address)
{
	struct address *a = *address;

	if (a == NULL)
		return;
	withdraw(&a->next);
	withdraw(&a->shown);
	withdraw(&a->left);
	timer_free(&a->due);
	timer_free(&a->grace);
	free(a);
	*address = NULL;
}

void address_start(struct address *address)
{
	address->running = true;
	address->backoff_ms = 0;
	make_next(address);
}

void address_stop(struct address *address)
{
	address->running = false;
	withdraw_all(address);
}

void address_flee(struct address *address)
{
	if (!address->running)
		return;
	withdraw_all(address);
	make_next(address);
}

void address_wake(struct address *address)
{
	/* After a failure the next attempt is planned; otherwise it is a day away. */
	if (address->running && address->backoff_ms > 0 && timer_pending(address->due))
		timer_set(address->due, 0);
}

bool address_shown(const struct address *address)
{
	return address->shown != NULL && address->shown->reachable;
}

int address_endpoint(const struct address *address, unsigned slot, struct endpoint *endpoint)
{
	if (!address_shown(address))
		return -1;
	return service_endpoint(address->shown->service, slot, endpoint);
}
