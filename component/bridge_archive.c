/*
 * bridge_archive.c: see bridge_archive.h. What goes in comes from bridge_message.c.
 *
 *     item archive / settings / settings:  "PRESET DAYS COUNT KEEP-REMOVED\n" and lines "+ID",
 * "-ID" for the lists of always and never
 */
#include "component/bridge_archive.h"

#include "component/archive_store.h"
#include "component/bridge_private.h"
#include "component/inner_stanza.h"
#include "core/base/log.h"
#include "xmpp/ns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE    "archive"
#define SETTINGS "settings"
/* How often what is too old is erased: a day more or less does not matter, an hour does not cost.
 */
#define ERASE_MS ((int64_t)60 * 60 * 1000)
/* A line for each contact of two lists. */
#define SETTINGS_SIZE (64 + 2 * (ARCHIVE_LIST_MAX + 1) * ((size_t)JID_PART_MAX + 2))
/* Who sent it, and the stanza's id. */
#define MARK_SIZE (LOCAL_NAME_MAX + 1)

/* --- settings --- */

static int add_to_list(char **list, const char *id, struct err *err)
{
	for (size_t i = 0; i < ARCHIVE_LIST_MAX; i++)
		if (!list[i]) {
			list[i] = strdup(id);
			return list[i] ? 0 : err_set(err, ERR_MEMORY, "out of memory");
		}
	return err_set(err, ERR_LIMIT, "the list has at most %d contacts", ARCHIVE_LIST_MAX);
}

static int read_settings(char *text, struct archive_settings *settings, struct err *err)
{
	unsigned preset, keep_removed;
	char *rest = NULL;

	if (sscanf(text, "%u %u %u %u", &preset, &settings->days, &settings->count,
		   &keep_removed) != 4 ||
	    preset > ARCHIVE_ROSTER)
		return err_set(err, ERR_INPUT, "the settings of the archive are damaged");
	settings->prefs.preset = (enum archive_default)preset;
	settings->keep_removed = keep_removed != 0;
	strtok_r(text, "\n", &rest);
	for (char *line; (line = strtok_r(NULL, "\n", &rest));)
		if (add_to_list(line[0] == '+' ? settings->prefs.always : settings->prefs.never,
				line + 1, err))
			return -1;
	return 0;
}

int bridge_archive_settings(struct bridge *bridge, const char *user,
			    struct archive_settings *settings, struct err *err)
{
	size_t len;
	char *text;
	int result;

	memset(settings, 0, sizeof(*settings));
	settings->days = ARCHIVE_DAYS_USUAL;
	settings->count = ARCHIVE_COUNT_USUAL;
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	text = local_item_get(bridge->local, user, SPACE, SETTINGS, SETTINGS, &len);
	if (!text)
		return 0;
	result = read_settings(text, settings, err);
	secret_free(text, len);
	return result;
}

static void write_list(struct buf *out, char sign, char *const *list)
{
	for (; *list; list++)
		buf_printf(out, "%c%s\n", sign, *list);
}

static int write_settings(struct bridge *bridge, const char *user,
			  const struct archive_settings *settings, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, SETTINGS_SIZE);
	buf_printf(&text, "%u %u %u %u\n", settings->prefs.preset, settings->days, settings->count,
		   settings->keep_removed);
	write_list(&text, '+', settings->prefs.always);
	write_list(&text, '-', settings->prefs.never);
	result = local_item_set(bridge->local, user, SPACE, SETTINGS, SETTINGS, text.data, text.len,
				err);
	buf_free(&text);
	return result;
}

void bridge_archive_off(struct archive_settings *settings)
{
	archive_prefs_free(&settings->prefs);
	settings->prefs.preset = ARCHIVE_NEVER;
}

static bool has(char *const *list, const char *id)
{
	for (; *list; list++)
		if (strcmp(*list, id) == 0)
			return true;
	return false;
}

