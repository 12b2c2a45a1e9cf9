/*
 * pep_people.c: what contacts may know of a user's nodes, and what is known of theirs.
 *
 *     space CONTACT, node "", id NODE       "BYTES ITEMS VERSION" of what is known; the numbers are
 *                                           missing where an earlier tacetd has written it
 *     space CONTACT, node NODE, id ITEM     payload
 *
 * The nodes NS_VCARD and NS_DISCO_INFO are the vCard and the features of the clients; the latter is
 * not kept for one's own but made from what is logged in. Neighbour: feature_contact.c, for the
 * clients' questions.
 */
#include "xmpp/caps.h"
#include "xmpp/pep_private.h"
#include "xmpp/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS ""
/* A word that is no contact's id. */
#define SPACE_REMOTE "remote"

/* --- answers --- */

/* Is it among those that payload's <items/> names, if it names any? */
static bool asked_for(const struct xml *wanted, const char *id)
{
	bool named = false;

	for (const struct xml *item = xml_first(wanted); item; item = xml_next(item)) {
		const char *name = xml_is(item, "item", NS_PUBSUB) ? xml_get(item, "id") : NULL;

		if (!name)
			continue;
		if (strcmp(name, id) == 0)
			return true;
		named = true;
	}
	return !named;
}

/* Where to begin so that there are at most max_items (XEP-0060 section 6.5.7), and no more bytes
 * than an answer takes. */
static size_t first_wanted(const struct pep_items *items, const struct xml *wanted)
{
	const char *most = xml_get(wanted, "max_items");
	unsigned long left =
	    most && *most >= '1' && *most <= '9' ? strtoul(most, NULL, 10) : PEP_ITEMS_MAX;
	size_t bytes = 0, i = items->count;

	while (i > 0 && left > 0) {
		const struct pep_item *item = &items->list[i - 1];

		if (asked_for(wanted, item->id)) {
			bytes += strlen(item->text) + strlen(item->id) + 64;
			if (bytes > PEP_ANSWER_MAX)
				break;
			left--;
		}
		i--;
	}
	return i;
}

struct xml *pep_answer_items(const struct pep_items *items, const struct xml *payload)
{
	struct xml *wanted = xml_child(payload, "items", NS_PUBSUB);
	struct xml *pubsub = xml_new("pubsub", NS_PUBSUB);
	struct xml *list = xml_child_add(pubsub, "items", NULL);
	bool ok = xml_set(list, "node", xml_get(wanted, "node")) != NULL;

	for (size_t i = first_wanted(items, wanted); ok && i < items->count; i++) {
		struct xml *item, *content;

		if (!asked_for(wanted, items->list[i].id))
			continue;
		item = xml_child_add(list, "item", NULL);
		content = pep_payload(items->list[i].text);
		ok = xml_set(item, "id", items->list[i].id) &&
		     (!content || xml_append(item, content));
	}
	if (!ok)
		xml_free(&pubsub);
	return pubsub;
}

static struct xml *answer_vcard(const struct pep_items *items)
{
	struct xml *vcard = items->count ? pep_payload(items->list[0].text) : NULL;

	return vcard ? vcard : xml_new("vCard", NS_VCARD);
}

static struct xml *answer_features(unsigned features)
{
	struct xml *query = xml_new("query", NS_DISCO_INFO);

	if (query)
		caps_shared_add(features, query);
	return query;
}

/* Of a user whose clients are at another server, as they were the last time: read like a version.
 */
static unsigned remote_features(const struct server *server, const char *user)
{
	char *text =
	    server->host->pep->get(server->host_arg, user, SPACE_REMOTE, "", NS_DISCO_INFO);
	unsigned features = text ? (unsigned)strtoul(text, NULL, 16) : 0;

	free(text);
	return features;
}

static unsigned features_of(const struct server *server, const char *user_name)
{
	const struct user *user = user_find(server, user_name);

	return user ? caps_shared(user) : remote_features(server, user_name);
}

unsigned remote_features_read(const struct xml *query)
{
	return caps_shared_of(query);
}

unsigned remote_features_usual(void)
{
	return caps_shared_default();
}

void remote_features_set(struct server *server, const char *user, unsigned features)
{
	char text[20];
	struct err err = {0};

	if (!pep_offered(server) || remote_features(server, user) == features)
		return;
	snprintf(text, sizeof(text), "%x", features);
	if (server->host->pep->put(server->host_arg, user, SPACE_REMOTE, "", NS_DISCO_INFO, text,
				   &err) == 0)
		server->host->pep->published(server->host_arg, user, NS_DISCO_INFO);
}

