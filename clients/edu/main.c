// SPDX-License-Identifier: BSD-2-Clause
/*
 * edu-driver: the example driver as a program. Alone it moves bytes into the
 * device and back and says what it does; with --interactive it is led from stdin.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "edu.h"

#define PAGE 4096u
#define MOVED 2048u

/* Lets the device reach a buffer, at the address the library proposes. */
static int grant(struct edu *edu, const struct smmu_dma_buffer *buffer, unsigned rights)
{
	struct smmu_grant grant = { .memory = buffer->memory,
				    .rights = rights,
				    .iova = buffer->device_address,
				    .length = buffer->length };
	int rc = smmu_map(edu->context, edu->domain, &grant);

	if (rc)
		smmu_last_error(edu->context, edu->why, sizeof(edu->why));
	else
		printf("granted: the device may %s 0x%llx + 0x%llx, and nothing else\n",
		       rights == SMMU_READ ? "read" : "read and write",
		       (unsigned long long)grant.iova, (unsigned long long)grant.length);
	return rc;
}

static int alloc(struct edu *edu, struct smmu_dma_buffer *buffer)
{
	int rc = smmu_dma_alloc(edu->context, PAGE, buffer);

	if (rc)
		smmu_last_error(edu->context, edu->why, sizeof(edu->why));
	return rc;
}

/* Half a page out to the device, and back into another page. */
static int there_and_back(struct edu *edu, const char *device)
{
	struct smmu_dma_buffer out, back;
	int rc = edu_attach(edu, device);

	if (rc)
		return rc;
	printf("attached: %s, until now it reached nothing\n", edu->attached.name);
	rc = alloc(edu, &out);
	if (!rc)
		rc = alloc(edu, &back);
	if (!rc)
		rc = grant(edu, &out, SMMU_READ);
	if (!rc)
		rc = grant(edu, &back, SMMU_READ | SMMU_WRITE);
	if (rc)
		return rc;
	memset(out.cpu, 0x5a, PAGE);
	rc = edu_copy_to_device(edu, out.device_address, MOVED);
	if (!rc)
		rc = edu_copy_from_device(edu, back.device_address, MOVED);
	if (rc)
		return rc;
	if (memcmp(out.cpu, back.cpu, MOVED) != 0) {
		snprintf(edu->why, sizeof(edu->why), "the bytes that came back differ");
		return -EIO;
	}
	puts("moved: 2048 bytes into the device and back, and they are the same");
	return edu_detach(edu);
}

static int usage(FILE *to, int code)
{
	fputs("usage: edu-driver [--socket PATH] [--device NAME] [--interactive]\n"
	      "Drives QEMU's edu device under smmuman. NAME is a device name such as\n"
	      "pci:0000:00:02.0 (the default). --interactive reads commands from stdin:\n"
	      "  attach [DEVICE]   detach   buffer NAME SIZE   fill NAME BYTE\n"
	      "  grant NAME IOVA r|w|rw   revoke IOVA\n"
	      "  to-device IOVA LENGTH   from-device IOVA LENGTH\n"
	      "  start-from-device IOVA LENGTH   idle\n"
	      "  check NAME OFFSET LENGTH BYTE   dump NAME OFFSET LENGTH   faults   quit\n"
	      "Each answers one line, \"ok ...\" or \"error NAME sentence\".\n", to);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "device", required_argument, NULL, 'd' },
		{ "interactive", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *socket = NULL, *device = "pci:0000:00:02.0";
	int option, rc, is_interactive = 0;
	struct edu edu;

	while ((option = getopt_long(argc, argv, "s:d:ih", options, NULL)) != -1) {
		if (option == 's')
			socket = optarg;
		else if (option == 'd')
			device = optarg;
		else if (option == 'i')
			is_interactive = 1;
		else
			return usage(option == 'h' ? stdout : stderr, option == 'h' ? 0 : 2);
	}
	if (optind != argc)
		return usage(stderr, 2);
	rc = edu_open(&edu, socket);
	if (!rc)
		rc = is_interactive ? edu_interactive(&edu, device) :
				      there_and_back(&edu, device);
	if (rc)
		fprintf(stderr, "edu-driver: %s\n", edu.why);
	edu_close(&edu);
	return rc ? 1 : 0;
}
