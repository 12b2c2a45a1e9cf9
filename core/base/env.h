/*
 * env.h: what a module needs from the outside world: clock, random numbers, timers.
 *
 * The daemon's env comes from loop.h (system clock, OpenSSL's generator, libevent); tests bring
 * a fake one (tests/scenario/fake_env.h) in which a day passes in milliseconds. No other file
 * calls time() or RAND_bytes().
 */
#ifndef CORE_BASE_ENV_H
#define CORE_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;

struct env_ops {
	int64_t (*wall_ms)(void *self);
	int64_t (*mono_ms)(void *self);
	void (*random)(void *self, void *out, size_t len);
	struct timer *(*timer_new)(void *self, void (*fire)(void *arg), void *arg);
	void (*timer_set)(struct timer *timer, int64_t delay_ms);
	void (*timer_stop)(struct timer *timer);
	bool (*timer_pending)(const struct timer *timer);
	void (*timer_free)(struct timer *timer);
};

struct env {
	const struct env_ops *ops;
	void *self;
};

/* Every implementation's timer begins with this, so that the functions below find their way. */
struct timer {
	const struct env_ops *ops;
};

/* Unix time in ms by the system clock; may jump. */
int64_t env_wall_ms(const struct env *env);
/* Milliseconds since some fixed moment; never jumps back. */
int64_t env_mono_ms(const struct env *env);
/* Fill out with len unpredictable bytes; aborts the process if the generator fails. */
void env_random(const struct env *env, void *out, size_t len);
/* A uniformly distributed number in [0, bound); bound > 0. */
uint64_t env_random_below(const struct env *env, uint64_t bound);
/* A uniformly distributed delay in [ms - ms*percent/100, ms + ms*percent/100]. */
int64_t env_jitter(const struct env *env, int64_t ms, unsigned percent);

/*
 * A one-shot timer, stopped at first. fire(arg) is called from the loop, never from within
 * timer_set, once for each setting, and never after timer_stop or timer_free; it may set or
 * free its own timer. NULL when memory is short.
 */
struct timer *timer_new(const struct env *env, void (*fire)(void *arg), void *arg);
/* Fire delay_ms from now (at once from the loop if <= 0); replaces an earlier setting. */
void timer_set(struct timer *timer, int64_t delay_ms);
void timer_stop(struct timer *timer);
bool timer_pending(const struct timer *timer);
void timer_free(struct timer **timer);

#endif
