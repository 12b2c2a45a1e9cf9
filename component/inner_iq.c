/*
 * inner_iq.c: see inner_iq.h.
 */
#include "component/inner_iq.h"

#include "core/base/codec.h"
#include "core/engine.h"
#include "xmpp/live.h"
#include "xmpp/ns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_TACET_PEP "tacet:pep:0"

/* --- writing --- */

static struct xml *iq_new(const char *type, uint64_t id)
{
	struct xml *iq = xml_new("iq", NS_CLIENT);
	char text[24];

	snprintf(text, sizeof(text), "%" PRIx64, id);
	if (!xml_set(iq, "type", type) || !xml_set(iq, "id", text))
		xml_free(&iq);
	return iq;
}

/* Frees iq. child is its content, NULL: memory is short. */
static int iq_write(struct xml *iq, const struct xml *child, struct buf *out)
{
	int result = iq && child ? xml_write(iq, "", out) : -1;

	xml_free(&iq);
	return result;
}

int inner_iq_question(uint64_t id, const char *node, struct buf *out)
{
	struct xml *iq = iq_new("get", id);

	return iq_write(iq, xml_append(iq, pep_question(node)), out);
}

int inner_iq_live(uint64_t id, const char *kind, struct buf *out)
{
	struct xml *iq = iq_new("get", id);

	return iq_write(iq, xml_append(iq, live_question(kind)), out);
}

int inner_iq_error(uint64_t id, struct buf *out)
{
	struct xml *iq = iq_new("error", id);
	struct xml *error = xml_child_add(iq, "error", NULL);

	xml_set(error, "type", "cancel");
	return iq_write(iq, xml_child_add(error, "item-not-found", NS_STANZAS), out);
}

int inner_iq_nodes(const struct xml *nodes, struct buf *out)
{
	struct xml *iq = iq_new("set", 0);

	return iq_write(iq, xml_append(iq, xml_copy(nodes)), out);
}

static int write_part(uint64_t id, const uint8_t *data, size_t len, size_t left, struct buf *out)
{
	struct xml *iq = iq_new("result", id);
	struct xml *part = xml_child_add(iq, "part", NS_TACET_PEP);
	char *text = malloc(BASE64_LEN(len) + 1);
	char number[24];

	if (text) {
		base64_encode(data, len, text);
		snprintf(number, sizeof(number), "%zu", left);
		if (!xml_set(part, "left", number) || !xml_text_add(part, text))
			part = NULL;
	}
	free(text);
	return iq_write(iq, text ? part : NULL, out);
}

static int send_parts(uint64_t id, const struct buf *whole,
		      int (*send)(void *arg, const struct buf *payload), void *arg)
{
	size_t count = (whole->len + INNER_PART_LEN - 1) / INNER_PART_LEN;
	struct buf out;
	int result = 0;

	buf_init(&out, PAYLOAD_MAX);
	for (size_t i = 0; i < count && result == 0; i++) {
		size_t at = i * INNER_PART_LEN;
		size_t len = whole->len - at < INNER_PART_LEN ? whole->len - at : INNER_PART_LEN;

		buf_clear(&out);
		result = write_part(id, whole->data + at, len, count - 1 - i, &out);
		if (result == 0)
			result = send(arg, &out);
	}
	buf_free(&out);
	return result;
}

int inner_iq_answer(uint64_t id, const struct xml *answer,
		    int (*send)(void *arg, const struct buf *payload), void *arg)
{
	struct xml *iq = iq_new("result", id);
	struct buf out;
	int result;

	buf_init(&out, PAYLOAD_MAX);
	result = iq_write(iq, xml_append(iq, xml_copy(answer)), &out);
	if (result == 0) {
		result = send(arg, &out);
		buf_free(&out);
		return result;
	}
	buf_free(&out);
	buf_init(&out, INNER_ANSWER_MAX);
	result = xml_write(answer, "", &out);
	if (result == 0)
		result = send_parts(id, &out, send, arg);
	buf_free(&out);
	return result;
}

/* --- lists of nodes --- */

struct xml *inner_nodes_new(bool all)
{
	struct xml *nodes = xml_new("nodes", NS_TACET_PEP);

	xml_set(nodes, "all", all ? "true" : NULL);
	return nodes;
}

void inner_nodes_add(struct xml *nodes, const char *node, const char *version)
{
	struct xml *element = xml_child_add(nodes, "node", NULL);

	xml_set(element, "name", node);
	xml_set(element, "version", version);
}

bool inner_nodes_all(const struct xml *nodes)
{
	const char *all = xml_get(nodes, "all");

	return all && strcmp(all, "true") == 0;
}

