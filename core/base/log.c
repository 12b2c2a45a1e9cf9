/*
 * log.c: see log.h. The sink and its settings are the only global state of the project.
 */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Longer lines are cut. */
#define LOG_LINE_SIZE 1024

static struct {
	enum log_level level;
	bool unsafe;
	log_sink sink;
	void *arg;
} log_state = {.level = LOG_LEVEL_NOTICE};

static const char *const level_names[] = {"error", "warn", "notice", "info", "debug"};
#define LEVELS (sizeof level_names / sizeof level_names[0])

void log_set_level(enum log_level level)
{
	log_state.level = level;
}

void log_set_unsafe(bool unsafe)
{
	log_state.unsafe = unsafe;
}

void log_set_sink(log_sink sink, void *arg)
{
	log_state.sink = sink;
	log_state.arg = arg;
}

int log_level_parse(const char *word, enum log_level *level)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (strcmp(word, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return -1;
}

const char *log_level_name(enum log_level level)
{
	return (size_t)level < LEVELS ? level_names[level] : "unknown";
}

const char *log_private(const char *text)
{
	if (log_state.unsafe && log_state.level == LOG_LEVEL_DEBUG)
		return text;
	return "[scrubbed]";
}

static void log_stderr(enum log_level level, const char *line)
{
	struct timespec now;
	struct tm utc;
	char stamp[32] = "";

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) != NULL)
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
	fprintf(stderr, "%s.%03ldZ [%s] %s\n", stamp, now.tv_nsec / 1000000, log_level_name(level),
		line);
}

static void log_line(enum log_level level, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void log_line(enum log_level level, const char *format, va_list ap)
{
	char line[LOG_LINE_SIZE];

	if (level > log_state.level)
		return;
	vsnprintf(line, sizeof line, format, ap);
	/* A line must stay one line, whatever a peer has sent. */
	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	if (log_state.sink != NULL)
		log_state.sink(log_state.arg, level, line);
	else
		log_stderr(level, line);
}

#define LOG_FUNCTION(name, level)                                                                  \
	void name(const char *format, ...)                                                         \
	{                                                                                          \
		va_list ap;                                                                        \
		va_start(ap, format);                                                              \
		log_line(level, format, ap);                                                       \
		va_end(ap);                                                                        \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_notice, LOG_LEVEL_NOTICE)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
