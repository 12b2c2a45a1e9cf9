/*
 * gw_privilege.c: XEP-0356: what the server lets the gateway do in its users' names. With rosters
 * granted, contacts appear in them with their names, without a click for each.
 *
 * A server that says it grants them and then refuses (ejabberd 23.01 fails to set one) is believed
 * once for each user, who is asked from then on. Not for all: it refuses for one who is gone there,
 * and nobody shall be able to bring that about for others.
 */
#include "component/gw_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server of a domain has granted the rosters of its users, for writing. */
struct gw_grant {
	struct gw_grant *next;
	char *domain;
	bool withdrawn; /* not any more */
};

void gw_grants_free(struct gw *gw)
{
	while (gw->grants) {
		struct gw_grant *grant = gw->grants;

		gw->grants = grant->next;
		free(grant->domain);
		free(grant);
	}
}

static struct gw_grant *find(const struct gw *gw, const char *domain)
{
	struct gw_grant *grant = gw->grants;

	while (grant && strcmp(grant->domain, domain) != 0)
		grant = grant->next;
	return grant;
}

static struct gw_grant *grant_of(const struct gw_user *user)
{
	return find(user->gw, strchr(user->jid, '@') + 1);
}

bool gw_may_write(const struct gw_user *user)
{
	const struct gw_grant *grant = grant_of(user);

	return grant && !grant->withdrawn && !user->unwritable;
}

static bool grants_rosters(const struct xml *privilege)
{
	for (const struct xml *perm = xml_first(privilege); perm; perm = xml_next(perm)) {
		const char *access = xml_get(perm, "access"), *type = xml_get(perm, "type");

		if (xml_is(perm, "perm", xml_ns(privilege)) && access && type &&
		    strcmp(access, "roster") == 0 &&
		    (strcmp(type, "both") == 0 || strcmp(type, "set") == 0))
			return true;
	}
	return false;
}

/* Section 4.2: from the server itself; what it says now counts. */
void gw_privileges(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct xml *privilege = xml_child(request->stanza, "privilege", NULL);
	struct gw_grant *grant = find(gw, request->from.domain);

	if (request->from.local[0] || request->from.resource[0])
		return;
	if (!grants_rosters(privilege)) {
		if (grant)
			grant->withdrawn = true;
		return;
	}
	if (!grant) {
		grant = calloc(1, sizeof(*grant));
		if (!grant || !(grant->domain = strdup(request->from.domain))) {
			free(grant);
			return;
		}
		grant->next = gw->grants;
		gw->grants = grant;
	}
	grant->withdrawn = false;
	log_notice("gateway: the server lets us write its users' rosters");
	if (gw->greeted)
		gw_sync_all(gw);
}

static void self_written(struct gw_user *user, const char *contact, struct xml *payload)
{
	(void)contact;
	if (payload)
		gw_item_set(user, &user->self, GW_FROM | GW_WRITTEN, GW_DENIED);
	else
		user->unwritable = true;
	gw_ask_presence(user);
}

void gw_write_self(struct gw_user *user)
{
	struct xml *query = xml_new("query", NS_ROSTER);
	struct xml *item = xml_child_add(query, "item", NULL);

	xml_set(item, "jid", user->gw->config->domain);
	xml_set(item, "name", "tacet");
	xml_set(item, "subscription", "both");
	gw_ask(user, "set", query, NULL, self_written);
}

static void written(struct gw_user *user, const char *contact, struct xml *payload)
{
	struct gw_item *item = gw_item_find(user, contact);

	if (payload || !item)
		return;
	if (!user->unwritable)
		log_info("gateway: the server does not let us write a roster though it said so");
	user->unwritable = true;
	/* As if it had not been tried: the user is asked. */
	gw_item_set(user, item, 0, GW_TO | GW_FROM | GW_WRITTEN);
	user->sync = true;
	user->sync_at = 0;
	gw_sync(user);
}

void gw_write_item(struct gw_user *user, const char *contact, const char *name,
		   const char *const *groups)
{
	struct xml *query = xml_new("query", NS_ROSTER);
	struct xml *item = xml_child_add(query, "item", NULL);
	char jid[JID_TEXT_SIZE];

	snprintf(jid, sizeof(jid), "%s@%s", contact, user->gw->config->domain);
	xml_set(item, "jid", jid);
	xml_set(item, "subscription", name ? "both" : "remove");
	if (name && *name)
		xml_set(item, "name", name);
	for (; name && groups && *groups; groups++)
		xml_text_add(xml_child_add(item, "group", NULL), *groups);
	gw_ask(user, "set", query, contact, written);
}
