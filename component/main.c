/*
 * main.c: tacetd(8): options, signals, and the process's own matters. All else is in daemon.c.
 */
#include <config.h> /* of autoconf */

#include "component/config.h"
#include "component/daemon.h"
#include "component/service.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/trim.h"

#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_USAGE 2
/* When memory is given back, in ms: once what the start needs has been touched, tor's included, and
 * then now and again, as after a flood; it takes some ms. */
#define TRIM_FIRST_MS ((int64_t)60 * 1000)
#define TRIM_EVERY_MS ((int64_t)10 * 60 * 1000)

struct options {
	const char *config; /* NULL: where it is by default */
	bool check_only;
	bool debug;
};

struct process {
	const struct options *options;
	struct loop *loop;
	struct service_manager *manager;
	struct timer *trim;
};

static const char usage_text[] = "usage: tacetd [-dn] [-c file]\n"
				 "       tacetd -h | -V\n"
				 "  -c file  read this configuration file\n"
				 "  -d       log all that happens (log-level debug)\n"
				 "  -n       check the configuration and exit\n"
				 "  -V       print the version\n";

/* -1: go on; else exit with that. */
static int read_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt(argc, argv, "c:dhnV")) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'd':
			options->debug = true;
			break;
		case 'n':
			options->check_only = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("tacetd " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage_text, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tacetd: what is \"%s\"?\n%s", argv[optind], usage_text);
		return EXIT_USAGE;
	}
	return -1;
}

static void set_log(const struct options *options, const struct config *config)
{
	log_set_level(options->debug ? LOG_LEVEL_DEBUG : (enum log_level)config->log_level);
	log_set_unsafe(config->log_unsafe);
}

/* Freed JSON may have held a password. */
static void wipe_and_free(void *memory)
{
	if (memory)
		secret_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

static void prepare_process(void)
{
	const struct rlimit no_core = {0, 0};
	struct rlimit files;

	umask(077);
	json_set_alloc_funcs(malloc, wipe_and_free);
	/* A core file would hold keys. */
	if (setrlimit(RLIMIT_CORE, &no_core))
		log_warn("core files cannot be switched off");
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void on_end(void *arg, unsigned signo)
{
	struct process *process = arg;

	log_notice("ending: %s", signo == SIGINT ? "interrupted" : "terminated");
	loop_stop(process->loop);
}

/* Only what can change without a restart: the log. */
static void on_reload(void *arg, unsigned signo)
{
	struct process *process = arg;
	struct config config;
	struct err err;

	(void)signo;
	if (config_read(process->options->config, &config, &err)) {
		log_error("the configuration stays as it is: %s", err.text);
		return;
	}
	set_log(process->options, &config);
	config_wipe(&config);
	log_notice("log level read again");
}

static void on_trim(void *arg)
{
	struct process *process = arg;

	trim_memory();
	timer_set(process->trim, TRIM_EVERY_MS);
}

static int serve(struct process *process, const struct config *config, struct err *err)
{
	struct daemon *daemon = daemon_new(process->loop, config, err);
	struct watch *signals[3];

	if (!daemon)
		return -1;
	signals[0] = watch_signal(process->loop, SIGTERM, on_end, process);
	signals[1] = watch_signal(process->loop, SIGINT, on_end, process);
	signals[2] = watch_signal(process->loop, SIGHUP, on_reload, process);
	log_notice("tacetd %s is ready", PACKAGE_VERSION);
	service_manager_ready(process->manager);
	timer_set(process->trim, TRIM_FIRST_MS);
	loop_run(process->loop);
	service_manager_stopping(process->manager);
	daemon_free(&daemon);
	for (size_t i = 0; i < 3; i++)
		watch_free(&signals[i]);
	log_notice("tacetd has ended");
	return 0;
}

static int run(const struct options *options, const struct config *config, struct err *err)
{
	struct process process = {.options = options};
	int result;

	prepare_process();
	process.loop = loop_new(err);
	if (!process.loop)
		return -1;
	process.manager = service_manager_new(loop_env(process.loop));
	process.trim = timer_new(loop_env(process.loop), on_trim, &process);
	if (process.manager && process.trim)
		result = serve(&process, config, err);
	else
		result = err_set(err, ERR_MEMORY, "out of memory");
	service_manager_free(&process.manager);
	timer_free(&process.trim);
	loop_free(&process.loop);
	return result;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct config config;
	struct err err;
	int result = read_options(argc, argv, &options);

	if (result >= 0)
		return result;
	service_log_to_journal();
	result = config_read(options.config, &config, &err);
	if (!result) {
		set_log(&options, &config);
		result = daemon_check(&config, &err);
		if (!result && !options.check_only)
			result = run(&options, &config, &err);
		config_wipe(&config);
	}
	if (result) {
		fprintf(stderr, "tacetd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	if (options.check_only)
		puts("the configuration is good");
	return EXIT_SUCCESS;
}
