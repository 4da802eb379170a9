/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of libsmmu: the context and the one exchange every call is made of.
 * A public call locks the context, exchanges, copies what it needs out of the
 * reply (which the next exchange overwrites) and unlocks.
 */
#ifndef SMMUMAN_LIBSMMU_CLIENT_H
#define SMMUMAN_LIBSMMU_CLIENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "list.h"
#include "smmu.h"
#include "wire.h"

#define DMA_WINDOWS_MAX 3u
#define CLIENT_BATCH_MIN 8u /* a service that takes less is none */
#define CLIENT_RIGHT_TARGET (1u << 3) /* of enum policy_right, as HELLO tells it */

struct smmu {
	pthread_mutex_t lock; /* all below but fd and hello, which are constant */
	int fd;
	struct wire_hello_reply hello;
	uint8_t *pages; /* one page that a fork wipes, then the reply */
	struct error error; /* of the newest failed call */
	struct error over;  /* why the context ended; code 0 while it lives */
	uint32_t cookie;
	unsigned timeout_ms;
	int fault_fd; /* -1 until somebody asked */
	uint64_t fault_after;
	struct list devices; /* device.c */
	struct list regions; /* calls.c: opened so far, for the QNX calls */
	struct list blocks, arenas; /* dma.c */
	bool owns_memory; /* the service lends none: memfds of our own */
	struct smmu_range windows[DMA_WINDOWS_MAX];
	unsigned window_count;
};

struct region {
	struct list node;
	struct smmu_region found;
};

/* One request and what came back. */
struct exchange {
	enum wire_id id;
	const void *request; /* of the row's size */
	const void *entries; /* count of the row's entries */
	uint32_t count;
	int fd; /* that goes along, for the rows that carry one */
	/* out: valid until the next exchange; the descriptors are the caller's */
	const void *reply;
	int fds[WIRE_FDS_MAX];
	unsigned fd_count;
};

/*
 * -ENOTCONN when the context is over or belongs to a parent process, without
 * the lock; else 0 with the lock.
 */
int client_lock(struct smmu *context);
/* No: a fork's child has a copy of it. The lock may then be held for ever. */
bool client_is_ours(const struct smmu *context);
/* Returns rc, so that a call can end with it. */
int client_unlock(struct smmu *context, int rc);

/*
 * Two system calls. 0, what the service answered (its sentence is then in
 * context->error), or what ended the context. Locked.
 */
int client_exchange(struct smmu *context, struct exchange *exchange);

/* Lock, exchange without entries or descriptors, copy the reply, unlock. */
int client_call(struct smmu *context, enum wire_id id, const void *request, void *ret_reply);

/* Cuts the connection, so that the service closes our devices. Locked. */
void client_cut(struct smmu *context, int code, const char *why);
#define client_end(context, code, why) (client_cut(context, code, why), (code))

/* Copies a name into a wire field of size bytes: -EINVAL, -ENAMETOOLONG. Locked. */
int client_name(struct smmu *context, char *field, size_t size, const char *name);

/* A sentence of our own for a call that fails with code. Locked. */
#define client_fail(context, code, ...) \
	(error_set(&(context)->error, (code), __VA_ARGS__), (code))

/* SO_SNDTIMEO and SO_RCVTIMEO; 0: none. */
int client_set_timeout(int fd, unsigned milliseconds);

/* The context's timeout, for the register windows that are open. Locked. */
int device_set_timeouts(struct smmu *context);

/* Frees every device, or every block and arena, of a context that ends. */
void device_free_all(struct smmu *context);
void dma_free_all(struct smmu *context);

/* dma.c, for the QNX calls: the buffer or region that holds [address, +length). Locked. */
struct backing {
	uint32_t memory;
	uint64_t offset; /* of address in it */
};
int dma_find_backing(struct smmu *context, uint64_t address, uint64_t length,
		     struct backing *ret_backing);

#endif
