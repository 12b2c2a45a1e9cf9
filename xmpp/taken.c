/*
 * taken.c: see taken.h. Neighbour: feature_message.c.
 */
#include "xmpp/taken.h"

#include "xmpp/sm.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an earlier process has taken was taken in this session: no id looks so. */
#define EARLIER "-"

struct taken {
	struct {
		int64_t at_ms;            /* monotonic */
		char session[SM_ID_SIZE]; /* "": free */
		uint8_t mark[SERVER_MARK_LEN];
	} list[TAKEN_MAX];
	unsigned next;
};

/* Of all but from. */
int taken_mark(const struct xml *message, uint8_t mark[SERVER_MARK_LEN])
{
	struct xml *copy;
	struct buf text;
	int result = -1;

	if (!xml_get(message, "id"))
		return -1;
	copy = xml_copy(message);
	buf_init(&text, C2S_QUEUE_MAX);
	if (xml_set(copy, "from", NULL) && xml_write(copy, NS_CLIENT, &text) == 0 &&
	    EVP_Digest(text.data, text.len, mark, NULL, EVP_sha256(), NULL) == 1)
		result = 0;
	buf_free(&text);
	xml_free(&copy);
	return result;
}

static void note(struct user *user, const char *session, const uint8_t *mark)
{
	struct taken *taken = user->taken;
	unsigned next = taken->next;

	taken->next = (next + 1) % TAKEN_MAX;
	taken->list[next].at_ms = env_mono_ms(user->server->env);
	snprintf(taken->list[next].session, SM_ID_SIZE, "%s", session);
	memcpy(taken->list[next].mark, mark, SERVER_MARK_LEN);
}

static void note_earlier(void *arg, const uint8_t *mark)
{
	note(arg, EARLIER, mark);
}

/* NULL when memory is short. */
static struct taken *taken_of(struct user *user)
{
	const struct server *server = user->server;

	if (user->taken)
		return user->taken;
	user->taken = calloc(1, sizeof(*user->taken));
	if (user->taken && server->host->marks)
		server->host->marks(server->host_arg, user->name, note_earlier, user);
	return user->taken;
}

bool taken_before(const struct resource *resource, const uint8_t *mark)
{
	const struct taken *taken = mark ? taken_of(resource->user) : NULL;
	const char *session = resource->sm ? sm_id(resource->sm) : "";
	int64_t now = env_mono_ms(resource->user->server->env);

	if (!taken)
		return false;
	for (unsigned i = 0; i < TAKEN_MAX; i++)
		if (taken->list[i].session[0] && now - taken->list[i].at_ms < TAKEN_MS &&
		    strcmp(taken->list[i].session, session) != 0 &&
		    memcmp(taken->list[i].mark, mark, SERVER_MARK_LEN) == 0)
			return true;
	return false;
}

void taken_note(const struct resource *resource, const uint8_t *mark)
{
	/* One that the host has just stored itself is not to be read back as an earlier one. */
	if (mark && resource->sm && resource->user->taken)
		note(resource->user, sm_id(resource->sm), mark);
}

void taken_free(struct taken **taken)
{
	free(*taken);
	*taken = NULL;
}
