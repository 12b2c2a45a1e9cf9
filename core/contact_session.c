/*
 * contact_session.c: how a contact's sessions come and go: answered, chosen, lost.
 *
 * A contact has at most three sessions: one that we dial, one that we have answered, and the link,
 * which is the one that counts. Neighbours: rendezvous.c and dialler.c (finding the contact),
 * lobby.c (who knocks), session.c, link.c (what is said).
 *
 * Both sides decide alike which of two sessions stays, each by itself:
 *   - a session with another process of the contact replaces the old one: that process is dead;
 *   - two within RACE_MS were dialled by both at once: the one that the low side dialled stays;
 *   - else the new one stays: whoever dials anew has lost the old one.
 * A session counts for its listener only from the first frame on, which the dialler sends when it
 * has the answer; so either side may give up its own dialling as soon as it is linked.
 */
#include "core/base/log.h"
#include "core/guest.h"
#include "core/status.h"

#include <stdlib.h>
#include <string.h>

/* Two sessions that are this close in time were begun at once, in ms: dialling and shaking hands
 * through Tor takes seconds. */
#define RACE_MS ((int64_t)30 * 1000)
/* The contact says that our session was one too many: how long to wait for the other one, in ms. */
#define DUPLICATE_REST_MS ((int64_t)10 * 1000)
/* A session was alive if something was heard in it within this time, in ms. When another process
 * replaces live ones more often than this many times at once, and then once in so many ms, both
 * run: a process that is started again after a crash does so with a dead session. */
#define ALIVE_MS          ((int64_t)60 * 1000)
#define ELSEWHERE_MOST    2
#define ELSEWHERE_EACH_MS ((int64_t)5 * 60 * 1000)
/* How long to leave the contact to our other daemon, in ms. */
#define ELSEWHERE_REST_MS ((int64_t)10 * 60 * 1000)
/* How long to stay away when messages cannot be stored, in ms: the user may make room. */
#define STORE_REST_MS ((int64_t)30 * 1000)

static struct engine *engine_of(const struct contact *contact)
{
	return contact->account->engine;
}

/* --- state and status --- */

static enum contact_state find_state(const struct contact *contact)
{
	if (contact->link != NULL)
		return CONTACT_LINKED;
	if (contact->calling != NULL || dialler_busy(contact->dialler))
		return CONTACT_DIALLING;
	switch (rendezvous_state(contact->rendezvous)) {
	case RENDEZVOUS_LOOKING:
		return CONTACT_LOOKING;
	case RENDEZVOUS_PUBLISHING:
		return CONTACT_PUBLISHING;
	case RENDEZVOUS_WAITING:
		return CONTACT_WAITING;
	case RENDEZVOUS_OFF:
		break;
	}
	return timer_pending(contact->rest) ? CONTACT_WAITING : CONTACT_IDLE;
}

void contact_update(struct contact *contact)
{
	enum contact_state state = find_state(contact);

	if (state == contact->state)
		return;
	log_debug("contact %s: %s -> %s", log_private(contact->id_text),
		  contact_state_name(contact->state), contact_state_name(state));
	contact->state = state;
	contact->since_ms = engine_now_ms(engine_of(contact));
	contact->tell_state = true;
	engine_tell(contact);
}

void contact_set_status(struct contact *contact, const struct status *status)
{
	struct status *own = NULL;

	if (status_equal(contact->status, status))
		return;
	if (!status_equal(status_plain(status->show), status)) {
		own = malloc(sizeof(*own));
		if (own != NULL)
			*own = *status;
		else
			log_warn("contact: no memory for a status");
	}
	secret_free(contact->own_status, sizeof(*contact->own_status));
	contact->own_status = own;
	contact->status = own != NULL ? own : status_plain(status->show);
	contact->tell_status = true;
	engine_tell(contact);
}

static void show_offline(struct contact *contact)
{
	contact_set_status(contact, status_plain(SHOW_OFFLINE));
}

void contact_show_status(struct contact *contact)
{
	if (contact->link != NULL)
		link_show_status(contact->link);
	if (contact->answering != NULL)
		link_send_status(contact, contact->answering);
}

