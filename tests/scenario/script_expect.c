/*
 * script_expect.c: the conditions of expect, expect-not, within and throughout.
 *
 * A condition is a table's row; patterns mean "for all of them".
 */
#include "tests/scenario/script_private.h"

#include "tests/scenario/check_circuits.h"
#include "tests/scenario/check_records.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct judge {
	struct script *script;
	struct words words;
	char *why;
	size_t size;
};

static int judged(struct judge *judge, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int judged(struct judge *judge, bool holds, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(judge->why, judge->size, format, args);
	va_end(args);
	return holds;
}

/* Judge all pairs of two patterns, leaving out who is not each other's contact. */
static int for_pairs(struct judge *judge, struct daemon **as, struct daemon **bs,
		     int (*one)(struct judge *judge, struct daemon *a, struct daemon *b,
				const void *arg),
		     const void *arg)
{
	unsigned seen = 0;
	for (struct daemon **a = as; *a; a++) {
		for (struct daemon **b = bs; *b; b++) {
			if (!daemon_peer(*a, *b))
				continue;
			seen++;
			int verdict = one(judge, *a, *b, arg);
			if (verdict != 1)
				return verdict;
		}
	}
	return seen ? 1 : script_fail(judge->script, "they are not contacts");
}

/* --- A sees B SHOW ["text"] --- */

struct wanted_status {
	const char *show, *text;
};

static int sees(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const struct wanted_status *wanted = arg;
	const struct status *status = &daemon_peer(a, b)->status;
	bool holds = strcmp(show_name(status->show), wanted->show) == 0 &&
		     (!wanted->text || strcmp(status->text, wanted->text) == 0);
	return judged(judge, holds, "%s sees %s %s \"%s\"", a->name, b->name,
		      show_name(status->show), status->text);
}

/* --- A got N from B --- */

static int got(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	unsigned count = daemon_peer(a, b)->got;
	return judged(judge, count == *(const unsigned *)arg, "%s got %u from %s", a->name, count,
		      b->name);
}

static int delivered(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const struct peer *peer = daemon_peer(a, b);
	return judged(judge, peer->delivered == *(const unsigned *)arg,
		      "%s was told of %u deliveries to %s", a->name, peer->delivered, b->name);
}

/* --- A waits with N for B --- */

static int waits(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const struct contact *contact = daemon_contact(a, b);
	unsigned count = contact ? contact_outbox(contact) : 0;
	return judged(judge, count == *(const unsigned *)arg, "%s waits with %u for %s", a->name,
		      count, b->name);
}

/* --- linked A B --- */

static const char *state_of(struct daemon *a, struct daemon *b)
{
	const struct contact *contact = daemon_contact(a, b);
	if (!a->engine)
		return "dead";
	return contact ? contact_state_name(contact_state(contact)) : "no contact";
}

static int linked(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const char *name = contact_state_name(CONTACT_LINKED);
	const char *ab = state_of(a, b), *ba = state_of(b, a);
	(void)arg;
	return judged(judge, strcmp(ab, name) == 0 && strcmp(ba, name) == 0,
		      "%s is %s for %s, %s is %s for %s", b->name, ab, a->name, a->name, ba,
		      b->name);
}

static int in_state(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const char *state = state_of(a, b);
	return judged(judge, strcmp(state, arg) == 0, "%s is %s for %s", b->name, state, a->name);
}

/* --- introducing A B: A's introduction to B is under way --- */

static int introducing(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const struct contact *contact = daemon_contact(a, b);
	bool holds = contact && contact_introducing(contact);
	(void)arg;
	return judged(judge, holds, "%s is %sintroducing itself to %s", a->name,
		      holds ? "" : "not ", b->name);
}

/* --- settled A B: all that was sent either way has come and was acknowledged --- */

static int settled(struct judge *judge, struct daemon *a, struct daemon *b, const void *arg)
{
	const struct peer *ab = daemon_peer(a, b), *ba = daemon_peer(b, a);
	unsigned back = ba ? ba->sent_count : 0;
	(void)arg;
	if (ab->got != back)
		return judged(judge, false, "%s got %u of %u from %s", a->name, ab->got, back,
			      b->name);
	if (ba && ba->got != ab->sent_count)
		return judged(judge, false, "%s got %u of %u from %s", b->name, ba->got,
			      ab->sent_count, a->name);
	unsigned zero = 0;
	int verdict = waits(judge, a, b, &zero);
	return verdict == 1 && ba ? waits(judge, b, a, &zero) : verdict;
}

/* --- of one daemon --- */

static int count_of(struct judge *judge, const char *what, struct daemon *daemon, unsigned count)
{
	unsigned number;
	bool most = words_accept(&judge->words, "at-most");
	bool least = !most && words_accept(&judge->words, "at-least");
	if (words_number(judge->script, &judge->words, &number) < 0)
		return -1;
	bool holds = most ? count <= number : least ? count >= number : count == number;
	return judged(judge, holds, "%s: %u %s", daemon->name, count, what);
}

static int judge_pair(struct judge *judge, const char *verb, struct daemon **as)
{
	struct script *script = judge->script;
	unsigned number = 0;
	if (strcmp(verb, "sees") == 0) {
		struct daemon **bs = words_daemons(script, &judge->words, 1);
		struct wanted_status wanted = {words_next(script, &judge->words), NULL};
		if (!bs || !wanted.show)
			return -1;
		wanted.text = judge->words.left ? words_next(script, &judge->words) : NULL;
		return for_pairs(judge, as, bs, sees, &wanted);
	}
	if (words_number(script, &judge->words, &number) < 0)
		return -1;
	static const struct {
		const char *verb, *link;
		int (*one)(struct judge *, struct daemon *, struct daemon *, const void *);
	} verbs[] = {
	    {"got", "from", got}, {"delivered", "to", delivered}, {"waits-with", "for", waits}};
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(verb, verbs[i].verb) != 0)
			continue;
		words_accept(&judge->words, verbs[i].link);
		struct daemon **bs = words_daemons(script, &judge->words, 1);
		return bs ? for_pairs(judge, as, bs, verbs[i].one, &number) : -1;
	}
	return script_fail(script, "unknown verb \"%s\"", verb);
}

