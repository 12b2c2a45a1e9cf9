/*
 * feature_archive.c: XEP-0313 (mam:2 and mam:2#extended) and XEP-0441 for the user's own archive:
 * queries with filters and pages (XEP-0059), the form, metadata, preferences. Nobody else's archive
 * is here to be asked for. Neighbour: archive.h, what the host keeps.
 */
#include "xmpp/feature.h"

#include "xmpp/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool archive_offered(const struct server_host *host)
{
	return host->archive != NULL;
}

/* --- times (XEP-0082) --- */

void archive_stamp(int64_t ms, char out[ARCHIVE_STAMP_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	size_t len = 0;

	if (gmtime_r(&seconds, &tm))
		len = strftime(out, ARCHIVE_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	if (len == 0)
		snprintf(out, ARCHIVE_STAMP_SIZE, "1970-01-01T00:00:00Z");
	else
		snprintf(out + len, ARCHIVE_STAMP_SIZE - len, ".%03dZ", (int)(ms % 1000));
}

/* Milliseconds out of ".123"; *text moves on. */
static int read_fraction(const char **text)
{
	int ms = 0, unit = 100;

	if (**text != '.')
		return 0;
	for (++*text; **text >= '0' && **text <= '9'; ++*text, unit /= 10)
		ms += unit * (**text - '0');
	return ms;
}

/* "Z" or "+01:00", in seconds; -1: neither. */
static int read_zone(const char *text, int *seconds)
{
	unsigned hours, minutes;
	int used = 0;
	char sign;

	*seconds = 0;
	if (strcmp(text, "Z") == 0)
		return 0;
	if (sscanf(text, "%c%2u:%2u%n", &sign, &hours, &minutes, &used) != 3 || text[used] ||
	    (sign != '+' && sign != '-') || hours > 23 || minutes > 59)
		return -1;
	*seconds = (int)(hours * 3600 + minutes * 60) * (sign == '+' ? 1 : -1);
	return 0;
}

static int read_stamp(const char *text, int64_t *ms)
{
	struct tm tm = {0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int zone, fraction;

	if (!rest)
		return -1;
	fraction = read_fraction(&rest);
	if (read_zone(rest, &zone) < 0)
		return -1;
	*ms = ((int64_t)timegm(&tm) - zone) * 1000 + fraction;
	return 0;
}

/* --- what is asked for --- */

/* A query as it is read; ids points into the stanza. */
struct query {
	struct archive_query archive;
	const char *ids[ARCHIVE_IDS_MAX + 1];
	char contact[JID_PART_MAX + 1];
	bool nobody; /* "with" somebody whom the archive cannot have */
	bool flip;
};

static int read_with(struct request *request, const char *value, struct query *query)
{
	struct jid jid;
	enum target target;

	if (!value || router_target(request->resource->user, value, &jid, &target) < 0)
		return -1;
	/* There are messages with contacts and with the own account only, and all of a contact come
	 * from one resource. */
	query->nobody = target == TARGET_SERVER;
	snprintf(query->contact, sizeof(query->contact), "%s",
		 target == TARGET_CONTACT ? jid.local : ARCHIVE_OWN);
	query->archive.contact = query->contact;
	return 0;
}

static int read_ids(struct xml *field, struct query *query)
{
	size_t count = 0;

	for (struct xml *value = xml_first(field); value; value = xml_next(value)) {
		if (!xml_is(value, "value", NS_FORM) || count == ARCHIVE_IDS_MAX)
			return -1;
		query->ids[count++] = xml_text(value);
	}
	query->archive.ids = query->ids;
	return 0;
}

/* The later of two limits, "after-id" of the form and <after/> of the page, cannot be known here:
 * the page's counts, being within what the form has given before. */
static int read_field(struct request *request, struct xml *field, struct query *query)
{
	const char *var = xml_get(field, "var");
	const char *value = xml_child_text(field, "value", NS_FORM);

	if (!var)
		return -1;
	if (strcmp(var, "FORM_TYPE") == 0)
		return value && strcmp(value, NS_MAM) == 0 ? 0 : -1;
	if (strcmp(var, "with") == 0)
		return read_with(request, value, query);
	if (strcmp(var, "start") == 0)
		return read_stamp(value, &query->archive.start_ms);
	if (strcmp(var, "end") == 0)
		return read_stamp(value, &query->archive.end_ms);
	if (strcmp(var, "after-id") == 0)
		return (query->archive.after = value) ? 0 : -1;
	if (strcmp(var, "before-id") == 0)
		return (query->archive.before = value) ? 0 : -1;
	if (strcmp(var, "ids") == 0)
		return read_ids(field, query);
	return -1; /* XEP-0313 section 4.1.5: an unknown filter is refused */
}

static int read_form(struct request *request, struct query *query)
{
	struct xml *form = xml_child(request->payload, "x", NS_FORM);

	for (struct xml *field = xml_first(form); field; field = xml_next(field))
		if (xml_is(field, "field", NS_FORM) && read_field(request, field, query) < 0)
			return -1;
	return 0;
}

static int read_number(const char *text, uint64_t *number)
{
	char *end;

	*number = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end ? -1 : 0;
}

static int read_page(struct xml *set, struct query *query)
{
	struct archive_query *archive = &query->archive;
	const char *max = xml_child_text(set, "max", NS_RSM);
	const char *before = xml_child_text(set, "before", NS_RSM);
	const char *after = xml_child_text(set, "after", NS_RSM);
	const char *index = xml_child_text(set, "index", NS_RSM);
	uint64_t number;

	if (max && read_number(max, &number) < 0)
		return -1;
	if (max)
		archive->max = number < ARCHIVE_PAGE_MAX ? (unsigned)number : ARCHIVE_PAGE_MAX;
	/* XEP-0059 section 2.6: a place of its own, not one beside another. */
	if (index && (before || after || read_number(index, &archive->skip) < 0))
		return -1;
	if (before) {
		archive->last = true;
		if (*before)
			archive->before = before;
	}
	if (after && *after)
		archive->after = after;
	return 0;
}

static int read_query(struct request *request, struct query *query)
{
	struct archive_query *archive = &query->archive;

	memset(query, 0, sizeof(*query));
	archive->start_ms = INT64_MIN;
	archive->end_ms = INT64_MAX;
	archive->max = ARCHIVE_PAGE_USUAL;
	query->flip = xml_child(request->payload, "flip-page", NS_MAM) != NULL;
	if (read_form(request, query) < 0 ||
	    read_page(xml_child(request->payload, "set", NS_RSM), query) < 0)
		return -1;
	return 0;
}

/* --- the answer --- */

struct page {
	struct request *request;
	size_t count;
	struct archive_message messages[ARCHIVE_PAGE_MAX + 1];
	char *ids[ARCHIVE_PAGE_MAX + 1];
};

static void keep_message(void *arg, struct archive_message *message)
{
	struct page *page = arg;
	char *id = page->count < ARCHIVE_PAGE_MAX ? strdup(message->id) : NULL;

	if (!id)
		return;
	page->messages[page->count] = *message;
	page->ids[page->count++] = id;
	message->message = NULL;
}

static void page_free(struct page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		xml_free(&page->messages[i].message);
		free(page->ids[i]);
	}
}

static void send_result(const struct page *page, size_t i)
{
	const struct request *request = page->request;
	struct xml *stanza = xml_new("message", NS_CLIENT);
	struct xml *result = xml_child_add(stanza, "result", NS_MAM);
	struct xml *forwarded = xml_child_add(result, "forwarded", NS_FORWARD);
	struct xml *delay = xml_child_add(forwarded, "delay", NS_DELAY);
	char bare[JID_TEXT_SIZE], stamp[ARCHIVE_STAMP_SIZE];

	server_contact_jid(request->server, request->resource->user->name, bare);
	archive_stamp(page->messages[i].stamp_ms, stamp);
	xml_set(stanza, "from", bare);
	xml_set(stanza, "to", request->resource->jid);
	xml_set(result, "queryid", xml_get(request->payload, "queryid"));
	xml_set(result, "id", page->ids[i]);
	xml_set(delay, "stamp", stamp);
	if (xml_append(forwarded, xml_copy(page->messages[i].message)))
		resource_send(request->resource, stanza);
	xml_free(&stanza);
}

/* by_place false: the messages were asked for by their ids, and have no places among others. */
static void send_fin(const struct page *page, const struct archive_result *result, bool by_place)
{
	struct xml *reply = stanza_result(page->request->stanza);
	struct xml *fin = xml_child_add(reply, "fin", NS_MAM);
	struct xml *set = xml_child_add(fin, "set", NS_RSM);
	struct xml *first;
	char count[24], index[24];

	if (result->complete)
		xml_set(fin, "complete", "true");
	if (page->count > 0) {
		first = xml_child_add(set, "first", NULL);
		xml_text_add(first, page->ids[0]);
		snprintf(index, sizeof(index), "%" PRIu64, result->index);
		if (by_place)
			xml_set(first, "index", index);
		xml_text_add(xml_child_add(set, "last", NULL), page->ids[page->count - 1]);
	}
	snprintf(count, sizeof(count), "%" PRIu64, result->count);
	xml_text_add(xml_child_add(set, "count", NULL), count);
	request_reply(page->request, reply);
}

static void answer_query(struct request *request, const struct query *query)
{
	const struct server *server = request->server;
	struct archive_result result = {.complete = true};
	struct page *page = calloc(1, sizeof(*page));
	struct err err = {0};

	if (!page) {
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	page->request = request;
	if (!query->nobody &&
	    server->host->archive->query(server->host_arg, request->resource->user->name,
					 &query->archive, keep_message, page, &result, &err) < 0) {
		request_refused(request, &err);
	} else {
		for (size_t i = 0; i < page->count; i++)
			send_result(page, query->flip ? page->count - 1 - i : i);
		send_fin(page, &result, !query->archive.ids);
	}
	page_free(page);
	free(page);
}

void archive_query(struct request *request)
{
	struct query query;

	if (!request_offered(request, archive_offered(request->server->host)))
		return;
	if (xml_get(request->payload, "node"))
		request_error(request, STANZA_ITEM_NOT_FOUND, NULL);
	else if (read_query(request, &query) < 0)
		request_error(request, STANZA_BAD_REQUEST, NULL);
	else
		answer_query(request, &query);
}

/* --- form and metadata --- */

void archive_form(struct request *request)
{
	static const char *const fields[][2] = {
	    {"with", "jid-single"},       {"start", "text-single"},    {"end", "text-single"},
	    {"before-id", "text-single"}, {"after-id", "text-single"}, {"ids", "list-multi"},
	};
	struct xml *reply, *form, *field;

	if (!request_offered(request, archive_offered(request->server->host)))
		return;
	reply = stanza_result(request->stanza);
	form = xml_child_add(xml_child_add(reply, "query", NS_MAM), "x", NS_FORM);
	xml_set(form, "type", "form");
	field = xml_child_add(form, "field", NULL);
	xml_set(field, "type", "hidden");
	xml_set(field, "var", "FORM_TYPE");
	xml_text_add(xml_child_add(field, "value", NULL), NS_MAM);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		field = xml_child_add(form, "field", NULL);
		xml_set(field, "type", fields[i][1]);
		xml_set(field, "var", fields[i][0]);
		/* XEP-0122: ids are open, not chosen from a list. */
		if (strcmp(fields[i][0], "ids") == 0) {
			struct xml *validate = xml_child_add(
			    field, "validate", "http://jabber.org/protocol/xdata-validate");

			xml_set(validate, "datatype", "xs:string");
			xml_child_add(validate, "open", NULL);
		}
	}
	request_reply(request, reply);
}

struct ends {
	struct xml *metadata;
	unsigned seen;
};

static void add_end(void *arg, struct archive_message *message)
{
	struct ends *ends = arg;
	struct xml *end = xml_child_add(ends->metadata, ends->seen++ == 0 ? "start" : "end", NULL);
	char stamp[ARCHIVE_STAMP_SIZE];

	archive_stamp(message->stamp_ms, stamp);
	xml_set(end, "id", message->id);
	xml_set(end, "timestamp", stamp);
}

int archive_metadata_add(const struct user *user, struct xml *parent, struct err *err)
{
	const struct server *server = user->server;
	struct ends ends = {.metadata = xml_child_add(parent, "metadata", NS_MAM)};

	return server->host->archive->metadata(server->host_arg, user->name, add_end, &ends, err);
}

void archive_metadata(struct request *request)
{
	struct xml *reply;
	struct err err;

	if (!request_offered(request, archive_offered(request->server->host)))
		return;
	reply = stanza_result(request->stanza);
	if (archive_metadata_add(request->resource->user, reply, &err) < 0) {
		xml_free(&reply);
		request_refused(request, &err);
		return;
	}
	request_reply(request, reply);
}

/* --- preferences (XEP-0441) --- */

static const char *const preset_names[] = {"always", "never", "roster"};

static void add_list(const struct server *server, struct xml *prefs, const char *name,
		     char *const *contacts)
{
	struct xml *list = xml_child_add(prefs, name, NULL);
	char jid[JID_TEXT_SIZE];

	for (; *contacts; contacts++) {
		server_contact_jid(server, *contacts, jid);
		xml_text_add(xml_child_add(list, "jid", NULL), jid);
	}
}

static void send_prefs(struct request *request, const struct archive_prefs *prefs)
{
	struct xml *reply = stanza_result(request->stanza);
	struct xml *element = xml_child_add(reply, "prefs", NS_MAM);

	xml_set(element, "default", preset_names[prefs->preset]);
	add_list(request->server, element, "always", prefs->always);
	add_list(request->server, element, "never", prefs->never);
	request_reply(request, reply);
}

void archive_prefs_get(struct request *request)
{
	const struct server *server = request->server;
	struct archive_prefs *prefs;
	struct err err;

	if (!request_offered(request, archive_offered(server->host)))
		return;
	prefs = calloc(1, sizeof(*prefs));
	if (!prefs) {
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
		return;
	}
	if (server->host->archive->prefs_get(server->host_arg, request->resource->user->name, prefs,
					     &err) < 0)
		request_refused(request, &err);
	else
		send_prefs(request, prefs);
	archive_prefs_free(prefs);
	free(prefs);
}

static int read_list(struct request *request, struct xml *list, char **contacts)
{
	size_t count = 0;
	struct jid jid;
	enum target target;

	for (struct xml *item = xml_first(list); item; item = xml_next(item)) {
		if (!xml_is(item, "jid", NS_MAM) || count == ARCHIVE_LIST_MAX ||
		    router_target(request->resource->user, xml_text(item), &jid, &target) < 0)
			return -1;
		/* There is nobody else to archive messages with. */
		if (target != TARGET_CONTACT)
			continue;
		contacts[count] = strdup(jid.local);
		if (!contacts[count++])
			return -1;
	}
	return 0;
}

static int read_prefs(struct request *request, struct archive_prefs *prefs)
{
	const char *preset = xml_get(request->payload, "default");
	bool known = false;

	for (int i = 0; preset && i <= ARCHIVE_ROSTER; i++)
		if (strcmp(preset, preset_names[i]) == 0) {
			prefs->preset = (enum archive_default)i;
			known = true;
		}
	if (!known ||
	    read_list(request, xml_child(request->payload, "always", NS_MAM), prefs->always) < 0)
		return -1;
	return read_list(request, xml_child(request->payload, "never", NS_MAM), prefs->never);
}

void archive_prefs_set(struct request *request)
{
	const struct server *server = request->server;
	struct archive_prefs *prefs;
	struct err err;

	if (!request_offered(request, archive_offered(server->host)))
		return;
	prefs = calloc(1, sizeof(*prefs));
	if (!prefs)
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
	else if (read_prefs(request, prefs) < 0)
		request_error(request, STANZA_BAD_REQUEST, NULL);
	else if (server->host->archive->prefs_set(server->host_arg, request->resource->user->name,
						  prefs, &err) < 0)
		request_refused(request, &err);
	else
		send_prefs(request, prefs);
	if (prefs)
		archive_prefs_free(prefs);
	free(prefs);
}
