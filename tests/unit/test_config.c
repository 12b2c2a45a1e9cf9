/* Tests of config.c: what tacetd.conf may say, and how mistakes are named. */
#include "component/config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define STATE "state-dir = /tmp/state\n"

static void without_a_file(void **state)
{
	struct config config;
	struct err err;

	(void)state;
	assert_int_equal(config_read_text("x", STATE, &config, &err), 0);
	assert_string_equal(config.state_dir, "/tmp/state");
	assert_string_equal(config.control_socket, "/tmp/state/control");
	assert_string_equal(config.domain, "localhost");
	assert_int_equal(config.listen.count, 2);
	assert_string_equal(config.listen.items[0], "127.0.0.1");
	assert_string_equal(config.listen.items[1], "::1");
	assert_int_equal(config.port, 5222);
	assert_int_equal(config.tls_port, 5223);
	assert_int_equal(config.http_port, 5280);
	assert_int_equal(config.http_origins.count, 0);
	assert_null(config.web_directory);
	assert_false(config.upload);
	assert_null(config.xmpp_socket);
	assert_true(config.tls);
	assert_true(config.plain);
	assert_false(config.log_unsafe);
	assert_int_equal(config.log_level, LOG_LEVEL_NOTICE);
	assert_int_equal(config.replicas, 3);
	assert_int_equal(config.circuits, 60);
	assert_true(config.decoys);
	assert_int_equal(config.status_renewal_ms, 120000);
	assert_null(config.component_domain);
	assert_null(config.component_secret_file);
	assert_string_equal(config.component_server, "127.0.0.1");
	assert_int_equal(config.component_port, 5347);
	assert_int_equal(config.component_user_domains.count, 0);
	assert_int_equal(config.component_registration, 0);
	assert_int_equal(config.component_users.count, 0);
	assert_int_equal(config.component_accounts, 1000);
	assert_int_equal(config.component_contacts, 200);
	assert_int_equal(config.component_queue, 1000);
	assert_int_equal(config.component_rate, 300);
	assert_null(config.tor_program);
	assert_int_equal(config.tor_processes, 1);
	assert_int_equal(config.accounts_per_service, 0);
	assert_null(config.tor_control);
	assert_int_equal(config.gateways.count, 48);
	assert_string_equal(config.gateways.items[0], "http://dhtproxy.jami.net:80");
	assert_string_equal(config.gateways.items[47], "http://dhtproxy3.jami.net:95");
	config_wipe(&config);
	assert_null(config.state_dir);
}

