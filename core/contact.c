/*
 * contact.c: what the layer above asks of a contact: to be added, found, named, sent to, removed.
 *
 * Neighbours: contact_search.c and contact_session.c (its links), account.c (the roster), engine.c.
 */
#include "core/base/log.h"
#include "core/guest.h"
#include "core/sent_marks.h"
#include "core/status.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct store *store_of(const struct contact *contact)
{
	return contact->account->engine->store;
}

/* --- life --- */

struct contact *contact_load(struct account *account, const struct store_contact *row,
			     struct err *err)
{
	struct contact *contact = calloc(1, sizeof(*contact));
	struct engine *engine = account->engine;

	if (contact == NULL) {
		err_set(err, ERR_MEMORY, "contact: out of memory");
		return NULL;
	}
	contact->account = account;
	contact->row = *row;
	contact->row.name = contact->name = strdup(row->name);
	contact->state = CONTACT_IDLE;
	contact->status = status_plain(SHOW_OFFLINE);
	contact->since_ms = engine_now_ms(engine);
	contact->slot = (unsigned)env_random_below(engine->env, SERVICE_SLOTS);
	contact->receipts_end = &contact->receipts;
	/* What an earlier process has left may have been sent by it. */
	contact->left_id = row->out_id;
	id_encode(row->public_key, contact->id_text);
	if (contact->name == NULL)
		err_set(err, ERR_MEMORY, "contact: out of memory");
	if (contact->name == NULL || contact_derive(contact, err) < 0 ||
	    store_message_count(engine->store, STORE_OUTBOX, row->id, &contact->outbox_count, err) <
		0 ||
	    store_message_count(engine->store, STORE_INBOX, row->id, &contact->inbox_count, err) <
		0 ||
	    contact_open(contact, err) < 0 || guest_load(contact, err) < 0 ||
	    account_add_contact(account, contact, err) < 0)
		contact_free(&contact);
	return contact;
}

static void free_receipts(struct contact *contact)
{
	struct receipt *receipt = contact->receipts;

	while (receipt != NULL) {
		struct receipt *next = receipt->next;
		free(receipt);
		receipt = next;
	}
	contact->receipts = NULL;
	contact->receipts_end = &contact->receipts;
}

void contact_free(struct contact **contact)
{
	struct contact *c = *contact;

	if (c == NULL)
		return;
	link_free(&c->link);
	session_free(&c->calling);
	session_free(&c->answering);
	guest_free(&c->guest);
	rendezvous_free(&c->rendezvous);
	dialler_free(&c->dialler);
	timer_free(&c->rest);
	free_receipts(c);
	contact_drop_next(c);
	secret_free(c->name, c->name != NULL ? strlen(c->name) : 0);
	free(c->introduced);
	free(c->unforgotten);
	secret_free(c->shown, sizeof(*c->shown));
	secret_free(c->own_status, sizeof(*c->own_status));
	secret_free(c, sizeof(*c));
	*contact = NULL;
}

void contact_retire(struct contact *contact)
{
	contact_hush(contact);
	account_drop_contact(contact->account, contact);
	free_receipts(contact);
	pair_wipe(&contact->pair);
	/* The rendezvous has come to its end, and may keep the pointer. */
	if (contact->next != NULL)
		pair_wipe(&contact->next->pair);
	secret_wipe(&contact->row.secret, sizeof(contact->row.secret));
	secret_wipe(&contact->row.next_secret, sizeof(contact->row.next_secret));
	contact->gone = true;
	/* A handler that is running may hold it: it is freed from the loop. */
	engine_tell(contact);
}

int contact_save(struct contact *contact)
{
	struct err why = {0};

	if (store_contact_save(store_of(contact), &contact->row, &why) == 0)
		return 0;
	log_warn("contact: %s", why.text);
	return -1;
}

static int check_name(const char *name, struct err *err)
{
	if (strlen(name) > CONTACT_NAME_MAX)
		return err_set(err, ERR_LIMIT, "contact: the name is longer than %d bytes",
			       CONTACT_NAME_MAX);
	return 0;
}

struct contact *contact_add(struct account *account, const char *id, const char *name,
			    const struct key *secret, struct err *err)
{
	struct engine *engine = account->engine;
	struct store_contact row = {.name = name != NULL ? name : ""};
	struct contact *contact = NULL;
	int blocked;

	if (id_decode(id, row.public_key, err) < 0 || check_name(row.name, err) < 0)
		return NULL;
	if (memcmp(row.public_key, account->identity.public_key, X25519_LEN) == 0) {
		err_set(err, ERR_INPUT, "contact: this is your own id");
		return NULL;
	}
	blocked = store_is_blocked(engine->store, account->id, row.public_key, err);
	if (blocked < 0)
		return NULL;
	if (blocked > 0) {
		err_set(err, ERR_WRONG_STATE, "contact: this id is blocked: unblock it first");
		return NULL;
	}
	if (account->contact_count >= CONTACTS_MAX) {
		err_set(err, ERR_LIMIT, "contact: an account has at most %d", CONTACTS_MAX);
		return NULL;
	}
	if (secret != NULL)
		row.secret = *secret;
	row.renewed_ms = contact_first_renewal(engine);
	if (store_contact_add(engine->store, account->id, &row, err) == 0) {
		contact = contact_load(account, &row, err);
		if (contact == NULL)
			store_contact_remove(engine->store, row.id, NULL);
	}
	store_contact_wipe(&row);
	if (contact != NULL && engine->running)
		contact_start(contact, engine_spread(engine, 0));
	return contact;
}

