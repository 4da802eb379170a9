// SPDX-License-Identifier: BSD-2-Clause
/* The smallest driver: one page that one device, and nothing else, may write. */
#include <stdio.h>

#include <smmu.h>

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "pci:0000:00:02.0";
	struct smmu_attached attached;
	struct smmu_dma_buffer page;
	struct smmu_grant grant;
	struct smmu *smmu;
	uint32_t domain;
	char why[240];

	if (smmu_open_why(&smmu, NULL, why, sizeof(why))) {
		fprintf(stderr, "no smmuman: %s\n", why);
		return 1;
	}
	if (smmu_domain_create(smmu, &domain) || smmu_attach(smmu, domain, device, &attached) ||
	    smmu_dma_alloc(smmu, 4096, &page))
		goto failed;
	grant = (struct smmu_grant){ page.memory, SMMU_READ | SMMU_WRITE, page.device_address,
				     page.length, 0 };
	if (smmu_map(smmu, domain, &grant))
		goto failed;
	printf("%s may use 0x%llx\n", attached.name, (unsigned long long)page.device_address);
	/* Drive the device here: smmu_device_open(), smmu_reg_write32(), ... */
	if (smmu_unmap(smmu, domain, grant.iova, grant.length))
		goto failed;
	smmu_close(smmu); /* the device is closed before the page is let go */
	return 0;
failed:
	smmu_last_error(smmu, why, sizeof(why));
	fprintf(stderr, "%s\n", why);
	smmu_close(smmu);
	return 1;
}
