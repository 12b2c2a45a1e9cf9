/*
 * resource.h: a bound resource of a user, and what it has said about itself.
 */
#ifndef XMPP_RESOURCE_H
#define XMPP_RESOURCE_H

#include "xmpp/user.h"

struct csi;
struct sm;
struct unacked;
struct caps;
struct parcel;

/*
 * Most that waits in memory for one client, in bytes as it is sent; each part has a limit of its
 * own, and what it does there:
 *
 *     not written yet      C2S_QUEUE_MAX            the stream ends; it is not read
 *     not acknowledged     UNACKED_BYTES_MAX        the stream ends with resource-constraint
 *     for an inactive one  CSI_HELD_BYTES_MAX       the oldest goes out
 *     its present stanza   XML_LIMIT_BYTES          the stream ends with policy-violation
 *
 * Messages that it has not got go to others or back to the host. What waits for a user while none
 * of the clients is there is limited in parcel.h.
 */
#define RESOURCE_MEMORY_MAX ((size_t)10 * 1024 * 1024)

struct resource {
	struct resource *next;
	struct user *user;
	struct c2s *c2s; /* not owned; NULL while it waits for its client to come back */
	struct csi *csi; /* what is held back; NULL: its client is active */
	struct sm *sm;   /* stream management; NULL: not wanted */
	struct unacked
	    *unwritten; /* without it: parcels that have not left yet; NULL: none so far */
	char *name;     /* the resource part of its JID */
	char *jid;      /* full JID */
	bool has_agent; /* its client's is known (XEP-0388) */
	uint8_t agent[C2S_AGENT_LEN];
	bool csi_wished;      /* it began inactive (XEP-0386) */
	bool ended;           /* not among the user's resources any more */
	bool interested;      /* has asked for the roster, and gets its changes */
	bool blocklist;       /* has asked for the block list, and gets its changes */
	bool carbons;         /* wants copies of what the others send and get */
	bool ready;           /* the host was told that messages may come */
	bool invisible;       /* XEP-0186: its presence is nobody's business */
	bool shown_own;       /* the user's other resources were shown presence directed to them */
	bool welcomed;        /* was shown the presence of the contacts */
	struct xml *presence; /* the last one, while available; else NULL */
	const char *show;     /* a literal */
	char *status;         /* NULL: none */
	int priority;
	uint64_t presence_no;             /* of that presence */
	struct caps *caps;                /* what its client can do; NULL: not known */
	char *caps_key;                   /* as it calls that itself */
	uint64_t caps_no;                 /* of the question about it; 0: none is open */
	struct directed *directed;        /* what single contacts are shown instead */
	struct command_session *sessions; /* forms of commands, the latest first */
};

/* The name must be free. NULL when memory is short. */
struct resource *resource_new(struct user *user, struct c2s *c2s, const char *name);
/* Take the resource out of its user's, telling the others and the host that it has gone. The object
 * stays until resource_free, because a handler of it may be under way. */
void resource_end(struct resource *resource);
/* Says nothing to anyone. */
void resource_free(struct resource **resource);

void resource_send(struct resource *resource, const struct xml *stanza);
/* The same for a message that must not be lost on the way (parcel NULL: it may). False: the
 * resource does not take it. */
bool resource_deliver(struct resource *resource, const struct xml *stanza, struct parcel *parcel);
bool resource_holds(const struct resource *resource, const struct parcel *parcel);
/* All that was sent was written to the socket. */
void resource_drained(struct resource *resource);

/* For user_send. */
bool resource_available(const struct resource *resource);
/* Available, and others may know it. */
bool resource_visible(const struct resource *resource);
bool resource_interested(const struct resource *resource);
/* Available with priority >= 0: messages to the bare JID go there (RFC 6121 section 8.5.2.1.1). */
bool resource_takes_messages(const struct resource *resource);

#endif