static bool wanted(struct bridge *bridge, const struct contact *contact)
{
	struct archive_settings settings;
	const char *id = contact_id(contact);
	struct err err;
	bool wants = false;

	if (bridge_archive_settings(bridge, bridge_user_of(contact), &settings, &err))
		log_warn("a message is not archived: %s", err.text);
	else if (has(settings.prefs.never, id))
		wants = false;
	else
		wants = settings.prefs.preset != ARCHIVE_NEVER || has(settings.prefs.always, id);
	archive_prefs_free(&settings.prefs);
	return wants;
}

/* --- erasing --- */

/* The log still has what the file has no more. */
static int erased(struct bridge *bridge, int count, struct err *err)
{
	return count > 0 && local_store_scrub(bridge->local, err) ? -1 : count;
}

static int erase_old(struct bridge *bridge, const char *user,
		     const struct archive_settings *settings, struct err *err)
{
	int64_t now_ms = env_wall_ms(bridge->env);
	int old = 0, surplus;

	if (settings->days > 0)
		old = archive_erase_before(
		    bridge->local, user, now_ms - (int64_t)settings->days * 24 * 3600 * 1000, err);
	if (old < 0)
		return -1;
	surplus = archive_erase_surplus(bridge->local, user, settings->count, err);
	return surplus < 0 || erased(bridge, old + surplus, err) < 0 ? -1 : 0;
}

static void erase_of_account(void *arg, struct account *account)
{
	struct bridge *bridge = arg;
	struct archive_settings settings;
	struct err err;

	if (bridge_archive_settings(bridge, account_name(account), &settings, &err) ||
	    erase_old(bridge, account_name(account), &settings, &err))
		log_error("old messages are not erased: %s", err.text);
	archive_prefs_free(&settings.prefs);
}

static void on_erase(void *arg)
{
	struct bridge *bridge = arg;

	timer_set(bridge->archive_erase, ERASE_MS);
	if (bridge->local && bridge->engine)
		engine_accounts(bridge->engine, erase_of_account, bridge);
}

void bridge_archive_start(struct bridge *bridge)
{
	timer_free(&bridge->archive_erase);
	bridge->archive_erase = timer_new(bridge->env, on_erase, bridge);
	if (bridge->archive_erase)
		timer_set(bridge->archive_erase, 0);
	else
		log_error("old messages are not erased: out of memory");
}

int bridge_archive_set(struct bridge *bridge, const char *user,
		       const struct archive_settings *settings, struct err *err)
{
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	if (settings->days > ARCHIVE_DAYS_MAX || settings->count > ARCHIVE_COUNT_MAX)
		return err_set(err, ERR_LIMIT, "at most %d days and %d messages", ARCHIVE_DAYS_MAX,
			       ARCHIVE_COUNT_MAX);
	if (write_settings(bridge, user, settings, err))
		return -1;
	return erase_old(bridge, user, settings, err);
}

int bridge_archive_purge(struct bridge *bridge, const char *user, const char *contact,
			 struct err *err)
{
	int count;

	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	count = contact ? archive_erase_contact(bridge->local, user, contact, err)
			: archive_erase_surplus(bridge->local, user, 0, err);
	return count < 0 ? -1 : erased(bridge, count, err);
}

static const struct archive_span everything = {
    .start_ms = INT64_MIN, .end_ms = INT64_MAX, .before = INT64_MAX};

int bridge_archive_count(struct bridge *bridge, const char *user, uint64_t *count, struct err *err)
{
	if (!bridge->local)
		return err_set(err, ERR_UNAVAILABLE, "there is no archive");
	return archive_count(bridge->local, user, &everything, count, err);
}

/* What is cached of it goes, too. */
void bridge_archive_contact_gone(struct bridge *bridge, const char *user, const char *id)
{
	struct archive_settings settings;
	struct err err;

	if (!bridge->local)
		return;
	if (bridge_archive_settings(bridge, user, &settings, &err) ||
	    (!settings.keep_removed && bridge_archive_purge(bridge, user, id, &err) < 0) ||
	    local_space_remove(bridge->local, user, id, &err) ||
	    local_store_scrub(bridge->local, &err))
		log_error("what is kept of a removed contact is still there: %s", err.text);
	archive_prefs_free(&settings.prefs);
}

