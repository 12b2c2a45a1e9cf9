/*
 * bridge_peer_ask.c: what is asked of the contacts' daemons, one question after another, for
 * clients and to keep what is known of the contacts' nodes up to date. Neighbours: bridge_peer.c,
 * which says the rules; inner_iq.h.
 */
#include "component/bridge_peer_private.h"

#include "core/base/log.h"
#include "xmpp/live.h"

#include <stdlib.h>
#include <string.h>

/* No answer, or no next part of it, for so long: none will come. Some hundred kilobytes through Tor
 * take seconds. */
#define ANSWER_MS ((int64_t)60 * 1000)
/* Questions of clients that wait for one node. */
#define WAITING_MAX 50

/* A client's question (server_pep_answer). */
struct pep_waiting {
	struct pep_waiting *next;
	uint64_t token;
	struct xml *question;
};

/* A node to ask for, or what is not kept (xmpp/live.h). */
struct fetch {
	struct fetch *next;
	char *node;
	char version[PEP_VERSION_SIZE]; /* "": not known, only what is there now */
	const char *live;               /* live_kind; NULL: a node */
	struct xml *answer;             /* to that */
	struct pep_waiting *waiting;
};

static const char no_version[] = "";

/* --- those who wait --- */

/* Who does not allow it, is not there or says nothing: clients are told the same. */
static void settle_live(struct bridge_peer *peer, const struct fetch *fetch,
			const struct pep_waiting *waiting)
{
	struct xml *answer = fetch->answer ? xml_copy(fetch->answer) : NULL;

	server_pep_answer(peer->bridge->server, waiting->token, answer, STANZA_SERVICE_UNAVAILABLE);
}

/* Answer all that wait for the node, from what is known, or with error if nothing is. */
static void settle(struct bridge_peer *peer, struct fetch *fetch, enum stanza_error unknown)
{
	while (fetch->waiting) {
		struct pep_waiting *waiting = fetch->waiting;
		struct server *server = peer->bridge->server;
		enum stanza_error error = unknown;
		struct xml *answer = NULL;

		fetch->waiting = waiting->next;
		if (server && fetch->live) {
			settle_live(peer, fetch, waiting);
		} else if (server) {
			answer = server_pep_recall(server, peer->user, peer->id, waiting->question,
						   &error);
			server_pep_answer(server, waiting->token, answer,
					  error == STANZA_ITEM_NOT_FOUND ? unknown : error);
		}
		xml_free(&waiting->question);
		free(waiting);
	}
}

static void fetch_end(struct bridge_peer *peer, struct fetch **at, enum stanza_error unknown)
{
	struct fetch *fetch = *at;

	*at = fetch->next;
	settle(peer, fetch, unknown);
	xml_free(&fetch->answer);
	free(fetch->node);
	free(fetch);
}

void peer_give_up(void *arg)
{
	struct bridge_peer *peer = arg;

	if (peer->timer)
		timer_stop(peer->timer);
	peer->asked = 0;
	buf_clear(&peer->parts);
	while (peer->queue)
		fetch_end(peer, &peer->queue, STANZA_REMOTE_SERVER_TIMEOUT);
}

/* --- asking --- */

static struct contact *contact_of(const struct bridge_peer *peer)
{
	return bridge_lookup(peer->bridge, peer->user, peer->id, NULL);
}

static void ask_next(struct bridge_peer *peer)
{
	struct contact *contact = contact_of(peer);
	struct buf out;
	int result;

	if (peer->asked || !peer->queue || !contact)
		return;
	do
		env_random(peer->bridge->env, &peer->asked, sizeof(peer->asked));
	while (!peer->asked);
	buf_clear(&peer->parts);
	buf_init(&out, PAYLOAD_MAX);
	result = peer->queue->live ? inner_iq_live(peer->asked, peer->queue->live, &out)
				   : inner_iq_question(peer->asked, peer->queue->node, &out);
	if (result == 0)
		result = peer_send(contact, &out);
	buf_free(&out);
	if (result == 0)
		timer_set(peer->timer, ANSWER_MS);
	else
		peer_give_up(peer);
}

