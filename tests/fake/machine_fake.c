// SPDX-License-Identifier: BSD-2-Clause
#include "machine_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libfdt.h>

#include "arith.h"
#include "list.h"
#include "log.h"
#include "memory_fd.h"
#include "wire.h"

#define TREE_BYTES 4096
#define ARENA_BYTES (UINT64_C(64) << 20)
#define FILE_STRIDE (UINT64_C(1) << 34) /* of made-up addresses between two files */
#define FILES_MAX 512u
#define WINDOWS_MAX 32u
#define WINDOW_BYTES (UINT64_C(1) << 20)
#define PARTS_MAX 16u
#define PHANDLE 1u
#define BRIDGE_PCIX 0xa0u /* its PCI-X capability */

struct machine_fake {
	struct machine machine;
	struct machine_fake_options options;
	struct pci_fake pci;
	struct { dev_t dev; ino_t ino; } files[FILES_MAX]; /* index: their addresses */
	uint32_t file_count;
	struct { uint64_t base; int fd; } windows[WINDOWS_MAX];
	uint32_t window_count, windows_open;
	struct { int fd; bool is_lent; } parts[PARTS_MAX];
};

static struct machine_fake *fake_of(struct machine *machine)
{
	return (struct machine_fake *)machine;
}

static struct machine_fake *fake_of_hw(struct hw *hw)
{
	return fake_of(list_entry(hw, struct machine, hw));
}

/* --- struct hw: the test's unit ---------------------------------------------------- */

static uint64_t hw_read(struct hw *hw, uint64_t address, unsigned size)
{
	struct hw_fake *unit = fake_of_hw(hw)->options.unit;

	return unit ? unit->hw.ops->read(&unit->hw, address, size) : UINT64_MAX;
}

static void hw_write(struct hw *hw, uint64_t address, unsigned size, uint64_t value)
{
	struct hw_fake *unit = fake_of_hw(hw)->options.unit;

	if (unit)
		unit->hw.ops->write(&unit->hw, address, size, value);
}

