/* Tests of inner_stanza.c: what of a message crosses, byte by byte. */
#include "component/inner_stanza.h"

#include "core/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct xml_limits limits = {XML_LIMIT_BYTES, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};

/* Opening tag of a message as a client sends it, and as it crosses. */
#define SENT(attributes, children)                                                                 \
	"<message xmlns='jabber:client' to='x@localhost' from='ann@localhost/home'" attributes     \
	">" children "</message>"
#define CROSSES(attributes, children)                                                              \
	"<message xmlns='jabber:client'" attributes ">" children "</message>"
#define BODY "<body>hi</body>"

static const struct {
	const char *name, *in, *out;
	enum inner_kind kind;
} crossings[] = {
    {"chat message", SENT(" type='chat' id='m1'", BODY), CROSSES(" type='chat' id='m1'", BODY),
     INNER_LASTING},
    {"no type", SENT("", BODY), CROSSES("", BODY), INNER_LASTING},
    {"unknown type", SENT(" type='shout'", BODY), CROSSES("", BODY), INNER_LASTING},
    {"normal, subject, thread",
     SENT(" type='normal'", "<subject>s</subject>" BODY "<thread>t</thread>"),
     CROSSES(" type='normal'", "<subject>s</subject>" BODY "<thread>t</thread>"), INNER_LASTING},
    {"language", SENT(" xml:lang='de'", BODY), CROSSES(" xml:lang='de'", BODY), INNER_LASTING},
    {"language of a body", SENT("", "<body xml:lang='de'>hallo</body>"),
     CROSSES("", "<body xml:lang='de'>hallo</body>"), INNER_LASTING},
    {"other attributes stay", SENT(" secret='1'", BODY), CROSSES("", BODY), INNER_LASTING},
    {"text between children stays", SENT("", "a" BODY "b"), CROSSES("", BODY), INNER_LASTING},
    {"escapes", SENT("", "<body>a &amp; b &lt;c&gt;</body>"),
     CROSSES("", "<body>a &amp; b &lt;c&gt;</body>"), INNER_LASTING},
    {"receipt request", SENT("", BODY "<request xmlns='urn:xmpp:receipts'/>"),
     CROSSES("", BODY "<request xmlns='urn:xmpp:receipts'/>"), INNER_LASTING},
    {"receipt", SENT("", "<received xmlns='urn:xmpp:receipts' id='m1'/>"),
     CROSSES("", "<received xmlns='urn:xmpp:receipts' id='m1'/>"), INNER_LASTING},
    {"marker", SENT("", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"),
     CROSSES("", "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"), INNER_LASTING},
    {"nested", SENT("", "<a xmlns='urn:x'><b c='d'><e xmlns='urn:y'>f</e></b></a>"),
     CROSSES("", "<a xmlns='urn:x'><b c='d'><e xmlns='urn:y'>f</e></b></a>"), INNER_LASTING},
#define BOTH_WAYS(name, type, content)                                                             \
	{                                                                                          \
		name, SENT(type, content), CROSSES(type, content), INNER_LASTING                   \
	}
    BOTH_WAYS("correction", " id='m2'",
	      BODY "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"),
    BOTH_WAYS("reaction", "",
	      "<reactions xmlns='urn:xmpp:reactions:0' id='m1'><reaction>+1</reaction></reactions>"
	      "<store xmlns='urn:xmpp:hints'/>"),
    BOTH_WAYS("reply", "",
	      BODY "<reply xmlns='urn:xmpp:reply:0' id='m1'/>"
		   "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
		   "<body end='5' start='0'/></fallback>"),
    BOTH_WAYS("retraction", "", "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>" BODY),
    BOTH_WAYS("old OMEMO", "",
	      "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'>"
	      "<key rid='2'>AA==</key><iv>AA==</iv></header><payload>AA==</payload></encrypted>"
	      "<encryption xmlns='urn:xmpp:eme:0' name='OMEMO' "
	      "namespace='eu.siacs.conversations.axolotl'/>" BODY),
    BOTH_WAYS("OMEMO", "",
	      "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='to'>"
	      "<key rid='2'>AA==</key></keys></header><payload>AA==</payload></encrypted>"),
    BOTH_WAYS("nick", "", BODY "<nick xmlns='http://jabber.org/protocol/nick'>Ann</nick>"),
#undef BOTH_WAYS
    {"origin id", SENT("", BODY "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"),
     CROSSES("", BODY "<origin-id xmlns='urn:xmpp:sid:0' id='o'/>"), INNER_LASTING},

    /* What today's clients say within messages. */
    {"correction (0308)",
     SENT(" type='chat' id='m2'", BODY "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"),
     CROSSES(" type='chat' id='m2'", BODY "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"),
     INNER_LASTING},
    {"reaction (XEP-0444)",
     SENT(" type='chat'", "<reactions xmlns='urn:xmpp:reactions:0' id='m1'><reaction>+</reaction>"
			  "</reactions><store xmlns='urn:xmpp:hints'/>"),
     CROSSES(" type='chat'", "<reactions xmlns='urn:xmpp:reactions:0' id='m1'>"
			     "<reaction>+</reaction></reactions><store xmlns='urn:xmpp:hints'/>"),
     INNER_LASTING},
    {"reply (0461) and fallback (0428), without addresses",
     SENT("", BODY "<reply xmlns='urn:xmpp:reply:0' id='m1' to='ann@localhost/home'/>"
		   "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
		   "<body start='0' end='2'/></fallback>"),
     CROSSES("", BODY "<reply xmlns='urn:xmpp:reply:0' id='m1'/>"
		      "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
		      "<body start='0' end='2'/></fallback>"),
     INNER_LASTING},
    {"retraction (0424)", SENT("", "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>" BODY),
     CROSSES("", "<retract xmlns='urn:xmpp:message-retract:1' id='m1'/>" BODY), INNER_LASTING},
    {"retraction of before (0424, 0422)",
     SENT("", "<apply-to xmlns='urn:xmpp:fasten:0' id='m1'>"
	      "<retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"),
     CROSSES("", "<apply-to xmlns='urn:xmpp:fasten:0' id='m1'>"
		 "<retract xmlns='urn:xmpp:message-retract:0'/></apply-to>"),
     INNER_LASTING},
    {"OMEMO of old, with EME (XEP-0380)",
     SENT("", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'>"
	      "<key rid='2' prekey='true'>k</key><iv>i</iv></header><payload>p</payload>"
	      "</encrypted><encryption xmlns='urn:xmpp:eme:0' name='OMEMO' "
	      "namespace='eu.siacs.conversations.axolotl'/>"),
     CROSSES("", "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'>"
		 "<key rid='2' prekey='true'>k</key><iv>i</iv></header><payload>p</payload>"
		 "</encrypted><encryption xmlns='urn:xmpp:eme:0' name='OMEMO' "
		 "namespace='eu.siacs.conversations.axolotl'/>"),
     INNER_LASTING},
    {"OMEMO 2 (0384)",
     SENT("", "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='x@localhost'>"
	      "<key rid='2'>k</key></keys><keys jid='ann@localhost'/><keys jid='an@localhost'/>"
	      "</header></encrypted>"),
     CROSSES("", "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='to'>"
		 "<key rid='2'>k</key></keys><keys jid='from'/><keys/></header></encrypted>"),
     INNER_LASTING},
    {"attention (XEP-0224)", SENT(" type='headline'", "<attention xmlns='urn:xmpp:attention:0'/>"),
     CROSSES(" type='headline'", "<attention xmlns='urn:xmpp:attention:0'/>"), INNER_TRANSIENT},
    {"marker wanted (0333), spoiler (0382), nick (0172)",
     SENT("", BODY "<markable xmlns='urn:xmpp:chat-markers:0'/><spoiler xmlns='urn:xmpp:spoiler:0'>"
		   "s</spoiler><nick xmlns='http://jabber.org/protocol/nick'>N</nick>"),
     CROSSES("", BODY "<markable xmlns='urn:xmpp:chat-markers:0'/>"
		      "<spoiler xmlns='urn:xmpp:spoiler:0'>s</spoiler>"
		      "<nick xmlns='http://jabber.org/protocol/nick'>N</nick>"),
     INNER_LASTING},

    {"chat state",
     SENT(" type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
     CROSSES(" type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
     INNER_TRANSIENT},
    {"chat state with thread and hint",
     SENT("", "<paused xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>"
	      "<no-store xmlns='urn:xmpp:hints'/>"),
     CROSSES("", "<paused xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>"
		 "<no-store xmlns='urn:xmpp:hints'/>"),
     INNER_TRANSIENT},
    {"chat state with body",
     SENT("", BODY "<active xmlns='http://jabber.org/protocol/chatstates'/>"),
     CROSSES("", BODY "<active xmlns='http://jabber.org/protocol/chatstates'/>"), INNER_LASTING},
    {"headline", SENT(" type='headline'", BODY), CROSSES(" type='headline'", BODY),
     INNER_TRANSIENT},

    {"stanza id of a server", SENT("", BODY "<stanza-id xmlns='urn:xmpp:sid:0' id='s' by='l'/>"),
     CROSSES("", BODY), INNER_LASTING},
    {"delay", SENT("", BODY "<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/>"),
     CROSSES("", BODY), INNER_LASTING},
    {"old delay", SENT("", BODY "<x xmlns='jabber:x:delay'/>"), CROSSES("", BODY), INNER_LASTING},
    {"no carbons, please", SENT("", BODY "<private xmlns='urn:xmpp:carbons:2'/>"),
     CROSSES("", BODY), INNER_LASTING},
    {"error beside a body", SENT("", BODY "<error type='cancel'/>"), CROSSES("", BODY),
     INNER_LASTING},
    {"what a client fetches",
     SENT("", "<body>http://x/</body><x xmlns='jabber:x:oob'><url>http://x/</url></x>"
	      "<html xmlns='http://jabber.org/protocol/xhtml-im'><img src='http://x/'/></html>"),
     CROSSES("", "<body>http://x/</body>"), INNER_LASTING},

    {"forged carbon",
     SENT("", "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/>"
	      "</received>"),
     "", INNER_NOTHING},
    {"forged archive", SENT("", "<result xmlns='urn:xmpp:mam:2'/>"), "", INNER_NOTHING},
    {"forged event", SENT("", "<event xmlns='http://jabber.org/protocol/pubsub#event'/>"), "",
     INNER_NOTHING},
    {"privilege", SENT("", "<privilege xmlns='urn:xmpp:privilege:2'/>"), "", INNER_NOTHING},
    {"forwarded", SENT("", "<forwarded xmlns='urn:xmpp:forward:0'/>"), "", INNER_NOTHING},
    {"call of another kind", SENT("", "<invite xmlns='urn:xmpp:call-invites:0'/>"), "",
     INNER_NOTHING},
    {"question of a web server",
     SENT("", "<confirm xmlns='http://jabber.org/protocol/http-auth'/>"), "", INNER_NOTHING},
    {"contacts of old", SENT("", "<x xmlns='jabber:x:roster'/>"), "", INNER_NOTHING},
    {"call", SENT("", "<propose xmlns='urn:xmpp:jingle-message:0' id='j'/>"), "", INNER_NOTHING},
    {"empty", SENT(" type='chat'", ""), "", INNER_NOTHING},
    {"thread alone", SENT("", "<thread>t</thread>"), "", INNER_NOTHING},
    {"hint alone", SENT("", "<store xmlns='urn:xmpp:hints'/>"), "", INNER_NOTHING},
    {"element of the stream's namespace", SENT("", "<show>away</show>"), "", INNER_NOTHING},
};

static struct xml *parse(const char *text)
{
	struct err err;
	struct xml *element = xml_parse_element(text, strlen(text), &limits, &err);

	if (!element)
		fail_msg("%s: %s", text, err.text);
	return element;
}

/* The canonical text of an element, so that attribute order and quotes do not matter. */
static char *canonical(const char *text)
{
	struct xml *element = parse(text);
	struct buf buf;
	char *out;

	buf_init(&buf, XML_LIMIT_BYTES);
	assert_int_equal(xml_write(element, "", &buf), 0);
	out = strdup(buf_text(&buf));
	buf_free(&buf);
	xml_free(&element);
	return out;
}

static void crosses_outwards(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(crossings) / sizeof(crossings[0]); i++) {
		struct xml *message = parse(crossings[i].in);
		char *want = crossings[i].out[0] ? canonical(crossings[i].out) : strdup("");
		struct buf out;
		struct err err;

		buf_init(&out, PAYLOAD_MAX);
		print_message("%s\n", crossings[i].name);
		assert_int_equal(inner_write(message, &out, &err), crossings[i].kind);
		assert_string_equal(buf_text(&out), want);
		/* The caller's message is as it was. */
		assert_string_equal(xml_get(message, "to"), "x@localhost");
		buf_free(&out);
		free(want);
		xml_free(&message);
	}
}

/* The same table inwards: what a daemon that is not ours sends is cleaned as well. */
static void crosses_inwards(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(crossings) / sizeof(crossings[0]); i++) {
		enum inner_kind kind = INNER_NOTHING;
		struct err err = {0};
		struct xml *message =
		    inner_read(crossings[i].in, strlen(crossings[i].in), &kind, &err);
		char *want;
		struct buf out;

		print_message("%s\n", crossings[i].name);
		if (crossings[i].kind == INNER_NOTHING) {
			assert_null(message);
			assert_int_equal(err.code, ERR_INPUT);
			continue;
		}
		assert_non_null(message);
		assert_int_equal(kind, crossings[i].kind);
		assert_null(xml_get(message, "from"));
		assert_null(xml_get(message, "to"));
		buf_init(&out, PAYLOAD_MAX);
		assert_int_equal(xml_write(message, "", &out), 0);
		want = canonical(crossings[i].out);
		assert_string_equal(buf_text(&out), want);
		free(want);
		buf_free(&out);
		xml_free(&message);
	}
}

/* The payload exactly, since both sides and later versions must agree on it. */
static void payload_bytes(void **state)
{
	struct xml *message =
	    parse(SENT(" type='chat' id='m&apos;1'", "<body>a&lt;b \xc3\xa4</body>"
						     "<active xmlns='urn:x'/>"));
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, PAYLOAD_MAX);
	assert_int_equal(inner_write(message, &out, &err), INNER_LASTING);
	assert_string_equal(buf_text(&out),
			    "<message xmlns='jabber:client' type='chat' id='m&apos;1'>"
			    "<body>a&lt;b \xc3\xa4</body><active xmlns='urn:x'/></message>");
	buf_free(&out);
	xml_free(&message);
}

