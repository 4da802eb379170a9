// SPDX-License-Identifier: BSD-2-Clause
/* What the device does with requests; its registers are in virtio_front.c. */
#include "virtio_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "virtio_front.h"

enum { S_OK = 0, S_UNSUPP = 2, S_INVAL = 4, S_RANGE = 5, S_NOENT = 6 };

static uint64_t get(const void *bytes, uint32_t offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, (const uint8_t *)bytes + offset, size); /* little-endian hosts only */
	return value;
}

static void *grow(void *items, uint64_t count, uint64_t *room, size_t item)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 256;
	items = realloc(items, *room * item);
	if (!items)
		abort();
	return items;
}

void *virtio_fake_memory(const struct virtio_fake *fake, uint64_t pa, uint64_t length)
{
	if (pa < VIRTIO_FAKE_PA || pa - VIRTIO_FAKE_PA > fake->bytes ||
	    length > fake->bytes - (pa - VIRTIO_FAKE_PA))
		return NULL;
	return fake->memory + (pa - VIRTIO_FAKE_PA);
}

/* --- endpoints and domains --- */

static struct virtio_fake_endpoint *endpoint_find(struct virtio_fake *fake, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < fake->endpoint_count; i++)
		if (fake->endpoints[i].id == id)
			return &fake->endpoints[i];
	return NULL;
}

static bool domain_exists(const struct virtio_fake *fake, uint32_t domain)
{
	uint32_t i;

	for (i = 0; i < fake->endpoint_count; i++)
		if (fake->endpoints[i].is_attached && fake->endpoints[i].domain == domain)
			return true;
	return false;
}

static void mappings_drop(struct virtio_fake *fake, uint32_t domain, uint64_t start, uint64_t end)
{
	uint64_t i, kept = 0;

	for (i = 0; i < fake->mapping_count; i++) {
		const struct virtio_fake_mapping *m = &fake->mappings[i];

		if (m->domain == domain && m->start >= start && m->end <= end)
			continue;
		fake->mappings[kept++] = *m;
	}
	fake->mapping_count = kept;
}

static uint8_t detach(struct virtio_fake *fake, struct virtio_fake_endpoint *endpoint)
{
	endpoint->is_attached = false;
	if (!domain_exists(fake, endpoint->domain))
		mappings_drop(fake, endpoint->domain, 0, UINT64_MAX);
	return S_OK;
}

void virtio_fake_reset_domains(struct virtio_fake *fake)
{
	uint32_t i;

	for (i = 0; i < fake->endpoint_count; i++)
		fake->endpoints[i].is_attached = false;
	fake->mapping_count = 0;
}

static uint8_t handle_attach(struct virtio_fake *fake, const uint8_t *request)
{
	struct virtio_fake_endpoint *endpoint = endpoint_find(fake, (uint32_t)get(request, 8, 4));
	uint32_t domain = (uint32_t)get(request, 4, 4);

	if (get(request, 12, 8) != 0)
		return S_INVAL; /* flags and reserved: a bypass domain is never asked for */
	if (!endpoint)
		return S_NOENT;
	if (domain < get(fake->config, FAKE_DOMAIN_START, 4) ||
	    domain > get(fake->config, FAKE_DOMAIN_END, 4))
		return S_RANGE;
	if (endpoint->is_attached)
		detach(fake, endpoint);
	endpoint->is_attached = true;
	endpoint->domain = domain;
	return S_OK;
}

static uint8_t handle_detach(struct virtio_fake *fake, const uint8_t *request)
{
	struct virtio_fake_endpoint *endpoint = endpoint_find(fake, (uint32_t)get(request, 8, 4));

	if (!endpoint)
		return S_NOENT;
	if (!endpoint->is_attached || endpoint->domain != get(request, 4, 4))
		return S_INVAL;
	return detach(fake, endpoint);
}

static const struct virtio_fake_mapping *overlap_find(const struct virtio_fake *fake,
						      uint32_t domain, uint64_t start, uint64_t end)
{
	uint64_t i;

	for (i = 0; i < fake->mapping_count; i++)
		if (fake->mappings[i].domain == domain && fake->mappings[i].start <= end &&
		    fake->mappings[i].end >= start)
			return &fake->mappings[i];
	return NULL;
}

