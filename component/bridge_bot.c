/*
 * bridge_bot.c: accounts without a person: there without a client, and with a rule for those who
 * ask to be contacts. See bridge_program.h.
 *
 *     setting "bot": the rule; missing: a person's account
 */
#include "component/bridge_private.h"

#include "component/bridge_program.h"
#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SETTING_BOT "bot"
#define BLANKS      ", \t\r\n"

static char *setting(const struct account *account, size_t *len)
{
	/* The engine has no const getter; this one changes nothing. */
	return account_setting_get((struct account *)(uintptr_t)account, SETTING_BOT, len);
}

bool bridge_is_bot(const struct account *account)
{
	size_t len = 0;
	char *rule = setting(account, &len);
	bool bot = rule != NULL;

	secret_free(rule, len);
	return bot;
}

char *bridge_bot_rule(struct account *account)
{
	size_t len;
	void *rule;
	int found = account_setting_read(account, SETTING_BOT, &rule, &len, NULL);
	char *copy = found < 0 ? NULL : strdup(rule ? rule : "off");

	secret_free(rule, len);
	return copy;
}

/* --- rules --- */

/* Is it "nobody", "invited" or a list of ids? */
static int check_rule(const char *rule, struct err *err)
{
	uint8_t key[X25519_LEN];
	char *copy, *rest, *id;
	int result = 0;

	if (strcmp(rule, "nobody") == 0 || strcmp(rule, "invited") == 0)
		return 0;
	if (strlen(rule) > BOT_RULE_MAX)
		return err_set(err, ERR_LIMIT, "too many ids");
	copy = rest = strdup(rule);
	if (!copy)
		return err_set(err, ERR_MEMORY, "out of memory");
	if (rule[strspn(rule, BLANKS)] == '\0')
		result = err_set(err, ERR_INPUT, "the rule is empty");
	while (!result && (id = strsep(&rest, BLANKS)))
		if (id[0] && id_decode(id, key, NULL))
			result =
			    err_set(err, ERR_INPUT, "the rule is off, nobody, invited, or ids");
	free(copy);
	return result;
}

static bool lists(const char *rule, const char *id)
{
	size_t len = strlen(id);

	for (rule += strspn(rule, BLANKS); *rule; rule += strspn(rule, BLANKS)) {
		size_t word = strcspn(rule, BLANKS);

		if (word == len && strncasecmp(rule, id, len) == 0)
			return true;
		rule += word;
	}
	return false;
}

static void decide(struct bridge *bridge, struct account *account, const char *rule, const char *id)
{
	struct err err = {0};
	int result;

	if (strcmp(rule, "invited") == 0 || lists(rule, id))
		result = bridge_request_accept(bridge, account, id, NULL, &err) ? 0 : -1;
	else
		result = account_request_deny(account, id, &err);
	if (result)
		log_warn("a request to a bot could not be answered: %s", err.text);
	else
		log_info("a request to a bot was answered by its rule");
}

bool bridge_bot_decides(struct bridge *bridge, struct account *account,
			const struct contact_request *request)
{
	char id[ID_LEN + 1]; /* the request goes when it is answered */
	char *rule;

	if (!bridge_is_bot(account) || !(rule = bridge_bot_rule(account)))
		return false;
	memcpy(id, request->id, sizeof(id));
	decide(bridge, account, rule, id);
	free(rule);
	bridge_changed(bridge);
	return true;
}

/* --- those who have asked before --- */

struct pending {
	char ids[REQUESTS_MAX][ID_LEN + 1];
	unsigned count;
};

static void note_request(void *arg, const struct contact_request *request)
{
	struct pending *pending = arg;

	if (pending->count < REQUESTS_MAX)
		memcpy(pending->ids[pending->count++], request->id, ID_LEN + 1);
}

void bridge_bot_settle(struct bridge *bridge, struct account *account)
{
	struct pending pending = {.count = 0};
	char *rule = bridge_is_bot(account) ? bridge_bot_rule(account) : NULL;

	if (!rule)
		return;
	account_requests(account, note_request, &pending);
	for (unsigned i = 0; i < pending.count; i++)
		decide(bridge, account, rule, pending.ids[i]);
	free(rule);
}

int bridge_bot_set(struct bridge *bridge, struct account *account, const char *rule,
		   struct err *err)
{
	bool off = strcmp(rule, "off") == 0;

	if (!off && check_rule(rule, err))
		return -1;
	if (account_setting_set(account, SETTING_BOT, off ? NULL : rule, off ? 0 : strlen(rule),
				err))
		return -1;
	bridge_bot_settle(bridge, account);
	bridge_mode_apply(bridge, account);
	return 0;
}
