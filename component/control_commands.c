/*
 * control_commands.c: the commands of the control socket, in a table.
 */
#include "component/control_private.h"

#include "core/base/log.h"
#include "core/base/secret.h"

#include <string.h>

/* --- commands --- */

static int account_add(struct control_call *call, struct err *err)
{
	const char *name, *bot, *password = NULL;
	struct account *account;

	if (control_text(call, "name", &name, err) ||
	    control_text_optional(call, "bot", &bot, err) ||
	    (bot ? control_text_optional : control_text)(call, "password", &password, err))
		return -1;
	account = bridge_account_add(call->host->bridge, name, password, err);
	if (!account || (bot && control_program_bot(call, account, err)))
		return -1;
	return control_put(call->reply, "id", json_string(account_id(account)), err);
}

static int account_passwd(struct control_call *call, struct err *err)
{
	const char *password;
	struct account *account = control_account(call, err);

	if (!account || control_text(call, "password", &password, err))
		return -1;
	return bridge_account_passwd(call->host->bridge, account, password, err);
}

/* The name must be said, even of the only one. */
static int account_remove(struct control_call *call, struct err *err)
{
	const char *name;
	struct account *account = NULL;

	if (control_text(call, "account", &name, err) || !(account = control_account(call, err)))
		return -1;
	return bridge_account_remove(call->host->bridge, &account, err);
}

static void list_account(void *arg, struct account *account)
{
	control_list_add(arg, control_account_json(account));
}

static int account_list(struct control_call *call, struct err *err)
{
	struct control_list list;

	control_list_init(&list);
	engine_accounts(bridge_engine(call->host->bridge), list_account, &list);
	return control_put(call->reply, "accounts", list.array, err);
}

static int show_id(struct control_call *call, struct err *err)
{
	const struct account *account = control_account(call, err);

	if (!account ||
	    control_put(call->reply, "account", json_string(account_name(account)), err))
		return -1;
	return control_put(call->reply, "id", json_string(account_id(account)), err);
}

static int contact_add_command(struct control_call *call, struct err *err)
{
	struct bridge_introduction words = {0};
	const char *id, *name;
	struct account *account = control_account(call, err);
	struct contact *contact;

	if (!account || control_text(call, "id", &id, err) ||
	    control_text_optional(call, "name", &name, err) ||
	    control_text_optional(call, "passphrase", &words.passphrase, err))
		return -1;
	contact = bridge_contact_add(call->host->bridge, account, id, name, &words, err);
	return contact ? control_put(call->reply, "contact", control_contact_json(contact), err)
		       : -1;
}

static int contact_list(struct control_call *call, struct err *err)
{
	const struct account *account = control_account(call, err);

	return account ? control_put(call->reply, "contacts", control_contacts_json(account), err)
		       : -1;
}

static int contact_remove_command(struct control_call *call, struct err *err)
{
	const char *word;
	struct account *account = control_account(call, err);
	struct contact *contact;

	if (!account || control_text(call, "contact", &word, err))
		return -1;
	contact = bridge_contact_find(account, word, err);
	if (!contact || control_put(call->reply, "id", json_string(contact_id(contact)), err))
		return -1;
	return bridge_contact_remove(call->host->bridge, &contact, err);
}

static int status(struct control_call *call, struct err *err)
{
	json_t *all = control_status(call->host);
	int result = all ? json_object_update(call->reply, all) : -1;

	json_decref(all);
	return result ? err_set(err, ERR_MEMORY, "out of memory") : 0;
}

static int status_watch(struct control_call *call, struct err *err)
{
	call->after = CONTROL_WATCH;
	return status(call, err);
}

static int stop(struct control_call *call, struct err *err)
{
	if (!call->host->stop)
		return err_set(err, ERR_WRONG_STATE, "cannot be stopped from here");
	call->after = CONTROL_STOP;
	return 0;
}

/* --- the key of the store --- */

static int unlock(struct control_call *call, struct err *err)
{
	const struct control_host *host = call->host;
	const char *passphrase;

	if (!host->unlock)
		return err_set(err, ERR_WRONG_STATE, "there is nothing to unlock");
	if (control_text(call, "passphrase", &passphrase, err))
		return -1;
	return host->unlock(host->arg, passphrase, err);
}

