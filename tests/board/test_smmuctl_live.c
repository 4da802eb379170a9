// SPDX-License-Identifier: BSD-2-Clause
/*
 * smmuctl, the daemon and the board together: this process is the client whose
 * device, grant and fault smmuctl is to show.
 */
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bits.h"
#include "harness.h"
#include "smmu.h"

#define DEVICE "pci:0000:00:02.0"
#define GRANTED UINT64_C(0x100000)
#define MISSED UINT64_C(0x200000)

static struct rig {
	struct board_fixture board;
	struct process daemon;
	char socket[128], smmuctl[128];
	struct smmu *context;
	struct smmu_attached attached;
	struct smmu_info info;
} rig;

/* edu copies 64 bytes of its own to an address. */
static void let_device_write(uint64_t iova)
{
	struct smmu_device *device;
	uint64_t command = 1;

	assert_int_equal(smmu_device_open(rig.context, rig.attached.device, &device), 0);
	assert_int_equal(smmu_config_write(device, 4, 2, 6), 0);
	assert_int_equal(smmu_reg_write64(device, 0, 0x80, 0x40000), 0);
	assert_int_equal(smmu_reg_write64(device, 0, 0x88, iova), 0);
	assert_int_equal(smmu_reg_write64(device, 0, 0x90, 64), 0);
	assert_int_equal(smmu_reg_write64(device, 0, 0x98, 3), 0);
	while (command & 1)
		assert_int_equal(smmu_reg_read64(device, 0, 0x98, &command), 0);
	smmu_device_close(device);
}

static void become_client(void)
{
	struct smmu_dma_buffer buffer;
	struct smmu_grant grant = { .rights = SMMU_READ | SMMU_WRITE, .iova = GRANTED };
	uint32_t domain;

	assert_int_equal(smmu_open(&rig.context, rig.socket), 0);
	assert_int_equal(smmu_info(rig.context, &rig.info), 0);
	assert_int_equal(smmu_domain_create(rig.context, &domain), 0);
	assert_int_equal(smmu_attach(rig.context, domain, DEVICE, &rig.attached), 0);
	assert_int_equal(smmu_dma_alloc(rig.context, 4096, &buffer), 0);
	grant.memory = buffer.memory;
	grant.length = buffer.length;
	assert_int_equal(smmu_map(rig.context, domain, &grant), 0);
	let_device_write(GRANTED);
	let_device_write(MISSED);
}

static int setup(void **state)
{
	char program[128], log[128];

	(void)state;
	board_start(&rig.board, "--edu", "2", NULL);
	snprintf(rig.socket, sizeof(rig.socket), "%s/smmuman", rig.board.dir);
	snprintf(log, sizeof(log), "%s/smmuman.log", rig.board.dir);
	build_path("smmuctl", rig.smmuctl, sizeof(rig.smmuctl));
	process_start(&rig.daemon, log,
		      (const char *[]){ build_path("smmuman", program, sizeof(program)), "--board",
					rig.board.socket, "--policy", "policy/example-board.yaml",
					"--socket", rig.socket, NULL });
	assert_true(process_wait_line(&rig.daemon, "ready"));
	become_client();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	smmu_close(rig.context);
	assert_int_equal(process_stop(&rig.daemon, SIGTERM), 0);
	board_stop(&rig.board);
	return 0;
}

/* Its standard output; the exit code beside. */
static char *run(const char *words, int *ret_code)
{
	static char text[65536];
	char command[512];
	size_t length;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s --socket %s %s", rig.smmuctl, rig.socket, words);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	length = fread(text, 1, sizeof(text) - 1, pipe);
	text[length] = '\0';
	*ret_code = WEXITSTATUS(pclose(pipe));
	return text;
}

/* The document; the caller drops it. */
static json_t *run_json(const char *words)
{
	json_error_t error;
	char line[256];
	json_t *document;
	int code;

	snprintf(line, sizeof(line), "--json %s", words);
	document = json_loads(run(line, &code), 0, &error);
	assert_int_equal(code, 0);
	assert_non_null(document);
	return document;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert_non_null(text);
	return text;
}

static long number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return (long)json_integer_value(value);
}

/* The entry of a list whose key is that text. */
static const json_t *entry_of(const json_t *list, const char *key, const char *text)
{
	const char *found;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		found = json_string_value(json_object_get(json_array_get(list, i), key));
		if (found && strcmp(found, text) == 0)
			return json_array_get(list, i);
	}
	fail_msg("no entry has %s %s", key, text);
	return NULL;
}

