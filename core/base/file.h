/*
 * file.h: small files that are either the old one or the new one, whatever happens in between.
 */
#ifndef CORE_BASE_FILE_H
#define CORE_BASE_FILE_H

#include "core/base/err.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Make path a file of that mode with these len bytes, in place of one that may be there. When the
 * call has returned 0 it stays so over a loss of power; after -1, or a crash, the old file is there
 * as it was. PATH.new is used on the way.
 */
int file_replace(const char *path, mode_t mode, const void *data, size_t len, struct err *err);

#endif
