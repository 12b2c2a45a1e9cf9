/*
 * account_backup.c: what is in the backup of an account, and putting it back.
 *
 * In it: the identity, the account's settings, who is blocked, the contacts with their pair
 * secrets, counters and settings. Not in it: messages that wait, open invitations, requests and
 * introductions. backup.c seals it.
 *
 *     each field: kind 1 ‖ length 4 ‖ value; unknown kinds are skipped; the first two, in this
 *     order, must be there:
 *
 *     1 NAME             of the account
 *     2 IDENTITY         private key 32
 *     3 SETTING          length of the key 1 ‖ key ‖ value
 *     4 BLOCKED          public key 32
 *     5 CONTACT          public key 32 ‖ pair secret 32 ‖ next secret 32 ‖ verification 32 ‖
 *                        counters 9 * 8 ‖ name
 *     6 CONTACT_SETTING  of the contact before it, as SETTING
 *
 * A pair secret that was renewed after the backup was made is not in it: that contact will not be
 * found again, and must be added anew (engine.h).
 */
#include "core/backup.h"
#include "core/base/cursor.h"
#include "core/engine_private.h"

#include <assert.h>
#include <string.h>

enum field {
	FIELD_NAME = 1,
	FIELD_IDENTITY = 2,
	FIELD_SETTING = 3,
	FIELD_BLOCKED = 4,
	FIELD_CONTACT = 5,
	FIELD_CONTACT_SETTING = 6,
};

#define FIELD_HEAD_LEN   5
#define COUNTERS         9
#define CONTACT_HEAD_LEN (X25519_LEN + 3 * KEY_LEN + COUNTERS * 8)

/* --- out --- */

struct export
{
	struct store *store;
	struct buf content;
	enum field setting; /* kind of the settings that are being walked */
	struct err *err;
};

static int add_head(struct export *out, enum field kind, size_t len)
{
	uint8_t head[FIELD_HEAD_LEN];
	struct writer w;

	writer_init(&w, head, sizeof(head));
	write_u8(&w, (uint8_t)kind);
	write_u32(&w, (uint32_t)len);
	return buf_add(&out->content, head, sizeof(head));
}

/* A value in two pieces. */
static int add_field(struct export *out, enum field kind, const void *first, size_t first_len,
		     const void *rest, size_t rest_len)
{
	if (add_head(out, kind, first_len + rest_len) == 0 &&
	    buf_add(&out->content, first, first_len) == 0 &&
	    buf_add(&out->content, rest, rest_len) == 0)
		return 0;
	if (out->content.starved)
		return err_set(out->err, ERR_MEMORY, "backup: out of memory");
	return err_set(out->err, ERR_LIMIT, "backup: the account is too large");
}

static int add_setting(void *arg, const char *key, const uint8_t *value, size_t len)
{
	struct export *out = arg;
	uint8_t head[1 + SETTING_KEY_MAX];
	size_t key_len = strlen(key);

	assert(key_len <= SETTING_KEY_MAX);
	head[0] = (uint8_t)key_len;
	memcpy(head + 1, key, key_len);
	return add_field(out, out->setting, head, 1 + key_len, value, len);
}

static int add_blocked(void *arg, const uint8_t public_key[X25519_LEN])
{
	return add_field(arg, FIELD_BLOCKED, public_key, X25519_LEN, NULL, 0);
}

