/* SPDX-License-Identifier: GPL-2.0-or-later */
/* intake.h - from a line of log to what the pipeline is told
 *
 * Rules and correlation, together with what one reader of logs needs of them.  The log thread and `simulate` both read
 * through this; they differ in where lines come from, in the clock, and in whom they tell.  One thread.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "correlate.h"

struct intake {
	struct rules *rules; /* NULL: none yet */
	struct rules_scratch *scratch;
	struct correlate *correlate;
};

void intake_init(struct intake *in);
void intake_clear(struct intake *in); /* frees; the struct itself is the caller's */
/* Takes over `rules`; halves of events are kept. */
void intake_use(struct intake *in, struct rules *rules);

/* The event is valid during the call, its time is never -1.  It happened `times` times, at most RECORD_HITS_MAX: one
 * pipeline_event() for each. */
typedef void intake_fn(void *arg, const struct event *ev, unsigned times);

/* Tell fn what the line means, by itself or with those before it; what was told before is counted and not told again.
 * A line without a time is from `now`.  false: no rule knows the line. */
bool intake_line(struct intake *in, const struct logline *line, time_t now, intake_fn *fn, void *arg);

#endif
