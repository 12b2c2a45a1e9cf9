/*
 * test_socks.c: the SOCKS client against servers in a table, good and bad; and onion names.
 */
#include "core/base/codec.h"
#include "core/onion.h"
#include "core/socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* What a client for user "u", host "h.onion", port 80 says. */
#define GREETING "050102"
#define AUTH     "0101750130"
#define REQUEST  "0501000307682e6f6e696f6e0050"

static const struct {
	const char
	    *server; /* what the server sends, hex; a blank is where it waits for the client */
	const char *client; /* all that the client has sent, hex */
	enum socks_state end;
	enum err_code error;
	int code;
} cases[] = {
    {"", GREETING, SOCKS_METHOD, ERR_NONE, -1},
    {"05", GREETING, SOCKS_METHOD, ERR_NONE, -1},
    {"0502", GREETING AUTH, SOCKS_AUTH, ERR_NONE, -1},
    {"0502 0100", GREETING AUTH REQUEST, SOCKS_REQUEST, ERR_NONE, -1},
    {"0502 0100 05000001000000000000", GREETING AUTH REQUEST, SOCKS_OPEN, ERR_NONE, 0},
    {"0502 0100 0500000400000000000000000000000000000000ffff", GREETING AUTH REQUEST, SOCKS_OPEN,
     ERR_NONE, 0},
    {"0502 0100 0500000302616200ff", GREETING AUTH REQUEST, SOCKS_OPEN, ERR_NONE, 0},
    {"0502 0100 050000030000ff", GREETING AUTH REQUEST, SOCKS_OPEN, ERR_NONE, 0},
    {"0502 0100 050000010000000000", GREETING AUTH REQUEST, SOCKS_REQUEST, ERR_NONE, -1},
    {"0502 0100 05f00001000000000000", GREETING AUTH REQUEST, SOCKS_CLOSED, ERR_UNAVAILABLE, 0xF0},
    {"0502 0100 05010001000000000000", GREETING AUTH REQUEST, SOCKS_CLOSED, ERR_UNAVAILABLE, 1},
    {"0502 0100 05990001000000000000", GREETING AUTH REQUEST, SOCKS_CLOSED, ERR_UNAVAILABLE, 0x99},
    {"0400", GREETING, SOCKS_CLOSED, ERR_PROTOCOL, -1},
    {"05ff", GREETING, SOCKS_CLOSED, ERR_PROTOCOL, -1},
    {"0500", GREETING, SOCKS_CLOSED, ERR_PROTOCOL, -1},
    {"05020100", GREETING, SOCKS_CLOSED, ERR_PROTOCOL, -1},
    {"0502 0101", GREETING AUTH, SOCKS_CLOSED, ERR_AUTH, -1},
    {"0502 0500", GREETING AUTH, SOCKS_CLOSED, ERR_PROTOCOL, -1},
    {"0502 0100 04000001000000000000", GREETING AUTH REQUEST, SOCKS_CLOSED, ERR_PROTOCOL, -1},
    {"0502 0100 0500000500", GREETING AUTH REQUEST, SOCKS_CLOSED, ERR_PROTOCOL, -1},
};

struct talk {
	struct socks socks;
	char sent[4096]; /* hex */
	struct err err;
	int result;
};

static void collect(struct talk *talk)
{
	hex_encode(talk->socks.out, talk->socks.out_len, talk->sent + strlen(talk->sent));
	talk->socks.out_len = 0;
}

/* Give the client one turn of the server, in pieces of step bytes. */
static void turn(struct talk *talk, const uint8_t *data, size_t len, size_t step)
{
	while (len > 0 && talk->result == 0) {
		size_t piece = len < step ? len : step;
		size_t used;

		talk->result = socks_feed(&talk->socks, data, piece, &used, &talk->err);
		if (talk->result == 0 && talk->socks.state != SOCKS_OPEN)
			assert_int_equal(used, piece);
		/* A server that sends in one piece what it should send in two is tested with
		 * whole pieces only. */
		collect(talk);
		data += piece;
		len -= piece;
	}
}

static void run(struct talk *talk, const char *server, size_t step)
{
	*talk = (struct talk){.err = {.code = ERR_NONE}};
	assert_int_equal(socks_start(&talk->socks, "u", "h.onion", 80, &talk->err), 0);
	collect(talk);
	while (*server != '\0') {
		uint8_t data[64];
		size_t len = strcspn(server, " ");
		int count = hex_decode(server, len, data, sizeof data);

		assert_true(count >= 0);
		turn(talk, data, (size_t)count, step);
		server += len;
		server += *server == ' ' ? 1 : 0;
	}
}

static void talks_to_servers(void **state)
{
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		run(&talk, cases[i].server, 64);
		assert_int_equal(talk.socks.state, cases[i].end);
		assert_string_equal(talk.sent, cases[i].client);
		assert_int_equal(talk.err.code, cases[i].error);
		assert_int_equal(talk.result, cases[i].error == ERR_NONE ? 0 : -1);
		assert_int_equal(talk.socks.code, cases[i].code);
	}
}

