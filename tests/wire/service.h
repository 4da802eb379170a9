/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real server in a process of its own, on a machine without hardware. The
 * test shares the IOMMU's registers, its memory and the watch with it: it can
 * stop the command queue, move the clock, make faults and count system calls
 * while the daemon runs. Whatever goes wrong here fails the test.
 */
#ifndef SMMUMAN_TESTS_SERVICE_H
#define SMMUMAN_TESTS_SERVICE_H

#include <stdbool.h>
#include <sys/types.h>

#include "books.h"
#include "hw_fake.h"
#include "interpose.h"
#include "machine_fake.h"
#include "wire.h"

#define SERVICE_ARENA (UINT64_C(24) << 20)
#define SERVICE_STREAM(n) ((MACHINE_FAKE_EDU_SLOT + (n)) * 8u) /* of device n */
#define SECOND UINT64_C(1000000000)
#define DMA0 "pci:0000:00:02.0"
#define DMA1 "pci:0000:00:03.0"
#define BRIDGED0 "pci:0000:01:01.0"
#define BRIDGED1 "pci:0000:01:02.0"
#define BRIDGED2 "pci:0000:01:03.0"
#define UNCOVERED "pci:0000:00:1e.0"
#define SERVICE_UNCOVERED 3u /* device number, behind the bridge's */
#define SERVICE_BRIDGED 4u /* of the first behind the bridge */
#define SERVICE_OWN_STREAM(n) (MACHINE_FAKE_ALIAS + 8 * ((n) + 1)) /* beside the bridge's */

/* Devices dma0 and dma1 that are at rest when a bit of their BAR 0 is clear. */
#define SERVICE_DEVICES \
	"version: 1\n" \
	"devices:\n" \
	"  - {name: dma0, match: \"" DMA0 "\", " SERVICE_QUIESCE "}\n" \
	"  - {name: dma1, match: \"" DMA1 "\", " SERVICE_QUIESCE "}\n"
#define SERVICE_QUIESCE "quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}, storm: none"

struct service {
	struct hw_fake *fake;
	struct watch *watch;
	struct machine *machine; /* this process's view of it */
	pid_t pid;
	int ready_fd;
	unsigned descriptors; /* the daemon may have; 0: as usual */
	bool has_stopped;
	/* What the fake had of its own; also in sight of a leak checker here. */
	uint8_t *own_memory;
	struct pages own_pages;
	struct machine_fake_options options;
	char dir[64], socket[96], log[96];
};

/* Before service_run() a test may change service->fake, ->watch and ->descriptors. */
void service_prepare(struct service *service);

/* The same with count devices behind a bridge, 01:01.0 ..., and one that no unit covers. */
void service_prepare_bridged(struct service *service, uint32_t count);

/* Forks; serves policy text. 0 when it serves, else its exit status. */
int service_run(struct service *service, const char *policy);

/* Both; it must come up, and its devices come to rest. NULL: everything allowed. */
void service_start(struct service *service, const char *policy);

/* SIGTERM; it must end well, with nothing leaked. Safe after a failed test too. */
void service_stop(struct service *service);

/* Waits for its end, which must not be a crash; its exit status. */
int service_wait(struct service *service);

/* cmocka set-up and tear-down of a service that allows everything. */
int service_setup(void **state);
int service_teardown(void **state);

/* The daemon's books, which this process sees as they change. */
const struct books_header *service_books(const struct service *service);

/* enum wire_device_state of device n; of the device with that number. */
uint32_t service_state(const struct service *service, unsigned n);
uint32_t service_state_of(const struct service *service, uint32_t number);

/* Until no device is being brought to rest. Moves the clock. */
void service_settle(struct service *service);

/* Until no more than that many clients are left: a client's end takes the daemon a moment. */
void service_wait_clients(const struct service *service, uint32_t count);

/* Until the daemon has looked after its waits and faults a few times more. */
void service_turn(struct service *service);

/* Until service_thaw() the daemon does nothing at all. */
void service_freeze(struct service *service);
void service_thaw(struct service *service);

void service_clock(struct service *service, uint64_t nanoseconds);

/* How many descriptors the daemon has open. */
unsigned service_descriptors(const struct service *service);

/* Its resident memory in KiB; 0 under a sanitizer, which keeps what was freed. */
uint64_t service_resident(const struct service *service);

/* Does the daemon's log contain it? */
bool service_said(const struct service *service, const char *text);
unsigned service_said_count(const struct service *service, const char *text);

/* A translation fault of a stream, as the unit would record it. */
void service_fault(struct service *service, uint32_t stream, uint64_t address, bool is_write);

/* Does an access under that stream get through? */
bool service_stream_reaches(const struct service *service, uint32_t stream, uint64_t iova,
			    bool is_write);

/* Does an access of device n get through? */
bool service_reaches(const struct service *service, unsigned n, uint64_t iova, bool is_write);

/* Where does its reading there end? It must get through. */
uint64_t service_pa(const struct service *service, unsigned n, uint64_t iova);

#endif
