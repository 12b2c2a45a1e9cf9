/*
 * codec.c: see codec.h. Characters are mapped by arithmetic, not by tables or branches, so that the
 * time does not depend on the data. All three are the same machine with 5, 6 or 4 bits a character.
 */
#include "core/base/codec.h"

/* All ones when lo <= c <= hi, else zero; for values below 2^31. */
static uint32_t in_range(uint32_t c, uint32_t lo, uint32_t hi)
{
	return 0u - (((lo - 1u - c) & (c - hi - 1u)) >> 31);
}

/* Character of a value below 2^bits, and back: the value + 1, or 0 for a wrong character. */
typedef uint32_t (*to_char)(uint32_t v);
typedef uint32_t (*from_char)(uint32_t c);

static uint32_t base32_char(uint32_t v)
{
	return (in_range(v, 0, 25) & (v + 'a')) | (in_range(v, 26, 31) & (v - 26 + '2'));
}

static uint32_t base32_value(uint32_t c)
{
	return (in_range(c, 'a', 'z') & (c - 'a' + 1)) | (in_range(c, 'A', 'Z') & (c - 'A' + 1)) |
	       (in_range(c, '2', '7') & (c - '2' + 27));
}

static uint32_t base64_char(uint32_t v)
{
	return (in_range(v, 0, 25) & (v + 'A')) | (in_range(v, 26, 51) & (v - 26 + 'a')) |
	       (in_range(v, 52, 61) & (v - 52 + '0')) | (in_range(v, 62, 62) & '+') |
	       (in_range(v, 63, 63) & '/');
}

static uint32_t base64_value(uint32_t c)
{
	return (in_range(c, 'A', 'Z') & (c - 'A' + 1)) | (in_range(c, 'a', 'z') & (c - 'a' + 27)) |
	       (in_range(c, '0', '9') & (c - '0' + 53)) | (in_range(c, '+', '+') & 63) |
	       (in_range(c, '/', '/') & 64);
}

static uint32_t hex_char(uint32_t v)
{
	return (in_range(v, 0, 9) & (v + '0')) | (in_range(v, 10, 15) & (v - 10 + 'a'));
}

static uint32_t hex_value(uint32_t c)
{
	return (in_range(c, '0', '9') & (c - '0' + 1)) | (in_range(c, 'a', 'f') & (c - 'a' + 11)) |
	       (in_range(c, 'A', 'F') & (c - 'A' + 11));
}

static size_t encode(const uint8_t *data, size_t len, unsigned bits, to_char map, char *out)
{
	uint32_t acc = 0;
	unsigned have = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		acc = acc << 8 | data[i];
		have += 8;
		while (have >= bits) {
			have -= bits;
			out[n++] = (char)map(acc >> have & ((1u << bits) - 1));
		}
		acc &= (1u << have) - 1;
	}
	if (have > 0)
		out[n++] = (char)map(acc << (bits - have) & ((1u << bits) - 1));
	return n;
}

static int decode(const char *text, size_t text_len, unsigned bits, from_char map, uint8_t *out,
		  size_t size)
{
	uint32_t acc = 0, wrong = 0;
	unsigned have = 0;
	size_t n = 0;

	if (text_len / 8 * bits > size)
		return -1;
	for (size_t i = 0; i < text_len; i++) {
		uint32_t v = map((uint8_t)text[i]);

		wrong |= 0u - ((v - 1u) >> 31);
		acc = acc << bits | (((v - 1u)) & ((1u << bits) - 1));
		have += bits;
		if (have >= 8) {
			have -= 8;
			if (n == size)
				return -1;
			out[n++] = (uint8_t)(acc >> have);
		}
		acc &= (1u << have) - 1;
	}
	/* What is left over must be less than a character, and zero. */
	if (wrong != 0 || have >= bits || acc != 0)
		return -1;
	return (int)n;
}

void base32_encode(const void *data, size_t len, char *out)
{
	out[encode(data, len, 5, base32_char, out)] = '\0';
}

int base32_decode(const char *text, size_t text_len, void *out, size_t size)
{
	return decode(text, text_len, 5, base32_value, out, size);
}

void base64_encode(const void *data, size_t len, char *out)
{
	size_t n = encode(data, len, 6, base64_char, out);

	while (n % 4 != 0)
		out[n++] = '=';
	out[n] = '\0';
}

int base64_decode(const char *text, size_t text_len, void *out, size_t size)
{
	if (text_len % 4 != 0)
		return -1;
	if (text_len > 0 && text[text_len - 1] == '=')
		text_len -= text[text_len - 2] == '=' ? 2 : 1;
	return decode(text, text_len, 6, base64_value, out, size);
}

void hex_encode(const void *data, size_t len, char *out)
{
	out[encode(data, len, 4, hex_char, out)] = '\0';
}

int hex_decode(const char *text, size_t text_len, void *out, size_t size)
{
	if (text_len % 2 != 0)
		return -1;
	return decode(text, text_len, 4, hex_value, out, size);
}
