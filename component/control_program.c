/*
 * control_program.c: the control socket for programs that take an account's messages or send some
 * (bridge_program.h).
 *
 *     {"cmd":"listen","args":{"account":"bot"}}   →  {"ok":true,…}, and from then on events:
 *         {"event":"message","contact":ID,"name":…,"number":N,"time_ms":…,"id":…,"body":…}
 *         {"event":"presence","contact":ID,"name":…,"show":…,"text":…}
 *         {"event":"request","id":ID,"name":…,"text":…}
 *         {"event":"missed"}       presences or requests that found no room: ask for the contacts
 *     {"cmd":"taken","args":{"contact":ID,"number":N}}    the message has been dealt with
 *     {"cmd":"send","args":{"contact":…,"text":…,"wait":true}}   →  {"ok":true,"number":N,…}, then
 *         {"event":"delivered","contact":ID,"number":N,"how":"acked","reason":""}
 *
 * A message stays in the database until it is said to be taken. When the connection ends before, it
 * is handed to whoever takes messages next. One program at a time listens to an account. A listener
 * that does not read costs no more than a bounded queue: messages then stay where they are.
 */
#include "component/control_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Contacts whose messages are with a listener at once; of 64 KiB each. */
#define LISTEN_PLACES 32
/* A listener with more than this unread, in bytes, gets nothing more for now. */
#define LISTEN_QUEUE_MAX (256 * 1024)
/* Messages that one connection waits for. */
#define SEND_WAITS_MAX 64
/* How long a bot's first invitation is good, in ms: a year. */
#define BOT_INVITATION_MS ((int64_t)365 * 24 * 3600 * 1000)

/* A message that is with the listener, or one of its own that is waited for. By the contact's id,
 * since the contact may be removed meanwhile. */
struct place {
	bool used;
	char contact[ID_LEN + 1];
	uint64_t token;
	char receipt[PROGRAM_MESSAGE_ID_MAX + 1];
};

struct control_program {
	struct control_client *client;
	bool listening;
	char account[ACCOUNT_NAME_MAX + 1]; /* that it listens to */
	bool starved;                       /* a message was left for lack of room */
	bool missed;                        /* another event was */
	struct place places[LISTEN_PLACES];
	struct place waits[SEND_WAITS_MAX];
};

static struct control_program *program_of(struct control_client *client, struct err *err)
{
	if (!client->program)
		client->program = calloc(1, sizeof(*client->program));
	if (!client->program) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	client->program->client = client;
	return client->program;
}

static struct place *find_place(struct place *places, unsigned count, const char *contact)
{
	for (unsigned i = 0; i < count; i++)
		if (places[i].used && strcmp(places[i].contact, contact) == 0)
			return &places[i];
	return NULL;
}

static struct place *free_place(struct place *places, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!places[i].used)
			return &places[i];
	return NULL;
}

static struct place *find_token(struct place *places, unsigned count, const char *contact,
				uint64_t token)
{
	for (unsigned i = 0; i < count; i++)
		if (places[i].used && places[i].token == token &&
		    strcmp(places[i].contact, contact) == 0)
			return &places[i];
	return NULL;
}

static void fill(struct place *place, const char *contact, uint64_t token, const char *receipt)
{
	place->used = true;
	place->token = token;
	snprintf(place->contact, sizeof(place->contact), "%s", contact);
	snprintf(place->receipt, sizeof(place->receipt), "%s", receipt);
}

/* The program that listens to the account, or NULL. */
static struct control_program *listener_of(const struct control *control, const char *account)
{
	for (struct control_client *client = control->clients; client; client = client->next)
		if (client->program && client->program->listening &&
		    strcmp(client->program->account, account) == 0)
			return client->program;
	return NULL;
}

/* From a call out of the engine the client cannot be freed; its end comes through the loop. */
static int say_event(struct control_program *program, json_t *event)
{
	if (control_say(program->client, event) == 0)
		return 0;
	stream_finish(program->client->stream);
	return -1;
}

/* --- what happens --- */

static bool listens(void *arg, const struct account *account)
{
	return listener_of(arg, account_name(account)) != NULL;
}

static json_t *message_json(const struct contact *contact, const struct program_message *message)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "event", "message",
			 "account", account_name(contact_account(contact)), "contact",
			 contact_id(contact), "name", contact_name(contact), "number",
			 (json_int_t)message->token, "time_ms", (json_int_t)message->sent_ms, "id",
			 message->id, "replaces", message->replaces, "body", message->body);
}

