/*
 * jump_clock.c: what a process sees of the clocks when the machine has slept, by LD_PRELOAD.
 *
 * $TACET_JUMP names a file of two int64_t, in ms: by how much CLOCK_BOOTTIME and by how much the
 * system's time is ahead. CLOCK_MONOTONIC, by which timers go, stands still while a machine sleeps,
 * and is left as it is. tests/e2e/test_faults.py builds this and writes the file.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t *jumps;

__attribute__((constructor)) static void open_file(void)
{
	const char *path = getenv("TACET_JUMP");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *map = fd >= 0 ? mmap(NULL, 2 * sizeof *jumps, PROT_READ, MAP_SHARED, fd, 0) : NULL;

	if (fd < 0 || map == MAP_FAILED)
		abort();
	close(fd);
	jumps = map;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	int64_t jump = 0;
	int result;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	result = real(clock, t);
	if (jumps != NULL && clock == CLOCK_BOOTTIME)
		jump = jumps[0];
	else if (jumps != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		jump = jumps[1];
	t->tv_sec += jump / 1000;
	return result;
}

int gettimeofday(struct timeval *t, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (t != NULL)
		*t = now.tv_sec;
	return now.tv_sec;
}
