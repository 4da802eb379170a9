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

#define QUIESCE "quiesce: {poll: {bar: 0, offset: 0x98, mask: 0x1, value: 0x0}}"
#define SCRATCH UINT64_C(0x7f000000)

static const char policy_text[] =
	"version: 1\n"
	"units:\n"
	"  - {unit: \"*\", stage: %s, stream_table: %s}\n"
	"devices:\n"
	"  - {name: dma0, match: \"pci:0000:00:02.0\", " QUIESCE "}\n"
	"  - {name: dma1, match: \"pci:0000:00:03.0\", " QUIESCE "}\n"
	"%s";

static const char policy_clients[] =
	"  - {name: platform, match: \"%s\", " QUIESCE "}\n"
	"clients:\n"
	"  - {name: edu-driver, uid: self, rights: [attach, admin], attach: [dma0, dma1, platform]}\n";

static void write_policy(struct rig *rig, const char *extra)
{
	char clients[1024];
	FILE *file;

	snprintf(clients, sizeof(clients), policy_clients, "dt:/platform-edu@10200000");
	file = fopen(rig->policy, "we");
	assert_non_null(file);
	fprintf(file, policy_text, rig->variant->stage, rig->variant->table,
		strstr(extra, "clients:") ? "" : clients);
	fputs(extra, file);
	assert_int_equal(fclose(file), 0);
}

void rig_prepare(struct rig *rig, const struct rig_variant *variant, const char *extra)
{
	memset(rig, 0, sizeof(*rig));
	rig->variant = variant;
	board_start(&rig->board, "--edu", "2", "--platform-edu", "1", NULL);
	snprintf(rig->socket, sizeof(rig->socket), "%s/smmu", rig->board.dir);
	snprintf(rig->policy, sizeof(rig->policy), "%s/policy.yaml", rig->board.dir);
	write_policy(rig, extra);
	rig->daemon.pid = rig->daemon.pidfd = -1;
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

void rig_start(struct rig *rig, const struct rig_variant *variant, const char *extra)
{
	rig_prepare(rig, variant, extra);
	rig_start_daemon(rig, "smmuman");
}

void rig_stop(struct rig *rig)
{
	if (rig->daemon.pidfd >= 0)
		assert_int_equal(process_stop(&rig->daemon, SIGTERM), 0);
	board_stop(&rig->board);
}

bool rig_can(const struct rig_variant *variant)
{
	const char *argv[16];
	char path[128], log[128];
	struct rig rig;
	bool can;

	rig_prepare(&rig, variant, "");
	snprintf(log, sizeof(log), "%s/daemon.log", rig.board.dir);
	rig_daemon_argv(&rig, build_path("smmuman", path, sizeof(path)), argv);
	process_start(&rig.daemon, log, argv);
	can = process_wait_line(&rig.daemon, "ready:");
	if (!can && rig.daemon.pidfd >= 0)
		process_wait(&rig.daemon);
	rig_stop(&rig);
	return can;
}

void driver_open(struct driver *driver, struct rig *rig, size_t bytes)
{
	char why[240] = "";

	memset(driver, 0, sizeof(*driver));
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
