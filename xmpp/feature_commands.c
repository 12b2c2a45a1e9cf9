/*
 * feature_commands.c: XEP-0050: the host's commands on the server's own JID: listed, and run,
 * either at once or with a form (XEP-0004) that the client fills in first.
 *
 *     client                                server
 *     execute ────────────────────────────►            no form: run it, completed
 *             ◄──────────────────────────── executing, session, form
 *     session, submitted form ────────────► run it
 *             ◄──────────────────────────── completed: note, form of results, picture
 *     session, cancel ────────────────────►
 *             ◄──────────────────────────── canceled
 *
 * Neighbours: form.c, feature_bob.c (pictures), feature_disco.c.
 */
#include "xmpp/feature.h"

#include "xmpp/form.h"

#include "core/base/codec.h"
#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Forms that a resource may have open; the oldest is forgotten for the next one. */
#define COMMAND_SESSIONS_MAX 4
/* Time to fill a form in. */
#define COMMAND_SESSION_MS (10 * 60 * 1000)
/* Random bytes of a session's id: nobody else's resource guesses it. */
#define COMMAND_ID_LEN  10
#define COMMAND_ID_SIZE (BASE32_LEN(COMMAND_ID_LEN) + 1)

/* A form that waits to be filled in. */
struct command_session {
	struct command_session *next;
	char id[COMMAND_ID_SIZE];
	const struct server_command *command;
	int64_t until_ms;
};

bool commands_offered(const struct server_host *host)
{
	return host->commands && host->commands->node;
}

static const struct server_command *find_command(const struct server *server, const char *node)
{
	const struct server_command *command = server->host->commands;

	while (command && command->node && node && strcmp(command->node, node) != 0)
		command++;
	return command && command->node && node ? command : NULL;
}

/* --- service discovery (XEP-0050 section 2) --- */

bool commands_items(struct request *request)
{
	const char *node = xml_get(request->payload, "node");
	const struct server_command *command = request->server->host->commands;
	struct xml *reply, *query;

	if (!node || strcmp(node, NS_COMMANDS) != 0 || !commands_offered(request->server->host))
		return false;
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_DISCO_ITEMS);
	xml_set(query, "node", node);
	for (; command->node; command++) {
		struct xml *item = xml_child_add(query, "item", NULL);

		xml_set(item, "jid", request->server->domain);
		xml_set(item, "node", command->node);
		xml_set(item, "name", command->name);
	}
	request_reply(request, reply);
	return true;
}

bool commands_info(struct request *request)
{
	const char *node = xml_get(request->payload, "node");
	const struct server_command *command = find_command(request->server, node);
	bool list =
	    node && strcmp(node, NS_COMMANDS) == 0 && commands_offered(request->server->host);
	struct xml *reply, *query, *identity;

	if (!command && !list)
		return false;
	reply = stanza_result(request->stanza);
	query = xml_child_add(reply, "query", NS_DISCO_INFO);
	xml_set(query, "node", node);
	identity = xml_child_add(query, "identity", NULL);
	xml_set(identity, "category", "automation");
	xml_set(identity, "type", list ? "command-list" : "command-node");
	xml_set(identity, "name", list ? NULL : command->name);
	xml_set(xml_child_add(query, "feature", NULL), "var", NS_COMMANDS);
	xml_set(xml_child_add(query, "feature", NULL), "var", NS_FORM);
	request_reply(request, reply);
	return true;
}

/* --- sessions --- */

static void session_end(struct command_session **at)
{
	struct command_session *old = *at;

	*at = old->next;
	free(old);
}

void commands_forget(struct resource *resource)
{
	while (resource->sessions)
		session_end(&resource->sessions);
}

static struct command_session **session_find(struct resource *resource, const char *id)
{
	struct command_session **at = &resource->sessions;

	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

static void make_id(const struct env *env, char id[COMMAND_ID_SIZE])
{
	uint8_t bytes[COMMAND_ID_LEN];

	env_random(env, bytes, sizeof(bytes));
	base32_encode(bytes, sizeof(bytes), id);
}

/* NULL when memory is short. */
static struct command_session *session_new(struct resource *resource,
					   const struct server_command *command)
{
	const struct env *env = resource->user->server->env;
	struct command_session *session = calloc(1, sizeof(*session));
	struct command_session **at = &resource->sessions;

	if (!session)
		return NULL;
	session->command = command;
	session->until_ms = env_mono_ms(env) + COMMAND_SESSION_MS;
	make_id(env, session->id);
	session->next = resource->sessions;
	resource->sessions = session;
	for (unsigned i = 0; *at && i < COMMAND_SESSIONS_MAX; i++)
		at = &(*at)->next;
	if (*at)
		session_end(at);
	return session;
}

/* --- answers --- */

/* The <command/> of the answer, in *reply. */
static struct xml *command_reply(const struct request *request, const char *node, const char *id,
				 const char *status, struct xml **reply)
{
	struct xml *element;

	*reply = stanza_result(request->stanza);
	element = xml_child_add(*reply, "command", NS_COMMANDS);
	xml_set(element, "node", node);
	xml_set(element, "sessionid", id);
	xml_set(element, "status", status);
	return element;
}

static void refuse(const struct request *request, enum stanza_error error, const char *text,
		   const char *condition)
{
	request_error_detail(request, error, text, condition, NS_COMMANDS);
}

static void send_form(const struct request *request, const struct command_session *session)
{
	const struct server_command *command = session->command;
	struct xml *reply;
	struct xml *element =
	    command_reply(request, command->node, session->id, "executing", &reply);
	struct xml *actions = xml_child_add(element, "actions", NULL);

	xml_set(actions, "execute", "complete");
	xml_child_add(actions, "complete", NULL);
	form_add(element, "form", command->name, command->form);
	request_reply(request, reply);
}

/* --- running --- */

/* A run command, until it has answered. */
struct run {
	struct request *request;
	const struct server_command *command;
	const char *id;
	bool answered;
};

/* RFC 6120 section 8.2.3 allows an iq one child, so the data stands in the command, behind the
 * form, as in the registration of XEP-0158. */
static void add_picture(struct user *user, struct xml *element, struct xml *form,
			const struct server_answer *answer)
{
	const char *cid = bob_keep(user, answer->png, answer->png_len);
	char uri[128];

	if (!cid) {
		log_warn("a picture is left out of a command's answer");
		return;
	}
	snprintf(uri, sizeof(uri), "cid:%s", cid);
	form_add_picture(form, "QR code", uri, answer->png, answer->png_len);
	bob_add(user, cid, element);
}

static void on_answer(void *arg, const struct server_answer *answer)
{
	struct run *run = arg;
	struct user *user = run->request->resource->user;
	struct xml *reply, *element, *note, *form;

	if (run->answered)
		return;
	run->answered = true;
	element = command_reply(run->request, run->command->node, run->id, "completed", &reply);
	if (answer->note) {
		note = xml_child_add(element, "note", NULL);
		xml_set(note, "type", answer->error ? "error" : "info");
		xml_text_add(note, answer->note);
	}
	if (answer->fields || answer->png) {
		form = form_add(element, "result", run->command->name, answer->fields);
		if (answer->png)
			add_picture(user, element, form, answer);
	}
	request_reply(run->request, reply);
}

static const char *get_value(void *form, const char *name)
{
	return form ? form_value(form, name) : NULL;
}

static void run_command(struct request *request, const struct server_command *command,
			struct xml *form, const char *id)
{
	struct run run = {.request = request, .command = command, .id = id};

