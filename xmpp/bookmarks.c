/*
 * bookmarks.c: bookmarks are the same for all clients, whichever way they know. What is changed in
 * one place is changed in the others:
 *
 *     node urn:xmpp:bookmarks:1     XEP-0402: an item a room, its id the room's address
 *     node storage:bookmarks        XEP-0048 in personal eventing: one item with all
 *     private storage:bookmarks     XEP-0048 in private storage (XEP-0049; XEP-0411)
 *
 * The old form has also bookmarks of web pages, which the new one has not: they stay where they
 * are. The new form may have more than the old one knows (extensions): that stays, too.
 */
#include "xmpp/pep_private.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

#define NS_OLD     "storage:bookmarks"
#define PRIVATE_ID NS_OLD " storage"

/* What both forms say of a room. */
struct bookmark {
	const char *jid, *name, *nick, *password;
	bool autojoin;
};

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct bookmark read_bookmark(struct xml *conference, const char *jid)
{
	const char *autojoin = conference ? xml_get(conference, "autojoin") : NULL;

	if (!conference)
		return (struct bookmark){.jid = jid};
	return (struct bookmark){
	    .jid = jid,
	    .name = xml_get(conference, "name"),
	    .nick = xml_child_text(conference, "nick", xml_ns(conference)),
	    .password = xml_child_text(conference, "password", xml_ns(conference)),
	    .autojoin = autojoin && (strcmp(autojoin, "true") == 0 || strcmp(autojoin, "1") == 0),
	};
}

static bool same(const struct bookmark *a, const struct bookmark *b)
{
	return same_text(a->name, b->name) && same_text(a->nick, b->nick) &&
	       same_text(a->password, b->password) && a->autojoin == b->autojoin;
}

static void set_child(struct xml *parent, const char *name, const char *text)
{
	struct xml *child = xml_child(parent, name, xml_ns(parent));

	if (child)
		child = xml_detach(child);
	xml_free(&child);
	if (text)
		xml_text_add(xml_child_add(parent, name, NULL), text);
}

static void write_bookmark(struct xml *conference, const struct bookmark *bookmark)
{
	xml_set(conference, "name", bookmark->name);
	xml_set(conference, "autojoin", bookmark->autojoin ? "true" : NULL);
	set_child(conference, "nick", bookmark->nick);
	set_child(conference, "password", bookmark->password);
}

/* --- to the new form --- */

/* What clients have published of the new form. -1: cannot be read. */
static int load_new(const struct server *server, const char *user, struct pep_items *items)
{
	return pep_items_load(server, user, PEP_SPACE_OWN, NS_BOOKMARKS, items, NULL);
}

static int put_new(struct server *server, const char *user, const struct bookmark *bookmark,
		   const struct pep_item *there, struct err *err)
{
	struct xml *payload = there ? pep_payload(there->text) : NULL;
	struct bookmark before = read_bookmark(payload, bookmark->jid);
	struct pep_item item = {(char *)(uintptr_t)bookmark->jid, NULL};
	bool changed;
	int result = -1;

	if (payload && same(&before, bookmark)) {
		xml_free(&payload);
		return 0;
	}
	if (!payload)
		payload = xml_new("conference", NS_BOOKMARKS);
	write_bookmark(payload, bookmark);
	item.text = payload ? pep_text(payload) : NULL;
	if (!item.text)
		err_set(err, ERR_LIMIT, "a bookmark is too long");
	else
		result =
		    pep_item_put(server, user, NS_BOOKMARKS, item.id, item.text, &changed, err);
	if (result == 0)
		pep_changed(server, user, NS_BOOKMARKS, pep_event_item(NS_BOOKMARKS, &item),
			    changed);
	free(item.text);
	xml_free(&payload);
	return result;
}

/* The room's address, if element is a bookmark of one. */
static const char *room_of(const struct xml *element)
{
	const char *jid = xml_is(element, "conference", NS_OLD) ? xml_get(element, "jid") : NULL;

	return jid && *jid && strlen(jid) <= PEP_NAME_MAX ? jid : NULL;
}

static bool names(const struct xml *storage, const char *jid)
{
	for (const struct xml *e = xml_first(storage); e; e = xml_next(e))
		if (room_of(e) && strcmp(room_of(e), jid) == 0)
			return true;
	return false;
}

static int drop_others(struct server *server, const char *user, const struct xml *storage,
		       const struct pep_items *before, struct err *err)
{
	for (size_t i = 0; i < before->count; i++) {
		const char *jid = before->list[i].id;

		if (names(storage, jid))
			continue;
		if (pep_item_remove(server, user, NS_BOOKMARKS, jid, err) < 0)
			return -1;
		pep_changed(server, user, NS_BOOKMARKS, pep_event_retract(NS_BOOKMARKS, jid), true);
	}
	return 0;
}

