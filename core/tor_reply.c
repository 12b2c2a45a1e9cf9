/*
 * tor_reply.c: the state machine behind tor_reply.h.
 *
 * All text of a reply is gathered in one buffer, NUL after each line and block; places in it are
 * kept as offsets until the reply is whole, because the buffer moves while it grows.
 */
#include "core/tor_reply.h"

#include "core/base/buf.h"

#include <stdlib.h>
#include <string.h>

/* Three digits and a separator. */
#define HEAD_LEN 4
#define NO_DATA  SIZE_MAX

enum parser_state {
	PARSER_LINE,  /* within a line of the reply */
	PARSER_BLOCK, /* within the data block of a + line */
	PARSER_BAD,   /* gave up; nothing more is read */
};

struct place {
	size_t text;
	size_t data; /* or NO_DATA */
};

struct tor_parser {
	enum parser_state state;
	bool done;   /* the last call gave a reply: forget it with the next one */
	size_t line; /* where the line being read begins in text */
	struct buf text;
	struct place places[TOR_REPLY_LINES_MAX];
	struct tor_reply reply;
};

struct tor_parser *tor_parser_new(void)
{
	struct tor_parser *parser = calloc(1, sizeof *parser);

	if (!parser)
		return NULL;
	buf_init(&parser->text, TOR_REPLY_MAX);
	return parser;
}

void tor_parser_free(struct tor_parser **parser)
{
	if (!*parser)
		return;
	buf_free(&(*parser)->text);
	free(*parser);
	*parser = NULL;
}

static void parser_reset(struct tor_parser *parser)
{
	buf_clear(&parser->text);
	parser->reply.count = 0;
	parser->line = 0;
	parser->done = false;
	parser->state = PARSER_LINE;
}

static int add_nul(struct tor_parser *parser, struct err *err)
{
	if (buf_add(&parser->text, "", 1))
		return err_set(err, ERR_LIMIT, "reply of tor is longer than %d bytes",
			       TOR_REPLY_MAX);
	parser->line = parser->text.len;
	return 0;
}

static bool is_code(const uint8_t *head)
{
	for (int i = 0; i < 3; i++)
		if (head[i] < '0' || head[i] > '9')
			return false;
	return true;
}

/* Tor escapes them; in a log they could do harm at the operator's terminal. */
static bool has_control(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] < ' ' && text[i] != '\t') || text[i] == 127)
			return true;
	return false;
}

static void finish_reply(struct tor_parser *parser)
{
	struct tor_reply *reply = &parser->reply;
	const char *text = (const char *)parser->text.data;

	for (size_t i = 0; i < reply->count; i++) {
		const struct place *place = &parser->places[i];

		reply->lines[i].text = text + place->text;
		reply->lines[i].data = place->data == NO_DATA ? NULL : text + place->data;
	}
	parser->done = true;
}

/* A whole line of a reply stands at parser->line, without its end. */
static int end_line(struct tor_parser *parser, struct err *err)
{
	struct tor_reply *reply = &parser->reply;
	const uint8_t *head = parser->text.data + parser->line;
	struct place *place;
	bool event;
	char separator;

	if (parser->text.len - parser->line < HEAD_LEN || !is_code(head))
		return err_set(err, ERR_PROTOCOL, "tor sent a line without a reply code");
	if (has_control(head, parser->text.len - parser->line))
		return err_set(err, ERR_PROTOCOL, "tor sent a control character");
	separator = (char)head[3];
	if (separator != ' ' && separator != '-' && separator != '+')
		return err_set(err, ERR_PROTOCOL, "tor sent a reply line of unknown form");
	if (reply->count == TOR_REPLY_LINES_MAX)
		return err_set(err, ERR_LIMIT, "reply of tor has more than %d lines",
			       TOR_REPLY_LINES_MAX);
	event = head[0] == '6';
	if (reply->count > 0 && event != reply->event)
		return err_set(err, ERR_PROTOCOL, "tor mixed an event with a reply");
	reply->event = event;
	reply->code = (head[0] - '0') * 100 + (head[1] - '0') * 10 + (head[2] - '0');
	place = &parser->places[reply->count++];
	place->text = parser->line + HEAD_LEN;
	place->data = NO_DATA;
	if (add_nul(parser, err))
		return -1;
	if (separator == '+') {
		place->data = parser->line;
		parser->state = PARSER_BLOCK;
	} else if (separator == ' ') {
		finish_reply(parser);
	}
	return 0;
}

/* A whole line of a data block stands at parser->line, without its end. */
static int end_block_line(struct tor_parser *parser, struct err *err)
{
	size_t len = parser->text.len - parser->line;
	uint8_t *at = parser->text.data + parser->line;

	if (len == 1 && at[0] == '.') {
		parser->text.len--;
		parser->state = PARSER_LINE;
		return add_nul(parser, err);
	}
	if (len > 0 && at[0] == '.') {
		memmove(at, at + 1, len - 1);
		parser->text.len--;
	}
	if (buf_add(&parser->text, "\n", 1))
		return err_set(err, ERR_LIMIT, "reply of tor is longer than %d bytes",
			       TOR_REPLY_MAX);
	parser->line = parser->text.len;
	return 0;
}

/* Add a piece that holds no line end. */
static int add_piece(struct tor_parser *parser, const uint8_t *data, size_t len, struct err *err)
{
	if (memchr(data, '\0', len))
		return err_set(err, ERR_PROTOCOL, "tor sent a zero byte");
	if (parser->text.len - parser->line + len > TOR_REPLY_LINE_MAX)
		return err_set(err, ERR_LIMIT, "tor sent a line longer than %d bytes",
			       TOR_REPLY_LINE_MAX);
	if (buf_add(&parser->text, data, len))
		return err_set(err, ERR_LIMIT, "reply of tor is longer than %d bytes",
			       TOR_REPLY_MAX);
	return 0;
}

