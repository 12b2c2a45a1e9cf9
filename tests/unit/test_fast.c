/* Tests of xmpp/fast.c: how long tokens live, which end when, and their flat form; what clients see
 * of them is in tests/xmpp/sasl2.py. */
#include "tests/scenario/fake_env.h"
#include "xmpp/fast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NONE "HT-SHA-256-NONE"
#define EXPR "HT-SHA-256-EXPR"

static const uint8_t phone[FAST_AGENT_LEN] = {1}, desk[FAST_AGENT_LEN] = {2};
static const uint8_t salt[SCRAM_SALT_LEN] = {3}, other_salt[SCRAM_SALT_LEN] = {4};

struct fixture {
	struct fake_clock *clock;
	struct fake_env *fake;
	const struct env *env;
	struct fast fast;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->clock = fake_clock_new(1);
	f->fake = fake_env_new(f->clock);
	f->env = fake_env_env(f->fake);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_env_free(&f->fake);
	fake_clock_free(&f->clock);
	free(f);
	return 0;
}

static void issue(struct fixture *f, const uint8_t *agent, char text[SASL_TOKEN_SIZE])
{
	int64_t expires_ms;

	fast_issue(&f->fast, f->env, agent, NONE, text, &expires_ms);
	assert_int_equal(expires_ms, env_wall_ms(f->env) + FAST_LIFE_MS);
}

static size_t find(struct fixture *f, const uint8_t *agent, struct sasl_token *found)
{
	return fast_find(&f->fast, env_wall_ms(f->env), agent, NONE, 0, found);
}

static bool use(struct fixture *f, const char *text)
{
	return fast_use(&f->fast, env_wall_ms(f->env), phone, text, 0);
}

static void of_one_client_and_mechanism(void **state)
{
	struct fixture *f = *state;
	struct sasl_token found[SASL_TOKENS_MAX];
	char text[SASL_TOKEN_SIZE];

	issue(f, phone, text);
	assert_int_equal(strlen(text), SASL_TOKEN_SIZE - 1);
	assert_int_equal(find(f, phone, found), 1);
	assert_string_equal(found[0].text, text);
	assert_false(found[0].expired);
	assert_int_equal(find(f, desk, found), 0);
	assert_int_equal(fast_find(&f->fast, env_wall_ms(f->env), phone, EXPR, 0, found), 0);
}

static void a_life(void **state)
{
	struct fixture *f = *state;
	struct sasl_token found[SASL_TOKENS_MAX];
	char text[SASL_TOKEN_SIZE];

	issue(f, phone, text);
	fake_clock_run(f->clock, FAST_ROTATE_MS - 1);
	assert_false(use(f, text));
	fake_clock_run(f->clock, 1);
	assert_true(use(f, text));
	fake_clock_run(f->clock, FAST_LIFE_MS - FAST_ROTATE_MS - 1);
	assert_int_equal(find(f, phone, found), 1);
	assert_false(found[0].expired);
	fake_clock_run(f->clock, 1);
	assert_int_equal(find(f, phone, found), 1);
	assert_true(found[0].expired);
	/* A clock that goes back does not bring it back. */
	fake_env_jump(f->fake, -2 * FAST_LIFE_MS);
	assert_int_equal(find(f, phone, found), 1);
	assert_true(found[0].expired);
}

static void rotation(void **state)
{
	struct fixture *f = *state;
	struct sasl_token found[SASL_TOKENS_MAX];
	char one[SASL_TOKEN_SIZE], two[SASL_TOKEN_SIZE], three[SASL_TOKEN_SIZE],
	    other[SASL_TOKEN_SIZE];

	issue(f, desk, other);
	issue(f, phone, one);
	use(f, one);
	fake_clock_run(f->clock, 1);
	issue(f, phone, two);
	fake_clock_run(f->clock, 1);
	/* Two has not been used: three takes its place. */
	issue(f, phone, three);
	assert_int_equal(find(f, phone, found), 2);
	/* One is still good, until three is used. */
	use(f, one);
	assert_int_equal(find(f, phone, found), 2);
	use(f, three);
	assert_int_equal(find(f, phone, found), 1);
	assert_string_equal(found[0].text, three);
	assert_int_equal(find(f, desk, found), 1);
	fast_forget(&f->fast, phone);
	assert_int_equal(find(f, phone, found), 0);
	assert_int_equal(find(f, desk, found), 1);
}

static void counts(void **state)
{
	struct fixture *f = *state;
	struct sasl_token found[SASL_TOKENS_MAX];
	char text[SASL_TOKEN_SIZE];
	int64_t now = env_wall_ms(f->env);

	issue(f, phone, text);
	fast_use(&f->fast, now, phone, text, 5);
	assert_int_equal(fast_find(&f->fast, now, phone, NONE, 5, found), 0);
	assert_int_equal(fast_find(&f->fast, now, phone, NONE, 6, found), 1);
	assert_int_equal(fast_find(&f->fast, now, phone, NONE, 0, found), 1);
}

static void at_most(void **state)
{
	struct fixture *f = *state;
	struct sasl_token found[SASL_TOKENS_MAX];
	char text[SASL_TOKEN_SIZE];

	for (unsigned i = 0; i <= FAST_TOKENS_MAX; i++) {
		uint8_t agent[FAST_AGENT_LEN] = {9, (uint8_t)i};

		issue(f, agent, text);
		use(f, text);
		fake_clock_run(f->clock, 1);
	}
	assert_int_equal(f->fast.count, FAST_TOKENS_MAX);
	assert_int_equal(find(f, (const uint8_t[FAST_AGENT_LEN]){9, 0}, found), 0);
	assert_int_equal(find(f, (const uint8_t[FAST_AGENT_LEN]){9, 1}, found), 1);
	assert_int_equal(find(f, (const uint8_t[FAST_AGENT_LEN]){9, FAST_TOKENS_MAX}, found), 1);
}

static void flat_form(void **state)
{
	struct fixture *f = *state;
	uint8_t flat[FAST_FLAT_MAX];
	char text[SASL_TOKEN_SIZE];
	struct fast fast;
	size_t len;

	issue(f, phone, text);
	fast_use(&f->fast, env_wall_ms(f->env), phone, text, 7);
	issue(f, desk, text);
	len = fast_write(&f->fast, salt, flat);
	fast_read(&fast, flat, len, salt);
	assert_memory_equal(&fast, &f->fast, sizeof(fast));
	/* With another password there are none. */
	fast_read(&fast, flat, len, other_salt);
	assert_int_equal(fast.count, 0);
	for (size_t cut = 0; cut < len; cut++) {
		fast_read(&fast, flat, cut, salt);
		assert_true(fast.count == 0 || (cut - 1 - SCRAM_SALT_LEN) % FAST_TOKEN_FLAT == 0);
	}
	flat[0]++;
	fast_read(&fast, flat, len, salt);
	assert_int_equal(fast.count, 0);
	/* More than there is room for. */
	memset(flat, 1, sizeof(flat));
	memcpy(flat + 1, salt, SCRAM_SALT_LEN);
	fast_read(&fast, flat, sizeof(flat), salt);
	assert_int_equal(fast.count, FAST_TOKENS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(of_one_client_and_mechanism, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_life, setup, teardown),
	    cmocka_unit_test_setup_teardown(rotation, setup, teardown),
	    cmocka_unit_test_setup_teardown(counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(at_most, setup, teardown),
	    cmocka_unit_test_setup_teardown(flat_form, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
