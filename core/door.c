/*
 * door.c: see door.h. Also what the layer above asks of invitations.
 */
#include "core/door.h"

#include "core/base/log.h"
#include "core/introduction.h"
#include "core/request.h"
#include "core/utf8.h"
#include "core/visit.h"

#include <stdlib.h>
#include <string.h>

/* First messages that are remembered, so that a copy of one gets no answer: far more than guests
 * come within the time in which a message is taken. */
#define SEEN_MAX 64
/* How often an invitation that lives longer is looked at, in ms: clocks may be set. */
#define EXPIRY_LOOK_MS ((int64_t)3600 * 1000)

struct door {
	struct account *account;
	struct door *next; /* older */
	struct store_invitation row;
	struct identity identity;
	struct pair pair; /* of us with the door */
	unsigned slot;    /* of our service */
	struct rendezvous *rendezvous;
	struct timer *expiry;
	uint8_t tags[TAG_EPOCHS][KNOCK_TAG_LEN];
	uint64_t tag_epoch;
	uint8_t seen[SEEN_MAX][X25519_LEN]; /* ephemeral keys of first messages */
	unsigned seen_count;                /* over all, the oldest are overwritten */
};

static int64_t door_now(void *arg)
{
	struct door *door = arg;

	return engine_now_ms(door->account->engine);
}

/* --- our record --- */

static int on_endpoint(void *arg, struct endpoint *endpoint)
{
	struct door *door = arg;

	return resident_endpoint(door->account->resident, door->slot, endpoint);
}

static int on_sequence(void *arg, int64_t now_ms, uint64_t *sequence)
{
	struct door *door = arg;
	uint64_t last = door->row.sequence;
	struct err why = {0};

	*sequence = now_ms > 0 && (uint64_t)now_ms > last ? (uint64_t)now_ms : last + 1;
	door->row.sequence = *sequence;
	if (store_invitation_save(door->account->engine->store, &door->row, &why) == 0)
		return 0;
	log_warn("invitation: %s", why.text);
	door->row.sequence = last;
	return -1;
}

static void on_changed(void *arg)
{
	(void)arg;
}

static const struct rendezvous_handler rendezvous_handler = {
    .now = door_now,
    .endpoint = on_endpoint,
    .sequence = on_sequence,
    .changed = on_changed,
};

/* --- life --- */

static void unlink_door(struct door *door)
{
	struct door **link = &door->account->doors;

	while (*link != NULL && *link != door)
		link = &(*link)->next;
	if (*link == NULL)
		return;
	*link = door->next;
	door->account->door_count--;
}

/* Forget it, in the database too. */
static int close_door(struct door *door, struct err *err)
{
	struct account *account = door->account;
	struct err why = {0};

	if (store_invitation_remove(account->engine->store, door->row.id, err) < 0)
		return -1;
	visits_silence(account, door);
	door_free(&door);
	if (store_scrub(account->engine->store, &why) < 0)
		log_warn("invitation: removed, but not from the log yet: %s", why.text);
	return 0;
}

static bool is_expired(const struct door *door)
{
	return engine_now_ms(door->account->engine) >= door->row.expires_ms;
}

static void watch_expiry(struct door *door)
{
	int64_t left = door->row.expires_ms - engine_now_ms(door->account->engine);

	timer_set(door->expiry, left < EXPIRY_LOOK_MS ? left : EXPIRY_LOOK_MS);
}

static void expiry_due(void *arg)
{
	struct door *door = arg;
	struct err why = {0};

	if (!is_expired(door)) {
		watch_expiry(door);
	} else if (close_door(door, &why) < 0) {
		log_warn("invitation: %s", why.text);
		timer_set(door->expiry, EXPIRY_LOOK_MS);
	}
}

static int open_door(struct door *door, struct err *err)
{
	struct account *account = door->account;
	struct engine *engine = account->engine;
	struct invitation invitation = {.with_secret = true};
	SECRET struct key secret;
	struct rendezvous_start start = {
	    .part = RENDEZVOUS_PUBLISH,
	    .env = engine->env,
	    .registry = engine->config.registry,
	    .isolation = engine->isolation,
	    .owner = door,
	    .own = &account->identity,
	    .contact = door->identity.public_key,
	    .pair = &door->pair,
	    .replicas = engine->config.replicas,
	    .handler = &rendezvous_handler,
	    .arg = door,
	};
	int result;

	memcpy(invitation.host, account->identity.public_key, X25519_LEN);
	memcpy(invitation.secret, door->row.secret, INVITATION_SECRET_LEN);
	result = invitation_door(&invitation, &door->identity, &secret, err);
	invitation_wipe(&invitation);
	if (result < 0 || pair_derive(&account->identity, door->identity.public_key, &secret,
				      &door->pair, err) < 0)
		return -1;
	door->expiry = timer_new(engine->env, expiry_due, door);
	door->rendezvous = rendezvous_new(&start);
	if (door->expiry == NULL || door->rendezvous == NULL)
		return err_set(err, ERR_MEMORY, "invitation: out of memory");
	watch_expiry(door);
	return 0;
}

