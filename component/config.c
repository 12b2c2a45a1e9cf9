/*
 * config.c: see config.h. What each value may be: config_check.c.
 */
#include "component/config_private.h"

#include "core/engine.h"
#include "core/isolation.h"
#include "core/pair.h"
#include "core/tor_group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_STATE_DIR LOCALSTATEDIR "/lib/tacet"
#define SYSTEM_FILE      SYSCONFDIR "/tacet/tacetd.conf"

/* The public gateways of the Jami project, whose OpenDHT network is the largest. */
static const char *const public_gateways[] = {
    "http://dhtproxy.jami.net:80-95",
    "http://dhtproxy2.jami.net:80-95",
    "http://dhtproxy3.jami.net:80-95",
};

/* Beyond this it is no limit any more. */
#define ACCOUNTS_PER_SERVICE_MAX 1000

/* --- the keys --- */

/* What tls_port and http_port hold until it is known what port is. */
#define PORT_USUAL (-1)
/* The ports that clients try by themselves. */
#define CLIENT_PORT     5222
#define CLIENT_TLS_PORT 5223
/* The one that other Jabber servers have for it. */
#define HTTP_PORT 5280

static const char *const log_levels[] = {"error", "warn", "notice", "info", "debug", NULL};

/* As enum gw_registration. */
static const char *const registrations[] = {"open", "list", "closed", NULL};

#define AT(field) offsetof(struct config, field)
#define SECOND    INT64_C(1000)
#define HOUR      (3600 * SECOND)