static uint8_t handle_map(struct virtio_fake *fake, const uint8_t *request)
{
	struct virtio_fake_mapping m = {
		(uint32_t)get(request, 4, 4), get(request, 8, 8), get(request, 16, 8),
		get(request, 24, 8), (uint32_t)get(request, 32, 4),
	};

	if (!domain_exists(fake, m.domain))
		return S_NOENT;
	if (m.flags & ~(fake->accepted & FAKE_F_MMIO ? 7u : 3u) || (m.flags & 3) == 0 || m.end <= m.start)
		return S_INVAL;
	if ((m.start & 4095) || (m.pa & 4095) || ((m.end + 1) & 4095) ||
	    m.start < get(fake->config, FAKE_INPUT_START, 8) ||
	    m.end > get(fake->config, FAKE_INPUT_END, 8))
		return S_RANGE;
	if (overlap_find(fake, m.domain, m.start, m.end))
		return S_INVAL;
	fake->mappings = grow(fake->mappings, fake->mapping_count, &fake->mapping_room, sizeof(m));
	fake->mappings[fake->mapping_count++] = m;
	return S_OK;
}

static uint8_t handle_unmap(struct virtio_fake *fake, const uint8_t *request)
{
	uint32_t domain = (uint32_t)get(request, 4, 4);
	uint64_t start = get(request, 8, 8), end = get(request, 16, 8);
	uint64_t i;

	if (!domain_exists(fake, domain))
		return S_NOENT;
	for (i = 0; i < fake->mapping_count; i++) {
		const struct virtio_fake_mapping *m = &fake->mappings[i];

		/* One that would be split stays, and so do all. */
		if (m->domain == domain && m->start <= end && m->end >= start &&
		    (m->start < start || m->end > end))
			return S_RANGE;
	}
	mappings_drop(fake, domain, start, end);
	return S_OK;
}

static uint8_t handle(struct virtio_fake *fake, const uint8_t *request, uint8_t *properties,
		      uint32_t room)
{
	switch (request[0]) {
	case FAKE_ATTACH:
		return handle_attach(fake, request);
	case FAKE_DETACH:
		return handle_detach(fake, request);
	case FAKE_MAP:
		return handle_map(fake, request);
	case FAKE_UNMAP:
		return handle_unmap(fake, request);
	case FAKE_PROBE:
		if (!endpoint_find(fake, (uint32_t)get(request, 4, 4)))
			return S_NOENT;
		if (room < get(fake->config, FAKE_PROBE_SIZE, 4) || room > sizeof(fake->properties))
			return S_INVAL;
		memcpy(properties, fake->properties, room);
		return S_OK;
	default:
		return S_UNSUPP;
	}
}

bool virtio_fake_reach(const struct virtio_fake *fake, uint32_t endpoint, uint64_t iova,
		       uint32_t wants, uint64_t *ret_pa)
{
	const struct virtio_fake_endpoint *e = endpoint_find((struct virtio_fake *)fake, endpoint);
	const struct virtio_fake_mapping *m;

	*ret_pa = iova;
	if (!e || !e->is_attached)
		return (fake->offered & FAKE_F_BYPASS_CONFIG) ? fake->config[FAKE_BYPASS] & 1 :
								(fake->accepted & FAKE_F_BYPASS) != 0;
	m = overlap_find(fake, e->domain, iova, iova);
	if (!m || (m->flags & wants) != wants)
		return false;
	*ret_pa = m->pa + (iova - m->start);
	return true;
}

/* --- the rings --- */

struct chain {
	uint16_t head;
	const uint8_t *read;
	uint8_t *write;
	uint32_t read_bytes, write_bytes;
};

/* Two descriptors: one to read and one to write, or one to write alone. */
static bool chain_load(const struct virtio_fake *fake, const struct virtio_fake_queue *queue,
		       uint16_t position, struct chain *chain)
{
	const uint8_t *avail = virtio_fake_memory(fake, queue->avail, 4 + 2ull * queue->size);
	const uint8_t *desc = virtio_fake_memory(fake, queue->desc, 16ull * queue->size);
	const uint8_t *d;
	uint16_t number;

	*chain = (struct chain){ 0 };
	if (!avail || !desc || !queue->size)
		return false;
	number = chain->head = (uint16_t)get(avail, 4 + 2u * (position % queue->size), 2);
	for (;;) {
		if (number >= queue->size)
			return false;
		d = desc + 16ull * number;
		if (get(d, 12, 2) & 2) {
			chain->write_bytes = (uint32_t)get(d, 8, 4);
			chain->write = virtio_fake_memory(fake, get(d, 0, 8), chain->write_bytes);
			return chain->write && !(get(d, 12, 2) & 1);
		}
		chain->read_bytes = (uint32_t)get(d, 8, 4);
		chain->read = virtio_fake_memory(fake, get(d, 0, 8), chain->read_bytes);
		if (!chain->read || !(get(d, 12, 2) & 1) || number == get(d, 14, 2))
			return false;
		number = (uint16_t)get(d, 14, 2);
	}
}

