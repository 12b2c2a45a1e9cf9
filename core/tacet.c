/*
 * tacet.c: the public face of node.h and engine.h. Contracts are in tacet.h.
 *
 * Enums are translated by tables, so that either side may grow. A call that may have given the loop
 * work touches it.
 */
#include <config.h> /* of autoconf */

#include "core/tacet_private.h"

#include "core/base/log.h"
#include "core/pair_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)TACET_LOG_DEBUG == (int)LOG_LEVEL_DEBUG, "tacet.h repeats log.h");
_Static_assert(TACET_ID_LEN == ID_LEN, "tacet.h repeats identity.h");
_Static_assert(TACET_PAYLOAD_MAX == PAYLOAD_MAX, "tacet.h repeats engine.h");
_Static_assert(TACET_LINK_SIZE == INVITATION_LINK_SIZE, "tacet.h repeats invitation.h");
_Static_assert(TACET_PHRASE_SIZE == VERIFICATION_SIZE, "tacet.h repeats engine.h");
_Static_assert(TACET_SERVICE_MAX == CHANNEL_SERVICE_MAX, "tacet.h repeats channel_frame.h");
_Static_assert(TACET_PASSPHRASE_MAX == PASSPHRASE_MAX, "tacet.h repeats pair_secret.h");

/* --- names --- */

static const enum tacet_code codes[] = {
    [ERR_NONE] = TACET_OK,
    [ERR_SYSTEM] = TACET_SYSTEM,
    [ERR_MEMORY] = TACET_MEMORY,
    [ERR_INPUT] = TACET_INPUT,
    [ERR_LIMIT] = TACET_LIMIT,
    [ERR_AUTH] = TACET_STATE,
    [ERR_CRYPTO] = TACET_INTERNAL,
    [ERR_PROTOCOL] = TACET_INTERNAL,
    [ERR_NOT_FOUND] = TACET_NOT_FOUND,
    [ERR_EXISTS] = TACET_EXISTS,
    [ERR_TIMEOUT] = TACET_UNAVAILABLE,
    [ERR_CLOSED] = TACET_UNAVAILABLE,
    [ERR_UNAVAILABLE] = TACET_UNAVAILABLE,
    [ERR_WRONG_STATE] = TACET_STATE,
};

static const enum tacet_show shows[] = {
    [SHOW_OFFLINE] = TACET_OFFLINE, [SHOW_AVAILABLE] = TACET_AVAILABLE,
    [SHOW_CHAT] = TACET_CHAT,       [SHOW_AWAY] = TACET_AWAY,
    [SHOW_DND] = TACET_DND,         [SHOW_XA] = TACET_XA,
};

static const enum tacet_link links[] = {
    [CONTACT_IDLE] = TACET_IDLE,
    [CONTACT_LOOKING] = TACET_LOOKING,
    [CONTACT_PUBLISHING] = TACET_PUBLISHING,
    [CONTACT_WAITING] = TACET_WAITING,
    [CONTACT_DIALLING] = TACET_DIALLING,
    [CONTACT_LINKED] = TACET_LINKED,
};