int contact_show(struct contact *contact, const struct status *status)
{
	struct status *copy = NULL;

	if (status != NULL) {
		copy = calloc(1, sizeof(*copy));
		if (copy == NULL || status_copy(copy, status, NULL) < 0) {
			free(copy);
			return -1;
		}
	}
	if (copy == NULL ? contact->shown == NULL
			 : contact->shown != NULL && status_equal(contact->shown, copy)) {
		free(copy);
		return 0;
	}
	secret_free(contact->shown, sizeof(*contact->shown));
	contact->shown = copy;
	contact_show_status(contact);
	return 0;
}

const struct status *contact_shown(const struct contact *contact)
{
	return contact->shown;
}

/* --- the end of a link --- */

/* From now on it is as if the contact were not there. */
static void forget_link(struct contact *contact)
{
	link_free(&contact->link);
	show_offline(contact);
}

/* The link broke: both sides publish and look at once. */
static void lose_link(struct contact *contact)
{
	const struct session *session = link_session(contact->link);
	int64_t age = env_mono_ms(engine_of(contact)->env) - session_established_ms(session);

	if (session_dialled(session))
		dialler_link_lost(contact->dialler, age);
	forget_link(contact);
	rendezvous_urgent(contact->rendezvous);
	contact_update(contact);
}

void contact_break(struct contact *contact)
{
	if (contact->link != NULL)
		lose_link(contact);
}

void contact_jumped(struct contact *contact, int64_t delay_ms)
{
	if (contact->link == NULL || link_catch_up(contact->link)) {
		rendezvous_jumped(contact->rendezvous, delay_ms);
		return;
	}
	log_info("contact: the link has died meanwhile");
	forget_link(contact);
	rendezvous_begin(contact->rendezvous, delay_ms);
}

/* Neither look nor publish for a while, then begin as after a break. */
static void rest(struct contact *contact, int64_t ms)
{
	rendezvous_end(contact->rendezvous);
	timer_set(contact->rest, ms);
	contact_update(contact);
}

void contact_rest_over(void *arg)
{
	struct contact *contact = arg;

	contact->held = false;
	show_offline(contact);
	rendezvous_urgent(contact->rendezvous);
	contact_update(contact);
}

/* Nothing can be stored: stay away for a while, so that the contact keeps its messages. */
static void hold(struct contact *contact)
{
	session_free(&contact->answering);
	forget_link(contact);
	contact->held = true;
	rest(contact, STORE_REST_MS);
}

/* The contact has said goodbye. */
static void take_leave(struct contact *contact)
{
	unsigned goodbye = link_goodbye(contact->link);

	if (goodbye == BYE_ELSEWHERE) {
		account_note_conflict(contact->account);
		forget_link(contact);
		rest(contact, ELSEWHERE_REST_MS);
		return;
	}
	if (goodbye == BYE_DUPLICATE) {
		/* The session that it prefers is on its way: no flicker of the status. */
		link_free(&contact->link);
		rest(contact, DUPLICATE_REST_MS);
		return;
	}
	forget_link(contact);
	/* What lies in the registry still leads to where it was. */
	contact->gone_sequence = contact->row.in_sequence;
	rendezvous_absent(contact->rendezvous);
	contact_update(contact);
}

/* --- which session stays --- */

static bool newcomer_stays(const struct contact *contact, const struct session *old,
			   const struct session *newcomer)
{
	int64_t age = env_mono_ms(engine_of(contact)->env) - session_established_ms(old);

	if (memcmp(session_instance(old), session_instance(newcomer), INSTANCE_LEN) != 0)
		return true;
	if (age >= RACE_MS || session_dialled(old) == session_dialled(newcomer))
		return true;
	return session_dialled(newcomer) == contact->pair.low;
}

static void say_duplicate(struct contact *contact, struct session *session)
{
	uint8_t reason = BYE_DUPLICATE;

	log_debug("contact %s: a session is one too many", log_private(contact->id_text));
	session_send(session, FRAME_BYE, &reason, 1, NULL);
	farewells_add(engine_of(contact)->farewells, session_release(&session));
}

/* Give up what else would lead to a session. */
static void stop_searching(struct contact *contact)
{
	timer_stop(contact->rest);
	session_free(&contact->calling);
	dialler_stop(contact->dialler);
	rendezvous_end(contact->rendezvous);
}

/* Why the link must give way to this one. */
static enum bye why_replaced(struct contact *contact, const struct session *newcomer)
{
	int64_t now = env_mono_ms(engine_of(contact)->env);