int contact_remove(struct contact **contact, struct err *err)
{
	struct store *store = store_of(*contact);
	struct account *account = (*contact)->account;
	struct err why = {0};

	if (store_contact_remove(store, (*contact)->row.id, err) < 0)
		return -1;
	contact_retire(*contact);
	*contact = NULL;
	/* Who is removed must not even see that the address he knows is still there. */
	account_flee(account);
	/* If the log cannot be emptied now, it is when it is full or the database is closed. */
	if (store_scrub(store, &why) < 0)
		log_warn("contact: removed, but not from the log yet: %s", why.text);
	return 0;
}

/* --- questions --- */

struct account *contact_account(const struct contact *contact)
{
	return contact->account;
}

const char *contact_id(const struct contact *contact)
{
	return contact->id_text;
}

const char *contact_name(const struct contact *contact)
{
	return contact->row.name;
}

int contact_set_name(struct contact *contact, const char *name, struct err *err)
{
	struct store_contact row = contact->row;
	char *copy, *old = contact->name;
	int result;

	row.name = name != NULL ? name : "";
	if (check_name(row.name, err) < 0)
		return -1;
	copy = strdup(row.name);
	if (copy == NULL)
		return err_set(err, ERR_MEMORY, "contact: out of memory");
	result = store_contact_save(store_of(contact), &row, err);
	if (result == 0) {
		contact->row.name = contact->name = copy;
		copy = old;
	}
	secret_free(copy, strlen(copy));
	store_contact_wipe(&row);
	return result;
}

int contact_setting_set(struct contact *contact, const char *key, const void *value, size_t len,
			struct err *err)
{
	return store_setting_set(store_of(contact), STORE_CONTACT, contact->row.id, key, value, len,
				 err);
}

int contact_setting_read(struct contact *contact, const char *key, void **value, size_t *len,
			 struct err *err)
{
	return store_setting_read(store_of(contact), STORE_CONTACT, contact->row.id, key, value,
				  len, err);
}

void *contact_setting_get(struct contact *contact, const char *key, size_t *len)
{
	return store_setting_get(store_of(contact), STORE_CONTACT, contact->row.id, key, len);
}

enum contact_state contact_state(const struct contact *contact)
{
	return contact->state;
}

int64_t contact_since_ms(const struct contact *contact)
{
	return contact->since_ms;
}

const struct status *contact_status(const struct contact *contact)
{
	return contact->status;
}

unsigned contact_outbox(const struct contact *contact)
{
	return contact->outbox_count;
}

const char *contact_state_name(enum contact_state state)
{
	static const char *const names[] = {
	    [CONTACT_IDLE] = "idle",
	    [CONTACT_LOOKING] = "looking",
	    [CONTACT_PUBLISHING] = "publishing",
	    [CONTACT_WAITING] = "waiting",
	    [CONTACT_DIALLING] = "dialling",
	    [CONTACT_LINKED] = "linked",
	};

	return (unsigned)state <= CONTACT_LINKED ? names[state] : "unknown";
}

/* --- messages --- */

/* The message, the number that it has used up and its mark, in one transaction. */
static int store_outgoing(struct contact *contact, const struct store_message *message,
			  const uint8_t *mark, struct err *err)
{
	struct store *store = store_of(contact);
	uint64_t last = contact->row.out_id;

	if (store_begin(store, false, err) < 0)
		return -1;
	contact->row.out_id = message->id;
	if (store_message_add(store, STORE_OUTBOX, contact->row.id, message, err) == 0 &&
	    store_contact_save(store, &contact->row, err) == 0 &&
	    (mark == NULL || sent_marks_add(contact->account->marks, mark, err) == 0)) {
		if (store_commit(store, err) == 0)
			return 0;
	} else {
		store_rollback(store);
	}
	contact->row.out_id = last;
	return -1;
}

