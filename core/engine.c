/*
 * engine.c: the whole: database, clock, accounts, going online, and telling the layer above.
 *
 * Neighbours: see engine_private.h.
 */
#include "core/base/log.h"
#include "core/engine_private.h"
#include "core/request.h"
#include "core/status.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How often it is looked whether the clock has jumped, and from which distance on that counts, in
 * ms: what is less disturbs no epoch much, and clocks are slewed. When the look itself comes so
 * much too late, the machine has slept: timers stand still then, env_mono_ms does not. */
#define CLOCK_WATCH_MS ((int64_t)15 * 1000)
#define CLOCK_JUMP_MS  ((int64_t)30 * 1000)

/* How often a database that could not be written is tried, in ms. */
#define PROBE_MS ((int64_t)10 * 1000)

#define REPLICAS_DEFAULT   3
#define RENEWAL_DEFAULT_MS ((int64_t)120 * 1000)

int64_t engine_now_ms(const struct engine *engine)
{
	return env_wall_ms(engine->env) + engine->clock_offset_ms;
}

/* Note what the clocks say, and begin a stretch in which they are watched. */
static void note_clock(struct engine *engine)
{
	engine->watched_ms = env_mono_ms(engine->env);
	engine->clock_ms = engine_now_ms(engine) - engine->watched_ms;
	timer_set(engine->clock_watch, CLOCK_WATCH_MS);
}

/* The keys under which contacts are looked up and found come from the time. When it jumps, who is
 * not linked would go by the old ones until the pause is over, up to 37 minutes; and so long would
 * it wait with records that have expired, when the machine has slept. */
static void watch_clock(void *arg)
{
	struct engine *engine = arg;
	int64_t mono_ms = env_mono_ms(engine->env);
	int64_t asleep_ms = mono_ms - engine->watched_ms - CLOCK_WATCH_MS;
	int64_t distance = engine_now_ms(engine) - mono_ms - engine->clock_ms;

	if (asleep_ms < CLOCK_JUMP_MS && distance > -CLOCK_JUMP_MS && distance < CLOCK_JUMP_MS) {
		/* Not the clock's: many small steps are a jump, too. */
		engine->watched_ms = mono_ms;
		timer_set(engine->clock_watch, CLOCK_WATCH_MS);
		return;
	}
	note_clock(engine);
	if (asleep_ms >= CLOCK_JUMP_MS)
		log_notice("woken after %lld s: looking for the contacts anew",
			   (long long)(asleep_ms / 1000));
	else
		log_notice("the clock has jumped by %lld s: looking for the contacts anew",
			   (long long)(distance / 1000));
	for (unsigned i = 0; i < engine->account_count; i++)
		account_jumped(engine->accounts[i]);
}

void engine_set_clock_offset(struct engine *engine, int64_t offset_ms)
{
	engine->clock_offset_ms = offset_ms;
	if (engine->running)
		watch_clock(engine);
}

int64_t engine_spread(const struct engine *engine, unsigned count)
{
	return (int64_t)env_random_below(engine->env, START_WINDOW_MS + count * START_SPREAD_MS);
}

/* --- telling --- */

void engine_tell(struct contact *contact)
{
	struct engine *engine = contact->account->engine;

	if (contact->untold)
		return;
	contact->untold = true;
	contact->next_untold = engine->untold;
	engine->untold = contact;
	timer_set(engine->tell, 0);
}

static void tell_receipts(struct engine *engine, struct contact *contact)
{
	while (!contact->gone && contact->receipts != NULL) {
		struct receipt *receipt = contact->receipts;
		contact->receipts = receipt->next;
		if (contact->receipts == NULL)
			contact->receipts_end = &contact->receipts;
		if (engine->handler.delivered != NULL)
			engine->handler.delivered(engine->arg, contact, receipt->id, receipt->how,
						  receipt->reason);
		free(receipt);
	}
}

