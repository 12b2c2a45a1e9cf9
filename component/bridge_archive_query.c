/*
 * bridge_archive_query.c: what clients are given of the archive, and its settings as they see them
 * (xmpp/archive.h). Neighbours: bridge_archive.c, bridge_archive_settings.c.
 */
#include "component/bridge_archive.h"

#include "component/archive_store.h"
#include "component/bridge_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		struct archive_span span = archive_everything;

		span.contact = query->contact;
		span.after = places[i] - 1;
		span.before = places[i] + 1;
		if (archive_walk(bridge->local, user, &span, false, collect, collection, err))
			return -1;
	}
	return 0;
}

/* How many of whole come before the page. */
static int find_index(struct bridge *bridge, const char *user, const struct archive_query *query,
		      const struct collection *page, const struct archive_span *whole,
		      uint64_t *index, struct err *err)
{
	struct archive_span before = *whole;

	*index = query->skip;
	if (page->count == 0 || (!query->after && !query->last))
		return 0;
	if (find_place(bridge, user, page->items[query->last ? page->count - 1 : 0].id,
		       &before.before, err))
		return -1;
	return archive_count(bridge->local, user, &before, index, err);
}

static int collect_page(struct bridge *bridge, const char *user, const struct archive_query *query,
			struct collection *collection, struct archive_result *result,
			struct err *err)
{
	struct archive_span whole = archive_everything, span;

	whole.contact = query->contact;
	whole.start_ms = query->start_ms;
	whole.end_ms = query->end_ms;
	span = whole;
	span.skip = query->skip < INT64_MAX ? (int64_t)query->skip : INT64_MAX;
	if (archive_count(bridge->local, user, &whole, &result->count, err) ||
	    find_place(bridge, user, query->after, &span.after, err) ||
	    find_place(bridge, user, query->before, &span.before, err))
		return -1;
	collection->max = query->max;
	if (archive_walk(bridge->local, user, &span, query->last, collect, collection, err))
		return -1;
	return find_index(bridge, user, query, collection, &whole, &result->index, err);
}

static int on_query(void *arg, const char *user, const struct archive_query *query,
		    void (*each)(void *each_arg, struct archive_message *message), void *each_arg,
		    struct archive_result *result, struct err *err)
{
	struct bridge *bridge = arg;
	struct collection *collection = calloc(1, sizeof(*collection));
	int done;

	*result = (struct archive_result){0};
	if (!collection)
		return err_set(err, ERR_MEMORY, "out of memory");
	collection->err = err;
	done = query->ids ? collect_ids(bridge, user, query, collection, err)
			  : collect_page(bridge, user, query, collection, result, err);
	if (done == 0) {
		if (query->ids)
			result->count = collection->count;
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
    .keep = bridge_archive_own,
    .query = on_query,
    .metadata = on_metadata,
    .prefs_get = on_prefs_get,
    .prefs_set = on_prefs_set,
};
