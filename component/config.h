/*
 * config.h: the settings of tacetd, from its file or as they are without one (tacetd.conf(5)).
 *
 * The syntax is core/base/config_file.h's; here are the keys, what each may hold, and what is taken
 * when there is none. Nothing is opened or made here.
 */
#ifndef COMPONENT_CONFIG_H
#define COMPONENT_CONFIG_H

#include "core/base/config_file.h"
#include "core/base/log.h"

#include <stdbool.h>

/* Longest path of a Unix socket (sun_path without its NUL). */
#define SOCKET_PATH_MAX 107

struct config {
	char *state_dir;      /* never NULL after config_read */
	char *control_socket; /* likewise */
	int log_level;        /* enum log_level */
	bool log_unsafe;
	/* the XMPP server */
	bool local_server; /* Jabber clients may come */
	char *domain;
	struct config_list listen; /* numeric loopback addresses */
	int64_t port;
	int64_t tls_port;  /* 0: no direct TLS */
	int64_t http_port; /* 0: none */
	struct config_list http_origins;
	char *web_directory; /* NULL: none */
	bool upload;         /* clients may put files at the HTTP port */
	char *xmpp_socket;   /* NULL: none */
	bool tls;
	bool plain;
	bool registration;           /* clients may make accounts */
	char *store_key_file;        /* NULL: store.key in the state directory */
	char *store_passphrase_file; /* NULL: it is asked for when it is needed */
	/* the component of a Jabber server; NULL: none */
	char *component_domain;
	char *component_server; /* address or name */
	int64_t component_port;
	char *component_secret_file;               /* with component_domain */
	struct config_list component_user_domains; /* none: the one above component_domain */
	int component_registration;                /* enum gw_registration */
	struct config_list component_users;        /* bare JIDs, for a list */
	int64_t component_accounts, component_contacts;
	int64_t component_queue; /* messages that may wait for a user, and of one */
	int64_t component_rate;  /* a user's stanzas in a minute */
	/* tor */
	char *tor_program;
	char *tor_control, *tor_socks; /* both or none */
	char *tor_password_file;
	char *tor_extra_file;
	int64_t tor_processes;
	int64_t accounts_per_service; /* 0: as many as it takes */
	/* the registry; gateways are written out: a range of ports has become one item for each */
	struct config_list gateways;
	int64_t gateway_timeout_ms;
	int64_t replicas;
	int64_t circuits;
	bool decoys;
	int64_t status_renewal_ms;
};

/*
 * Read the file at path; NULL: the file of config_default_path if there is one, else no file. An
 * error names file, line and key, and config is then as after config_wipe.
 */
int config_read(const char *path, struct config *config, struct err *err);
/* The same from text, for tests and for reading without a file (text ""). name is for messages. */
int config_read_text(const char *name, const char *text, struct config *config, struct err *err);
void config_wipe(struct config *config);

/*
 * Where the file is looked for when none is named: SYSCONFDIR/tacet/tacetd.conf for root and for
 * the owner of LOCALSTATEDIR/lib/tacet, else $XDG_CONFIG_HOME/tacet/tacetd.conf or
 * ~/.config/tacet/tacetd.conf. NULL with *err when there is no home directory. The caller frees it.
 */
char *config_default_path(struct err *err);

#endif
