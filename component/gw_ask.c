/*
 * gw_ask.c: what the gateway asks users' servers and clients (RFC 6120 section 8.2.3), and their
 * answers.
 */
#include "component/gw_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most under way: a photo and a few roster items for each of some hundred users that come at once.
 * What is not asked now is asked the next time. */
#define QUESTIONS_MAX 4096

/* Most of one user's clients: they may leave them unanswered, and all users share the room. */
#define CLIENT_QUESTIONS_MAX 8

struct gw_question {
	struct gw_question *next;
	uint64_t number;
	struct gw_user *user;
	char *word;     /* NULL: none, and the server was asked */
	bool to_client; /* word is the resource that was asked */
	void (*answered)(struct gw_user *user, const char *word, struct xml *payload);
};

static void question_free(struct gw *gw, struct gw_question **at)
{
	struct gw_question *question = *at;

	*at = question->next;
	gw->question_count--;
	free(question->word);
	free(question);
}

static struct gw_question *question_new(struct gw_user *user, const char *word)
{
	struct gw *gw = user->gw;
	struct gw_question *question =
	    gw->question_count < QUESTIONS_MAX ? calloc(1, sizeof(*question)) : NULL;

	if (!question)
		return NULL;
	question->word = word ? strdup(word) : NULL;
	if (word && !question->word) {
		free(question);
		return NULL;
	}
	question->number = ++gw->question_no;
	question->user = user;
	question->next = gw->questions;
	gw->questions = question;
	gw->question_count++;
	return question;
}

/* payload is freed. */
static void ask(struct gw_user *user, const char *to, const char *type, struct xml *payload,
		const char *word, gw_answer answered)
{
	struct gw *gw = user->gw;
	struct gw_question *question = question_new(user, word);
	struct xml *iq = gw_new_stanza(gw, "iq", type, NULL, to);
	char id[24];

	/* xml_append frees its child when there is no parent. */
	payload = xml_append(iq, payload);
	if (!question || !payload) {
		if (question)
			question_free(gw, &gw->questions);
		xml_free(&iq);
		return;
	}
	question->to_client = strcmp(to, user->jid) != 0;
	question->answered = answered;
	snprintf(id, sizeof(id), "gw%" PRIu64, question->number);
	if (!xml_set(iq, "id", id) || gw_send(gw, iq) < 0)
		question_free(gw, &gw->questions);
}

void gw_ask(struct gw_user *user, const char *type, struct xml *payload, const char *contact,
	    gw_answer answered)
{
	ask(user, user->jid, type, payload, contact, answered);
}

/* A client that is asked again has not answered before, or too late; and one question too many
 * takes the place of the oldest. */
static void drop_unanswered(struct gw_user *user, const char *resource)
{
	struct gw *gw = user->gw;
	struct gw_question **at = &gw->questions;
	unsigned count = 1;

	while (*at) {
		const struct gw_question *question = *at;
		bool client = question->user == user && question->to_client;

		if (client &&
		    (++count > CLIENT_QUESTIONS_MAX || strcmp(question->word, resource) == 0))
			question_free(gw, at);
		else
			at = &(*at)->next;
	}
}

void gw_ask_client(struct gw_user *user, const char *resource, const char *type,
		   struct xml *payload, gw_answer answered)
{
	char to[JID_TEXT_SIZE];

	drop_unanswered(user, resource);
	snprintf(to, sizeof(to), "%s/%s", user->jid, resource);
	ask(user, to, type, payload, resource, answered);
}

/* RFC 6120 section 8.1.2.1: an answer in the name of the account comes from the bare JID; one from
 * a resource is the user's own, and counts only if that was asked. */
static bool is_answered_by(const struct gw_question *question, const struct gw_request *request)
{
	const char *id = xml_get(request->stanza, "id");
	char wanted[24];

	snprintf(wanted, sizeof(wanted), "gw%" PRIu64, question->number);
	return id && strcmp(id, wanted) == 0 && question->user == request->user &&
	       (question->to_client ? strcmp(request->from.resource, question->word) == 0
				    : !request->from.resource[0]);
}

void gw_answered(struct gw_request *request)
{
	struct gw *gw = request->gw;
	struct gw_question **at = &gw->questions;
	struct xml *iq = request->stanza;

	for (; *at; at = &(*at)->next) {
		struct gw_question question = **at;

		if (!is_answered_by(*at, request))
			continue;
		(*at)->word = NULL;
		question_free(gw, at);
		/* The set of a roster has an empty result: that is an answer, too. */
		question.answered(question.user, question.word,
				  stanza_is_error(iq) ? NULL
				  : xml_first(iq)     ? xml_first(iq)
						      : iq);
		free(question.word);
		return;
	}
}

void gw_questions_drop(struct gw *gw, const struct gw_user *user)
{
	struct gw_question **at = &gw->questions;

	while (*at)
		if (!user || (*at)->user == user)
			question_free(gw, at);
		else
			at = &(*at)->next;
}
