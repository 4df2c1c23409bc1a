/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logs.c - all the logs that are read, and the books kept of them */
#include "logs.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "logmsg.h"

#define BUDGET	      (256 * 1024) /* bytes of one log before the next one, and before wishes, are looked at */
#define LOST_PATIENCE 5 /* seconds without the log before anything is said: every rotation has a moment without */

struct log {
	struct source *source;
	time_t lost_since; /* 0: readable */
	bool complained;
	uint8_t saved[SOURCE_POSITION_MAX]; /* as last cut */
	size_t saved_len;		    /* 0: never */
	time_t dated;			    /* the last line's own time */
	uint64_t recognised;
	struct drift drift;
	struct log_status status; /* guarded by logs.lock: what others see */
};

struct resume {
	struct resume *next;
	uint8_t position[SOURCE_POSITION_MAX];
	size_t len;
	char name[];
};

struct logs {
	struct conf *conf; /* the sources borrow from it */
	struct log *v[LOGS_MAX];
	unsigned n;
	struct resume *resumes;
	pthread_mutex_t lock; /* a leaf */
};

/* What on_line() has in hand. */
struct reading {
	struct log *log;
	time_t now;
	logs_line_fn *fn;
	void *arg;
};

struct logs *
logs_new(void)
{
	struct logs *l = xcalloc(1, sizeof *l);

	pthread_mutex_init(&l->lock, NULL);
	return l;
}

static void
log_free(struct log *log)
{
	source_free(log->source);
	free(log);
}

void
logs_forget(struct logs *l)
{
	while (l->resumes != NULL) {
		struct resume *r = l->resumes;

		l->resumes = r->next;
		free(r);
	}
}

void
logs_free(struct logs *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->n; i++)
		log_free(l->v[i]);
	logs_forget(l);
	conf_put(l->conf);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* --- which logs, and where to go on --- */

int
logs_resume(struct logs *l, struct str name, const uint8_t *position, size_t len, struct err *e)
{
	struct resume *r;

	if (len > SOURCE_POSITION_MAX)
		return err_set(e, "a log position of %zu bytes", len);
	r = xcalloc(1, sizeof *r + name.n + 1);
	str_copy(r->name, name.n + 1, name);
	memcpy(r->position, position, len);
	r->len = len;
	r->next = l->resumes;
	l->resumes = r;
	return 0;
}

static const struct resume *
find_resume(const struct logs *l, const char *name)
{
	static const struct resume never = { .len = 0 };
	const struct resume *r = l->resumes;

	while (r != NULL && strcmp(r->name, name) != 0)
		r = r->next;
	return r == NULL ? &never : r;
}

static struct log *
open_log(const struct logs *l, const char *name, const struct source_setup *setup)
{
	const struct resume *r = find_resume(l, name);
	struct log *log = xcalloc(1, sizeof *log);
	struct err e;

	log->source = source_new(name, setup, r->position, r->len, &e);
	if (log->source == NULL) {
		logmsg(LEVEL_ERROR, "%s: how far it was read is of no use (%s), beginning anew", name, e.text);
		log->source = source_new(name, setup, NULL, 0, &e);
	}
	if (log->source == NULL)
		panic("log \"%s\": %s", name, e.text); /* the conf has checked it */
	source_status(log->source, &log->status.source);
	return log;
}

static struct log *
take_log(struct log **old, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (old[i] != NULL && strcmp(source_name(old[i]->source), name) == 0) {
			struct log *log = old[i];

			old[i] = NULL;
			return log;
		}
	return NULL;
}

/* Where a log that is no longer read stands, for the day it is configured again. */
static void
remember_log(struct logs *l, const struct log *log)
{
	uint8_t buf[SOURCE_POSITION_MAX];
	size_t n = source_position(log->source, buf);

	if (n > 0)
		(void)logs_resume(l, str_of(source_name(log->source)), buf, n, NULL);
}

void
logs_configure(struct logs *l, struct conf *c)
{
	const struct source_setup setup = {
		.from_start = c->log_from_start,
		.group = c->log_group.gid,
		.senders = c->log_senders,
		.matches = c->journal_match,
	};
	struct conf *before = l->conf;
	struct log *old[LOGS_MAX], *new[LOGS_MAX];
	unsigned nold = l->n, n = 0;

	memcpy(old, l->v, sizeof old);
	for (char **name = c->logs; *name != NULL; name++) {
		struct log *log = take_log(old, nold, *name);

		if (log == NULL)
			log = open_log(l, *name, &setup);
		source_configure(log->source, &setup);
		drift_init(&log->drift);
		new[n++] = log;
	}
	pthread_mutex_lock(&l->lock);
	memcpy(l->v, new, n * sizeof *new);
	l->n = n;
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < nold; i++)
		if (old[i] != NULL) {
			remember_log(l, old[i]);
			log_free(old[i]);
		}
	l->conf = conf_get(c);
	conf_put(before);
}

