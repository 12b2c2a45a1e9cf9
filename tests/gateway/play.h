/*
 * play.h: a dialogue while it is played (play.c), for what people do in it (play_people.c).
 */
#ifndef TESTS_GATEWAY_PLAY_H
#define TESTS_GATEWAY_PLAY_H

#include "component/gw.h"
#include "tests/unit/bridge_rig.h"

#define NS_COMPONENT "jabber:component:accept"
/* Stanzas that are sent and not looked at yet. */
#define SENT_MAX_HERE 1000
#define LINE_MAX_HERE 65536

struct play {
	const char *path;
	unsigned line;
	struct world *world;
	struct gw *gw;
	struct gw_config config;
	char directory[64];
	struct xml *sent[SENT_MAX_HERE];
	unsigned sent_count, looked_at;
	struct xml *last;     /* the last that was looked at */
	bool full;            /* the stream takes nothing more */
	bool short_of_memory; /* for the next block of the server's */
	long failing;         /* the allocation that fails */
	void (*passed)(void *arg);
	void *passed_arg;
	char backup[LINE_MAX_HERE]; /* of ben, in base64 */
	char link[512];             /* the last invitation */
};

/* With file and line; "more" is shown behind what is wrong. */
_Noreturn void fail_at(const struct play *play, const char *what, const char *more);
/* Lives until the next call. */
const char *text_of(const struct xml *element);
/* ben's, or of a user of the gateway by their bare JID; NULL: none. */
struct account *account_of(const struct play *play, const char *name);

/* play_people.c */
void ben_sends(struct play *play, const char *to, const char *text);
void ben_shows(struct play *play, const char *show, const char *status);
void ben_adds(struct play *play, const char *id);
void ben_sees(struct play *play, const char *who, const char *show);
/* So many messages of ben's wait. */
void ben_waits(struct play *play, const char *who, unsigned messages);
void ben_backs_up(struct play *play);
/* base64 of the picture; contacts learn it by the vCard and as an avatar. */
void ben_has_photo(struct play *play, const char *base64);
/* The node's name, and a word in what is known. */
void ben_knows(struct play *play, const char *who, const char *what);
/* Out of the answer to a command, as a user pastes it: in lines. */
void keep_backup(struct play *play);
/* As tacetctl would. */
void operator_restores(struct play *play, const char *user);
void user_invites(struct play *play, const char *who);
void user_adds(struct play *play, const char *who, unsigned count);

#endif
