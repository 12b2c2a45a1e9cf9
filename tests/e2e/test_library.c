/*
 * test_library.c: two people in one program with libtacet, over real tor and OpenDHT: they meet,
 * talk, one echoes what the other says and what comes in a stream, and they meet again.
 *
 * Uses the header alone, and a loop of its own: poll() on both descriptors. Needs $TACET_TESTNET.
 */
#include <tacet.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 120
#define MESSAGES   200
#define ECHOES     1000
/* Memory that a thousand messages may leave behind, in KiB: pages of SQLite's cache, and crumbs. */
#define GROWTH_KIB   4096
#define STREAM_BYTES 1000000
#define GATEWAYS_MAX 16
#define SKIP         77

struct side {
	const char *name;
	struct tacet *tacet;
	struct tacet_account *account;
	struct tacet_contact *other;
	unsigned got, delivered;
	bool echoes;
	struct tacet_stream *stream;
	size_t written, read;
	bool stream_ended, stream_closed;
	int progress;
};

static char gateways_text[4096];
static const char *gateways[GATEWAYS_MAX];
static size_t gateway_count;
static char torrc[16384];

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static bool read_file(const char *directory, const char *name, char *text, size_t size)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	return true;
}

static bool on_message(void *arg, struct tacet_contact *contact, const void *payload, size_t len,
		       int64_t sent_at)
{
	struct side *side = arg;
	char expected[64];

	(void)sent_at;
	snprintf(expected, sizeof expected, "message %u", side->got);
	if (contact != side->other || len != strlen(expected) ||
	    memcmp(payload, expected, len) != 0)
		fail(side->name, "a message is not the next one");
	side->got++;
	return !side->echoes || tacet_send(contact, payload, len, NULL, NULL) == 0;
}

/* --- a stream of bytes that count up, and its echo --- */

static void write_more(struct side *side)
{
	unsigned char data[1000];
	ssize_t len = 1;

	while (len > 0 && side->written < STREAM_BYTES) {
		for (size_t i = 0; i < sizeof data; i++)
			data[i] = (unsigned char)((side->written + i) % 251);
		len = STREAM_BYTES - side->written < sizeof data
			  ? (ssize_t)(STREAM_BYTES - side->written)
			  : (ssize_t)sizeof data;
		len = tacet_stream_write(side->stream, data, (size_t)len, NULL);
		side->written += len > 0 ? (size_t)len : 0;
	}
	if (side->written >= STREAM_BYTES)
		tacet_stream_shutdown(side->stream);
}

static void on_opened(void *arg, struct tacet_stream *stream)
{
	(void)stream;
	write_more(arg);
}

static void on_readable(void *arg, struct tacet_stream *stream)
{
	struct side *side = arg;
	unsigned char data[3000];
	ssize_t len;

	while ((len = tacet_stream_read(stream, data, sizeof data, NULL)) > 0)
		for (ssize_t i = 0; i < len; i++)
			if (data[i] != side->read++ % 251)
				fail(side->name, "a byte of the stream is not the next one");
	side->stream_ended |= len == 0;
}

static void on_closed(void *arg, struct tacet_stream *stream, const struct tacet_err *why)
{
	struct side *side = arg;

	if (why != NULL)
		fail(side->name, why->text);
	side->stream_closed = true;
	if (side->stream == stream)
		tacet_stream_close(&side->stream);
}

static const struct tacet_stream_handlers stream_handlers = {.size = sizeof stream_handlers,
							     .opened = on_opened,
							     .readable = on_readable,
							     .writable = on_opened,
							     .closed = on_closed};

/* Bob's end is a socket, whose other end gives back what it gets. */
static int echo_fd = -1;

static bool on_stream(void *arg, struct tacet_stream *stream)
{
	if (tacet_stream_handle(stream, &stream_handlers, arg, NULL) < 0)
		return false;
	echo_fd = tacet_stream_fd(stream, NULL);
	return echo_fd >= 0;
}

static void echo_stream(void)
{
	char data[4096];
	ssize_t len = echo_fd >= 0 ? recv(echo_fd, data, sizeof data, MSG_DONTWAIT) : -1;

	if (len > 0 && send(echo_fd, data, (size_t)len, MSG_NOSIGNAL) != len)
		fail("echo", "short write");
	if (len == 0) {
		close(echo_fd);
		echo_fd = -1;
	}
}

static long memory_kib(void)
{
	long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file == NULL || fscanf(file, "%ld %ld", &pages, &resident) != 2)
		fail("statm", "cannot be read");
	fclose(file);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void on_delivered(void *arg, struct tacet_contact *contact, uint64_t token,
			 enum tacet_delivery how, const char *reason)
{
	(void)contact;
	(void)token;
	if (how != TACET_DELIVERED)
		fail("refused", reason);
	((struct side *)arg)->delivered++;
}

static void on_network(void *arg, const struct tacet_network *network)
{
	struct side *side = arg;

	if (network->progress != side->progress)
		printf("%s: tor %d %% %s\n", side->name, network->progress, network->summary);
	side->progress = network->progress;
}

