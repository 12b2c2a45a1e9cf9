/*
 * xml_parser.c: feeds expat, builds stanzas from what it reports, and refuses what XMPP forbids.
 *
 * It knows nothing of streams or stanzas beyond "root" and "child of the root"; the tree is
 * xml.c's.
 *
 * What bounds memory and time, whoever sends:
 *     bytes of the stanza       counted from its '<', as the bytes come in
 *     bytes between two events  a tag, comment or declaration that does not end: XML_LIMIT_TAG
 *     depth, children           counted at each start tag
 *     length of a namespace     XML_LIMIT_NS
 *     names that expat keeps    it is replaced by a new one between two stanzas, RENEW_BYTES
 *     a stream that is silent   has no expat, which takes 10 KB: the next bytes get a new one
 * A stanza that passes one of them ends the stream, or is skipped (xml_parser_leave_out): then
 * nothing of it is kept but its head, and the bytes alone are bounded.
 * There is no DTD, so nothing expands. Handlers never reset or free expat's parser, which it does
 * not allow: they halt it, and xml_parse does the rest when expat has returned.
 */
#include "config.h"

#include "xmpp/xml_private.h"

#include <assert.h>
#include <expat.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes given to expat at once, so that limits are looked at often enough. */
#define SLICE 4096

/* expat remembers every name that it has met for as long as it lives, so on a stream of many days
 * it is replaced by a new one after this many bytes. */
#define RENEW_BYTES (256 * 1024)

/* Why expat was stopped from within a handler. */
enum halt { HALT_NONE, HALT_RENEW, HALT_RESET, HALT_STOP, HALT_ERROR };

struct xml_parser {
	struct xml_limits limits;
	const struct xml_handler *handler;
	void *arg;
	/* xml_parser_leave_out */
	size_t skip_max;
	void (*left_out)(void *arg, struct xml *head);
	bool single;      /* the root itself is the stanza (xml_parse_element) */
	XML_Parser expat; /* NULL: memory was short (an error), or it rests */
	bool parsing;     /* within xml_parse */
	enum halt halt;
	struct err err; /* valid for HALT_ERROR */
	/* the document */
	uint64_t fed;        /* bytes given to expat */
	uint64_t last_event; /* the end of the last thing that expat reported */
	uint64_t stanza_at;  /* where the present stanza began */
	unsigned depth;      /* open elements, the root counts */
	unsigned children;   /* so far, of the present stanza or of the root */
	struct xml *root;
	char *root_tag; /* as it came, for a new expat; NULL: not known */
	size_t root_tag_len;
	bool repeating;      /* root_tag is being given to a new expat */
	struct xml *current; /* innermost open element of the stanza, or NULL between stanzas */
	bool in_cdata;
	bool skipping; /* of the present stanza only the head is kept, in current */
};

/* --- stopping --- */

static void halt(struct xml_parser *p, enum halt why)
{
	/* Renewal gives way to reset, that to stop, and all to an error, whichever came first. */
	if (why > p->halt)
		p->halt = why;
	if (p->parsing && p->expat)
		XML_StopParser(p->expat, XML_FALSE);
}

static void fail(struct xml_parser *p, enum err_code code, const char *condition)
{
	if (p->halt == HALT_ERROR)
		return;
	err_set(&p->err, code, "%s", condition);
	halt(p, HALT_ERROR);
}

static void fail_memory(struct xml_parser *p)
{
	fail(p, ERR_MEMORY, "resource-constraint");
}

static void fail_limit(struct xml_parser *p)
{
	fail(p, ERR_LIMIT, "policy-violation");
}

/* What says whose the stanza is; it keeps nothing else. */
static struct xml *head_of(const struct xml *stanza)
{
	static const char *const names[] = {"from", "to", "type", "id"};
	struct xml *head = xml_new(stanza->name, stanza->ns);

	for (size_t i = 0; head && i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = xml_get(stanza, names[i]);

		if (value && !xml_set(head, names[i], value))
			xml_free(&head);
	}
	return head;
}

static void keep_head(struct xml_parser *p)
{
	struct xml *stanza = p->current;

	while (stanza->parent)
		stanza = stanza->parent;
	p->current = head_of(stanza);
	xml_free(&stanza);
	if (!p->current)
		fail_memory(p);
}

/* How deep the root is: of xml_parse_element it is the stanza. */
static unsigned root_depth(const struct xml_parser *p)
{
	return p->single ? 0 : 1;
}

/* The present stanza has passed a limit. */
static void pass_limit(struct xml_parser *p)
{
	if (!p->left_out || p->depth < root_depth(p)) {
		fail_limit(p);
	} else if (!p->skipping) {
		p->skipping = true;
		if (p->current)
			keep_head(p);
	}
}

static void fail_restricted(struct xml_parser *p)
{
	fail(p, ERR_PROTOCOL, "restricted-xml");
}

