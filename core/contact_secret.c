/*
 * contact_secret.c: a contact's pair secrets: the one in use, the one that is to take its place,
 * and the phrase that two people compare.
 *
 * Neighbours: renewal.c, which makes new ones; contact_session.c, whose sessions use them.
 */
#include "core/base/log.h"
#include "core/engine_private.h"
#include "core/pair_secret.h"
#include "core/renewal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(VERIFICATION_SIZE == PHRASE_SIZE, "engine.h and pair_secret.h");

/* The setting of a contact that says that the phrase was compared. */
#define VERIFIED_KEY "core:verified"

static struct store *store_of(const struct contact *contact)
{
	return contact->account->engine->store;
}

/* As it is in a row. */
static bool is_none(const struct key *key)
{
	return secret_is_zero(key->bytes, KEY_LEN);
}

static int derive(const struct contact *contact, const struct key *secret, struct pair *pair,
		  struct err *err)
{
	return pair_derive(&contact->account->identity, contact->row.public_key, secret, pair, err);
}

static int derive_verification(const struct contact *contact, struct store_contact *row,
			       struct err *err)
{
	return pair_secret_verification(&row->secret, contact->account->identity.public_key,
					row->public_key, &row->verification, err);
}

static void free_next(struct contact_next **next)
{
	secret_free(*next, sizeof(**next));
	*next = NULL;
}

void contact_drop_next(struct contact *contact)
{
	free_next(&contact->next);
}

/* The pairs are others now, the next one is this: what was made from the old ones is forgotten. */
static void renew_keys(struct contact *contact, struct contact_next *next)
{
	struct contact_next *old = contact->next;

	memset(&contact->tags, 0, sizeof(contact->tags));
	contact->dial_next = false;
	contact->next = next;
	if (contact->rendezvous != NULL)
		rendezvous_set_next(contact->rendezvous, next != NULL ? &next->pair : NULL);
	free_next(&old);
}

static struct contact_next *derive_next(const struct contact *contact, const struct key *secret,
					struct err *err)
{
	struct contact_next *next = calloc(1, sizeof(*next));

	if (next == NULL ||
	    (contact->rendezvous != NULL && rendezvous_reserve_next(contact->rendezvous) < 0)) {
		free_next(&next);
		err_set(err, ERR_MEMORY, "contact: out of memory");
	} else if (derive(contact, secret, &next->pair, err) < 0) {
		free_next(&next);
	}
	return next;
}

int contact_derive(struct contact *contact, struct err *err)
{
	struct store_contact *row = &contact->row;

	if (derive(contact, &row->secret, &contact->pair, err) < 0)
		return -1;
	if (!is_none(&row->next_secret)) {
		contact->next = derive_next(contact, &row->next_secret, err);
		if (contact->next == NULL)
			return -1;
	}
	/* A contact of before there were renewals has its first secret still. */
	if (is_none(&row->verification) && (derive_verification(contact, row, err) < 0 ||
					    store_contact_save(store_of(contact), row, err) < 0))
		return -1;
	return 0;
}

int64_t contact_first_renewal(const struct engine *engine)
{
	return engine_now_ms(engine) - RENEWAL_MS + RENEWAL_FIRST_MS;
}

/* The old secret must not be read from the file. */
static void scrub(struct contact *contact)
{
	struct err why = {0};

	if (store_scrub(store_of(contact), &why) < 0)
		log_warn("contact: a secret is erased, but not from the log yet: %s", why.text);
}

int contact_set_secret(struct contact *contact, const struct key *secret, struct err *err)
{
	struct store_contact row = contact->row;
	struct pair pair = {0};
	int result;

	row.secret = *secret;
	secret_wipe(&row.next_secret, sizeof(row.next_secret));
	row.secret_serial = 0;
	row.renewed_ms = contact_first_renewal(contact->account->engine);
	result = derive(contact, secret, &pair, err);
	if (result == 0)
		result = derive_verification(contact, &row, err);
	if (result == 0)
		result = store_contact_save(store_of(contact), &row, err);
	if (result == 0) {
		contact_hush(contact);
		contact->row = row;
		contact->pair = pair;
		renew_keys(contact, NULL);
		contact_set_verified(contact, false, NULL);
		scrub(contact);
		if (contact->account->engine->running)
			contact_start(contact, 0);
	}
	store_contact_wipe(&row);
	pair_wipe(&pair);
	return result;
}

/* --- renewal --- */

/* It must survive a power failure: the other side relies on it. */
static int save_for_good(struct contact *contact, const struct store_contact *row, struct err *err)
{
	struct store *store = store_of(contact);

	if (store_begin(store, true, err) < 0)
		return -1;
	if (store_contact_save(store, row, err) == 0)
		return store_commit(store, err);
	store_rollback(store);
	return -1;
}

int contact_set_next(struct contact *contact, const struct key *next, uint64_t serial,
		     struct err *err)
{
	struct store_contact row = contact->row;
	struct contact_next *derived = derive_next(contact, next, err);
	int result = -1;

	row.next_secret = *next;
	row.secret_serial = serial;
	if (derived != NULL)
		result = save_for_good(contact, &row, err);
	if (result == 0) {
		contact->row = row;
		renew_keys(contact, derived);
	} else {
		free_next(&derived);
	}
	store_contact_wipe(&row);
	return result;
}

/* S' takes the place of S. If that cannot be stored both stay: no harm. */
static void promote(struct contact *contact)
{
	struct store_contact row = contact->row;
	struct err why = {0};

	row.secret = row.next_secret;
	secret_wipe(&row.next_secret, sizeof(row.next_secret));
	row.renewed_ms = engine_now_ms(contact->account->engine);
	if (store_contact_save(store_of(contact), &row, &why) == 0) {
		contact->row = row;
		contact->pair = contact->next->pair;
		renew_keys(contact, NULL);
		scrub(contact);
		log_info("contact: a pair secret was renewed");
	} else {
		log_warn("contact: the old pair secret stays: %s", why.text);
	}
	store_contact_wipe(&row);
}

int contact_agree(struct contact *contact, const uint8_t id[PAIR_ID_LEN])
{
	if (secret_equal(id, contact->pair.id, PAIR_ID_LEN))
		return 0;
	if (contact->next == NULL || !secret_equal(id, contact->next->pair.id, PAIR_ID_LEN))
		return -1;
	promote(contact);
	return 0;
}

/* --- the phrase --- */

void contact_verification(const struct contact *contact, char phrase[VERIFICATION_SIZE])
{
	pair_secret_phrase(&contact->row.verification, phrase);
}

int contact_set_verified(struct contact *contact, bool verified, struct err *err)
{
	return contact_setting_set(contact, VERIFIED_KEY, verified ? "1" : NULL, 1, err);
}

bool contact_verified(const struct contact *contact)
{
	size_t len = 0;
	void *value = store_setting_get(store_of(contact), STORE_CONTACT, contact->row.id,
					VERIFIED_KEY, &len);
	bool verified = value != NULL;

	secret_free(value, len);
	return verified;
}
