// SPDX-License-Identifier: BSD-2-Clause
#include "figure.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double figure_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double figure_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

void figure_report(const char *name, double ratio, double target, bool higher_is_better)
{
	bool is_met = higher_is_better ? ratio >= target : ratio <= target;

	printf(ratio < 100 ? "%s %.3g target %g %s\n" : "%s %.0f target %g %s\n", name, ratio,
	       target, is_met ? "met" : "missed");
	fflush(stdout);
}

void figure_tell(const char *name, double ratio)
{
	printf("%s %.3g\n", name, ratio);
	fflush(stdout);
}

void figure_remark(const char *what, double ns)
{
	if (getenv("BENCH_VERBOSE"))
		fprintf(stderr, "  %s: %.1f ns\n", what, ns);
}
