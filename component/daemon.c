/*
 * daemon.c: see daemon.h.
 */
#include "component/daemon.h"

#include "component/bridge.h"
#include "component/control.h"
#include "component/daemon_status.h"
#include "component/gw_stream.h"
#include "component/local_store.h"
#include "component/state_dir.h"
#include "component/text_file.h"
#include "core/base/log.h"
#include "core/node.h"
#include "core/store_key.h"

#include <stdlib.h>

/* How long clients get to take the end of their streams, in ms. */
#define CLIENTS_GOODBYE_MS 300
#define CLIENTS_STEP_MS    20
/* And the Jabber server, to take a presence of every contact of every user. */
#define GATEWAY_GOODBYE_MS 2000

struct daemon {
	struct loop *loop;
	const struct config *config;
	struct key store_key; /* once it is known */
	bool locked;          /* it waits for the passphrase of the key */
	struct local_store *local;
	struct bridge *bridge;
	struct node *node;
	struct server *server;
	struct gw_stream *gateway; /* NULL: none */
	struct control *control;
};

static void tor_changed(void *arg, const struct tor_status *status)
{
	(void)status;
	bridge_changed(arg);
}

/* After the node, which has locked the state directory. */
static int open_local(struct daemon *daemon, const struct config *config, const struct key *key,
		      struct err *err)
{
	char *path = state_dir_path(config->state_dir, "local.db", err);

	if (path)
		daemon->local = local_store_open(path, key, err);
	free(path);
	if (!daemon->local)
		return -1;
	bridge_set_local(daemon->bridge, daemon->local);
	return 0;
}

static int start_node(struct daemon *daemon, const struct config *config, const struct key *key,
		      struct err *err)
{
	const struct node_handler handler = {*bridge_engine_handler(), tor_changed};
	char *extra = NULL, *password = NULL;
	struct node_config node = {
	    .state_dir = config->state_dir,
	    .store_key = key,
	    .tor = {.program = config->tor_program,
		    .control = config->tor_control,
		    .socks = config->tor_socks},
	    .tors = (unsigned)config->tor_processes,
	    .share = (unsigned)config->accounts_per_service,
	    .gateways = (const char *const *)config->gateways.items,
	    .gateway_count = config->gateways.count,
	    .gateway_timeout_ms = config->gateway_timeout_ms,
	    .replicas = (unsigned)config->replicas,
	    .circuits = (unsigned)config->circuits,
	    .decoys = config->decoys,
	    .renewal_ms = config->status_renewal_ms,
	};

	if ((!config->tor_extra_file || (extra = text_file_read(config->tor_extra_file, err))) &&
	    (!config->tor_password_file ||
	     (password = text_file_read_line(config->tor_password_file, err)))) {
		node.tor.extra = extra;
		node.tor.password = password;
		daemon->node = node_new(daemon->loop, &node, &handler, daemon->bridge, err);
	}
	text_wipe(extra);
	text_wipe(password);
	if (!daemon->node)
		return -1;
	bridge_set_engine(daemon->bridge, node_engine(daemon->node));
	return 0;
}

/* The list with a NULL at its end; the items stay the list's. */
static const char **ended(const struct config_list *list)
{
	const char **items = calloc(list->count + 1, sizeof(*items));

	for (size_t i = 0; items && i < list->count; i++)
		items[i] = list->items[i];
	return items;
}

static int start_server(struct daemon *daemon, const struct config *config, struct err *err)
{
	const char **listen = ended(&config->listen);
	const char **origins = ended(&config->http_origins);
	char *uploads = config->upload ? state_dir_path(config->state_dir, "upload", err) : NULL;
	const struct server_web web = {.port = (uint16_t)config->http_port,
				       .origins = origins,
				       .files = config->web_directory,
				       .uploads = uploads};
	char *tls = config->tls ? state_dir_path(config->state_dir, "tls", err) : NULL;
	char *secret = state_dir_path(config->state_dir, "sasl.secret", err);
	struct server_config server = {
	    .domain = config->domain,
	    .listen = config->local_server ? listen : NULL,
	    .port = (uint16_t)config->port,
	    .tls_port = config->tls_port ? (int32_t)config->tls_port : -1,
	    .socket = config->xmpp_socket,
	    .web = config->http_port && config->local_server ? &web : NULL,
	    .plain_without_tls = config->plain,
	    .tls_directory = config->local_server ? tls : NULL,
	    .state_secret = secret,
	};

	bridge_set_registration(daemon->bridge, config->registration);
	if (!listen || !origins)
		err_set(err, ERR_MEMORY, "out of memory");
	if (listen && origins && secret && (tls || !config->tls) && (uploads || !config->upload))
		daemon->server = server_new(
		    daemon->loop, &server, bridge_server_host(daemon->bridge), daemon->bridge, err);
	free(listen);
	free(origins);
	free(uploads);
	free(tls);
	free(secret);
	if (!daemon->server)
		return -1;
	bridge_set_server(daemon->bridge, daemon->server);
	return 0;
}

/* All that needs the key. */
static int start_all(struct daemon *daemon, struct err *err)
{
	const struct config *config = daemon->config;

	if (start_node(daemon, config, &daemon->store_key, err) ||
	    open_local(daemon, config, &daemon->store_key, err))
		return -1;
	if (start_server(daemon, config, err))
		return -1;
	if (!config->component_domain)
		return 0;
	daemon->gateway =
	    gw_stream_new(daemon->loop, daemon->bridge, daemon->server, daemon->local, config, err);
	return daemon->gateway ? 0 : err_wrap(err, "gateway");
}

