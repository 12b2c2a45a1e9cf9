/*
 * serve.c: the server with a small made-up world, for clients that others wrote.
 * usage: serve DIRECTORY [PORT]; ends with its standard input, or by a signal. $SERVE_FILES: the
 * directory of a web page; $SERVE_UPLOADS: one for files of XEP-0363.
 *
 * Users alice and bob, password "secret". The contact anna is there and says back what she is told;
 * boris is away; carl has not answered yet. DIRECTORY gets the certificates, and the socket
 * "xmpp". Prints "port N tls N http N".
 */
#include "tests/xmpp/dialogue_host.h"

#include "core/base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Real ones are ids; clients do not care. */
#define ANNA  "annaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BORIS "borisssssssssssssssssssssssssssssssssssssssssssssssssss"
#define CARL  "carlllllllllllllllllllllllllllllllllllllllllllllllllllll"

static int echo(void *arg, const char *user, const char *contact, struct xml *message,
		const uint8_t *mark, struct err *err)
{
	struct xml *copy = xml_copy(message);

	(void)mark;
	if (strcmp(contact, ANNA) != 0) {
		xml_free(&copy);
		return err_set(err, ERR_LIMIT, "too many messages wait for this contact");
	}
	/* Not an answer to what clients send by themselves. */
	if (xml_child(copy, "body", NULL)) {
		xml_set(copy, "from", ANNA "@localhost/tacet");
		xml_set(copy, "to", NULL);
		server_deliver(dialogue_host_server(arg), user, copy);
	} else {
		xml_free(&copy);
	}
	return 0;
}

static void add_world(struct dialogue_host *host, const char *user)
{
	struct server_presence there = {.available = true, .show = "", .status = "at home"};
	struct server_presence away = {.available = true, .show = "away", .status = "for lunch"};

	dialogue_host_add_user(host, user, "secret");
	dialogue_host_add_contact(host, user, ANNA, "both", "Anna", "Friends");
	dialogue_host_add_contact(host, user, BORIS, "both", "Boris", "Friends,Work");
	dialogue_host_add_contact(host, user, CARL, "ask", "Carl", "");
	dialogue_host_set_presence(host, user, ANNA, &there);
	dialogue_host_set_presence(host, user, BORIS, &away);
}

static void on_input(void *arg, unsigned what)
{
	char bytes[256];

	(void)what;
	if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
		loop_stop(arg);
}

static void on_signal(void *arg, unsigned signo)
{
	(void)signo;
	loop_stop(arg);
}

static void run(struct loop *loop, struct server *server)
{
	struct watch *input = watch_fd(loop, STDIN_FILENO, WATCH_READ, on_input, loop);
	struct watch *term = watch_signal(loop, SIGTERM, on_signal, loop);

	printf("port %u tls %u http %u\n", (unsigned)server_port(server),
	       (unsigned)server_tls_port(server), (unsigned)server_web_port(server));
	fflush(stdout);
	loop_run(loop);
	server_stop(server);
	for (int i = 0; i < 20; i++)
		loop_run_once(loop, 10);
	watch_free(&input);
	watch_free(&term);
}

int main(int argc, char **argv)
{
	static const char *const listen[] = {"127.0.0.1", NULL};
	struct server_config config = {
	    .domain = "localhost", .listen = listen, .plain_without_tls = true};
	struct server_web web = {.port = 0};
	struct server_host functions = dialogue_host_functions();
	struct dialogue_host *host;
	struct server *server;
	struct loop *loop;
	char socket[128];
	struct err err;

	if (argc < 2)
		return 2;
	config.tls_directory = argv[1];
	snprintf(socket, sizeof(socket), "%s/xmpp", argv[1]);
	config.socket = socket;
	web.files = getenv("SERVE_FILES");
	web.uploads = getenv("SERVE_UPLOADS");
	config.web = &web;
	if (argc > 2)
		config.port = (uint16_t)atoi(argv[2]);
	functions.message = echo;
	log_set_level(getenv("DIALOGUE_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE);
	loop = loop_new(&err);
	if (!loop)
		return 1;
	host = dialogue_host_new(loop_env(loop));
	add_world(host, "alice");
	add_world(host, "bob");
	server = server_new(loop, &config, &functions, host, &err);
	if (server) {
		dialogue_host_set_server(host, server);
		run(loop, server);
	} else {
		fprintf(stderr, "%s\n", err.text);
	}
	server_free(&server);
	dialogue_host_free(&host);
	loop_free(&loop);
	return 0;
}
