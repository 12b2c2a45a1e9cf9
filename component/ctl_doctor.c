/*
 * ctl_doctor.c: see ctl_doctor.h.
 */
#include "component/ctl_doctor.h"

#include "component/ctl_client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS 1000
/* A clock that is further off than the first is worth a word; than the second, records and
 * handshakes are refused by who does not correct his own (protocol.md, Record), in ms. */
#define CLOCK_WARN_MS (30 * 1000)
#define CLOCK_FAIL_MS (300 * 1000)
/* Longest that the daemon may take to reach itself, in ms: more than its own limit. */
#define REACH_MS (100 * 1000)
/* Accounts that are dialled: each takes some seconds, and they fail together. */
#define REACH_ACCOUNTS 3

static const struct {
	const char *word;
	enum colour colour;
} states[] = {
    [FINDING_OK] = {"ok", COLOUR_GOOD},
    [FINDING_WARN] = {"warn", COLOUR_WARN},
    [FINDING_FAIL] = {"FAIL", COLOUR_BAD},
};

void doctor_note(struct doctor *doctor, enum finding_state state, const char *check,
		 const char *advice, const char *text, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, text);
	vsnprintf(line, sizeof(line), text, arguments);
	va_end(arguments);
	if (state == FINDING_FAIL)
		doctor->failures++;
	json_array_append_new(doctor->findings,
			      json_pack("{s:s, s:s, s:s, s:s}", "check", check, "state",
					states[state].word, "text", line, "advice",
					advice && state != FINDING_OK ? advice : ""));
}

static enum colour colour_of(const char *word)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].word, word) == 0)
			return states[i].colour;
	return COLOUR_NONE;
}

static void print_finding(const json_t *finding, FILE *out)
{
	const char *state = print_member(finding, "state");

	print_colour(out, colour_of(state));
	fprintf(out, "%-4s", state);
	print_colour(out, COLOUR_NONE);
	fprintf(out, "  %-12s  ", print_member(finding, "check"));
	print_text(print_member(finding, "text"), out);
	fputc('\n', out);
	if (print_member(finding, "advice")[0])
		fprintf(out, "      what to do:   %s\n", print_member(finding, "advice"));
}

static void print_findings(const struct doctor *doctor)
{
	char *text = NULL;
	size_t size, i;
	const json_t *finding;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	json_array_foreach(doctor->findings, i, finding) print_finding(finding, stream);
	if (!fclose(stream))
		print_out(text, print_coloured(stdout), stdout);
	free(text);
}

/* --- what the daemon says --- */

static json_t *ask(const char *socket, const char *command, json_t *args, bool for_event,
		   struct err *err)
{
	struct ctl_client *client = ctl_client_new(socket, err);
	json_t *answer = NULL;

	if (client && !ctl_client_ask(client, command, args, err)) {
		ctl_client_limit(client, REACH_MS);
		answer = ctl_client_answer(client, err);
		if (answer && for_event && json_is_true(json_object_get(answer, "ok"))) {
			json_decref(answer);
			answer = ctl_client_answer(client, err);
		}
	}
	json_decref(args);
	ctl_client_free(&client);
	return answer;
}

static void check_daemon(struct doctor *doctor)
{
	struct err err;

	doctor->status = ask(doctor->socket, "status", NULL, false, &err);
	if (!doctor->status && err.code == ERR_UNAVAILABLE)
		doctor_note(doctor, FINDING_WARN, "tacetd",
			    "start it; what needs it was not looked at", "%s", err.text);
	else if (!doctor->status)
		doctor_note(doctor, FINDING_FAIL, "tacetd", "look into its log", "%s", err.text);
	else if (json_is_true(json_object_get(doctor->status, "locked")))
		doctor_note(doctor, FINDING_FAIL, "tacetd", "tacetctl unlock",
			    "it waits for the passphrase of its key");
	else
		doctor_note(doctor, FINDING_OK, "tacetd", NULL, "it runs, version %s",
			    print_member(doctor->status, "version"));
}

static void check_bootstrap(struct doctor *doctor)
{
	const json_t *tor = json_object_get(doctor->status, "tor");
	int64_t progress = print_number(tor, "progress");
	const char *problem = print_member(tor, "problem");

	if (problem[0])
		doctor_note(doctor, FINDING_FAIL, "tor network",
			    "see that tor is there, that the network is up and lets tor through, "
			    "and that the clock is right",
			    "%s", problem);
	else if (progress < 100)
		doctor_note(doctor, FINDING_FAIL, "tor network",
			    "wait a minute; then see that the network is up and lets tor through",
			    "tor is at %" PRId64 " %%: %s", progress, print_member(tor, "summary"));
	else
		doctor_note(doctor, FINDING_OK, "tor network", NULL, "reached");
}

