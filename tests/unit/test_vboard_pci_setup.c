// SPDX-License-Identifier: BSD-2-Clause
/*
 * Firmware's work on PCI, on configuration space that a thread answers for
 * over qtest: what no QEMU has, or not on demand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pci_setup.h"

#define ECAM UINT64_C(0xb0000000)
#define WINDOW UINT64_C(0xc0000000)
#define FUNCTIONS_MAX 8u
#define PLACE(bus, slot, function) ((bus) << 8 | (slot) << 3 | (function))

/* Of each function: where it is, what it says, its BARs' bits that stick. */
static struct function {
	unsigned place;
	uint32_t id, header;
	uint32_t masks[6];
	uint32_t config[64];
} functions[FUNCTIONS_MAX];
static unsigned function_count;
static unsigned last_bus_asked;
static bool is_all_bridges; /* each slot 0 of each bus is one */

static struct board_layout layout;
static struct qtest qtest;
static struct error err;
static pthread_t thread;
static int channel[2];

static struct function *find_function(unsigned place)
{
	unsigned i;

	for (i = 0; i < function_count; i++)
		if (functions[i].place == place)
			return &functions[i];
	return NULL;
}

static uint64_t read_config(uint64_t address, unsigned size)
{
	unsigned place = (unsigned)((address - ECAM) >> 12), offset = address & 0xfff;
	struct function *function = find_function(place);
	uint32_t word;

	if (place >> 8 > last_bus_asked)
		last_bus_asked = place >> 8;
	if (is_all_bridges && (place & 0xff) == 0)
		return offset == 0x0e ? 1 : offset == 0 ? 0x00011b36 : 0;
	if (!function || offset >= 256)
		return UINT32_MAX;
	word = function->config[offset / 4];
	return size == 4 ? word : word >> (8 * (offset % 4)) & ((1u << (8 * size)) - 1);
}

static void write_config(uint64_t address, unsigned size, uint32_t value)
{
	struct function *function = find_function((unsigned)((address - ECAM) >> 12));
	unsigned offset = address & 0xfff, bar = (offset - 0x10) / 4, shift = 8 * (offset % 4);
	uint32_t mask = size == 4 ? UINT32_MAX : ((1u << (8 * size)) - 1) << shift, *word;

	if (!function || offset >= 256)
		return;
	word = &function->config[offset / 4];
	if (offset >= 0x10 && bar < (function->header & 1 ? 2 : 6))
		value = (value & function->masks[bar] & ~UINT32_C(15)) |
			(function->masks[bar] & 15);
	*word = (*word & ~mask) | (value << shift & mask);
}

/* "readl 0xb0000000" or "writew 0xb0000004 0x2" */
static uint64_t answer(const char *line)
{
	bool is_read = strncmp(line, "read", 4) == 0;
	char letter = line[is_read ? 4 : 5], *end;
	unsigned size = letter == 'b' ? 1 : letter == 'w' ? 2 : 4;
	uint64_t address = strtoull(strchr(line, ' '), &end, 16);

	if (is_read)
		return read_config(address, size);
	write_config(address, size, (uint32_t)strtoul(end, NULL, 16));
	return 0;
}

static void *serve(void *context)
{
	char line[128];
	ssize_t got;

	(void)context;
	while ((got = recv(channel[1], line, sizeof(line) - 1, 0)) > 0) {
		uint64_t value;

		line[got] = '\0';
		value = answer(line);
		snprintf(line, sizeof(line), "OK 0x%" PRIx64 "\n", value);
		send(channel[1], line, strlen(line), MSG_NOSIGNAL);
	}
	return NULL;
}

static struct function *add_function(unsigned place, uint32_t id, uint32_t header)
{
	struct function *function = &functions[function_count++];

	*function = (struct function){ .place = place, .id = id, .header = header };
	function->config[0] = id;
	function->config[3] = header << 16;
	return function;
}

static void set_bar(struct function *function, unsigned bar, uint32_t mask)
{
	function->masks[bar] = mask;
	function->config[4 + bar] = mask & 15;
}

