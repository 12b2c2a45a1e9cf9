/*
 * account.c: an identity with its service and its roster.
 *
 * Neighbours: engine.c above it, contact.c below; lobby.c keeps those who dial the service.
 */
#include "core/base/log.h"
#include "core/engine_private.h"
#include "core/status.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Pauses before a service that failed is made again, in ms: doubled each time. */
#define SERVICE_BACKOFF_MIN_MS ((int64_t)2 * 1000)
#define SERVICE_BACKOFF_MAX_MS ((int64_t)60 * 1000)

/* How long an address is kept, in ms and percent: nobody can watch it for longer, and not all
 * daemons change theirs at once. */
#define SERVICE_LIFE_MS     ((int64_t)24 * 3600 * 1000)
#define SERVICE_LIFE_JITTER 25

/* --- the service --- */

static void make_service(struct account *account);

static void plan_service(struct account *account)
{
	int64_t *backoff = &account->service_backoff_ms;

	*backoff = *backoff == 0 ? SERVICE_BACKOFF_MIN_MS : 2 * *backoff;
	if (*backoff > SERVICE_BACKOFF_MAX_MS)
		*backoff = SERVICE_BACKOFF_MAX_MS;
	timer_set(account->service_timer, env_jitter(account->engine->env, *backoff, 25));
}

static void on_published(void *arg, bool reachable)
{
	struct account *account = arg;

	log_info("account: service %s", reachable ? "published" : "not reachable");
	account->published = reachable;
	if (!reachable)
		return;
	account->service_backoff_ms = 0;
	if (!timer_pending(account->service_timer))
		timer_set(account->service_timer,
			  env_jitter(account->engine->env, SERVICE_LIFE_MS, SERVICE_LIFE_JITTER));
	for (unsigned i = 0; i < account->contact_count; i++)
		rendezvous_address(account->contacts[i]->rendezvous,
				   engine_spread(account->engine, i));
	/* The network is there: what waits since it was not may go on. */
	account_wake(account);
}

static void on_accepted(void *arg, struct stream *stream)
{
	struct account *account = arg;

	lobby_add(account->lobby, stream);
}

static void on_failed(void *arg, const struct err *why)
{
	struct account *account = arg;

	log_warn("account: the service failed: %s", why->text);
	account->published = false;
	account->service_lost = true;
	plan_service(account);
}

static const struct service_handler service_handler = {
    .published = on_published,
    .accepted = on_accepted,
    .failed = on_failed,
};

static void drop_service(struct account *account)
{
	account->published = false;
	account->service_lost = false;
	timer_stop(account->service_timer);
	service_free(&account->service);
}

static void make_service(struct account *account)
{
	struct err why = {0};

	drop_service(account);
	account->service =
	    service_new(account->engine->config.transport, &service_handler, account, &why);
	if (account->service == NULL) {
		log_warn("account: no service: %s", why.text);
		plan_service(account);
	}
}

static void service_due(void *arg)
{
	make_service(arg);
}

void account_renew_service(struct account *account)
{
	if (account->engine->running)
		make_service(account);
}

static bool on_knock(void *arg, struct stream *stream, const uint8_t knock[KNOCK_LEN])
{
	struct account *account = arg;
	struct contact *known = NULL;

	/* Through all of them, so that the time does not tell who it was. */
	for (unsigned i = 0; i < account->contact_count; i++)
		if (contact_knows_tag(account->contacts[i], knock))
			known = account->contacts[i];
	if (known == NULL)
		log_debug("account: a stranger at the door");
	return known != NULL && contact_knocked(known, stream, knock);
}

/* --- life --- */

struct loading {
	struct account *account;
	struct err *err;
};

static int load_contact(void *arg, const struct store_contact *row)
{
	struct loading *loading = arg;

	/* Rather none than a roster in which somebody is missing. */
	return contact_load(loading->account, row, loading->err) != NULL ? 0 : -1;
}

struct account *account_load(struct engine *engine, int64_t id, const char *name,
			     const struct key *private_key, struct err *err)
{
	struct account *account = calloc(1, sizeof(*account));
	struct loading loading = {.account = account, .err = err};

	if (account != NULL) {
		account->engine = engine;
		account->lobby = lobby_new(engine->env, on_knock, account);
		account->service_timer = timer_new(engine->env, service_due, account);
	}
	if (account == NULL || account->lobby == NULL || account->service_timer == NULL) {
		err_set(err, ERR_MEMORY, "account: out of memory");
		account_free(&account);
		return NULL;
	}
	account->id = id;
	strncpy(account->name, name, ACCOUNT_NAME_MAX);
	if (identity_load(private_key, &account->identity, err) < 0 ||
	    store_contacts(engine->store, id, load_contact, &loading, err) < 0) {
		account_free(&account);
		return NULL;
	}
	id_encode(account->identity.public_key, account->id_text);
	return account;
}

