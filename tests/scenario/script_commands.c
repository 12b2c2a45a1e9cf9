/*
 * script_commands.c: what the lines of a scenario do, one handler a command, in a table.
 */
#include "tests/scenario/script_private.h"

#include <stdio.h>
#include <string.h>

/* How often "within" and "throughout" look. */
#define LOOK_SOON_MS 250
#define LOOK_LONG_MS 2000

static int run_daemon(struct script *script, struct words words, int unused)
{
	const char *name = words_next(script, &words);
	struct daemon_options options = {0};
	unsigned count = 1;
	int64_t skew = 0;
	int bad = 0;
	(void)unused;
	while (words.left && !bad) {
		if (words_accept(&words, "skew"))
			bad = words_duration(script, &words, &skew);
		else if (words_accept(&words, "renewal"))
			bad = words_duration(script, &words, &options.renewal_ms);
		else if (words_accept(&words, "replicas"))
			bad = words_number(script, &words, &options.replicas);
		else if (words_accept(&words, "circuits"))
			bad = words_number(script, &words, &options.circuits);
		else if (words_accept(&words, "decoys"))
			options.decoys = true;
		else if (words_accept(&words, "times"))
			bad = words_number(script, &words, &count);
		else
			bad = script_fail(script, "what is \"%s\"?", *words.at);
	}
	for (unsigned i = 0; i < count && !bad; i++) {
		char full[WORLD_NAME_SIZE];
		snprintf(full, sizeof full, count > 1 ? "%s%u" : "%s", name, i + 1);
		struct daemon *daemon = daemon_new(script->world, full, &options);
		fake_env_jump(daemon->fake, skew);
	}
	return bad;
}

static int run_pair(struct script *script, struct words words, int unused)
{
	struct daemon **as = words_daemons(script, &words, 0);
	struct daemon **bs = as ? words_daemons(script, &words, 1) : NULL;
	const char *secret = NULL;
	(void)unused;
	if (!bs || (words_accept(&words, "secret") && !(secret = words_next(script, &words))))
		return -1;
	for (struct daemon **a = as; *a; a++) {
		for (struct daemon **b = bs; *b; b++) {
			if (*a != *b && !daemon_peer(*a, *b))
				daemon_pair(*a, *b, secret);
		}
	}
	return 0;
}

static int run_add(struct script *script, struct words words, int unused)
{
	struct daemon **as = words_daemons(script, &words, 0);
	struct daemon **bs = as ? words_daemons(script, &words, 1) : NULL;
	const char *secret = NULL;
	(void)unused;
	if (!bs || (words_accept(&words, "secret") && !(secret = words_next(script, &words))))
		return -1;
	daemon_add(as[0], bs[0], secret);
	return 0;
}

static int run_visibility(struct script *script, struct words words, int unused)
{
	static const char *const names[] = {
	    [ACCOUNT_SHOWN] = "shown", [ACCOUNT_HIDDEN] = "hidden", [ACCOUNT_DARK] = "dark"};
	struct daemon **list = words_daemons(script, &words, 0);
	const char *name = list ? words_next(script, &words) : NULL;
	(void)unused;
	if (!name)
		return -1;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		for (; *list; list++)
			daemon_visibility(*list, (enum account_visibility)i);
		/* What it means at once is to be seen by the next line. */
		fake_clock_run(script->world->clock, 0);
		return 0;
	}
	return script_fail(script, "what is \"%s\"?", name);
}

static int run_cover(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	int64_t ms;
	struct err err;
	(void)unused;
	if (!list || words_duration(script, &words, &ms) < 0)
		return -1;
	for (; *list; list++)
		if (account_set_cover((*list)->account, ms, &err) < 0)
			return script_fail(script, "%s", err.text);
	return 0;
}

enum life { START, STOP, QUIT, KILL, RESTART, TOR_RESTART, BREAK };

static void live(struct daemon *daemon, enum life what, int64_t closed_ms)
{
	switch (what) {
	case START:
		daemon_start(daemon);
		break;
	case STOP:
		daemon_stop(daemon);
		break;
	case QUIT:
		daemon_quit(daemon);
		break;
	case KILL:
		daemon_kill(daemon, closed_ms);
		break;
	case RESTART:
		daemon_restart(daemon);
		break;
	case TOR_RESTART:
		fake_host_restart_tor(daemon->host);
		break;
	case BREAK:
		fake_host_break(daemon->host);
		break;
	}
}

