/*
 * bridge_peer.c: keeps what is known of the contacts' nodes up to date, and theirs of ours, over
 * the sessions (inner_iq.h).
 *
 * When a contact is linked and sees the user, it is sent the list of the nodes that it may see with
 * their versions, and later each that changes. Who gets a list asks for what it does not have in
 * that version, one node after another. So it does not matter what was said while they were apart,
 * or was lost. Clients are answered from what is known as long as it is so kept up to date.
 *
 * A contact that is shown nobody gets nothing and no answer, as if no client were there: from this
 * nobody learns whether one is there and hides. Neither does a client's question lead to one of the
 * daemon's while its user hides. What daemons ask each other by themselves tells no more than that
 * they are linked.
 */
#include "component/bridge_peer_private.h"

#include "core/base/log.h"
#include "xmpp/live.h"

#include <stdlib.h>
#include <string.h>

/* With so many messages waiting for a contact its questions are not answered: it asks faster than
 * it takes the answers. */
#define BUSY_OUTBOX 100
/* What a contact may ask for: at once twice as much as it may keep, and in the long run all of that
 * in a quarter of an hour; each answer counts for its bytes and so many more, for the work. */
#define ANSWERS_BURST ((int64_t)2 * PEP_CONTACT_BYTES_MAX)
#define ANSWERS_PER_S ((int64_t)PEP_CONTACT_BYTES_MAX / (15 * 60))
#define ANSWER_COST   512
/* Payloads that are taken back in one go; there may be several goes. */
#define STALE_MAX 64

/* --- peers --- */

struct bridge_peer *peer_find(const struct bridge *bridge, const char *user, const char *id)
{
	struct bridge_peer *peer = bridge->peers;

	while (peer && (strcmp(peer->id, id) != 0 || strcmp(peer->user, user) != 0))
		peer = peer->next;
	return peer;
}

static void peer_free(struct bridge_peer *peer)
{
	peer_give_up(peer);
	timer_free(&peer->timer);
	buf_free(&peer->parts);
	free(peer->user);
	free(peer->id);
	free(peer);
}

struct bridge_peer *peer_of(struct bridge *bridge, const struct contact *contact)
{
	const char *user = bridge_user_of(contact);
	struct bridge_peer *peer = peer_find(bridge, user, contact_id(contact));

	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	buf_init(&peer->parts, INNER_ANSWER_MAX);
	peer->bridge = bridge;
	peer->user = strdup(user);
	peer->id = strdup(contact_id(contact));
	bucket_init(&peer->answers, ANSWERS_BURST, ANSWERS_PER_S, env_mono_ms(bridge->env));
	peer->timer = timer_new(bridge->env, peer_give_up, peer);
	if (!peer->user || !peer->id || !peer->timer) {
		peer_free(peer);
		return NULL;
	}
	peer->next = bridge->peers;
	bridge->peers = peer;
	return peer;
}

void bridge_peer_forget(struct bridge *bridge, const char *user, const char *id)
{
	struct bridge_peer **at = &bridge->peers;

	while (*at) {
		struct bridge_peer *peer = *at;

		if ((user && strcmp(peer->user, user) != 0) || (id && strcmp(peer->id, id) != 0)) {
			at = &peer->next;
			continue;
		}
		*at = peer->next;
		peer_free(peer);
	}
}

/* --- sending --- */

int peer_send(void *arg, const struct buf *payload)
{
	struct contact *contact = arg;
	struct err err;
	uint64_t token;

	if (contact_state(contact) != CONTACT_LINKED)
		return -1;
	if (engine_send(contact, payload->data, payload->len, &token, &err) == 0)
		return 0;
	log_debug("a contact is not told of nodes: %s", err.text);
	return -1;
}

static int send_nodes(struct contact *contact, const struct xml *nodes)
{
	struct buf out;
	int result;

	buf_init(&out, PAYLOAD_MAX);
	result = nodes ? inner_iq_nodes(nodes, &out) : -1;
	if (result == 0)
		result = peer_send(contact, &out);
	buf_free(&out);
	return result;
}

bool peer_shown_to(struct bridge *bridge, const struct contact *contact)
{
	const struct status *own = contact_shown(contact);
	const struct bridge_user *user = bridge_user_get(bridge, contact_account(contact));

	if (own)
		return own->show != SHOW_OFFLINE;
	return user && !user->invisible && user->status.show != SHOW_OFFLINE;
}

static bool may_tell(struct bridge *bridge, const struct contact *contact)
{
	return bridge->server && bridge->local && contact_state(contact) == CONTACT_LINKED &&
	       peer_shown_to(bridge, contact);
}

static void add_node(void *arg, const char *node, const char *version)
{
	inner_nodes_add(arg, node, version);
}

void bridge_peer_meet(struct bridge *bridge, struct contact *contact)
{
	struct bridge_peer *peer;
	struct xml *nodes;

	if (!may_tell(bridge, contact)) {
		peer = peer_find(bridge, bridge_user_of(contact), contact_id(contact));
		if (peer)
			peer->told = false;
		return;
	}
	peer = peer_of(bridge, contact);
	if (!peer || peer->told)
		return;
	nodes = inner_nodes_new(true);
	server_pep_nodes(bridge->server, peer->user, add_node, nodes);
	peer->told = send_nodes(contact, nodes) == 0;
	xml_free(&nodes);
}

static void meet_one(void *arg, struct contact *contact)
{
	bridge_peer_meet(arg, contact);
}