/* --- adding --- */

static bool hinted(const struct xml *message, const char *hint)
{
	return xml_child(message, hint, NS_HINTS) != NULL;
}

/* XEP-0313 section 5.1: what has a body, and what a client needs that was away. Not what a hint
 * (XEP-0334) keeps out, nor chat states. */
static bool worth_keeping(const struct xml *message)
{
	static const char *const elements[][2] = {
	    {NULL, NS_RECEIPTS},
	    {"displayed", NS_MARKERS},
	    {"acknowledged", NS_MARKERS},
	    {"reactions", "urn:xmpp:reactions:0"},
	    {"retract", "urn:xmpp:message-retract:1"},
	    {"retract", "urn:xmpp:message-retract:0"},
	    {"apply-to", "urn:xmpp:fasten:0"},
	    {"encrypted", NULL},
	    {"x", "jabber:x:encrypted"},
	};
	const char *type = xml_get(message, "type");

	if (hinted(message, "no-store") || hinted(message, "no-permanent-store"))
		return false;
	if (type && (strcmp(type, "error") == 0 || strcmp(type, "headline") == 0 ||
		     strcmp(type, "groupchat") == 0))
		return false;
	if (hinted(message, "store") || xml_child(message, "body", NULL))
		return true;
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (xml_child(message, elements[i][0], elements[i][1]))
			return true;
	return false;
}

/* XEP-0424 section 4: the origin's id, which is the stanza's unless it says otherwise. */
static void make_mark(bool sent, const char *id, char out[MARK_SIZE])
{
	if (snprintf(out, MARK_SIZE, "%c%s", sent ? 'o' : 'i', id ? id : "") >= MARK_SIZE || !id)
		out[0] = '\0';
}

static const char *id_of(const struct xml *message)
{
	const char *origin = xml_get(xml_child(message, "origin-id", NS_STANZA_ID), "id");
	/* A correction (XEP-0308) goes with what it corrects. */
	const char *corrected =
	    xml_get(xml_child(message, "replace", "urn:xmpp:message-correct:0"), "id");

	if (corrected)
		return corrected;
	return origin ? origin : xml_get(message, "id");
}

static int store(struct bridge *bridge, struct contact *contact, const char *id, bool sent,
		 const struct xml *message, struct err *err)
{
	char mark[MARK_SIZE];
	struct archive_row row = {
	    .id = id,
	    .contact = contact_id(contact),
	    .mark = mark,
	    .stamp_ms = env_wall_ms(bridge->env),
	};
	struct buf text;
	int result;

	make_mark(sent, id_of(message), mark);
	buf_init(&text, LOCAL_VALUE_MAX);
	if (xml_write(message, "", &text))
		result = err_set(err, ERR_LIMIT, "it is too long, or memory is short");
	else {
		row.message = text.data;
		row.len = text.len;
		result = archive_add(bridge->local, bridge_user_of(contact), &row, err);
	}
	buf_free(&text);
	return result;
}

/* XEP-0424 section 5: that there was a message, and no more. */
static struct xml *make_tombstone(const struct xml *retraction, const char *retracted)
{
	struct xml *tombstone = xml_new("message", "jabber:client");
	struct xml *element = xml_child_add(tombstone, "retracted", "urn:xmpp:message-retract:1");
	static const char *const kept[] = {"from", "to", "type"};

	for (size_t i = 0; i < 3; i++)
		xml_set(tombstone, kept[i], xml_get(retraction, kept[i]));
	xml_set(element, "id", xml_get(retraction, "id"));
	if (!xml_set(tombstone, "id", retracted) || !element)
		xml_free(&tombstone);
	return tombstone;
}

