/*
 * fake_env.c: the queue is a binary heap ordered by (due, serial), so equal times fire in the order
 * in which they were set. Random numbers are the ChaCha20 key stream of SHA-256(seed ‖ env number).
 */
#include "tests/scenario/fake_env.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More timers than this in one millisecond means that somebody spins. */
#define SPIN_MAX 1000000
/* The monotonic clock starts somewhere else than zero, and than any system clock. */
#define MONO_START_MS 5000000
#define NOT_QUEUED    SIZE_MAX

struct fake_timer {
	struct timer timer;
	struct fake_env *fake;
	void (*fire)(void *arg);
	void *arg;
	int64_t due;
	uint64_t serial;
	size_t place; /* in the heap, or NOT_QUEUED */
};

struct fake_clock {
	uint64_t seed;
	int64_t now;
	uint64_t serial, fired;
	unsigned spin; /* timers fired in this millisecond */
	struct fake_timer **heap;
	size_t count, size;
	unsigned envs, envs_made;
};

struct fake_env {
	struct env env;
	struct fake_clock *clock;
	int64_t skew;
	unsigned timers;
	EVP_CIPHER_CTX *random;
};

static void fatal(const char *what)
{
	fprintf(stderr, "fake_env: %s\n", what);
	abort();
}

/* --- the heap --- */

static bool before(const struct fake_timer *a, const struct fake_timer *b)
{
	return a->due < b->due || (a->due == b->due && a->serial < b->serial);
}

static void place(struct fake_clock *clock, size_t at, struct fake_timer *timer)
{
	clock->heap[at] = timer;
	timer->place = at;
}

static void sift_up(struct fake_clock *clock, size_t at, struct fake_timer *timer)
{
	while (at > 0 && before(timer, clock->heap[(at - 1) / 2])) {
		place(clock, at, clock->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(clock, at, timer);
}

static void sift_down(struct fake_clock *clock, size_t at, struct fake_timer *timer)
{
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= clock->count)
			break;
		if (child + 1 < clock->count && before(clock->heap[child + 1], clock->heap[child]))
			child++;
		if (!before(clock->heap[child], timer))
			break;
		place(clock, at, clock->heap[child]);
		at = child;
	}
	place(clock, at, timer);
}

static void queue_add(struct fake_clock *clock, struct fake_timer *timer)
{
	if (clock->count == clock->size) {
		clock->size = clock->size ? 2 * clock->size : 64;
		clock->heap = realloc(clock->heap, clock->size * sizeof *clock->heap);
		if (!clock->heap)
			fatal("no memory");
	}
	sift_up(clock, clock->count++, timer);
}

static void queue_remove(struct fake_clock *clock, struct fake_timer *timer)
{
	size_t at = timer->place;
	if (at == NOT_QUEUED)
		return;
	timer->place = NOT_QUEUED;
	struct fake_timer *last = clock->heap[--clock->count];
	if (last == timer)
		return;
	if (at > 0 && before(last, clock->heap[(at - 1) / 2]))
		sift_up(clock, at, last);
	else
		sift_down(clock, at, last);
}

/* --- struct env --- */

static int64_t fake_wall_ms(void *self)
{
	const struct fake_env *fake = self;
	return FAKE_START_MS + fake->clock->now + fake->skew;
}

static int64_t fake_mono_ms(void *self)
{
	const struct fake_env *fake = self;
	return MONO_START_MS + fake->clock->now;
}

static void fake_random(void *self, void *out, size_t len)
{
	struct fake_env *fake = self;
	int written = 0;
	memset(out, 0, len);
	if (EVP_EncryptUpdate(fake->random, out, &written, out, (int)len) != 1)
		fatal("random numbers");
}

static const struct env_ops fake_env_ops;

static struct timer *fake_timer_new(void *self, void (*fire)(void *arg), void *arg)
{
	struct fake_timer *timer = calloc(1, sizeof *timer);
	if (!timer)
		return NULL;
	timer->timer.ops = &fake_env_ops;
	timer->fake = self;
	timer->fire = fire;
	timer->arg = arg;
	timer->place = NOT_QUEUED;
	timer->fake->timers++;
	return &timer->timer;
}

static void fake_timer_set(struct timer *base, int64_t delay_ms)
{
	struct fake_timer *timer = (struct fake_timer *)base;
	struct fake_clock *clock = timer->fake->clock;
	queue_remove(clock, timer);
	timer->due = clock->now + (delay_ms > 0 ? delay_ms : 0);
	timer->serial = clock->serial++;
	queue_add(clock, timer);
}

