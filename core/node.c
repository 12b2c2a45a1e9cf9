/*
 * node.c: puts the parts of a daemon together, in order, and keeps the clock right.
 *
 * Order matters: the lock before anything is touched, tor before the registry that goes through
 * it, the engine last; and backwards at the end.
 */
#include "core/node.h"

#include "core/base/log.h"
#include "core/node_clock.h"
#include "core/registry_opendht.h"
#include "core/store.h"
#include "core/store_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often the clock is compared with the gateways' and the consensus. */
#define CLOCK_CHECK_MS ((int64_t)60 * 1000)

struct node {
	struct loop *loop;
	struct node_handler handler;
	void *arg;
	int lock;
	struct tor_group *tors;
	struct tor_status no_tor; /* shown when config gave a transport */
	struct registry *registry;
	bool own_registry;
	struct engine *engine;
	struct node_clock clock;
	struct timer
	    *tick;  /* for the clock; the first one starts the engine when there is no tor */
	bool ready; /* tor is */
	bool started, closing;
};

/* --- the clock --- */

static void check_clock(struct node *node)
{
	const struct tor_status *tor = node_tor_status(node);
	const struct env *env = loop_env(node->loop);
	struct node_clock_facts facts = {
	    .wall_ms = env_wall_ms(env),
	    .mono_ms = env_mono_ms(env),
	    .valid_after_ms = tor->valid_after_ms,
	    .valid_until_ms = tor->valid_until_ms,
	};

	facts.told = registry_clock_offset(node->registry, &facts.gateways_ms) == 0;
	if (node_clock_update(&node->clock, &facts)) {
		if (node->clock.offset_ms != 0)
			log_warn("%s: going by corrected time", node->clock.why);
		else
			log_notice("the system clock is right again");
	}
	engine_set_clock_offset(node->engine, node->clock.offset_ms);
}

/* --- going online --- */

/* Lookups go through those that are ready. */
static void choose_tors(struct node *node)
{
	for (unsigned i = 0; node->own_registry && i < tor_group_count(node->tors); i++)
		registry_opendht_socks_usable(node->registry, i,
					      tor_status(tor_group_tor(node->tors, i))->state ==
						  TOR_READY);
}

static void update(struct node *node)
{
	bool was_ready = node->ready;

	check_clock(node);
	node->ready = node_tor_status(node)->state == TOR_READY;
	if (!node->ready || was_ready)
		return;
	if (node->started)
		engine_wake(node->engine);
	else
		engine_start(node->engine);
	node->started = true;
}

static void on_tick(void *arg)
{
	struct node *node = arg;

	timer_set(node->tick, CLOCK_CHECK_MS);
	update(node);
}

static void on_tor(void *arg, const struct tor_status *status)
{
	struct node *node = arg;

	if (node->closing)
		return;
	choose_tors(node);
	update(node);
	if (node->handler.tor != NULL)
		node->handler.tor(node->arg, status);
}

/* --- the state directory --- */

static int make_directory(const char *path, struct err *err)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_system(err, "make %s", path);
	if (stat(path, &st) < 0)
		return err_system(err, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "%s is not a directory", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		log_warn("%s can be entered by others than its owner", path);
	return 0;
}

