/*
 * test_crowd.c: thousands of idle connections, and one user who must not notice.
 *
 * Sessions up to the limit of each user, then strangers that say nothing. Scaled down where the
 * system does not allow so many descriptors.
 */
#include "tests/xmpp/dialogue_client.h"
#include "xmpp/sasl_private.h"
#include "xmpp/server_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define USERS     40
#define SESSIONS  (USERS * SERVER_RESOURCES_MAX)
#define STRANGERS 1500
#define WAIT_MS   8000

#define CHECK(condition, ...)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("line %d: ", __LINE__);                                             \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

struct crowd {
	struct loop *loop;
	struct server *server;
	struct sasl_credentials credentials; /* everybody's */
	struct dialogue_client *clients[SESSIONS];
	struct dialogue_client *strangers[STRANGERS];
	unsigned sessions; /* wanted */
};

/* --- a host without contacts --- */

static int on_credentials(void *arg, const char *user, struct sasl_credentials *credentials)
{
	(void)user;
	*credentials = ((struct crowd *)arg)->credentials;
	return 0;
}

static void on_roster(void *arg, const char *user,
		      void (*each)(void *each_arg, const struct roster_item *item), void *each_arg)
{
	(void)arg;
	(void)user;
	(void)each;
	(void)each_arg;
}

static void on_presence(void *arg, const char *user, const struct server_presence *presence)
{
	(void)arg;
	(void)user;
	(void)presence;
}

static void on_ready(void *arg, const char *user)
{
	(void)arg;
	(void)user;
}

static const struct server_host host = {
    .credentials = on_credentials,
    .roster = on_roster,
    .presence = on_presence,
    .ready = on_ready,
};

/* --- clients --- */

static void open_stream(struct dialogue_client *client)
{
	struct xml *element;

	dialogue_client_send_text(
	    client, "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' "
		    "xmlns:stream='http://etherx.jabber.org/streams'>");
	CHECK(dialogue_client_next(client, WAIT_MS, &element) == ITEM_HEADER, "no header");
	xml_free(&element);
	CHECK(dialogue_client_next(client, WAIT_MS, &element) == ITEM_STANZA, "no features");
	xml_free(&element);
}

/* The answer to the request for a resource; the caller frees it. */
static struct xml *log_in(struct crowd *crowd, unsigned user, unsigned resource,
			  struct dialogue_client **client)
{
	char name[32], why[128], request[256];
	struct xml *answer;

	*client = dialogue_client_new(crowd->loop, server_port(crowd->server));
	CHECK(*client, "cannot connect");
	snprintf(name, sizeof(name), "user%u", user);
	open_stream(*client);
	CHECK(dialogue_client_login(*client, "PLAIN", name, "secret", why) == 0, "login: %s", why);
	open_stream(*client);
	snprintf(request, sizeof(request),
		 "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		 "<resource>r%u</resource></bind></iq>",
		 resource);
	dialogue_client_send_text(*client, request);
	dialogue_client_next(*client, WAIT_MS, &answer);
	return answer;
}

static bool is_result(struct xml *answer)
{
	const char *type = xml_get(answer, "type");
	bool result = type && strcmp(type, "result") == 0;

	xml_free(&answer);
	return result;
}

