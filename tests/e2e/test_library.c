/*
 * test_library.c: two people in one program with libtacet, over real tor and OpenDHT.
 *
 * Uses the header alone, and a loop of its own: poll() on both descriptors. Needs $TACET_TESTNET.
 */
#include <tacet.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S   120
#define MESSAGES     200
#define GATEWAYS_MAX 16
#define SKIP         77

struct side {
	const char *name;
	struct tacet *tacet;
	struct tacet_account *account;
	struct tacet_contact *other;
	unsigned got, delivered;
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
	return true;
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
	poll(ready, 2, 100);
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
