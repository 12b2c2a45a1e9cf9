/*
 * secret_file.h: 32 random bytes that an installation makes once and keeps.
 */
#ifndef XMPP_SECRET_FILE_H
#define XMPP_SECRET_FILE_H

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/secret.h"

/* Read the secret from path; if there is no file, make one (mode 0600) that is either whole or not
 * there. ERR_INPUT: a file of another length. */
int secret_file_load(const struct env *env, const char *path, struct key *secret, struct err *err);

#endif
