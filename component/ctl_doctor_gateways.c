/*
 * ctl_doctor_gateways.c: are the gateways good? A canary, random bytes under a random key, is put
 * through each, and looked for through each of the others. It looks like any record to them, and
 * goes through tor on circuits of its own.
 *
 *     through others           by itself
 *     its canary is found      it finds others' canaries that others find       good
 *     nobody has it            …                                                it loses what it
 * takes …                        it does not find them                            it hides what is
 * there
 */
#include "component/ctl_doctor.h"
#include "component/state_dir.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/registry_opendht.h"

#include <stdlib.h>
#include <string.h>

/* Asked at most; of a longer list so many by chance. */
#define CANARIES 6
/* For each of the two rounds, in ms: a request through new circuits takes some seconds. */
#define ROUND_MS 45000
#define TURN_MS  100

struct canary {
	struct round *round;
	unsigned place;
	const char *gateway;
	struct registry *registry; /* of this gateway alone */
	struct registry_op *op;
	struct registry_entry entry;
	bool stored, answered;
	bool finds[CANARIES]; /* the canaries of the others */
};

struct round {
	struct loop *loop;
	struct canary canaries[CANARIES];
	unsigned count, busy;
};

/* --- the two rounds --- */

static void put_done(void *arg, const struct registry_published *result)
{
	struct canary *canary = arg;

	canary->op = NULL;
	canary->stored = result->stored > 0;
	canary->round->busy--;
}

/* Others may have put something there, too. */
static bool found(void *arg, unsigned index, const uint8_t value[RECORD_LEN])
{
	struct canary *canary = arg;
	const struct canary *other = &canary->round->canaries[index];

	if (memcmp(value, other->entry.value, RECORD_LEN) == 0)
		canary->finds[index] = true;
	return false;
}

static void get_done(void *arg, unsigned answered)
{
	struct canary *canary = arg;

	canary->op = NULL;
	canary->answered = answered > 0;
	canary->round->busy--;
}

static void make_isolation(struct round *round, char name[32])
{
	uint64_t number;

	env_random(loop_env(round->loop), &number, sizeof(number));
	snprintf(name, 32, "doctor-%016llx", (unsigned long long)number);
}

static void put(struct canary *canary)
{
	char name[32];

	make_isolation(canary->round, name);
	canary->op = registry_publish(canary->registry, name, &canary->entry, 1, put_done, canary);
	canary->round->busy += canary->op != NULL;
}

static void get(struct canary *canary)
{
	const struct round *round = canary->round;
	uint8_t keys[CANARIES][LOOKUP_KEY_LEN];
	char name[32];

	make_isolation(canary->round, name);
	for (unsigned i = 0; i < round->count; i++)
		memcpy(keys[i], round->canaries[i].entry.key, LOOKUP_KEY_LEN);
	canary->op = registry_lookup(canary->registry, name, (const uint8_t(*)[LOOKUP_KEY_LEN])keys,
				     round->count, found, get_done, canary);
	canary->round->busy += canary->op != NULL;
}

static void all(struct round *round, void (*begin)(struct canary *canary))
{
	for (unsigned i = 0; i < round->count; i++)
		begin(&round->canaries[i]);
	for (int64_t ms = 0; ms < ROUND_MS && round->busy > 0; ms += TURN_MS)
		loop_run_once(round->loop, TURN_MS);
	for (unsigned i = 0; i < round->count; i++)
		registry_cancel(&round->canaries[i].op);
	round->busy = 0;
}

/* --- the verdict --- */

/* How many others that answer have this one's canary. */
static unsigned finders(const struct round *round, unsigned place)
{
	unsigned count = 0;

	for (unsigned i = 0; i < round->count; i++)
		count += i != place && round->canaries[i].finds[place];
	return count;
}

static bool is_alive(const struct canary *canary)
{
	return canary->stored || canary->answered;
}

/* Does it not give what it did not put, though another one finds it? */
static bool hides(const struct round *round, unsigned place)
{
	for (unsigned i = 0; i < round->count; i++)
		for (unsigned k = 0; k < round->count; k++)
			if (i != place && k != place && k != i && round->canaries[k].finds[i] &&
			    !round->canaries[place].finds[i])
				return true;
	return false;
}