static void takes_one_byte_at_a_time(void **state)
{
	struct talk talk;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (!strcmp(cases[i].server, "05020100"))
			continue;
		run(&talk, cases[i].server, 1);
		assert_int_equal(talk.socks.state, cases[i].end);
		assert_string_equal(talk.sent, cases[i].client);
	}
}

static void leaves_the_first_bytes_of_the_other_end(void **state)
{
	static const uint8_t reply[] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 'h', 'i'};
	struct talk talk;
	size_t used;

	(void)state;
	run(&talk, "0502 0100", 64);
	assert_int_equal(socks_feed(&talk.socks, reply, sizeof reply, &used, &talk.err), 0);
	assert_int_equal(talk.socks.state, SOCKS_OPEN);
	assert_int_equal(used, sizeof reply - 2);
}

static void is_over_after_a_failure(void **state)
{
	struct talk talk;
	size_t used;

	(void)state;
	run(&talk, "0400", 64);
	assert_int_equal(socks_feed(&talk.socks, "\005\002", 2, &used, &talk.err), -1);
	assert_int_equal(talk.err.code, ERR_WRONG_STATE);
}

static void checks_names(void **state)
{
	char longest[SOCKS_NAME_MAX + 2];
	struct socks socks;
	struct err err;

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[SOCKS_NAME_MAX] = '\0';
	assert_int_equal(socks_start(&socks, longest, longest, 1, &err), 0);
	longest[SOCKS_NAME_MAX] = 'x';
	longest[SOCKS_NAME_MAX + 1] = '\0';
	assert_int_equal(socks_start(&socks, longest, "h", 1, &err), -1);
	assert_int_equal(socks_start(&socks, "u", longest, 1, &err), -1);
	assert_int_equal(socks_start(&socks, "", "h", 1, &err), -1);
	assert_int_equal(socks_start(&socks, "u", "", 1, &err), -1);
	assert_int_equal(socks_start(&socks, "<torS0X>0", "h", 1, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
}

static void longest_names_fit(void **state)
{
	char longest[SOCKS_NAME_MAX + 1];
	struct socks socks;
	struct err err;
	size_t used;

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[SOCKS_NAME_MAX] = '\0';
	assert_int_equal(socks_start(&socks, longest, longest, 1, &err), 0);
	assert_int_equal(socks_feed(&socks, "\005\002", 2, &used, &err), 0);
	assert_int_equal(socks.out_len, 1 + 1 + 255 + 1 + 1);
	assert_int_equal(socks_feed(&socks, "\001\000", 2, &used, &err), 0);
	assert_int_equal(socks.out_len, 4 + 1 + 255 + 2);
}

static void has_words_for_codes(void **state)
{
	(void)state;
	assert_string_equal(socks_code_text(0xF5), "onion service client authorization is wrong");
	assert_string_equal(socks_code_text(5), "connection refused");
	assert_string_equal(socks_code_text(-1), "unknown SOCKS error");
}

/* Examples of the rendezvous specification, section "Encoding onion addresses". */
static const char *const onions[] = {
    "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd",
    "sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd",
    "xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd",
};

static void encodes_onion_names(void **state)
{
	uint8_t key[ONION_KEY_LEN];
	char name[ONION_NAME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(onions); i++) {
		assert_int_equal(onion_parse(onions[i], key), 0);
		assert_int_equal(onion_name(key, name), 0);
		assert_string_equal(name, onions[i]);
	}
}

static void refuses_wrong_onion_names(void **state)
{
	static const char good[] = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd";
	uint8_t key[ONION_KEY_LEN];
	char bad[ONION_NAME_LEN + 2];

	(void)state;
	for (size_t i = 0; i < ONION_NAME_LEN; i++) {
		strcpy(bad, good);
		bad[i] = bad[i] == 'a' ? 'b' : 'a';
		assert_int_equal(onion_parse(bad, key), -1);
	}
	strcpy(bad, good);
	bad[ONION_NAME_LEN - 1] = '\0';
	assert_int_equal(onion_parse(bad, key), -1);
	strcpy(bad, good);
	strcat(bad, "a");
	assert_int_equal(onion_parse(bad, key), -1);
	assert_int_equal(onion_parse("", key), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(talks_to_servers),
	    cmocka_unit_test(takes_one_byte_at_a_time),
	    cmocka_unit_test(leaves_the_first_bytes_of_the_other_end),
	    cmocka_unit_test(is_over_after_a_failure),
	    cmocka_unit_test(checks_names),
	    cmocka_unit_test(longest_names_fit),
	    cmocka_unit_test(has_words_for_codes),
	    cmocka_unit_test(encodes_onion_names),
	    cmocka_unit_test(refuses_wrong_onion_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
