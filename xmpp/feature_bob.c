/*
 * feature_bob.c: XEP-0231: bits of binary, kept for a while for a user's clients: pictures in the
 * answers of commands (feature_commands.c). Such a picture may hold a secret, an invitation, so it
 * is wiped, and clients are asked not to keep it.
 */
#include "xmpp/feature.h"
#include "xmpp/remote.h"

#include "core/base/codec.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* Most pictures kept of a user; the oldest goes first. */
#define BOB_KEPT 4
/* Largest: XEP-0231 section 2.1 advises 8 KiB; a stanza takes more. */
#define BOB_SIZE_MAX (64 * 1024)
/* A client asks at once, if it asks. */
#define BOB_LIFE_MS (10 * 60 * 1000)

#define SHA1_LEN 20
#define CID_SIZE (5 + HEX_LEN(SHA1_LEN) + 14)

struct bob {
	struct bob *next;
	char cid[CID_SIZE]; /* "sha1+HASH@bob.xmpp.org" */
	char *base64;
	int64_t until_ms;
};

bool bob_offered(const struct server_host *host)
{
	return commands_offered(host);
}

static void bob_free(struct bob *bob)
{
	if (bob->base64)
		secret_free(bob->base64, strlen(bob->base64));
	free(bob);
}

/* --- what is kept --- */

static void drop(struct bob **at)
{
	struct bob *bob = *at;

	*at = bob->next;
	bob_free(bob);
}

/* What is too old goes, and all after the first most that is not. */
static void clean(struct user *user, unsigned most)
{
	int64_t now_ms = env_mono_ms(user->server->env);
	struct bob **at = &user->bobs;
	unsigned count = 0;

	while (*at)
		if ((*at)->until_ms <= now_ms || count == most) {
			drop(at);
		} else {
			at = &(*at)->next;
			count++;
		}
}

void bob_forget(struct user *user)
{
	while (user->bobs)
		drop(&user->bobs);
}

/* Section 2.2: the name is the hash of the content. */
static int make_cid(const void *data, size_t len, char cid[CID_SIZE])
{
	uint8_t hash[SHA1_LEN];
	char hex[HEX_LEN(SHA1_LEN) + 1];
	unsigned hash_len = 0;

	if (EVP_Digest(data, len, hash, &hash_len, EVP_sha1(), NULL) != 1 || hash_len != SHA1_LEN)
		return -1;
	hex_encode(hash, sizeof(hash), hex);
	strcpy(cid, "sha1+");
	strcat(cid, hex);
	strcat(cid, "@bob.xmpp.org");
	return 0;
}

static struct bob *bob_new(const void *data, size_t len)
{
	struct bob *bob = calloc(1, sizeof(*bob));

	if (!bob)
		return NULL;
	bob->base64 = malloc(BASE64_LEN(len) + 1);
	if (!bob->base64 || make_cid(data, len, bob->cid) < 0) {
		free(bob->base64);
		free(bob);
		return NULL;
	}
	base64_encode(data, len, bob->base64);
	return bob;
}

static struct bob **find(struct user *user, const char *cid)
{
	struct bob **at = &user->bobs;

	while (*at && strcmp((*at)->cid, cid) != 0)
		at = &(*at)->next;
	return at;
}

const char *bob_keep(struct user *user, const void *data, size_t len)
{
	struct bob *bob = len <= BOB_SIZE_MAX ? bob_new(data, len) : NULL;
	struct bob **old;

	if (!bob)
		return NULL;
	old = find(user, bob->cid);
	if (*old)
		drop(old);
	clean(user, BOB_KEPT - 1);
	bob->until_ms = env_mono_ms(user->server->env) + BOB_LIFE_MS;
	bob->next = user->bobs;
	user->bobs = bob;
	return bob->cid;
}

/* --- what is told --- */

static void add_data(struct xml *parent, const struct bob *bob)
{
	struct xml *data = xml_child_add(parent, "data", NS_BOB);

	xml_set(data, "cid", bob->cid);
	xml_set(data, "type", "image/png");
	xml_set(data, "max-age", "0");
	xml_text_add(data, bob->base64);
}

int remote_picture_add(struct xml *parent, const void *png, size_t len, char cid[REMOTE_CID_SIZE])
{
	struct bob *bob = len <= BOB_SIZE_MAX ? bob_new(png, len) : NULL;

	_Static_assert(REMOTE_CID_SIZE >= CID_SIZE, "a cid has room");
	if (!bob)
		return -1;
	memcpy(cid, bob->cid, CID_SIZE);
	add_data(parent, bob);
	bob_free(bob);
	return 0;
}

int bob_add(struct user *user, const char *cid, struct xml *parent)
{
	const struct bob *bob;

	clean(user, BOB_KEPT);
	bob = *find(user, cid);
	if (!bob)
		return -1;
	add_data(parent, bob);
	return 0;
}

void bob_get(struct request *request)
{
	const char *cid = xml_get(request->payload, "cid");
	struct xml *reply = stanza_result(request->stanza);

	if (cid && bob_add(request->resource->user, cid, reply) == 0) {
		request_reply(request, reply);
		return;
	}
	xml_free(&reply);
	request_error(request, cid ? STANZA_ITEM_NOT_FOUND : STANZA_BAD_REQUEST, NULL);
}
