// SPDX-License-Identifier: BSD-2-Clause
/* GCMD_REG and GSTS_REG (VT-d 11.4.4). */
#include "gcmd.h"

#include <errno.h>
#include <inttypes.h>

int gcmd_status(struct vtd *vtd, uint32_t *ret_status, struct error *err)
{
	*ret_status = hw_read32(&vtd->regs, VTD_GSTS);
	if (*ret_status == UINT32_MAX)
		return error_set(err, -ENODEV,
				 "%s: GSTS_REG reads all ones: the unit is gone or has no clock",
				 vtd->base.name);
	return 0;
}

/* The lasting bits as they are, and one change. */
static int command(struct vtd *vtd, uint64_t set, uint64_t clear, uint64_t mask, uint64_t want,
		   uint64_t budget_ns, struct error *err)
{
	uint32_t status;
	int ret = gcmd_status(vtd, &status, err);

	if (ret)
		return ret;
	hw_write32(&vtd->regs, VTD_GCMD, (uint32_t)(((status & GCMD_LASTING) | set) & ~clear));
	return hw_poll(&vtd->regs, VTD_GSTS, "GSTS_REG", (uint32_t)mask, (uint32_t)want, budget_ns,
		       err);
}

int gcmd_switch(struct vtd *vtd, uint64_t bit, bool on, struct error *err)
{
	return command(vtd, on ? bit : 0, on ? 0 : bit, bit, on ? bit : 0, VTD_ACK_NS, err);
}

int gcmd_set_root(struct vtd *vtd, uint64_t rtaddr, struct error *err)
{
	uint64_t value;
	int ret;

	hw_write64(&vtd->regs, VTD_RTADDR, rtaddr);
	ret = command(vtd, GCMD_SRTP, 0, GCMD_SRTP, GCMD_SRTP, VTD_ACK_NS, err);
	if (ret)
		return ret;
	value = hw_read64(&vtd->regs, VTD_RTADDR);
	if (value == rtaddr)
		return 0;
	return error_set(err, -EIO,
			 "%s: RTADDR_REG reads 0x%" PRIx64 " after 0x%" PRIx64 " was written to it",
			 vtd->base.name, value, rtaddr);
}

int gcmd_flush_writes(struct vtd *vtd, struct error *err)
{
	if (!vtd->features.needs_write_flush)
		return 0;
	return command(vtd, GCMD_WBF, 0, GCMD_WBF, 0, INVQ_SPIN_NS, err);
}
