/*
 * archive.c: see archive.h.
 */
#include "xmpp/archive.h"

#include <stdlib.h>

static void free_list(char **list)
{
	for (; *list; list++) {
		free(*list);
		*list = NULL;
	}
}

void archive_prefs_free(struct archive_prefs *prefs)
{
	free_list(prefs->always);
	free_list(prefs->never);
}
