/*
 * peer.c: see peer.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ACCOUNT      "me"
#define GATEWAYS_MAX 64
/* Without any other: those of tacetd. */
#define PUBLIC_GATEWAYS 3
#define FDS_MAX         72
/* How long an invitation is good for: --invite waits for its guest meanwhile. */
#define INVITATION_MS ((int64_t)24 * 3600 * 1000)

/* What the options say, and the configuration file. */
struct settings {
	char state[4096];
	char *gateways[GATEWAYS_MAX];
	size_t gateway_count;
	char *tor_program, *tor_control, *tor_socks, *tor_password, *tor_extra;
	int64_t renewal_ms;
	unsigned replicas;
	int verbose;
	bool id, contacts, invite;
	const char *add, *introduce, *remove, *name;
};

static const char *const public_gateways[PUBLIC_GATEWAYS] = {
    "http://dhtproxy.jami.net:80-95",
    "http://dhtproxy2.jami.net:80-95",
    "http://dhtproxy3.jami.net:80-95",
};

/* A handler of a signal has no other way to say so. */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int signo)
{
	int kept = errno;
	ssize_t ignored = write(signal_pipe[1], "x", 1);

	(void)signo;
	(void)ignored;
	errno = kept;
}

/* --- saying --- */

__attribute__((format(printf, 2, 0))) static void say(const struct peer *peer, const char *format,
						      va_list args)
{
	fprintf(stderr, "%s: ", peer->program);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void peer_say(const struct peer *peer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(peer, format, args);
	va_end(args);
}

void peer_note(const struct peer *peer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (peer->verbose)
		say(peer, format, args);
	va_end(args);
}

/* --- settings --- */

static int add_one_gateway(struct settings *settings, const char *address)
{
	if (settings->gateway_count == GATEWAYS_MAX)
		return -1;
	settings->gateways[settings->gateway_count] = strdup(address);
	return settings->gateways[settings->gateway_count++] != NULL ? 0 : -1;
}

/* "http://host:80-95" stands for one at each of these ports. */
static int add_gateway(struct settings *settings, const char *address)
{
	char one[512];
	unsigned first, last;
	int base = 0;

	if (sscanf(address, "http://%*[^:/]:%n", &base) == 0 && base > 0 &&
	    sscanf(address + base, "%u-%u", &first, &last) == 2) {
		for (; first <= last; first++) {
			snprintf(one, sizeof one, "%.*s%u", base, address, first);
			if (add_one_gateway(settings, one) < 0)
				return -1;
		}
		return 0;
	}
	return add_one_gateway(settings, address);
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

/* Replace what *field has. -1: value is NULL. */
static int set(char **field, char *value)
{
	free(*field);
	*field = value;
	return value != NULL ? 0 : -1;
}

static int set_password(struct settings *settings, const char *path)
{
	char *text = read_file(path);

	if (text != NULL)
		text[strcspn(text, "\r\n")] = '\0';
	return set(&settings->tor_password, text);
}

/* The keys of tacetd.conf that mean something here; the others are the daemon's. */
static int set_key(struct settings *settings, const char *key, const char *value)
{
	if (strcmp(key, "gateway") == 0)
		return add_gateway(settings, value);
	if (strcmp(key, "tor-program") == 0)
		return set(&settings->tor_program, strdup(value));
	if (strcmp(key, "tor-control") == 0)
		return set(&settings->tor_control, strdup(value));
	if (strcmp(key, "tor-socks") == 0)
		return set(&settings->tor_socks, strdup(value));
	if (strcmp(key, "tor-password-file") == 0)
		return set_password(settings, value);
	if (strcmp(key, "tor-extra-file") == 0)
		return set(&settings->tor_extra, read_file(value));
	if (strcmp(key, "status-renewal") == 0)
		settings->renewal_ms = 1000 * atoll(value);
	else if (strcmp(key, "replicas") == 0)
		settings->replicas = (unsigned)atoi(value);
	return 0;
}

/* Cut blanks and quotes off both ends. */
static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && strchr(" \t\r\n\"", end[-1]) != NULL)
		*--end = '\0';
	return text + strspn(text, " \t\"");
}

static int read_config(const struct peer *peer, struct settings *settings, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[4096];
	int result = file != NULL ? 0 : -1;

	while (result == 0 && fgets(line, sizeof line, file) != NULL) {
		char *equals = strchr(line, '=');

		if (line[strspn(line, " \t")] == '#' || equals == NULL)
			continue;
		*equals = '\0';
		result = set_key(settings, trim(line), trim(equals + 1));
		if (result < 0)
			peer_say(peer, "%s: %s cannot be used", path, trim(line));
	}
	if (file == NULL)
		peer_say(peer, "%s: %s", path, strerror(errno));
	else
		fclose(file);
	return result;
}

