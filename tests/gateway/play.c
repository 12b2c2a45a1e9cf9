/*
 * play.c: plays dialogues between a Jabber server and the gateway, which are text (README): a real
 * gateway with a real bridge and engine under a fake clock; the stream to the server is a fake, so
 * that it can be full, break, and say what no server would.
 */
#include "tests/gateway/play.h"

#include "component/gw_private.h"
#include "core/base/log.h"
#include "tests/unit/fail_malloc.h"
#include "tests/xmpp/dialogue_match.h"
#include "xmpp/ns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* After a presence, until contacts are told. */
#define SETTLED_MS (GW_SETTLE_MS + 100)

_Noreturn void fail_at(const struct play *play, const char *what, const char *more)
{
	fprintf(stderr, "%s:%u: %s %s\n", play->path, play->line, what, more);
	exit(1);
}

const char *text_of(const struct xml *element)
{
	static struct buf text = {.limit = 1 << 20};

	buf_clear(&text);
	xml_write(element, NS_COMPONENT, &text);
	return buf_text(&text);
}

/* --- the stream --- */

static int link_send(void *arg, const struct xml *stanza, struct err *err)
{
	struct play *play = arg;

	if (play->full)
		return err_set(err, ERR_LIMIT, "full");
	if (play->sent_count == SENT_MAX_HERE)
		fail_at(play, "the gateway sends too much", "");
	play->sent[play->sent_count] = xml_copy(stanza);
	if (!play->sent[play->sent_count])
		return err_set(err, ERR_MEMORY, "no memory");
	play->sent_count++;
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
	if (play->passed)
		fail_at(play, "two barriers", "");
	play->passed = passed;
	play->passed_arg = passed_arg;
	return 0;
}

static const struct gw_link fake_link = {link_send, link_room, link_barrier};

/* --- the world: ben, at home, and whoever registers at ann's daemon --- */

static void gateway_start(struct play *play)
{
	struct side *ann = &play->world->ann;
	struct err err;

	play->gw = gw_new(fake_env_env(ann->fake), ann->bridge, ann->server, ann->local,
			  &play->config, &fake_link, play, &err);
	if (!play->gw)
		fail_at(play, "no gateway:", err.text);
}

struct account *account_of(const struct play *play, const char *name)
{
	const struct world *world = play->world;

	if (strcmp(name, "ben") == 0)
		return world->ben.account;
	return engine_account_find(world->ann.engine, name);
}

/* ${error TYPE CONDITION}, with " text" at the end when there are words for people. */
static bool expand_error(const char *name, char *out)
{
	char type[20], condition[60], text[20] = "";

	if (sscanf(name, "error %19s %59s %19s", type, condition, text) < 2)
		return false;
	sprintf(out, "<error type='%s'><%s xmlns='%s'/>", type, condition, NS_STANZAS);
	if (text[0])
		sprintf(out + strlen(out), "<text xmlns='%s' xml:lang='en'>*</text>", NS_STANZAS);
	strcat(out, "</error>");
	return true;
}

/* ${ben} and the like: ids; ${backup}, ${link}. */
static void expand(struct play *play, const char *line, char *out)
{
	while (*line) {
		const char *end = strncmp(line, "${", 2) == 0 ? strchr(line, '}') : NULL;
		char name[300] = "";
		struct account *account;
		const char *value = NULL;

		if (!end || (size_t)(end - line) >= sizeof(name)) {
			*out++ = *line++;
			continue;
		}
		memcpy(name, line + 2, (size_t)(end - line - 2));
		if (expand_error(name, out)) {
			out += strlen(out);
			line = end + 1;
			continue;
		}
		account = account_of(play, name);
		value = account                       ? account_id(account)
			: strcmp(name, "backup") == 0 ? play->backup
			: strcmp(name, "link") == 0   ? play->link
						      : NULL;
		if (!value)
			fail_at(play, "who is", name);
		strcpy(out, value);
		out += strlen(value);
		line = end + 1;
	}
	*out = '\0';
}

/* --- what the script says --- */

