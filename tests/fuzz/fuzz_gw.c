/*
 * fuzz_gw.c: what a Jabber server, its users and strangers send to the gateway.
 *
 *     input: stanzas. Between them <up/>, <down/>, <full/>, <room/>, <barrier/> and <minute/> say
 *            what the stream or the clock does (component/gw.h)
 *
 * romeo@example.org has registered. What leaves is a stanza of the gateway's own domain, to
 * somebody who may have one, and there is not more of it than the limits allow.
 */
#include "component/gw.h"
#include "core/base/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/bridge_rig.h"
#include "xmpp/jid.h"

#include <string.h>
#include <unistd.h>

#define NS_COMPONENT "jabber:component:accept"
#define OWN          "gw.example.org"
/* Answers, presence and roster items that one stanza may cause with a handful of contacts. */
#define SENT_EACH 200
/* Stanzas of one input. */
#define STANZAS_MAX 50

struct play {
	struct world *world;
	struct gw *gw;
	unsigned sent;
	bool up, full;
	void (*passed)(void *arg);
	void *passed_arg;
};

/* --- the stream --- */

static int link_send(void *arg, const struct xml *stanza, struct err *err)
{
	struct play *play = arg;
	struct jid from, to;
	struct buf text;

	if (play->full)
		return err_set(err, ERR_LIMIT, "full");
	FUZZ_CHECK(play->up);
	FUZZ_CHECK(jid_parse(xml_get(stanza, "from"), &from, err) == 0);
	FUZZ_CHECK(strcmp(from.domain, OWN) == 0);
	FUZZ_CHECK(!xml_get(stanza, "to") || jid_parse(xml_get(stanza, "to"), &to, err) == 0);
	buf_init(&text, 1 << 22);
	FUZZ_CHECK(xml_write(stanza, NS_COMPONENT, &text) == 0);
	buf_free(&text);
	play->sent++;
	return 0;
}

static bool link_room(void *arg)
{
	const struct play *play = arg;

	return !play->full;
}

static int link_barrier(void *arg, void (*passed)(void *passed_arg), void *passed_arg,
			struct err *err)
{
	struct play *play = arg;

	(void)err;
	FUZZ_CHECK(!play->passed && play->up);
	play->passed = passed;
	play->passed_arg = passed_arg;
	return 0;
}

static const struct gw_link fake_link = {link_send, link_room, link_barrier};

/* --- the world --- */

static void come_up(struct play *play)
{
	play->up = true;
	gw_up(play->gw);
}

static void go_down(struct play *play)
{
	play->passed = NULL;
	play->up = false;
	gw_down(play->gw);
}

static void register_user(struct play *play)
{
	gw_stanza(play->gw,
		  message("<iq xmlns='" NS_COMPONENT "' from='romeo@example.org/o' to='" OWN
			  "' type='set' id='r'><query xmlns='jabber:iq:register'/></iq>"));
	gw_stanza(play->gw, message("<presence xmlns='" NS_COMPONENT
				    "' from='romeo@example.org/o' to='" OWN "'/>"));
	FUZZ_CHECK(engine_account_find(play->world->ann.engine, "romeo@example.org"));
}

static void pass_barrier(struct play *play)
{
	void (*passed)(void *arg) = play->passed;

	play->passed = NULL;
	if (passed)
		passed(play->passed_arg);
}

/* What the input says of the stream and the clock; false: it is a stanza. */
static bool happens(struct play *play, const char *name)
{
	if (strcmp(name, "up") == 0 && !play->up) {
		come_up(play);
	} else if (strcmp(name, "down") == 0 && play->up) {
		go_down(play);
	} else if (strcmp(name, "full") == 0) {
		play->full = true;
	} else if (strcmp(name, "room") == 0 && play->up) {
		play->full = false;
		gw_room(play->gw);
	} else if (strcmp(name, "barrier") == 0) {
		pass_barrier(play);
	} else if (strcmp(name, "minute") == 0) {
		fake_clock_run(play->world->clock, MINUTE_MS);
	} else {
		return false;
	}
	return true;
}

/* A stream brings nothing but these three, and nothing while it is down. */
static bool is_stanza(const struct play *play, const struct xml *element)
{
	const char *name = xml_name(element);

	return play->up && strcmp(xml_ns(element), NS_COMPONENT) == 0 &&
	       (strcmp(name, "iq") == 0 || strcmp(name, "message") == 0 ||
		strcmp(name, "presence") == 0);
}

static void run(struct play *play, const struct xml *all)
{
	unsigned count = 0;

	come_up(play);
	register_user(play);
	for (struct xml *element = xml_first(all); element && count < STANZAS_MAX;
	     element = xml_next(element), count++) {
		play->sent = 0;
		if (!happens(play, xml_name(element)) && is_stanza(play, element))
			gw_stanza(play->gw, xml_copy(element));
		FUZZ_CHECK(play->sent <= SENT_EACH);
	}
	fake_clock_run(play->world->clock, SECOND_MS);
}

static void play_all(const struct xml *all)
{
	static const char *const domains[] = {"example.org", NULL}, *const nobody[] = {NULL};
	char directory[] = "/tmp/tacet-fuzz-XXXXXX";
	struct gw_config config = {.domain = OWN,
				   .domains = domains,
				   .users = nobody,
				   .accounts = 5,
				   .contacts = 5,
				   .per_minute = 30};
	struct play play = {0};
	struct err err = {0};
	struct side *ann;

	FUZZ_CHECK(mkdtemp(directory));
	config.directory = directory;
	play.world = rig_new_bare();
	ann = &play.world->ann;
	play.gw = gw_new(fake_env_env(ann->fake), ann->bridge, ann->server, ann->local, &config,
			 &fake_link, &play, &err);
	FUZZ_CHECK(play.gw);
	run(&play, all);
	gw_free(&play.gw);
	rig_free(&play.world);
	FUZZ_CHECK(rmdir(directory) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct xml_limits limits = {1 << 20, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
	struct buf text;
	struct xml *all;

	log_set_level(LOG_LEVEL_ERROR);
	buf_init(&text, 1 << 21);
	buf_add_text(&text, "<all xmlns='" NS_COMPONENT "'>");
	buf_add(&text, data, size);
	buf_add_text(&text, "</all>");
	all = xml_parse_element(text.data, text.len, &limits, NULL);
	buf_free(&text);
	if (all)
		play_all(all);
	xml_free(&all);
	return 0;
}
