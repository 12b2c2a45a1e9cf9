/* Tests of xmpp/form.c: what is submitted, checked against the form; sizes of pictures. */
#include "xmpp/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const kinds[] = {"once", "One", "many", "Anybody", NULL};
static const struct server_field fields[] = {
    {.name = "", .type = "fixed", .value = "read this", .required = true},
    {.name = "name", .label = "Your name", .type = "text-single", .required = true},
    {.name = "kind", .type = "list-single", .options = kinds},
    {.name = "secret", .type = "text-private"},
    {.name = NULL},
};

static struct xml *parse(const char *text)
{
	static const struct xml_limits limits = {.bytes = 10000, .depth = 20, .children = 100};

	return xml_parse_element(text, strlen(text), &limits, NULL);
}

#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define FORM(type, content)                                                                        \
	"<x xmlns='jabber:x:data' type='" type "'>" FIELD("", "x") content "</x>"

static void test_check(void **state)
{
	static const struct {
		const char *form;
		const char *why; /* NULL: good */
	} table[] = {
	    {FORM("submit", FIELD("name", "Dora")), NULL},
	    {FORM("submit", FIELD("name", "Dora") FIELD("kind", "many")), NULL},
	    {FORM("submit", FIELD("name", "Dora") FIELD("kind", "")), NULL},
	    {FORM("submit", FIELD("name", "Dora") FIELD("other", "x")), NULL},
	    {FORM("submit", FIELD("name", "Dora") FIELD("kind", "One")),
	     "kind: none of the choices"},
	    {FORM("submit", FIELD("name", "")), "Your name: is needed"},
	    {FORM("submit", "<field var='name'/>"), "Your name: is needed"},
	    {FORM("submit", "<field><value>Dora</value></field>"), "Your name: is needed"},
	    {FORM("submit", "<field xmlns='x' var='name'><value>Dora</value></field>"),
	     "Your name: is needed"},
	    {FORM("submit", ""), "Your name: is needed"},
	    {FORM("form", FIELD("name", "Dora")), "the form is not filled in"},
	    {"<x xmlns='jabber:x:data'>" FIELD("name", "Dora") "</x>", "the form is not filled in"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct xml *form = parse(table[i].form);
		struct err err = {.code = ERR_NONE};

		assert_non_null(form);
		assert_int_equal(form_check(form, fields, &err), table[i].why ? -1 : 0);
		assert_string_equal(err.text, table[i].why ? table[i].why : "");
		xml_free(&form);
	}
	assert_int_equal(form_check(NULL, fields, NULL), -1);
}

static void test_value_and_wipe(void **state)
{
	struct xml *form = parse(FORM("submit", FIELD("name", "Dora") FIELD("secret", "tower")));

	(void)state;
	assert_string_equal(form_value(form, "name"), "Dora");
	assert_string_equal(form_value(form, "secret"), "tower");
	assert_null(form_value(form, "kind"));
	assert_null(form_value(NULL, "kind"));
	form_wipe(form, fields);
	assert_string_equal(form_value(form, "name"), "Dora");
	assert_string_equal(form_value(form, "secret"), "");
	form_wipe(form, NULL);
	xml_free(&form);
}

static void test_png_size(void **state)
{
	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
				      'I',  'H', 'D', 'R', 0,    1,    2,    3,    0, 0, 1, 4};
	uint8_t bad[sizeof(png)];
	uint32_t width, height;

	(void)state;
	assert_int_equal(png_size(png, sizeof(png), &width, &height), 0);
	assert_int_equal(width, 0x010203);
	assert_int_equal(height, 260);
	for (size_t len = 0; len < sizeof(png); len++)
		assert_int_equal(png_size(png, len, &width, &height), -1);
	memcpy(bad, png, sizeof(png));
	bad[0] = 0x88;
	assert_int_equal(png_size(bad, sizeof(bad), &width, &height), -1);
	memcpy(bad, png, sizeof(png));
	bad[12] = 'J';
	assert_int_equal(png_size(bad, sizeof(bad), &width, &height), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_value_and_wipe),
	    cmocka_unit_test(test_png_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