static const enum tacet_tor tors[] = {
    [TOR_STARTING] = TACET_TOR_STARTING,
    [TOR_BOOTSTRAPPING] = TACET_TOR_BOOTSTRAPPING,
    [TOR_READY] = TACET_TOR_READY,
    [TOR_DOWN] = TACET_TOR_DOWN,
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

int facade_err(struct tacet_err *out, const struct err *err)
{
	if (out == NULL)
		return -1;
	out->code = (size_t)err->code < COUNT(codes) ? codes[err->code] : TACET_INTERNAL;
	snprintf(out->text, sizeof(out->text), "%s", err->text);
	return -1;
}

int facade_fail(struct tacet_err *out, enum err_code code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	return facade_err(out, &err);
}

static struct tacet_presence presence_out(const struct status *status)
{
	return (struct tacet_presence){
	    .show = shows[status->show], .priority = status->priority, .text = status->text};
}

static int presence_in(const struct tacet_presence *presence, struct status *status,
		       struct tacet_err *err)
{
	size_t show = 0;
	const char *text = presence->text != NULL ? presence->text : "";

	while (show < COUNT(shows) && shows[show] != presence->show)
		show++;
	if (show == COUNT(shows))
		return facade_fail(err, ERR_INPUT, "no such show");
	if (strlen(text) > STATUS_TEXT_MAX)
		return facade_fail(err, ERR_INPUT, "the status text is too long");
	status->show = (enum show)show;
	status->priority = (int8_t)(presence->priority < INT8_MIN   ? INT8_MIN
				    : presence->priority > INT8_MAX ? INT8_MAX
								    : presence->priority);
	strcpy(status->text, text);
	return 0;
}

/* --- handlers --- */

static void on_status(void *arg, struct contact *contact, const struct status *status)
{
	struct tacet *tacet = arg;
	struct tacet_presence presence = presence_out(status);

	if (tacet->handlers.presence != NULL)
		tacet->handlers.presence(tacet->arg, contact_out(contact), &presence);
}

static enum reception on_message(void *arg, struct contact *contact, uint64_t token,
				 const uint8_t *payload, size_t len, int64_t sent_ms)
{
	struct tacet *tacet = arg;

	(void)token;
	if (tacet->handlers.message != NULL &&
	    tacet->handlers.message(tacet->arg, contact_out(contact), payload, len, sent_ms))
		return MESSAGE_TAKEN;
	return MESSAGE_REFUSED;
}

static void on_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
			 const char *reason)
{
	struct tacet *tacet = arg;

	if (tacet->handlers.delivered != NULL)
		tacet->handlers.delivered(tacet->arg, contact_out(contact), token,
					  how == DELIVERY_ACKED ? TACET_DELIVERED : TACET_REFUSED,
					  reason != NULL ? reason : "");
}

static void on_state(void *arg, struct contact *contact, enum contact_state state)
{
	struct tacet *tacet = arg;

	if (tacet->handlers.link != NULL)
		tacet->handlers.link(tacet->arg, contact_out(contact), links[state]);
}

static void on_tor(void *arg, const struct tor_status *status)
{
	struct tacet *tacet = arg;
	struct tacet_network network = tacet_network(tacet);

	(void)status;
	if (tacet->handlers.network != NULL)
		tacet->handlers.network(tacet->arg, &network);
}

void facade_adopt(void *tacet, struct account *account)
{
	account_set_user(account, tacet);
}

/* --- open, run, close --- */

const char *tacet_version(void)
{
	return PACKAGE_VERSION;
}

int facade_take(void *out, size_t out_size, const void *in, struct tacet_err *err)
{
	size_t size;

	memcpy(&size, in, sizeof(size));
	if (size < sizeof(size) || size > 64 * out_size)
		return facade_fail(err, ERR_INPUT, "the size of options or handlers is not set");
	memset(out, 0, out_size);
	memcpy(out, in, size < out_size ? size : out_size);
	return 0;
}

static struct node *open_node(struct tacet *tacet, const struct tacet_options *options,
			      struct err *err)
{
	static const struct node_handler handler = {
	    .engine = {.status = on_status,
		       .message = on_message,
		       .delivered = on_delivered,
		       .state = on_state,
		       .request = facade_request,
		       .introduced = facade_introduced,
		       .trouble = facade_trouble,
		       .conflict = facade_conflict},
	    .tor = on_tor,
	};
	const struct node_config config = {
	    .state_dir = options->state_dir,
	    .tor = {.program = options->tor_program,
		    .extra = options->tor_extra,
		    .control = options->tor_control,
		    .socks = options->tor_socks,
		    .password = options->tor_password},
	    .gateways = options->gateways,
	    .gateway_count = options->gateway_count,
	    .replicas = options->replicas,
	    .renewal_ms = options->renewal_ms,
	    .decoys = true,
	};

	tacet->loop = loop_new(err);
	return tacet->loop != NULL ? node_new(tacet->loop, &config, &handler, tacet, err) : NULL;
}

