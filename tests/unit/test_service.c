/*
 * test_service.c: what a service manager hears (sd_notify(3)): on a socket with a path and on an
 * abstract one, with and without a watchdog; and nothing else breaks it.
 */
#include "component/service.h"
#include "tests/scenario/fake_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct fake_clock *fake_clock;
static struct fake_env *fake;
static int listener = -1;
static char name[108]; /* as in NOTIFY_SOCKET */

static int set_up(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	fake_clock = fake_clock_new(1);
	fake = fake_env_new(fake_clock);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (listener >= 0)
		close(listener);
	listener = -1;
	if (name[0] == '/')
		unlink(name);
	name[0] = '\0';
	fake_env_free(&fake);
	fake_clock_free(&fake_clock);
	return 0;
}

/* Listen there. */
static void listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	snprintf(name, sizeof(name), "%s", path);
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	setenv("NOTIFY_SOCKET", path, 1);
}

static void assert_heard(const char *text)
{
	char heard[100];
	ssize_t len = recv(listener, heard, sizeof(heard) - 1, 0);

	heard[len > 0 ? len : 0] = '\0';
	assert_string_equal(heard, text);
}

/* A whole life; each word once. */
static void speak(void)
{
	struct service_manager *manager = service_manager_new(fake_env_env(fake));

	assert_non_null(manager);
	/* It is not for children. */
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_heard("");
	service_manager_ready(manager);
	assert_heard("READY=1");
	fake_clock_run(fake_clock, 3600 * 1000);
	assert_heard("");
	service_manager_stopping(manager);
	assert_heard("STOPPING=1");
	service_manager_free(&manager);
	assert_null(manager);
}

static void test_path(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/tacet-test-notify-%d", getpid());
	listen_at(path);
	speak();
}

static void test_abstract(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "@tacet-test-notify-%d", getpid());
	listen_at(path);
	speak();
}

/* The longest name that there can be: no byte more is read or sent. */
static void test_longest(void **state)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '@';
	path[sizeof(path) - 1] = '\0';
	snprintf(path + 1, 20, "%d", getpid());
	path[strlen(path)] = 'x';
	listen_at(path);
	speak();
}

static void test_watchdog(void **state)
{
	char path[64], number[16];
	struct service_manager *manager;

	(void)state;
	snprintf(path, sizeof(path), "@tacet-test-watchdog-%d", getpid());
	listen_at(path);
	setenv("WATCHDOG_USEC", "10000000", 1);
	snprintf(number, sizeof(number), "%d", getpid());
	setenv("WATCHDOG_PID", number, 1);
	manager = service_manager_new(fake_env_env(fake));
	assert_null(getenv("WATCHDOG_USEC"));
	fake_clock_run(fake_clock, 20000);
	assert_heard("");
	service_manager_ready(manager);
	assert_heard("READY=1");
	assert_heard("WATCHDOG=1");
	/* Twice as often as it must be. */
	for (int i = 0; i < 10; i++) {
		fake_clock_run(fake_clock, 4900);
		assert_heard("");
		fake_clock_run(fake_clock, 100);
		assert_heard("WATCHDOG=1");
	}
	service_manager_free(&manager);
	fake_clock_run(fake_clock, 20000);
	assert_heard("");
}

/* The watchdog is for another process, or is nonsense. */
static void test_no_watchdog(void **state)
{
	static const char *const cases[][2] = {{"10000000", "1"}, {"0", NULL},   {"-5", NULL},
					       {"ten", NULL},     {"10s", NULL}, {"", NULL}};
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "@tacet-test-none-%d", getpid());
	listen_at(path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("NOTIFY_SOCKET", path, 1);
		setenv("WATCHDOG_USEC", cases[i][0], 1);
		if (cases[i][1])
			setenv("WATCHDOG_PID", cases[i][1], 1);
		speak();
	}
}

/* Where there is no manager, or none that listens, nothing happens. */
static void test_nobody(void **state)
{
	static char far[400];
	const char *const cases[] = {NULL,
				     "",
				     "/",
				     "@",
				     "relative",
				     "vsock:2:1234",
				     "/nonexistent/notify",
				     "@tacet-nobody-listens",
				     far};

	(void)state;
	memset(far, 'x', sizeof(far) - 1);
	far[0] = '/';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct service_manager *manager;

		if (cases[i])
			setenv("NOTIFY_SOCKET", cases[i], 1);
		setenv("WATCHDOG_USEC", "1000000", 1);
		manager = service_manager_new(fake_env_env(fake));
		assert_non_null(manager);
		service_manager_ready(manager);
		fake_clock_run(fake_clock, 5000);
		service_manager_stopping(manager);
		service_manager_free(&manager);
	}
}

/* A manager that does not read does not hold the daemon up. */
static void test_full(void **state)
{
	char path[64];
	struct service_manager *manager;
	unsigned heard = 0;
	char text[100];

	(void)state;
	snprintf(path, sizeof(path), "@tacet-test-full-%d", getpid());
	listen_at(path);
	setenv("WATCHDOG_USEC", "2000", 1);
	manager = service_manager_new(fake_env_env(fake));
	service_manager_ready(manager);
	fake_clock_run(fake_clock, 10000);
	service_manager_free(&manager);
	while (recv(listener, text, sizeof(text), 0) > 0)
		heard++;
	assert_in_range(heard, 1, 9999);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_path),        TEST(test_abstract), TEST(test_longest), TEST(test_watchdog),
	    TEST(test_no_watchdog), TEST(test_nobody),   TEST(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
