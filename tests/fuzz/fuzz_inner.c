/*
 * fuzz_inner.c: payloads from contacts (component/inner_stanza.h). What is let through must be a
 * plain message without addresses, and clean already: cleaned once more it stays the same.
 */
#include "component/inner_stanza.h"
#include "core/engine.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static bool plain_type(const char *type)
{
	return !type || strcmp(type, "chat") == 0 || strcmp(type, "normal") == 0 ||
	       strcmp(type, "headline") == 0;
}

/* The elements that do most harm if they come from a contact. */
static void check_children(const struct xml *message)
{
	FUZZ_CHECK(!xml_child(message, NULL, "urn:xmpp:carbons:2"));
	FUZZ_CHECK(!xml_child(message, NULL, "urn:xmpp:forward:0"));
	FUZZ_CHECK(!xml_child(message, NULL, "urn:xmpp:delay"));
	FUZZ_CHECK(!xml_child(message, NULL, "jabber:x:oob"));
	FUZZ_CHECK(!xml_child(message, "error", "jabber:client"));
}

static void check_stays(const struct xml *message, enum inner_kind kind)
{
	struct buf once, twice;
	struct err err = {0};
	int again;

	buf_init(&once, 8 * PAYLOAD_MAX);
	buf_init(&twice, PAYLOAD_MAX);
	FUZZ_CHECK(xml_write(message, "", &once) == 0);
	again = inner_write(message, &twice, &err);
	/* Written out it may be longer than it came, and so too long to be sent on. */
	if (once.len <= PAYLOAD_MAX) {
		FUZZ_CHECK(again == (int)kind);
		FUZZ_CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	} else {
		FUZZ_CHECK(again < 0 && err.code == ERR_LIMIT);
	}
	buf_free(&once);
	buf_free(&twice);
}

/* A message that waits is found by its id. */
static void check_found(const struct xml *message)
{
	const char *retracted = inner_retracts(message), *id = xml_get(message, "id");
	struct buf written;

	buf_init(&written, PAYLOAD_MAX);
	if (xml_write(message, "", &written) == 0) {
		if (retracted)
			inner_is(written.data, written.len, retracted);
		if (id)
			FUZZ_CHECK(inner_is(written.data, written.len, id) == INNER_SAME);
	}
	buf_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum inner_kind kind = INNER_NOTHING;
	struct err err = {0};
	struct xml *message = inner_read(data, size, &kind, &err);

	if (!message) {
		FUZZ_CHECK(err.code != ERR_NONE && *err.text);
		return 0;
	}
	FUZZ_CHECK(size <= PAYLOAD_MAX && kind != INNER_NOTHING);
	FUZZ_CHECK(xml_is(message, "message", "jabber:client"));
	FUZZ_CHECK(!xml_get(message, "from") && !xml_get(message, "to"));
	FUZZ_CHECK(plain_type(xml_get(message, "type")));
	check_children(message);
	check_stays(message, kind);
	check_found(message);
	xml_free(&message);
	return 0;
}
