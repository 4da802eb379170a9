// SPDX-License-Identifier: BSD-2-Clause
#include "qemu_args.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void add(struct qemu_args *args, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct qemu_args *args, const char *format, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	va_end(list);
	if (!text || args->count == QEMU_ARGS_MAX - 1) {
		args->failed = true;
		free(text);
		return;
	}
	args->list[args->count++] = text;
}

static void add_machine(struct qemu_args *args, const struct qemu_options *options)
{
	const struct board_machine *machine = options->machine;
	const char *const *arg;

	for (arg = machine->args; *arg; arg++)
		add(args, "%s", *arg);
	if (options->iommu == MACHINE_IOMMU_NATIVE && machine->native_option) {
		add(args, "-machine");
		add(args, "%s", machine->native_option);
	}
	if (options->bios_fd >= 0) {
		add(args, "-bios");
		add(args, "/proc/self/fd/%d", options->bios_fd);
	}
}

/* Before the devices: an IOMMU does not see those that were there first. */
static void add_iommu(struct qemu_args *args, const struct qemu_options *options)
{
	const char *more = options->iommu_options;

	if (options->iommu == MACHINE_IOMMU_VIRTIO) {
		add(args, "-device");
		add(args, "virtio-iommu-pci,addr=0x%x%s%s", QEMU_IOMMU_SLOT, more ? "," : "",
		    more ? more : "");
	} else if (options->machine->native_device) {
		add(args, "-device");
		add(args, "%s%s%s", options->machine->native_device, more ? "," : "",
		    more ? more : "");
	}
}

/* The parts lie one after the other in the machine, a NUMA node each. */
static void add_memory(struct qemu_args *args, const struct parts *parts)
{
	unsigned i;

	add(args, "-m");
	add(args, "%lluM", (unsigned long long)(parts_total_size(parts) >> 20));
	for (i = 0; i < parts->count; i++) {
		const struct part *part = &parts->list[i];

		add(args, "-object");
		add(args, "memory-backend-file,id=m%u,size=%lluM,share=on,mem-path=/proc/self/fd/%d",
		    i, (unsigned long long)(part->size >> 20), part->fd);
		add(args, "-numa");
		add(args, "node,memdev=m%u", i);
	}
}

/* QEMU 7.2 finds the qtest channel only by this very id. */
static void add_channels(struct qemu_args *args, int qtest_fd, int qmp_fd)
{
	add(args, "-chardev");
	add(args, "socket,id=qtest,fd=%d", qtest_fd);
	add(args, "-qtest");
	add(args, "chardev:qtest");
	add(args, "-qtest-log");
	add(args, "/dev/null");
	add(args, "-chardev");
	add(args, "socket,id=qmp,fd=%d", qmp_fd);
	add(args, "-mon");
	add(args, "chardev=qmp,mode=control");
}

static void add_devices(struct qemu_args *args, const struct qemu_options *options)
{
	unsigned slot = QEMU_FIRST_SLOT, i;

	for (i = 0; i < options->edu_count; i++) {
		add(args, "-device");
		add(args, "edu,addr=0x%x,dma_mask=0xffffffffffffffff", slot++);
	}
	for (i = 0; i < options->disks->count; i++) {
		add(args, "-drive");
		add(args, "if=none,id=disk%u,format=raw,file=/proc/self/fd/%d,file.locking=off", i,
		    options->disks->fds[i]);
		add(args, "-device");
		add(args, "nvme,serial=vboard-%u,drive=disk%u,addr=0x%x", i, i, slot++);
	}
}

int qemu_args_init(struct qemu_args *args, const struct qemu_options *options,
		   const struct qemu_fds *fds)
{
	char *const *extra;

	*args = (struct qemu_args){ .count = 0 };
	add(args, "%s", options->program);
	add_machine(args, options);
	add(args, "-nodefaults");
	add(args, "-display");
	add(args, "none");
	add(args, "-serial");
	add(args, "none");
	if (!options->realtime) {
		add(args, "-icount");
		add(args, "shift=0,sleep=off");
	}
	add_memory(args, fds->parts);
	add_channels(args, fds->qtest, fds->qmp);
	add_iommu(args, options);
	add_devices(args, options);
	for (extra = options->extra; extra && *extra; extra++)
		add(args, "%s", *extra);
	if (!args->failed)
		return 0;
	qemu_args_fini(args);
	return -E2BIG;
}

void qemu_args_fini(struct qemu_args *args)
{
	while (args->count > 0)
		free(args->list[--args->count]);
}
