/*
 * world.c: daemons, their life and death, and the messages between them.
 */
#include "tests/scenario/world.h"

#include "core/engine_private.h"
#include "core/rendezvous.h"
#include "tests/scenario/check_records.h"
#include "tests/scenario/check_wire.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What SQLite keeps beside a database; of these a killed process leaves the first three. */
static const char *const database_files[] = {"", "-wal", "-journal", "-shm"};
enum { FILES_KEPT = 3, FILES_ALL = 4 };
/* How long a process that ends waits for its last words to be out. */
enum { QUIT_MAX_MS = 2000, QUIT_STEP_MS = 50 };
/* An address may be dialled for so long after it is gone: as long as its last record is in its time
 * (rendezvous.h), and the two clocks may be apart. */
#define DIAL_STALE_MS (RECORD_LIFETIME_S * 1000 + 2 * CLOCK_TOLERANCE_MS)

void world_fail(struct world *world, const char *format, ...)
{
	va_list args;
	if (world->failed)
		return;
	world->failed = true;
	va_start(args, format);
	vsnprintf(world->failure, sizeof world->failure, format, args);
	va_end(args);
}

static void trace(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void trace(struct world *world, const char *format, ...)
{
	va_list args;
	if (!world->verbose)
		return;
	printf("# %10.3f ", (double)fake_clock_now(world->clock) / 1000);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* --- what engines tell --- */

static struct peer *peer_of(struct daemon *daemon, const struct contact *contact)
{
	struct peer *peer;
	TAILQ_FOREACH(peer, &daemon->peers, next)
	{
		if (strcmp(peer->other->id, contact_id(contact)) == 0)
			return peer;
	}
	world_fail(daemon->world, "%s: a contact that nobody has added", daemon->name);
	return NULL;
}

static void on_status(void *arg, struct contact *contact, const struct status *status)
{
	struct peer *peer = peer_of(arg, contact);
	if (!peer)
		return;
	peer->status = *status;
	trace(peer->self->world, "%s sees %s %s \"%s\"", peer->self->name, peer->other->name,
	      show_name(status->show), status->text);
}

/* Messages of other must come in the order of sending, none missing, none twice. */
static enum reception on_message(void *arg, struct contact *contact, uint64_t token,
				 const uint8_t *payload, size_t len, int64_t sent_ms)
{
	struct daemon *daemon = arg;
	struct peer *peer = peer_of(daemon, contact);
	(void)token;
	(void)sent_ms;
	if (!peer || daemon->inbox_closed)
		return MESSAGE_REFUSED;
	const struct peer *back = daemon_peer(peer->other, daemon);
	if (!back || peer->got >= back->sent_count)
		world_fail(daemon->world, "%s got a message that %s has not sent (after %u)",
			   daemon->name, peer->other->name, peer->got);
	else if (back->sent[peer->got].len != len ||
		 memcmp(back->sent[peer->got].payload, payload, len) != 0)
		world_fail(daemon->world,
			   "%s got \"%.*s\" as message %u of %s instead of \"%.20s\"", daemon->name,
			   len < 20 ? (int)len : 20, (const char *)payload, peer->got + 1,
			   peer->other->name, back->sent[peer->got].payload);
	peer->got++;
	trace(daemon->world, "%s got message %u from %s (%zu bytes)", daemon->name, peer->got,
	      peer->other->name, len);
	return MESSAGE_TAKEN;
}

static void on_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
			 const char *reason)
{
	struct daemon *daemon = arg;
	struct peer *peer = peer_of(daemon, contact);
	if (!peer)
		return;
	if (how != DELIVERY_ACKED)
		world_fail(daemon->world, "%s refused a message: %s", peer->other->name, reason);
	for (unsigned i = 0; i < peer->sent_count; i++) {
		if (peer->sent[i].token != token)
			continue;
		if (peer->sent[i].delivered)
			world_fail(daemon->world, "%s was told twice about message %u to %s",
				   daemon->name, i + 1, peer->other->name);
		peer->sent[i].delivered = true;
		peer->delivered++;
		return;
	}
	world_fail(daemon->world, "%s: delivered a token that was not given", daemon->name);
}

static void on_state(void *arg, struct contact *contact, enum contact_state state)
{
	struct daemon *daemon = arg;
	const struct peer *peer = peer_of(daemon, contact);
	if (peer)
		trace(daemon->world, "%s: %s is %s", daemon->name, peer->other->name,
		      contact_state_name(state));
}

static void on_request(void *arg, struct account *account, const struct contact_request *request)
{
	struct daemon *daemon = arg;
	(void)account;
	daemon->asked++;
	trace(daemon->world, "%s is asked by %s", daemon->name, request->name);
}

static void on_introduced(void *arg, struct contact *contact, const struct err *why)
{
	const struct peer *peer = peer_of(arg, contact);
	if (peer)
		trace(peer->self->world, "%s is introduced to %s: %s", peer->self->name,
		      peer->other->name, why ? why->text : "arrived");
}

static const struct engine_handler handler = {
    .status = on_status,
    .message = on_message,
    .delivered = on_delivered,
    .state = on_state,
    .request = on_request,
    .introduced = on_introduced,
};

/* --- life of a daemon --- */

static void open_engine(struct daemon *daemon)
{
	struct world *world = daemon->world;
	struct err err;
	const struct env *env = fake_env_env(daemon->fake);
	struct registry *inner = world->gateways
				     ? fake_gateways_registry(world->gateways, env)
				     : registry_memory_new(env, world->store, WORLD_REGISTRY_MS);
	daemon->registry = check_records_spy(world->records, daemon->name, env, inner);
	struct engine_config config = {
	    .env = env,
	    .registry = daemon->registry,
	    .transport = fake_host_transport(daemon->host),
	    .database = daemon->path,
	    .store_key = &(const struct key){{1}},
	    .replicas = daemon->options.replicas,
	    .renewal_ms = daemon->options.renewal_ms,
	    .circuits = daemon->options.circuits,
	    .decoys = daemon->options.decoys,
	};
	daemon->engine = engine_new(&config, &handler, daemon, &err);
	if (!daemon->engine) {
		world_fail(world, "%s: engine_new: %s", daemon->name, err.text);
		registry_free(&daemon->registry);
	}
}

/* A daemon that is gone shows nobody any more. */
static void close_engine(struct daemon *daemon)
{
	struct peer *peer;
	engine_free(&daemon->engine);
	registry_free(&daemon->registry);
	daemon->account = NULL;
	daemon->started = false;
	TAILQ_FOREACH(peer, &daemon->peers, next) peer->status.show = SHOW_OFFLINE;
}

struct daemon *daemon_new(struct world *world, const char *name,
			  const struct daemon_options *options)
{
	struct err err;
	struct daemon *daemon = calloc(1, sizeof *daemon);
	assert(daemon);
	daemon->world = world;
	snprintf(daemon->name, sizeof daemon->name, "%s", name);
	snprintf(daemon->path, sizeof daemon->path, "%s/%s.db", world->directory, name);
	daemon->fake = fake_env_new(world->clock);
	daemon->host = fake_net_host(world->net, name);
	daemon->options = *options;
	daemon->status.show = SHOW_AVAILABLE;
	TAILQ_INIT(&daemon->peers);
	TAILQ_INSERT_TAIL(&world->daemons, daemon, next);
	open_engine(daemon);
	if (!daemon->engine)
		return daemon;
	daemon->account = engine_account_add(daemon->engine, name, &err);
	if (daemon->account)
		memcpy(daemon->id, account_id(daemon->account), sizeof daemon->id);
	else
		world_fail(world, "%s: engine_account_add: %s", name, err.text);
	return daemon;
}

struct daemon *daemon_find(struct world *world, const char *name)
{
	struct daemon *daemon;
	TAILQ_FOREACH(daemon, &world->daemons, next)
	{
		if (strcmp(daemon->name, name) == 0)
			return daemon;
	}
	return NULL;
}

static bool alive(struct daemon *daemon)
{
	if (!daemon->engine)
		world_fail(daemon->world, "%s does not run", daemon->name);
	return daemon->engine != NULL;
}

void daemon_start(struct daemon *daemon)
{
	if (!alive(daemon))
		return;
	trace(daemon->world, "start %s", daemon->name);
	account_set_status(daemon->account, &daemon->status);
	engine_start(daemon->engine);
	daemon->started = true;
}

void daemon_stop(struct daemon *daemon)
{
	if (!alive(daemon))
		return;
	trace(daemon->world, "stop %s", daemon->name);
	engine_stop(daemon->engine);
	daemon->started = false;
}

void daemon_quit(struct daemon *daemon)
{
	if (!alive(daemon))
		return;
	trace(daemon->world, "quit %s", daemon->name);
	engine_stop(daemon->engine);
	for (int i = 0; i < QUIT_MAX_MS / QUIT_STEP_MS && !engine_quiet(daemon->engine); i++)
		world_run(daemon->world, QUIT_STEP_MS);
	close_engine(daemon);
}

static void copy_file(struct world *world, const char *from, const char *to)
{
	char block[65536];
	size_t len;
	FILE *in = fopen(from, "rb");
	if (!in && errno == ENOENT) {
		unlink(to);
		return;
	}
	FILE *out = fopen(to, "wb");
	if (!in || !out) {
		world_fail(world, "copy %s: %s", from, strerror(errno));
	} else {
		while ((len = fread(block, 1, sizeof block, in)) > 0)
			fwrite(block, 1, len, out);
	}
	if (in)
		fclose(in);
	if (out)
		fclose(out);
}

/* What is in the files in the moment of a SIGKILL is what the next process finds. */
static void copy_database(struct daemon *daemon, const char *from_suffix, const char *to_suffix)
{
	char from[128], to[128];
	for (unsigned i = 0; i < FILES_KEPT; i++) {
		snprintf(from, sizeof from, "%s%s%s", daemon->path, database_files[i], from_suffix);
		snprintf(to, sizeof to, "%s%s%s", daemon->path, database_files[i], to_suffix);
		copy_file(daemon->world, from, to);
	}
}

static void remove_database(struct daemon *daemon, const char *suffix)
{
	char path[128];
	for (unsigned i = 0; i < FILES_ALL; i++) {
		snprintf(path, sizeof path, "%s%s%s", daemon->path, database_files[i], suffix);
		unlink(path);
	}
}

void daemon_kill(struct daemon *daemon, int64_t closed_ms)
{
	if (!alive(daemon))
		return;
	trace(daemon->world, "kill %s", daemon->name);
	fake_host_kill(daemon->host, closed_ms);
	copy_database(daemon, "", ".kept");
	close_engine(daemon);
	remove_database(daemon, "");
	copy_database(daemon, ".kept", "");
	remove_database(daemon, ".kept");
}

void daemon_restart(struct daemon *daemon)
{
	if (daemon->engine)
		daemon_quit(daemon);
	open_engine(daemon);
	if (!daemon->engine)
		return;
	daemon->account = engine_account_find(daemon->engine, daemon->name);
	if (!daemon->account) {
		world_fail(daemon->world, "%s: the account is lost", daemon->name);
		return;
	}
	daemon_start(daemon);
	if (!daemon->inbox_closed)
		engine_deliver_waiting(daemon->account);
}

void daemon_status(struct daemon *daemon, enum show show, const char *text)
{
	daemon->status.show = show;
	snprintf(daemon->status.text, sizeof daemon->status.text, "%s", text);
	if (daemon->world->log)
		fprintf(daemon->world->log, "A %" PRId64 " %s %s\n",
			env_mono_ms(daemon->world->env), daemon->name,
			show == SHOW_XA ? "asleep" : "awake");
	if (alive(daemon))
		account_set_status(daemon->account, &daemon->status);
}

void daemon_visibility(struct daemon *daemon, enum account_visibility visibility)
{
	if (!alive(daemon))
		return;
	trace(daemon->world, "%s: visibility %d", daemon->name, visibility);
	account_set_visibility(daemon->account, visibility);
}

void daemon_inbox(struct daemon *daemon, bool closed)
{
	daemon->inbox_closed = closed;
	if (!closed && alive(daemon))
		engine_deliver_waiting(daemon->account);
}

/* --- contacts and messages --- */

struct peer *daemon_peer(const struct daemon *daemon, const struct daemon *other)
{
	struct peer *peer;
	TAILQ_FOREACH(peer, &daemon->peers, next)
	{
		if (peer->other == other)
			return peer;
	}
	return NULL;
}

struct contact *daemon_contact(const struct daemon *daemon, const struct daemon *other)
{
	return daemon->engine ? contact_find(daemon->account, other->id) : NULL;
}

static void know_peer(struct daemon *self, struct daemon *other)
{
	struct peer *peer = daemon_peer(self, other);
	if (peer)
		return;
	peer = calloc(1, sizeof *peer);
	assert(peer);
	peer->self = self;
	peer->other = other;
	TAILQ_INSERT_TAIL(&self->peers, peer, next);
}

static void add_peer(struct daemon *self, struct daemon *other, const struct key *secret)
{
	struct err err;
	know_peer(self, other);
	if (alive(self) && !contact_add(self->account, other->id, other->name, secret, &err))
		world_fail(self->world, "%s: contact_add %s: %s", self->name, other->name,
			   err.text);
}

void daemon_add(struct daemon *a, struct daemon *b, const char *words)
{
	struct key secret = {{0}};
	if (words)
		snprintf((char *)secret.bytes, sizeof secret.bytes, "%s", words);
	add_peer(a, b, words ? &secret : NULL);
}

void daemon_pair(struct daemon *a, struct daemon *b, const char *words)
{
	daemon_add(a, b, words);
	daemon_add(b, a, words);
}

void daemon_remove(struct daemon *a, struct daemon *b)
{
	struct err err;
	struct contact *contact = daemon_contact(a, b);
	if (!contact)
		world_fail(a->world, "%s has no contact %s", a->name, b->name);
	else if (contact_remove(&contact, &err) < 0)
		world_fail(a->world, "%s: contact_remove: %s", a->name, err.text);
}

/* --- invitations --- */

void daemon_invite(struct daemon *a, bool reusable, int64_t lifetime_ms)
{
	struct err err;
	if (alive(a) &&
	    account_invite(a->account, a->name, reusable, lifetime_ms, a->link, &err) < 0)
		world_fail(a->world, "%s: account_invite: %s", a->name, err.text);
}

struct wanted_link {
	const char *link;
	int64_t number;
};

static void find_link(void *arg, const struct invitation_info *info)
{
	struct wanted_link *wanted = arg;
	if (strcmp(info->link, wanted->link) == 0)
		wanted->number = info->number;
}

void daemon_revoke(struct daemon *a)
{
	struct err err;
	struct wanted_link wanted = {a->link, 0};
	if (!alive(a))
		return;
	account_invitations(a->account, find_link, &wanted);
	if (account_invitation_revoke(a->account, wanted.number, &err) < 0)
		world_fail(a->world, "%s: account_invitation_revoke: %s", a->name, err.text);
}

void daemon_introduce(struct daemon *b, struct daemon *a)
{
	struct err err;
	struct invitation invitation;
	if (!alive(b))
		return;
	know_peer(b, a);
	if (invitation_parse(a->link, &invitation, &err) < 0 ||
	    !account_introduce(b->account, &invitation, NULL, b->name, "", &err))
		world_fail(b->world, "%s: account_introduce: %s", b->name, err.text);
}

void daemon_accept(struct daemon *a, struct daemon *b)
{
	struct err err;
	if (!alive(a))
		return;
	know_peer(a, b);
	if (!account_request_accept(a->account, b->id, NULL, &err))
		world_fail(a->world, "%s: account_request_accept: %s", a->name, err.text);
}

void daemon_deny(struct daemon *a, struct daemon *b)
{
	struct err err;
	if (alive(a) && account_request_deny(a->account, b->id, &err) < 0)
		world_fail(a->world, "%s: account_request_deny: %s", a->name, err.text);
}

static void keep_first(void *arg, const struct contact_request *request)
{
	char *id = arg;
	if (!id[0])
		memcpy(id, request->id, ID_LEN + 1);
}

void daemon_deny_oldest(struct daemon *a)
{
	char id[ID_LEN + 1] = "";
	struct err err;
	if (!alive(a))
		return;
	account_requests(a->account, keep_first, id);
	if (account_request_deny(a->account, id, &err) < 0)
		world_fail(a->world, "%s: account_request_deny: %s", a->name, err.text);
}

void daemon_block(struct daemon *a, struct daemon *b)
{
	struct err err;
	if (alive(a) && account_block(a->account, b->id, &err) < 0)
		world_fail(a->world, "%s: account_block: %s", a->name, err.text);
}

void daemon_unblock(struct daemon *a, struct daemon *b)
{
	struct err err;
	if (alive(a) && account_unblock(a->account, b->id, &err) < 0)
		world_fail(a->world, "%s: account_unblock: %s", a->name, err.text);
}

static void count_request(void *arg, const struct contact_request *request)
{
	(void)request;
	++*(unsigned *)arg;
}

unsigned daemon_requests(const struct daemon *daemon)
{
	unsigned count = 0;
	if (daemon->engine)
		account_requests(daemon->account, count_request, &count);
	return count;
}

static void send_payload(struct daemon *from, struct daemon *to, const char *payload, size_t len)
{
	struct err err;
	struct peer *peer = daemon_peer(from, to);
	struct contact *contact = daemon_contact(from, to);
	if (!peer || !contact) {
		world_fail(from->world, "%s has no contact %s", from->name, to->name);
		return;
	}
	if (peer->sent_count == peer->sent_size) {
		peer->sent_size = peer->sent_size ? 2 * peer->sent_size : 16;
		peer->sent = realloc(peer->sent, peer->sent_size * sizeof *peer->sent);
		assert(peer->sent);
	}
	struct sent *sent = &peer->sent[peer->sent_count];
	*sent = (struct sent){.payload = malloc(len + 1), .len = len};
	assert(sent->payload);
	memcpy(sent->payload, payload, len);
	sent->payload[len] = 0;
	peer->sent_count++;
	if (engine_send(contact, payload, len, &sent->token, &err) < 0)
		world_fail(from->world, "%s: engine_send: %s", from->name, err.text);
}

void daemon_send(struct daemon *from, struct daemon *to, const char *text)
{
	send_payload(from, to, text, strlen(text));
}

void daemon_send_random(struct daemon *from, struct daemon *to)
{
	static char payload[PAYLOAD_MAX / 4 + 64];
	const struct env *env = from->world->env;
	const struct peer *peer = daemon_peer(from, to);
	/* Most are short, as people's are; one in eight needs many frames. */
	size_t most = env_random_below(env, 8) ? 300 : PAYLOAD_MAX / 4;
	size_t extra = env_random_below(env, most);
	int len = snprintf(payload, sizeof payload, "%s to %s, %u: ", from->name, to->name,
			   peer ? peer->sent_count + 1 : 0);
	for (size_t i = 0; i < extra; i++)
		payload[(size_t)len + i] = (char)('a' + (i * 7 + extra) % 26);
	send_payload(from, to, payload, (size_t)len + extra);
}

/* --- the world --- */

void world_run(struct world *world, int64_t ms)
{
	int64_t until = fake_clock_now(world->clock) + ms;
	while (!world->failed && fake_clock_now(world->clock) < until)
		fake_clock_step(world->clock, until - fake_clock_now(world->clock));
}

/* Whatever the registry says, only what the contact has published lately is dialled. */
static void on_dialled(void *arg, const char *dialler, const char *issuer, int64_t gone_ms)
{
	struct world *world = arg;
	struct daemon *from = daemon_find(world, dialler);
	const struct daemon *to = issuer ? daemon_find(world, issuer) : NULL;
	if (!from)
		return;
	if (!to)
		world_fail(world, "%s dials an address that nobody has given out", dialler);
	else if (!daemon_peer(from, to))
		world_fail(world, "%s dials %s, who is no contact", dialler, issuer);
	else if (gone_ms > DIAL_STALE_MS)
		world_fail(world, "%s dials an address of %s that is gone for %.0f s", dialler,
			   issuer, (double)gone_ms / 1000);
}

void world_gateways(struct world *world, unsigned count)
{
	assert(!world->gateways);
	world->gateways = fake_gateways_new(world->env, count);
	fake_gateways_log(world->gateways, world->log);
	check_records_gateways(world->records, world->gateways);
}

int world_log(struct world *world, const char *path)
{
	world->log = fopen(path, "w");
	return world->log ? 0 : -1;
}

bool daemon_searches(const struct daemon *daemon, const void *search)
{
	for (unsigned i = 0; daemon->account && i < daemon->account->contact_count; i++)
		if (daemon->account->contacts[i]->rendezvous == search)
			return true;
	return false;
}

/* In memory if possible: an engine syncs its database often. */
static void make_directory(struct world *world)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(world->directory, sizeof world->directory, "%s/tacet-scenario-XXXXXX", tmp);
	if (!mkdtemp(world->directory))
		world_fail(world, "mkdtemp: %s", strerror(errno));
}