/* A node may bear the name of what is live: it is another thing. */
static struct fetch **find_fetch(struct bridge_peer *peer, const char *node, const char *live)
{
	struct fetch **at = &peer->queue;

	while (*at && ((*at)->live != live || strcmp((*at)->node, node) != 0))
		at = &(*at)->next;
	return at;
}

/* To be asked for in its turn; once. NULL: no room. */
static struct fetch *fetch_add(struct bridge_peer *peer, const char *node, const char *version,
			       const char *live)
{
	struct fetch **at = find_fetch(peer, node, live);
	struct fetch *fetch = *at;
	unsigned count = 0;

	if (!fetch) {
		for (struct fetch *f = peer->queue; f; f = f->next)
			count++;
		fetch = count < INNER_NODES_MAX ? calloc(1, sizeof(*fetch)) : NULL;
		if (!fetch)
			return NULL;
		fetch->node = strdup(node);
		if (!fetch->node) {
			free(fetch);
			return NULL;
		}
		fetch->live = live;
		*at = fetch;
	}
	if (*version)
		memcpy(fetch->version, version, strlen(version) + 1);
	return fetch;
}

/* True: it waits. */
static bool wait_for(struct bridge_peer *peer, struct fetch *fetch, const struct xml *question,
		     uint64_t token)
{
	struct pep_waiting *waiting;
	unsigned count = 0;

	for (waiting = fetch->waiting; waiting; waiting = waiting->next)
		count++;
	waiting = count < WAITING_MAX ? calloc(1, sizeof(*waiting)) : NULL;
	if (!waiting)
		return false;
	waiting->token = token;
	waiting->question = xml_copy(question);
	waiting->next = fetch->waiting;
	fetch->waiting = waiting;
	ask_next(peer);
	return true;
}

static bool see_each_other(struct bridge *bridge, const struct contact *contact)
{
	return contact_state(contact) == CONTACT_LINKED &&
	       contact_status(contact)->show != SHOW_OFFLINE && peer_shown_to(bridge, contact);
}

/* What is true only now is asked for each time. */
static void ask_live(struct bridge *bridge, const struct contact *contact, const char *kind,
		     const struct xml *question, uint64_t token)
{
	bool may_ask = contact && see_each_other(bridge, contact);
	struct bridge_peer *peer = may_ask ? peer_of(bridge, contact) : NULL;
	struct fetch *fetch = peer ? fetch_add(peer, kind, no_version, kind) : NULL;

	if (!fetch || !wait_for(peer, fetch, question, token))
		server_pep_answer(bridge->server, token, NULL, STANZA_SERVICE_UNAVAILABLE);
}

/* The node is being fetched, or can be: wait for that. */
static bool ask_contact(struct bridge *bridge, const struct contact *contact, const char *node,
			const struct xml *question, uint64_t token)
{
	struct bridge_peer *peer = peer_of(bridge, contact);
	struct fetch *fetch = peer ? *find_fetch(peer, node, NULL) : NULL;

	if (!peer || contact_state(contact) != CONTACT_LINKED)
		return false;
	/* With its list there, what is not in the queue is as it is known. */
	if (!fetch && !peer->synced && see_each_other(bridge, contact))
		fetch = fetch_add(peer, node, no_version, NULL);
	return fetch && wait_for(peer, fetch, question, token);
}

