/*
 * control_status.c: accounts and contacts as JSON, for the control socket.
 */
#include "component/control_private.h"

json_t *control_contact_json(const struct contact *contact)
{
	const struct status *status = contact_status(contact);

	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:i, s:i}", "id", contact_id(contact),
			 "name", contact_name(contact), "state",
			 contact_state_name(contact_state(contact)), "since_ms",
			 (json_int_t)contact_since_ms(contact), "show", show_name(status->show),
			 "text", status->text, "priority", (int)status->priority, "outbox",
			 (int)contact_outbox(contact));
}

static void list_contact(void *arg, struct contact *contact)
{
	control_list_add(arg, control_contact_json(contact));
}

json_t *control_contacts_json(const struct account *account)
{
	struct control_list list;

	control_list_init(&list);
	account_contacts(account, list_contact, &list);
	return list.array;
}

json_t *control_account_json(const struct account *account)
{
	return json_pack("{s:s, s:s, s:b, s:b, s:i}", "name", account_name(account), "id",
			 account_id(account), "published", (int)account_published(account),
			 "conflict", (int)account_conflict(account), "neighbours",
			 (int)account_neighbours(account));
}

static void list_account(void *arg, struct account *account)
{
	json_t *item = control_account_json(account);

	if (json_object_set_new(item, "contacts", control_contacts_json(account))) {
		json_decref(item);
		item = NULL;
	}
	control_list_add(arg, item);
}

static json_t *locked_status(const struct control_host *host)
{
	json_t *status = json_pack("{s:b, s:[]}", "ok", 1, "accounts");

	if (status && host->status && host->status(host->arg, status)) {
		json_decref(status);
		return NULL;
	}
	return status;
}

json_t *control_status(const struct control_host *host)
{
	struct control_list accounts;
	json_t *status;
	const char *trouble;

	if (host->locked && host->locked(host->arg))
		return locked_status(host);
	control_list_init(&accounts);
	engine_accounts(bridge_engine(host->bridge), list_account, &accounts);
	if (!accounts.array)
		return NULL;
	trouble = engine_trouble(bridge_engine(host->bridge));
	status = json_pack("{s:b, s:o, s:s}", "ok", 1, "accounts", accounts.array, "trouble",
			   trouble ? trouble : "");
	if (status && host->status && host->status(host->arg, status)) {
		json_decref(status);
		return NULL;
	}
	return status;
}
