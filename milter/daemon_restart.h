/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon_restart.h - options that are read once, at the start; for daemon.c only */
#ifndef DAEMON_RESTART_H
#define DAEMON_RESTART_H

#include "json.h"

struct conf;

/* Log, and add to the list `names` unless it is NULL, which options of `new` wait for a restart: those that are not as the
 * daemon was started with.  `prefix`: the ipv6_prefix that `new` asks for. */
void restart_wanted(const struct conf *started, const struct conf *new, unsigned prefix, struct json *names);

#endif
