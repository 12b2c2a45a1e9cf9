/*
 * err.c: see err.h.
 */
#include "core/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	va_list ap;

	if (err == NULL)
		return -1;
	err->code = code;
	va_start(ap, format);
	vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	return -1;
}

int err_system(struct err *err, const char *format, ...)
{
	int saved = errno;
	char what[ERR_TEXT_SIZE];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof what, format, ap);
	va_end(ap);
	return err_set(err, ERR_SYSTEM, "%.180s: %s", what, strerror(saved));
}

int err_wrap(struct err *err, const char *format, ...)
{
	char inner[ERR_TEXT_SIZE];
	va_list ap;
	int len;

	if (err == NULL)
		return -1;
	memcpy(inner, err->text, sizeof inner);
	va_start(ap, format);
	len = vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	/* Without snprintf, since gcc warns that it may cut the text, which is meant. */
	if (len >= 0 && (size_t)len + 2 < sizeof err->text) {
		strcpy(err->text + len, ": ");
		strncat(err->text + len, inner, sizeof err->text - (size_t)len - 3);
	}
	return -1;
}

const char *err_code_name(enum err_code code)
{
	static const char *const names[] = {
	    [ERR_NONE] = "none",
	    [ERR_SYSTEM] = "system",
	    [ERR_MEMORY] = "memory",
	    [ERR_INPUT] = "input",
	    [ERR_LIMIT] = "limit",
	    [ERR_AUTH] = "auth",
	    [ERR_CRYPTO] = "crypto",
	    [ERR_PROTOCOL] = "protocol",
	    [ERR_NOT_FOUND] = "not-found",
	    [ERR_EXISTS] = "exists",
	    [ERR_TIMEOUT] = "timeout",
	    [ERR_CLOSED] = "closed",
	    [ERR_UNAVAILABLE] = "unavailable",
	    [ERR_WRONG_STATE] = "state",
	};

	if ((unsigned)code >= sizeof names / sizeof names[0])
		return "unknown";
	return names[code];
}
