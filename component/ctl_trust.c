/*
 * ctl_trust.c: see ctl_trust.h.
 *
 * The authority's certificate becomes ANCHORS/tacet-UID.crt, UID being the owner of the file that
 * it comes from: so each user's daemon has one, and a new authority takes the place of the old one.
 */
#include "component/ctl_trust.h"

#include "component/config.h"
#include "component/state_dir.h"
#include "component/text_file.h"
#include "core/base/file.h"
#include "xmpp/certificate.h"
#include "xmpp/certificate_authority.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where Debian's update-ca-certificates(8) looks for what the administrator adds. */
#define ANCHORS "/usr/local/share/ca-certificates"
#define UPDATE  "/usr/sbin/update-ca-certificates"
/* Without it a certificate that is gone, or another under the same name, is not noticed everywhere.
 */
#define UPDATE_OPTION "--fresh"

struct plan {
	char *source;          /* the authority's certificate; owned */
	char target[PATH_MAX]; /* where it goes */
	char *domain;          /* owned */
	const struct ctl_trust *wish;
	struct certificate_authority authority;
	struct buf pem; /* what is written to target */
};

/* --- what is to be done --- */

static int find_source(struct plan *plan, struct err *err)
{
	char name[64];
	struct config config;

	if (config_read(plan->wish->config, &config, err) < 0)
		return -1;
	snprintf(name, sizeof(name), "tls/%s", CERTIFICATE_CA_FILE);
	plan->domain = strdup(config.domain);
	plan->source = plan->wish->file ? strdup(plan->wish->file)
					: state_dir_path(config.state_dir, name, err);
	config_wipe(&config);
	if (plan->source && plan->domain)
		return 0;
	return err_set(err, ERR_MEMORY, "out of memory");
}

/* The file may be gone when trust is taken back: then it was that of whoever asks. */
static uid_t owner(const struct plan *plan)
{
	const char *sudo = getenv("SUDO_UID");
	struct stat st;

	if (stat(plan->source, &st) == 0)
		return st.st_uid;
	return sudo && geteuid() == 0 ? (uid_t)strtoul(sudo, NULL, 10) : geteuid();
}

static int judge_source(struct plan *plan, struct err *err)
{
	char *text = text_file_read(plan->source, err);
	int result;

	if (!text)
		return access(plan->source, F_OK) == 0
			   ? -1
			   : err_wrap(err,
				      "the authority of tacetd (it is made at its first start; "
				      "tacetctl trust FILE for another place)");
	result = certificate_authority_judge(text, strlen(text), plan->domain, &plan->authority,
					     &plan->pem, err);
	text_wipe(text);
	return result < 0 ? err_wrap(err, "%s", plan->source) : 0;
}

static void print_install(const struct plan *plan)
{
	fprintf(
	    plan->wish->out,
	    "Programs on this machine that use the system's certificate store shall trust the\n"
	    "authority of this tacetd:\n\n"
	    "  file         %s\n"
	    "  fingerprint  SHA-256 %s\n"
	    "  vouches for  %s; for nothing else\n"
	    "  until        %s\n\n"
	    "For that, root does:\n\n"
	    "  1. write that certificate to %s\n"
	    "  2. run %s %s\n\n"
	    "tacetctl trust --remove undoes it. Programs that run see it when they start again.\n",
	    plan->source, plan->authority.fingerprint, plan->authority.names, plan->authority.until,
	    plan->target, UPDATE, UPDATE_OPTION);
}

static void print_remove(const struct plan *plan)
{
	fprintf(plan->wish->out,
		"Programs on this machine shall no longer trust the authority of this tacetd.\n"
		"For that, root does:\n\n"
		"  1. remove %s\n"
		"  2. run %s %s\n\n",
		plan->target, UPDATE, UPDATE_OPTION);
}

static int make_plan(struct plan *plan, struct err *err)
{
	if (find_source(plan, err) < 0)
		return -1;
	snprintf(plan->target, sizeof(plan->target), ANCHORS "/tacet-%lu.crt",
		 (unsigned long)owner(plan));
	if (!plan->wish->remove && judge_source(plan, err) < 0)
		return -1;
	if (plan->wish->remove && access(plan->target, F_OK) < 0)
		return err_set(err, ERR_NOT_FOUND, "%s is not there: nothing to undo",
			       plan->target);
	if (access(UPDATE, X_OK) < 0)
		return err_set(err, ERR_UNAVAILABLE,
			       "this system has no %s (Debian's package ca-certificates); make "
			       "your clients trust %s by their own means",
			       UPDATE, plan->source);
	return 0;
}

/* --- may it be done? --- */

static int check_root(const struct plan *plan, struct err *err)
{
	const struct ctl_trust *wish = plan->wish;

	if (geteuid() == 0)
		return 0;
	return err_set(err, ERR_AUTH, "needs root: sudo tacetctl %s%s%strust %s%s",
		       wish->config ? "-c " : "", wish->config ? wish->config : "",
		       wish->config ? " " : "", wish->remove ? "--remove " : "", plan->source);
}

static int ask(const struct plan *plan, struct err *err)
{
	char answer[16] = "";

	if (plan->wish->yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return err_set(err, ERR_UNAVAILABLE, "no terminal to ask on; use --yes");
	fputs("Do it? [y/N] ", plan->wish->out);
	fflush(plan->wish->out);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0))
		return 0;
	return err_set(err, ERR_CLOSED, "nothing was changed");
}

/* --- doing it --- */

static int update(const struct plan *plan, struct err *err)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	static char name[] = UPDATE, option[] = UPDATE_OPTION;
	char *const arguments[] = {name, option, NULL};
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		umask(022);
		if (plan->wish->out != stdout)
			dup2(STDERR_FILENO, STDOUT_FILENO);
		execve(UPDATE, arguments, environment);
		_exit(127);
	}
	if (pid < 0)
		return err_system(err, "run %s", UPDATE);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "%s has failed", UPDATE);
}

static int install(const struct plan *plan, struct err *err)
{
	umask(022);
	if (mkdir(ANCHORS, 0755) < 0 && errno != EEXIST)
		return err_system(err, "make %s", ANCHORS);
	if (file_replace(plan->target, 0644, plan->pem.data, plan->pem.len, err) < 0)
		return -1;
	if (update(plan, err) < 0)
		return err_wrap(err, "%s was written; take it back with --remove", plan->target);
	return 0;
}

static int take_back(const struct plan *plan, struct err *err)
{
	if (unlink(plan->target) < 0)
		return err_system(err, "remove %s", plan->target);
	if (update(plan, err) < 0)
		return err_wrap(err, "%s was removed", plan->target);
	return 0;
}

int ctl_trust(const struct ctl_trust *wish, struct err *err)
{
	struct plan plan = {.wish = wish};
	int result = -1;

	buf_init(&plan.pem, AUTHORITY_FILE_MAX);
	if (make_plan(&plan, err) == 0) {
		if (wish->remove)
			print_remove(&plan);
		else
			print_install(&plan);
		fflush(wish->out);
		if (check_root(&plan, err) == 0 && ask(&plan, err) == 0)
			result = wish->remove ? take_back(&plan, err) : install(&plan, err);
	}
	buf_free(&plan.pem);
	free(plan.source);
	free(plan.domain);
	return result;
}
