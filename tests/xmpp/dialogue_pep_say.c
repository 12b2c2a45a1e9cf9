/*
 * dialogue_pep_say.c: the statements about what contacts publish, ask and answer (see README).
 */
#include "tests/xmpp/dialogue.h"

#include "tests/xmpp/dialogue_match.h"

#include <string.h>

/* host learns USER ID NODE VERSION: <pubsub/> */
int host_learns(struct script *script, const struct statement *s)
{
	struct xml *list = script_parse(script, s->block);
	struct xml *answer = xml_first(list);
	struct err err = {0};
	int result = server_pep_learn(script->server, s->words[2], s->words[3], s->words[4],
				      s->count > 5 ? s->words[5] : "1", answer, &err);

	xml_free(&list);
	return result < 0 && (s->count < 7 || strcmp(s->words[6], err_code_name(err.code)) != 0)
		   ? script_fail(script, "it is not learnt: %s", err.text)
		   : 0;
}

/* host serves USER: question, and the answer that is expected */
int host_serves(struct script *script, const struct statement *s)
{
	struct xml *list = script_parse(script, s->block);
	struct xml *question = xml_first(list);
	struct xml *expected = question ? xml_next(question) : NULL;
	enum stanza_error error = STANZA_ERRORS;
	struct xml *answer = server_pep_serve(script->server, s->words[2], question, &error);
	int result = 0;

	if (answer && !(expected && dialogue_match(expected, answer)))
		result = script_fail(script, "it serves %s", script_text(answer));
	else if (!answer && (expected || error != STANZA_ITEM_NOT_FOUND))
		result = script_fail(script, "it serves an error");
	xml_free(&answer);
	xml_free(&list);
	return result;
}

/* host answers: <payload/>, or host answers CONDITION */
int host_answers(struct script *script, const struct statement *s)
{
	struct xml *list = script_parse(script, s->block);
	struct xml *answer = xml_first(list) ? xml_detach(xml_first(list)) : NULL;
	enum stanza_error error = 0;

	while (s->count > 2 && error < STANZA_ERRORS &&
	       strcmp(stanza_error_condition(error), s->words[2]) != 0)
		error++;
	xml_free(&list);
	if (error == STANZA_ERRORS)
		return script_fail(script, "no such error: %s", s->words[2]);
	dialogue_host_answer(script->host, answer, error);
	return 0;
}

static void add_line(void *arg, const char *node, const char *version)
{
	struct buf *lines = arg;

	(void)version;
	if (lines->len)
		buf_add_text(lines, "\n");
	buf_add_text(lines, node);
}

/* host lists USER: a node a line */
int host_lists(struct script *script, const struct statement *s)
{
	struct buf lines;
	int result = 0;

	buf_init(&lines, 1 << 16);
	server_pep_nodes(script->server, s->words[2], add_line, &lines);
	if (strcmp(buf_text(&lines), s->block) != 0)
		result = script_fail(script, "the nodes are:\n%s", buf_text(&lines));
	buf_free(&lines);
	return result;
}
