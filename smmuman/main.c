// SPDX-License-Identifier: BSD-2-Clause
/* smmuman: owns a machine's IOMMUs. From the command line to the loop. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "daemon.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "server.h"

static int exit_code(int ret)
{
	switch (ret) {
	case 0:
		return EXIT_SUCCESS;
	case -EADDRINUSE:
	case -EBUSY:
		return EX_TEMPFAIL;
	default:
		return EXIT_FAILURE;
	}
}

static int read_policy(const struct options *options, struct policy **ret_policy)
{
	static struct policy_report report;
	int ret;

	ret = policy_load(options->policy, true, ret_policy, &report);
	if (report.text[0])
		fputs(report.text, stderr);
	if (ret < 0)
		log_error("%s cannot be used: %" PRIu32 " error%s; nothing was touched",
			  options->policy, report.errors, report.errors == 1 ? "" : "s");
	return ret;
}

static void tell_ready(const struct daemon *d, const struct options *options)
{
	char status[160];

	snprintf(status, sizeof(status), "%" PRIu32 " units, %" PRIu32 " devices, all closed but what "
		 "the policy opens; serving %s", d->unit_count, d->device_count, options->socket);
	log_note("ready: %s", status);
	notify_ready(options->ready_fd, status);
}

/* d is large: it is not on the stack. */
static int serve(struct daemon *d, struct machine *machine, const struct policy *policy,
		 const struct options *options, struct error *err)
{
	struct server *server;
	int ret;

	daemon_init(d, machine, policy);
	d->modules = options->modules;
	/* The socket first: a second instance must not touch the hardware. */
	ret = server_open(d, options->socket, &server, err);
	if (ret < 0)
		return ret;
	ret = daemon_start(d, err);
	if (ret < 0) {
		server_free(server);
		return ret;
	}
	tell_ready(d, options);
	ret = server_run(server);
	notify_stopping();
	daemon_close(d);
	server_free(server);
	daemon_forget(d);
	return ret < 0 ? error_set(err, ret, "%s is gone", machine->words) : 0;
}

/* One board is a machine; several are joined into one. */
static int open_boards(const struct options *options, struct machine **ret_machine,
		       struct error *err)
{
	struct machine *boards[MACHINE_PARTS_MAX] = { NULL };
	uint32_t i;
	int ret = 0;

	for (i = 0; i < options->board_count && ret == 0; i++)
		ret = machine_open_board(options->boards[i], &boards[i], err);
	if (ret == 0 && i > 1)
		return machine_join(boards, i, ret_machine, err);
	if (ret == 0) {
		*ret_machine = boards[0];
		return 0;
	}
	for (i--; i > 0; i--)
		boards[i - 1]->ops->close(boards[i - 1]);
	return ret;
}

static int run(const struct options *options)
{
	struct machine *machine = NULL;
	struct policy *policy = NULL;
	struct error err = { 0 };
	struct daemon *d;
	int ret;

	if (read_policy(options, &policy) < 0)
		return EX_CONFIG;
	if (options->is_check) {
		policy_free(policy);
		return EXIT_SUCCESS;
	}
	if (options->board_count == 0) {
		log_error("there is no IOMMU to own: this version drives virtual boards; start "
			  "smmu-vboard and name its socket with --board");
		policy_free(policy);
		return 2;
	}
	d = calloc(1, sizeof(*d));
	ret = d ? open_boards(options, &machine, &err) : -ENOMEM;
	if (ret == 0) {
		ret = serve(d, machine, policy, options, &err);
		machine->ops->close(machine);
	}
	if (ret < 0)
		log_error("%s", err.text[0] ? err.text : "out of memory");
	free(d);
	policy_free(policy);
	return exit_code(ret);
}

int main(int argc, char **argv)
{
	struct options options;

	if (options_parse(argc, argv, &options) < 0)
		return 2;
	if (options.is_help) {
		options_help();
		return EXIT_SUCCESS;
	}
	if (options.is_version) {
		puts("smmuman " SMMUMAN_VERSION);
		return EXIT_SUCCESS;
	}
	log_setup("smmuman",
		  options.verbosity > 1	   ? LOG_TRACE
		  : options.verbosity == 1 ? LOG_INFO
					   : LOG_NOTE,
		  getenv("JOURNAL_STREAM") != NULL);
	/* A log reader that goes away must not take us along: lost lines are counted. */
	signal(SIGPIPE, SIG_IGN);
	return run(&options);
}
