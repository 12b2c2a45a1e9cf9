/*
 * control_people.c: the control socket's commands about invitations, requests, blocked people,
 * presence and backups.
 */
#include "component/control_private.h"

#include <string.h>

/* How long an invitation is good when nothing is said, in ms: a week. */
#define INVITATION_MS ((int64_t)7 * 24 * 3600 * 1000)

/* --- invitations --- */

static int invite(struct control_call *call, struct err *err)
{
	int64_t expires_ms = INVITATION_MS;
	char link[INVITATION_LINK_SIZE];
	bool reusable = false;
	const char *name;
	struct account *account = control_account(call, err);

	if (!account || control_text_optional(call, "name", &name, err) ||
	    control_flag_optional(call, "reusable", &reusable, err) ||
	    control_number_optional(call, "expires_ms", &expires_ms, err))
		return -1;
	if (expires_ms <= 0)
		return err_set(err, ERR_INPUT, "expires_ms must be more than 0");
	if (account_invite(account, name ? name : "", reusable, expires_ms, link, err))
		return -1;
	return control_put(call->reply, "link", json_string(link), err);
}

static void list_invitation(void *arg, const struct invitation_info *invitation)
{
	control_list_add(arg, json_pack("{s:I, s:b, s:I, s:i, s:s}", "number",
					(json_int_t)invitation->number, "reusable",
					(int)invitation->reusable, "expires_ms",
					(json_int_t)invitation->expires_ms, "used",
					(int)invitation->used, "link", invitation->link));
}

static int invitations(struct control_call *call, struct err *err)
{
	const struct account *account = control_account(call, err);
	struct control_list list;

	if (!account)
		return -1;
	control_list_init(&list);
	account_invitations(account, list_invitation, &list);
	return control_put(call->reply, "invitations", list.array, err);
}

static int invitation_revoke(struct control_call *call, struct err *err)
{
	int64_t number = -1;
	struct account *account = control_account(call, err);

	if (!account || control_number_optional(call, "number", &number, err))
		return -1;
	return account_invitation_revoke(account, number, err);
}

static int introduce(struct control_call *call, struct err *err)
{
	struct bridge_introduction words = {0};
	const char *link, *name;
	struct account *account = control_account(call, err);
	struct contact *contact;

	if (!account || control_text(call, "link", &link, err) ||
	    control_text_optional(call, "name", &name, err) ||
	    control_text_optional(call, "as", &words.own_name, err) ||
	    control_text_optional(call, "text", &words.text, err))
		return -1;
	contact = bridge_contact_add(call->host->bridge, account, link, name, &words, err);
	return contact ? control_put(call->reply, "contact", control_contact_json(contact), err)
		       : -1;
}

/* --- requests --- */

static void list_request(void *arg, const struct contact_request *request)
{
	control_list_add(arg, json_pack("{s:s, s:s, s:s, s:I}", "id", request->id, "name",
					request->name, "text", request->text, "since_ms",
					(json_int_t)request->since_ms));
}

static int requests(struct control_call *call, struct err *err)
{
	const struct account *account = control_account(call, err);
	struct control_list list;

	if (!account)
		return -1;
	control_list_init(&list);
	account_requests(account, list_request, &list);
	return control_put(call->reply, "requests", list.array, err);
}

static int accept_request(struct control_call *call, struct err *err)
{
	const char *id, *name;
	struct account *account = control_account(call, err);
	struct contact *contact;

	if (!account || control_text(call, "id", &id, err) ||
	    control_text_optional(call, "name", &name, err))
		return -1;
	contact = bridge_request_accept(call->host->bridge, account, id, name, err);
	return contact ? control_put(call->reply, "contact", control_contact_json(contact), err)
		       : -1;
}

static int deny(struct control_call *call, struct err *err)
{
	const char *id;
	struct account *account = control_account(call, err);

	if (!account || control_text(call, "id", &id, err) ||
	    account_request_deny(account, id, err))
		return -1;
	bridge_changed(call->host->bridge);
	return 0;
}

/* --- blocked people --- */

/* A contact may be meant by its petname. */
static int set_blocked(struct control_call *call, bool blocked, struct err *err)
{
	const char *id;
	struct account *account = control_account(call, err);
	const struct contact *contact;

	if (!account || control_text(call, "id", &id, err))
		return -1;
	contact = bridge_contact_find(account, id, NULL);
	return bridge_account_block(call->host->bridge, account, contact ? contact_id(contact) : id,
				    blocked, err);
}

