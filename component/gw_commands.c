/*
 * gw_commands.c: XEP-0050 at the gateway: the bridge's commands, and the backup. Nothing is kept
 * between a form and its answer: the session's id is only the client's word for what it does, and
 * what is run is what stands in the form.
 */
#include "component/gw_private.h"

#include "core/base/codec.h"
#include "xmpp/form.h"

#include <stdio.h>
#include <string.h>

/* Random bytes of a session's id. */
#define ID_LEN_RANDOM 10

const struct server_command *gw_command_at(const struct gw *gw, unsigned i)
{
	const struct server_command *command = gw->host->commands;

	for (; command->node && i > 0; i--)
		command++;
	if (command->node)
		return command;
	return i == 0 ? &gw_backup_command : NULL;
}

const struct server_command *gw_command_find(const struct gw *gw, const char *node)
{
	const struct server_command *command;

	for (unsigned i = 0; node && (command = gw_command_at(gw, i)); i++)
		if (strcmp(command->node, node) == 0)
			return command;
	return NULL;
}

/* A command while it runs. */
struct run {
	const struct gw_request *request;
	const struct server_command *command;
	const char *id;
};

static struct xml *command_reply(const struct run *run, const char *status, struct xml **reply)
{
	struct xml *element;

	*reply = stanza_result(run->request->stanza);
	element = xml_child_add(*reply, "command", NS_COMMANDS);
	xml_set(element, "node", run->command->node);
	xml_set(element, "sessionid", run->id);
	xml_set(element, "status", status);
	return element;
}

static void send_form(const struct run *run)
{
	struct xml *reply, *actions;
	struct xml *element = command_reply(run, "executing", &reply);

	actions = xml_child_add(element, "actions", NULL);
	xml_set(actions, "execute", "complete");
	xml_child_add(actions, "complete", NULL);
	form_add(element, "form", run->command->name, run->command->form);
	gw_reply(run->request, reply);
}

static void on_answer(void *arg, const struct server_answer *answer)
{
	const struct run *run = arg;
	struct xml *reply, *note, *form, *element = command_reply(run, "completed", &reply);
	char cid[REMOTE_CID_SIZE], uri[REMOTE_CID_SIZE + 4];

	if (answer->note) {
		note = xml_child_add(element, "note", NULL);
		xml_set(note, "type", answer->error ? "error" : "info");
		xml_text_add(note, answer->note);
	}
	if (answer->fields || answer->png) {
		form = form_add(element, "result", run->command->name, answer->fields);
		if (answer->png &&
		    remote_picture_add(element, answer->png, answer->png_len, cid) == 0) {
			snprintf(uri, sizeof(uri), "cid:%s", cid);
			form_add_picture(form, "QR code", uri, answer->png, answer->png_len);
		}
	}
	gw_reply(run->request, reply);
}

static const char *get_value(void *form, const char *name)
{
	return form ? form_value(form, name) : NULL;
}

static void execute(struct run *run, struct xml *data)
{
	struct gw_request *request = (struct gw_request *)(uintptr_t)run->request;
	struct err err = {0};
	void *arg;

	if (run->command->form && !data) {
		send_form(run);
		return;
	}
	if (run->command->form && form_check(data, run->command->form, &err) < 0) {
		gw_error(request, STANZA_BAD_REQUEST, err.text);
		return;
	}
	arg = run->command == &gw_backup_command ? (void *)request->gw : request->gw->bridge;
	run->command->run(arg, request->user->jid, get_value, data, on_answer, run);
}

void gw_command(struct gw_request *request)
{
	const char *action = xml_get(request->payload, "action");
	const char *id = xml_get(request->payload, "sessionid");
	struct xml *data = xml_child(request->payload, "x", NS_FORM), *reply;
	const char *type = xml_get(data, "type");
	uint8_t bytes[ID_LEN_RANDOM];
	char made[BASE32_LEN(ID_LEN_RANDOM) + 1];
	struct run run = {request, gw_command_find(request->gw, xml_get(request->payload, "node")),
			  id};

	if (!run.command) {
		gw_error(request, STANZA_ITEM_NOT_FOUND, NULL);
		return;
	}
	if (!id) {
		env_random(request->gw->env, bytes, sizeof(bytes));
		base32_encode(bytes, sizeof(bytes), made);
		run.id = made;
	}
	if ((action && strcmp(action, "cancel") == 0) || (type && strcmp(type, "cancel") == 0)) {
		command_reply(&run, "canceled", &reply);
		gw_reply(request, reply);
	} else if (action && strcmp(action, "prev") == 0) {
		gw_error(request, STANZA_BAD_REQUEST, NULL);
	} else {
		execute(&run, id ? data : NULL);
	}
	if (data)
		form_wipe(data, run.command->form);
}
