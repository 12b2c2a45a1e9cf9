/*
 * presence-watch.c: a line for each change of a contact's presence: time, name, show, text.
 *
 *     presence-watch [options]        --id, --add ID, --state DIR …, as tacet-pipe(1)
 */
#include "peer.h"

#include <stdio.h>
#include <time.h>

static const char usage[] = "usage: presence-watch [options]\n" PEER_USAGE_TEXT;

static const char *const shows[] = {
    [TACET_OFFLINE] = "offline", [TACET_AVAILABLE] = "available",
    [TACET_CHAT] = "chat",       [TACET_AWAY] = "away",
    [TACET_DND] = "dnd",         [TACET_XA] = "xa",
};

static void on_presence(void *arg, struct tacet_contact *contact,
			const struct tacet_presence *presence)
{
	size_t show = (size_t)presence->show;
	time_t now = time(NULL);
	char at[32] = "";

	(void)arg;
	strftime(at, sizeof at, "%Y-%m-%d %H:%M:%S", localtime(&now));
	/* A value that this program does not know may come from a newer library. */
	printf("%s %s %s %s\n", at, tacet_contact_name(contact),
	       show < sizeof shows / sizeof *shows ? shows[show] : "available", presence->text);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct peer peer = {.program = "presence-watch", .handlers = {.presence = on_presence}};
	int result;

	if (peer_open(&peer, &argc, argv, usage, &result))
		while (peer_round(&peer, NULL, 0, -1))
			;
	peer_close(&peer);
	return result;
}
