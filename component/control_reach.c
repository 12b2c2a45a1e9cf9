/*
 * control_reach.c: the control socket's command with which `tacetctl doctor` has an account dial
 * its own onion service.
 *
 *     {"cmd":"reach","args":{"account":…}}   →  {"ok":true}, and later one
 *         {"event":"reach","error":""}       or why it cannot be reached
 */
#include "component/control_private.h"

/* The answer is for the one client that has asked, once. */
static void done(void *arg, const struct err *why)
{
	struct control_client *client = arg;

	if (control_say(client,
			json_pack("{s:s, s:s}", "event", "reach", "error", why ? why->text : "")))
		stream_finish(client->stream);
}

static int reach_command(struct control_call *call, struct err *err)
{
	struct account *account = control_account(call, err);

	if (!account)
		return -1;
	account_reach_free(&call->client->reach);
	call->client->reach = account_reach(account, done, call->client, err);
	return call->client->reach ? 0 : -1;
}

const struct control_command control_reach_commands[] = {
    {"reach", reach_command, 0},
    {0},
};
