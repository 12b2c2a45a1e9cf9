/*
 * tacetctl_print_list.c: ids, links with their QR code, and lists. See tacetctl_print.h.
 */
#include "component/tacetctl_print.h"

#include <inttypes.h>
#include <qrencode.h>
#include <string.h>

/* A frame's bytes on the line: it fills one of tor's cells. */
#define TOR_CELL 514

/* --- QR code --- */

static bool is_dark(const QRcode *code, int x, int y)
{
	return x >= 0 && y >= 0 && x < code->width && y < code->width &&
	       (code->data[y * code->width + x] & 1);
}

static int print_qr(const char *text, FILE *out)
{
	enum {
		QUIET = 2
	}; /* light modules around; the standard says 4, readers are content with 2 */
	QRcode *code;

	code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
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

int print_code(const json_t *answer, FILE *out)
{
	const char *link = print_member(answer, "link"), *id = print_member(answer, "id");
	char text[128];

	if (link[0])
		return print_qr(link, out);
	snprintf(text, sizeof(text), "TACET:%s", id);
	/* Upper case, so that the code is in the alphanumeric mode and small. */
	for (char *c = text; *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - ('a' - 'A') : *c);
	return id[0] ? print_qr(text, out) : -1;
}

/* --- answers --- */

void print_account_added(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(answer, "id"));
	if (print_member(answer, "link")[0])
		fprintf(out, "%s\n", print_member(answer, "link"));
}

void print_bot(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(answer, "bot"));
}

void print_accounts(const json_t *answer, FILE *out)
{
	const json_t *account;
	size_t i;

	json_array_foreach(json_object_get(answer, "accounts"), i, account)
	{
		print_text(print_member(account, "name"), out);
		fprintf(out, "\t%s\n", print_member(account, "id"));
	}
}

void print_id(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(answer, "id"));
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
		fprintf(out, "%s\t%s\t", print_member(contact, "id"),
			print_member(contact, "state"));
		print_text(print_member(contact, "name"), out);
		fputc('\n', out);
	}
}

/* --- invitations and requests --- */

void print_link(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(answer, "link"));
}

void print_invitations(const json_t *answer, FILE *out)
{
	const json_t *invitation;
	size_t i;

	json_array_foreach(json_object_get(answer, "invitations"), i, invitation)
	{
		fprintf(out, "%" PRId64 "\t%s, used %" PRId64 ", until ",
			print_number(invitation, "number"),
			json_is_true(json_object_get(invitation, "reusable")) ? "reusable"
									      : "for one",
			print_number(invitation, "used"));
		print_moment(print_number(invitation, "expires_ms"), out);
		fprintf(out, "\t%s\n", print_member(invitation, "link"));
	}
}

void print_introduced(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(json_object_get(answer, "contact"), "id"));
	fputs("you see each other once your request was accepted\n", out);
}

void print_accepted(const json_t *answer, FILE *out)
{
	print_text(print_member(json_object_get(answer, "contact"), "name"), out);
	fputs(" is a contact now\n", out);
}

void print_requests(const json_t *answer, FILE *out)
{
	const json_t *request;
	size_t i;

	json_array_foreach(json_object_get(answer, "requests"), i, request)
	{
		fprintf(out, "%s\t", print_member(request, "id"));
		print_moment(print_number(request, "since_ms"), out);
		fputc('\t', out);
		print_text(print_member(request, "name"), out);
		fputc('\t', out);
		print_text(print_member(request, "text"), out);
		fputc('\n', out);
	}
}

void print_blocked(const json_t *answer, FILE *out)
{
	const json_t *id;
	size_t i;

	json_array_foreach(json_object_get(answer, "blocked"), i, id)
	    fprintf(out, "%s\n", json_string_value(id));
}

void print_mode(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(answer, "mode"));
}

void print_shown(const json_t *answer, FILE *out)
{
	fprintf(out, "%s\n", print_member(answer, "show"));
}

/* --- messages that wait --- */

