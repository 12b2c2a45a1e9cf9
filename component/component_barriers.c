/*
 * component_barriers.c: see component_barriers.h.
 */
#include "component/component_barriers.h"

#include "xmpp/ns.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* "tacet-", the session in hexadecimal, "-" and a number. */
#define ID_SIZE 48

void component_barriers_begin(struct component_barriers *b, const struct env *env)
{
	b->count = 0;
	env_random(env, b->session, sizeof(b->session));
}

static void write_id(const struct component_barriers *b, uint64_t number, char id[ID_SIZE])
{
	size_t len = (size_t)snprintf(id, ID_SIZE, "tacet-");

	for (size_t i = 0; i < sizeof(b->session); i++)
		len += (size_t)snprintf(id + len, ID_SIZE - len, "%02x", b->session[i]);
	snprintf(id + len, ID_SIZE - len, "-%llu", (unsigned long long)number);
}

struct xml *component_barriers_ping(const struct component_barriers *b, const char *domain)
{
	struct xml *iq = xml_new("iq", NULL);
	char id[ID_SIZE];

	write_id(b, b->last_number + 1, id);
	if (xml_set(iq, "type", "get") && xml_set(iq, "from", domain) &&
	    xml_set(iq, "to", domain) && xml_set(iq, "id", id) &&
	    xml_child_add(iq, "ping", NS_PING))
		return iq;
	xml_free(&iq);
	return NULL;
}

void component_barriers_add(struct component_barriers *b, int64_t now, void (*passed)(void *arg),
			    void *arg)
{
	assert(b->count < COMPONENT_BARRIERS_MAX);
	b->list[b->count++] = (struct component_barrier){
	    .number = ++b->last_number, .sent_at = now, .passed = passed, .arg = arg};
}

uint64_t component_barriers_number(const struct component_barriers *b, const char *domain,
				   const struct xml *stanza)
{
	const char *from = xml_get(stanza, "from"), *id = xml_get(stanza, "id");
	char expected[ID_SIZE];

	if (!id || !from || strcmp(from, domain) != 0 || !xml_is(stanza, "iq", NULL))
		return 0;
	for (unsigned i = 0; i < b->count; i++) {
		write_id(b, b->list[i].number, expected);
		if (strcmp(expected, id) == 0)
			return b->list[i].number;
	}
	return 0;
}

bool component_barriers_take(struct component_barriers *b, uint64_t number,
			     struct component_barrier *taken)
{
	if (b->count == 0 || b->list[0].number > number)
		return false;
	*taken = b->list[0];
	b->count--;
	memmove(b->list, b->list + 1, b->count * sizeof(b->list[0]));
	return true;
}