static void check_clock(struct doctor *doctor)
{
	const json_t *clock = json_object_get(doctor->status, "clock");
	int64_t ms = print_number(clock, "offset_ms");
	int64_t off = ms < 0 ? -ms : ms;
	enum finding_state state = off >= CLOCK_FAIL_MS   ? FINDING_FAIL
				   : off >= CLOCK_WARN_MS ? FINDING_WARN
							  : FINDING_OK;

	if (off < SECOND_MS && !print_member(clock, "why")[0]) {
		doctor_note(doctor, FINDING_OK, "clock", NULL, "no error is known");
		return;
	}
	doctor_note(doctor, state, "clock", "set the clock of this machine, and its date",
		    "%" PRId64 " s %s%s%s", off / SECOND_MS, ms < 0 ? "fast" : "slow",
		    print_member(clock, "why")[0] ? ": " : "", print_member(clock, "why"));
}

/* The stream to the Jabber server. */
static void check_component(struct doctor *doctor)
{
	const json_t *component = json_object_get(doctor->status, "component");
	const char *trouble = print_member(component, "trouble");

	if (!component)
		return;
	if (strcmp(print_member(component, "state"), "up") == 0)
		doctor_note(doctor, FINDING_OK, "component", NULL,
			    "the Jabber server has taken %s; users: %" PRId64,
			    print_member(component, "domain"), print_number(component, "users"));
	else
		doctor_note(doctor, FINDING_FAIL, "component",
			    "see that the Jabber server runs, and has a component of this domain "
			    "with this secret at component-server and component-port",
			    "%s: %s", print_member(component, "domain"),
			    trouble[0] ? trouble : "not connected yet");
}

static void reach(struct doctor *doctor, const char *name)
{
	struct err err;
	json_t *answer =
	    ask(doctor->socket, "reach", json_pack("{s:s}", "account", name), true, &err);
	const char *why = answer ? print_member(answer, "error") : err.text;

	if (why[0])
		doctor_note(
		    doctor, FINDING_FAIL, "own service",
		    "wait a minute after the start; if it stays so, tor cannot publish: see "
		    "the daemon's log",
		    "%s: %s", name, why);
	else
		doctor_note(doctor, FINDING_OK, "own service", NULL,
			    "%s can be dialled from outside", name);
	json_decref(answer);
}

static void check_services(struct doctor *doctor)
{
	const json_t *account;
	size_t i;

	json_array_foreach(json_object_get(doctor->status, "accounts"), i, account)
	{
		if (i < REACH_ACCOUNTS)
			reach(doctor, print_member(account, "name"));
	}
}

static void check_online(struct doctor *doctor)
{
	bool tor = print_number(json_object_get(doctor->status, "tor"), "progress") >= 100;

	if (!doctor->status || json_is_true(json_object_get(doctor->status, "locked")))
		return;
	check_component(doctor);
	check_bootstrap(doctor);
	check_clock(doctor);
	if (!tor)
		return;
	doctor_gateways(doctor);
	check_services(doctor);
}

int ctl_doctor(const struct options *options, char **argv)
{
	struct config config;
	struct doctor doctor = {.config = &config};
	struct err err;

	(void)argv;
	if (config_read(options->config, &config, &err)) {
		fprintf(stderr, "tacetctl: %s\n", err.text);
		return EXIT_USAGE;
	}
	doctor.socket = options->socket ? options->socket : config.control_socket;
	doctor.findings = json_array();
	check_daemon(&doctor);
	doctor_tor_program(&doctor);
	doctor_state_dir(&doctor);
	doctor_disk(&doctor);
	doctor_databases(&doctor);
	doctor_certificate(&doctor);
	doctor_port(&doctor);
	check_online(&doctor);
	if (options->json) {
		json_t *all = json_pack("{s:b, s:O}", "ok", doctor.failures == 0, "findings",
					doctor.findings);

		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(all);
	} else {
		print_findings(&doctor);
	}
	json_decref(doctor.findings);
	json_decref(doctor.status);
	config_wipe(&config);
	return doctor.failures == 0 ? EXIT_SUCCESS : EXIT_REFUSED;
}
