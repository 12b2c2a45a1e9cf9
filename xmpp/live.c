/*
 * live.c: see live.h.
 */
#include "config.h"

#include "xmpp/live.h"

#include "xmpp/ns.h"

#include <string.h>
#include <time.h>

static const struct {
	const char *name;
	const char *ns;
	const char *elements[4]; /* of an answer */
} kinds[] = {
    {"query", NS_VERSION, {"name", "version", "os", NULL}},
    {"time", NS_TIME, {"tzo", "utc", NULL}},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *live_kind(const struct xml *payload)
{
	for (size_t i = 0; i < KINDS; i++)
		if (xml_is(payload, kinds[i].name, kinds[i].ns))
			return kinds[i].ns;
	return NULL;
}

static size_t index_of(const char *kind)
{
	size_t i = 0;

	while (i + 1 < KINDS && strcmp(kinds[i].ns, kind) != 0)
		i++;
	return i;
}

struct xml *live_question(const char *kind)
{
	size_t i = index_of(kind);

	return xml_new(kinds[i].name, kinds[i].ns);
}

/* Frees element and makes it NULL when memory is short. */
static void add(struct xml **element, const char *name, const char *text)
{
	if (!xml_text_add(xml_child_add(*element, name, NULL), text))
		xml_free(element);
}

struct xml *live_answer(const struct env *env, const char *kind)
{
	struct xml *answer = live_question(kind);
	time_t now = (time_t)(env_wall_ms(env) / 1000);
	char text[sizeof("2006-12-19T17:58:35Z") + 8] = "";
	struct tm tm;

	if (strcmp(kind, NS_VERSION) == 0) {
		add(&answer, "name", PACKAGE_NAME);
		add(&answer, "version", PACKAGE_VERSION);
		return answer;
	}
	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	add(&answer, "tzo", "+00:00");
	add(&answer, "utc", text);
	return answer;
}

struct xml *live_clean(struct xml *answer, const char *kind)
{
	const char *const *name;
	struct xml *clean;

	if (live_kind(answer) != kind)
		return NULL;
	clean = live_question(kind);
	for (name = kinds[index_of(kind)].elements; *name && clean; name++) {
		const char *text = xml_child_text(answer, *name, kind);

		if (text && strlen(text) <= LIVE_TEXT_MAX)
			add(&clean, *name, text);
	}
	return clean;
}
