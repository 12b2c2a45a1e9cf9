/*
 * caps_hash.c: see caps_hash.h.
 *
 * The string is made of sorted lists: identities "category/type/lang/name<", features "feature<",
 * forms "FORM_TYPE<" with their fields "var<" and values "value<".
 */
#include "xmpp/caps_hash.h"

#include "xmpp/form.h"
#include "xmpp/ns.h"

#include "core/base/codec.h"

#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

/* Most identities, features, forms, fields of a form or values of a field; what the client sends is
 * bounded anyway (xml_limits). */
#define LIST_MAX 1024
/* Longest verification string. */
#define STRING_MAX ((size_t)256 * 1024)

struct list {
	char *texts[LIST_MAX];
	size_t count;
	bool failed;
};

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->texts[i]);
	free(list);
}

/* Takes the text. */
static void list_add(struct list *list, const struct buf *text)
{
	char *copy = list->count < LIST_MAX ? strdup(buf_text(text)) : NULL;

	if (copy)
		list->texts[list->count++] = copy;
	else
		list->failed = true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Append the sorted texts to out. -1: something stands there twice. */
static int list_write(struct list *list, bool distinct, struct buf *out)
{
	qsort(list->texts, list->count, sizeof(list->texts[0]), compare);
	for (size_t i = 0; i < list->count; i++) {
		if (distinct && i > 0 && strcmp(list->texts[i], list->texts[i - 1]) == 0)
			return -1;
		if (buf_add_text(out, list->texts[i]) < 0)
			return -1;
	}
	return list->failed ? -1 : 0;
}

static const char *word(const struct xml *element, const char *name)
{
	const char *value = xml_get(element, name);

	return value ? value : "";
}

/* --- what an element adds --- */

static int write_identity(struct xml *element, struct buf *out)
{
	return buf_printf(out, "%s/%s/%s/%s<", word(element, "category"), word(element, "type"),
			  word(element, "xml:lang"), word(element, "name"));
}

static int write_feature(struct xml *element, struct buf *out)
{
	return buf_printf(out, "%s<", word(element, "var"));
}

static int write_value(struct xml *element, struct buf *out)
{
	return buf_printf(out, "%s<", xml_text(element));
}

/* Append what write makes of all children of that name, sorted. */
static int write_all(struct xml *parent, const char *name, const char *ns,
		     int (*write)(struct xml *element, struct buf *out), bool distinct,
		     struct buf *out)
{
	struct list *list = calloc(1, sizeof(*list));
	struct buf text;
	int result;

	if (!list)
		return -1;
	buf_init(&text, out->limit);
	for (struct xml *child = xml_first(parent); child; child = xml_next(child)) {
		if (!xml_is(child, name, ns))
			continue;
		buf_clear(&text);
		if (write(child, &text) < 0)
			list->failed = true;
		else if (text.len)
			list_add(list, &text);
	}
	buf_free(&text);
	result = list_write(list, distinct, out);
	list_free(list);
	return result;
}

static int write_field(struct xml *field, struct buf *out)
{
	if (strcmp(word(field, "var"), "FORM_TYPE") == 0)
		return 0;
	if (buf_printf(out, "%s<", word(field, "var")) < 0)
		return -1;
	return write_all(field, "value", NS_FORM, write_value, false, out);
}

/* A form without FORM_TYPE does not count (section 5.4). */
static int write_form(struct xml *form, struct buf *out)
{
	const char *type = form_value(form, "FORM_TYPE");

	if (!type)
		return 0;
	if (buf_printf(out, "%s<", type) < 0)
		return -1;
	return write_all(form, "field", NS_FORM, write_field, false, out);
}

int caps_ver(struct xml *query, const char *hash, char ver[CAPS_VER_SIZE])
{
	const EVP_MD *md = strcmp(hash, "sha-1") == 0     ? EVP_sha1()
			   : strcmp(hash, "sha-256") == 0 ? EVP_sha256()
							  : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf text;
	int result = -1;

	buf_init(&text, STRING_MAX);
	if (md && write_all(query, "identity", NS_DISCO_INFO, write_identity, true, &text) == 0 &&
	    write_all(query, "feature", NS_DISCO_INFO, write_feature, true, &text) == 0 &&
	    write_all(query, "x", NS_FORM, write_form, true, &text) == 0 &&
	    EVP_Digest(buf_text(&text), text.len, digest, &len, md, NULL) == 1) {
		base64_encode(digest, len, ver);
		result = 0;
	}
	buf_free(&text);
	return result;
}
