/*
 * contact_outbox.c: the messages to a contact that wait: looking at them, taking them back.
 *
 * Neighbours: contact.c (sending), link.c (what leaves), store_message.c.
 */
#include "core/engine_private.h"

static struct store *store_of(const struct contact *contact)
{
	return contact->account->engine->store;
}

static bool is_on_its_way(const struct contact *contact, uint64_t id)
{
	return contact->link != NULL && link_has_sent(contact->link, id);
}

int contact_waiting(struct contact *contact, bool (*each)(void *arg, const struct waiting *waiting),
		    void *arg, struct err *err)
{
	struct store_message message;
	uint64_t after = 0;
	bool more = true;
	int found = 0;

	while (more && (found = store_message_next(store_of(contact), STORE_OUTBOX, contact->row.id,
						   after, &message, err)) == 1) {
		const struct waiting waiting = {
		    .token = message.id,
		    .since_ms = message.sent_ms,
		    .on_its_way = is_on_its_way(contact, message.id),
		    .payload = message.payload,
		    .len = message.len,
		};
		more = each(arg, &waiting);
		after = message.id;
		store_message_wipe(&message);
	}
	return found < 0 ? -1 : 0;
}

/* 1: it waits in the outbox. */
static int is_waiting(struct contact *contact, uint64_t id, struct err *err)
{
	struct store_message message;
	int found = store_message_next(store_of(contact), STORE_OUTBOX, contact->row.id, id - 1,
				       &message, err);

	if (found == 1) {
		found = message.id == id;
		store_message_wipe(&message);
	}
	return found;
}

int contact_cancel(struct contact *contact, uint64_t token, struct err *err)
{
	int waiting = 0;

	if (token > 0 && token <= contact->row.out_id)
		waiting = is_waiting(contact, token, err);
	if (waiting == 0)
		return err_set(err, ERR_NOT_FOUND, "message: it is not waiting");
	if (waiting > 0 && is_on_its_way(contact, token))
		return err_set(err, ERR_WRONG_STATE, "message: it is on its way");
	if (waiting < 0 ||
	    store_message_remove(store_of(contact), STORE_OUTBOX, contact->row.id, token, err) < 0)
		return -1;
	contact->outbox_count--;
	return token <= contact->left_id;
}
