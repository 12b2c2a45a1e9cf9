/*
 * link.c: see link.h.
 *
 * What comes in one read is stored in one durable transaction, begun with its first message and
 * committed in link_settle; only then the messages are told, and acknowledged: not at once, for an
 * answer may be on its way. A frame that follows another one at once has to wait: tor leaves
 * Nagle's algorithm on, so each relay keeps the second cell back until the first one is
 * acknowledged, which costs more than all else that we do with a message. So the answer goes first,
 * and the ACK behind it in the same write.
 */
#include "core/link.h"

#include "core/base/cursor.h"
#include "core/base/log.h"
#include "core/engine_private.h"
#include "core/link_channels.h"
#include "core/renewal.h"
#include "core/status.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

#define ID_BYTES      8
#define DATA_HEAD_LEN (ID_BYTES + 8)
/* ACKs of one frame. */
#define ACKS_MAX (FRAME_PAYLOAD_MAX / ID_BYTES)
/* So many do not wait for an answer: the contact sends much, and its window must not close. */
#define ACKS_AT_ONCE (LINK_WINDOW / 8)
/* How long the others wait, in ms: a client's receipt and a program's answer come sooner, and
 * nobody notices it over Tor. */
#define ACK_DELAY_MS 50

struct link {
	struct contact *contact;
	struct session *session;
	struct renewal *renewal;        /* of the pair secret */
	struct link_channels *channels; /* NULL: none was opened yet */
	struct timer *renew;            /* our status is to be said again */
	struct timer *dead;             /* nothing has come for too long */
	struct timer *ack;              /* ACKs have waited long enough; NULL: none ever has */
	int64_t dead_ms;
	int64_t heard_ms;        /* env_mono_ms */
	int64_t heard_status_ms; /* time in the contact's last STATUS; -1: none yet */
	uint64_t sent_id;        /* of the last message sent in this session */
	unsigned in_flight;
	bool status_due; /* could not be queued */
	bool deaf;
	unsigned bye;
	uint64_t acks[ACKS_MAX]; /* that wait */
	unsigned ack_count;

	/* Of the present read: */
	bool storing;       /* a transaction is open */
	uint64_t stored_id; /* in_id before it */
	unsigned stored;    /* messages in it */
};

static struct store *store_of(const struct link *link)
{
	return link->contact->account->engine->store;
}

/* --- life --- */

static void renewal_due(void *arg)
{
	struct link *link = arg;

	link_show_status(link);
}

static void silent_too_long(void *arg)
{
	struct link *link = arg;

	log_info("link: nothing heard for %d renewals", LINK_RENEWALS);
	contact_break(link->contact);
}

static int64_t dead_after(int64_t renewal_ms)
{
	return LINK_RENEWALS * renewal_ms * (100 + LINK_RENEWAL_JITTER) / 100;
}

struct link *link_new(struct contact *contact, struct session *session, struct err *err)
{
	struct engine *engine = contact->account->engine;
	struct link *link = calloc(1, sizeof(*link));

	if (link != NULL) {
		link->renew = timer_new(engine->env, renewal_due, link);
		link->dead = timer_new(engine->env, silent_too_long, link);
	}
	if (link != NULL)
		link->renewal = renewal_new(contact, session, NULL);
	if (link == NULL || link->renew == NULL || link->dead == NULL || link->renewal == NULL ||
	    session_set_cover(session, contact->account->cover_ms) < 0) {
		err_set(err, ERR_MEMORY, "link: out of memory");
		link_free(&link);
		return NULL;
	}
	link->contact = contact;
	link->session = session;
	link->heard_status_ms = -1;
	link->dead_ms = dead_after(engine->config.renewal_ms);
	timer_set(link->dead, link->dead_ms);
	link->heard_ms = env_mono_ms(engine->env);
	/* The listener has said its status with its answer. */
	if (session_dialled(session))
		link_show_status(link);
	else
		timer_set(link->renew,
			  env_jitter(engine->env, engine->config.renewal_ms, LINK_RENEWAL_JITTER));
	return link;
}

/* Nothing of the present read was acknowledged, so that it will come again. */
static void undo(struct link *link)
{
	struct contact *contact = link->contact;

	if (!link->storing)
		return;
	store_rollback(store_of(link));
	link->storing = false;
	contact->row.in_id = link->stored_id;
	contact->inbox_count -= link->stored;
	/* What the contact had acknowledged in between is back, too. */
	store_message_count(store_of(link), STORE_OUTBOX, contact->row.id, &contact->outbox_count,
			    NULL);
}

