/*
 * bridge_notice.c: what the daemon has to say to its users by itself: at once to the clients that
 * are there, else to the next one.
 */
#include "component/bridge_private.h"

#include <stdio.h>

/* Longest notice, in bytes. */
#define NOTICE_SIZE 512

static void say_conflict(struct bridge *bridge, struct bridge_user *user)
{
	if (bridge_say(
		bridge, account_name(user->account),
		"Another daemon uses this account's identity; perhaps a backup was restored "
		"and the old daemon still runs. Run it in one place only: messages go to one "
		"of the two, and your contacts lose the other.") > 0)
		user->conflict_untold = false;
}

static void say_trouble(struct bridge *bridge, struct bridge_user *user, const char *why)
{
	char text[NOTICE_SIZE];

	if (why)
		snprintf(
		    text, sizeof(text),
		    "Nothing can be stored: %s. You can neither send nor receive until that is "
		    "over. What your contacts send waits with them.",
		    why);
	else
		snprintf(text, sizeof(text), "Messages can be stored again.");
	if (bridge_say(bridge, account_name(user->account), text) > 0 || !why)
		user->trouble_told = why != NULL;
}

void bridge_warn(struct bridge *bridge, struct account *account)
{
	struct bridge_user *user = bridge_user_get(bridge, account);
	const char *why = engine_trouble(bridge->engine);

	if (user && user->conflict_untold)
		say_conflict(bridge, user);
	if (user && (why != NULL) != user->trouble_told)
		say_trouble(bridge, user, why);
}

static void warn(void *arg, struct account *account)
{
	bridge_warn(arg, account);
}

void bridge_trouble(void *arg, const char *why)
{
	struct bridge *bridge = arg;

	(void)why;
	if (bridge->engine)
		engine_accounts(bridge->engine, warn, bridge);
	bridge_changed(bridge);
}

void bridge_conflict(void *arg, struct account *account)
{
	struct bridge_user *user = bridge_user_get(arg, account);

	if (user)
		user->conflict_untold = true;
	bridge_warn(arg, account);
	bridge_changed(arg);
}
