/*
 * utf8.h: texts that others sent: are they UTF-8, and where can they be cut?
 */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the longest beginning of text that has at most max bytes and ends with a whole
 * character. -1: text is not UTF-8 (RFC 3629) or has a NUL. */
int utf8_cut(const void *text, size_t len, size_t max);

#endif