void link_free(struct link **link)
{
	struct link *l = *link;

	if (l == NULL)
		return;
	undo(l);
	link_channels_free(&l->channels);
	renewal_free(&l->renewal);
	timer_free(&l->renew);
	timer_free(&l->dead);
	timer_free(&l->ack);
	session_free(&l->session);
	free(l);
	*link = NULL;
}

static void send_acks(struct link *link);

struct stream *link_bye(struct link **link, enum bye reason)
{
	uint8_t payload = (uint8_t)reason;
	struct stream *stream = NULL;

	/* What waits for its moment must not all come now: that would tell how much it was. The
	 * contact then sees a session that breaks. */
	if (!session_holds((*link)->session)) {
		session_set_cover((*link)->session, 0);
		send_acks(*link);
		session_send((*link)->session, FRAME_BYE, &payload, 1, NULL);
	}
	stream = session_release(&(*link)->session);
	link_free(link);
	return stream;
}

const struct session *link_session(const struct link *link)
{
	return link->session;
}

unsigned link_goodbye(const struct link *link)
{
	return link->bye;
}

bool link_catch_up(struct link *link)
{
	int64_t left =
	    link->dead_ms - (env_mono_ms(link->contact->account->engine->env) - link->heard_ms);

	if (left <= 0)
		return false;
	timer_set(link->dead, left);
	link_show_status(link);
	return true;
}

int64_t link_heard_ms(const struct link *link)
{
	return link->heard_ms;
}

int link_set_cover(struct link *link, int64_t mean_ms)
{
	return session_set_cover(link->session, mean_ms);
}

bool link_deaf(const struct link *link)
{
	return link->deaf;
}

/* --- sending --- */

int link_send_status(struct contact *contact, struct session *session)
{
	struct engine *engine = contact->account->engine;
	struct status_frame frame = {.status = contact->shown != NULL ? *contact->shown
								      : contact->account->status,
				     .renewal_ms = engine->config.renewal_ms,
				     .time_ms = engine_now_ms(engine)};
	uint8_t payload[STATUS_FRAME_MAX];

	if (frame.time_ms <= contact->status_ms)
		frame.time_ms = contact->status_ms + 1;
	contact->status_ms = frame.time_ms;
	return session_send(session, FRAME_STATUS, payload, status_encode(&frame, payload), NULL);
}

void link_show_status(struct link *link)
{
	struct engine *engine = link->contact->account->engine;

	timer_set(link->renew,
		  env_jitter(engine->env, engine->config.renewal_ms, LINK_RENEWAL_JITTER));
	link->status_due = session_queued(link->session) > LINK_QUEUE_MAX ||
			   link_send_status(link->contact, link->session) < 0;
}

static void send_acks(struct link *link)
{
	uint8_t payload[ACKS_MAX * ID_BYTES];
	struct writer w;

	/* Never before it is stored for good. */
	if (link->ack_count == 0 || link->storing)
		return;
	writer_init(&w, payload, sizeof(payload));
	for (unsigned i = 0; i < link->ack_count; i++)
		write_u64(&w, link->acks[i]);
	link->ack_count = 0;
	/* If memory is short the contact sends again in the next session. */
	session_send(link->session, FRAME_ACK, payload, w.len, NULL);
	if (link->ack != NULL)
		timer_stop(link->ack);
}

static void acks_due(void *arg)
{
	send_acks(arg);
}

/* Soon, unless a message goes the same way before. */
static void plan_acks(struct link *link)
{
	if (link->ack_count == 0)
		return;
	if (link->ack == NULL)
		link->ack = timer_new(link->contact->account->engine->env, acks_due, link);
	if (link->ack == NULL || link->ack_count >= ACKS_AT_ONCE)
		send_acks(link);
	else if (!timer_pending(link->ack))
		timer_set(link->ack, ACK_DELAY_MS);
}

static int send_message(struct link *link, const struct store_message *message)
{
	struct buf data;
	uint8_t head[DATA_HEAD_LEN];
	struct writer w;
	struct err why = {0};
	int result = -1;

	writer_init(&w, head, sizeof(head));
	write_u64(&w, message->id);
	write_u64(&w, (uint64_t)message->sent_ms);
	buf_init(&data, DATA_HEAD_LEN + PAYLOAD_MAX);
	if (buf_add(&data, head, sizeof(head)) == 0 &&
	    buf_add(&data, message->payload, message->len) == 0)
		result = session_send(link->session, FRAME_DATA, data.data, data.len, &why);
	buf_free(&data);
	return result;
}

