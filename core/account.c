/*
 * account.c: an identity with its roster and its address.
 *
 * Neighbours: engine.c above it, contact.c below; pool.c has its onion service, and those who
 * dial it.
 */
#include "core/base/cursor.h"
#include "core/base/log.h"
#include "core/cover.h"
#include "core/door.h"
#include "core/guest.h"
#include "core/request.h"
#include "core/sent_marks.h"
#include "core/status.h"
#include "core/visit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The setting that keeps the mean gap of the cover, 4 bytes. */
#define COVER_SETTING "core.cover"
/* The one that keeps with whom it shares its address, 2 bytes. */
#define PLACE_SETTING "core.place"
/* How long a contact's word that we run twice is believed, in ms. */
#define CONFLICT_KEPT_MS ((int64_t)24 * 3600 * 1000)

/* --- being dialled --- */

static void on_shown(void *arg, bool fresh)
{
	struct account *account = arg;
	struct engine *engine = account->engine;

	for (unsigned i = 0; i < account->contact_count; i++) {
		struct contact *contact = account->contacts[i];
		if (fresh)
			contact->slot = (unsigned)env_random_below(engine->env, SERVICE_SLOTS);
		rendezvous_address(contact->rendezvous, account_spread(account));
	}
	if (account->decoys != NULL)
		decoys_address(account->decoys);
	doors_address(account, fresh);
	/* The network is there: what waits since it was not may go on. */
	account_wake(account);
}

void account_flee(struct account *account)
{
	resident_flee(account->resident);
}

/* Through all of them, so that the time does not tell who it was. */
static struct contact *find_knocker(struct account *account, const uint8_t knock[KNOCK_LEN])
{
	struct contact *known = NULL;

	for (unsigned i = 0; i < account->contact_count; i++)
		if (contact_knows_tag(account->contacts[i], knock))
			known = account->contacts[i];
	return known;
}

static bool on_knows(void *arg, const uint8_t knock[KNOCK_LEN])
{
	struct account *account = arg;
	const struct door *door = doors_find(account, knock);

	return find_knocker(account, knock) != NULL || door != NULL;
}

static bool on_knocked(void *arg, struct stream *stream, const uint8_t knock[KNOCK_LEN])
{
	struct account *account = arg;
	struct contact *contact = find_knocker(account, knock);
	struct door *door = doors_find(account, knock);

	if (contact != NULL)
		return contact_knocked(contact, stream, knock);
	return door != NULL && door_knocked(door, stream, knock);
}

static const struct resident_handler resident_handler = {
    .shown = on_shown,
    .knows = on_knows,
    .knocked = on_knocked,
};

/* The same ones as last time, so that nobody is seen beside ever new ones. No place: anywhere. */
static unsigned load_place(struct account *account)
{
	size_t len = 0;
	uint8_t *value = account_setting_get(account, PLACE_SETTING, &len);
	struct reader r;
	unsigned place;

	if (value == NULL)
		return POOL_NOWHERE;
	reader_init(&r, value, len);
	place = read_u16(&r);
	secret_free(value, len);
	return r.bad ? POOL_NOWHERE : place;
}

static void save_place(struct account *account)
{
	unsigned place = resident_place(account->resident);
	uint8_t value[2];
	struct writer w;
	struct err why = {0};

	if (place == account->place || place == POOL_NOWHERE)
		return;
	writer_init(&w, value, sizeof(value));
	write_u16(&w, (uint16_t)place);
	if (account_setting_set(account, PLACE_SETTING, value, sizeof(value), &why) == 0)
		account->place = place;
	else
		log_warn("account: its address is not stored: %s", why.text);
}

struct transport *account_transport(const struct account *account)
{
	const struct engine *engine = account->engine;

	return engine->transports[(uint64_t)account->id % engine->transport_count];
}

/* --- decoys --- */

static int64_t on_now(void *arg)
{
	const struct account *account = arg;

	return engine_now_ms(account->engine);
}

static bool on_dialable(void *arg)
{
	const struct account *account = arg;

	return resident_shown(account->resident);
}

static int64_t on_delay(void *arg)
{
	return account_spread(arg);
}

static const struct decoy_handler decoy_handler = {
    .now = on_now,
    .shown = on_dialable,
    .delay = on_delay,
};