void bridge_peers_meet(struct bridge *bridge, const struct account *account)
{
	if (bridge->server && bridge->local)
		account_contacts(account, meet_one, bridge);
}

/* --- what is stale --- */

struct stale {
	uint64_t tokens[STALE_MAX];
	unsigned count;
};

static bool find_stale(void *arg, const struct waiting *waiting)
{
	struct stale *stale = arg;

	if (!waiting->on_its_way && inner_iq_is(waiting->payload, waiting->len))
		stale->tokens[stale->count++] = waiting->token;
	return stale->count < STALE_MAX;
}

void bridge_peer_drop_stale(void *arg, struct contact *contact)
{
	struct stale stale;
	struct err err;

	(void)arg;
	if (contact_outbox(contact) == 0)
		return;
	do {
		stale.count = 0;
		if (contact_waiting(contact, find_stale, &stale, &err) < 0)
			return;
		for (unsigned i = 0; i < stale.count; i++)
			if (contact_cancel(contact, stale.tokens[i], &err) < 0)
				return;
	} while (stale.count == STALE_MAX);
}

void bridge_peer_state(struct bridge *bridge, struct contact *contact)
{
	struct bridge_peer *peer;

	bridge_peer_meet(bridge, contact);
	if (contact_state(contact) == CONTACT_LINKED)
		return;
	bridge_peer_drop_stale(NULL, contact);
	peer = peer_find(bridge, bridge_user_of(contact), contact_id(contact));
	if (!peer)
		return;
	peer->synced = false;
	peer_give_up(peer);
}

struct publication {
	struct bridge *bridge;
	struct xml *nodes;
};

static void tell_one(void *arg, struct contact *contact)
{
	struct publication *publication = arg;
	struct bridge_peer *peer;

	if (!may_tell(publication->bridge, contact))
		return;
	peer = peer_of(publication->bridge, contact);
	if (!peer)
		return;
	if (!peer->told)
		bridge_peer_meet(publication->bridge, contact);
	else if (send_nodes(contact, publication->nodes) < 0)
		peer->told = false;
}

void bridge_published(void *arg, const char *user, const char *node)
{
	struct bridge *bridge = arg;
	struct account *account = bridge_account(bridge, user, NULL);
	struct publication publication = {bridge, inner_nodes_new(false)};
	char version[PEP_VERSION_SIZE];
	bool there;

	if (account && bridge->server && publication.nodes) {
		there = server_pep_version(bridge->server, user, node, version) == 0;
		inner_nodes_add(publication.nodes, node, there ? version : NULL);
		account_contacts(account, tell_one, &publication);
	}
	xml_free(&publication.nodes);
}

/* --- what a contact's daemon says --- */

struct answering {
	struct bridge_peer *peer;
	struct contact *contact;
};

static int send_answer(void *arg, const struct buf *payload)
{
	const struct answering *answering = arg;
	struct bridge_peer *peer = answering->peer;

	bucket_take(&peer->answers, (int64_t)payload->len, env_mono_ms(peer->bridge->env));
	return peer_send(answering->contact, payload);
}

/* May it ask now? Who has asked for too much gets no answer rather than a refusal, which would say
 * that the node is gone. */
static bool may_ask(struct bridge_peer *peer)
{
	int64_t now_ms = env_mono_ms(peer->bridge->env);

	if (bucket_take(&peer->answers, 0, now_ms) > 0)
		return false;
	bucket_take(&peer->answers, ANSWER_COST, now_ms);
	return true;
}

static void answer_contact(struct bridge_peer *peer, struct contact *contact, struct inner_iq *iq)
{
	struct answering answering = {peer, contact};
	struct bridge *bridge = peer->bridge;
	enum stanza_error error;
	struct xml *answer;
	struct buf out;

	if (!may_tell(bridge, contact) || contact_outbox(contact) > BUSY_OUTBOX || !may_ask(peer))
		return;
	answer =
	    live_kind(iq->payload)
		? bridge_live_serve(bridge, bridge_user_of(contact), iq->payload)
		: server_pep_serve(bridge->server, bridge_user_of(contact), iq->payload, &error);
	if (!answer || inner_iq_answer(iq->id, answer, send_answer, &answering) < 0) {
		buf_init(&out, PAYLOAD_MAX);
		if (inner_iq_error(iq->id, &out) == 0)
			peer_send(contact, &out);
		buf_free(&out);
	}
	xml_free(&answer);
}

void bridge_peer_said(struct bridge *bridge, struct contact *contact, const uint8_t *payload,
		      size_t len)
{
	struct bridge_peer *peer = bridge->local ? peer_of(bridge, contact) : NULL;
	struct inner_iq iq;
	struct err err;

	if (!peer)
		return;
	if (inner_iq_read(payload, len, &iq, &err) < 0) {
		log_debug("dropped what a contact's daemon says: %s", err.text);
		return;
	}
	switch (iq.kind) {
	case INNER_IQ_QUESTION:
		answer_contact(peer, contact, &iq);
		break;
	case INNER_IQ_ANSWER:
		peer_answered(peer, iq.id, iq.payload);
		break;
	case INNER_IQ_PART:
		peer_part_came(peer, &iq);
		break;
	case INNER_IQ_ERROR:
		peer_answered(peer, iq.id, NULL);
		break;
	case INNER_IQ_NODES:
		peer_nodes_came(peer, iq.payload);
		break;
	}
	inner_iq_free(&iq);
}
