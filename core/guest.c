/*
 * guest.c: see guest.h.
 *
 *     look -> found -> dial -> knock -> answer -> work -> show -> ACK: arrived
 *      ^                                                   |
 *      +------------- any failure: a pause ----------------+
 */
#include "core/guest.h"

#include "core/base/log.h"
#include "core/introduction.h"

#include <stdlib.h>
#include <string.h>

/* Nonces that are tried before the loop goes on with other things: a few ms. */
#define WORK_SLICE 2048
/* How often a far expiry is looked at, in ms: clocks may be set. */
#define EXPIRY_LOOK_MS ((int64_t)3600 * 1000)

enum guest_state {
	GUEST_SEEKING, /* looking up, dialling or pausing */
	GUEST_KNOCKED, /* the host's answer has not come */
	GUEST_WORKING,
	GUEST_SHOWN, /* the host knows us; its ACK has not come */
};

static const char *const state_names[] = {[GUEST_SEEKING] = "seeking",
					  [GUEST_KNOCKED] = "knocked",
					  [GUEST_WORKING] = "working",
					  [GUEST_SHOWN] = "shown"};

struct guest {
	struct contact *contact;
	struct store_introduction row;
	struct identity door;
	struct pair pair; /* of the door with the host */
	struct rendezvous *rendezvous;
	struct dialler *dialler;
	struct timer *expiry;
	uint64_t in_sequence; /* of the newest record that we have read, */
	int64_t backoff_ms;   /* the last pause; 0: none yet */

	/* The attempt under way. */
	enum guest_state state;
	struct stream *stream;
	struct timer *limit;
	struct timer *work;
	struct noise *noise;
	uint8_t answer[ANSWER_LEN];
	size_t answer_len; /* as far as it has come */
	unsigned bits;
	uint8_t challenge[SHA256_LEN];
	uint64_t nonce;
	struct frame_reader reader; /* while shown */
	bool arrived;
};

static struct engine *engine_of(const struct guest *guest)
{
	return guest->contact->account->engine;
}

static void enter_state(struct guest *guest, enum guest_state state)
{
	log_debug("introduction: %s -> %s", state_names[guest->state], state_names[state]);
	guest->state = state;
}

/* --- an attempt and its end --- */

static void hang_up(void *arg)
{
	struct guest *guest = arg;

	timer_stop(guest->limit);
	timer_stop(guest->work);
	stream_free(&guest->stream);
	noise_free(&guest->noise);
	frame_reader_wipe(&guest->reader);
	guest->answer_len = 0;
	if (guest->state != GUEST_SEEKING)
		enter_state(guest, GUEST_SEEKING);
}

static void fail(struct guest *guest, const char *why)
{
	log_info("introduction: it did not arrive: %s", why);
	hang_up(guest);
	dialler_fail(guest->dialler);
}

/* The host says nothing to whom it does not let in; it may be that it cannot now. */
static void on_dial_failed(void *arg, int64_t retry_ms)
{
	struct guest *guest = arg;
	int64_t *pause = &guest->backoff_ms;

	*pause = *pause == 0 ? INTRODUCTION_BACKOFF_MIN_MS : 2 * *pause;
	if (*pause > INTRODUCTION_BACKOFF_MAX_MS)
		*pause = INTRODUCTION_BACKOFF_MAX_MS;
	if (retry_ms < *pause)
		retry_ms = env_jitter(engine_of(guest)->env, *pause, 25);
	rendezvous_retry(guest->rendezvous, retry_ms);
}

static void too_slow(void *arg)
{
	fail(arg, "no answer");
}

/* --- showing who we are --- */

static int split(struct guest *guest, struct err *err)
{
	struct noise_cipher send, receive;
	uint8_t hash[SHA256_LEN];

	if (noise_split(guest->noise, &send, &receive, hash, err) < 0)
		return -1;
	frame_reader_init(&guest->reader, &receive);
	noise_cipher_wipe(&send);
	noise_cipher_wipe(&receive);
	noise_free(&guest->noise);
	return 0;
}

