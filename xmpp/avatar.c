/*
 * avatar.c: one photo for all clients, whichever way they know: XEP-0084 nodes are what is kept,
 * PHOTO in a vCard (XEP-0054, XEP-0153) is made from and into them (XEP-0398).
 *
 *     node urn:xmpp:avatar:data       id SHA-1   <data>base64</data>
 *     node urn:xmpp:avatar:metadata   id SHA-1   <metadata><info bytes id type/></metadata>
 */
#include "xmpp/pep_private.h"

#include "core/base/codec.h"

#include <openssl/evp.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA1_LEN 20
/* Longest media type that is passed on. */
#define TYPE_MAX 64

/* --- the avatar as it is known --- */

/* The last metadata as an element with the <info/> to use, if there is one; NULL: nothing known. */
static struct xml *metadata_of(const struct server *server, const char *user, const char *space,
			       const struct xml **info)
{
	struct pep_items items;
	struct xml *metadata = NULL;

	*info = NULL;
	if (!pep_offered(server) ||
	    pep_items_load(server, user, space, NS_AVATAR_METADATA, &items, NULL) < 0)
		return NULL;
	if (items.count)
		metadata = pep_payload(items.list[items.count - 1].text);
	pep_items_free(&items);
	/* One with a URL is not in the data node. */
	for (const struct xml *i = xml_first(metadata); i && !*info; i = xml_next(i))
		if (xml_is(i, "info", NS_AVATAR_METADATA) && xml_get(i, "id") &&
		    strlen(xml_get(i, "id")) <= PEP_NAME_MAX && !xml_get(i, "url"))
			*info = i;
	return metadata;
}

int avatar_hash(const struct server *server, const char *user, const char *space,
		char hash[PEP_NAME_MAX + 1])
{
	const struct xml *info;
	struct xml *metadata = metadata_of(server, user, space, &info);

	if (!metadata)
		return -1;
	snprintf(hash, PEP_NAME_MAX + 1, "%s", info ? xml_get(info, "id") : "");
	xml_free(&metadata);
	return 0;
}

void avatar_add_photo(const struct server *server, const char *user, const char *space,
		      struct xml *vcard)
{
	const struct xml *info;
	struct xml *metadata = metadata_of(server, user, space, &info);
	char *text = info ? server->host->pep->get(server->host_arg, user, space, NS_AVATAR_DATA,
						   xml_get(info, "id"))
			  : NULL;
	struct xml *data = text ? pep_payload(text) : NULL;
	struct xml *photo = data ? xml_child_add(vcard, "PHOTO", NULL) : NULL;

	if (photo) {
		if (xml_get(info, "type"))
			xml_text_add(xml_child_add(photo, "TYPE", NULL), xml_get(info, "type"));
		xml_text_add(xml_child_add(photo, "BINVAL", NULL), xml_text(data));
	}
	xml_free(&data);
	free(text);
	xml_free(&metadata);
}

/* --- a photo becomes the avatar --- */

struct photo {
	char *base64; /* without white space */
	size_t bytes;
	char hash[HEX_LEN(SHA1_LEN) + 1];
	char type[TYPE_MAX + 1];
};

static char *without_blanks(const char *text)
{
	char *copy = malloc(strlen(text) + 1), *out = copy;

	for (; copy && *text; text++)
		if (!isspace((unsigned char)*text))
			*out++ = *text;
	if (copy)
		*out = '\0';
	return copy;
}

static int hash_photo(struct photo *photo)
{
	size_t len = strlen(photo->base64);
	uint8_t *bytes = malloc(len + 1), hash[EVP_MAX_MD_SIZE];
	int size = bytes ? base64_decode(photo->base64, len, bytes, len + 1) : -1;
	int result = -1;

	if (size > 0 && EVP_Digest(bytes, (size_t)size, hash, NULL, EVP_sha1(), NULL) == 1) {
		photo->bytes = (size_t)size;
		hex_encode(hash, SHA1_LEN, photo->hash);
		result = 0;
	}
	free(bytes);
	return result;
}