/* Read the key, or make it. With a passphrase that is not known the daemon is locked. */
static int load_key(struct daemon *daemon, const char *passphrase, struct err *err)
{
	struct err why;

	if (!node_store_key(loop_env(daemon->loop), daemon->config->state_dir,
			    daemon->config->store_key_file, passphrase, &daemon->store_key, &why)) {
		daemon->locked = false;
		return 0;
	}
	if (!passphrase && why.code == ERR_WRONG_STATE) {
		daemon->locked = true;
		log_notice("locked: waiting for the passphrase (tacetctl unlock)");
		return 0;
	}
	return err_set(err, why.code, "%s", why.text);
}

static int start_store(struct daemon *daemon, struct err *err)
{
	const char *file = daemon->config->store_passphrase_file;
	char *passphrase = NULL;
	int result;

	if (file && !(passphrase = text_file_read_line(file, err)))
		return err_wrap(err, "store-passphrase-file");
	result = load_key(daemon, passphrase, err);
	text_wipe(passphrase);
	return result || daemon->locked ? result : start_all(daemon, err);
}

static bool is_locked(void *arg)
{
	const struct daemon *daemon = arg;

	return daemon->locked;
}

static int unlock(void *arg, const char *passphrase, struct err *err)
{
	struct daemon *daemon = arg;

	if (!daemon->locked)
		return err_set(err, ERR_WRONG_STATE, "it is not locked");
	if (load_key(daemon, passphrase, err))
		return -1;
	if (!start_all(daemon, err)) {
		log_notice("unlocked: ready");
		return 0;
	}
	log_error("cannot go on: %s", err->text);
	loop_stop(daemon->loop);
	return -1;
}

static int set_passphrase(void *arg, const char *passphrase, struct err *err)
{
	struct daemon *daemon = arg;
	char *own = state_dir_path(daemon->config->state_dir, "store.key", err);
	const char *path = daemon->config->store_key_file;
	int result;

	if (!own)
		return -1;
	result = store_key_write(loop_env(daemon->loop), path ? path : own, &daemon->store_key,
				 passphrase, STORE_KEY_LOG_N, err);
	free(own);
	return result;
}

static int fill_status(void *arg, json_t *status)
{
	struct daemon *daemon = arg;

	if (daemon->locked)
		return json_object_set_new(status, "locked", json_true());
	return daemon_status(daemon->node, daemon->server, daemon->gateway, status);
}

static void stop(void *arg)
{
	struct daemon *daemon = arg;

	log_notice("ending: asked to");
	loop_stop(daemon->loop);
}

static void changed(void *arg)
{
	control_changed(arg);
}

static int start_control(struct daemon *daemon, const struct config *config, struct err *err)
{
	const struct control_host host = {
	    .bridge = daemon->bridge,
	    .status = fill_status,
	    .stop = stop,
	    .locked = is_locked,
	    .unlock = unlock,
	    .passphrase = set_passphrase,
	    .arg = daemon,
	};

	daemon->control = control_new(daemon->loop, config->control_socket, &host, err);
	if (!daemon->control)
		return -1;
	bridge_watch(daemon->bridge, changed, daemon->control);
	return 0;
}

int daemon_check(const struct config *config, struct err *err)
{
	const char *const paths[] = {config->tor_extra_file, config->tor_password_file};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char *text = paths[i] ? text_file_read(paths[i], err) : NULL;

		if (paths[i] && !text)
			return err_wrap(err, i == 0 ? "tor-extra-file" : "tor-password-file");
		text_wipe(text);
	}
	if (config->component_secret_file) {
		char *secret = text_file_read_secret(config->component_secret_file, err);

		if (!secret)
			return err_wrap(err, "component-secret-file");
		text_wipe(secret);
	}
	return 0;
}

struct daemon *daemon_new(struct loop *loop, const struct config *config, struct err *err)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	if (!daemon) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	daemon->loop = loop;
	daemon->config = config;
	if (state_dir_prepare(config->state_dir, err) ||
	    !(daemon->bridge = bridge_new(loop_env(loop), config->domain, err)) ||
	    start_store(daemon, err) || start_control(daemon, config, err))
		daemon_free(&daemon);
	return daemon;
}

/* Let the Jabber server take the goodbye. */
static void end_gateway(struct daemon *daemon)
{
	if (!daemon->gateway)
		return;
	gw_stream_stop(daemon->gateway);
	for (int64_t ms = 0; ms < GATEWAY_GOODBYE_MS && !gw_stream_is_ended(daemon->gateway);
	     ms += CLIENTS_STEP_MS)
		loop_run_once(daemon->loop, CLIENTS_STEP_MS);
	gw_stream_free(&daemon->gateway);
}

/* Let the clients take the end of their streams. */
static void end_clients(struct daemon *daemon)
{
	unsigned streams = 0, authenticated;

	if (!daemon->server)
		return;
	server_stop(daemon->server);
	for (int64_t ms = 0; ms < CLIENTS_GOODBYE_MS; ms += CLIENTS_STEP_MS) {
		server_counts(daemon->server, &streams, &authenticated);
		if (streams == 0)
			break;
		loop_run_once(daemon->loop, CLIENTS_STEP_MS);
	}
	bridge_set_server(daemon->bridge, NULL);
	server_free(&daemon->server);
}

void daemon_free(struct daemon **daemon)
{
	struct daemon *d = *daemon;

	if (!d)
		return;
	if (d->bridge)
		bridge_watch(d->bridge, NULL, NULL);
	control_free(&d->control);
	end_gateway(d);
	end_clients(d);
	node_free(&d->node);
	bridge_free(&d->bridge);
	local_store_free(&d->local);
	key_wipe(&d->store_key);
	free(d);
	*daemon = NULL;
}