static int block(struct control_call *call, struct err *err)
{
	return set_blocked(call, true, err);
}

static int unblock(struct control_call *call, struct err *err)
{
	return set_blocked(call, false, err);
}

static void list_id(void *arg, const char *id)
{
	control_list_add(arg, json_string(id));
}

static int blocked(struct control_call *call, struct err *err)
{
	const struct account *account = control_account(call, err);
	struct control_list list;

	if (!account)
		return -1;
	control_list_init(&list);
	if (account_blocked(account, list_id, &list, err)) {
		json_decref(list.array);
		return -1;
	}
	return control_put(call->reply, "blocked", list.array, err);
}

/* --- verification --- */

static json_t *verification_json(struct contact *contact)
{
	char phrase[VERIFICATION_SIZE];

	contact_verification(contact, phrase);
	return json_pack("{s:s, s:s, s:s, s:b}", "id", contact_id(contact), "name",
			 contact_name(contact), "phrase", phrase, "verified",
			 (int)contact_verified(contact));
}

static void list_verification(void *arg, struct contact *contact)
{
	control_list_add(arg, verification_json(contact));
}

/* One contact, after setting whether it is verified if that is said; or all of them. */
static int verify(struct control_call *call, struct err *err)
{
	const char *word;
	struct account *account = control_account(call, err);
	struct contact *contact = NULL;
	struct control_list list;
	bool verified;

	if (!account || control_text_optional(call, "contact", &word, err))
		return -1;
	if (word && !(contact = bridge_contact_find(account, word, err)))
		return -1;
	verified = contact && contact_verified(contact);
	if (control_flag_optional(call, "verified", &verified, err))
		return -1;
	if (!contact && json_object_get(call->args, "verified"))
		return err_set(err, ERR_INPUT, "contact is missing");
	if (contact && verified != contact_verified(contact) &&
	    contact_set_verified(contact, verified, err))
		return -1;
	control_list_init(&list);
	if (contact)
		list_verification(&list, contact);
	else
		account_contacts(account, list_verification, &list);
	return control_put(call->reply, "contacts", list.array, err);
}

/* --- presence --- */

static int mode(struct control_call *call, struct err *err)
{
	const char *wanted;
	bool follows;
	struct account *account = control_account(call, err);

	if (!account || control_text_optional(call, "mode", &wanted, err))
		return -1;
	if (wanted && bridge_set_mode(call->host->bridge, account, wanted, err))
		return -1;
	if (bridge_mode_read(account, &follows, err))
		return -1;
	return control_put(call->reply, "mode", json_string(follows ? "follow" : "steady"), err);
}

/* --- backups --- */

static int backup(struct control_call *call, struct err *err)
{
	const char *path, *passphrase;
	const struct account *account = control_account(call, err);

	if (!account || control_text(call, "file", &path, err) ||
	    control_text(call, "passphrase", &passphrase, err))
		return -1;
	return account_export(account, passphrase, path, err);
}

static int restore(struct control_call *call, struct err *err)
{
	const char *path, *passphrase, *name;
	const struct account *account;

	if (control_text(call, "file", &path, err) ||
	    control_text(call, "passphrase", &passphrase, err) ||
	    control_text_optional(call, "name", &name, err))
		return -1;
	account = bridge_account_restore(call->host->bridge, path, passphrase, name, err);
	if (!account || control_put(call->reply, "name", json_string(account_name(account)), err))
		return -1;
	return control_put(call->reply, "id", json_string(account_id(account)), err);
}

const struct control_command control_people_commands[] = {
    {"accept", accept_request, 0},
    {"backup", backup, CONTROL_SECRET},
    {"block", block, 0},
    {"blocked", blocked, 0},
    {"deny", deny, 0},
    {"introduce", introduce, CONTROL_SECRET},
    {"invitations", invitations, 0},
    {"invitations revoke", invitation_revoke, 0},
    {"invite", invite, 0},
    {"mode", mode, 0},
    {"requests", requests, 0},
    {"restore", restore, CONTROL_SECRET},
    {"unblock", unblock, 0},
    {"verify", verify, 0},
    {0},
};