static void fake_timer_stop(struct timer *base)
{
	struct fake_timer *timer = (struct fake_timer *)base;
	queue_remove(timer->fake->clock, timer);
}

static bool fake_timer_pending(const struct timer *base)
{
	return ((const struct fake_timer *)base)->place != NOT_QUEUED;
}

static void fake_timer_free(struct timer *base)
{
	struct fake_timer *timer = (struct fake_timer *)base;
	fake_timer_stop(base);
	timer->fake->timers--;
	free(timer);
}

static const struct env_ops fake_env_ops = {
    .wall_ms = fake_wall_ms,
    .mono_ms = fake_mono_ms,
    .random = fake_random,
    .timer_new = fake_timer_new,
    .timer_set = fake_timer_set,
    .timer_stop = fake_timer_stop,
    .timer_pending = fake_timer_pending,
    .timer_free = fake_timer_free,
};

/* --- clock --- */

struct fake_clock *fake_clock_new(uint64_t seed)
{
	struct fake_clock *clock = calloc(1, sizeof *clock);
	if (!clock)
		fatal("no memory");
	clock->seed = seed;
	return clock;
}

void fake_clock_free(struct fake_clock **clock)
{
	if (!*clock)
		return;
	if ((*clock)->envs)
		fatal("an env outlives its clock");
	free((*clock)->heap);
	free(*clock);
	*clock = NULL;
}

int64_t fake_clock_now(const struct fake_clock *clock)
{
	return clock->now;
}

uint64_t fake_clock_fired(const struct fake_clock *clock)
{
	return clock->fired;
}

/* Fire the next timer if it is due by then. */
static bool fire_next(struct fake_clock *clock, int64_t until)
{
	struct fake_timer *timer = clock->count ? clock->heap[0] : NULL;
	if (!timer || timer->due > until)
		return false;
	clock->spin = timer->due > clock->now ? 0 : clock->spin + 1;
	if (clock->spin > SPIN_MAX)
		fatal("timers are set again and again with no delay");
	clock->now = timer->due;
	clock->fired++;
	queue_remove(clock, timer);
	timer->fire(timer->arg);
	return true;
}

void fake_clock_run(struct fake_clock *clock, int64_t ms)
{
	int64_t until = clock->now + ms;
	while (fire_next(clock, until))
		continue;
	clock->now = until;
}

bool fake_clock_step(struct fake_clock *clock, int64_t ms)
{
	int64_t until = clock->now + ms;
	if (fire_next(clock, until))
		return true;
	clock->now = until;
	return false;
}

/* --- env --- */

static EVP_CIPHER_CTX *random_new(uint64_t seed, uint64_t number)
{
	uint64_t input[2] = {seed, number};
	uint8_t key[32], iv[16] = {0};
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (!ctx || EVP_Digest(input, sizeof input, key, NULL, EVP_sha256(), NULL) != 1 ||
	    EVP_EncryptInit_ex(ctx, EVP_chacha20(), NULL, key, iv) != 1)
		fatal("random numbers");
	return ctx;
}

struct fake_env *fake_env_new(struct fake_clock *clock)
{
	struct fake_env *fake = calloc(1, sizeof *fake);
	if (!fake)
		fatal("no memory");
	fake->env = (struct env){.ops = &fake_env_ops, .self = fake};
	fake->clock = clock;
	fake->random = random_new(clock->seed, clock->envs_made++);
	clock->envs++;
	return fake;
}

void fake_env_free(struct fake_env **fake)
{
	if (!*fake)
		return;
	if ((*fake)->timers)
		fatal("timers are left");
	(*fake)->clock->envs--;
	EVP_CIPHER_CTX_free((*fake)->random);
	free(*fake);
	*fake = NULL;
}

const struct env *fake_env_env(struct fake_env *fake)
{
	return &fake->env;
}

void fake_env_jump(struct fake_env *fake, int64_t ms)
{
	fake->skew += ms;
}

void fake_env_sleep(struct fake_env *fake, int64_t ms)
{
	struct fake_clock *clock = fake->clock;
	struct fake_timer **asleep = calloc(clock->count + 1, sizeof *asleep);
	size_t count = 0;

	if (!asleep)
		fatal("no memory");
	for (size_t i = 0; i < clock->count; i++)
		if (clock->heap[i]->fake == fake)
			asleep[count++] = clock->heap[i];
	for (size_t i = 0; i < count; i++) {
		queue_remove(clock, asleep[i]);
		asleep[i]->due += ms;
		queue_add(clock, asleep[i]);
	}
	free(asleep);
}
