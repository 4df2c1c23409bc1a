/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learner.h - the log thread: follows the logs, asks the rules, tells the pipeline
 *
 * It is the only thread that knows how far the logs were read, and so the one that makes cuts: between two lines, the
 * changed records and the positions belong together.
 */
#ifndef LEARNER_H
#define LEARNER_H

#include "conf.h"
#include "logs.h"
#include "pipeline.h"
#include "rules.h"

struct learner;

struct learner *learner_new(struct pipeline *pl);
void learner_free(struct learner *l); /* after learner_stop(); NULL is fine */

/* Its logs: to be told, before learner_start(), how far they were read; and logs_each(), at any time. */
struct logs *learner_logs(struct learner *l);
/* What a store remembers of halves of events, from CUT_META; other keys are passed over.  Before learner_start(). */
int learner_restore(struct learner *l, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e);
/* Take back what a store told: positions and halves. */
void learner_forget(struct learner *l);
/* Takes over `rules`.  Follows the logs of the conf in force. */
int learner_start(struct learner *l, struct rules *rules, struct err *e);
void learner_stop(struct learner *l);

/* After a new conf was installed: take over its logs and `rules`.  Returns at once; the thread does it after the
 * lines in hand. */
void learner_reload(struct learner *l, struct rules *rules);
/* Have the thread append what changed to `c`, or a part of it (cut.h), and wait for it: some milliseconds.  Any thread but the log's own, one
 * at a time. */
void learner_cut(struct learner *l, struct cut *c, bool whole);

#endif
