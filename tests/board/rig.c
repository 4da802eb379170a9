// SPDX-License-Identifier: BSD-2-Clause
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SCRATCH UINT64_C(0x7f000000)

/* How an edu is brought to rest. */
static const char quiesce[] =
	"quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}";

static const char own_policy[] =
	"devices:\n"
	"  - {name: dma0, match: \"" DMA0 "\", " RIG_WORDS "}\n"
	"  - {name: dma1, match: \"" DMA1 "\", " RIG_WORDS "}\n";

static const char with_platform[] =
	"  - {name: platform, match: \"dt:/platform-edu@10200000\", " RIG_WORDS "}\n"
	"clients:\n"
	"  - {name: edu-driver, uid: self, rights: [attach, admin], attach: [dma0, dma1, platform]}\n";

static const char without_platform[] =
	"clients:\n"
	"  - {name: edu-driver, uid: self, rights: [attach, admin], attach: [dma0, dma1]}\n";

static void write_units(FILE *file, const struct variant *variant)
{
	fputs("version: 1\n", file);
	if (!variant->stage && !variant->table && !variant->mode)
		return;
	fputs("units:\n  - {unit: \"*\"", file);
	if (variant->stage)
		fprintf(file, ", stage: %s", variant->stage);
	if (variant->table)
		fprintf(file, ", stream_table: %s", variant->table);
	if (variant->mode)
		fprintf(file, ", mode: %s", variant->mode);
	fputs("}\n", file);
}