static void refused_outwards(void **state)
{
	struct xml *error = parse(SENT(" type='error'", BODY));
	struct xml *groupchat = parse(SENT(" type='groupchat'", BODY));
	struct xml *big = parse(SENT("", ""));
	char *text = malloc(PAYLOAD_MAX + 1);
	struct buf out;
	struct err err;

	(void)state;
	memset(text, 'a', PAYLOAD_MAX);
	text[PAYLOAD_MAX] = '\0';
	xml_text_add(xml_child_add(big, "body", NULL), text);
	buf_init(&out, PAYLOAD_MAX);
	assert_int_equal(inner_write(error, &out, &err), INNER_NOTHING);
	assert_int_equal(inner_write(groupchat, &out, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(out.len, 0);
	assert_int_equal(inner_write(big, &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	free(text);
	buf_free(&out);
	xml_free(&error);
	xml_free(&groupchat);
	xml_free(&big);
}

static void refused_inwards(void **state)
{
	static const char *const bad[] = {
	    "",
	    "hello",
	    "<message xmlns='jabber:client'><body>hi</body>",
	    "<message><body>hi</body></message>",
	    "<message xmlns='jabber:server'><body>hi</body></message>",
	    "<presence xmlns='jabber:client'/>",
	    "<iq xmlns='jabber:client' type='set' id='1'><query xmlns='jabber:iq:roster'/></iq>",
	    "<message xmlns='jabber:client' type='error'><body>hi</body></message>",
	    "<message xmlns='jabber:client' type='groupchat'><body>hi</body></message>",
	    "<message xmlns='jabber:client'/><message xmlns='jabber:client'/>",
	    "<!DOCTYPE a><message xmlns='jabber:client'><body>hi</body></message>",
	    "<message xmlns='jabber:client'><body>\xff\xfe</body></message>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum inner_kind kind;
		struct err err = {0};

		print_message("%s\n", bad[i]);
		assert_null(inner_read(bad[i], strlen(bad[i]), &kind, &err));
		assert_int_not_equal(err.code, ERR_NONE);
		assert_true(strlen(err.text) > 0);
	}
}

/* Any beginning of a good payload is refused, and none is read past its end. */
static void cut_short(void **state)
{
	static const char whole[] = CROSSES(" type='chat' id='m1'", BODY);
	size_t len = strlen(whole);

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		char *piece = malloc(cut + 1);
		enum inner_kind kind;
		struct err err;
		struct xml *message;

		memcpy(piece, whole, cut);
		message = inner_read(piece, cut, &kind, &err);
		assert_int_equal(message != NULL, cut == len);
		xml_free(&message);
		free(piece);
	}
}

static void too_much(void **state)
{
	struct buf flood;
	enum inner_kind kind;
	struct err err;

	(void)state;
	buf_init(&flood, 10 * PAYLOAD_MAX);
	buf_add_text(&flood, "<message xmlns='jabber:client'>" BODY);
	for (int i = 0; i < INNER_CHILDREN_MAX; i++)
		buf_add_text(&flood, "<a xmlns='u'/>");
	buf_add_text(&flood, "</message>");
	assert_null(inner_read(flood.data, flood.len, &kind, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&flood);
}

/* The two sides know each other by other addresses than themselves. */
static void keys_are_addressed_anew(void **state)
{
	static const char payload[] =
	    CROSSES("", "<encrypted xmlns='urn:xmpp:omemo:2'><header sid='1'><keys jid='to'/>"
			"<keys jid='from'/><keys/></header></encrypted>");
	enum inner_kind kind;
	struct err err;
	struct xml *message = inner_read(payload, strlen(payload), &kind, &err);
	const struct xml *keys;

	(void)state;
	assert_int_equal(inner_address_keys(message, "aaaa@localhost", "ben@localhost"), 0);
	keys = xml_first(xml_first(xml_first(message)));
	assert_string_equal(xml_get(keys, "jid"), "ben@localhost");
	keys = xml_next(keys);
	assert_string_equal(xml_get(keys, "jid"), "aaaa@localhost");
	assert_null(xml_get(xml_next(keys), "jid"));
	xml_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_addressed_anew),
	    cmocka_unit_test(crosses_outwards),
	    cmocka_unit_test(crosses_inwards),
	    cmocka_unit_test(payload_bytes),
	    cmocka_unit_test(refused_outwards),
	    cmocka_unit_test(refused_inwards),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