/* --- reading --- */

/* Who can fill the log can do so in turns. */
static struct flood drifts = { .what = "programs whose lines are recognised or not any more", .n = 20, .span = 600 };

static void
tell_drift(const struct log *log, enum drift_news news, const struct drift_program *p)
{
	char tag[4 * DRIFT_TAG];

	str_show(tag, sizeof tag, str_of(p->tag));
	if (news == DRIFT_BEGAN)
		logmsg_flood(&drifts, LEVEL_WARNING, "%s: the lines of %s are hardly recognised any more (it was %d in "
		    "100): did its format change?", source_name(log->source), tag, (int)(p->share * 100));
	else
		logmsg_flood(&drifts, LEVEL_NOTICE, "%s: the lines of %s are recognised again", source_name(log->source),
		    tag);
}

static void
on_line(void *arg, const struct logline *line)
{
	const struct reading *rd = arg;
	struct log *log = rd->log;
	enum line_use use = rd->fn(rd->arg, line);
	const struct drift_program *p;
	enum drift_news news;

	if (line->time != (time_t)-1)
		log->dated = line->time;
	if (use == LINE_FOREIGN)
		return;
	log->recognised += use == LINE_RECOGNISED;
	news = drift_line(&log->drift, line->tag, use == LINE_RECOGNISED, rd->now, &p);
	if (news != DRIFT_NONE)
		tell_drift(log, news, p);
}

static void
complain(struct log *log, time_t now, const struct err *e)
{
	if (log->lost_since == 0)
		log->lost_since = now;
	if (log->complained || now - log->lost_since < LOST_PATIENCE)
		return;
	log->complained = true;
	logmsg(LEVEL_ERROR, "log cannot be read, nothing is learned from it until it can: %s", e->text);
}

static void
is_back(struct log *log)
{
	if (log->complained)
		logmsg(LEVEL_NOTICE, "%s: can be read again", source_name(log->source));
	log->complained = false;
	log->lost_since = 0;
}

static void
publish(struct logs *l, struct log *log)
{
	struct source_status st;

	source_status(log->source, &st);
	pthread_mutex_lock(&l->lock);
	if (st.lines != log->status.source.lines || log->drift.n != log->status.drift.n)
		log->status.drift = log->drift;
	log->status.source = st;
	log->status.recognised = log->recognised;
	log->status.last = log->dated;
	pthread_mutex_unlock(&l->lock);
}

static bool
read_log(struct logs *l, struct reading *rd)
{
	struct log *log = rd->log;
	struct err e;
	enum source_result is = source_read(log->source, BUDGET, rd->now, on_line, rd, &e);

	if (is == SOURCE_LOST)
		complain(log, rd->now, &e);
	else
		is_back(log);
	if (is == SOURCE_GAP)
		logmsg(LEVEL_WARNING, "lines were lost: %s", e.text);
	publish(l, log);
	return is == SOURCE_MORE || is == SOURCE_GAP;
}

bool
logs_read(struct logs *l, time_t now, logs_line_fn *fn, void *arg)
{
	struct reading rd = { .now = now, .fn = fn, .arg = arg };
	bool more = false;

	for (unsigned i = 0; i < l->n; i++) {
		rd.log = l->v[i];
		more |= read_log(l, &rd);
	}
	return more;
}

unsigned
logs_poll(const struct logs *l, struct pollfd *fds)
{
	for (unsigned i = 0; i < l->n; i++)
		fds[i] = (struct pollfd){ .fd = source_fd(l->v[i]->source), .events = POLLIN };
	return l->n;
}

void
logs_cut(struct logs *l, struct cut *c, bool whole)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct log *log = l->v[i];
		const char *name = source_name(log->source);
		uint8_t buf[SOURCE_POSITION_MAX];
		size_t n = source_position(log->source, buf);

		if (n == 0 || (!whole && n == log->saved_len && memcmp(buf, log->saved, n) == 0))
			continue;
		memcpy(log->saved, buf, n);
		log->saved_len = n;
		cut_put(c, CUT_SOURCES, name, strlen(name), buf, n);
	}
}

void
logs_each(struct logs *l, logs_each_fn *fn, void *arg)
{
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < l->n; i++)
		fn(arg, &l->v[i]->status);
	pthread_mutex_unlock(&l->lock);
}
