/*
 * tor_grant.c: client authorizations lent to tor for as long as a dial needs them.
 *
 * Tor keeps one key for each service. Dials with the same key share a grant; a dial with another
 * key for the same service waits, because a record with a wrong key for somebody else's service
 * must not break the connection that somebody else's own record leads to.
 */
#include "core/base/codec.h"
#include "core/onion.h"
#include "core/transport_tor_private.h"

#include <stdlib.h>
#include <string.h>

enum grant_state {
	GRANT_SENT,    /* tor has not answered yet */
	GRANT_READY,   /* tor has taken the key */
	GRANT_REFUSED, /* tor does not want it; its dials are giving up */
};

struct tor_grant {
	struct tor_grant *next;
	struct tor_transport *owner;
	uint8_t service[ONION_KEY_LEN];
	char name[ONION_NAME_LEN + 1];
	struct key auth;
	unsigned holders;
	enum grant_state state;
};

static void unlink_grant(struct tor_grant *grant)
{
	struct tor_grant **at = &grant->owner->grants;

	while (*at != grant)
		at = &(*at)->next;
	*at = grant->next;
	secret_free(grant, sizeof *grant);
}

static void added(void *arg, const struct tor_reply *reply)
{
	struct tor_grant *grant = arg;
	struct err why;

	/* 250: taken; 251: instead of another one; 252: and a descriptor could be read with it. */
	if (reply->code >= 250 && reply->code <= 252) {
		grant->state = GRANT_READY;
		tor_dials_granted(grant->owner, grant, NULL);
		return;
	}
	grant->state = GRANT_REFUSED;
	err_set(&why, ERR_UNAVAILABLE, "tor refuses the client authorization: %d %.100s",
		reply->code, reply->lines[reply->count - 1].text);
	tor_dials_granted(grant->owner, grant, &why);
}

static int send_key(struct tor_grant *grant, struct err *err)
{
	char key[BASE64_LEN(KEY_LEN) + 1];
	int result;

	base64_encode(grant->auth.bytes, KEY_LEN, key);
	result = tor_control_send(grant->owner->control, added, grant, err,
				  "ONION_CLIENT_AUTH_ADD %s x25519:%s", grant->name, key);
	secret_wipe(key, sizeof key);
	return result;
}

static struct tor_grant *grant_new(struct tor_transport *transport, const struct endpoint *endpoint,
				   const char *name, struct err *err)
{
	struct tor_grant *grant = calloc(1, sizeof *grant);

	if (grant == NULL) {
		err_set(err, ERR_MEMORY, "dial: out of memory");
		return NULL;
	}
	grant->owner = transport;
	memcpy(grant->service, endpoint->service, ONION_KEY_LEN);
	memcpy(grant->name, name, sizeof grant->name);
	grant->auth = endpoint->auth;
	if (send_key(grant, err) != 0) {
		secret_free(grant, sizeof *grant);
		return NULL;
	}
	grant->next = transport->grants;
	transport->grants = grant;
	return grant;
}

static struct tor_grant *find(struct tor_transport *transport, const uint8_t service[ONION_KEY_LEN])
{
	for (struct tor_grant *g = transport->grants; g != NULL; g = g->next)
		if (memcmp(g->service, service, ONION_KEY_LEN) == 0)
			return g;
	return NULL;
}

enum tor_granted tor_grant_take(struct tor_transport *transport, const struct endpoint *endpoint,
				const char *name, struct tor_grant **grant, struct err *err)
{
	struct tor_grant *g = find(transport, endpoint->service);

	if (g != NULL &&
	    (g->state == GRANT_REFUSED || !secret_equal(&g->auth, &endpoint->auth, sizeof g->auth)))
		return TOR_GRANT_BUSY;
	if (g == NULL)
		g = grant_new(transport, endpoint, name, err);
	if (g == NULL)
		return TOR_GRANT_FAILED;
	g->holders++;
	*grant = g;
	return g->state == GRANT_READY ? TOR_GRANT_READY : TOR_GRANT_SOON;
}

void tor_grant_drop(struct tor_grant **grant)
{
	struct tor_grant *g = *grant;
	struct tor_transport *owner;

	*grant = NULL;
	if (g == NULL || --g->holders > 0)
		return;
	owner = g->owner;
	if (owner->control != NULL) {
		tor_control_forget(owner->control, g);
		tor_control_send(owner->control, NULL, NULL, NULL, "ONION_CLIENT_AUTH_REMOVE %s",
				 g->name);
	}
	unlink_grant(g);
	tor_dials_wake(owner);
}