static int judge_daemon(struct judge *judge)
{
	struct daemon **as = words_daemons(judge->script, &judge->words, 0);
	const char *verb = as ? words_next(judge->script, &judge->words) : NULL;
	if (!verb)
		return -1;
	struct check_records *records = as[0]->world->records;
	if (strcmp(verb, "streams") == 0)
		return count_of(judge, verb, as[0], fake_host_streams(as[0]->host));
	if (strcmp(verb, "services") == 0)
		return count_of(judge, verb, as[0], fake_host_services(as[0]->host));
	if (strcmp(verb, "services-made") == 0)
		return count_of(judge, verb, as[0], fake_host_services_made(as[0]->host));
	if (strcmp(verb, "dials") == 0)
		return count_of(judge, verb, as[0], fake_host_dials(as[0]->host));
	if (strcmp(verb, "keys") == 0)
		return count_of(judge, verb, as[0], check_records_keys(records, as[0]->name));
	if (strcmp(verb, "lookups") == 0)
		return count_of(judge, verb, as[0], check_records_lookups(records, as[0]->name));
	if (strcmp(verb, "circuits") == 0)
		return count_of(judge, verb, as[0],
				check_circuits_most(check_records_circuits(records, as[0]->name)));
	if (strcmp(verb, "circuit-keys") == 0)
		return count_of(judge, verb, as[0],
				check_circuits_keys(check_records_circuits(records, as[0]->name)));
	if (strcmp(verb, "requests") == 0)
		return count_of(judge, verb, as[0], daemon_requests(as[0]));
	if (strcmp(verb, "asked") == 0)
		return count_of(judge, verb, as[0], as[0]->asked);
	return judge_pair(judge, verb, as);
}

/* --- strangers: all that have come so far --- */

static int judge_strangers(struct judge *judge)
{
	int64_t least, most;
	struct script *script = judge->script;
	words_accept(&judge->words, "closed");
	words_accept(&judge->words, "after");
	if (words_duration(script, &judge->words, &least) < 0 ||
	    words_duration(script, &judge->words, &most) < 0)
		return -1;
	for (unsigned i = 0; i < script->attack_count; i++) {
		int64_t lasted = attack_lasted_ms(script->attacks[i]);
		if (lasted < least || lasted > most)
			return judged(judge, false, "stranger %u: %.1f s", i + 1,
				      (double)lasted / 1000);
	}
	return script->attack_count ? 1 : script_fail(script, "there was no attack");
}

int expect_judge(struct script *script, struct words words, char *why, size_t size)
{
	struct judge judge = {script, words, why, size};
	const char *state = NULL;
	int (*one)(struct judge *, struct daemon *, struct daemon *, const void *) = NULL;
	if (words_accept(&judge.words, "strangers"))
		return judge_strangers(&judge);
	if (words_accept(&judge.words, "linked"))
		one = linked;
	else if (words_accept(&judge.words, "settled"))
		one = settled;
	else if (words_accept(&judge.words, "introducing"))
		one = introducing;
	else if (words_accept(&judge.words, "state"))
		one = in_state;
	if (!one)
		return judge_daemon(&judge);
	struct daemon **as = words_daemons(script, &judge.words, 0);
	struct daemon **bs = as ? words_daemons(script, &judge.words, 1) : NULL;
	if (bs && one == in_state && !(state = words_next(script, &judge.words)))
		return -1;
	return bs ? for_pairs(&judge, as, bs, one, state) : -1;
}
