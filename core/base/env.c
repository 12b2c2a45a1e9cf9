/*
 * env.c: see env.h.
 */
#include "core/base/env.h"

#include <assert.h>

int64_t env_wall_ms(const struct env *env)
{
	return env->ops->wall_ms(env->self);
}

int64_t env_mono_ms(const struct env *env)
{
	return env->ops->mono_ms(env->self);
}

void env_random(const struct env *env, void *out, size_t len)
{
	env->ops->random(env->self, out, len);
}

uint64_t env_random_below(const struct env *env, uint64_t bound)
{
	uint64_t v, limit;

	assert(bound > 0);
	/* The numbers from limit on would make the small remainders more likely. */
	limit = UINT64_MAX - UINT64_MAX % bound;
	do {
		env_random(env, &v, sizeof v);
	} while (v >= limit);
	return v % bound;
}

int64_t env_jitter(const struct env *env, int64_t ms, unsigned percent)
{
	int64_t spread = ms * (int64_t)percent / 100;

	if (spread <= 0)
		return ms;
	return ms - spread + (int64_t)env_random_below(env, 2 * (uint64_t)spread + 1);
}

struct timer *timer_new(const struct env *env, void (*fire)(void *arg), void *arg)
{
	return env->ops->timer_new(env->self, fire, arg);
}

void timer_set(struct timer *timer, int64_t delay_ms)
{
	timer->ops->timer_set(timer, delay_ms);
}

void timer_stop(struct timer *timer)
{
	timer->ops->timer_stop(timer);
}

bool timer_pending(const struct timer *timer)
{
	return timer->ops->timer_pending(timer);
}

void timer_free(struct timer **timer)
{
	if (*timer != NULL)
		(*timer)->ops->timer_free(*timer);
	*timer = NULL;
}
