/*
 * puppet.h: a contact that a test plays by hand: it says what the test wants, right or wrong.
 *
 * The puppet has an identity and a host in the fake net, but no engine. Its lines are streams to
 * the victim's engine, dialled by either side.
 */
#ifndef TESTS_UNIT_PUPPET_H
#define TESTS_UNIT_PUPPET_H

#include "core/handshake.h"
#include "core/session.h"
#include "core/status.h"
#include "tests/unit/engine_rig.h"

#define PUPPET_FRAMES 300

struct puppet {
	struct rig *rig;
	struct node_rig *victim;
	struct fake_env *fake;
	const struct env *env;
	struct fake_host *host;
	struct identity identity;
	char id[ID_LEN + 1];
	uint8_t victim_key[X25519_LEN];
	struct pair pair;
	uint8_t instance[INSTANCE_LEN];
	struct service *service;
	struct line *accepted; /* the newest that the victim dialled */
	struct line *lines;
	uint64_t sequence;
};

struct line {
	struct line *next;
	struct puppet *puppet;
	struct dial *dial;
	struct stream *stream;
	bool dialled; /* by us */
	bool closed;
	int64_t opened_ms, closed_ms;
	struct buf bytes; /* received, not frames yet */
	size_t total;     /* received */
	struct noise *noise;
	uint8_t hash[SHA256_LEN]; /* of the handshake */
	bool up;
	struct hello hello; /* the victim's */
	struct noise_cipher send;
	struct frame_reader reader;
	unsigned count[256]; /* frames by type */
	unsigned frames;
	struct {
		uint8_t type;
		size_t len;
		uint8_t data[64];
	} frame[PUPPET_FRAMES]; /* the first ones */
};

/* low: is the puppet's key to be the smaller one? The victim has it as a contact. */
struct puppet *puppet_new(struct rig *rig, struct node_rig *victim, bool low);
void puppet_free(struct puppet **puppet);
struct contact *puppet_contact(const struct puppet *puppet);

/* Dial the victim; the line is open when this returns. */
struct line *puppet_dial(struct puppet *puppet);
/* A proper hello of this moment. */
struct hello puppet_hello(const struct puppet *puppet);
/* Send a knock, in one piece or byte by byte; then wait for the answer and split. False: no answer.
 */
void line_knock(struct line *line, const struct hello *hello, bool in_bytes);
bool line_shake(struct line *line);
/* All of that, and a status: the victim is linked with us afterwards. */
struct line *puppet_link(struct puppet *puppet);

/* Be there to be dialled: make a service, and put a record for it into the registry. */
void puppet_listen(struct puppet *puppet);
void puppet_publish(struct puppet *puppet, const struct record *record);
/* Answer a line that the victim has dialled. */
void line_answer(struct line *line);

void line_send(struct line *line, enum frame_type type, const void *data, size_t len);
void line_status(struct line *line, enum show show, int64_t time_ms);
void line_data(struct line *line, uint64_t id, const char *text);
void line_id(struct line *line, enum frame_type type, uint64_t id);
/* The id at the beginning of the n-th frame of a type that was received; fails if there is none. */
uint64_t line_frame_id(const struct line *line, enum frame_type type, unsigned n);
void line_close(struct line *line);

#endif