/* --- counting --- */

static uint64_t event_start(const struct xml_parser *p)
{
	XML_Index index = XML_GetCurrentByteIndex(p->expat);

	return index < 0 ? p->fed : (uint64_t)index;
}

/* Longest single tag. What is skipped whole may also be one tag. */
static size_t tag_max(const struct xml_parser *p)
{
	return p->left_out ? p->skip_max : XML_LIMIT_TAG;
}

/* The present stanza has come up to here. */
static void check_bytes(struct xml_parser *p, uint64_t end)
{
	uint64_t bytes = end - p->stanza_at;

	if (p->left_out && bytes > p->skip_max)
		fail_limit(p);
	else if (bytes > p->limits.bytes)
		pass_limit(p);
}

/* First in each handler: may it go on? Expat still reports a few things after it was stopped. */
static bool event(struct xml_parser *p)
{
	uint64_t end;

	if (p->halt != HALT_NONE || p->repeating)
		return false;
	end = event_start(p) + (uint64_t)XML_GetCurrentByteCount(p->expat);
	if (end - p->last_event > tag_max(p))
		fail_limit(p);
	p->last_event = end;
	if (p->current)
		check_bytes(p, end);
	return p->halt == HALT_NONE;
}

static void count_children(struct xml_parser *p, unsigned more)
{
	if (p->skipping)
		return;
	if (more > p->limits.children || p->children > p->limits.children - more)
		pass_limit(p);
	else
		p->children += more;
}

/* Between two calls of expat: is something without an end being sent? */
static void check_pending(struct xml_parser *p)
{
	if (p->current)
		check_bytes(p, p->fed);
	if (p->fed > p->last_event && p->fed - p->last_event > tag_max(p))
		fail_limit(p);
}

/* --- the tree --- */

/* The root's start tag, byte for byte; not all builds of expat keep it. */
static int keep_root_tag(struct xml_parser *p)
{
	int offset, size, len = XML_GetCurrentByteCount(p->expat);
	const char *context = XML_GetInputContext(p->expat, &offset, &size);

	if (!context || offset < 0 || len <= 0 || offset > size - len)
		return 0;
	p->root_tag = malloc((size_t)len);
	if (!p->root_tag)
		return -1;
	memcpy(p->root_tag, context + offset, (size_t)len);
	p->root_tag_len = (size_t)len;
	return 0;
}

static void open_root(struct xml_parser *p, const char *name, const char **attributes)
{
	p->root = xml_reported_element(NULL, name, attributes);
	if (!p->root || keep_root_tag(p) < 0)
		fail_memory(p);
	else
		p->handler->opened(p->arg, p->root);
}

static void open_stanza(struct xml_parser *p, const char *name, const char **attributes)
{
	p->stanza_at = event_start(p);
	check_bytes(p, p->last_event);
	if (p->halt != HALT_NONE)
		return;
	p->current = xml_reported_element(NULL, name, attributes);
	if (!p->current)
		fail_memory(p);
	else if (p->skipping)
		keep_head(p);
}

static void open_inner(struct xml_parser *p, const char *name, const char **attributes)
{
	struct xml *element =
	    xml_append(p->current, xml_reported_element(p->current, name, attributes));

	if (element)
		p->current = element;
	else
		fail_memory(p);
}

/* --- expat's handlers --- */

static void XMLCALL on_start(void *arg, const char *name, const char **attributes)
{
	struct xml_parser *p = arg;
	unsigned root = root_depth(p);

	if (!event(p))
		return;
	count_children(p, 1 + xml_reported_count(attributes));
	if (p->depth > root && p->depth - root > p->limits.depth)
		pass_limit(p);
	if (p->halt != HALT_NONE)
		return;
	if (p->depth < root)
		open_root(p, name, attributes);
	else if (p->depth == root)
		open_stanza(p, name, attributes);
	else if (!p->skipping)
		open_inner(p, name, attributes);
	p->depth++;
	if (p->depth <= root)
		p->children = 0;
}

static void stanza_complete(struct xml_parser *p)
{
	struct xml *stanza = p->current;
	bool skipped = p->skipping;

	p->current = NULL;
	p->children = 0;
	p->skipping = false;
	if (skipped)
		p->left_out(p->arg, stanza);
	else
		p->handler->stanza(p->arg, stanza);
	if (p->halt == HALT_NONE && p->root_tag && p->last_event > RENEW_BYTES)
		halt(p, HALT_RENEW);
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct xml_parser *p = arg;

	(void)name;
	if (!event(p))
		return;
	p->depth--;
	if (!p->current) {
		p->handler->closed(p->arg);
		return;
	}
	if (p->depth == root_depth(p))
		stanza_complete(p);
	else if (!p->skipping)
		p->current = p->current->parent;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!memchr(" \t\r\n", text[i], 4))
			return false;
	return true;
}

