/*
 * engine_rig.c: see engine_rig.h.
 */
#include "tests/unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct key rig_store_key = {{1}};

/* --- what engines tell --- */

static void on_status(void *arg, struct contact *contact, const struct status *status)
{
	struct node_rig *node = arg;

	node->statuses++;
	node->status = *status;
	if (node->on_status != NULL)
		node->on_status(node, contact);
}

static enum reception on_message(void *arg, struct contact *contact, uint64_t token,
				 const uint8_t *payload, size_t len, int64_t sent_ms)
{
	struct node_rig *node = arg;
	char expected[32];

	(void)sent_ms;
	if (node->refuse)
		return MESSAGE_REFUSED;
	snprintf(expected, sizeof(expected), "%u", node->got);
	if (!node->loose && (strlen(expected) != len || memcmp(expected, payload, len) != 0))
		node->wrong++;
	node->got++;
	snprintf(node->text, sizeof(node->text), "%.*s", (int)(len < 200 ? len : 200),
		 (const char *)payload);
	if (node->on_message != NULL)
		node->on_message(node, contact);
	node->held = token;
	return node->hold ? MESSAGE_HELD : MESSAGE_TAKEN;
}

static void on_delivered(void *arg, struct contact *contact, uint64_t token, enum delivery how,
			 const char *reason)
{
	struct node_rig *node = arg;

	(void)contact;
	node->token = token;
	if (how == DELIVERY_ACKED) {
		node->acked++;
	} else {
		node->rejected++;
		snprintf(node->text, sizeof(node->text), "%s", reason);
	}
}

static void on_state(void *arg, struct contact *contact, enum contact_state state)
{
	struct node_rig *node = arg;

	assert_int_equal(contact_state(contact), state);
	node->states++;
	if (node->on_state != NULL)
		node->on_state(node, contact);
}

static void on_request(void *arg, struct account *account, const struct contact_request *request)
{
	struct node_rig *node = arg;

	assert_ptr_equal(account, node->account);
	node->requests++;
	node->request = *request;
}

static void on_introduced(void *arg, struct contact *contact, const struct err *why)
{
	struct node_rig *node = arg;

	assert_false(contact_introducing(contact));
	if (why == NULL)
		node->introduced++;
	else
		node->not_introduced++;
}

static void on_conflict(void *arg, struct account *account)
{
	struct node_rig *node = arg;

	assert_true(account_conflict(account));
	node->conflicts++;
}

static void on_trouble(void *arg, const char *why)
{
	struct node_rig *node = arg;

	assert_int_equal(why == NULL, node->troubles++ % 2);
}

static const struct engine_handler handler = {.status = on_status,
					      .message = on_message,
					      .delivered = on_delivered,
					      .state = on_state,
					      .request = on_request,
					      .introduced = on_introduced,
					      .conflict = on_conflict,
					      .trouble = on_trouble};

/* --- the rig --- */

struct rig *rig_new(uint64_t seed)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig->clock = fake_clock_new(seed);
	rig->net = fake_net_new(rig->clock);
	rig->store_env = fake_env_new(rig->clock);
	rig->store = registry_memory_store_new(fake_env_env(rig->store_env));
	/* In memory if possible: an engine syncs its database often. */
	snprintf(rig->directory, sizeof(rig->directory), "%s/tacet-engine-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(rig->directory));
	return rig;
}

static void close_node(struct node_rig *node)
{
	engine_free(&node->engine);
	registry_free(&node->registry);
	node->account = NULL;
	node->started = false;
}

static void remove_files(const struct node_rig *node)
{
	static const char *const endings[] = {"", "-wal", "-journal"};
	char name[160];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", node->path, endings[i]);
		unlink(name);
	}
}

void rig_free(struct rig **rig)
{
	struct rig *r = *rig;

	for (unsigned i = 0; i < r->count; i++) {
		close_node(&r->nodes[i]);
		fake_env_free(&r->nodes[i].fake);
		remove_files(&r->nodes[i]);
	}
	/* The net frees what is under way between hosts that are gone. */
	fake_clock_run(r->clock, 1000);
	registry_memory_store_free(&r->store);
	fake_env_free(&r->store_env);
	fake_net_free(&r->net);
	fake_clock_free(&r->clock);
	assert_int_equal(rmdir(r->directory), 0);
	free(r);
	*rig = NULL;
}

void rig_run(struct rig *rig, int64_t ms)
{
	fake_clock_run(rig->clock, ms);
}

