/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c - the thread that brings what was learned to the disk */
#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "logmsg.h"
#include "stats.h"

#define IN_HAND_MAX (64u << 20) /* bytes kept of cuts that could not be committed; beyond, all is cut anew */
#define RETRY	    1		/* seconds after a failure */
#define RETRY_WHOLE 60		/* and after one with everything: to cut ten million clients takes the log thread seconds */

struct writer {
	struct writer_setup setup;
	pthread_t thread;
	/* the thread's own */
	struct cut cut; /* what was cut and is not yet committed */
	bool whole;	/* the next cut must be of everything */
	bool failing;	/* and it was said */
	time_t not_before; /* on the monotonic clock: the next cut of everything, while failing */
	/* shared */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;		/* guarded by lock, as are those below */
	uint64_t requested;	/* the last ticket given out */
	uint64_t done, failed;	/* the highest ticket that is on disk; that was tried in vain */
	struct writer_status status;
};

static void
say(struct writer *w, enum store_answer is, const struct err *e)
{
	if (is == STORE_EMPTIED)
		logmsg(LEVEL_ERROR, "the store was damaged: %s; writing everything anew", e->text);
	else if (is == STORE_FAILED && !w->failing)
		logmsg(LEVEL_ERROR, "what was learned cannot be written, trying again every second: %s", e->text);
	else if (is == STORE_DONE && w->failing)
		logmsg(LEVEL_NOTICE, "what was learned can be written again");
	w->failing = is == STORE_FAILED;
}

static time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* Is it time to cut everything?  If not, what changed meanwhile need not be remembered: it will be in that cut. */
static enum store_answer
whole_is_due(struct writer *w, struct err *e)
{
	if (!w->whole || !w->failing)
		return STORE_DONE;
	do {
		learner_cut(w->setup.learner, &w->cut, false);
		cut_go_on(&w->cut);
	} while (w->cut.more);
	cut_clear(&w->cut);
	*e = w->status.trouble; /* ours to write, so it can be read without the lock */
	return monotonic() < w->not_before ? STORE_FAILED : store_probe(w->setup.store, e);
}

/* *parts: something of it is no longer in hand, but was given to the store. */
static enum store_answer
cut_and_commit(struct writer *w, bool *parts, struct err *e)
{
	enum store_answer is;

	for (*parts = false;; *parts = true) {
		learner_cut(w->setup.learner, &w->cut, w->whole);
		if (w->cut.items == 0 && !*parts)
			return STORE_DONE;
		is = store_commit(w->setup.store, &w->cut, e);
		if (is != STORE_DONE || !w->cut.more)
			return is;
		cut_go_on(&w->cut);
	}
}

/* Commit what changed.  On failure everything stays in hand, or is to be cut anew. */
static enum store_answer
flush(struct writer *w, struct err *e)
{
	enum store_answer is = whole_is_due(w, e);
	bool parts;

	if (is != STORE_FAILED) {
		is = cut_and_commit(w, &parts, e);
		if (w->cut.items == 0 && !parts)
			return STORE_DONE;
		if (w->cut.whole)
			w->not_before = monotonic() + RETRY_WHOLE;
		w->whole = is == STORE_EMPTIED ||
		    (is == STORE_FAILED && (parts || w->cut.more || w->cut.len > IN_HAND_MAX));
		if (is != STORE_FAILED || w->whole)
			cut_clear(&w->cut);
	}
	stat_add(is == STORE_DONE ? STAT_FLUSHES : STAT_FLUSH_FAILED, 1);
	say(w, is, e);
	return is;
}

static void
round_trip(struct writer *w)
{
	struct err e = { "" };
	uint64_t ticket;
	enum store_answer is;

	pthread_mutex_lock(&w->lock);
	ticket = w->requested;
	pthread_mutex_unlock(&w->lock);
	is = flush(w, &e);
	if (is == STORE_EMPTIED)
		is = flush(w, &e);
	pthread_mutex_lock(&w->lock);
	if (is == STORE_DONE) {
		w->done = ticket;
		w->status.flushed = time(NULL);
		w->status.trouble.text[0] = '\0';
	} else {
		w->failed = ticket;
		w->status.trouble = e;
	}
	pthread_mutex_unlock(&w->lock);
	if (w->setup.committed != NULL)
		w->setup.committed(w->setup.arg);
}

/* Until it is time, somebody waits, or the end.  A ticket that failed waits for the time like everybody else. */
static bool
rest(struct writer *w)
{
	unsigned seconds = w->failing ? RETRY : w->setup.flush_every;
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&w->lock);
	while (!w->stop && w->requested <= (w->done > w->failed ? w->done : w->failed))
		if (pthread_cond_timedwait(&w->wake, &w->lock, &until) == ETIMEDOUT)
			break;
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return !stop;
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;

	while (rest(w))
		round_trip(w);
	round_trip(w);
	return NULL;
}

struct writer *
writer_start(const struct writer_setup *setup, struct err *e)
{
	struct writer *w = xcalloc(1, sizeof *w);
	pthread_condattr_t attr;

	w->setup = *setup;
	w->whole = setup->whole;
	cut_init(&w->cut);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	/* The first before anybody is told that we run: until it is on disk where the logs stood when we came, a restart
	 * would begin elsewhere. */
	round_trip(w);
	errno = pthread_create(&w->thread, NULL, writer_main, w);
	if (errno != 0) {
		(void)err_sys(e, "writer thread");
		free(w);
		return NULL;
	}
	return w;
}

void
writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (w->status.trouble.text[0] == '\0')
		return;
	if (w->whole) /* nobody has counted what that would have been */
		logmsg(LEVEL_ERROR, "stopping with all unwritten that was learned since it was last written");
	else
		logmsg(LEVEL_ERROR, "stopping with %u changes that could not be written", w->cut.items);
}

void
writer_free(struct writer *w)
{
	cut_clear(&w->cut);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

uint64_t
writer_request(struct writer *w)
{
	uint64_t ticket;

	pthread_mutex_lock(&w->lock);
	ticket = ++w->requested;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return ticket;
}

enum writing
writer_check(struct writer *w, uint64_t ticket, struct err *e)
{
	enum writing is = WRITING_WAIT;

	pthread_mutex_lock(&w->lock);
	if (w->done >= ticket)
		is = WRITING_DONE;
	else if (w->failed >= ticket) {
		*e = w->status.trouble;
		is = WRITING_FAILED;
	}
	pthread_mutex_unlock(&w->lock);
	return is;
}

void
writer_status(struct writer *w, struct writer_status *st)
{
	pthread_mutex_lock(&w->lock);
	*st = w->status;
	pthread_mutex_unlock(&w->lock);
}
