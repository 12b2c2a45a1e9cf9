/* Text that somebody sends instead of base32, base64 or hexadecimal. */
#include "core/base/codec.h"
#include "tests/model/bounds/stubs.h"

/* More than two groups of each. */
#define TEXT_MAX 20

static void check(const char *text, size_t len, size_t size)
{
	uint8_t out[TEXT_MAX];
	int got = base32_decode(text, len, out, size);

	/*@ assert base32: -1 <= got <= (int)size; */
	got = base64_decode(text, len, out, size);
	/*@ assert base64: -1 <= got <= (int)size; */
	got = hex_decode(text, len, out, size);
	/*@ assert hex: -1 <= got <= (int)size; */
}

int main(void)
{
	static char text[TEXT_MAX];

	any(text, sizeof(text));
	for (size_t len = 0; len <= sizeof(text); len++)
		for (size_t size = 0; size <= sizeof(text); size++)
			check(text, len, size);
	return 0;
}