/* What lies in space, for payload that asks for node. */
static struct xml *answer_from(const struct server *server, const char *user, const char *space,
			       const char *node, struct xml *payload, enum stanza_error *error)
{
	struct pep_items items;
	struct xml *answer;

	*error = STANZA_INTERNAL_SERVER_ERROR;
	if (pep_items_load(server, user, space, node, &items, NULL) < 0)
		return NULL;
	answer =
	    strcmp(node, NS_VCARD) == 0 ? answer_vcard(&items) : pep_answer_items(&items, payload);
	pep_items_free(&items);
	return answer;
}

/* --- the user's own, for contacts --- */

static bool may_see(const struct server *server, const char *user, const char *node)
{
	struct pep_record record;

	return pep_record_get(server, user, node, &record) == 0 &&
	       pep_config_public(&record.config);
}

struct xml *server_pep_serve(const struct server *server, const char *user_name,
			     struct xml *payload, enum stanza_error *error)
{
	unsigned features;
	const char *node;

	*error = STANZA_BAD_REQUEST;
	if (!pep_offered(server) || !pep_question_read(payload, &node))
		return NULL;
	*error = STANZA_ITEM_NOT_FOUND;
	if (strcmp(node, NS_DISCO_INFO) == 0) {
		features = features_of(server, user_name);
		return features ? answer_features(features) : NULL;
	}
	/* What is not for contacts looks as if it were not there. */
	if (!may_see(server, user_name, node))
		return NULL;
	return answer_from(server, user_name, PEP_SPACE_OWN, node, payload, error);
}

/* The mask is the version. */
static int features_version(const struct server *server, const char *user_name,
			    char version[PEP_VERSION_SIZE])
{
	unsigned mask = features_of(server, user_name);

	if (mask == 0)
		return -1;
	snprintf(version, PEP_VERSION_SIZE, "%x", mask);
	return 0;
}

int server_pep_version(const struct server *server, const char *user, const char *node,
		       char version[PEP_VERSION_SIZE])
{
	struct pep_record record;

	if (!pep_offered(server))
		return -1;
	if (strcmp(node, NS_DISCO_INFO) == 0)
		return features_version(server, user, version);
	if (pep_record_get(server, user, node, &record) < 0 || !pep_config_public(&record.config))
		return -1;
	memcpy(version, record.version, PEP_VERSION_SIZE);
	return 0;
}

struct listing {
	void (*each)(void *each_arg, const char *node, const char *version);
	void *each_arg;
};

static void list_public(void *arg, const char *node, const struct pep_record *record)
{
	const struct listing *listing = arg;

	if (pep_config_public(&record->config))
		listing->each(listing->each_arg, node, record->version);
}

void server_pep_nodes(const struct server *server, const char *user,
		      void (*each)(void *each_arg, const char *node, const char *version),
		      void *each_arg)
{
	struct listing listing = {each, each_arg};
	char version[PEP_VERSION_SIZE];

	if (!pep_offered(server))
		return;
	pep_records(server, user, list_public, &listing);
	if (features_version(server, user, version) == 0)
		each(each_arg, NS_DISCO_INFO, version);
}

/* --- what is known of contacts --- */

/* As it is written down. */
struct known {
	size_t bytes, items;
	const char *version;
};
/* Two numbers and a version. */
#define KNOWN_SIZE (2 * 21 + PEP_VERSION_SIZE)

/* False: the numbers are not known. known points into text. */
static bool read_known(const char *text, struct known *known)
{
	int end = 0;

	*known = (struct known){.version = text};
	if (sscanf(text, "%zu %zu %n", &known->bytes, &known->items, &end) != 2 || end == 0)
		return false;
	known->version = text + end;
	return true;
}

int server_pep_known(const struct server *server, const char *user, const char *contact,
		     const char *node, char version[PEP_VERSION_SIZE])
{
	struct known known;
	char *text;

	if (!pep_offered(server))
		return -1;
	text = server->host->pep->get(server->host_arg, user, contact, VERSIONS, node);
	if (!text)
		return -1;
	read_known(text, &known);
	snprintf(version, PEP_VERSION_SIZE, "%s", known.version);
	free(text);
	return 0;
}

