/* Tests of the engine and its store when memory is short: each allocation fails in turn. */
#include "tests/unit/engine_rig.h"
#include "tests/unit/fail_malloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rig *rig;
static struct node_rig *anna, *ben;

static int set_up(void **state)
{
	(void)state;
	rig = rig_new(7);
	anna = rig_node(rig, "anna");
	ben = rig_node(rig, "ben");
	rig_pair(anna, ben);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_free(&rig);
	return 0;
}

static const struct engine_handler no_handler;

/* OpenSSL does not tell why it refuses: that can look like a bad key (ERR_CRYPTO), or id. */
static void assert_memory_error(const struct err *err)
{
	if (err->code != ERR_MEMORY && err->code != ERR_CRYPTO && err->code != ERR_INPUT)
		fail_msg("%s: %s", err_code_name(err->code), err->text);
}

static void test_open(void **state)
{
	struct engine_config config = {.env = fake_env_env(anna->fake),
				       .registry = anna->registry,
				       .transport = fake_host_transport(anna->host),
				       .database = anna->path,
				       .store_key = &(const struct key){{1}}};
	struct engine *engine = NULL;
	bool failed = true;

	(void)state;
	engine_free(&anna->engine);
	for (long n = 0; failed; n++) {
		struct err err = {0};
		fail_malloc_arm(n);
		engine = engine_new(&config, &no_handler, NULL, &err);
		failed = fail_malloc_disarm();
		if (failed) {
			assert_null(engine);
			assert_memory_error(&err);
		}
	}
	assert_non_null(engine);
	anna->engine = engine;
	anna->account = engine_account_find(engine, "anna");
	assert_non_null(contact_find(anna->account, ben->id));
}

/* What failed has left nothing behind: the next try is as good as the first. */
static void test_add(void **state)
{
	struct account *account = NULL;
	struct contact *contact = NULL;
	bool failed = true;

	(void)state;
	for (long n = 0; failed; n++) {
		struct err err = {0};
		fail_malloc_arm(n);
		account = engine_account_add(anna->engine, "second", &err);
		failed = fail_malloc_disarm();
		assert_true(failed == (account == NULL));
		if (failed)
			assert_memory_error(&err);
	}
	failed = true;
	for (long n = 0; failed; n++) {
		struct err err = {0};
		fail_malloc_arm(n);
		contact = contact_add(account, ben->id, "ben", NULL, &err);
		failed = fail_malloc_disarm();
		assert_true(failed == (contact == NULL));
		if (failed)
			assert_memory_error(&err);
	}
	assert_ptr_equal(contact_find(account, ben->id), contact);
}

static void count_mark(void *arg, const uint8_t mark[SENT_MARK_LEN])
{
	(void)mark;
	(*(unsigned *)arg)++;
}

static void test_send(void **state)
{
	bool failed = true;
	const uint8_t first[SENT_MARK_LEN] = {0};
	unsigned sent = 0, marked = 0, marks = 0;

	(void)state;
	for (long n = 0; failed; n++) {
		struct err err = {0};
		int result;
		fail_malloc_arm(n);
		result = engine_send(node_contact(anna, ben), "0", 1, NULL, &err);
		failed = fail_malloc_disarm();
		sent += result == 0;
	}
	assert_true(sent > 0);
	/* The clock of the tests does not bear a want of memory: it runs already. */
	assert_int_equal(engine_send_marked(node_contact(anna, ben), "0", 1, first, NULL, NULL), 0);
	sent++;
	marked++;
	failed = true;
	for (long n = 0; failed; n++) {
		const uint8_t mark[SENT_MARK_LEN] = {(uint8_t)n};
		int result;
		fail_malloc_arm(n);
		result = engine_send_marked(node_contact(anna, ben), "0", 1, mark, NULL, NULL);
		failed = fail_malloc_disarm();
		sent += result == 0;
		marked += result == 0;
	}
	assert_int_equal(contact_outbox(node_contact(anna, ben)), sent);
	/* Each mark is there with its message, and none without. */
	account_sent_marks(anna->account, count_mark, &marks);
	assert_int_equal(marks, marked);
	assert_int_equal(engine_flush(anna->engine, NULL), 0);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_RIG(test_open),
	    WITH_RIG(test_add),
	    WITH_RIG(test_send),
	};

	return cmocka_run_group_tests_name("engine memory", tests, NULL, NULL);
}
