/*
 * ctl_bench.c: see ctl_bench.h.
 *
 * A round:  request, put      at a gateway, by chance
 *           first contact     of two new people
 *           connect           to the host's service, through new circuits
 *           message           there and back, a few times
 */
#include "component/ctl_bench.h"

#include "component/ctl_bench_world.h"
#include "component/ctl_figures.h"
#include "component/ctl_run.h"
#include "core/base/file.h"
#include "core/http_address.h"
#include "core/opendht_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rounds, if nobody says how many, and at most: each makes some ten circuits and two onion
 * services, which others have to carry. */
#define ROUNDS_USUAL 10
#define ROUNDS_MAX   1000
/* How long it may all take, if nobody says, in ms. */
#define LIMIT_MS ((int64_t)30 * 60 * 1000)
/* Round trips of a message in each round, and bytes of one. */
#define MESSAGES    5
#define MESSAGE_LEN 100
/* How long single steps are waited for, in ms: the slowest seen on the public network, and room. */
#define TOR_MS     180000
#define REQUEST_MS 60000
#define READY_MS   180000
#define CONTACT_MS 180000
#define CONNECT_MS 120000
#define MESSAGE_MS 60000
/* A put takes some seconds at most in a network that is well; an answer has less than this. */
#define ANSWER_MAX 4096
/* For the picture. */
#define PLOT_MS  30000
#define PLOT_MAX (4 * 1024 * 1024)

struct bench {
	struct bench_world world;
	struct config config;
	struct figures figures;
	const char *plot;     /* the file, or NULL */
	const char *terminal; /* of gnuplot */
	char *gnuplot;
	int64_t rounds, limit_ms;
	double end;      /* when the limit is over */
	bool talks;      /* on a terminal */
	bool asked;      /* a question has its answer, or none */
	bool answered;   /* it has */
	double asked_at; /* when that was */
	const char *gateway;
};

static void progress(const struct bench *bench, const char *what)
{
	if (bench->talks)
		fprintf(stderr, "\r\033[Kround %u of %" PRId64 ": %s", bench->world.round,
			bench->rounds, what);
}

/* How long a step of so many ms may still take. */
static int64_t left(const struct bench *bench, int64_t ms)
{
	double rest = (bench->end - bench_now()) * 1000;

	return rest < (double)ms ? (int64_t)rest : ms;
}

static bool over(const struct bench *bench)
{
	return bench->world.stopped || bench_now() >= bench->end;
}

/* A sample, or none: what was cut short by the user or the limit has not failed. */
static bool note(struct bench *bench, enum figure_kind kind, bool good, double seconds)
{
	if (good)
		figures_add(&bench->figures, kind, seconds);
	else if (!over(bench))
		figures_fail(&bench->figures, kind);
	return good;
}

/* --- gateways --- */

/* The world is what a bench begins with. */
static bool is_asked(const struct bench_world *world)
{
	return ((const struct bench *)(const void *)world)->asked;
}

static void on_answer(void *arg, const struct http_result *result)
{
	struct bench *bench = arg;

	bench->asked = true;
	bench->answered = result->end == HTTP_COMPLETE && result->status > 0;
	bench->asked_at = bench_now();
}

/* POST json under a random key. How long it took, or -1. */
static double post(struct bench *bench, struct http_client *http, const char *json)
{
	uint8_t key[LOOKUP_KEY_LEN], name[8];
	char hex[HEX_LEN(LOOKUP_KEY_LEN) + 1], isolation[6 + HEX_LEN(8) + 1] = "bench-";
	char url[HTTP_URL_MAX + 1];
	const struct http_question question = {.url = url,
					       .isolation = isolation,
					       .json = json,
					       .body_limit = ANSWER_MAX,
					       .timeout_ms = left(bench, REQUEST_MS),
					       .done = on_answer,
					       .arg = bench};
	double began;
	struct http_request *request;

	env_random(loop_env(bench->world.loop), key, sizeof(key));
	env_random(loop_env(bench->world.loop), name, sizeof(name));
	hex_encode(key, sizeof(key), hex);
	hex_encode(name, sizeof(name), isolation + 6);
	snprintf(url, sizeof(url), "%s/key/%s", bench->gateway, hex);
	bench->asked = bench->answered = false;
	began = bench_now();
	request = http_client_ask(http, &question);
	if (!request)
		return -1;
	if (!bench_wait(&bench->world, is_asked, left(bench, REQUEST_MS)))
		http_request_cancel(&request);
	return bench->answered ? bench->asked_at - began : -1;
}