static void everything_set(void **state)
{
	static const char text[] = STATE "control-socket = /run/tacet/control\n"
					 "log-level = debug\n"
					 "log-unsafe = yes\n"
					 "domain = chat.home\n"
					 "listen = 127.0.0.2\n"
					 "listen = ::1\n"
					 "port = 15222\n"
					 "xmpp-socket = /run/tacet/xmpp\n"
					 "tls = no\n"
					 "plain = no\n"
					 "component-domain = gw.chat.home\n"
					 "component-server = jabber.chat.home\n"
					 "component-port = 15347\n"
					 "component-secret-file = /etc/tacet/component\n"
					 "component-user-domain = chat.home\n"
					 "component-user-domain = other.home\n"
					 "component-registration = list\n"
					 "component-user = romeo@chat.home\n"
					 "component-user = julia@other.home\n"
					 "component-accounts = 2000\n"
					 "component-contacts = 50\n"
					 "component-queue = 10\n"
					 "component-rate = 60\n"
					 "tor-control = unix:/run/tor/control\n"
					 "tor-socks = 127.0.0.1:9050\n"
					 "tor-password-file = /etc/tacet/password\n"
					 "tor-extra-file = /etc/tacet/torrc\n"
					 "store-key-file = /media/stick/store.key\n"
					 "store-passphrase-file = /run/credentials/p\n"
					 "tor-program = /usr/sbin/tor\n"
					 "gateway = http://127.0.0.1:18001\n"
					 "gateway = https://[::1]:1-3\n"
					 "gateway = http://gateway.example\n"
					 "gateway-timeout = 250ms\n"
					 "replicas = 8\n"
					 "circuits = 1000\n"
					 "decoys = no\n"
					 "accounts-per-service = 5\n"
					 "status-renewal = 1s\n";
	static const char *const gateways[] = {"http://127.0.0.1:18001", "https://[::1]:1",
					       "https://[::1]:2", "https://[::1]:3",
					       "http://gateway.example"};
	struct config config;
	struct err err;

	(void)state;
	assert_int_equal(config_read_text("x", text, &config, &err), 0);
	assert_string_equal(config.control_socket, "/run/tacet/control");
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
	assert_true(config.log_unsafe);
	assert_string_equal(config.domain, "chat.home");
	assert_int_equal(config.listen.count, 2);
	assert_string_equal(config.listen.items[0], "127.0.0.2");
	assert_int_equal(config.port, 15222);
	assert_int_equal(config.tls_port, 0);
	assert_string_equal(config.xmpp_socket, "/run/tacet/xmpp");
	assert_false(config.tls);
	assert_false(config.plain);
	assert_string_equal(config.component_domain, "gw.chat.home");
	assert_string_equal(config.component_server, "jabber.chat.home");
	assert_int_equal(config.component_port, 15347);
	assert_string_equal(config.component_secret_file, "/etc/tacet/component");
	assert_int_equal(config.component_user_domains.count, 2);
	assert_string_equal(config.component_user_domains.items[1], "other.home");
	assert_int_equal(config.component_registration, 1);
	assert_int_equal(config.component_users.count, 2);
	assert_string_equal(config.component_users.items[0], "romeo@chat.home");
	assert_int_equal(config.component_accounts, 2000);
	assert_int_equal(config.component_contacts, 50);
	assert_int_equal(config.component_queue, 10);
	assert_int_equal(config.component_rate, 60);
	assert_string_equal(config.tor_control, "unix:/run/tor/control");
	assert_string_equal(config.tor_socks, "127.0.0.1:9050");
	assert_string_equal(config.tor_password_file, "/etc/tacet/password");
	assert_string_equal(config.tor_extra_file, "/etc/tacet/torrc");
	assert_string_equal(config.store_key_file, "/media/stick/store.key");
	assert_string_equal(config.store_passphrase_file, "/run/credentials/p");
	assert_string_equal(config.tor_program, "/usr/sbin/tor");
	assert_int_equal(config.gateways.count, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(config.gateways.items[i], gateways[i]);
	assert_int_equal(config.gateway_timeout_ms, 250);
	assert_int_equal(config.accounts_per_service, 5);
	assert_int_equal(config.replicas, 8);
	assert_int_equal(config.circuits, 1000);
	assert_false(config.decoys);
	assert_int_equal(config.status_renewal_ms, 1000);
	config_wipe(&config);
}

static void port_for_tls(void **state)
{
	static const struct {
		const char *text;
		int port;
	} cases[] = {
	    {"tls-port = 0\n", 0}, {"tls-port = 443\n", 443},
	    {"tls = no\n", 0},     {"tls = no\ntls-port = 0\n", 0},
	    {"port = 0\n", 0},     {"port = 15222\ntls-port = 15223\n", 15223},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;
		struct err err;
		char text[256];

		snprintf(text, sizeof(text), STATE "%s", cases[i].text);
		assert_int_equal(config_read_text("x", text, &config, &err), 0);
		assert_int_equal(config.tls_port, cases[i].port);
		config_wipe(&config);
	}
}

static void port_for_http(void **state)
{
	static const struct {
		const char *text;
		int port;
	} cases[] = {
	    {"http-port = 0\n", 0},
	    {"http-port = 8080\n", 8080},
	    {"port = 0\n", 0},
	    {"port = 15222\nhttp-port = 15280\nweb-directory = /srv/web\n", 15280},
	    {"http-origin = http://localhost:8000\nhttp-origin = https://app.example\n", 5280},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config;
		struct err err;
		char text[256];

		snprintf(text, sizeof(text), STATE "%s", cases[i].text);
		assert_int_equal(config_read_text("x", text, &config, &err), 0);
		assert_int_equal(config.http_port, cases[i].port);
		config_wipe(&config);
	}
}

/* Each mistake stands in line 2; its message must name the line and the key. */
static const struct {
	const char *line, *where;
} mistakes[] = {
    {"state-dir = relative/path", "x:2: state-dir"}, /* given twice would be found later */
    {"control-socket = control", "x:2: control-socket"},
    {"log-level = loud", "x:2: log-level"},
    {"tor-processes = 0", "x:2: tor-processes"},
    {"tor-processes = 17", "x:2: tor-processes"},
    {"accounts-per-service = 1001", "x:2: accounts-per-service"},
    {"log-unsafe = true", "x:2: log-unsafe"},
    {"domain = ann@localhost", "x:2: domain"},
    {"domain = localhost/x", "x:2: domain"},
    {"domain = LocalHost", "x:2: domain"},
    {"domain =", "x:2: domain"},
    {"listen = 0.0.0.0", "x:2: listen"},
    {"http-port = 65536", "x:2: http-port"},
    {"http-port = web", "x:2: http-port"},
    {"http-origin = null", "x:2: http-origin"},
    {"http-origin = *", "x:2: http-origin"},
    {"http-origin = http://localhost:8000/", "x:2: http-origin"},
    {"http-origin = localhost", "x:2: http-origin"},
    {"web-directory = web", "x:2: web-directory"},
    {"upload = maybe", "x:2: upload"},
    {"listen = 192.168.1.1", "x:2: listen"},
    {"listen = ::", "x:2: listen"},
    {"listen = localhost", "x:2: listen"},
    {"listen = 127.0.0.1:5222", "x:2: listen"},
    {"listen =", "x:2: listen"},
    {"port = 65536", "x:2: port"},
    {"port = -1", "x:2: port"},
    {"port = xmpp", "x:2: port"},
    {"tls-port = 65536", "x:2: tls-port"},
    {"tls-port = -2", "x:2: tls-port"},
    {"tls-port = 5223 5224", "x:2: tls-port"},
    {"tls-port = 5222", "x: tls-port: must be another"},
    {"tls-port = 5223\ntls = no", "x: tls-port: needs tls"},
    {"tls = maybe", "x:2: tls"},
    {"xmpp-socket = xmpp", "x:2: xmpp-socket"},
    {"plain = 1", "x:2: plain"},
    {"tor-program = tor", "x:2: tor-program"},
    {"tor-control = 9051", "x:2: tor-control"},
    {"tor-control = 10.0.0.1:9051", "x:2: tor-control"},
    {"tor-control = 127.0.0.1:0", "x:2: tor-control"},
    {"tor-control = 127.0.0.1:99999", "x:2: tor-control"},
    {"tor-control = 127.0.0.1:9051x", "x:2: tor-control"},
    {"tor-control = unix:control", "x:2: tor-control"},
    {"tor-socks = localhost:9050", "x:2: tor-socks"},
    {"store-key-file = store.key", "x:2: store-key-file"},
    {"tor-password-file = password", "x:2: tor-password-file"},
    {"tor-extra-file = torrc", "x:2: tor-extra-file"},
    {"gateway = gateway.example", "x:2: gateway"},
    {"gateway = ftp://gateway.example", "x:2: gateway"},
    {"gateway = http://", "x:2: gateway"},
    {"gateway = http://:80", "x:2: gateway"},
    {"gateway = http://gateway.example:", "x:2: gateway"},
    {"gateway = http://gateway.example:0", "x:2: gateway"},
    {"gateway = http://gateway.example:99999999999", "x:2: gateway"},
    {"gateway = http://gateway.example:9-8", "x:2: gateway"},
    {"gateway = http://gateway.example:1-300", "x:2: gateway"},
    {"gateway = http://gateway.example:1-", "x:2: gateway"},
    {"gateway = http://gateway.example/key", "x:2: gateway"},
    {"gateway = http://me@gateway.example", "x:2: gateway"},
    {"gateway = http://[::1", "x:2: gateway"},
    {"gateway-timeout = 5", "x:2: gateway-timeout"},
    {"gateway-timeout = 1ms", "x:2: gateway-timeout"},
    {"replicas = 0", "x:2: replicas"},
    {"replicas = 9", "x:2: replicas"},
    {"circuits = 3", "x:2: circuits"},
    {"circuits = 1001", "x:2: circuits"},
    {"decoys = 4", "x:2: decoys"},
    {"status-renewal = 999ms", "x:2: status-renewal"},
    {"status-renewal = 2d", "x:2: status-renewal"},
    {"nonsense = 1", "x:2: nonsense"},
    {"nonsense", "x:2: "},
    {"component-domain = a@gw.example.org", "x:2: component-domain"},
    {"component-server = a b", "x:2: component-server"},
    {"component-server = http://x/", "x:2: component-server"},
    {"component-port = 0", "x:2: component-port"},
    {"component-secret-file = secret", "x:2: component-secret-file"},
    {"component-user-domain = a@b", "x:2: component-user-domain"},
    {"component-registration = yes", "x:2: component-registration"},
    {"component-user = romeo", "x:2: component-user"},
    {"component-user = romeo@chat.home/phone", "x:2: component-user"},
    {"component-accounts = 0", "x:2: component-accounts"},
    {"component-accounts = 100001", "x:2: component-accounts"},
    {"component-contacts = 0", "x:2: component-contacts"},
    {"component-contacts = 10001", "x:2: component-contacts"},
    {"component-queue = 9", "x:2: component-queue"},
    {"component-queue = 10001", "x:2: component-queue"},
    {"component-rate = 59", "x:2: component-rate"},
    {"component-rate = many", "x:2: component-rate"},
    {"component-domain = gw\ncomponent-secret-file = /s\n", "x: component-user-domain: is needed"},
    {"component-domain = gw.example.org\n", "x: component-domain: needs component-secret"},
    {"component-secret-file = /secret\n", "x: component-secret-file: needs component-domain"},
    {"component-domain = localhost\ncomponent-secret-file = /secret\n",
     "x: component-domain: must be another"},
    {"tor-control = 127.0.0.1:9051\n", "x: tor-control: needs tor-socks"},
    {"tor-socks = 127.0.0.1:9050\n", "x: tor-socks: needs tor-control"},
    {"component-domain = gw.home\ncomponent-secret-file = /s\ncomponent-user-domain = gw.home\n",
     "x: component-user-domain: must be another than component-domain"},
    {"tor-control = 127.0.0.1:9051\ntor-socks = 127.0.0.1:9050\ntor-processes = 2\n",
     "x: tor-processes: not with tor-control"},
};

static void names_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct config config;
		struct err err = {0};
		char text[512];

		snprintf(text, sizeof(text), "# a comment\n%s\n%s", mistakes[i].line,
			 strncmp(mistakes[i].line, "state-dir", 9) == 0 ? "" : STATE);
		assert_int_equal(config_read_text("x", text, &config, &err), -1);
		print_message("%s -> %s\n", mistakes[i].line, err.text);
		assert_int_equal(strncmp(err.text, mistakes[i].where, strlen(mistakes[i].where)),
				 0);
		assert_null(config.state_dir);
		assert_null(config.gateways.items);
		assert_null(config.listen.items);
	}
}

