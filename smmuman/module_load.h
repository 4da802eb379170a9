/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules that are no part of this program: smmu-NAME.so in one directory. What
 * is loaded may do all that this process may, so both the directory and the file
 * have to be root's (or, where the daemon is not root, its own user's) and
 * writable by nobody else. smmu-module(7) is the author's side.
 */
#ifndef SMMUMAN_SMMUMAN_MODULE_LOAD_H
#define SMMUMAN_SMMUMAN_MODULE_LOAD_H

#include "driver.h"

/*
 * Loads directory/smmu-NAME.so, for as long as the process lives; loaded once
 * before, it is the same one. Refuses in a sentence:
 * -EINVAL a name that is no plain word, a file that is no loadable module or no
 * module of that name, operations that are missing; -ENOENT no directory, no file;
 * -EPERM an owner or mode that lets others choose what runs here, a symbolic link;
 * -EPROTO another DRV_ABI. A refused module does not stay in the process.
 */
int module_load(const char *directory, const char *name, const struct drv_module **ret_module,
		struct error *err);

#endif
