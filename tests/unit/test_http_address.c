/* Tests of http_address.c. */
#include "core/http_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
    {"http://[127.0.0.1]", false, false},
    {"http://[::1]x", false, false},
    {"http://[fe80::1%eth0]", false, false},
    {"http://gateway.example:", false, false},
    {"http://gateway.example:0", false, false},
    {"http://gateway.example:000080", false, false},
    {"http://gateway.example\\@other.example/", false, false},
    {"http://gat%65way.example", false, false},
    {"HTTP://gateway.example", false, false},
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
	/* A name of 253 characters makes the URL too long. */
	memset(url + 7, 'a', HTTP_HOST_MAX);
	assert_int_equal(http_url_check(url, false, &err), -1);
	url[HTTP_URL_MAX] = '\0';
	assert_int_equal(http_url_check(url, false, &err), 0);
	url[HTTP_URL_MAX] = 'a';
	url[HTTP_URL_MAX + 1] = '\0';
	assert_int_equal(http_url_check(url, false, &err), -1);
}

static const struct {
	const char *url;
	bool tls, numeric;
	const char *host, *authority, *path;
	unsigned port;
} parts[] = {
    {"http://gateway.example", false, false, "gateway.example", "gateway.example", "/", 80},
    {"https://A-b_c.example:8080/x/y", true, false, "A-b_c.example", "A-b_c.example:8080", "/x/y",
     8080},
    {"http://127.0.0.1:1/key/0f", false, true, "127.0.0.1", "127.0.0.1:1", "/key/0f", 1},
    {"https://[2001:db8::1]/", true, true, "2001:db8::1", "[2001:db8::1]", "/", 443},
    {"http://127.1", false, false, "127.1", "127.1", "/", 80},
};

static void split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct http_url url;

		assert_int_equal(http_url_parse(parts[i].url, &url, NULL), 0);
		assert_int_equal(url.tls, parts[i].tls);
		assert_int_equal(url.numeric, parts[i].numeric);
		assert_string_equal(url.host, parts[i].host);
		assert_string_equal(url.authority, parts[i].authority);
		assert_string_equal(url.path, parts[i].path);
		assert_int_equal(url.port, parts[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gateways),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
