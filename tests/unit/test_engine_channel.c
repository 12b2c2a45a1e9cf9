/* Tests of channels in whole engines: beside messages, through breaks, against a hostile contact.
 */
#include "core/base/cursor.h"
#include "core/engine_private.h"
#include "tests/unit/puppet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rig *rig;
static struct puppet *puppet;
static struct node_rig *anna, *ben;

/* A program at one end. */
struct end {
	struct channel *channel;
	unsigned opened, closed;
	enum err_code why;
	bool reads;
	size_t got, written;
	bool got_end;
	bool remove_contact; /* when it is accepted */
};

static struct end here, there;

static int set_up(void **state)
{
	(void)state;
	rig = rig_new(11);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	rig_pair(anna, ben);
	here = (struct end){0};
	there = (struct end){.reads = true};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	channel_abort(&here.channel);
	channel_abort(&there.channel);
	if (puppet != NULL)
		puppet_free(&puppet);
	rig_free(&rig);
	return 0;
}

static void on_opened(void *arg, struct channel *channel)
{
	(void)channel;
	((struct end *)arg)->opened++;
}

static void on_readable(void *arg, struct channel *channel)
{
	struct end *end = arg;
	uint8_t data[5000];
	long len = 0;

	while (end->reads && (len = channel_read(channel, data, sizeof(data))) > 0)
		end->got += (size_t)len;
	end->got_end |= end->reads && len == 0;
}

static void write_more(struct end *end)
{
	static const uint8_t data[20000];
	long len;

	while (end->channel != NULL && (len = channel_write(end->channel, data, sizeof(data))) > 0)
		end->written += (size_t)len;
}

static void on_writable(void *arg, struct channel *channel)
{
	(void)channel;
	write_more(arg);
}

static void on_closed(void *arg, struct channel *channel, const struct err *why)
{
	struct end *end = arg;

	(void)channel;
	end->closed++;
	end->why = why != NULL ? why->code : ERR_NONE;
	channel_close(&end->channel);
}

static const struct channel_handler handler = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .closed = on_closed};

static bool accept_one(void *arg, struct contact *contact, struct channel *channel)
{
	struct end *end = arg;
	struct err err = {0};

	assert_ptr_equal(contact, node_contact(ben, anna));
	if (end->channel != NULL)
		return false;
	end->channel = channel;
	channel_take(channel, &handler, end);
	if (end->remove_contact)
		assert_int_equal(contact_remove(&contact, &err), 0);
	return true;
}

