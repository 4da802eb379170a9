/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A board, a daemon on it and drivers in this process, put together in a line.
 * Every driver is an ordinary client of libsmmu.
 */
#ifndef SMMUMAN_TESTS_RIG_H
#define SMMUMAN_TESTS_RIG_H

#include <smmu.h>

#include "board_user.h"
#include "harness.h"
#include "variant.h"

#define DMA0 "pci:0000:00:02.0"
#define DMA1 "pci:0000:00:03.0"
#define RIG_IOVA UINT64_C(0x100000)
#define RIG_PAGE UINT64_C(4096)

struct rig {
	struct board_fixture board;
	struct process daemon;
	char socket[96], policy[96];
	const struct variant *variant;
};

/*
 * Board of the variant with two edus and, where it can have one, a platform edu;
 * and the daemon with the rig's own policy: edu-driver, uid self, may everything.
 */
void rig_start(struct rig *rig, const struct variant *variant);

/* Only the policy and the board; the daemon comes with rig_start_daemon(). */
void rig_prepare(struct rig *rig, const struct variant *variant);
/* The board with more arguments, up to NULL, and no policy yet. */
void rig_prepare_board(struct rig *rig, const struct variant *variant, const char *const *extra);

/*
 * A policy of the test's own: version and units: are written before it, and each
 * RIG_WORDS in it becomes what an edu of this board needs said beside its name and match.
 */
#define RIG_WORDS "$WORDS"
void rig_write_policy(struct rig *rig, const char *text);

void rig_start_daemon(struct rig *rig, const char *program);
/* What the daemon is started with; NULL ends it. */
void rig_daemon_argv(struct rig *rig, const char *program, const char **argv);

/* Ends the daemon with SIGTERM and asserts that it left cleanly. */
void rig_stop(struct rig *rig);

/* A driver: one connection, one domain, one edu, one buffer. */
struct driver {
	const struct variant *variant;
	struct smmu *context;
	uint32_t domain;
	struct smmu_attached attached;
	struct smmu_device *device;
	struct smmu_dma_buffer buffer;
};

/* Connects, makes a domain and a buffer of bytes; nothing is attached. */
void driver_open(struct driver *driver, struct rig *rig, size_t bytes);
void driver_close(struct driver *driver);

/* Attaches (waiting while the device is brought to rest) and opens the registers. */
void driver_attach(struct driver *driver, const char *name);
/* One try, its result. */
int driver_try_attach(struct driver *driver, const char *name);

/* Grants pages of the buffer from offset at iova; asserts success. */
void driver_grant(struct driver *driver, uint64_t iova, uint64_t length, uint64_t offset,
		  unsigned rights);
void driver_revoke(struct driver *driver, uint64_t iova, uint64_t length);

/* The device copies length bytes (a multiple of 4, below 4096) and is idle again. */
void driver_to_device(struct driver *driver, uint64_t iova, uint32_t length);
void driver_from_device(struct driver *driver, uint64_t iova, uint32_t length);
/* Only starts it. */
void driver_start_from_device(struct driver *driver, uint64_t iova, uint32_t length);

/* Fills the device's own buffer with byte, through a grant of its own made and revoked. */
void driver_fill_device(struct driver *driver, uint8_t byte, uint32_t length);

/* Are all length bytes of the buffer from offset equal to byte? */
bool driver_holds(const struct driver *driver, uint64_t offset, uint64_t length, uint8_t byte);
void driver_set(struct driver *driver, uint64_t offset, uint64_t length, uint8_t byte);

/* The newest fault record of this client; asserts that there is one. */
struct smmu_fault driver_newest_fault(struct driver *driver);

/*
 * The same, and it tells of count refused accesses, of four bytes each, from address on.
 * A unit that merges faults tells the first one's page and not how many there were, and one
 * that hides the access may not tell that.
 */
struct smmu_fault driver_expect_refusal(struct driver *driver, uint64_t address, unsigned count,
					unsigned access);

#endif
