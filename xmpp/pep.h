/*
 * pep.h: personal eventing (XEP-0163) as the layer above sees it: nodes of items that a user's
 * clients publish, what contacts may see of them, and what is known of the contacts' own.
 *
 * The server knows XEP-0060; where items are kept, and how a contact is asked, it leaves to struct
 * pep_host. A vCard (XEP-0054) and what a user's clients can do (XEP-0115) are nodes here, too,
 * named by their namespaces, so that one way of keeping up to date serves all:
 *
 *     each node has a version, a word that changes with every change;
 *     server_pep_nodes lists what a contact may see, server_pep_serve gives the content of a node;
 *     who has another version than the list fetches the node, and hands it to server_pep_learn.
 */
#ifndef XMPP_PEP_H
#define XMPP_PEP_H

#include "xmpp/server.h"
#include "xmpp/stanza.h"

/* Longest item as text: an avatar of 128 KiB in base64, and some. */
#define PEP_ITEM_BYTES_MAX ((size_t)192 * 1024)
/* Longest name of a node or an item: XEP-0060 sets none; JIDs and hashes are shorter. */
#define PEP_NAME_MAX 1023
/* Most nodes of a user: OMEMO of old needs one for each client's keys. */
#define PEP_NODES_MAX 128
/* Most items of a node ("max" in a configuration): one for each chat (XEP-0490). */
#define PEP_ITEMS_MAX 1000
/* All that a user's nodes hold together. */
#define PEP_BYTES_MAX ((size_t)8 * 1024 * 1024)
/* Longest answer about one node, on the way to a contact; what does not fit is left out, oldest
 * items first. It is parsed as a client's stanza would be. */
#define PEP_ANSWER_MAX ((size_t)240 * 1024)
/* What is kept of one contact: its photo, its keys, and little else. */
#define PEP_CONTACT_BYTES_MAX ((size_t)1024 * 1024)
/* As many as one node of its has at most: all contacts together share the user's room. */
#define PEP_CONTACT_ITEMS_MAX PEP_ITEMS_MAX
/* A version, with its NUL. */
#define PEP_VERSION_SIZE 33

/*
 * Items are addressed by user / space / node / id and are text. The space of what is known of a
 * contact is its id; others are words of ours. Functions that give int return 0, or -1 with err
 * filled, as in struct server_host. arg is that of struct server_host.
 */
struct pep_host {
	/* In place of one with that address; it becomes the newest of its node. */
	int (*put)(void *arg, const char *user, const char *space, const char *node, const char *id,
		   const char *text, struct err *err);
	/* A copy that the caller frees; NULL: there is none. */
	char *(*get)(void *arg, const char *user, const char *space, const char *node,
		     const char *id);
	/* Not there: 0, too. */
	int (*remove)(void *arg, const char *user, const char *space, const char *node,
		      const char *id, struct err *err);
	int (*remove_node)(void *arg, const char *user, const char *space, const char *node,
			   struct err *err);
	/* Oldest first. each does not call the host; -1 from it ends the walk. */
	int (*items)(void *arg, const char *user, const char *space, const char *node,
		     int (*each)(void *each_arg, const char *id, const char *text), void *each_arg,
		     struct err *err);
	/* A node that contacts may see, or might see until now, has changed. */
	void (*published)(void *arg, const char *user, const char *node);
	/*
	 * A client asks a contact: payload is <pubsub/> with <items/>, <vCard/>, or a
	 * question of live.h. The answer
	 * comes by server_pep_answer with this token, within the call or later; a client that has
	 * gone meanwhile does no harm.
	 */
	void (*ask)(void *arg, const char *user, const char *contact, const struct xml *payload,
		    uint64_t token);
};

/* --- the user's own, for contacts: the caller has made sure that it is one, and may know --- */
/* Call each for all that contacts may see. */
void server_pep_nodes(const struct server *server, const char *user,
		      void (*each)(void *each_arg, const char *node, const char *version),
		      void *each_arg);
/* The version of a node that contacts may see; -1: there is none. */
int server_pep_version(const struct server *server, const char *user, const char *node,
		       char version[PEP_VERSION_SIZE]);
/* Answer a contact: payload is <pubsub/> with <items/>, <vCard/>, or <query/> for disco#info. NULL
 * with *error. The caller owns the answer. */
struct xml *server_pep_serve(const struct server *server, const char *user, struct xml *payload,
			     enum stanza_error *error);

/* --- what is known of contacts --- */
/* Does payload ask for one of these? Nothing else is asked of people. node: which one; lives as
 * long as payload. */
bool pep_question_read(const struct xml *payload, const char **node);
/* What to ask a contact to learn a node. NULL when memory is short. */
struct xml *pep_question(const char *node);
/* The version that is known; -1: none. */
int server_pep_known(const struct server *server, const char *user, const char *contact,
		     const char *node, char version[PEP_VERSION_SIZE]);
/* Call each for all nodes that are known. */
void server_pep_known_nodes(const struct server *server, const char *user, const char *contact,
			    void (*each)(void *each_arg, const char *node), void *each_arg);
/*
 * The contact's node is now as answer (to pep_question) says, or gone (answer NULL). It is kept,
 * and the user's clients that wait for it are told what is new. ERR_INPUT: no such answer;
 * ERR_LIMIT: it would be too much for one contact.
 */
int server_pep_learn(struct server *server, const char *user, const char *contact, const char *node,
		     const char *version, struct xml *answer, struct err *err);
/* Answer from what is known. NULL with *error. The caller owns the answer. */
struct xml *server_pep_recall(const struct server *server, const char *user, const char *contact,
			      struct xml *payload, enum stanza_error *error);
/* The answer to pep_host's ask: it is freed; NULL: error. */
void server_pep_answer(struct server *server, uint64_t token, struct xml *answer,
		       enum stanza_error error);

#endif