void rig_write_policy(struct rig *rig, const char *text)
{
	FILE *file = fopen(rig->policy, "we");
	const char *at;

	assert_non_null(file);
	write_units(file, rig->variant);
	for (; (at = strstr(text, RIG_WORDS)); text = at + strlen(RIG_WORDS)) {
		fwrite(text, 1, (size_t)(at - text), file);
		fprintf(file, "%s%s", quiesce,
			variant_is_x86(rig->variant) ? ", unsafe_interrupts: allow" : "");
	}
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

void rig_prepare_board(struct rig *rig, const struct variant *variant, const char *const *extra)
{
	memset(rig, 0, sizeof(*rig));
	rig->daemon.pid = rig->daemon.pidfd = -1;
	rig->variant = variant;
	variant_board_start(&rig->board, variant, extra);
	snprintf(rig->socket, sizeof(rig->socket), "%s/smmu", rig->board.dir);
	snprintf(rig->policy, sizeof(rig->policy), "%s/policy.yaml", rig->board.dir);
}

void rig_prepare(struct rig *rig, const struct variant *variant)
{
	char text[sizeof(own_policy) + sizeof(with_platform)];

	rig_prepare_board(rig, variant,
			  (const char *const[]){ "--edu", "2", "--platform-edu",
						 variant->has_platform ? "1" : "0", NULL });
	snprintf(text, sizeof(text), "%s%s", own_policy,
		 variant->has_platform ? with_platform : without_platform);
	rig_write_policy(rig, text);
}

void rig_daemon_argv(struct rig *rig, const char *program, const char **argv)
{
	const char *const words[] = { program,	   "-v",	"--board",  rig->board.socket,
				      "--policy", rig->policy, "--socket", rig->socket, NULL };

	memcpy(argv, words, sizeof(words));
}

void rig_start_daemon(struct rig *rig, const char *program)
{
	const char *argv[16];
	char path[128], log[128];

	snprintf(log, sizeof(log), "%s/daemon.log", rig->board.dir);
	rig_daemon_argv(rig, build_path(program, path, sizeof(path)), argv);
	/* An earlier daemon's "ready" must not be taken for this one's. */
	unlink(log);
	process_start(&rig->daemon, log, argv);
	if (!process_wait_line(&rig->daemon, "ready:")) {
		process_show_log(&rig->daemon);
		fail_msg("the daemon did not come up");
	}
}

void rig_start(struct rig *rig, const struct variant *variant)
{
	rig_prepare(rig, variant);
	rig_start_daemon(rig, "smmuman");
}

void rig_stop(struct rig *rig)
{
	if (rig->daemon.pid > 0 && rig->daemon.pidfd >= 0)
		assert_int_equal(process_stop(&rig->daemon, SIGTERM), 0);
	board_stop(&rig->board);
}

void driver_open(struct driver *driver, struct rig *rig, size_t bytes)
{
	char why[240] = "";

	memset(driver, 0, sizeof(*driver));
	driver->variant = rig->variant;
	if (smmu_open_why(&driver->context, rig->socket, why, sizeof(why)) < 0)
		fail_msg("smmu_open: %s", why);
	assert_int_equal(smmu_domain_create(driver->context, &driver->domain), 0);
	assert_int_equal(smmu_dma_alloc(driver->context, bytes, &driver->buffer), 0);
}

void driver_close(struct driver *driver)
{
	smmu_close(driver->context);
	driver->context = NULL;
}

static void explain(struct driver *driver, const char *what, int ret)
{
	char text[240] = "";

	smmu_last_error(driver->context, text, sizeof(text));
	fail_msg("%s: %d: %s", what, ret, text);
}

int driver_try_attach(struct driver *driver, const char *name)
{
	return smmu_attach(driver->context, driver->domain, name, &driver->attached);
}

void driver_attach(struct driver *driver, const char *name)
{
	uint32_t command;
	int ret;

	/* Each refusal takes a round trip, and the daemon works on it meanwhile. */
	do
		ret = driver_try_attach(driver, name);
	while (ret == -EAGAIN);
	if (ret < 0)
		explain(driver, "attach", ret);
	ret = smmu_device_open(driver->context, driver->attached.device, &driver->device);
	if (ret < 0)
		explain(driver, "device_open", ret);
	if (smmu_config_read(driver->device, 4, 2, &command) < 0)
		return; /* a platform device has no such switch */
	assert_int_equal(smmu_config_write(driver->device, 4, 2, command | 6), 0);
}

void driver_grant(struct driver *driver, uint64_t iova, uint64_t length, uint64_t offset,
		  unsigned rights)
{
	struct smmu_grant grant = { driver->buffer.memory, rights, iova, length, offset };
	int ret = smmu_map(driver->context, driver->domain, &grant);

	if (ret < 0)
		explain(driver, "map", ret);
}

void driver_revoke(struct driver *driver, uint64_t iova, uint64_t length)
{
	int ret = smmu_unmap(driver->context, driver->domain, iova, length);

	if (ret < 0)
		explain(driver, "unmap", ret);
}

static void start(struct driver *driver, uint64_t from, uint64_t to, uint32_t length,
		  uint32_t command)
{
	assert_int_equal(smmu_reg_write64(driver->device, 0, 0x80, from), 0);
	assert_int_equal(smmu_reg_write64(driver->device, 0, 0x88, to), 0);
	assert_int_equal(smmu_reg_write64(driver->device, 0, 0x90, length), 0);
	assert_int_equal(smmu_reg_write64(driver->device, 0, 0x98, command), 0);
}

static void wait_idle(struct driver *driver)
{
	time_t end = time(NULL) + WAIT_S;
	uint32_t busy = 1;

	while (busy & 1) {
		assert_int_equal(smmu_reg_read32(driver->device, 0, 0x98, &busy), 0);
		assert_true(time(NULL) < end);
	}
}

void driver_to_device(struct driver *driver, uint64_t iova, uint32_t length)
{
	start(driver, iova, EDU_BUFFER, length, EDU_FROM_RAM);
	wait_idle(driver);
}

void driver_start_from_device(struct driver *driver, uint64_t iova, uint32_t length)
{
	start(driver, EDU_BUFFER, iova, length, EDU_TO_RAM);
}

void driver_from_device(struct driver *driver, uint64_t iova, uint32_t length)
{
	driver_start_from_device(driver, iova, length);
	wait_idle(driver);
}

void driver_fill_device(struct driver *driver, uint8_t byte, uint32_t length)
{
	uint64_t offset = driver->buffer.length - RIG_PAGE;

	driver_set(driver, offset, RIG_PAGE, byte);
	driver_grant(driver, SCRATCH, RIG_PAGE, offset, SMMU_READ);
	driver_to_device(driver, SCRATCH, length);
	driver_revoke(driver, SCRATCH, RIG_PAGE);
	driver_set(driver, offset, RIG_PAGE, 0);
}

bool driver_holds(const struct driver *driver, uint64_t offset, uint64_t length, uint8_t byte)
{
	const volatile uint8_t *at = (const uint8_t *)driver->buffer.cpu + offset;
	uint64_t i;

	for (i = 0; i < length; i++)
		if (at[i] != byte)
			return false;
	return true;
}

void driver_set(struct driver *driver, uint64_t offset, uint64_t length, uint8_t byte)
{
	memset((uint8_t *)driver->buffer.cpu + offset, byte, length);
}

struct smmu_fault driver_newest_fault(struct driver *driver)
{
	struct smmu_fault faults[32];
	struct smmu_fault newest = { 0 };
	bool found = false;
	int n;

	while ((n = smmu_fault_read(driver->context, faults, 32, NULL)) > 0) {
		newest = faults[n - 1];
		found = true;
	}
	assert_int_equal(n, 0);
	assert_true(found);
	return newest;
}

struct smmu_fault driver_expect_refusal(struct driver *driver, uint64_t address, unsigned count,
					unsigned access)
{
	struct smmu_fault fault = driver_newest_fault(driver);

	if (fault.access || !driver->variant->hides_access)
		assert_int_equal(fault.access, access);
	if (driver->variant->merges_faults) {
		assert_int_equal(fault.address, address & ~(RIG_PAGE - 1));
		assert_in_range(fault.count, 1, count);
		return fault;
	}
	assert_int_equal(fault.address, address);
	assert_int_equal(fault.last_address, address + 4 * (count - 1));
	assert_int_equal(fault.count, count);
	return fault;
}