static enum program_answer take_message(void *arg, struct contact *contact,
					const struct program_message *message, bool *again)
{
	struct control_program *program = listener_of(arg, account_name(contact_account(contact)));
	struct place *place;

	if (!program)
		return PROGRAM_ABSENT;
	*again = true;
	place = find_place(program->places, LISTEN_PLACES, contact_id(contact));
	if (place)
		return PROGRAM_HAS_IT;
	place = free_place(program->places, LISTEN_PLACES);
	if (!place || stream_queued(program->client->stream) > LISTEN_QUEUE_MAX) {
		program->starved = true;
		return PROGRAM_BUSY;
	}
	if (say_event(program, message_json(contact, message)))
		return PROGRAM_BUSY;
	fill(place, contact_id(contact), message->token, message->receipt ? message->id : "");
	*again = false;
	return PROGRAM_HAS_IT;
}

static const char *const deliveries[] = {
    [PROGRAM_DELIVERED] = "acked",
    [PROGRAM_REJECTED] = "rejected",
    [PROGRAM_CANCELLED] = "cancelled",
};

static void delivered(void *arg, const struct contact *contact, uint64_t token,
		      enum program_delivery how, const char *reason)
{
	const struct control *control = arg;

	for (struct control_client *client = control->clients; client; client = client->next) {
		struct place *wait = client->program
					 ? find_token(client->program->waits, SEND_WAITS_MAX,
						      contact_id(contact), token)
					 : NULL;

		if (!wait)
			continue;
		wait->used = false;
		say_event(client->program,
			  json_pack("{s:s, s:s, s:I, s:s, s:s}", "event", "delivered", "contact",
				    contact_id(contact), "number", (json_int_t)token, "how",
				    deliveries[how], "reason", reason));
	}
}

/* An event that may be left out, for the listener of the account; it is freed. */
static void tell(const struct control *control, const struct account *account, json_t *event)
{
	struct control_program *program = listener_of(control, account_name(account));

	if (program && stream_queued(program->client->stream) <= LISTEN_QUEUE_MAX) {
		say_event(program, event);
		return;
	}
	if (program)
		program->missed = true;
	json_decref(event);
}

static void presence(void *arg, const struct contact *contact, const struct status *status)
{
	const struct account *account = contact_account(contact);

	if (listens(arg, account))
		tell(arg, account,
		     json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event", "presence", "account",
			       account_name(account), "contact", contact_id(contact), "name",
			       contact_name(contact), "show", show_name(status->show), "text",
			       status->text));
}

static void request(void *arg, const struct account *account, const struct contact_request *guest)
{
	if (listens(arg, account))
		tell(arg, account,
		     json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "event", "request", "account",
			       account_name(account), "id", guest->id, "name", guest->name, "text",
			       guest->text, "since_ms", (json_int_t)guest->since_ms));
}

const struct program_host control_program_host = {
    .listens = listens,
    .message = take_message,
    .delivered = delivered,
    .presence = presence,
    .request = request,
};

/* --- its end, and its room --- */

static void deliver(void *arg, struct contact *contact)
{
	(void)arg;
	contact_deliver_waiting(contact);
}

/* Hand over what waits for the account. */
static void deliver_all(const struct control *control, const char *name)
{
	struct engine *engine = bridge_engine(control->host.bridge);
	const struct account *account = engine ? engine_account_find(engine, name) : NULL;

	if (account)
		account_contacts(account, deliver, NULL);
}

static void feed(struct control_program *program)
{
	if (!program->starved)
		return;
	program->starved = false;
	deliver_all(program->client->control, program->account);
}

void control_program_drained(struct control_program *program)
{
	if (program->missed) {
		program->missed = false;
		say_event(program, json_pack("{s:s}", "event", "missed"));
	}
	feed(program);
}

/* The client is out of the list already. */
void control_program_free(struct control_program **program)
{
	struct control_program *gone = *program;

	if (!gone)
		return;
	*program = NULL;
	/* A Jabber client may be there for what the listener has left. */
	if (gone->listening)
		deliver_all(gone->client->control, gone->account);
	free(gone);
}

/* --- commands --- */

