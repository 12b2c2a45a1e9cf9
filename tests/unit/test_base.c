/*
 * test_base.c: core/base but for streams: errors, log, buffers, cursors, codecs, configuration.
 */
#include "core/base/buf.h"
#include "core/base/codec.h"
#include "core/base/config_file.h"
#include "core/base/cursor.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/trim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void errors_read_from_the_outside_in(void **state)
{
	struct err err;
	char longest[400];

	(void)state;
	assert_int_equal(err_set(&err, ERR_INPUT, "line %d is bad", 7), -1);
	assert_int_equal(err_wrap(&err, "read %s", "file"), -1);
	assert_string_equal(err.text, "read file: line 7 is bad");
	assert_int_equal(err.code, ERR_INPUT);
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	err_wrap(&err, "%s", longest);
	assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
	err_set(&err, ERR_INPUT, "%s", longest);
	err_wrap(&err, "outer");
	assert_memory_equal(err.text, "outer: xxx", 10);
	assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
	assert_int_equal(err_set(NULL, ERR_INPUT, "nobody"), -1);
	assert_string_equal(err_code_name(ERR_TIMEOUT), "timeout");
	assert_string_equal(err_code_name((enum err_code)99), "unknown");
}

static char last_line[2048];
static unsigned lines;

static void keep_line(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	snprintf(last_line, sizeof last_line, "%s", line);
	lines++;
}

static void log_scrubs(void **state)
{
	(void)state;
	log_set_sink(keep_line, NULL);
	log_set_level(LOG_LEVEL_INFO);
	log_set_unsafe(true);
	log_info("dial %s", log_private("abc.onion"));
	assert_string_equal(last_line, "dial [scrubbed]");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("dial %s", log_private("abc.onion"));
	assert_string_equal(last_line, "dial abc.onion");
	log_set_unsafe(false);
	log_debug("dial %s", log_private("abc.onion"));
	assert_string_equal(last_line, "dial [scrubbed]");
	log_warn("a\nb\x1b[1m");
	assert_string_equal(last_line, "a?b?[1m");
	lines = 0;
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("dropped");
	assert_int_equal(lines, 0);
	log_set_sink(NULL, NULL);
	log_set_level(LOG_LEVEL_NOTICE);
}

static void buffers_keep_their_limit(void **state)
{
	struct buf buf;
	char block[1000];

	(void)state;
	memset(block, 'a', sizeof block);
	buf_init(&buf, 1500);
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf_add(&buf, block, sizeof block), 0);
	assert_int_equal(buf_add(&buf, block, sizeof block), -1);
	assert_int_equal(buf.len, 1000);
	assert_int_equal(buf_printf(&buf, "%d-%s", 7, "x"), 0);
	assert_string_equal(buf_text(&buf) + 1000, "7-x");
	buf_drain(&buf, 1001);
	assert_string_equal(buf_text(&buf), "-x");
	buf_drain(&buf, 99);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf_add_text(&buf, "again"), 0);
	assert_string_equal(buf_text(&buf), "again");
	buf_free(&buf);
	assert_int_equal(buf_add(&buf, "x", 1), 0);
	buf_free(&buf);
}

static void cursors_stay_inside(void **state)
{
	uint8_t bytes[16];
	uint8_t out[4];
	struct writer w;
	struct reader r;

	(void)state;
	writer_init(&w, bytes, sizeof bytes);
	write_u8(&w, 1);
	write_u16(&w, 0x0203);
	write_u32(&w, 0x04050607);
	write_bytes(&w, "ab", 2);
	write_padding(&w);
	assert_false(w.bad);
	assert_memory_equal(bytes, "\1\2\3\4\5\6\7ab\0\0\0\0\0\0\0", 16);
	write_u8(&w, 9);
	assert_true(w.bad);

	reader_init(&r, bytes, 9);
	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_u16(&r), 0x0203);
	assert_int_equal(read_u32(&r), 0x04050607);
	assert_int_equal(read_u32(&r), 0);
	assert_true(r.bad);
	assert_int_equal(read_u8(&r), 0); /* stays bad although a byte is left */
	memset(out, 1, sizeof out);
	read_bytes(&r, out, sizeof out);
	assert_memory_equal(out, "\0\0\0\0", 4);
	reader_init(&r, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
	assert_true(read_u64(&r) == UINT64_C(0x0102030405060708));
	assert_false(r.bad);
}

