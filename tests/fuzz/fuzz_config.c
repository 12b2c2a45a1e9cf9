/*
 * fuzz_config.c: a configuration file. What is taken must be within the bounds that the daemon
 * relies on, and nothing is left of a file that is refused.
 */
#include "component/config.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_port(int64_t port)
{
	FUZZ_CHECK(port >= 0 && port <= 65535);
}

static void check_taken(const struct config *config)
{
	FUZZ_CHECK(config->state_dir && config->control_socket && config->domain);
	FUZZ_CHECK(strlen(config->control_socket) <= SOCKET_PATH_MAX);
	FUZZ_CHECK(!config->xmpp_socket || strlen(config->xmpp_socket) <= SOCKET_PATH_MAX);
	check_port(config->port);
	check_port(config->tls_port);
	check_port(config->http_port);
	check_port(config->component_port);
	/* Nobody but this machine reaches the server. */
	for (size_t i = 0; i < config->listen.count; i++)
		FUZZ_CHECK(strncmp(config->listen.items[i], "127.", 4) == 0 ||
			   strchr(config->listen.items[i], ':'));
	FUZZ_CHECK(!config->tor_control == !config->tor_socks);
	FUZZ_CHECK(!config->component_domain || config->component_secret_file);
	FUZZ_CHECK(config->tor_processes >= 1 && config->accounts_per_service >= 0);
	FUZZ_CHECK(config->gateways.count > 0 && config->replicas >= 1);
	FUZZ_CHECK(config->gateway_timeout_ms > 0 && config->status_renewal_ms > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct config config;
	struct err err = {.code = ERR_NONE};

	FUZZ_CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (config_read_text("file", text, &config, &err) == 0) {
		FUZZ_CHECK(err.code == ERR_NONE);
		check_taken(&config);
		config_wipe(&config);
	} else {
		FUZZ_CHECK(err.code != ERR_NONE && err.text[0]);
	}
	FUZZ_CHECK(!config.state_dir && !config.gateways.items && !config.component_secret_file);
	free(text);
	return 0;
}
