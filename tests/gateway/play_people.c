/*
 * play_people.c: what people do in a dialogue, without the gateway: ben at his own daemon, the
 * operator.
 */
#include "tests/gateway/play.h"

#include "component/gw.h"
#include "core/base/codec.h"
#include "xmpp/form.h"
#include "xmpp/ns.h"
#include "xmpp/pep_private.h"
#include "xmpp/remote.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void ben_sends(struct play *play, const char *to, const char *text)
{
	struct side *ben = &play->world->ben;
	struct xml *stanza = message(text);
	struct err err = {0};

	if (bridge_server_host(ben->bridge)
		->message(ben->bridge, "ben", account_id(account_of(play, to)), stanza, NULL, &err))
		fail_at(play, "ben cannot send:", err.text);
	xml_free(&stanza);
}

void ben_shows(struct play *play, const char *show, const char *status)
{
	struct side *ben = &play->world->ben;
	const struct server_presence presence = {strcmp(show, "unavailable") != 0,
						 strcmp(show, "available") == 0 ? "" : show, status,
						 0};

	bridge_server_host(ben->bridge)->presence(ben->bridge, "ben", &presence);
}

void ben_adds(struct play *play, const char *id)
{
	struct side *ben = &play->world->ben;
	static const struct bridge_introduction words = {.own_name = "Ben", .text = "It is me"};
	struct err err = {0};

	if (!bridge_contact_add(ben->bridge, ben->account, id, "", &words, &err))
		fail_at(play, "ben cannot add:", err.text);
}

void ben_sees(struct play *play, const char *who, const char *show)
{
	struct contact *contact =
	    contact_find(play->world->ben.account, account_id(account_of(play, who)));

	if (!contact || strcmp(show_name(contact_status(contact)->show), show) != 0)
		fail_at(play, "ben sees",
			contact ? show_name(contact_status(contact)->show) : "no such contact");
}

void ben_waits(struct play *play, const char *who, unsigned messages)
{
	struct contact *contact =
	    contact_find(play->world->ben.account, account_id(account_of(play, who)));

	if (!contact || contact_outbox(contact) != messages)
		fail_at(play, "there are not so many for", who);
}

void ben_backs_up(struct play *play)
{
	uint8_t data[LINE_MAX_HERE / 2];
	struct err err = {0};
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "%s/backup", play->directory);
	if (account_export(play->world->ben.account, "a passphrase", path, &err))
		fail_at(play, "no backup:", err.text);
	file = fopen(path, "r");
	base64_encode(data, fread(data, 1, sizeof(data), file), play->backup);
	fclose(file);
	unlink(path);
}

/* base64 of the picture; contacts learn it by the vCard and as an avatar. */
void ben_has_photo(struct play *play, const char *base64)
{
	struct xml *vcard = xml_new("vCard", NS_VCARD);
	struct xml *photo = xml_child_add(vcard, "PHOTO", NULL);
	struct err err = {0};

	xml_text_add(xml_child_add(photo, "TYPE", NULL), "image/png");
	xml_text_add(xml_child_add(photo, "BINVAL", NULL), base64);
	if (remote_vcard_set(play->world->ben.server, "ben", vcard, &err) < 0)
		fail_at(play, "no photo:", err.text);
	xml_free(&vcard);
}

/* The node's name, and a word in what is known. */
void ben_knows(struct play *play, const char *who, const char *what)
{
	const struct server *server = play->world->ben.server;
	char node[300], word[300];
	enum stanza_error error;
	struct xml *question, *known;

	if (sscanf(what, "%299s %299s", node, word) != 2)
		fail_at(play, "what is this:", what);
	question = pep_question(node);
	known =
	    server_pep_recall(server, "ben", account_id(account_of(play, who)), question, &error);
	if (!known || !strstr(text_of(known), word))
		fail_at(play, "ben does not know", known ? text_of(known) : what);
	xml_free(&question);
	xml_free(&known);
}

/* Out of the answer to a command, as a user pastes it: in lines. */
void keep_backup(struct play *play)
{
	struct xml *command = xml_child(play->last, "command", NS_COMMANDS);
	const char *text = command ? form_value(xml_child(command, "x", NS_FORM), "backup") : NULL;

	if (!text || strlen(text) >= sizeof(play->backup))
		fail_at(play, "there is no backup in", text_of(play->last));
	strcpy(play->backup, text);
}

/* As tacetctl would. */
void operator_restores(struct play *play, const char *user)
{
	struct side *ann = &play->world->ann;
	struct err err = {0};
	char path[100];

	snprintf(path, sizeof(path), "%s/backup", play->directory);
	if (account_export(play->world->ben.account, "a passphrase", path, &err) ||
	    !bridge_account_restore(ann->bridge, path, "a passphrase", user, &err))
		fail_at(play, "no backup:", err.text);
	unlink(path);
}

void user_invites(struct play *play, const char *who)
{
	struct err err = {0};

	if (account_invite(account_of(play, who), "Somebody", false, 3600000, play->link, &err))
		fail_at(play, "no invitation:", err.text);
}

/* By ids of people who are no more. */
void user_adds(struct play *play, const char *who, unsigned count)
{
	struct engine *engine = bridge_engine(play->world->ben.bridge);
	struct err err = {0};

	for (unsigned i = 0; i < count; i++) {
		struct account *other = engine_account_add(engine, "other", &err);
		char id[ID_LEN + 1];

		snprintf(id, sizeof(id), "%s", account_id(other));
		if (engine_account_remove(&other, &err) ||
		    !bridge_contact_add(play->world->ann.bridge, account_of(play, who), id, NULL,
					NULL, &err))
			fail_at(play, "a contact cannot be added:", err.text);
	}
}
