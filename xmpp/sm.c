/*
 * sm.c: see sm.h. Neighbours: unacked.c (what the client has not acknowledged), server.c (streams),
 * resource.c.
 */
#include "xmpp/sm.h"

#include "xmpp/feature.h"
#include "xmpp/unacked.h"

#include "core/base/codec.h"
#include "core/base/log.h"
#include "core/base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sm {
	struct resource *resource;
	struct unacked *queue;
	struct timer *timer; /* with a stream: to ask or to end it; without: the end of the wait */
	char id[SM_ID_SIZE];
	uint32_t handled;   /* stanzas from the client, modulo 2^32 */
	uint32_t safe;      /* of them: those that a power failure cannot undo */
	int64_t wait_ms;    /* for another connection; 0: cannot be resumed */
	bool asked;         /* and not answered yet */
	unsigned since_ask; /* stanzas */
	bool doomed;        /* the queue is full: the stream ends, from the loop */
};

/* --- elements --- */

static void send_element(struct c2s *c2s, struct xml *element)
{
	if (element)
		c2s_send_management(c2s, element);
	else
		log_warn("stream management: no memory for an element");
	xml_free(&element);
}

static struct xml *set_number(struct xml *element, const char *name, uint32_t value)
{
	char text[sizeof("4294967295")];

	snprintf(text, sizeof(text), "%u", (unsigned)value);
	return xml_set(element, name, text);
}

/* A decimal number below 2^32. */
static int get_number(const struct xml *element, const char *name, uint32_t *value)
{
	const char *text = xml_get(element, name);
	uint64_t number = 0;

	if (!text || !*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > UINT32_MAX)
			return -1;
	}
	*value = (uint32_t)number;
	return 0;
}

/* h NULL: unknown. */
static struct xml *refusal(enum stanza_error error, const uint32_t *h)
{
	struct xml *failed = xml_new("failed", NS_SM);

	xml_child_add(failed, stanza_error_condition(error), NS_STANZAS);
	if (h)
		set_number(failed, "h", *h);
	return failed;
}

void sm_unexpected(struct c2s *c2s)
{
	send_element(c2s, refusal(STANZA_UNEXPECTED_REQUEST, NULL));
}

/* Section 4: a client that has got more than was sent cannot be counted on. */
static void end_miscounted(struct c2s *c2s, const struct unacked *queue, uint32_t h)
{
	char text[96];

	snprintf(text, sizeof(text), "%u stanzas acknowledged, but only %u sent", (unsigned)h,
		 (unsigned)unacked_sent(queue));
	c2s_end(c2s, STREAM_UNDEFINED_CONDITION, text);
}

/* --- asking --- */

static void ask(struct sm *sm)
{
	send_element(sm->resource->c2s, xml_new("r", NS_SM));
	sm->asked = true;
	sm->since_ask = 0;
	timer_stop(sm->timer);
}

static void on_timer(void *arg)
{
	struct sm *sm = arg;
	struct resource *resource = sm->resource;

	if (!resource->c2s) {
		log_info("a client has not come back to its session");
		resource_end(resource);
		resource_free(&resource);
	} else if (sm->doomed) {
		c2s_end(resource->c2s, STREAM_RESOURCE_CONSTRAINT,
			"too many stanzas were not acknowledged");
	} else {
		ask(sm);
	}
}

/* --- sending --- */

static bool doom(struct sm *sm)
{
	log_info("a client does not acknowledge what it is sent: its session ends");
	sm->doomed = true;
	/* The caller may be walking through the resources, so the end comes from the loop. */
	timer_set(sm->timer, 0);
	return false;
}

static void send_now(struct sm *sm, const struct buf *text)
{
	c2s_send_text(sm->resource->c2s, text);
	if (sm->asked)
		return;
	if (++sm->since_ask >= SM_ASK_EVERY)
		ask(sm);
	else
		timer_set(sm->timer, SM_ASK_MS);
}

