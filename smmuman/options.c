// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "board.h"
#include "wire.h"

static const struct option long_options[] = {
	{ "policy", required_argument, NULL, 'p' },
	{ "socket", required_argument, NULL, 's' },
	{ "board", required_argument, NULL, 'b' },
	{ "modules", required_argument, NULL, 'm' },
	{ "ready-fd", required_argument, NULL, 'r' },
	{ "check", no_argument, NULL, 'n' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

void options_help(void)
{
	puts("usage: smmuman [-nv] [-m DIR] [-p POLICY] [-s SOCKET] -b BOARD\n"
	     "Owns the IOMMUs of a machine: no device reaches memory that nobody granted.\n"
	     "\n"
	     "  -b, --board SOCKET   drive the virtual board that smmu-vboard serves there\n"
	     "                       (default: $" BOARD_ENV "); again: several as one machine\n"
	     "  -m, --modules DIR    where the policy's modules are (default: " OPTIONS_MODULES ")\n"
	     "  -p, --policy FILE    who may do what (default: " OPTIONS_POLICY ")\n"
	     "  -s, --socket PATH    where clients connect (default: $" WIRE_SOCKET_ENV "\n"
	     "                       or " WIRE_SOCKET ")\n"
	     "  -n, --check          check the policy, then exit: 0 good, 78 not\n"
	     "  -r, --ready-fd FD    write \"ready\" there when clients may come\n"
	     "  -v, --verbose        say more; twice: trace\n"
	     "      --version, --help\n"
	     "\n"
	     "Exit status: 0 ended by a signal; 1 failed, everything closed; 2 usage;\n"
	     "75 another instance is running; 78 the policy cannot be used.\n"
	     "More: smmuman(8), smmuman.policy(5), smmuctl(1).");
}

static int parse_fd(const char *text, int *ret_fd)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*end || end == text || fd < 0 || fd > 65535)
		return -EINVAL;
	*ret_fd = (int)fd;
	return 0;
}

static int take_board(const char *socket, struct options *options)
{
	if (options->board_count == MACHINE_PARTS_MAX) {
		fprintf(stderr, "smmuman: --board '%s' is one too many: %u at most\n", socket,
			MACHINE_PARTS_MAX);
		return -EINVAL;
	}
	options->boards[options->board_count++] = socket;
	return 0;
}

static int take(int letter, const char *value, struct options *options)
{
	switch (letter) {
	case 'p':
		options->policy = value;
		return 0;
	case 's':
		options->socket = value;
		return 0;
	case 'b':
		return take_board(value, options);
	case 'm':
		options->modules = value;
		return 0;
	case 'r':
		if (parse_fd(value, &options->ready_fd) == 0)
			return 0;
		fprintf(stderr, "smmuman: --ready-fd '%s' is no descriptor number\n", value);
		return -EINVAL;
	case 'n':
		options->is_check = true;
		return 0;
	case 'v':
		options->verbosity++;
		return 0;
	case 'V':
		options->is_version = true;
		return 0;
	case 'h':
		options->is_help = true;
		return 0;
	default:
		fputs("smmuman: see smmuman --help\n", stderr);
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *options)
{
	const char *socket = getenv(WIRE_SOCKET_ENV);
	int letter, ret;

	*options = (struct options){ .policy = OPTIONS_POLICY,
				     .modules = OPTIONS_MODULES,
				     .socket = socket ? socket : WIRE_SOCKET,
				     .ready_fd = -1 };
	while ((letter = getopt_long(argc, argv, "m:p:s:b:r:nvh", long_options, NULL)) != -1) {
		ret = take(letter, optarg, options);
		if (ret < 0)
			return ret;
	}
	if (options->board_count == 0 && getenv(BOARD_ENV))
		options->boards[options->board_count++] = getenv(BOARD_ENV);
	if (optind < argc) {
		fprintf(stderr, "smmuman: '%s' is one argument too many; see smmuman --help\n",
			argv[optind]);
		return -EINVAL;
	}
	return 0;
}
