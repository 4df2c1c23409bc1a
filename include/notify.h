/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.h - tell the service manager how far we are (Type=notify of systemd.service(5)); nothing where there is none */
#ifndef NOTIFY_H
#define NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