void account_free(struct account **account)
{
	struct account *a = *account;

	if (a == NULL)
		return;
	service_free(&a->service);
	for (unsigned i = 0; i < a->contact_count; i++)
		contact_free(&a->contacts[i]);
	free(a->contacts);
	lobby_free(&a->lobby);
	timer_free(&a->service_timer);
	identity_wipe(&a->identity);
	secret_free(a, sizeof(*a));
	*account = NULL;
}

void account_start(struct account *account)
{
	make_service(account);
	for (unsigned i = 0; i < account->contact_count; i++)
		contact_start(account->contacts[i], engine_spread(account->engine, i));
}

void account_stop(struct account *account)
{
	for (unsigned i = 0; i < account->contact_count; i++)
		contact_stop(account->contacts[i]);
	lobby_clear(account->lobby);
	drop_service(account);
	account->service_backoff_ms = 0;
}

void account_wake(struct account *account)
{
	if (account->service == NULL || account->service_lost)
		timer_set(account->service_timer, 0);
	for (unsigned i = 0; i < account->contact_count; i++)
		rendezvous_wake(account->contacts[i]->rendezvous,
				engine_spread(account->engine, i));
}

/* --- the roster --- */

int account_add_contact(struct account *account, struct contact *contact, struct err *err)
{
	unsigned size = account->contact_size;
	struct contact **contacts = account->contacts;

	if (account->contact_count == size) {
		size = size == 0 ? 8 : 2 * size;
		contacts = realloc(contacts, size * sizeof(*contacts));
		if (contacts == NULL)
			return err_set(err, ERR_MEMORY, "account: out of memory");
		account->contacts = contacts;
		account->contact_size = size;
	}
	contacts[account->contact_count++] = contact;
	return 0;
}

void account_drop_contact(struct account *account, const struct contact *contact)
{
	unsigned i = 0;

	while (account->contacts[i] != contact)
		i++;
	memmove(&account->contacts[i], &account->contacts[i + 1],
		(--account->contact_count - i) * sizeof(account->contacts[0]));
}

struct contact *contact_find(const struct account *account, const char *id)
{
	for (unsigned i = 0; i < account->contact_count; i++)
		if (strcasecmp(account->contacts[i]->id_text, id) == 0)
			return account->contacts[i];
	return NULL;
}

void account_contacts(const struct account *account,
		      void (*each)(void *arg, struct contact *contact), void *arg)
{
	unsigned i = 0;

	while (i < account->contact_count) {
		struct contact *contact = account->contacts[i];
		each(arg, contact);
		/* It may have been removed. */
		if (i < account->contact_count && account->contacts[i] == contact)
			i++;
	}
}

/* --- questions --- */

const char *account_name(const struct account *account)
{
	return account->name;
}

const char *account_id(const struct account *account)
{
	return account->id_text;
}

bool account_published(const struct account *account)
{
	return account->published;
}

void account_set_user(struct account *account, void *user)
{
	account->user = user;
}

void *account_user(const struct account *account)
{
	return account->user;
}

int account_set_status(struct account *account, const struct status *status)
{
	struct status copy = {0};

	if (status_copy(&copy, status, NULL) < 0)
		return -1;
	if (status_equal(&account->status, &copy))
		return 0;
	account->status = copy;
	for (unsigned i = 0; i < account->contact_count; i++)
		contact_show_status(account->contacts[i]);
	return 0;
}

int account_setting_set(struct account *account, const char *key, const void *value, size_t len,
			struct err *err)
{
	return store_setting_set(account->engine->store, STORE_ACCOUNT, account->id, key, value,
				 len, err);
}

void *account_setting_get(struct account *account, const char *key, size_t *len)
{
	return store_setting_get(account->engine->store, STORE_ACCOUNT, account->id, key, len);
}

static void deliver(void *arg, struct contact *contact)
{
	(void)arg;
	contact_deliver(contact);
}

void engine_deliver_waiting(struct account *account)
{
	account_contacts(account, deliver, NULL);
}