static void judge(struct doctor *doctor, const struct round *round, unsigned place,
		  unsigned others_alive)
{
	static const char drop[] =
	    "take it out of the list (gateway); it cannot read anything, but "
	    "keeps people apart";
	const struct canary *canary = &round->canaries[place];

	if (!is_alive(canary))
		doctor_note(doctor, FINDING_WARN, "gateway",
			    "one that stays so is left out by itself", "%s does not answer",
			    canary->gateway);
	else if (others_alive == 0)
		doctor_note(doctor, FINDING_WARN, "gateway",
			    "name more gateways: one alone can keep people apart unseen",
			    "%s answers; there is no other to compare it with", canary->gateway);
	else if (canary->answered && hides(round, place))
		doctor_note(doctor, FINDING_FAIL, "gateway", drop,
			    "%s lies: it does not give what others have", canary->gateway);
	else if (canary->stored && finders(round, place) == 0)
		doctor_note(doctor, FINDING_FAIL, "gateway", drop,
			    "%s lies: no other has what it took", canary->gateway);
	else if (!canary->stored || !canary->answered)
		doctor_note(doctor, FINDING_WARN, "gateway",
			    "one that stays so is left out by itself", "%s %s", canary->gateway,
			    canary->stored ? "takes records, but gives none"
					   : "gives records, but takes none");
	else
		doctor_note(doctor, FINDING_OK, "gateway", NULL, "%s", canary->gateway);
}

static void judge_all(struct doctor *doctor, const struct round *round)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < round->count; i++)
		alive += is_alive(&round->canaries[i]);
	for (unsigned i = 0; i < round->count; i++)
		judge(doctor, round, i, alive - is_alive(&round->canaries[i]));
	if (alive == 0)
		doctor_note(
		    doctor, FINDING_FAIL, "gateways",
		    "see that the network lets tor through; name other gateways (gateway in "
		    "tacetd.conf)",
		    "none of %u answers: nobody new can be found", round->count);
}

/* --- beginning and end --- */

/* So many of the list, each by chance. */
static unsigned choose(const struct config_list *list, const struct env *env,
		       const char *chosen[CANARIES])
{
	unsigned count = 0;

	for (size_t i = 0; i < list->count && count < CANARIES; i++)
		if (env_random_below(env, list->count - i) < CANARIES - count)
			chosen[count++] = list->items[i];
	return count;
}

static int open_canary(struct round *round, const char *gateway, const char *socks,
		       int64_t timeout_ms, struct err *err)
{
	struct canary *canary = &round->canaries[round->count];
	const struct registry_opendht_config config = {
	    .socks = socks, .gateways = &gateway, .gateway_count = 1, .timeout_ms = timeout_ms};

	canary->round = round;
	canary->place = round->count;
	canary->gateway = gateway;
	canary->registry = registry_opendht_new(round->loop, &config, err);
	if (!canary->registry)
		return -1;
	env_random(loop_env(round->loop), &canary->entry, sizeof(canary->entry));
	round->count++;
	return 0;
}

static char *socks_address(const struct doctor *doctor)
{
	char *path, *address = NULL;

	if (doctor->config->tor_socks)
		return strdup(doctor->config->tor_socks);
	path = state_dir_path(doctor->config->state_dir, "tor/socks", NULL);
	if (path && asprintf(&address, "unix:%s", path) < 0)
		address = NULL;
	free(path);
	return address;
}

void doctor_gateways(struct doctor *doctor)
{
	struct err err = {0};
	struct round round = {.loop = loop_new(&err)};
	char *socks = socks_address(doctor);
	const char *chosen[CANARIES];
	unsigned count =
	    round.loop ? choose(&doctor->config->gateways, loop_env(round.loop), chosen) : 0;
	int result = round.loop && socks ? 0 : -1;

	for (unsigned i = 0; i < count && !result; i++)
		result =
		    open_canary(&round, chosen[i], socks, doctor->config->gateway_timeout_ms, &err);
	if (result) {
		doctor_note(doctor, FINDING_FAIL, "gateways", NULL, "%s", err.text);
	} else if (count > 0) {
		all(&round, put);
		all(&round, get);
		judge_all(doctor, &round);
	}
	for (unsigned i = 0; i < round.count; i++)
		registry_free(&round.canaries[i].registry);
	loop_free(&round.loop);
	free(socks);
}
