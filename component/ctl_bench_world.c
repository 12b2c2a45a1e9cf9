/*
 * ctl_bench_world.c: see ctl_bench_world.h.
 */
#include "component/ctl_bench_world.h"

#include "component/state_dir.h"
#include "component/text_file.h"
#include "core/base/stream_socket.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How often bench_wait looks, in ms. What is measured is noted by the handlers, at once. */
#define TURN_MS 50

double bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- what happens --- */

static void on_state(void *arg, struct contact *contact, enum contact_state state)
{
	struct bench_world *world = arg;

	if (contact != world->guest_of_host)
		return;
	if (world->publishing && state != CONTACT_PUBLISHING)
		world->found_out = true;
	world->publishing = state == CONTACT_PUBLISHING;
}

static void on_status(void *arg, struct contact *contact, const struct status *status)
{
	struct bench_world *world = arg;

	if (contact == world->host_of_guest && status->show != SHOW_OFFLINE && world->seen_at == 0)
		world->seen_at = bench_now();
}

/* The host gives back what it gets. */
static enum reception on_message(void *arg, struct contact *contact, uint64_t token,
				 const uint8_t *payload, size_t len, int64_t sent_ms)
{
	struct bench_world *world = arg;

	(void)token;
	(void)sent_ms;
	if (contact == world->guest_of_host)
		engine_send(contact, payload, len, NULL, NULL);
	else if (contact == world->host_of_guest)
		world->answer_at = bench_now();
	return MESSAGE_TAKEN;
}

static void on_signal(void *arg, unsigned signo)
{
	struct bench_world *world = arg;

	(void)signo;
	world->stopped = true;
}

bool bench_wait(struct bench_world *world, bool (*done)(const struct bench_world *world),
		int64_t ms)
{
	double end = bench_now() + (double)ms / 1000;

	while (!done(world) && !world->stopped && bench_now() < end)
		loop_run_once(world->loop, TURN_MS);
	return done(world);
}

/* --- tor --- */

/* Does somebody answer at this Unix socket? */
static bool answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = false;

	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
		yes = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	}
	close(fd);
	return yes;
}

/* "unix:STATE/tor/name", which the caller frees. */
static char *tor_address(const struct config *config, const char *name)
{
	char *address;

	return asprintf(&address, "unix:%s/tor/%s", config->state_dir, name) < 0 ? NULL : address;
}

static int open_node(struct bench_world *world, const struct node_config *base, struct err *err)
{
	static const struct node_handler handler = {
	    .engine = {.state = on_state, .status = on_status, .message = on_message}};
	const struct config *config = world->config;
	struct node_config node = *base;
	char *control = tor_address(config, "control"), *socks = tor_address(config, "socks");
	char *extra = NULL, *password = NULL;
	int result = 0;

	if (config->tor_extra_file && !(extra = text_file_read(config->tor_extra_file, err)))
		result = -1;
	else if (config->tor_password_file &&
		 !(password = text_file_read_line(config->tor_password_file, err)))
		result = -1;
	node.tor.extra = extra;
	node.tor.password = password;
	if (!node.tor.control && control && socks && answers(control + strlen("unix:"))) {
		node.tor.control = control;
		node.tor.socks = socks;
	}
	if (!result)
		world->node = node_new(world->loop, &node, &handler, world, err);
	text_wipe(extra);
	text_wipe(password);
	free(control);
	free(socks);
	return world->node ? 0 : -1;
}

static int open_parts(struct bench_world *world, struct err *err)
{
	const struct config *config = world->config;
	const struct node_config node = {
	    .state_dir = world->directory,
	    .tor = {.program = config->tor_program,
		    .control = config->tor_control,
		    .socks = config->tor_socks},
	    .gateways = (const char *const *)config->gateways.items,
	    .gateway_count = config->gateways.count,
	    .gateway_timeout_ms = config->gateway_timeout_ms,
	    .replicas = (unsigned)config->replicas,
	};

	world->loop = loop_new(err);
	if (!world->loop || open_node(world, &node, err))
		return -1;
	world->interrupted = watch_signal(world->loop, SIGINT, on_signal, world);
	world->terminated = watch_signal(world->loop, SIGTERM, on_signal, world);
	world->http =
	    http_client_new(world->loop, tor_socks(tor_group_tor(node_tors(world->node), 0)), err);
	world->direct = http_client_new(world->loop, NULL, err);
	return world->http && world->direct ? 0 : -1;
}

int bench_world_open(struct bench_world *world, const struct config *config, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	memset(world, 0, sizeof(*world));
	world->config = config;
	/* Tor's sockets go below it, and their paths are short. */
	snprintf(world->directory, sizeof(world->directory), "%s/tacet-bench-XXXXXX",
		 tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(world->directory)) {
		err_system(err, "make %s", world->directory);
		world->directory[0] = '\0';
		return -1;
	}
	return open_parts(world, err);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at)
{
	(void)stat;
	(void)kind;
	(void)at;
	return remove(path);
}

void bench_world_close(struct bench_world *world)
{
	http_client_free(&world->http);
	http_client_free(&world->direct);
	node_free(&world->node);
	watch_free(&world->interrupted);
	watch_free(&world->terminated);
	loop_free(&world->loop);
	if (world->directory[0])
		nftw(world->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- people --- */

static struct account *new_account(struct bench_world *world, const char *name,
				   enum account_visibility visibility, struct err *err)
{
	const struct status here = {.show = SHOW_AVAILABLE};
	char unique[64];
	struct account *account;

	snprintf(unique, sizeof(unique), "%s %u", name, world->round);
	account = engine_account_add(node_engine(world->node), unique, err);
	if (account) {
		account_set_visibility(account, visibility);
		account_set_status(account, &here);
	}
	return account;
}

int bench_people_new(struct bench_world *world, struct err *err)
{
	world->round++;
	world->publishing = world->found_out = false;
	world->seen_at = world->answer_at = 0;
	world->host = new_account(world, "host", ACCOUNT_SHOWN, err);
	world->guest = world->host ? new_account(world, "guest", ACCOUNT_DARK, err) : NULL;
	if (!world->guest)
		return -1;
	world->host_of_guest =
	    contact_add(world->guest, account_id(world->host), "host", NULL, err);
	world->guest_of_host =
	    contact_add(world->host, account_id(world->guest), "guest", NULL, err);
	return world->host_of_guest && world->guest_of_host ? 0 : -1;
}

void bench_people_free(struct bench_world *world)
{
	world->host_of_guest = world->guest_of_host = NULL;
	if (world->guest)
		engine_account_remove(&world->guest, NULL);
	if (world->host)
		engine_account_remove(&world->host, NULL);
	world->guest = world->host = NULL;
}

void bench_guest_comes(struct bench_world *world)
{
	account_set_visibility(world->guest, ACCOUNT_SHOWN);
}