void print_outbox(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "messages");
	const json_t *message;
	size_t i;

	json_array_foreach(list, i, message)
	{
		const char *name = print_member(message, "name");

		fprintf(out, "%" PRId64 "\t", print_number(message, "number"));
		print_text(name[0] ? name : print_member(message, "contact"), out);
		fputc('\t', out);
		print_moment(print_number(message, "since_ms"), out);
		fprintf(out, "\t%" PRId64 " bytes%s\n", print_number(message, "size"),
			json_is_true(json_object_get(message, "on_its_way")) ? ", on its way" : "");
	}
	if (print_number(answer, "total") > (int64_t)i)
		fprintf(out, "and %" PRId64 " more\n", print_number(answer, "total") - (int64_t)i);
}

void print_cancelled(const json_t *answer, FILE *out)
{
	int64_t left = print_number(answer, "may_have_come");

	fprintf(out, "%" PRId64 " taken back", print_number(answer, "cancelled"));
	if (left > 0)
		fprintf(out, "; %" PRId64 " of them may have come all the same", left);
	fputc('\n', out);
}

/* What it costs is said where it is chosen: 3600 s in an hour, a frame a gap. */
void print_cover(const json_t *answer, FILE *out)
{
	double ms = (double)print_number(answer, "mean_ms");

	if (ms > 0)
		fprintf(out,
			"a frame every %g s in the mean: about %.1f MB an hour each way with each "
			"linked contact\n",
			ms / 1000, 3600 * 1000 / ms * TOR_CELL / 1e6);
	else
		fputs("off\n", out);
}

void print_answers(const json_t *answer, FILE *out)
{
	const char *word = json_string_value(json_object_get(answer, "answer"));

	fprintf(out, "%s\n", word ? word : "?");
}

void print_archive(const json_t *answer, FILE *out)
{
	int64_t days = print_number(answer, "days"), messages = print_number(answer, "messages");
	const char *word = json_string_value(json_object_get(answer, "archive"));

	fprintf(out, "%s; %" PRId64 " messages are archived", word ? word : "?", messages);
	if (word && strcmp(word, "off") == 0 && messages > 0)
		fputs(" (tacetctl archive purge erases them)", out);
	fputs("\nerased: ", out);
	if (days > 0)
		fprintf(out, "after %" PRId64 " days, ", days);
	fprintf(out, "all but the newest %" PRId64 "; those with a removed contact %s\n",
		print_number(answer, "count"),
		json_is_true(json_object_get(answer, "keep_removed")) ? "stay" : "go with it");
}

void print_erased(const json_t *answer, FILE *out)
{
	fprintf(out, "%" PRId64 " messages erased\n", print_number(answer, "erased"));
}

void print_verification(const json_t *answer, FILE *out)
{
	const json_t *contact;
	size_t i;

	json_array_foreach(json_object_get(answer, "contacts"), i, contact)
	{
		const char *name = print_member(contact, "name");

		fprintf(out, "%s\t%s\t", print_member(contact, "phrase"),
			json_is_true(json_object_get(contact, "verified")) ? "verified"
									   : "not verified");
		print_text(name[0] ? name : print_member(contact, "id"), out);
		fputc('\n', out);
	}
}

/* Those who can be seen first, as they come. */
void print_contact_table(const json_t *answer, FILE *out)
{
	const json_t *list = json_object_get(answer, "contacts"), *contact;
	size_t i;

	for (int there = 1; there >= 0; there--) {
		json_array_foreach(list, i, contact)
		{
			const char *show = print_member(contact, "show");
			const char *name = print_member(contact, "name");

			if ((strcmp(show, "offline") != 0) != there)
				continue;
			print_colour(out, there ? COLOUR_GOOD : COLOUR_FAINT);
			fprintf(out, "%-9s", show);
			print_colour(out, COLOUR_NONE);
			fputc(' ', out);
			print_text(name[0] ? name : print_member(contact, "id"), out);
			if (print_member(contact, "text")[0]) {
				fputs(" \"", out);
				print_text(print_member(contact, "text"), out);
				fputc('"', out);
			}
			if (print_number(contact, "outbox") > 0)
				fprintf(out, ", %" PRId64 " to be sent",
					print_number(contact, "outbox"));
			fputc('\n', out);
		}
	}
}
