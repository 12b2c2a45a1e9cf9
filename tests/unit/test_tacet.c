/* Tests of the public library by its header alone; there is no tor to go out through. */
#include <tacet.h>

#include <dirent.h>
#include <event2/event.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char directory[64], state[80];
	struct tacet *tacet;
	struct tacet_err err;
	unsigned networks;
	enum tacet_tor tor;
	char problem[256];
};

static void on_network(void *arg, const struct tacet_network *network)
{
	struct fixture *f = arg;

	f->networks++;
	f->tor = network->tor;
	snprintf(f->problem, sizeof f->problem, "%s", network->problem);
}

static struct tacet *open_state(struct fixture *f, const char *state)
{
	struct tacet_options options = {.size = sizeof options};
	struct tacet_handlers handlers = {.size = sizeof handlers};

	options.state_dir = state;
	options.tor_program = "/nonexistent/tor";
	handlers.network = on_network;
	return tacet_open(&options, &handlers, f, &f->err);
}

static void no_line(void *arg, enum tacet_log_level level, const char *line)
{
	(void)level;
	(void)line;
	++*(unsigned *)arg;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	strcpy(f->directory, "/tmp/tacet-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->state, sizeof f->state, "%s/state", f->directory);
	f->tacet = open_state(f, f->state);
	assert_non_null(f->tacet);
	*state = f;
	return 0;
}

static void remove_tree(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char inside[512];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
		remove_tree(inside);
	}
	if (dir != NULL)
		closedir(dir);
	remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tacet_close(&f->tacet);
	assert_null(f->tacet);
	tacet_close(&f->tacet);
	remove_tree(f->directory);
	free(f);
	return 0;
}

static void bad_options_are_refused(void **state)
{
	struct fixture *f = *state;
	struct tacet_options options = {.size = sizeof options};
	struct tacet_handlers handlers = {.size = sizeof handlers};
	struct tacet_err err;

	assert_null(tacet_open(&options, &handlers, NULL, &err));
	assert_int_equal(err.code, TACET_INPUT);
	options.state_dir = f->state;
	options.size = 0;
	assert_null(tacet_open(&options, &handlers, NULL, &err));
	assert_int_equal(err.code, TACET_INPUT);
	assert_null(open_state(f, "/nonexistent/state"));
	assert_int_equal(f->err.code, TACET_SYSTEM);
	assert_non_null(strstr(f->err.text, "/nonexistent/state"));
}

/* A caller who was compiled with an older header, or a newer one. */
static void structs_may_be_shorter_or_longer(void **state)
{
	struct fixture *f = *state;
	struct {
		struct tacet_options options;
		char more[32];
	} longer = {.options = {.size = sizeof longer}};
	struct tacet_handlers handlers = {.size = sizeof(size_t) + sizeof(void *)};
	char other[96];

	memset(longer.more, 0xff, sizeof longer.more);
	snprintf(other, sizeof other, "%s/other", f->directory);
	longer.options.state_dir = other;
	longer.options.tor_program = "/nonexistent/tor";
	struct tacet *tacet = tacet_open(&longer.options, &handlers, NULL, &f->err);
	assert_non_null(tacet);
	tacet_run_once(tacet, 10);
	tacet_close(&tacet);
}

static void a_state_directory_has_one_user(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char pid[16];

	assert_null(open_state(f, f->state));
	assert_int_equal(f->err.code, TACET_STATE);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	assert_non_null(strstr(f->err.text, pid));
	assert_int_equal(stat(f->state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	tacet_close(&f->tacet);
	f->tacet = open_state(f, f->state);
	assert_non_null(f->tacet);
}

static void count_account(void *arg, struct tacet_account *account)
{
	(void)account;
	++*(unsigned *)arg;
}

static void accounts_stay(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;
	char id[TACET_ID_LEN + 1];
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);

	assert_non_null(me);
	assert_string_equal(tacet_account_name(me), "me");
	assert_int_equal(strlen(tacet_account_id(me)), TACET_ID_LEN);
	assert_int_equal(tacet_id_check(tacet_account_id(me), NULL), 0);
	assert_false(tacet_account_reachable(me));
	strcpy(id, tacet_account_id(me));
	assert_null(tacet_account_add(f->tacet, "me", &f->err));
	assert_int_equal(f->err.code, TACET_EXISTS);
	assert_null(tacet_account_add(f->tacet, "", NULL));
	tacet_close(&f->tacet);
	f->tacet = open_state(f, f->state);
	me = tacet_account_find(f->tacet, "me");
	assert_non_null(me);
	assert_string_equal(tacet_account_id(me), id);
	assert_null(tacet_account_find(f->tacet, "you"));
	tacet_accounts(f->tacet, count_account, &count);
	assert_int_equal(count, 1);
	/* Accounts that were loaded work like those that were made. */
	assert_int_equal(
	    tacet_account_present(me, &(struct tacet_presence){TACET_AWAY, 5, "lunch"}, &f->err),
	    0);
}

static void presence_is_checked(void **state)
{
	struct fixture *f = *state;
	static char longest[4096];
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);
	const struct {
		struct tacet_presence presence;
		int result;
	} cases[] = {
	    {{TACET_AVAILABLE, 0, NULL}, 0},    {{TACET_DND, 1000, "busy"}, 0},
	    {{(enum tacet_show)77, 0, ""}, -1}, {{TACET_CHAT, 0, "\xff\xfe"}, -1},
	    {{TACET_XA, 0, longest}, -1},
	};

	memset(longest, 'x', sizeof longest - 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		f->err.code = TACET_OK;
		assert_int_equal(tacet_account_present(me, &cases[i].presence, &f->err),
				 cases[i].result);
		assert_int_equal(f->err.code, cases[i].result ? TACET_INPUT : TACET_OK);
	}
}

