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

#include "correlate.h"
#include "logmsg.h"
#include "stats.h"

#define BUDGET	     (256 * 1024) /* bytes of one log before the next one, and before wishes, are looked at */
#define LOGS_MAX     64
#define FUTURE	     300 /* seconds that a line may be ahead of us before it is counted */
#define LOST_PATIENCE 5	 /* seconds without the log before anything is said: every rotation has a moment without */
#define SWEEP_SHARDS 4	 /* per second: the whole ledger in LEDGER_SHARDS / 4 seconds */

struct log {
	struct follow *follow;
	struct stamp stamp;
	time_t lost_since; /* 0: readable */
	bool complained;
	uint8_t saved[POSITION_SIZE]; /* as last cut; zero: never */
	time_t dated;		      /* the last line's own time */
	struct follow_status status;  /* guarded by learner.lock, as is `last`: what others see */
	time_t last;
};

/* How far a log was read by the process before us. */
struct resume {
	struct resume *next;
	struct position position;
	char path[];
};

struct counts {
	uint64_t lines, headless, matched, future;
};

struct learner {
	struct pipeline *pipeline;
	pthread_t thread;
	bool running;
	int bell;
	/* the thread's own */
	struct log *logs[LOGS_MAX];
	unsigned nlogs;
	struct resume *resumes;
	struct rules *rules;
	struct rules_scratch *scratch;
	struct correlate *correlate;
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
	l->correlate = correlate_new();
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->served, NULL);
	l->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->bell == -1)
		panic("learner: eventfd: %s", strerror(errno));
	return l;
}

static void
log_free(struct log *log)
{
	follow_free(log->follow);
	free(log);
}

void
learner_forget(struct learner *l)
{
	correlate_clear(l->correlate);
	while (l->resumes != NULL) {
		struct resume *r = l->resumes;

		l->resumes = r->next;
		free(r);
	}
}

void
learner_free(struct learner *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->nlogs; i++)
		log_free(l->logs[i]);
	learner_forget(l);
	rules_scratch_free(l->scratch);
	correlate_free(l->correlate);
	rules_free(l->rules);
	rules_free(l->new_rules);
	close(l->bell);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->served);
	free(l);
}

static void
ring(const struct learner *l)
{
	uint64_t one = 1;

	(void)!write(l->bell, &one, sizeof one); /* full means that it is ringing already */
}

int
learner_resume(struct learner *l, struct str path, const uint8_t *val, size_t len, struct err *e)
{
	struct resume *r = xcalloc(1, sizeof *r + path.n + 1);

	if (position_decode(&r->position, val, len, e) == -1) {
		free(r);
		return -1;
	}
	str_copy(r->path, path.n + 1, path);
	r->next = l->resumes;
	l->resumes = r;
	return 0;
}

static const struct position *
find_resume(const struct learner *l, const char *path)
{
	const struct resume *r = l->resumes;

	while (r != NULL && strcmp(r->path, path) != 0)
		r = r->next;
	return r == NULL ? NULL : &r->position;
}

/* A line becomes what it means.  Nothing is allocated here. */
static void
on_event(void *arg, const struct event *told, unsigned times, bool again)
{
	struct learner *l = arg;
	struct event ev = *told;

	if (again) {
		stat_add(STAT_EVENTS_DUPLICATE, times);
		return;
	}
	if (ev.time == (time_t)-1)
		ev.time = l->now;
	if (ev.time > l->now + FUTURE)
		l->counts.future++;
	if (times > RECORD_HITS_MAX)
		times = RECORD_HITS_MAX;
	while (times-- > 0)
		pipeline_event(l->pipeline, &l->conf->policy, &ev, l->now);
}

struct reading {
	struct learner *learner;
	struct log *log;
};

static void
on_line(void *arg, struct str line)
{
	const struct reading *rd = arg;
	struct learner *l = rd->learner;
	struct logline head;

	l->counts.lines++;
	if (logline_parse(&head, &rd->log->stamp, line, l->now) == LOGLINE_HEADLESS) {
		l->counts.headless++;
		return;
	}
	if (head.time != (time_t)-1)
		rd->log->dated = head.time;
	if (correlate_line(l->correlate, l->rules, l->scratch, &head, l->now, on_event, l) != RULES_NOTHING)
		l->counts.matched++;
}

static void
complain(struct learner *l, struct log *log, const struct err *e)
{
	if (log->lost_since == 0)
		log->lost_since = l->now;
	if (log->complained || l->now - log->lost_since < LOST_PATIENCE)
		return;
	log->complained = true;
	logmsg(LEVEL_ERROR, "log cannot be read, nothing is learned from it until it can: %s", e->text);
}

static void
is_back(struct log *log, const char *path)
{
	if (log->complained)
		logmsg(LEVEL_NOTICE, "%s: can be read again", path);
	log->complained = false;
	log->lost_since = 0;
}

/* true: there is more to read. */
static bool
read_log(struct learner *l, struct log *log)
{
	struct reading rd = { l, log };
	struct follow_status st;
	struct err e;
	enum follow_result is = follow_read(log->follow, BUDGET, on_line, &rd, &e);

	follow_status(log->follow, &st);
	if (is == FOLLOW_LOST)
		complain(l, log, &e);
	else
		is_back(log, st.path);
	if (is == FOLLOW_GAP)
		logmsg(LEVEL_WARNING, "lines were lost: %s", e.text);
	pthread_mutex_lock(&l->lock);
	log->status = st;
	log->last = log->dated;
	pthread_mutex_unlock(&l->lock);
	return is == FOLLOW_MORE || is == FOLLOW_GAP;
}

