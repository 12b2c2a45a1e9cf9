/*
 * bridge.c: the bridge itself, and the words by which users name contacts. See bridge.h.
 */
#include "component/bridge_private.h"

#include "core/base/secret.h"
#include "core/pair_secret.h"

#include <stdlib.h>
#include <string.h>

/* What the server is given; bridge_set_registration changes a bridge's copy. */
static const struct server_host server_host = {
    .credentials = bridge_credentials,
    .tokens_get = bridge_tokens_get,
    .tokens_set = bridge_tokens_set,
    .roster = bridge_roster,
    .roster_set = bridge_roster_set,
    .roster_remove = bridge_roster_remove,
    .subscribe = bridge_subscribe,
    .deny = bridge_deny,
    .block = bridge_block,
    .block_list = bridge_block_list,
    .requests = bridge_requests,
    .invisible = bridge_set_invisible,
    .directed = bridge_directed,
    .commands = bridge_commands,
    .contact_presence = bridge_contact_presence,
    .presence = bridge_presence,
    .message = bridge_message,
    .flush = bridge_flush,
    .marks = bridge_marks,
    .arrived = bridge_arrived,
    .ready = bridge_ready,
    .account_create = bridge_account_create,
    .account_password = bridge_account_password,
    .account_remove = bridge_account_end,
    .told = bridge_told,
};

struct bridge *bridge_new(const struct env *env, const char *domain, struct err *err)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	if (bridge) {
		bridge->env = env;
		bridge->host = server_host;
		bridge->local_place.domain = strdup(domain);
		bridge->sent = calloc(SENT_MAX, sizeof(*bridge->sent));
	}
	if (!bridge || !bridge->local_place.domain || !bridge->sent) {
		bridge_free(&bridge);
		err_set(err, ERR_MEMORY, "out of memory");
	}
	return bridge;
}

void bridge_free(struct bridge **bridge)
{
	if (!*bridge)
		return;
	free((*bridge)->local_place.domain);
	free((*bridge)->gateway.domain);
	free((*bridge)->sent);
	timer_free(&(*bridge)->archive_erase);
	bridge_users_free(*bridge);
	bridge_peer_forget(*bridge, NULL, NULL);
	free(*bridge);
	*bridge = NULL;
}

void bridge_set_engine(struct bridge *bridge, struct engine *engine)
{
	bridge->engine = engine;
	if (engine)
		bridge_modes_apply(bridge);
}

void bridge_set_server(struct bridge *bridge, struct server *server)
{
	bridge->server = server;
	bridge->local_place.arg = server;
	bridge->local_place.front = server ? &bridge_front_local : NULL;
}

void bridge_set_local(struct bridge *bridge, struct local_store *local)
{
	bridge->local = local;
	bridge->host.archive = local ? &bridge_archive_host : NULL;
	if (local)
		bridge_archive_start(bridge);
	bridge->host.pep = local ? &bridge_pep_host : NULL;
}

struct engine *bridge_engine(const struct bridge *bridge)
{
	return bridge->engine;
}

void bridge_watch(struct bridge *bridge, void (*changed)(void *arg), void *arg)
{
	bridge->changed = changed;
	bridge->changed_arg = arg;
}

void bridge_changed(struct bridge *bridge)
{
	if (bridge->changed)
		bridge->changed(bridge->changed_arg);
}

struct account *bridge_account(const struct bridge *bridge, const char *user, struct err *err)
{
	struct account *account = bridge->engine ? engine_account_find(bridge->engine, user) : NULL;

	if (!account)
		err_set(err, ERR_NOT_FOUND, "no such account");
	return account;
}

struct contact *bridge_lookup(struct bridge *bridge, const char *user, const char *contact,
			      struct err *err)
{
	struct account *account = bridge_account(bridge, user, err);
	struct contact *found = account ? contact_find(account, contact) : NULL;

	if (account && !found)
		err_set(err, ERR_NOT_FOUND, "not in the list of contacts; add it first");
	return found;
}

const char *bridge_user_of(const struct contact *contact)
{
	return account_name(contact_account(contact));
}

/* --- contacts by their names --- */

