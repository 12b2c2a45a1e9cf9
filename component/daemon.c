/*
 * daemon.c: see daemon.h.
 */
#include "component/daemon.h"

#include "component/bridge.h"
#include "component/control.h"
#include "component/daemon_status.h"
#include "component/local_store.h"
#include "component/state_dir.h"
#include "component/text_file.h"
#include "core/base/log.h"
#include "core/node.h"

#include <stdlib.h>

/* How long clients get to take the end of their streams, in ms. */
#define CLIENTS_GOODBYE_MS 300
#define CLIENTS_STEP_MS    20

struct daemon {
	struct loop *loop;
	struct local_store *local;
	struct bridge *bridge;
	struct node *node;
	struct server *server;
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
	    .listen = listen,
	    .port = (uint16_t)config->port,
	    .tls_port = config->tls_port ? (int32_t)config->tls_port : -1,
	    .socket = config->xmpp_socket,
	    .web = config->http_port ? &web : NULL,
	    .plain_without_tls = config->plain,
	    .tls_directory = tls,
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

static int fill_status(void *arg, json_t *status)
{
	struct daemon *daemon = arg;

	return daemon_status(daemon->node, daemon->server, status);
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
	const struct control_host host = {daemon->bridge, fill_status, stop, daemon};

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
	return 0;
}

static int start_store(struct daemon *daemon, const struct config *config, struct err *err)
{
	SECRET struct key key;
	char *passphrase = NULL;
	int result = -1;

	if (config->store_passphrase_file &&
	    !(passphrase = text_file_read_line(config->store_passphrase_file, err)))
		return err_wrap(err, "store-passphrase-file");
	if (!node_store_key(loop_env(daemon->loop), config->state_dir, config->store_key_file,
			    passphrase, &key, err) &&
	    !start_node(daemon, config, &key, err))
		result = open_local(daemon, config, &key, err);
	text_wipe(passphrase);
	return result;
}

struct daemon *daemon_new(struct loop *loop, const struct config *config, struct err *err)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	if (!daemon) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	daemon->loop = loop;
	if (state_dir_prepare(config->state_dir, err) ||
	    !(daemon->bridge = bridge_new(loop_env(loop), config->domain, err)) ||
	    start_store(daemon, config, err) || start_server(daemon, config, err) ||
	    start_control(daemon, config, err))
		daemon_free(&daemon);
	return daemon;
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
	end_clients(d);
	node_free(&d->node);
	bridge_free(&d->bridge);
	local_store_free(&d->local);
	free(d);
	*daemon = NULL;
}