/* Any handler may remove the contact: it is then gone, and still there to be looked at. */
static void tell_contact(struct engine *engine, struct contact *contact)
{
	const struct engine_handler *handler = &engine->handler;
	struct status status;

	if (contact->tell_state && handler->state != NULL)
		handler->state(engine->arg, contact, contact->state);
	contact->tell_state = false;
	if (contact->tell_status && !contact->gone && handler->status != NULL) {
		/* It may be another before the handler has returned. */
		status = *contact->status;
		handler->status(engine->arg, contact, &status);
	}
	contact->tell_status = false;
	if (contact->tell_introduced && !contact->gone && handler->introduced != NULL)
		handler->introduced(engine->arg, contact, contact->introduced);
	contact->tell_introduced = false;
	tell_receipts(engine, contact);
	if (contact->tell_messages && !contact->gone) {
		contact->tell_messages = false;
		contact_deliver(contact);
	}
}

static struct contact *next_untold(struct engine *engine)
{
	struct contact *contact = engine->untold;

	if (contact != NULL) {
		engine->untold = contact->next_untold;
		contact->untold = false;
	}
	return contact;
}

/* A handler may remove the account. */
static void tell_accounts(struct engine *engine)
{
	unsigned i = 0;

	while (i < engine->account_count) {
		struct account *account = engine->accounts[i];
		bool conflict = account->tell_conflict;

		account->tell_conflict = false;
		if (conflict && engine->handler.conflict != NULL)
			engine->handler.conflict(engine->arg, account);
		requests_tell(account);
		if (i < engine->account_count && engine->accounts[i] == account)
			i++;
	}
}

/* The accounts that were removed, with those of their contacts that are still here. */
static void free_gone(struct engine *engine)
{
	struct contact *contact = NULL;

	if (engine->gone == NULL)
		return;
	/* What is said next is told in the next round. */
	for (struct contact **at = &engine->untold; (contact = *at) != NULL;) {
		if (!contact->gone) {
			at = &contact->next_untold;
			continue;
		}
		*at = contact->next_untold;
		contact_free(&contact);
	}
	while (engine->gone != NULL) {
		struct account *account = engine->gone;

		engine->gone = account->next_gone;
		account_free(&account);
	}
}

/* --- a database that cannot be written --- */

const char *engine_trouble(const struct engine *engine)
{
	return store_trouble(engine->store);
}

static void store_changed(void *arg)
{
	struct engine *engine = arg;

	timer_set(engine->tell, 0);
}

static void probe_store(void *arg)
{
	struct engine *engine = arg;

	store_probe(engine->store);
	if (engine_trouble(engine) != NULL)
		timer_set(engine->probe, PROBE_MS);
}

static void recover(struct engine *engine)
{
	for (unsigned i = 0; i < engine->account_count; i++)
		for (unsigned k = 0; k < engine->accounts[i]->contact_count; k++)
			contact_recover(engine->accounts[i]->contacts[k]);
	engine_wake(engine);
}

static void tell_trouble(struct engine *engine)
{
	const char *why = engine_trouble(engine);

	if ((why != NULL) == engine->trouble_told)
		return;
	engine->trouble_told = why != NULL;
	if (why != NULL) {
		log_error("the database: %s: nothing is stored until that is over", why);
		timer_set(engine->probe, PROBE_MS);
	} else {
		log_notice("the database can be written again");
		timer_stop(engine->probe);
		recover(engine);
	}
	if (engine->handler.trouble != NULL)
		engine->handler.trouble(engine->arg, why);
}

static void tell_all(void *arg)
{
	struct engine *engine = arg;
	struct contact *contact = NULL;

	while ((contact = next_untold(engine)) != NULL) {
		if (contact->gone)
			contact_free(&contact);
		else
			tell_contact(engine, contact);
	}
	tell_trouble(engine);
	tell_accounts(engine);
	free_gone(engine);
}

/* --- life --- */

struct loading {
	struct engine *engine;
	struct err *err;
};

static int add_account(struct engine *engine, struct account *account, struct err *err)
{
	size_t size = (engine->account_count + 1) * sizeof(engine->accounts[0]);
	struct account **accounts = realloc(engine->accounts, size);

	if (accounts == NULL)
		return err_set(err, ERR_MEMORY, "account: out of memory");
	engine->accounts = accounts;
	engine->accounts[engine->account_count++] = account;
	return 0;
}

