/*
 * config_private.h: what config.c takes of config_check.c.
 */
#ifndef COMPONENT_CONFIG_PRIVATE_H
#define COMPONENT_CONFIG_PRIVATE_H

#include "component/config.h"

/* Each says what value may be (tacetd.conf(5)), and nothing of what lies there. ERR_INPUT or
 * ERR_LIMIT, with a text for the user that goes after the name of the key. */
int config_check_domain(const char *value, struct err *err);
int config_check_listen(const char *value, struct err *err);
int config_check_optional_port(const char *value, struct err *err);
int config_check_origin(const char *value, struct err *err);
int config_check_tor_address(const char *value, struct err *err);
int config_check_path(const char *value, struct err *err);
int config_check_socket(const char *value, struct err *err);
int config_check_host(const char *value, struct err *err);
int config_check_bare_jid(const char *value, struct err *err);
int config_check_gateway(const char *value, struct err *err);

/* The parts of "http://host:80-95". */
struct config_gateway_range {
	int base_len;         /* characters before the colon of the port */
	unsigned first, last; /* 0: no port */
};

/* ERR_INPUT, ERR_LIMIT as above. */
int config_parse_gateway(const char *value, struct config_gateway_range *range, struct err *err);

#endif