static void
add_counts(struct learner *l)
{
	stat_add(STAT_LINES, l->counts.lines);
	stat_add(STAT_LINES_HEADLESS, l->counts.headless);
	stat_add(STAT_LINES_MATCHED, l->counts.matched);
	stat_add(STAT_LINES_FUTURE, l->counts.future);
	memset(&l->counts, 0, sizeof l->counts);
}

static bool
read_logs(struct learner *l)
{
	bool more = false;

	l->now = time(NULL);
	l->conf = conf_current();
	for (unsigned i = 0; i < l->nlogs; i++)
		more |= read_log(l, l->logs[i]);
	/* Not while we are behind: what is over now was not when the next lines were written. */
	if (!more && l->now != l->swept) {
		ledger_sweep(l->pipeline->ledger, &l->conf->policy, l->now, SWEEP_SHARDS);
		l->swept = l->now;
	}
	conf_put(l->conf);
	l->conf = NULL;
	add_counts(l);
	return more;
}

static struct log *
open_log(struct learner *l, const struct conf *c, const char *path)
{
	struct log *log = xcalloc(1, sizeof *log);

	stamp_init(&log->stamp);
	log->follow = follow_new(path, find_resume(l, path), c->log_from_start);
	follow_status(log->follow, &log->status);
	return log;
}

static const char *
path_of(const struct log *log)
{
	struct follow_status st;

	follow_status(log->follow, &st);
	return st.path;
}

static struct log *
take_log(struct log **old, unsigned n, const char *path)
{
	for (unsigned i = 0; i < n; i++)
		if (old[i] != NULL && strcmp(path_of(old[i]), path) == 0) {
			struct log *log = old[i];

			old[i] = NULL;
			return log;
		}
	return NULL;
}

/* Where a log that is followed no longer stands, for the day it is configured again. */
static void
remember_log(struct learner *l, const struct log *log)
{
	uint8_t buf[POSITION_SIZE];
	struct position p;

	follow_position(log->follow, &p);
	position_encode(&p, buf);
	(void)learner_resume(l, str_of(path_of(log)), buf, sizeof buf, NULL);
}

/* Follow the logs of the conf, keeping the followers of those that were followed before. */
static void
follow_logs(struct learner *l, const struct conf *c)
{
	struct log *old[LOGS_MAX], *new[LOGS_MAX];
	unsigned nold = l->nlogs, n = 0;

	memcpy(old, l->logs, sizeof old);
	for (char **path = c->logs; *path != NULL && n < LOGS_MAX; path++) {
		struct log *log = take_log(old, nold, *path);

		new[n++] = log != NULL ? log : open_log(l, c, *path);
	}
	pthread_mutex_lock(&l->lock);
	memcpy(l->logs, new, n * sizeof *new);
	l->nlogs = n;
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < nold; i++)
		if (old[i] != NULL) {
			remember_log(l, old[i]);
			log_free(old[i]);
		}
}

static void
use_rules(struct learner *l, struct rules *rules)
{
	rules_scratch_free(l->scratch);
	rules_free(l->rules);
	l->rules = rules;
	l->scratch = rules_scratch_new(rules);
}

static void
cut_positions(struct learner *l, struct cut *c, bool whole)
{
	for (unsigned i = 0; i < l->nlogs; i++) {
		struct log *log = l->logs[i];
		const char *path = path_of(log);
		uint8_t buf[POSITION_SIZE];
		struct position p;

		follow_position(log->follow, &p);
		position_encode(&p, buf);
		if (!whole && memcmp(buf, log->saved, sizeof buf) == 0)
			continue;
		memcpy(log->saved, buf, sizeof buf);
		cut_put(c, CUT_SOURCES, path, strlen(path), buf, sizeof buf);
	}
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
	return correlate_restore(l->correlate, (unsigned)key[4] << 8 | key[5], val, vlen, e);
}

static void
reload(struct learner *l, struct rules *rules)
{
	struct conf *c = conf_current();

	use_rules(l, rules);
	follow_logs(l, c);
	conf_put(c);
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
		ledger_cut(l->pipeline->ledger, cut, whole);
		cut_positions(l, cut, whole);
		correlate_save(l->correlate, whole, cut_half, cut);
		pthread_mutex_lock(&l->lock);
		l->cut = NULL;
		pthread_cond_broadcast(&l->served);
		pthread_mutex_unlock(&l->lock);
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

	for (unsigned i = 0; i < l->nlogs; i++)
		fds[i + 1] = (struct pollfd){ .fd = follow_fd(l->logs[i]->follow), .events = POLLIN };
	if (poll(fds, l->nlogs + 1, 1000) == -1 && errno != EINTR)
		panic("learner: poll: %s", strerror(errno));
}

static void *
learner_main(void *arg)
{
	struct learner *l = arg;

	do
		if (!read_logs(l)) /* first of all: before that there is no position to be cut */
			rest(l);
	while (serve(l));
	return NULL;
}

int
learner_start(struct learner *l, struct rules *rules, struct err *e)
{
	struct conf *c = conf_current();

	use_rules(l, rules);
	follow_logs(l, c);
	conf_put(c);
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
	ring(l);
	while (l->cut != NULL)
		pthread_cond_wait(&l->served, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

void
learner_each_log(struct learner *l, learner_log_fn *fn, void *arg)
{
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < l->nlogs; i++)
		fn(arg, &l->logs[i]->status, l->logs[i]->last);
	pthread_mutex_unlock(&l->lock);
}