static int set_up(void **state)
{
	(void)state;
	function_count = 0;
	is_all_bridges = false;
	last_bus_asked = 0;
	layout = (struct board_layout){ .ecam = { ECAM, 0x10000000 },
					.low_mmio = { WINDOW, 0x1000000 } };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
	assert_int_equal(qtest_init(&qtest, channel[0], 60), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(channel[0]);
	pthread_join(thread, NULL);
	close(channel[1]);
	return 0;
}

static void check_set_up(int wanted, const char *words)
{
	int status = pci_setup_all(&qtest, &layout, &err);

	assert_int_equal(status, wanted);
	if (status && !strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void bars_are_aligned_to_their_size_and_ports_left_alone(void **state)
{
	struct function *first = add_function(PLACE(0, 1, 0), 0x11111111, 0);
	struct function *second = add_function(PLACE(0, 2, 0), 0x22222222, 0);

	(void)state;
	set_bar(first, 0, 0xfffff000);
	set_bar(first, 1, 0xffffff01);
	set_bar(first, 2, 0xffff000c);
	set_bar(first, 3, 0xffffffff);
	set_bar(second, 0, 0xfffff000);
	check_set_up(0, "");
	assert_int_equal(first->config[4], WINDOW);
	assert_int_equal(first->config[5], 1);
	assert_int_equal(first->config[6], (WINDOW + 0x10000) | 0xc);
	assert_int_equal(first->config[7] & ~15u, 0); /* the upper half */
	assert_int_equal(second->config[4], WINDOW + 0x20000);
	assert_int_equal(first->config[1], 2);
	assert_int_equal(second->config[1], 2);
}

static void functions_behind_the_first_need_its_word(void **state)
{
	struct function *many = add_function(PLACE(0, 1, 0), 0x11111111, 0x80), *third, *lost;

	(void)state;
	third = add_function(PLACE(0, 1, 2), 0x33333333, 0);
	add_function(PLACE(0, 2, 0), 0x22222222, 0);
	lost = add_function(PLACE(0, 2, 1), 0x44444444, 0);
	check_set_up(0, "");
	assert_int_equal(many->config[1], 2);
	assert_int_equal(third->config[1], 2);
	assert_int_equal(lost->config[1], 0);
}

static void bridges_number_their_buses_and_pass_their_bars(void **state)
{
	struct function *outer = add_function(PLACE(0, 1, 0), 0x11111111, 1), *inner, *behind;
	struct function *beside = add_function(PLACE(0, 5, 0), 0x22222222, 1), *last;

	(void)state;
	inner = add_function(PLACE(1, 3, 0), 0x33333333, 1);
	behind = add_function(PLACE(2, 0, 0), 0x44444444, 0);
	last = add_function(PLACE(0, 2, 0), 0x55555555, 0);
	set_bar(outer, 0, 0xffffff00);
	set_bar(behind, 0, 0xffffe000);
	set_bar(last, 0, 0xfffff000);
	check_set_up(0, "");
	assert_int_equal(outer->config[4], WINDOW);
	assert_int_equal(outer->config[6], 0x020100);
	assert_int_equal(inner->config[6], 0x020201);
	assert_int_equal(beside->config[6], 0x030300);
	assert_int_equal(behind->config[4], WINDOW + 0x100000);
	assert_int_equal(outer->config[8], 0xc010c010);
	assert_int_equal(inner->config[8], 0xc010c010);
	assert_int_equal(beside->config[8], 0x0000fff0); /* base above limit: closed */
	assert_int_equal(outer->config[9], 0x0000fff0);
	assert_int_equal(outer->config[7] & 0xffff, 0x00f0);
	assert_int_equal(last->config[4], WINDOW + 0x200000);
	assert_int_equal(outer->config[1], 6);
	assert_int_equal(behind->config[1], 2);
}

static void bars_beyond_the_window_are_refused(void **state)
{
	struct function *big = add_function(PLACE(0, 1, 0), 0x11111111, 0);

	(void)state;
	set_bar(big, 0, 0xff000000); /* 16 MiB: all of it */
	check_set_up(0, "");
	set_bar(add_function(PLACE(0, 2, 0), 0x22222222, 0), 0, 0xfffff000);
	check_set_up(-ENOSPC, "do not fit the 32-bit PCI window");
	function_count = 1;
	set_bar(big, 0, 0x0000000c); /* 4 GiB and more */
	set_bar(big, 1, 0xffffffff);
	check_set_up(-ENOSPC, "do not fit the 32-bit PCI window");
}

static void bridges_without_end_are_refused(void **state)
{
	(void)state;
	is_all_bridges = true;
	layout.ecam.length = 0x20000000; /* more than there can be */
	check_set_up(-ENOSPC, "more bridges than there are bus numbers");
	assert_int_equal(last_bus_asked, 255);
	last_bus_asked = 0;
	layout.ecam.length = 0x200000;
	check_set_up(-ENOSPC, "more bridges than there are bus numbers");
	assert_int_equal(last_bus_asked, 1);
}

static void unit_of_another_identity_is_refused(void **state)
{
	struct function *unit = add_function(PLACE(0, 1, 0), 0x10571af4, 0);

	(void)state;
	set_bar(unit, 1, 0xfffff000);
	set_bar(unit, 4, 0xffffc00c);
	set_bar(unit, 5, 0xffffffff);
	check_set_up(0, "");
	assert_int_equal(pci_setup_add_unit(&qtest, &layout, 1, 0x10571af4, &err), 0);
	assert_int_equal(layout.unit_count, 2);
	assert_int_equal(layout.units[0].base, WINDOW);
	assert_int_equal(layout.units[0].length, 0x1000);
	assert_int_equal(layout.units[1].base, WINDOW + 0x4000);
	assert_int_equal(layout.units[1].length, 0x4000);
	assert_int_equal(pci_setup_add_unit(&qtest, &layout, 2, 0x10571af4, &err), -ENODEV);
	assert_non_null(strstr(err.text, "no IOMMU 10571af4 in PCI slot 2, but ffffffff"));
	assert_int_equal(layout.unit_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(bars_are_aligned_to_their_size_and_ports_left_alone),
		TEST(functions_behind_the_first_need_its_word),
		TEST(bridges_number_their_buses_and_pass_their_bars),
		TEST(bars_beyond_the_window_are_refused),
		TEST(bridges_without_end_are_refused),
		TEST(unit_of_another_identity_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