struct world *world_new(uint64_t seed, bool verbose)
{
	struct world *world = calloc(1, sizeof *world);
	assert(world);
	world->verbose = verbose;
	world->clock = fake_clock_new(seed);
	world->fake = fake_env_new(world->clock);
	world->env = fake_env_env(world->fake);
	world->net = fake_net_new(world->clock);
	fake_net_watch_dials(world->net, on_dialled, world);
	world->store = registry_memory_store_new(world->env);
	world->records = check_records_new(world);
	world->wire = check_wire_new(world);
	TAILQ_INIT(&world->daemons);
	make_directory(world);
	return world;
}

static void daemon_free(struct daemon *daemon)
{
	struct peer *peer;
	close_engine(daemon);
	remove_database(daemon, "");
	fake_env_free(&daemon->fake);
	while ((peer = TAILQ_FIRST(&daemon->peers))) {
		TAILQ_REMOVE(&daemon->peers, peer, next);
		for (unsigned i = 0; i < peer->sent_count; i++)
			free(peer->sent[i].payload);
		free(peer->sent);
		free(peer);
	}
	free(daemon);
}

void world_free(struct world **world)
{
	struct daemon *daemon;
	check_wire_free(&(*world)->wire);
	while ((daemon = TAILQ_FIRST(&(*world)->daemons))) {
		TAILQ_REMOVE(&(*world)->daemons, daemon, next);
		daemon_free(daemon);
	}
	fake_net_free(&(*world)->net);
	check_records_free(&(*world)->records);
	registry_memory_store_free(&(*world)->store);
	fake_gateways_free(&(*world)->gateways);
	if ((*world)->log)
		fclose((*world)->log);
	rmdir((*world)->directory);
	fake_env_free(&(*world)->fake);
	fake_clock_free(&(*world)->clock);
	free(*world);
	*world = NULL;
}
