/*
 * dialogue_host_say.c: the statements about the host and the server (see dialogue.h).
 */
#include "tests/xmpp/dialogue.h"

#include "tests/xmpp/dialogue_match.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 8000

/* --- what the host does --- */

/* host sets|shows USER ID SHOW PRIORITY STATUS…; SHOW: available, unavailable, away, … */
static int set_presence(struct script *script, const struct statement *s)
{
	struct server_presence presence = {.available = true, .show = "", .status = ""};

	if (s->count < 5)
		return script_fail(script, "host shows USER ID SHOW [PRIORITY [STATUS]]");
	if (strcmp(s->words[4], "unavailable") == 0)
		presence.available = false;
	else if (strcmp(s->words[4], "available") != 0)
		presence.show = s->words[4];
	if (s->count > 5)
		presence.priority = atoi(s->words[5]);
	if (s->count > 6)
		presence.status = statement_rest(s, 6);
	if (dialogue_host_set_presence(script->host, s->words[2], s->words[3], &presence) < 0)
		return script_fail(script, "no such contact");
	if (strcmp(s->words[1], "shows") == 0)
		server_contact_presence(script->server, s->words[2], s->words[3], &presence);
	return 0;
}

/* host delivers USER COUNT: <message/>; COUNT: how many resources get it */
static int deliver(struct script *script, const struct statement *s)
{
	struct xml *list = script_parse(script, s->block);
	struct xml *stanza = xml_detach(xml_first(list));
	unsigned long count;

	xml_free(&list);
	if (!stanza || s->count != 4)
		return script_fail(script, "host delivers USER COUNT: <message/>");
	count = server_deliver(script->server, s->words[2], stanza);
	if (count != strtoul(s->words[3], NULL, 10))
		return script_fail(script, "it went to %lu resources", count);
	return 0;
}

/* host stores USER ID TOKEN yes|no: <message/>, which it keeps until it has arrived */
static int store(struct script *script, const struct statement *s)
{
	struct xml *list = script_parse(script, s->block);
	struct xml *stanza = xml_detach(xml_first(list));
	bool taken;

	xml_free(&list);
	if (!stanza || s->count != 6)
		return script_fail(script, "host stores USER ID TOKEN yes|no: <message/>");
	taken = server_deliver_stored(script->server, s->words[2], s->words[3],
				      strtoull(s->words[4], NULL, 10), stanza);
	if (taken != (strcmp(s->words[5], "yes") == 0))
		return script_fail(script, taken ? "it was taken" : "it was not taken");
	return 0;
}

static int push(struct script *script, const struct statement *s)
{
	if (s->count != 4 || dialogue_host_push(script->host, s->words[2], s->words[3]) < 0)
		return script_fail(script, "host pushes USER ID");
	return 0;
}

static int remove_contact(struct script *script, const struct statement *s)
{
	if (s->count != 4 || dialogue_host_remove(script->host, s->words[2], s->words[3]) < 0)
		return script_fail(script, "host removes USER ID");
	return 0;
}

static int end_user(struct script *script, const struct statement *s)
{
	server_user_end(script->server, s->words[2]);
	return 0;
}

/* host requests USER ID NAME|- TEXT…: a stranger wants to be a contact */
static int request(struct script *script, const struct statement *s)
{
	const char *name = s->count > 4 && strcmp(s->words[4], "-") != 0 ? s->words[4] : "";

	dialogue_host_request(script->host, s->words[2], s->words[3], name, statement_rest(s, 5));
	return 0;
}

/* host refuses CODE TEXT…: the next thing that it is asked to do */
static int refuse(struct script *script, const struct statement *s)
{
	for (enum err_code code = ERR_SYSTEM; code <= ERR_WRONG_STATE; code++) {
		if (strcmp(err_code_name(code), s->words[2]) != 0)
			continue;
		dialogue_host_refuse(script->host, code, statement_rest(s, 3));
		return 0;
	}
	return script_fail(script, "no such error: %s", s->words[2]);
}

/* host archives ID: the next message to the own account, under this id */
static int archive(struct script *script, const struct statement *s)
{
	dialogue_host_archive(script->host, s->words[2]);
	return 0;
}

/* --- what it hears --- */