static int load_account(void *arg, int64_t id, const char *name, const struct key *private_key)
{
	struct loading *loading = arg;
	struct account *account =
	    account_load(loading->engine, id, name, private_key, loading->err);

	if (account == NULL)
		return -1;
	if (add_account(loading->engine, account, loading->err) == 0)
		return 0;
	account_free(&account);
	return -1;
}

static struct pool *open_pool(struct engine *engine)
{
	const struct engine_config *config = &engine->config;
	struct pool_config pool = {
	    .env = engine->env,
	    .transports = engine->transports,
	    .transport_count = 1,
	    .services = config->services,
	    .share = config->share,
	};

	engine->transports[0] = config->transport;
	if (config->transports != NULL) {
		assert(config->transport_count <= POOL_TRANSPORTS_MAX);
		pool.transport_count = config->transport_count;
		memcpy(engine->transports, config->transports,
		       config->transport_count * sizeof(engine->transports[0]));
	}
	engine->transport_count = pool.transport_count;
	return pool_new(&pool);
}

static int open_engine(struct engine *engine, struct err *err)
{
	struct loading loading = {.engine = engine, .err = err};

	engine->farewells = farewells_new(engine->env);
	engine->pool = open_pool(engine);
	engine->isolation = isolation_new(engine->env, engine->config.circuits);
	engine->tell = timer_new(engine->env, tell_all, engine);
	engine->clock_watch = timer_new(engine->env, watch_clock, engine);
	engine->probe = timer_new(engine->env, probe_store, engine);
	if (engine->pool == NULL || engine->farewells == NULL || engine->isolation == NULL ||
	    engine->tell == NULL || engine->clock_watch == NULL || engine->probe == NULL)
		return err_set(err, ERR_MEMORY, "engine: out of memory");
	env_random(engine->env, engine->instance, INSTANCE_LEN);
	engine->store = store_open(engine->config.database, engine->config.store_key, err);
	engine->config.store_key = NULL;
	if (engine->store == NULL)
		return -1;
	store_watch(engine->store, store_changed, engine);
	return store_accounts(engine->store, load_account, &loading, err);
}

struct engine *engine_new(const struct engine_config *config, const struct engine_handler *handler,
			  void *arg, struct err *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	assert(config->replicas <= REPLICAS_MAX);
	if (engine == NULL) {
		err_set(err, ERR_MEMORY, "engine: out of memory");
		return NULL;
	}
	engine->config = *config;
	engine->env = config->env;
	engine->channels.max = CHANNELS_ALL_MAX;
	if (handler != NULL)
		engine->handler = *handler;
	engine->arg = arg;
	if (engine->config.replicas == 0)
		engine->config.replicas = REPLICAS_DEFAULT;
	if (engine->config.circuits == 0)
		engine->config.circuits = ISOLATION_BUDGET;
	if (engine->config.renewal_ms <= 0)
		engine->config.renewal_ms = RENEWAL_DEFAULT_MS;
	if (engine->config.renewal_ms > STATUS_RENEWAL_MAX_MS)
		engine->config.renewal_ms = STATUS_RENEWAL_MAX_MS;
	if (open_engine(engine, err) < 0)
		engine_free(&engine);
	return engine;
}

void engine_free(struct engine **engine)
{
	struct engine *e = *engine;
	struct contact *contact = NULL;

	if (e == NULL)
		return;
	while ((contact = next_untold(e)) != NULL)
		if (contact->gone)
			contact_free(&contact);
	free_gone(e);
	for (unsigned i = 0; i < e->account_count; i++)
		account_free(&e->accounts[i]);
	free(e->accounts);
	pool_free(&e->pool);
	farewells_free(&e->farewells);
	isolation_free(&e->isolation);
	timer_free(&e->tell);
	timer_free(&e->clock_watch);
	timer_free(&e->probe);
	store_free(&e->store);
	secret_free(e, sizeof(*e));
	*engine = NULL;
}

int engine_flush(struct engine *engine, struct err *err)
{
	return store_flush(engine->store, err);
}

void engine_start(struct engine *engine)
{
	if (engine->running)
		return;
	engine->running = true;
	note_clock(engine);
	for (unsigned i = 0; i < engine->account_count; i++)
		account_start(engine->accounts[i]);
}

