/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.c - error texts, panic, and memory that is there or ends the process */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "logmsg.h"

int
err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	char cause[128];
	size_t n;
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	(void)snprintf(e->text + n, sizeof e->text - n, ": %s", strerror_r(saved, cause, sizeof cause));
	errno = saved;
	return -1;
}

void
panic(const char *fmt, ...)
{
	char text[512] = "panic: ";
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text + n, sizeof text - n, fmt, ap);
	va_end(ap);
	if (!logmsg_last(text)) {
		(void)fprintf(stderr, "%s\n", text);
		syslog(LOG_CRIT, "%s", text);
	}
	abort();
}

static void *
must(void *p, unsigned long size)
{
	if (p == NULL && size != 0)
		panic("out of memory asking for %lu bytes", size);
	return p;
}

void *
xmalloc(unsigned long size)
{
	return must(malloc(size), size);
}

void *
xcalloc(unsigned long n, unsigned long size)
{
	return must(calloc(n, size), n == 0 || size == 0 ? 0 : 1);
}

void *
xrealloc(void *p, unsigned long size)
{
	return must(realloc(p, size), size);
}

char *
xstrdup(const char *s)
{
	return must(strdup(s), 1);
}
