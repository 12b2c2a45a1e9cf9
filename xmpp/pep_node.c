/*
 * pep_node.c: see pep_node.h.
 */
#include "xmpp/pep_node.h"

#include "xmpp/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) "pubsub#" name

static const char *const access_words[] = {"presence", "open", "whitelist", NULL};
static const char *const last_words[] = {"on_sub_and_presence", "on_sub", "never", NULL};

/*
 * Nodes that are not as XEP-0163 section 5 has it (one item, for contacts). Who does not say that
 * bookmarks and the like are private is meant to all the same.
 */
static const struct {
	const char *node;
	struct pep_config config;
} special[] = {
    {"urn:xmpp:bookmarks:1", {PEP_ACCESS_WHITELIST, PEP_LAST_NEVER, PEP_ITEMS_MAX}},
    {"storage:bookmarks", {PEP_ACCESS_WHITELIST, PEP_LAST_PRESENCE, 1}},
    {"urn:xmpp:mds:displayed:0", {PEP_ACCESS_WHITELIST, PEP_LAST_NEVER, PEP_ITEMS_MAX}},
    {"urn:xmpp:omemo:2:bundles", {PEP_ACCESS_OPEN, PEP_LAST_PRESENCE, PEP_ITEMS_MAX}},
};

struct pep_config pep_config_default(const char *node)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (strcmp(special[i].node, node) == 0)
			return special[i].config;
	return (struct pep_config){PEP_ACCESS_PRESENCE, PEP_LAST_PRESENCE, 1};
}

bool pep_config_public(const struct pep_config *config)
{
	return config->access != PEP_ACCESS_WHITELIST;
}

bool pep_config_equal(const struct pep_config *a, const struct pep_config *b)
{
	return a->access == b->access && a->last == b->last && a->max_items == b->max_items;
}

/* --- forms --- */

void pep_config_form(const struct pep_config *config, struct xml *parent, const char *type)
{
	static const char *const accesses[] = {
	    "presence", "Contacts", "open", "Contacts (open)", "whitelist", "Nobody else", NULL};
	static const char *const lasts[] = {"on_sub_and_presence",
					    "When a client comes online",
					    "on_sub",
					    "When it subscribes",
					    "never",
					    "Never",
					    NULL};
	char max_items[16];
	const struct server_field fields[] = {
	    {"FORM_TYPE", NULL, "hidden", NS_PUBSUB "#node_config", NULL, false},
	    {FIELD("access_model"), "Who may see it", "list-single", access_words[config->access],
	     accesses, false},
	    {FIELD("max_items"), "Most items", "text-single", max_items, NULL, false},
	    {FIELD("persist_items"), "Keep items", "boolean", "1", NULL, false},
	    {FIELD("send_last_published_item"), "Send the last item", "list-single",
	     last_words[config->last], lasts, false},
	    {NULL, NULL, NULL, NULL, NULL, false},
	};

	snprintf(max_items, sizeof(max_items), "%u", config->max_items);
	form_add(parent, type, NULL, fields);
}

static int find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

/* "max", or a number; more than can be had is as much as can be had. */
static int read_max_items(const char *value, unsigned *max_items)
{
	unsigned long number;
	char *end;

	if (strcmp(value, "max") == 0) {
		*max_items = PEP_ITEMS_MAX;
		return 0;
	}
	if (*value < '0' || *value > '9')
		return -1;
	number = strtoul(value, &end, 10);
	if (*end || number == 0)
		return -1;
	*max_items = number > PEP_ITEMS_MAX ? PEP_ITEMS_MAX : (unsigned)number;
	return 0;
}

int pep_config_apply(struct pep_config *config, struct xml *form)
{
	const char *access = form_value(form, FIELD("access_model"));
	const char *last = form_value(form, FIELD("send_last_published_item"));
	const char *max_items = form_value(form, FIELD("max_items"));
	const char *persist = form_value(form, FIELD("persist_items"));
	int word;

	if (access) {
		word = find_word(access_words, access);
		if (word < 0)
			return -1;
		config->access = (enum pep_access)word;
	}
	if (last) {
		word = find_word(last_words, last);
		if (word < 0)
			return -1;
		config->last = (enum pep_last)word;
	}
	if (max_items && read_max_items(max_items, &config->max_items) < 0)
		return -1;
	/* Items are always kept. */
	return persist && strcmp(persist, "1") != 0 && strcmp(persist, "true") != 0 ? -1 : 0;
}

/* --- records --- */

/* "presence on_sub_and_presence 1 1234 9f86d081…": configuration, bytes, version. */
void pep_record_write(const struct pep_record *record, char out[PEP_RECORD_SIZE])
{
	snprintf(out, PEP_RECORD_SIZE, "%s %s %u %zu %s", access_words[record->config.access],
		 last_words[record->config.last], record->config.max_items, record->bytes,
		 record->version);
}

int pep_record_read(const char *text, struct pep_record *record)
{
	char access[16], last[24];
	int access_word, last_word, end = 0;

	if (sscanf(text, "%15s %23s %u %zu %32s%n", access, last, &record->config.max_items,
		   &record->bytes, record->version, &end) != 5 ||
	    text[end])
		return -1;
	access_word = find_word(access_words, access);
	last_word = find_word(last_words, last);
	if (access_word < 0 || last_word < 0 || record->config.max_items == 0 ||
	    record->config.max_items > PEP_ITEMS_MAX)
		return -1;
	record->config.access = (enum pep_access)access_word;
	record->config.last = (enum pep_last)last_word;
	return 0;
}
