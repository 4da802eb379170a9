/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A struct hw with a virtio-iommu behind it that exists in plain memory alone,
 * over virtio-pci or virtio-mmio: it takes requests out of the rings, keeps
 * endpoints, domains and mappings as the specification has it, answers, reports
 * faults, and does all of it wrong on demand.
 *
 * Offsets and numbers are written out here on purpose: the fake shares no header
 * with the module it judges.
 */
#ifndef SMMUMAN_TESTS_VIRTIO_FAKE_H
#define SMMUMAN_TESTS_VIRTIO_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "hw.h"
#include "pages.h"

#define VIRTIO_FAKE_PA UINT64_C(0x40000000)	/* the arena */
#define VIRTIO_FAKE_MMIO UINT64_C(0x0a000000)	/* registers of virtio-mmio */
#define VIRTIO_FAKE_CONFIG UINT64_C(0x30000000) /* PCI configuration space */
#define VIRTIO_FAKE_BAR UINT64_C(0x20000000)	/* BAR 4: common, device, notify */
#define VIRTIO_FAKE_COMMON 0x0000u
#define VIRTIO_FAKE_DEVICE 0x2000u
#define VIRTIO_FAKE_NOTIFY 0x3000u

/* Feature bits. */
#define FAKE_F_INPUT_RANGE (UINT64_C(1) << 0)
#define FAKE_F_DOMAIN_RANGE (UINT64_C(1) << 1)
#define FAKE_F_MAP_UNMAP (UINT64_C(1) << 2)
#define FAKE_F_BYPASS (UINT64_C(1) << 3)
#define FAKE_F_PROBE (UINT64_C(1) << 4)
#define FAKE_F_MMIO (UINT64_C(1) << 5)
#define FAKE_F_BYPASS_CONFIG (UINT64_C(1) << 6)
#define FAKE_F_INDIRECT (UINT64_C(1) << 28)
#define FAKE_F_EVENT_IDX (UINT64_C(1) << 29)
#define FAKE_F_VERSION_1 (UINT64_C(1) << 32)
#define FAKE_F_ACCESS_PLATFORM (UINT64_C(1) << 33)

/* Offsets in the device's configuration. */
enum { FAKE_PAGE_SIZES = 0, FAKE_INPUT_START = 8, FAKE_INPUT_END = 16, FAKE_DOMAIN_START = 24,
       FAKE_DOMAIN_END = 28, FAKE_PROBE_SIZE = 32, FAKE_BYPASS = 36, FAKE_DEVICE_BYTES = 40 };

enum { FAKE_ATTACH = 1, FAKE_DETACH, FAKE_MAP, FAKE_UNMAP, FAKE_PROBE };

/* What a test may have the device not do. */
#define FAKE_MUTE_RESET 1u	/* status stays after 0 was written */
#define FAKE_MUTE_FEATURES 2u	/* FEATURES_OK does not stay */
#define FAKE_MUTE_BYPASS 4u	/* bypass stays as it is */
#define FAKE_FORGET_BYPASS 8u	/* a reset puts bypass back to what it was at power-on */
#define FAKE_MUTE_QUEUE 16u	/* queue_enable does not stay */
#define FAKE_RESTLESS 32u	/* the configuration's generation never holds still */
#define FAKE_KEEP_DOMAINS 64u	/* a reset detaches nobody, as in QEMU since 10.0 */

/* One answer that is wrong; at counts requests from virtio_fake_log() on, from 1. */
enum fake_sin {
	FAKE_SIN_NONE,
	FAKE_SIN_STATUS,   /* value is the status; what was asked is not done */
	FAKE_SIN_LENGTH,   /* value is the used length; it is done */
	FAKE_SIN_UNWRITTEN, /* used with length 0, nothing written or done */
	FAKE_SIN_ID,	   /* value is the used id */
	FAKE_SIN_TWICE,	   /* answered twice */
	FAKE_SIN_NEVER,	   /* taken, done, and never answered */
	FAKE_SIN_INDEX,	   /* the used index moves by value more */
};

struct virtio_fake_queue {
	uint32_t max, size;
	uint64_t desc, avail, used;
	uint16_t taken, answered;
	bool is_enabled;
};