static const char *next_call(struct script *script, struct xml **stanza)
{
	const struct env *env = loop_env(script->loop);
	int64_t deadline = env_mono_ms(env) + WAIT_MS;
	const char *call;

	while (!*(call = dialogue_host_next_call(script->host, stanza)) &&
	       env_mono_ms(env) < deadline)
		loop_run_once(script->loop, 5);
	return call;
}

/* host gets CALL: <stanza/> */
static int gets(struct script *script, const struct statement *s)
{
	const char *expected = statement_rest(s, 2);
	struct xml *list, *stanza;
	const char *call;
	int result = 0;

	if (strcmp(expected, "nothing") == 0) {
		call = dialogue_host_next_call(script->host, &stanza);
		xml_free(&stanza);
		return *call ? script_fail(script, "the host gets %s", call) : 0;
	}
	call = next_call(script, &stanza);
	if (strcmp(call, expected) != 0)
		result = script_fail(script, "the host gets %s\n  expected: %s",
				     *call ? call : "nothing", expected);
	list = script_parse(script, s->block);
	if (result == 0 && stanza && !(xml_first(list) && dialogue_match(xml_first(list), stanza)))
		result = script_fail(script, "the host gets %s", script_text(stanza));
	xml_free(&list);
	xml_free(&stanza);
	return result;
}

static int forget(struct script *script, const struct statement *s)
{
	struct xml *stanza;

	(void)s;
	while (*dialogue_host_next_call(script->host, &stanza))
		xml_free(&stanza);
	return 0;
}

static const struct {
	const char *verb;
	int (*say)(struct script *script, const struct statement *statement);
	size_t words; /* at least */
} verbs[] = {
    {"sets", set_presence, 3},  {"shows", set_presence, 3},   {"delivers", deliver, 4},
    {"pushes", push, 4},        {"stores", store, 6},         {"removes", remove_contact, 4},
    {"ends", end_user, 3},      {"refuses", refuse, 4},       {"gets", gets, 3},
    {"forgets", forget, 2},     {"requests", request, 4},     {"learns", host_learns, 5},
    {"serves", host_serves, 3}, {"answers", host_answers, 2}, {"lists", host_lists, 3},
    {"archives", archive, 3},
};

int host_say(struct script *script, const struct statement *statement)
{
	if (strcmp(statement_rest(statement, 1), "offers little") == 0) {
		script->functions = *dialogue_host_least_functions();
		script->functions.tokens_get = NULL;
		script->functions.tokens_set = NULL;
		return 0;
	}
	if (script_start(script) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (statement->count >= verbs[i].words &&
		    strcmp(verbs[i].verb, statement->words[1]) == 0)
			return verbs[i].say(script, statement);
	return script_fail(script, "the host does not do that: %s", statement_rest(statement, 1));
}

/* --- the server --- */

/* server has STREAMS AUTHENTICATED: in the end */
static int check_counts(struct script *script, const struct statement *s)
{
	const struct env *env = loop_env(script->loop);
	int64_t deadline = env_mono_ms(env) + WAIT_MS;
	unsigned long wanted = s->count > 2 ? strtoul(s->words[2], NULL, 10) : 0;
	unsigned long wanted_in = s->count > 3 ? strtoul(s->words[3], NULL, 10) : 0;
	unsigned streams, authenticated;

	do {
		loop_run_once(script->loop, 5);
		server_counts(script->server, &streams, &authenticated);
		if (streams == wanted && authenticated == wanted_in)
			return 0;
	} while (env_mono_ms(env) < deadline);
	return script_fail(script, "the server has %u streams, %u authenticated", streams,
			   authenticated);
}

int server_say(struct script *script, const struct statement *statement)
{
	const char *said = statement_rest(statement, 1);

	if (strcmp(said, "offers TLS") == 0)
		script->config.tls_directory = script->directory;
	else if (strcmp(said, "takes uploads") == 0)
		script->web.uploads = script->uploads;
	else if (strcmp(said, "has a socket") == 0)
		script->config.socket = script->socket;
	else if (strcmp(said, "wants TLS for PLAIN") == 0)
		script->config.plain_without_tls = false;
	else if (strcmp(said, "stops") == 0)
		server_stop(script->server);
	else if (strncmp(said, "has ", 4) == 0)
		return check_counts(script, statement);
	else
		return script_fail(script, "servers do not do that: %s", said);
	return 0;
}
