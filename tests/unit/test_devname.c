// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bits.h"
#include "devname.h"

/* 87 characters of path: with "/" and the rest the longest that fits. */
#define LONG_30 "abcdefghijklmnopqrstuvwxyz0123"
#define LONG_90 LONG_30 LONG_30 LONG_30

static void parse_good_names_canonical(void **state)
{
	static const struct { const char *text, *canonical; } names[] = {
		{ "pci:0000:00:02.0", "pci:0000:00:02.0" },
		{ "0000:00:02.0", "pci:0000:00:02.0" },
		{ "00:02.0", "pci:0000:00:02.0" },
		{ "pci:00:02.0", "pci:0000:00:02.0" },
		{ "FF:1F.7", "pci:0000:ff:1f.7" },
		{ "10000:e1:00.0", "pci:10000:e1:00.0" },
		{ "pci:ffffffff:ff:1f.7", "pci:ffffffff:ff:1f.7" },
		{ "pci:00000001:00:00.0", "pci:0001:00:00.0" },
		{ "dt:/soc/dma@1000", "dt:/soc/dma@1000" },
		{ "dt:/a", "dt:/a" },
		{ "dt:/a,b.c_d+e-f@9,1/...x", "dt:/a,b.c_d+e-f@9,1/...x" },
		{ "dt:/" LONG_90, "dt:/" LONG_90 },
		{ "mmio:0x1000+0x100", "mmio:0x1000+0x100" },
		{ "mmio:0x0+0x1", "mmio:0x0+0x1" },
		{ "mmio:0x00FF+0x0001", "mmio:0xff+0x1" },
		{ "mmio:0xffffffffffffffff+0x1", "mmio:0xffffffffffffffff+0x1" },
		{ "mmio:0x0+0xffffffffffffffff", "mmio:0x0+0xffffffffffffffff" },
	};
	struct devname name, again;
	char text[DEVNAME_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(names); i++) {
		if (devname_parse(names[i].text, &name))
			fail_msg("%s refused", names[i].text);
		devname_format(&name, text);
		assert_string_equal(text, names[i].canonical);
		assert_int_equal(devname_parse(text, &again), 0);
		assert_true(devname_equal(&name, &again));
	}
}

static void parse_bad_names_refused(void **state)
{
	static const char *const names[] = {
		"", "pci:", "pci", "pci:0000:00:02", "pci:0000:00:02.", "pci:0000:00:02.8",
		"pci:0000:00:20.0", "pci:0000:100:00.0", "pci:0000:0:02.0", "pci:0000:00:2.0",
		"pci:000:00:02.0", "pci:100000000:00:02.0", "pci:0000:00:02.00",
		"pci:0000:00:02.0 ",
		" pci:0000:00:02.0", "pci:0000:00:02.g", "pci:0000-00:02.0", "pci:-000:00:02.0",
		"pci:0x00:00:02.0", "PCI:0000:00:02.0", "pci:pci:0000:00:02.0", "0000:00:02.0\n",
		"dt:", "dt:/", "dt:a", "dt://a", "dt:/a/", "dt:/a//b", "dt:/.", "dt:/a/..",
		"dt:/../a",
		"dt:/a b", "dt:/a\n", "dt:/\x1b[2J", "dt:/\xc3\xa9", "dt:/" LONG_90 "x",
		"mmio:", "mmio:0x1000", "mmio:0x1000+", "mmio:0x1000+0x", "mmio:0x1000+0x0",
		"mmio:1000+0x100", "mmio:0x1000+100", "mmio:0X1000+0x100", "mmio:0x1000+0x100x",
		"mmio:0x1000-0x100", "mmio:0xffffffffffffffff+0x2",
		"mmio:0x10000000000000000+0x1", "mmio:0x1+0x10000000000000000",
		"acpi:\\_SB.X", "dma0",
	};
	struct devname name = { .kind = DEVNAME_DT, .path = "/untouched" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(names); i++)
		if (devname_parse(names[i], &name) != -EINVAL)
			fail_msg("accepted: %s", names[i]);
	assert_string_equal(name.path, "/untouched");
}

static void equal_differing_fields_told_apart(void **state)
{
	static const char *const names[] = {
		"pci:0000:00:02.0", "pci:0001:00:02.0", "pci:0000:01:02.0", "pci:0000:00:03.0",
		"pci:0000:00:02.1", "dt:/a", "dt:/a/b", "mmio:0x1000+0x100", "mmio:0x1000+0x101",
		"mmio:0x1001+0x100",
	};
	struct devname a, b;
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(names); i++) {
		for (j = 0; j < ARRAY_COUNT(names); j++) {
			assert_int_equal(devname_parse(names[i], &a), 0);
			assert_int_equal(devname_parse(names[j], &b), 0);
			assert_int_equal(devname_equal(&a, &b), i == j);
		}
	}
}

static void equal_no_device_equals_nothing(void **state)
{
	const struct devname none = { .kind = DEVNAME_NONE };
	char text[DEVNAME_MAX];

	(void)state;
	assert_false(devname_equal(&none, &none));
	devname_format(&none, text);
	assert_string_equal(text, "(no device)");
}

static void format_unbounded_fields_fit(void **state)
{
	struct devname name = { .kind = DEVNAME_PCI, .segment = UINT32_MAX, .bus = UINT32_MAX,
				.device = UINT32_MAX, .function = UINT32_MAX };
	char text[DEVNAME_MAX];

	(void)state;
	devname_format(&name, text);
	assert_string_equal(text, "pci:ffffffff:ff:1f.7");
	name.kind = DEVNAME_DT;
	memset(name.path, 'x', sizeof(name.path)); /* no NUL at the end */
	devname_format(&name, text);
	assert_int_equal(strlen(text), DEVNAME_MAX - 2);
}

/* Any short text is a verdict, and what is accepted survives its own format. */
static void parse_random_texts_never_crash(void **state)
{
	static const char letters[] = "pcidtmo:/+x0123456789abf.@-";
	uint64_t seed = 88172645463325252;
	char text[40], printed[DEVNAME_MAX];
	struct devname name, again;
	int round;
	size_t i;

	(void)state;
	for (round = 0; round < 200000; round++) {
		snprintf(text, sizeof(text), "%s", round & 1 ? "pci:0000:00:02.0" :
						   round & 2 ? "mmio:0x1000+0x100" : "dt:/a/b@1");
		for (i = 0; i < 1 + (unsigned)round % 3; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			text[(seed >> 16) % strlen("dt:/a/b@1")] =
				letters[(seed >> 40) % (sizeof(letters) - 1)];
		}
		if (devname_parse(text, &name))
			continue;
		devname_format(&name, printed);
		assert_int_equal(devname_parse(printed, &again), 0);
		assert_true(devname_equal(&name, &again));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_good_names_canonical),
		cmocka_unit_test(parse_bad_names_refused),
		cmocka_unit_test(equal_differing_fields_told_apart),
		cmocka_unit_test(equal_no_device_equals_nothing),
		cmocka_unit_test(format_unbounded_fields_fit),
		cmocka_unit_test(parse_random_texts_never_crash),
	};

	return cmocka_run_group_tests_name("devname", tests, NULL, NULL);
}
