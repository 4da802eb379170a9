// SPDX-License-Identifier: BSD-2-Clause
/* Collecting what must be invalidated; shared by every module. */
#include "driver.h"

#include "log.h"

/*
 * Joins [iova, iova + length) when one ends where the other starts. An end that
 * is 0 has wrapped and touches nothing.
 */
static bool range_join(struct drv_range *range, uint64_t iova, uint64_t length)
{
	if (iova != 0 && range->iova + range->length == iova) {
		range->length += length;
		return true;
	}
	if (range->iova != 0 && iova + length == range->iova) {
		range->iova = iova;
		range->length += length;
		return true;
	}
	return false;
}

/* After range i grew it may touch another one. */
static void ranges_close_up(struct drv_gather *gather, uint32_t i)
{
	uint32_t k;

	for (k = 0; k < gather->range_count; k++) {
		if (k == i || !range_join(&gather->ranges[k], gather->ranges[i].iova,
					  gather->ranges[i].length))
			continue;
		gather->ranges[i] = gather->ranges[--gather->range_count];
		return;
	}
}

void drv_gather_range(struct drv_gather *gather, struct drv_space *space, uint64_t iova,
		      uint64_t length)
{
	uint32_t i;

	check(!gather->space || gather->space == space);
	gather->space = space;
	if (gather->whole_space || length == 0)
		return;
	/* The last one first: batches mostly grow at one end. */
	for (i = gather->range_count; i-- > 0;) {
		if (range_join(&gather->ranges[i], iova, length)) {
			ranges_close_up(gather, i);
			return;
		}
	}
	if (gather->range_count == DRV_GATHER_RANGES) {
		gather->whole_space = true;
		gather->range_count = 0;
		return;
	}
	gather->ranges[gather->range_count++] = (struct drv_range){ iova, length };
}

void drv_gather_stream(struct drv_gather *gather, uint32_t stream)
{
	uint32_t i;

	for (i = 0; i < gather->stream_count; i++)
		if (gather->streams[i] == stream)
			return;
	if (gather->all_streams)
		return;
	if (gather->stream_count == DRV_GATHER_STREAMS) {
		gather->all_streams = true;
		gather->stream_count = 0;
		return;
	}
	gather->streams[gather->stream_count++] = stream;
}