bool sm_send(struct sm *sm, const struct xml *stanza, struct parcel *parcel)
{
	struct buf text;
	bool taken;

	if (sm->doomed || sm->resource->ended)
		return false;
	buf_init(&text, UNACKED_BYTES_MAX);
	taken =
	    xml_write(stanza, NS_CLIENT, &text) == 0 && unacked_add(sm->queue, &text, parcel) == 0;
	if (taken && sm->resource->c2s)
		send_now(sm, &text);
	buf_free(&text);
	return taken || doom(sm);
}

bool sm_holds(const struct sm *sm, const struct parcel *parcel)
{
	return unacked_holds(sm->queue, parcel);
}

void sm_handled(struct sm *sm)
{
	sm->handled++;
}

/* --- what the client says --- */

static struct sm *sm_new(struct resource *resource)
{
	const struct env *env = resource->user->server->env;
	uint8_t id[SM_ID_RANDOM];
	struct sm *sm = calloc(1, sizeof(*sm));

	if (!sm)
		return NULL;
	sm->resource = resource;
	sm->queue = unacked_new(0);
	sm->timer = timer_new(env, on_timer, sm);
	env_random(env, id, sizeof(id));
	hex_encode(id, sizeof(id), sm->id);
	if (!sm->queue || !sm->timer)
		sm_free(&sm);
	return sm;
}

