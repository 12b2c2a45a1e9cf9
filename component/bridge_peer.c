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
#include "component/bridge_private.h"

#include "component/inner_iq.h"
#include "core/base/log.h"
#include "xmpp/live.h"

#include <stdlib.h>
#include <string.h>

/* No answer, or no next part of it, for so long: none will come. Some hundred kilobytes through Tor
 * take seconds. */
#define ANSWER_MS ((int64_t)60 * 1000)
/* Questions of clients that wait for one node. */
#define WAITING_MAX 50
/* With so many messages waiting for a contact its questions are not answered: it asks faster than
 * it takes the answers. */
#define BUSY_OUTBOX 100

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

/* What goes on with a contact while it is linked. */
struct bridge_peer {
	struct bridge_peer *next;
	struct bridge *bridge;
	char *user, *id;
	bool told;   /* it has our list */
	bool synced; /* we have had its list */
	struct fetch *queue;
	uint64_t asked; /* id of the question about the first of the queue; 0: not asked yet */
	struct buf parts;
	struct timer *timer;
};

static const char no_version[] = "";

/* --- peers --- */

static struct bridge_peer *find(const struct bridge *bridge, const char *user, const char *id)
{
	struct bridge_peer *peer = bridge->peers;

	while (peer && (strcmp(peer->id, id) != 0 || strcmp(peer->user, user) != 0))
		peer = peer->next;
	return peer;
}

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

static void give_up(struct bridge_peer *peer)
{
	if (peer->timer)
		timer_stop(peer->timer);
	peer->asked = 0;
	buf_clear(&peer->parts);
	while (peer->queue)
		fetch_end(peer, &peer->queue, STANZA_REMOTE_SERVER_TIMEOUT);
}

static void peer_free(struct bridge_peer *peer)
{
	give_up(peer);
	timer_free(&peer->timer);
	buf_free(&peer->parts);
	free(peer->user);
	free(peer->id);
	free(peer);
}

static void on_timer(void *arg)
{
	log_debug("a contact's daemon does not answer");
	give_up(arg);
}

/* NULL when memory is short. */
static struct bridge_peer *peer_of(struct bridge *bridge, const struct contact *contact)
{
	const char *user = bridge_user_of(contact);
	struct bridge_peer *peer = find(bridge, user, contact_id(contact));

	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	buf_init(&peer->parts, INNER_ANSWER_MAX);
	peer->bridge = bridge;
	peer->user = strdup(user);
	peer->id = strdup(contact_id(contact));
	peer->timer = timer_new(bridge->env, on_timer, peer);
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

/* For now only: a contact that is not linked would get it too late. */
static int send_now(void *arg, const struct buf *payload)
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
		result = send_now(contact, &out);
	buf_free(&out);
	return result;
}

/* Does the contact see that the user is there? */
static bool shown_to(struct bridge *bridge, const struct contact *contact)
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
	       shown_to(bridge, contact);
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
		peer = find(bridge, bridge_user_of(contact), contact_id(contact));
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

void bridge_peer_state(struct bridge *bridge, struct contact *contact)
{
	struct bridge_peer *peer;

	bridge_peer_meet(bridge, contact);
	if (contact_state(contact) == CONTACT_LINKED)
		return;
	peer = find(bridge, bridge_user_of(contact), contact_id(contact));
	if (!peer)
		return;
	peer->synced = false;
	give_up(peer);
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
		result = send_now(contact, &out);
	buf_free(&out);
	if (result == 0)
		timer_set(peer->timer, ANSWER_MS);
	else
		give_up(peer);
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
	       contact_status(contact)->show != SHOW_OFFLINE && shown_to(bridge, contact);
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
	peer = find(bridge, user, id);
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

static void nodes_came(struct bridge_peer *peer, const struct xml *nodes)
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
static void answered(struct bridge_peer *peer, uint64_t id, struct xml *answer)
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

static void part_came(struct bridge_peer *peer, const struct inner_iq *iq)
{
	struct xml *answer;
	struct err err;

	if (!peer->asked || peer->asked != iq->id)
		return;
	timer_set(peer->timer, ANSWER_MS);
	if (buf_add(&peer->parts, iq->part, iq->part_len) < 0) {
		answered(peer, iq->id, NULL);
		return;
	}
	if (iq->left > 0)
		return;
	answer = inner_iq_join(&peer->parts, &err);
	answered(peer, iq->id, answer);
	xml_free(&answer);
}

static void answer_contact(struct bridge *bridge, struct contact *contact, struct inner_iq *iq)
{
	enum stanza_error error;
	struct xml *answer;
	struct buf out;

	if (!may_tell(bridge, contact) || contact_outbox(contact) > BUSY_OUTBOX)
		return;
	answer =
	    live_kind(iq->payload)
		? bridge_live_serve(bridge, bridge_user_of(contact), iq->payload)
		: server_pep_serve(bridge->server, bridge_user_of(contact), iq->payload, &error);
	if (!answer || inner_iq_answer(iq->id, answer, send_now, contact) < 0) {
		buf_init(&out, PAYLOAD_MAX);
		if (inner_iq_error(iq->id, &out) == 0)
			send_now(contact, &out);
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
		answer_contact(bridge, contact, &iq);
		break;
	case INNER_IQ_ANSWER:
		answered(peer, iq.id, iq.payload);
		break;
	case INNER_IQ_PART:
		part_came(peer, &iq);
		break;
	case INNER_IQ_ERROR:
		answered(peer, iq.id, NULL);
		break;
	case INNER_IQ_NODES:
		nodes_came(peer, iq.payload);
		break;
	}
	inner_iq_free(&iq);
}
