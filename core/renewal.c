/*
 * renewal.c: see renewal.h.
 */
#include "core/renewal.h"

#include "core/base/cursor.h"
#include "core/base/log.h"
#include "core/engine_private.h"
#include "core/pair_secret.h"

#include <stdlib.h>
#include <string.h>

enum kind { KIND_OFFER = 1, KIND_STORED = 2 };

#define OFFER_LEN  (1 + 8 + PAIR_ID_LEN + FRESH_LEN)
#define STORED_LEN (1 + PAIR_ID_LEN)

struct renewal {
	struct contact *contact;
	struct session *session;
	struct timer *due;    /* of an offer */
	bool offered;         /* and not answered yet: */
	struct key candidate; /* S', in memory only */
	uint8_t candidate_id[PAIR_ID_LEN];
};

static struct engine *engine_of(const struct renewal *renewal)
{
	return renewal->contact->account->engine;
}

/* S' and its pair id. */
static int make_next(const struct renewal *renewal, const uint8_t fresh[FRESH_LEN],
		     struct key *next, uint8_t id[PAIR_ID_LEN], struct err *err)
{
	const struct contact *contact = renewal->contact;
	struct pair pair = {0};

	if (pair_secret_renew(&contact->row.secret, fresh, session_hash(renewal->session), next,
			      err) < 0 ||
	    pair_derive(&contact->account->identity, contact->row.public_key, next, &pair, err) < 0)
		return -1;
	memcpy(id, pair.id, PAIR_ID_LEN);
	pair_wipe(&pair);
	return 0;
}

/* --- the low side --- */

static int send_offer(struct renewal *renewal, const uint8_t fresh[FRESH_LEN], struct err *err)
{
	struct contact *contact = renewal->contact;
	int64_t now = engine_now_ms(engine_of(renewal));
	uint64_t last = contact->row.secret_serial;
	uint8_t payload[OFFER_LEN];
	struct writer w;
	int result;

	contact->row.secret_serial = now > 0 && (uint64_t)now > last ? (uint64_t)now : last + 1;
	if (contact_save(contact) < 0) {
		contact->row.secret_serial = last;
		return err_set(err, ERR_UNAVAILABLE, "its number could not be stored");
	}
	writer_init(&w, payload, sizeof(payload));
	write_u8(&w, KIND_OFFER);
	write_u64(&w, contact->row.secret_serial);
	write_bytes(&w, contact->pair.id, PAIR_ID_LEN);
	write_bytes(&w, fresh, FRESH_LEN);
	result = session_send(renewal->session, FRAME_SECRET, payload, sizeof(payload), err);
	secret_wipe(payload, sizeof(payload));
	return result;
}

static void offer_due(void *arg)
{
	struct renewal *renewal = arg;
	uint8_t fresh[FRESH_LEN];
	struct err why = {0};

	timer_set(renewal->due,
		  env_jitter(engine_of(renewal)->env, RENEWAL_RETRY_MS, RENEWAL_SETTLE_JITTER));
	env_random(engine_of(renewal)->env, fresh, sizeof(fresh));
	renewal->offered =
	    make_next(renewal, fresh, &renewal->candidate, renewal->candidate_id, &why) == 0 &&
	    send_offer(renewal, fresh, &why) == 0;
	secret_wipe(fresh, sizeof(fresh));
	if (!renewal->offered)
		log_warn("renewal: no offer: %s", why.text);
}

static int on_stored(struct renewal *renewal, struct reader *r, struct err *err)
{
	struct contact *contact = renewal->contact;
	uint8_t id[PAIR_ID_LEN];
	struct err why = {0};

	read_bytes(r, id, sizeof(id));
	if (r->bad || r->left > 0)
		return err_set(err, ERR_PROTOCOL, "malformed answer to a renewal");
	if (!renewal->offered || !secret_equal(id, renewal->candidate_id, PAIR_ID_LEN))
		return 0;
	renewal->offered = false;
	if (contact_set_next(contact, &renewal->candidate, contact->row.secret_serial, &why) < 0)
		log_warn("renewal: %s", why.text);
	else
		timer_stop(renewal->due);
	secret_wipe(&renewal->candidate, sizeof(renewal->candidate));
	return 0;
}

