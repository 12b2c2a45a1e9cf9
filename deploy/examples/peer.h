/*
 * peer.h: what the programs of this folder share: options, an account of their own, contacts, a
 * loop.
 *
 * It uses tacet.h alone, as any program of others would.
 */
#ifndef PEER_H
#define PEER_H

#include <poll.h>
#include <tacet.h>

/* Exit codes. */
enum { PEER_OK = 0, PEER_FAILED = 1, PEER_USAGE = 2 };

struct peer {
	const char *program;
	struct tacet *tacet;
	struct tacet_account *account;
	bool verbose;
	bool interrupted; /* a signal has said that the program is to end */
	int wait_s;       /* for a contact who is not there; 0: for ever */
	/* For the program; called after what peer.c does itself. */
	struct tacet_handlers handlers;
	void *arg;
};

/* The options that all programs have, for their usage and manual pages. */
#define PEER_USAGE_TEXT                                                                            \
	"  --state DIR        where keys and contacts are kept\n"                                  \
	"  --config FILE      settings as in tacetd.conf(5): gateway, tor-...\n"                   \
	"  --gateway ADDRESS  of an OpenDHT gateway; may come again\n"                             \
	"  --wait SECONDS     give up when the contact is not there so long\n"                     \
	"  -v                 say what happens; -vv: log, too\n"                                   \
	"becoming contacts:\n"                                                                     \
	"  --id               show the id of this account\n"                                       \
	"  --add ID           add a contact, who adds this account's id\n"                         \
	"  --invite           show a link for one contact, wait, add who comes with it\n"          \
	"  --introduce LINK   add who made the link, and ask to be added\n"                        \
	"  --name NAME        call the contact that is added so\n"                                 \
	"  --contacts         list them; --remove CONTACT: forget one\n"

/*
 * Take the common options out of argv (argc becomes what is left), open the state directory, make
 * the account if there is none, and do what the options say about contacts. Returns false when the
 * program is to end with *exit_code: something failed, or all was done.
 */
bool peer_open(struct peer *peer, int *argc, char **argv, const char *usage, int *exit_code);
void peer_close(struct peer *peer);

/* One round: wait until something happens, at most timeout_ms (-1: for ever), also to these
 * descriptors, and let tacet do its work. False: a signal says that the program is to end. */
bool peer_round(struct peer *peer, struct pollfd *fds, nfds_t count, int timeout_ms);
/* Rounds until the contact is linked; false: a signal, or too long. */
bool peer_meet(struct peer *peer, struct tacet_contact *contact);
/* By id or name; says on standard error when there is none. */
struct tacet_contact *peer_contact(const struct peer *peer, const char *who);

/* "PROGRAM: …" on standard error; peer_note only with -v. */
void peer_say(const struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void peer_note(const struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
