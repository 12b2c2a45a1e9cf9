/*
 * dialogue.c: plays the dialogues of the .txt files here with a real server on a loopback port.
 * usage: dialogue [script …]; without one: all of them. DIALOGUE_LOG=1 shows the server's log.
 */
#include "tests/xmpp/dialogue.h"

#include "core/base/log.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A whole script that hangs is ended by the alarm clock. */
#define SCRIPT_SECONDS 120

int script_fail(const struct script *script, const char *format, ...)
{
	va_list args;

	printf("%s:%u: ", script->path, script->line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return -1;
}

const char *statement_rest(const struct statement *statement, size_t first)
{
	static char text[1024];

	text[0] = '\0';
	for (size_t i = first; i < statement->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 i > first ? " " : "", statement->words[i]);
	return text;
}

struct xml *script_parse(const struct script *script, const char *block)
{
	static const struct xml_limits limits = {.bytes = 1 << 20, .depth = 200, .children = 10000};
	struct xml *list;
	struct buf text;
	struct err err;

	buf_init(&text, 1 << 20);
	buf_printf(&text,
		   "<list xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
		   "%s</list>",
		   block);
	list = xml_parse_element(text.data, text.len, &limits, &err);
	buf_free(&text);
	if (!list)
		script_fail(script, "the script's XML: %s", err.text);
	return list;
}

const char *script_text(const struct xml *element)
{
	static char text[4096];
	struct buf out;

	buf_init(&out, 1 << 24);
	xml_write(element, "jabber:client", &out);
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	buf_free(&out);
	return text;
}

int script_start(struct script *script)
{
	static const char *const listen[] = {"127.0.0.1", NULL};
	struct err err;

	if (script->server)
		return 0;
	script->config.domain = "localhost";
	script->config.listen = listen;
	script->server =
	    server_new(script->loop, &script->config, &script->functions, script->host, &err);
	if (!script->server)
		return script_fail(script, "%s", err.text);
	dialogue_host_set_server(script->host, script->server);
	return 0;
}

/* --- reading --- */

static int add_user(struct script *script, const struct statement *s)
{
	if (s->count != 3 || dialogue_host_add_user(script->host, s->words[1], s->words[2]) < 0)
		return script_fail(script, "user NAME PASSWORD");
	return 0;
}

/* contact USER ID SUBSCRIPTION NAME GROUPS; "-" for no name or groups */
static int add_contact(struct script *script, const struct statement *s)
{
	const char *name = s->count > 4 && strcmp(s->words[4], "-") != 0 ? s->words[4] : "";

	if (s->count < 4 ||
	    dialogue_host_add_contact(script->host, s->words[1], s->words[2], s->words[3], name,
				      s->count > 5 ? s->words[5] : "") < 0)
		return script_fail(script, "contact USER ID SUBSCRIPTION [NAME [GROUP,…]]");
	return 0;
}

static int say(struct script *script, const struct statement *statement)
{
	const char *subject = statement->words[0];

	if (strcmp(subject, "user") == 0)
		return add_user(script, statement);
	if (strcmp(subject, "contact") == 0)
		return add_contact(script, statement);
	if (strcmp(subject, "host") == 0)
		return host_say(script, statement);
	if (strcmp(subject, "server") == 0)
		return server_say(script, statement);
	if (isupper((unsigned char)*subject))
		return client_say(script, statement);
	return script_fail(script, "no such statement: %s", subject);
}

static void split(char *line, struct statement *statement)
{
	size_t len = strlen(line);
	char *rest;

	if (len && line[len - 1] == ':')
		line[len - 1] = '\0';
	statement->count = 0;
	for (char *word = strtok_r(line, " \t", &rest); word && statement->count < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		statement->words[statement->count++] = word;
	statement->words[statement->count] = NULL;
}

/* Add the lines below that are indented to block; the first other one is left in *line. */
static bool read_block(FILE *file, char *line, int size, unsigned *number, struct buf *block)
{
	while (fgets(line, size, file)) {
		++*number;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != '\t' && line[0] != ' ')
			return true;
		if (block->len)
			buf_add_text(block, "\n");
		buf_add_text(block, line + strspn(line, " \t"));
	}
	return false;
}

static int play(struct script *script, FILE *file)
{
	char line[4096] = "", first[4096];
	struct statement statement;
	struct buf block;
	unsigned number = 0;
	bool more = true;
	int result = 0;

	buf_init(&block, 1 << 20);
	while (more && result == 0) {
		snprintf(first, sizeof(first), "%s", line);
		script->line = number;
		buf_clear(&block);
		more = read_block(file, line, sizeof(line), &number, &block);
		if (!first[0] || first[0] == '#')
			continue;
		split(first, &statement);
		statement.block = strdup(buf_text(&block));
		result = say(script, &statement);
		free(statement.block);
	}
	buf_free(&block);
	return result;
}

/* --- running --- */

/* What came and was not asked for is a mistake, too. */
static int check_leftovers(struct script *script)
{
	int result = 0;

	for (size_t i = 0; i < CLIENTS_MAX && result == 0; i++) {
		struct xml *element;
		enum dialogue_item what;

		if (!script->clients[i].client)
			continue;
		what = dialogue_client_next(script->clients[i].client, 0, &element);
		if (what != ITEM_NOTHING)
			result = script_fail(script, "at the end %s has still got: %s",
					     script->clients[i].name,
					     element ? script_text(element) : "the end");
		xml_free(&element);
	}
	return result;
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char name[512];

	while (directory && (entry = readdir(directory))) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

static int run(struct loop *loop, const char *path)
{
	struct script script = {
	    .path = path, .loop = loop, .directory = "/tmp/tacet-dialogue-XXXXXX"};
	FILE *file = fopen(path, "r");
	int result;

	if (!file || !mkdtemp(script.directory)) {
		perror(path);
		if (file)
			fclose(file);
		return -1;
	}
	snprintf(script.socket, sizeof(script.socket), "%s/xmpp", script.directory);
	script.config.plain_without_tls = true;
	script.config.web = &script.web;
	snprintf(script.uploads, sizeof(script.uploads), "%s/upload", script.directory);
	script.functions = dialogue_host_functions();
	script.host = dialogue_host_new(loop_env(loop));
	alarm(SCRIPT_SECONDS);
	result = play(&script, file);
	if (result == 0)
		result = check_leftovers(&script);
	alarm(0);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		dialogue_client_free(&script.clients[i].client);
	server_free(&script.server);
	dialogue_host_free(&script.host);
	remove_directory(script.uploads);
	remove_directory(script.directory);
	fclose(file);
	printf("%s %s\n", result == 0 ? "ok" : "FAILED", path);
	return result;
}

static int is_script(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static int run_all(struct loop *loop)
{
	const char *top = getenv("top_srcdir");
	char directory[2048], path[4096];
	struct dirent **entries;
	int failed = 0;
	int count;

	snprintf(directory, sizeof(directory), "%s/tests/xmpp", top ? top : ".");
	count = scandir(directory, &entries, is_script, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		failed |= run(loop, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (count <= 0)
		printf("no scripts in %s\n", directory);
	return count > 0 ? failed : -1;
}

int main(int argc, char **argv)
{
	struct err err;
	struct loop *loop = loop_new(&err);
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!loop) {
		printf("%s\n", err.text);
		return 1;
	}
	log_set_level(getenv("DIALOGUE_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
	for (int i = 1; i < argc; i++)
		failed |= run(loop, argv[i]);
	if (argc < 2)
		failed = run_all(loop);
	loop_free(&loop);
	return failed ? 1 : 0;
}
