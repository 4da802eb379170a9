// SPDX-License-Identifier: BSD-2-Clause
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"

#define DEVICES_MAX DISKS_MAX /* slots 2 to 25 of the bus */
#define PART_MIB_MAX 4096u
#define DEADLINE_MAX 3600u

const char options_usage[] =
	"usage: smmu-vboard --socket PATH [option ...] [-- QEMU arguments]\n"
	"       smmu-vboard ctl PATH clock-stop|clock-run|clear\n"
	"       smmu-vboard ctl PATH override|drop|count ADDRESS [VALUE] [SIZE]\n"
	"  --socket PATH       where to serve the board\n"
	"  --machine NAME      virt (Arm, the default) or q35 (x86)\n"
	"  --iommu KIND        native (the machine's own, the default) or virtio\n"
	"  --iommu-options TEXT  properties of QEMU's device: caching-mode=on,...\n"
	"  --qemu PROGRAM      default: $QEMU (virt), $QEMU_X86 (q35), else by $PATH\n"
	"  --edu N             PCI DMA devices, in slots 2, 3, ... (2)\n"
	"  --platform-edu N    DMA devices that look like platform devices (0)\n"
	"  --nvme N            NVMe devices, in the slots behind these (0)\n"
	"  --nvme-size MIB     size of the disk of each (64)\n"
	"  --parts N           parts of RAM to be lent (8)\n"
	"  --part-size MIB     size of each (16)\n"
	"  --owner-size MIB    RAM for the owner alone (64)\n"
	"  --realtime          device timers take their time instead of none\n"
	"  --deadline SECONDS  how long QEMU may take to answer (5)\n"
	"  --ready-fd N        write \"ready\" to descriptor N as well, and close it\n"
	"  --version, --help\n";

enum option_id {
	OPTION_SOCKET = 256, OPTION_MACHINE, OPTION_QEMU, OPTION_EDU, OPTION_PLATFORM_EDU,
	OPTION_PARTS, OPTION_PART_SIZE, OPTION_OWNER_SIZE, OPTION_REALTIME, OPTION_DEADLINE,
	OPTION_READY_FD, OPTION_VERSION, OPTION_HELP, OPTION_IOMMU, OPTION_IOMMU_OPTIONS,
	OPTION_NVME, OPTION_NVME_SIZE,
};

static const struct option long_options[] = {
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "machine", required_argument, NULL, OPTION_MACHINE },
	{ "iommu", required_argument, NULL, OPTION_IOMMU },
	{ "iommu-options", required_argument, NULL, OPTION_IOMMU_OPTIONS },
	{ "nvme", required_argument, NULL, OPTION_NVME },
	{ "nvme-size", required_argument, NULL, OPTION_NVME_SIZE },
	{ "qemu", required_argument, NULL, OPTION_QEMU },
	{ "edu", required_argument, NULL, OPTION_EDU },
	{ "platform-edu", required_argument, NULL, OPTION_PLATFORM_EDU },
	{ "parts", required_argument, NULL, OPTION_PARTS },
	{ "part-size", required_argument, NULL, OPTION_PART_SIZE },
	{ "owner-size", required_argument, NULL, OPTION_OWNER_SIZE },
	{ "realtime", no_argument, NULL, OPTION_REALTIME },
	{ "deadline", required_argument, NULL, OPTION_DEADLINE },
	{ "ready-fd", required_argument, NULL, OPTION_READY_FD },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* What each number may be. */
static const struct number_option {
	enum option_id id;
	const char *name;
	unsigned least, most;
} number_options[] = {
	{ OPTION_EDU, "--edu", 0, DEVICES_MAX },
	{ OPTION_PLATFORM_EDU, "--platform-edu", 0, DEVICES_MAX },
	{ OPTION_NVME, "--nvme", 0, DEVICES_MAX },
	{ OPTION_NVME_SIZE, "--nvme-size", 1, PART_MIB_MAX },
	{ OPTION_PARTS, "--parts", 0, BOARD_PARTS_MAX - 1 },
	{ OPTION_PART_SIZE, "--part-size", 1, PART_MIB_MAX },
	{ OPTION_OWNER_SIZE, "--owner-size", 4, PART_MIB_MAX },
	{ OPTION_DEADLINE, "--deadline", 1, DEADLINE_MAX },
	{ OPTION_READY_FD, "--ready-fd", 0, 65535 },
};

static int parse_number(enum option_id id, const char *text, unsigned *ret_number,
			struct error *err)
{
	const struct number_option *option = number_options;
	unsigned long value;
	char *end;

	while (option->id != id)
		option++;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < option->least ||
	    value > option->most)
		return error_set(err, -EINVAL, "%s %s: give a number from %u to %u", option->name,
				 text, option->least, option->most);
	*ret_number = (unsigned)value;
	return 0;
}

