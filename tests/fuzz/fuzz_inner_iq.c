/*
 * fuzz_inner_iq.c: what a contact's daemon asks and tells about nodes (component/inner_iq.h), and
 * what is made of it: a question or an answer names its node, a list holds only what can be read.
 */
#include "component/inner_iq.h"
#include "core/engine.h"
#include "tests/fuzz/fuzz.h"
#include "xmpp/live.h"

#include <string.h>

static void check_nodes(const struct xml *nodes)
{
	const char *node, *version;
	unsigned count = 0;

	for (const struct xml *e = xml_first(nodes); e; e = xml_next(e), count++)
		FUZZ_CHECK(inner_node_read(e, &node, &version) && *node);
	FUZZ_CHECK(count <= INNER_NODES_MAX);
}

static void check(const struct inner_iq *iq)
{
	const char *node;

	switch (iq->kind) {
	case INNER_IQ_QUESTION:
	case INNER_IQ_ANSWER:
		if (live_kind(iq->payload))
			break;
		FUZZ_CHECK(pep_question_read(iq->payload, &node) && *node);
		FUZZ_CHECK(strlen(node) <= PEP_NAME_MAX);
		break;
	case INNER_IQ_PART:
		FUZZ_CHECK(iq->part && iq->part_len > 0 && iq->part_len <= INNER_PART_LEN);
		FUZZ_CHECK(iq->left < INNER_PARTS_MAX);
		break;
	case INNER_IQ_NODES:
		check_nodes(iq->payload);
		break;
	case INNER_IQ_ERROR:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inner_iq iq;
	struct err err = {0};

	(void)inner_iq_is(data, size);
	if (inner_iq_read(data, size, &iq, &err) < 0) {
		FUZZ_CHECK(err.code != ERR_NONE && *err.text && !iq.payload && !iq.part);
		return 0;
	}
	FUZZ_CHECK(size <= PAYLOAD_MAX);
	check(&iq);
	inner_iq_free(&iq);
	return 0;
}
