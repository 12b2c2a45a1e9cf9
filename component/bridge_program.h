/*
 * bridge_program.h: programs that take an account's messages and send some without being Jabber
 * clients: what `tacetctl listen`, `bot` and `send` stand on (control_program.c).
 *
 * While a program listens to an account, the messages with a text go to it, and count as arrived
 * when it says so; Jabber clients that are logged in get a copy at the same time. A copy that
 * nobody gets is not kept for them (the archive has the message). What else comes from contacts,
 * receipts and the like, goes to the clients that are there, and does not wait for others. Without
 * a program all is as ever. Of one contact only one message at a time is with a program, so that
 * their order is kept whatever the program does.
 */
#ifndef COMPONENT_BRIDGE_PROGRAM_H
#define COMPONENT_BRIDGE_PROGRAM_H

#include "component/bridge.h"

/* The id of a message of a program: the prefix, 16 hexadecimal digits, and a NUL. */
#define PROGRAM_ID_PREFIX "program-"
#define PROGRAM_ID_SIZE   (sizeof(PROGRAM_ID_PREFIX) + 16)
/* Longest id of a contact's message that is handed on, for its receipt, in bytes; longer: none. */
#define PROGRAM_MESSAGE_ID_MAX 128

struct program_message {
	uint64_t token;
	int64_t sent_ms;      /* Unix time, by this machine's clock */
	const char *id;       /* as its sender calls it; "" for none */
	const char *replaces; /* the id of the message that it corrects (XEP-0308); "" for none */
	const char *body;
	bool receipt; /* its sender asks for a receipt (XEP-0184) */
};

enum program_answer {
	PROGRAM_ABSENT, /* nobody listens to this account */
	PROGRAM_BUSY,   /* not now: it stays, for contact_deliver_waiting */
	PROGRAM_HAS_IT, /* it stays until contact_message_taken */
};

/* What has become of a message of ours. */
enum program_delivery { PROGRAM_DELIVERED, PROGRAM_REJECTED, PROGRAM_CANCELLED };

/* The side of the programs. All are called from the loop. */
struct program_host {
	bool (*listens)(void *arg, const struct account *account);
	/* *again: it had been handed to a program before, and clients got their copy then. */
	enum program_answer (*message)(void *arg, struct contact *contact,
				       const struct program_message *message, bool *again);
	/* reason: of a refusal. */
	void (*delivered)(void *arg, const struct contact *contact, uint64_t token,
			  enum program_delivery how, const char *reason);
	void (*presence)(void *arg, const struct contact *contact, const struct status *status);
	void (*request)(void *arg, const struct account *account,
			const struct contact_request *request);
};

/* host NULL: none. It must outlive its use. */
void bridge_set_program(struct bridge *bridge, const struct program_host *host, void *arg);

/* Send text (UTF-8; what XML cannot carry is replaced) as a chat message that asks for a receipt.
 * Errors as engine_send; ERR_INPUT: it is empty. */
int bridge_program_send(struct bridge *bridge, struct contact *contact, const char *text,
			uint64_t *token, char id[PROGRAM_ID_SIZE], struct err *err);
/* A program is done with a message. receipt: the id of one that asked for a receipt, which a bot
 * sends; "": none. */
void bridge_program_taken(struct bridge *bridge, struct contact *contact, uint64_t token,
			  const char *receipt);

/*
 * Bots (bridge_bot.c): accounts that are there without a client, available while none says
 * otherwise, and that answer requests by a rule: "nobody", "invited" (everybody, since a request
 * takes a valid invitation), or ids separated by commas or blanks, of whom alone requests are
 * accepted. "off": no bot, as at first. Kept over a restart.
 */
int bridge_bot_set(struct bridge *bridge, struct account *account, const char *rule,
		   struct err *err);
/* The rule, which the caller frees; NULL: memory is short. */
char *bridge_bot_rule(struct account *account);
/* What a rule may be longest: 100 ids. */
#define BOT_RULE_MAX (100 * (ID_LEN + 1))

#endif
