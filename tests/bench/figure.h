/* SPDX-License-Identifier: BSD-2-Clause */
/* What every benchmark measures with and how it prints a figure. */
#ifndef SMMUMAN_TESTS_FIGURE_H
#define SMMUMAN_TESTS_FIGURE_H

#include <stdbool.h>
#include <stddef.h>

double figure_now_ns(void);

/* Sorts values. */
double figure_median(double *values, size_t count);

/* "P1 1.07 target 1.25 met", on stdout at once. */
void figure_report(const char *name, double ratio, double target, bool higher_is_better);

/* The same of a figure that has no target. */
void figure_tell(const char *name, double ratio);

/* A time behind a figure, on stderr, where BENCH_VERBOSE is set. */
void figure_remark(const char *what, double ns);

#endif
