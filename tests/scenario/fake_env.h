/*
 * fake_env.h: time that tests turn by hand, and random numbers that come again.
 *
 * One fake_clock is the scheduler of a whole test: it holds every timer of everyone in one queue
 * and fires them in order of time, then of setting. Each daemon has a fake_env on it, with a system
 * clock that may be wrong and a random sequence of its own. The same seed gives the same run.
 */
#ifndef TESTS_SCENARIO_FAKE_ENV_H
#define TESTS_SCENARIO_FAKE_ENV_H

#include "core/base/env.h"

struct fake_clock;
struct fake_env;

/* What the system clocks show at the start: 2026-01-01 00:00:00 UTC. */
#define FAKE_START_MS INT64_C(1767225600000)

struct fake_clock *fake_clock_new(uint64_t seed);
/* All envs must have been freed before. */
void fake_clock_free(struct fake_clock **clock);
/* Milliseconds that have passed since the start. */
int64_t fake_clock_now(const struct fake_clock *clock);
/* Let ms pass: all timers that fall due on the way are fired in order. */
void fake_clock_run(struct fake_clock *clock, int64_t ms);
/* Fire just the next timer, if it is due within ms; false and ms later when there is none. */
bool fake_clock_step(struct fake_clock *clock, int64_t ms);
/* Timers fired so far: how busy a run was. */
uint64_t fake_clock_fired(const struct fake_clock *clock);

/* Envs made in the same order on clocks of the same seed have the same random numbers. */
struct fake_env *fake_env_new(struct fake_clock *clock);
/* Aborts when timers of this env are left: somebody leaks. */
void fake_env_free(struct fake_env **fake);
const struct env *fake_env_env(struct fake_env *fake);
/* Move the system clock by ms (adds up); the monotonic clock and timers do not notice. */
void fake_env_jump(struct fake_env *fake, int64_t ms);
/* The machine sleeps for ms from now on: its clocks go on, but timers stand still, as
 * CLOCK_MONOTONIC does. To be called before that time passes. */
void fake_env_sleep(struct fake_env *fake, int64_t ms);

#endif