static void listen_and_link(void)
{
	struct err err = {0};

	assert_int_equal(account_listen(ben->account, "copy", accept_one, &there, NULL, &err), 0);
	assert_int_equal(account_listen(ben->account, "copy", accept_one, &there, NULL, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	if (!anna->started)
		node_start(anna);
	if (!ben->started)
		node_start(ben);
	rig_link(anna, ben, 600 * 1000);
}

static void connect_to(const char *service)
{
	struct err err = {0};

	here.channel = contact_connect(node_contact(anna, ben), service, &handler, &here, &err);
	assert_non_null(here.channel);
	rig_run(rig, 2000);
}

static void test_copy(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(contact_connect(node_contact(anna, ben), "copy", &handler, &here, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	listen_and_link();
	connect_to("nothing");
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why, ERR_NOT_FOUND);
	connect_to("copy");
	assert_int_equal(here.opened, 1);
	while (here.written < 10000000) {
		write_more(&here);
		rig_run(rig, 10);
	}
	channel_end(here.channel);
	rig_run(rig, 60 * 1000);
	assert_int_equal(there.got, here.written);
	assert_true(there.got_end);
	channel_end(there.channel);
	here.reads = true;
	on_readable(&here, here.channel);
	rig_run(rig, 2000);
	assert_int_equal(here.closed, 2);
	assert_int_equal(here.why, ERR_NONE);
	assert_int_equal(there.closed, 1);
	assert_int_equal(there.why, ERR_NONE);
	assert_int_equal(account_unlisten(ben->account, "copy", &err), 0);
	assert_int_equal(account_unlisten(ben->account, "copy", &err), -1);
	connect_to("copy");
	assert_int_equal(here.why, ERR_NOT_FOUND);
	/* What has been said about channels must not hurt the rest. */
	assert_true(rig_linked(anna, ben));
}

/* The engine has one limit for all, and says so to a contact who passes it. */
static void test_limit_of_all(void **state)
{
	(void)state;
	listen_and_link();
	assert_int_equal(ben->engine->channels.max, CHANNELS_ALL_MAX);
	ben->engine->channels.max = 0;
	connect_to("copy");
	assert_int_equal(here.closed, 1);
	assert_int_equal(here.why, ERR_LIMIT);
	ben->engine->channels.max = 1;
	connect_to("copy");
	assert_int_equal(here.opened, 1);
	assert_int_equal(ben->engine->channels.used, 1);
	/* What a session had is free again when it ends. */
	node_stop(anna);
	rig_run(rig, 600 * 1000);
	assert_int_equal(ben->engine->channels.used, 0);
}

/* While a long copy goes on, messages and statuses go as fast as ever, and so does the copy while
 * messages do. */
static void test_beside_messages(void **state)
{
	struct status status = {.show = SHOW_DND};
	size_t before;

	(void)state;
	listen_and_link();
	connect_to("copy");
	write_more(&here);
	for (unsigned i = 0; i < 50; i++) {
		node_send(anna, ben, i, 1);
		rig_run(rig, 500);
		assert_int_equal(ben->got, i + 1);
		assert_int_equal(anna->acked, i + 1);
	}
	assert_int_equal(account_set_status(anna->account, &status), 0);
	rig_run(rig, 500);
	assert_int_equal(ben->status.show, SHOW_DND);
	before = there.got;
	node_send(anna, ben, 50, 3000);
	for (unsigned i = 0; i < 3000 && ben->got < 3050; i++)
		rig_run(rig, 10);
	assert_int_equal(ben->got, 3050);
	assert_int_equal(ben->wrong, 0);
	assert_true(there.got > before);
}

/* Whoever does not read stops the copy, and nothing else. */
static void test_slow_reader(void **state)
{
	(void)state;
	listen_and_link();
	there.reads = false;
	connect_to("copy");
	write_more(&here);
	rig_run(rig, 60 * 1000);
	/* What was let go last, it is not asked for again before there is room for half as much. */
	assert_in_range(here.written, CHANNEL_WINDOW + CHANNEL_SEND_MAX / 2,
			CHANNEL_WINDOW + CHANNEL_SEND_MAX);
	node_send(anna, ben, 0, 10);
	rig_run(rig, 1000);
	assert_int_equal(ben->got, 10);
	there.reads = true;
	on_readable(&there, there.channel);
	rig_run(rig, 60 * 1000);
	assert_true(there.got > 10000000);
}

/* With cover a copy takes the moments that there are, and a message waits for two frames of it. */
static void test_cover(void **state)
{
	struct err err = {0};

	(void)state;
	listen_and_link();
	assert_int_equal(account_set_cover(anna->account, 100, &err), 0);
	assert_int_equal(account_set_cover(ben->account, 100, &err), 0);
	connect_to("copy");
	rig_run(rig, 5000);
	assert_int_equal(here.opened, 1);
	write_more(&here);
	rig_run(rig, 60 * 1000);
	assert_in_range(there.got, 400 * CHANNEL_DATA_MAX, 800 * CHANNEL_DATA_MAX);
	node_send(anna, ben, 0, 1);
	rig_run(rig, 3000);
	assert_int_equal(ben->got, 1);
}

/* The session breaks at any moment: both ends hear it, and the next channel is as good as ever. */
static void break_after(int64_t ms, void (*how)(void))
{
	unsigned closed = here.closed;
	struct err err = {0};

	rig_link(anna, ben, 600 * 1000);
	here.channel = contact_connect(node_contact(anna, ben), "copy", &handler, &here, &err);
	assert_non_null(here.channel);
	write_more(&here);
	rig_run(rig, ms);
	how();
	rig_run(rig, 30 * 1000);
	assert_int_equal(here.closed, closed + 1);
	assert_int_equal(here.why, ERR_UNAVAILABLE);
	assert_null(there.channel);
}

static void break_net(void)
{
	fake_host_break(anna->host);
}

static void kill_ben(void)
{
	node_kill(ben);
	node_reopen(ben);
	listen_and_link();
}

static void stop_anna(void)
{
	node_stop(anna);
	rig_run(rig, 2000);
	node_start(anna);
}

static void test_breaks(void **state)
{
	static void (*const hows[])(void) = {break_net, stop_anna, kill_ben};

	(void)state;
	listen_and_link();
	for (size_t how = 0; how < sizeof(hows) / sizeof(hows[0]); how++)
		for (int64_t ms = 0; ms < 1500; ms = ms * 2 + 1)
			break_after(ms, hows[how]);
	rig_link(anna, ben, 600 * 1000);
	connect_to("copy");
	assert_non_null(there.channel);
}

/* The contact goes in the very moment in which its channel is accepted. */
static void test_contact_removed(void **state)
{
	(void)state;
	listen_and_link();
	there.remove_contact = true;
	connect_to("copy");
	rig_run(rig, 10 * 1000);
	assert_int_equal(here.why, ERR_UNAVAILABLE);
	assert_int_equal(there.why, ERR_UNAVAILABLE);
	assert_int_equal(there.closed, 1);
}

/* --- a hostile contact --- */

static void line_open(struct line *line, uint32_t id, const char *service)
{
	uint8_t payload[FRAME_PAYLOAD_MAX];
	struct channel_frame frame = {.op = CHANNEL_OPEN,
				      .id = id,
				      .count = 1000,
				      .data = (const uint8_t *)service,
				      .len = strlen(service)};

	line_send(line, FRAME_CHANNEL, payload, channel_frame_write(&frame, payload));
}

static bool take_any(void *arg, struct contact *contact, struct channel *channel)
{
	struct end *end = arg;

	(void)contact;
	end->opened++;
	if (end->channel != NULL)
		return false;
	end->channel = channel;
	channel_take(channel, &handler, end);
	return true;
}

static void test_hostile(void **state)
{
	static uint8_t data[FRAME_PAYLOAD_MAX] = {CHANNEL_DATA, 0, 0, 0, 1};
	struct line *line = NULL;
	struct err err = {0};

	(void)state;
	puppet = puppet_new(rig, anna, true);
	anna->loose = true;
	node_start(anna);
	rig_run(rig, 10 * 1000);
	assert_int_equal(account_listen(anna->account, "copy", take_any, &there, NULL, &err), 0);
	there.reads = false;
	line = puppet_link(puppet);
	/* It overruns its window, and goes on. */
	line_open(line, 1, "copy");
	rig_run(rig, 1000);
	assert_non_null(there.channel);
	assert_int_equal(line->count[FRAME_CHANNEL], 1);
	for (unsigned i = 0; i < 3000; i++)
		line_send(line, FRAME_CHANNEL, data, sizeof(data));
	rig_run(rig, 10 * 1000);
	assert_int_equal(there.why, ERR_PROTOCOL);
	assert_int_equal(line->count[FRAME_CHANNEL], 2);
	/* Ten thousand channels, to nothing and to something. */
	for (uint32_t i = 1; i <= 10000; i++)
		line_open(line, 1 + 2 * i, i % 2 ? "copy" : "nothing");
	rig_run(rig, 60 * 1000);
	/* Half of them to something, as many as may be opened in that time. */
	assert_in_range(there.opened, 2, 1 + CHANNEL_OPENS + 60 * 1000 / CHANNEL_OPEN_EACH_MS);
	line_data(line, 1, "still there?");
	rig_run(rig, 1000);
	assert_int_equal(anna->got, 1);
	assert_false(line->closed);
	/* A channel that nobody has opened ends the session. */
	data[4] = 2;
	line_send(line, FRAME_CHANNEL, data, sizeof(data));
	rig_run(rig, 1000);
	assert_true(line->closed);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(test_copy),
	    WITH_RIG(test_limit_of_all),
	    WITH_RIG(test_beside_messages),
	    WITH_RIG(test_slow_reader),
	    WITH_RIG(test_cover),
	    WITH_RIG(test_breaks),
	    WITH_RIG(test_contact_removed),
	    WITH_RIG(test_hostile),
	};

	return cmocka_run_group_tests_name("engine channel", tests, NULL, NULL);
}