static void count_contact(void *arg, struct tacet_contact *contact)
{
	(void)contact;
	++*(unsigned *)arg;
}

static void contacts_come_and_go(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);
	struct tacet_account *you = tacet_account_add(f->tacet, "you", &f->err);
	struct tacet_contact *contact;
	char id[TACET_ID_LEN + 1];

	contact = tacet_contact_add(me, tacet_account_id(you), "You", "correct horse", &f->err);
	assert_non_null(contact);
	assert_ptr_equal(tacet_contact_account(contact), me);
	assert_string_equal(tacet_contact_id(contact), tacet_account_id(you));
	assert_string_equal(tacet_contact_name(contact), "You");
	assert_int_equal(tacet_contact_link(contact), TACET_IDLE);
	assert_int_equal(tacet_contact_presence(contact).show, TACET_OFFLINE);
	assert_string_equal(tacet_contact_presence(contact).text, "");
	assert_true(tacet_contact_since_at(contact) > 0);
	assert_int_equal(tacet_contact_rename(contact, "Du", &f->err), 0);
	assert_string_equal(tacet_contact_name(contact), "Du");
	assert_ptr_equal(tacet_contact_find(me, tacet_account_id(you)), contact);

	assert_null(tacet_contact_add(me, tacet_account_id(you), "", NULL, &f->err));
	assert_int_equal(f->err.code, TACET_EXISTS);
	assert_null(tacet_contact_add(me, tacet_account_id(me), "", NULL, &f->err));
	assert_int_equal(f->err.code, TACET_INPUT);
	strcpy(id, tacet_account_id(you));
	id[3] = id[3] == 'a' ? 'b' : 'a';
	assert_int_equal(tacet_id_check(id, &f->err), -1);
	assert_null(tacet_contact_add(me, id, "", "secret", &f->err));
	assert_int_equal(f->err.code, TACET_INPUT);
	assert_null(tacet_contact_add(you, tacet_account_id(me), "", "", &f->err));
	assert_int_equal(f->err.code, TACET_INPUT);

	tacet_contacts(me, count_contact, &count);
	assert_int_equal(count, 1);
	assert_int_equal(tacet_contact_remove(&contact, &f->err), 0);
	assert_null(contact);
	assert_null(tacet_contact_find(me, tacet_account_id(you)));
}

static void messages_wait(void **state)
{
	struct fixture *f = *state;
	static char payload[TACET_PAYLOAD_MAX + 1];
	uint64_t one = 0, two = 0;
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);
	struct tacet_account *you = tacet_account_add(f->tacet, "you", &f->err);
	struct tacet_contact *contact =
	    tacet_contact_add(me, tacet_account_id(you), "", NULL, &f->err);

	assert_int_equal(tacet_send(contact, "hello", 5, &one, &f->err), 0);
	assert_int_equal(tacet_send(contact, payload, TACET_PAYLOAD_MAX, &two, &f->err), 0);
	assert_int_equal(tacet_send(contact, "x", 1, NULL, NULL), 0);
	assert_true(one != two);
	assert_int_equal(tacet_contact_waiting(contact), 3);
	assert_int_equal(tacet_send(contact, payload, sizeof payload, NULL, &f->err), -1);
	assert_int_equal(f->err.code, TACET_LIMIT);
	tacet_deliver_waiting(me);
	tacet_close(&f->tacet);
	f->tacet = open_state(f, f->state);
	contact = tacet_contact_find(tacet_account_find(f->tacet, "me"),
				     tacet_account_id(tacet_account_find(f->tacet, "you")));
	assert_int_equal(tacet_contact_waiting(contact), 3);
}