static int add_contact(struct export *out, const struct store_contact *row)
{
	uint8_t head[CONTACT_HEAD_LEN];
	struct writer w;
	int result;

	writer_init(&w, head, sizeof(head));
	write_bytes(&w, row->public_key, X25519_LEN);
	write_bytes(&w, row->secret.bytes, KEY_LEN);
	write_bytes(&w, row->next_secret.bytes, KEY_LEN);
	write_bytes(&w, row->verification.bytes, KEY_LEN);
	write_u64(&w, row->out_sequence);
	write_u64(&w, row->in_sequence);
	write_u64(&w, (uint64_t)row->in_issued_ms);
	write_u64(&w, (uint64_t)row->out_handshake_ms);
	write_u64(&w, (uint64_t)row->in_handshake_ms);
	write_u64(&w, row->out_id);
	write_u64(&w, row->in_id);
	write_u64(&w, row->secret_serial);
	write_u64(&w, (uint64_t)row->renewed_ms);
	assert(!w.bad && w.len == sizeof(head));
	result = add_field(out, FIELD_CONTACT, head, sizeof(head), row->name, strlen(row->name));
	secret_wipe(head, sizeof(head));
	return result;
}

static int add_contacts(struct export *out, const struct account *account)
{
	out->setting = FIELD_CONTACT_SETTING;
	for (unsigned i = 0; i < account->contact_count; i++) {
		const struct store_contact *row = &account->contacts[i]->row;
		if (add_contact(out, row) < 0 || store_settings(out->store, STORE_CONTACT, row->id,
								add_setting, out, out->err) < 0)
			return -1;
	}
	return 0;
}

static int fill_export(struct export *out, const struct account *account)
{
	out->setting = FIELD_SETTING;
	if (add_field(out, FIELD_NAME, account->name, strlen(account->name), NULL, 0) < 0 ||
	    add_field(out, FIELD_IDENTITY, account->identity.private_key.bytes, KEY_LEN, NULL, 0) <
		0 ||
	    store_settings(out->store, STORE_ACCOUNT, account->id, add_setting, out, out->err) <
		0 ||
	    store_blocked(out->store, account->id, add_blocked, out, out->err) < 0)
		return -1;
	return add_contacts(out, account);
}

int account_export(const struct account *account, const char *passphrase, const char *path,
		   struct err *err)
{
	struct engine *engine = account->engine;
	struct export out = {.store = engine->store, .err = err};
	int result;

	buf_init(&out.content, BACKUP_MAX);
	result = fill_export(&out, account);
	if (result == 0)
		result =
		    backup_write(engine->env, path, passphrase, BACKUP_LOG_N, &out.content, err);
	buf_free(&out.content);
	return result;
}

/* --- in --- */

struct import {
	struct store *store;
	struct reader reader; /* of the fields that are left */
	int64_t account, contact;
	unsigned contacts;
	struct err *err;
};

struct field_value {
	uint8_t kind;
	struct reader value;
};

static int malformed(const struct import *in)
{
	return err_set(in->err, ERR_INPUT, "backup: the file is malformed");
}

/* 1: a field; 0: the end. */
static int next_field(struct import *in, struct field_value *field)
{
	const uint8_t *value = NULL;
	uint32_t len;

	if (in->reader.left == 0)
		return 0;
	field->kind = read_u8(&in->reader);
	len = read_u32(&in->reader);
	value = read_view(&in->reader, len);
	if (in->reader.bad)
		return malformed(in);
	reader_init(&field->value, value, len);
	return 1;
}

/* The rest as text without a NUL. */
static int take_text(const struct import *in, struct reader *r, char *out, size_t max)
{
	size_t len = r->left;

	if (len > max || (len > 0 && memchr(r->at, 0, len) != NULL))
		return malformed(in);
	read_bytes(r, out, len);
	out[len] = '\0';
	return 0;
}

static int take_setting(struct import *in, struct reader *r, enum store_owner kind, int64_t owner)
{
	char key[SETTING_KEY_MAX + 1];
	size_t len = read_u8(r);
	const uint8_t *text = read_view(r, len);
	struct reader key_reader;

	if (r->bad || owner == 0)
		return malformed(in);
	reader_init(&key_reader, text, len);
	if (take_text(in, &key_reader, key, SETTING_KEY_MAX) < 0)
		return -1;
	return store_setting_set(in->store, kind, owner, key, r->left > 0 ? r->at : text, r->left,
				 in->err);
}