static int apply_number(struct board_options *options, enum option_id id, const char *text,
			struct error *err)
{
	unsigned number = 0;
	int status = parse_number(id, text, &number, err);

	if (status)
		return status;
	switch (id) {
	case OPTION_EDU: options->edu = number; break;
	case OPTION_PLATFORM_EDU: options->platform_edu = number; break;
	case OPTION_NVME: options->nvme = number; break;
	case OPTION_NVME_SIZE: options->nvme_size = (uint64_t)number << 20; break;
	case OPTION_PARTS: options->parts = number; break;
	case OPTION_PART_SIZE: options->part_size = (uint64_t)number << 20; break;
	case OPTION_OWNER_SIZE: options->owner_size = (uint64_t)number << 20; break;
	case OPTION_DEADLINE: options->deadline_s = number; break;
	default: options->ready_fd = (int)number; break;
	}
	return 0;
}

static int set_machine(struct board_options *options, const char *text, struct error *err)
{
	options->machine = machine_find(text);
	if (!options->machine)
		return error_set(err, -EINVAL, "--machine %s: give virt or q35", text);
	return 0;
}

static int set_iommu(struct board_options *options, const char *text, struct error *err)
{
	if (strcmp(text, "native") == 0)
		options->iommu = MACHINE_IOMMU_NATIVE;
	else if (strcmp(text, "virtio") == 0)
		options->iommu = MACHINE_IOMMU_VIRTIO;
	else
		return error_set(err, -EINVAL, "--iommu %s: give native or virtio", text);
	return 0;
}

static int apply(struct board_options *options, int id, const char *text, struct error *err)
{
	switch (id) {
	case OPTION_SOCKET:
		options->socket = text;
		return 0;
	case OPTION_QEMU:
		options->qemu = text;
		return 0;
	case OPTION_IOMMU_OPTIONS:
		options->iommu_options = text;
		return 0;
	case OPTION_REALTIME:
		options->realtime = true;
		return 0;
	case OPTION_MACHINE:
		return set_machine(options, text, err);
	case OPTION_IOMMU:
		return set_iommu(options, text, err);
	case OPTION_VERSION:
		puts("smmu-vboard " SMMUMAN_VERSION);
		return 1;
	case OPTION_HELP:
		fputs(options_usage, stdout);
		return 1;
	case '?':
	case ':':
		return error_set(err, -EINVAL, "see smmu-vboard --help");
	default:
		return apply_number(options, (enum option_id)id, text, err);
	}
}

/* What not every machine can. */
static int check_machine(const struct board_options *options, struct error *err)
{
	const struct board_machine *machine = options->machine;
	uint64_t size = options->owner_size + options->parts * options->part_size;

	if (options->platform_edu && !machine->add_platform)
		return error_set(err, -EINVAL,
				 "--platform-edu: %s describes no platform devices; use --machine virt",
				 machine->name);
	if (options->iommu_options && options->iommu == MACHINE_IOMMU_NATIVE &&
	    !machine->native_device)
		return error_set(err, -EINVAL,
				 "--iommu-options: the IOMMU of %s is no -device; "
				 "try -- -global arm-smmuv3.PROPERTY=VALUE",
				 machine->name);
	if (machine->ram_max && size > machine->ram_max)
		return error_set(err, -EINVAL,
				 "%llu MiB of memory: %s has %llu MiB at most in one piece; "
				 "give fewer or smaller parts",
				 (unsigned long long)(size >> 20), machine->name,
				 (unsigned long long)(machine->ram_max >> 20));
	return 0;
}

static int check_whole(const struct board_options *options, struct error *err)
{
	if (!options->socket)
		return error_set(err, -EINVAL, "--socket PATH is missing; see smmu-vboard --help");
	if (options->edu + options->platform_edu + options->nvme > DEVICES_MAX)
		return error_set(err, -EINVAL,
				 "--edu, --platform-edu and --nvme: at most %u together",
				 DEVICES_MAX);
	return check_machine(options, err);
}

int options_parse(int argc, char **argv, struct board_options *ret_options, struct error *err)
{
	int id, status;

	*ret_options = (struct board_options){
		.machine = &machine_virt, .edu = 2, .nvme_size = UINT64_C(64) << 20, .parts = 8,
		.part_size = UINT64_C(16) << 20, .owner_size = UINT64_C(64) << 20,
		.ready_fd = -1, .deadline_s = 5,
	};
	while ((id = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		status = apply(ret_options, id, optarg, err);
		if (status)
			return status;
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		return error_set(err, -EINVAL, "%s: QEMU's arguments come after --", argv[optind]);
	ret_options->extra = argv + optind;
	return check_whole(ret_options, err);
}
