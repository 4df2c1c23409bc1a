/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logmsg.h - the daemon's own messages: syslog, and standard error in the foreground
 *
 * Any thread may call.  Text from outside goes through %s only after str_show().
 */
#ifndef LOGMSG_H
#define LOGMSG_H

#include <stdbool.h>

enum level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO };

void logmsg_open(const char *ident, bool to_stderr);
void logmsg(enum level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