static void socket_path_too_long(void **state)
{
	struct config config;
	struct err err;
	char text[512];

	(void)state;
	snprintf(text, sizeof(text), "state-dir = /%0100d\n", 0);
	assert_int_equal(config_read_text("x", text, &config, &err), -1);
	assert_non_null(strstr(err.text, "control-socket"));
	/* With a socket elsewhere the directory may be long. */
	snprintf(text, sizeof(text), "state-dir = /%0200d\ncontrol-socket = /run/c\n", 0);
	assert_int_equal(config_read_text("x", text, &config, &err), 0);
	config_wipe(&config);
}

static void user_directories(void **state)
{
	struct config config;
	struct err err;
	char *path;

	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(config_read_text("x", "", &config, &err), 0);
		assert_string_equal(config.state_dir, LOCALSTATEDIR "/lib/tacet");
		config_wipe(&config);
		path = config_default_path(&err);
		assert_string_equal(path, SYSCONFDIR "/tacet/tacetd.conf");
		free(path);
		return;
	}
	setenv("HOME", "/home/ann", 1);
	unsetenv("XDG_STATE_HOME");
	setenv("XDG_CONFIG_HOME", "not/absolute", 1);
	assert_int_equal(config_read_text("x", "", &config, &err), 0);
	assert_string_equal(config.state_dir, "/home/ann/.local/state/tacet");
	config_wipe(&config);
	path = config_default_path(&err);
	assert_string_equal(path, "/home/ann/.config/tacet/tacetd.conf");
	free(path);
	setenv("XDG_STATE_HOME", "/var/ann", 1);
	setenv("XDG_CONFIG_HOME", "/etc/ann", 1);
	assert_int_equal(config_read_text("x", "", &config, &err), 0);
	assert_string_equal(config.state_dir, "/var/ann/tacet");
	config_wipe(&config);
	path = config_default_path(&err);
	assert_string_equal(path, "/etc/ann/tacet/tacetd.conf");
	free(path);
}

static void reads_a_file(void **state)
{
	char path[] = "/tmp/tacet-test-config-XXXXXX";
	char where[sizeof(path) + 16];
	int fd = mkstemp(path);
	struct config config;
	struct err err;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "%sport = 1\nport = x\n", STATE), 41);
	close(fd);
	assert_int_equal(config_read(path, &config, &err), -1);
	snprintf(where, sizeof(where), "%s:3: port", path);
	assert_int_equal(strncmp(err.text, where, strlen(where)), 0);
	assert_int_equal(truncate(path, (off_t)strlen(STATE "port = 1\n")), 0);
	assert_int_equal(config_read(path, &config, &err), 0);
	assert_int_equal(config.port, 1);
	config_wipe(&config);
	unlink(path);
	assert_int_equal(config_read(path, &config, &err), -1);
	assert_non_null(strstr(err.text, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_a_file),   cmocka_unit_test(everything_set),
	    cmocka_unit_test(port_for_tls),     cmocka_unit_test(port_for_http),
	    cmocka_unit_test(names_mistakes),   cmocka_unit_test(socket_path_too_long),
	    cmocka_unit_test(user_directories), cmocka_unit_test(reads_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
