/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smmuctl: one verb a run. Data goes to out, words about it to err, and the
 * exit code says how it ended.
 */
#ifndef SMMUMAN_CLIENTS_SMMUCTL_SMMUCTL_H
#define SMMUMAN_CLIENTS_SMMUCTL_SMMUCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct smmu;

/* Stable: scripts depend on them. */
enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3, /* not reachable, or gone in the middle */
	CTL_DENIED = 4,	   /* by the policy or the socket's mode */
	CTL_NO_OBJECT = 5,
	CTL_BUSY = 6, /* or over a quota */
	CTL_PROBLEMS = 8, /* a check found some */
};

struct ctl {
	FILE *out, *err;
	const char *socket; /* NULL: the library's default */
	bool json, color, follow;
	const char *device; /* --device, or NULL */
	uint64_t since, limit; /* limit UINT64_MAX: none */
	char **arguments;   /* behind the verb; as many as its row allows */
	int argument_count;
	struct smmu *service; /* connected before a verb that needs it runs */
};

/* The whole program but for the process: main() and the tests call it. */
int smmuctl_run(int argc, char **argv, FILE *out, FILE *err);

/* "smmuctl: sentence" on err, made fit to print. */
void ctl_say(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Around red text; empty strings without colour. */
const char *ctl_red(const struct ctl *ctl);
const char *ctl_plain(const struct ctl *ctl);

/* service.c: CTL_DONE, or it has said why not. */
int service_open(struct ctl *ctl);
/* What a failed call of the library means, with its sentence on err. */
int service_failed(const struct ctl *ctl, int rc);

/* One a verb. */
int status_run(struct ctl *ctl);
int lists_units(struct ctl *ctl);
int lists_devices(struct ctl *ctl);
int lists_clients(struct ctl *ctl);
int lists_domains(struct ctl *ctl);
int lists_grants(struct ctl *ctl);
int faults_run(struct ctl *ctl);
int explain_run(struct ctl *ctl);
int release_run(struct ctl *ctl);
int policy_check_run(struct ctl *ctl);

#endif