/* One or more names. */
static int run_life(struct script *script, struct words words, int what)
{
	int64_t closed_ms = 1000;
	if (words.left && strcmp(words.at[words.left - 1], "silently") == 0) {
		words.left--;
		closed_ms = -1;
	}
	do {
		struct daemon **list = words_daemons(script, &words, 0);
		if (!list)
			return -1;
		for (; *list; list++)
			live(*list, (enum life)what, closed_ms);
	} while (words.left);
	/* What it means at once is to be seen by the next line. */
	fake_clock_run(script->world->clock, 0);
	return 0;
}

static int run_run(struct script *script, struct words words, int unused)
{
	int64_t ms;
	(void)unused;
	if (words_duration(script, &words, &ms) < 0)
		return -1;
	world_run(script->world, ms);
	return 0;
}

static int run_send(struct script *script, struct words words, int many)
{
	struct daemon **as = words_daemons(script, &words, 0);
	struct daemon **bs = as ? words_daemons(script, &words, 1) : NULL;
	const char *text = NULL;
	unsigned count = 1;
	if (!bs || (many && words_number(script, &words, &count) < 0))
		return -1;
	if (!many && !(text = words_next(script, &words)))
		return -1;
	for (struct daemon **a = as; *a; a++) {
		for (struct daemon **b = bs; *b; b++) {
			for (unsigned i = 0; i < count && daemon_peer(*a, *b); i++) {
				if (many)
					daemon_send_random(*a, *b);
				else
					daemon_send(*a, *b, text);
			}
		}
	}
	return 0;
}

static int run_remove(struct script *script, struct words words, int unused)
{
	struct daemon **as = words_daemons(script, &words, 0);
	struct daemon **bs = as ? words_daemons(script, &words, 1) : NULL;
	(void)unused;
	if (!bs)
		return -1;
	daemon_remove(as[0], bs[0]);
	return 0;
}

static int run_deny_oldest(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	(void)unused;
	if (!list)
		return -1;
	daemon_deny_oldest(list[0]);
	return 0;
}

static int run_invite(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	bool reusable = words_accept(&words, "reusable");
	int64_t ms = 0;
	(void)unused;
	if (!list || words_duration(script, &words, &ms) < 0)
		return -1;
	daemon_invite(list[0], reusable, ms);
	return 0;
}

static int run_revoke(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	(void)unused;
	if (!list)
		return -1;
	daemon_revoke(list[0]);
	return 0;
}

enum ask { INTRODUCE, ACCEPT, DENY, BLOCK, UNBLOCK };

/* The first may be a pattern for introduce, the second for the others. */
static int run_ask(struct script *script, struct words words, int what)
{
	static void (*const run[])(struct daemon *, struct daemon *) = {
	    [INTRODUCE] = daemon_introduce, [ACCEPT] = daemon_accept,   [DENY] = daemon_deny,
	    [BLOCK] = daemon_block,         [UNBLOCK] = daemon_unblock,
	};
	struct daemon **as = words_daemons(script, &words, 0);
	struct daemon **bs = as ? words_daemons(script, &words, 1) : NULL;
	if (!bs)
		return -1;
	for (struct daemon **a = as; *a; a++) {
		for (struct daemon **b = bs; *b; b++)
			run[what](*a, *b);
	}
	/* What it means at once is to be seen by the next line. */
	fake_clock_run(script->world->clock, 0);
	return 0;
}

static int run_status(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	const char *show = list ? words_next(script, &words) : NULL;
	const char *text = words.left ? words_next(script, &words) : "";
	(void)unused;
	if (!show)
		return -1;
	for (enum show s = SHOW_OFFLINE; s <= SHOW_XA; s++) {
		if (strcmp(show_name(s), show) != 0)
			continue;
		for (; *list; list++)
			daemon_status(*list, s, text);
		return 0;
	}
	return script_fail(script, "\"%s\" is no show", show);
}

static int run_jump(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	int64_t ms;
	(void)unused;
	if (!list || words_duration(script, &words, &ms) < 0)
		return -1;
	for (; *list; list++)
		fake_env_jump((*list)->fake, ms);
	return 0;
}

static int run_sleep(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	int64_t ms;
	(void)unused;
	if (!list || words_duration(script, &words, &ms) < 0)
		return -1;
	for (struct daemon **d = list; *d; d++) {
		fake_host_cut((*d)->host);
		fake_host_freeze((*d)->host, true);
		fake_env_sleep((*d)->fake, ms);
	}
	world_run(script->world, ms);
	for (struct daemon **d = list; *d; d++)
		fake_host_freeze((*d)->host, false);
	return 0;
}

