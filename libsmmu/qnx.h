/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the QNX-compatible calls: the process-wide context and its objects. */
#ifndef SMMUMAN_LIBSMMU_QNX_H
#define SMMUMAN_LIBSMMU_QNX_H

#include <pthread.h>
#include <stdint.h>

#include "client.h"
#include "list.h"

struct smmu_object {
	struct list node;
	uint32_t domain;
	struct list adds;     /* qnx_map.c: what the driver added, to the byte */
	struct list segments; /* and the grants that come of it, in whole pages */
};

/* A device of ours, under the name it was added by and its canonical one. */
struct qnx_device {
	struct list node;
	struct smmu_object *object;
	union smmu_devid devid;
	char asked[SMMU_DEVICE_NAME];
	struct smmu_attached attached;
};

#define QNX_RECORDS 8u

/* The one global of the library. */
struct qnx {
	pthread_mutex_t lock;
	struct smmu *context; /* NULL outside init .. fini */
	unsigned uses;
	struct list objects, devices;
	/* faults (qnx_fault.c) */
	int epoll; /* what smmu_xfer_fd() gives; -1: none yet */
	bool has_dropped;
	unsigned record_next, record_count;
	struct smmu_fault records[QNX_RECORDS];
};

extern struct qnx qnx;

/* -ENOTCONN outside init .. fini, without the lock; else 0 with it. */
int qnx_lock(void);
/* 0 and more stay, a negative errno becomes -1 with errno. */
int qnx_result(int rc);
/* Unlocks, then the same. */
int qnx_unlock(int rc);

/* -EINVAL for what is no object of ours. Locked. */
int qnx_check_object(const struct smmu_object *object);

/* Detaches it and forgets it; or only the latter. Locked. */
int qnx_device_remove(struct qnx_device *device);
void qnx_device_forget(struct qnx_device *device);

/* Frees an object's bookkeeping; its grants went or go with the domain. */
void qnx_map_forget(struct smmu_object *object);

/* The registration and the records of a connection that ends. Locked. */
void qnx_fault_forget(void);

#endif