static const struct config_key keys[] = {
    {.name = "state-dir", .type = CONFIG_TEXT, .offset = AT(state_dir), .check = config_check_path},
    {.name = "control-socket",
     .type = CONFIG_TEXT,
     .offset = AT(control_socket),
     .check = config_check_socket},
    {.name = "log-level",
     .type = CONFIG_CHOICE,
     .offset = AT(log_level),
     .choices = log_levels,
     .initial = "notice"},
    {.name = "log-unsafe", .type = CONFIG_BOOL, .offset = AT(log_unsafe), .initial = "no"},
    {.name = "local-server", .type = CONFIG_BOOL, .offset = AT(local_server), .initial = "yes"},
    {.name = "domain",
     .type = CONFIG_TEXT,
     .offset = AT(domain),
     .max = 255,
     .initial = "localhost",
     .check = config_check_domain},
    {.name = "listen",
     .type = CONFIG_LIST,
     .offset = AT(listen),
     .max = 64,
     .check = config_check_listen},
    {.name = "port",
     .type = CONFIG_NUMBER,
     .offset = AT(port),
     .min = 0,
     .max = 65535,
     .initial = "5222"},
    {.name = "tls-port",
     .type = CONFIG_NUMBER,
     .offset = AT(tls_port),
     .min = PORT_USUAL,
     .max = 65535,
     .initial = "-1",
     .check = config_check_optional_port},
    {.name = "http-port",
     .type = CONFIG_NUMBER,
     .offset = AT(http_port),
     .min = PORT_USUAL,
     .max = 65535,
     .initial = "-1",
     .check = config_check_optional_port},
    {.name = "http-origin",
     .type = CONFIG_LIST,
     .offset = AT(http_origins),
     .max = 200,
     .check = config_check_origin},
    {.name = "web-directory",
     .type = CONFIG_TEXT,
     .offset = AT(web_directory),
     .check = config_check_path},
    {.name = "upload", .type = CONFIG_BOOL, .offset = AT(upload), .initial = "no"},
    {.name = "xmpp-socket",
     .type = CONFIG_TEXT,
     .offset = AT(xmpp_socket),
     .check = config_check_socket},
    {.name = "tls", .type = CONFIG_BOOL, .offset = AT(tls), .initial = "yes"},
    {.name = "plain", .type = CONFIG_BOOL, .offset = AT(plain), .initial = "yes"},
    {.name = "registration", .type = CONFIG_BOOL, .offset = AT(registration), .initial = "yes"},
    {.name = "component-domain",
     .type = CONFIG_TEXT,
     .offset = AT(component_domain),
     .max = 255,
     .check = config_check_domain},
    {.name = "component-server",
     .type = CONFIG_TEXT,
     .offset = AT(component_server),
     .max = 253,
     .initial = "127.0.0.1",
     .check = config_check_host},
    {.name = "component-port",
     .type = CONFIG_NUMBER,
     .offset = AT(component_port),
     .min = 1,
     .max = 65535,
     .initial = "5347"},
    {.name = "component-secret-file",
     .type = CONFIG_TEXT,
     .offset = AT(component_secret_file),
     .check = config_check_path},
    {.name = "component-user-domain",
     .type = CONFIG_LIST,
     .offset = AT(component_user_domains),
     .max = 255,
     .check = config_check_domain},
    {.name = "component-registration",
     .type = CONFIG_CHOICE,
     .offset = AT(component_registration),
     .choices = registrations,
     .initial = "open"},
    {.name = "component-user",
     .type = CONFIG_LIST,
     .offset = AT(component_users),
     .max = 255,
     .check = config_check_bare_jid},
    {.name = "component-accounts",
     .type = CONFIG_NUMBER,
     .offset = AT(component_accounts),
     .min = 1,
     .max = 100000,
     .initial = "1000"},
    {.name = "component-contacts",
     .type = CONFIG_NUMBER,
     .offset = AT(component_contacts),
     .min = 1,
     .max = CONTACTS_MAX,
     .initial = "200"},
    {.name = "component-queue",
     .type = CONFIG_NUMBER,
     .offset = AT(component_queue),
     .min = 10,
     .max = OUTBOX_MAX,
     .initial = "1000"},
    {.name = "component-rate",
     .type = CONFIG_NUMBER,
     .offset = AT(component_rate),
     .min = 60,
     .max = 60000,
     .initial = "300"},
    {.name = "tor-program",
     .type = CONFIG_TEXT,
     .offset = AT(tor_program),
     .check = config_check_path},
    {.name = "tor-control",
     .type = CONFIG_TEXT,
     .offset = AT(tor_control),
     .check = config_check_tor_address},
    {.name = "tor-socks",
     .type = CONFIG_TEXT,
     .offset = AT(tor_socks),
     .check = config_check_tor_address},
    {.name = "tor-password-file",
     .type = CONFIG_TEXT,
     .offset = AT(tor_password_file),
     .check = config_check_path},
    {.name = "tor-extra-file",
     .type = CONFIG_TEXT,
     .offset = AT(tor_extra_file),
     .check = config_check_path},
    {.name = "tor-processes",
     .type = CONFIG_NUMBER,
     .offset = AT(tor_processes),
     .min = 1,
     .max = TOR_GROUP_MAX,
     .initial = "1"},
    {.name = "accounts-per-service",
     .type = CONFIG_NUMBER,
     .offset = AT(accounts_per_service),
     .min = 0,
     .max = ACCOUNTS_PER_SERVICE_MAX,
     .initial = "0"},
    {.name = "store-key-file",
     .type = CONFIG_TEXT,
     .offset = AT(store_key_file),
     .check = config_check_path},
    {.name = "store-passphrase-file",
     .type = CONFIG_TEXT,
     .offset = AT(store_passphrase_file),
     .check = config_check_path},
    {.name = "gateway",
     .type = CONFIG_LIST,
     .offset = AT(gateways),
     .max = 200,
     .check = config_check_gateway},
    {.name = "gateway-timeout",
     .type = CONFIG_DURATION,
     .offset = AT(gateway_timeout_ms),
     .min = 100,
     .max = 300 * SECOND,
     .initial = "5s"},
    {.name = "replicas",
     .type = CONFIG_NUMBER,
     .offset = AT(replicas),
     .min = 1,
     .max = REPLICAS_MAX,
     .initial = "3"},
    {.name = "circuits",
     .type = CONFIG_NUMBER,
     .offset = AT(circuits),
     .min = ISOLATION_BUDGET_MIN,
     .max = ISOLATION_BUDGET_MAX,
     .initial = "60"},
    {.name = "decoys", .type = CONFIG_BOOL, .offset = AT(decoys), .initial = "yes"},
    {.name = "status-renewal",
     .type = CONFIG_DURATION,
     .offset = AT(status_renewal_ms),
     .min = SECOND,
     .max = 24 * HOUR,
     .initial = "120s"},
    {.name = NULL},
};

