// SPDX-License-Identifier: BSD-2-Clause
/* smmuctl: what smmuman knows, and the little that may be done about it. */
#include "smmuctl.h"

int main(int argc, char **argv)
{
	return smmuctl_run(argc, argv, stdout, stderr);
}
