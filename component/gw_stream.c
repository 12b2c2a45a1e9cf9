/*
 * gw_stream.c: see gw_stream.h.
 */
#include "component/gw_stream.h"

#include "component/state_dir.h"
#include "component/text_file.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

/* While the server refuses the secret, its file is looked at so often. */
#define SECRET_LOOK_MS ((int64_t)5 * 1000)

struct gw_stream {
	struct component_stream *stream;
	const char *secret_file; /* the configuration's */
	struct timer *look;      /* SECRET_LOOK_MS */
	struct gw *gw;
	struct gw_config config;
	const char **domains, **users;
	char *directory;
	bool told_down; /* that there is no stream; once */
};

static int link_send(void *arg, const struct xml *stanza, struct err *err)
{
	struct gw_stream *stream = arg;

	return component_stream_send(stream->stream, stanza, err);
}

static bool link_room(void *arg)
{
	struct gw_stream *stream = arg;

	return component_stream_room(stream->stream);
}

static int link_barrier(void *arg, void (*passed)(void *passed_arg), void *passed_arg,
			struct err *err)
{
	struct gw_stream *stream = arg;

	return component_stream_barrier(stream->stream, passed, passed_arg, err);
}

static const struct gw_link component_link = {link_send, link_room, link_barrier};

static void on_up(void *arg)
{
	struct gw_stream *stream = arg;

	log_notice("the Jabber server has taken the gateway");
	stream->told_down = false;
	timer_stop(stream->look);
	gw_up(stream->gw);
}

static void on_down(void *arg, const struct err *why)
{
	struct gw_stream *stream = arg;

	if (!stream->told_down)
		log_warn("no stream to the Jabber server: %s", why->text);
	stream->told_down = true;
	if (why->code == ERR_AUTH)
		timer_set(stream->look, SECRET_LOOK_MS);
	gw_down(stream->gw);
}

/* It may have been mended. */
static void on_look(void *arg)
{
	struct gw_stream *stream = arg;
	struct err err = {0};
	char *secret = text_file_read_secret(stream->secret_file, &err);

	if (!secret || component_stream_set_secret(stream->stream, secret, &err) < 0)
		log_info("component-secret-file: %s", err.text);
	text_wipe(secret);
	timer_set(stream->look, SECRET_LOOK_MS);
}

static void on_stanza(void *arg, struct xml *stanza)
{
	struct gw_stream *stream = arg;

	gw_stanza(stream->gw, stanza);
}

static void on_room(void *arg)
{
	struct gw_stream *stream = arg;

	gw_room(stream->gw);
}

/* The items, which stay the list's, with a NULL at the end, and room for one more. */
static const char **ended(const struct config_list *list)
{
	const char **items = calloc(list->count + 2, sizeof(*items));

	for (size_t i = 0; items && i < list->count; i++)
		items[i] = list->items[i];
	return items;
}

static int prepare(struct gw_stream *stream, const struct config *config, struct err *err)
{
	stream->domains = ended(&config->component_user_domains);
	stream->users = ended(&config->component_users);
	stream->directory = state_dir_path(config->state_dir, "gateway", err);
	if (!stream->domains || !stream->users || !stream->directory)
		return err_set(err, ERR_MEMORY, "out of memory");
	/* The component is below the server's own domain, as a rule. */
	if (!stream->domains[0])
		stream->domains[0] = strchr(config->component_domain, '.') + 1;
	stream->config = (struct gw_config){
	    .domain = config->component_domain,
	    .domains = stream->domains,
	    .registration = (enum gw_registration)config->component_registration,
	    .users = stream->users,
	    .directory = stream->directory,
	    .accounts = (unsigned)config->component_accounts,
	    .contacts = (unsigned)config->component_contacts,
	    .queue = (unsigned)config->component_queue,
	    .per_minute = (unsigned)config->component_rate,
	};
	return state_dir_prepare(stream->directory, err);
}

static int start(struct gw_stream *stream, struct loop *loop, const struct config *config,
		 struct err *err)
{
	static const struct component_stream_handler handler = {on_up, on_down, on_stanza, on_room};
	char *secret = text_file_read_secret(config->component_secret_file, err);
	const struct component_stream_config to = {.address = config->component_server,
						   .port = (uint16_t)config->component_port,
						   .domain = config->component_domain,
						   .secret = secret};

	if (!secret)
		return err_wrap(err, "component-secret-file");
	stream->secret_file = config->component_secret_file;
	stream->look = timer_new(loop_env(loop), on_look, stream);
	if (!stream->look) {
		text_wipe(secret);
		return err_set(err, ERR_MEMORY, "out of memory");
	}
	stream->stream = component_stream_new(loop, &to, &handler, stream, err);
	text_wipe(secret);
	return stream->stream ? 0 : -1;
}

struct gw_stream *gw_stream_new(struct loop *loop, struct bridge *bridge, struct server *server,
				struct local_store *local, const struct config *config,
				struct err *err)
{
	struct gw_stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	if (prepare(stream, config, err) < 0 ||
	    !(stream->gw = gw_new(loop_env(loop), bridge, server, local, &stream->config,
				  &component_link, stream, err)) ||
	    start(stream, loop, config, err) < 0)
		gw_stream_free(&stream);
	return stream;
}

void gw_stream_stop(struct gw_stream *stream)
{
	timer_stop(stream->look);
	gw_goodbye(stream->gw);
	component_stream_stop(stream->stream);
}

bool gw_stream_is_ended(const struct gw_stream *stream)
{
	return component_stream_is_ended(stream->stream);
}

void gw_stream_describe(const struct gw_stream *stream, struct gw_stream_info *info)
{
	info->domain = stream->config.domain;
	info->counts = gw_count(stream->gw);
	component_stream_describe(stream->stream, &info->stream);
}

void gw_stream_free(struct gw_stream **stream)
{
	struct gw_stream *old = *stream;

	if (!old)
		return;
	component_stream_free(&old->stream);
	timer_free(&old->look);
	gw_free(&old->gw);
	free(old->domains);
	free(old->users);
	free(old->directory);
	free(old);
	*stream = NULL;
}
