/* SPDX-License-Identifier: GPL-2.0-or-later */
/* err.h - what went wrong, in words, carried up to whoever can act on it
 *
 * Library functions return -1 (or an enum) and fill a struct err; they never log.  The text names the
 * place and the cause: "FILE:LINE: what", "CLIENT: what", "SOCKET: what".  No newline at its end.
 */
#ifndef ERR_H
#define ERR_H

struct err {
	char text[512];
};

/* Write the text, cut to fit; `e` may be NULL.  Always returns -1, so that a caller can `return err_set(...)`. */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same with ": " and strerror(errno) behind it; errno is kept. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A broken invariant: our own bug, never anybody's input.  Says so on standard error and in syslog, and aborts. */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Memory that is there or the process ends: a mail filter without memory helps nobody by limping on. */
void *xmalloc(unsigned long size);
void *xcalloc(unsigned long n, unsigned long size);
void *xrealloc(void *p, unsigned long size);
char *xstrdup(const char *s);

#endif