/* --- measuring --- */

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long memory_kib(void)
{
	long size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void check_counts(struct crowd *crowd, unsigned streams, unsigned authenticated)
{
	int64_t deadline = env_mono_ms(loop_env(crowd->loop)) + WAIT_MS;
	unsigned s, a;

	do {
		loop_run_once(crowd->loop, 5);
		server_counts(crowd->server, &s, &a);
	} while ((s != streams || a != authenticated) &&
		 env_mono_ms(loop_env(crowd->loop)) < deadline);
	CHECK(s == streams && a == authenticated,
	      "%u streams, %u authenticated; expected %u and %u", s, a, streams, authenticated);
}

/* --- the steps --- */

/* Each connection takes two descriptors, ours and the server's. */
static void raise_limits(struct crowd *crowd)
{
	struct rlimit limit;
	rlim_t possible;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	possible = (limit.rlim_cur - 100) / 2;
	crowd->sessions = SESSIONS;
	if (possible < SESSIONS + STRANGERS) {
		printf("only %lu descriptors: skipped\n", (unsigned long)limit.rlim_cur);
		exit(77);
	}
}

static void fill_sessions(struct crowd *crowd)
{
	long before = memory_kib();

	for (unsigned i = 0; i < crowd->sessions; i++)
		CHECK(is_result(log_in(crowd, i / SERVER_RESOURCES_MAX, i % SERVER_RESOURCES_MAX,
				       &crowd->clients[i])),
		      "session %u is refused", i);
	check_counts(crowd, crowd->sessions, crowd->sessions);
	printf("%u sessions, %.1f KiB each with their clients' side\n", crowd->sessions,
	       (double)(memory_kib() - before) / crowd->sessions);
}

/* One more than a user may have: refused, and the stream can go on with a resource that is there.
 */
static void check_limit_of_user(struct crowd *crowd)
{
	struct dialogue_client *extra;

	CHECK(!is_result(log_in(crowd, 0, SERVER_RESOURCES_MAX, &extra)), "one session too many");
	dialogue_client_free(&extra);
	check_counts(crowd, crowd->sessions, crowd->sessions);
}

static void add_strangers(struct crowd *crowd)
{
	for (unsigned i = 0; i < STRANGERS; i++) {
		crowd->strangers[i] = dialogue_client_new(crowd->loop, server_port(crowd->server));
		CHECK(crowd->strangers[i], "stranger %u cannot connect", i);
		loop_run_once(crowd->loop, 1);
	}
	check_counts(crowd, crowd->sessions + SERVER_STRANGERS_MAX, crowd->sessions);
	printf("of %u strangers the last %u stay\n", STRANGERS, SERVER_STRANGERS_MAX);
}

static void check_idle_costs_nothing(struct crowd *crowd)
{
	int64_t end = env_mono_ms(loop_env(crowd->loop)) + 1000;
	double before = cpu_seconds(), used;

	while (env_mono_ms(loop_env(crowd->loop)) < end)
		loop_run_once(crowd->loop, 100);
	used = cpu_seconds() - before;
	printf("a second with all of them idle: %.0f ms of CPU\n", used * 1000);
	CHECK(used < 0.2, "too much");
}

static void talk(struct crowd *crowd)
{
	int64_t began = env_mono_ms(loop_env(crowd->loop));
	struct dialogue_client *client;
	struct xml *answer;

	CHECK(is_result(log_in(crowd, USERS, 0, &client)), "the user cannot log in");
	for (int i = 0; i < 100; i++) {
		dialogue_client_send_text(client, "<message to='user40@localhost/r0'/>");
		dialogue_client_next(client, WAIT_MS, &answer);
		CHECK(xml_is(answer, "message", NULL) && !stanza_is_error(answer), "no message");
		xml_free(&answer);
	}
	began = env_mono_ms(loop_env(crowd->loop)) - began;
	printf("one more user logs in and sends 100 messages to itself: %lld ms\n",
	       (long long)began);
	CHECK(began < 5000, "too slow");
	dialogue_client_free(&client);
}

/* The sessions from the beginning still work. */
static void check_sessions_live(struct crowd *crowd)
{
	struct xml *answer;

	for (unsigned i = 0; i < crowd->sessions; i += 97) {
		dialogue_client_send_text(
		    crowd->clients[i],
		    "<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
		dialogue_client_next(crowd->clients[i], WAIT_MS, &answer);
		CHECK(is_result(answer), "session %u is dead", i);
	}
}

int main(void)
{
	static const char *const listen[] = {"127.0.0.1", NULL};
	const struct server_config config = {
	    .domain = "localhost", .listen = listen, .plain_without_tls = true};
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct err err;

	CHECK(crowd, "no memory");
	alarm(300);
	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LOG_LEVEL_ERROR);
	raise_limits(crowd);
	/* One iteration is weak and quick. */
	crowd->credentials.iterations = 1;
	scram_keys_make(SCRAM_SHA256, "secret", crowd->credentials.salt, SCRAM_SALT_LEN, 1,
			&crowd->credentials.keys[SCRAM_SHA256]);
	crowd->loop = loop_new(&err);
	CHECK(crowd->loop, "%s", err.text);
	crowd->server = server_new(crowd->loop, &config, &host, crowd, &err);
	CHECK(crowd->server, "%s", err.text);
	fill_sessions(crowd);
	check_limit_of_user(crowd);
	add_strangers(crowd);
	check_idle_costs_nothing(crowd);
	talk(crowd);
	check_sessions_live(crowd);
	for (unsigned i = 0; i < SESSIONS; i++)
		dialogue_client_free(&crowd->clients[i]);
	for (unsigned i = 0; i < STRANGERS; i++)
		dialogue_client_free(&crowd->strangers[i]);
	check_counts(crowd, 0, 0);
	server_free(&crowd->server);
	loop_free(&crowd->loop);
	free(crowd);
	return 0;
}