static int write_message(struct guest *guest, uint8_t message[INTRODUCTION_LEN], struct err *err)
{
	struct introduction introduction = {.secret = guest->contact->row.secret,
					    .nonce = guest->nonce};
	int result;

	memcpy(introduction.name, guest->row.own_name, sizeof(introduction.name));
	memcpy(introduction.text, guest->row.text, sizeof(introduction.text));
	result = introduction_write(guest->noise, &introduction, message, err);
	secret_wipe(&introduction, sizeof(introduction));
	return result < 0 ? -1 : split(guest, err);
}

static void show(struct guest *guest)
{
	uint8_t message[INTRODUCTION_LEN];
	struct err why = {0};

	if (write_message(guest, message, &why) < 0) {
		fail(guest, why.text);
	} else if (stream_write(guest->stream, message, sizeof(message)) < 0) {
		fail(guest, "out of memory");
	} else {
		enter_state(guest, GUEST_SHOWN);
		timer_set(guest->limit, SESSION_HANDSHAKE_MS);
	}
}

static void work_on(void *arg)
{
	struct guest *guest = arg;

	if (work_try(guest->challenge, guest->bits, WORK_SLICE, &guest->nonce))
		show(guest);
	else
		timer_set(guest->work, 0);
}

/* --- what the host says --- */

static void read_answer(struct guest *guest, const uint8_t *data, size_t len)
{
	struct err why = {0};

	if (len > ANSWER_LEN - guest->answer_len) {
		fail(guest, "the host says too much");
		return;
	}
	memcpy(guest->answer + guest->answer_len, data, len);
	guest->answer_len += len;
	if (guest->answer_len < ANSWER_LEN)
		return;
	if (introduction_read_answer(guest->noise, guest->answer, &guest->bits, &why) < 0) {
		fail(guest, why.text);
		return;
	}
	work_challenge(guest->answer, guest->challenge);
	env_random(engine_of(guest)->env, &guest->nonce, sizeof(guest->nonce));
	timer_stop(guest->limit);
	enter_state(guest, GUEST_WORKING);
	work_on(guest);
}

static int on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
	struct guest *guest = arg;

	(void)data;
	(void)len;
	guest->arrived = type == FRAME_ACK;
	return guest->arrived ? -1 : 0;
}

static void read_frames(struct guest *guest, const uint8_t *data, size_t len)
{
	struct err why = {0};
	int result = frame_read(&guest->reader, data, len, on_frame, guest, &why);

	if (guest->arrived)
		guest_finish(guest, NULL);
	else if (result < 0)
		fail(guest, why.text);
}

static void received(void *arg, const uint8_t *data, size_t len)
{
	struct guest *guest = arg;

	if (guest->state == GUEST_KNOCKED)
		read_answer(guest, data, len);
	else if (guest->state == GUEST_SHOWN)
		read_frames(guest, data, len);
	else
		fail(guest, "the host speaks out of turn");
}

static void closed(void *arg, const struct err *why)
{
	fail(arg, why->text);
}

static const struct stream_handler stream_handler = {.received = received, .closed = closed};

/* --- knocking --- */

static void on_connected(void *arg, struct stream *stream)
{
	struct guest *guest = arg;
	const struct contact *contact = guest->contact;
	int64_t now = engine_now_ms(engine_of(guest));
	struct hello hello = {
	    .time_ms = now, .version_min = SESSION_VERSION, .version_max = SESSION_VERSION};
	uint8_t knock[KNOCK_LEN];
	struct err why = {0};

	guest->stream = stream;
	stream_set_handler(stream, &stream_handler, guest);
	introduction_mark(&contact->row.secret, hello.instance);
	guest->noise = introduction_knock(engine_of(guest)->env, &contact->account->identity,
					  contact->row.public_key, &guest->pair,
					  pair_epoch(&guest->pair, now), &hello, knock, &why);
	if (guest->noise == NULL || stream_write(stream, knock, sizeof(knock)) < 0) {
		fail(guest, guest->noise == NULL ? why.text : "out of memory");
		return;
	}
	enter_state(guest, GUEST_KNOCKED);
	timer_set(guest->limit, SESSION_HANDSHAKE_MS);
}

static const struct dialler_handler dialler_handler = {
    .connected = on_connected,
    .hang_up = hang_up,
    .failed = on_dial_failed,
};

