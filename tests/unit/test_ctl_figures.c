/*
 * Tests of what tacetctl bench says about its samples, against values worked out by hand.
 */
#include "component/ctl_figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The values are small numbers; nothing is lost but the last bits. */
static void assert_near(double value, double expected)
{
	assert_true(value > expected - 1e-9 && value < expected + 1e-9);
}

static void add(struct figures *figures, enum figure_kind kind, const double *samples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(figures_add(figures, kind, samples[i]), 0);
}

static void test_summary(void **state)
{
	static const double samples[] = {4, 2, 9, 4, 5, 7, 4, 5};
	struct figures figures = {0};
	struct figure_summary summary;

	(void)state;
	add(&figures, FIGURE_MESSAGE, samples, 8);
	summary = figures_summary(&figures, FIGURE_MESSAGE);
	assert_near(summary.mean, 5);
	/* Squares of the distances: 32, over 7. */
	assert_near(summary.deviation * summary.deviation, 32.0 / 7);
	assert_near(summary.median, 4.5);
	assert_near(summary.p95, 9);
	figures_wipe(&figures);
}

static void test_p95(void **state)
{
	struct figures figures = {0};

	(void)state;
	for (int i = 100; i > 0; i--)
		figures_add(&figures, FIGURE_PUT, i);
	assert_near(figures_summary(&figures, FIGURE_PUT).p95, 95);
	figures_add(&figures, FIGURE_PUT, 101);
	assert_near(figures_summary(&figures, FIGURE_PUT).p95, 96);
	assert_near(figures_summary(&figures, FIGURE_PUT).median, 51);
	figures_wipe(&figures);
}

static void test_few(void **state)
{
	struct figures figures = {0};
	struct figure_summary summary = figures_summary(&figures, FIGURE_PUT);
	const double one = 3;

	(void)state;
	assert_near(summary.mean, 0);
	add(&figures, FIGURE_PUT, &one, 1);
	summary = figures_summary(&figures, FIGURE_PUT);
	assert_near(summary.mean, 3);
	assert_near(summary.deviation, 0);
	assert_near(summary.median, 3);
	assert_near(summary.p95, 3);
	figures_wipe(&figures);
}

/* The paper's own means give the paper's own sum. */
static void test_calculated(void **state)
{
	struct figures figures = {0};
	json_t *all;

	(void)state;
	figures_add(&figures, FIGURE_REQUEST, 1.97);
	figures_add(&figures, FIGURE_PUT, 5.89);
	assert_near(figures_calculated(&figures), 0);
	figures_add(&figures, FIGURE_CONNECT, 5.39);
	assert_near(figures_calculated(&figures), 21.11);
	assert_false(figures_complete(&figures));
	figures_fail(&figures, FIGURE_MESSAGE);
	all = figures_json(&figures);
	assert_true(json_is_false(json_object_get(all, "ok")));
	assert_int_equal(json_array_size(json_object_get(all, "figures")), FIGURE_COUNT);
	const json_t *message = json_array_get(json_object_get(all, "figures"), FIGURE_MESSAGE);
	assert_int_equal(json_integer_value(json_object_get(message, "failed")), 1);
	assert_null(json_object_get(message, "mean_s"));
	json_decref(all);
	figures_add(&figures, FIGURE_MESSAGE, 2.32);
	figures_add(&figures, FIGURE_CONTACT, 21.1);
	assert_true(figures_complete(&figures));
	figures_wipe(&figures);
}

/* A scale of powers knows no 0, and what was not measured has no place in the picture. */
static void test_plot(void **state)
{
	struct figures figures = {0};
	char *script = NULL;
	size_t size;
	FILE *stream = open_memstream(&script, &size);

	(void)state;
	assert_non_null(stream);
	figures_add(&figures, FIGURE_PUT, 0);
	figures_plot(&figures, "svg", stream);
	assert_int_equal(fclose(stream), 0);
	assert_non_null(strstr(script, "0.000100 0.000100 5.89\nEND\n"));
	assert_non_null(strstr(script, "set terminal svg "));
	assert_null(strstr(script, "1.97"));
	free(script);
	figures_wipe(&figures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_summary), cmocka_unit_test(test_p95),
	    cmocka_unit_test(test_few),     cmocka_unit_test(test_calculated),
	    cmocka_unit_test(test_plot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