/* The directory above must be there; those that people usually have are made. */
static int default_state(const struct peer *peer, struct settings *settings)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *at = settings->state;

	if (state == NULL && home == NULL) {
		peer_say(peer, "no home directory: use --state");
		return -1;
	}
	snprintf(at, sizeof settings->state, "%s%s/%s", state ? state : home,
		 state ? "" : "/.local/state", peer->program);
	while ((at = strchr(at + 1, '/')) != NULL) {
		*at = '\0';
		mkdir(settings->state, 0700);
		*at = '/';
	}
	return 0;
}

static void free_settings(struct settings *settings)
{
	for (size_t i = 0; i < settings->gateway_count; i++)
		free(settings->gateways[i]);
	free(settings->tor_program);
	free(settings->tor_control);
	free(settings->tor_socks);
	free(settings->tor_password);
	free(settings->tor_extra);
}

enum option_code {
	STATE = 256,
	CONFIG,
	GATEWAY,
	WAIT,
	ID,
	ADD,
	INVITE,
	INTRODUCE,
	NAME,
	CONTACTS,
	REMOVE
};

static const struct option options[] = {
    {"state", required_argument, NULL, STATE},
    {"config", required_argument, NULL, CONFIG},
    {"gateway", required_argument, NULL, GATEWAY},
    {"wait", required_argument, NULL, WAIT},
    {"id", no_argument, NULL, ID},
    {"add", required_argument, NULL, ADD},
    {"invite", no_argument, NULL, INVITE},
    {"introduce", required_argument, NULL, INTRODUCE},
    {"name", required_argument, NULL, NAME},
    {"contacts", no_argument, NULL, CONTACTS},
    {"remove", required_argument, NULL, REMOVE},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* 0: taken; 1: the program's own; -1: wrong. */
static int take_option(struct peer *peer, struct settings *settings, int code)
{
	switch (code) {
	case STATE:
		snprintf(settings->state, sizeof settings->state, "%s", optarg);
		return 0;
	case CONFIG:
		return read_config(peer, settings, optarg);
	case GATEWAY:
		return add_gateway(settings, optarg);
	case WAIT:
		peer->wait_s = atoi(optarg);
		return peer->wait_s >= 0 ? 0 : -1;
	case ID:
		settings->id = true;
		return 0;
	case ADD:
		settings->add = optarg;
		return 0;
	case INVITE:
		settings->invite = true;
		return 0;
	case INTRODUCE:
		settings->introduce = optarg;
		return 0;
	case NAME:
		settings->name = optarg;
		return 0;
	case CONTACTS:
		settings->contacts = true;
		return 0;
	case REMOVE:
		settings->remove = optarg;
		return 0;
	case 'v':
		settings->verbose++;
		return 0;
	default:
		return -1;
	}
}

/* Common options are taken; the others, and what is no option, move to the front of argv. */
static int take_options(struct peer *peer, struct settings *settings, int *argc, char **argv)
{
	int left = 1, code;

	opterr = 0;
	/* "-": what is no option comes as an argument of option 1. */
	while ((code = getopt_long(*argc, argv, "-vhls:", options, NULL)) != -1) {
		if (code == 1) {
			argv[left++] = optarg;
		} else if (code == 'l') {
			argv[left++] = "-l";
		} else if (code == 's') {
			argv[left++] = "-s";
			argv[left++] = optarg;
		} else if (take_option(peer, settings, code) < 0) {
			if (code == '?')
				peer_say(peer, "unknown option, or its argument is missing: %s",
					 argv[optind - 1]);
			return -1;
		}
	}
	while (optind < *argc)
		argv[left++] = argv[optind++];
	argv[left] = NULL;
	*argc = left;
	return 0;
}

/* --- the account and its contacts --- */

/* What was begun by an option, and is waited for. */
struct waiting {
	struct peer *peer;
	bool done, failed;
	const char *name;
};

static void on_request(void *arg, struct tacet_account *account,
		       const struct tacet_request *request)
{
	struct waiting *waiting = arg;
	struct tacet_err err;
	struct tacet_contact *contact = tacet_request_accept(
	    account, request->id,
	    waiting->name != NULL || request->name[0] == '\0' ? waiting->name : NULL, &err);

	waiting->done = true;
	waiting->failed = contact == NULL;
	if (contact == NULL)
		peer_say(waiting->peer, "%s", err.text);
	else
		printf("%s %s\n", tacet_contact_id(contact), tacet_contact_name(contact));
}

static void on_introduced(void *arg, struct tacet_contact *contact, const struct tacet_err *why)
{
	struct waiting *waiting = arg;

	(void)contact;
	waiting->done = true;
	waiting->failed = why != NULL;
	if (why != NULL)
		peer_say(waiting->peer, "%s", why->text);
}

static void on_network(void *arg, const struct tacet_network *network)
{
	const struct peer *peer = ((struct waiting *)arg)->peer;

	if (network->tor == TACET_TOR_DOWN)
		peer_say(peer, "tor: %s", network->problem);
	else
		peer_note(peer, "tor: %d %% %s", network->progress, network->summary);
}

static void on_trouble(void *arg, const char *why)
{
	if (why != NULL)
		peer_say(((struct waiting *)arg)->peer, "%s", why);
}

/* The handlers' own arg is that of the program, but for those that serve the options. */
static struct waiting waiting;

static void pass_presence(void *arg, struct tacet_contact *contact,
			  const struct tacet_presence *presence)
{
	struct peer *peer = ((struct waiting *)arg)->peer;

	peer_note(peer, "%s is %s", tacet_contact_name(contact),
		  presence->show == TACET_OFFLINE ? "gone" : "there");
	if (peer->handlers.presence != NULL)
		peer->handlers.presence(peer->arg, contact, presence);
}

static bool pass_message(void *arg, struct tacet_contact *contact, const void *payload, size_t len,
			 int64_t sent_at)
{
	struct peer *peer = ((struct waiting *)arg)->peer;

	return peer->handlers.message == NULL ||
	       peer->handlers.message(peer->arg, contact, payload, len, sent_at);
}

static void list_contact(void *arg, struct tacet_contact *contact)
{
	(void)arg;
	printf("%s %s\n", tacet_contact_id(contact), tacet_contact_name(contact));
}

struct search {
	const char *who;
	struct tacet_contact *found;
	unsigned count;
};

static void match(void *arg, struct tacet_contact *contact)
{
	struct search *search = arg;

	if (strcmp(search->who, tacet_contact_id(contact)) != 0 &&
	    strcmp(search->who, tacet_contact_name(contact)) != 0)
		return;
	search->found = contact;
	search->count++;
}

struct tacet_contact *peer_contact(const struct peer *peer, const char *who)
{
	struct search search = {.who = who};

	tacet_contacts(peer->account, match, &search);
	if (search.count == 1)
		return search.found;
	peer_say(peer,
		 search.count == 0 ? "%s is no contact: see --add, --invite and --introduce"
				   : "%s is the name of several contacts: use an id",
		 who);
	return NULL;
}

static int wait_done(struct peer *peer)
{
	while (!waiting.done)
		if (!peer_round(peer, NULL, 0, -1))
			return PEER_FAILED;
	/* The acknowledgement of what was heard last has to get out. */
	for (unsigned i = 0; i < 4; i++)
		peer_round(peer, NULL, 0, 250);
	return waiting.failed ? PEER_FAILED : PEER_OK;
}

static int failed(const struct peer *peer, const struct tacet_err *err)
{
	peer_say(peer, "%s", err->text);
	return PEER_FAILED;
}

static int invite(struct peer *peer)
{
	char link[TACET_LINK_SIZE];
	struct tacet_err err;

	if (tacet_invite(peer->account, NULL, false, INVITATION_MS, link, &err) < 0)
		return failed(peer, &err);
	puts(link);
	fflush(stdout);
	return wait_done(peer);
}

static int introduce(struct peer *peer, const struct settings *settings)
{
	struct tacet_err err;

	if (tacet_introduce(peer->account, settings->introduce, settings->name, "", "", &err) ==
	    NULL)
		return failed(peer, &err);
	return wait_done(peer);
}

static int remove_contact(struct peer *peer, const char *who)
{
	struct tacet_contact *contact = peer_contact(peer, who);
	struct tacet_err err;

	if (contact == NULL)
		return PEER_FAILED;
	return tacet_contact_remove(&contact, &err) < 0 ? failed(peer, &err) : PEER_OK;
}

/* What the options say about contacts; *all: that was all that there is to do. */
static int do_options(struct peer *peer, const struct settings *settings, bool *all)
{
	struct tacet_err err;
	int result = PEER_OK;

	*all = settings->id || settings->contacts || settings->invite || settings->introduce ||
	       settings->remove;
	if (settings->add != NULL &&
	    tacet_contact_add(peer->account, settings->add,
			      settings->name != NULL ? settings->name : "", NULL, &err) == NULL &&
	    err.code != TACET_EXISTS)
		return failed(peer, &err);
	if (settings->remove != NULL)
		result = remove_contact(peer, settings->remove);
	if (settings->id)
		puts(tacet_account_id(peer->account));
	if (settings->contacts)
		tacet_contacts(peer->account, list_contact, NULL);
	if (result == PEER_OK && settings->introduce != NULL)
		result = introduce(peer, settings);
	if (result == PEER_OK && settings->invite)
		result = invite(peer);
	return result;
}

/* --- life --- */

static int open_tacet(struct peer *peer, struct settings *settings)
{
	const struct tacet_handlers handlers = {.size = sizeof handlers,
						.presence = pass_presence,
						.message = pass_message,
						.network = on_network,
						.request = on_request,
						.introduced = on_introduced,
						.trouble = on_trouble};
	const struct tacet_options open = {
	    .size = sizeof open,
	    .state_dir = settings->state,
	    .gateways = (const char *const *)settings->gateways,
	    .gateway_count = settings->gateway_count,
	    .replicas = settings->replicas,
	    .renewal_ms = settings->renewal_ms,
	    .tor_program = settings->tor_program,
	    .tor_extra = settings->tor_extra,
	    .tor_control = settings->tor_control,
	    .tor_socks = settings->tor_socks,
	    .tor_password = settings->tor_password,
	};
	const struct tacet_presence presence = {.show = TACET_AVAILABLE};
	struct tacet_err err;

	waiting = (struct waiting){.peer = peer, .name = settings->name};
	peer->tacet = tacet_open(&open, &handlers, &waiting, &err);
	if (peer->tacet == NULL)
		return failed(peer, &err);
	peer->account = tacet_account_find(peer->tacet, ACCOUNT);
	if (peer->account == NULL)
		peer->account = tacet_account_add(peer->tacet, ACCOUNT, &err);
	if (peer->account == NULL || tacet_account_present(peer->account, &presence, &err) < 0)
		return failed(peer, &err);
	tacet_deliver_waiting(peer->account);
	return PEER_OK;
}

static int catch_signals(const struct peer *peer)
{
	struct sigaction action = {.sa_handler = on_signal};

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		peer_say(peer, "pipe: %s", strerror(errno));
		return PEER_FAILED;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	return PEER_OK;
}

bool peer_open(struct peer *peer, int *argc, char **argv, const char *usage, int *exit_code)
{
	struct settings settings = {.verbose = 0};
	bool all = false, gateways;

	*exit_code = PEER_USAGE;
	if (take_options(peer, &settings, argc, argv) < 0 ||
	    (settings.state[0] == '\0' && default_state(peer, &settings) < 0)) {
		fputs(usage, stderr);
		free_settings(&settings);
		return false;
	}
	gateways = settings.gateway_count > 0;
	for (unsigned i = 0; !gateways && i < PUBLIC_GATEWAYS; i++)
		add_gateway(&settings, public_gateways[i]);
	peer->verbose = settings.verbose > 0;
	tacet_log(settings.verbose > 1 ? TACET_LOG_INFO : TACET_LOG_ERROR, NULL, NULL);
	*exit_code = catch_signals(peer);
	if (*exit_code == PEER_OK)
		*exit_code = open_tacet(peer, &settings);
	if (*exit_code == PEER_OK)
		*exit_code = do_options(peer, &settings, &all);
	/* --add alone is all there is to do, too. */
	all = all || (settings.add != NULL && *argc == 1);
	free_settings(&settings);
	return *exit_code == PEER_OK && !all;
}

void peer_close(struct peer *peer)
{
	tacet_close(&peer->tacet);
	close(signal_pipe[0]);
	close(signal_pipe[1]);
}

bool peer_round(struct peer *peer, struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct pollfd all[FDS_MAX];
	struct tacet_err err;
	int fd = tacet_fd(peer->tacet, &err);

	if (fd < 0 || count > FDS_MAX - 2)
		return false;
	all[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	all[1] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
	if (count > 0)
		memcpy(all + 2, fds, count * sizeof *fds);
	if (poll(all, 2 + count, timeout_ms) < 0 && errno != EINTR)
		return false;
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = all[2 + i].revents;
	if (all[0].revents != 0)
		tacet_run_once(peer->tacet, 0);
	peer->interrupted = all[1].revents != 0;
	return !peer->interrupted;
}

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

bool peer_meet(struct peer *peer, struct tacet_contact *contact)
{
	int64_t end = now_s() + peer->wait_s;

	while (tacet_contact_link(contact) != TACET_LINKED) {
		if (peer->wait_s > 0 && now_s() >= end) {
			peer_say(peer, "%s is not there", tacet_contact_name(contact));
			return false;
		}
		if (!peer_round(peer, NULL, 0, 1000))
			return false;
	}
	return true;
}
