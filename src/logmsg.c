/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logmsg.c - the daemon's own messages */
#include "logmsg.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static bool to_stderr = true; /* until logmsg_open(); set before threads start, read-only afterwards */
static const char *name = "popauth-milter";

static const int priority[] = {
	[LEVEL_ERROR] = LOG_ERR,
	[LEVEL_WARNING] = LOG_WARNING,
	[LEVEL_NOTICE] = LOG_NOTICE,
	[LEVEL_INFO] = LOG_INFO,
};

void
logmsg_open(const char *ident, bool on_stderr)
{
	name = ident;
	to_stderr = on_stderr;
	openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
logmsg(enum level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	syslog(priority[level], "%s", text);
	if (to_stderr)
		(void)fprintf(stderr, "%s: %s\n", name, text);
}