void bridge_ask(void *arg, const char *user, const char *id, const struct xml *question,
		uint64_t token)
{
	struct bridge *bridge = arg;
	const struct contact *contact = bridge_lookup(bridge, user, id, NULL);
	enum stanza_error error = STANZA_ITEM_NOT_FOUND;
	const struct bridge_peer *peer;
	struct xml *answer, *copy;
	const char *node;

	if (live_kind(question)) {
		ask_live(bridge, contact, live_kind(question), question, token);
		return;
	}
	if (!contact || !pep_question_read(question, &node)) {
		server_pep_answer(bridge->server, token, NULL, STANZA_ITEM_NOT_FOUND);
		return;
	}
	if (ask_contact(bridge, contact, node, question, token))
		return;
	peer = peer_find(bridge, user, id);
	copy = xml_copy(question);
	answer = copy ? server_pep_recall(bridge->server, user, id, copy, &error) : NULL;
	xml_free(&copy);
	if (!answer && error == STANZA_ITEM_NOT_FOUND && !(peer && peer->synced))
		error = STANZA_REMOTE_SERVER_TIMEOUT;
	server_pep_answer(bridge->server, token, answer, error);
}

/* --- what a contact's daemon says --- */

static void learn(struct bridge_peer *peer, const char *node, const char *version,
		  struct xml *answer)
{
	struct err err;

	if (server_pep_learn(peer->bridge->server, peer->user, peer->id, node, version, answer,
			     &err) < 0)
		log_debug("a contact's node is not kept: %s", err.text);
	else
		bridge_learned(peer->bridge, peer->user, peer->id, node);
}

struct missing {
	const struct xml *nodes;
	struct bridge_peer *peer;
};

static void drop_missing(void *arg, const char *known)
{
	const struct missing *missing = arg;
	const char *node, *version;

	for (const struct xml *e = xml_first(missing->nodes); e; e = xml_next(e))
		if (inner_node_read(e, &node, &version) && strcmp(node, known) == 0)
			return;
	/* What the clients could do may still be of use while none is there. */
	if (strcmp(known, NS_DISCO_INFO) != 0)
		learn(missing->peer, known, NULL, NULL);
}

static void node_said(struct bridge_peer *peer, const char *node, const char *version)
{
	struct server *server = peer->bridge->server;
	char known[PEP_VERSION_SIZE];
	bool there = server_pep_known(server, peer->user, peer->id, node, known) == 0;

	if (!version && there)
		learn(peer, node, NULL, NULL);
	if (version && (!there || strcmp(known, version) != 0))
		fetch_add(peer, node, version, NULL);
}

void peer_nodes_came(struct bridge_peer *peer, const struct xml *nodes)
{
	struct missing missing = {nodes, peer};
	const char *node, *version;

	if (inner_nodes_all(nodes)) {
		peer->synced = true;
		server_pep_known_nodes(peer->bridge->server, peer->user, peer->id, drop_missing,
				       &missing);
	}
	for (const struct xml *e = xml_first(nodes); e; e = xml_next(e))
		if (inner_node_read(e, &node, &version))
			node_said(peer, node, version);
	ask_next(peer);
}

/* answer NULL: there is none. */
void peer_answered(struct bridge_peer *peer, uint64_t id, struct xml *answer)
{
	struct fetch *fetch = peer->queue;

	if (!peer->asked || peer->asked != id)
		return;
	timer_stop(peer->timer);
	peer->asked = 0;
	if (fetch->live)
		fetch->answer = answer ? live_clean(answer, fetch->live) : NULL;
	else
		learn(peer, fetch->node, fetch->version[0] ? fetch->version : "?", answer);
	fetch_end(peer, &peer->queue, STANZA_ITEM_NOT_FOUND);
	ask_next(peer);
}

void peer_part_came(struct bridge_peer *peer, const struct inner_iq *iq)
{
	struct xml *answer;
	struct err err;

	if (!peer->asked || peer->asked != iq->id)
		return;
	timer_set(peer->timer, ANSWER_MS);
	if (buf_add(&peer->parts, iq->part, iq->part_len) < 0) {
		peer_answered(peer, iq->id, NULL);
		return;
	}
	if (iq->left > 0)
		return;
	answer = inner_iq_join(&peer->parts, &err);
	peer_answered(peer, iq->id, answer);
	xml_free(&answer);
}
