/*
 * control_messages.c: the control socket's commands about messages that wait, about the cover they
 * leave under, and about what contacts are shown and told.
 */
#include "component/control_private.h"

#include "component/inner_iq.h"

#include <string.h>

/* Most messages in one answer: as many as can wait for one contact. */
#define LISTED_MAX OUTBOX_MAX

/* The contact that the request names, or NULL with *err. */
static struct contact *named_contact(const struct control_call *call, struct err *err)
{
	const char *word;
	struct account *account = control_account(call, err);

	if (!account || control_text(call, "contact", &word, err))
		return NULL;
	return bridge_contact_find(account, word, err);
}

/* --- messages that wait --- */

struct listing {
	struct control_list list;
	json_int_t total;
	struct contact *contact;
	bool failed;
	struct err *err;
};

/* What the daemons themselves ask each other is nobody's message. */
static bool list_message(void *arg, const struct waiting *waiting)
{
	struct listing *listing = arg;

	if (inner_iq_is(waiting->payload, waiting->len))
		return true;
	if (listing->total++ >= LISTED_MAX)
		return true;
	control_list_add(
	    &listing->list,
	    json_pack("{s:s, s:s, s:I, s:I, s:i, s:b}", "contact", contact_id(listing->contact),
		      "name", contact_name(listing->contact), "number", (json_int_t)waiting->token,
		      "since_ms", (json_int_t)waiting->since_ms, "size", (int)waiting->len,
		      "on_its_way", (int)waiting->on_its_way));
	return true;
}

static void list_contact(void *arg, struct contact *contact)
{
	struct listing *listing = arg;

	listing->contact = contact;
	if (!listing->failed && contact_waiting(contact, list_message, listing, listing->err))
		listing->failed = true;
}

/* Of one contact or of all; never the text. */
static int outbox(struct control_call *call, struct err *err)
{
	struct account *account = control_account(call, err);
	struct listing listing = {.err = err};
	struct contact *contact = NULL;
	const char *word;

	if (!account || control_text_optional(call, "contact", &word, err))
		return -1;
	if (word && !(contact = bridge_contact_find(account, word, err)))
		return -1;
	control_list_init(&listing.list);
	if (contact)
		list_contact(&listing, contact);
	else
		account_contacts(account, list_contact, &listing);
	if (control_put(call->reply, "messages", listing.list.array, err) || listing.failed)
		return -1;
	return control_put(call->reply, "total", json_integer(listing.total), err);
}

/* The first message that can be taken back and is younger than the last one. */
struct next {
	uint64_t after, token;
};

static bool find_next(void *arg, const struct waiting *waiting)
{
	struct next *next = arg;

	if (waiting->token <= next->after || waiting->on_its_way ||
	    inner_iq_is(waiting->payload, waiting->len))
		return true;
	next->token = waiting->token;
	return false;
}

/* Take back all that can be; adds to the two numbers. */
static int cancel_all(struct bridge *bridge, struct contact *contact, json_int_t *cancelled,
		      json_int_t *left, struct err *err)
{
	for (struct next next = {0}; contact_outbox(contact) > 0; next.after = next.token) {
		int result;

		next.token = 0;
		if (contact_waiting(contact, find_next, &next, err))
			return -1;
		if (next.token == 0)
			break;
		result = bridge_cancel(bridge, contact, next.token, err);
		if (result < 0)
			return -1;
		*cancelled += 1;
		*left += result;
	}
	return 0;
}

static int cancel(struct control_call *call, struct err *err)
{
	struct contact *contact = named_contact(call, err);
	struct bridge *bridge = call->host->bridge;
	json_int_t cancelled = 0, left = 0;
	int64_t number = 0;
	int result;

	if (!contact || control_number_optional(call, "number", &number, err))
		return -1;
	if (!json_object_get(call->args, "number")) {
		result = cancel_all(bridge, contact, &cancelled, &left, err);
	} else {
		result = bridge_cancel(bridge, contact, (uint64_t)number, err);
		cancelled = 1;
		left = result;
	}
	if (result < 0 || control_put(call->reply, "cancelled", json_integer(cancelled), err))
		return -1;
	return control_put(call->reply, "may_have_come", json_integer(left), err);
}

/* --- cover --- */

static int cover(struct control_call *call, struct err *err)
{
	int64_t mean_ms = 0;
	struct account *account = control_account(call, err);

	if (!account || control_number_optional(call, "mean_ms", &mean_ms, err))
		return -1;
	if (json_object_get(call->args, "mean_ms") && account_set_cover(account, mean_ms, err))
		return -1;
	return control_put(call->reply, "mean_ms", json_integer(account_cover(account)), err);
}

/* --- what a contact is shown --- */

static int show(struct control_call *call, struct err *err)
{
	struct contact *contact = named_contact(call, err);
	const char *word;

	if (!contact || control_text_optional(call, "show", &word, err))
		return -1;
	if (word && bridge_contact_show(call->host->bridge, contact, word, err))
		return -1;
	if (bridge_contact_shown(contact, &word, err))
		return -1;
	return control_put(call->reply, "show", json_string(word), err);
}

/* --- what contacts are told --- */

static int answer(struct control_call *call, struct err *err)
{
	struct bridge *bridge = call->host->bridge;
	const struct account *account = control_account(call, err);
	const char *word;
	bool on;

	if (!account || control_text_optional(call, "set", &word, err))
		return -1;
	on = word && strcmp(word, "on") == 0;
	if (word && !on && strcmp(word, "off") != 0)
		return err_set(err, ERR_INPUT, "\"on\" or \"off\"?");
	if (word && bridge_answers_set(bridge, account_name(account), on, err))
		return -1;
	on = bridge_answers(bridge, account_name(account));
	return control_put(call->reply, "answer", json_string(on ? "on" : "off"), err);
}

const struct control_command control_messages_commands[] = {
    {"answer", answer, 0}, {"cancel", cancel, 0}, {"cover", cover, 0},
    {"outbox", outbox, 0}, {"show", show, 0},     {0},
};
