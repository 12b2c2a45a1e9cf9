/*
 * tacetctl_print.c: see tacetctl_print.h.
 */
#include "component/tacetctl_print.h"

#include <inttypes.h>
#include <qrencode.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* --- pieces --- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
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

static void print_moment(int64_t unix_ms, FILE *out)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;
	char text[32] = "";

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	fputs(text, out);
}

/* --- QR code --- */

static bool is_dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       (code->data[y * code->width + x] & 1);
}

int print_qr(const char *id, FILE *out)
{
	enum {
		QUIET = 2
	}; /* light modules around; the standard says 4, readers are content with 2 */
	char link[256];
	QRcode *code;

	snprintf(link, sizeof(link), "TACET:%s", id);
	/* Upper case, so that the code is in the alphanumeric mode and small. */
	for (char *c = link; *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - ('a' - 'A') : *c);
	code = QRcode_encodeString(link, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (!code)
		return -1;
	for (int y = -QUIET; y < code->width + QUIET; y += 2) {
		fputs("\033[40;97m", out);
		for (int x = -QUIET; x < code->width + QUIET; x++) {
			bool top = !is_dark(code, x, y), bottom = !is_dark(code, x, y + 1);

			fputs(top && bottom ? "█" : top ? "▀" : bottom ? "▄" : " ", out);
		}
		fputs("\033[0m\n", out);
	}
	QRcode_free(code);
	return 0;
}

/* --- answers --- */

void print_account_added(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", text_of(answer, "id"));
}

void print_accounts(const json_t *answer, FILE *out)
{
	const json_t *account;
	size_t i;

	json_array_foreach(json_object_get(answer, "accounts"), i, account)
	{
		print_text(text_of(account, "name"), out);
		fprintf(out, "\t%s\n", text_of(account, "id"));
	}
}

void print_id(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", text_of(answer, "id"));
}

void print_contact_added(const json_t *answer, FILE *out)
{
	(void)answer;
	fputs("added; the contact is found once it has added you as well\n", out);
}

void print_contacts(const json_t *answer, FILE *out)
{
	const json_t *contact;
	size_t i;

	json_array_foreach(json_object_get(answer, "contacts"), i, contact)
	{
		fprintf(out, "%s\t%s\t", text_of(contact, "id"), text_of(contact, "state"));
		print_text(text_of(contact, "name"), out);
		fputc('\n', out);
	}
}

/* --- status --- */

static void print_tor(const json_t *tor, FILE *out)
{
	fprintf(out, "tor       %s, %" PRId64 " %%", text_of(tor, "state"),
		number_of(tor, "progress"));
	if (text_of(tor, "summary")[0]) {
		fputs(", ", out);
		print_text(text_of(tor, "summary"), out);
	}
	if (text_of(tor, "version")[0]) {
		fputs(", version ", out);
		print_text(text_of(tor, "version"), out);
	}
	fputc('\n', out);
	if (text_of(tor, "problem")[0]) {
		fputs("          ", out);
		print_text(text_of(tor, "problem"), out);
		fputc('\n', out);
	}
}

static void print_clock(const json_t *clock, FILE *out)
{
	int64_t ms = number_of(clock, "offset_ms");

	fprintf(out, "clock     %s%.1f s", ms < 0 ? "" : "+", (double)ms / 1000);
	if (text_of(clock, "why")[0]) {
		fputs(", ", out);
		print_text(text_of(clock, "why"), out);
	}
	fputc('\n', out);
}

static void print_gateway(const json_t *gateway, FILE *out)
{
	int64_t latency_ms = number_of(gateway, "latency_ms");

	fprintf(out, "          score %.2f  ",
		json_number_value(json_object_get(gateway, "score")));
	if (latency_ms >= 0)
		fprintf(out, "%5" PRId64 " ms  ", latency_ms);
	else
		fputs("       -  ", out);
	fprintf(out, "%" PRId64 " answers, %" PRId64 " failures  ", number_of(gateway, "answers"),
		number_of(gateway, "failures"));
	print_text(text_of(gateway, "name"), out);
	fputc('\n', out);
}

/* Gateways that were never asked are only counted: of the built-in list most are not. */
static void print_gateways(const json_t *gateways, FILE *out)
{
	const json_t *gateway;
	size_t i, asked = 0;

	json_array_foreach(gateways, i, gateway) asked +=
	    number_of(gateway, "answers") + number_of(gateway, "failures") > 0;
	fprintf(out, "gateways  %zu known, %zu asked\n", json_array_size(gateways), asked);
	json_array_foreach(gateways, i, gateway) if (number_of(gateway, "answers") +
							 number_of(gateway, "failures") >
						     0) print_gateway(gateway, out);
}

static void print_contact(const json_t *contact, int64_t now_ms, FILE *out)
{
	const char *name = text_of(contact, "name");
	int64_t since_ms = number_of(contact, "since_ms");

	fputs("    ", out);
	print_text(name[0] ? name : text_of(contact, "id"), out);
	fprintf(out, ": %s", text_of(contact, "state"));
	if (since_ms > 0) {
		fputs(" since ", out);
		print_moment(since_ms, out);
		fputs(" (", out);
		print_span(now_ms - since_ms, out);
		fputc(')', out);
	}
	fprintf(out, ", %s", text_of(contact, "show"));
	if (text_of(contact, "text")[0]) {
		fputs(" \"", out);
		print_text(text_of(contact, "text"), out);
		fputc('"', out);
	}
	if (number_of(contact, "outbox") > 0)
		fprintf(out, ", %" PRId64 " messages to be sent", number_of(contact, "outbox"));
	fputc('\n', out);
}

static void print_account(const json_t *account, int64_t now_ms, FILE *out)
{
	const json_t *contact;
	size_t i;

	fputs("account   ", out);
	print_text(text_of(account, "name"), out);
	fprintf(out, "  %s\n", text_of(account, "id"));
	fprintf(out, "          onion service %s\n",
		json_is_true(json_object_get(account, "published")) ? "published"
								    : "not published yet");
	json_array_foreach(json_object_get(account, "contacts"), i, contact)
	    print_contact(contact, now_ms, out);
}

void print_status(const json_t *answer, FILE *out)
{
	const json_t *xmpp = json_object_get(answer, "xmpp");
	const json_t *accounts = json_object_get(answer, "accounts");
	const json_t *account;
	size_t i;

	fprintf(out, "tacetd    version %s\n", text_of(answer, "version"));
	print_tor(json_object_get(answer, "tor"), out);
	print_clock(json_object_get(answer, "clock"), out);
	print_gateways(json_object_get(answer, "gateways"), out);
	fprintf(out, "clients   port %" PRId64 ", %" PRId64 " logged in\n", number_of(xmpp, "port"),
		number_of(xmpp, "authenticated"));
	json_array_foreach(accounts, i, account)
	    print_account(account, number_of(answer, "now_ms"), out);
	if (json_array_size(accounts) == 0)
		fputs("no account yet: tacetctl account add NAME\n", out);
}
