/*
 * registry_opendht.h: records in OpenDHT, through its HTTP gateways, through Tor.
 */
#ifndef CORE_REGISTRY_OPENDHT_H
#define CORE_REGISTRY_OPENDHT_H

#include "core/base/loop.h"
#include "core/http_client.h"
#include "core/registry.h"

struct registry_opendht_config {
	/* "unix:PATH" or "127.0.0.1:9050": tor's SOCKS port. NULL: connect directly (tests only).
	 */
	const char *socks;
	/* Base addresses of gateways: "http://host:port". */
	const char *const *gateways;
	size_t gateway_count;
	int64_t timeout_ms; /* of one request; 0: 5000 */
};

/* All strings are copied. ERR_INPUT names a gateway that is not an http or https address (without
 * socks: with a numeric host), or a socks that is not an address; ERR_LIMIT: more than 256
 * gateways. */
struct registry *registry_opendht_new(struct loop *loop,
				      const struct registry_opendht_config *config,
				      struct err *err);
/* As http_client_add_proxy and http_client_set_usable. */
int registry_opendht_add_socks(struct registry *registry, const char *socks, struct err *err);
void registry_opendht_socks_usable(struct registry *registry, unsigned number, bool usable);

/* The same over an HTTP client that is there already (tests have one whose clock runs fast); it is
 * the registry's from now on, also when this fails. */
struct registry *registry_opendht_over(const struct env *env, struct http_client *http,
				       const struct registry_opendht_config *config,
				       struct err *err);

#endif
