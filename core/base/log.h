/*
 * log.h: one log sink for the process, which scrubs by default.
 *
 * Nothing that tells who someone is or whom they talk to (addresses, onion names, ids, JIDs,
 * message text) may stand in a line above debug level; wrap such values in log_private(),
 * which shows them only when the operator has asked for it.
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Receives each line, without a newline. */
typedef void (*log_sink)(void *arg, enum log_level level, const char *line);

/* Lines above this level are dropped; LOG_LEVEL_NOTICE at first. */
void log_set_level(enum log_level level);

/* Show what log_private() is given (at debug level only). Off at first. */
void log_set_unsafe(bool unsafe);

/* Send lines to sink instead of standard error; NULL goes back to standard error. */
void log_set_sink(log_sink sink, void *arg);

/* "error", "warn", "notice", "info", "debug" -> *level; -1 for another word. */
int log_level_parse(const char *word, enum log_level *level);
const char *log_level_name(enum log_level level);

/* text itself when unsafe logging is on and the level is debug, else "[scrubbed]". */
const char *log_private(const char *text);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