struct door *door_new(struct account *account, const struct store_invitation *row, struct err *err)
{
	struct door *door = calloc(1, sizeof(*door));

	if (door == NULL) {
		err_set(err, ERR_MEMORY, "invitation: out of memory");
		return NULL;
	}
	door->account = account;
	door->row = *row;
	door->slot = (unsigned)env_random_below(account->engine->env, SERVICE_SLOTS);
	if (open_door(door, err) < 0) {
		door_free(&door);
		return NULL;
	}
	door->next = account->doors;
	account->doors = door;
	account->door_count++;
	return door;
}

void door_free(struct door **door)
{
	struct door *d = *door;

	if (d == NULL)
		return;
	unlink_door(d);
	rendezvous_free(&d->rendezvous);
	timer_free(&d->expiry);
	secret_free(d, sizeof(*d));
	*door = NULL;
}

const struct store_invitation *door_row(const struct door *door)
{
	return &door->row;
}

void door_link(const struct door *door, char link[INVITATION_LINK_SIZE])
{
	struct invitation invitation = {.with_secret = true};

	memcpy(invitation.host, door->account->identity.public_key, X25519_LEN);
	memcpy(invitation.secret, door->row.secret, INVITATION_SECRET_LEN);
	memcpy(invitation.name, door->row.name, sizeof(invitation.name));
	invitation_format(&invitation, link);
	invitation_wipe(&invitation);
}

/* --- use --- */

bool door_taken(const struct door *door, const uint8_t mark[INSTANCE_LEN])
{
	return !door->row.reusable && door->row.used > 0 &&
	       !secret_equal(door->row.mark, mark, INSTANCE_LEN);
}

int door_use(struct door *door, const uint8_t guest[X25519_LEN], const uint8_t mark[INSTANCE_LEN],
	     struct err *err)
{
	struct store_invitation *row = &door->row;
	int64_t grace_ms = engine_now_ms(door->account->engine) + INVITATION_GRACE_MS;

	row->used++;
	if (!row->reusable) {
		memcpy(row->guest, guest, X25519_LEN);
		memcpy(row->mark, mark, INSTANCE_LEN);
		if (grace_ms < row->expires_ms)
			row->expires_ms = grace_ms;
	}
	watch_expiry(door);
	return store_invitation_save(door->account->engine->store, row, err);
}

void door_restore(struct door *door, const struct store_invitation *row)
{
	door->row = *row;
	watch_expiry(door);
}

/* --- knocking --- */

static bool knows_tag(struct door *door, const uint8_t tag[KNOCK_TAG_LEN])
{
	uint64_t epoch = pair_epoch(&door->pair, door_now(door));
	bool known = false;

	if (door->tag_epoch != epoch) {
		for (unsigned i = 0; i < TAG_EPOCHS; i++)
			pair_knock_tag(&door->pair.in, epoch + i - 1, door->tags[i]);
		door->tag_epoch = epoch;
	}
	for (unsigned i = 0; i < TAG_EPOCHS; i++)
		known |= secret_equal(door->tags[i], tag, KNOCK_TAG_LEN);
	return known;
}

struct door *doors_find(struct account *account, const uint8_t tag[KNOCK_TAG_LEN])
{
	struct door *known = NULL;

	for (struct door *door = account->doors; door != NULL; door = door->next)
		if (knows_tag(door, tag))
			known = door;
	return known;
}

/* Was this first message here before? If not, it was now. */
static bool is_replay(struct door *door, const uint8_t ephemeral[X25519_LEN])
{
	unsigned count = door->seen_count < SEEN_MAX ? door->seen_count : SEEN_MAX;

	for (unsigned i = 0; i < count; i++)
		if (memcmp(door->seen[i], ephemeral, X25519_LEN) == 0)
			return true;
	memcpy(door->seen[door->seen_count++ % SEEN_MAX], ephemeral, X25519_LEN);
	return false;
}

static bool in_time(struct door *door, int64_t time_ms)
{
	int64_t now = door_now(door);

	return time_ms >= now - CLOCK_TOLERANCE_MS && time_ms <= now + CLOCK_TOLERANCE_MS;
}