struct virtio_fake_mapping {
	uint32_t domain;
	uint64_t start, end, pa;
	uint32_t flags;
};

#define VIRTIO_FAKE_ENDPOINTS 64u
struct virtio_fake_endpoint {
	uint32_t id;
	bool is_attached;
	uint32_t domain;
};

struct virtio_fake_request {
	uint8_t bytes[80];
	uint32_t length, answer_length;
};

struct virtio_fake {
	struct hw hw; /* first: what modules get */
	struct pages pages;
	uint8_t *memory;
	uint64_t bytes;
	bool is_pci;
	/* The device. */
	uint64_t offered, accepted;
	uint32_t feature_select, accept_select, queue_select;
	uint8_t status;
	uint8_t config[64];	/* of the device */
	uint8_t boot_bypass;
	uint8_t pci[256];	/* configuration space */
	uint32_t mmio_id[3];	/* magic, version, device */
	uint32_t generation;
	uint32_t queue_count, notify_off;
	struct virtio_fake_queue queues[2];
	struct virtio_fake_endpoint endpoints[VIRTIO_FAKE_ENDPOINTS];
	uint32_t endpoint_count;
	struct virtio_fake_mapping *mappings;
	uint64_t mapping_count, mapping_room;
	uint8_t properties[1024]; /* the answer to PROBE */
	/* The set-up a test may change. */
	bool is_gone;	  /* every register reads all ones */
	bool is_stopped;  /* requests are taken by virtio_fake_serve() alone */
	bool is_reversed; /* takes the newest request first */
	unsigned mute;
	uint64_t clock_ns, tick_ns;
	uint64_t slow_ns, slow_at; /* not 0: takes one request each slow_ns of the clock */
	uint64_t sin_at;
	enum fake_sin sin;
	uint32_t sin_value;
	bool sin_stays;
	/* What happened since virtio_fake_log(). */
	uint64_t kicks, reads, writes, served;
	uint64_t by_type[8];
	struct virtio_fake_request *log;
	uint64_t log_count, log_room;
	/* Runs after each register write and each request has taken effect. */
	void (*after_step)(void *context, struct virtio_fake *fake);
	void *context;
};

/*
 * 0 or -ENOMEM. As QEMU's at power-on: bypass on, all features but BYPASS, queues of
 * 256, endpoints 8, 16 and 24, one reserved region for interrupts at the Arm GIC's.
 */
int virtio_fake_init(struct virtio_fake *fake, uint64_t arena_bytes, bool is_pci);
void virtio_fake_fini(struct virtio_fake *fake);

/* What discovery would say of this unit. */
struct drv_found virtio_fake_found(const struct virtio_fake *fake);

/* A little-endian number in the device's configuration. */
void virtio_fake_set(struct virtio_fake *fake, uint32_t offset, unsigned size, uint64_t value);

/* Puts one RESV_MEM property behind those there are; at is its offset, the next one returned. */
uint32_t virtio_fake_region(struct virtio_fake *fake, uint32_t at, uint8_t subtype, uint64_t start,
			    uint64_t end);

/* Forgets counts and log. */
void virtio_fake_log(struct virtio_fake *fake);

/* Takes at most count requests; how many it took. */
uint64_t virtio_fake_serve(struct virtio_fake *fake, uint64_t count);

/* One report of length bytes; false when the device has no buffer for it. */
bool virtio_fake_report(struct virtio_fake *fake, const void *report, uint32_t length);
/* The same with the used id that a device would make up. */
void virtio_fake_report_as(struct virtio_fake *fake, const void *report, uint32_t length,
			   uint32_t id);
void virtio_fake_fault(struct virtio_fake *fake, uint8_t reason, uint32_t flags, uint32_t endpoint,
		       uint64_t address);

/*
 * Where an access of the endpoint lands; false: nowhere. wants is 1 to read, 2 to
 * write. Interrupt regions are not looked at.
 */
bool virtio_fake_reach(const struct virtio_fake *fake, uint32_t endpoint, uint64_t iova,
		       uint32_t wants, uint64_t *ret_pa);

/* Memory the device would see at pa, or NULL outside the arena. */
void *virtio_fake_memory(const struct virtio_fake *fake, uint64_t pa, uint64_t length);

#endif
