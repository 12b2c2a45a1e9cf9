/*
 * gw_backup.c: an account's sealed backup on its way through the user's server: as base64, in a
 * form. The server sees it, and its passphrase; it can hold up the daemon for half a second each
 * time, so all users share a bucket.
 */
#include "component/gw_private.h"

#include "core/base/codec.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "xmpp/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a backup takes out of the bucket gw->heavy. */
#define HEAVY_COST 20
/* Longest text of one: it has to come back in a client's stanza, of which servers take 256 KiB. */
#define TEXT_MAX ((size_t)192 * 1024)
/* Characters of a line of it, as in MIME. */
#define LINE_LEN 76
/* Longest path of a backup on its way, with its NUL; a state directory that is longer has none. */
#define PATH_SIZE 512

static int begin(struct gw *gw, const char *name, char path[PATH_SIZE], struct err *err)
{
	if (!gw_take(gw, &gw->heavy, HEAVY_COST))
		return err_set(err, ERR_UNAVAILABLE,
			       "too many backups at once; try again in a minute");
	if (snprintf(path, PATH_SIZE, "%s/%s", gw->config->directory, name) >= PATH_SIZE)
		return err_set(err, ERR_LIMIT, "the state directory's name is too long");
	unlink(path); /* of an earlier process that was killed */
	return 0;
}

/* --- in --- */

static int write_file(const char *path, const void *data, size_t len, struct err *err)
{
	FILE *file = fopen(path, "wxe");
	int result = file && fwrite(data, 1, len, file) == len ? 0 : -1;

	if (file && fclose(file) != 0)
		result = -1;
	return result ? err_set(err, ERR_UNAVAILABLE, "a file cannot be written") : 0;
}

struct account *gw_backup_take(struct gw *gw, const char *jid, const char *text,
			       const char *passphrase, struct err *err)
{
	size_t len = strlen(text);
	uint8_t *data = malloc(len + 1);
	int size = data ? base64_decode(text, len, data, len + 1) : -1;
	struct account *account = NULL;
	char path[PATH_SIZE];

	if (size <= 0) {
		err_set(err, ERR_INPUT, "this is not the text of a backup");
	} else if (begin(gw, "import", path, err) == 0) {
		if (write_file(path, data, (size_t)size, err) == 0)
			account = bridge_account_restore(gw->bridge, path, passphrase, jid, err);
		unlink(path);
	}
	free(data);
	return account;
}

/* --- out --- */

static const struct server_field form[] = {
    {.name = "",
     .label = "",
     .type = "fixed",
     .value = "Your own server sees the passphrase and the backup on their way to you. Whoever has "
	      "both can be you. Take a passphrase that you use for nothing else; without it the "
	      "backup is worth nothing."},
    {.name = "passphrase", .label = "Passphrase", .type = "text-private", .required = true},
    {.name = "again", .label = "The same again", .type = "text-private", .required = true},
    {0}};

/* The file as lines of base64. */
static int read_text(const char *path, struct buf *text, struct err *err)
{
	uint8_t data[LINE_LEN / 4 * 3];
	char line[LINE_LEN + 1];
	FILE *file = fopen(path, "re");
	int result = file ? 0 : err_set(err, ERR_UNAVAILABLE, "the backup cannot be read");
	size_t len;

	while (!result && (len = fread(data, 1, sizeof(data), file)) > 0) {
		base64_encode(data, len, line);
		if (buf_printf(text, "%s\n", line) < 0)
			result = err_set(err, ERR_LIMIT,
					 "the account is too large for this; the operator of the "
					 "gateway can make a backup");
	}
	if (!result && ferror(file))
		result = err_set(err, ERR_UNAVAILABLE, "the backup cannot be read");
	if (file)
		fclose(file);
	return result;
}

static int make(struct gw *gw, const char *jid, const char *passphrase, struct buf *text,
		struct err *err)
{
	const struct account *account = bridge_account(gw->bridge, jid, err);
	char path[PATH_SIZE];
	int result;

	if (!account || begin(gw, "export", path, err) < 0)
		return -1;
	result = account_export(account, passphrase, path, err);
	if (!result)
		result = read_text(path, text, err);
	unlink(path);
	return result;
}

static void run(void *arg, const char *user, const char *(*get)(void *form, const char *name),
		void *data, void (*answer)(void *answer_arg, const struct server_answer *answer),
		void *answer_arg)
{
	const char *passphrase = get(data, "passphrase"), *again = get(data, "again");
	struct server_field fields[] = {{.name = "backup", .label = "Backup", .type = "text-multi"},
					{0}};
	struct server_answer said = {
	    .note = "Keep this text, and the passphrase. With both you can register here or at "
		    "another gateway, or use it with a tacetd of your own: but in one place at a "
		    "time.",
	    .fields = fields};
	struct err err = {0};
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (strcmp(passphrase, again) != 0)
		err_set(&err, ERR_INPUT, "the two passphrases differ");
	if (err.code || make(arg, user, passphrase, &text, &err) < 0)
		said = (struct server_answer){.note = err.text, .error = true};
	else
		log_notice("gateway: a user has taken a backup");
	fields[0].value = buf_text(&text);
	answer(answer_arg, &said);
	buf_free(&text);
}

const struct server_command gw_backup_command = {"backup", "Backup of the account", form, run};