static int make_decoys(struct account *account, struct err *err)
{
	struct engine *engine = account->engine;
	const struct decoys_start start = {
	    .env = engine->env,
	    .registry = engine->config.registry,
	    .isolation = engine->isolation,
	    .owner = account,
	    .replicas = engine->config.replicas,
	    .handler = &decoy_handler,
	    .arg = account,
	};

	if (!engine->config.decoys)
		return 0;
	account->decoys = decoys_new(&start);
	return account->decoys != NULL ? 0 : err_set(err, ERR_MEMORY, "account: out of memory");
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

/* A value that makes no sense means none. */
static void load_cover(struct account *account)
{
	size_t len = 0;
	uint8_t *value = account_setting_get(account, COVER_SETTING, &len);
	struct reader r;
	uint32_t mean_ms;

	if (value == NULL)
		return;
	reader_init(&r, value, len);
	mean_ms = read_u32(&r);
	if (!r.bad && mean_ms >= COVER_MEAN_MIN_MS && mean_ms <= COVER_MEAN_MAX_MS)
		account->cover_ms = mean_ms;
	secret_free(value, len);
}

struct account *account_load(struct engine *engine, int64_t id, const char *name,
			     const struct key *private_key, struct err *err)
{
	struct account *account = calloc(1, sizeof(*account));
	struct loading loading = {.account = account, .err = err};

	if (account != NULL) {
		account->engine = engine;
		account->id = id;
		account->place = load_place(account);
		account->resident =
		    resident_new(engine->pool, account->place, &resident_handler, account);
	}
	if (account == NULL || account->resident == NULL) {
		err_set(err, ERR_MEMORY, "account: out of memory");
		account_free(&account);
		return NULL;
	}
	strncpy(account->name, name, ACCOUNT_NAME_MAX);
	account->marks = sent_marks_new(engine->env, engine->store, id, err);
	if (account->marks == NULL || identity_load(private_key, &account->identity, err) < 0 ||
	    make_decoys(account, err) < 0 ||
	    store_contacts(engine->store, id, load_contact, &loading, err) < 0 ||
	    doors_load(account, err) < 0 || requests_load(account, err) < 0) {
		account_free(&account);
		return NULL;
	}
	id_encode(account->identity.public_key, account->id_text);
	load_cover(account);
	return account;
}

void account_free(struct account **account)
{
	struct account *a = *account;

	if (a == NULL)
		return;
	resident_free(&a->resident);
	for (unsigned i = 0; i < a->contact_count; i++)
		contact_free(&a->contacts[i]);
	free(a->contacts);
	decoys_free(&a->decoys);
	visits_free(a);
	doors_free(a);
	requests_free(a);
	sent_marks_free(&a->marks);
	services_free(&a->services);
	identity_wipe(&a->identity);
	secret_free(a, sizeof(*a));
	*account = NULL;
}

void account_start(struct account *account)
{
	if (account_online(account)) {
		resident_open(account->resident);
		save_place(account);
	}
	for (unsigned i = 0; i < account->contact_count; i++)
		contact_start(account->contacts[i], account_spread(account));
	if (account->decoys != NULL && account->visibility != ACCOUNT_DARK)
		decoys_begin(account->decoys, account->contact_count,
			     account->visibility == ACCOUNT_HIDDEN);
	if (account_online(account))
		doors_start(account);
}

void account_stop(struct account *account)
{
	for (unsigned i = 0; i < account->contact_count; i++)
		contact_stop(account->contacts[i]);
	if (account->decoys != NULL)
		decoys_end(account->decoys);
	doors_stop(account);
	visits_free(account);
	resident_close(account->resident);
}

void account_note_conflict(struct account *account)
{
	int64_t now = env_mono_ms(account->engine->env);

	if (!account_conflict(account)) {
		log_warn("account: another daemon uses the same identity; run it in one place");
		account->tell_conflict = true;
		timer_set(account->engine->tell, 0);
	}
	account->conflict = true;
	account->conflict_ms = now;
}

bool account_conflict(const struct account *account)
{
	return account->conflict &&
	       env_mono_ms(account->engine->env) - account->conflict_ms < CONFLICT_KEPT_MS;
}

int account_set_cover(struct account *account, int64_t mean_ms, struct err *err)
{
	uint8_t value[4];
	struct writer w;

	if (mean_ms != 0 && (mean_ms < COVER_MEAN_MIN_MS || mean_ms > COVER_MEAN_MAX_MS))
		return err_set(err, ERR_LIMIT, "cover: 0, or %d to %d ms", (int)COVER_MEAN_MIN_MS,
			       (int)COVER_MEAN_MAX_MS);
	writer_init(&w, value, sizeof(value));
	write_u32(&w, (uint32_t)mean_ms);
	if (account_setting_set(account, COVER_SETTING, mean_ms != 0 ? value : NULL, sizeof(value),
				err) < 0)
		return -1;
	account->cover_ms = mean_ms;
	for (unsigned i = 0; i < account->contact_count; i++) {
		struct contact *contact = account->contacts[i];
		/* Rather none than one that does not do as it was told. */
		if (contact->link != NULL && link_set_cover(contact->link, mean_ms) < 0)
			contact_break(contact);
	}
	return 0;
}

int64_t account_cover(const struct account *account)
{
	return account->cover_ms;
}

bool account_online(const struct account *account)
{
	return account->engine->running && account->visibility == ACCOUNT_SHOWN;
}

void account_set_visibility(struct account *account, enum account_visibility visibility)
{
	if (account->visibility == visibility)
		return;
	if (account->engine->running)
		account_stop(account);
	account->visibility = visibility;
	if (account->engine->running)
		account_start(account);
}

enum account_visibility account_visibility(const struct account *account)
{
	return account->visibility;
}

void account_wake(struct account *account)
{
	resident_wake(account->resident);
	for (unsigned i = 0; i < account->contact_count; i++) {
		rendezvous_wake(account->contacts[i]->rendezvous, account_spread(account));
		guest_wake(account->contacts[i]->guest, account_spread(account));
	}
	if (account->decoys != NULL)
		decoys_wake(account->decoys);
	doors_wake(account);
}

void account_jumped(struct account *account)
{
	resident_wake(account->resident);
	for (unsigned i = 0; i < account->contact_count; i++) {
		int64_t delay_ms = account_spread(account);

		contact_jumped(account->contacts[i], delay_ms);
		guest_jumped(account->contacts[i]->guest, delay_ms);
	}
	if (account->decoys != NULL)
		decoys_jumped(account->decoys);
	doors_jumped(account);
}

int64_t account_spread(const struct account *account)
{
	unsigned count = account->contact_count;

	return engine_spread(account->engine,
			     account->decoys != NULL ? count + decoys_wanted(count) : count);
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
	if (account->decoys != NULL)
		decoys_adapt(account->decoys, account->contact_count);
	return 0;
}

void account_drop_contact(struct account *account, const struct contact *contact)
{
	unsigned i = 0;

	while (account->contacts[i] != contact)
		i++;
	memmove(&account->contacts[i], &account->contacts[i + 1],
		(--account->contact_count - i) * sizeof(account->contacts[0]));
	if (account->decoys != NULL)
		decoys_adapt(account->decoys, account->contact_count);
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

/* --- what waits --- */

void account_limit_queue(struct account *account, unsigned most)
{
	account->queue_max = most;
}

/* Is it too much that waits, of which own is one contact's? The share of each is kept for it. */
static bool queue_is_full(const struct account *account, size_t all, size_t own)
{
	return account->queue_max > 0 && all >= account->queue_max &&
	       own * account->contact_count >= account->queue_max;
}

bool account_outbox_is_full(const struct contact *contact)
{
	const struct account *account = contact->account;
	size_t all = 0;

	for (unsigned i = 0; account->queue_max > 0 && i < account->contact_count; i++)
		all += account->contacts[i]->outbox_count;
	return queue_is_full(account, all, contact->outbox_count);
}

bool account_inbox_is_full(const struct contact *contact)
{
	const struct account *account = contact->account;
	size_t all = 0;

	for (unsigned i = 0; account->queue_max > 0 && i < account->contact_count; i++)
		all += account->contacts[i]->inbox_count;
	return queue_is_full(account, all, contact->inbox_count);
}

bool account_inbox_is_half_full(const struct contact *contact)
{
	const struct account *account = contact->account;

	return account->queue_max > 0 &&
	       (size_t)2 * contact->inbox_count * account->contact_count > account->queue_max;
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
	return resident_shown(account->resident);
}

unsigned account_neighbours(const struct account *account)
{
	return resident_neighbours(account->resident);
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

int account_setting_read(struct account *account, const char *key, void **value, size_t *len,
			 struct err *err)
{
	return store_setting_read(account->engine->store, STORE_ACCOUNT, account->id, key, value,
				  len, err);
}

void engine_deliver_waiting(struct account *account)
{
	unsigned left = account->contact_count;

	/* A handler may remove contacts. */
	while (left-- > 0 && account->contact_count > 0) {
		unsigned place = account->deliver_next++ % account->contact_count;

		if (!contact_deliver(account->contacts[place]))
			break;
	}
}

void account_sent_marks(struct account *account,
			void (*each)(void *arg, const uint8_t mark[SENT_MARK_LEN]), void *arg)
{
	sent_marks_each(account->marks, each, arg);
}
