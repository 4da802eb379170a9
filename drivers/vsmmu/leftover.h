/* SPDX-License-Identifier: BSD-2-Clause */
/* The reports that an earlier owner of the device never read. */
#ifndef SMMUMAN_DRIVERS_VSMMU_LEFTOVER_H
#define SMMUMAN_DRIVERS_VSMMU_LEFTOVER_H

#include "driver.h"

void leftover_faults(struct drv_unit *unit, const struct drv_fault_sink *sink);

#endif