/* What node.c does when it has found that the system clock is wrong. */
static int run_clock_offset(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	int64_t ms;
	(void)unused;
	if (!list || words_duration(script, &words, &ms) < 0)
		return -1;
	for (; *list; list++)
		engine_set_clock_offset((*list)->engine, ms);
	return 0;
}

static int on_off(struct script *script, struct words *words, bool *on)
{
	*on = words_accept(words, "on");
	return *on || words_accept(words, "off") ? 0 : script_fail(script, "on or off?");
}

static int run_registry(struct script *script, struct words words, int unused)
{
	unsigned percent = 50;
	bool on;
	(void)unused;
	words_accept(&words, "fails");
	if (!words_accept(&words, "half")) {
		if (on_off(script, &words, &on) < 0)
			return -1;
		percent = on ? 100 : 0;
	}
	registry_memory_store_fail(script->world->store, percent);
	return 0;
}

static int run_gateways(struct script *script, struct words words, int unused)
{
	unsigned count;
	(void)unused;
	if (words_number(script, &words, &count) < 0)
		return -1;
	if (count > FAKE_GATEWAYS_MAX || script->world->gateways ||
	    !TAILQ_EMPTY(&script->world->daemons))
		return script_fail(script, "once, before all daemons, %d at most",
				   FAKE_GATEWAYS_MAX);
	world_gateways(script->world, count);
	return 0;
}

static int run_hostile(struct script *script, struct words words, int unused)
{
	unsigned count;
	const char *name;
	(void)unused;
	if (words_number(script, &words, &count) < 0 || !(name = words_next(script, &words)))
		return -1;
	if (!script->world->gateways)
		return script_fail(script, "there are no gateways");
	for (int mood = 0; fake_mood_name((enum fake_mood)mood); mood++) {
		if (strcmp(fake_mood_name((enum fake_mood)mood), name) != 0)
			continue;
		fake_gateways_set(script->world->gateways, count, (enum fake_mood)mood);
		return 0;
	}
	return script_fail(script, "no mood is \"%s\"", name);
}

static int run_flood_keys(struct script *script, struct words words, int unused)
{
	bool on;
	(void)unused;
	if (on_off(script, &words, &on) < 0)
		return -1;
	if (!script->world->gateways)
		return script_fail(script, "there are no gateways");
	fake_gateways_flood_keys(script->world->gateways, on);
	return 0;
}

enum switches { FREEZE, FAIL_DIALS, HANG_DIALS, INBOX_CLOSED };

static int run_switch(struct script *script, struct words words, int what)
{
	struct daemon **list = words_daemons(script, &words, 0);
	bool on;
	if (!list || on_off(script, &words, &on) < 0)
		return -1;
	for (; *list; list++) {
		if (what == FREEZE)
			fake_host_freeze((*list)->host, on);
		else if (what == FAIL_DIALS)
			fake_host_fail_dials((*list)->host, on);
		else if (what == HANG_DIALS)
			fake_host_hang_dials((*list)->host, on);
		else
			daemon_inbox(*list, on);
	}
	return 0;
}

static int run_publish_delay(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	int64_t ms;
	(void)unused;
	if (!list || words_duration(script, &words, &ms) < 0)
		return -1;
	for (; *list; list++)
		fake_host_publish_delay((*list)->host, ms);
	return 0;
}

static int run_storm(struct script *script, struct words words, int unused)
{
	struct daemon **as = words_daemons(script, &words, 0);
	struct daemon **bs = as ? words_daemons(script, &words, 1) : NULL;
	unsigned kills, messages;
	(void)unused;
	if (!bs || words_number(script, &words, &kills) < 0 || !words_accept(&words, "kills") ||
	    words_number(script, &words, &messages) < 0)
		return script_fail(script, "storm A B N kills N messages");
	storm(as[0], bs[0], kills, messages);
	return 0;
}

