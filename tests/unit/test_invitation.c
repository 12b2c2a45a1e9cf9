/* Tests of invitation.c: links as people paste them, and the keys that come of one. */
#include "core/invitation.h"

#include "core/base/codec.h"
#include "core/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The public key 1, 2, 3 … 32. */
#define ID          "aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qabqqb"
#define SECRET_TEXT "aaaqeayeaudaocajbifqydiob4"

static struct invitation sample(const char *name)
{
	struct invitation invitation = {.with_secret = true};

	for (uint8_t i = 0; i < X25519_LEN; i++)
		invitation.host[i] = (uint8_t)(i + 1);
	for (uint8_t i = 0; i < INVITATION_SECRET_LEN; i++)
		invitation.secret[i] = i;
	snprintf(invitation.name, sizeof(invitation.name), "%s", name);
	return invitation;
}

static void test_format(void **state)
{
	static const struct {
		const char *name, *link;
		bool with_secret;
	} cases[] = {
	    {"", "tacet:" ID "?s=" SECRET_TEXT, true},
	    {"Anna", "tacet:" ID "?s=" SECRET_TEXT "&n=Anna", true},
	    {"A & B=%", "tacet:" ID "?s=" SECRET_TEXT "&n=A%20%26%20B%3D%25", true},
	    {"J\xc3\xb6rg", "tacet:" ID "?s=" SECRET_TEXT "&n=J%C3%B6rg", true},
	    {"", "tacet:" ID, false},
	    {"Anna", "tacet:" ID "?n=Anna", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct invitation invitation = sample(cases[i].name), again;
		char link[INVITATION_LINK_SIZE];
		invitation.with_secret = cases[i].with_secret;
		if (!invitation.with_secret)
			memset(invitation.secret, 0, INVITATION_SECRET_LEN);
		invitation_format(&invitation, link);
		assert_string_equal(link, cases[i].link);
		assert_int_equal(invitation_parse(link, &again, NULL), 0);
		assert_memory_equal(&again, &invitation, sizeof(again));
	}
}

/* The longest name, each of its bytes encoded. */
static void test_longest(void **state)
{
	struct invitation invitation = sample(""), again;
	char link[INVITATION_LINK_SIZE];

	(void)state;
	memset(invitation.name, '&', INVITATION_NAME_MAX);
	invitation_format(&invitation, link);
	assert_int_equal(invitation_parse(link, &again, NULL), 0);
	assert_memory_equal(&again, &invitation, sizeof(again));
}

#define NAME_63 "0123456789012345678901234567890123456789012345678901234567890ab"

static void test_parse(void **state)
{
	static const struct {
		const char *text, *name;
		bool with_secret;
	} cases[] = {
	    {ID, "", false},
	    {" \t" ID "\r\n", "", false},
	    {ID "@localhost", "", false},
	    {ID "@localhost/phone", "", false},
	    {"xmpp:" ID "@localhost", "", false},
	    {"xmpp:" ID "@localhost?message;body=hello", "", false},
	    {"xmpp:tacet:" ID, "", false},
	    {"tacet://" ID "/?s=" SECRET_TEXT, "", true},
	    {"TACET:" ID "?S=" SECRET_TEXT "&N=ANNA", "ANNA", true},
	    {"<tacet:" ID "?s=" SECRET_TEXT "&n=Anna>", "Anna", true},
	    {"\"tacet:" ID "?s=" SECRET_TEXT "&n=Anna\"", "Anna", true},
	    {"tacet:aebagbafaydqqcikbmga2dqp\n  caireeyuculbogazdinryhi6d4qabqqb?s=\n"
	     " " SECRET_TEXT "\n&n=Anna",
	     "Anna", true},
	    {"tacet:" ID "?n=Anna&s=" SECRET_TEXT, "Anna", true},
	    {"tacet:" ID "?s=" SECRET_TEXT "&amp;n=Anna", "Anna", true},
	    {"tacet:" ID "?v=2&s=" SECRET_TEXT "&x&=&&n=Anna#top", "Anna", true},
	    /* A name that is no text is none. */
	    {"tacet:" ID "?n=%ff", "", false},
	    {"tacet:" ID "?n=a%0ab", "", false},
	    {"tacet:" ID "?n=a%00b", "", false},
	    {"tacet:" ID "?n=a%4", "", false},
	    {"tacet:" ID "?n=a%", "", false},
	    {"tacet:" ID "?n=a%zz", "", false},
	    /* A long one is cut between characters. */
	    {"tacet:" ID "?n=" NAME_63 "%C3%B6", NAME_63, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct invitation wanted = sample(cases[i].name), found;
		struct err err = {0};
		wanted.with_secret = cases[i].with_secret;
		if (!wanted.with_secret)
			memset(wanted.secret, 0, INVITATION_SECRET_LEN);
		if (invitation_parse(cases[i].text, &found, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		if (memcmp(&found, &wanted, sizeof(found)) != 0)
			fail_msg("%s is read as another", cases[i].text);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	    {"", "no link"},
	    {" \n", "no link"},
	    {"<>", "no link"},
	    {"\"", "no link"},
	    {"tacet:", "56"},
	    {"https://example.com/", "56"},
	    {"aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qabqq", "56"},
	    {"tacet:bebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qabqqb", "mistyped"},
	    {"tacet:1ebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qabqqb", "letters"},
	    {"tacet:" ID "?s=", "not whole"},
	    {"tacet:" ID "?s=aaaqeayeaudaocajbifqydiob", "not whole"},
	    {"tacet:" ID "?s=" SECRET_TEXT "a", "not whole"},
	    {"tacet:" ID "?s=1aaqeayeaudaocajbifqydiob4", "not whole"},
	};
	char longest[4000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct invitation found;
		struct err err = {0};
		if (invitation_parse(cases[i].text, &found, &err) == 0)
			fail_msg("%s is taken", cases[i].text);
		assert_int_equal(err.code, ERR_INPUT);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_false(found.with_secret);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(invitation_parse(longest, &(struct invitation){0}, NULL), -1);
}

/* Host and guest derive the same pair; another secret, or another host, another door. */
static void test_door(void **state)
{
	struct invitation invitation = sample("");
	struct identity host, door, other;
	struct key private_key = {{9}}, secret, other_secret;
	struct pair ours, theirs;

	(void)state;
	assert_int_equal(identity_load(&private_key, &host, NULL), 0);
	memcpy(invitation.host, host.public_key, X25519_LEN);
	assert_int_equal(invitation_door(&invitation, &door, &secret, NULL), 0);
	assert_int_equal(pair_derive(&host, door.public_key, &secret, &ours, NULL), 0);
	assert_int_equal(pair_derive(&door, host.public_key, &secret, &theirs, NULL), 0);
	assert_memory_equal(&ours.in, &theirs.out, sizeof(ours.in));
	assert_memory_equal(&ours.out, &theirs.in, sizeof(ours.in));
	invitation.secret[0] ^= 1;
	assert_int_equal(invitation_door(&invitation, &other, &other_secret, NULL), 0);
	assert_memory_not_equal(other.public_key, door.public_key, X25519_LEN);
	assert_memory_not_equal(other_secret.bytes, secret.bytes, KEY_LEN);
	invitation.secret[0] ^= 1;
	invitation.host[0] ^= 1;
	assert_int_equal(invitation_door(&invitation, &other, &other_secret, NULL), 0);
	assert_memory_not_equal(other.public_key, door.public_key, X25519_LEN);
	assert_memory_not_equal(other.public_key, other_secret.bytes, X25519_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format), cmocka_unit_test(test_longest),
	    cmocka_unit_test(test_parse),  cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