static int passphrase_secret(const char *passphrase, const struct account *account, const char *id,
			     struct key *secret, struct err *err)
{
	char prepared[PASSPHRASE_MAX + 1];
	uint8_t own[X25519_LEN], other[X25519_LEN];
	int result;

	if (id_decode(account_id(account), own, err) || id_decode(id, other, err))
		return -1;
	/* The same characters must give the same bytes on every keyboard. */
	if (jid_saslprep(passphrase, prepared, sizeof(prepared)))
		return err_set(err, ERR_INPUT, "this cannot be a passphrase");
	result = pair_secret_from_passphrase(prepared, own, other, secret, err);
	secret_wipe(prepared, sizeof(prepared));
	return result;
}

/* The contact that an id or a link with a secret, which is wiped, leads to. */
static struct contact *make_contact(struct account *account, const struct invitation *invitation,
				    const char *name, const struct bridge_introduction *words,
				    struct err *err)
{
	static const struct bridge_introduction none;
	SECRET struct key secret = {{0}};
	char id[ID_LEN + 1];

	id_encode(invitation->host, id);
	words = words ? words : &none;
	if (contact_find(account, id)) {
		err_set(err, ERR_EXISTS, "this contact is there already");
		return NULL;
	}
	if (invitation->with_secret && words->passphrase) {
		err_set(err, ERR_INPUT, "an invitation's link needs no passphrase");
		return NULL;
	}
	if (bridge_request_pending(account, id))
		return account_request_accept(account, id, name && name[0] ? name : NULL, err);
	if (!name || !name[0])
		name = invitation->name;
	if (invitation->with_secret)
		return account_introduce(account, invitation, name, words->own_name, words->text,
					 err);
	if (words->passphrase && passphrase_secret(words->passphrase, account, id, &secret, err))
		return NULL;
	return contact_add(account, id, name, words->passphrase ? &secret : NULL, err);
}

struct contact *bridge_contact_make(struct account *account, const char *word, const char *name,
				    const struct bridge_introduction *words, struct err *err)
{
	struct invitation invitation;
	struct contact *contact;

	if (invitation_parse(word, &invitation, err))
		return NULL;
	contact = make_contact(account, &invitation, name, words, err);
	invitation_wipe(&invitation);
	return contact;
}

static struct contact *find_by_id(const struct account *account, const char *word)
{
	struct invitation invitation;
	char id[ID_LEN + 1];

	if (invitation_parse(word, &invitation, NULL))
		return NULL;
	id_encode(invitation.host, id);
	invitation_wipe(&invitation);
	return contact_find(account, id);
}

struct search {
	const char *name;
	struct contact *found;
	unsigned count;
};

static void match_name(void *arg, struct contact *contact)
{
	struct search *search = arg;

	if (strcmp(contact_name(contact), search->name) == 0) {
		search->found = contact;
		search->count++;
	}
}

struct contact *bridge_contact_find(const struct account *account, const char *word,
				    struct err *err)
{
	struct search search = {.name = word};
	struct contact *contact = find_by_id(account, word);

	if (contact)
		return contact;
	if (word[0])
		account_contacts(account, match_name, &search);
	if (search.count > 1)
		err_set(err, ERR_INPUT, "several contacts have this name; give the id");
	else if (!search.found)
		err_set(err, ERR_NOT_FOUND, "no such contact");
	return search.count == 1 ? search.found : NULL;
}

/* --- the two tables --- */

static void contact_state_changed(void *arg, struct contact *contact, enum contact_state state)
{
	if (state == CONTACT_LINKED)
		bridge_contact_met(arg, contact);
	bridge_peer_state(arg, contact);
	bridge_changed(arg);
}

const struct engine_handler *bridge_engine_handler(void)
{
	static const struct engine_handler handler = {
	    .status = bridge_contact_status,
	    .message = bridge_contact_message,
	    .delivered = bridge_delivered,
	    .state = contact_state_changed,
	    .request = bridge_contact_request,
	    .introduced = bridge_introduced,
	    .conflict = bridge_conflict,
	    .trouble = bridge_trouble,
	};

	return &handler;
}

void bridge_set_registration(struct bridge *bridge, bool allowed)
{
	bridge->host.account_create = allowed ? bridge_account_create : NULL;
}

const struct server_host *bridge_server_host(const struct bridge *bridge)
{
	return &bridge->host;
}