static int run_attack(struct script *script, struct words words, int unused)
{
	struct daemon **list = words_daemons(script, &words, 0);
	const char *name = list ? words_next(script, &words) : NULL;
	(void)unused;
	if (!name)
		return -1;
	for (int kind = 0; attack_kind_name((enum attack_kind)kind); kind++) {
		if (strcmp(attack_kind_name((enum attack_kind)kind), name) != 0)
			continue;
		if (script->attack_count == SCRIPT_ATTACKS_MAX)
			return script_fail(script, "too many attacks");
		script->attacks[script->attack_count++] =
		    attack_new(list[0], (enum attack_kind)kind);
		return 0;
	}
	return script_fail(script, "unknown attack \"%s\"", name);
}

/* --- expectations --- */

static int run_expect(struct script *script, struct words words, int wanted)
{
	char why[256] = "";
	int verdict = expect_judge(script, words, why, sizeof why);
	if (verdict < 0 || verdict == wanted)
		return verdict < 0 ? -1 : 0;
	return script_fail(script, "%s: %s", wanted ? "not so" : "but it is so", why);
}

static int run_within(struct script *script, struct words words, int unused)
{
	struct world *world = script->world;
	char why[256] = "";
	int64_t ms;
	(void)unused;
	if (words_duration(script, &words, &ms) < 0)
		return -1;
	int64_t until = fake_clock_now(world->clock) + ms;
	for (;;) {
		int verdict = expect_judge(script, words, why, sizeof why);
		if (verdict != 0 || world->failed)
			return verdict < 0 ? -1 : 0;
		if (fake_clock_now(world->clock) >= until)
			return script_fail(script, "not in time: %s", why);
		world_run(world, LOOK_SOON_MS);
	}
}

static int run_throughout(struct script *script, struct words words, int unused)
{
	struct world *world = script->world;
	char why[256] = "";
	int64_t ms;
	(void)unused;
	if (words_duration(script, &words, &ms) < 0)
		return -1;
	int64_t start = fake_clock_now(world->clock);
	while (fake_clock_now(world->clock) <= start + ms && !world->failed) {
		int verdict = expect_judge(script, words, why, sizeof why);
		if (verdict < 0)
			return -1;
		if (verdict == 0)
			return script_fail(script, "no longer so after %.0f s: %s",
					   (double)(fake_clock_now(world->clock) - start) / 1000,
					   why);
		world_run(world, LOOK_LONG_MS);
	}
	return 0;
}

static const struct command {
	const char *name;
	int (*run)(struct script *script, struct words words, int arg);
	int arg;
} commands[] = {
    {"accept", run_ask, ACCEPT},
    {"add", run_add, 0},
    {"attack", run_attack, 0},
    {"block", run_ask, BLOCK},
    {"break", run_life, BREAK},
    {"clock-offset", run_clock_offset, 0},
    {"cover", run_cover, 0},
    {"daemon", run_daemon, 0},
    {"deny", run_ask, DENY},
    {"deny-oldest", run_deny_oldest, 0},
    {"dials-fail", run_switch, FAIL_DIALS},
    {"dials-hang", run_switch, HANG_DIALS},
    {"expect", run_expect, 1},
    {"expect-not", run_expect, 0},
    {"flood-keys", run_flood_keys, 0},
    {"freeze", run_switch, FREEZE},
    {"gateways", run_gateways, 0},
    {"hostile", run_hostile, 0},
    {"inbox-closed", run_switch, INBOX_CLOSED},
    {"introduce", run_ask, INTRODUCE},
    {"invite", run_invite, 0},
    {"jump", run_jump, 0},
    {"kill", run_life, KILL},
    {"pair", run_pair, 0},
    {"publish-delay", run_publish_delay, 0},
    {"quit", run_life, QUIT},
    {"registry", run_registry, 0},
    {"remove", run_remove, 0},
    {"restart", run_life, RESTART},
    {"revoke", run_revoke, 0},
    {"run", run_run, 0},
    {"send", run_send, 0},
    {"send-many", run_send, 1},
    {"sleep", run_sleep, 0},
    {"start", run_life, START},
    {"status", run_status, 0},
    {"stop", run_life, STOP},
    {"storm", run_storm, 0},
    {"throughout", run_throughout, 0},
    {"tor-restart", run_life, TOR_RESTART},
    {"unblock", run_ask, UNBLOCK},
    {"visibility", run_visibility, 0},
    {"within", run_within, 0},
};

int command_run(struct script *script, const struct line *line)
{
	struct words words = {(char **)line->words + 1, line->count - 1};
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(commands[i].name, line->words[0]) == 0)
			return commands[i].run(script, words, commands[i].arg);
	}
	return script_fail(script, "unknown command \"%s\"", line->words[0]);
}
