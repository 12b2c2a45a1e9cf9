/*
 * bridge_shown.c: what single contacts are shown instead of what all see.
 *
 *     contact setting "shown": a word of the table below; none: as everybody
 *
 * Two ways to say so: directed presence (RFC 6121 section 4.6), which lasts as long as the client
 * that has sent it, and this setting, which lasts. Neighbours: bridge_mode.c, bridge_presence.c.
 */
#include "component/bridge_private.h"

#include "core/base/log.h"

#include <string.h>

#define SETTING_SHOWN "shown"

static const struct {
	const char *word;
	enum show show;
} words[] = {
    {"offline", SHOW_OFFLINE}, {"available", SHOW_AVAILABLE},
    {"away", SHOW_AWAY},       {"chat", SHOW_CHAT},
    {"dnd", SHOW_DND},         {"xa", SHOW_XA},
};

#define WORDS       (sizeof(words) / sizeof(words[0]))
#define WORD_SAME   "same"
#define WORD_HIDDEN "offline"

int bridge_contact_shown(struct contact *contact, const char **word, struct err *err)
{
	size_t len;
	void *value;
	int found = contact_setting_read(contact, SETTING_SHOWN, &value, &len, err);

	*word = found < 0 ? WORD_HIDDEN : WORD_SAME;
	for (size_t i = 0; value && i < WORDS; i++)
		if (strcmp(words[i].word, value) == 0)
			*word = words[i].word;
	secret_free(value, len);
	return found < 0 ? -1 : 0;
}

static int apply_word(struct contact *contact, const char *word)
{
	struct status status = {0};
	bool own = false;

	for (size_t i = 0; i < WORDS; i++)
		if (strcmp(words[i].word, word) == 0) {
			status.show = words[i].show;
			own = true;
		}
	return contact_show(contact, own ? &status : NULL);
}

/* As the setting says. Who may be one that shall see nothing sees nothing. */
static void apply(void *arg, struct contact *contact)
{
	struct err err = {0};
	const char *word;

	(void)arg;
	if (bridge_contact_shown(contact, &word, &err))
		log_warn("what a contact is shown cannot be read: %s", err.text);
	if (apply_word(contact, word))
		log_warn("a status could not be shown to a contact");
}

void bridge_shown_apply(struct account *account)
{
	account_contacts(account, apply, NULL);
}

int bridge_contact_show(struct bridge *bridge, struct contact *contact, const char *word,
			struct err *err)
{
	bool known = strcmp(word, WORD_SAME) == 0;

	for (size_t i = 0; i < WORDS; i++)
		known = known || strcmp(words[i].word, word) == 0;
	if (!known)
		return err_set(err, ERR_INPUT,
			       "say same, offline, available, away, chat, dnd or xa");
	if (contact_setting_set(contact, SETTING_SHOWN, strcmp(word, WORD_SAME) != 0 ? word : NULL,
				strlen(word), err))
		return -1;
	if (apply_word(contact, word))
		return err_set(err, ERR_MEMORY, "out of memory");
	bridge_peer_meet(bridge, contact);
	bridge_changed(bridge);
	return 0;
}

bool bridge_hides_from(const struct contact *contact)
{
	const struct status *shown = contact_shown(contact);

	return bridge_invisible(contact_account(contact)) || (shown && shown->show == SHOW_OFFLINE);
}

void bridge_directed(void *arg, const char *user, const char *id,
		     const struct server_presence *presence)
{
	struct contact *contact = bridge_lookup(arg, user, id, NULL);
	struct status status;

	if (!contact)
		return;
	if (presence)
		status_of_presence(presence, &status);
	if (!presence)
		apply(NULL, contact);
	else if (contact_show(contact, &status))
		log_warn("a status could not be shown to a contact");
	bridge_peer_meet(arg, contact);
}
