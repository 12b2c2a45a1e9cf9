/*
 * bridge_mode.c: how an account is present: always, with its clients, or unseen (tacetctl(1)).
 *
 *     setting "mode": "steady" (also when it is missing) or "follow"
 *
 *                        a client is there    none is     all clients are invisible
 *     steady             shown                shown       shown, status offline
 *     follow             shown                dark        hidden
 *
 * A bot (bridge_bot.c) is as one with a client that is available, whatever its mode.
 *
 * An account is linked or not, and a user is there or not: "steady" shows the network only the
 * first. Who is invisible while linked also passes nothing on that would give them away.
 */
#include "component/bridge_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

#define SETTING_MODE "mode"

struct bridge_user *bridge_user_get(struct bridge *bridge, struct account *account)
{
	struct bridge_user *user = account_user(account);

	if (user)
		return user;
	user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->account = account;
	user->next = bridge->users;
	bridge->users = user;
	account_set_user(account, user);
	return user;
}

void bridge_users_free(struct bridge *bridge)
{
	while (bridge->users) {
		struct bridge_user *user = bridge->users;

		bridge->users = user->next;
		free(user);
	}
}

void bridge_user_forget(struct bridge *bridge, struct account *account)
{
	struct bridge_user **at = &bridge->users;
	struct bridge_user *user;

	while ((user = *at) && user->account != account)
		at = &user->next;
	if (!user)
		return;
	*at = user->next;
	account_set_user(account, NULL);
	free(user);
}

int bridge_mode_read(struct account *account, bool *follows, struct err *err)
{
	size_t len;
	void *value;
	int found = account_setting_read(account, SETTING_MODE, &value, &len, err);

	*follows = found == 1 && len == strlen("follow") && memcmp(value, "follow", len) == 0;
	secret_free(value, len);
	return found < 0 ? -1 : 0;
}

bool bridge_follows(struct account *account)
{
	struct err err = {0};
	bool follows;

	if (bridge_mode_read(account, &follows, &err) == 0)
		return follows;
	/* Better absent than seen by those who shall not. */
	log_warn("the mode of an account cannot be read: %s", err.text);
	return true;
}

bool bridge_invisible(const struct account *account)
{
	const struct bridge_user *user = account_user(account);

	return user && user->invisible;
}

void bridge_mode_apply(struct bridge *bridge, struct account *account)
{
	static const struct status offline, available = {.show = SHOW_AVAILABLE};
	const struct status *status = &offline;
	const struct bridge_user *user = bridge_user_get(bridge, account);
	bool there = user && user->status.show != SHOW_OFFLINE;
	bool invisible = user && user->invisible;
	bool bot = bridge_is_bot(account);
	enum account_visibility visibility = ACCOUNT_SHOWN;

	if (bridge_follows(account))
		visibility = invisible      ? ACCOUNT_HIDDEN
			     : there || bot ? ACCOUNT_SHOWN
					    : ACCOUNT_DARK;
	if (user && !invisible)
		status = !there && bot ? &available : &user->status;
	/* In this order nobody sees a status that is not meant for them. */
	if (account_set_status(account, status))
		log_warn("a status could not be set");
	if (account_visibility(account) != visibility)
		account_set_visibility(account, visibility);
	bridge_peers_meet(bridge, account);
	bridge_changed(bridge);
}

static void apply_at_start(void *arg, struct account *account)
{
	account_contacts(account, bridge_peer_drop_stale, NULL);
	bridge_shown_apply(account);
	bridge_bot_settle(arg, account);
	bridge_mode_apply(arg, account);
}

void bridge_modes_apply(struct bridge *bridge)
{
	engine_accounts(bridge->engine, apply_at_start, bridge);
}

int bridge_set_mode(struct bridge *bridge, struct account *account, const char *mode,
		    struct err *err)
{
	if (strcmp(mode, "steady") != 0 && strcmp(mode, "follow") != 0)
		return err_set(err, ERR_INPUT, "the mode is steady or follow");
	if (account_setting_set(account, SETTING_MODE, mode, strlen(mode), err))
		return -1;
	bridge_mode_apply(bridge, account);
	return 0;
}

/* --- what the server tells --- */

void bridge_presence(void *arg, const char *name, const struct server_presence *presence)
{
	struct account *account = bridge_account(arg, name, NULL);
	struct bridge_user *user = account ? bridge_user_get(arg, account) : NULL;

	if (!user)
		return;
	status_of_presence(presence, &user->status);
	bridge_mode_apply(arg, account);
}

void bridge_set_invisible(void *arg, const char *name, bool invisible)
{
	struct account *account = bridge_account(arg, name, NULL);
	struct bridge_user *user = account ? bridge_user_get(arg, account) : NULL;

	if (!user)
		return;
	user->invisible = invisible;
	bridge_mode_apply(arg, account);
}