/* --- the high side --- */

/* Is our S the one that the offer begins with? */
static bool find_base(struct contact *contact, const uint8_t base[PAIR_ID_LEN])
{
	return contact_agree(contact, base) == 0 &&
	       secret_equal(base, contact->pair.id, PAIR_ID_LEN);
}

static bool has_next(const struct contact *contact, const uint8_t id[PAIR_ID_LEN])
{
	return contact->next != NULL && secret_equal(contact->next->pair.id, id, PAIR_ID_LEN);
}

static void take_offer(struct renewal *renewal, uint64_t serial, const uint8_t fresh[FRESH_LEN])
{
	struct contact *contact = renewal->contact;
	SECRET struct key next;
	uint8_t payload[STORED_LEN] = {KIND_STORED};
	uint8_t *id = payload + 1;
	struct err why = {0};
	bool again = serial == contact->row.secret_serial;

	if (make_next(renewal, fresh, &next, id, &why) == 0 && !has_next(contact, id)) {
		if (again)
			err_set(&why, ERR_PROTOCOL, "two offers have one number");
		else
			contact_set_next(contact, &next, serial, &why);
	}
	if (has_next(contact, id))
		session_send(renewal->session, FRAME_SECRET, payload, sizeof(payload), NULL);
	else
		log_warn("renewal: an offer is not taken: %s", why.text);
}

static int on_offer(struct renewal *renewal, struct reader *r, struct err *err)
{
	struct contact *contact = renewal->contact;
	uint8_t base[PAIR_ID_LEN], fresh[FRESH_LEN];
	uint64_t serial = read_u64(r);

	read_bytes(r, base, sizeof(base));
	read_bytes(r, fresh, sizeof(fresh));
	if (r->bad || r->left > 0 || serial > INT64_MAX)
		return err_set(err, ERR_PROTOCOL, "malformed offer of a renewal");
	if (contact->pair.low || serial < contact->row.secret_serial || !find_base(contact, base))
		log_info("renewal: an offer that is not for us is ignored");
	else
		take_offer(renewal, serial, fresh);
	secret_wipe(fresh, sizeof(fresh));
	return 0;
}

/* --- life --- */

static int64_t time_left(const struct renewal *renewal)
{
	int64_t since = engine_now_ms(engine_of(renewal)) - renewal->contact->row.renewed_ms;
	int64_t settle = env_jitter(engine_of(renewal)->env, RENEWAL_SETTLE_MS, //
				    RENEWAL_SETTLE_JITTER);

	/* The clock may have been set back. */
	if (since < 0)
		since = 0;
	return RENEWAL_MS - since > settle ? RENEWAL_MS - since : settle;
}

struct renewal *renewal_new(struct contact *contact, struct session *session, struct err *err)
{
	struct renewal *renewal = calloc(1, sizeof(*renewal));

	if (renewal != NULL)
		renewal->due = timer_new(contact->account->engine->env, offer_due, renewal);
	if (renewal == NULL || renewal->due == NULL) {
		err_set(err, ERR_MEMORY, "renewal: out of memory");
		free(renewal);
		return NULL;
	}
	renewal->contact = contact;
	renewal->session = session;
	if (contact->pair.low && contact->next == NULL)
		timer_set(renewal->due, time_left(renewal));
	return renewal;
}

void renewal_free(struct renewal **renewal)
{
	struct renewal *r = *renewal;

	if (r == NULL)
		return;
	timer_free(&r->due);
	secret_free(r, sizeof(*r));
	*renewal = NULL;
}

int renewal_frame(struct renewal *renewal, const uint8_t *data, size_t len, struct err *err)
{
	struct reader r;

	reader_init(&r, data, len);
	switch (read_u8(&r)) {
	case KIND_OFFER:
		return on_offer(renewal, &r, err);
	case KIND_STORED:
		return on_stored(renewal, &r, err);
	default:
		return len > 0 ? 0 : err_set(err, ERR_PROTOCOL, "malformed renewal");
	}
}
