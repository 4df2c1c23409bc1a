/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c - sd_notify(3) */
#include "config.h"

#include <stdlib.h>

#include "notify.h"

bool
notify_managed(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

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