static void count_request(void *arg, const struct tacet_request *request)
{
	(void)request;
	++*(unsigned *)arg;
}

static void keep_number(void *arg, const struct tacet_invitation *invitation)
{
	assert_true(invitation->reusable && invitation->used == 0);
	assert_true(invitation->expires_at > 0);
	*(int64_t *)arg = invitation->number;
}

static void count_blocked(void *arg, const char *id)
{
	assert_int_equal(tacet_id_check(id, NULL), 0);
	++*(unsigned *)arg;
}

static void people_are_invited(void **state)
{
	struct fixture *f = *state;
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);
	struct tacet_account *you = tacet_account_add(f->tacet, "you", &f->err);
	struct tacet_contact *host;
	char link[TACET_LINK_SIZE], phrase[TACET_PHRASE_SIZE], other[TACET_PHRASE_SIZE];
	int64_t number = 0;
	unsigned count = 0;

	assert_int_equal(tacet_invite(me, "Me", true, 0, link, &f->err), -1);
	assert_int_equal(f->err.code, TACET_INPUT);
	assert_int_equal(tacet_invite(me, "Me", true, 1000000, link, &f->err), 0);
	assert_memory_equal(link, "tacet:", 6);
	tacet_invitations(me, keep_number, &number);
	assert_null(tacet_introduce(you, "tacet:nonsense", NULL, "You", "", &f->err));
	assert_int_equal(f->err.code, TACET_INPUT);
	host = tacet_introduce(you, link, NULL, "You", "hello", &f->err);
	assert_non_null(host);
	assert_string_equal(tacet_contact_name(host), "Me");
	assert_true(tacet_contact_introducing(host));
	assert_int_equal(tacet_invitation_revoke(me, number, &f->err), 0);
	assert_int_equal(tacet_invitation_revoke(me, number, &f->err), -1);
	assert_int_equal(f->err.code, TACET_NOT_FOUND);
	tacet_requests(me, count_request, &count);
	assert_int_equal(count, 0);
	assert_null(tacet_request_accept(me, tacet_account_id(you), NULL, &f->err));
	assert_int_equal(f->err.code, TACET_NOT_FOUND);
	assert_int_equal(tacet_request_deny(me, tacet_account_id(you), NULL), -1);
	assert_int_equal(tacet_block(me, tacet_account_id(you), &f->err), 0);
	tacet_blocked(me, count_blocked, &count);
	assert_int_equal(count, 1);
	assert_int_equal(tacet_unblock(me, tacet_account_id(you), &f->err), 0);
	/* The phrase is the same on both sides. */
	assert_int_equal(tacet_contact_remove(&host, &f->err), 0);
	tacet_contact_phrase(tacet_contact_add(me, tacet_account_id(you), "", NULL, NULL), phrase);
	tacet_contact_phrase(tacet_contact_add(you, tacet_account_id(me), "", NULL, NULL), other);
	assert_int_equal(strlen(phrase), TACET_PHRASE_SIZE - 1);
	assert_string_equal(phrase, other);
	assert_int_equal(tacet_account_cover(me, 1000, &f->err), 0);
	assert_int_equal(tacet_account_cover(me, 1, &f->err), -1);
	assert_int_equal(f->err.code, TACET_LIMIT);
}

static void accounts_move(void **state)
{
	struct fixture *f = *state;
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);
	char id[TACET_ID_LEN + 1], path[96];

	strcpy(id, tacet_account_id(me));
	snprintf(path, sizeof path, "%s/backup", f->directory);
	assert_int_equal(tacet_account_export(me, "correct horse", path, &f->err), 0);
	assert_null(tacet_account_import(f->tacet, path, "correct horse", NULL, &f->err));
	assert_int_equal(f->err.code, TACET_EXISTS);
	assert_int_equal(tacet_account_remove(&me, &f->err), 0);
	assert_null(me);
	assert_null(tacet_account_find(f->tacet, "me"));
	assert_null(tacet_account_import(f->tacet, path, "wrong horse", NULL, &f->err));
	assert_int_equal(f->err.code, TACET_STATE);
	me = tacet_account_import(f->tacet, path, "correct horse", "again", &f->err);
	assert_non_null(me);
	assert_string_equal(tacet_account_id(me), id);
	assert_string_equal(tacet_account_name(me), "again");
	tacet_run_once(f->tacet, 10);
}