void engine_stop(struct engine *engine)
{
	if (!engine->running)
		return;
	engine->running = false;
	timer_stop(engine->clock_watch);
	for (unsigned i = 0; i < engine->account_count; i++)
		account_stop(engine->accounts[i]);
}

bool engine_quiet(const struct engine *engine)
{
	return farewells_empty(engine->farewells);
}

void engine_wake(struct engine *engine)
{
	for (unsigned i = 0; engine->running && i < engine->account_count; i++)
		account_wake(engine->accounts[i]);
}

/* --- accounts --- */

/* Stored if and only if it can be used. */
static int store_account(struct engine *engine, const char *name, const struct key *private_key,
			 int (*fill)(void *arg, int64_t account), void *arg, struct err *err)
{
	struct loading loading = {.engine = engine, .err = err};
	int64_t id = 0;

	if (store_begin(engine->store, true, err) < 0)
		return -1;
	if (store_account_add(engine->store, name, private_key, &id, err) < 0 ||
	    (fill != NULL && fill(arg, id) < 0) ||
	    load_account(&loading, id, name, private_key) < 0) {
		store_rollback(engine->store);
		return -1;
	}
	if (store_commit(engine->store, err) == 0)
		return 0;
	account_free(&engine->accounts[--engine->account_count]);
	return -1;
}

struct account *engine_make_account(struct engine *engine, const char *name,
				    const struct key *private_key,
				    int (*fill)(void *arg, int64_t account), void *arg,
				    struct err *err)
{
	struct account *account = NULL;

	if (name[0] == '\0' || strlen(name) > ACCOUNT_NAME_MAX) {
		err_set(err, ERR_LIMIT, "account: the name must have 1 to %d bytes",
			ACCOUNT_NAME_MAX);
		return NULL;
	}
	if (engine_account_find(engine, name) != NULL) {
		err_set(err, ERR_EXISTS, "account: the name is taken");
		return NULL;
	}
	if (store_account(engine, name, private_key, fill, arg, err) < 0)
		return NULL;
	account = engine->accounts[engine->account_count - 1];
	if (engine->running)
		account_start(account);
	return account;
}

struct account *engine_account_add(struct engine *engine, const char *name, struct err *err)
{
	struct identity identity;
	struct account *account = NULL;

	if (identity_generate(engine->env, &identity, err) < 0)
		return NULL;
	account = engine_make_account(engine, name, &identity.private_key, NULL, NULL, err);
	identity_wipe(&identity);
	return account;
}

static void drop_account(struct engine *engine, const struct account *account)
{
	unsigned i = 0;

	while (engine->accounts[i] != account)
		i++;
	memmove(&engine->accounts[i], &engine->accounts[i + 1],
		(--engine->account_count - i) * sizeof(engine->accounts[0]));
}

int engine_account_remove(struct account **account, struct err *err)
{
	struct account *gone = *account;
	struct engine *engine = gone->engine;
	struct err why = {0};

	if (store_begin(engine->store, true, err) < 0)
		return -1;
	if (store_account_remove(engine->store, gone->id, err) < 0) {
		store_rollback(engine->store);
		return -1;
	}
	if (store_commit(engine->store, err) < 0)
		return -1;
	account_stop(gone);
	/* Its contacts know where it was; others may be there. */
	account_flee(gone);
	while (gone->contact_count > 0)
		contact_retire(gone->contacts[0]);
	requests_free(gone);
	drop_account(engine, gone);
	/* A handler that is running may hold it. */
	gone->next_gone = engine->gone;
	engine->gone = gone;
	timer_set(engine->tell, 0);
	*account = NULL;
	if (store_scrub(engine->store, &why) < 0)
		log_warn("account: removed, but not from the log yet: %s", why.text);
	return 0;
}

struct account *engine_account_find(const struct engine *engine, const char *name)
{
	for (unsigned i = 0; i < engine->account_count; i++)
		if (strcmp(engine->accounts[i]->name, name) == 0)
			return engine->accounts[i];
	return NULL;
}

void engine_accounts(const struct engine *engine, void (*each)(void *arg, struct account *account),
		     void *arg)
{
	unsigned i = 0;

	while (i < engine->account_count) {
		struct account *account = engine->accounts[i];

		each(arg, account);
		if (i < engine->account_count && engine->accounts[i] == account)
			i++;
	}
}