static void use(struct virtio_fake *fake, struct virtio_fake_queue *queue, uint32_t id,
		uint32_t length)
{
	uint8_t *used = virtio_fake_memory(fake, queue->used, 4 + 8ull * queue->size);

	if (!used)
		return;
	memcpy(used + 4 + 8ull * (queue->answered % queue->size), &id, 4);
	memcpy(used + 8 + 8ull * (queue->answered % queue->size), &length, 4);
	queue->answered++;
	memcpy(used + 2, &queue->answered, 2);
}

static uint16_t waiting(const struct virtio_fake *fake, const struct virtio_fake_queue *queue)
{
	const uint8_t *avail = virtio_fake_memory(fake, queue->avail, 4);

	if (!avail || !queue->is_enabled || !(fake->status & 4))
		return 0;
	return (uint16_t)((uint16_t)get(avail, 2, 2) - queue->taken);
}

static void log_request(struct virtio_fake *fake, const struct chain *chain)
{
	struct virtio_fake_request *entry;

	fake->log = grow(fake->log, fake->log_count, &fake->log_room, sizeof(*fake->log));
	entry = &fake->log[fake->log_count++];
	*entry = (struct virtio_fake_request){ .length = chain->read_bytes,
					       .answer_length = chain->write_bytes };
	memcpy(entry->bytes, chain->read,
	       chain->read_bytes < sizeof(entry->bytes) ? chain->read_bytes : sizeof(entry->bytes));
	fake->by_type[chain->read[0] & 7]++;
	fake->served++;
}

static bool is_sinful(const struct virtio_fake *fake)
{
	return fake->sin && (fake->sin_stays ? fake->served >= fake->sin_at :
					       fake->served == fake->sin_at);
}

static void answer_wrongly(struct virtio_fake *fake, struct virtio_fake_queue *queue,
			   const struct chain *chain)
{
	uint32_t length = chain->write_bytes;

	switch (fake->sin) {
	case FAKE_SIN_STATUS:
		chain->write[length - 4] = (uint8_t)fake->sin_value;
		use(fake, queue, chain->head, length);
		break;
	case FAKE_SIN_LENGTH:
		use(fake, queue, chain->head, fake->sin_value);
		break;
	case FAKE_SIN_UNWRITTEN:
		use(fake, queue, chain->head, 0);
		break;
	case FAKE_SIN_ID:
		use(fake, queue, fake->sin_value, length);
		break;
	case FAKE_SIN_TWICE:
		use(fake, queue, chain->head, length);
		use(fake, queue, chain->head, length);
		break;
	case FAKE_SIN_INDEX:
		queue->answered = (uint16_t)(queue->answered + fake->sin_value);
		use(fake, queue, chain->head, length);
		break;
	case FAKE_SIN_NONE:
	case FAKE_SIN_NEVER:
		break;
	}
}

static void serve(struct virtio_fake *fake, struct virtio_fake_queue *queue, uint16_t position)
{
	struct chain chain;
	bool is_done;
	uint8_t status;

	if (!chain_load(fake, queue, position, &chain) || !chain.read || chain.read_bytes < 4 ||
	    chain.write_bytes < 4)
		abort(); /* the module under test wrote a chain that no device takes */
	log_request(fake, &chain);
	is_done = !is_sinful(fake) ||
		  (fake->sin != FAKE_SIN_STATUS && fake->sin != FAKE_SIN_UNWRITTEN);
	if (is_done) {
		status = handle(fake, chain.read, chain.write, chain.write_bytes - 4);
		memset(chain.write + chain.write_bytes - 4, 0, 4);
		chain.write[chain.write_bytes - 4] = status;
	}
	if (is_sinful(fake))
		answer_wrongly(fake, queue, &chain);
	else
		use(fake, queue, chain.head, chain.write_bytes);
	if (fake->after_step)
		fake->after_step(fake->context, fake);
}

uint64_t virtio_fake_serve(struct virtio_fake *fake, uint64_t count)
{
	struct virtio_fake_queue *queue = &fake->queues[0];
	uint16_t ready = waiting(fake, queue), i;

	if (ready > count)
		ready = (uint16_t)count;
	for (i = 0; i < ready; i++)
		serve(fake, queue, (uint16_t)(queue->taken + (fake->is_reversed ? ready - 1 - i : i)));
	queue->taken = (uint16_t)(queue->taken + ready);
	return ready;
}

static bool report(struct virtio_fake *fake, const void *bytes, uint32_t length, uint32_t id)
{
	struct virtio_fake_queue *queue = &fake->queues[1];
	struct chain chain;

	if (waiting(fake, queue) == 0 || !chain_load(fake, queue, queue->taken, &chain))
		return false;
	memcpy(chain.write, bytes, length < chain.write_bytes ? length : chain.write_bytes);
	queue->taken++;
	use(fake, queue, id == UINT32_MAX ? chain.head : id, length);
	return true;
}

