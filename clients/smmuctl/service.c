// SPDX-License-Identifier: BSD-2-Clause
/* The connection to the service, and what its refusals mean for the exit code. */
#include <errno.h>

#include "bits.h"
#include "smmuctl.h"
#include "smmu.h"

#define ANSWER_MS 10000u

static const struct meaning {
	int error;
	enum ctl_exit code;
} meanings[] = {
	{ ENOTCONN, CTL_NO_DAEMON },   { ECONNRESET, CTL_NO_DAEMON }, { EPIPE, CTL_NO_DAEMON },
	{ ETIMEDOUT, CTL_NO_DAEMON },  { ECONNREFUSED, CTL_NO_DAEMON },
	{ EACCES, CTL_DENIED },	       { EPERM, CTL_DENIED },
	{ ENOENT, CTL_NO_OBJECT },     { ENODEV, CTL_NO_OBJECT },     { ENXIO, CTL_NO_OBJECT },
	{ EBUSY, CTL_BUSY },	       { EAGAIN, CTL_BUSY },	      { EDQUOT, CTL_BUSY },
	{ ENOSPC, CTL_BUSY },	       { EUSERS, CTL_BUSY },
};

static int meaning_of(int rc)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(meanings); i++)
		if (meanings[i].error == -rc)
			return meanings[i].code;
	return CTL_FAILED;
}

int service_open(struct ctl *ctl)
{
	char why[256];
	int rc = smmu_open_why(&ctl->service, ctl->socket, why, sizeof(why));

	if (!rc)
		rc = smmu_set_timeout(ctl->service, ANSWER_MS);
	if (!rc)
		return CTL_DONE;
	ctl_say(ctl, "%s", why);
	/* No socket there: nobody serves. */
	return meaning_of(rc) == CTL_NO_OBJECT ? CTL_NO_DAEMON : meaning_of(rc);
}

int service_failed(const struct ctl *ctl, int rc)
{
	char why[256];

	if (smmu_last_error(ctl->service, why, sizeof(why)) == rc)
		ctl_say(ctl, "%s", why);
	else
		ctl_say(ctl, "%s", smmu_strerror(rc));
	return meaning_of(rc);
}