static void expect(struct play *play, struct xml *wanted)
{
	struct xml *got = play->looked_at < play->sent_count ? play->sent[play->looked_at] : NULL;

	if (!got)
		fail_at(play, "the gateway does not send", text_of(wanted));
	play->looked_at++;
	play->last = got;
	if (!dialogue_match(wanted, got)) {
		fprintf(stderr, "wanted: %s\n", text_of(wanted));
		fail_at(play, "got:", text_of(got));
	}
}

static void nothing_more(struct play *play)
{
	if (play->looked_at < play->sent_count)
		fail_at(play, "the gateway sends, too:", text_of(play->sent[play->looked_at]));
}

static void pass_barrier(struct play *play)
{
	void (*passed)(void *arg) = play->passed;

	if (!passed)
		fail_at(play, "no barrier is under way", "");
	play->passed = NULL;
	passed(play->passed_arg);
}

/* --- memory that is short --- */

static void forget_sent(struct play *play)
{
	for (unsigned i = 0; i < play->sent_count; i++)
		xml_free(&play->sent[i]);
	play->sent_count = play->looked_at = 0;
}

/* Do it again and again, and each time another allocation fails, until none does. What was sent
 * before that is not looked at. */
static void short_of_memory(struct play *play, void (*act)(struct play *play, const void *arg),
			    const void *arg)
{
	bool failed = true;

	for (long n = 0; failed; n++) {
		forget_sent(play);
		play->failing = n;
		act(play, arg);
		failed = fail_malloc_disarm();
	}
}

/* With what becomes of it a little later. */
static void sends_stanza(struct play *play, const void *stanza)
{
	struct xml *copy = xml_copy(stanza);

	fail_malloc_arm(play->failing);
	gw_stanza(play->gw, copy);
	fake_clock_run(play->world->clock, SETTLED_MS);
}

static void stream_again(struct play *play, const void *arg)
{
	(void)arg;
	play->passed = NULL;
	gw_down(play->gw);
	fail_malloc_arm(play->failing);
	gw_up(play->gw);
	fake_clock_run(play->world->clock, 2000);
}

static void gateway_again(struct play *play, const void *arg)
{
	struct side *ann = &play->world->ann;
	struct err err = {0};

	(void)arg;
	play->passed = NULL;
	gw_free(&play->gw);
	fail_malloc_arm(play->failing);
	play->gw = gw_new(fake_env_env(ann->fake), ann->bridge, ann->server, ann->local,
			  &play->config, &fake_link, play, &err);
	if (!play->gw && err.code != ERR_MEMORY)
		fail_at(play, "no gateway:", err.text);
}

/* Has the gateway sent this text? */
static bool has_sent(const struct play *play, const char *body)
{
	for (unsigned i = 0; i < play->sent_count; i++) {
		const char *text = xml_child_text(play->sent[i], "body", NS_COMPONENT);

		if (text && strcmp(text, body) == 0)
			return true;
	}
	return false;
}

/* Ben sends messages, while another allocation fails at each, in his daemon or in ours; all come.
 */
static void messages_again(struct play *play, const char *to, unsigned count)
{
	char text[100];

	forget_sent(play);
	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text),
			 "<message xmlns='" NS_CLIENT "' type='chat'><body>%u</body></message>", i);
		ben_sends(play, to, text);
		/* Some of the few hundred that a message takes. */
		fail_malloc_arm(i * 7);
		fake_clock_run(play->world->clock, 1000);
		if (play->passed)
			pass_barrier(play);
		fail_malloc_disarm();
	}
	for (unsigned i = 0; i < 2 * count; i++) {
		fake_clock_run(play->world->clock, 10000);
		if (play->passed)
			pass_barrier(play);
	}
	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%u", i);
		if (!has_sent(play, text))
			fail_at(play, "a message is lost:", text);
	}
	forget_sent(play);
}

