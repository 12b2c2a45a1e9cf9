/*
 * request.c: see request.h. Also what the layer above asks about requests, and whom it blocks.
 */
#include "core/request.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

struct request {
	struct request *next; /* newer */
	struct store_request row;
	uint8_t mark[INSTANCE_LEN];
	bool untold;
};

static struct store *store_of(const struct account *account)
{
	return account->engine->store;
}

/* --- the list --- */

static struct request *find(const struct account *account, const uint8_t key[X25519_LEN])
{
	struct request *request = account->requests;

	while (request != NULL && memcmp(request->row.public_key, key, X25519_LEN) != 0)
		request = request->next;
	return request;
}

static struct request *find_id(const struct account *account, const char *id, struct err *err)
{
	uint8_t key[X25519_LEN];
	struct request *request = NULL;

	if (id_decode(id, key, err) < 0)
		return NULL;
	request = find(account, key);
	if (request == NULL)
		err_set(err, ERR_NOT_FOUND, "request: there is none from this id");
	return request;
}

static struct contact *find_contact(const struct account *account, const uint8_t key[X25519_LEN])
{
	char id[ID_LEN + 1];

	id_encode(key, id);
	return contact_find(account, id);
}

static struct request *add(struct account *account, const struct store_request *row)
{
	struct request **link = &account->requests;
	struct request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->row = *row;
	introduction_mark(&row->secret, request->mark);
	while (*link != NULL)
		link = &(*link)->next;
	*link = request;
	account->request_count++;
	return request;
}

static void drop(struct account *account, struct request *request)
{
	struct request **link = &account->requests;

	while (*link != request)
		link = &(*link)->next;
	*link = request->next;
	account->request_count--;
	secret_free(request, sizeof(*request));
}

struct loading {
	struct account *account;
	struct err *err;
};

static int load(void *arg, const struct store_request *row)
{
	struct loading *loading = arg;
	struct account *account = loading->account;
	const struct contact *contact = find_contact(account, row->public_key);

	/* It was accepted, and the process died before the request was removed. */
	if (contact != NULL && secret_equal(&contact->row.secret, &row->secret, KEY_LEN))
		return store_request_remove(store_of(account), account->id, row->public_key,
					    loading->err);
	if (add(account, row) != NULL)
		return 0;
	return err_set(loading->err, ERR_MEMORY, "request: out of memory");
}

int requests_load(struct account *account, struct err *err)
{
	struct loading loading = {account, err};

	return store_requests(store_of(account), account->id, load, &loading, err);
}

void requests_free(struct account *account)
{
	while (account->requests != NULL)
		drop(account, account->requests);
}

bool requests_half_full(const struct account *account)
{
	return account->request_count >= REQUESTS_MAX / 2;
}

bool requests_full(const struct account *account)
{
	return account->request_count >= REQUESTS_MAX;
}

bool request_expected(const struct account *account, const uint8_t mark[INSTANCE_LEN])
{
	bool expected = false;

	for (const struct request *request = account->requests; request != NULL;
	     request = request->next)
		expected |= secret_equal(request->mark, mark, INSTANCE_LEN);
	return expected;
}

/* --- coming in --- */

/* Request and use of the invitation in one transaction. */
static int store_both(struct account *account, struct door *door, const struct store_request *row,
		      const uint8_t *mark, bool use, struct err *err)
{
	struct store *store = store_of(account);
	struct store_invitation before = *door_row(door);
	int result = store_begin(store, true, err);

	if (result < 0)
		return -1;
	if (row != NULL)
		result = store_request_set(store, account->id, row, err);
	if (result == 0 && use)
		result = door_use(door, row->public_key, mark, err);
	if (result == 0)
		result = store_commit(store, err);
	else
		store_rollback(store);
	if (result < 0)
		door_restore(door, &before);
	secret_wipe(&before, sizeof(before));
	return result;
}

static int put(struct account *account, struct door *door, const struct store_request *row,
	       const uint8_t *mark, struct err *err)
{
	struct request *known = find(account, row->public_key);
	bool used_before = !door_row(door)->reusable && door_row(door)->used > 0;

	if (known == NULL && requests_full(account))
		return err_set(err, ERR_LIMIT, "too many requests wait");
	if (store_both(account, door, row, mark,
		       door_row(door)->reusable ? known == NULL : !used_before, err) < 0)
		return -1;
	if (known != NULL) {
		known->row = *row;
		memcpy(known->mark, mark, INSTANCE_LEN);
		return 0;
	}
	known = add(account, row);
	/* It is stored: after a restart it will be there. */
	if (known == NULL)
		return err_set(err, ERR_MEMORY, "out of memory");
	known->untold = true;
	timer_set(account->engine->tell, 0);
	return 0;
}

int request_admit(struct account *account, struct door *door, const uint8_t guest[X25519_LEN],
		  const uint8_t mark[INSTANCE_LEN], const struct introduction *introduction,
		  struct err *err)
{
	const struct store_invitation *invitation = door_row(door);
	bool taken = !invitation->reusable && invitation->used > 0;
	const struct contact *contact = find_contact(account, guest);
	struct store_request row = {.secret = introduction->secret};
	int result;

