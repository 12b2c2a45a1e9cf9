/*
 * caps.c: see caps.h.
 */
#include "xmpp/caps.h"

#include "xmpp/caps_hash.h"
#include "xmpp/pep_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest node#ver that is looked at. */
#define CAPS_KEY_MAX 512

struct caps {
	struct caps *next; /* of the server's, the latest first */
	unsigned users;    /* resources, and the server's list */
	char *key;         /* "HASH VER"; NULL: for one resource only */
	char **features;
	size_t count;
};

/* What works between two people here; other daemons' words are cut down to it, too. The order is
 * part of the versions that contacts are told (pep_people.c): only ever add at the end. */
static const char *const shared[] = {
    NS_CHATSTATES,
    NS_RECEIPTS,
    NS_MARKERS,
    "urn:xmpp:message-correct:0",
    "urn:xmpp:reactions:0",
    "urn:xmpp:reply:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:message-retract:0",
    "urn:xmpp:fallback:0",
    "urn:xmpp:eme:0",
    "urn:xmpp:omemo:2",
    "eu.siacs.conversations.axolotl",
    "urn:xmpp:attention:0",
    "urn:xmpp:spoiler:0",
    "urn:xmpp:styling:0",
    "urn:xmpp:sid:0",
    "http://jabber.org/protocol/nick",
    "urn:xmpp:openpgp:0",
    NULL,
};

const char *caps_shared_feature(unsigned i)
{
	return shared[i];
}

/* Receipts, states and markers are answered, or ignored without harm; Dino sends none to a contact
 * that does not name them. */
unsigned caps_shared_default(void)
{
	return 1U | 2U | 4U;
}

unsigned caps_shared_of(const struct xml *query)
{
	unsigned mask = 0;

	for (const struct xml *f = xml_first(query); f; f = xml_next(f)) {
		const char *var = xml_is(f, "feature", NULL) ? xml_get(f, "var") : NULL;

		for (unsigned i = 0; var && shared[i]; i++)
			if (strcmp(shared[i], var) == 0)
				mask |= 1U << i;
	}
	return mask;
}

void caps_shared_add(unsigned mask, struct xml *query)
{
	for (unsigned i = 0; shared[i]; i++)
		if (mask & 1U << i)
			xml_set(xml_child_add(query, "feature", NULL), "var", shared[i]);
}

/* --- sets of features --- */

static void drop(struct caps *caps)
{
	if (!caps || --caps->users > 0)
		return;
	for (size_t i = 0; i < caps->count; i++)
		free(caps->features[i]);
	free(caps->features);
	free(caps->key);
	free(caps);
}

static int add_features(struct caps *caps, const struct xml *query)
{
	for (const struct xml *f = xml_first(query); f && caps->count < CAPS_FEATURES_MAX;
	     f = xml_next(f)) {
		const char *var = xml_is(f, "feature", NS_DISCO_INFO) ? xml_get(f, "var") : NULL;
		char **more;

		if (!var)
			continue;
		more = realloc(caps->features, (caps->count + 1) * sizeof(*more));
		if (!more)
			return -1;
		caps->features = more;
		caps->features[caps->count] = strdup(var);
		if (!caps->features[caps->count])
			return -1;
		caps->count++;
	}
	return 0;
}

/* With one user. */
static struct caps *caps_new(const struct xml *query)
{
	struct caps *caps = calloc(1, sizeof(*caps));

	if (!caps)
		return NULL;
	caps->users = 1;
	if (add_features(caps, query) == 0)
		return caps;
	drop(caps);
	return NULL;
}

static bool has(const struct caps *caps, const char *feature)
{
	for (size_t i = 0; caps && i < caps->count; i++)
		if (strcmp(caps->features[i], feature) == 0)
			return true;
	return false;
}

/* --- what is remembered --- */

static struct caps *find(const struct server *server, const char *key)
{
	struct caps *caps = server->caps;

	while (caps && strcmp(caps->key, key) != 0)
		caps = caps->next;
	return caps;
}

static void keep(struct server *server, struct caps *caps, const char *key)
{
	struct caps **at = &server->caps;

	caps->key = strdup(key);
	if (!caps->key)
		return;
	caps->users++;
	caps->next = server->caps;
	server->caps = caps;
	for (unsigned count = 0; *at; count++) {
		struct caps *old = *at;

		if (count < CAPS_KEPT) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		drop(old);
	}
}

void caps_free_all(struct server *server)
{
	while (server->caps) {
		struct caps *old = server->caps;

		server->caps = old->next;
		drop(old);
	}
}

/* --- a resource's --- */

