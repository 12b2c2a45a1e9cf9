/*
 * csi.c: see csi.h.
 */
#include "xmpp/csi.h"

#include <stdlib.h>
#include <string.h>

/* Only there while the client is inactive. */
struct csi {
	struct xml *held[CSI_HELD_MAX]; /* oldest first */
	size_t sizes[CSI_HELD_MAX];
	size_t count;
	size_t bytes; /* sum of the sizes */
};

void csi_free(struct csi **csi)
{
	if (!*csi)
		return;
	for (size_t i = 0; i < (*csi)->count; i++)
		xml_free(&(*csi)->held[i]);
	free(*csi);
	*csi = NULL;
}

/* Presence that only says how somebody is; not the resource's own, which its client waits for. */
static bool is_presence(const struct resource *resource, const struct xml *stanza)
{
	const char *type = xml_get(stanza, "type"), *from = xml_get(stanza, "from");

	return xml_is(stanza, "presence", NULL) && from && strcmp(from, resource->jid) != 0 &&
	       (!type || strcmp(type, "unavailable") == 0);
}

/* A message that says nothing but that somebody is typing, or no longer. */
static bool is_typing(const struct xml *stanza)
{
	const char *type = xml_get(stanza, "type");
	bool typing = false;

	if (!xml_is(stanza, "message", NULL) || !xml_get(stanza, "from") ||
	    (type && strcmp(type, "error") == 0))
		return false;
	for (const struct xml *child = xml_first(stanza); child; child = xml_next(child)) {
		if (xml_is(child, NULL, NS_CHATSTATES))
			typing = true;
		else if (!xml_is(child, "thread", NULL) && !xml_is(child, NULL, NS_HINTS))
			return false;
	}
	return typing;
}

static void remove_at(struct csi *csi, size_t i)
{
	xml_free(&csi->held[i]);
	csi->count--;
	csi->bytes -= csi->sizes[i];
	memmove(&csi->sizes[i], &csi->sizes[i + 1], (csi->count - i) * sizeof(csi->sizes[0]));
	memmove(&csi->held[i], &csi->held[i + 1], (csi->count - i) * sizeof(csi->held[0]));
}

/* Sent past csi_hold. */
static void send_oldest(struct resource *resource, struct csi *csi)
{
	struct xml *stanza = csi->held[0];

	csi->held[0] = NULL;
	remove_at(csi, 0);
	resource_send(resource, stanza);
	xml_free(&stanza);
}

static void send_all(struct resource *resource, struct csi *csi)
{
	/* Nothing is held meanwhile. */
	resource->csi = NULL;
	while (csi->count > 0)
		send_oldest(resource, csi);
}

/* The one before it of the same sender and kind says what is no longer so. */
static void forget_former(struct csi *csi, const struct xml *stanza)
{
	for (size_t i = 0; i < csi->count; i++)
		if (strcmp(xml_name(csi->held[i]), xml_name(stanza)) == 0 &&
		    strcmp(xml_get(csi->held[i], "from"), xml_get(stanza, "from")) == 0) {
			remove_at(csi, i);
			return;
		}
}

/* In bytes, as it will be sent; 0: more than may be held, or memory is short. */
static size_t size_of(const struct xml *stanza)
{
	struct buf text;
	size_t size = 0;

	buf_init(&text, CSI_HELD_BYTES_MAX);
	if (xml_write(stanza, NS_CLIENT, &text) == 0)
		size = text.len;
	buf_free(&text);
	return size;
}

static bool keep(struct resource *resource, struct csi *csi, const struct xml *stanza)
{
	size_t size = size_of(stanza);
	struct xml *copy = size > 0 ? xml_copy(stanza) : NULL;

	if (!copy)
		return false;
	forget_former(csi, stanza);
	resource->csi = NULL;
	while (csi->count == CSI_HELD_MAX || csi->bytes + size > CSI_HELD_BYTES_MAX)
		send_oldest(resource, csi);
	resource->csi = csi;
	csi->held[csi->count] = copy;
	csi->sizes[csi->count++] = size;
	csi->bytes += size;
	return true;
}

bool csi_hold(struct resource *resource, const struct xml *stanza)
{
	struct csi *csi = resource->csi;

	if (!csi)
		return false;
	if ((is_presence(resource, stanza) || is_typing(stanza)) && keep(resource, csi, stanza))
		return true;
	send_all(resource, csi);
	resource->csi = csi;
	return false;
}

void csi_active(struct resource *resource)
{
	struct csi *csi = resource->csi;

	if (!csi)
		return;
	send_all(resource, csi);
	csi_free(&csi);
}

void csi_element(struct resource *resource, const struct xml *element)
{
	if (xml_is(element, "active", NULL))
		csi_active(resource);
	else if (xml_is(element, "inactive", NULL) && !resource->csi)
		/* Without memory for it the client just gets all. */
		resource->csi = calloc(1, sizeof(*resource->csi));
}