static bool is_true(const char *text)
{
	return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

struct xml *sm_enable(struct resource *resource, const struct xml *element)
{
	struct xml *enabled;
	uint32_t wait_s = SM_WAIT_S;

	resource->sm = sm_new(resource);
	if (!resource->sm)
		return refusal(STANZA_RESOURCE_CONSTRAINT, NULL);
	enabled = xml_new("enabled", NS_SM);
	if (is_true(xml_get(element, "resume"))) {
		if (get_number(element, "max", &wait_s) < 0 || wait_s > SM_WAIT_S)
			wait_s = SM_WAIT_S;
		resource->sm->wait_ms = (int64_t)wait_s * 1000;
		xml_set(enabled, "id", resource->sm->id);
		xml_set(enabled, "resume", "true");
		set_number(enabled, "max", wait_s);
	}
	return enabled;
}

/* How many of the client's stanzas it need not say again. */
static uint32_t handled_for_good(struct sm *sm)
{
	const struct server *server = sm->resource->user->server;
	struct err why;

	if (sm->safe == sm->handled)
		return sm->safe;
	if (server->host->flush && server->host->flush(server->host_arg, &why) < 0)
		log_warn("what clients say is not acknowledged: %s", why.text);
	else
		sm->safe = sm->handled;
	return sm->safe;
}

static void answer(struct sm *sm)
{
	struct xml *a = xml_new("a", NS_SM);

	send_element(sm->resource->c2s, set_number(a, "h", handled_for_good(sm)) ? a : NULL);
}

static void acknowledged(struct sm *sm, const struct xml *element)
{
	uint32_t h;

	if (get_number(element, "h", &h) < 0) {
		c2s_end(sm->resource->c2s, STREAM_BAD_FORMAT, NULL);
		return;
	}
	if (unacked_acknowledge(sm->queue, h) < 0) {
		end_miscounted(sm->resource->c2s, sm->queue, h);
		return;
	}
	sm->asked = false;
	if (sm->doomed)
		return;
	if (unacked_count(sm->queue) > 0)
		timer_set(sm->timer, SM_ASK_MS);
	else
		timer_stop(sm->timer);
	parcel_room(sm->resource->user);
}

void sm_element(struct resource *resource, const struct xml *element)
{
	if (xml_is(element, "enable", NULL) && !resource->sm)
		send_element(resource->c2s, sm_enable(resource, element));
	else if (xml_is(element, "r", NULL) && resource->sm)
		answer(resource->sm);
	else if (xml_is(element, "a", NULL) && resource->sm)
		acknowledged(resource->sm, element);
	else
		sm_unexpected(resource->c2s);
}

/* --- breaking and resuming --- */

bool sm_wait(struct resource *resource)
{
	struct sm *sm = resource->sm;

	if (!sm || sm->wait_ms == 0 || sm->doomed || resource->ended)
		return false;
	resource->c2s = NULL;
	sm->asked = false;
	timer_set(sm->timer, sm->wait_ms);
	log_info("a client's connection broke: its session waits for it");
	return true;
}

static struct resource *find(struct user *user, const char *id)
{
	for (struct resource *resource = user->resources; resource; resource = resource->next)
		if (resource->sm && resource->sm->wait_ms > 0 && !resource->sm->doomed &&
		    strlen(id) == SM_ID_SIZE - 1 &&
		    secret_equal(resource->sm->id, id, SM_ID_SIZE - 1))
			return resource;
	return NULL;
}

/* How many stanzas did we get in a session that has ended? NULL: it is not known any more. */
static const uint32_t *find_past(const struct user *user, const char *id)
{
	for (unsigned i = 0; i < SM_PAST_MAX; i++)
		if (user->past[i].id[0] && strcmp(user->past[i].id, id) == 0)
			return &user->past[i].handled;
	return NULL;
}

struct resource *sm_resumable(struct user *user, struct c2s *c2s, const struct xml *element,
			      struct xml **failed)
{
	const char *id = xml_get(element, "previd");
	struct resource *resource;
	uint32_t h;

	*failed = NULL;
	if (!id || get_number(element, "h", &h) < 0) {
		*failed = refusal(STANZA_BAD_REQUEST, NULL);
		return NULL;
	}
	resource = user ? find(user, id) : NULL;
	if (!resource) {
		*failed = refusal(STANZA_ITEM_NOT_FOUND, user ? find_past(user, id) : NULL);
		return NULL;
	}
	if (unacked_acknowledge(resource->sm->queue, h) < 0) {
		end_miscounted(c2s, resource->sm->queue, h);
		return NULL;
	}
	return resource;
}

static void send_again(void *arg, const struct buf *text)
{
	c2s_send_text(arg, text);
}

struct xml *sm_resumed(struct resource *resource)
{
	struct xml *resumed = xml_new("resumed", NS_SM);

	log_info("a client has come back to its session");
	xml_set(resumed, "previd", resource->sm->id);
	set_number(resumed, "h", handled_for_good(resource->sm));
	return resumed;
}

void sm_send_again(struct resource *resource)
{
	struct sm *sm = resource->sm;

	sm->asked = false;
	sm->since_ask = 0;
	timer_stop(sm->timer);
	unacked_each(sm->queue, send_again, resource->c2s);
	if (unacked_count(sm->queue) > 0)
		ask(sm);
	/* Messages have not been taken from the host while nobody was there. */
	if (resource->ready)
		presence_ready(resource);
}

/* --- the end --- */

void sm_end(struct sm *sm)
{
	struct user *user;

	if (!sm)
		return;
	timer_stop(sm->timer);
	user = sm->resource->user;
	if (sm->wait_ms > 0) {
		struct sm_past *past = &user->past[user->past_next];

		user->past_next = (user->past_next + 1) % SM_PAST_MAX;
		past->handled = handled_for_good(sm);
		snprintf(past->id, sizeof(past->id), "%s", sm->id);
	}
	unacked_return(sm->queue);
}

void sm_free(struct sm **sm)
{
	struct sm *old = *sm;

	if (!old)
		return;
	unacked_free(&old->queue);
	timer_free(&old->timer);
	free(old);
	*sm = NULL;
}

const char *sm_id(const struct sm *sm)
{
	return sm->id;
}

/* Those that have come last stand first. */
static struct resource *oldest_waiting(const struct user *user)
{
	struct resource *found = NULL;

	for (struct resource *resource = user->resources; resource; resource = resource->next)
		if (!resource->c2s)
			found = resource;
	return found;
}

bool sm_end_oldest(struct user *user)
{
	struct resource *resource = oldest_waiting(user);

	if (!resource)
		return false;
	resource_end(resource);
	resource_free(&resource);
	return true;
}

void sm_end_waiting(struct user *user)
{
	while (sm_end_oldest(user))
		;
}

void sm_free_waiting(struct user *user)
{
	struct resource **at = &user->resources;
	struct resource *resource;

	while ((resource = *at)) {
		if (resource->c2s) {
			at = &resource->next;
			continue;
		}
		*at = resource->next;
		resource_free(&resource);
	}
}
