/* Tests of http_address.c. */
#include "core/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static const struct {
	const char *url;
	bool good, good_numeric;
} urls[] = {
    {"http://gateway.example", true, false},
    {"http://gateway.example:8080", true, false},
    {"https://gateway.example/", true, false},
    {"http://gateway.example/dht/path", true, false},
    {"http://127.0.0.1:18001", true, true},
    {"https://[2001:db8::1]:80", true, true},
    {"http://abcdefghijklmnop.onion", true, false},
    {"http://localhost:80", true, false},
    {"", false, false},
    {"gateway.example", false, false},
    {"//gateway.example", false, false},
    {"127.0.0.1:80", false, false},
    {"http://", false, false},
    {"http:///x", false, false},
    {"ftp://gateway.example", false, false},
    {"file:///etc/passwd", false, false},
    {"socks5h://gateway.example", false, false},
    {"http://user@gateway.example", false, false},
    {"http://user:password@gateway.example", false, false},
    {"http://gateway.example/?a=b", false, false},
    {"http://gateway.example/#a", false, false},
    {"http://gateway.example:99999", false, false},
    {"http://gateway.example:port", false, false},
    {"http://gate way.example", false, false},
    {"http://gateway.example/a\r\nHost: b", false, false},
    {"http://[::1", false, false},
};

static void gateways(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		bool good = !http_url_check(urls[i].url, false, &err);
		bool good_numeric = !http_url_check(urls[i].url, true, &err);

		if (good != urls[i].good || good_numeric != urls[i].good_numeric)
			fail_msg("%s: %d %d", urls[i].url, good, good_numeric);
		if (!good)
			assert_int_equal(err.code, ERR_INPUT);
	}
}

static void lengths(void **state)
{
	char url[400] = "http://";
	struct err err;

	(void)state;
	/* A name of 253 characters makes the URL too long; libcurl would have taken 65535. */
	memset(url + 7, 'a', HTTP_HOST_MAX);
	assert_int_equal(http_url_check(url, false, &err), -1);
	url[HTTP_URL_MAX] = '\0';
	assert_int_equal(http_url_check(url, false, &err), 0);
	url[HTTP_URL_MAX] = 'a';
	url[HTTP_URL_MAX + 1] = '\0';
	assert_int_equal(http_url_check(url, false, &err), -1);
}

static const struct {
	const char *text;
	const char *url; /* NULL: refused */
} proxies[] = {
    {"127.0.0.1:9050", "socks5h://127.0.0.1:9050"},
    {"[::1]:1", "socks5h://[::1]:1"},
    {"unix:/run/tor/socks", "socks5h://localhost/run/tor/socks"},
    {"unix:/a b%c#d?e@f:1", "socks5h://localhost/a%20b%25c%23d%3Fe%40f%3A1"},
    {"unix:relative", NULL},
    {"unix:", NULL},
    {"", NULL},
    {"localhost:9050", NULL},
    {"127.0.0.1", NULL},
    {"127.0.0.1:", NULL},
    {"127.0.0.1:0", NULL},
    {"127.0.0.1:65536", NULL},
    {"127.0.0.1:+1", NULL},
    {"127.0.0.1:9050x", NULL},
    {"::1:9050", NULL},
    {"[::1]", NULL},
    {"[127.0.0.1]:1", NULL},
    {"[]:1", NULL},
    {"[fe80::1%eth0]:1", NULL},
    {"1111111111111111111111111111111111111111111111111111111111:1", NULL},
};

static void proxy_addresses(void **state)
{
	struct http_proxy address;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++) {
		int result = http_proxy_parse(proxies[i].text, &address, &err);

		if ((result == 0) != (proxies[i].url != NULL))
			fail_msg("%s: %d", proxies[i].text, result);
		if (proxies[i].url)
			assert_string_equal(address.url, proxies[i].url);
		else
			assert_int_equal(err.code, ERR_INPUT);
	}
}

static void sockets(void **state)
{
	struct http_proxy address;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;

	(void)state;
	assert_int_equal(http_proxy_parse("127.0.0.1:9050", &address, NULL), 0);
	memcpy(&in4, &address.socket, sizeof(in4));
	assert_int_equal(in4.sin_family, AF_INET);
	assert_int_equal(ntohs(in4.sin_port), 9050);
	assert_int_equal(ntohl(in4.sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(http_proxy_parse("[::1]:9050", &address, NULL), 0);
	memcpy(&in6, &address.socket, sizeof(in6));
	assert_int_equal(in6.sin6_family, AF_INET6);
	assert_int_equal(ntohs(in6.sin6_port), 9050);
	assert_int_equal(in6.sin6_addr.s6_addr[15], 1);
	assert_int_equal(http_proxy_parse("unix:/a b", &address, NULL), 0);
	memcpy(&un, &address.socket, sizeof(un));
	assert_int_equal(un.sun_family, AF_UNIX);
	assert_string_equal(un.sun_path, "/a b");
}

/* 107 bytes, all of which are escaped, fit; 108 are refused. */
static void longest_path(void **state)
{
	struct http_proxy address;
	char text[5 + 109] = "unix:/";

	(void)state;
	memset(text + 6, ' ', 106);
	assert_int_equal(http_proxy_parse(text, &address, NULL), 0);
	assert_int_equal(strlen(address.url), 19 + 1 + 3 * 106);
	text[5 + 107] = ' ';
	assert_int_equal(http_proxy_parse(text, &address, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gateways),        cmocka_unit_test(lengths),
	    cmocka_unit_test(proxy_addresses), cmocka_unit_test(sockets),
	    cmocka_unit_test(longest_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