void server_pep_known_nodes(const struct server *server, const char *user, const char *contact,
			    void (*each)(void *each_arg, const char *node), void *each_arg)
{
	struct pep_items nodes;

	if (!pep_offered(server) ||
	    pep_items_load(server, user, contact, VERSIONS, &nodes, NULL) < 0)
		return;
	for (size_t i = 0; i < nodes.count; i++)
		each(each_arg, nodes.list[i].id);
	pep_items_free(&nodes);
}

struct xml *server_pep_recall(const struct server *server, const char *user, const char *contact,
			      struct xml *payload, enum stanza_error *error)
{
	char version[PEP_VERSION_SIZE];
	struct xml *answer;
	const char *node;

	*error = STANZA_ITEM_NOT_FOUND;
	if (!pep_question_read(payload, &node) ||
	    server_pep_known(server, user, contact, node, version) < 0)
		return NULL;
	answer = answer_from(server, user, contact, node, payload, error);
	if (answer && strcmp(node, NS_VCARD) == 0)
		avatar_add_photo(server, user, contact, answer);
	return answer;
}

/* --- learning --- */

static int add_item(struct pep_items *items, const char *id, struct xml *payload)
{
	struct pep_item *more;
	char *text = pep_text(payload);
	char *copy = strdup(id);

	more = text && copy ? realloc(items->list, (items->count + 1) * sizeof(*more)) : NULL;
	if (!more) {
		free(text);
		free(copy);
		return -1;
	}
	items->list = more;
	more += items->count++;
	more->id = copy;
	more->text = text;
	items->bytes += strlen(text) + strlen(id);
	return 0;
}

/* A vCard and features as the one item of their nodes. Nothing but the features that are worth
 * something is kept. */
static int read_single(const char *node, struct xml *answer, struct pep_items *items)
{
	struct xml *cleaned;
	int result;

	if (strcmp(node, NS_VCARD) == 0)
		return pep_clean(answer) < 0 ? -1 : add_item(items, PEP_ITEM_CURRENT, answer);
	cleaned = xml_new("query", NS_DISCO_INFO);
	if (cleaned)
		caps_shared_add(caps_shared_of(answer), cleaned);
	result = cleaned ? add_item(items, PEP_ITEM_CURRENT, cleaned) : -1;
	xml_free(&cleaned);
	return result;
}

static int read_answer(const char *node, struct xml *answer, struct pep_items *items,
		       struct err *err)
{
	struct xml *list = xml_child(answer, "items", NS_PUBSUB);
	const char *named = xml_get(list, "node");

	if (strcmp(node, NS_VCARD) == 0 || strcmp(node, NS_DISCO_INFO) == 0) {
		const char *asked;

		if (!pep_question_read(answer, &asked) || strcmp(asked, node) != 0)
			return err_set(err, ERR_INPUT, "another answer than was asked for");
		return read_single(node, answer, items) < 0
			   ? err_set(err, ERR_LIMIT, "it is too long")
			   : 0;
	}
	if (!xml_is(answer, "pubsub", NS_PUBSUB) || !list || !named || strcmp(named, node) != 0)
		return err_set(err, ERR_INPUT, "another answer than was asked for");
	for (struct xml *item = xml_first(list); item; item = xml_next(item)) {
		const char *id = xml_get(item, "id");

		if (!xml_is(item, "item", NS_PUBSUB) || !id || !*id || strlen(id) > PEP_NAME_MAX ||
		    pep_items_find(items, id) || items->count >= PEP_ITEMS_MAX)
			return err_set(err, ERR_INPUT, "items that cannot be");
		if (pep_clean(xml_first(item)) < 0 || add_item(items, id, xml_first(item)) < 0)
			return err_set(err, ERR_LIMIT, "an item is too long");
	}
	return 0;
}

static void count(const struct pep_items *items, struct known *sum)
{
	sum->items += items->count;
	sum->bytes += items->bytes;
	for (size_t i = 0; i < items->count; i++)
		sum->bytes += strlen(items->list[i].id);
}

/* Add what is known of another node of the contact's. */
static void add_node(const struct server *server, const char *user, const char *contact,
		     const struct pep_item *record, struct known *sum)
{
	struct pep_items items;
	struct known known;

	if (!read_known(record->text, &known)) {
		if (pep_items_load(server, user, contact, record->id, &items, NULL) == 0)
			count(&items, &known);
		pep_items_free(&items);
	}
	sum->bytes += known.bytes;
	sum->items += known.items;
}

