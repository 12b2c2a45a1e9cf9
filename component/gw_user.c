/*
 * gw_user.c: the users behind the gateway and their resources (RFC 6121 section 4: each speaks for
 * itself, and the gateway speaks for all of them).
 */
#include "component/gw_private.h"

#include <stdlib.h>
#include <string.h>

static size_t place_of(const char *jid)
{
	uint32_t hash = 2166136261U; /* FNV-1a */

	for (; *jid; jid++)
		hash = (hash ^ (uint8_t)*jid) * 16777619U;
	return hash % GW_BUCKETS;
}

struct gw_user *gw_user_find(const struct gw *gw, const char *jid)
{
	struct gw_user *user = gw->users[place_of(jid)];

	while (user && strcmp(user->jid, jid) != 0)
		user = user->next;
	return user;
}

static void on_settled(void *arg)
{
	gw_settle(arg);
}

struct gw_user *gw_user_add(struct gw *gw, const char *jid)
{
	struct gw_user *user = calloc(1, sizeof(*user));
	struct gw_user **place = &gw->users[place_of(jid)];
	struct account *account = bridge_account(gw->bridge, jid, NULL);

	if (!user || !account) {
		free(user);
		return NULL;
	}
	user->gw = gw;
	user->told.show = "";
	user->jid = strdup(jid);
	user->timer = timer_new(gw->env, on_settled, user);
	if (!user->jid || !user->timer) {
		timer_free(&user->timer);
		free(user->jid);
		free(user);
		return NULL;
	}
	gw_photo_init(user);
	bucket_init(&user->bucket, gw->config->per_minute, (gw->config->per_minute + 59) / 60,
		    env_mono_ms(gw->env));
	account_limit_queue(account, gw->config->queue);
	gw_items_load(user);
	user->next = *place;
	*place = user;
	gw->user_count++;
	return user;
}

void gw_user_free(struct gw *gw, struct gw_user *user)
{
	struct gw_user **at = &gw->users[place_of(user->jid)];

	while (*at != user)
		at = &(*at)->next;
	*at = user->next;
	gw->user_count--;
	gw_questions_drop(gw, user);
	gw_directed_drop(user);
	gw_resources_drop(user);
	gw_parcels_free(user);
	gw_items_free(user);
	xml_free(&user->suggestion);
	gw_says_clear(&user->told);
	timer_free(&user->timer);
	free(user->jid);
	free(user);
}

void gw_users(struct gw *gw, void (*each)(struct gw_user *user))
{
	for (size_t i = 0; i < GW_BUCKETS; i++)
		for (struct gw_user *user = gw->users[i], *next; user; user = next) {
			next = user->next;
			each(user);
		}
}

static unsigned parcels_of(const struct gw_user *user)
{
	unsigned count = 0;

	for (const struct gw_parcel *parcel = user->parcels; parcel; parcel = parcel->next)
		count++;
	return count;
}

struct gw_counts gw_count(const struct gw *gw)
{
	struct gw_counts counts = {.users = gw->user_count};

	for (size_t i = 0; i < GW_BUCKETS; i++)
		for (const struct gw_user *user = gw->users[i]; user; user = user->next) {
			counts.there += user->there;
			counts.parcels += parcels_of(user);
		}
	return counts;
}

struct loading {
	struct gw *gw;
	int result;
};

static void load(void *arg, struct account *account)
{
	struct loading *loading = arg;
	const char *name = account_name(account);

	if (bridge_name_is_remote(name) && !gw_user_add(loading->gw, name))
		loading->result = -1;
}

int gw_users_load(struct gw *gw)
{
	struct loading loading = {gw, 0};

	engine_accounts(bridge_engine(gw->bridge), load, &loading);
	return loading.result;
}

struct account *gw_account(const struct gw_user *user)
{
	return bridge_account(user->gw->bridge, user->jid, NULL);
}

/* --- resources --- */

bool gw_says_same(const struct gw_says *a, const struct gw_says *b)
{
	return a->available == b->available && a->priority == b->priority &&
	       strcmp(a->show, b->show) == 0 &&
	       strcmp(a->status ? a->status : "", b->status ? b->status : "") == 0;
}

void gw_says_clear(struct gw_says *says)
{
	free(says->status);
	*says = (struct gw_says){.show = ""};
}

struct gw_resource *gw_resource_find(const struct gw_user *user, const char *name)
{
	struct gw_resource *resource = user->resources;

	while (resource && strcmp(resource->name, name) != 0)
		resource = resource->next;
	return resource;
}

const struct gw_resource *gw_user_speaker(const struct gw_user *user)
{
	const struct gw_resource *best = user->resources;

	for (const struct gw_resource *r = best; r; r = r->next)
		if (r->says.priority > best->says.priority)
			best = r;
	return best;
}

bool gw_user_takes(const struct gw_user *user)
{
	for (const struct gw_resource *r = user->resources; r; r = r->next)
		if (!r->stale && r->says.priority >= 0)
			return true;
	return false;
}