static bool take_none(void *arg, struct tacet_stream *stream)
{
	(void)arg;
	(void)stream;
	return false;
}

/* Streams themselves need two that are linked: tests/e2e/test_library.c. */
static void streams_need_a_link(void **state)
{
	struct fixture *f = *state;
	struct tacet_account *me = tacet_account_add(f->tacet, "me", &f->err);
	struct tacet_account *you = tacet_account_add(f->tacet, "you", &f->err);
	struct tacet_contact *contact =
	    tacet_contact_add(me, tacet_account_id(you), "", NULL, &f->err);
	struct tacet_stream *none = NULL;
	struct tacet_stream_handlers bad = {.size = 0};

	assert_null(tacet_connect(contact, "echo", NULL, NULL, &f->err));
	assert_int_equal(f->err.code, TACET_UNAVAILABLE);
	assert_null(tacet_connect(contact, "echo", &bad, NULL, &f->err));
	assert_int_equal(f->err.code, TACET_INPUT);
	assert_int_equal(tacet_listen(me, "", take_none, NULL, &f->err), -1);
	assert_int_equal(f->err.code, TACET_INPUT);
	assert_int_equal(tacet_listen(me, "echo", take_none, NULL, &f->err), 0);
	assert_int_equal(tacet_listen(me, "echo", take_none, NULL, &f->err), -1);
	assert_int_equal(f->err.code, TACET_EXISTS);
	assert_int_equal(tacet_unlisten(me, "echo", &f->err), 0);
	assert_int_equal(tacet_unlisten(me, "echo", &f->err), -1);
	assert_int_equal(f->err.code, TACET_NOT_FOUND);
	assert_int_equal(tacet_listen(me, "echo", take_none, NULL, &f->err), 0);
	tacet_stream_close(&none);
	tacet_stream_reset(&none);
}

/* The descriptor is all that a foreign loop needs. */
static void a_foreign_loop_hears_of_tor(void **state)
{
	struct fixture *f = *state;
	int fd = tacet_fd(f->tacet, &f->err);

	assert_true(fd >= 0);
	for (int i = 0; i < 50 && f->tor != TACET_TOR_DOWN; i++) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		if (poll(&ready, 1, 100) == 1)
			tacet_run_once(f->tacet, 0);
	}
	assert_int_equal(f->tor, TACET_TOR_DOWN);
	assert_true(f->problem[0] != 0);
	assert_int_equal(tacet_network(f->tacet).tor, TACET_TOR_DOWN);
}

static void one_round(evutil_socket_t fd, short what, void *tacet)
{
	(void)fd;
	if (what & EV_READ)
		tacet_run_once(tacet, 0);
}

/* As in a program that has a libevent of its own: the loop is asked for nothing but the descriptor.
 */
static void libevent_hears_of_tor(void **state)
{
	struct fixture *f = *state;
	struct event_base *base = event_base_new();
	struct event *ready;

	assert_non_null(base);
	ready =
	    event_new(base, tacet_fd(f->tacet, NULL), EV_READ | EV_PERSIST, one_round, f->tacet);
	assert_non_null(ready);
	assert_int_equal(event_add(ready, &(struct timeval){.tv_usec = 100000}), 0);
	for (int i = 0; i < 50 && f->tor != TACET_TOR_DOWN; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(f->tor, TACET_TOR_DOWN);
	event_free(ready);
	event_base_free(base);
}

static void the_log_goes_where_one_wants(void **state)
{
	struct fixture *f = *state;
	unsigned lines = 0;

	tacet_log(TACET_LOG_DEBUG, no_line, &lines);
	for (int i = 0; i < 50 && f->tor != TACET_TOR_DOWN; i++)
		tacet_run_once(f->tacet, 100);
	tacet_log(TACET_LOG_ERROR, NULL, NULL);
	assert_true(lines > 0);
	assert_non_null(strchr(tacet_version(), '.'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(bad_options_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(structs_may_be_shorter_or_longer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_state_directory_has_one_user, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(accounts_stay, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(presence_is_checked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(contacts_come_and_go, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(messages_wait, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(people_are_invited, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(accounts_move, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(streams_need_a_link, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_foreign_loop_hears_of_tor, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(libevent_hears_of_tor, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_log_goes_where_one_wants, set_up, tear_down),
	};

	tacet_log(TACET_LOG_ERROR, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
