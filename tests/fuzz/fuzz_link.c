/*
 * fuzz_link.c: what people paste as an invitation. What was read and written again must be read as
 * the same.
 */
#include "core/invitation.h"
#include "core/utf8.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_link(const char *text)
{
	struct invitation invitation, again;
	char link[INVITATION_LINK_SIZE];
	struct err err = {0};

	if (invitation_parse(text, &invitation, &err) < 0) {
		FUZZ_CHECK(err.code == ERR_INPUT && *err.text && !invitation.with_secret);
		return;
	}
	FUZZ_CHECK(utf8_cut(invitation.name, strlen(invitation.name), INVITATION_NAME_MAX) ==
		   (int)strlen(invitation.name));
	invitation_format(&invitation, link);
	FUZZ_CHECK(strlen(link) < sizeof(link));
	FUZZ_CHECK(invitation_parse(link, &again, &err) == 0);
	FUZZ_CHECK(memcmp(&invitation, &again, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_CHECK(text);
	memcpy(text, data, size);
	text[size] = 0;
	check_link(text);
	free(text);
	return 0;
}
