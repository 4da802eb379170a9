/* SPDX-License-Identifier: BSD-2-Clause */
/* `smmu-vboard ctl`: the control connection for people and scripts. */
#ifndef SMMUMAN_VBOARD_CTL_H
#define SMMUMAN_VBOARD_CTL_H

#include "error.h"

/* argv[0] is the socket's path. 0 or -errno with a sentence. */
int ctl_run(int argc, char **argv, struct error *err);

#endif
