/*
 * ctl_view.c: see ctl_view.h.
 */
#include "component/ctl_view.h"

#include "component/tacetctl_print.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Ages are shown in seconds. */
#define TICK_MS 1000
/* Of a terminal that does not say. */
#define ROWS_USUAL 24

/* xterm's control sequences, which terminals of today know: the other screen, no cursor, long lines
 * are cut; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[?7l";
static const char leave[] = "\033[?7h\033[?25h\033[?1049l";

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Only what a signal handler may do. */
static void put(const char *sequence)
{
	ssize_t ignored = write(STDOUT_FILENO, sequence, strlen(sequence));

	(void)ignored;
}

/* A signal to end: give the terminal back. */
static void end(int signo)
{
	(void)signo;
	put(leave);
	_exit(EXIT_SUCCESS);
}

/* A signal to stop for a while: the shell gets its terminal as it was, and we get ours again. */
static void pause_here(int signo)
{
	int kept = errno;

	(void)signo;
	put(leave);
	raise(SIGSTOP);
	put(enter);
	errno = kept;
}

static void catch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		signal(ends[i], end);
	signal(SIGTSTP, pause_here);
}

static size_t rows_of_terminal(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row
									       : ROWS_USUAL;
}

/* The text in place of what is there; text is changed. */
static void draw(char *text, bool coloured)
{
	size_t rows = rows_of_terminal(), row = 0, left = 0;
	char *line;

	fputs("\033[H", stdout);
	while ((line = strsep(&text, "\n")) && (text || line[0])) {
		if (++row < rows) {
			print_out(line, coloured, stdout);
			fputs("\033[0m\033[K\r\n", stdout);
		} else {
			left++;
		}
	}
	fputs("\033[J", stdout);
	if (left > 0)
		printf("and %zu lines more", left);
	fflush(stdout);
}

static void show(json_t *answer, int64_t age_ms, void (*print)(const json_t *answer, FILE *out))
{
	int64_t then_ms = print_number(answer, "now_ms");
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	if (then_ms > 0)
		json_object_set_new(answer, "now_ms", json_integer(then_ms + age_ms));
	print(answer, stream);
	json_object_set_new(answer, "now_ms", json_integer(then_ms));
	if (!fclose(stream))
		draw(text, print_coloured(stdout));
	free(text);
}

int ctl_view(struct ctl_client *client, void (*print)(const json_t *answer, FILE *out),
	     struct err *err)
{
	json_t *shown = NULL, *next;
	int64_t since_ms = 0;
	int result = 0;

	catch_signals();
	fputs(enter, stdout);
	ctl_client_limit(client, TICK_MS);
	while (!result) {
		next = ctl_client_answer(client, err);
		if (next) {
			json_decref(shown);
			shown = next;
			since_ms = now_ms();
		} else if (err->code != ERR_TIMEOUT) {
			result = -1;
		}
		if (shown && !json_is_true(json_object_get(shown, "ok")))
			result = err_set(err, ERR_WRONG_STATE, "%s", print_member(shown, "error"));
		else if (shown && !result)
			show(shown, now_ms() - since_ms, print);
	}
	json_decref(shown);
	fputs(leave, stdout);
	fflush(stdout);
	return result;
}