bool link_has_sent(const struct link *link, uint64_t id)
{
	return id <= link->sent_id;
}

static void pump_channels(struct link *link, size_t limit)
{
	if (link->channels != NULL)
		link_channels_pump(link->channels, limit);
}

void link_pump(struct link *link)
{
	struct contact *contact = link->contact;
	struct store_message message;
	struct err why = {0};
	int found = 1;
	bool sent = false;

	if (link->status_due)
		link_show_status(link);
	pump_channels(link, LINK_CHANNEL_SHARE);
	while (link->in_flight < LINK_WINDOW && link->in_flight < contact->outbox_count &&
	       session_queued(link->session) < LINK_QUEUE_MAX) {
		found = store_message_next(store_of(link), STORE_OUTBOX, contact->row.id,
					   link->sent_id, &message, &why);
		if (found != 1)
			break;
		found = send_message(link, &message);
		if (found == 0) {
			link->sent_id = message.id;
			if (contact->left_id < message.id)
				contact->left_id = message.id;
			link->in_flight++;
			sent = true;
		}
		store_message_wipe(&message);
		if (found < 0)
			break;
	}
	if (found < 0)
		log_warn("link: a message must wait: %s", why.text);
	if (sent)
		send_acks(link);
	pump_channels(link, LINK_CHANNEL_QUEUE);
}

/* --- receiving --- */

static int on_status(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	struct status_frame frame;

	if (status_decode(data, len, &frame, err) < 0)
		return -1;
	if (frame.time_ms <= link->heard_status_ms)
		return 0;
	link->heard_status_ms = frame.time_ms;
	link->dead_ms = dead_after(frame.renewal_ms);
	contact_set_status(link->contact, &frame.status);
	return 0;
}

static void reject(struct link *link, uint64_t id, const char *reason)
{
	uint8_t payload[ID_BYTES + REJECT_REASON_MAX];
	struct writer w;

	writer_init(&w, payload, sizeof(payload));
	write_u64(&w, id);
	write_bytes(&w, reason, strlen(reason));
	session_send(link->session, FRAME_REJECT, payload, w.len, NULL);
}

static int store_data(struct link *link, const struct store_message *message, struct err *err)
{
	struct contact *contact = link->contact;

	if (!link->storing) {
		if (store_begin(store_of(link), true, err) < 0)
			return -1;
		link->storing = true;
		link->stored_id = contact->row.in_id;
		link->stored = 0;
	}
	if (store_message_add(store_of(link), STORE_INBOX, contact->row.id, message, err) < 0)
		return -1;
	contact->row.in_id = message->id;
	contact->inbox_count++;
	link->stored++;
	return 0;
}

/* Commit what this read has brought, and say so. */
static int commit(struct link *link, struct err *err)
{
	struct contact *contact = link->contact;

	if (link->storing) {
		if (store_contact_save(store_of(link), &contact->row, err) < 0 ||
		    store_commit(store_of(link), err) < 0)
			return -1;
		link->storing = false;
		contact->tell_messages = true;
		engine_tell(contact);
	}
	plan_acks(link);
	return 0;
}

static int on_data(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	struct contact *contact = link->contact;
	struct store_message message = {0};
	struct reader r;
	uint64_t sent_ms;

	reader_init(&r, data, len);
	message.id = read_u64(&r);
	sent_ms = read_u64(&r);
	if (r.bad || message.id == 0 || message.id > INT64_MAX || sent_ms > INT64_MAX)
		return err_set(err, ERR_PROTOCOL, "malformed message");
	message.sent_ms = (int64_t)sent_ms;
	message.len = r.left;
	if (message.len == 0 || message.len > PAYLOAD_MAX) {
		reject(link, message.id, message.len == 0 ? "empty message" : "message too long");
		return 0;
	}
	if (!link->deaf && message.id > contact->row.in_id &&
	    (contact->inbox_count >= INBOX_MAX || account_inbox_is_full(contact))) {
		/* Not even later ones: the order would be lost. */
		log_notice("link: an inbox is full; the contact's messages wait at the contact");
		link->deaf = true;
	}
	if (message.id > contact->row.in_id) {
		if (link->deaf)
			return 0;
		/* Only read from. */
		message.payload = (uint8_t *)(uintptr_t)r.at;
		if (store_data(link, &message, err) < 0)
			return -1;
	}
	link->acks[link->ack_count++] = message.id;
	return link->ack_count == ACKS_MAX ? commit(link, err) : 0;
}

