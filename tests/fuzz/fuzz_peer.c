/*
 * fuzz_peer.c: what a contact sends in a session that is up: frames of any type with any payload,
 * sealed properly, to a whole engine under a fake clock.
 *
 *     input: parts of type 1 ‖ length 1 ‖ payload. Type 0xff: the length is seconds that pass
 *
 * A PAD has no payload here; fuzz_frame.c does that.
 *
 * The engine's link to its other contact must stay, and messages to and fro go through it still.
 */
#include "core/base/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/puppet.h"

#include <string.h>

#define PART_WAIT 0xff
/* Parts of one input. */
#define PARTS_MAX 40
/* Time for two to be linked, in ms. */
#define LINK_MS 600000

struct play {
	struct rig *rig;
	struct node_rig *victim, *other;
	struct puppet *puppet;
	struct line *line;
};

static void play_open(struct play *play)
{
	play->rig = rig_new(1);
	play->victim = rig_node(play->rig, "victim");
	play->other = rig_node(play->rig, "other");
	play->victim->loose = true;
	rig_pair(play->victim, play->other);
	node_start(play->victim);
	node_start(play->other);
	rig_link(play->victim, play->other, LINK_MS);
	play->puppet = puppet_new(play->rig, play->victim, true);
	play->line = puppet_link(play->puppet);
}

static void play_part(struct play *play, uint8_t type, const uint8_t *data, size_t len)
{
	if (type == PART_WAIT) {
		rig_run(play->rig, (int64_t)len * 1000);
	} else if (!play->line->closed && (type != FRAME_PAD || len == 0)) {
		line_send(play->line, type, data, len);
		rig_run(play->rig, 1000);
	}
}

static void play_close(struct play *play)
{
	unsigned got = play->victim->got, acked = play->victim->acked;

	FUZZ_CHECK(rig_linked(play->victim, play->other));
	node_send(play->other, play->victim, 0, 1);
	node_send(play->victim, play->other, 0, 1);
	rig_run(play->rig, 10000);
	FUZZ_CHECK(play->victim->got == got + 1 && play->victim->acked == acked + 1);
	puppet_free(&play->puppet);
	rig_free(&play->rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play play;

	log_set_level(LOG_LEVEL_ERROR);
	play_open(&play);
	for (unsigned i = 0; i < PARTS_MAX && size >= 2; i++) {
		uint8_t type = data[0];
		size_t said = data[1], len = type == PART_WAIT ? 0 : said;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		play_part(&play, type, data, type == PART_WAIT ? said : len);
		data += len;
		size -= len;
	}
	play_close(&play);
	return 0;
}
