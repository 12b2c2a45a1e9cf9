/*
 * tacetctl_print.c: see tacetctl_print.h. Lists and links are in tacetctl_print_list.c.
 */
#include "component/tacetctl_print.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- pieces --- */

const char *print_member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t print_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *const colours[] = {
    [COLOUR_NONE] = "\033[0m", [COLOUR_GOOD] = "\033[32m", [COLOUR_WARN] = "\033[33m",
    [COLOUR_BAD] = "\033[31m", [COLOUR_FAINT] = "\033[2m",
};

void print_colour(FILE *out, enum colour colour)
{
	fputs(colours[colour], out);
}

bool print_coloured(FILE *out)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(out)) && !(no && no[0]);
}

void print_out(const char *text, bool coloured, FILE *out)
{
	while (*text) {
		size_t len = coloured ? strlen(text) : strcspn(text, "\033");

		fwrite(text, 1, len, out);
		text += len;
		/* Only print_colour makes escapes: they end with 'm'. */
		if (*text)
			text += strcspn(text, "m");
		if (*text)
			text++;
	}
}

/* The second byte of U+0080 … U+009F, which some terminals obey, and of U+202A … U+202E and U+2066
 * … U+2069, which turn the reading direction. */
static bool is_control(const unsigned char *c)
{
	if (c[0] < 0x20 || c[0] == 0x7f)
		return true;
	if (c[0] == 0xc2)
		return c[1] >= 0x80 && c[1] <= 0x9f;
	if (c[0] == 0xe2 && c[1] == 0x80)
		return c[2] >= 0xaa && c[2] <= 0xae;
	return c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

/* Bytes of the UTF-8 character that begins with c; jansson lets only valid ones through. */
static size_t length_of(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

void print_text(const char *text, FILE *out)
{
	const unsigned char *c = (const unsigned char *)text;

	while (*c) {
		size_t len = length_of(*c);

		if (is_control(c))
			fputc('?', out);
		else
			fwrite(c, 1, len, out);
		c += len;
	}
}

/* "12 s", "5 min", "3 h", "4 d". */
static void print_span(int64_t ms, FILE *out)
{
	int64_t s = ms < 0 ? 0 : ms / 1000;

	if (s < 120)
		fprintf(out, "%" PRId64 " s", s);
	else if (s < 120 * 60)
		fprintf(out, "%" PRId64 " min", s / 60);
	else if (s < 48 * 3600)
		fprintf(out, "%" PRId64 " h", s / 3600);
	else
		fprintf(out, "%" PRId64 " d", s / 86400);
}

void print_moment(int64_t unix_ms, FILE *out)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;
	char text[32] = "";

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, out);
}

/* --- status --- */

static void print_tor(const json_t *tor, FILE *out)
{
	fprintf(out, "tor       %s, %" PRId64 " %%", print_member(tor, "state"),
		print_number(tor, "progress"));
	if (print_member(tor, "summary")[0]) {
		fputs(", ", out);
		print_text(print_member(tor, "summary"), out);
	}
	if (print_member(tor, "version")[0]) {
		fputs(", version ", out);
		print_text(print_member(tor, "version"), out);
	}
	fputc('\n', out);
	if (print_member(tor, "problem")[0]) {
		fputs("          ", out);
		print_colour(out, COLOUR_BAD);
		print_text(print_member(tor, "problem"), out);
		print_colour(out, COLOUR_NONE);
		fputc('\n', out);
	}
}

static void print_clock(const json_t *clock, FILE *out)
{
	int64_t ms = print_number(clock, "offset_ms");

	fprintf(out, "clock     %s%.1f s", ms < 0 ? "" : "+", (double)ms / 1000);
	if (print_member(clock, "why")[0]) {
		fputs(", ", out);
		print_text(print_member(clock, "why"), out);
	}
	fputc('\n', out);
}

static void print_gateway(const json_t *gateway, FILE *out)
{
	int64_t latency_ms = print_number(gateway, "latency_ms");

	fprintf(out, "          score %.2f  ",
		json_number_value(json_object_get(gateway, "score")));
	if (latency_ms >= 0)
		fprintf(out, "%5" PRId64 " ms  ", latency_ms);
	else
		fputs("       -  ", out);
	fprintf(out, "%" PRId64 " answers, %" PRId64 " failures  ",
		print_number(gateway, "answers"), print_number(gateway, "failures"));
	print_text(print_member(gateway, "name"), out);
	fputc('\n', out);
}

/* Gateways that were never asked are only counted: of the built-in list most are not. */
static void print_gateways(const json_t *gateways, FILE *out)
{
	const json_t *gateway;
	size_t i, asked = 0;

	json_array_foreach(gateways, i, gateway) asked +=
	    print_number(gateway, "answers") + print_number(gateway, "failures") > 0;
	fprintf(out, "gateways  %zu known, %zu asked\n", json_array_size(gateways), asked);
	json_array_foreach(gateways, i, gateway) if (print_number(gateway, "answers") +
							 print_number(gateway, "failures") >
						     0) print_gateway(gateway, out);
}