static int retract(struct bridge *bridge, struct contact *contact, bool sent,
		   const struct xml *retraction, struct err *err)
{
	const char *retracted = inner_retracts(retraction);
	struct xml *tombstone;
	char mark[MARK_SIZE];
	struct buf text;
	int result;

	make_mark(sent, retracted, mark);
	if (!mark[0])
		return 0;
	tombstone = make_tombstone(retraction, retracted);
	buf_init(&text, LOCAL_VALUE_MAX);
	if (!tombstone || xml_write(tombstone, "", &text))
		result = err_set(err, ERR_MEMORY, "out of memory");
	else
		result = archive_replace(bridge->local, bridge_user_of(contact),
					 contact_id(contact), mark, text.data, text.len, err);
	buf_free(&text);
	xml_free(&tombstone);
	return result > 0 ? erased(bridge, result, err) : result;
}

static void add(struct bridge *bridge, struct contact *contact, const char *id, bool sent,
		const struct xml *message)
{
	struct err err;
	int result = 0;

	if (!bridge->local)
		return;
	/* Also when the archive is off now: it may have been on. */
	if (inner_retracts(message))
		result = retract(bridge, contact, sent, message, &err);
	if (result >= 0 && worth_keeping(message) && wanted(bridge, contact))
		result = store(bridge, contact, id, sent, message, &err);
	if (result < 0)
		log_warn("a message is not archived: %s", err.text);
}

void bridge_archive_sent(struct bridge *bridge, struct contact *contact, uint64_t token,
			 const struct xml *message)
{
	char id[STANZA_ID_SIZE];

	bridge_stanza_id(contact, token, true, id);
	add(bridge, contact, id, true, message);
}

void bridge_archive_taken_back(struct bridge *bridge, struct contact *contact,
			       const struct xml *retraction)
{
	struct err err;

	if (bridge->local && retract(bridge, contact, true, retraction, &err) < 0)
		log_warn("a message that was taken back is still archived: %s", err.text);
}

void bridge_archive_got(struct bridge *bridge, struct contact *contact, uint64_t token,
			struct xml *message)
{
	char id[STANZA_ID_SIZE], to[JID_TEXT_SIZE];

	if (!bridge->local)
		return;
	bridge_user_jid(bridge, bridge_user_of(contact), to);
	bridge_stanza_id(contact, token, false, id);
	if (xml_set(message, "to", to))
		add(bridge, contact, id, false, message);
	/* To whom it is delivered is the server's affair. */
	xml_set(message, "to", NULL);
}

/* --- what clients are given --- */

struct collected {
	struct archive_message message;
	char id[ARCHIVE_ID_MAX + 1];
};

struct collection {
	unsigned max;
	unsigned count;
	size_t bytes;
	bool more;
	struct collected items[ARCHIVE_PAGE_MAX];
	struct err *err;
};

static int collect(void *arg, const struct archive_row *row)
{
	static const struct xml_limits limits = {LOCAL_VALUE_MAX, XML_LIMIT_DEPTH,
						 XML_LIMIT_CHILDREN};
	struct collection *collection = arg;
	struct collected *item = &collection->items[collection->count];

	if (collection->count >= collection->max ||
	    (collection->count > 0 && collection->bytes + row->len > ARCHIVE_PAGE_BYTES)) {
		collection->more = true;
		return 1;
	}
	item->message.message = xml_parse_element(row->message, row->len, &limits, collection->err);
	if (!item->message.message)
		return err_wrap(collection->err, "an archived message");
	snprintf(item->id, sizeof(item->id), "%s", row->id);
	item->message.id = item->id;
	item->message.stamp_ms = row->stamp_ms;
	collection->bytes += row->len;
	collection->count++;
	return 0;
}

static void hand_over(struct collection *collection, bool backwards,
		      void (*each)(void *each_arg, struct archive_message *message), void *each_arg)
{
	for (unsigned i = 0; i < collection->count; i++) {
		unsigned at = backwards ? collection->count - 1 - i : i;
		struct archive_message *message = &collection->items[at].message;

		each(each_arg, message);
		xml_free(&message->message);
	}
}

