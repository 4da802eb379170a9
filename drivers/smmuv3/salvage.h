/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SMMUMAN_DRIVERS_SMMUV3_SALVAGE_H
#define SMMUMAN_DRIVERS_SMMUV3_SALVAGE_H

#include "driver.h"

/* See drv_ops.salvage. */
void salvage_faults(struct drv_unit *unit, const struct drv_fault_sink *sink);

#endif
