// SPDX-License-Identifier: BSD-2-Clause
/* The context's life, and what can be asked of it without the service. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bits.h"
#include "types.h"

#define OPEN_TIMEOUT_MS 10000u
#define PAGES_BYTES (PAGE_BYTES + WIRE_MAX)

static int pages_init(struct smmu *context)
{
	void *pages = mmap(NULL, PAGES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (pages == MAP_FAILED)
		return -ENOMEM;
	/* A kernel without it only loses the sentence for children. */
	(void)madvise(pages, PAGE_BYTES, MADV_WIPEONFORK);
	context->pages = pages;
	*(volatile uint32_t *)pages = 1;
	return 0;
}

int client_set_timeout(int fd, unsigned milliseconds)
{
	struct timeval time = { milliseconds / 1000, milliseconds % 1000 * 1000L };

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)))
		return -errno;
	return 0;
}

/* --- open and close ----------------------------------------------------------------- */

static void context_init(struct smmu *context)
{
	static const struct smmu_range windows[DMA_WINDOWS_MAX] = {
		{ UINT64_C(0x00100000), UINT64_C(0x07f00000) }, /* 1 MiB .. 128 MiB */
		{ UINT64_C(0x10000000), UINT64_C(0xd0000000) }, /* 256 MiB .. 3.5 GiB */
		{ UINT64_C(0x100000000), UINT64_C(0x3f00000000) }, /* 4 GiB .. 256 GiB */
	};

	pthread_mutex_init(&context->lock, NULL);
	context->fd = -1;
	context->fault_fd = -1;
	list_init(&context->devices);
	list_init(&context->regions);
	list_init(&context->blocks);
	list_init(&context->arenas);
	memcpy(context->windows, windows, sizeof(windows));
	context->window_count = DMA_WINDOWS_MAX;
}

/* Everything a context may own by now; works on one that is half made. */
static void context_free(struct smmu *context)
{
	struct list *pos, *after;

	if (context->fd >= 0)
		close(context->fd);
	if (context->fault_fd >= 0)
		close(context->fault_fd);
	device_free_all(context);
	dma_free_all(context);
	list_for_each_safe(pos, after, &context->regions)
		free(list_entry(pos, struct region, node));
	if (context->pages)
		munmap(context->pages, PAGES_BYTES);
	pthread_mutex_destroy(&context->lock);
	free(context);
}

