// SPDX-License-Identifier: BSD-2-Clause
/* nvme-driver: the example driver as a program. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvme.h"

#define PIECE ((size_t)1 << 20) /* bytes read and write move at a time */

struct settings {
	const char *socket, *device;
	enum nvme_mode mode;
	bool is_mode_given;
	uint64_t megabytes;
	uint64_t lba, count;
};

static const char *mode_name(enum nvme_mode mode)
{
	return mode == NVME_POOL ? "pool" : "per-command";
}

/* --- commands -------------------------------------------------------------------------- */

static int do_identify(struct nvme *nvme, const struct settings *settings)
{
	(void)settings;
	printf("%s: %s, serial %s, firmware %s\n", nvme->attached.name, nvme->model, nvme->serial,
	       nvme->firmware);
	printf("namespace 1 of %u: %llu blocks of %u bytes; a command moves up to %u bytes here\n",
	       nvme->namespaces, (unsigned long long)nvme->blocks, nvme->block_bytes,
	       nvme->command_bytes);
	printf("I/O queue: %u entries of %u; doorbells every %u bytes; ready within %u ms\n",
	       nvme->io.entries, nvme->entries_max, nvme->stride, nvme->ready_ms);
	return 0;
}

static int selftest_in(struct nvme *nvme, enum nvme_mode mode, uint64_t bytes)
{
	const struct nvme_counts *counts = &nvme->counts;
	uint64_t begin = nvme_now_ms(), wraps = nvme->io.wraps, ms;
	int rc;

	nvme->counts = (struct nvme_counts){ 0 };
	rc = nvme_selftest(nvme, mode, bytes);
	if (rc)
		return rc;
	ms = nvme_now_ms() - begin;
	printf("%s: %llu bytes written, read back and the same: %llu commands, %llu bytes moved, "
	       "%llu grants in %llu calls, %llu turns of the queue, %llu ms\n", mode_name(mode),
	       (unsigned long long)bytes, (unsigned long long)counts->commands,
	       (unsigned long long)counts->bytes, (unsigned long long)counts->grants,
	       (unsigned long long)counts->calls, (unsigned long long)(nvme->io.wraps - wraps),
	       (unsigned long long)ms);
	return 0;
}

static int do_selftest(struct nvme *nvme, const struct settings *settings)
{
	uint64_t bytes = settings->megabytes << 20;
	int rc = 0;

	if (!settings->is_mode_given || settings->mode == NVME_POOL)
		rc = selftest_in(nvme, NVME_POOL, bytes);
	if (!rc && (!settings->is_mode_given || settings->mode == NVME_PER_COMMAND))
		rc = selftest_in(nvme, NVME_PER_COMMAND, bytes);
	return rc;
}

/* One piece, between the namespace and a file. */
static int copy(struct nvme *nvme, const struct nvme_memory *buffer, bool is_write, uint64_t lba,
		uint64_t blocks)
{
	size_t bytes = (size_t)(blocks * nvme->block_bytes);
	int rc;

	if (is_write && fread(buffer->buffer.cpu, 1, bytes, stdin) != bytes)
		return nvme_fail(nvme, -EIO, "standard input ended before block %llu + %llu",
				 (unsigned long long)lba, (unsigned long long)blocks);
	rc = nvme_move(nvme, is_write, lba, blocks, buffer, 0);
	if (!rc && !is_write &&
	    (fwrite(buffer->buffer.cpu, 1, bytes, stdout) != bytes || fflush(stdout)))
		return nvme_fail(nvme, -EIO, "standard output cannot be written: %s",
				 strerror(errno));
	return rc;
}

static int do_copy(struct nvme *nvme, const struct settings *settings, bool is_write)
{
	uint64_t lba = settings->lba, left = settings->count, most = PIECE / nvme->block_bytes;
	struct nvme_memory buffer = { 0 };
	int rc, other;

	if (lba >= nvme->blocks || left > nvme->blocks - lba)
		return nvme_fail(nvme, -ERANGE, "the namespace has %llu blocks",
				 (unsigned long long)nvme->blocks);
	rc = nvme_buffer_create(nvme, PIECE, settings->mode, &buffer);
	while (!rc && left > 0) {
		uint64_t some = left < most ? left : most;

		rc = copy(nvme, &buffer, is_write, lba, some);
		lba += some;
		left -= some;
	}
	other = nvme_buffer_destroy(nvme, &buffer);
	return rc ? rc : other;
}

static int do_read(struct nvme *nvme, const struct settings *settings)
{
	return do_copy(nvme, settings, false);
}

static int do_write(struct nvme *nvme, const struct settings *settings)
{
	return do_copy(nvme, settings, true);
}