static void XMLCALL on_text(void *arg, const char *text, int len)
{
	struct xml_parser *p = arg;

	if (!event(p))
		return;
	if (!p->current) {
		if (!is_blank(text, (size_t)len))
			fail(p, ERR_INPUT, "bad-format");
	} else if (!p->skipping && xml_text_add_checked(p->current, text, (size_t)len) < 0) {
		fail_memory(p);
	}
}

/* Comes before the start tag that it stands in; the count of a stanza begins with the first of
 * them. */
static void XMLCALL on_namespace(void *arg, const char *prefix, const char *ns)
{
	struct xml_parser *p = arg;

	(void)prefix;
	if (p->halt != HALT_NONE || p->repeating)
		return;
	if (ns && strlen(ns) > XML_LIMIT_NS)
		pass_limit(p);
	else
		count_children(p, 1);
}

static void XMLCALL on_declaration(void *arg, const char *version, const char *encoding,
				   int standalone)
{
	(void)version;
	(void)standalone;
	if (event(arg) && encoding && strcasecmp(encoding, "utf-8") != 0)
		fail(arg, ERR_PROTOCOL, "unsupported-encoding");
}

static void XMLCALL on_doctype(void *arg, const char *name, const char *system_id,
			       const char *public_id, int internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	fail_restricted(arg);
}

static void XMLCALL on_comment(void *arg, const char *text)
{
	(void)text;
	fail_restricted(arg);
}

static void XMLCALL on_instruction(void *arg, const char *target, const char *text)
{
	(void)target;
	(void)text;
	fail_restricted(arg);
}

static void XMLCALL on_cdata_start(void *arg)
{
	((struct xml_parser *)arg)->in_cdata = true;
}

static void XMLCALL on_cdata_end(void *arg)
{
	((struct xml_parser *)arg)->in_cdata = false;
}

/* --- the parser --- */

static XML_Parser expat_new(struct xml_parser *p)
{
	static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};
	static const XML_Char separator[] = {XML_SEPARATOR, 0};
	XML_Parser expat = XML_ParserCreate_MM("UTF-8", &memory, separator);

	if (!expat)
		return NULL;
#ifdef HAVE_XML_SETREPARSEDEFERRALENABLED
	/* It would hold back a tag that came in two pieces until more data follows, and in XMPP the
	 * other side may be waiting for our answer. XML_LIMIT_TAG bounds the work instead. */
	XML_SetReparseDeferralEnabled(expat, XML_FALSE);
#endif
	XML_SetUserData(expat, p);
	XML_SetElementHandler(expat, on_start, on_end);
	XML_SetCharacterDataHandler(expat, on_text);
	XML_SetStartNamespaceDeclHandler(expat, on_namespace);
	XML_SetXmlDeclHandler(expat, on_declaration);
	XML_SetStartDoctypeDeclHandler(expat, on_doctype);
	XML_SetCommentHandler(expat, on_comment);
	XML_SetProcessingInstructionHandler(expat, on_instruction);
	XML_SetCdataSectionHandler(expat, on_cdata_start, on_cdata_end);
	return expat;
}

static void document_end(struct xml_parser *p)
{
	if (p->expat)
		XML_ParserFree(p->expat);
	p->expat = NULL;
	while (p->current && p->current->parent)
		p->current = p->current->parent;
	xml_free(&p->current);
	xml_free(&p->root);
	free(p->root_tag);
	p->root_tag = NULL;
}

static void document_begin(struct xml_parser *p)
{
	document_end(p);
	p->halt = HALT_NONE;
	p->fed = p->last_event = p->stanza_at = 0;
	p->depth = p->children = 0;
	p->skipping = p->in_cdata = false;
	p->expat = expat_new(p);
	if (!p->expat)
		fail_memory(p);
}

struct xml_parser *xml_parser_new(const struct xml_limits *limits,
				  const struct xml_handler *handler, void *arg)
{
	struct xml_parser *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->limits = *limits;
	p->handler = handler;
	p->arg = arg;
	document_begin(p);
	if (!p->expat)
		xml_parser_free(&p);
	return p;
}

void xml_parser_free(struct xml_parser **parser)
{
	if (!*parser)
		return;
	assert(!(*parser)->parsing);
	document_end(*parser);
	free(*parser);
	*parser = NULL;
}

void xml_parser_set_limits(struct xml_parser *p, const struct xml_limits *limits)
{
	p->limits = *limits;
}

void xml_parser_leave_out(struct xml_parser *p, size_t bytes,
			  void (*left_out)(void *arg, struct xml *head))
{
	p->skip_max = bytes;
	p->left_out = left_out;
}

void xml_parser_reset(struct xml_parser *p)
{
	if (p->parsing)
		halt(p, HALT_RESET);
	else if (p->halt != HALT_STOP)
		document_begin(p);
}