	command->run(request->server->host_arg, request->resource->user->name, get_value, form,
		     on_answer, &run);
	if (!run.answered)
		request_error(request, STANZA_INTERNAL_SERVER_ERROR, NULL);
	if (form)
		form_wipe(form, command->form);
}

/* --- requests --- */

/* With the names of XEP-0050 section 4.1 (the schema); none is execute. */
enum action { ACTION_EXECUTE, ACTION_COMPLETE, ACTION_NEXT, ACTION_PREV, ACTION_CANCEL, ACTIONS };

static enum action find_action(const char *name)
{
	static const char *const names[ACTIONS] = {"execute", "complete", "next", "prev", "cancel"};
	enum action action = 0;

	if (!name)
		return ACTION_EXECUTE;
	while (action < ACTIONS && strcmp(names[action], name) != 0)
		action++;
	return action;
}

static void start(struct request *request, const struct server_command *command, enum action action)
{
	const struct command_session *session;
	char id[COMMAND_ID_SIZE];

	if (action != ACTION_EXECUTE) {
		refuse(request, STANZA_BAD_REQUEST, NULL,
		       action == ACTION_CANCEL ? "bad-sessionid" : "bad-action");
	} else if (!command->form) {
		make_id(request->server->env, id);
		run_command(request, command, NULL, id);
	} else if ((session = session_new(request->resource, command))) {
		send_form(request, session);
	} else {
		request_error(request, STANZA_RESOURCE_CONSTRAINT, NULL);
	}
}

static void cancel(struct request *request, struct command_session **at)
{
	struct xml *reply;

	command_reply(request, (*at)->command->node, (*at)->id, "canceled", &reply);
	session_end(at);
	request_reply(request, reply);
}

static void submit(struct request *request, struct command_session **at)
{
	const struct server_command *command = (*at)->command;
	struct xml *form = xml_child(request->payload, "x", NS_FORM);
	const char *type = xml_get(form, "type");
	char id[COMMAND_ID_SIZE];
	struct err err;

	if (form && type && strcmp(type, "cancel") == 0) {
		cancel(request, at);
		return;
	}
	/* The session stays, so that the user can do better. */
	if (form_check(form, command->form, &err) < 0) {
		refuse(request, STANZA_BAD_REQUEST, err.text, "bad-payload");
		return;
	}
	memcpy(id, (*at)->id, sizeof(id));
	session_end(at);
	run_command(request, command, form, id);
}

static void go_on(struct request *request, const struct server_command *command, enum action action,
		  const char *id)
{
	struct command_session **at = session_find(request->resource, id);

	if (!*at || (*at)->command != command) {
		refuse(request, STANZA_BAD_REQUEST, NULL, "bad-sessionid");
	} else if ((*at)->until_ms <= env_mono_ms(request->server->env)) {
		session_end(at);
		refuse(request, STANZA_NOT_ALLOWED, "the form was open for too long",
		       "session-expired");
	} else if (action == ACTION_CANCEL) {
		cancel(request, at);
	} else if (action == ACTION_PREV) {
		refuse(request, STANZA_BAD_REQUEST, NULL, "bad-action");
	} else {
		submit(request, at);
	}
}

void command_execute(struct request *request)
{
	const struct server_command *command =
	    find_command(request->server, xml_get(request->payload, "node"));
	enum action action = find_action(xml_get(request->payload, "action"));
	const char *id = xml_get(request->payload, "sessionid");

	if (!request_offered(request, commands_offered(request->server->host)))
		return;
	if (!command)
		request_error(request, STANZA_ITEM_NOT_FOUND, NULL);
	else if (action == ACTIONS)
		refuse(request, STANZA_BAD_REQUEST, NULL, "malformed-action");
	else if (id)
		go_on(request, command, action, id);
	else
		start(request, command, action);
}
