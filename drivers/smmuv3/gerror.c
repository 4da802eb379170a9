// SPDX-License-Identifier: BSD-2-Clause
#include "gerror.h"

#include "regs.h"

static const struct {
	uint64_t bit;
	const char *words;
} gerror_names[] = {
	{ GERROR_CMDQ, "CMDQ_ERR: the unit stopped at a command" },
	{ GERROR_EVENTQ_ABT, "EVENTQ_ABT_ERR: the unit could not write an event record" },
	{ GERROR_PRIQ_ABT, "PRIQ_ABT_ERR: the unit could not write a page request" },
	{ GERROR_MSI_CMDQ, "MSI_CMDQ_ABT_ERR: an interrupt message for a command was aborted" },
	{ GERROR_MSI_EVENTQ, "MSI_EVENTQ_ABT_ERR: an interrupt message for events was aborted" },
	{ GERROR_MSI_PRIQ, "MSI_PRIQ_ABT_ERR: an interrupt message for page requests was aborted" },
	{ GERROR_MSI_GERROR, "MSI_GERROR_ABT_ERR: an interrupt message for errors was aborted" },
	{ GERROR_SFM, "SFM_ERR: the unit failed and went into service failure mode" },
	{ GERROR_CMDQP, "CMDQP_ERR: an error on a command queue control page nobody uses" },
	{ GERROR_DPT, "DPT_ERR: an error of the device permission table, which is off" },
};

void gerror_start(struct gerror *gerror)
{
	gerror->acknowledged = hw_read32(gerror->regs, SMMU_GERROR);
	hw_write32(gerror->regs, SMMU_GERRORN, gerror->acknowledged);
}

uint32_t gerror_active(const struct gerror *gerror)
{
	uint32_t now = hw_read32(gerror->regs, SMMU_GERROR);

	return now == UINT32_MAX ? UINT32_MAX : now ^ gerror->acknowledged;
}

void gerror_acknowledge(struct gerror *gerror, uint32_t bits)
{
	gerror->acknowledged ^= bits;
	hw_write32(gerror->regs, SMMU_GERRORN, gerror->acknowledged);
}

const char *gerror_words(uint32_t bits)
{
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(gerror_names); i++)
		if (bits & gerror_names[i].bit)
			return gerror_names[i].words;
	return "a global error bit that the specification does not name";
}