	if (memcmp(session_instance(link_session(contact->link)), session_instance(newcomer),
		   INSTANCE_LEN) == 0 ||
	    now - link_heard_ms(contact->link) > ALIVE_MS)
		return BYE_DUPLICATE;
	if (ration_take(&contact->elsewhere, ELSEWHERE_MOST, ELSEWHERE_EACH_MS, now) == 0)
		return BYE_DUPLICATE;
	return BYE_ELSEWHERE;
}

/* Drop a session whose handshake is complete, and which is not wanted. */
static int refuse(struct contact *contact, struct session *session)
{
	log_info("contact: a session under a secret that is gone");
	if (session == contact->calling) {
		session_free(&contact->calling);
		dialler_fail(contact->dialler);
	} else {
		session_free(&contact->answering);
	}
	return -1;
}

static int on_established(void *arg, struct session *session)
{
	struct contact *contact = arg;
	struct err why = {0};

	/* Before anything is sent: the other side may erase the old secret then (renewal.h). */
	if (contact_agree(contact, session_pair_id(session)) < 0)
		return refuse(contact, session);
	if (session == contact->calling) {
		contact->calling = NULL;
		dialler_done(contact->dialler);
	} else {
		contact->answering = NULL;
	}
	if (contact->link != NULL &&
	    !newcomer_stays(contact, link_session(contact->link), session)) {
		say_duplicate(contact, session);
		contact_update(contact);
		return -1;
	}
	if (contact->link != NULL)
		farewells_add(engine_of(contact)->farewells,
			      link_bye(&contact->link, why_replaced(contact, session)));
	contact->link = link_new(contact, session, &why);
	if (contact->link == NULL) {
		log_warn("contact: %s", why.text);
		session_free(&session);
		show_offline(contact);
		rest(contact, STORE_REST_MS);
		return -1;
	}
	stop_searching(contact);
	/* The host has accepted, whether or not we got its acknowledgement. */
	if (contact->guest != NULL)
		guest_finish(contact->guest, NULL);
	contact_update(contact);
	return 0;
}

/* --- what a session tells --- */

/* -1, for it has ended the session. */
static int fail_link(struct contact *contact, const struct err *why)
{
	log_info("contact: the session ends: %s", why->text);
	if (why->code == ERR_PROTOCOL)
		lose_link(contact);
	else
		hold(contact);
	return -1;
}

static int on_frame(void *arg, struct session *session, uint8_t type, const uint8_t *data,
		    size_t len)
{
	struct contact *contact = arg;
	struct err why = {0};

	(void)session;
	if (link_frame(contact->link, type, data, len, &why) < 0)
		return fail_link(contact, &why);
	return 0;
}

static int on_settle(void *arg, struct session *session)
{
	struct contact *contact = arg;
	struct err why = {0};

	(void)session;
	if (link_settle(contact->link, &why) < 0)
		return fail_link(contact, &why);
	if (link_goodbye(contact->link) != 0) {
		take_leave(contact);
		return -1;
	}
	return 0;
}

static void on_drained(void *arg, struct session *session)
{
	struct contact *contact = arg;

	(void)session;
	link_pump(contact->link);
}

static void on_closed(void *arg, struct session *session, const struct err *why)
{
	struct contact *contact = arg;

	log_debug("contact %s: session closed: %s", log_private(contact->id_text), why->text);
	if (session == contact->calling) {
		session_free(&contact->calling);
		dialler_fail(contact->dialler);
	} else if (session == contact->answering) {
		session_free(&contact->answering);
		/* It may be the one that was to come after a duplicate. */
		if (timer_pending(contact->rest) && !contact->held) {
			timer_stop(contact->rest);
			contact_rest_over(contact);
		}
	} else {
		lose_link(contact);
	}
}

static const struct session_handler session_handler = {
    .established = on_established,
    .frame = on_frame,
    .settle = on_settle,
    .drained = on_drained,
    .closed = on_closed,
};

struct session_start contact_session_start(struct contact *contact, const struct pair *pair)
{
	return (struct session_start){
	    .env = engine_of(contact)->env,
	    .own = &contact->account->identity,
	    .contact = contact->row.public_key,
	    .pair = pair,
	    .handler = &session_handler,
	    .arg = contact,
	};
}

