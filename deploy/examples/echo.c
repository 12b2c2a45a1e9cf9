/*
 * echo.c: answers each message with itself.
 *
 *     echo [options]        --id, --add ID, --state DIR …, as tacet-pipe(1)
 */
#include "peer.h"

#include <stdio.h>

static const char usage[] = "usage: echo [options]\n" PEER_USAGE_TEXT;

static bool on_message(void *arg, struct tacet_contact *contact, const void *payload, size_t len,
		       int64_t sent_at)
{
	(void)arg;
	(void)sent_at;
	/* One that cannot be answered now is kept, and comes again at the next start. */
	return tacet_send(contact, payload, len, NULL, NULL) == 0;
}

int main(int argc, char **argv)
{
	struct peer peer = {.program = "echo", .handlers = {.message = on_message}};
	int result;

	if (peer_open(&peer, &argc, argv, usage, &result)) {
		puts(tacet_account_id(peer.account));
		fflush(stdout);
		while (peer_round(&peer, NULL, 0, -1))
			;
	}
	peer_close(&peer);
	return result;
}
