/*
 * ctl_doctor_files.c: what `tacetctl doctor` sees without the daemon: the tor program, the state
 * directory, the disk, the databases, the certificate, the port.
 */
#include "component/ctl_doctor.h"
#include "component/state_dir.h"
#include "xmpp/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* The oldest tor that does all that is needed (tacetd.conf(5)). */
static const int tor_oldest[] = {0, 4, 7};
/* What a queue of a day's messages may take, and what no commit works with, in bytes. */
#define DISK_WARN ((uint64_t)200 * 1024 * 1024)
#define DISK_FAIL ((uint64_t)10 * 1024 * 1024)
/* A certificate that ends within this many days is renewed at the next start of the daemon. */
#define CERTIFICATE_DAYS 7
/* A server that answers does so at once, in s. */
#define ANSWER_S 5

/* Of the state directory, with their secrets. */
static const char *const secrets[] = {"store.key",          "tacet.db",
				      "local.db",           "sasl.secret",
				      "tls/ca-private.pem", "tls/server-private.pem"};

/* --- tor --- */

/* What `tor --version` says. -1: it cannot be run. */
static int ask_version(const char *program, char *text, size_t size)
{
	char *const argv[] = {(char *)(uintptr_t)program, "--version", NULL};
	posix_spawn_file_actions_t actions;
	int pipes[2], status = -1, failed;
	ssize_t len;
	pid_t pid;

	if (pipe(pipes))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, pipes[0]);
	failed = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	len = failed ? -1 : read(pipes[0], text, size - 1);
	text[len > 0 ? len : 0] = '\0';
	close(pipes[0]);
	if (!failed)
		waitpid(pid, &status, 0);
	return len > 0 ? 0 : -1;
}

static bool is_old(const int have[3])
{
	for (size_t i = 0; i < 3; i++)
		if (have[i] != tor_oldest[i])
			return have[i] < tor_oldest[i];
	return false;
}

void doctor_tor_program(struct doctor *doctor)
{
	const char *program = doctor->config->tor_program;
	char text[256];
	int have[3];

	if (doctor->config->tor_control) {
		doctor_note(doctor, FINDING_OK, "tor program", NULL,
			    "another's tor is used (tor-control)");
		return;
	}
	if (!program)
		program = TOR_PROGRAM;
	if (access(program, X_OK) || ask_version(program, text, sizeof(text)))
		doctor_note(doctor, FINDING_FAIL, "tor program",
			    "install tor (on Debian: apt install tor), or say where it is: "
			    "tor-program",
			    "%s cannot be run: %s", program, strerror(errno));
	else if (sscanf(text, "Tor version %d.%d.%d", &have[0], &have[1], &have[2]) != 3)
		doctor_note(doctor, FINDING_FAIL, "tor program", "see tor-program", "%s is not tor",
			    program);
	else if (is_old(have))
		doctor_note(doctor, FINDING_FAIL, "tor program", "install a newer tor",
			    "version %d.%d.%d is too old", have[0], have[1], have[2]);
	else
		doctor_note(doctor, FINDING_OK, "tor program", NULL, "%s, version %d.%d.%d",
			    program, have[0], have[1], have[2]);
}

/* --- files --- */

/* NULL: memory is short. */
static char *in_state(const struct doctor *doctor, const char *name)
{
	return state_dir_path(doctor->config->state_dir, name, NULL);
}

/* root may look at anybody's. */
static bool others_may(struct doctor *doctor, const char *path, uid_t owner)
{
	struct stat found;
	char advice[512];

	if (lstat(path, &found) || ((found.st_mode & 077) == 0 && found.st_uid == owner))
		return false;
	snprintf(advice, sizeof(advice), "chmod go-rwx %s, and make it the daemon's", path);
	doctor_note(doctor, FINDING_FAIL, "permissions", advice,
		    "%s has mode %03o and belongs to user %u", path, (unsigned)found.st_mode & 0777,
		    (unsigned)found.st_uid);
	return true;
}

void doctor_state_dir(struct doctor *doctor)
{
	const char *directory = doctor->config->state_dir;
	struct stat found;
	bool bad;
	uid_t owner;

	if (stat(directory, &found)) {
		doctor_note(doctor, errno == ENOENT ? FINDING_WARN : FINDING_FAIL, "permissions",
			    "it is made when tacetd starts for the first time", "%s: %s", directory,
			    strerror(errno));
		return;
	}
	owner = geteuid() == 0 ? found.st_uid : geteuid();
	bad = others_may(doctor, directory, owner);
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		char *path = in_state(doctor, secrets[i]);

		bad |= path && others_may(doctor, path, owner);
		free(path);
	}
	if (!bad)
		doctor_note(doctor, FINDING_OK, "permissions", NULL, "only the owner reads %s",
			    directory);
}

void doctor_disk(struct doctor *doctor)
{
	struct statvfs disk;
	uint64_t free_bytes;

	if (statvfs(doctor->config->state_dir, &disk))
		return;
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	doctor_note(doctor,
		    free_bytes < DISK_FAIL   ? FINDING_FAIL
		    : free_bytes < DISK_WARN ? FINDING_WARN
					     : FINDING_OK,
		    "disk", "make room", "%" PRIu64 " MiB are free", free_bytes / (1024 * 1024));
}