static void print_component(const json_t *component, FILE *out)
{
	bool up = strcmp(print_member(component, "state"), "up") == 0;

	fputs("component ", out);
	print_text(print_member(component, "domain"), out);
	fputs(up ? " connected for " : " not connected for ", out);
	print_span(print_number(component, "since_ms"), out);
	if (!up && print_number(component, "retry_ms") >= 0) {
		fputs(", next attempt in ", out);
		print_span(print_number(component, "retry_ms"), out);
	}
	fprintf(out, "; users: %" PRId64 ", there: %" PRId64 "\n", print_number(component, "users"),
		print_number(component, "there"));
	if (print_number(component, "messages") + print_number(component, "queued") > 0)
		fprintf(out,
			"          %" PRId64 " messages not handled by the server yet, %" PRId64
			" bytes to be sent\n",
			print_number(component, "messages"), print_number(component, "queued"));
	if (print_member(component, "trouble")[0]) {
		fputs("          ", out);
		print_colour(out, COLOUR_BAD);
		print_text(print_member(component, "trouble"), out);
		print_colour(out, COLOUR_NONE);
		fputc('\n', out);
	}
}

static enum colour contact_colour(const json_t *contact)
{
	if (strcmp(print_member(contact, "state"), "linked") == 0)
		return COLOUR_GOOD;
	return strcmp(print_member(contact, "state"), "waiting") == 0 ? COLOUR_FAINT : COLOUR_WARN;
}

static void print_contact(const json_t *contact, int64_t now_ms, FILE *out)
{
	const char *name = print_member(contact, "name");
	int64_t since_ms = print_number(contact, "since_ms");

	fputs("    ", out);
	print_text(name[0] ? name : print_member(contact, "id"), out);
	fputs(": ", out);
	print_colour(out, contact_colour(contact));
	fputs(print_member(contact, "state"), out);
	print_colour(out, COLOUR_NONE);
	if (since_ms > 0) {
		fputs(" since ", out);
		print_moment(since_ms, out);
		fputs(" (", out);
		print_span(now_ms - since_ms, out);
		fputc(')', out);
	}
	fprintf(out, ", %s", print_member(contact, "show"));
	if (print_member(contact, "text")[0]) {
		fputs(" \"", out);
		print_text(print_member(contact, "text"), out);
		fputc('"', out);
	}
	if (print_number(contact, "outbox") > 0)
		fprintf(out, ", %" PRId64 " messages to be sent", print_number(contact, "outbox"));
	fputc('\n', out);
}

static void print_account(const json_t *account, int64_t now_ms, FILE *out)
{
	const json_t *contact;
	size_t i;

	fputs("account   ", out);
	print_text(print_member(account, "name"), out);
	fprintf(out, "  %s\n", print_member(account, "id"));
	fprintf(out, "          onion service %s",
		json_is_true(json_object_get(account, "published")) ? "published"
								    : "not published yet");
	if (print_number(account, "neighbours") > 1)
		fprintf(out, ", shared by %" PRId64 " accounts",
			print_number(account, "neighbours"));
	putc('\n', out);
	if (json_is_true(json_object_get(account, "conflict")))
		fputs("          ANOTHER DAEMON USES THIS IDENTITY: run it in one place only\n",
		      out);
	json_array_foreach(json_object_get(account, "contacts"), i, contact)
	    print_contact(contact, now_ms, out);
}

static void print_clients(const json_t *xmpp, FILE *out)
{
	if (print_number(xmpp, "port") == 0) {
		fputs("clients   none can log in here: local-server is \"no\"\n", out);
		return;
	}
	fprintf(out, "clients   port %" PRId64, print_number(xmpp, "port"));
	if (print_number(xmpp, "tls_port"))
		fprintf(out, " (TLS from the start: %" PRId64 ")", print_number(xmpp, "tls_port"));
	if (print_number(xmpp, "http_port"))
		fprintf(out, ", http port %" PRId64, print_number(xmpp, "http_port"));
	fprintf(out, ", %" PRId64 " logged in\n", print_number(xmpp, "authenticated"));
}

void print_status(const json_t *answer, FILE *out)
{
	const json_t *accounts = json_object_get(answer, "accounts");
	const json_t *account;
	size_t i;

	if (json_is_true(json_object_get(answer, "locked"))) {
		fputs("locked    by the passphrase of its key: tacetctl unlock\n", out);
		return;
	}
	fprintf(out, "tacetd    version %s\n", print_member(answer, "version"));
	if (print_member(answer, "trouble")[0]) {
		print_colour(out, COLOUR_BAD);
		fputs("DATABASE  ", out);
		print_text(print_member(answer, "trouble"), out);
		fputs(": nothing can be stored; messages are neither taken nor sent\n", out);
		print_colour(out, COLOUR_NONE);
	}
	print_tor(json_object_get(answer, "tor"), out);
	print_clock(json_object_get(answer, "clock"), out);
	print_gateways(json_object_get(answer, "gateways"), out);
	print_clients(json_object_get(answer, "xmpp"), out);
	if (json_object_get(answer, "component"))
		print_component(json_object_get(answer, "component"), out);
	json_array_foreach(accounts, i, account)
	    print_account(account, print_number(answer, "now_ms"), out);
	if (json_array_size(accounts) > 0)
		return;
	fputs(print_number(json_object_get(answer, "xmpp"), "port") > 0
		  ? "no account yet: tacetctl account add NAME\n"
		  : "no account yet: users of the Jabber server register at the component\n",
	      out);
}
