/* Tests of the engine against a contact that is played by hand, and against strangers. */
#include "core/base/cursor.h"
#include "core/link.h"
#include "core/lobby.h"
#include "core/rendezvous.h"
#include "tests/unit/puppet.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)

static struct rig *rig;
static struct node_rig *anna;
static struct puppet *puppet;

static int set_up(void **state)
{
	(void)state;
	rig = rig_new(3);
	anna = rig_node(rig, "anna");
	anna->loose = true;
	puppet = puppet_new(rig, anna, true);
	node_start(anna);
	rig_run(rig, 10 * 1000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	puppet_free(&puppet);
	rig_free(&rig);
	return 0;
}

static void other_puppet(bool low)
{
	puppet_free(&puppet);
	rig_free(&rig);
	rig = rig_new(low ? 4 : 5);
	anna = rig_node(rig, "anna");
	anna->loose = true;
	puppet = puppet_new(rig, anna, low);
	node_start(anna);
	rig_run(rig, 10 * 1000);
}

static bool linked(void)
{
	return contact_state(puppet_contact(puppet)) == CONTACT_LINKED;
}

/* --- at the door --- */

/* Not a byte, and the end comes late, at a random moment. */
static void assert_silence(struct line *line)
{
	int64_t kept;

	rig_run(rig, MINUTE_MS);
	assert_int_equal(line->total, 0);
	assert_true(line->closed);
	kept = line->closed_ms - line->opened_ms;
	assert_in_range(kept, LOBBY_SILENCE_MIN_MS, LOBBY_KNOCK_MS + LOBBY_SILENCE_MAX_MS + 1000);
	assert_false(linked());
}

static void test_strangers(void **state)
{
	uint8_t noise[300];
	struct line *line = NULL;

	(void)state;
	env_random(puppet->env, noise, sizeof(noise));
	assert_silence(puppet_dial(puppet));
	for (size_t len = 1; len < sizeof(noise); len += 33) {
		line = puppet_dial(puppet);
		stream_write(line->stream, noise, len);
		assert_silence(line);
	}
	/* The right tag, and nonsense behind it. */
	line = puppet_dial(puppet);
	pair_knock_tag(&puppet->pair.out, pair_epoch(&puppet->pair, env_wall_ms(puppet->env)),
		       noise);
	stream_write(line->stream, noise, KNOCK_LEN);
	assert_silence(line);
}

/* Whoever goes on talking is not kept longer. */
static void test_talkative_stranger(void **state)
{
	struct line *line = puppet_dial(puppet);

	(void)state;
	for (unsigned i = 0; i < 60 && !line->closed; i++) {
		stream_write(line->stream, "knock knock knock knock knock knock knock knock", 47);
		rig_run(rig, 1000);
	}
	assert_int_equal(line->total, 0);
	assert_true(line->closed);
	assert_in_range(line->closed_ms - line->opened_ms, LOBBY_SILENCE_MIN_MS,
			LOBBY_SILENCE_MAX_MS + 3000);
}

static void test_bad_hellos(void **state)
{
	static const struct {
		int64_t late_ms;
		uint8_t min, max;
	} cases[] = {
	    {-CLOCK_TOLERANCE_MS - 2000, 1, 1},
	    {CLOCK_TOLERANCE_MS + 2000, 1, 1},
	    {0, SESSION_VERSION + 1, SESSION_VERSION + 3},
	    {0, 0, SESSION_VERSION - 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line *line = puppet_dial(puppet);
		struct hello hello = puppet_hello(puppet);
		hello.time_ms += cases[i].late_ms;
		hello.version_min = cases[i].min;
		hello.version_max = cases[i].max;
		line_knock(line, &hello, false);
		assert_silence(line);
	}
}

/* Clocks that are wrong by five minutes each, and another version that includes ours. */
static void test_good_hellos(void **state)
{
	static const struct {
		int64_t late_ms;
		uint8_t max;
	} cases[] = {{-600 * 1000, 1}, {0, 9}, {600 * 1000, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line *line = puppet_dial(puppet);
		struct hello hello = puppet_hello(puppet);
		hello.time_ms += cases[i].late_ms;
		hello.version_max = cases[i].max;
		line_knock(line, &hello, i == 1);
		assert_true(line_shake(line));
		line_status(line, SHOW_AVAILABLE, 1);
		rig_run(rig, 1000);
		assert_true(linked());
		line_close(line);
		rig_run(rig, 1000);
		assert_false(linked());
	}
}

static void replay(const uint8_t *knock)
{
	struct line *line = puppet_dial(puppet);

	stream_write(line->stream, knock, KNOCK_LEN);
	assert_silence(line);
}

static void test_replays(void **state)
{
	const struct fake_conn *conn = NULL;
	struct line *line = puppet_link(puppet);
	struct hello hello;

	(void)state;
	assert_true(linked());
	conn = fake_net_conn(rig->net, fake_net_conns(rig->net) - 1);
	line_close(line);
	rig_run(rig, 1000);
	replay(conn->up.bytes.data);
	/* The same time again is a replay too, and so is any before it. */
	hello = puppet_hello(puppet);
	hello.time_ms = (int64_t)(env_wall_ms(puppet->env) - 3 * MINUTE_MS);
	line = puppet_dial(puppet);
	line_knock(line, &hello, false);
	assert_silence(line);
	/* Also over a restart. */
	node_kill(anna);
	node_reopen(anna);
	node_start(anna);
	rig_run(rig, 5000);
	replay(conn->up.bytes.data);
}

/* Somebody who holds back our first frame gains nothing: an answered knock is not a session. */
static void test_first_frame_counts(void **state)
{
	struct line *line = puppet_dial(puppet);
	struct hello hello = puppet_hello(puppet);

	(void)state;
	line_knock(line, &hello, false);
	assert_true(line_shake(line));
	rig_run(rig, 5000);
	assert_int_equal(line->count[FRAME_STATUS], 1);
	assert_false(linked());
	assert_int_equal(anna->statuses, 0);
	rig_run(rig, SESSION_HANDSHAKE_MS);
	assert_true(line->closed);
}

static void test_crowd_at_the_door(void **state)
{
	struct line *lines[LOBBY_MAX + 6];

	(void)state;
	/* 64 at 10 ms each fit in before the first ones are sent away. */
	for (unsigned i = 0; i < LOBBY_MAX + 6; i++) {
		struct endpoint endpoint;
		assert_int_equal(fake_host_endpoint(anna->host, 0, &endpoint), 0);
		lines[i] = puppet_dial(puppet);
		if (i % 8 == 7)
			assert_in_range(fake_host_streams(anna->host), 1, LOBBY_MAX);
	}
	assert_in_range(fake_host_streams(anna->host), 1, LOBBY_MAX);
	for (unsigned i = 0; i < LOBBY_MAX + 6; i++)
		assert_int_equal(lines[i]->total, 0);
	/* A contact is let in all the same. */
	puppet_link(puppet);
	assert_true(linked());
	rig_run(rig, MINUTE_MS);
	assert_int_equal(fake_host_streams(anna->host), 1);
}

/* --- in a session --- */

static void test_duplicates(void **state)
{
	struct line *line = puppet_link(puppet);

	(void)state;
	line_data(line, 5, "five");
	line_data(line, 5, "five again");
	line_data(line, 4, "older");
	line_data(line, 9, "nine");
	rig_run(rig, 1000);
	assert_int_equal(anna->got, 2);
	assert_string_equal(anna->text, "nine");
	line_close(line);
	rig_run(rig, 1000);
	line = puppet_link(puppet);
	line_data(line, 9, "nine again");
	line_data(line, 10, "ten");
	rig_run(rig, 1000);
	assert_int_equal(anna->got, 3);
	assert_string_equal(anna->text, "ten");
	assert_int_equal(line_frame_id(line, FRAME_ACK, 0), 9);
}

/* Where the first frame of a type stands; fails if there is none. */
static unsigned place(const struct line *line, enum frame_type type)
{
	for (unsigned i = 0; i < line->frames; i++)
		if (line->frame[i].type == type)
			return i;
	fail_msg("no frame of type %d", (int)type);
	return 0;
}

static void until_got(unsigned count)
{
	for (unsigned i = 0; i < 1000 && anna->got < count; i++)
		rig_run(rig, 1);
	assert_int_equal(anna->got, count);
}

/* An answer does not have to wait behind the acknowledgement of what it answers. */
static void test_answer_first(void **state)
{
	struct line *line = puppet_link(puppet);
	struct err err = {0};

	(void)state;
	line_data(line, 1, "question");
	until_got(1);
	assert_int_equal(line->count[FRAME_ACK], 0);
	assert_int_equal(engine_send(puppet_contact(puppet), "answer", 6, NULL, &err), 0);
	rig_run(rig, 1000);
	assert_int_equal(line->count[FRAME_ACK], 1);
	assert_int_equal(place(line, FRAME_ACK), place(line, FRAME_DATA) + 1);
	assert_int_equal(line_frame_id(line, FRAME_ACK, 0), 1);
}

/* Without an answer it comes soon; and at once when there is much. */
static void test_ack_alone(void **state)
{
	struct line *line = puppet_link(puppet);
	const struct fake_conn *conn = fake_net_conn(rig->net, fake_net_conns(rig->net) - 1);
	uint64_t sent;

	(void)state;
	line_data(line, 1, "one");
	line_data(line, 2, "two");
	rig_run(rig, 1000);
	assert_in_range(line->count[FRAME_ACK], 1, 2);
	for (uint64_t id = 3; id < 3 + LINK_WINDOW; id++)
		line_data(line, id, "more");
	sent = conn->down.total;
	until_got(2 + LINK_WINDOW);
	assert_true(conn->down.total > sent);
}

/* Who goes says before what has come. */
static void test_ack_before_bye(void **state)
{
	struct line *line = puppet_link(puppet);

	(void)state;
	line_data(line, 1, "last");
	until_got(1);
	account_set_visibility(anna->account, ACCOUNT_DARK);
	rig_run(rig, 1000);
	assert_int_equal(line_frame_id(line, FRAME_ACK, 0), 1);
	assert_true(place(line, FRAME_ACK) < place(line, FRAME_BYE));
}

struct bad_frame {
	enum frame_type type;
	const char *data;
	size_t len;
};

/* Each ends the session; the status is offline then, and the next session is as good as any. */
static void test_bad_frames(void **state)
{
	static const struct bad_frame cases[] = {
	    {FRAME_STATUS, "", 0},
	    {FRAME_STATUS, "\7\0\0\1\0\0\0\0\0\0\0\1", 12},
	    {FRAME_DATA, "", 0},
	    {FRAME_DATA, "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 15},
	    {FRAME_DATA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1x", 17},
	    {FRAME_DATA, "\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1x", 17},
	    {FRAME_DATA, "\0\0\0\0\0\0\0\1\xff\0\0\0\0\0\0\1x", 17},
	    {FRAME_ACK, "", 0},
	    {FRAME_ACK, "\0\0\0\0\0\0\1", 7},
	    {FRAME_ACK, "\0\0\0\0\0\0\0\1\0", 9},
	    {FRAME_REJECT, "\0\0\0\0", 4},
	    {FRAME_BYE, "", 0},
	    {FRAME_BYE, "\0", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line *line = puppet_link(puppet);
		assert_true(linked());
		line_data(line, i + 1, "good");
		line_send(line, cases[i].type, cases[i].data, cases[i].len);
		line_data(line, i + 100, "too late");
		rig_run(rig, 1000);
		assert_true(line->closed);
		assert_false(linked());
		assert_int_equal(anna->status.show, SHOW_OFFLINE);
		/* What came before it counts. */
		assert_int_equal(anna->got, i + 1);
		assert_string_equal(anna->text, "good");
	}
}

static void test_garbage_in_session(void **state)
{
	uint8_t garbage[FRAME_LEN * 2];
	struct line *line = puppet_link(puppet);

	(void)state;
	env_random(puppet->env, garbage, sizeof(garbage));
	stream_write(line->stream, garbage, sizeof(garbage));
	rig_run(rig, 1000);
	assert_true(line->closed);
	assert_false(linked());
}

static void test_skipped(void **state)
{
	struct line *line = puppet_link(puppet);
	int64_t now = env_wall_ms(puppet->env);

	(void)state;
	line_send(line, FRAME_PAD, NULL, 0);
	line_send(line, FRAME_SECRET, "x", 1);
	line_send(line, FRAME_ROOM, "x", 1);
	line_send(line, (enum frame_type)200, "x", 1);
	line_id(line, FRAME_ACK, 77);
	line_id(line, FRAME_REJECT, 77);
	/* A status that is older than the last, or as old. */
	line_status(line, SHOW_DND, now - 600 * 1000);
	line_status(line, SHOW_AWAY, now + 5);
	line_status(line, SHOW_XA, now + 5);
	rig_run(rig, 1000);
	assert_true(linked());
	assert_int_equal(anna->status.show, SHOW_AWAY);
	assert_int_equal(anna->acked + anna->rejected, 0);
	/* Anything that comes is a sign of life. */
	for (unsigned i = 0; i < 30; i++) {
		rig_run(rig, MINUTE_MS);
		line_send(line, FRAME_PAD, NULL, 0);
	}
	assert_true(linked());
	assert_in_range(line->count[FRAME_STATUS], 10, 22);
}

static void test_refused(void **state)
{
	static char big[PAYLOAD_MAX + 2];
	struct line *line = puppet_link(puppet);

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	line_data(line, 1, "");
	line_data(line, 2, big);
	big[PAYLOAD_MAX] = '\0';
	line_data(line, 3, big);
	rig_run(rig, 5000);
	assert_int_equal(line->count[FRAME_REJECT], 2);
	assert_int_equal(line_frame_id(line, FRAME_REJECT, 0), 1);
	assert_int_equal(line_frame_id(line, FRAME_REJECT, 1), 2);
	assert_int_equal(line_frame_id(line, FRAME_ACK, 0), 3);
	assert_int_equal(anna->got, 1);
}

static uint64_t send_text(const char *text)
{
	uint64_t token = 0;

	assert_int_equal(engine_send(puppet_contact(puppet), text, strlen(text), &token, NULL), 0);
	return token;
}

static void test_window(void **state)
{
	struct line *line = puppet_link(puppet);
	uint64_t tokens[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		tokens[i] = send_text("hello");
	rig_run(rig, 5000);
	assert_int_equal(line->count[FRAME_DATA], LINK_WINDOW);
	for (unsigned i = 0; i < LINK_WINDOW; i++)
		assert_int_equal(line_frame_id(line, FRAME_DATA, i), tokens[i]);
	/* An ACK for what was not sent yet does nothing. */
	line_id(line, FRAME_ACK, tokens[100]);
	line_id(line, FRAME_ACK, tokens[0]);
	line_id(line, FRAME_ACK, tokens[0]);
	line_id(line, FRAME_ACK, tokens[5]);
	rig_run(rig, 1000);
	assert_int_equal(line->count[FRAME_DATA], LINK_WINDOW + 2);
	assert_int_equal(anna->acked, 2);
	assert_int_equal(contact_outbox(puppet_contact(puppet)), 198);
	/* The next session begins with the oldest that is left. */
	line_close(line);
	rig_run(rig, 1000);
	line = puppet_link(puppet);
	rig_run(rig, 1000);
	assert_int_equal(line->count[FRAME_DATA], LINK_WINDOW);
	assert_int_equal(line_frame_id(line, FRAME_DATA, 0), tokens[1]);
	assert_int_equal(line_frame_id(line, FRAME_DATA, 4), tokens[6]);
}

static void test_rejections(void **state)
{
	static const struct {
		const char *reason, *told;
	} cases[] = {{"no room", "no room"}, {"", ""}, {"\xff", ""}};
	struct line *line = puppet_link(puppet);

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t token = send_text("hello");
		uint8_t data[32];
		struct writer w;
		writer_init(&w, data, sizeof(data));
		write_u64(&w, token);
		write_bytes(&w, cases[i].reason, strlen(cases[i].reason));
		line_send(line, FRAME_REJECT, data, w.len);
		rig_run(rig, 1000);
		assert_int_equal(anna->rejected, i + 1);
		assert_int_equal(anna->token, token);
		assert_string_equal(anna->text, cases[i].told);
		assert_int_equal(contact_outbox(puppet_contact(puppet)), 0);
	}
}

static void test_byes(void **state)
{
	static const uint8_t reasons[] = {BYE_OFFLINE, BYE_DUPLICATE, 99};

	(void)state;
	for (size_t i = 0; i < sizeof(reasons); i++) {
		struct line *line = puppet_link(puppet);
		assert_int_equal(anna->status.show, SHOW_AVAILABLE);
		line_send(line, FRAME_BYE, &reasons[i], 1);
		rig_run(rig, 1000);
		assert_false(linked());
		/* One too many: the one that stays may be on its way. */
		assert_int_equal(anna->status.show,
				 reasons[i] == BYE_DUPLICATE ? SHOW_AVAILABLE : SHOW_OFFLINE);
		rig_run(rig, 11 * 1000);
		assert_int_equal(anna->status.show, SHOW_OFFLINE);
	}
}

/* A contact that sends and does not read must not fill our memory. */
static void test_reader_asleep(void **state)
{
	struct line *line = puppet_link(puppet);
	const struct fake_conn *conn = fake_net_conn(rig->net, fake_net_conns(rig->net) - 1);

	(void)state;
	line_data(line, 7, "seven");
	stream_pause(line->stream, true);
	for (unsigned i = 0; i < 20000; i++) {
		line_data(line, 7, "seven");
		if (i % 100 == 0)
			rig_run(rig, 10);
	}
	rig_run(rig, 20 * 1000);
	assert_in_range(conn->down.total, 0, SESSION_QUEUE_MAX + 100000);
	stream_pause(line->stream, false);
	rig_run(rig, 20 * 1000);
	assert_true(linked());
	assert_int_equal(anna->got, 1);
	assert_true(line->count[FRAME_ACK] > 100);
}

/* After a goodbye nothing counts. */
static void test_after_bye(void **state)
{
	struct line *line = puppet_link(puppet);
	uint8_t reason = BYE_OFFLINE;

	(void)state;
	line_data(line, 1, "before");
	line_send(line, FRAME_BYE, &reason, 1);
	line_data(line, 2, "after");
	rig_run(rig, 1000);
	assert_string_equal(anna->text, "before");
	assert_int_equal(anna->got, 1);
}

/* --- two sessions --- */

/* Let the victim dial us; the line is up and linked. */
static struct line *be_dialled(void)
{
	struct line *line = NULL;

	puppet->accepted = NULL;
	puppet_listen(puppet);
	engine_stop(anna->engine);
	rig_run(rig, 1000);
	engine_start(anna->engine);
	while (puppet->accepted == NULL)
		rig_run(rig, 10);
	line = puppet->accepted;
	line_answer(line);
	line_status(line, SHOW_AVAILABLE, env_wall_ms(puppet->env));
	rig_run(rig, 3000);
	assert_true(linked());
	return line;
}

static void assert_bye(const struct line *line, enum bye reason)
{
	assert_int_equal(line->count[FRAME_BYE], 1);
	for (unsigned i = 0; i < line->frames; i++)
		if (line->frame[i].type == FRAME_BYE)
			assert_int_equal(line->frame[i].data[0], reason);
	assert_true(line->closed);
}

static void test_two_sessions(void **state)
{
	static const struct {
		bool puppet_low;
		int64_t pause_ms;
		bool other_instance;
		bool newcomer_stays;
	} cases[] = {
	    {true, 0, false, true}, /* a race: the low side's stays */
	    {false, 0, false, false},       {false, 0, true, true},          /* a restart */
	    {true, 0, true, true},          {false, 40 * 1000, false, true}, /* no race */
	    {true, 40 * 1000, false, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line *old, *newcomer, *stays;
		unsigned told;
		other_puppet(cases[i].puppet_low);
		old = be_dialled();
		rig_run(rig, cases[i].pause_ms);
		told = anna->statuses;
		if (cases[i].other_instance)
			puppet->instance[0] ^= 1;
		newcomer = puppet_link(puppet);
		rig_run(rig, 2000);
		stays = cases[i].newcomer_stays ? newcomer : old;
		assert_bye(stays == old ? newcomer : old, BYE_DUPLICATE);
		assert_false(stays->closed);
		assert_true(linked());
		assert_int_equal(anna->statuses, told);
		line_data(stays, 1, "which?");
		rig_run(rig, 1000);
		assert_int_equal(anna->got, 1);
	}
}

/* Dialled twice by the same side: the first was lost there, whenever that was. */
static void test_dialled_again(void **state)
{
	struct line *old = puppet_link(puppet);
	struct line *newcomer = puppet_link(puppet);

	(void)state;
	rig_run(rig, 2000);
	assert_bye(old, BYE_DUPLICATE);
	assert_false(newcomer->closed);
	assert_true(linked());
}

/* --- being dialled --- */

static void test_no_answer(void **state)
{
	struct line *line = NULL;

	(void)state;
	puppet_listen(puppet);
	rig_run(rig, 10 * MINUTE_MS);
	assert_non_null(puppet->accepted);
	line = puppet->accepted;
	rig_run(rig, SESSION_HANDSHAKE_MS + 1000);
	assert_true(line->closed || puppet->accepted != line);
	assert_false(linked());
	/* It does not go on for ever at the same pace: the record has expired by now. */
	rig_run(rig, 10 * MINUTE_MS);
	assert_in_range(fake_host_dials(anna->host), 2, 25);
}

static void test_bad_answer(void **state)
{
	static const size_t lengths[] = {1, ANSWER_LEN - 1, ANSWER_LEN, 1000};
	uint8_t garbage[1000];

	(void)state;
	env_random(puppet->env, garbage, sizeof(garbage));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct line *line = NULL;
		other_puppet(true);
		puppet_listen(puppet);
		while (puppet->accepted == NULL)
			rig_run(rig, 100);
		line = puppet->accepted;
		stream_write(line->stream, garbage, lengths[i]);
		if (lengths[i] < ANSWER_LEN)
			line_close(line);
		rig_run(rig, 1000);
		assert_true(line->closed);
		assert_false(linked());
		/* The next try is as good as any. */
		while (puppet->accepted == line)
			rig_run(rig, 100);
		line_answer(puppet->accepted);
		line_status(puppet->accepted, SHOW_CHAT, env_wall_ms(puppet->env));
		rig_run(rig, 1000);
		assert_true(linked());
		assert_int_equal(anna->status.show, SHOW_CHAT);
	}
}

/* --- records --- */

static void make_endpoint(struct record *record)
{
	record->endpoint.kind = ENDPOINT_ONION;
	record->endpoint.port = 80;
	env_random(puppet->env, record->endpoint.service, ONION_KEY_LEN);
	env_random(puppet->env, &record->endpoint.auth, sizeof(record->endpoint.auth));
}

/* Make the victim look again at once. */
static void look_again(void)
{
	engine_stop(anna->engine);
	engine_start(anna->engine);
	rig_run(rig, 1500);
}

static void test_records(void **state)
{
	static const struct {
		int64_t age_ms;
		uint64_t sequence;
		uint32_t lifetime_s;
		bool dialled;
	} cases[] = {
	    {0, 100, 600, true},
	    {15 * 60 * 1000, 100, 600, true},                      /* as high: it says the same */
	    {0, 99, 600, false},                                   /* older */
	    {-CLOCK_TOLERANCE_MS - 60000, 101, 600, false},        /* from the future */
	    {CLOCK_TOLERANCE_MS + 601 * 1000, 102, 600, false},    /* expired */
	    {CLOCK_TOLERANCE_MS + 601 * 1000, 103, 100000, false}, /* no record lives that long */
	    {0, UINT64_MAX, 600, false},                           /* never to be surpassed */
	    {0, 104, 600, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record record = {.sequence = cases[i].sequence,
					.lifetime_s = cases[i].lifetime_s};
		unsigned dials;
		make_endpoint(&record);
		record.issued_ms = env_wall_ms(puppet->env) - cases[i].age_ms;
		puppet_publish(puppet, &record);
		dials = fake_host_dials(anna->host);
		look_again();
		assert_int_equal(fake_host_dials(anna->host) > dials, cases[i].dialled);
		/* Let it leave the registry. */
		rig_run(rig, 12 * MINUTE_MS);
	}
}

/* A contact must not send us around: four new addresses, then one each two minutes. */
static void test_many_addresses(void **state)
{
	int64_t left = pair_epoch_left_ms(&puppet->pair, env_wall_ms(puppet->env));

	(void)state;
	rig_run(rig, left + 1000);
	for (unsigned i = 0; i < 10; i++) {
		struct record record = {.sequence = 1000 + i, .lifetime_s = 600};
		make_endpoint(&record);
		record.issued_ms = env_wall_ms(puppet->env);
		puppet_publish(puppet, &record);
		look_again();
	}
	/* Each was dialled once and failed; only the last one may have been tried again. */
	assert_in_range(fake_host_dials(anna->host), 4, 10);
}

/* --- a full disk --- */

static void test_full_disk(void **state)
{
	static char big[40000];
	struct rlimit old, small;
	struct line *line = NULL;
	struct err err = {0};
	uint64_t id = 0;
	unsigned got;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 1500000;
	memset(big, 'x', sizeof(big) - 1);
	line = puppet_link(puppet);
	anna->refuse = true;
	setrlimit(RLIMIT_FSIZE, &small);
	while (linked() && id < 200) {
		line_data(line, ++id, big);
		rig_run(rig, 1000);
	}
	assert_in_range(id, 10, 100);
	assert_false(linked());
	/* It was not acknowledged, and we are not let in for a while. */
	assert_int_equal(line->count[FRAME_ACK], id - 1);
	line = puppet_dial(puppet);
	{
		struct hello hello = puppet_hello(puppet);
		line_knock(line, &hello, false);
	}
	assert_false(line_shake(line));
	assert_int_equal(engine_send(puppet_contact(puppet), big, sizeof(big), NULL, &err), -1);
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_int_equal(contact_outbox(puppet_contact(puppet)), 0);
	assert_non_null(engine_trouble(anna->engine));
	assert_int_equal(anna->troubles, 1);
	setrlimit(RLIMIT_FSIZE, &old);
	/* With room again nothing is lost. */
	rig_run(rig, MINUTE_MS);
	assert_null(engine_trouble(anna->engine));
	assert_int_equal(anna->troubles, 2);
	line = puppet_link(puppet);
	assert_true(linked());
	line_data(line, id, big);
	rig_run(rig, 2000);
	assert_int_equal(line_frame_id(line, FRAME_ACK, 0), id);
	anna->refuse = false;
	got = anna->got;
	engine_deliver_waiting(anna->account);
	assert_int_equal(anna->got - got, id);
}

/* What was acknowledged, and what was taken, while nothing could be written: neither comes twice.
 */
static void test_full_disk_both_ways(void **state)
{
	struct rlimit old, small;
	struct line *line = puppet_link(puppet);
	struct err err = {0};
	uint64_t token = 0;
	unsigned got;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	anna->refuse = true;
	line_data(line, 1, "0");
	assert_int_equal(engine_send(puppet_contact(puppet), "x", 1, &token, &err), 0);
	rig_run(rig, 1000);
	small.rlim_cur = 4096;
	setrlimit(RLIMIT_FSIZE, &small);
	/* The client takes what waits for it, and the contact acknowledges. */
	anna->refuse = false;
	engine_deliver_waiting(anna->account);
	assert_int_equal(anna->got, 1);
	line_id(line, FRAME_ACK, token);
	rig_run(rig, 2000);
	assert_false(linked());
	assert_int_equal(contact_outbox(puppet_contact(puppet)), 1);
	assert_int_equal(anna->acked, 0);
	setrlimit(RLIMIT_FSIZE, &old);
	rig_run(rig, MINUTE_MS);
	assert_null(engine_trouble(anna->engine));
	got = anna->got;
	node_kill(anna);
	node_reopen(anna);
	engine_deliver_waiting(anna->account);
	assert_int_equal(anna->got, got);
	/* The contact is given its message once more, and says that it has it. */
	assert_int_equal(contact_outbox(puppet_contact(puppet)), 1);
	node_start(anna);
	rig_run(rig, 10 * 1000);
	line = puppet_link(puppet);
	rig_run(rig, 2000);
	assert_int_equal(line_frame_id(line, FRAME_DATA, 0), token);
	line_id(line, FRAME_ACK, token);
	rig_run(rig, 2000);
	assert_int_equal(contact_outbox(puppet_contact(puppet)), 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(test_strangers),
	    WITH_RIG(test_talkative_stranger),
	    WITH_RIG(test_bad_hellos),
	    WITH_RIG(test_good_hellos),
	    WITH_RIG(test_replays),
	    WITH_RIG(test_first_frame_counts),
	    WITH_RIG(test_crowd_at_the_door),
	    WITH_RIG(test_duplicates),
	    WITH_RIG(test_answer_first),
	    WITH_RIG(test_ack_alone),
	    WITH_RIG(test_ack_before_bye),
	    WITH_RIG(test_bad_frames),
	    WITH_RIG(test_garbage_in_session),
	    WITH_RIG(test_skipped),
	    WITH_RIG(test_refused),
	    WITH_RIG(test_window),
	    WITH_RIG(test_rejections),
	    WITH_RIG(test_byes),
	    WITH_RIG(test_after_bye),
	    WITH_RIG(test_reader_asleep),
	    WITH_RIG(test_two_sessions),
	    WITH_RIG(test_dialled_again),
	    WITH_RIG(test_no_answer),
	    WITH_RIG(test_bad_answer),
	    WITH_RIG(test_records),
	    WITH_RIG(test_many_addresses),
	    WITH_RIG(test_full_disk),
	    WITH_RIG(test_full_disk_both_ways),
	};

	return cmocka_run_group_tests_name("engine peer", tests, NULL, NULL);
}
