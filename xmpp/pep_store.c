/*
 * pep_store.c: nodes and items of personal eventing as they lie in the host's store.
 *
 *     space "pep", node "", id NODE      the node's record (pep_node.h)
 *     space "pep", node NODE, id ITEM    payload
 *
 * A client's node has a name, so nothing meets the records.
 */
#include "xmpp/pep_private.h"

#include "core/base/codec.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS ""
/* Random bytes of a version. */
#define VERSION_LEN 8

bool pep_offered(const struct server *server)
{
	return server->host->pep != NULL;
}

bool pep_has_host(const struct server_host *host)
{
	return host->pep != NULL;
}

/* --- texts --- */

struct xml *pep_payload(const char *text)
{
	static const struct xml_limits limits = {2 * PEP_ITEM_BYTES_MAX, XML_LIMIT_DEPTH,
						 XML_LIMIT_CHILDREN};

	return *text ? xml_parse_element(text, strlen(text), &limits, NULL) : NULL;
}

char *pep_text(const struct xml *payload)
{
	struct buf out;
	char *text = NULL;

	if (!payload)
		return strdup("");
	buf_init(&out, PEP_ITEM_BYTES_MAX);
	if (xml_write(payload, "", &out) == 0)
		text = strdup(buf_text(&out));
	buf_free(&out);
	return text;
}

/* --- items --- */

static int collect(void *arg, const char *id, const char *text)
{
	struct pep_items *items = arg;
	struct pep_item *more = realloc(items->list, (items->count + 1) * sizeof(*more));
	struct pep_item *item;

	if (!more)
		return -1;
	items->list = more;
	item = &items->list[items->count];
	item->id = strdup(id);
	item->text = strdup(text);
	items->count++;
	items->bytes += strlen(text);
	return item->id && item->text ? 0 : -1;
}

int pep_items_load(const struct server *server, const char *user, const char *space,
		   const char *node, struct pep_items *items, struct err *err)
{
	memset(items, 0, sizeof(*items));
	if (server->host->pep->items(server->host_arg, user, space, node, collect, items, err) == 0)
		return 0;
	pep_items_free(items);
	return -1;
}

void pep_items_free(struct pep_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->list[i].id);
		free(items->list[i].text);
	}
	free(items->list);
	memset(items, 0, sizeof(*items));
}

const struct pep_item *pep_items_find(const struct pep_items *items, const char *id)
{
	for (size_t i = 0; i < items->count; i++)
		if (strcmp(items->list[i].id, id) == 0)
			return &items->list[i];
	return NULL;
}

/* --- records --- */

int pep_record_get(const struct server *server, const char *user, const char *node,
		   struct pep_record *record)
{
	char *text = server->host->pep->get(server->host_arg, user, PEP_SPACE_OWN, RECORDS, node);
	int result = text ? pep_record_read(text, record) : -1;

	free(text);
	return result;
}

void pep_records(const struct server *server, const char *user,
		 void (*each)(void *each_arg, const char *node, const struct pep_record *record),
		 void *each_arg)
{
	struct pep_items nodes;
	struct pep_record record;

	if (pep_items_load(server, user, PEP_SPACE_OWN, RECORDS, &nodes, NULL) < 0)
		return;
	for (size_t i = 0; i < nodes.count; i++)
		if (pep_record_read(nodes.list[i].text, &record) == 0)
			each(each_arg, nodes.list[i].id, &record);
	pep_items_free(&nodes);
}

/* Write the record with a new version. */
static int record_put(struct server *server, const char *user, const char *node,
		      struct pep_record *record, struct err *err)
{
	uint8_t random[VERSION_LEN];
	char text[PEP_RECORD_SIZE];

	env_random(server->env, random, sizeof(random));
	hex_encode(random, sizeof(random), record->version);
	pep_record_write(record, text);
	return server->host->pep->put(server->host_arg, user, PEP_SPACE_OWN, RECORDS, node, text,
				      err);
}

struct total {
	unsigned nodes;
	size_t bytes;
};

static void add_up(void *arg, const char *node, const struct pep_record *record)
{
	struct total *total = arg;

	(void)node;
	total->nodes++;
	total->bytes += record->bytes;
}

