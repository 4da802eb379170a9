// SPDX-License-Identifier: BSD-2-Clause
#include "driver.h"

#include "bits.h"
#include "modules.h"

static const struct drv_module *const modules[] = {
	&smmuv3_module,
	&vsmmu_module,
	&vtd_module,
};

const struct drv_module *drv_find(const struct drv_found *found)
{
	unsigned i;

	for (i = 0; i < ARRAY_COUNT(modules); i++)
		if (modules[i]->abi == DRV_ABI && modules[i]->match(found))
			return modules[i];
	return NULL;
}
