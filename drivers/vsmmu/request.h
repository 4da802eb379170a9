/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the device, byte for byte, and what its answers mean (virtio
 * 5.13.6: ATTACH, DETACH, MAP, UNMAP, PROBE).
 */
#ifndef SMMUMAN_DRIVERS_VSMMU_REQUEST_H
#define SMMUMAN_DRIVERS_VSMMU_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_iommu.h>

#include "driver.h"

/* The longest: PROBE's 72 bytes. */
#define REQUEST_WORDS 9u

struct request {
	uint8_t type;	  /* VIRTIO_IOMMU_T_* */
	uint8_t length;	  /* of the part the device reads */
	uint64_t word[REQUEST_WORDS];
};

struct request make_attach(uint32_t domain, uint32_t endpoint);
struct request make_detach(uint32_t domain, uint32_t endpoint);
/* last is the last byte's address; rights: RIGHT_READ, RIGHT_WRITE; is_mmio: no memory is there. */
struct request make_map(uint32_t domain, uint64_t iova, uint64_t last, uint64_t pa,
			unsigned rights, bool is_mmio);
struct request make_unmap(uint32_t domain, uint64_t iova, uint64_t last);
struct request make_probe(uint32_t endpoint);

/* Of an UNMAP. */
uint32_t request_domain(const struct request *unmap);

/*
 * If later (an UNMAP of the same domain) begins where earlier ends or ends
 * where it begins, earlier becomes one request for both.
 */
bool request_join_unmap(struct request *earlier, const struct request *later);

/* Is it a status that the specification names? */
bool status_is_known(uint8_t status);
/* "NOENT: there is no such endpoint or domain" */
const char *status_words(uint8_t status);
/* As an errno, negative. */
int status_errno(uint8_t status);

/*
 * The RESV_MEM properties of a PROBE answer of size bytes. Fills at most max; how
 * many there are, or -EPROTO when the list runs past its end or a range is none.
 */
int properties_parse(const uint8_t *properties, uint32_t size, struct drv_reserved *list,
		     uint32_t max, struct error *err);

#endif