static void open_node(struct node_rig *node)
{
	const struct env *env = fake_env_env(node->fake);
	struct err err = {0};
	struct engine_config config = {
	    .env = env, .database = node->path, .store_key = &rig_store_key};

	node->registry = registry_memory_new(env, node->rig->store, RIG_REGISTRY_MS);
	config.registry = node->registry;
	config.transport = fake_host_transport(node->host);
	node->engine = engine_new(&config, &handler, node, &err);
	if (node->engine == NULL)
		fail_msg("%s", err.text);
}

struct node_rig *rig_node(struct rig *rig, const char *name)
{
	struct node_rig *node = &rig->nodes[rig->count++];
	struct err err = {0};

	assert_true(rig->count <= RIG_NODES);
	node->rig = rig;
	snprintf(node->name, sizeof(node->name), "%s", name);
	snprintf(node->path, sizeof(node->path), "%s/%s.db", rig->directory, name);
	node->fake = fake_env_new(rig->clock);
	node->host = fake_net_host(rig->net, name);
	open_node(node);
	node->account = engine_account_add(node->engine, name, &err);
	if (node->account == NULL)
		fail_msg("%s", err.text);
	snprintf(node->id, sizeof(node->id), "%s", account_id(node->account));
	return node;
}

void node_start(struct node_rig *node)
{
	struct status status = {.show = SHOW_AVAILABLE};

	assert_int_equal(account_set_status(node->account, &status), 0);
	engine_start(node->engine);
	node->started = true;
}

void node_stop(struct node_rig *node)
{
	engine_stop(node->engine);
	node->started = false;
}

void node_reopen(struct node_rig *node)
{
	open_node(node);
	node->account = engine_account_find(node->engine, node->name);
	assert_non_null(node->account);
	assert_string_equal(account_id(node->account), node->id);
}

void node_kill(struct node_rig *node)
{
	fake_host_kill(node->host, 1000);
	close_node(node);
}

static bool files_have(const struct node_rig *node, const void *bytes, size_t len)
{
	static const char *const endings[] = {"", "-wal", "-journal"};
	bool found = false;

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		char name[160];
		static char content[1 << 22];
		FILE *file = NULL;
		snprintf(name, sizeof(name), "%s%s", node->path, endings[i]);
		file = fopen(name, "rb");
		if (file == NULL)
			continue;
		found |=
		    memmem(content, fread(content, 1, sizeof(content), file), bytes, len) != NULL;
		fclose(file);
	}
	return found;
}

bool node_files_have(const struct node_rig *node, const struct seal_place *place, const void *bytes,
		     size_t len)
{
	struct seal *seal = seal_new(&rig_store_key, "core");
	uint8_t sealed[512];
	bool found;

	assert_true(seal != NULL && len + SEAL_EXTRA <= sizeof(sealed));
	assert_int_equal(seal_value(seal, place, bytes, len, sealed), 0);
	seal_free(&seal);
	found = files_have(node, sealed, len + SEAL_EXTRA);
	return found;
}

void rig_pair(struct node_rig *a, struct node_rig *b)
{
	struct err err = {0};

	if (contact_add(a->account, b->id, b->name, NULL, &err) == NULL ||
	    contact_add(b->account, a->id, a->name, NULL, &err) == NULL)
		fail_msg("%s", err.text);
}

struct contact *node_contact(const struct node_rig *node, const struct node_rig *other)
{
	return contact_find(node->account, other->id);
}

static bool is_linked(const struct node_rig *node, const struct node_rig *other)
{
	return node->engine != NULL && contact_state(node_contact(node, other)) == CONTACT_LINKED;
}

bool rig_linked(const struct node_rig *a, const struct node_rig *b)
{
	return is_linked(a, b) && is_linked(b, a);
}

void rig_link(struct node_rig *a, struct node_rig *b, int64_t ms)
{
	int64_t end = fake_clock_now(a->rig->clock) + ms;

	while (!rig_linked(a, b)) {
		if (fake_clock_now(a->rig->clock) >= end)
			fail_msg("%s and %s are %s and %s", a->name, b->name,
				 contact_state_name(contact_state(node_contact(a, b))),
				 contact_state_name(contact_state(node_contact(b, a))));
		rig_run(a->rig, 10);
	}
}

void node_send(struct node_rig *node, struct node_rig *other, unsigned first, unsigned count)
{
	char text[32];
	struct err err = {0};
	uint64_t token = 0;

	for (unsigned i = first; i < first + count; i++) {
		snprintf(text, sizeof(text), "%u", i);
		if (engine_send(node_contact(node, other), text, strlen(text), &token, &err) < 0)
			fail_msg("%s", err.text);
		assert_true(token > 0);
	}
}
