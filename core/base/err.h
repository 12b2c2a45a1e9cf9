/*
 * err.h: errors as values, with the context they happened in.
 *
 * A function that can fail returns 0 or -1 (or a pointer or NULL) and fills the caller's
 * struct err. Each layer that passes an error on puts what it was doing in front, so that the
 * text reads from the outside in: "open store: read schema: file is not a database".
 */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM,      /* a system call failed; the text has strerror's words */
	ERR_MEMORY,      /* an allocation failed */
	ERR_INPUT,       /* malformed input; the rest of its source may be good */
	ERR_LIMIT,       /* a named limit was passed */
	ERR_AUTH,        /* not who they said they are, or not allowed */
	ERR_CRYPTO,      /* the library refused, or a seal did not open */
	ERR_PROTOCOL,    /* the other side broke the protocol: fatal for the connection */
	ERR_NOT_FOUND,   /* the thing asked for does not exist */
	ERR_EXISTS,      /* the thing to be made exists already */
	ERR_TIMEOUT,     /* no answer in time */
	ERR_CLOSED,      /* orderly end of a stream */
	ERR_UNAVAILABLE, /* a service (tor, gateway, disk) cannot do it now; later it may */
	ERR_WRONG_STATE, /* not possible in the present state */
};

/* Longest error text with its NUL; longer ones are cut. */
#define ERR_TEXT_SIZE 256

struct err {
	enum err_code code;
	char text[ERR_TEXT_SIZE];
};

/* Fill *err (which may be NULL) and return -1, so that "return err_set(…);" reads well. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set with ERR_SYSTEM, and ": " and strerror(errno) at the end. */
int err_system(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "format…: " in front of the text of *err, keep its code, return -1. */
int err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A short word for a code ("timeout"), for logs and JSON; never NULL. */
const char *err_code_name(enum err_code code);

#endif
