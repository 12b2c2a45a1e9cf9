/*
 * ctl_password.c: see ctl_password.h.
 */
#include "component/ctl_password.h"

#include "component/text_file.h"
#include "core/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Longest line that is read; more than any password has. */
#define LINE_MAX_LEN 1024
#define TRIES        3

/* A line from the terminal, without its end. */
static char *read_line(int fd)
{
	char *line = calloc(1, LINE_MAX_LEN + 1);
	size_t len = 0;
	ssize_t got = 1;

	while (line && len < LINE_MAX_LEN && got != 0) {
		got = read(fd, line + len, LINE_MAX_LEN - len);
		if (got < 0 && errno != EINTR)
			break;
		len += got > 0 ? (size_t)got : 0;
		if (len > 0 && line[len - 1] == '\n') {
			line[len - 1] = '\0';
			return line;
		}
	}
	secret_free(line, line ? LINE_MAX_LEN : 0);
	return NULL;
}

static char *ask_once(int fd, const char *prompt)
{
	struct termios old, silent;
	char *line;

	if (tcgetattr(fd, &old))
		return NULL;
	silent = old;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(fd, "%s: ", prompt);
	/* What was typed before is not meant for us. ISIG stays, so that ^C works; the terminal's
	 * driver then has no echo until the shell restores it. */
	tcsetattr(fd, TCSAFLUSH, &silent);
	line = read_line(fd);
	tcsetattr(fd, TCSAFLUSH, &old);
	dprintf(fd, "\n");
	return line;
}

/* Ask for it and for the same again. NULL: they differ, or nothing was typed. */
static char *ask_twice(int fd, const char *what)
{
	char again[64];
	char *first = ask_once(fd, what);
	char *second = NULL;

	if (first && first[0]) {
		snprintf(again, sizeof(again), "%s again", what);
		second = ask_once(fd, again);
	}
	if (!second || strcmp(first, second) != 0) {
		text_wipe(first);
		first = NULL;
	}
	text_wipe(second);
	return first;
}

char *ctl_password_ask_once(const char *what, struct err *err)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char *answer = NULL;

	if (fd < 0) {
		err_set(err, ERR_UNAVAILABLE, "no terminal to ask on; use --passphrase-file");
		return NULL;
	}
	answer = ask_once(fd, what);
	close(fd);
	if (answer && !answer[0]) {
		text_wipe(answer);
		answer = NULL;
	}
	if (!answer)
		err_set(err, ERR_INPUT, "no %s given", what);
	return answer;
}

char *ctl_password_ask(const char *what, struct err *err)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char *answer = NULL;

	if (fd < 0) {
		err_set(err, ERR_UNAVAILABLE, "no terminal to ask on; use --password-file");
		return NULL;
	}
	for (int i = 0; i < TRIES && !answer; i++) {
		answer = ask_twice(fd, what);
		if (!answer && i + 1 < TRIES)
			dprintf(fd, "empty, or not the same; once more\n");
	}
	close(fd);
	if (!answer)
		err_set(err, ERR_INPUT, "no %s given", what);
	return answer;
}

char *ctl_question_ask(const char *question, struct err *err)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char *answer = NULL;

	if (fd < 0) {
		err_set(err, ERR_UNAVAILABLE, "no terminal to ask on; use --yes");
		return NULL;
	}
	dprintf(fd, "%s", question);
	answer = read_line(fd);
	close(fd);
	if (!answer)
		err_set(err, ERR_INPUT, "no answer given");
	return answer;
}
