/* SPDX-License-Identifier: BSD-2-Clause */
/* The modules that are linked in, one line each; drivers.c lists them. */
#ifndef SMMUMAN_DRIVERS_MODULES_H
#define SMMUMAN_DRIVERS_MODULES_H

#include "driver.h"

extern const struct drv_module smmuv3_module;
extern const struct drv_module vsmmu_module;
extern const struct drv_module vtd_module;

#endif