static const struct verb {
	const char *name;
	int words; /* behind it */
	int (*run)(struct nvme *nvme, const struct settings *settings);
} verbs[] = {
	{ "identify", 0, do_identify },
	{ "selftest", 0, do_selftest },
	{ "read", 2, do_read },
	{ "write", 2, do_write },
};

/* --- faults ------------------------------------------------------------------------------ */

/* A device need not tell that it was refused; the service does. How many there were. */
static unsigned show_faults(struct nvme *nvme)
{
	struct smmu_fault faults[8];
	unsigned shown = 0;
	int i, count;

	while ((count = smmu_fault_read(nvme->context, faults, 8, NULL)) > 0) {
		for (i = 0; i < count; i++)
			fprintf(stderr, "nvme-driver: refused: %s of 0x%llx to 0x%llx: %s; %s\n",
				faults[i].access == SMMU_READ ? "a read" : "a write",
				(unsigned long long)faults[i].address,
				(unsigned long long)faults[i].last_address, faults[i].reason,
				faults[i].note);
		shown += (unsigned)count;
	}
	return shown;
}

/* --- the program -------------------------------------------------------------------------- */

static int usage(FILE *to, int code)
{
	fputs("usage: nvme-driver [--socket PATH] [--device NAME] [--mode pool|per-command] COMMAND\n"
	      "Drives an NVMe controller under smmuman. NAME is a device name such as\n"
	      "pci:0000:00:04.0 (the default). COMMAND is one of\n"
	      "  identify                   what the controller and namespace 1 are\n"
	      "  selftest [--megabytes N]   writes, reads back and compares: OVERWRITES the first N\n"
	      "                             MiB (4) of the namespace; in both modes unless one is given\n"
	      "  read LBA COUNT             blocks to standard output\n"
	      "  write LBA COUNT            blocks from standard input\n"
	      "--mode says whether data is granted once with its buffer (pool, the default) or by\n"
	      "each command. Exits 0; 1: failed, or the device was refused memory; 2: usage.\n", to);
	return code;
}

static bool take_number(const char *word, uint64_t most, uint64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoull(word, &end, 0);
	return !errno && end != word && !*end && *word != '-' && *ret_value <= most;
}

/* 0: go on; 1: help was asked for; -1: wrong. */
static int take_options(int argc, char **argv, struct settings *settings)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "device", required_argument, NULL, 'd' },
		{ "mode", required_argument, NULL, 'm' },
		{ "megabytes", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "s:d:m:n:h", options, NULL)) != -1) {
		if (option == 's') {
			settings->socket = optarg;
		} else if (option == 'd') {
			settings->device = optarg;
		} else if (option == 'm' && !strcmp(optarg, "pool")) {
			settings->is_mode_given = true;
		} else if (option == 'm' && !strcmp(optarg, "per-command")) {
			settings->mode = NVME_PER_COMMAND;
			settings->is_mode_given = true;
		} else if (option != 'n' ||
			   !take_number(optarg, UINT32_MAX, &settings->megabytes) ||
			   settings->megabytes == 0) {
			return option == 'h' ? 1 : -1;
		}
	}
	return 0;
}

static const struct verb *find_verb(int argc, char **argv, struct settings *settings)
{
	size_t i;

	for (i = 0; optind < argc && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (argc - optind - 1 != verbs[i].words)
			return NULL;
		if (verbs[i].words && (!take_number(argv[optind + 1], INT64_MAX, &settings->lba) ||
				       !take_number(argv[optind + 2], INT64_MAX, &settings->count)))
			return NULL;
		return &verbs[i];
	}
	return NULL;
}

static int drive(struct nvme *nvme, const struct verb *verb, const struct settings *settings)
{
	int rc = nvme_open(nvme, settings->socket), detached;
	char why[sizeof(nvme->why)];

	if (!rc)
		rc = nvme_attach(nvme, settings->device);
	if (rc)
		return rc;
	rc = verb->run(nvme, settings);
	if (rc)
		memcpy(why, nvme->why, sizeof(why));
	detached = nvme_detach(nvme);
	if (rc)
		memcpy(nvme->why, why, sizeof(why));
	return rc ? rc : detached;
}

int main(int argc, char **argv)
{
	struct settings settings = { .device = "pci:0000:00:04.0", .megabytes = 4 };
	int rc = take_options(argc, argv, &settings);
	const struct verb *verb;
	unsigned refused = 0;
	struct nvme nvme;

	if (rc)
		return usage(rc > 0 ? stdout : stderr, rc > 0 ? 0 : 2);
	verb = find_verb(argc, argv, &settings);
	if (!verb)
		return usage(stderr, 2);
	rc = drive(&nvme, verb, &settings);
	if (rc)
		fprintf(stderr, "nvme-driver: %s\n", nvme.why);
	if (nvme.context)
		refused = show_faults(&nvme);
	nvme_close(&nvme);
	return rc || refused ? 1 : 0;
}
