// SPDX-License-Identifier: BSD-2-Clause
/*
 * smmu-vboard: a virtual board with an IOMMU and DMA devices, for programs
 * that want hardware to drive where there is none.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "board_up.h"
#include "ctl.h"
#include "log.h"
#include "options.h"
#include "scoped.h"
#include "server.h"

#define EXIT_USAGE 2

static void say_ready(const struct board_options *options)
{
	printf("ready %s\n", options->socket);
	fflush(stdout);
	if (options->ready_fd < 0)
		return;
	dprintf(options->ready_fd, "ready\n");
	close(options->ready_fd);
}

/* A descriptor that is readable when we are asked to end. */
static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct board *board, const struct board_options *options, struct server *server,
		 int signals, struct error *err)
{
	int status;

	server->qtest = &board->qtest;
	server->qmp = &board->qmp;
	server->parts = &board->parts;
	server->layout = &board->layout;
	status = server_watch(server, signals, err);
	if (!status)
		status = server_watch(server, board->qemu.pidfd, err);
	if (status)
		return status;
	say_ready(options);
	do
		status = server_turn(server, err);
	while (status == 0);
	return status;
}

/* The socket first: who is refused it need not start a machine. */
static int run(const struct board_options *options, struct error *err)
{
	static struct server server;
	struct signalfd_siginfo asked;
	scoped_fd signals = open_signals();
	struct board board;
	int status;

	status = server_init(&server, options->socket, err);
	if (status)
		return status;
	status = board_up(&board, options, err);
	if (!status) {
		status = serve(&board, options, &server, signals, err);
		if (status == 1)
			status = read(signals, &asked, sizeof(asked)) > 0 ?
					 0 :
					 error_set(err, -EIO, "QEMU has ended");
		if (status)
			qemu_say_last_words(&board.qemu);
		board_down(&board);
	}
	server_fini(&server);
	return status;
}

int main(int argc, char **argv)
{
	struct board_options options;
	struct error err = { .code = 0 };
	int status;

	log_setup("smmu-vboard", LOG_NOTE, false);
	if (argc >= 2 && strcmp(argv[1], "ctl") == 0) {
		status = ctl_run(argc - 2, argv + 2, &err);
		if (status)
			log_error("%s", err.text);
		return status ? EXIT_FAILURE : EXIT_SUCCESS;
	}

	status = options_parse(argc, argv, &options, &err);
	if (status == 1)
		return EXIT_SUCCESS;
	if (status) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	status = run(&options, &err);
	if (status)
		log_error("%s", err.text);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
