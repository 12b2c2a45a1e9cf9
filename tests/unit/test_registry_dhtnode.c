/*
 * test_registry_dhtnode.c: registry_opendht.c against a real OpenDHT: three dhtnodes on loopback.
 *
 * Skipped (77) when dhtnode is not installed. The nodes bind UDP ports of all addresses; nothing
 * outside is contacted.
 */
#include "core/registry_opendht.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Most tests do not care for circuits. */
static const char as_user[] = "user";

#define NODES 3
/* Time limit of a request, in ms; an isolated node takes 8 s and more. */
#define TIMEOUT_MS 2000
/* Longest wait for the network to come up, or for one operation. */
#define WAIT_MS 30000

struct node {
	pid_t pid;
	unsigned udp, http;
	char url[64];
};

struct network {
	struct loop *loop;
	struct node nodes[NODES];
	struct registry *writer, *reader;
};

struct seen {
	unsigned done, stored, confirmed, answered, values;
	uint8_t last[REGISTRY_KEYS_MAX];
};

/* --- nodes --- */

static unsigned free_port(int type)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void node_exec(const struct node *node, unsigned bootstrap)
{
	char udp[16], http[16], address[32];
	char *arguments[] = {"dhtnode",   "-s",
			     "-U",        "-n",
			     "7777",      "-p",
			     udp,         "--proxyserver",
			     http,        "--proxy-addr",
			     "127.0.0.1", bootstrap ? "-b" : NULL,
			     address,     NULL};
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(udp, sizeof(udp), "%u", node->udp);
	snprintf(http, sizeof(http), "%u", node->http);
	snprintf(address, sizeof(address), "127.0.0.1:%u", bootstrap);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(arguments[0], arguments);
	_exit(127);
}

static void node_start(struct node *node, unsigned bootstrap)
{
	node->udp = free_port(SOCK_DGRAM);
	node->http = free_port(SOCK_STREAM);
	snprintf(node->url, sizeof(node->url), "http://127.0.0.1:%u", node->http);
	node->pid = fork();
	assert_true(node->pid >= 0);
	if (node->pid == 0)
		node_exec(node, bootstrap);
}

static void node_stop(struct node *node)
{
	if (node->pid > 0) {
		kill(node->pid, SIGKILL);
		waitpid(node->pid, NULL, 0);
	}
	node->pid = 0;
}

/* --- operations --- */

static void on_published(void *arg, const struct registry_published *result)
{
	struct seen *seen = arg;

	seen->done++;
	seen->stored = result->stored;
	seen->confirmed = result->confirmed;
}

static bool on_value(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	struct seen *seen = arg;

	seen->values++;
	seen->last[index] = value[0];
	return false;
}

static void on_looked_up(void *arg, unsigned answered)
{
	struct seen *seen = arg;

	seen->done++;
	seen->answered = answered;
}

static void wait_done(struct network *n, struct seen *seen)
{
	const struct env *env = loop_env(n->loop);
	int64_t end = env_mono_ms(env) + WAIT_MS;

	while (seen->done == 0 && env_mono_ms(env) < end)
		loop_run_once(n->loop, 100);
	assert_int_equal(seen->done, 1);
}

static struct seen put(struct network *n, uint8_t first, unsigned count, uint8_t value)
{
	struct registry_entry entries[REGISTRY_KEYS_MAX];
	struct seen seen = {0};

	for (unsigned i = 0; i < count; i++) {
		memset(entries[i].key, (int)(first + i), LOOKUP_KEY_LEN);
		memset(entries[i].value, value, RECORD_LEN);
	}
	registry_publish(n->writer, as_user, entries, count, on_published, &seen);
	wait_done(n, &seen);
	return seen;
}

static struct seen get(struct network *n, uint8_t first, unsigned count)
{
	uint8_t keys[REGISTRY_KEYS_MAX][LOOKUP_KEY_LEN];
	struct seen seen = {0};

	for (unsigned i = 0; i < count; i++)
		memset(keys[i], (int)(first + i), LOOKUP_KEY_LEN);
	registry_lookup(n->reader, as_user, (const uint8_t(*)[LOOKUP_KEY_LEN])keys, count, on_value,
			on_looked_up, &seen);
	wait_done(n, &seen);
	return seen;
}

