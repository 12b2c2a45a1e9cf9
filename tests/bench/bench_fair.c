/*
 * bench_fair.c: does an account that is flooded slow the others of its daemon?
 *
 *     usage: bench_fair [messages, 10000 [requests, 1000]]
 *
 * Three engines, each in a thread of its own with a real loop and clock, connected by Unix sockets,
 * with a registry that is a table: what is between them takes next to no time, so that what others
 * feel is the daemon's own doing. In the daemon that is looked at nine accounts send to a contact
 * of theirs, wait for its acknowledgement, and send again a moment later. Meanwhile the tenth one
 *
 *     quiet      is left in peace
 *     messages   is sent so many messages by a contact, as fast as they are taken
 *     requests   is asked by so many guests to become contacts, all with one invitation
 *
 * The round trips of the nine stand beside those of the quiet time, with how much of the processor
 * the house took, the longest that one turn of its loop kept the processor (what others of the
 * daemon wait for at most, whoever else is on the machine), and for how long of each trip house and
 * friends were ready to run and had no processor. The flooder gives way to everybody (SCHED_IDLE),
 * but where processors are few its own work, of 1,000 guests, is felt all the same.
 */
#include "core/base/stream_socket.h"
#include "core/engine.h"
#include "core/registry_private.h"
#include "tests/bench/figures.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OTHERS      9
#define SAMPLES_MAX 1000000
#define PAUSE_MS    20 /* between two round trips: they do not fill the processor themselves */
#define QUIET_MS    3000
#define REQUESTS_MS 20000
#define LIMIT_MS    120000
#define TABLE_MAX   4096

enum phase { PREPARE, QUIET, MESSAGES, REQUESTS, END, PHASES };

static atomic_int phase;
static char directory[32];
static bool json;
static unsigned message_count = 10000, request_count = 1000;

