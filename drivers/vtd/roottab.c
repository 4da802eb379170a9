// SPDX-License-Identifier: BSD-2-Clause
/* Root and context tables (VT-d 3.4, 9.1 to 9.4). */
#include "roottab.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "log.h"
#include "pages.h"
#include "vtd_writer.h"

static unsigned tables_per_bus(const struct vtd *vtd)
{
	return vtd->features.is_scalable ? 2 : 1;
}

int roottab_init(struct vtd *vtd, struct error *err)
{
	struct roottab *table = &vtd->roottab;

	*table = (struct roottab){ 0 };
	table->buses = calloc(BUS_COUNT, sizeof(*table->buses));
	table->root = pages_take(vtd->base.hw->pages);
	if (table->root)
		vtd->base.counts.table_pages++;
	if (!table->buses || !table->root) {
		roottab_fini(vtd);
		return error_set(err, -ENOMEM,
				 "%s: no page for the root table in the arena; give it more memory",
				 vtd->base.name);
	}
	vtd_writer_clean_page(vtd, table->root);
	return 0;
}

void roottab_forget(struct vtd *vtd)
{
	struct roottab *table = &vtd->roottab;
	unsigned i;

	for (i = 0; table->buses && i < BUS_COUNT; i++)
		free(table->buses[i].streams);
	free(table->buses);
	*table = (struct roottab){ 0 };
}

static void page_give(struct vtd *vtd, uint64_t *page)
{
	if (!page)
		return;
	pages_give(vtd->base.hw->pages, page, 1);
	vtd->base.counts.table_pages--;
}

void roottab_fini(struct vtd *vtd)
{
	struct roottab *table = &vtd->roottab;
	unsigned i;

	for (i = 0; table->buses && i < BUS_COUNT; i++) {
		page_give(vtd, table->buses[i].tables[0]);
		page_give(vtd, table->buses[i].tables[1]);
	}
	page_give(vtd, table->root);
	roottab_forget(vtd);
}

uint64_t roottab_word_at(const struct vtd *vtd, pa_t root)
{
	return (root.v & RTADDR_ADDR) |
	       field_put(RTADDR_TTM, vtd->features.is_scalable ? TTM_SCALABLE : TTM_LEGACY);
}

uint64_t roottab_word(const struct vtd *vtd)
{
	return roottab_word_at(vtd, pages_pa(vtd->base.hw->pages, vtd->roottab.root));
}

uint64_t roottab_root_word(const struct vtd *vtd, unsigned bus, unsigned word)
{
	const uint64_t *table = vtd->roottab.buses[bus].tables[word];

	return table ? make_root(pages_pa(vtd->base.hw->pages, table)) : 0;
}

struct vtd_stream *roottab_find(struct vtd *vtd, uint32_t stream)
{
	const struct vtd_bus *bus;

	if (!vtd->roottab.buses || stream >= VTD_STREAMS)
		return NULL;
	bus = &vtd->roottab.buses[stream / BUS_STREAMS];
	return bus->streams ? &bus->streams[stream % BUS_STREAMS] : NULL;
}

static struct vtd_stream *streams_make(uint32_t first)
{
	struct vtd_stream *streams = calloc(BUS_STREAMS, sizeof(*streams));
	uint32_t i;

	for (i = 0; streams && i < BUS_STREAMS; i++) {
		streams[i].state = STREAM_UNUSED;
		streams[i].number = first + i;
		list_init(&streams[i].in_changes);
	}
	return streams;
}

/* Ladder of bus_make(). */
static int tables_take(struct vtd *vtd, struct vtd_bus *bus)
{
	unsigned i;

	for (i = 0; i < tables_per_bus(vtd); i++) {
		bus->tables[i] = pages_take(vtd->base.hw->pages);
		if (!bus->tables[i]) {
			page_give(vtd, bus->tables[0]);
			bus->tables[0] = NULL;
			return -ENOMEM;
		}
		vtd->base.counts.table_pages++;
		vtd_writer_clean_page(vtd, bus->tables[i]);
	}
	return 0;
}

/* Empty and visible before the root entry that makes it reachable. */
static int bus_make(struct vtd *vtd, unsigned number)
{
	struct vtd_bus *bus = &vtd->roottab.buses[number];
	struct vtd_stream *streams = streams_make(number * BUS_STREAMS);
	unsigned i;

	if (!streams)
		return -ENOMEM;
	if (tables_take(vtd, bus)) {
		free(streams);
		return -ENOMEM;
	}
	bus->streams = streams;
	for (i = 0; i < tables_per_bus(vtd); i++)
		vtd_writer_store_root(vtd, &vtd->roottab.root[number * ROOT_WORDS + i],
				      roottab_root_word(vtd, number, i));
	return 0;
}

int roottab_need(struct vtd *vtd, uint32_t stream, struct vtd_stream **ret_stream,
		 struct error *err)
{
	if (stream >= VTD_STREAMS)
		return error_set(err, -ENODEV,
				 "%s: stream 0x%" PRIx32
				 " is no requester id, which are below 0x10000",
				 vtd->base.name, stream);
	*ret_stream = roottab_find(vtd, stream);
	if (*ret_stream)
		return 0;
	if (bus_make(vtd, stream / BUS_STREAMS))
		return error_set(err, -ENOMEM,
				 "%s: no memory for the context table of stream 0x%" PRIx32
				 "; give the arena more",
				 vtd->base.name, stream);
	*ret_stream = roottab_find(vtd, stream);
	return 0;
}

uint64_t *roottab_entry(struct vtd *vtd, uint32_t stream)
{
	const struct vtd_bus *bus = &vtd->roottab.buses[stream / BUS_STREAMS];
	uint64_t device = stream % BUS_STREAMS;

	if (!vtd->features.is_scalable)
		return &bus->tables[0][device * CONTEXT_WORDS];
	return &bus->tables[device / 128][device % 128 * SM_CONTEXT_WORDS];
}
