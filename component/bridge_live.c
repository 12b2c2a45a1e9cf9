/*
 * bridge_live.c: whether contacts may ask for software and time (xmpp/live.h), and the answer.
 * Neighbour: bridge_peer.c, which asks, and answers only those who see the user there.
 *
 *     item answer / live / allowed:  "on"; none: off
 */
#include "component/bridge_private.h"

#include "xmpp/live.h"

#include <string.h>

#define SPACE "answer"
#define NODE  "live"
#define ITEM  "allowed"

static const char on_text[] = "on";

bool bridge_answers(const struct bridge *bridge, const char *user)
{
	size_t len = 0;
	char *text =
	    bridge->local ? local_item_get(bridge->local, user, SPACE, NODE, ITEM, &len) : NULL;
	bool on = text && len == strlen(on_text) && memcmp(text, on_text, len) == 0;

	secret_free(text, len);
	return on;
}

int bridge_answers_set(struct bridge *bridge, const char *user, bool on, struct err *err)
{
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no place to keep settings");
	if (on)
		return local_item_set(bridge->local, user, SPACE, NODE, ITEM, on_text,
				      strlen(on_text), err);
	return local_item_remove(bridge->local, user, SPACE, NODE, ITEM, err) < 0 ? -1 : 0;
}

struct xml *bridge_live_serve(struct bridge *bridge, const char *user, const struct xml *question)
{
	return bridge_answers(bridge, user) ? live_answer(bridge->env, live_kind(question)) : NULL;
}
