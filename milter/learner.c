/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learner.c - the log thread
 *
 * It sleeps in poll(2) until a log grows or another thread wants something; there is no timer between a line being
 * written and being acted on.  Other threads leave their wishes under the lock and ring the bell (an eventfd).
 */
#include "learner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "intake.h"
#include "logmsg.h"
#include "stats.h"

#define FUTURE	     300 /* seconds that a line may be ahead of us before it is counted */
#define SWEEP_SLOTS  32768 /* places of the ledger per second: a million clients in about a minute, at 3 ms each */

struct counts {
	uint64_t matched, future;
};

struct learner {
	struct pipeline *pipeline;
	pthread_t thread;
	bool running;
	int bell;
	/* the thread's own */
	struct logs *logs;
	struct intake intake;
	struct conf *conf;
	time_t now, swept;
	struct counts counts;
	/* wishes */
	pthread_mutex_t lock;
	pthread_cond_t served;
	bool stop;		  /* guarded by lock, as are those below */
	struct rules *new_rules;  /* NULL: no reload wanted */
	struct cut *cut;	  /* NULL: no cut wanted */
	bool cut_whole;
};

struct learner *
learner_new(struct pipeline *pl)
{
	struct learner *l = xcalloc(1, sizeof *l);

	l->pipeline = pl;
	l->logs = logs_new();
	intake_init(&l->intake);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->served, NULL);
	l->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->bell == -1)
		panic("learner: eventfd: %s", strerror(errno));
	return l;
}

void
learner_free(struct learner *l)
{
	if (l == NULL)
		return;
	logs_free(l->logs);
	intake_clear(&l->intake);
	rules_free(l->new_rules);
	close(l->bell);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->served);
	free(l);
}

/* Not with the lock held, for which the log thread would wake and go to sleep again. */
static void
ring(const struct learner *l)
{
	uint64_t one = 1;

	(void)!write(l->bell, &one, sizeof one); /* full means that it is ringing already */
}

struct logs *
learner_logs(struct learner *l)
{
	return l->logs;
}

static void
on_event(void *arg, const struct event *ev, unsigned times)
{
	struct learner *l = arg;

	if (ev->time > l->now)
		l->now = time(NULL); /* written while we were reading: it is no line from the future */
	if (ev->time > l->now + FUTURE)
		l->counts.future++;
	while (times-- > 0)
		pipeline_event(l->pipeline, &l->conf->policy, ev, l->now);
}

/* What a line means, or two lines together.  Nothing is allocated here. */
static enum line_use
on_line(void *arg, const struct logline *line)
{
	struct learner *l = arg;

	if (intake_line(&l->intake, line, l->now, on_event, l)) {
		l->counts.matched++;
		return LINE_RECOGNISED;
	}
	return rules_know_tag(l->intake.rules, l->intake.scratch, line->tag) ? LINE_UNKNOWN : LINE_FOREIGN;
}

static void
add_counts(struct learner *l)
{
	stat_add(STAT_LINES_MATCHED, l->counts.matched);
	stat_add(STAT_LINES_FUTURE, l->counts.future);
	memset(&l->counts, 0, sizeof l->counts);
}

static bool
read_logs(struct learner *l)
{
	time_t was = l->now;
	bool more;

	l->now = time(NULL);
	l->conf = conf_current();
	if (was == 0 || l->now < was)
		ledger_settle(l->pipeline->ledger, &l->conf->policy, l->now);
	more = logs_read(l->logs, l->now, on_line, l);
	/* Not while we are behind: what is over now was not when the next lines were written. */
	if (!more && l->now != l->swept) {
		ledger_sweep(l->pipeline->ledger, &l->conf->policy, l->now, SWEEP_SLOTS);
		l->swept = l->now;
	}
	conf_put(l->conf);
	l->conf = NULL;
	add_counts(l);
	return more;
}

static void
cut_half(void *arg, unsigned place, const uint8_t *record, size_t len)
{
	struct cut *c = arg;
	const uint8_t key[] = { 'h', 'a', 'l', 'f', (uint8_t)(place >> 8), (uint8_t)place };

	if (len > 0)
		cut_put(c, CUT_META, key, sizeof key, record, len);
	else
		cut_del(c, CUT_META, key, sizeof key);
}

