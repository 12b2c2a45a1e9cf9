/*
 * daemon_status.c: see daemon_status.h.
 */
#include <config.h> /* of autoconf */

#include "component/daemon_status.h"

static json_t *tor_json(const struct node *node)
{
	const struct tor_status *tor = node_tor_status(node);
	const struct tor_group *tors = node_tors(node);

	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:i, s:i}", "state", tor_state_name(tor->state),
			 "progress", tor->progress, "summary", tor->summary, "version",
			 tor->version, "problem", tor->problem, "processes",
			 tors ? (int)tor_group_count(tors) : 0, "ready",
			 tors ? (int)tor_group_ready(tors) : 0);
}

static json_t *clock_json(const struct node *node)
{
	const char *why = "";
	int64_t offset_ms = node_clock_offset(node, &why);

	return json_pack("{s:I, s:s}", "offset_ms", (json_int_t)offset_ms, "why", why);
}

static void list_gateway(void *arg, const struct registry_gateway *gateway)
{
	json_array_append_new(arg, json_pack("{s:s, s:f, s:I, s:I, s:I}", "name", gateway->name,
					     "score", gateway->score, "latency_ms",
					     (json_int_t)gateway->latency_ms, "answers",
					     (json_int_t)gateway->answers, "failures",
					     (json_int_t)gateway->failures));
}

static json_t *gateways_json(const struct node *node)
{
	json_t *list = json_array();

	if (list)
		registry_gateways(node_registry(node), list_gateway, list);
	return list;
}

static json_t *xmpp_json(const struct server *server)
{
	unsigned streams, authenticated;

	server_counts(server, &streams, &authenticated);
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "port", (int)server_port(server), "tls_port",
			 (int)server_tls_port(server), "http_port", (int)server_web_port(server),
			 "streams", (int)streams, "authenticated", (int)authenticated);
}

static json_t *component_json(const struct gw_stream *component)
{
	struct gw_stream_info info;

	gw_stream_describe(component, &info);
	return json_pack("{s:s, s:s, s:I, s:I, s:s, s:I, s:i, s:i, s:i}", "domain", info.domain,
			 "state", info.stream.state, "since_ms", (json_int_t)info.stream.since_ms,
			 "retry_ms", (json_int_t)info.stream.retry_ms, "trouble",
			 info.stream.trouble, "queued", (json_int_t)info.stream.queued, "messages",
			 (int)info.counts.parcels, "users", (int)info.counts.users, "there",
			 (int)info.counts.there);
}

int daemon_status(const struct node *node, const struct server *server,
		  const struct gw_stream *component, json_t *status)
{
	int failed = 0;

	failed |= json_object_set_new(status, "version", json_string(PACKAGE_VERSION));
	failed |=
	    json_object_set_new(status, "now_ms", json_integer(engine_now_ms(node_engine(node))));
	failed |= json_object_set_new(status, "tor", tor_json(node));
	failed |= json_object_set_new(status, "clock", clock_json(node));
	failed |= json_object_set_new(status, "gateways", gateways_json(node));
	failed |= json_object_set_new(status, "xmpp", xmpp_json(server));
	if (component)
		failed |= json_object_set_new(status, "component", component_json(component));
	return failed;
}
