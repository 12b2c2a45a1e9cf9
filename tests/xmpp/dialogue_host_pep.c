/*
 * dialogue_host_pep.c: the stand-in's store of items, in memory, and what contacts ask and are
 * asked (xmpp/pep.h).
 */
#include "tests/xmpp/dialogue_host_private.h"

#include <stdlib.h>
#include <string.h>

struct kept_item {
	struct kept_item *next;
	char *user, *space, *node, *id, *text;
};

static bool is_of(const struct kept_item *item, const char *user, const char *space,
		  const char *node)
{
	return strcmp(item->user, user) == 0 && strcmp(item->space, space) == 0 &&
	       strcmp(item->node, node) == 0;
}

static struct kept_item **find(struct dialogue_host *host, const char *user, const char *space,
			       const char *node, const char *id)
{
	struct kept_item **at = &host->items;

	while (*at && (!is_of(*at, user, space, node) || strcmp((*at)->id, id) != 0))
		at = &(*at)->next;
	return at;
}

static void drop(struct kept_item **at)
{
	struct kept_item *item = *at;

	*at = item->next;
	free(item->user);
	free(item->space);
	free(item->node);
	free(item->id);
	free(item->text);
	free(item);
}

void dialogue_host_free_items(struct dialogue_host *host)
{
	while (host->items)
		drop(&host->items);
}

/* --- the store --- */

static int on_put(void *arg, const char *user, const char *space, const char *node, const char *id,
		  const char *text, struct err *err)
{
	struct dialogue_host *host = arg;
	struct kept_item **at = find(host, user, space, node, id);
	struct kept_item *item = calloc(1, sizeof(*item));

	if (!item)
		abort();
	if (dialogue_host_refused(host, err)) {
		free(item);
		return -1;
	}
	if (*at)
		drop(at);
	while (*at)
		at = &(*at)->next;
	*item = (struct kept_item){
	    NULL, strdup(user), strdup(space), strdup(node), strdup(id), strdup(text),
	};
	*at = item;
	return 0;
}

static char *on_get(void *arg, const char *user, const char *space, const char *node,
		    const char *id)
{
	struct kept_item *item = *find(arg, user, space, node, id);

	return item ? strdup(item->text) : NULL;
}

static int on_remove(void *arg, const char *user, const char *space, const char *node,
		     const char *id, struct err *err)
{
	struct kept_item **at = find(arg, user, space, node, id);

	(void)err;
	if (*at)
		drop(at);
	return 0;
}

static int on_remove_node(void *arg, const char *user, const char *space, const char *node,
			  struct err *err)
{
	struct kept_item **at = &((struct dialogue_host *)arg)->items;

	(void)err;
	while (*at)
		if (is_of(*at, user, space, node))
			drop(at);
		else
			at = &(*at)->next;
	return 0;
}

static int on_items(void *arg, const char *user, const char *space, const char *node,
		    int (*each)(void *each_arg, const char *id, const char *text), void *each_arg,
		    struct err *err)
{
	const struct dialogue_host *host = arg;

	for (const struct kept_item *item = host->items; item; item = item->next)
		if (is_of(item, user, space, node) && each(each_arg, item->id, item->text) < 0)
			return err_set(err, ERR_MEMORY, "the walk was ended");
	return 0;
}

/* --- people --- */

static void on_published(void *arg, const char *user, const char *node)
{
	struct dialogue_host *host = arg;
	char version[PEP_VERSION_SIZE];
	bool there = server_pep_version(host->server, user, node, version) == 0;

	dialogue_host_note(host, NULL, "published %s %s%s", user, node, there ? "" : " gone");
}

static void on_ask(void *arg, const char *user, const char *contact, const struct xml *payload,
		   uint64_t token)
{
	struct dialogue_host *host = arg;

	host->asked = token;
	dialogue_host_note(host, payload, "ask %s %s", user, contact);
}

void dialogue_host_answer(struct dialogue_host *host, struct xml *answer, enum stanza_error error)
{
	server_pep_answer(host->server, host->asked, answer, error);
}

static const struct pep_host functions = {
    .put = on_put,
    .get = on_get,
    .remove = on_remove,
    .remove_node = on_remove_node,
    .items = on_items,
    .published = on_published,
    .ask = on_ask,
};

const struct pep_host *dialogue_host_pep(void)
{
	return &functions;
}
