/* Tests of introduction.c: the three messages, what is changed in them, texts, work. */
#include "core/introduction.h"

#include "core/invitation.h"
#include "tests/unit/known_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Where the payload's parts stand (introduction.h). */
#define NAME_AT (KEY_LEN + 8)

struct setting {
	const struct env *env;
	struct identity host, guest;
	struct pair host_door, guest_door;
	struct hello hello;
	struct noise *from, *to; /* the guest's and the host's handshake */
	uint8_t knock[KNOCK_LEN], answer[ANSWER_LEN], message[INTRODUCTION_LEN];
};

static struct known_random source;

static struct setting set_up(void)
{
	struct setting s = {.env = &source.env};
	struct invitation invitation = {.with_secret = true, .secret = "a secret of an"};
	struct identity door;
	struct key secret;

	known_random_init(&source, 1);
	assert_int_equal(identity_generate(s.env, &s.host, NULL), 0);
	assert_int_equal(identity_generate(s.env, &s.guest, NULL), 0);
	memcpy(invitation.host, s.host.public_key, X25519_LEN);
	assert_int_equal(invitation_door(&invitation, &door, &secret, NULL), 0);
	assert_int_equal(pair_derive(&s.host, door.public_key, &secret, &s.host_door, NULL), 0);
	assert_int_equal(pair_derive(&door, s.host.public_key, &secret, &s.guest_door, NULL), 0);
	s.hello = (struct hello){.time_ms = 123456789, .version_min = 1, .version_max = 1};
	memset(s.hello.instance, 7, INSTANCE_LEN);
	return s;
}

static void tear_down(struct setting *s)
{
	noise_free(&s->from);
	noise_free(&s->to);
}

static void knock(struct setting *s)
{
	s->from = introduction_knock(s->env, &s->guest, s->host.public_key, &s->guest_door, 5,
				     &s->hello, s->knock, NULL);
	assert_non_null(s->from);
}

static bool admit(struct setting *s)
{
	struct hello hello;
	struct err err = {0};

	s->to = introduction_admit(s->env, &s->host, &s->host_door, s->knock, &hello, &err);
	if (s->to != NULL)
		assert_memory_equal(hello.instance, s->hello.instance, INSTANCE_LEN);
	else
		assert_int_not_equal(err.code, ERR_NONE);
	return s->to != NULL;
}

static void answer(struct setting *s, unsigned bits)
{
	assert_int_equal(introduction_answer(s->to, 1, bits, s->answer, NULL), 0);
}

static const struct introduction sample = {
    .secret = {{1, 2, 3}}, .nonce = 99, .name = "Carla", .text = "It's me,\nCarla \xe2\x99\xa5"};

static void test_round(void **state)
{
	struct setting s = set_up();
	struct introduction found;
	struct noise_cipher a, b, c, d;
	uint8_t guest[X25519_LEN], hash[2][SHA256_LEN];
	unsigned bits = 0;

	(void)state;
	knock(&s);
	assert_true(admit(&s));
	answer(&s, 18);
	assert_int_equal(introduction_read_answer(s.from, s.answer, &bits, NULL), 0);
	assert_int_equal(bits, 18);
	assert_int_equal(introduction_write(s.from, &sample, s.message, NULL), 0);
	assert_int_equal(introduction_read(s.to, s.message, guest, &found, NULL), 0);
	assert_memory_equal(guest, s.guest.public_key, X25519_LEN);
	assert_memory_equal(found.secret.bytes, sample.secret.bytes, KEY_LEN);
	assert_int_equal(found.nonce, 99);
	assert_string_equal(found.name, sample.name);
	assert_string_equal(found.text, sample.text);
	assert_int_equal(noise_split(s.from, &a, &b, hash[0], NULL), 0);
	assert_int_equal(noise_split(s.to, &c, &d, hash[1], NULL), 0);
	assert_memory_equal(&a, &d, sizeof(a));
	assert_memory_equal(&b, &c, sizeof(b));
	assert_memory_equal(hash[0], hash[1], SHA256_LEN);
	tear_down(&s);
}

/* Any bit that is another is noticed in the message that it is in. */
static void test_changed(void **state)
{
	(void)state;
	for (size_t i = 0; i < KNOCK_LEN; i++) {
		struct setting s = set_up();
		knock(&s);
		s.knock[i] ^= 0x20;
		assert_false(admit(&s));
		tear_down(&s);
	}
	for (size_t i = 0; i < ANSWER_LEN; i++) {
		struct setting s = set_up();
		unsigned bits = 0;
		knock(&s);
		assert_true(admit(&s));
		answer(&s, 0);
		s.answer[i] ^= 0x20;
		assert_int_equal(introduction_read_answer(s.from, s.answer, &bits, NULL), -1);
		tear_down(&s);
	}
	for (size_t i = 0; i < INTRODUCTION_LEN; i += 7) {
		struct setting s = set_up();
		struct introduction found;
		uint8_t guest[X25519_LEN];
		unsigned bits = 0;
		knock(&s);
		assert_true(admit(&s));
		answer(&s, 0);
		assert_int_equal(introduction_read_answer(s.from, s.answer, &bits, NULL), 0);
		assert_int_equal(introduction_write(s.from, &sample, s.message, NULL), 0);
		s.message[i] ^= 0x20;
		assert_int_equal(introduction_read(s.to, s.message, guest, &found, NULL), -1);
		tear_down(&s);
	}
}