static int take_blocked(struct import *in, struct reader *r)
{
	const uint8_t *public_key = read_view(r, X25519_LEN);

	if (r->bad || r->left > 0)
		return malformed(in);
	return store_block(in->store, in->account, public_key, in->err);
}

static int take_contact(struct import *in, struct reader *r)
{
	char name[CONTACT_NAME_MAX + 1] = "";
	struct store_contact row = {.name = name};
	int result;

	read_bytes(r, row.public_key, X25519_LEN);
	read_bytes(r, row.secret.bytes, KEY_LEN);
	read_bytes(r, row.next_secret.bytes, KEY_LEN);
	read_bytes(r, row.verification.bytes, KEY_LEN);
	row.out_sequence = read_u64(r);
	row.in_sequence = read_u64(r);
	row.in_issued_ms = (int64_t)read_u64(r);
	row.out_handshake_ms = (int64_t)read_u64(r);
	row.in_handshake_ms = (int64_t)read_u64(r);
	row.out_id = read_u64(r);
	row.in_id = read_u64(r);
	row.secret_serial = read_u64(r);
	row.renewed_ms = (int64_t)read_u64(r);
	if (r->bad || ++in->contacts > CONTACTS_MAX)
		result = malformed(in);
	else
		result = take_text(in, r, name, CONTACT_NAME_MAX);
	if (result == 0)
		result = store_contact_add(in->store, in->account, &row, in->err);
	in->contact = row.id;
	store_contact_wipe(&row);
	secret_wipe(name, sizeof(name));
	return result;
}

static int take_field(struct import *in, struct field_value *field)
{
	switch (field->kind) {
	case FIELD_SETTING:
		return take_setting(in, &field->value, STORE_ACCOUNT, in->account);
	case FIELD_CONTACT_SETTING:
		return take_setting(in, &field->value, STORE_CONTACT, in->contact);
	case FIELD_BLOCKED:
		return take_blocked(in, &field->value);
	case FIELD_CONTACT:
		return take_contact(in, &field->value);
	default:
		return 0;
	}
}

static int take_fields(void *arg, int64_t account)
{
	struct import *in = arg;
	struct field_value field;
	int found;

	in->account = account;
	while ((found = next_field(in, &field)) == 1)
		if (take_field(in, &field) < 0)
			return -1;
	return found;
}

/* The two fields that say whose it is. */
static int take_owner(struct import *in, char name[ACCOUNT_NAME_MAX + 1], struct key *private_key)
{
	struct field_value field;

	if (next_field(in, &field) != 1 || field.kind != FIELD_NAME ||
	    take_text(in, &field.value, name, ACCOUNT_NAME_MAX) < 0 ||
	    next_field(in, &field) != 1 || field.kind != FIELD_IDENTITY ||
	    field.value.left != KEY_LEN)
		return malformed(in);
	read_bytes(&field.value, private_key->bytes, KEY_LEN);
	return 0;
}

static bool identity_known(const struct engine *engine, const struct key *private_key)
{
	for (unsigned i = 0; i < engine->account_count; i++)
		if (secret_equal(&engine->accounts[i]->identity.private_key, private_key, KEY_LEN))
			return true;
	return false;
}

struct account *engine_account_import(struct engine *engine, const char *path,
				      const char *passphrase, const char *name, struct err *err)
{
	struct import in = {.store = engine->store, .err = err};
	SECRET struct key private_key = {{0}};
	char own_name[ACCOUNT_NAME_MAX + 1];
	struct account *account = NULL;
	struct buf content;

	if (backup_read(path, passphrase, &content, err) == 0) {
		reader_init(&in.reader, content.data, content.len);
		if (take_owner(&in, own_name, &private_key) < 0)
			account = NULL;
		else if (identity_known(engine, &private_key))
			err_set(err, ERR_EXISTS, "backup: the account with this id is here");
		else
			account = engine_make_account(engine, name != NULL ? name : own_name,
						      &private_key, take_fields, &in, err);
	}
	buf_free(&content);
	return account;
}
