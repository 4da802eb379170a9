/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A user-space NVMe driver, written as an example of a driver that lives behind
 * smmuman: the controller reaches the queues, the lists and the data that were
 * granted to it, with the rights it needs, and nothing else. One admin and one
 * I/O queue pair, polled; 4 KiB pages; namespace 1.
 *
 * Every function returns 0 or a negative errno; nvme.why has the sentence.
 */
#ifndef NVME_H
#define NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <smmu.h>

#include "nvme_spec.h"

#define NVME_PAGE 4096u
#define NVME_ADMIN_ENTRIES 8u
#define NVME_IO_ENTRIES 32u		      /* asked for; the controller may have fewer */
#define NVME_COMMAND_BYTES_MAX (256u * 1024u) /* at most this, so one list page is enough */

struct nvme;

/* --- memory the controller may reach (nvme_dma.c) ---------------------------------------- */

struct nvme_memory {
	struct smmu_dma_buffer buffer;
	bool is_granted; /* as a whole, until nvme_memory_destroy() */
};

/* Memory of its own; rights 0: nothing is granted yet. */
int nvme_memory_create(struct nvme *nvme, size_t bytes, unsigned rights,
		       struct nvme_memory *ret_memory);
/* Revokes, then frees; memory that was never created is allowed. */
int nvme_memory_destroy(struct nvme *nvme, struct nvme_memory *memory);

/* What a controller must be granted to write: reading too, where a unit cannot tell them apart. */
unsigned nvme_write_rights(const struct nvme *nvme);

/* --- queues (nvme_queue.c) ------------------------------------------------------------- */

struct nvme_slot {
	bool is_busy;	 /* submitted, and nobody has taken its result yet */
	bool is_done;
	uint16_t status; /* of the specification; 0: success */
	uint32_t result;
};

struct nvme_queue {
	struct nvme_memory submissions, completions;
	uint16_t id;
	uint16_t entries;
	uint16_t tail, head;  /* of the submissions */
	uint16_t taken;	      /* where the next completion will be */
	uint8_t phase;	      /* of that one, when it has come */
	uint16_t in_flight;
	uint16_t next_slot;   /* in turn, so that a completion told twice is noticed */
	uint64_t wraps;	      /* how often the submissions began anew */
	struct nvme_slot slots[NVME_IO_ENTRIES];
};

int nvme_queue_create(struct nvme *nvme, struct nvme_queue *queue, uint16_t id, uint16_t entries);
int nvme_queue_destroy(struct nvme *nvme, struct nvme_queue *queue);

/* Puts a command in the queue; *ret_slot tells the caller's slot and becomes the command's id. */
int nvme_queue_put(struct nvme *nvme, struct nvme_queue *queue, struct nvme_command *command,
		   uint16_t *ret_slot);
/* A slot for the next command, without taking it. */
int nvme_queue_slot(struct nvme *nvme, struct nvme_queue *queue, uint16_t *ret_slot);
/* Tells the controller of everything put so far. */
int nvme_queue_ring(struct nvme *nvme, struct nvme_queue *queue);
/* Until nothing is in flight. */
int nvme_queue_wait(struct nvme *nvme, struct nvme_queue *queue);
/* The result of a completed command; its slot is free again. -EIO: status says why. */
int nvme_queue_result(struct nvme *nvme, struct nvme_queue *queue, uint16_t slot,
		      const char *what, uint32_t *ret_result, uint16_t *ret_status);
/* One command, from put to result. */
int nvme_queue_run(struct nvme *nvme, struct nvme_queue *queue, struct nvme_command *command,
		   const char *what, uint32_t *ret_result);

/* --- the controller (nvme.c) -------------------------------------------------------------- */

struct nvme_counts {
	uint64_t commands; /* reads and writes */
	uint64_t bytes;	   /* of their data */
	uint64_t grants;   /* for their data */
	uint64_t calls;	   /* to the service, to grant and to revoke */
};

struct nvme {
	struct smmu *context;
	uint32_t domain;
	struct smmu_device *device; /* NULL while detached */
	struct smmu_attached attached;
	bool is_broken; /* broke the protocol, or did not answer: no more commands */

	/* What the controller says of itself, checked. */
	uint32_t stride, ready_ms, entries_max;
	char model[41], serial[21], firmware[9];
	uint32_t namespaces, command_bytes;
	uint64_t blocks; /* of namespace 1 */
	uint32_t block_bytes;

	struct nvme_queue admin, io;
	struct nvme_memory lists; /* a page of PRPs for each slot of io */
	struct nvme_counts counts;
	char why[240];
};

/* Connects to the service and makes a domain. socket NULL: the usual one. */
int nvme_open(struct nvme *nvme, const char *socket);

/* Gives everything back; the service closes the device. */
void nvme_close(struct nvme *nvme);

/* Takes the device and brings it up: reset, queues, identified, ready for transfers. */
int nvme_attach(struct nvme *nvme, const char *name);

/* Shuts the controller down, revokes what was granted, and lets the device go. */
int nvme_detach(struct nvme *nvme);

/* Why a call failed; for the other files of this driver. Returns code. */
int nvme_fail(struct nvme *nvme, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int nvme_fail_smmu(struct nvme *nvme, int code);

/* Asks the controller and namespace 1 what they are (nvme_identify.c). */
int nvme_identify(struct nvme *nvme);

/* CSTS, or a sentence when the controller is gone or has given up. */
int nvme_check_alive(struct nvme *nvme, uint32_t *ret_csts);
uint64_t nvme_now_ms(void);

/* --- reads and writes (nvme_io.c) ------------------------------------------------------- */

/*
 * Data is granted once, with its buffer (pool), or by each command for as long as
 * it takes and with the one right it needs (per command).
 */
enum nvme_mode { NVME_POOL, NVME_PER_COMMAND };

int nvme_buffer_create(struct nvme *nvme, size_t bytes, enum nvme_mode mode,
		       struct nvme_memory *ret_buffer);
int nvme_buffer_destroy(struct nvme *nvme, struct nvme_memory *buffer);

struct nvme_transfer {
	bool is_write; /* to the disk: the controller reads the buffer */
	uint64_t lba;
	uint32_t blocks;
	const struct nvme_memory *buffer;
	uint64_t offset; /* in it, a multiple of 4 */
	uint16_t status; /* result */
};

/* Most transfers of one nvme_run(). */
unsigned nvme_run_max(const struct nvme *nvme);

/*
 * Runs transfers side by side: one grant call, one doorbell, one revoke call for
 * all of them. The first failure is returned when all are over. Where data is
 * granted per command, no two of them may share a page.
 */
int nvme_run(struct nvme *nvme, struct nvme_transfer *transfers, unsigned count);

/* Any number of blocks, in commands as large as the controller takes; offset at a page. */
int nvme_move(struct nvme *nvme, bool is_write, uint64_t lba, uint64_t blocks,
	      const struct nvme_memory *buffer, uint64_t offset);

/*
 * PRPs for length bytes at iova: the first, and either the second or, for more than
 * two pages, the address of the list, which is filled. At most 512 entries.
 */
void nvme_set_prps(struct nvme_command *command, uint64_t iova, uint64_t length, uint64_t *list,
		   uint64_t list_iova);

/* A status field in words: "data transfer error (generic, 0x04)". */
void nvme_status_words(uint16_t status, char *text, size_t size);

/* Writes, reads back and compares; overwrites the beginning of the namespace. selftest.c */
int nvme_selftest(struct nvme *nvme, enum nvme_mode mode, uint64_t bytes);

#endif