/* --- the registry --- */

static int64_t on_now(void *arg)
{
	const struct guest *guest = arg;

	return engine_now_ms(engine_of(guest));
}

static bool on_found(void *arg, const struct record *record)
{
	struct guest *guest = arg;
	int64_t wait_ms;

	if (record->sequence < guest->in_sequence)
		return false;
	guest->in_sequence = record->sequence;
	wait_ms = dialler_offer(guest->dialler, &record->endpoint);
	if (wait_ms > 0)
		rendezvous_retry(guest->rendezvous, wait_ms);
	return wait_ms == 0;
}

static void on_changed(void *arg)
{
	(void)arg;
}

/* A guest only looks: it has no record. */
static const struct rendezvous_handler rendezvous_handler = {
    .now = on_now,
    .found = on_found,
    .changed = on_changed,
};

/* --- life --- */

/* Where memory is short it is told without the reason. */
static void note_end(struct contact *contact, const struct err *why)
{
	free(contact->introduced);
	contact->introduced = NULL;
	if (why == NULL)
		return;
	contact->introduced = malloc(sizeof(*why));
	if (contact->introduced != NULL)
		*contact->introduced = *why;
}

void guest_finish(struct guest *guest, const struct err *why)
{
	struct contact *contact = guest->contact;
	struct err problem = {0};

	/* If it cannot be removed it is sent once more after a restart: no harm. */
	if (store_introduction_remove(engine_of(guest)->store, contact->row.id, &problem) < 0)
		log_warn("introduction: %s", problem.text);
	note_end(contact, why);
	contact->tell_introduced = true;
	guest_free(&contact->guest);
	engine_tell(contact);
}

static void expiry_due(void *arg)
{
	struct guest *guest = arg;
	int64_t left = guest->row.expires_ms - on_now(guest);
	struct err why = {0};

	if (left > 0) {
		timer_set(guest->expiry, left < EXPIRY_LOOK_MS ? left : EXPIRY_LOOK_MS);
		return;
	}
	err_set(&why, ERR_TIMEOUT, "the invitation was not answered within %d days",
		(int)(INTRODUCTION_LIFETIME_MS / (24 * 3600 * 1000)));
	guest_finish(guest, &why);
}

static int open_guest(struct guest *guest, struct err *err)
{
	struct contact *contact = guest->contact;
	struct engine *engine = engine_of(guest);
	struct invitation invitation = {.with_secret = true};
	SECRET struct key secret;
	struct rendezvous_start start = {
	    .part = RENDEZVOUS_LOOK,
	    .env = engine->env,
	    .registry = engine->config.registry,
	    .isolation = engine->isolation,
	    .owner = guest,
	    .own = &guest->door,
	    .contact = contact->row.public_key,
	    .pair = &guest->pair,
	    .replicas = engine->config.replicas,
	    .handler = &rendezvous_handler,
	    .arg = guest,
	};
	int result;

	memcpy(invitation.host, contact->row.public_key, X25519_LEN);
	memcpy(invitation.secret, guest->row.secret, INVITATION_SECRET_LEN);
	result = invitation_door(&invitation, &guest->door, &secret, err);
	invitation_wipe(&invitation);
	if (result < 0 ||
	    pair_derive(&guest->door, contact->row.public_key, &secret, &guest->pair, err) < 0)
		return -1;
	guest->rendezvous = rendezvous_new(&start);
	guest->dialler =
	    dialler_new(engine->env, account_transport(contact->account), &dialler_handler, guest);
	guest->expiry = timer_new(engine->env, expiry_due, guest);
	guest->limit = timer_new(engine->env, too_slow, guest);
	guest->work = timer_new(engine->env, work_on, guest);
	if (guest->rendezvous == NULL || guest->dialler == NULL || guest->expiry == NULL ||
	    guest->limit == NULL || guest->work == NULL)
		return err_set(err, ERR_MEMORY, "introduction: out of memory");
	return 0;
}

struct guest *guest_new(struct contact *contact, const struct store_introduction *row,
			struct err *err)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (guest == NULL) {
		err_set(err, ERR_MEMORY, "introduction: out of memory");
		return NULL;
	}
	guest->contact = contact;
	guest->row = *row;
	if (open_guest(guest, err) < 0)
		guest_free(&guest);
	return guest;
}

