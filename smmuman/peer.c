// SPDX-License-Identifier: BSD-2-Clause
#include "peer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* A pidfd is readable once its process has ended. */
static bool has_ended(int pidfd)
{
	struct pollfd look = { .fd = pidfd, .events = POLLIN };

	return poll(&look, 1, 0) != 0;
}

/*
 * Without SO_PEERPIDFD the number may have changed hands since connect(): a
 * process of another user is certainly not the one that connected.
 */
static int pidfd_by_number(int32_t pid, uint32_t uid)
{
	char path[32];
	struct stat st;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%" PRId32, pid);
	if (stat(path, &st) == 0 && st.st_uid == uid && !has_ended(pidfd))
		return pidfd;
	close(pidfd);
	return -ESRCH;
}

static int pidfd_of(int socket, const struct ucred *credentials)
{
	socklen_t size = sizeof(int);
	int pidfd = -1;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
		return pidfd;
	return pidfd_by_number(credentials->pid, credentials->uid);
}

static void read_exe(struct peer *peer)
{
	char link[32];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%" PRId32 "/exe", peer->pid);
	length = readlink(link, peer->exe, sizeof(peer->exe));
	/* Too long to be kept whole is not kept; ended meanwhile is not believed. */
	if (length < 0 || (size_t)length >= sizeof(peer->exe) || has_ended(peer->pidfd))
		length = 0;
	peer->exe[length] = '\0';
}

int peer_identify(int socket, struct peer *peer, struct error *err)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred credentials;

	memset(peer, 0, sizeof(*peer));
	peer->pidfd = -1;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return error_set(err, -errno, "the kernel does not tell who connected: %s",
				 strerror(errno));
	peer->uid = credentials.uid;
	peer->gid = credentials.gid;
	peer->pid = credentials.pid;
	peer->pidfd = pidfd_of(socket, &credentials);
	if (peer->pidfd == -ESRCH)
		error_set(err, -ESRCH, "process %" PRId32 " that connected has already ended", peer->pid);
	else if (peer->pidfd < 0)
		error_set(err, peer->pidfd, "process %" PRId32 " cannot be held on to: %s", peer->pid,
			  strerror(-peer->pidfd));
	if (peer->pidfd < 0) {
		peer->pidfd = -1;
		return err->code;
	}
	read_exe(peer);
	return 0;
}
