/*
 * inner_iq.h: what two daemons ask and tell each other about their users' nodes (xmpp/pep.h), as
 * payloads beside the messages (inner_stanza.h).
 *
 *     <iq xmlns='jabber:client' type='get' id='ID'>question</iq>
 *     <iq xmlns='jabber:client' type='result' id='ID'>answer</iq>
 *     <iq xmlns='jabber:client' type='result' id='ID'><part xmlns='tacet:pep:0'
 * left='N'>…</part></iq> <iq xmlns='jabber:client' type='error' id='ID'><error
 * type='cancel'>…</error></iq> <iq xmlns='jabber:client' type='set' id='0'><nodes
 * xmlns='tacet:pep:0' all='true'> <node name='NODE' version='VERSION'/>…</nodes></iq>
 *
 * A question is one of those of pep_question_read or live_kind (xmpp/live.h), without an address;
 * nothing else crosses. An
 * answer that is longer than a payload comes in parts: its text in base64, cut, left counting down
 * to 0. The list says which nodes there are (all='true'), or which have changed; one without a
 * version is gone. Pure: no I/O, no engine. bridge_peer.c is its caller.
 */
#ifndef COMPONENT_INNER_IQ_H
#define COMPONENT_INNER_IQ_H

#include "core/base/buf.h"
#include "xmpp/pep.h"

/* Bytes of an answer in one part, before base64. */
#define INNER_PART_LEN ((size_t)45 * 1024)
/* Most parts: PEP_ANSWER_MAX and what it gains as XML. */
#define INNER_PARTS_MAX 8
/* Longest answer, put together. */
#define INNER_ANSWER_MAX (INNER_PARTS_MAX * INNER_PART_LEN)
/* Most nodes in a list. */
#define INNER_NODES_MAX (PEP_NODES_MAX + 2)

enum inner_iq_kind {
	INNER_IQ_QUESTION,
	INNER_IQ_ANSWER,
	INNER_IQ_PART,
	INNER_IQ_ERROR,
	INNER_IQ_NODES
};

struct inner_iq {
	enum inner_iq_kind kind;
	uint64_t id;
	struct xml *payload; /* question, answer, or <nodes/> */
	uint8_t *part;
	size_t part_len;
	unsigned left;
};

/* Is it one of these, and not a message? */
bool inner_iq_is(const void *payload, size_t len);
/* -1 with *err (ERR_INPUT, or as xml_parse_element): nothing that may come from a contact. */
int inner_iq_read(const void *payload, size_t len, struct inner_iq *iq, struct err *err);
void inner_iq_free(struct inner_iq *iq);

/* Append the payload to out, whose limit is PAYLOAD_MAX. -1: too long, or memory is short. */
int inner_iq_question(uint64_t id, const char *node, struct buf *out);
/* One of live.h. */
int inner_iq_live(uint64_t id, const char *kind, struct buf *out);
int inner_iq_error(uint64_t id, struct buf *out);
int inner_iq_nodes(const struct xml *nodes, struct buf *out);
/* Call send with each payload of the answer, one or several; it returns -1 to end that. -1: the
 * answer is longer than INNER_ANSWER_MAX, memory is short, or send has said so. */
int inner_iq_answer(uint64_t id, const struct xml *answer,
		    int (*send)(void *arg, const struct buf *payload), void *arg);
/* The answer that parts were put together to. NULL with *err. */
struct xml *inner_iq_join(const struct buf *parts, struct err *err);

/* A list of nodes to be filled; NULL when memory is short. */
struct xml *inner_nodes_new(bool all);
/* version NULL: gone. */
void inner_nodes_add(struct xml *nodes, const char *node, const char *version);
bool inner_nodes_all(const struct xml *nodes);
/* Read an element of the list; false: it is none that counts. *version NULL: gone. */
bool inner_node_read(const struct xml *element, const char **node, const char **version);

#endif