	if (store_is_blocked(store_of(account), account->id, guest, err) != 0)
		return err_set(err, ERR_AUTH, "blocked, or nobody knows");
	if (memcmp(guest, account->identity.public_key, X25519_LEN) == 0)
		return err_set(err, ERR_INPUT, "it is we ourselves");
	/* Two may have knocked before one of them used it up. */
	if (taken && memcmp(invitation->guest, guest, X25519_LEN) != 0)
		return err_set(err, ERR_AUTH, "another has used the invitation");
	/* Accepted or refused since. */
	if (taken && find(account, guest) == NULL)
		return 0;
	if (contact != NULL && secret_equal(&contact->row.secret, &introduction->secret, KEY_LEN))
		return 0;
	memcpy(row.public_key, guest, X25519_LEN);
	memcpy(row.name, introduction->name, sizeof(row.name));
	memcpy(row.text, introduction->text, sizeof(row.text));
	row.since_ms = engine_now_ms(account->engine);
	result = put(account, door, &row, mark, err);
	secret_wipe(&row, sizeof(row));
	return result;
}

/* --- telling --- */

static void describe(const struct request *request, struct contact_request *out)
{
	id_encode(request->row.public_key, out->id);
	memcpy(out->name, request->row.name, sizeof(out->name));
	memcpy(out->text, request->row.text, sizeof(out->text));
	out->since_ms = request->row.since_ms;
}

static struct request *next_untold(struct account *account)
{
	struct request *request = account->requests;

	while (request != NULL && !request->untold)
		request = request->next;
	return request;
}

void requests_tell(struct account *account)
{
	struct engine *engine = account->engine;
	struct request *request = NULL;

	/* From the start each time: the handler may accept or deny. */
	while ((request = next_untold(account)) != NULL) {
		struct contact_request told;
		request->untold = false;
		describe(request, &told);
		if (engine->handler.request != NULL)
			engine->handler.request(engine->arg, account, &told);
	}
}

/* --- what the layer above asks --- */

void account_requests(const struct account *account,
		      void (*each)(void *arg, const struct contact_request *request), void *arg)
{
	struct request *next = NULL;

	for (struct request *request = account->requests; request != NULL; request = next) {
		struct contact_request told;
		next = request->next;
		describe(request, &told);
		each(arg, &told);
	}
}

static int remove_request(struct account *account, struct request *request, struct err *err)
{
	if (store_request_remove(store_of(account), account->id, request->row.public_key, err) < 0)
		return -1;
	drop(account, request);
	return 0;
}

struct contact *account_request_accept(struct account *account, const char *id, const char *petname,
				       struct err *err)
{
	struct request *request = find_id(account, id, err);
	struct contact *contact = NULL;
	struct err why = {0};

	if (request == NULL)
		return NULL;
	contact = find_contact(account, request->row.public_key);
	if (contact == NULL) {
		contact = contact_add(account, id, petname != NULL ? petname : request->row.name,
				      &request->row.secret, err);
	} else if (contact_set_secret(contact, &request->row.secret, err) < 0) {
		/* The guest had removed us, and has come again. */
		contact = NULL;
	}
	/* If it cannot be removed now, it is when the account is loaded. */
	if (contact != NULL && remove_request(account, request, &why) < 0) {
		log_warn("request: %s", why.text);
		drop(account, request);
	}
	return contact;
}

int account_request_deny(struct account *account, const char *id, struct err *err)
{
	struct request *request = find_id(account, id, err);

	return request == NULL ? -1 : remove_request(account, request, err);
}

int account_block(struct account *account, const char *id, struct err *err)
{
	uint8_t key[X25519_LEN];
	struct request *request = NULL;
	struct contact *contact = NULL;

	if (id_decode(id, key, err) < 0 ||
	    store_block(store_of(account), account->id, key, err) < 0)
		return -1;
	request = find(account, key);
	if (request != NULL && remove_request(account, request, err) < 0)
		return -1;
	contact = find_contact(account, key);
	if (contact != NULL)
		return contact_remove(&contact, err);
	/* A guest may know our address. */
	if (request != NULL)
		account_flee(account);
	return 0;
}

int account_unblock(struct account *account, const char *id, struct err *err)
{
	uint8_t key[X25519_LEN];
	int result;

	if (id_decode(id, key, err) < 0)
		return -1;
	result = store_unblock(store_of(account), account->id, key, err);
	if (result == 0)
		return err_set(err, ERR_NOT_FOUND, "this id is not blocked");
	return result < 0 ? -1 : 0;
}

struct blocked_walk {
	void (*each)(void *arg, const char *id);
	void *arg;
};

static int show_blocked(void *arg, const uint8_t public_key[X25519_LEN])
{
	const struct blocked_walk *walk = arg;
	char id[ID_LEN + 1];

	id_encode(public_key, id);
	walk->each(walk->arg, id);
	return 0;
}

int account_blocked(const struct account *account, void (*each)(void *arg, const char *id),
		    void *arg, struct err *err)
{
	struct blocked_walk walk = {each, arg};

	return store_blocked(store_of(account), account->id, show_blocked, &walk, err) < 0 ? -1 : 0;
}