/* Whoever holds the lock has written its process id into the file. */
static int lock_taken(int fd, const char *path, struct err *err)
{
	char pid[16] = "";
	ssize_t len = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[len > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	return err_set(err, ERR_WRONG_STATE, "%s is in use by another process (%s)", path,
		       pid[0] ? pid : "unknown");
}

/* The lock goes with the process, however it ends. */
static int lock_directory(const char *state_dir, struct err *err)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/tacet.lock", state_dir) >= (int)sizeof(path))
		return err_set(err, ERR_INPUT, "the path of the state directory is too long");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_system(err, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			lock_taken(fd, state_dir, err);
		else
			err_system(err, "lock %s", path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
		err_system(err, "write %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* --- the parts --- */

static int start_tor(struct node *node, const struct node_config *config, struct err *err)
{
	static const struct tor_handler handler = {.changed = on_tor};
	struct tor_config tor = config->tor;
	char directory[4096];

	if (config->transport != NULL) {
		node->no_tor.state = TOR_READY;
		return 0;
	}
	if (tor.directory == NULL) {
		snprintf(directory, sizeof(directory), "%s/tor", config->state_dir);
		tor.directory = directory;
	}
	node->tors = tor_group_new(node->loop, &tor, config->tors != 0 ? config->tors : 1, &handler,
				   node, err);
	return node->tors != NULL ? 0 : err_wrap(err, "tor");
}

static int open_registry(struct node *node, const struct node_config *config, struct err *err)
{
	if (config->registry != NULL) {
		node->registry = config->registry;
		return 0;
	}
	struct registry_opendht_config opendht = {
	    .socks = node->tors != NULL ? tor_socks(tor_group_tor(node->tors, 0)) : NULL,
	    .gateways = config->gateways,
	    .gateway_count = config->gateway_count,
	    .timeout_ms = config->gateway_timeout_ms,
	};
	/* Without tor nothing may go out to a gateway. */
	if (opendht.socks == NULL)
		return err_set(err, ERR_WRONG_STATE, "a registry is needed when there is no tor");
	node->registry = registry_opendht_new(node->loop, &opendht, err);
	node->own_registry = true;
	if (node->registry == NULL)
		return err_wrap(err, "registry");
	for (unsigned i = 1; i < tor_group_count(node->tors); i++)
		if (registry_opendht_add_socks(node->registry,
					       tor_socks(tor_group_tor(node->tors, i)), err) < 0)
			return err_wrap(err, "registry");
	return 0;
}

int node_store_key(const struct env *env, const char *state_dir, const char *path,
		   const char *passphrase, struct key *key, struct err *err)
{
	char own[4096], database[4096];
	enum store_key_kind kind;

	snprintf(own, sizeof(own), "%s/store.key", state_dir);
	snprintf(database, sizeof(database), "%s/tacet.db", state_dir);
	if (path == NULL)
		path = own;
	if (store_key_look(path, &kind, err) < 0)
		return -1;
	if (kind != STORE_KEY_MISSING)
		return store_key_read(path, passphrase, key, err);
	if (store_is_sealed(database))
		return err_set(err, ERR_NOT_FOUND,
			       "%s is missing, and without it %s cannot be read: put it back, or "
			       "move the database away to begin anew",
			       path, database);
	return store_key_make(env, path, key, err);
}

static int open_engine(struct node *node, const struct node_config *config, struct err *err)
{
	SECRET struct key own;
	char database[4096];
	struct transport *transports[TOR_GROUP_MAX] = {config->transport};
	unsigned count = node->tors != NULL ? tor_group_count(node->tors) : 1;
	struct engine_config engine = {
	    .env = loop_env(node->loop),
	    .registry = node->registry,
	    .transports = transports,
	    .transport_count = count,
	    .services = config->services,
	    .share = config->share,
	    .database = database,
	    .store_key = config->store_key,
	    .replicas = config->replicas,
	    .renewal_ms = config->renewal_ms,
	    .circuits = config->circuits,
	    .decoys = config->decoys,
	};

	for (unsigned i = 0; node->tors != NULL && i < count; i++)
		transports[i] = tor_transport(tor_group_tor(node->tors, i));
	snprintf(database, sizeof(database), "%s/tacet.db", config->state_dir);
	if (engine.store_key == NULL) {
		if (node_store_key(engine.env, config->state_dir, NULL, NULL, &own, err) < 0)
			return -1;
		engine.store_key = &own;
	}
	node->engine = engine_new(&engine, &node->handler.engine, node->arg, err);
	return node->engine != NULL ? 0 : err_wrap(err, "engine");
}

static int assemble(struct node *node, const struct node_config *config, struct err *err)
{
	if (make_directory(config->state_dir, err) < 0)
		return -1;
	node->lock = lock_directory(config->state_dir, err);
	if (node->lock < 0)
		return -1;
	if (start_tor(node, config, err) < 0 || open_registry(node, config, err) < 0 ||
	    open_engine(node, config, err) < 0)
		return -1;
	node->tick = timer_new(loop_env(node->loop), on_tick, node);
	if (node->tick == NULL)
		return err_set(err, ERR_MEMORY, "no memory");
	timer_set(node->tick, 0);
	return 0;
}

struct node *node_new(struct loop *loop, const struct node_config *config,
		      const struct node_handler *handler, void *arg, struct err *err)
{
	struct node *node = calloc(1, sizeof(*node));

	if (node == NULL) {
		err_set(err, ERR_MEMORY, "no memory");
		return NULL;
	}
	node->loop = loop;
	node->handler = *handler;
	node->arg = arg;
	node->lock = -1;
	node_clock_init(&node->clock);
	if (assemble(node, config, err) < 0)
		node_free(&node);
	return node;
}

/* --- the end --- */

/* The last frames are with the transport; only the loop brings them out. */
static void say_goodbye(struct node *node)
{
	const struct env *env = loop_env(node->loop);
	int64_t end = env_mono_ms(env) + NODE_GOODBYE_MS;
	int64_t left;

	engine_stop(node->engine);
	while (!engine_quiet(node->engine) && (left = end - env_mono_ms(env)) > 0)
		loop_run_once(node->loop, left);
	engine_free(&node->engine);
}

void node_free(struct node **node)
{
	struct node *old = *node;

	if (old == NULL)
		return;
	*node = NULL;
	old->closing = true;
	timer_free(&old->tick);
	if (old->engine != NULL)
		say_goodbye(old);
	if (old->own_registry)
		registry_free(&old->registry);
	tor_group_free(&old->tors);
	/* The file stays: who removes a lock file races with who opens it. */
	if (old->lock >= 0)
		close(old->lock);
	free(old);
}

struct engine *node_engine(const struct node *node)
{
	return node->engine;
}

struct registry *node_registry(const struct node *node)
{
	return node->registry;
}

struct tor_group *node_tors(const struct node *node)
{
	return node->tors;
}

const struct tor_status *node_tor_status(const struct node *node)
{
	return node->tors != NULL ? tor_group_status(node->tors) : &node->no_tor;
}

int64_t node_clock_offset(const struct node *node, const char **why)
{
	*why = node->clock.why;
	return node->clock.offset_ms;
}
