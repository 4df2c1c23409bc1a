/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.h - the thread that brings what was learned to the disk
 *
 * Before writer_start() returns, then every flush_every seconds, and when somebody waits for it, it has the log thread
 * make a cut and commits that as one transaction.  What could not be committed stays in hand and goes with the next try.
 */
#ifndef WRITER_H
#define WRITER_H

#include "learner.h"
#include "store.h"

struct writer;

struct writer_setup {
	struct store *store;	 /* borrowed */
	struct learner *learner; /* borrowed; must run as long as the writer does */
	unsigned flush_every;	 /* seconds */
	bool whole;		 /* the first cut is of everything, and replaces whatever else the store has */
	void (*committed)(void *arg); /* after each round, good or bad; must not block */
	void *arg;
};

enum writing { WRITING_WAIT, WRITING_DONE, WRITING_FAILED };

struct writer_status {
	time_t flushed;		/* the last commit; 0: none yet */
	struct err trouble;	/* why the last round failed; "" when it did not */
};

struct writer *writer_start(const struct writer_setup *setup, struct err *e);
/* One last round, then the thread ends; requests and checks are still answered, with WRITING_WAIT at worst. */
void writer_stop(struct writer *w);
void writer_free(struct writer *w); /* after writer_stop() */

/* Any thread.  The ticket is for everything that is in the ledger now. */
uint64_t writer_request(struct writer *w);
/* Is it on the disk?  WRITING_FAILED: the try failed for the reason in *e; it will be tried again. */
enum writing writer_check(struct writer *w, uint64_t ticket, struct err *e);
void writer_status(struct writer *w, struct writer_status *st);

#endif