static int listen_command(struct control_call *call, struct err *err)
{
	struct account *account = control_account(call, err);
	const char *name = account ? account_name(account) : NULL;
	struct control_program *program = account ? program_of(call->client, err) : NULL;

	if (!program)
		return -1;
	if (program->listening)
		return err_set(err, ERR_EXISTS, "this connection listens already");
	if (listener_of(call->client->control, name))
		return err_set(err, ERR_EXISTS, "another program takes the messages of %s", name);
	if (control_put(call->reply, "account", json_string(name), err) ||
	    control_put(call->reply, "id", json_string(account_id(account)), err) ||
	    control_put(call->reply, "contacts", control_contacts_json(account), err))
		return -1;
	snprintf(program->account, sizeof(program->account), "%s", name);
	program->listening = true;
	/* Messages follow the answer: they come from drained(). */
	program->starved = true;
	return 0;
}

static int taken_command(struct control_call *call, struct err *err)
{
	struct control_program *program = call->client->program;
	struct bridge *bridge = call->host->bridge;
	const struct account *account;
	struct contact *contact;
	struct place *place = NULL;
	const char *id;
	int64_t number = -1;

	if (control_text(call, "contact", &id, err) ||
	    control_number_optional(call, "number", &number, err))
		return -1;
	if (program && program->listening)
		place = find_token(program->places, LISTEN_PLACES, id, (uint64_t)number);
	if (!place)
		return err_set(err, ERR_NOT_FOUND, "this message is not with you");
	place->used = false;
	account = engine_account_find(bridge_engine(bridge), program->account);
	contact = account ? contact_find(account, id) : NULL;
	if (contact) {
		bridge_program_taken(bridge, contact, (uint64_t)number, place->receipt);
		contact_deliver_waiting(contact);
	}
	feed(program);
	return 0;
}

static int send_command(struct control_call *call, struct err *err)
{
	struct account *account = control_account(call, err);
	const char *word, *text;
	char id[PROGRAM_ID_SIZE];
	struct place *wait = NULL;
	struct contact *contact;
	uint64_t token;
	bool waits = false;

	if (!account || control_text(call, "contact", &word, err) ||
	    control_text(call, "text", &text, err) ||
	    control_flag_optional(call, "wait", &waits, err) ||
	    !(contact = bridge_contact_find(account, word, err)))
		return -1;
	if (waits) {
		if (!program_of(call->client, err))
			return -1;
		wait = free_place(call->client->program->waits, SEND_WAITS_MAX);
		if (!wait)
			return err_set(err, ERR_LIMIT, "too many messages are waited for");
	}
	if (bridge_program_send(call->host->bridge, contact, text, &token, id, err))
		return -1;
	call->done = true;
	if (wait)
		fill(wait, contact_id(contact), token, "");
	if (control_put(call->reply, "contact", json_string(contact_id(contact)), err) ||
	    control_put(call->reply, "number", json_integer((json_int_t)token), err))
		return -1;
	return control_put(call->reply, "id", json_string(id), err);
}

static int put_rule(const struct control_call *call, struct account *account, struct err *err)
{
	char *rule = bridge_bot_rule(account);
	int result = control_put(call->reply, "bot", rule ? json_string(rule) : NULL, err);

	free(rule);
	return result;
}

static int bot_command(struct control_call *call, struct err *err)
{
	struct account *account = control_account(call, err);
	const char *rule;

	if (!account || control_text_optional(call, "bot", &rule, err))
		return -1;
	if (rule && bridge_bot_set(call->host->bridge, account, rule, err))
		return -1;
	return put_rule(call, account, err);
}

int control_program_bot(struct control_call *call, struct account *account, struct err *err)
{
	char link[INVITATION_LINK_SIZE];
	const char *rule;

	if (control_text(call, "bot", &rule, err) ||
	    bridge_bot_set(call->host->bridge, account, rule, err))
		return err_wrap(err, "the account is there, but is no bot");
	if (put_rule(call, account, err))
		return -1;
	if (strcmp(rule, "nobody") == 0)
		return 0;
	if (account_invite(account, account_name(account), true, BOT_INVITATION_MS, link, err))
		return err_wrap(err, "the bot is there, without an invitation");
	return control_put(call->reply, "link", json_string(link), err);
}

const struct control_command control_program_commands[] = {
    {"account bot", bot_command, 0},
    {"listen", listen_command, 0},
    {"send", send_command, CONTROL_SECRET},
    {"taken", taken_command, 0},
    {0},
};