struct tacet *tacet_open(const struct tacet_options *caller_options,
			 const struct tacet_handlers *handlers, void *arg, struct tacet_err *err)
{
	struct tacet_options options;
	struct err why;
	struct tacet *tacet = calloc(1, sizeof(*tacet));

	if (tacet == NULL) {
		facade_fail(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	tacet->arg = arg;
	if (facade_take(&options, sizeof(options), caller_options, err) < 0 ||
	    facade_take(&tacet->handlers, sizeof(tacet->handlers), handlers, err) < 0) {
		free(tacet);
		return NULL;
	}
	if (options.state_dir == NULL || options.state_dir[0] == '\0')
		err_set(&why, ERR_INPUT, "state_dir is not set");
	else
		tacet->node = open_node(tacet, &options, &why);
	if (tacet->node == NULL) {
		facade_err(err, &why);
		tacet_close(&tacet);
		return NULL;
	}
	engine_accounts(node_engine(tacet->node), facade_adopt, tacet);
	return tacet;
}

void tacet_close(struct tacet **tacet)
{
	struct tacet *old = *tacet;

	if (old == NULL)
		return;
	*tacet = NULL;
	facade_end_streams(old);
	node_free(&old->node);
	loop_free(&old->loop);
	free(old);
}

void tacet_run(struct tacet *tacet)
{
	loop_run(tacet->loop);
}

void tacet_stop(struct tacet *tacet)
{
	loop_stop(tacet->loop);
}

int tacet_fd(struct tacet *tacet, struct tacet_err *err)
{
	struct err why;
	int fd = loop_fd(tacet->loop, &why);

	if (fd < 0)
		facade_err(err, &why);
	return fd;
}

void tacet_run_once(struct tacet *tacet, int64_t timeout_ms)
{
	loop_run_once(tacet->loop, timeout_ms);
}

struct tacet_network tacet_network(const struct tacet *tacet)
{
	const struct tor_status *tor = node_tor_status(tacet->node);
	const char *why;

	return (struct tacet_network){
	    .tor = tors[tor->state],
	    .progress = tor->progress,
	    .summary = tor->summary,
	    .problem = tor->problem,
	    .clock_offset_ms = node_clock_offset(tacet->node, &why),
	};
}

/* --- accounts --- */

struct tacet_account *tacet_account_add(struct tacet *tacet, const char *name,
					struct tacet_err *err)
{
	struct err why;
	struct account *account = engine_account_add(node_engine(tacet->node), name, &why);

	if (account == NULL) {
		facade_err(err, &why);
		return NULL;
	}
	facade_adopt(tacet, account);
	facade_touch(account);
	return account_out(account);
}

struct tacet_account *tacet_account_find(const struct tacet *tacet, const char *name)
{
	return account_out(engine_account_find(node_engine(tacet->node), name));
}

struct each_account {
	void (*each)(void *arg, struct tacet_account *account);
	void *arg;
};

static void each_account(void *arg, struct account *account)
{
	struct each_account *each = arg;

	each->each(each->arg, account_out(account));
}

void tacet_accounts(const struct tacet *tacet,
		    void (*each)(void *arg, struct tacet_account *account), void *arg)
{
	struct each_account call = {each, arg};

	engine_accounts(node_engine(tacet->node), each_account, &call);
}

const char *tacet_account_name(const struct tacet_account *account)
{
	return account_name(account_in(account));
}

const char *tacet_account_id(const struct tacet_account *account)
{
	return account_id(account_in(account));
}

int tacet_account_present(struct tacet_account *account, const struct tacet_presence *presence,
			  struct tacet_err *err)
{
	struct status status;

	if (presence_in(presence, &status, err) < 0)
		return -1;
	if (account_set_status(account_in(account), &status) < 0)
		return facade_fail(err, ERR_INPUT, "the status text is not UTF-8");
	facade_touch(account_in(account));
	return 0;
}

bool tacet_account_reachable(const struct tacet_account *account)
{
	return account_published(account_in(account));
}

void tacet_deliver_waiting(struct tacet_account *account)
{
	engine_deliver_waiting(account_in(account));
	facade_touch(account_in(account));
}

/* --- contacts --- */

int tacet_id_check(const char *id, struct tacet_err *err)
{
	uint8_t public_key[X25519_LEN];
	struct err why;

	if (id_decode(id, public_key, &why) == 0)
		return 0;
	facade_err(err, &why);
	return -1;
}

static int make_secret(const struct account *account, const char *id, const char *passphrase,
		       struct key *secret, struct err *err)
{
	uint8_t own[X25519_LEN], theirs[X25519_LEN];

	if (id_decode(account_id(account), own, err) < 0 || id_decode(id, theirs, err) < 0)
		return -1;
	return pair_secret_from_passphrase(passphrase, own, theirs, secret, err);
}

struct tacet_contact *tacet_contact_add(struct tacet_account *account, const char *id,
					const char *name, const char *passphrase,
					struct tacet_err *err)
{
	SECRET struct key secret;
	struct err why;
	struct contact *contact = NULL;

	if (passphrase == NULL ||
	    make_secret(account_in(account), id, passphrase, &secret, &why) == 0)
		contact = contact_add(account_in(account), id, name,
				      passphrase != NULL ? &secret : NULL, &why);
	if (contact == NULL)
		facade_err(err, &why);
	else
		facade_touch(account_in(account));
	return contact_out(contact);
}

int tacet_contact_remove(struct tacet_contact **contact, struct tacet_err *err)
{
	struct contact *old = contact_in(*contact);
	struct account *account = contact_account(old);
	struct err why;

	if (contact_remove(&old, &why) < 0) {
		facade_err(err, &why);
		return -1;
	}
	*contact = NULL;
	facade_touch(account);
	return 0;
}

struct tacet_contact *tacet_contact_find(const struct tacet_account *account, const char *id)
{
	return contact_out(contact_find(account_in(account), id));
}

struct each_contact {
	void (*each)(void *arg, struct tacet_contact *contact);
	void *arg;
};

static void each_contact(void *arg, struct contact *contact)
{
	struct each_contact *each = arg;

	each->each(each->arg, contact_out(contact));
}

void tacet_contacts(const struct tacet_account *account,
		    void (*each)(void *arg, struct tacet_contact *contact), void *arg)
{
	struct each_contact call = {each, arg};

	account_contacts(account_in(account), each_contact, &call);
}

struct tacet_account *tacet_contact_account(const struct tacet_contact *contact)
{
	return account_out(contact_account(contact_in(contact)));
}

const char *tacet_contact_id(const struct tacet_contact *contact)
{
	return contact_id(contact_in(contact));
}

const char *tacet_contact_name(const struct tacet_contact *contact)
{
	return contact_name(contact_in(contact));
}

int tacet_contact_rename(struct tacet_contact *contact, const char *name, struct tacet_err *err)
{
	struct err why;

	if (contact_set_name(contact_in(contact), name, &why) == 0)
		return 0;
	facade_err(err, &why);
	return -1;
}

struct tacet_presence tacet_contact_presence(const struct tacet_contact *contact)
{
	return presence_out(contact_status(contact_in(contact)));
}

enum tacet_link tacet_contact_link(const struct tacet_contact *contact)
{
	return links[contact_state(contact_in(contact))];
}

int64_t tacet_contact_since_at(const struct tacet_contact *contact)
{
	return contact_since_ms(contact_in(contact));
}

unsigned tacet_contact_waiting(const struct tacet_contact *contact)
{
	return contact_outbox(contact_in(contact));
}

int tacet_send(struct tacet_contact *contact, const void *payload, size_t len, uint64_t *token,
	       struct tacet_err *err)
{
	struct err why;
	uint64_t unwanted;

	if (engine_send(contact_in(contact), payload, len, token != NULL ? token : &unwanted,
			&why) < 0) {
		facade_err(err, &why);
		return -1;
	}
	facade_touch(contact_account(contact_in(contact)));
	return 0;
}

/* --- log: like the log itself, one for the process --- */

static struct {
	void (*sink)(void *arg, enum tacet_log_level level, const char *line);
	void *arg;
} log_to;

static void log_line(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	log_to.sink(log_to.arg, (enum tacet_log_level)level, line);
}

void tacet_log(enum tacet_log_level level,
	       void (*sink)(void *arg, enum tacet_log_level level, const char *line), void *arg)
{
	log_to.sink = sink;
	log_to.arg = arg;
	log_set_level(level > TACET_LOG_DEBUG ? LOG_LEVEL_DEBUG : (enum log_level)level);
	log_set_sink(sink != NULL ? log_line : NULL, NULL);
}