static int set_passphrase(const struct control_call *call, const char *passphrase, struct err *err)
{
	const struct control_host *host = call->host;

	if (!host->passphrase)
		return err_set(err, ERR_WRONG_STATE, "there is no key");
	return host->passphrase(host->arg, passphrase, err);
}

static int passphrase_set(struct control_call *call, struct err *err)
{
	const char *passphrase;

	if (control_text(call, "passphrase", &passphrase, err))
		return -1;
	return set_passphrase(call, passphrase, err);
}

static int passphrase_remove(struct control_call *call, struct err *err)
{
	return set_passphrase(call, NULL, err);
}

static const struct control_command commands[] = {
    {"account add", account_add, CONTROL_SECRET},
    {"account list", account_list, 0},
    {"account passwd", account_passwd, CONTROL_SECRET},
    {"account remove", account_remove, 0},
    {"contact add", contact_add_command, CONTROL_SECRET},
    {"contact list", contact_list, 0},
    {"contact remove", contact_remove_command, 0},
    {"contacts", contact_list, 0},
    {"id", show_id, 0},
    {"passphrase remove", passphrase_remove, 0},
    {"passphrase set", passphrase_set, CONTROL_SECRET},
    {"status", status, CONTROL_LOCKED},
    {"status watch", status_watch, CONTROL_LOCKED},
    {"stop", stop, CONTROL_LOCKED},
    {"unlock", unlock, CONTROL_LOCKED | CONTROL_SECRET},
    {0},
};

/* --- requests --- */

static const struct control_command *find_command(const char *name)
{
	static const struct control_command *const tables[] = {commands,
							       control_people_commands,
							       control_messages_commands,
							       control_archive_commands,
							       control_program_commands,
							       control_reach_commands};

	for (size_t i = 0; name && i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct control_command *command = tables[i]; command->name; command++)
			if (strcmp(command->name, name) == 0)
				return command;
	return NULL;
}

/* jansson gives no way to overwrite a string, so its memory is written to. */
static void wipe_texts(json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value) if (json_is_string(value))
	    secret_wipe((char *)(uintptr_t)json_string_value(value), json_string_length(value));
}

static int run(struct control_call *call, json_t *request, struct err *err)
{
	const char *name = json_string_value(json_object_get(request, "cmd"));
	const struct control_command *command = find_command(name);
	int result;

	if (!json_is_object(request))
		return err_set(err, ERR_INPUT, "the request is not a JSON object");
	if (!name)
		return err_set(err, ERR_INPUT, "cmd is missing");
	call->args = json_object_get(request, "args");
	if (call->args && !json_is_object(call->args))
		return err_set(err, ERR_INPUT, "args must be an object");
	if (!command)
		return err_set(err, ERR_INPUT, "no such command: %.64s", name);
	log_debug("control: %s", command->name);
	if (!(command->flags & CONTROL_LOCKED) && call->host->locked &&
	    call->host->locked(call->host->arg))
		result = err_set(err, ERR_WRONG_STATE, "locked: tacetctl unlock");
	else
		result = command->handler(call, err);
	if (command->flags & CONTROL_SECRET)
		wipe_texts(call->args);
	return result;
}

static json_t *refusal(const struct err *err)
{
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", err_code_name(err->code), "error",
			 err->text);
}

json_t *control_run(struct control_client *client, const char *line, size_t len,
		    enum control_after *after)
{
	struct control_call call = {
	    .host = &client->control->host, .client = client, .after = CONTROL_GO_ON};
	struct err err = {0};
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	int result;

	*after = CONTROL_GO_ON;
	call.reply = json_pack("{s:b}", "ok", 1);
	if (!call.reply) {
		json_decref(request);
		return NULL;
	}
	if (request)
		result = run(&call, request, &err);
	else
		result = err_set(&err, ERR_INPUT, "the request is not JSON");
	json_decref(request);
	if (result) {
		json_decref(call.reply);
		return call.done ? NULL : refusal(&err);
	}
	*after = call.after;
	return call.reply;
}
