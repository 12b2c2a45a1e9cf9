/*
 * fuzz_socks.c: a SOCKS port that is not one, and the names of onion services.
 *
 *     input: mode 1 ‖ the rest
 *     mode even: turns of the server: length 1 ‖ bytes
 *     mode odd:  the rest is the name of an onion service
 */
#include "core/base/cursor.h"
#include "core/onion.h"
#include "core/socks.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

/* One turn; false when the talk is over. */
static bool turn(struct socks *socks, const uint8_t *data, size_t len)
{
	enum socks_state before = socks->state;
	struct err err = {.code = ERR_NONE};
	size_t used;
	int result = socks_feed(socks, data, len, &used, &err);

	FUZZ_CHECK(used <= len);
	FUZZ_CHECK((result == -1) == (err.code != ERR_NONE));
	FUZZ_CHECK((result == -1) == (socks->state == SOCKS_CLOSED));
	FUZZ_CHECK(socks->state >= before);
	FUZZ_CHECK(socks->out_len <= sizeof socks->out);
	if (socks->state == SOCKS_OPEN)
		FUZZ_CHECK(socks->code == SOCKS_GRANTED);
	else if (result == 0)
		FUZZ_CHECK(used == len && socks->code == -1);
	if (socks->state == SOCKS_CLOSED)
		FUZZ_CHECK(socks->out_len == 0 && socks->code != SOCKS_GRANTED);
	FUZZ_CHECK(socks_code_text(socks->code)[0] != '\0');
	return result == 0 && socks->state != SOCKS_OPEN;
}

static void talk(struct reader *r)
{
	struct socks socks;
	struct err err;

	FUZZ_CHECK(socks_start(&socks, "user", "host.onion", 80, &err) == 0);
	while (r->left > 0) {
		size_t len = read_u8(r);

		if (len > r->left)
			len = r->left;
		if (!turn(&socks, read_view(r, len), len))
			return;
	}
}

static void read_name(const uint8_t *data, size_t len)
{
	uint8_t key[ONION_KEY_LEN];
	char text[ONION_NAME_LEN + 8] = "", name[ONION_NAME_LEN + 1];

	if (len >= sizeof text)
		len = sizeof text - 1;
	memcpy(text, data, len);
	if (onion_parse(text, key) != 0)
		return;
	FUZZ_CHECK(onion_name(key, name) == 0);
	for (char *at = text; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	FUZZ_CHECK(strcmp(text, name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r;

	if (size < 1)
		return 0;
	reader_init(&r, data + 1, size - 1);
	if (data[0] % 2 == 0)
		talk(&r);
	else
		read_name(r.at, r.left);
	return 0;
}