/* RFC 4648 section 10 (base32 here without padding, and in lower case). */
static const struct {
	const char *plain, *base64, *base32, *hex;
} vectors[] = {
    {"", "", "", ""},
    {"f", "Zg==", "my", "66"},
    {"fo", "Zm8=", "mzxq", "666f"},
    {"foo", "Zm9v", "mzxw6", "666f6f"},
    {"foob", "Zm9vYg==", "mzxw6yq", "666f6f62"},
    {"fooba", "Zm9vYmE=", "mzxw6ytb", "666f6f6261"},
    {"foobar", "Zm9vYmFy", "mzxw6ytboi", "666f6f626172"},
    {"\xfb\xff\xfe", "+//+", "7p774", "fbfffe"},
};

static void codecs_agree_with_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		size_t len = strlen(vectors[i].plain);
		char text[32];
		uint8_t out[16];

		base64_encode(vectors[i].plain, len, text);
		assert_string_equal(text, vectors[i].base64);
		assert_int_equal(strlen(text), BASE64_LEN(len));
		assert_int_equal(base64_decode(text, strlen(text), out, sizeof out), len);
		assert_memory_equal(out, vectors[i].plain, len);
		base32_encode(vectors[i].plain, len, text);
		assert_string_equal(text, vectors[i].base32);
		assert_int_equal(strlen(text), BASE32_LEN(len));
		assert_int_equal(base32_decode(text, strlen(text), out, sizeof out), len);
		assert_memory_equal(out, vectors[i].plain, len);
		hex_encode(vectors[i].plain, len, text);
		assert_string_equal(text, vectors[i].hex);
		assert_int_equal(hex_decode(text, strlen(text), out, sizeof out), len);
		assert_memory_equal(out, vectors[i].plain, len);
		if (len > 0) {
			assert_int_equal(hex_decode(text, strlen(text), out, len - 1), -1);
			base64_encode(vectors[i].plain, len, text);
			assert_int_equal(base64_decode(text, strlen(text), out, len - 1), -1);
		}
	}
}

static void codecs_refuse_what_is_wrong(void **state)
{
	static const char *const base64[] = {
	    "Zg", "Zg=", "Zh==", "Z===", "Zm9v!mFy", "====", "Zm=v"};
	static const char *const base32[] = {"m", "mz1", "mza", "my======", "mzxw6ytb0i"};
	static const char *const hex[] = {"6", "6g", "0x", " 6"};
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < sizeof base64 / sizeof base64[0]; i++)
		assert_int_equal(base64_decode(base64[i], strlen(base64[i]), out, sizeof out), -1);
	for (size_t i = 0; i < sizeof base32 / sizeof base32[0]; i++)
		assert_int_equal(base32_decode(base32[i], strlen(base32[i]), out, sizeof out), -1);
	for (size_t i = 0; i < sizeof hex / sizeof hex[0]; i++)
		assert_int_equal(hex_decode(hex[i], strlen(hex[i]), out, sizeof out), -1);
	assert_int_equal(base32_decode("MZXW6YTBOI", 10, out, sizeof out), 6);
	assert_int_equal(hex_decode("FBFF", 4, out, sizeof out), 2);
	/* Every byte that is no character of the alphabet is refused. */
	for (unsigned c = 0; c < 256; c++) {
		char text[4] = {(char)c, 'A', 'A', 'A'};
		bool good = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789+/",
					     (int)c) != NULL;

		assert_int_equal(base64_decode(text, 4, out, sizeof out), good ? 3 : -1);
	}
}

static void secrets_compare_and_wipe(void **state)
{
	struct key key;

	(void)state;
	memset(&key, 7, sizeof key);
	assert_true(secret_equal("abc", "abc", 3));
	assert_false(secret_equal("abc", "abd", 3));
	assert_false(secret_is_zero(&key, sizeof key));
	key_wipe(&key);
	assert_true(secret_is_zero(&key, sizeof key));
}

struct settings {
	char *directory;
	struct config_list gateways;
	bool tls;
	int64_t port, renewal;
	int level;
};

static const char *const levels[] = {"low", "high", NULL};
static const struct config_key table[] = {
    {.name = "state-dir",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct settings, directory),
     .initial = "/var/lib/tacet"},
    {.name = "gateway",
     .type = CONFIG_LIST,
     .offset = offsetof(struct settings, gateways),
     .initial = "http://first"},
    {.name = "tls",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct settings, tls),
     .initial = "yes"},
    {.name = "port",
     .type = CONFIG_NUMBER,
     .offset = offsetof(struct settings, port),
     .min = 1,
     .max = 65535,
     .initial = "5222"},
    {.name = "renewal",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct settings, renewal),
     .min = 1000,
     .max = 3600000,
     .initial = "2m"},
    {.name = "level",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct settings, level),
     .choices = levels,
     .initial = "low"},
    {.name = NULL},
};

