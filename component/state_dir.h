/*
 * state_dir.h: the directory that holds keys and messages, which nobody else may read.
 */
#ifndef COMPONENT_STATE_DIR_H
#define COMPONENT_STATE_DIR_H

#include "core/base/err.h"

/* Make the directory, and those above it that are missing, with mode 0700. ERR_AUTH when it is
 * there but belongs to someone else, or others may enter or read it: the text says what to do. */
int state_dir_prepare(const char *path, struct err *err);
/* PATH/name; the caller frees it. NULL with *err when memory is short. */
char *state_dir_path(const char *path, const char *name, struct err *err);

#endif