/* --- what is taken when the file says nothing --- */

/* "a" "b" joined; NULL with *err when memory is short. */
static char *join(const char *a, const char *b, struct err *err)
{
	size_t size = strlen(a) + strlen(b) + 1;
	char *text = malloc(size);

	if (!text) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	snprintf(text, size, "%s%s", a, b);
	return text;
}

/* Is this process the system's daemon? root is, and so is who owns the system's state directory. */
static bool is_system(void)
{
	struct stat st;

	return geteuid() == 0 || (stat(SYSTEM_STATE_DIR, &st) == 0 && st.st_uid == geteuid());
}

/* $variable/tail, or ~/home_part/tail. */
static char *user_path(const char *variable, const char *home_part, const char *tail,
		       struct err *err)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");
	char *dir, *path;

	/* The XDG specification: a path that is not absolute is to be ignored. */
	if (base && base[0] == '/')
		return join(base, tail, err);
	if (!home || home[0] != '/') {
		err_set(err, ERR_NOT_FOUND, "HOME is not set");
		return NULL;
	}
	dir = join(home, home_part, err);
	path = dir ? join(dir, tail, err) : NULL;
	free(dir);
	return path;
}

char *config_default_path(struct err *err)
{
	if (is_system())
		return join(SYSTEM_FILE, "", err);
	return user_path("XDG_CONFIG_HOME", "/.config", "/tacet/tacetd.conf", err);
}

static char *default_state_dir(struct err *err)
{
	if (is_system())
		return join(SYSTEM_STATE_DIR, "", err);
	return user_path("XDG_STATE_HOME", "/.local/state", "/tacet", err);
}

static int add_item(struct config_list *list, const char *text, struct err *err)
{
	char **items;

	if (list->count == CONFIG_LIST_MAX)
		return err_set(err, ERR_LIMIT, "more than %d in all", CONFIG_LIST_MAX);
	items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (!items)
		return err_set(err, ERR_MEMORY, "out of memory");
	list->items = items;
	list->items[list->count] = join(text, "", err);
	if (!list->items[list->count])
		return -1;
	list->count++;
	return 0;
}

/* Add value to list once for each port of its range. */
static int add_gateways(struct config_list *list, const char *value, struct err *err)
{
	struct config_gateway_range range;
	char one[256];

	if (config_parse_gateway(value, &range, err))
		return -1;
	if (range.first == range.last)
		return add_item(list, value, err);
	for (unsigned port = range.first; port <= range.last; port++) {
		snprintf(one, sizeof(one), "%.*s:%u", range.base_len, value, port);
		if (add_item(list, one, err))
			return -1;
	}
	return 0;
}

static void list_free(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list){0};
}

/* Put the list of single gateways in the place of what was written. */
static int expand_gateways(struct config *config, struct err *err)
{
	struct config_list all = {0};
	const size_t builtin = sizeof(public_gateways) / sizeof(public_gateways[0]);
	size_t count = config->gateways.count ? config->gateways.count : builtin;

	for (size_t i = 0; i < count; i++) {
		if (add_gateways(&all,
				 config->gateways.count ? config->gateways.items[i]
							: public_gateways[i],
				 err)) {
			list_free(&all);
			return err_wrap(err, "gateway");
		}
	}
	list_free(&config->gateways);
	config->gateways = all;
	return 0;
}

/* A daemon beside another one has a port of its own, and does not take the usual one for TLS. */
static int complete_tls_port(struct config *config, struct err *err)
{
	if (config->tls_port == PORT_USUAL)
		config->tls_port = config->tls && config->port == CLIENT_PORT ? CLIENT_TLS_PORT : 0;
	if (config->tls_port && !config->tls)
		return err_set(err, ERR_INPUT, "tls-port: needs tls = yes");
	if (config->tls_port && config->tls_port == config->port)
		return err_set(err, ERR_INPUT, "tls-port: must be another than port");
	return 0;
}

