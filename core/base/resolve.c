/*
 * resolve.c: glibc's getaddrinfo_a, which asks in a thread of its own, joined to the loop by an
 * eventfd. What that thread uses stays until it has ended, whether or not it is still waited for.
 */
#include "core/base/resolve.h"

#include <netdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* Shared with glibc's thread. */
struct job {
	struct gaicb request;
	struct addrinfo hints;
	atomic_uint users; /* the resolve and the thread */
	int event;
	char host[];
};

struct resolve {
	struct job *job;
	struct watch *watch;
	resolve_done done;
	void *arg;
};

static void job_release(struct job *job)
{
	if (atomic_fetch_sub(&job->users, 1) > 1)
		return;
	if (job->request.ar_result)
		freeaddrinfo(job->request.ar_result);
	close(job->event);
	free(job);
}

/* In a thread of glibc's. */
static void answered(union sigval value)
{
	struct job *job = value.sival_ptr;
	const uint64_t one = 1;
	ssize_t written = write(job->event, &one, sizeof(one));

	(void)written; /* an eventfd takes it */
	job_release(job);
}

static struct job *job_new(const char *host, struct err *err)
{
	size_t size = strlen(host) + 1;
	struct job *job = calloc(1, sizeof(*job) + size);

	if (!job) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	memcpy(job->host, host, size);
	job->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM};
	job->request.ar_name = job->host;
	job->request.ar_request = &job->hints;
	atomic_init(&job->users, 1);
	job->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->event < 0) {
		err_system(err, "eventfd");
		free(job);
		return NULL;
	}
	return job;
}

static int job_start(struct job *job, struct err *err)
{
	struct gaicb *requests[] = {&job->request};
	struct sigevent notify = {.sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = answered,
				  .sigev_value.sival_ptr = job};
	int result;

	atomic_store(&job->users, 2);
	result = getaddrinfo_a(GAI_NOWAIT, requests, 1, &notify);
	if (result == 0)
		return 0;
	atomic_store(&job->users, 1);
	return err_set(err, ERR_SYSTEM, "%s", gai_strerror(result));
}

static void collect(const struct addrinfo *item, struct resolved *found)
{
	found->count = 0;
	for (; item && found->count < RESOLVE_ADDRESSES; item = item->ai_next)
		if (getnameinfo(item->ai_addr, item->ai_addrlen, found->address[found->count],
				RESOLVE_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) == 0)
			found->count++;
}

static void on_answer(void *arg, unsigned what)
{
	struct resolve *resolve = arg;
	struct resolved found;
	struct err why;
	int result = gai_error(&resolve->job->request);

	(void)what;
	watch_free(&resolve->watch);
	collect(resolve->job->request.ar_result, &found);
	if (result == 0 && found.count > 0) {
		resolve->done(resolve->arg, &found, NULL);
		return;
	}
	err_set(&why, ERR_UNAVAILABLE, "the name of the host: %s",
		result ? gai_strerror(result) : "it has no address");
	resolve->done(resolve->arg, NULL, &why);
}

struct resolve *resolve_new(struct loop *loop, const char *host, resolve_done done, void *arg,
			    struct err *err)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (!resolve) {
		err_set(err, ERR_MEMORY, "out of memory");
		return NULL;
	}
	resolve->done = done;
	resolve->arg = arg;
	resolve->job = job_new(host, err);
	if (resolve->job) {
		resolve->watch =
		    watch_fd(loop, resolve->job->event, WATCH_READ, on_answer, resolve);
		if (!resolve->watch)
			err_set(err, ERR_MEMORY, "out of memory");
		else if (!job_start(resolve->job, err))
			return resolve;
	}
	resolve_free(&resolve);
	return NULL;
}

void resolve_free(struct resolve **resolve)
{
	if (!*resolve)
		return;
	watch_free(&(*resolve)->watch);
	if ((*resolve)->job)
		job_release((*resolve)->job);
	free(*resolve);
	*resolve = NULL;
}