static void check(bool ok, const char *what, const struct err *err)
{
	if (ok)
		return;
	fprintf(stderr, "bench_fair: %s failed: %s\n", what, err ? err->text : "");
	exit(1);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Of this thread. */
static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* --- a registry that is a table --- */

static struct {
	pthread_mutex_t lock;
	unsigned count;
	struct registry_entry entries[TABLE_MAX];
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct op {
	struct registry_op base;
	struct timer *timer;
	unsigned count;
	uint8_t keys[REGISTRY_KEYS_MAX][LOOKUP_KEY_LEN];
	void (*published)(void *, const struct registry_published *);
	bool (*value)(void *, unsigned, const uint8_t *);
	void (*looked_up)(void *, unsigned);
	void *arg;
};

struct table_registry {
	struct registry base;
	const struct env *env;
};

/* Under the lock. NULL: the table is full, and make was wanted. */
static struct registry_entry *entry_of(const uint8_t *key, bool make)
{
	for (unsigned i = 0; i < table.count; i++)
		if (memcmp(table.entries[i].key, key, LOOKUP_KEY_LEN) == 0)
			return &table.entries[i];
	if (!make || table.count == TABLE_MAX)
		return NULL;
	memcpy(table.entries[table.count].key, key, LOOKUP_KEY_LEN);
	return &table.entries[table.count++];
}

static void op_done(void *arg)
{
	struct op *op = arg, copy = *op;
	const struct registry_published all = {op->count, op->count};
	bool content = false;

	timer_free(&op->timer);
	free(op);
	if (copy.published) {
		copy.published(copy.arg, &all);
		return;
	}
	for (unsigned i = 0; i < copy.count && !content; i++) {
		struct registry_entry *entry, found;

		pthread_mutex_lock(&table.lock);
		entry = entry_of(copy.keys[i], false);
		if (entry)
			found = *entry;
		pthread_mutex_unlock(&table.lock);
		content = entry && copy.value(copy.arg, i, found.value);
	}
	copy.looked_up(copy.arg, copy.count);
}

static struct op *op_new(struct registry *registry, unsigned count, void *arg)
{
	struct op *op = calloc(1, sizeof(*op));

	check(op != NULL, "malloc", NULL);
	op->base.registry = registry;
	op->timer = timer_new(((struct table_registry *)registry)->env, op_done, op);
	op->count = count;
	op->arg = arg;
	timer_set(op->timer, 1);
	return op;
}

static struct registry_op *publish(struct registry *registry, const char *isolation,
				   const struct registry_entry *entries, unsigned count,
				   void (*done)(void *, const struct registry_published *),
				   void *arg)
{
	struct op *op = op_new(registry, count, arg);

	(void)isolation;
	op->published = done;
	pthread_mutex_lock(&table.lock);
	for (unsigned i = 0; i < count; i++) {
		struct registry_entry *entry = entry_of(entries[i].key, true);

		check(entry != NULL, "the table", NULL);
		*entry = entries[i];
	}
	pthread_mutex_unlock(&table.lock);
	return &op->base;
}

static struct registry_op *lookup(struct registry *registry, const char *isolation,
				  const uint8_t (*keys)[LOOKUP_KEY_LEN], unsigned count,
				  bool (*value)(void *, unsigned, const uint8_t *),
				  void (*done)(void *, unsigned), void *arg)
{
	struct op *op = op_new(registry, count, arg);

	(void)isolation;
	op->value = value;
	op->looked_up = done;
	memcpy(op->keys, keys, count * sizeof(op->keys[0]));
	return &op->base;
}

/* Within its own value() it is gone already: nothing here cancels then. */
static void cancel(struct registry_op *base)
{
	struct op *op = (struct op *)base;

	timer_free(&op->timer);
	free(op);
}

static const struct registry_ops table_ops = {
    .name = "table", .publish = publish, .lookup = lookup, .cancel = cancel};

/* --- a transport of Unix sockets; the key of a service is the number in its path --- */

struct local_service {
	struct service base;
	const struct service_handler *handler;
	void *arg;
	struct listener *listener;
	struct timer *news;
	unsigned number;
};

struct local_dial {
	struct dial base;
	struct stream *stream;
	void (*done)(void *, struct stream *, const struct err *);
	void *arg;
};

struct local_transport {
	struct transport base;
	struct loop *loop;
};

static void service_news(void *arg)
{
	struct local_service *service = arg;

	service->handler->published(service->arg, true);
}

static void service_accepted(void *arg, struct stream *stream)
{
	struct local_service *service = arg;

	service->handler->accepted(service->arg, stream);
}

static void path_of(unsigned number, char path[64])
{
	snprintf(path, 64, "%s/%u", directory, number);
}

static struct service *local_service_new(struct transport *transport,
					 const struct service_handler *handler, void *arg,
					 struct err *err)
{
	static atomic_uint last;
	struct loop *loop = ((struct local_transport *)transport)->loop;
	struct local_service *service = calloc(1, sizeof(*service));
	char path[64];

	check(service != NULL, "malloc", NULL);
	service->base.transport = transport;
	service->handler = handler;
	service->arg = arg;
	service->number = ++last;
	path_of(service->number, path);
	service->listener = listener_new_unix(loop, path, 0600, service_accepted, service, err);
	check(service->listener != NULL, "listen", err);
	service->news = timer_new(loop_env(loop), service_news, service);
	timer_set(service->news, 0);
	return &service->base;
}

static int local_service_endpoint(const struct service *base, unsigned slot,
				  struct endpoint *endpoint)
{
	const struct local_service *service = (const struct local_service *)base;

	(void)slot;
	*endpoint = (struct endpoint){.kind = ENDPOINT_ONION, .port = 1};
	memcpy(endpoint->service, &service->number, sizeof(service->number));
	return 0;
}

static void local_service_free(struct service *base)
{
	struct local_service *service = (struct local_service *)base;

	listener_free(&service->listener);
	timer_free(&service->news);
	free(service);
}

static void dial_opened(void *arg)
{
	struct local_dial *dial = arg, copy = *dial;

	free(dial);
	copy.done(copy.arg, copy.stream, NULL);
}

static void dial_closed(void *arg, const struct err *why)
{
	struct local_dial *dial = arg, copy = *dial;
	const struct err told = *why;

	free(dial);
	stream_free(&copy.stream);
	copy.done(copy.arg, NULL, &told);
}

static struct dial *local_dial(struct transport *transport, const struct endpoint *endpoint,
			       const char *isolation,
			       void (*done)(void *, struct stream *, const struct err *), void *arg,
			       struct err *err)
{
	static const struct stream_handler handler = {.opened = dial_opened, .closed = dial_closed};
	struct local_dial *dial = calloc(1, sizeof(*dial));
	unsigned number;
	char path[64];

	(void)isolation;
	check(dial != NULL, "malloc", NULL);
	memcpy(&number, endpoint->service, sizeof(number));
	path_of(number, path);
	dial->base.transport = transport;
	dial->done = done;
	dial->arg = arg;
	dial->stream = stream_connect_unix(((struct local_transport *)transport)->loop, path, err);
	if (!dial->stream) { /* at the end nobody accepts any more */
		free(dial);
		return NULL;
	}
	stream_set_handler(dial->stream, &handler, dial);
	return &dial->base;
}

static void local_dial_cancel(struct dial *base)
{
	struct local_dial *dial = (struct local_dial *)base;

	stream_free(&dial->stream);
	free(dial);
}

static const struct transport_ops local_ops = {
    .name = "local",
    .service_new = local_service_new,
    .service_endpoint = local_service_endpoint,
    .service_free = local_service_free,
    .dial = local_dial,
    .dial_cancel = local_dial_cancel,
};

/* --- the three sides --- */

struct side {
	const char *name;
	struct loop *loop;
	struct table_registry registry;
	struct local_transport transport;
	struct engine *engine;
	pthread_t thread;
	int tid;
};

static struct side house = {.name = "house"}, friends = {.name = "friends"},
		   flooder = {.name = "flooder"};
static struct contact *friend_of[OTHERS]; /* of the accounts of the house */
static struct timer *pause_of[OTHERS];
static double sent_ms[OTHERS];
static float *samples[PHASES];
static unsigned sample_count[PHASES];
static unsigned got, requests;
static char invitation[INVITATION_LINK_SIZE];

static void ping(void *arg)
{
	unsigned i = (unsigned)((struct timer **)arg - pause_of);
	uint64_t token;
	struct err err = {0};

	sent_ms[i] = now_ms();
	check(engine_send(friend_of[i], "ping", 4, &token, &err) == 0, "engine_send", &err);
}

static void on_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
			 const char *reason)
{
	int now = phase;
	unsigned i = 0;

	(void)arg;
	(void)token;
	(void)how;
	(void)reason;
	while (i < OTHERS && friend_of[i] != contact)
		i++;
	if (i == OTHERS)
		return;
	if (sample_count[now] < SAMPLES_MAX)
		samples[now][sample_count[now]++] = (float)(now_ms() - sent_ms[i]);
	timer_set(pause_of[i], PAUSE_MS);
}

static enum reception on_message(void *arg, struct contact *contact, uint64_t token,
				 const uint8_t *payload, size_t len, int64_t time_ms)
{
	(void)contact;
	(void)token;
	(void)payload;
	(void)len;
	(void)time_ms;
	got += arg == &house;
	return MESSAGE_TAKEN;
}

static void on_request(void *arg, struct account *account, const struct contact_request *request)
{
	(void)account;
	(void)request;
	requests += arg == &house;
}

static void open_side(struct side *side)
{
	static const struct key store_key = {{1}};
	static const struct engine_handler handler = {
	    .message = on_message, .delivered = on_delivered, .request = on_request};
	char path[64];
	struct err err = {0};

	side->loop = loop_new(&err);
	check(side->loop != NULL, "loop_new", &err);
	side->registry = (struct table_registry){{&table_ops}, loop_env(side->loop)};
	side->transport = (struct local_transport){{&local_ops}, side->loop};
	snprintf(path, sizeof(path), "%s/%s.db", directory, side->name);
	const struct engine_config config = {
	    .env = loop_env(side->loop),
	    .registry = &side->registry.base,
	    .transport = &side->transport.base,
	    .database = path,
	    .store_key = &store_key,
	};
	side->engine = engine_new(&config, &handler, side, &err);
	check(side->engine != NULL, "engine_new", &err);
}

static struct account *add_account(struct side *side, unsigned i)
{
	char name[16];
	struct err err = {0};
	struct account *account;

	snprintf(name, sizeof(name), "%u", i);
	account = engine_account_add(side->engine, name, &err);
	check(account != NULL, "engine_account_add", &err);
	return account;
}

static struct contact *pair_up(struct account *a, struct account *b)
{
	struct err err = {0};
	struct contact *contact = contact_add(a, account_id(b), "", NULL, &err);

	check(contact && contact_add(b, account_id(a), "", NULL, &err), "contact_add", &err);
	return contact;
}

static void flood_messages(struct contact *contact)
{
	uint64_t token;
	struct err err = {0};

	for (unsigned i = 0; i < message_count; i++)
		check(engine_send(contact, "flood", 5, &token, &err) == 0, "engine_send", &err);
}

static void flood_requests(void)
{
	struct invitation door;
	struct err err = {0};
	char name[16];

	check(invitation_parse(invitation, &door, &err) == 0, "invitation_parse", &err);
	for (unsigned i = 1; i <= request_count; i++) {
		snprintf(name, sizeof(name), "%u", i);
		check(account_introduce(engine_account_find(flooder.engine, name), &door, "",
					"guest", "let me in", &err) != NULL,
		      "account_introduce", &err);
	}
}

static void *live(void *arg)
{
	struct side *side = arg;
	int seen = PREPARE;

	side->tid = gettid();
	if (side == &flooder)
		sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}); /* of this thread */
	engine_start(side->engine);
	while (phase != END) {
		loop_run_once(side->loop, 5);
		if (side != &flooder || seen == phase)
			continue;
		seen = phase;
		if (seen == MESSAGES)
			flood_messages(
			    contact_find(engine_account_find(flooder.engine, "0"),
					 account_id(engine_account_find(house.engine, "0"))));
		else if (seen == REQUESTS)
			flood_requests();
	}
	return NULL;
}