bool inner_node_read(const struct xml *element, const char **node, const char **version)
{
	*node = xml_get(element, "name");
	*version = xml_get(element, "version");
	return xml_is(element, "node", NS_TACET_PEP) && *node && **node &&
	       strlen(*node) <= PEP_NAME_MAX &&
	       (!*version || (**version && strlen(*version) < PEP_VERSION_SIZE));
}

/* --- reading --- */

bool inner_iq_is(const void *payload, size_t len)
{
	return len > 3 && memcmp(payload, "<iq", 3) == 0;
}

static int bad(struct err *err)
{
	return err_set(err, ERR_INPUT, "not what a contact's daemon may ask or tell");
}

static int read_id(const struct xml *element, uint64_t *id)
{
	const char *text = xml_get(element, "id");
	char *end;

	if (!text || !*text || strlen(text) > 16 ||
	    strspn(text, "0123456789abcdef") != strlen(text))
		return -1;
	*id = strtoull(text, &end, 16);
	return *end ? -1 : 0;
}

static int read_part(struct xml *part, struct inner_iq *iq, struct err *err)
{
	const char *left = xml_get(part, "left");
	const char *text = xml_text(part);
	size_t len = strlen(text);
	int size;

	if (!left || left[0] < '0' || left[0] >= '0' + INNER_PARTS_MAX || left[1])
		return bad(err);
	iq->kind = INNER_IQ_PART;
	iq->left = (unsigned)(left[0] - '0');
	iq->part = malloc(len + 1);
	if (!iq->part)
		return err_set(err, ERR_MEMORY, "no memory for a part");
	size = base64_decode(text, len, iq->part, len + 1);
	if (size <= 0 || (size_t)size > INNER_PART_LEN)
		return bad(err);
	iq->part_len = (size_t)size;
	return 0;
}

static int check_nodes(const struct xml *nodes, struct err *err)
{
	const char *node, *version;
	unsigned count = 0;

	for (const struct xml *e = xml_first(nodes); e; e = xml_next(e))
		if (!inner_node_read(e, &node, &version) || ++count > INNER_NODES_MAX)
			return bad(err);
	return 0;
}

static int read_content(struct xml *root, struct inner_iq *iq, struct err *err)
{
	const char *type = xml_get(root, "type");
	struct xml *child = xml_first(root);
	const char *node;

	if (!xml_is(root, "iq", NS_CLIENT) || !type || !child || xml_next(child) ||
	    read_id(root, &iq->id) < 0)
		return bad(err);
	if (strcmp(type, "error") == 0) {
		iq->kind = INNER_IQ_ERROR;
		return 0;
	}
	if (strcmp(type, "result") == 0 && xml_is(child, "part", NS_TACET_PEP))
		return read_part(child, iq, err);
	if (strcmp(type, "set") == 0 && xml_is(child, "nodes", NS_TACET_PEP)) {
		iq->kind = INNER_IQ_NODES;
		if (check_nodes(child, err) < 0)
			return -1;
	} else if (!pep_question_read(child, &node) && !live_kind(child)) {
		return bad(err);
	} else if (strcmp(type, "get") == 0) {
		iq->kind = INNER_IQ_QUESTION;
	} else if (strcmp(type, "result") == 0) {
		iq->kind = INNER_IQ_ANSWER;
	} else {
		return bad(err);
	}
	iq->payload = xml_detach(child);
	return iq->payload ? 0 : err_set(err, ERR_MEMORY, "no memory for what a contact says");
}

int inner_iq_read(const void *payload, size_t len, struct inner_iq *iq, struct err *err)
{
	static const struct xml_limits limits = {PAYLOAD_MAX, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
	struct xml *root = xml_parse_element(payload, len, &limits, err);
	int result;

	memset(iq, 0, sizeof(*iq));
	if (!root)
		return -1;
	result = read_content(root, iq, err);
	xml_free(&root);
	if (result < 0)
		inner_iq_free(iq);
	return result;
}

void inner_iq_free(struct inner_iq *iq)
{
	xml_free(&iq->payload);
	free(iq->part);
	iq->part = NULL;
}

struct xml *inner_iq_join(const struct buf *parts, struct err *err)
{
	static const struct xml_limits limits = {INNER_ANSWER_MAX, XML_LIMIT_DEPTH,
						 XML_LIMIT_CHILDREN};
	struct xml *answer = xml_parse_element(parts->data, parts->len, &limits, err);
	const char *node;

	if (answer && !pep_question_read(answer, &node)) {
		xml_free(&answer);
		bad(err);
	}
	return answer;
}
