/*
 * text_file.h: small files that are read whole: passwords, lines for a torrc.
 */
#ifndef COMPONENT_TEXT_FILE_H
#define COMPONENT_TEXT_FILE_H

#include "core/base/err.h"

/* Longest such file, in bytes: a torrc for a private network has a few KiB. */
#define TEXT_FILE_MAX (64 * 1024)

/* The content of the file at path ("-": standard input), which the caller wipes and frees. NULL
 * with *err, which names the path: it cannot be read, is longer than TEXT_FILE_MAX or holds a NUL.
 */
char *text_file_read(const char *path, struct err *err);
/* The same, cut at the end of the first line. ERR_INPUT when that is empty. */
char *text_file_read_line(const char *path, struct err *err);
/* The same, for a secret: ERR_AUTH when the file can be read by users other than its owner and
 * group, or written by others than its owner. Not for "-". */
char *text_file_read_secret(const char *path, struct err *err);
/* Wipe and free a string; NULL is fine. */
void text_wipe(char *text);

#endif
