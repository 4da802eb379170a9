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
#include "rig.h"

#define MISSED UINT64_C(0x200000)

static const struct variant *variant;

static struct live {
	struct rig rig;
	struct driver driver;
	struct smmu_info info;
	char smmuctl[128];
} live;

static int setup(void **state)
{
	(void)state;
	memset(&live, 0, sizeof(live));
	rig_start(&live.rig, variant);
	build_path("smmuctl", live.smmuctl, sizeof(live.smmuctl));
	driver_open(&live.driver, &live.rig, RIG_PAGE);
	assert_int_equal(smmu_info(live.driver.context, &live.info), 0);
	driver_attach(&live.driver, DMA0);
	driver_grant(&live.driver, RIG_IOVA, RIG_PAGE, 0, SMMU_READ | SMMU_WRITE);
	driver_from_device(&live.driver, RIG_IOVA, 64);
	driver_from_device(&live.driver, MISSED, 64);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_close(&live.driver);
	rig_stop(&live.rig);
	return 0;
}

/* Its standard output; the exit code beside. */
static char *run(const char *words, int *ret_code)
{
	static char text[65536];
	char command[512];
	size_t length;
	FILE *pipe;

	snprintf(command, sizeof(command), "%s --socket %s %s", live.smmuctl, live.rig.socket, words);
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
	assert_string_equal(text_of(entry, "name"), DMA0);
	assert_string_equal(text_of(entry, "state"), "attached");
	assert_int_equal(number_of(entry, "client"), live.info.client);
	assert_int_equal(number_of(entry, "faults"), variant->merges_faults ? 1 : 16);
	entry = entry_of(json_object_get(devices, "devices"), "policy", "dma1");
	assert_string_equal(text_of(entry, "state"), "closed");
	entry = entry_of(json_object_get(clients, "clients"), "rule", live.info.rule);
	assert_int_equal(number_of(entry, "pid"), getpid());
	entry = entry_of(json_object_get(domains, "domains"), "rule", live.info.rule);
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
	assert_string_equal(text_of(fault, "device"), DMA0);
	assert_string_equal(text_of(fault, "address"), "0x200000");
	assert_string_equal(text_of(fault, "last_address"),
			    variant->merges_faults ? "0x200000" : "0x20003c");
	assert_int_equal(number_of(fault, "count"), variant->merges_faults ? 1 : 16);
	assert_string_equal(text_of(fault, "access"), variant->hides_access ? "unknown" : "write");
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

	static const enum variant_id rows[] = { SMMU_S1_TWO_LEVEL, VTD_LEGACY_48, VTD_SECOND_LEVEL,
						VIRTIO_ON_VIRT };
	int failed = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		variant = &variants[rows[i]];
		if (variant_can(variant))
			failed += cmocka_run_group_tests_name(variant->name, tests, setup, teardown);
	}
	return failed;
}