void xml_parser_stop(struct xml_parser *p)
{
	halt(p, HALT_STOP);
}

/* Expat's own errors; what a handler has halted for goes first. */
static void fail_by_expat(struct xml_parser *p)
{
	if (p->halt != HALT_NONE)
		return;
	switch (XML_GetErrorCode(p->expat)) {
	case XML_ERROR_NO_MEMORY:
		fail_memory(p);
		break;
	case XML_ERROR_UNDEFINED_ENTITY:
		fail_restricted(p);
		break;
	default:
		fail(p, ERR_INPUT, "not-well-formed");
		break;
	}
}

/* How many bytes come before one that occurs in UTF-16 and never in UTF-8: expat would follow a
 * byte order mark even though it was told the encoding. */
static size_t before_foreign_byte(const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[n] != 0 && data[n] != '\xfe' && data[n] != '\xff')
		n++;
	return n;
}

/* Returns how many bytes expat was given; p->halt tells how it went. */
static size_t feed(struct xml_parser *p, const char *data, size_t len, bool final)
{
	size_t good = before_foreign_byte(data, len);

	p->fed += good;
	p->parsing = true;
	if (XML_Parse(p->expat, data, (int)good, final) != XML_STATUS_OK)
		fail_by_expat(p);
	p->parsing = false;
	if (p->halt == HALT_NONE && good < len)
		fail(p, ERR_INPUT, "not-well-formed");
	if (p->halt == HALT_NONE)
		check_pending(p);
	return good;
}

/* Go on, between two stanzas, with a new expat that knows nothing but the root. */
static void renew(struct xml_parser *p)
{
	XML_ParserFree(p->expat);
	p->halt = HALT_NONE;
	p->fed = p->last_event = p->root_tag_len;
	p->expat = expat_new(p);
	p->repeating = true;
	/* It was good before, so only memory can be missing. */
	if (!p->expat ||
	    XML_Parse(p->expat, p->root_tag, (int)p->root_tag_len, false) != XML_STATUS_OK)
		fail_memory(p);
	p->repeating = false;
}

/* Between two stanzas expat knows nothing that the root's tag does not tell. */
static void rest(struct xml_parser *p)
{
	if (p->halt != HALT_NONE || !p->root_tag || p->depth != 1 || p->current || p->in_cdata ||
	    p->fed != p->last_event)
		return;
	XML_ParserFree(p->expat);
	p->expat = NULL;
}

int xml_parse(struct xml_parser *p, const void *data, size_t len, struct err *err)
{
	const char *at = data;

	assert(!p->parsing);
	if (!p->expat && p->halt == HALT_NONE)
		renew(p);
	while (len && p->halt == HALT_NONE) {
		size_t n = feed(p, at, len < SLICE ? len : SLICE, false);

		if (p->halt == HALT_RENEW) {
			/* What stands behind the stanza has not been looked at. */
			n -= (size_t)(p->fed - p->last_event);
			renew(p);
		}
		at += n;
		len -= n;
	}
	if (p->halt == HALT_RESET)
		document_begin(p);
	if (!p->single)
		rest(p);
	if (p->halt != HALT_ERROR)
		return 0;
	if (err)
		*err = p->err;
	return -1;
}

/* --- documents --- */

int xml_parse_document(struct xml_parser *p, const void *data, size_t len, struct err *err)
{
	p->single = true;
	if (p->halt == HALT_NONE && p->fed > 0)
		document_begin(p);
	if (xml_parse(p, data, len, err) < 0)
		return -1;
	/* It may have been stopped, or have begun anew for a reset, in a handler. */
	if (p->halt == HALT_NONE && (p->fed > 0 || len == 0))
		feed(p, "", 0, true);
	if (p->halt != HALT_ERROR)
		return 0;
	if (err)
		*err = p->err;
	return -1;
}

/* --- one element --- */

static void keep_single(void *arg, struct xml *stanza)
{
	*(struct xml **)arg = stanza;
}

struct xml *xml_parse_element(const void *data, size_t len, const struct xml_limits *limits,
			      struct err *err)
{
	static const struct xml_handler handler = {.stanza = keep_single};
	struct xml *element = NULL;
	struct xml_parser *p;

	if (len > limits->bytes) {
		err_set(err, ERR_LIMIT, "policy-violation");
		return NULL;
	}
	p = xml_parser_new(limits, &handler, &element);
	if (!p) {
		err_set(err, ERR_MEMORY, "resource-constraint");
		return NULL;
	}
	p->single = true;
	if (xml_parse(p, data, len, err) == 0) {
		feed(p, "", 0, true);
		if (p->halt == HALT_ERROR && err)
			*err = p->err;
	}
	if (p->halt == HALT_ERROR)
		xml_free(&element);
	xml_parser_free(&p);
	return element;
}
