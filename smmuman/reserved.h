/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that no grant can be made at: what a unit says of a stream, and the
 * memory that firmware has a device use. One of a group has what any of them has.
 */
#ifndef SMMUMAN_SMMUMAN_RESERVED_H
#define SMMUMAN_SMMUMAN_RESERVED_H

#include "daemon.h"

/* Asks every unit about every stream; once, between take-over and the first grant. */
void reserved_read(struct daemon *d);

/*
 * A host: identity device reaches memory at its own addresses. -EINVAL with the
 * sentence when some of it lies where its unit never lets an access reach memory.
 */
int reserved_check_host(const struct daemon *d, struct error *err);

/* -EINVAL when a device of the domain has the range, or a part of it, reserved. */
int reserved_refuse_grant(const struct daemon *d, uint32_t domain, uint64_t iova,
			  uint64_t length, struct error *err);

/* -EINVAL when a grant of the domain lies where the device cannot be given one. */
int reserved_refuse_device(const struct daemon *d, const struct device *device, uint32_t domain,
			   struct error *err);

/* Why, to put behind "for". */
const char *reserved_reason(uint32_t kind);

#endif
