// SPDX-License-Identifier: BSD-2-Clause
// From a file to a policy, whole or not at all.
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scoped.h"

#define VERSION 1u
#define MAX_CONNECTIONS_DEFAULT 1024u

/* Sections are found first and read in the order in which they refer to each other. */
struct sections {
	const struct load_node *limits, *units, *devices, *regions, *clients, *statics;
};

static void read_version(struct load *load, const struct load_node *node, void *target)
{
	uint32_t version;

	(void)target;
	if (load_count32(load, node, "version", 0, UINT32_MAX, &version) && version != VERSION)
		load_error(load, node->mark, "version %u is not one this program knows; it reads "
			   "version: %u", version, VERSION);
}

#define SECTION(field) \
	static void find_##field(struct load *load, const struct load_node *node, void *target) \
	{ \
		(void)load; \
		((struct sections *)target)->field = node; \
	}

SECTION(limits)
SECTION(units)
SECTION(devices)
SECTION(regions)
SECTION(clients)
SECTION(statics)

static const struct load_key policy_keys[] = {
	{ "version", true, read_version },  { "limits", false, find_limits },
	{ "units", false, find_units },	    { "devices", false, find_devices },
	{ "regions", false, find_regions }, { "clients", false, find_clients },
	{ "static", false, find_statics },
};

static void read_policy(struct load *load, const struct load_node *root)
{
	struct sections found = { .limits = NULL };

	if (!load_map(load, root, "the policy", policy_keys, ARRAY_COUNT(policy_keys), &found))
		return;
	if (found.limits)
		load_global_limits(load, found.limits);
	if (found.units)
		load_units(load, found.units);
	if (found.devices)
		load_devices(load, found.devices);
	if (found.regions)
		load_regions(load, found.regions);
	if (found.clients)
		load_clients(load, found.clients);
	if (found.statics)
		load_statics(load, found.statics);
	if (!load->errors && !load->status)
		load_unused(load);
}

static struct policy *policy_new(struct load *load)
{
	struct policy *policy = load_zeroed(load, 1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->max_connections = MAX_CONNECTIONS_DEFAULT;
	policy->file = load_copy(load, load->file);
	return policy;
}

/* Everything is recorded in load; whether it is a policy is for the caller. */
static void run(struct load *load)
{
	const struct load_node *root;

	load->policy = policy_new(load);
	if (load->status || load_screen(load))
		return;
	root = load_tree(load);
	if (root)
		read_policy(load, root);
	load_tree_free(load);
}

int policy_parse(const char *file, const char *bytes, size_t length, struct policy **ret_policy,
		 struct policy_report *report)
{
	struct load load = { .file = file, .bytes = bytes, .length = length };

	run(&load);
	if (load.status)
		load_error(&load, (struct load_mark){ 0, 0 }, "out of memory");
	load_report(&load, report);
	if (load.errors) {
		policy_free(load.policy);
		return load.status ? load.status : -EINVAL;
	}
	*ret_policy = load.policy;
	return 0;
}

/* A failure of the file as a whole. */
static int __attribute__((format(printf, 4, 5)))
file_error(struct policy_report *report, const char *file, int code, const char *format, ...)
{
	struct load load = { .file = file };
	char why[200];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	load_error(&load, (struct load_mark){ 0, 0 }, "%s", why);
	load_report(&load, report);
	return code;
}

static int open_failed(struct policy_report *report, const char *file, int code)
{
	if (code == -ELOOP)
		return file_error(report, file, code,
				  "is a symbolic link; name the file itself, so that nobody can "
				  "swap it");
	return file_error(report, file, code, "cannot be opened: %s", strerror(-code));
}

/* Asked of the open descriptor: what was checked is what will be read. */
static int check_file(struct policy_report *report, const char *file, int fd, bool must_be_safe)
{
	struct stat st;

	if (fstat(fd, &st))
		return file_error(report, file, -errno, "cannot be examined: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return file_error(report, file, -EINVAL, "is no regular file");
	if (must_be_safe && st.st_uid != 0 && st.st_uid != geteuid())
		return file_error(report, file, -EPERM,
				  "belongs to uid %u; whoever owns it decides who reaches memory: "
				  "chown root it",
				  st.st_uid);
	if (must_be_safe && (st.st_mode & (S_IWGRP | S_IWOTH)))
		return file_error(report, file, -EPERM,
				  "is writable by others (mode %04o); chmod go-w it",
				  st.st_mode & 07777);
	if (st.st_size > (off_t)POLICY_FILE_MAX)
		return file_error(report, file, -EINVAL,
				  "%lld bytes; a policy has at most %u (1 MiB)",
				  (long long)st.st_size, POLICY_FILE_MAX);
	return 0;
}

/* One byte more than allowed may be read: a file that grew is refused too. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size) {
		n = read(fd, bytes + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int policy_load(const char *file, bool must_be_safe, struct policy **ret_policy,
		struct policy_report *report)
{
	scoped_fd fd = open(file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	scoped_free char *bytes = NULL;
	ssize_t length;
	int err;

	if (fd < 0)
		return open_failed(report, file, -errno);
	err = check_file(report, file, fd, must_be_safe);
	if (err)
		return err;
	bytes = malloc(POLICY_FILE_MAX + 1);
	if (!bytes)
		return file_error(report, file, -ENOMEM, "out of memory");
	length = read_all(fd, bytes, POLICY_FILE_MAX + 1);
	if (length < 0)
		return file_error(report, file, (int)length, "cannot be read: %s",
				  strerror((int)-length));
	return policy_parse(file, bytes, (size_t)length, ret_policy, report);
}