static int to_new(struct server *server, const char *user, const struct xml *storage,
		  struct err *err)
{
	const struct pep_config config = pep_config_default(NS_BOOKMARKS);
	struct pep_record record;
	struct pep_items before;
	int result;

	if (pep_record_get(server, user, NS_BOOKMARKS, &record) < 0 &&
	    pep_node_set(server, user, NS_BOOKMARKS, &config, err) < 0)
		return -1;
	if (load_new(server, user, &before) < 0)
		return err_set(err, ERR_SYSTEM, "the bookmarks cannot be read");
	result = drop_others(server, user, storage, &before, err);
	for (struct xml *e = xml_first(storage); result == 0 && e; e = xml_next(e)) {
		struct bookmark bookmark = read_bookmark(e, room_of(e));

		if (bookmark.jid)
			result = put_new(server, user, &bookmark,
					 pep_items_find(&before, bookmark.jid), err);
	}
	pep_items_free(&before);
	return result;
}

/* --- to the old form --- */

static int put_private(const struct server *server, const char *user, const char *text,
		       struct err *err)
{
	return server->host->pep->put(server->host_arg, user, PEP_SPACE_PRIVATE, "", PRIVATE_ID,
				      text, err);
}

static int put_old(struct server *server, const char *user, const char *text, struct err *err)
{
	const struct pep_config config = pep_config_default(NS_OLD);
	struct pep_item item = {(char *)(uintptr_t)PEP_ITEM_CURRENT, (char *)(uintptr_t)text};
	struct pep_record record;
	bool changed;

	if (pep_record_get(server, user, NS_OLD, &record) < 0 &&
	    pep_node_set(server, user, NS_OLD, &config, err) < 0)
		return -1;
	if (pep_item_put(server, user, NS_OLD, item.id, text, &changed, err) < 0)
		return -1;
	if (changed)
		pep_changed(server, user, NS_OLD, pep_event_item(NS_OLD, &item), true);
	return 0;
}

/* With the bookmarks that are none of rooms. */
static struct xml *storage_new(const struct server *server, const char *user)
{
	char *text =
	    server->host->pep->get(server->host_arg, user, PEP_SPACE_PRIVATE, "", PRIVATE_ID);
	struct xml *before = text ? pep_payload(text) : NULL;
	struct xml *storage = xml_new("storage", NS_OLD);

	for (const struct xml *e = xml_first(before); e; e = xml_next(e))
		if (!xml_is(e, "conference", NS_OLD))
			xml_append(storage, xml_copy(e));
	xml_free(&before);
	free(text);
	return storage;
}

static struct xml *from_new(const struct server *server, const char *user)
{
	struct xml *storage = storage_new(server, user);
	struct pep_items items;

	if (load_new(server, user, &items) < 0) {
		xml_free(&storage);
		return NULL;
	}
	for (size_t i = 0; i < items.count; i++) {
		struct xml *payload = pep_payload(items.list[i].text);
		struct bookmark bookmark = read_bookmark(payload, items.list[i].id);
		struct xml *conference =
		    payload ? xml_child_add(storage, "conference", NULL) : NULL;

		xml_set(conference, "jid", bookmark.jid);
		write_bookmark(conference, &bookmark);
		xml_free(&payload);
	}
	pep_items_free(&items);
	return storage;
}

/* --- when something has changed --- */

enum { TO_NEW = 1, TO_OLD = 2, TO_PRIVATE = 4 };

static void spread(struct server *server, const char *user, const struct xml *storage, unsigned to)
{
	char *text = storage ? pep_text(storage) : NULL;
	struct err err;

	err_set(&err, ERR_LIMIT, "they are too many, or memory is short");
	if (!text || ((to & TO_NEW) && to_new(server, user, storage, &err) < 0) ||
	    ((to & TO_OLD) && put_old(server, user, text, &err) < 0) ||
	    ((to & TO_PRIVATE) && put_private(server, user, text, &err) < 0))
		log_warn("some clients do not get all bookmarks: %s", err.text);
	free(text);
}

void bookmarks_published(struct server *server, const char *user, const char *node)
{
	struct xml *storage = NULL;
	struct pep_items items;

	if (strcmp(node, NS_BOOKMARKS) == 0) {
		storage = from_new(server, user);
		spread(server, user, storage, TO_OLD | TO_PRIVATE);
	} else if (strcmp(node, NS_OLD) == 0 &&
		   pep_items_load(server, user, PEP_SPACE_OWN, NS_OLD, &items, NULL) == 0) {
		storage = items.count ? pep_payload(items.list[items.count - 1].text) : NULL;
		pep_items_free(&items);
		/* Who clears up the old node after a move does not want to lose the rooms. */
		if (storage)
			spread(server, user, storage, TO_NEW | TO_PRIVATE);
	}
	xml_free(&storage);
}

void bookmarks_stored(struct server *server, const char *user, const struct xml *element)
{
	if (xml_is(element, "storage", NS_OLD))
		spread(server, user, element, TO_NEW | TO_OLD);
}