/* The bytes up to a line feed have come. */
static int end_any_line(struct tor_parser *parser, struct err *err)
{
	struct buf *text = &parser->text;

	if (text->len > parser->line && text->data[text->len - 1] == '\r')
		text->len--;
	return parser->state == PARSER_BLOCK ? end_block_line(parser, err) : end_line(parser, err);
}

enum tor_parsed tor_parser_feed(struct tor_parser *parser, const void *data, size_t len,
				size_t *used, const struct tor_reply **reply, struct err *err)
{
	const uint8_t *at = data;
	size_t left = len;

	*used = 0;
	if (parser->state == PARSER_BAD) {
		err_set(err, ERR_PROTOCOL, "tor's answers could not be read before");
		return TOR_PARSED_BAD;
	}
	if (parser->done)
		parser_reset(parser);
	while (left > 0 && !parser->done) {
		const uint8_t *end = memchr(at, '\n', left);
		size_t piece = end ? (size_t)(end - at) : left;

		if (add_piece(parser, at, piece, err) || (end && end_any_line(parser, err))) {
			parser->state = PARSER_BAD;
			return TOR_PARSED_BAD;
		}
		piece += end ? 1 : 0;
		at += piece;
		left -= piece;
	}
	*used = len - left;
	if (!parser->done)
		return TOR_PARSED_MORE;
	*reply = &parser->reply;
	return TOR_PARSED_REPLY;
}

static const char *find_prefix(const struct tor_reply *reply, const char *name, char end)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < reply->count; i++) {
		const char *text = reply->lines[i].text;

		if (!strncmp(text, name, len) && text[len] == end)
			return text + len + 1;
	}
	return NULL;
}

const char *tor_reply_find(const struct tor_reply *reply, const char *keyword)
{
	return find_prefix(reply, keyword, ' ');
}

const char *tor_reply_value(const struct tor_reply *reply, const char *name)
{
	return find_prefix(reply, name, '=');
}

/* Where text is read, and where the value goes; out may be NULL to pass over one. */
struct copier {
	const char *at;
	char *out;
	size_t size;
	size_t len;
	bool bad;
};

static void put(struct copier *c, char byte)
{
	if (!c->out)
		return;
	if (c->len + 1 >= c->size)
		c->bad = true;
	else
		c->out[c->len++] = byte;
}

/* Up to three octal digits (CString). */
static char octal(struct copier *c)
{
	unsigned value = 0;

	for (int i = 0; i < 3 && *c->at >= '0' && *c->at <= '7'; i++)
		value = value * 8 + (unsigned)(*c->at++ - '0');
	if (value == 0 || value > 255)
		c->bad = true;
	return (char)(unsigned char)value;
}

static void copy_escape(struct copier *c)
{
	if (*c->at >= '0' && *c->at <= '7') {
		put(c, octal(c));
		return;
	}
	switch (*c->at) {
	case '\0':
		c->bad = true;
		return;
	case 'n':
		put(c, '\n');
		break;
	case 'r':
		put(c, '\r');
		break;
	case 't':
		put(c, '\t');
		break;
	default:
		put(c, *c->at);
	}
	c->at++;
}

/* After the opening quote, up to and with the closing one. */
static void copy_quoted(struct copier *c)
{
	while (!c->bad) {
		char byte = *c->at;

		if (byte == '\0') {
			c->bad = true;
			return;
		}
		c->at++;
		if (byte == '"')
			return;
		if (byte == '\\')
			copy_escape(c);
		else
			put(c, byte);
	}
}

static void copy_value(struct copier *c)
{
	if (*c->at == '"') {
		c->at++;
		copy_quoted(c);
		if (*c->at != '\0' && *c->at != ' ')
			c->bad = true;
		return;
	}
	while (*c->at != '\0' && *c->at != ' ')
		put(c, *c->at++);
}

/* Pass over a word that is not the one looked for; a quote may stand in it only as a value. */
static void skip_word(struct copier *c)
{
	while (*c->at != '\0' && *c->at != ' ' && *c->at != '=' && *c->at != '"')
		c->at++;
	if (*c->at == '=')
		c->at++;
	if (*c->at != '\0' && *c->at != ' ')
		copy_value(c);
}

int tor_text_value(const char *text, const char *key, char *out, size_t size)
{
	struct copier c = {.at = text};
	size_t key_len = strlen(key);

	out[0] = '\0';
	while (*c.at != '\0' && !c.bad) {
		if (*c.at == ' ') {
			c.at++;
			continue;
		}
		if (strncmp(c.at, key, key_len) || c.at[key_len] != '=') {
			skip_word(&c);
			continue;
		}
		c.at += key_len + 1;
		c.out = out;
		c.size = size;
		copy_value(&c);
		out[c.bad ? 0 : c.len] = '\0';
		return c.bad ? -1 : 0;
	}
	return -1;
}

int tor_text_word(const char *text, unsigned index, char *out, size_t size)
{
	size_t len;

	out[0] = '\0';
	for (;;) {
		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (len == 0)
			return -1;
		if (index-- == 0)
			break;
		text += len;
	}
	if (len >= size)
		return -1;
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

int tor_text_quote(const char *text, char *out, size_t size)
{
	struct copier c = {.out = out, .size = size};

	put(&c, '"');
	for (; *text != '\0'; text++) {
		if (*text == '\r' || *text == '\n')
			c.bad = true;
		if (*text == '"' || *text == '\\')
			put(&c, '\\');
		put(&c, *text);
	}
	put(&c, '"');
	out[c.bad ? 0 : c.len] = '\0';
	return c.bad ? -1 : 0;
}