static bool is_here(const char *gateway)
{
	static const char *const here[] = {"http://127.", "http://[::1]"};

	return strncmp(gateway, here[0], strlen(here[0])) == 0 ||
	       strncmp(gateway, here[1], strlen(here[1])) == 0;
}

/* Without Tor if the gateway is on this machine: one elsewhere would learn who asks. What Tor adds
 * is then known from the request before. */
static void measure_gateway(struct bench *bench)
{
	const struct env *env = loop_env(bench->world.loop);
	uint8_t value[RECORD_LEN];
	char body[OPENDHT_BODY_LEN + 1];
	double request, put;

	bench->gateway =
	    bench->config.gateways.items[env_random_below(env, bench->config.gateways.count)];
	progress(bench, "a request to a gateway over Tor");
	/* Without a body it is an error, which the gateway sees by itself. */
	request = post(bench, bench->world.http, "");
	if (!note(bench, FIGURE_REQUEST, request >= 0, request))
		return;
	progress(bench, "a put in the DHT");
	env_random(env, value, sizeof(value));
	opendht_body(value, body);
	if (is_here(bench->gateway)) {
		put = post(bench, bench->world.direct, body);
		note(bench, FIGURE_PUT, put >= 0, put);
	} else {
		put = post(bench, bench->world.http, body);
		note(bench, FIGURE_PUT, put >= 0, put > request ? put - request : 0);
	}
}

/* --- people --- */

static bool is_out(const struct bench_world *world)
{
	return account_published(world->host) && world->found_out;
}

static bool is_seen(const struct bench_world *world)
{
	return world->seen_at > 0;
}

static bool has_answer(const struct bench_world *world)
{
	return world->answer_at > 0;
}

static bool measure_contact(struct bench *bench)
{
	struct err err;
	double began;

	if (bench_people_new(&bench->world, &err))
		return note(bench, FIGURE_CONTACT, false, 0);
	progress(bench, "the host is published");
	if (!bench_wait(&bench->world, is_out, left(bench, READY_MS)))
		return note(bench, FIGURE_CONTACT, false, 0);
	progress(bench, "first contact");
	began = bench_now();
	bench_guest_comes(&bench->world);
	bench_wait(&bench->world, is_seen, left(bench, CONTACT_MS));
	return note(bench, FIGURE_CONTACT, is_seen(&bench->world), bench->world.seen_at - began);
}

static void on_reached(void *arg, const struct err *why)
{
	struct bench *bench = arg;

	bench->asked = true;
	bench->answered = why == NULL;
	bench->asked_at = bench_now();
}

static void measure_connect(struct bench *bench)
{
	struct account_reach *reach;
	double began = bench_now();

	progress(bench, "a connection to an onion service");
	bench->asked = bench->answered = false;
	reach = account_reach(bench->world.host, on_reached, bench, NULL);
	if (reach)
		bench_wait(&bench->world, is_asked, left(bench, CONNECT_MS));
	account_reach_free(&reach);
	note(bench, FIGURE_CONNECT, bench->answered, bench->asked_at - began);
}

static void measure_messages(struct bench *bench)
{
	uint8_t payload[MESSAGE_LEN];
	double began;
	bool good = true;

	progress(bench, "messages there and back");
	env_random(loop_env(bench->world.loop), payload, sizeof(payload));
	for (unsigned i = 0; i < MESSAGES && good && !over(bench); i++) {
		bench->world.answer_at = 0;
		began = bench_now();
		good = !engine_send(bench->world.host_of_guest, payload, sizeof(payload), NULL,
				    NULL) &&
		       bench_wait(&bench->world, has_answer, left(bench, MESSAGE_MS));
		note(bench, FIGURE_MESSAGE, good, bench->world.answer_at - began);
	}
}

static void measure(struct bench *bench)
{
	for (int64_t i = 0; i < bench->rounds && !over(bench); i++) {
		measure_gateway(bench);
		if (!over(bench) && measure_contact(bench)) {
			measure_messages(bench);
			measure_connect(bench);
		}
		bench_people_free(&bench->world);
	}
	if (bench->talks)
		fputs("\r\033[K", stderr);
}

static bool is_ready(const struct bench_world *world)
{
	return node_tor_status(world->node)->state == TOR_READY;
}

/* --- a picture --- */

struct picture {
	const char *file;
	bool done;
	int result;
};

static void on_picture(void *arg, enum ctl_run_end how, int status, const char *output, size_t len)
{
	struct picture *picture = arg;
	struct err err;

	(void)status;
	picture->done = true;
	if (how != RUN_DONE || len == 0)
		fprintf(stderr, "tacetctl: gnuplot makes no picture of it\n");
	else if (file_replace(picture->file, 0644, output, len, &err))
		fprintf(stderr, "tacetctl: %s\n", err.text);
	else
		picture->result = 0;
}

