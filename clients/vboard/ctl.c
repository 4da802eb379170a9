// SPDX-License-Identifier: BSD-2-Clause
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bits.h"
#include "board.h"
#include "scoped.h"

static const struct verb {
	const char *name;
	enum board_op op;
	int least, most; /* numbers behind it: ADDRESS VALUE SIZE, without VALUE where it has none */
	bool has_value;
} verbs[] = {
	{ "clock-stop", BOARD_CLOCK_STOP, 0, 0, false },
	{ "clock-run", BOARD_CLOCK_RUN, 0, 0, false },
	{ "override", BOARD_OVERRIDE_READ, 2, 3, true },
	{ "drop", BOARD_OVERRIDE_DROP, 1, 2, false },
	{ "count", BOARD_COUNT_WRITES, 1, 1, false },
	{ "clear", BOARD_OVERRIDE_CLEAR, 0, 0, false },
};

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int make_request(const struct verb *verb, int count, char **words,
			struct board_request *request, struct error *err)
{
	uint64_t numbers[3] = { 0, 0, 4 };
	int i;
	char *end;

	if (count < verb->least || count > verb->most)
		return error_set(err, -EINVAL, "%s: wrong number of arguments; see --help",
				 verb->name);
	for (i = 0; i < count; i++) {
		int place = i > 0 && !verb->has_value ? 2 : i;

		errno = 0;
		numbers[place] = strtoull(words[i], &end, 0);
		if (end == words[i] || *end || errno)
			return error_set(err, -EINVAL, "%s: not a number", words[i]);
	}
	*request = (struct board_request){ .op = verb->op, .address = numbers[0],
					   .value = numbers[1], .size = (uint32_t)numbers[2] };
	return 0;
}

static int round_trip(int fd, const struct board_request *request, uint64_t *ret_value)
{
	struct board_reply reply;

	if (send(fd, request, sizeof(*request), MSG_NOSIGNAL) != sizeof(*request))
		return -errno;
	if (recv(fd, &reply, sizeof(reply), 0) != sizeof(reply))
		return -ECONNRESET;
	*ret_value = reply.value;
	return reply.status;
}

static int connect_control(const char *path, int *ret_fd, struct error *err)
{
	const struct board_request hello = { .op = BOARD_HELLO, .value = BOARD_ROLE_CONTROL };
	scoped_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t version;
	int status;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return error_set(err, -errno, "no board at %s: %s", path, strerror(errno));
	status = round_trip(fd, &hello, &version);
	if (status)
		return error_set(err, status, "the board at %s refused: %s", path,
				 strerror(-status));
	*ret_fd = take_fd(&fd);
	return 0;
}

int ctl_run(int argc, char **argv, struct error *err)
{
	const struct verb *verb = argc >= 2 ? find_verb(argv[1]) : NULL;
	struct board_request request;
	scoped_fd fd = -1;
	uint64_t value = 0;
	int status;

	if (!verb)
		return error_set(err, -EINVAL, "ctl PATH and what to do; see smmu-vboard --help");
	status = make_request(verb, argc - 2, argv + 2, &request, err);
	if (status)
		return status;
	status = connect_control(argv[0], &fd, err);
	if (status)
		return status;
	status = round_trip(fd, &request, &value);
	if (status)
		return error_set(err, status, "%s: %s", verb->name, strerror(-status));
	if (verb->op == BOARD_COUNT_WRITES)
		printf("%" PRIu64 "\n", value);
	return 0;
}