/* Is it whole? As far as SQLite can tell without the key. */
static int check_database(const char *path, char *why, size_t size)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	int result = -1;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) ||
	    sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL) ||
	    sqlite3_step(statement) != SQLITE_ROW)
		snprintf(why, size, "%s", db ? sqlite3_errmsg(db) : "out of memory");
	else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
		snprintf(why, size, "%s", sqlite3_column_text(statement, 0));
	else
		result = 0;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return result;
}

static void look_at_database(struct doctor *doctor, const char *name)
{
	char *path = in_state(doctor, name);
	char why[256];

	if (!path || access(path, F_OK))
		doctor_note(doctor, FINDING_OK, "database", NULL, "%s is not there yet", name);
	else if (check_database(path, why, sizeof(why)))
		doctor_note(doctor, FINDING_FAIL, "database",
			    "restore the accounts from a backup (tacetctl restore) with another "
			    "state directory, and keep this one",
			    "%s: %s", path, why);
	else
		doctor_note(doctor, FINDING_OK, "database", NULL, "%s is whole", name);
	free(path);
}

/* A daemon that runs holds them locked, and has read them. */
void doctor_databases(struct doctor *doctor)
{
	const char *trouble = print_member(doctor->status, "trouble");

	if (trouble[0]) {
		doctor_note(doctor, FINDING_FAIL, "database", "make room, or see to the disk",
			    "nothing can be stored: %s", trouble);
	} else if (doctor->status) {
		doctor_note(doctor, FINDING_OK, "database", NULL, "open in the daemon");
	} else {
		look_at_database(doctor, "tacet.db");
		look_at_database(doctor, "local.db");
	}
}

/* --- certificate --- */

static void look_at_certificate(struct doctor *doctor, const char *name)
{
	char *path = in_state(doctor, name);
	FILE *file = path ? fopen(path, "r") : NULL;
	X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	int days = 0, seconds = 0;

	if (!file)
		doctor_note(doctor, FINDING_WARN, "certificate",
			    "it is made when tacetd starts with tls = yes", "%s: %s", path,
			    strerror(errno));
	else if (!certificate ||
		 !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)))
		doctor_note(doctor, FINDING_FAIL, "certificate",
			    "remove the file and start tacetd again", "%s cannot be read", path);
	else if (days < 0 || seconds < 0)
		doctor_note(doctor, FINDING_FAIL, "certificate",
			    "start tacetd again: it makes a new one", "%s has expired", path);
	else
		doctor_note(doctor, days < CERTIFICATE_DAYS ? FINDING_WARN : FINDING_OK,
			    "certificate", "start tacetd again: it makes a new one",
			    "%s is good for %d days", name, days);
	X509_free(certificate);
	if (file)
		fclose(file);
	free(path);
}

void doctor_certificate(struct doctor *doctor)
{
	if (!doctor->config->tls || !doctor->config->local_server)
		return;
	look_at_certificate(doctor, "tls/" CERTIFICATE_SERVER_PRIVATE);
	look_at_certificate(doctor, "tls/" CERTIFICATE_CA_FILE);
}

/* --- the port for clients --- */

/* A numeric address with a port. 0: none. */
static socklen_t address_of(const char *text, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

/* Could the daemon listen there? */
static int try_bind(int fd, const struct sockaddr_storage *address, socklen_t len)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)address, len) || listen(fd, 1))
		return errno == EADDRNOTAVAIL ? 0 : -1;
	return 0;
}

/* Does it speak XMPP? */
static int try_stream(int fd, const struct sockaddr_storage *address, socklen_t len)
{
	static const char hello[] =
	    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
	    "to='localhost' version='1.0'>";
	const struct timeval limit = {.tv_sec = ANSWER_S};
	char answer[512];
	ssize_t got;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)address, len) ||
	    send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) < 0)
		return -1;
	got = recv(fd, answer, sizeof(answer) - 1, 0);
	if (got <= 0)
		return -1;
	answer[got] = '\0';
	errno = EPROTO;
	return strstr(answer, "stream:stream") ? 0 : -1;
}

void doctor_port(struct doctor *doctor)
{
	uint16_t port = (uint16_t)doctor->config->port;
	bool runs = doctor->status != NULL;

	if (json_is_true(json_object_get(doctor->status, "locked")) ||
	    !doctor->config->local_server)
		return;
	for (size_t i = 0; i < doctor->config->listen.count; i++) {
		const char *text = doctor->config->listen.items[i];
		struct sockaddr_storage address;
		socklen_t len = address_of(text, port, &address);
		int fd = len ? socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

		/* A machine without IPv6. */
		if (fd < 0)
			continue;
		if ((runs ? try_stream : try_bind)(fd, &address, len) == 0)
			doctor_note(doctor, FINDING_OK, "port", NULL, "%s, %u %s", text, port,
				    runs ? "answers" : "is free");
		else
			doctor_note(doctor, FINDING_FAIL, "port",
				    runs ? "see the daemon's log"
					 : "stop what has the port (ss -ltnp), or set another port",
				    "%s, %u: %s", text, port, strerror(errno));
		close(fd);
	}
}