static struct total total_of(const struct server *server, const char *user)
{
	struct total total = {0};

	pep_records(server, user, add_up, &total);
	return total;
}

/* --- nodes --- */

/* Remove the oldest items until there are at most so many. */
static int trim(struct server *server, const char *user, const char *node,
		struct pep_record *record, struct err *err)
{
	struct pep_items items;
	int result = 0;

	if (pep_items_load(server, user, PEP_SPACE_OWN, node, &items, err) < 0)
		return -1;
	record->bytes = items.bytes;
	for (size_t i = 0; i + record->config.max_items < items.count && result == 0; i++) {
		result = server->host->pep->remove(server->host_arg, user, PEP_SPACE_OWN, node,
						   items.list[i].id, err);
		record->bytes -= strlen(items.list[i].text);
	}
	pep_items_free(&items);
	return result;
}

int pep_node_set(struct server *server, const char *user, const char *node,
		 const struct pep_config *config, struct err *err)
{
	struct pep_record record = {0};
	bool there = pep_record_get(server, user, node, &record) == 0;

	if (there && pep_config_equal(&record.config, config))
		return 0;
	if (!there && total_of(server, user).nodes >= PEP_NODES_MAX)
		return err_set(err, ERR_LIMIT, "there are %d nodes already", PEP_NODES_MAX);
	record.config = *config;
	if (there && trim(server, user, node, &record, err) < 0)
		return -1;
	return record_put(server, user, node, &record, err);
}

int pep_node_delete(struct server *server, const char *user, const char *node, struct err *err)
{
	const struct pep_host *host = server->host->pep;

	if (host->remove_node(server->host_arg, user, PEP_SPACE_OWN, node, err) < 0)
		return -1;
	return host->remove(server->host_arg, user, PEP_SPACE_OWN, RECORDS, node, err);
}

int pep_node_purge(struct server *server, const char *user, const char *node, struct err *err)
{
	struct pep_record record;

	if (pep_record_get(server, user, node, &record) < 0)
		return err_set(err, ERR_NOT_FOUND, "no such node");
	if (server->host->pep->remove_node(server->host_arg, user, PEP_SPACE_OWN, node, err) < 0)
		return -1;
	record.bytes = 0;
	return record_put(server, user, node, &record, err);
}

int pep_item_put(struct server *server, const char *user, const char *node, const char *id,
		 const char *text, bool *changed, struct err *err)
{
	const struct pep_host *host = server->host->pep;
	struct pep_record record;
	char *old;

	*changed = false;
	if (pep_record_get(server, user, node, &record) < 0)
		return err_set(err, ERR_NOT_FOUND, "no such node");
	old = host->get(server->host_arg, user, PEP_SPACE_OWN, node, id);
	*changed = !old || strcmp(old, text) != 0;
	free(old);
	if (*changed && total_of(server, user).bytes + strlen(text) > PEP_BYTES_MAX)
		return err_set(err, ERR_LIMIT, "more than %zu bytes are published", PEP_BYTES_MAX);
	/* Even if it is the same: it is the last one now. */
	if (host->put(server->host_arg, user, PEP_SPACE_OWN, node, id, text, err) < 0 ||
	    trim(server, user, node, &record, err) < 0)
		return -1;
	return *changed ? record_put(server, user, node, &record, err) : 0;
}

int pep_item_remove(struct server *server, const char *user, const char *node, const char *id,
		    struct err *err)
{
	const struct pep_host *host = server->host->pep;
	struct pep_record record;
	char *old = host->get(server->host_arg, user, PEP_SPACE_OWN, node, id);
	size_t len = old ? strlen(old) : 0;

	free(old);
	if (!old || pep_record_get(server, user, node, &record) < 0)
		return err_set(err, ERR_NOT_FOUND, "no such item");
	if (host->remove(server->host_arg, user, PEP_SPACE_OWN, node, id, err) < 0)
		return -1;
	record.bytes -= len < record.bytes ? len : record.bytes;
	return record_put(server, user, node, &record, err);
}