static int send_message(struct contact *contact, const void *payload, size_t len,
			const uint8_t *mark, uint64_t *token, struct err *err)
{
	struct engine *engine = contact->account->engine;
	/* From the clock, so that a copy of the database that is put back does not use an id again.
	 */
	uint64_t id = (uint64_t)env_wall_ms(engine->env) << 10;
	struct store_message message = {.sent_ms = engine_now_ms(engine), .len = len};

	assert(!contact->gone);
	if (len == 0 || len > PAYLOAD_MAX)
		return err_set(err, ERR_LIMIT, "message: must have 1 to %d bytes", PAYLOAD_MAX);
	if (contact->outbox_count >= OUTBOX_MAX)
		return err_set(err, ERR_LIMIT, "message: %d wait for this contact already",
			       OUTBOX_MAX);
	if (account_outbox_is_full(contact))
		return err_set(err, ERR_LIMIT,
			       "message: %u of yours wait for your contacts already",
			       contact->account->queue_max);
	message.id = id > contact->row.out_id ? id : contact->row.out_id + 1;
	/* Only read from. */
	message.payload = (uint8_t *)(uintptr_t)payload;
	if (store_outgoing(contact, &message, mark, err) < 0)
		return -1;
	contact->outbox_count++;
	if (token != NULL)
		*token = message.id;
	if (contact->link != NULL)
		link_pump(contact->link);
	return 0;
}

int engine_send(struct contact *contact, const void *payload, size_t len, uint64_t *token,
		struct err *err)
{
	return send_message(contact, payload, len, NULL, token, err);
}

int engine_send_marked(struct contact *contact, const void *payload, size_t len,
		       const uint8_t mark[SENT_MARK_LEN], uint64_t *token, struct err *err)
{
	return send_message(contact, payload, len, mark, token, err);
}

/* There is room again: begin a session in which messages are taken. */
static void hear_again(struct contact *contact)
{
	if (!contact->gone && contact->link != NULL && link_deaf(contact->link) &&
	    contact->inbox_count < INBOX_MAX / 2 && !account_inbox_is_half_full(contact))
		contact_break(contact);
}

/* It was taken and cannot be erased now: without this it would be shown again after a restart. */
static void forget_later(struct contact *contact, uint64_t id)
{
	unsigned count = contact->unforgotten_count;
	uint64_t *more = contact->unforgotten;

	if (count >= contact->unforgotten_size) {
		unsigned size = count == 0 ? 8 : 2 * count;

		more = realloc(more, size * sizeof(*more));
		if (more == NULL)
			return;
		contact->unforgotten = more;
		contact->unforgotten_size = size;
	}
	more[count] = id;
	contact->unforgotten_count++;
}

static void forget_message(struct contact *contact, uint64_t id)
{
	struct err why = {0};
	int removed =
	    store_message_remove(store_of(contact), STORE_INBOX, contact->row.id, id, &why);

	if (removed < 0) {
		log_warn("contact: a message that was taken stays stored: %s", why.text);
		forget_later(contact, id);
	} else {
		contact->inbox_count -= (unsigned)removed;
	}
}

void contact_deliver_waiting(struct contact *contact)
{
	contact_deliver(contact);
}

void contact_message_taken(struct contact *contact, uint64_t token)
{
	/* One that cannot be erased now is not handed over again either. */
	if (token > contact->handed_id)
		contact->handed_id = token;
	forget_message(contact, token);
	hear_again(contact);
}

/* False: it was refused. */
static bool hand_over(struct contact *contact, const struct store_message *message)
{
	struct engine *engine = contact->account->engine;
	enum reception reception = engine->handler.message(
	    engine->arg, contact, message->id, message->payload, message->len, message->sent_ms);

	if (contact->gone || reception == MESSAGE_REFUSED)
		return false;
	contact->handed_id = message->id;
	if (reception == MESSAGE_TAKEN)
		forget_message(contact, message->id);
	return true;
}

bool contact_deliver(struct contact *contact)
{
	struct engine *engine = contact->account->engine;
	struct store_message message;
	struct err why = {0};
	bool taken = true;

	if (contact->delivering || contact->inbox_count == 0 || engine->handler.message == NULL)
		return true;
	contact->delivering = true;
	while (taken) {
		int found = store_message_next(engine->store, STORE_INBOX, contact->row.id,
					       contact->handed_id, &message, &why);
		if (found < 0)
			log_warn("contact: %s", why.text);
		if (found != 1)
			break;
		taken = hand_over(contact, &message);
		store_message_wipe(&message);
	}
	contact->delivering = false;
	hear_again(contact);
	return taken || contact->gone;
}

void contact_recover(struct contact *contact)
{
	unsigned count = contact->unforgotten_count;

	/* Those that fail again are put down again, over those that were done. */
	contact->unforgotten_count = 0;
	for (unsigned i = 0; i < count; i++)
		forget_message(contact, contact->unforgotten[i]);
	if (contact->held)
		timer_set(contact->rest, (int64_t)env_random_below(contact->account->engine->env,
								   START_WINDOW_MS));
}