void guest_free(struct guest **guest)
{
	struct guest *g = *guest;

	if (g == NULL)
		return;
	/* One that could not be made whole has never dialled. */
	if (g->limit != NULL && g->work != NULL)
		hang_up(g);
	rendezvous_free(&g->rendezvous);
	dialler_free(&g->dialler);
	timer_free(&g->expiry);
	timer_free(&g->limit);
	timer_free(&g->work);
	secret_free(g, sizeof(*g));
	*guest = NULL;
}

void guest_start(struct guest *guest, int64_t delay_ms)
{
	if (guest == NULL)
		return;
	guest->backoff_ms = 0;
	rendezvous_begin(guest->rendezvous, delay_ms);
	timer_set(guest->expiry, delay_ms);
}

void guest_stop(struct guest *guest)
{
	if (guest == NULL)
		return;
	rendezvous_end(guest->rendezvous);
	dialler_stop(guest->dialler);
	timer_stop(guest->expiry);
	hang_up(guest);
}

void guest_wake(struct guest *guest, int64_t delay_ms)
{
	if (guest != NULL)
		rendezvous_wake(guest->rendezvous, delay_ms);
}

void guest_jumped(struct guest *guest, int64_t delay_ms)
{
	if (guest != NULL)
		rendezvous_jumped(guest->rendezvous, delay_ms);
}

int guest_load(struct contact *contact, struct err *err)
{
	struct store_introduction row;
	struct store *store = contact->account->engine->store;
	int found = store_introduction_get(store, contact->row.id, &row, err);

	if (found == 1) {
		contact->guest = guest_new(contact, &row, err);
		found = contact->guest != NULL ? 0 : -1;
	}
	secret_wipe(&row, sizeof(row));
	return found;
}

/* --- what the layer above asks --- */

/* Contact and introduction in one transaction: with only one of them we could never meet. */
static struct contact *add_both(struct account *account, const char *id, const char *name,
				const struct store_introduction *row, struct err *err)
{
	struct store *store = account->engine->store;
	struct contact *contact = NULL;
	SECRET struct key secret;
	int result;

	env_random(account->engine->env, secret.bytes, KEY_LEN);
	if (store_begin(store, true, err) < 0)
		return NULL;
	contact = contact_add(account, id, name, &secret, err);
	result = contact == NULL ? -1 : store_introduction_set(store, contact->row.id, row, err);
	if (result == 0) {
		contact->guest = guest_new(contact, row, err);
		result = contact->guest == NULL ? -1 : 0;
	}
	if (result == 0)
		result = store_commit(store, err);
	else
		store_rollback(store);
	if (result == 0)
		return contact;
	if (contact != NULL)
		contact_retire(contact);
	return NULL;
}

struct contact *account_introduce(struct account *account, const struct invitation *invitation,
				  const char *petname, const char *own_name, const char *text,
				  struct err *err)
{
	struct engine *engine = account->engine;
	struct store_introduction row = {0};
	struct contact *contact = NULL;
	char id[ID_LEN + 1];

	if (petname == NULL)
		petname = invitation->name;
	own_name = own_name != NULL ? own_name : "";
	text = text != NULL ? text : "";
	id_encode(invitation->host, id);
	if (!invitation->with_secret)
		return contact_add(account, id, petname, NULL, err);
	if (introduction_check(own_name, text, err) < 0)
		return NULL;
	memcpy(row.secret, invitation->secret, INVITATION_SECRET_LEN);
	memcpy(row.own_name, own_name, strlen(own_name));
	memcpy(row.text, text, strlen(text));
	row.expires_ms = engine_now_ms(engine) + INTRODUCTION_LIFETIME_MS;
	contact = add_both(account, id, petname, &row, err);
	secret_wipe(&row, sizeof(row));
	if (contact != NULL && account_online(account))
		guest_start(contact->guest, engine_spread(engine, 0));
	return contact;
}

bool contact_introducing(const struct contact *contact)
{
	return contact->guest != NULL;
}
