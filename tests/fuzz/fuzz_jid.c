/*
 * fuzz_jid.c: addresses, and single strings. What was normalised once must stay as it is: otherwise
 * one person could have two addresses.
 */
#include "tests/fuzz/fuzz.h"
#include "xmpp/jid.h"

#include <string.h>

static void check_address(const char *text)
{
	struct jid jid, again;
	char formatted[JID_TEXT_SIZE], bare[JID_TEXT_SIZE];
	struct err err = {0};

	if (jid_parse(text, &jid, &err) < 0) {
		FUZZ_CHECK(err.code == ERR_INPUT && !*jid.domain && !*jid.local && !*jid.resource);
		return;
	}
	FUZZ_CHECK(*jid.domain);
	FUZZ_CHECK(!strpbrk(jid.local, "\"&'/:<>@ "));
	FUZZ_CHECK(!strpbrk(jid.domain, "\"&'/<>@ "));
	jid_format(&jid, formatted);
	FUZZ_CHECK(jid_parse(formatted, &again, &err) == 0);
	FUZZ_CHECK(jid_equal(&jid, &again));
	jid_format_bare(&jid, bare);
	FUZZ_CHECK(jid_parse(bare, &again, &err) == 0);
	FUZZ_CHECK(jid_is_bare(&again) && jid_equal_bare(&jid, &again));
}

static void check_single(const char *text)
{
	char once[JID_PART_MAX + 1], twice[JID_PART_MAX + 1];

	if (jid_local_prepare(text, once) == 0)
		FUZZ_CHECK(*once && jid_local_prepare(once, twice) == 0 &&
			   strcmp(once, twice) == 0);
	if (jid_resource_prepare(text, once) == 0)
		FUZZ_CHECK(*once && jid_resource_prepare(once, twice) == 0 &&
			   strcmp(once, twice) == 0);
	/* Passwords need not be stable: they are prepared once on each side. */
	if (jid_saslprep(text, once, sizeof(once)) == 0)
		FUZZ_CHECK(*once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_CHECK(text);
	memcpy(text, data, size);
	text[size] = 0;
	check_address(text);
	check_single(text);
	free(text);
	return 0;
}
