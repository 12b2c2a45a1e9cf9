/*
 * service.c: see service.h.
 */
#include "component/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

struct service_manager {
	int fd; /* -1: there is none */
	struct sockaddr_un address;
	socklen_t address_len;
	struct timer *watchdog;
	int64_t watchdog_ms; /* how often it is told; 0: it does not watch */
};

/* --- saying --- */

static void say(const struct service_manager *manager, const char *message)
{
	if (manager->fd < 0)
		return;
	if (sendto(manager->fd, message, strlen(message), MSG_NOSIGNAL,
		   (const struct sockaddr *)&manager->address, manager->address_len) < 0)
		log_info("the service manager does not listen: %s", strerror(errno));
}

static void feed_watchdog(void *arg)
{
	struct service_manager *manager = arg;

	say(manager, "WATCHDOG=1");
	timer_set(manager->watchdog, manager->watchdog_ms);
}

/* --- what the environment says --- */

static void find_socket(struct service_manager *manager)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(manager->address.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	manager->address.sun_family = AF_UNIX;
	memcpy(manager->address.sun_path, path, len);
	/* An abstract one begins with a NUL and ends with its length. */
	if (path[0] == '@')
		manager->address.sun_path[0] = '\0';
	else
		len++;
	manager->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* A number in the environment; -1: there is none. */
static long long number_of(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;
	long long number;

	if (!text)
		return -1;
	errno = 0;
	number = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && number > 0 ? number : -1;
}

/* Twice as often as it must be. */
static void find_watchdog(struct service_manager *manager)
{
	long long pid = number_of("WATCHDOG_PID");
	long long usec = number_of("WATCHDOG_USEC");

	if (usec > 0 && (pid < 0 || pid == getpid()))
		manager->watchdog_ms = usec / 2000 > 0 ? usec / 2000 : 1;
}

struct service_manager *service_manager_new(const struct env *env)
{
	struct service_manager *manager = calloc(1, sizeof(*manager));

	if (!manager)
		return NULL;
	manager->fd = -1;
	manager->watchdog = timer_new(env, feed_watchdog, manager);
	if (!manager->watchdog) {
		free(manager);
		return NULL;
	}
	find_socket(manager);
	find_watchdog(manager);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return manager;
}

void service_manager_free(struct service_manager **manager)
{
	struct service_manager *m = *manager;

	if (!m)
		return;
	timer_free(&m->watchdog);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
	*manager = NULL;
}

void service_manager_ready(struct service_manager *manager)
{
	say(manager, "READY=1");
	if (manager->watchdog_ms > 0)
		feed_watchdog(manager);
}

void service_manager_stopping(struct service_manager *manager)
{
	say(manager, "STOPPING=1");
}

/* --- the journal --- */

void service_log_sink(void *arg, enum log_level level, const char *line)
{
	static const int priorities[] = {
	    [LOG_LEVEL_ERROR] = LOG_ERR,     [LOG_LEVEL_WARN] = LOG_WARNING,
	    [LOG_LEVEL_NOTICE] = LOG_NOTICE, [LOG_LEVEL_INFO] = LOG_INFO,
	    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};

	(void)arg;
	fprintf(stderr, "<%d>%s\n", priorities[level], line);
}

void service_log_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2 ||
	    fstat(STDERR_FILENO, &st) != 0)
		return;
	if (st.st_dev == device && st.st_ino == inode)
		log_set_sink(service_log_sink, NULL);
}
