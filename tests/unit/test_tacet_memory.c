/*
 * Tests of the public library when memory is short: each allocation of ours fails in turn, in each
 * call. A call that fails says so; the next one is as good as the first.
 */
#include "tests/unit/fail_malloc.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tacet.h>
#include <unistd.h>

#include <cmocka.h>

/* More allocations than any one call makes. */
#define TRIES_MAX 5000

struct fixture {
	char directory[64];
	struct tacet *tacet;
	struct tacet_account *me, *you;
	struct tacet_contact *contact;
	char id[TACET_ID_LEN + 1], link[TACET_LINK_SIZE];
	uint64_t token;
	unsigned sent;
	struct tacet_err err;
};

static struct tacet *open_state(struct fixture *f)
{
	struct tacet_options options = {.size = sizeof options};
	struct tacet_handlers handlers = {.size = sizeof handlers};

	options.state_dir = f->directory;
	options.tor_program = "/nonexistent/tor";
	return tacet_open(&options, &handlers, f, &f->err);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	strcpy(f->directory, "/tmp/tacet-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->tacet = open_state(f);
	assert_non_null(f->tacet);
	f->me = tacet_account_add(f->tacet, "me", &f->err);
	f->you = tacet_account_add(f->tacet, "you", &f->err);
	assert_non_null(f->me);
	assert_non_null(f->you);
	strcpy(f->id, tacet_account_id(f->you));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tacet_close(&f->tacet);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* call returns 0 or -1 with f->err. Tried until nothing fails; undo after each that was done. */
static void try_each(struct fixture *f, int (*call)(struct fixture *f),
		     void (*undo)(struct fixture *f))
{
	bool failed = true;
	long n;

	for (n = 0; failed && n < TRIES_MAX; n++) {
		int result;

		f->err = (struct tacet_err){0};
		fail_malloc_arm(n);
		result = call(f);
		failed = fail_malloc_disarm();
		if (result && !failed)
			fail_msg("%s", f->err.text);
		if (result && (f->err.code == TACET_OK || !f->err.text[0]))
			fail_msg("allocation %ld: nothing is said", n);
		if (result == 0 && undo)
			undo(f);
	}
	assert_false(failed);
}

/* --- calls --- */

static int open_again(struct fixture *f)
{
	f->tacet = open_state(f);
	return f->tacet ? 0 : -1;
}

static void close_again(struct fixture *f)
{
	tacet_close(&f->tacet);
}

static int add_account(struct fixture *f)
{
	return tacet_account_add(f->tacet, "third", &f->err) ? 0 : -1;
}

static int present(struct fixture *f)
{
	return tacet_account_present(f->me, &(struct tacet_presence){TACET_AWAY, 5, "lunch"},
				     &f->err);
}

static int add_contact(struct fixture *f)
{
	f->contact = tacet_contact_add(f->me, f->id, "You", NULL, &f->err);
	return f->contact ? 0 : -1;
}

static void remove_contact(struct fixture *f)
{
	assert_int_equal(tacet_contact_remove(&f->contact, &f->err), 0);
}

static int rename_contact(struct fixture *f)
{
	return tacet_contact_rename(f->contact, "Du", &f->err);
}

static int send_hello(struct fixture *f)
{
	return tacet_send(f->contact, "hello", 5, &f->token, &f->err);
}

static void count_sent(struct fixture *f)
{
	f->sent++;
}

static int invite(struct fixture *f)
{
	return tacet_invite(f->me, "Me", true, 1000000, f->link, &f->err);
}

static int introduce(struct fixture *f)
{
	f->contact = tacet_introduce(f->you, f->link, NULL, "You", "hello", &f->err);
	return f->contact ? 0 : -1;
}

/* --- tests --- */

static void opening(void **state)
{
	struct fixture *f = *state;

	tacet_close(&f->tacet);
	try_each(f, open_again, close_again);
	f->tacet = open_state(f);
	assert_non_null(tacet_account_find(f->tacet, "me"));
}

static void accounts_and_contacts(void **state)
{
	struct fixture *f = *state;

	try_each(f, add_account, NULL);
	assert_non_null(tacet_account_find(f->tacet, "third"));
	try_each(f, present, NULL);
	try_each(f, add_contact, remove_contact);
	assert_int_equal(add_contact(f), 0);
	try_each(f, rename_contact, NULL);
	assert_string_equal(tacet_contact_name(f->contact), "Du");
}

/* What was taken is there after a restart, and nothing else. */
static void messages(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_contact(f), 0);
	try_each(f, send_hello, count_sent);
	assert_int_equal(tacet_contact_waiting(f->contact), f->sent);
	tacet_close(&f->tacet);
	f->tacet = open_state(f);
	f->contact = tacet_contact_find(tacet_account_find(f->tacet, "me"), f->id);
	assert_int_equal(tacet_contact_waiting(f->contact), f->sent);
}

static void people(void **state)
{
	struct fixture *f = *state;

	try_each(f, invite, NULL);
	try_each(f, introduce, remove_contact);
}

#define WITH_STATE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STATE(opening),
	    WITH_STATE(accounts_and_contacts),
	    WITH_STATE(messages),
	    WITH_STATE(people),
	};

	return cmocka_run_group_tests_name("tacet memory", tests, NULL, NULL);
}
