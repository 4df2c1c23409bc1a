/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.h - tell the service manager how far we are (Type=notify of systemd.service(5)); nothing where there is none */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>

/* There is one, which keeps what comes on standard error beside what goes to syslog: said there it would be said twice. */
bool notify_managed(void);
void notify_ready(void);
void notify_stopping(void);

#endif