/* A block of stanzas, played as the server's or expected of the gateway. */
static void play_block(struct play *play, const char *block, bool server)
{
	const struct xml_limits limits = {1 << 24, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
	struct err err;
	size_t size = strlen(block) + 100;
	char *text = malloc(size);
	struct xml *all;

	snprintf(text, size, "<all xmlns='" NS_COMPONENT "'>%s</all>", block);
	all = xml_parse_element(text, strlen(text), &limits, &err);
	if (!all)
		fail_at(play, err.text, block);
	if (server)
		nothing_more(play);
	for (struct xml *stanza = xml_first(all); stanza; stanza = xml_next(stanza))
		if (server && play->short_of_memory)
			short_of_memory(play, sends_stanza, stanza);
		else if (server)
			gw_stanza(play->gw, xml_copy(stanza));
		else
			expect(play, stanza);
	if (!server)
		nothing_more(play);
	xml_free(&all);
	free(text);
}

/* Answers are not looked at. */
static void ping(struct play *play, const char *who, unsigned times)
{
	char text[600];

	snprintf(text, sizeof(text),
		 "<iq from='%s/x' to='gw.example.org' type='get' id='p'>"
		 "<ping xmlns='urn:xmpp:ping'/></iq>",
		 who);
	nothing_more(play);
	while (times-- > 0)
		play_block(play, text, true), play->looked_at = play->sent_count;
}

static bool stream_line(struct play *play, const char *line)
{
	if (strcmp(line, "stream up") == 0) {
		gw_up(play->gw);
	} else if (strcmp(line, "stream down") == 0) {
		play->passed = NULL;
		gw_down(play->gw);
	} else if (strcmp(line, "stream full") == 0) {
		play->full = true;
	} else if (strcmp(line, "stream has room") == 0) {
		play->full = false;
		gw_room(play->gw);
	} else if (strcmp(line, "barrier passes") == 0) {
		pass_barrier(play);
	} else if (strcmp(line, "stream comes back, short of memory") == 0) {
		short_of_memory(play, stream_again, NULL);
		forget_sent(play);
	} else if (strcmp(line, "gateway starts again, short of memory") == 0) {
		short_of_memory(play, gateway_again, NULL);
	} else if (strcmp(line, "gateway says goodbye") == 0) {
		gw_goodbye(play->gw);
	} else if (strcmp(line, "gateway starts again") == 0) {
		play->passed = NULL;
		gw_free(&play->gw);
		gateway_start(play);
	} else {
		return false;
	}
	return true;
}

/* "12 s pass" */
static bool number_of(const char *line, const char *words, unsigned *number)
{
	char *end;

	*number = (unsigned)strtoul(line, &end, 10);
	return end != line && strcmp(end, words) == 0;
}

static void one_line(struct play *play, const char *line)
{
	char who[300], word[300], rest[2048] = "";
	unsigned number;

	if (stream_line(play, line))
		return;
	if (strcmp(line, "gateway sends nothing") == 0)
		nothing_more(play);
	else if (number_of(line, " s pass", &number))
		fake_clock_run(play->world->clock, (int64_t)number * 1000);
	else if (number_of(line, " ms pass", &number))
		fake_clock_run(play->world->clock, number);
	else if (number_of(line, " messages a minute", &number))
		play->config.per_minute = number;
	else if (number_of(line, " accounts at most", &number))
		play->config.accounts = number;
	else if (number_of(line, " contacts at most", &number))
		play->config.contacts = number;
	else if (number_of(line, " messages wait at most", &number))
		play->config.queue = number;
	else if (strcmp(line, "registration is closed") == 0)
		play->config.registration = GW_REGISTRATION_CLOSED;
	else if (strcmp(line, "registration is for a list") == 0)
		play->config.registration = GW_REGISTRATION_LIST;
	else if (sscanf(line, "ben sends %299s %u messages, short of memory", who, &number) == 2)
		messages_again(play, who, number);
	else if (sscanf(line, "ben sends %299s %2047[^\n]", who, rest) == 2)
		ben_sends(play, who, rest);
	else if (sscanf(line, "ben shows %299s %2047[^\n]", word, rest) >= 1)
		ben_shows(play, word, rest);
	else if (sscanf(line, "ben adds %299s", word) == 1)
		ben_adds(play, word);
	else if (sscanf(line, "ben sees %299s %299s", who, word) == 2)
		ben_sees(play, who, word);
	else if (sscanf(line, "%299s pings %u times", who, &number) == 2)
		ping(play, who, number);
	else if (sscanf(line, "%299s adds %u contacts", who, &number) == 2)
		user_adds(play, who, number);
	else if (sscanf(line, "ben has %u messages waiting for %299s", &number, who) == 2)
		ben_waits(play, who, number);
	else if (sscanf(line, "ben has the photo %299s", word) == 1)
		ben_has_photo(play, word);
	else if (sscanf(line, "ben knows of %299s %2047[^\n]", who, rest) == 2)
		ben_knows(play, who, rest);
	else if (strcmp(line, "the backup is kept") == 0)
		keep_backup(play);
	else if (strcmp(line, "ben makes a backup") == 0)
		ben_backs_up(play);
	else if (sscanf(line, "operator restores %299s", who) == 1)
		operator_restores(play, who);
	else if (sscanf(line, "%299s invites", who) == 1 && strstr(line, " invites"))
		user_invites(play, who);
	else
		fail_at(play, "what is this:", line);
}

/* --- files --- */

static void play_start(struct play *play, const char *path)
{
	static const char *const domains[] = {"example.org", NULL};
	static const char *const users[] = {"listed@example.org", NULL};

	memset(play, 0, sizeof(*play));
	play->path = path;
	snprintf(play->directory, sizeof(play->directory), "/tmp/tacet-play-XXXXXX");
	if (!mkdtemp(play->directory))
		fail_at(play, "no directory", "");
	play->config = (struct gw_config){.domain = "gw.example.org",
					  .domains = domains,
					  .users = users,
					  .directory = play->directory,
					  .accounts = 5,
					  .contacts = 100,
					  .queue = 1000,
					  .per_minute = 600};
	play->world = rig_new_bare();
	gateway_start(play);
}

static void play_end(struct play *play)
{
	nothing_more(play);
	forget_sent(play);
	gw_free(&play->gw);
	rig_free(&play->world);
	if (rmdir(play->directory))
		fail_at(play, "a file is left in", play->directory);
}

/* Read the lines of a block, which begin with a tab. */
static void read_block(struct play *play, FILE *file, char *block, size_t size)
{
	static char line[LINE_MAX_HERE], expanded[2 * LINE_MAX_HERE];
	int c;

	block[0] = '\0';
	while ((c = fgetc(file)) == '\t' && fgets(line, sizeof(line), file)) {
		play->line++;
		expand(play, line, expanded);
		if (strlen(block) + strlen(expanded) >= size)
			fail_at(play, "too long a block", "");
		strcat(block, expanded);
	}
	if (c != EOF)
		ungetc(c, file);
}

static void play_file(const char *path)
{
	static char line[LINE_MAX_HERE], expanded[2 * LINE_MAX_HERE], block[8 * LINE_MAX_HERE];
	static struct play play;
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		exit(1);
	}
	play_start(&play, path);
	while (fgets(line, sizeof(line), file)) {
		play.line++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || !line[0])
			continue;
		play.short_of_memory = strcmp(line, "server sends, short of memory:") == 0;
		if (play.short_of_memory || strcmp(line, "server sends:") == 0 ||
		    strcmp(line, "gateway sends:") == 0) {
			read_block(&play, file, block, sizeof(block));
			play_block(&play, block, line[0] == 's');
			continue;
		}
		expand(&play, line, expanded);
		one_line(&play, expanded);
	}
	fclose(file);
	play_end(&play);
	printf("%s: good\n", path);
}

int main(int argc, char **argv)
{
	static const char *const all[] = {"register",  "presence", "message", "strangers",
					  "others",    "memory",   "limits",  "contacts",
					  "privilege", "commands", "quotas",  "backup",
					  "caps",      "blocking", "chat"};
	char path[512];

	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 1; i < argc; i++)
		play_file(argv[i]);
	for (size_t i = 0; argc == 1 && i < sizeof(all) / sizeof(all[0]); i++) {
		snprintf(path, sizeof(path), "%s/tests/gateway/%s.txt", getenv("top_srcdir"),
			 all[i]);
		play_file(path);
	}
	return 0;
}