int
learner_restore(struct learner *l, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	if (klen != 6 || memcmp(key, "half", 4) != 0)
		return 0;
	return correlate_restore(l->intake.correlate, (unsigned)key[4] << 8 | key[5], val, vlen, e);
}

void
learner_forget(struct learner *l)
{
	correlate_clear(l->intake.correlate);
	logs_forget(l->logs);
}

/* The milter's refusals are counters that others show, too; what came since the last cut belongs to this hour. */
static void
cut_history(struct history *h, struct cut *cut, bool whole)
{
	const uint64_t refused[HISTORY_REFUSALS] = { stat_get(STAT_REJECTED_CACHE), stat_get(STAT_REJECTED_BLOCK),
		stat_get(STAT_REJECTED_FORGERY) };

	history_refusals(h, refused, time(NULL));
	history_cut(h, cut, whole);
}

static void
reload(struct learner *l, struct rules *rules)
{
	struct conf *c = conf_current();

	intake_use(&l->intake, rules);
	logs_configure(l->logs, c);
	conf_put(c);
}

/* Between two lines: what is in it belongs together. */
static void
fill(struct learner *l, struct cut *cut, bool whole)
{
	cut->whole |= whole;
	ledger_cut(l->pipeline->ledger, cut, whole);
	if (cut->more)
		return;
	logs_cut(l->logs, cut, whole);
	if (l->pipeline->guard != NULL)
		guard_cut(l->pipeline->guard, cut, time(NULL), whole);
	if (l->pipeline->history != NULL)
		cut_history(l->pipeline->history, cut, whole);
	correlate_save(l->intake.correlate, whole, cut_half, cut);
}

/* Do what others wished for.  false: stop. */
static bool
serve(struct learner *l)
{
	struct rules *rules;
	struct cut *cut;
	bool stop, whole;
	uint64_t rings;

	(void)!read(l->bell, &rings, sizeof rings);
	pthread_mutex_lock(&l->lock);
	rules = l->new_rules;
	l->new_rules = NULL;
	cut = l->cut;
	whole = l->cut_whole;
	stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	if (cut != NULL) { /* before a reload, which brings logs that were not looked at yet */
		fill(l, cut, whole);
		pthread_mutex_lock(&l->lock);
		l->cut = NULL;
		pthread_mutex_unlock(&l->lock);
		pthread_cond_broadcast(&l->served);
	}
	if (rules != NULL)
		reload(l, rules);
	return !stop;
}

/* Until a log grows, somebody rings, or a second has gone by. */
static void
rest(struct learner *l)
{
	struct pollfd fds[LOGS_MAX + 1] = { { .fd = l->bell, .events = POLLIN } };
	unsigned n = 1 + logs_poll(l->logs, fds + 1);

	if (poll(fds, n, 1000) == -1 && errno != EINTR)
		panic("learner: poll: %s", strerror(errno));
}

static void *
learner_main(void *arg)
{
	struct learner *l = arg;

	while (serve(l))
		if (!read_logs(l))
			rest(l);
	return NULL;
}

int
learner_start(struct learner *l, struct rules *rules, struct err *e)
{
	struct conf *c = conf_current();

	intake_use(&l->intake, rules);
	logs_configure(l->logs, c);
	conf_put(c);
	/* Before anybody is told that we run: the first look settles what is old, and is the first position to be cut. */
	(void)read_logs(l);
	errno = pthread_create(&l->thread, NULL, learner_main, l);
	if (errno != 0)
		return err_sys(e, "log thread");
	l->running = true;
	return 0;
}

void
learner_stop(struct learner *l)
{
	if (!l->running)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_mutex_unlock(&l->lock);
	ring(l);
	pthread_join(l->thread, NULL);
	l->running = false;
}

void
learner_reload(struct learner *l, struct rules *rules)
{
	pthread_mutex_lock(&l->lock);
	rules_free(l->new_rules); /* of a reload that nobody got to: the newer one counts */
	l->new_rules = rules;
	pthread_mutex_unlock(&l->lock);
	ring(l);
}

void
learner_cut(struct learner *l, struct cut *c, bool whole)
{
	pthread_mutex_lock(&l->lock);
	l->cut = c;
	l->cut_whole = whole;
	pthread_mutex_unlock(&l->lock);
	ring(l);
	pthread_mutex_lock(&l->lock);
	while (l->cut != NULL)
		pthread_cond_wait(&l->served, &l->lock);
	pthread_mutex_unlock(&l->lock);
}
