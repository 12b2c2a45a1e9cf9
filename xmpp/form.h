/*
 * form.h: data forms (XEP-0004) made from and checked against struct server_field, and pictures in
 * them (XEP-0221). Pure: elements in, elements out.
 */
#ifndef XMPP_FORM_H
#define XMPP_FORM_H

#include "xmpp/server.h"

/* Add <x/> of type "form" (to be filled in) or "result" to parent. fields ends with a NULL name;
 * NULL: none. NULL when memory is short. */
struct xml *form_add(struct xml *parent, const char *type, const char *title,
		     const struct server_field *fields);
/* Add a field that shows the PNG behind uri; its size is told when it can be read. */
struct xml *form_add_picture(struct xml *form, const char *label, const char *uri, const void *png,
			     size_t len);

/* The submitted value of a field, or NULL. */
const char *form_value(struct xml *form, const char *name);
/* Is this a filled-in form: all that is required there, and of each list one of its options?
 * ERR_INPUT with words for the user otherwise. */
int form_check(struct xml *form, const struct server_field *fields, struct err *err);
/* Overwrite the values of text-private fields. */
void form_wipe(struct xml *form, const struct server_field *fields);

/* Width and height from a PNG's header (RFC 2083 section 4.1.1); -1: not one. */
int png_size(const void *png, size_t len, uint32_t *width, uint32_t *height);

#endif