bool caps_wants(const struct resource *resource, const char *node)
{
	char feature[PEP_NAME_MAX + sizeof("+notify")];

	snprintf(feature, sizeof(feature), "%s+notify", node);
	return has(resource->caps, feature);
}

unsigned caps_shared(const struct user *user)
{
	unsigned mask = 0;

	for (const struct resource *r = user->resources; r; r = r->next) {
		if (!resource_visible(r))
			continue;
		if (!r->caps)
			mask |= caps_shared_default();
		for (unsigned i = 0; shared[i]; i++)
			if (has(r->caps, shared[i]))
				mask |= 1U << i;
	}
	return mask;
}

void caps_shared_tell(struct user *user)
{
	const struct server *server = user->server;
	unsigned mask = caps_shared(user);

	/* With the last client goes the presence; what it could do is nobody's business then. */
	if (!pep_offered(server) || mask == 0 || mask == user->caps_told)
		return;
	user->caps_told = mask;
	server->host->pep->published(server->host_arg, user->name, NS_DISCO_INFO);
}

/* Takes over caps, which may be NULL. */
static void set(struct resource *resource, struct caps *caps)
{
	struct caps *old = resource->caps;

	resource->caps = caps;
	if (caps)
		pep_welcome(resource, old);
	drop(old);
	caps_shared_tell(resource->user);
}

bool caps_had(const struct caps *caps, const char *node)
{
	char feature[PEP_NAME_MAX + sizeof("+notify")];

	snprintf(feature, sizeof(feature), "%s+notify", node);
	return has(caps, feature);
}

void caps_forget(struct resource *resource)
{
	drop(resource->caps);
	resource->caps = NULL;
	free(resource->caps_key);
	resource->caps_key = NULL;
}

/* Section 6.2; from the server, to which clients answer without knowing it. */
static void ask(struct resource *resource, const char *node, const char *ver)
{
	struct server *server = resource->user->server;
	struct xml *iq = xml_new("iq", NS_CLIENT);
	char id[32], full[CAPS_KEY_MAX + 1];

	resource->caps_no = ++server->push_no;
	snprintf(id, sizeof(id), "caps-%llu", (unsigned long long)resource->caps_no);
	snprintf(full, sizeof(full), "%s#%s", node, ver);
	if (xml_set(iq, "type", "get") && xml_set(iq, "id", id) &&
	    xml_set(iq, "from", server->domain) && xml_set(iq, "to", resource->jid) &&
	    xml_set(xml_child_add(iq, "query", NS_DISCO_INFO), "node", full))
		resource_send(resource, iq);
	xml_free(&iq);
}

void caps_presence(struct resource *resource, const struct xml *presence)
{
	const struct server *server = resource->user->server;
	const struct xml *c = xml_child(presence, "c", NS_CAPS);
	const char *node = xml_get(c, "node");
	const char *ver = xml_get(c, "ver");
	const char *hash = xml_get(c, "hash");
	char key[CAPS_KEY_MAX + 1];
	struct caps *known;

	if (!pep_offered(server) || !node || !ver || strlen(node) + strlen(ver) > CAPS_KEY_MAX - 34)
		return;
	snprintf(key, sizeof(key), "%.32s %s", hash ? hash : "-", ver);
	if (resource->caps_key && strcmp(resource->caps_key, key) == 0)
		return;
	free(resource->caps_key);
	resource->caps_key = strdup(key);
	known = hash ? find(server, key) : NULL;
	if (known) {
		known->users++;
		resource->caps_no = 0;
		set(resource, known);
	} else if (resource->caps_key) {
		ask(resource, node, ver);
	}
}

/* Does the answer prove what the client has said? */
static bool proves(const char *key, struct xml *query)
{
	char hash[33], ver[CAPS_VER_SIZE];
	const char *said = strchr(key, ' ');

	snprintf(hash, sizeof(hash), "%.*s", (int)(said - key), key);
	return caps_ver(query, hash, ver) == 0 && strcmp(ver, said + 1) == 0;
}

void caps_answer(struct request *request)
{
	struct resource *resource = request->resource;
	struct xml *query = xml_child(request->stanza, "query", NS_DISCO_INFO);
	const char *id = xml_get(request->stanza, "id");
	struct caps *caps;
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "caps-%llu", (unsigned long long)resource->caps_no);
	if (!resource->caps_no || !id || strcmp(id, wanted) != 0)
		return;
	resource->caps_no = 0;
	caps = query && !stanza_is_error(request->stanza) ? caps_new(query) : NULL;
	if (!caps)
		return;
	/* Section 5.4: what is not proven is believed of this client alone. */
	if (proves(resource->caps_key, query) && !find(request->server, resource->caps_key))
		keep(request->server, caps, resource->caps_key);
	set(resource, caps);
}