static void open_side(struct side *side, const char *directory)
{
	char state[512];
	struct tacet_err err;
	struct tacet_options options = {.size = sizeof options,
					.state_dir = state,
					.gateways = gateways,
					.gateway_count = gateway_count,
					.renewal_ms = 10000,
					.tor_extra = torrc};
	const struct tacet_handlers handlers = {.size = sizeof handlers,
						.message = on_message,
						.delivered = on_delivered,
						.network = on_network};
	const struct tacet_presence presence = {TACET_AVAILABLE, 0, side->name};

	snprintf(state, sizeof state, "%s/%s", directory, side->name);
	side->progress = -1;
	side->tacet = tacet_open(&options, &handlers, side, &err);
	if (side->tacet == NULL)
		fail("tacet_open", err.text);
	side->account = tacet_account_find(side->tacet, side->name);
	if (side->account == NULL)
		side->account = tacet_account_add(side->tacet, side->name, &err);
	if (side->account == NULL || tacet_account_present(side->account, &presence, &err) < 0)
		fail(side->name, err.text);
}

static void meet(struct side *a, const struct side *b)
{
	struct tacet_err err;

	a->other = tacet_contact_add(a->account, tacet_account_id(b->account), b->name,
				     "a passphrase", &err);
	if (a->other == NULL)
		fail("tacet_contact_add", err.text);
}

/* One round of a loop that is not tacet's. */
static void poll_both(struct side *a, struct side *b)
{
	struct side *sides[2] = {a, b};
	struct pollfd ready[2];

	for (int i = 0; i < 2; i++)
		ready[i] = (struct pollfd){
		    .fd = sides[i]->tacet ? tacet_fd(sides[i]->tacet, NULL) : -1, .events = POLLIN};
	poll(ready, 2, echo_fd >= 0 ? 1 : 100);
	echo_stream();
	for (int i = 0; i < 2; i++) {
		if (ready[i].revents)
			tacet_run_once(sides[i]->tacet, 0);
	}
}

#define WAIT_FOR(what, condition)                                                                  \
	do {                                                                                       \
		double began = seconds();                                                          \
		while (!(condition)) {                                                             \
			if (seconds() - began > PATIENCE_S)                                        \
				fail(what, "not in time");                                         \
			poll_both(&alice, &bob);                                                   \
		}                                                                                  \
		printf("%s: %.2f s\n", what, seconds() - began);                                   \
	} while (0)

static bool sees(const struct side *side, enum tacet_show show)
{
	return tacet_contact_presence(side->other).show == show;
}

int main(int argc, char **argv)
{
	struct side alice = {.name = "alice"}, bob = {.name = "bob"};
	const char *net = getenv("TACET_TESTNET");
	char directory[] = "/tmp/tacet-library-XXXXXX", text[32], command[64];
	long memory;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "-v") == 0)
		tacet_log(TACET_LOG_DEBUG, NULL, NULL);
	if (net == NULL || !read_file(net, "client.torrc", torrc, sizeof torrc) ||
	    !read_file(net, "gateways", gateways_text, sizeof gateways_text)) {
		puts("no test network: set TACET_TESTNET");
		return SKIP;
	}
	for (char *word = strtok(gateways_text, " \n"); word && gateway_count < GATEWAYS_MAX;
	     word = strtok(NULL, " \n"))
		gateways[gateway_count++] = word;
	if (mkdtemp(directory) == NULL)
		fail("mkdtemp", directory);
	open_side(&alice, directory);
	open_side(&bob, directory);
	meet(&alice, &bob);
	meet(&bob, &alice);
	WAIT_FOR("they see each other",
		 sees(&alice, TACET_AVAILABLE) && sees(&bob, TACET_AVAILABLE));
	for (unsigned i = 0; i < MESSAGES; i++) {
		snprintf(text, sizeof text, "message %u", i);
		tacet_send(alice.other, text, strlen(text), NULL, NULL);
		tacet_send(bob.other, text, strlen(text), NULL, NULL);
	}
	WAIT_FOR("messages both ways", alice.delivered == MESSAGES && bob.delivered == MESSAGES &&
					   alice.got == MESSAGES && bob.got == MESSAGES);
	memory = memory_kib();
	for (unsigned half = 0; half < 2; half++) {
		bob.echoes = true;
		alice.got = bob.got = 0;
		for (unsigned i = 0; i < ECHOES; i++) {
			snprintf(text, sizeof text, "message %u", i);
			tacet_send(alice.other, text, strlen(text), NULL, NULL);
		}
		WAIT_FOR("a thousand echoes", alice.got == ECHOES);
		printf("memory: %ld KiB more\n", memory_kib() - memory);
		if (half == 0)
			memory = memory_kib();
	}
	if (memory_kib() - memory > GROWTH_KIB)
		fail("memory", "it is not flat");
	WAIT_FOR("all acknowledged",
		 tacet_contact_waiting(alice.other) == 0 && tacet_contact_waiting(bob.other) == 0);
	bob.echoes = false;
	if (tacet_listen(bob.account, "echo", on_stream, &bob, NULL) < 0)
		fail("listen", "");
	alice.stream = tacet_connect(alice.other, "echo", &stream_handlers, &alice, NULL);
	if (alice.stream == NULL)
		fail("connect", "");
	WAIT_FOR("a megabyte there and back", alice.stream_ended && alice.read == STREAM_BYTES);
	WAIT_FOR("both ends are closed", alice.stream_closed && bob.stream_closed);
	tacet_close(&bob.tacet);
	WAIT_FOR("a goodbye is heard", sees(&alice, TACET_OFFLINE));
	open_side(&bob, directory);
	bob.other = tacet_contact_find(bob.account, tacet_account_id(alice.account));
	WAIT_FOR("they meet again", sees(&alice, TACET_AVAILABLE) && sees(&bob, TACET_AVAILABLE));
	tacet_close(&alice.tacet);
	tacet_close(&bob.tacet);
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command) == 0 ? 0 : 1;
}