/* The contact has said what became of a message of ours. -1: that cannot be written down, so that
 * it must be said again in another session. */
static int finish_message(struct link *link, uint64_t id, enum delivery how, const char *reason,
			  struct err *err)
{
	struct contact *contact = link->contact;
	struct receipt *receipt = NULL;
	int removed = 0;

	if (id <= link->sent_id)
		removed =
		    store_message_remove(store_of(link), STORE_OUTBOX, contact->row.id, id, err);
	if (removed <= 0)
		return removed;
	link->in_flight--;
	contact->outbox_count--;
	receipt = calloc(1, sizeof(*receipt));
	if (receipt == NULL)
		return 0;
	receipt->id = id;
	receipt->how = how;
	strncpy(receipt->reason, reason, REJECT_REASON_MAX);
	*contact->receipts_end = receipt;
	contact->receipts_end = &receipt->next;
	engine_tell(contact);
	return 0;
}

static int on_ack(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	struct reader r;

	if (len == 0 || len % ID_BYTES != 0)
		return err_set(err, ERR_PROTOCOL, "malformed acknowledgement");
	reader_init(&r, data, len);
	while (r.left > 0)
		if (finish_message(link, read_u64(&r), DELIVERY_ACKED, "", err) < 0)
			return -1;
	return 0;
}

static int on_reject(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	char reason[REJECT_REASON_MAX + 1] = "";
	struct reader r;
	uint64_t id;
	int cut;

	reader_init(&r, data, len);
	id = read_u64(&r);
	if (r.bad)
		return err_set(err, ERR_PROTOCOL, "malformed rejection");
	cut = utf8_cut(r.at, r.left, REJECT_REASON_MAX);
	if (cut > 0)
		memcpy(reason, r.at, (size_t)cut);
	return finish_message(link, id, DELIVERY_REJECTED, reason, err);
}

static int on_bye(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	if (len < 1 || data[0] == 0)
		return err_set(err, ERR_PROTOCOL, "malformed goodbye");
	link->bye = data[0];
	return 0;
}

static int on_secret(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	/* It makes transactions of its own. */
	if (commit(link, err) < 0)
		return -1;
	return renewal_frame(link->renewal, data, len, err);
}

static struct link_channels *channels_of(struct link *link, struct err *err)
{
	if (link->channels == NULL)
		link->channels = link_channels_new(link->contact, link->session);
	if (link->channels == NULL)
		err_set(err, ERR_MEMORY, "channel: out of memory");
	return link->channels;
}

static int on_channel(struct link *link, const uint8_t *data, size_t len, struct err *err)
{
	struct link_channels *channels = channels_of(link, err);

	return channels != NULL ? link_channels_frame(channels, data, len, err) : -1;
}

struct channel *link_connect(struct link *link, const char *service,
			     const struct channel_handler *handler, void *arg, struct err *err)
{
	struct link_channels *channels = channels_of(link, err);

	return channels != NULL ? link_channels_open(channels, service, handler, arg, err) : NULL;
}

/* Types that are not here (cover, and what later versions say) are skipped. */
static int (*const handlers[])(struct link *link, const uint8_t *data, size_t len,
			       struct err *err) = {
    [FRAME_STATUS] = on_status,   [FRAME_DATA] = on_data, [FRAME_ACK] = on_ack,
    [FRAME_REJECT] = on_reject,   [FRAME_BYE] = on_bye,   [FRAME_SECRET] = on_secret,
    [FRAME_CHANNEL] = on_channel,
};

int link_frame(struct link *link, uint8_t type, const uint8_t *data, size_t len, struct err *err)
{
	if (link->bye != 0 || type >= sizeof(handlers) / sizeof(handlers[0]) ||
	    handlers[type] == NULL)
		return 0;
	return handlers[type](link, data, len, err);
}

int link_settle(struct link *link, struct err *err)
{
	timer_set(link->dead, link->dead_ms);
	link->heard_ms = env_mono_ms(link->contact->account->engine->env);
	if (commit(link, err) < 0)
		return -1;
	if (link->bye == 0)
		link_pump(link);
	return 0;
}
