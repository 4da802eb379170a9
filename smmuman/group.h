/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that their unit cannot tell apart, because they share a stream (a bridge
 * speaks for all behind it): they are given, closed and blamed as one.
 *
 * The streams of a group lead into the tables of one domain at a time. A shared
 * stream is bound when the first member of it is attached and closed when the last
 * one is released; what is not attached has its bus mastering off.
 */
#ifndef SMMUMAN_SMMUMAN_GROUP_H
#define SMMUMAN_SMMUMAN_GROUP_H

#include "daemon.h"

/* The members of a device's group in turn, itself among them; NULL: no more. */
struct device *group_first(struct daemon *d, const struct device *device);
struct device *group_next(struct daemon *d, const struct device *member);

/* Do its accesses come under this stream? */
bool device_has_stream(const struct device *device, uint32_t stream);

/* Does another member that is attached need this stream open? */
bool group_holds(struct daemon *d, const struct device *device, uint32_t stream);

/*
 * May this client have the whole group in this domain: is each member its to
 * attach, and none another domain's, in quarantine or not yet at rest?
 */
int group_refuse(struct daemon *d, struct device *device, const struct conn *conn,
		 uint32_t domain, struct error *err);

/* -EINVAL where one member is to stay open for the host and another is not. */
int group_check_host(struct daemon *d, struct error *err);

/* The domain that owns a group in which this device has none, or BOOK_NONE. */
uint32_t group_domain(struct daemon *d, const struct device *device);

/* Who owned the stream of this device when the event came? */
const struct owner *group_owner_at(struct daemon *d, const struct device *device,
				   uint32_t stream, uint64_t sequence);

/* "one of A, B and 3 more" when others share the stream, else "". */
void group_words(struct daemon *d, const struct device *device, uint32_t stream, char *text,
		 size_t size);

#endif
