// SPDX-License-Identifier: BSD-2-Clause
/* QEMU's qtest text protocol, as far as registers need it. */
#include "qtest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define LINE_MAX_BYTES 128

static char size_letter(uint32_t size)
{
	return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

static int lost(const struct qtest *qtest, ssize_t got, struct error *err)
{
	if (got == 0 || (got < 0 && (errno == EPIPE || errno == ECONNRESET)))
		return error_set(err, -EIO, "QEMU has ended");
	if (errno == EAGAIN)
		return error_set(err, -EIO, "QEMU did not answer within %u s",
				 qtest->deadline_s);
	return error_set(err, -EIO, "talking to QEMU: %s", strerror(errno));
}

/* Receives one whole line into answer, without its newline. */
static int get_line(struct qtest *qtest, char answer[LINE_MAX_BYTES], struct error *err)
{
	size_t used = 0;
	ssize_t got;

	do {
		if (used == LINE_MAX_BYTES - 1)
			return error_set(err, -EIO, "QEMU's answer makes no sense");
		got = recv(qtest->fd, answer + used, LINE_MAX_BYTES - 1 - used, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return lost(qtest, got, err);
		used += (size_t)got;
	} while (used == 0 || answer[used - 1] != '\n');
	answer[used - 1] = '\0';
	return 0;
}

static int round_trip(struct qtest *qtest, const char *command, size_t length,
		      char answer[LINE_MAX_BYTES], struct error *err)
{
	ssize_t sent;
	int status;

	do
		sent = send(qtest->fd, command, length, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent != (ssize_t)length)
		return lost(qtest, sent, err);
	status = get_line(qtest, answer, err);
	if (status)
		return status;
	if (strncmp(answer, "OK", 2) != 0)
		return error_set(err, -EIO, "QEMU refused %.*s: %s", (int)length - 1, command,
				 answer);
	return 0;
}

int qtest_init(struct qtest *qtest, int fd, unsigned deadline_s)
{
	struct timeval deadline = { .tv_sec = (time_t)deadline_s };

	qtest->fd = fd;
	qtest->deadline_s = deadline_s;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline)) != 0)
		return -errno;
	return 0;
}

static int tell(struct qtest *qtest, const char *verb, uint64_t address, uint32_t size,
		uint64_t value, struct error *err)
{
	char command[LINE_MAX_BYTES], answer[LINE_MAX_BYTES];
	int length = snprintf(command, sizeof(command), "%s%c 0x%" PRIx64 " 0x%" PRIx64 "\n", verb,
			      size_letter(size), address, value);

	return round_trip(qtest, command, (size_t)length, answer, err);
}

int qtest_read(struct qtest *qtest, uint64_t address, uint32_t size, uint64_t *ret_value,
	       struct error *err)
{
	char command[LINE_MAX_BYTES], answer[LINE_MAX_BYTES];
	int length = snprintf(command, sizeof(command), "read%c 0x%" PRIx64 "\n",
			      size_letter(size), address);
	int status = round_trip(qtest, command, (size_t)length, answer, err);

	if (status)
		return status;
	*ret_value = strtoull(answer + 2, NULL, 16);
	return 0;
}

int qtest_write(struct qtest *qtest, uint64_t address, uint32_t size, uint64_t value,
		struct error *err)
{
	return tell(qtest, "write", address, size, value, err);
}

int qtest_out(struct qtest *qtest, uint16_t port, uint32_t size, uint32_t value,
	      struct error *err)
{
	return tell(qtest, "out", port, size, value, err);
}