static int complete_http_port(struct config *config, struct err *err)
{
	if (config->http_port == PORT_USUAL)
		config->http_port = config->port == CLIENT_PORT ? HTTP_PORT : 0;
	if (config->http_port &&
	    (config->http_port == config->port || config->http_port == config->tls_port))
		return err_set(err, ERR_INPUT, "http-port: must be another than port and tls-port");
	if (config->upload && !config->http_port)
		return err_set(err, ERR_INPUT, "upload: needs an http-port");
	if (config->web_directory && !config->http_port)
		return err_set(err, ERR_INPUT, "web-directory: needs an http-port");
	return 0;
}

static int complete_component(const struct config *config, struct err *err)
{
	if (!config->component_domain != !config->component_secret_file)
		return err_set(
		    err, ERR_INPUT, "%s: needs %s as well",
		    config->component_domain ? "component-domain" : "component-secret-file",
		    config->component_domain ? "component-secret-file" : "component-domain");
	if (config->component_domain && strcmp(config->component_domain, config->domain) == 0)
		return err_set(err, ERR_INPUT, "component-domain: must be another than domain");
	for (size_t i = 0; i < config->component_user_domains.count; i++)
		if (config->component_domain &&
		    strcmp(config->component_user_domains.items[i], config->component_domain) == 0)
			return err_set(err, ERR_INPUT,
				       "component-user-domain: must be another than "
				       "component-domain");
	if (config->component_domain && config->component_user_domains.count == 0 &&
	    !strchr(config->component_domain, '.'))
		return err_set(err, ERR_INPUT,
			       "component-user-domain: is needed, since "
			       "component-domain has none above it");
	return 0;
}

static int complete(struct config *config, struct err *err)
{
	if (config->listen.count == 0 &&
	    (add_item(&config->listen, "127.0.0.1", err) || add_item(&config->listen, "::1", err)))
		return err_wrap(err, "listen");
	if (complete_tls_port(config, err) || complete_http_port(config, err) ||
	    complete_component(config, err))
		return -1;
	if (!config->state_dir)
		config->state_dir = default_state_dir(err);
	if (!config->state_dir)
		return err_wrap(err, "state-dir");
	if (!config->control_socket)
		config->control_socket = join(config->state_dir, "/control", err);
	if (!config->control_socket || config_check_socket(config->control_socket, err))
		return err_wrap(err, "control-socket");
	if (config->xmpp_socket && strcmp(config->xmpp_socket, config->control_socket) == 0)
		return err_set(err, ERR_INPUT, "xmpp-socket: must be another than control-socket");
	if (!config->tor_control != !config->tor_socks)
		return err_set(err, ERR_INPUT, "%s: needs %s as well",
			       config->tor_control ? "tor-control" : "tor-socks",
			       config->tor_control ? "tor-socks" : "tor-control");
	if (config->tor_control && config->tor_processes > 1)
		return err_set(err, ERR_INPUT, "tor-processes: not with tor-control");
	return expand_gateways(config, err);
}

int config_read_text(const char *name, const char *text, struct config *config, struct err *err)
{
	*config = (struct config){0};
	if (config_parse(keys, config, name, text, err))
		return -1;
	if (complete(config, err)) {
		config_wipe(config);
		return err_wrap(err, "%s", name);
	}
	return 0;
}

int config_read(const char *path, struct config *config, struct err *err)
{
	char *found = NULL;
	int result;

	*config = (struct config){0};
	if (!path) {
		found = config_default_path(err);
		if (!found)
			return err_wrap(err, "configuration");
		if (access(found, F_OK) != 0 && errno == ENOENT) {
			free(found);
			return config_read_text("without a file", "", config, err);
		}
		path = found;
	}
	result = config_load(keys, config, path, err);
	if (!result && complete(config, err)) {
		config_wipe(config);
		result = err_wrap(err, "%s", path);
	}
	free(found);
	return result;
}

void config_wipe(struct config *config)
{
	config_free(keys, config);
}
