// SPDX-License-Identifier: BSD-2-Clause
/*
 * QEMU's machine protocol: one JSON object a line. Three words tell apart the
 * lines that matter here; events between command and answer are passed over.
 */
#include "qmp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define LINE_MAX_BYTES 4096

/* One line, byte by byte: a few lines in a board's life. */
static int get_line(struct qmp *qmp, char line[LINE_MAX_BYTES], struct error *err)
{
	size_t used = 0;
	ssize_t got;

	while (used < LINE_MAX_BYTES - 1) {
		got = recv(qmp->fd, line + used, 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return error_set(err, -EIO, "QEMU has ended");
		if (got < 0)
			return error_set(err, -EIO, "QEMU's monitor did not answer within %u s",
					 qmp->deadline_s);
		if (line[used] == '\n') {
			line[used] = '\0';
			return 0;
		}
		used++;
	}
	return error_set(err, -EIO, "QEMU's monitor sent a line that is too long");
}

static int get_answer(struct qmp *qmp, const char *wanted, struct error *err)
{
	char line[LINE_MAX_BYTES];
	int status;

	do {
		status = get_line(qmp, line, err);
		if (status)
			return status;
		if (strncmp(line, "{\"error\"", 8) == 0)
			return error_set(err, -EIO, "QEMU's monitor refused: %.150s", line);
	} while (strncmp(line, wanted, strlen(wanted)) != 0);
	return 0;
}

int qmp_command(struct qmp *qmp, const char *name, struct error *err)
{
	char command[128];
	int length = snprintf(command, sizeof(command), "{\"execute\":\"%s\"}\n", name);

	if (send(qmp->fd, command, (size_t)length, MSG_NOSIGNAL) != length)
		return error_set(err, -EIO, "QEMU's monitor is gone: %s", strerror(errno));
	return get_answer(qmp, "{\"return\"", err);
}

int qmp_init(struct qmp *qmp, int fd, unsigned deadline_s, struct error *err)
{
	struct timeval deadline = { .tv_sec = (time_t)deadline_s };
	int status;

	qmp->fd = fd;
	qmp->deadline_s = deadline_s;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)) != 0)
		return error_set(err, -errno, "a deadline for QEMU: %s", strerror(errno));
	status = get_answer(qmp, "{\"QMP\"", err);
	if (status)
		return status;
	return qmp_command(qmp, "qmp_capabilities", err);
}
