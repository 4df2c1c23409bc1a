/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c - sd_notify(3) */
#include "config.h"

#include "notify.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>

void
notify_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

void
notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}
#else
void
notify_ready(void)
{
}

void
notify_stopping(void)
{
}
#endif
