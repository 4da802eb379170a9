/* SPDX-License-Identifier: BSD-2-Clause */
/* Moments and spans, from nanoseconds since 1970. */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_TIMES_H
#define SMMUMAN_CLIENTS_SMMUCTL_TIMES_H

#include <stdint.h>

#define TIMES_MAX 40u

/* For programs: "2026-05-01T12:00:00.123456789Z". Returns to. */
char *times_iso(char to[TIMES_MAX], uint64_t real_ns);

/* For people, in their own time zone: "2026-05-01", "12:00:00.123". Return to. */
char *times_day(char to[TIMES_MAX], uint64_t real_ns);
char *times_clock(char to[TIMES_MAX], uint64_t real_ns);

/* "45 s", "3 min 20 s", "2 h 5 min", "12 d 4 h". Returns to. */
char *times_span(char to[TIMES_MAX], uint64_t ns);

#endif
