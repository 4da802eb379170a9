/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of this module share: one virtio-iommu, its streams (the
 * specification's endpoints) and its spaces (its domains). Nothing outside the
 * folder includes this.
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_VSMMU_H
#define SMMUMAN_DRIVERS_VSMMU_VSMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "driver.h"
#include "eventq.h"
#include "list.h"
#include "reqq.h"
#include "runs.h"
#include "transport.h"

/* What probe.c found, reduced to what the rest asks for. */
struct vsmmu_features {
	uint64_t accepted;    /* the bits we negotiate */
	bool has_mmio;	      /* wants to be told what is no memory */
	bool has_bypass;      /* the configuration's bypass byte; else nothing ever bypasses */
	uint64_t first, last; /* the IOVAs the device takes */
	uint32_t domain_first, domain_count; /* for spaces */
	uint32_t domain_shut; /* another one, which stays empty: endpoint_shut_all() */
	uint32_t probe_bytes; /* of the properties in a PROBE answer; 0: no PROBE */
	unsigned request_log2, event_log2; /* the most descriptors to use */
};

/*
 * One address space. On the device it is a domain, which lives from the first
 * ATTACH to the last DETACH; what is mapped is kept here and sent again.
 */
struct vsmmu_space {
	struct drv_space base;
	struct runs runs;
	struct list fresh;    /* runs since the last commit(), oldest first */
	uint32_t domain;
	uint32_t bound_count; /* streams; 0: the domain does not exist */
	uint32_t life;	      /* of the domain: the how many-eth it is */
	uint64_t page_limit;
	uint64_t last_end;    /* number of its last UNMAP */
	uint64_t ticket;      /* limbo: when its domain number may be used again */
	struct list in_unit;  /* spaces or limbo */
};

#define STREAM_RESERVED_MAX 16u

struct vsmmu_stream {
	uint32_t number;
	uint8_t state; /* enum drv_stream_state */
	uint8_t answer; /* of endpoint_shut_all()'s requests */
	bool is_kept;	/* open for the host: not to be shut while others are */
	bool is_probed, is_unreadable; /* PROBE: was answered, with nothing we can use */
	struct vsmmu_space *space; /* DRV_BOUND */
	struct drv_reserved reserved[STREAM_RESERVED_MAX];
	uint32_t reserved_count;
};

/* The event queue of an earlier owner, as the registers named it before the reset. */
struct vsmmu_leftover {
	bool is_there;
	struct transport_place place;
};

struct vsmmu {
	struct drv_unit base;
	struct transport transport;
	struct vsmmu_features features;
	struct reqq reqq;
	struct eventq eventq;
	struct transport_place places[TRANSPORT_QUEUES]; /* of the queues in use */
	uint8_t *properties; /* a PROBE answer, copied once */
	struct vsmmu_stream **streams; /* by number */
	uint32_t stream_count, stream_room;
	struct list spaces, limbo;
	uint64_t *domain_map; /* a set bit: taken */
	uint32_t domain_next;
	struct vsmmu_leftover leftover;
	uint64_t done_at_close; /* what was certain when the unit was closed */
	bool is_running; /* taken over and not closed since */
};

static inline struct vsmmu *vsmmu_of(struct drv_unit *unit)
{
	return (struct vsmmu *)(void *)unit;
}

static inline struct vsmmu_space *vsmmu_space_of(struct drv_space *space)
{
	return (struct vsmmu_space *)(void *)space;
}

/* probe.c */
bool vsmmu_match(const struct drv_found *found);
int vsmmu_probe(struct hw *hw, const struct drv_found *found, const struct drv_options *options,
		struct drv_unit **ret_unit, struct error *err);

/* takeover.c */
int vsmmu_takeover(struct drv_unit *unit, const struct drv_stream_init *init, uint32_t count,
		   struct error *err);
void vsmmu_close(struct drv_unit *unit);
/* Said loudly, then closed by registers. */
void vsmmu_fail(struct vsmmu *vsmmu, const char *why);

/* audit.c */
void vsmmu_describe_stream(struct drv_unit *unit, uint32_t stream, char *text, size_t size);
int vsmmu_audit(struct drv_unit *unit, struct error *err);

#endif
