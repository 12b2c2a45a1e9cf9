/*
 * decoy.c: see decoy.h.
 */
#include "core/decoy.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

struct decoy {
	struct decoys *decoys;
	struct decoy *next;
	struct identity own; /* not the account's: it says and proves nothing of it */
	uint8_t contact[X25519_LEN];
	struct pair pair;
	uint64_t sequence;
	struct rendezvous *rendezvous;
};

struct decoys {
	struct decoys_start with;
	bool running, watching;
	struct decoy *first;
	unsigned count;
	unsigned sum; /* of contacts and decoys */
};

/* --- what a rendezvous asks --- */

static int64_t on_now(void *arg)
{
	const struct decoy *decoy = arg;

	return decoy->decoys->with.handler->now(decoy->decoys->with.arg);
}

/* Zeros, since nobody can read them; what is sealed shows no difference. */
static int on_endpoint(void *arg, struct endpoint *endpoint)
{
	const struct decoy *decoy = arg;

	if (!decoy->decoys->with.handler->shown(decoy->decoys->with.arg))
		return -1;
	*endpoint = (struct endpoint){.kind = ENDPOINT_ONION};
	return 0;
}

static int on_sequence(void *arg, int64_t now_ms, uint64_t *sequence)
{
	struct decoy *decoy = arg;

	(void)now_ms;
	*sequence = ++decoy->sequence;
	return 0;
}

/* Nobody has the key that this would take. */
static bool on_found(void *arg, const struct record *record)
{
	(void)arg;
	(void)record;
	return false;
}

static void on_watched(void *arg, bool found)
{
	(void)arg;
	(void)found;
}

static void on_changed(void *arg)
{
	(void)arg;
}

static const struct rendezvous_handler rendezvous_handler = {
    .now = on_now,
    .endpoint = on_endpoint,
    .sequence = on_sequence,
    .found = on_found,
    .watched = on_watched,
    .changed = on_changed,
};

/* --- one --- */

static void decoy_free(struct decoy **decoy)
{
	struct decoy *d = *decoy;

	rendezvous_free(&d->rendezvous);
	pair_wipe(&d->pair);
	identity_wipe(&d->own);
	free(d);
	*decoy = NULL;
}

/* Two key pairs; of the contact's only the public key is kept. */
static int decoy_derive(const struct env *env, struct decoy *decoy, struct err *err)
{
	const struct key no_secret = {{0}};
	struct identity contact;

	if (identity_generate(env, &decoy->own, err) < 0 ||
	    identity_generate(env, &contact, err) < 0)
		return -1;
	memcpy(decoy->contact, contact.public_key, X25519_LEN);
	identity_wipe(&contact);
	return pair_derive(&decoy->own, decoy->contact, &no_secret, &decoy->pair, err);
}

static struct decoy *decoy_new(struct decoys *decoys)
{
	const struct decoys_start *with = &decoys->with;
	struct decoy *decoy = calloc(1, sizeof(*decoy));
	struct err why = {.text = "out of memory"};

	if (decoy != NULL) {
		const struct rendezvous_start start = {
		    .env = with->env,
		    .registry = with->registry,
		    .isolation = with->isolation,
		    .owner = with->owner,
		    .own = &decoy->own,
		    .contact = decoy->contact,
		    .pair = &decoy->pair,
		    .replicas = with->replicas,
		    .handler = &rendezvous_handler,
		    .arg = decoy,
		};
		decoy->decoys = decoys;
		if (decoy_derive(with->env, decoy, &why) == 0)
			decoy->rendezvous = rendezvous_new(&start);
		if (decoy->rendezvous == NULL)
			decoy_free(&decoy);
	}
	if (decoy == NULL)
		log_warn("decoy: %s", why.text);
	return decoy;
}

/* --- all --- */

unsigned decoys_wanted(unsigned contacts)
{
	unsigned sum = DECOY_FLOOR;

	while (sum < contacts)
		sum *= 2;
	return sum - contacts;
}

struct decoys *decoys_new(const struct decoys_start *start)
{
	struct decoys *decoys = calloc(1, sizeof(*decoys));

	if (decoys != NULL)
		decoys->with = *start;
	return decoys;
}

void decoys_free(struct decoys **decoys)
{
	if (*decoys == NULL)
		return;
	decoys_end(*decoys);
	free(*decoys);
	*decoys = NULL;
}

unsigned decoys_count(const struct decoys *decoys)
{
	return decoys->count;
}

static int64_t delay(const struct decoys *decoys)
{
	return decoys->with.handler->delay(decoys->with.arg);
}

static bool add(struct decoys *decoys)
{
	struct decoy *decoy = decoy_new(decoys);

	if (decoy == NULL)
		return false;
	decoy->next = decoys->first;
	decoys->first = decoy;
	decoys->count++;
	if (decoys->watching)
		rendezvous_watch(decoy->rendezvous, delay(decoys));
	else
		rendezvous_begin(decoy->rendezvous, delay(decoys));
	return true;
}

static void drop(struct decoys *decoys)
{
	struct decoy *decoy = decoys->first;

	decoys->first = decoy->next;
	decoys->count--;
	decoy_free(&decoy);
}

void decoys_begin(struct decoys *decoys, unsigned contacts, bool watching)
{
	decoys_end(decoys);
	decoys->running = true;
	decoys->watching = watching;
	decoys_adapt(decoys, contacts);
}

void decoys_adapt(struct decoys *decoys, unsigned contacts)
{
	unsigned sum = contacts + decoys_wanted(contacts);

	if (!decoys->running)
		return;
	if (sum > decoys->sum)
		decoys->sum = sum;
	while (contacts + decoys->count > decoys->sum)
		drop(decoys);
	while (contacts + decoys->count < decoys->sum && add(decoys))
		;
}

void decoys_end(struct decoys *decoys)
{
	while (decoys->first != NULL)
		drop(decoys);
	decoys->running = false;
	decoys->sum = 0;
}

void decoys_address(struct decoys *decoys)
{
	for (struct decoy *decoy = decoys->first; decoy != NULL; decoy = decoy->next)
		rendezvous_address(decoy->rendezvous, delay(decoys));
}

void decoys_wake(struct decoys *decoys)
{
	for (struct decoy *decoy = decoys->first; decoy != NULL; decoy = decoy->next)
		rendezvous_wake(decoy->rendezvous, delay(decoys));
}

void decoys_jumped(struct decoys *decoys)
{
	for (struct decoy *decoy = decoys->first; decoy != NULL; decoy = decoy->next)
		rendezvous_jumped(decoy->rendezvous, delay(decoys));
}