static uint64_t hw_clock(struct hw *hw)
{
	const struct machine_fake_options *options = &fake_of_hw(hw)->options;
	struct timespec now;

	if (options->unit && options->has_fake_clock)
		return options->unit->hw.ops->now_ns(&options->unit->hw);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const struct hw_ops fake_hw_ops = { .read = hw_read, .write = hw_write, .now_ns = hw_clock };

/* --- memory -------------------------------------------------------------------- */

static uint64_t address_of_file(struct machine_fake *fake, const struct stat *status)
{
	uint32_t i;

	for (i = 0; i < fake->file_count; i++)
		if (fake->files[i].dev == status->st_dev && fake->files[i].ino == status->st_ino)
			break;
	if (i == FILES_MAX)
		i = (uint32_t)status->st_ino % FILES_MAX;
	else if (i == fake->file_count)
		fake->file_count++;
	fake->files[i].dev = status->st_dev;
	fake->files[i].ino = status->st_ino;
	return MACHINE_FAKE_MEMORY + i * FILE_STRIDE;
}

/* Runs lie twice their length apart: no two of them touch. */
static pa_t address_in_file(uint64_t base, uint64_t offset, uint64_t run)
{
	if (run == 0)
		return PA(base + offset);
	return PA(base + offset / run * run * 2 + offset % run);
}

static int memory_resolve(struct machine *machine, int fd, uint64_t offset, uint64_t length,
			  struct extent *extents, uint32_t max, uint32_t *ret_count,
			  struct error *err)
{
	struct machine_fake *fake = fake_of(machine);
	uint64_t run = fake->options.run_pages * PAGE_BYTES, end = offset + length, take, base;
	struct stat status;
	uint32_t count = 0;
	int result;

	result = memory_fd_check(fd, offset, length, RIGHT_READ, err);
	if (result)
		return result;
	if (fstat(fd, &status))
		return error_set(err, -errno, "fstat: %s", strerror(errno));
	base = address_of_file(fake, &status);
	for (; offset < end; offset += take) {
		take = run ? min_u64(end - offset, run - offset % run) : end - offset;
		if (count == max)
			return error_set(err, -E2BIG, "the memory is in more than %u pieces", max);
		extents[count++] = (struct extent){ .pa = address_in_file(base, offset, run),
						    .length = take };
	}
	*ret_count = count;
	return 0;
}

static int part_make(uint64_t size)
{
	int fd = memfd_create("fake-part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *at;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		return -1;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -1;
	memset(at, 0, size);
	munmap(at, size);
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) ? -1 : fd;
}

static int memory_lend(struct machine *machine, uid_t uid, uint64_t size, int *ret_fd,
		       uint64_t *ret_size, uint32_t *ret_part, struct error *err)
{
	struct machine_fake *fake = fake_of(machine);
	uint32_t i;

	(void)uid;
	if (fake->options.lend_parts == 0)
		return error_set(err, -EOPNOTSUPP, "this machine lends no memory: bring your own");
	for (i = 0; i < fake->options.lend_parts; i++)
		if (!fake->parts[i].is_lent && fake->options.lend_size >= size)
			break;
	if (i == fake->options.lend_parts)
		return error_set(err, -ENOSPC, "every part is lent or too small");
	if (fake->parts[i].fd >= 0)
		close(fake->parts[i].fd);
	fake->parts[i].fd = part_make(fake->options.lend_size);
	if (fake->parts[i].fd < 0)
		return error_set(err, -ENOMEM, "no memory for a part");
	*ret_fd = fcntl(fake->parts[i].fd, F_DUPFD_CLOEXEC, 0);
	*ret_size = fake->options.lend_size;
	*ret_part = i;
	fake->parts[i].is_lent = true;
	return *ret_fd < 0 ? error_set(err, -errno, "%s", strerror(errno)) : 0;
}

static void memory_return(struct machine *machine, uint32_t part)
{
	struct machine_fake *fake = fake_of(machine);

	check(part < fake->options.lend_parts && fake->parts[part].is_lent);
	fake->parts[part].is_lent = false;
}

static bool is_memory(struct machine *machine, pa_t pa, uint64_t length)
{
	if (range_is_bad(pa.v, length))
		return false;
	return range_overlaps(pa.v, length, machine->arena_pa.v, machine->arena_size) ||
	       range_overlaps(pa.v, length, MACHINE_FAKE_MEMORY, FILES_MAX * FILE_STRIDE);
}

/* --- windows and configuration space ---------------------------------------------- */

int machine_fake_window_fd(struct machine *machine, uint64_t base)
{
	struct machine_fake *fake = fake_of(machine);
	uint32_t i;
	int fd;

	for (i = 0; i < fake->window_count; i++)
		if (fake->windows[i].base == base)
			return fake->windows[i].fd;
	check(fake->window_count < WINDOWS_MAX);
	fd = memfd_create("fake-window", MFD_CLOEXEC);
	check(fd >= 0 && ftruncate(fd, (off_t)WINDOW_BYTES) == 0);
	fake->windows[fake->window_count].base = base;
	fake->windows[fake->window_count++].fd = fd;
	return fd;
}

static int window_open(struct machine *machine, uint64_t base, uint64_t length,
		       struct machine_window *ret_window, struct error *err)
{
	int fd = fcntl(machine_fake_window_fd(machine, base), F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || length > WINDOW_BYTES)
		return error_set(err, -EPERM, "no such window");
	*ret_window = (struct machine_window){ .id = base, .fd = fd, .kind = WIRE_BAR_MAP };
	fake_of(machine)->windows_open++;
	return 0;
}

static void window_close(struct machine *machine, struct machine_window *window)
{
	if (window->fd >= 0)
		close(window->fd);
	window->fd = -1;
	fake_of(machine)->windows_open--;
}

static int window_read32(struct machine *machine, const struct machine_window *window,
			 uint64_t offset, uint32_t *ret_value)
{
	(void)machine;
	if (pread(window->fd, ret_value, sizeof(*ret_value), (off_t)offset) !=
	    (ssize_t)sizeof(*ret_value))
		return -ENODEV;
	return 0;
}

static uint32_t config_read(struct machine *machine, uint64_t address, unsigned size)
{
	return pci_fake_read(&fake_of(machine)->pci, address, size);
}

static void config_write(struct machine *machine, uint64_t address, unsigned size, uint32_t value)
{
	pci_fake_write(&fake_of(machine)->pci, address, size, value);
}

static void fake_close(struct machine *machine)
{
	struct machine_fake *fake = fake_of(machine);
	uint32_t i;

	for (i = 0; i < fake->window_count; i++)
		close(fake->windows[i].fd);
	for (i = 0; i < PARTS_MAX; i++)
		if (fake->parts[i].fd >= 0)
			close(fake->parts[i].fd);
	pci_fake_fini(&fake->pci);
	if (machine->arena_cpu && !fake->options.unit)
		munmap(machine->arena_cpu, machine->arena_size);
	free(machine->fdt);
	free(fake);
}

static const struct machine_ops fake_ops = {
	.memory_resolve = memory_resolve,
	.memory_lend = memory_lend,
	.memory_return = memory_return,
	.is_memory = is_memory,
	.window_open = window_open,
	.window_close = window_close,
	.window_read32 = window_read32,
	.config_read = config_read,
	.config_write = config_write,
	.close = fake_close,
};

/* --- the device tree ---------------------------------------------------------------- */

static int add_cells(void *fdt, const char *name, const uint32_t *cells, uint32_t count)
{
	fdt32_t value[16];
	uint32_t i;

	check(count <= 16);
	for (i = 0; i < count; i++)
		value[i] = cpu_to_fdt32(cells[i]);
	return fdt_property(fdt, name, value, (int)(count * sizeof(fdt32_t)));
}

#define CELLS(fdt, name, ...) \
	add_cells(fdt, name, (const uint32_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

#define TWO(value) (uint32_t)((value) >> 32), (uint32_t)(value)

static int add_nodes(void *fdt, const struct machine_fake_options *options)
{
	int bad = fdt_begin_node(fdt, "");

	bad |= CELLS(fdt, "#address-cells", 2) | CELLS(fdt, "#size-cells", 2);
	bad |= fdt_begin_node(fdt, "smmuv3@9050000");
	bad |= fdt_property_string(fdt, "compatible", "arm,smmu-v3");
	bad |= CELLS(fdt, "reg", TWO(HW_FAKE_BASE), TWO(HW_FAKE_SIZE));
	bad |= CELLS(fdt, "#iommu-cells", 1) | CELLS(fdt, "phandle", PHANDLE);
	bad |= fdt_end_node(fdt);
	bad |= fdt_begin_node(fdt, "pcie@4010000000");
	bad |= fdt_property_string(fdt, "compatible", "pci-host-ecam-generic");
	bad |= CELLS(fdt, "#address-cells", 3) | CELLS(fdt, "#size-cells", 2);
	bad |= CELLS(fdt, "reg", TWO(MACHINE_FAKE_ECAM), 0, 0x01000000);
	bad |= CELLS(fdt, "bus-range", 0, 15);
	if (options->has_uncovered)
		bad |= CELLS(fdt, "iommu-map", 0, PHANDLE, 0, MACHINE_FAKE_UNCOVERED_SLOT * 8,
			     0x100, PHANDLE, 0x100, 0xf00);
	else
		bad |= CELLS(fdt, "iommu-map", 0, PHANDLE, 0, 0x1000);
	bad |= fdt_end_node(fdt);
	if (options->has_platform) {
		bad |= fdt_begin_node(fdt, "dma@a000000");
		bad |= CELLS(fdt, "reg", TWO(MACHINE_FAKE_PLATFORM), 0, 0x1000);
		bad |= CELLS(fdt, "iommus", PHANDLE, MACHINE_FAKE_PLATFORM_STREAM);
		bad |= fdt_end_node(fdt);
	}
	return bad | fdt_end_node(fdt);
}

static int make_tree(struct machine *machine, const struct machine_fake_options *options)
{
	void *fdt = malloc(TREE_BYTES);
	int bad;

	if (!fdt)
		return -ENOMEM;
	bad = fdt_create(fdt, TREE_BYTES) | fdt_finish_reservemap(fdt);
	bad |= add_nodes(fdt, options);
	bad |= fdt_finish(fdt);
	check(!bad);
	machine->fdt = fdt;
	machine->fdt_size = TREE_BYTES;
	return 0;
}

static void add_edu(struct machine_fake *fake, uint32_t bus, uint32_t slot, uint32_t number)
{
	pci_fake_set_bar(pci_fake_add(&fake->pci, bus, slot, 0), 0,
			 MACHINE_FAKE_BARS + ((uint64_t)number << 20), 1 << 20, 0);
}

static void add_edus(struct machine_fake *fake)
{
	uint32_t i;

	for (i = 0; i < fake->options.edu_count; i++)
		add_edu(fake, 0, MACHINE_FAKE_EDU_SLOT + i, i);
	if (fake->options.has_uncovered)
		add_edu(fake, 0, MACHINE_FAKE_UNCOVERED_SLOT, MACHINE_FAKE_BRIDGED - 1);
}

static void add_bridged(struct machine_fake *fake)
{
	struct pci_fake_function *bridge;
	uint32_t i;

	if (fake->options.bridged_count == 0)
		return;
	bridge = pci_fake_add(&fake->pci, 0, MACHINE_FAKE_BRIDGE_SLOT, 0);
	pci_fake_make_express(bridge, 7, false);
	pci_fake_make_bridge(bridge, 1, 1);
	/* The bus behind it runs as PCI-X: requesters may keep numbers of their own. */
	pci_fake_add_cap(bridge, BRIDGE_PCIX, 0x07);
	pci_fake_set(bridge, BRIDGE_PCIX + 2, 2, 3 << 6);
	for (i = 0; i < fake->options.bridged_count; i++)
		add_edu(fake, 1, 1 + i, MACHINE_FAKE_BRIDGED + i);
}

static int make_arena(struct machine_fake *fake)
{
	struct machine *machine = &fake->machine;
	const struct hw_fake *unit = fake->options.unit;
	void *arena;

	machine->arena_pa = PA(HW_FAKE_PA);
	machine->arena_size = unit ? unit->bytes : ARENA_BYTES;
	arena = unit ? unit->memory :
		       mmap(NULL, machine->arena_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return -ENOMEM;
	machine->arena_cpu = arena;
	return 0;
}

int machine_fake_open(const struct machine_fake_options *options, struct machine **ret_machine)
{
	struct machine_fake *fake = calloc(1, sizeof(*fake));
	struct machine *machine;
	uint32_t i;

	if (!fake)
		return -ENOMEM;
	machine = &fake->machine;
	check(options->edu_count <= 24 && options->bridged_count <= 6 &&
	      options->lend_parts <= PARTS_MAX);
	fake->options = *options;
	for (i = 0; i < PARTS_MAX; i++)
		fake->parts[i].fd = -1;
	machine->ops = &fake_ops;
	machine->hw.ops = &fake_hw_ops;
	machine->lost_fd = -1;
	snprintf(machine->words, sizeof(machine->words), "a machine without hardware");
	pci_fake_init(&fake->pci, MACHINE_FAKE_ECAM, 0);
	add_edus(fake);
	add_bridged(fake);
	if (make_arena(fake) || make_tree(machine, options)) {
		fake_close(machine);
		return -ENOMEM;
	}
	*ret_machine = machine;
	return 0;
}

struct pci_fake *machine_fake_pci(struct machine *machine)
{
	return &fake_of(machine)->pci;
}

uint32_t machine_fake_windows_open(const struct machine *machine)
{
	return ((const struct machine_fake *)machine)->windows_open;
}
