/*
 * gw_register.c: XEP-0077 at the gateway: a new identity, or one from a sealed backup; and its end.
 *
 *     user                                   gateway
 *     get                ─────────────────►
 *                        ◄───────────────── form, or <registered/>
 *     set, filled in     ─────────────────►  account
 *                        ◄───────────────── result; subscribe (to see when the user is there),
 *                                           unless it may write the roster
 *     set <remove/>      ─────────────────►  account removed for good
 *                        ◄───────────────── result; unavailable, unsubscribed, unsubscribe of all
 *
 * A chat message "register" to the gateway does the same as an empty set, for clients that have no
 * other way (Conversations).
 *
 * Taking the gateway out of one's roster does not end the account: an identity is not lost by a
 * click in the wrong place.
 */
#include "component/gw_private.h"

#include "core/base/log.h"
#include "xmpp/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* For clients that know no other way than a chat. */
#define CHAT_WORD "register"

static const char *const ways[] = {"new", "A new identity", "import", "The one of a backup", NULL};

static const struct server_field form[] = {
    {.name = "FORM_TYPE", .type = "hidden", .value = NS_REGISTER},
    {.name = "identity",
     .label = "Identity",
     .type = "list-single",
     .value = "new",
     .options = ways},
    {.name = "backup", .label = "The backup's text, if there is one", .type = "text-multi"},
    {.name = "passphrase", .label = "The backup's passphrase", .type = "text-private"},
    {0}};

static const char instructions[] =
    "You get an identity of your own, by which your contacts find you over a network without "
    "servers. Your own server can read what you write; its operator and that of this gateway can "
    "see who your contacts are.";

static bool may_register(const struct gw *gw, const char *jid)
{
	if (gw->config->registration != GW_REGISTRATION_LIST)
		return gw->config->registration == GW_REGISTRATION_OPEN;
	for (const char *const *user = gw->config->users; user && *user; user++)
		if (strcmp(*user, jid) == 0)
			return true;
	return false;
}

void gw_register_get(struct gw_request *request)
{
	struct xml *reply, *query;

	if (!request->user && !may_register(request->gw, request->bare)) {
		gw_error(request, STANZA_NOT_ALLOWED, "registration is not open to you");
		return;
	}
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_REGISTER);
	if (request->user)
		xml_child_add(query, "registered", NULL);
	xml_text_add(xml_child_add(query, "instructions", NULL), instructions);
	if (!request->user)
		form_add(query, "form", "tacet", form);
	gw_reply(request, reply);
}

/* --- from a backup --- */

/* All values of a text-multi field, without blanks. NULL when memory is short or it is too long. */
static char *joined(const struct xml *data, const char *name)
{
	struct buf text;
	char *copy;

	buf_init(&text, XML_LIMIT_BYTES);
	for (struct xml *field = xml_first(data); field; field = xml_next(field)) {
		const char *var = xml_get(field, "var");

		if (!var || strcmp(var, name) != 0)
			continue;
		for (struct xml *value = xml_first(field); value; value = xml_next(value))
			for (const char *at = xml_text(value); *at; at++)
				if (!strchr(" \t\r\n", *at))
					buf_add(&text, at, 1);
	}
	copy = text.starved ? NULL : strdup(buf_text(&text));
	buf_free(&text);
	return copy;
}

static struct account *make_account(struct gw_request *request, struct xml *data, struct err *err)
{
	struct gw *gw = request->gw;
	const char *way = data ? form_value(data, "identity") : NULL;
	const char *passphrase = data ? form_value(data, "passphrase") : NULL;
	struct account *account = NULL;
	char *text;

	if (!way || strcmp(way, "import") != 0)
		return bridge_remote_add(gw->bridge, request->bare, err);
	text = joined(data, "backup");
	if (text)
		account =
		    gw_backup_take(gw, request->bare, text, passphrase ? passphrase : "", err);
	else
		err_set(err, ERR_MEMORY, "out of memory");
	free(text);
	return account;
}

/* --- new --- */

static void greet(struct gw_user *user, const struct account *account, const char *to)
{
	struct gw *gw = user->gw;
	struct xml *message = gw_new_stanza(gw, "message", "chat", NULL, to);
	char text[512];

	snprintf(text, sizeof(text),
		 "Welcome. Your id, for those who shall find you: %s\n"
		 "Write \"help\" to me to see what else there is.",
		 account_id(account));
	xml_text_add(xml_child_add(message, "body", NULL), text);
	gw_send(gw, message);
}

static void welcome(struct gw_request *request, const struct account *account)
{
	struct gw *gw = request->gw;
	struct gw_user *user = gw_user_add(gw, request->bare);

	if (request->payload)
		gw_result(request);
	if (!user)
		return;
	log_notice("gateway: a user has registered");
	/* For a client that has asked before. */
	gw_send(gw, gw_new_stanza(gw, "presence", "subscribed", NULL, user->jid));
	greet(user, account, xml_get(request->stanza, "from"));
	gw_vcard_ask(user);
	/* The contacts of a backup are not in the roster yet. */
	user->sync = user->show_all = true;
	gw_sync(user);
}

static void add(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct xml *data = xml_child(request->payload, "x", NS_FORM);
	const struct account *account;
	struct err err = {0};

	if (!request->from.local[0] || !may_register(gw, request->bare)) {
		gw_error(request, STANZA_NOT_ALLOWED, "registration is not open to you");
		return;
	}
	if (gw->user_count >= gw->config->accounts) {
		gw_error(request, STANZA_RESOURCE_CONSTRAINT, "there are too many accounts");
		return;
	}
	account =
	    data && form_check(data, form, &err) < 0 ? NULL : make_account(request, data, &err);
	if (account)
		welcome(request, account);
	else
		gw_refused(request, &err);
}

void gw_register_chat(struct gw_request *request, const char *text)
{
	bool open = request->from.local[0] && may_register(request->gw, request->bare);

	if (stanza_is_error(request->stanza))
		return;
	text += strspn(text, " \t\r\n");
	if (strncasecmp(text, CHAT_WORD, strlen(CHAT_WORD)) == 0 &&
	    !text[strlen(CHAT_WORD) + strspn(text + strlen(CHAT_WORD), " \t\r\n")])
		add(request);
	else
		gw_error(request, STANZA_REGISTRATION_REQUIRED,
			 open ? "Write \"" CHAT_WORD "\" to get an identity of your own here."
			      : NULL);
}

/* --- the end --- */

static void end(struct gw_request *request)
{
	struct account *account = request->user ? gw_account(request->user) : NULL;
	struct err err = {0};

	if (!account) {
		gw_error(request, STANZA_REGISTRATION_REQUIRED, NULL);
		return;
	}
	if (bridge_account_remove(request->gw->bridge, &account, &err) < 0) {
		gw_refused(request, &err);
		return;
	}
	/* The bridge has let the user end. */
	request->user = NULL;
	log_notice("gateway: a user has ended the account");
	gw_result(request);
}

void gw_register_set(struct gw_request *request)
{
	struct xml *data = xml_child(request->payload, "x", NS_FORM);

	if (xml_child(request->payload, "remove", NS_REGISTER))
		end(request);
	else if (request->user)
		gw_result(request);
	else
		add(request);
	if (data)
		form_wipe(data, form);
}