static int connect_socket(struct smmu *context, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int rc;

	if (!path)
		path = secure_getenv(WIRE_SOCKET_ENV);
	if (!path)
		path = WIRE_SOCKET;
	if (*path == '\0' || strlen(path) >= sizeof(address.sun_path))
		return client_fail(context, -ENAMETOOLONG,
				   "\"%.40s...\" cannot be a socket: it must have 1 to %zu bytes", path,
				   sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	context->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (context->fd < 0)
		return client_fail(context, -errno, "no socket to be had: %s",
				   smmu_strerror(errno));
	rc = client_set_timeout(context->fd, OPEN_TIMEOUT_MS);
	if (rc)
		return client_fail(context, rc, "the socket takes no timeout");
	if (!connect(context->fd, (struct sockaddr *)&address, sizeof(address)))
		return 0;
	if (errno == EAGAIN)
		return client_fail(context, -ETIMEDOUT, "%s: the service takes no connections",
				   path);
	return client_fail(context, -errno, "%s: %s; is smmuman running, and is this its socket?",
			   path, smmu_strerror(errno));
}

static int say_hello(struct smmu *context)
{
	struct wire_hello hello = { .version = WIRE_VERSION };
	int rc = client_call(context, WIRE_HELLO, &hello, &context->hello);

	if (rc)
		return rc;
	if (context->hello.version != WIRE_VERSION)
		return client_fail(context, -EPROTONOSUPPORT,
				   "the service speaks version %u, this library %u",
				   context->hello.version, WIRE_VERSION);
	if (context->hello.batch_max < CLIENT_BATCH_MIN || context->hello.batch_max > WIRE_BATCH_MAX ||
	    context->hello.page_bytes != PAGE_BYTES)
		return client_fail(context, -EPROTO, "the service's limits make no sense");
	return client_set_timeout(context->fd, 0);
}

/* Cut to size bytes; size 0: nowhere to put it. */
static void copy_text(char *to, size_t size, const char *text)
{
	size_t length = strnlen(text, size ? size - 1 : 0);

	if (!to || size == 0)
		return;
	memcpy(to, text, length);
	to[length] = '\0';
}

int smmu_open_why(struct smmu **ret_context, const char *socket_path, char *why, size_t why_size)
{
	static const char no_memory[] = "no memory for a context";
	struct smmu *context = calloc(1, sizeof(*context));
	int rc;

	*ret_context = NULL;
	if (!context) {
		copy_text(why, why_size, no_memory);
		return -ENOMEM;
	}
	context_init(context);
	rc = pages_init(context);
	if (rc)
		rc = client_fail(context, rc, "%s", no_memory);
	else
		rc = connect_socket(context, socket_path);
	if (!rc)
		rc = say_hello(context);
	copy_text(why, why_size, context->error.text);
	if (rc)
		context_free(context);
	else
		*ret_context = context;
	return rc;
}

int smmu_open(struct smmu **ret_context, const char *socket_path)
{
	return smmu_open_why(ret_context, socket_path, NULL, 0);
}

void smmu_close(struct smmu *context)
{
	if (context)
		context_free(context);
}

int smmu_fd(const struct smmu *context)
{
	return context ? context->fd : -EINVAL;
}

int smmu_set_timeout(struct smmu *context, unsigned milliseconds)
{
	int rc = client_lock(context);

	if (rc)
		return rc;
	rc = client_set_timeout(context->fd, milliseconds);
	if (!rc) {
		context->timeout_ms = milliseconds;
		rc = device_set_timeouts(context);
	}
	return client_unlock(context, rc);
}

int smmu_last_error(struct smmu *context, char *text, size_t size)
{
	int code;

	if (!context || !client_is_ours(context)) {
		code = context ? -ENOTCONN : -EINVAL;
		copy_text(text, size, smmu_strerror(code));
		return code;
	}
	pthread_mutex_lock(&context->lock);
	code = context->error.code;
	copy_text(text, size, context->error.text);
	pthread_mutex_unlock(&context->lock);
	return code;
}

int smmu_info(struct smmu *context, struct smmu_info *ret_info)
{
	if (!context)
		return -EINVAL;
	*ret_info = (struct smmu_info){
		.client = context->hello.client,
		.page_bytes = context->hello.page_bytes,
		.batch_max = context->hello.batch_max,
		.may_round = context->hello.round_compat,
		.may_target = (context->hello.rights & CLIENT_RIGHT_TARGET) != 0,
	};
	copy_text(ret_info->service, sizeof(ret_info->service), context->hello.program);
	copy_text(ret_info->rule, sizeof(ret_info->rule), context->hello.rule);
	return 0;
}

unsigned smmu_batch_max(const struct smmu *context)
{
	return context ? context->hello.batch_max : 0;
}

/* What the service's and our own codes mean to a driver's author. */
static const struct words {
	int code;
	const char *text;
} words[] = {
	{ 0, "no error" },
	{ EPERM, "not allowed" },
	{ ENOENT, "there is no such thing" },
	{ EIO, "the hardware did not answer" },
	{ ENXIO, "the device has no such register window" },
	{ E2BIG, "more entries than one call may have" },
	{ EAGAIN, "not at rest yet, try again" },
	{ ENOMEM, "out of memory" },
	{ EACCES, "the policy does not allow it" },
	{ EBUSY, "in use" },
	{ EEXIST, "overlaps a grant that is there already" },
	{ ENODEV, "the device is gone or cannot be used" },
	{ EINVAL, "a value makes no sense" },
	{ ENOSPC, "nothing of it is left" },
	{ ERANGE, "beyond the end" },
	{ ENAMETOOLONG, "a name is too long" },
	{ EPROTO, "the service answered what it must not" },
	{ EBADMSG, "a malformed message" },
	{ EPROTONOSUPPORT, "another version of the protocol" },
	{ EOPNOTSUPP, "not possible here" },
	{ ECONNREFUSED, "nobody serves this socket" },
	{ ECONNRESET, "the service hung up" },
	{ ENOTCONN, "the context is over" },
	{ ETIMEDOUT, "the service did not answer in time" },
	{ EDQUOT, "the policy's limit is reached" },
};

const char *smmu_strerror(int code)
{
	int positive = code < 0 && code > -4096 ? -code : code;
	const char *text = NULL;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(words); i++)
		if (words[i].code == positive)
			return words[i].text;
#ifdef __GLIBC__
	text = strerrordesc_np(positive);
#endif
	return text ? text : "an error without a name";
}
