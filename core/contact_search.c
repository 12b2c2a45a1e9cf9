/*
 * contact_search.c: how a contact is found: what the rendezvous asks and tells, and dialling.
 *
 * Neighbours: rendezvous.c, dialler.c, and contact_session.c, which takes over with the handshake.
 */
#include "core/base/log.h"
#include "core/guest.h"

static struct engine *engine_of(const struct contact *contact)
{
	return contact->account->engine;
}

/* --- dialling --- */

/* The contact accepts only times that go up, so that ours must even when our clock was set back. */
static int64_t next_handshake_ms(struct contact *contact)
{
	int64_t now = engine_now_ms(engine_of(contact));
	int64_t last = contact->row.out_handshake_ms;

	contact->row.out_handshake_ms =
	    last >= now && last - now < CLOCK_TOLERANCE_MS ? last + 1 : now;
	contact_save(contact);
	return contact->row.out_handshake_ms;
}

static void on_connected(void *arg, struct stream *stream)
{
	struct contact *contact = arg;
	const struct pair *pair =
	    contact->dial_next && contact->next != NULL ? &contact->next->pair : &contact->pair;
	struct session_start start = contact_session_start(contact, pair);
	struct hello hello = contact_hello(contact, next_handshake_ms(contact));
	uint64_t epoch = pair_epoch(pair, engine_now_ms(engine_of(contact)));
	struct err why = {0};

	contact->calling = session_call(&start, stream, epoch, &hello, &why);
	if (contact->calling == NULL) {
		log_warn("contact: cannot knock: %s", why.text);
		dialler_fail(contact->dialler);
	}
}

static void on_hang_up(void *arg)
{
	struct contact *contact = arg;

	session_free(&contact->calling);
}

static void on_dial_failed(void *arg, int64_t retry_ms)
{
	struct contact *contact = arg;

	rendezvous_retry(contact->rendezvous, retry_ms);
	contact_update(contact);
}

/* Both may have died, found each other's last record, and be dialling where nobody is any more;
 * then neither would be found before tor gives up. */
static void on_dial_slow(void *arg)
{
	struct contact *contact = arg;

	rendezvous_retry(contact->rendezvous, DIAL_SLOW_MS);
}

static const struct dialler_handler dialler_handler = {
    .connected = on_connected,
    .hang_up = on_hang_up,
    .failed = on_dial_failed,
    .slow = on_dial_slow,
};

/* --- the registry --- */

static int64_t on_now(void *arg)
{
	struct contact *contact = arg;

	return engine_now_ms(engine_of(contact));
}

static int on_endpoint(void *arg, struct endpoint *endpoint)
{
	struct contact *contact = arg;

	return resident_endpoint(contact->account->resident, contact->slot, endpoint);
}

static int on_sequence(void *arg, int64_t now_ms, uint64_t *sequence)
{
	struct contact *contact = arg;
	uint64_t last = contact->row.out_sequence;

	*sequence = now_ms > 0 && (uint64_t)now_ms > last ? (uint64_t)now_ms : last + 1;
	contact->row.out_sequence = *sequence;
	if (contact_save(contact) == 0)
		return 0;
	contact->row.out_sequence = last;
	return -1;
}

/* -1: older than the newest that we have seen. Records of one sequence say the same, whichever was
 * issued first: those of the next epoch, say, are not renewed at the moments of this one's. */
static int accept_record(struct contact *contact, const struct record *record)
{
	struct store_contact *row = &contact->row;

	if (record->sequence > INT64_MAX || record->sequence < row->in_sequence)
		return -1;
	if (record->sequence == row->in_sequence && record->issued_ms <= row->in_issued_ms)
		return 0;
	row->in_sequence = record->sequence;
	row->in_issued_ms = record->issued_ms;
	/* If it cannot be stored, an old record may be dialled once after a restart: no harm. */
	contact_save(contact);
	return 0;
}

static bool on_found(void *arg, const struct record *record)
{
	struct contact *contact = arg;
	uint64_t last = contact->row.in_sequence;
	bool next = rendezvous_found_next(contact->rendezvous);
	int64_t wait_ms;

	if (contact->link != NULL || accept_record(contact, record) < 0 ||
	    record->sequence <= contact->gone_sequence)
		return false;
	/* The contact is not to notice that we have looked. */
	if (contact->account->visibility != ACCOUNT_SHOWN)
		return true;
	/* One record may come under both; that it is under next says that the contact has next. */
	contact->dial_next = next || (contact->dial_next && record->sequence == last);
	wait_ms = dialler_offer(contact->dialler, &record->endpoint);
	if (wait_ms > 0)
		rendezvous_retry(contact->rendezvous, wait_ms);
	contact_update(contact);
	return wait_ms == 0;
}

static void on_watched(void *arg, bool found)
{
	const struct status status = {.show = found ? SHOW_AVAILABLE : SHOW_OFFLINE};

	contact_set_status(arg, &status);
}

static void on_changed(void *arg)
{
	contact_update(arg);
}

static const struct rendezvous_handler rendezvous_handler = {
    .now = on_now,
    .endpoint = on_endpoint,
    .sequence = on_sequence,
    .found = on_found,
    .watched = on_watched,
    .changed = on_changed,
};

/* --- life --- */

int contact_open(struct contact *contact, struct err *err)
{
	struct engine *engine = engine_of(contact);
	struct rendezvous_start start = {
	    .env = engine->env,
	    .registry = engine->config.registry,
	    .isolation = engine->isolation,
	    .owner = contact->account,
	    .own = &contact->account->identity,
	    .contact = contact->row.public_key,
	    .pair = &contact->pair,
	    .replicas = engine->config.replicas,
	    .handler = &rendezvous_handler,
	    .arg = contact,
	};

	contact->rendezvous = rendezvous_new(&start);
	contact->dialler = dialler_new(engine->env, account_transport(contact->account),
				       &dialler_handler, contact);
	contact->rest = timer_new(engine->env, contact_rest_over, contact);
	if (contact->rendezvous == NULL || contact->dialler == NULL || contact->rest == NULL)
		return err_set(err, ERR_MEMORY, "contact: out of memory");
	if (contact->next != NULL && rendezvous_reserve_next(contact->rendezvous) < 0)
		return err_set(err, ERR_MEMORY, "contact: out of memory");
	if (contact->next != NULL)
		rendezvous_set_next(contact->rendezvous, &contact->next->pair);
	return 0;
}

void contact_start(struct contact *contact, int64_t delay_ms)
{
	switch (contact->account->visibility) {
	case ACCOUNT_SHOWN:
		rendezvous_begin(contact->rendezvous, delay_ms);
		guest_start(contact->guest, delay_ms);
		break;
	case ACCOUNT_HIDDEN:
		rendezvous_watch(contact->rendezvous, delay_ms);
		break;
	case ACCOUNT_DARK:
		break;
	}
}
