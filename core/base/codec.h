/*
 * codec.h: base32, base64 and hexadecimal (RFC 4648), in time that depends on lengths only, since
 * keys go through here.
 */
#ifndef CORE_BASE_CODEC_H
#define CORE_BASE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#define BASE32_LEN(n) (((n)*8 + 4) / 5)   /* characters, without padding */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4) /* characters, with padding */
#define HEX_LEN(n)    ((n)*2)

/* RFC 4648 section 6, lower case, no padding. out takes BASE32_LEN(len) + 1 bytes. */
void base32_encode(const void *data, size_t len, char *out);
/* Upper or lower case, no padding. text has text_len characters, out takes size bytes. Returns the
 * number of bytes, or -1 for a wrong character, an impossible length, bits set that should be zero,
 * or too small an out. The same for the two below. */
int base32_decode(const char *text, size_t text_len, void *out, size_t size);

/* RFC 4648 section 4, with padding. out takes BASE64_LEN(len) + 1 bytes. */
void base64_encode(const void *data, size_t len, char *out);
int base64_decode(const char *text, size_t text_len, void *out, size_t size);

/* Lower case. out takes HEX_LEN(len) + 1 bytes. */
void hex_encode(const void *data, size_t len, char *out);
int hex_decode(const char *text, size_t text_len, void *out, size_t size);

#endif