static void smmuctl_live_verbs_print_for_people(void **state)
{
	static const char *const verbs[] = {
		"status", "units", "devices", "clients", "domains", "grants", "faults",
		"explain dma0", "explain dma0 0x100000", "explain dma0 0x200000", "explain dma1",
	};
	size_t i;
	int code;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(verbs); i++) {
		assert_true(strlen(run(verbs[i], &code)) > 20);
		assert_int_equal(code, 0);
	}
}

static void smmuctl_live_objects_are_what_they_are(void **state)
{
	json_t *status = run_json("status"), *units = run_json("units");
	json_t *devices = run_json("devices"), *clients = run_json("clients");
	json_t *domains = run_json("domains"), *grants = run_json("grants");
	const json_t *entry;

	(void)state;
	assert_int_equal(number_of(status, "grants"), 1);
	assert_int_equal(number_of(status, "domains"), 1);
	assert_true(json_is_false(json_object_get(
		json_array_get(json_object_get(units, "units"), 0), "closed")));
	entry = entry_of(json_object_get(devices, "devices"), "policy", "dma0");
	assert_string_equal(text_of(entry, "name"), DEVICE);
	assert_string_equal(text_of(entry, "state"), "attached");
	assert_int_equal(number_of(entry, "client"), rig.info.client);
	assert_int_equal(number_of(entry, "faults"), 16);
	entry = entry_of(json_object_get(devices, "devices"), "policy", "dma1");
	assert_string_equal(text_of(entry, "state"), "closed");
	entry = entry_of(json_object_get(clients, "clients"), "rule", rig.info.rule);
	assert_int_equal(number_of(entry, "pid"), getpid());
	entry = entry_of(json_object_get(domains, "domains"), "rule", rig.info.rule);
	assert_int_equal(number_of(entry, "bytes"), 4096);
	entry = entry_of(json_object_get(grants, "grants"), "iova", "0x100000");
	assert_string_equal(text_of(entry, "rights"), "rw");
	assert_int_equal(number_of(entry, "length"), 4096);
	json_decref(status);
	json_decref(units);
	json_decref(devices);
	json_decref(clients);
	json_decref(domains);
	json_decref(grants);
}

static void smmuctl_live_faults_show_the_refused_write(void **state)
{
	json_t *document = run_json("faults --device dma0 --limit 1");
	const json_t *list = json_object_get(document, "faults"), *fault = json_array_get(list, 0);

	(void)state;
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text_of(fault, "device"), DEVICE);
	assert_string_equal(text_of(fault, "address"), "0x200000");
	assert_string_equal(text_of(fault, "last_address"), "0x20003c");
	assert_int_equal(number_of(fault, "count"), 16);
	assert_string_equal(text_of(fault, "access"), "write");
	assert_int_equal(number_of(fault, "pid"), getpid());
	assert_non_null(strstr(text_of(fault, "note"), "past the end of the grant at 0x100000"));
	json_decref(document);
}

static void smmuctl_live_explain_walks_the_tables(void **state)
{
	json_t *hit = run_json("explain dma0 0x100000"), *miss = run_json("explain dma0 0x200000");

	(void)state;
	assert_true(json_is_true(json_object_get(hit, "mapped")));
	assert_true(json_array_size(json_object_get(hit, "walk")) > 0);
	assert_string_equal(text_of(hit, "rights"), "rw");
	assert_true(json_is_null(json_object_get(hit, "past_grant")));
	assert_true(json_is_false(json_object_get(miss, "mapped")));
	assert_true(json_array_size(json_object_get(miss, "walk")) > 0);
	assert_int_equal(json_array_size(json_object_get(miss, "faults")), 1);
	json_decref(hit);
	json_decref(miss);
}

static void smmuctl_live_refusals_have_their_exit_codes(void **state)
{
	int code;

	(void)state;
	run("release dma1 2>&1", &code);
	assert_int_equal(code, 1);
	run("explain pci:0000:00:1e.0 2>&1", &code);
	assert_int_equal(code, 5);
	run("faults --device nobody 2>&1", &code);
	assert_int_equal(code, 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuctl_live_verbs_print_for_people),
		cmocka_unit_test(smmuctl_live_objects_are_what_they_are),
		cmocka_unit_test(smmuctl_live_faults_show_the_refused_write),
		cmocka_unit_test(smmuctl_live_explain_walks_the_tables),
		cmocka_unit_test(smmuctl_live_refusals_have_their_exit_codes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
