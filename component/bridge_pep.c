/*
 * bridge_pep.c: where the nodes of the users and what is known of their contacts' lie (xmpp/pep.h):
 * the local store. Neighbour: bridge_peer.c, which asks and tells contacts.
 */
#include "component/bridge_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

static int put(void *arg, const char *user, const char *space, const char *node, const char *id,
	       const char *text, struct err *err)
{
	const struct bridge *bridge = arg;

	return local_item_set(bridge->local, user, space, node, id, text, strlen(text), err);
}

static char *get(void *arg, const char *user, const char *space, const char *node, const char *id)
{
	const struct bridge *bridge = arg;
	size_t len = 0;
	char *value = local_item_get(bridge->local, user, space, node, id, &len);
	char *copy = value ? strdup(value) : NULL;

	secret_free(value, value ? len : 0);
	return copy;
}

static int drop(void *arg, const char *user, const char *space, const char *node, const char *id,
		struct err *err)
{
	const struct bridge *bridge = arg;

	return local_item_remove(bridge->local, user, space, node, id, err) < 0 ? -1 : 0;
}

static int drop_node(void *arg, const char *user, const char *space, const char *node,
		     struct err *err)
{
	const struct bridge *bridge = arg;

	return local_node_remove(bridge->local, user, space, node, err) < 0 ? -1 : 0;
}

struct walk {
	int (*each)(void *each_arg, const char *id, const char *text);
	void *each_arg;
	struct err *err;
};

static int visit(void *arg, const char *id, const void *value, size_t len)
{
	const struct walk *walk = arg;
	char *text = strndup(value, len);
	int result = text ? walk->each(walk->each_arg, id, text) : -1;

	free(text);
	return result < 0 ? err_set(walk->err, ERR_MEMORY, "no memory for an item") : 0;
}

static int items(void *arg, const char *user, const char *space, const char *node,
		 int (*each)(void *each_arg, const char *id, const char *text), void *each_arg,
		 struct err *err)
{
	const struct bridge *bridge = arg;
	struct walk walk = {each, each_arg, err};

	return local_items(bridge->local, user, space, node, visit, &walk, err);
}

const struct pep_host bridge_pep_host = {
    .put = put,
    .get = get,
    .remove = drop,
    .remove_node = drop_node,
    .items = items,
    .published = bridge_published,
    .ask = bridge_ask,
};

void bridge_pep_forget_contact(struct bridge *bridge, const char *user, const char *id)
{
	struct err err = {0};

	bridge_peer_forget(bridge, user, id);
	if (bridge->local && local_space_remove(bridge->local, user, id, &err) < 0)
		log_warn("what is known of a contact stays: %s", err.text);
}