static void set_up(void)
{
	struct err err = {0};
	struct account *flooded;

	open_side(&house);
	open_side(&friends);
	open_side(&flooder);
	flooded = add_account(&house, 0);
	pair_up(flooded, add_account(&flooder, 0));
	for (unsigned i = 0; i < OTHERS; i++)
		friend_of[i] = pair_up(add_account(&house, i + 1), add_account(&friends, i + 1));
	for (unsigned i = 1; i <= request_count; i++)
		add_account(&flooder, i);
	check(account_invite(flooded, "", true, 3600000, invitation, &err) == 0, "invite", &err);
	for (int i = 0; i < PHASES; i++)
		samples[i] = calloc(SAMPLES_MAX, sizeof(float));
}

static bool all_linked(void)
{
	bool linked = true;

	for (unsigned i = 0; i < OTHERS; i++)
		linked &= contact_state(friend_of[i]) == CONTACT_LINKED;
	return linked &&
	       contact_state(contact_find(engine_account_find(house.engine, "0"),
					  account_id(engine_account_find(flooder.engine, "0")))) ==
		   CONTACT_LINKED;
}

static bool no_end(void)
{
	return false;
}

static bool all_got(void)
{
	return got >= message_count;
}

static double busy;    /* part of the processor that the house took in the last run_until */
static double turn_ms; /* the longest that a turn of its loop kept the processor there */
static double waited;  /* how long house and friends waited for a processor there, in ms */

