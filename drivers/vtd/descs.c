// SPDX-License-Identifier: BSD-2-Clause
/* The invalidation descriptors (VT-d 6.5.2). Pure. */
#include "invq.h"
#include "regs.h"

static uint64_t make_type(uint64_t type, uint64_t granularity)
{
	return field_put(DESC0_TYPE, type) | field_put(DESC0_G, granularity);
}

struct desc desc_context_all(void)
{
	return (struct desc){ { make_type(DESC_CONTEXT, G_GLOBAL) } };
}

struct desc desc_context_device(uint32_t stream, uint16_t domain)
{
	return (struct desc){ { make_type(DESC_CONTEXT, G_DEVICE) | field_put(DESC0_DID, domain) |
				field_put(DESC0_SID, stream) } };
}

struct desc desc_pasid_all(void)
{
	return (struct desc){ { make_type(DESC_PASID_CACHE, G_PASID_CACHE_GLOBAL) } };
}

struct desc desc_pasid_domain(uint16_t domain)
{
	return (struct desc){ { make_type(DESC_PASID_CACHE, G_PASID_CACHE_DOMAIN) |
				field_put(DESC0_DID, domain) } };
}

static uint64_t make_iotlb(const struct invq_shape *shape, uint64_t granularity)
{
	return make_type(DESC_IOTLB, granularity) | (shape->drains_reads ? DESC0_DR : 0) |
	       (shape->drains_writes ? DESC0_DW : 0);
}

struct desc desc_iotlb_all(const struct invq_shape *shape)
{
	return (struct desc){ { make_iotlb(shape, G_GLOBAL) } };
}

struct desc desc_iotlb_domain(const struct invq_shape *shape, uint16_t domain)
{
	return (struct desc){ { make_iotlb(shape, G_DOMAIN) | field_put(DESC0_DID, domain) } };
}

static uint64_t make_pages(uint64_t iova, unsigned mask, bool is_leaf)
{
	return (iova & DESC1_ADDR) | field_put(DESC1_AM, mask) | (is_leaf ? DESC1_IH : 0);
}

struct desc desc_iotlb_pages(const struct invq_shape *shape, uint16_t domain, uint64_t iova,
			     unsigned mask, bool is_leaf)
{
	return (struct desc){ { make_iotlb(shape, G_PAGES) | field_put(DESC0_DID, domain),
				make_pages(iova, mask, is_leaf) } };
}

/* These have no drain bits: vtd_invalidate.c sends a descriptor that has them after them. */
struct desc desc_first_domain(uint16_t domain)
{
	return (struct desc){ { make_type(DESC_PASID_IOTLB, G_PASID_ALL) |
				field_put(DESC0_DID, domain) | field_put(DESC0_PASID, 0) } };
}

struct desc desc_first_pages(uint16_t domain, uint64_t iova, unsigned mask, bool is_leaf)
{
	return (struct desc){ { make_type(DESC_PASID_IOTLB, G_PASID_PAGES) |
					field_put(DESC0_DID, domain) | field_put(DESC0_PASID, 0),
				make_pages(iova, mask, is_leaf) } };
}

struct desc desc_wait(pa_t status, uint32_t number)
{
	return (struct desc){ { field_put(DESC0_TYPE, DESC_WAIT) | DESC0_SW |
					field_put(DESC0_STATUS, number),
				status.v & DESC1_STATUS } };
}

bool invq_everything(const struct invq_shape *shape, unsigned step, struct desc *ret_desc)
{
	if (step == 0)
		*ret_desc = desc_context_all();
	else if (step == 1 && shape->has_pasids)
		*ret_desc = desc_pasid_all();
	else if (step == 1 || (step == 2 && shape->has_pasids))
		*ret_desc = desc_iotlb_all(shape);
	else
		return false;
	return true;
}