static int draw(const struct bench *bench)
{
	const struct ctl_run_limits limits = {PLOT_MS, PLOT_MAX};
	const struct ctl_run_variable none = {0};
	struct picture picture = {.file = bench->plot, .result = -1};
	char name[] = "gnuplot", *argv[] = {name, NULL}, *script = NULL;
	size_t size;
	FILE *stream = open_memstream(&script, &size);
	struct ctl_run *run = NULL;
	struct loop *loop;
	struct err err;

	if (!stream)
		return -1;
	figures_plot(&bench->figures, bench->terminal, stream);
	loop = fclose(stream) ? NULL : loop_new(&err);
	if (loop)
		run = ctl_run_new(loop, bench->gnuplot, argv, &none, script, &limits, on_picture,
				  &picture, &err);
	while (run && !picture.done)
		loop_run_once(loop, PLOT_MS);
	if (!run)
		fprintf(stderr, "tacetctl: %s\n", err.text);
	ctl_run_free(&run);
	loop_free(&loop);
	free(script);
	return picture.result;
}

/* --- the command --- */

static int read_number(const char *text, int64_t most, int64_t *number, struct err *err)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < 1 || value > most)
		return err_set(err, ERR_INPUT, "%s: a number from 1 to %" PRId64, text, most);
	*number = value;
	return 0;
}

/* The kind of picture goes by the end of the file's name. */
static int read_plot(struct bench *bench, const char *file, struct err *err)
{
	const char *end = strrchr(file, '.');

	if (!end || (strcmp(end, ".svg") != 0 && strcmp(end, ".png") != 0))
		return err_set(err, ERR_INPUT, "%s: a picture ends with .svg or .png", file);
	bench->plot = file;
	bench->terminal = end + 1;
	bench->gnuplot = ctl_run_find("gnuplot", err);
	return bench->gnuplot ? 0 : err_wrap(err, "--plot needs it (Debian: gnuplot-nox)");
}

static int read_all(struct bench *bench, const struct options *options, struct err *err)
{
	bench->rounds = ROUNDS_USUAL;
	bench->limit_ms = LIMIT_MS;
	bench->talks = !options->json && isatty(STDERR_FILENO);
	if (options->number && read_number(options->number, ROUNDS_MAX, &bench->rounds, err))
		return -1;
	if (options->timeout && command_duration(options->timeout, &bench->limit_ms, err))
		return -1;
	if (config_read(options->config, &bench->config, err))
		return -1;
	if (bench->config.gateways.count == 0)
		return err_set(err, ERR_INPUT, "the configuration names no gateway");
	return options->plot ? read_plot(bench, options->plot, err) : 0;
}

static int show(const struct bench *bench, bool json)
{
	json_t *all;

	if (json) {
		all = figures_json(&bench->figures);
		json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(all);
	} else {
		figures_print(&bench->figures, stdout);
	}
	fflush(stdout);
	return bench->plot && draw(bench) ? -1 : 0;
}

static int run(struct bench *bench, bool json)
{
	struct err err;
	int result = EXIT_UNREACHABLE;

	log_set_level(LOG_LEVEL_ERROR);
	bench->end = bench_now() + (double)bench->limit_ms / 1000;
	if (bench_world_open(&bench->world, &bench->config, &err)) {
		fprintf(stderr, "tacetctl: %s\n", err.text);
	} else if (!bench_wait(&bench->world, is_ready, left(bench, TOR_MS))) {
		fprintf(stderr, "tacetctl: tor is not ready: %s\n",
			node_tor_status(bench->world.node)->problem);
	} else {
		measure(bench);
		result = figures_complete(&bench->figures) ? EXIT_SUCCESS : EXIT_REFUSED;
	}
	bench_people_free(&bench->world);
	bench_world_close(&bench->world);
	if (result != EXIT_UNREACHABLE && show(bench, json))
		result = EXIT_REFUSED;
	return result;
}

int ctl_bench(const struct options *options, char **argv)
{
	struct bench bench = {0};
	struct err err;
	int result = EXIT_USAGE;

	(void)argv;
	if (read_all(&bench, options, &err))
		fprintf(stderr, "tacetctl: %s\n", err.text);
	else
		result = run(&bench, options->json);
	figures_wipe(&bench.figures);
	config_wipe(&bench.config);
	free(bench.gnuplot);
	return result;
}