bool virtio_fake_report(struct virtio_fake *fake, const void *bytes, uint32_t length)
{
	return report(fake, bytes, length, UINT32_MAX);
}

void virtio_fake_report_as(struct virtio_fake *fake, const void *bytes, uint32_t length,
			   uint32_t id)
{
	report(fake, bytes, length, id);
}

void virtio_fake_fault(struct virtio_fake *fake, uint8_t reason, uint32_t flags, uint32_t endpoint,
		       uint64_t address)
{
	uint8_t bytes[24] = { reason };

	memcpy(bytes + 4, &flags, 4);
	memcpy(bytes + 8, &endpoint, 4);
	memcpy(bytes + 16, &address, 8);
	virtio_fake_report(fake, bytes, sizeof(bytes));
}

/* --- set-up --- */

void virtio_fake_set(struct virtio_fake *fake, uint32_t offset, unsigned size, uint64_t value)
{
	memcpy(&fake->config[offset], &value, size);
}

uint32_t virtio_fake_region(struct virtio_fake *fake, uint32_t at, uint8_t subtype, uint64_t start,
			    uint64_t end)
{
	const uint16_t head[2] = { 1, 20 };

	memset(&fake->properties[at], 0, 24);
	memcpy(&fake->properties[at], head, 4);
	fake->properties[at + 4] = subtype;
	memcpy(&fake->properties[at + 8], &start, 8);
	memcpy(&fake->properties[at + 16], &end, 8);
	return at + 24;
}

void virtio_fake_log(struct virtio_fake *fake)
{
	fake->kicks = fake->reads = fake->writes = fake->served = 0;
	fake->log_count = 0;
	memset(fake->by_type, 0, sizeof(fake->by_type));
}

struct drv_found virtio_fake_found(const struct virtio_fake *fake)
{
	if (fake->is_pci)
		return (struct drv_found){ .name = "smmu0", .compatible = "virtio,pci-iommu",
					   .config = VIRTIO_FAKE_CONFIG };
	return (struct drv_found){ .name = "smmu0", .compatible = "virtio,mmio-iommu",
				   .base = VIRTIO_FAKE_MMIO, .size = 0x200 };
}

static void device_init(struct virtio_fake *fake)
{
	static const uint32_t ids[] = { 8, 16, 24 };
	uint32_t i;

	fake->offered = FAKE_F_VERSION_1 | FAKE_F_INPUT_RANGE | FAKE_F_DOMAIN_RANGE |
			FAKE_F_MAP_UNMAP | FAKE_F_PROBE | FAKE_F_MMIO | FAKE_F_BYPASS_CONFIG |
			FAKE_F_INDIRECT | FAKE_F_EVENT_IDX;
	virtio_fake_set(fake, FAKE_PAGE_SIZES, 8, ~UINT64_C(0xfff));
	virtio_fake_set(fake, FAKE_INPUT_END, 8, (UINT64_C(1) << 48) - 1);
	virtio_fake_set(fake, FAKE_DOMAIN_END, 4, UINT32_MAX);
	virtio_fake_set(fake, FAKE_PROBE_SIZE, 4, 512);
	fake->config[FAKE_BYPASS] = fake->boot_bypass = 1;
	virtio_fake_region(fake, 0, 1, 0x8090000, 0x809ffff);
	for (i = 0; i < 3; i++)
		fake->endpoints[fake->endpoint_count++].id = ids[i];
	fake->queue_count = 2;
	fake->queues[0].max = fake->queues[1].max = 256;
}

int virtio_fake_init(struct virtio_fake *fake, uint64_t arena_bytes, bool is_pci)
{
	memset(fake, 0, sizeof(*fake));
	fake->is_pci = is_pci;
	fake->memory = mmap(NULL, arena_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fake->memory == MAP_FAILED)
		return -ENOMEM;
	fake->bytes = arena_bytes;
	if (pages_init(&fake->pages, fake->memory, PA(VIRTIO_FAKE_PA), arena_bytes)) {
		munmap(fake->memory, arena_bytes);
		return -ENOMEM;
	}
	fake->hw = (struct hw){ .ops = &virtio_front_ops, .pages = &fake->pages };
	fake->tick_ns = 1000;
	device_init(fake);
	virtio_front_init(fake);
	return 0;
}

void virtio_fake_fini(struct virtio_fake *fake)
{
	pages_fini(&fake->pages);
	munmap(fake->memory, fake->bytes);
	free(fake->mappings);
	free(fake->log);
}
