// SPDX-License-Identifier: BSD-2-Clause
/*
 * Symbols of the program go before those of shared libraries, so libuv and the
 * daemon both end up here. A sanitizer keeps its own allocator behind other names.
 */
#include "interpose.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct watch *watch;

void interpose_watch(struct watch *shared)
{
	watch = shared;
}

/* Counts the call; true when it must fail, with errno set. */
static bool must_fail(enum watched_call call)
{
	if (!watch)
		return false;
	watch->calls[call]++;
	if (watch->fail[call] == 0)
		return false;
	watch->fail[call]--;
	errno = watch->error[call];
	return true;
}

/* --- system calls ------------------------------------------------------------------- */

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	return epoll_pwait(fd, events, max, timeout, NULL);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	if (must_fail(WATCH_EPOLL))
		return -1;
	return (int)syscall(SYS_epoll_pwait, fd, events, max, timeout, mask, 8);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t length;

	if (must_fail(WATCH_RECVMSG))
		return -1;
	length = syscall(SYS_recvmsg, fd, message, flags);
	if (watch && length > 0)
		watch->served[watch->served_count++ % 4096] = fd;
	return length;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return must_fail(WATCH_SEND) ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	return must_fail(WATCH_SEND) ? -1 : syscall(SYS_sendto, fd, bytes, length, flags, NULL, 0);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return must_fail(WATCH_ACCEPT) ? -1 : (int)syscall(SYS_accept4, fd, address, length, flags);
}

int socketpair(int domain, int type, int protocol, int pair[2])
{
	return must_fail(WATCH_SOCKETPAIR) ? -1
					   : (int)syscall(SYS_socketpair, domain, type, protocol, pair);
}

/* --- allocations -------------------------------------------------------------------- */

static bool must_refuse(void)
{
	uint64_t number;

	if (!watch)
		return false;
	number = ++watch->allocations;
	if (watch->fail_allocation == 0 || number < watch->fail_allocation)
		return false;
	if (number > watch->fail_allocation && !watch->fails_on)
		return false;
	errno = ENOMEM;
	return true;
}

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

bool interpose_is_sanitized(void)
{
#ifdef HAS_SANITIZER
	return true;
#else
	return false;
#endif
}

#ifdef HAS_SANITIZER
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);

void *malloc(size_t size)
{
	return must_refuse() ? NULL : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
	return must_refuse() ? NULL : REAL(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
	return must_refuse() ? NULL : REAL(realloc)(old, size);
}