/* How long the side has been ready to run and did not, so far, in ms; 0 where Linux does not tell.
 */
static double wait_ms(const struct side *side)
{
	char path[64];
	double wait_ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", side->tid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%*f %lf", &wait_ns) != 1)
		wait_ns = 0;
	if (file)
		fclose(file);
	return wait_ns / 1e6;
}

/* How long it took, in ms. */
static double run_until(bool (*done)(void), double limit_ms)
{
	double begin = now_ms(), cpu = cpu_ms();

	turn_ms = 0;
	waited = -wait_ms(&house) - wait_ms(&friends);
	while (!done() && now_ms() - begin < limit_ms) {
		double turn = cpu_ms();

		loop_run_once(house.loop, 5);
		turn = cpu_ms() - turn;
		turn_ms = turn > turn_ms ? turn : turn_ms;
	}
	waited += wait_ms(&house) + wait_ms(&friends);
	busy = (cpu_ms() - cpu) / (now_ms() - begin);
	return now_ms() - begin;
}

/* --- the report --- */

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static float quantile(int of, double q)
{
	return sample_count[of] ? samples[of][(unsigned)(q * (sample_count[of] - 1))] : 0;
}

static void report_json(int of, const char *phase_name)
{
	const double quantiles[] = {0.5, 0.95};
	char name[64];

	for (int i = 0; i < 2; i++) {
		double quiet = of == QUIET ? 0 : quantile(QUIET, quantiles[i]);

		snprintf(name, sizeof(name), "trip of others, %s, %s", phase_name,
			 i ? "95 %" : "median");
		figure_print(&(struct figure){"fair", name, quantile(of, quantiles[i]), "ms", quiet,
					      of == QUIET ? NULL : "ratio <= 1.5"});
	}
	snprintf(name, sizeof(name), "CPU of the daemon, %s", phase_name);
	figure_print(&(struct figure){"fair", name, 100 * busy, "%", 0, NULL});
	snprintf(name, sizeof(name), "longest turn of the daemon, %s", phase_name);
	figure_print(&(struct figure){"fair", name, turn_ms, "ms", 0, NULL});
	snprintf(name, sizeof(name), "no processor, a trip, %s", phase_name);
	figure_print(&(struct figure){"fair", name, waited / sample_count[of], "ms", 0, NULL});
}