struct hello contact_hello(const struct contact *contact, int64_t time_ms)
{
	struct hello hello = {
	    .time_ms = time_ms, .version_min = SESSION_VERSION, .version_max = SESSION_VERSION};

	memcpy(hello.instance, engine_of(contact)->instance, INSTANCE_LEN);
	return hello;
}

/* --- answering --- */

static void make_tags(const struct pair *pair, struct contact_tags *tags, int64_t now_ms)
{
	uint64_t epoch = pair_epoch(pair, now_ms);

	for (unsigned i = 0; i < TAG_EPOCHS; i++)
		pair_knock_tag(&pair->in, epoch + i - 1, tags->tag[i]);
	tags->until_ms = now_ms + pair_epoch_left_ms(pair, now_ms);
	tags->from_ms = tags->until_ms - EPOCH_MS;
}

static bool knows_tag(const struct contact *contact, const struct pair *pair,
		      struct contact_tags *tags, const uint8_t tag[KNOCK_TAG_LEN])
{
	int64_t now_ms = engine_now_ms(engine_of(contact));
	bool known = false;

	if (now_ms < tags->from_ms || now_ms >= tags->until_ms)
		make_tags(pair, tags, now_ms);
	for (unsigned i = 0; i < TAG_EPOCHS; i++)
		known |= secret_equal(tags->tag[i], tag, KNOCK_TAG_LEN);
	return known;
}

/* The pair under which the contact knocks so; NULL: neither. */
static const struct pair *pair_of_tag(struct contact *contact, const uint8_t tag[KNOCK_TAG_LEN])
{
	const struct pair *pair = NULL;

	if (knows_tag(contact, &contact->pair, &contact->tags, tag))
		pair = &contact->pair;
	if (contact->next != NULL &&
	    knows_tag(contact, &contact->next->pair, &contact->next->tags, tag))
		pair = &contact->next->pair;
	return pair;
}

bool contact_knows_tag(struct contact *contact, const uint8_t tag[KNOCK_TAG_LEN])
{
	return pair_of_tag(contact, tag) != NULL;
}

/* Is it later than all before, and in our time? Then it is the last one from now on. */
static int accept_time(struct contact *contact, int64_t time_ms)
{
	int64_t now = engine_now_ms(engine_of(contact));
	int64_t last = contact->row.in_handshake_ms;

	/* Both clocks were wrong together when it was accepted; we would wait for it to come. */
	if (last > now + CLOCK_TOLERANCE_MS)
		last = 0;
	if (time_ms <= last || time_ms < now - CLOCK_TOLERANCE_MS ||
	    time_ms > now + CLOCK_TOLERANCE_MS)
		return -1;
	contact->row.in_handshake_ms = time_ms;
	if (contact_save(contact) == 0)
		return 0;
	contact->row.in_handshake_ms = last;
	return -1;
}

bool contact_knocked(struct contact *contact, struct stream *stream, const uint8_t knock[KNOCK_LEN])
{
	const struct pair *pair = pair_of_tag(contact, knock);
	struct session_start start = contact_session_start(contact, pair);
	struct hello theirs = {0};
	struct hello ours = contact_hello(contact, engine_now_ms(engine_of(contact)));
	struct err why = {0};
	struct noise *noise = NULL;

	if (contact->held || pair == NULL)
		return false;
	noise = knock_read(start.env, start.own, start.contact, start.pair, knock, &theirs, &why);
	if (noise == NULL || accept_time(contact, theirs.time_ms) < 0) {
		log_info("contact: a knock is refused: %s",
			 noise == NULL ? why.text : "its time was used or is wrong");
		noise_free(&noise);
		return false;
	}
	session_free(&contact->answering);
	contact->answering = session_answer(&start, stream, noise, &theirs, &ours, &why);
	if (contact->answering == NULL)
		log_warn("contact: cannot answer: %s", why.text);
	else
		link_send_status(contact, contact->answering);
	return true;
}

/* --- the end --- */

void contact_hush(struct contact *contact)
{
	stop_searching(contact);
	guest_stop(contact->guest);
	contact->held = false;
	session_free(&contact->answering);
	link_free(&contact->link);
	show_offline(contact);
	contact_update(contact);
}

void contact_stop(struct contact *contact)
{
	if (contact->link != NULL)
		farewells_add(engine_of(contact)->farewells, link_bye(&contact->link, BYE_OFFLINE));
	contact_hush(contact);
}