static void test_answers(void **state)
{
	struct setting s = set_up();
	unsigned bits = 0;
	struct err err = {0};

	(void)state;
	knock(&s);
	assert_true(admit(&s));
	answer(&s, WORK_BITS_MAX + 1);
	assert_int_equal(introduction_read_answer(s.from, s.answer, &bits, &err), -1);
	assert_int_equal(err.code, ERR_PROTOCOL);
	tear_down(&s);
}

/* A payload of the guest's own making, in a handshake that is right. */
static int read_made(const uint8_t *payload, size_t len, struct introduction *found)
{
	struct setting s = set_up();
	uint8_t guest[X25519_LEN];
	unsigned bits = 0;
	int result;

	knock(&s);
	assert_true(admit(&s));
	answer(&s, 0);
	assert_int_equal(introduction_read_answer(s.from, s.answer, &bits, NULL), 0);
	assert_int_equal(noise_write(s.from, payload, len, s.message, sizeof(s.message), NULL),
			 INTRODUCTION_LEN);
	result = introduction_read(s.to, s.message, guest, found, NULL);
	tear_down(&s);
	return result;
}

static void test_payloads(void **state)
{
	uint8_t payload[INTRODUCTION_LEN - X25519_LEN - 2 * AEAD_TAG_LEN] = {0};
	const size_t len = sizeof(payload);
	struct introduction found;
	struct {
		const char *name;
		size_t name_len;
		const char *text;
		size_t text_len;
		int result;
	} cases[] = {
	    {"", 0, "", 0, 0},
	    {"Carla", 5, "hi", 2, 0},
	    {"a\tb", 3, "", 0, -1},
	    {"a\0b", 3, "", 0, -1},
	    {"\xc3", 1, "", 0, -1},
	    {"a\x7f", 2, "", 0, -1},
	    {"", 0, "a\tb\nc", 5, 0},
	    {"", 0, "a\rb", 3, -1},
	    {"", 0, "a\0", 2, -1},
	    {"", 0, "\xed\xa0\x80", 3, -1},
	    {NULL, CONTACT_NAME_MAX, NULL, REQUEST_TEXT_MAX, 0},
	    {NULL, CONTACT_NAME_MAX + 1, NULL, 0, -1},
	    {NULL, 0, NULL, REQUEST_TEXT_MAX + 1, -1},
	    {NULL, 0xffff, NULL, 0, -1},
	    {NULL, 0, NULL, 0xffff, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t name = cases[i].name_len < 300 ? cases[i].name_len : 300;
		size_t text = cases[i].text_len < 550 ? cases[i].text_len : 550;
		uint8_t *at = payload + NAME_AT;
		memset(payload, 0, len);
		*at++ = (uint8_t)(cases[i].name_len >> 8);
		*at++ = (uint8_t)cases[i].name_len;
		for (size_t n = 0; n < name; n++)
			*at++ = cases[i].name != NULL ? (uint8_t)cases[i].name[n] : 'x';
		*at++ = (uint8_t)(cases[i].text_len >> 8);
		*at++ = (uint8_t)cases[i].text_len;
		for (size_t n = 0; n < text; n++)
			*at++ = cases[i].text != NULL ? (uint8_t)cases[i].text[n] : 'y';
		if (read_made(payload, len, &found) != cases[i].result)
			fail_msg("case %zu", i);
	}
	/* Padding that is not zero. */
	memset(payload, 0, len);
	payload[len - 1] = 1;
	assert_int_equal(read_made(payload, len, &found), -1);
}

static void test_work(void **state)
{
	uint8_t challenge[SHA256_LEN] = {1};
	uint64_t nonce = 0;

	(void)state;
	assert_true(work_good(challenge, 12345, 0));
	assert_false(work_try(challenge, 22, 10, &nonce));
	assert_int_equal(nonce, 10);
	assert_true(work_try(challenge, 12, 1 << 20, &nonce));
	assert_true(work_good(challenge, nonce, 12));
	assert_true(work_good(challenge, nonce, 11));
	challenge[0] = 2;
	assert_false(work_good(challenge, nonce, 12));
}

static void test_mark(void **state)
{
	struct key a = {{1}}, b = {{2}};
	uint8_t marks[3][INSTANCE_LEN];

	(void)state;
	introduction_mark(&a, marks[0]);
	introduction_mark(&b, marks[1]);
	introduction_mark(&a, marks[2]);
	assert_memory_equal(marks[0], marks[2], INSTANCE_LEN);
	assert_memory_not_equal(marks[0], marks[1], INSTANCE_LEN);
	assert_memory_not_equal(marks[0], a.bytes, INSTANCE_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round),   cmocka_unit_test(test_changed),
	    cmocka_unit_test(test_answers), cmocka_unit_test(test_payloads),
	    cmocka_unit_test(test_work),    cmocka_unit_test(test_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
