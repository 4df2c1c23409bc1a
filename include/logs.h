/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logs.h - all the logs that are read, and the books kept of them
 *
 * The log thread's own, but for logs_each(), which any thread may call.  What is said of a log in the daemon's own
 * messages (it cannot be read, can be again, lines were missed, a program's format has drifted) is said here.
 */
#ifndef LOGS_H
#define LOGS_H

#include "conf.h"
#include "cut.h"
#include "drift.h"
#include "source.h"

#define LOGS_MAX CONF_LOGS_MAX

struct logs;

struct logs *logs_new(void);
void logs_free(struct logs *l); /* NULL is fine */

/* Before logs_configure(): where a log was left by the process before us, as the store has it. */
int logs_resume(struct logs *l, struct str name, const uint8_t *position, size_t len, struct err *e);
/* Take back all logs_resume(). */
void logs_forget(struct logs *l);
/* Read the logs of this conf from now on; those that were read before go on.  What is known of the programs' usual
 * lines is forgotten, as the rules may be others. */
void logs_configure(struct logs *l, struct conf *c);

enum line_use {
	LINE_FOREIGN,	 /* of a program that there are no rules for */
	LINE_UNKNOWN,	 /* of one that there are, but none fits */
	LINE_RECOGNISED
};
typedef enum line_use logs_line_fn(void *arg, const struct logline *line);

/* Read some of each log.  true: there is more. */
bool logs_read(struct logs *l, time_t now, logs_line_fn *fn, void *arg);

/* What to wait for; fds has room for LOGS_MAX.  Returns how many. */
struct pollfd;
unsigned logs_poll(const struct logs *l, struct pollfd *fds);

/* Append the positions that changed since the last cut, or all. */
void logs_cut(struct logs *l, struct cut *c, bool whole);

/* As of the last look. */
struct log_status {
	struct source_status source;
	uint64_t recognised;
	time_t last; /* when the last line was written, by its own stamp; 0: none yet */
	struct drift drift;
};
/* The status is valid during the call; fn must be quick. */
typedef void logs_each_fn(void *arg, const struct log_status *st);
void logs_each(struct logs *l, logs_each_fn *fn, void *arg);

#endif