/* The place of the message with this id; id NULL: place stays. */
static int find_place(struct bridge *bridge, const char *user, const char *id, int64_t *place,
		      struct err *err)
{
	int found = id ? archive_find(bridge->local, user, id, place, err) : 1;

	if (found == 0)
		err_set(err, ERR_NOT_FOUND, "the archive has no message with this id");
	return found == 1 ? 0 : -1;
}

static int compare_places(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int collect_ids(struct bridge *bridge, const char *user, const struct archive_query *query,
		       struct collection *collection, struct err *err)
{
	int64_t places[ARCHIVE_IDS_MAX] = {0};
	size_t count = 0;

	for (; count < ARCHIVE_IDS_MAX && query->ids[count]; count++)
		if (find_place(bridge, user, query->ids[count], &places[count], err))
			return -1;
	qsort(places, count, sizeof(places[0]), compare_places);
	collection->max = ARCHIVE_PAGE_MAX;
	for (size_t i = 0; i < count; i++) {
		struct archive_span span = everything;

		span.contact = query->contact;
		span.after = places[i] - 1;
		span.before = places[i] + 1;
		if (archive_walk(bridge->local, user, &span, false, collect, collection, err))
			return -1;
	}
	return 0;
}

static int collect_page(struct bridge *bridge, const char *user, const struct archive_query *query,
			struct collection *collection, uint64_t *count, struct err *err)
{
	struct archive_span span = everything;

	span.contact = query->contact;
	span.start_ms = query->start_ms;
	span.end_ms = query->end_ms;
	if (archive_count(bridge->local, user, &span, count, err) ||
	    find_place(bridge, user, query->after, &span.after, err) ||
	    find_place(bridge, user, query->before, &span.before, err))
		return -1;
	collection->max = query->max;
	return archive_walk(bridge->local, user, &span, query->last, collect, collection, err);
}

static int on_query(void *arg, const char *user, const struct archive_query *query,
		    void (*each)(void *each_arg, struct archive_message *message), void *each_arg,
		    struct archive_result *result, struct err *err)
{
	struct bridge *bridge = arg;
	struct collection *collection = calloc(1, sizeof(*collection));
	uint64_t count = 0;
	int done;

	if (!collection)
		return err_set(err, ERR_MEMORY, "out of memory");
	collection->err = err;
	done = query->ids ? collect_ids(bridge, user, query, collection, err)
			  : collect_page(bridge, user, query, collection, &count, err);
	if (done == 0) {
		result->count = query->ids ? collection->count : count;
		result->complete = !collection->more;
		hand_over(collection, query->last && !query->ids, each, each_arg);
	}
	for (unsigned i = 0; i < collection->count; i++)
		xml_free(&collection->items[i].message.message);
	free(collection);
	return done;
}

static int on_metadata(void *arg, const char *user,
		       void (*each)(void *each_arg, struct archive_message *message),
		       void *each_arg, struct err *err)
{
	struct archive_query query = {.start_ms = INT64_MIN, .end_ms = INT64_MAX, .max = 1};
	struct archive_result result;

	for (int last = 0; last <= 1; last++) {
		query.last = last;
		if (on_query(arg, user, &query, each, each_arg, &result, err))
			return -1;
	}
	return 0;
}

static int on_prefs_get(void *arg, const char *user, struct archive_prefs *prefs, struct err *err)
{
	struct archive_settings settings;
	int result = bridge_archive_settings(arg, user, &settings, err);

	*prefs = settings.prefs;
	return result;
}

static int on_prefs_set(void *arg, const char *user, const struct archive_prefs *prefs,
			struct err *err)
{
	struct archive_settings settings;
	struct archive_prefs before;
	int result = bridge_archive_settings(arg, user, &settings, err);

	before = settings.prefs;
	settings.prefs = *prefs;
	if (!result)
		result = bridge_archive_set(arg, user, &settings, err);
	archive_prefs_free(&before);
	return result;
}

const struct archive_host bridge_archive_host = {
    .query = on_query,
    .metadata = on_metadata,
    .prefs_get = on_prefs_get,
    .prefs_set = on_prefs_set,
};
