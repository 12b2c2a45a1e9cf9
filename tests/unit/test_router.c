/* Tests of xmpp/router.c: whom a stanza is for, and which route it takes. */
#include "xmpp/feature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_target(void **state)
{
	static const struct {
		const char *to;
		enum target target; /* 0: no JID */
		const char *local, *resource;
	} table[] = {
	    {NULL, TARGET_ACCOUNT, "", ""},
	    {"localhost", TARGET_SERVER, "", ""},
	    {"LocalHost/x", TARGET_SERVER, "", "x"},
	    {"alice@localhost", TARGET_ACCOUNT, "alice", ""},
	    {"ALICE@localhost", TARGET_ACCOUNT, "alice", ""},
	    {"alice@localhost/phone", TARGET_RESOURCE, "alice", "phone"},
	    {"alic@localhost", TARGET_CONTACT, "alic", ""},
	    {"ABCD@localhost/tacet", TARGET_CONTACT, "abcd", "tacet"},
	    {"alice@localhost.example", TARGET_ELSEWHERE, "alice", ""},
	    {"example.net", TARGET_ELSEWHERE, "", ""},
	    {"", 0, "", ""},
	    {"@localhost", 0, "", ""},
	    {"alice@localhost/", 0, "", ""},
	    {"a b@localhost", 0, "", ""},
	};
	struct server server = {.domain = (char[]){"localhost"}};
	struct user user = {.server = &server, .name = (char[]){"alice"}};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum target target = 0;
		struct jid jid;
		int result = router_target(&user, table[i].to, &jid, &target);

		assert_int_equal(result, table[i].target ? 0 : -1);
		if (result < 0)
			continue;
		assert_int_equal(target, table[i].target);
		assert_string_equal(jid.local, table[i].local);
		assert_string_equal(jid.resource, table[i].resource);
	}
}

static void test_routes(void **state)
{
	static const struct {
		enum route_kind kind;
		enum target target;
		const char *name, *ns;
		void (*handler)(struct request *request); /* NULL: none */
	} table[] = {
	    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", NS_ROSTER, roster_get},
	    {ROUTE_IQ_SET, TARGET_ACCOUNT, "query", NS_ROSTER, roster_set},
	    {ROUTE_IQ_GET, TARGET_SERVER, "query", NS_ROSTER, NULL},
	    {ROUTE_IQ_SET, TARGET_CONTACT, "query", NS_ROSTER, roster_forbidden},
	    {ROUTE_IQ_GET, TARGET_ACCOUNT, "other", NS_ROSTER, NULL},
	    {ROUTE_IQ_GET, TARGET_ACCOUNT, "query", "", NULL},
	    {ROUTE_IQ_GET, TARGET_RESOURCE, "query", NS_ROSTER, own_iq},
	    {ROUTE_IQ_SET, TARGET_RESOURCE, "anything", "at:all", own_iq},
	    {ROUTE_IQ_GET, TARGET_SERVER, "query", NS_DISCO_INFO, disco_server_info},
	    {ROUTE_IQ_GET, TARGET_CONTACT, "query", NS_DISCO_INFO, disco_contact_info},
	    {ROUTE_IQ_SET, TARGET_SERVER, "query", NS_DISCO_INFO, NULL},
	    {ROUTE_IQ_GET, TARGET_ELSEWHERE, "query", NS_DISCO_INFO, NULL},
	    {ROUTE_IQ_GET, TARGET_CONTACT, "ping", NS_PING, NULL},
	    {ROUTE_IQ_GET, TARGET_SERVER, "time", NS_TIME, time_answer},
	    {ROUTE_MESSAGE, TARGET_CONTACT, NULL, NULL, message_to_contact},
	    {ROUTE_MESSAGE, TARGET_SERVER, NULL, NULL, message_to_server},
	    {ROUTE_MESSAGE, TARGET_ELSEWHERE, NULL, NULL, NULL},
	    {ROUTE_PRESENCE, TARGET_ACCOUNT, "", NULL, presence_available},
	    {ROUTE_PRESENCE, TARGET_RESOURCE, "", NULL, own_presence},
	    {ROUTE_PRESENCE, TARGET_RESOURCE, "subscribe", NULL, presence_drop},
	    {ROUTE_PRESENCE, TARGET_CONTACT, "", NULL, directed_available},
	    {ROUTE_PRESENCE, TARGET_CONTACT, "error", NULL, presence_drop},
	    {ROUTE_PRESENCE, TARGET_CONTACT, "subscribe", NULL, presence_subscribe},
	    {ROUTE_PRESENCE, TARGET_ELSEWHERE, "subscribe", NULL, presence_refuse},
	    {ROUTE_PRESENCE, TARGET_SERVER, "nonsense", NULL, presence_drop},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct route *route =
		    router_find(table[i].kind, table[i].target, table[i].name, table[i].ns);

		assert_int_equal(route != NULL, table[i].handler != NULL);
		if (route)
			assert_true(route->handler == table[i].handler);
	}
}

/* Presence is never without a route: it would be answered with an error. */
static void test_every_presence_has_a_route(void **state)
{
	(void)state;
	for (unsigned target = TARGET_SERVER; target <= TARGET_ELSEWHERE; target *= 2)
		assert_non_null(router_find(ROUTE_PRESENCE, target, "whatever", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_target),
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_every_presence_has_a_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
