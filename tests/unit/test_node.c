/* Tests of node.c on the real loop, with registry and net in memory: two daemons in one process. */
#include "core/node.h"

#include "core/registry_memory.h"
#include "tests/scenario/fake_net.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Enough for a loaded machine; each wait ends when what it waits for has come. */
#define WAIT_MS 20000
/* The fake net goes this much faster than the loop. */
#define SPEED 20

struct side {
	struct node *node;
	struct account *account;
	struct contact *other;
	struct registry *registry;
	char state[96];
	enum show show;
	char got[32];
	unsigned delivered;
};

struct fixture {
	char directory[64];
	struct loop *loop;
	struct fake_clock *clock;
	struct fake_net *net;
	struct registry_memory_store *store;
	struct side alice, bob;
	struct err err;
};

static void on_status(void *arg, struct contact *contact, const struct status *status)
{
	(void)contact;
	((struct side *)arg)->show = status->show;
}

static enum reception on_message(void *arg, struct contact *contact, uint64_t token,
				 const uint8_t *payload, size_t len, int64_t sent_ms)
{
	(void)contact;
	(void)token;
	(void)sent_ms;
	snprintf(((struct side *)arg)->got, sizeof(((struct side *)arg)->got), "%.*s", (int)len,
		 (const char *)payload);
	return MESSAGE_TAKEN;
}

static void on_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
			 const char *reason)
{
	(void)contact;
	(void)token;
	(void)how;
	(void)reason;
	((struct side *)arg)->delivered++;
}

static const struct node_handler handler = {
    .engine = {.status = on_status, .message = on_message, .delivered = on_delivered},
};

static struct node *open_node(struct fixture *f, struct side *side, struct err *err)
{
	const struct node_config config = {
	    .state_dir = side->state,
	    .registry = side->registry,
	    .transport = fake_host_transport(fake_net_host(f->net, "side")),
	};

	return node_new(f->loop, &config, &handler, side, err);
}

static void set_up_side(struct fixture *f, struct side *side, const char *name)
{
	snprintf(side->state, sizeof side->state, "%s/%s", f->directory, name);
	side->registry = registry_memory_new(loop_env(f->loop), f->store, 1);
	side->node = open_node(f, side, &f->err);
	assert_non_null(side->node);
	side->account = engine_account_add(node_engine(side->node), name, &f->err);
	assert_non_null(side->account);
	assert_int_equal(
	    account_set_status(side->account, &(struct status){.show = SHOW_AVAILABLE}), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	strcpy(f->directory, "/tmp/tacet-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	f->loop = loop_new(&f->err);
	f->clock = fake_clock_new(1);
	f->net = fake_net_new(f->clock);
	f->store = registry_memory_store_new(loop_env(f->loop));
	set_up_side(f, &f->alice, "alice");
	set_up_side(f, &f->bob, "bob");
	*state = f;
	return 0;
}

static void tear_down_side(struct side *side)
{
	static const char *const files[] = {"tacet.db", "tacet.db-wal", "tacet.db-shm",
					    "tacet.lock", "store.key"};
	char path[128];

	node_free(&side->node);
	registry_free(&side->registry);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", side->state, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(side->state), 0);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tear_down_side(&f->alice);
	tear_down_side(&f->bob);
	rmdir(f->directory);
	registry_memory_store_free(&f->store);
	fake_net_free(&f->net);
	fake_clock_free(&f->clock);
	loop_free(&f->loop);
	free(f);
	return 0;
}

static void pass(struct fixture *f)
{
	const struct env *env = loop_env(f->loop);
	int64_t before = env_mono_ms(env);

	loop_run_once(f->loop, 5);
	fake_clock_run(f->clock, SPEED * (env_mono_ms(env) - before));
}

#define WAIT_FOR(f, condition)                                                                     \
	do {                                                                                       \
		int64_t give_up = env_mono_ms(loop_env((f)->loop)) + WAIT_MS;                      \
		while (!(condition) && env_mono_ms(loop_env((f)->loop)) < give_up)                 \
			pass(f);                                                                   \
		assert_true(condition);                                                            \
	} while (0)

static void two_nodes_meet_and_part(void **state)
{
	struct fixture *f = *state;
	uint64_t token;
	const char *why;

	f->alice.other =
	    contact_add(f->alice.account, account_id(f->bob.account), "", NULL, &f->err);
	f->bob.other = contact_add(f->bob.account, account_id(f->alice.account), "", NULL, &f->err);
	WAIT_FOR(f, f->alice.show == SHOW_AVAILABLE && f->bob.show == SHOW_AVAILABLE);
	assert_int_equal(engine_send(f->alice.other, "hello", 5, &token, &f->err), 0);
	WAIT_FOR(f, f->alice.delivered == 1);
	assert_string_equal(f->bob.got, "hello");
	assert_int_equal(node_tor_status(f->bob.node)->state, TOR_READY);
	assert_null(node_tors(f->bob.node));
	assert_ptr_equal(node_registry(f->bob.node), f->bob.registry);
	assert_int_equal(node_clock_offset(f->bob.node, &why), 0);
	assert_string_equal(why, "");
	node_free(&f->bob.node);
	WAIT_FOR(f, f->alice.show == SHOW_OFFLINE);
	/* The same directory again, with the same people. */
	f->bob.node = open_node(f, &f->bob, &f->err);
	assert_non_null(f->bob.node);
	f->bob.account = engine_account_find(node_engine(f->bob.node), "bob");
	assert_non_null(f->bob.account);
	assert_non_null(contact_find(f->bob.account, account_id(f->alice.account)));
	account_set_status(f->bob.account, &(struct status){.show = SHOW_AWAY});
	WAIT_FOR(f, f->alice.show == SHOW_AWAY);
}

static void a_state_directory_is_locked(void **state)
{
	struct fixture *f = *state;
	struct err err;
	char pid[16];
	struct stat st;

	assert_null(open_node(f, &f->alice, &err));
	assert_int_equal(err.code, ERR_WRONG_STATE);
	snprintf(pid, sizeof pid, "(%ld)", (long)getpid());
	assert_non_null(strstr(err.text, pid));
	assert_int_equal(stat(f->alice.state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* Who is started by us does not inherit the lock. */
	pid_t child = fork();
	if (child == 0) {
		execl("/bin/sleep", "sleep", "5", (char *)NULL);
		_exit(1);
	}
	usleep(50000);
	node_free(&f->alice.node);
	f->alice.node = open_node(f, &f->alice, &err);
	assert_non_null(f->alice.node);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void what_cannot_be_opened_is_told(void **state)
{
	struct fixture *f = *state;
	struct side side = {.registry = f->alice.registry};
	struct err err;
	char path[128];

	snprintf(side.state, sizeof side.state, "/nonexistent/state");
	assert_null(open_node(f, &side, &err));
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nonexistent/state"));
	snprintf(side.state, sizeof side.state, "%s/alice/tacet.lock", f->directory);
	assert_null(open_node(f, &side, &err));
	assert_int_equal(err.code, ERR_INPUT);
	/* A database that is none. */
	node_free(&f->bob.node);
	snprintf(path, sizeof path, "%s/tacet.db", f->bob.state);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "this is no database, is it? no!!", 32), 32);
	close(fd);
	assert_null(open_node(f, &f->bob, &err));
	assert_non_null(strstr(err.text, "engine: "));
	/* It was not left locked. */
	assert_null(open_node(f, &f->bob, &err));
	assert_true(err.code != ERR_WRONG_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(two_nodes_meet_and_part, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_state_directory_is_locked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
