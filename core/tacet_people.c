/*
 * tacet_people.c: becoming contacts, and backups. Contracts are in tacet.h.
 */
#include "core/tacet_private.h"

#include <string.h>

/* --- what the engine tells --- */

static struct tacet_request request_out(const struct contact_request *request)
{
	return (struct tacet_request){.id = request->id,
				      .name = request->name,
				      .text = request->text,
				      .since_at = request->since_ms};
}

void facade_request(void *arg, struct account *account, const struct contact_request *request)
{
	struct tacet *tacet = arg;
	struct tacet_request out = request_out(request);

	if (tacet->handlers.request != NULL)
		tacet->handlers.request(tacet->arg, account_out(account), &out);
}

void facade_introduced(void *arg, struct contact *contact, const struct err *why)
{
	struct tacet *tacet = arg;
	struct tacet_err out;

	if (why != NULL)
		facade_err(&out, why);
	if (tacet->handlers.introduced != NULL)
		tacet->handlers.introduced(tacet->arg, contact_out(contact),
					   why != NULL ? &out : NULL);
}

void facade_trouble(void *arg, const char *why)
{
	struct tacet *tacet = arg;

	if (tacet->handlers.trouble != NULL)
		tacet->handlers.trouble(tacet->arg, why);
}

void facade_conflict(void *arg, struct account *account)
{
	struct tacet *tacet = arg;

	if (tacet->handlers.conflict != NULL)
		tacet->handlers.conflict(tacet->arg, account_out(account));
}

/* The result of an engine call on the account. */
static int done(struct account *account, int result, const struct err *why, struct tacet_err *err)
{
	facade_touch(account);
	return result < 0 ? facade_err(err, why) : 0;
}

static struct tacet_contact *done_contact(struct account *account, struct contact *contact,
					  const struct err *why, struct tacet_err *err)
{
	done(account, contact != NULL ? 0 : -1, why, err);
	return contact_out(contact);
}

/* --- invitations --- */

int tacet_invite(struct tacet_account *account, const char *name, bool reusable,
		 int64_t lifetime_ms, char link[TACET_LINK_SIZE], struct tacet_err *err)
{
	struct err why;
	int result;

	if (lifetime_ms <= 0)
		return facade_fail(err, ERR_INPUT, "an invitation needs some time");
	result = account_invite(account_in(account), name != NULL ? name : "", reusable,
				lifetime_ms, link, &why);
	return done(account_in(account), result, &why, err);
}

struct each_invitation {
	void (*each)(void *arg, const struct tacet_invitation *invitation);
	void *arg;
};

static void each_invitation(void *arg, const struct invitation_info *info)
{
	struct each_invitation *call = arg;
	const struct tacet_invitation invitation = {.number = info->number,
						    .reusable = info->reusable,
						    .expires_at = info->expires_ms,
						    .used = info->used,
						    .link = info->link};

	call->each(call->arg, &invitation);
}

void tacet_invitations(const struct tacet_account *account,
		       void (*each)(void *arg, const struct tacet_invitation *invitation),
		       void *arg)
{
	struct each_invitation call = {each, arg};

	account_invitations(account_in(account), each_invitation, &call);
}

int tacet_invitation_revoke(struct tacet_account *account, int64_t number, struct tacet_err *err)
{
	struct err why;
	int result = account_invitation_revoke(account_in(account), number, &why);

	return done(account_in(account), result, &why, err);
}

struct tacet_contact *tacet_introduce(struct tacet_account *account, const char *link,
				      const char *name, const char *own_name, const char *text,
				      struct tacet_err *err)
{
	struct invitation invitation;
	struct contact *contact;
	struct err why;

	if (invitation_parse(link, &invitation, &why) < 0) {
		facade_err(err, &why);
		return NULL;
	}
	contact =
	    account_introduce(account_in(account), &invitation, name,
			      own_name != NULL ? own_name : "", text != NULL ? text : "", &why);
	invitation_wipe(&invitation);
	return done_contact(account_in(account), contact, &why, err);
}

bool tacet_contact_introducing(const struct tacet_contact *contact)
{
	return contact_introducing(contact_in(contact));
}

/* --- requests --- */

struct each_request {
	void (*each)(void *arg, const struct tacet_request *request);
	void *arg;
};

static void each_request(void *arg, const struct contact_request *request)
{
	struct each_request *call = arg;
	struct tacet_request out = request_out(request);

	call->each(call->arg, &out);
}

void tacet_requests(const struct tacet_account *account,
		    void (*each)(void *arg, const struct tacet_request *request), void *arg)
{
	struct each_request call = {each, arg};

	account_requests(account_in(account), each_request, &call);
}

struct tacet_contact *tacet_request_accept(struct tacet_account *account, const char *id,
					   const char *name, struct tacet_err *err)
{
	struct err why;
	struct contact *contact = account_request_accept(account_in(account), id, name, &why);

	return done_contact(account_in(account), contact, &why, err);
}

int tacet_request_deny(struct tacet_account *account, const char *id, struct tacet_err *err)
{
	struct err why;
	int result = account_request_deny(account_in(account), id, &why);

	return done(account_in(account), result, &why, err);
}

int tacet_block(struct tacet_account *account, const char *id, struct tacet_err *err)
{
	struct err why;
	int result = account_block(account_in(account), id, &why);

	return done(account_in(account), result, &why, err);
}

int tacet_unblock(struct tacet_account *account, const char *id, struct tacet_err *err)
{
	struct err why;
	int result = account_unblock(account_in(account), id, &why);

	return done(account_in(account), result, &why, err);
}

void tacet_blocked(const struct tacet_account *account, void (*each)(void *arg, const char *id),
		   void *arg)
{
	account_blocked(account_in(account), each, arg, NULL);
}

void tacet_contact_phrase(const struct tacet_contact *contact, char phrase[TACET_PHRASE_SIZE])
{
	contact_verification(contact_in(contact), phrase);
}

/* --- accounts out and in --- */

int tacet_account_export(const struct tacet_account *account, const char *passphrase,
			 const char *path, struct tacet_err *err)
{
	struct err why;

	if (account_export(account_in(account), passphrase, path, &why) < 0)
		return facade_err(err, &why);
	return 0;
}

struct tacet_account *tacet_account_import(struct tacet *tacet, const char *path,
					   const char *passphrase, const char *name,
					   struct tacet_err *err)
{
	struct err why;
	struct account *account =
	    engine_account_import(node_engine(tacet->node), path, passphrase, name, &why);

	if (account == NULL) {
		facade_err(err, &why);
		return NULL;
	}
	facade_adopt(tacet, account);
	facade_touch(account);
	return account_out(account);
}

int tacet_account_remove(struct tacet_account **account, struct tacet_err *err)
{
	struct account *old = account_in(*account);
	struct tacet *tacet = facade_of(old);
	struct err why;

	if (engine_account_remove(&old, &why) < 0)
		return facade_err(err, &why);
	*account = NULL;
	loop_touch(tacet->loop);
	return 0;
}

int tacet_account_cover(struct tacet_account *account, int64_t mean_ms, struct tacet_err *err)
{
	struct err why;
	int result = account_set_cover(account_in(account), mean_ms, &why);

	return done(account_in(account), result, &why, err);
}