static void configuration_is_read(void **state)
{
	struct settings s = {0};
	struct err err;

	(void)state;
	assert_int_equal(config_parse(table, &s, "f", "", &err), 0);
	assert_string_equal(s.directory, "/var/lib/tacet");
	assert_int_equal(s.gateways.count, 1);
	assert_int_equal(s.port, 5222);
	assert_int_equal(s.renewal, 120000);
	assert_true(s.tls);
	config_free(table, &s);
	assert_int_equal(config_parse(table, &s, "f",
				      "# comment\n\n  state-dir =  \" a b \" \ngateway=x\r\n"
				      "gateway = y\ntls=no\nrenewal = 90s\nlevel = high",
				      &err),
			 0);
	assert_string_equal(s.directory, " a b ");
	assert_int_equal(s.gateways.count, 2);
	assert_string_equal(s.gateways.items[1], "y");
	assert_false(s.tls);
	assert_int_equal(s.renewal, 90000);
	assert_int_equal(s.level, 1);
	config_free(table, &s);
	assert_null(s.directory);
}

static void configuration_mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
	    {"port = 0", "f:1: port: must be a number, 1 to 65535"},
	    {"\nport = 12x", "f:2: port: must be a number, 1 to 65535"},
	    {"port = 99999999999999999999", "f:1: port: must be a number, 1 to 65535"},
	    {"prot = 1", "f:1: prot: no such key"},
	    {"port 1", "f:1: \"port 1\": expected key = value"},
	    {"port=1\nport=2", "f:2: port: given twice"},
	    {"tls = maybe", "f:1: tls: must be yes or no"},
	    {"level = middle", "f:1: level: must be one of low, high"},
	    {"renewal = 5", "f:1: renewal: must be a duration such as 250ms, 30s, 10m, 24h, 7d"},
	    {"renewal = 5ms", "f:1: renewal: must be 1000ms to 3600000ms"},
	    {"renewal = 9223372036854775807d",
	     "f:1: renewal: must be a duration such as 250ms, 30s, 10m, 24h, 7d"},
	    {"state-dir = \"x", "f:1: state-dir: quote without its pair"},
	    {"= x", "f:1: : no such key"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct settings s = {0};
		struct err err;

		assert_int_equal(config_parse(table, &s, "f", cases[i].text, &err), -1);
		assert_string_equal(err.text, cases[i].error);
		assert_null(s.directory);
	}
}

static void configuration_files_are_bounded(void **state)
{
	struct settings s = {0};
	struct err err;
	char *text = malloc(400 * 12 + 1);

	(void)state;
	assert_int_equal(config_load(table, &s, "/nonexistent/file", &err), -1);
	assert_string_equal(err.text, "/nonexistent/file: No such file or directory");
	assert_int_equal(config_load(table, &s, "/proc/self/exe", &err), -1);
	assert_int_equal(config_load(table, &s, "/", &err), -1);
	assert_non_null(text);
	text[0] = '\0';
	for (int i = 0; i < 400; i++)
		strcat(text, "gateway=x\n");
	assert_int_equal(config_parse(table, &s, "f", text, &err), -1);
	assert_string_equal(err.text, "f:257: gateway: given more than 256 times");
	free(text);
}

static size_t resident_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	size_t kib = 0;

	assert_non_null(file);
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtoul(line + strlen(name), NULL, 10);
	fclose(file);
	return kib;
}

static int changed = 7;
static const char *const relocated[] = {"one", "two"};

/* What was written stays, what was read can be read again. */
static void trimming_loses_nothing(void **state)
{
	char *heap = strdup("heap"), hex[9];
	size_t before;

	(void)state;
	assert_non_null(heap);
	changed = 8;
	before = resident_kib("RssFile:");
	trim_memory();
	assert_true(before > 0 && resident_kib("RssFile:") < before);
	assert_int_equal(changed, 8);
	assert_string_equal(relocated[1], "two");
	assert_string_equal(heap, "heap");
	hex_encode((const uint8_t *)"tace", 4, hex);
	assert_string_equal(hex, "74616365");
	free(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(errors_read_from_the_outside_in),
	    cmocka_unit_test(log_scrubs),
	    cmocka_unit_test(buffers_keep_their_limit),
	    cmocka_unit_test(cursors_stay_inside),
	    cmocka_unit_test(codecs_agree_with_the_rfc),
	    cmocka_unit_test(codecs_refuse_what_is_wrong),
	    cmocka_unit_test(secrets_compare_and_wipe),
	    cmocka_unit_test(configuration_is_read),
	    cmocka_unit_test(configuration_mistakes_are_named),
	    cmocka_unit_test(configuration_files_are_bounded),
	    cmocka_unit_test(trimming_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