/* -1: there is no picture in it. */
static int photo_read(struct xml *element, struct photo *photo)
{
	const char *binval = xml_child_text(element, "BINVAL", NS_VCARD);
	const char *type = xml_child_text(element, "TYPE", NS_VCARD);

	memset(photo, 0, sizeof(*photo));
	snprintf(photo->type, sizeof(photo->type), "%s", type && *type ? type : "image/png");
	if (!binval || !*binval)
		return -1;
	photo->base64 = without_blanks(binval);
	return photo->base64 ? hash_photo(photo) : -1;
}

static int put(struct server *server, const char *user, const char *node, const char *id,
	       struct xml *payload, struct err *err)
{
	struct pep_config config = pep_config_default(node);
	struct pep_record record;
	struct pep_item item = {(char *)(uintptr_t)id, payload ? pep_text(payload) : NULL};
	bool changed;
	int result = -1;

	if (!item.text)
		err_set(err, ERR_LIMIT, "the photo is too large");
	else if ((pep_record_get(server, user, node, &record) == 0 ||
		  pep_node_set(server, user, node, &config, err) == 0) &&
		 pep_item_put(server, user, node, id, item.text, &changed, err) == 0)
		result = 0;
	if (result == 0)
		pep_changed(server, user, node, pep_event_item(node, &item), changed);
	free(item.text);
	return result;
}

static int publish(struct server *server, const char *user, const struct photo *photo,
		   struct err *err)
{
	struct xml *data = xml_new("data", NS_AVATAR_DATA);
	struct xml *metadata = xml_new("metadata", NS_AVATAR_METADATA);
	struct xml *info = xml_child_add(metadata, "info", NULL);
	char bytes[24];
	int result;

	snprintf(bytes, sizeof(bytes), "%zu", photo->bytes);
	xml_text_add(data, photo->base64);
	xml_set(info, "bytes", bytes);
	xml_set(info, "id", photo->hash);
	xml_set(info, "type", photo->type);
	result = put(server, user, NS_AVATAR_DATA, photo->hash, data, err);
	if (result == 0)
		result = put(server, user, NS_AVATAR_METADATA, photo->hash, metadata, err);
	xml_free(&data);
	xml_free(&metadata);
	return result;
}

int avatar_of_photo(struct server *server, const char *user, struct xml *element, struct err *err)
{
	char hash[PEP_NAME_MAX + 1];
	struct xml *empty;
	struct photo photo;
	int result = 0;
	int known = avatar_hash(server, user, PEP_SPACE_OWN, hash);

	if (photo_read(element, &photo) == 0) {
		if (strcmp(photo.hash, hash) != 0)
			result = publish(server, user, &photo, err);
	} else if (known == 0 && *hash) {
		/* XEP-0084 section 4.2.2: no avatar any more. */
		empty = xml_new("metadata", NS_AVATAR_METADATA);
		result = put(server, user, NS_AVATAR_METADATA, PEP_ITEM_CURRENT, empty, err);
		xml_free(&empty);
	}
	free(photo.base64);
	return result;
}

/* --- in presence --- */

void avatar_stamp(const struct server *server, const char *user, const char *space,
		  struct xml *presence)
{
	char hash[PEP_NAME_MAX + 1];
	struct xml *old;

	if (avatar_hash(server, user, space, hash) < 0)
		return;
	while ((old = xml_child(presence, "x", NS_VCARD_UPDATE))) {
		old = xml_detach(old);
		if (!old)
			return;
		xml_free(&old);
	}
	xml_text_add(xml_child_add(xml_child_add(presence, "x", NS_VCARD_UPDATE), "photo", NULL),
		     hash);
}

/* XEP-0398 section 4.2: the presences that were sent name the new photo. */
static void show_to_own(struct user *user)
{
	for (struct resource *r = user->resources; r; r = r->next)
		if (resource_visible(r)) {
			avatar_stamp(user->server, user->name, PEP_SPACE_OWN, r->presence);
			user_send(user, resource_available, r->presence);
		}
}

void pep_changed(struct server *server, const char *user_name, const char *node, struct xml *event,
		 bool changed)
{
	struct user *user = user_find(server, user_name);

	pep_tell(server, user_name, node, event, false, changed);
	if (user && changed && strcmp(node, NS_AVATAR_METADATA) == 0)
		show_to_own(user);
}
