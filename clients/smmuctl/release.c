// SPDX-License-Identifier: BSD-2-Clause
/* Ends a device's quarantine: it is brought to rest and may then be attached again. */
#include "smmuctl.h"
#include "json.h"
#include "smmu-admin.h"

int release_run(struct ctl *ctl)
{
	const char *device = ctl->arguments[0];
	int rc = smmu_admin_release(ctl->service, device);

	if (rc)
		return service_failed(ctl, rc);
	if (ctl->json)
		return json_print(ctl, json_pack("{s:s, s:b}", "device", device, "released", 1));
	ctl_say(ctl, "%s is released; its driver may attach it once it is at rest", device);
	return CTL_DONE;
}
