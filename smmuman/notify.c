// SPDX-License-Identifier: BSD-2-Clause
#include "notify.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "log.h"

void notify_ready(int ready_fd, const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
	if (ready_fd < 0)
		return;
	if (write(ready_fd, "ready\n", 6) != 6)
		log_warn("nobody listens on descriptor %d for readiness", ready_fd);
	close(ready_fd);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}
