/*
 * ctl_listen.c: see ctl_listen.h.
 *
 * When the daemon ends, what was printed and not acknowledged comes again from the next one: it is
 * remembered, and not printed twice.
 */
#include "component/ctl_listen.h"

#include "component/ctl_client.h"
#include "component/ctl_retry.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct listening {
	const struct options *options;
	struct ctl_retry retry;
	json_t
	    *asked;   /* messages that were printed, whose "taken" was not answered: oldest first */
	json_t *seen; /* those left so by daemons that have ended */
};

/* As many as are with a listener at once, twice: more than one daemon may have left some. */
#define SEEN_MAX 64

/* --- printing --- */

/* In one line: a newline is shown as "\n". */
static void print_line_of(const char *text, FILE *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		char *piece = strndup(text, len);

		print_text(piece ? piece : "?", out);
		free(piece);
		text += len;
		if (*text == '\n') {
			fputs("\\n", out);
			text++;
		}
	}
}

static void print_who(const json_t *event, const char *id)
{
	const char *name = print_member(event, "name");

	print_text(name[0] ? name : print_member(event, id), stdout);
}

static void print_message_event(const json_t *event)
{
	print_moment(print_number(event, "time_ms"), stdout);
	putchar('\t');
	print_who(event, "contact");
	fputs("\t", stdout);
	print_line_of(print_member(event, "body"), stdout);
}

static void print_presence_event(const json_t *event)
{
	fputs("presence\t", stdout);
	print_who(event, "contact");
	printf("\t%s\t", print_member(event, "show"));
	print_line_of(print_member(event, "text"), stdout);
}

static void print_request_event(const json_t *event)
{
	fputs("request\t", stdout);
	print_who(event, "id");
	printf("\t%s\t", print_member(event, "id"));
	print_line_of(print_member(event, "text"), stdout);
}

static void print_missed_event(const json_t *event)
{
	(void)event;
	fputs("missed\tpresences or requests were left out", stdout);
}

static const struct {
	const char *event;
	void (*print)(const json_t *event);
} event_printers[] = {
    {"message", print_message_event},
    {"presence", print_presence_event},
    {"request", print_request_event},
    {"missed", print_missed_event},
};

static void print_event(const struct options *options, const json_t *event)
{
	for (size_t i = 0; i < sizeof(event_printers) / sizeof(event_printers[0]); i++) {
		if (strcmp(event_printers[i].event, print_member(event, "event")) != 0)
			continue;
		if (options->json) {
			print_json(event);
		} else {
			event_printers[i].print(event);
			putchar('\n');
		}
	}
}

/* --- messages --- */

/* Was it printed already, while another daemon was there? */
static bool was_seen(struct listening *listening, const json_t *message)
{
	for (size_t i = 0; i < json_array_size(listening->seen); i++) {
		if (!json_equal(json_array_get(listening->seen, i), message))
			continue;
		json_array_remove(listening->seen, i);
		return true;
	}
	return false;
}

/* The daemon is gone, and with it the answers that are missing. */
static void keep_asked(struct listening *listening)
{
	json_array_extend(listening->seen, listening->asked);
	json_array_clear(listening->asked);
	while (json_array_size(listening->seen) > SEEN_MAX)
		json_array_remove(listening->seen, 0);
}

/* Only what has been written counts as taken. */
static int handle_event(struct listening *listening, struct ctl_client *client, json_t *event,
			struct err *err)
{
	bool message = strcmp(print_member(event, "event"), "message") == 0;
	json_t *args;
	int result;

	if (!message || !was_seen(listening, event))
		print_event(listening->options, event);
	if (fflush(stdout) || ferror(stdout))
		return err_system(err, "standard output");
	if (!message)
		return 0;
	args = json_pack("{s:s, s:I}", "contact", print_member(event, "contact"), "number",
			 (json_int_t)print_number(event, "number"));
	json_array_append(listening->asked, event);
	result = ctl_client_ask(client, "taken", args, err);
	json_decref(args);
	return result;
}

/* An answer to "listen" or "taken". */
static int handle_answer(struct listening *listening, const json_t *answer, struct err *err)
{
	if (!json_is_true(json_object_get(answer, "ok")))
		return err_set(err, ctl_client_refusal(answer, listening->retry.met), "%s",
			       print_member(answer, "error"));
	if (json_object_get(answer, "account")) {
		ctl_retry_met(&listening->retry);
		fprintf(stderr, "tacetctl: %s listens\n", print_member(answer, "account"));
	} else {
		json_array_remove(listening->asked, 0);
	}
	return 0;
}

/* Until the daemon ends: always -1. */
static int listen_on(struct listening *listening, struct ctl_client *client, struct err *err)
{
	const char *account = listening->options->account;
	json_t *args = account ? json_pack("{s:s}", "account", account) : NULL;
	int result = ctl_client_ask(client, "listen", args, err);

	json_decref(args);
	while (!result) {
		json_t *said = ctl_client_answer(client, err);

		if (!said)
			return -1;
		result = json_object_get(said, "ok") ? handle_answer(listening, said, err)
						     : handle_event(listening, client, said, err);
		json_decref(said);
	}
	return result;
}

/* --- again and again --- */

/* Wait for the daemon to come back. False: it is of no use. */
static bool wait_again(struct listening *listening, const struct err *why)
{
	bool begins = ctl_retry_begins(&listening->retry);
	int64_t pause_ms = -1;

	if (why->code == ERR_CLOSED || why->code == ERR_UNAVAILABLE)
		pause_ms = ctl_retry_next(&listening->retry, ctl_client_now_ms());
	if (pause_ms < 0)
		return false;
	if (begins)
		fprintf(stderr, "tacetctl: %s: trying again\n", why->text);
	keep_asked(listening);
	poll(NULL, 0, (int)pause_ms);
	return true;
}

int ctl_listen(const struct options *options, char **argv)
{
	struct listening listening = {.options = options,
				      .retry.never = options->given & OPT_ONCE,
				      .asked = json_array(),
				      .seen = json_array()};
	struct err err;

	(void)argv;
	do {
		struct ctl_client *client =
		    ctl_client_reach(options->socket, options->config, &err);

		if (client)
			listen_on(&listening, client, &err);
		ctl_client_free(&client);
	} while (wait_again(&listening, &err));
	json_decref(listening.asked);
	json_decref(listening.seen);
	return command_fail(options, &err);
}
