/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logmsg.h - the daemon's own messages: syslog, and standard error in the foreground
 *
 * Any thread may call.  Text from outside goes through %s only after str_show().
 *
 * syslog(3) waits as long as nobody takes its lines, and so does a write to a full pipe.  The MTA must not wait for
 * that, nor must the log be left unread.  So from logmsg_start() to logmsg_stop() a thread of its own writes, and
 * logmsg() leaves the line in a ring: its lock, a leaf, is held for a memcpy and never while anything is written.  When
 * the ring is full lines are lost, counted (messages_lost) and, as soon as lines are taken again, said in their place.
 * Before and after that a line is written when logmsg() returns.
 *
 * What a client can bring about as often as it likes is logged by logmsg_flood().
 */
#ifndef LOGMSG_H
#define LOGMSG_H

#include <stdbool.h>

#include "err.h"
#include "logmsg_flood.h"

enum level { LEVEL_PANIC, LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO };

void logmsg_open(const char *ident, bool to_stderr);
void logmsg(enum level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As long as there are not too many of its kind.  `f` is static: it is kept track of until logmsg_stop(). */
void logmsg_flood(struct flood *f, enum level level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Once start-up is over: no fork after that. */
int logmsg_start(struct err *e);
/* Before the end: what waits is written.  If nobody takes it for some seconds it is left, or we could not end. */
void logmsg_stop(void);
/* For panic(): queued behind all that waits, and waited for as in logmsg_stop().  false: nothing is queued, write it
 * yourself. */
bool logmsg_last(const char *text);

#endif