static void report(int of, const char *name, const char *what)
{
	qsort(samples[of], sample_count[of], sizeof(float), compare);
	if (json) {
		report_json(of, name);
		return;
	}
	printf("%-9s %8u %10.2f %8.2f %8.2f %8.2f %8.2f %5.0f %7.2f %7.2f  %s\n", name,
	       sample_count[of], quantile(of, 0.5), quantile(of, 0.5) / quantile(QUIET, 0.5),
	       quantile(of, 0.95), quantile(of, 0.95) / quantile(QUIET, 0.95), quantile(of, 1),
	       100 * busy, turn_ms, waited / sample_count[of], what);
	fflush(stdout);
}

static void measure(void)
{
	char what[64];
	double ms;

	house.tid = gettid();
	engine_start(house.engine);
	pthread_create(&friends.thread, NULL, live, &friends);
	pthread_create(&flooder.thread, NULL, live, &flooder);
	run_until(all_linked, LIMIT_MS);
	check(all_linked(), "linking", NULL);
	for (unsigned i = 0; i < OTHERS; i++) {
		pause_of[i] = timer_new(loop_env(house.loop), ping, &pause_of[i]);
		timer_set(pause_of[i], 0);
	}
	run_until(no_end, QUIET_MS / 3);
	if (!json)
		printf("%d accounts: trips  median ms    ratio   95 %% ms   ratio  longest CPU %% "
		       "turn ms wait ms\n",
		       OTHERS);
	phase = QUIET;
	run_until(no_end, QUIET_MS);
	report(QUIET, "quiet", "");
	phase = MESSAGES;
	ms = run_until(all_got, LIMIT_MS);
	snprintf(what, sizeof(what), "%u messages in %.1f s", got, ms / 1000);
	report(MESSAGES, "messages", what);
	phase = REQUESTS;
	run_until(no_end, REQUESTS_MS);
	snprintf(what, sizeof(what), "%u requests came through", requests);
	report(REQUESTS, "requests", what);
	phase = END;
	pthread_join(friends.thread, NULL);
	pthread_join(flooder.thread, NULL);
}

int main(int argc, char **argv)
{
	char command[64];

	json = figures_wanted(&argc, argv);
	if (argc > 1)
		message_count = (unsigned)atoi(argv[1]);
	if (argc > 2)
		request_count = (unsigned)atoi(argv[2]);
	if (message_count == 0 || message_count > OUTBOX_MAX || request_count > 10000) {
		fprintf(stderr, "usage: bench_fair [--json] [messages [requests]]\n");
		return 2;
	}
	snprintf(directory, sizeof(directory), "%s/tacet-fair-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	check(mkdtemp(directory) != NULL, "mkdtemp", NULL);
	set_up();
	measure();
	/* The process ends: nothing is closed in order. */
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}