/* --- the network --- */

static int network_stop(void **state)
{
	struct network *n = *state;

	registry_free(&n->writer);
	registry_free(&n->reader);
	for (int i = 0; i < NODES; i++)
		node_stop(&n->nodes[i]);
	loop_free(&n->loop);
	free(n);
	return 0;
}

/* The nodes say nothing of being ready: values are put until each can be read elsewhere. */
static void wait_ready(struct network *n)
{
	const struct env *env = loop_env(n->loop);
	int64_t end = env_mono_ms(env) + WAIT_MS;

	while (put(n, 200, NODES, 1).confirmed < NODES) {
		assert_true(env_mono_ms(env) < end);
		loop_run_once(n->loop, 200);
	}
}

static int network_start(void **state)
{
	struct network *n = calloc(1, sizeof(*n));
	const char *urls[NODES];
	struct registry_opendht_config config = {
	    .gateways = urls, .gateway_count = NODES, .timeout_ms = TIMEOUT_MS};

	assert_non_null(n);
	*state = n;
	n->loop = loop_new(NULL);
	assert_non_null(n->loop);
	for (int i = 0; i < NODES; i++) {
		node_start(&n->nodes[i], i ? n->nodes[0].udp : 0);
		urls[i] = n->nodes[i].url;
	}
	n->writer = registry_opendht_new(n->loop, &config, NULL);
	n->reader = registry_opendht_new(n->loop, &config, NULL);
	assert_true(n->writer && n->reader);
	wait_ready(n);
	return 0;
}

/* --- the tests --- */

static void records_are_found(void **state)
{
	struct network *n = *state;
	struct seen seen;

	seen = put(n, 1, 3, 10);
	assert_int_equal(seen.stored, 3);
	assert_int_equal(seen.confirmed, 3);
	seen = get(n, 1, 4);
	assert_int_equal(seen.answered, 4);
	assert_int_equal(seen.values, 3);
	assert_int_equal(seen.last[2], 10);
	put(n, 1, 3, 11);
	assert_int_equal(get(n, 1, 3).values, 6);
}

static void a_flooded_key_is_bounded(void **state)
{
	struct network *n = *state;

	for (uint8_t i = 0; i < 7; i++)
		for (uint8_t k = 0; k < 3; k++)
			put(n, 20, 1, (uint8_t)(i * 3 + k));
	assert_int_equal(get(n, 20, 1).values, REGISTRY_VALUES_MAX);
}

static void on_gateway(void *arg, const struct registry_gateway *gateway)
{
	struct registry_gateway **next = arg;

	*(*next)++ = *gateway;
}

/* One node hangs, then is dead: the others still give what was stored. */
static void a_node_falls_out(void **state)
{
	struct network *n = *state;
	struct registry_gateway gateways[NODES], *next = gateways;
	struct seen seen;

	seen = put(n, 30, 6, 40);
	assert_int_equal(seen.confirmed, 6);
	kill(n->nodes[2].pid, SIGSTOP);
	seen = get(n, 30, 6);
	assert_int_equal(seen.answered, 6);
	assert_int_equal(seen.values, 6);
	node_stop(&n->nodes[2]);
	seen = get(n, 30, 6);
	assert_int_equal(seen.values, 6);
	registry_gateways(n->reader, on_gateway, &next);
	assert_true(gateways[2].failures > 0);
	assert_true(gateways[2].score < gateways[0].score);
	assert_true(gateways[2].score < gateways[1].score);
}

static bool installed(const char *program)
{
	char *path = strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin"), *rest = path,
	     *folder;
	bool found = false;

	while (!found && (folder = strsep(&rest, ":"))) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", folder, program);
		found = access(file, X_OK) == 0;
	}
	free(path);
	return found;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_are_found),
	    cmocka_unit_test(a_flooded_key_is_bounded),
	    cmocka_unit_test(a_node_falls_out),
	};

	if (!installed("dhtnode")) {
		fprintf(stderr,
			"SKIPPED: dhtnode is not installed; nothing was tested against a real "
			"OpenDHT (Debian: apt install dhtnode)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, network_start, network_stop);
}