/* Only records are read, not what the nodes hold. */
static int check_room(const struct server *server, const char *user, const char *contact,
		      const char *node, const struct pep_items *after, struct err *err)
{
	struct pep_items records;
	struct known sum = {0};
	size_t nodes = 1;

	if (pep_items_load(server, user, contact, VERSIONS, &records, err) < 0)
		return -1;
	count(after, &sum);
	for (size_t i = 0; i < records.count; i++) {
		if (strcmp(records.list[i].id, node) == 0)
			continue;
		nodes++;
		add_node(server, user, contact, &records.list[i], &sum);
	}
	pep_items_free(&records);
	if (sum.bytes > PEP_CONTACT_BYTES_MAX || sum.items > PEP_CONTACT_ITEMS_MAX ||
	    nodes > PEP_NODES_MAX)
		return err_set(err, ERR_LIMIT, "more than is kept of one contact");
	return 0;
}

static int store(struct server *server, const char *user, const char *contact, const char *node,
		 const struct pep_items *items, const char *version, struct err *err)
{
	const struct pep_host *host = server->host->pep;
	void *arg = server->host_arg;
	struct known known = {0};
	char record[KNOWN_SIZE];

	/* Without a version first: what is half written is fetched again. */
	if (host->remove(arg, user, contact, VERSIONS, node, err) < 0 ||
	    host->remove_node(arg, user, contact, node, err) < 0)
		return -1;
	for (size_t i = 0; i < items->count; i++)
		if (host->put(arg, user, contact, node, items->list[i].id, items->list[i].text,
			      err) < 0)
			return -1;
	if (!version)
		return 0;
	count(items, &known);
	snprintf(record, sizeof(record), "%zu %zu %.*s", known.bytes, known.items,
		 PEP_VERSION_SIZE - 1, version);
	return host->put(arg, user, contact, VERSIONS, node, record, err);
}

/* Tell the clients what is new and what is gone. */
static void tell(struct server *server, const char *user_name, const char *contact,
		 const char *node, const struct pep_items *before, const struct pep_items *after)
{
	struct user *user = user_find(server, user_name);
	char from[JID_TEXT_SIZE];

	if (!user)
		return;
	server_contact_jid(server, contact, from);
	for (size_t i = 0; i < before->count; i++)
		if (!pep_items_find(after, before->list[i].id))
			pep_notify(user, from, node, pep_event_retract(node, before->list[i].id));
	for (size_t i = 0; i < after->count; i++) {
		const struct pep_item *old = pep_items_find(before, after->list[i].id);

		if (!old || strcmp(old->text, after->list[i].text) != 0)
			pep_notify(user, from, node, pep_event_item(node, &after->list[i]));
	}
}

/* The presence that clients are shown names photo and features (XEP-0153, XEP-0115). */
static void show_again(struct server *server, const char *user_name, const char *contact)
{
	struct user *user = user_find(server, user_name);
	struct server_presence presence = {.show = "", .status = ""};

	if (!user)
		return;
	server->host->contact_presence(server->host_arg, user_name, contact, &presence);
	if (presence.available)
		presence_of_contact(user, contact, &presence);
}

int server_pep_learn(struct server *server, const char *user, const char *contact, const char *node,
		     const char *version, struct xml *answer, struct err *err)
{
	struct pep_items before, after = {0};
	struct pep_config config;
	int result = -1;

	if (!pep_offered(server))
		return 0;
	/* A client might take another's bookmarks for its user's own. */
	config = pep_config_default(node);
	if (answer && !pep_config_public(&config))
		return err_set(err, ERR_INPUT, "a node that is for nobody else");
	if (pep_items_load(server, user, contact, node, &before, err) < 0)
		return -1;
	if ((!answer || read_answer(node, answer, &after, err) == 0) &&
	    check_room(server, user, contact, node, &after, err) == 0)
		result = store(server, user, contact, node, &after, answer ? version : NULL, err);
	if (result == 0) {
		tell(server, user, contact, node, &before, &after);
		if (strcmp(node, NS_AVATAR_METADATA) == 0 || strcmp(node, NS_DISCO_INFO) == 0)
			show_again(server, user, contact);
	}
	pep_items_free(&before);
	pep_items_free(&after);
	return result;
}
