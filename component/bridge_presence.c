/*
 * bridge_presence.c: a user's presence becomes the account's status, and a contact's status
 * presence.
 *
 * Neighbour: bridge_mode.c, which says when an account can be reached at all.
 */
#include "component/bridge_private.h"

#include <stdint.h>
#include <string.h>

/* RFC 6121 section 4.7.2.1; no <show/> is plain "available". */
static const struct {
	enum show show;
	const char *word;
} shows[] = {
    {SHOW_AVAILABLE, ""}, {SHOW_CHAT, "chat"}, {SHOW_AWAY, "away"},
    {SHOW_DND, "dnd"},    {SHOW_XA, "xa"},
};

static const char *word_of_show(enum show show)
{
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++)
		if (shows[i].show == show)
			return shows[i].word;
	return "";
}

static enum show show_of_word(const char *word)
{
	for (size_t i = 0; word && i < sizeof(shows) / sizeof(shows[0]); i++)
		if (strcmp(shows[i].word, word) == 0)
			return shows[i].show;
	return SHOW_AVAILABLE;
}

/* Copy text, cut before the character that does not fit any more. */
static void copy_utf8(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

static int8_t clamp_priority(int priority)
{
	return (int8_t)(priority < INT8_MIN ? INT8_MIN : priority > INT8_MAX ? INT8_MAX : priority);
}

void presence_of_status(const struct status *status, struct server_presence *presence)
{
	*presence = (struct server_presence){
	    .available = status->show != SHOW_OFFLINE,
	    .show = word_of_show(status->show),
	    .status = status->text,
	    .priority = status->priority,
	};
}

void status_of_presence(const struct server_presence *presence, struct status *status)
{
	memset(status, 0, sizeof(*status));
	status->show = presence->available ? show_of_word(presence->show) : SHOW_OFFLINE;
	status->priority = clamp_priority(presence->priority);
	if (presence->status)
		copy_utf8(status->text, sizeof(status->text), presence->status);
}

void bridge_contact_presence(void *arg, const char *user, const char *contact,
			     struct server_presence *presence)
{
	struct contact *found = bridge_lookup(arg, user, contact, NULL);
	static const struct status offline;

	presence_of_status(found ? contact_status(found) : &offline, presence);
}

void bridge_contact_status(void *arg, struct contact *contact, const struct status *status)
{
	struct bridge *bridge = arg;
	struct server_presence presence;

	presence_of_status(status, &presence);
	bridge_show_presence(bridge, bridge_user_of(contact), contact_id(contact), &presence);
	bridge_program_presence(bridge, contact, status);
	bridge_changed(bridge);
}
