/*
 * taken.c: see taken.h. Neighbour: feature_message.c.
 */
#include "xmpp/taken.h"

#include "xmpp/sm.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_LEN 32

struct taken {
	struct {
		int64_t at_ms;            /* monotonic */
		char session[SM_ID_SIZE]; /* "": free */
		uint8_t hash[HASH_LEN];
	} list[TAKEN_MAX];
	unsigned next;
};

/* Of all but from. -1: it has no id, or memory is short. */
static int hash_of(const struct xml *message, uint8_t hash[HASH_LEN])
{
	struct xml *copy;
	struct buf text;
	int result = -1;

	if (!xml_get(message, "id"))
		return -1;
	copy = xml_copy(message);
	buf_init(&text, C2S_QUEUE_MAX);
	if (xml_set(copy, "from", NULL) && xml_write(copy, NS_CLIENT, &text) == 0 &&
	    EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL) == 1)
		result = 0;
	buf_free(&text);
	xml_free(&copy);
	return result;
}

bool taken_before(const struct resource *resource, const struct xml *message)
{
	const struct taken *taken = resource->user->taken;
	const char *session = resource->sm ? sm_id(resource->sm) : "";
	int64_t now = env_mono_ms(resource->user->server->env);
	uint8_t hash[HASH_LEN];

	if (!taken || hash_of(message, hash) < 0)
		return false;
	for (unsigned i = 0; i < TAKEN_MAX; i++)
		if (taken->list[i].session[0] && now - taken->list[i].at_ms < TAKEN_MS &&
		    strcmp(taken->list[i].session, session) != 0 &&
		    memcmp(taken->list[i].hash, hash, HASH_LEN) == 0)
			return true;
	return false;
}

void taken_note(const struct resource *resource, const struct xml *message)
{
	struct user *user = resource->user;
	uint8_t hash[HASH_LEN];
	unsigned next;

	if (!resource->sm || hash_of(message, hash) < 0)
		return;
	if (!user->taken)
		user->taken = calloc(1, sizeof(*user->taken));
	if (!user->taken)
		return;
	next = user->taken->next;
	user->taken->next = (next + 1) % TAKEN_MAX;
	user->taken->list[next].at_ms = env_mono_ms(user->server->env);
	snprintf(user->taken->list[next].session, SM_ID_SIZE, "%s", sm_id(resource->sm));
	memcpy(user->taken->list[next].hash, hash, HASH_LEN);
}

void taken_free(struct taken **taken)
{
	free(*taken);
	*taken = NULL;
}
