/*
 * bridge_rig.c: see bridge_rig.h.
 */
#include "tests/unit/bridge_rig.h"

#include "core/registry_memory.h"
#include "tests/scenario/fake_net.h"
#include "xmpp/server_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct key store_key = {{1}};

static void count_change(void *arg)
{
	struct side *side = arg;

	side->changes++;
}

static void side_up(struct world *world, struct side *side, const char *user,
		    struct server *(*server_make)(struct side *side))
{
	struct err err = {0};
	struct engine_config config = {0};

	side->user = user;
	side->fake = fake_env_new(world->clock);
	side->registry = registry_memory_new(fake_env_env(side->fake), world->store, 1000);
	side->bridge = bridge_new(fake_env_env(side->fake), "localhost", &err);
	config.env = fake_env_env(side->fake);
	config.registry = side->registry;
	config.transport = fake_host_transport(fake_net_host(world->net, user));
	config.database = ":memory:";
	config.store_key = &store_key;
	side->engine = engine_new(&config, bridge_engine_handler(), side->bridge, &err);
	if (!side->engine)
		fail_msg("%s", err.text);
	bridge_set_engine(side->bridge, side->engine);
	side->server = server_make(side);
	bridge_set_server(side->bridge, side->server);
	bridge_watch(side->bridge, count_change, side);
	side->account = bridge_account_add(side->bridge, user, "password", &err);
	if (!side->account)
		fail_msg("%s", err.text);
	engine_start(side->engine);
}

static void side_down(struct world *world, struct side *side)
{
	bridge_set_server(side->bridge, NULL);
	engine_free(&side->engine);
	bridge_free(&side->bridge);
	local_store_free(&side->local);
	registry_free(&side->registry);
	world->server_end(&side->server);
}

struct world *rig_new(struct server *(*server_make)(struct side *side),
		      void (*server_end)(struct server **server))
{
	struct world *world = calloc(1, sizeof(*world));

	world->clock = fake_clock_new(1);
	world->net = fake_net_new(world->clock);
	world->store_env = fake_env_new(world->clock);
	world->store = registry_memory_store_new(fake_env_env(world->store_env));
	world->server_end = server_end;
	side_up(world, &world->ann, "ann", server_make);
	side_up(world, &world->ben, "ben", server_make);
	return world;
}

static struct server *bare_server_make(struct side *side)
{
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	side_keep_local(side);
	server->env = fake_env_env(side->fake);
	server->domain = (char *)(uintptr_t) "localhost";
	server->host = bridge_server_host(side->bridge);
	server->host_arg = side->bridge;
	return server;
}

static void bare_server_end(struct server **server)
{
	free(*server);
	*server = NULL;
}

struct world *rig_new_bare(void)
{
	return rig_new(bare_server_make, bare_server_end);
}

void rig_free(struct world **at)
{
	struct world *world = *at;

	side_down(world, &world->ann);
	side_down(world, &world->ben);
	/* What was said goodbye with is still on its way. */
	fake_clock_run(world->clock, MINUTE_MS);
	fake_env_free(&world->ann.fake);
	fake_env_free(&world->ben.fake);
	fake_net_free(&world->net);
	registry_memory_store_free(&world->store);
	fake_env_free(&world->store_env);
	fake_clock_free(&world->clock);
	free(world);
	*at = NULL;
}

void side_keep_local(struct side *side)
{
	struct err err = {0};

	side->local = local_store_open(":memory:", &store_key, &err);
	if (!side->local)
		fail_msg("%s", err.text);
	bridge_set_local(side->bridge, side->local);
}

struct contact *side_contact(const struct side *side, const struct side *other)
{
	return contact_find(side->account, id_of(other));
}

const char *id_of(const struct side *side)
{
	return account_id(side->account);
}

struct xml *message(const char *text)
{
	const struct xml_limits limits = {1 << 20, XML_LIMIT_DEPTH, XML_LIMIT_CHILDREN};
	struct err err = {0};
	struct xml *stanza = xml_parse_element(text, strlen(text), &limits, &err);

	if (!stanza)
		fail_msg("%s", err.text);
	return stanza;
}