bool door_knocked(struct door *door, struct stream *stream, const uint8_t knock[KNOCK_LEN])
{
	struct account *account = door->account;
	struct hello hello = {0};
	struct noise *noise = NULL;
	struct err why = {0};

	if (is_expired(door) || visits_full(account))
		return false;
	noise = introduction_admit(account->engine->env, &account->identity, &door->pair, knock,
				   &hello, &why);
	if (noise == NULL || !in_time(door, hello.time_ms) ||
	    is_replay(door, knock + KNOCK_TAG_LEN) || door_taken(door, hello.instance) ||
	    (requests_full(account) && !request_expected(account, hello.instance))) {
		log_info("invitation: a knock is refused: %s",
			 noise == NULL ? why.text : "not in time, or not this guest now");
		noise_free(&noise);
		return false;
	}
	return visit_begin(account, door, stream, noise, hello.instance);
}

/* --- all of an account --- */

struct loading {
	struct account *account;
	struct err *err;
};

static int load_door(void *arg, const struct store_invitation *row)
{
	struct loading *loading = arg;

	return door_new(loading->account, row, loading->err) != NULL ? 0 : -1;
}

int doors_load(struct account *account, struct err *err)
{
	struct loading loading = {account, err};

	return store_invitations(account->engine->store, account->id, load_door, &loading, err);
}

void doors_free(struct account *account)
{
	while (account->doors != NULL) {
		struct door *door = account->doors;
		door_free(&door);
	}
}

void doors_start(struct account *account)
{
	for (struct door *door = account->doors; door != NULL; door = door->next)
		rendezvous_begin(door->rendezvous, account_spread(account));
}

void doors_stop(struct account *account)
{
	for (struct door *door = account->doors; door != NULL; door = door->next)
		rendezvous_end(door->rendezvous);
}

void doors_wake(struct account *account)
{
	for (struct door *door = account->doors; door != NULL; door = door->next)
		rendezvous_wake(door->rendezvous, account_spread(account));
}

void doors_jumped(struct account *account)
{
	for (struct door *door = account->doors; door != NULL; door = door->next)
		rendezvous_jumped(door->rendezvous, account_spread(account));
}

void doors_address(struct account *account, bool fresh)
{
	struct engine *engine = account->engine;

	for (struct door *door = account->doors; door != NULL; door = door->next) {
		if (fresh)
			door->slot = (unsigned)env_random_below(engine->env, SERVICE_SLOTS);
		rendezvous_address(door->rendezvous, account_spread(account));
	}
}

/* --- what the layer above asks --- */

int account_invite(struct account *account, const char *name, bool reusable, int64_t lifetime_ms,
		   char link[INVITATION_LINK_SIZE], struct err *err)
{
	struct engine *engine = account->engine;
	struct store_invitation row = {.reusable = reusable};
	size_t len = name != NULL ? strlen(name) : 0;
	struct door *door = NULL;

	if (lifetime_ms <= 0 || lifetime_ms > INVITATION_LIFETIME_MAX_MS)
		return err_set(err, ERR_INPUT, "invitation: impossible lifetime");
	if (account->door_count >= INVITATIONS_MAX)
		return err_set(err, ERR_LIMIT, "invitation: %d are open already", INVITATIONS_MAX);
	if (len > INVITATION_NAME_MAX || introduction_check(name != NULL ? name : "", "", err) < 0)
		return err_set(err, ERR_INPUT,
			       "invitation: the name must be UTF-8 of up to %d "
			       "bytes",
			       INVITATION_NAME_MAX);
	if (len > 0)
		memcpy(row.name, name, len);
	env_random(engine->env, row.secret, INVITATION_SECRET_LEN);
	row.expires_ms = engine_now_ms(engine) + lifetime_ms;
	if (store_invitation_add(engine->store, account->id, &row, err) == 0) {
		door = door_new(account, &row, err);
		if (door == NULL)
			store_invitation_remove(engine->store, row.id, NULL);
	}
	secret_wipe(&row, sizeof(row));
	if (door == NULL)
		return -1;
	if (account_online(account))
		rendezvous_begin(door->rendezvous, engine_spread(engine, 0));
	door_link(door, link);
	return 0;
}

void account_invitations(const struct account *account,
			 void (*each)(void *arg, const struct invitation_info *invitation),
			 void *arg)
{
	struct door *next = NULL;

	for (struct door *door = account->doors; door != NULL; door = next) {
		struct invitation_info info = {.number = door->row.id,
					       .reusable = door->row.reusable,
					       .expires_ms = door->row.expires_ms,
					       .used = door->row.used};
		next = door->next;
		door_link(door, info.link);
		each(arg, &info);
		secret_wipe(&info, sizeof(info));
	}
}

int account_invitation_revoke(struct account *account, int64_t number, struct err *err)
{
	struct door *door = account->doors;

	while (door != NULL && door->row.id != number)
		door = door->next;
	if (door == NULL)
		return err_set(err, ERR_NOT_FOUND, "invitation: there is none with this number");
	if (close_door(door, err) < 0)
		return -1;
	/* Whoever has the link may know our address. */
	account_flee(account);
	return 0;
}
