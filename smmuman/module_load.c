// SPDX-License-Identifier: BSD-2-Clause
/*
 * The one file that loads code. Everything is judged on the descriptor that is
 * then loaded: the name may lead elsewhere a moment later.
 */
#include "module_load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bits.h"
#include "scoped.h"

#define NAME_MAX_BYTES 31
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
#define MODULE_SYMBOL "smmu_module"

static int name_check(const char *name, struct error *err)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_MAX_BYTES || strspn(name, NAME_LETTERS) != length)
		return error_set(err, -EINVAL,
				 "'%.40s' is no module name: NAME of smmu-NAME.so alone, up to %u "
				 "letters, digits, '-' and '_'",
				 name, NAME_MAX_BYTES);
	return 0;
}

/* Could anybody but root and this very user have chosen what is there? */
static int owner_check(const struct stat *at, const char *path, struct error *err)
{
	uid_t self = geteuid();

	if (at->st_uid != 0 && at->st_uid != self)
		return error_set(err, -EPERM,
				 "%s belongs to user %u: it has to be root's%s; chown it, if you trust it",
				 path, (unsigned)at->st_uid, self ? " or the daemon's own user's" : "");
	if (at->st_mode & (S_IWGRP | S_IWOTH))
		return error_set(err, -EPERM,
				 "%s has mode %04o: others than its owner may write it; chmod go-w, if "
				 "you trust what is there",
				 path, (unsigned)at->st_mode & 07777);
	return 0;
}

static int directory_open(const char *directory, int *ret_fd, struct error *err)
{
	scoped_fd fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat at;
	int ret;

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return error_set(err, -EPERM,
				 "%s is no directory, or a symbolic link: name the directory of the modules "
				 "itself with --modules",
				 directory);
	if (fd < 0 || fstat(fd, &at) < 0)
		return error_set(err, -errno,
				 "%s: %s; make the directory of the modules, or name another with --modules",
				 directory, strerror(errno));
	ret = owner_check(&at, directory, err);
	if (ret < 0)
		return ret;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* path is for the words alone. */
static int file_open(int directory_fd, const char *file, const char *path, int *ret_fd,
		     struct error *err)
{
	/* O_NONBLOCK: a FIFO would keep us waiting. */
	scoped_fd fd = openat(directory_fd, file,
				  O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat at;
	int ret;

	if (fd < 0 && errno == ELOOP)
		return error_set(err, -EPERM,
				 "%s is a symbolic link: put the module itself there", path);
	if (fd < 0 || fstat(fd, &at) < 0)
		return error_set(err, -errno,
				 "%s: %s; install the module there, or correct 'module' in the policy",
				 path, strerror(errno));
	if (!S_ISREG(at.st_mode))
		return error_set(err, -EPERM, "%s is no regular file: put the module itself there",
				 path);
	ret = owner_check(&at, path, err);
	if (ret < 0)
		return ret;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What dlerror() says, without the name that nobody knows the file by. */
static const char *loader_words(const char *loaded_as)
{
	const char *words = dlerror();
	size_t length = strlen(loaded_as);

	if (!words)
		return "no reason given";
	if (strncmp(words, loaded_as, length) == 0 && strncmp(words + length, ": ", 2) == 0)
		words += length + 2;
	return words;
}

/* NULL and a sentence when that did not work. */
static void *file_load(int fd, const char *path, struct error *err)
{
	char loaded_as[32];
	void *handle;

	snprintf(loaded_as, sizeof(loaded_as), "/proc/self/fd/%d", fd);
	handle = dlopen(loaded_as, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		error_set(err, -EINVAL,
			  "%s cannot be loaded: %.140s; build it as smmu-module(7) says", path,
			  loader_words(loaded_as));
	return handle;
}

/* All but those that may be NULL: commit, reserved. */
static const struct {
	const char *name;
	size_t offset;
} required[] = {
#define OPERATION(name) { #name, offsetof(struct drv_ops, name) }
	OPERATION(takeover),	  OPERATION(close),	    OPERATION(forget),
	OPERATION(space_create),  OPERATION(space_destroy), OPERATION(set_stream),
	OPERATION(map),		  OPERATION(unmap),	    OPERATION(submit),
	OPERATION(completed),	  OPERATION(drain_faults),  OPERATION(salvage),
	OPERATION(fault_mark),	  OPERATION(walk),	    OPERATION(describe_stream),
	OPERATION(audit),
#undef OPERATION
};

/* The first operation that is not there, or NULL. */
static const char *missing_operation(const struct drv_module *module)
{
	void (*function)(void);
	unsigned i;

	if (!module->match)
		return "match";
	if (!module->probe)
		return "probe";
	if (!module->ops)
		return "ops";
	for (i = 0; i < ARRAY_COUNT(required); i++) {
		memcpy(&function, (const char *)module->ops + required[i].offset, sizeof(function));
		if (!function)
			return required[i].name;
	}
	return NULL;
}

/* name and abi are where every version of the contract has them: abi is read first. */
static int module_check(const struct drv_module *module, const char *name, const char *path,
			struct error *err)
{
	const char *missing;

	if (!module)
		return error_set(err, -EINVAL,
				 "%s defines no '" MODULE_SYMBOL
				 "': it is no module for smmuman, see smmu-module(7)",
				 path);
	if (module->abi != DRV_ABI)
		return error_set(err, -EPROTO,
				 "%s was built for version %u of the module contract, this smmuman has "
				 "version %u: build it with the headers of this smmuman",
				 path, module->abi, DRV_ABI);
	if (!module->name || strcmp(module->name, name) != 0)
		return error_set(err, -EINVAL,
				 "%s calls itself '%.31s': a module's file is smmu-NAME.so; rename the one "
				 "or the other",
				 path, module->name ? module->name : "");
	missing = missing_operation(module);
	if (missing)
		return error_set(err, -EINVAL,
				 "%s has no '%s': every operation but commit and reserved is needed, see "
				 "smmu-module(7)",
				 path, missing);
	return 0;
}

int module_load(const char *directory, const char *name, const struct drv_module **ret_module,
		struct error *err)
{
	scoped_fd directory_fd = -1;
	scoped_fd fd = -1;
	const struct drv_module *module;
	char file[64], path[192];
	void *handle;
	int ret;

	ret = name_check(name, err);
	if (ret < 0)
		return ret;
	snprintf(file, sizeof(file), "smmu-%s.so", name);
	snprintf(path, sizeof(path), "%.100s/%s", directory, file);
	ret = directory_open(directory, &directory_fd, err);
	if (ret == 0)
		ret = file_open(directory_fd, file, path, &fd, err);
	if (ret < 0)
		return ret;
	handle = file_load(fd, path, err);
	if (!handle)
		return -EINVAL;
	module = dlsym(handle, MODULE_SYMBOL);
	ret = module_check(module, name, path, err);
	if (ret < 0) {
		dlclose(handle);
		return ret;
	}
	/* The loader knows objects by name: this one's number is nobody else's from now on. */
	take_fd(&fd);
	*ret_module = module;
	return 0;
}
