/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logmsg.c - the daemon's own messages
 *
 * Standard error is written by write(2): a thread that waits in stdio would hold the stream's lock, and exit(3) wants
 * it.
 */
#include "logmsg.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "stats.h"
#include "str.h"

#define TEXT	 1024
#define LINES	 256
#define PATIENCE 5 /* seconds to write what waits, at the end */

struct line {
	uint64_t lost; /* before it */
	enum level level;
	bool to_stderr;
	char text[TEXT];
};

static _Atomic(const char *) name = "popauth-milter";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static struct {
	bool to_stderr;	   /* all guarded by lock, but for thread */
	bool queued;	   /* the thread writes */
	bool writing;	   /* is at it */
	bool stop, ended;
	unsigned first, n; /* those that wait */
	uint64_t lost;	   /* behind the last of them */
	struct flood *floods; /* that something was left out of */
	pthread_cond_t wake, idle;
	pthread_t thread;
	struct line ring[LINES];
} own = { .to_stderr = true };

static const int priority[] = {
	[LEVEL_PANIC] = LOG_CRIT,
	[LEVEL_ERROR] = LOG_ERR,
	[LEVEL_WARNING] = LOG_WARNING,
	[LEVEL_NOTICE] = LOG_NOTICE,
	[LEVEL_INFO] = LOG_INFO,
};

static uint64_t
monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec;
}

/* ---- writing, which may take any time ---- */

static void
write_stderr(const char *p, size_t n)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	while (n > 0) {
		ssize_t k = write(fd.fd, p, n);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (errno == EAGAIN) { /* somebody else has made it so */
			(void)poll(&fd, 1, -1);
		} else if (errno != EINTR) {
			return;
		}
	}
}

static void
write_line(const struct line *l)
{
	char out[TEXT + 64];
	int n;

	syslog(priority[l->level], "%s", l->text);
	if (!l->to_stderr)
		return;
	n = snprintf(out, sizeof out, "%s: %s\n", name, l->text);
	if (n > 0)
		write_stderr(out, (size_t)n < sizeof out ? (size_t)n : sizeof out - 1);
}

static void
write_lost(bool to_stderr, uint64_t n)
{
	struct line l = { .level = LEVEL_WARNING, .to_stderr = to_stderr };

	(void)snprintf(l.text, sizeof l.text, "%llu messages are missing here: they came faster than they were taken",
	    (unsigned long long)n);
	write_line(&l);
}

static void
write_untold(bool to_stderr, const struct flood *f, uint64_t n)
{
	struct line l = { .level = LEVEL_WARNING, .to_stderr = to_stderr };
	char span[16];

	(void)snprintf(l.text, sizeof l.text, "%llu more %s were not logged: there were more than %u in %s",
	    (unsigned long long)n, f->what, f->n, str_term(span, sizeof span, f->span));
	write_line(&l);
}

/* ---- the ring; the lock is held ---- */

/* What a client brings about gets no more than half of it. */
static void
push(enum level level, const char *text)
{
	struct line *l = &own.ring[(own.first + own.n) % LINES];

	if (own.n >= (level == LEVEL_INFO ? LINES / 2 : LINES)) {
		own.lost++;
		stat_add(STAT_MESSAGES_LOST, 1);
		return;
	}
	l->lost = own.lost;
	l->level = level;
	l->to_stderr = own.to_stderr;
	memcpy(l->text, text, strlen(text) + 1);
	own.lost = 0;
	own.n++;
}

static void
pop(struct line *out)
{
	const struct line *l = &own.ring[own.first];

	out->lost = l->lost;
	out->level = l->level;
	out->to_stderr = l->to_stderr;
	memcpy(out->text, l->text, strlen(l->text) + 1);
	own.first = (own.first + 1) % LINES;
	own.n--;
}

/* Of which flood is it time to say how many were left out?  NULL: of none. */
static const struct flood *
untold(uint64_t *n, bool at_once)
{
	for (struct flood **at = &own.floods; *at != NULL;) {
		struct flood *f = *at;

		if ((*n = flood_tell(f, monotonic(), at_once)) > 0)
			return f;
		if (f->untold == 0) {
			f->listed = false;
			*at = f->next;
		} else {
			at = &f->next;
		}
	}
	return NULL;
}

static void
list(struct flood *f)
{
	if (f->listed)
		return;
	f->listed = true;
	f->next = own.floods;
	own.floods = f;
	if (own.queued)
		pthread_cond_signal(&own.wake);
}

/* ---- the thread ---- */

/* Until there is something to write, or a second has gone by while it is not yet time to tell of a flood. */
static void
rest(void)
{
	struct timespec until;

	pthread_cond_broadcast(&own.idle);
	if (own.floods == NULL) {
		pthread_cond_wait(&own.wake, &lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	(void)pthread_cond_timedwait(&own.wake, &lock, &until);
}

/* Write what is next, with what is missing before it.  false: there is nothing. */
static bool
write_next(struct line *l)
{
	const struct flood *f = NULL;
	uint64_t lost, left_out = 0;
	bool any = own.n > 0;

	l->to_stderr = own.to_stderr;
	if (any) {
		pop(l);
		lost = l->lost;
	} else {
		lost = own.lost;
		own.lost = 0;
		f = untold(&left_out, own.stop);
	}
	if (!any && lost == 0 && f == NULL)
		return false;
	own.writing = true;
	pthread_mutex_unlock(&lock);
	if (lost > 0)
		write_lost(l->to_stderr, lost);
	if (any)
		write_line(l);
	if (f != NULL)
		write_untold(l->to_stderr, f, left_out);
	pthread_mutex_lock(&lock);
	own.writing = false;
	return true;
}

static void *
write_all(void *arg)
{
	struct line l;

	(void)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		if (write_next(&l))
			continue;
		if (own.stop)
			break;
		rest();
	}
	own.ended = true;
	pthread_cond_broadcast(&own.idle);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* With the lock held: until all that waits is written, or the thread has ended.  false: nobody takes it. */
static bool
taken(bool to_the_end)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE;
	while (to_the_end ? !own.ended : own.n > 0 || own.writing)
		if (pthread_cond_timedwait(&own.idle, &lock, &until) == ETIMEDOUT)
			return false;
	return true;
}

/* No signal is this thread's business. */
static int
start_thread(void)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&own.thread, NULL, write_all, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int
logmsg_start(struct err *e)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_lock(&lock);
	pthread_cond_init(&own.wake, &attr);
	pthread_cond_init(&own.idle, &attr);
	own.stop = own.ended = false;
	errno = start_thread();
	own.queued = errno == 0;
	pthread_mutex_unlock(&lock);
	pthread_condattr_destroy(&attr);
	return own.queued ? 0 : err_sys(e, "message thread");
}

void
logmsg_stop(void)
{
	bool done;

	pthread_mutex_lock(&lock);
	if (!own.queued) {
		pthread_mutex_unlock(&lock);
		return;
	}
	own.stop = true;
	pthread_cond_signal(&own.wake);
	done = taken(true);
	own.queued = !done;
	pthread_mutex_unlock(&lock);
	if (done)
		pthread_join(own.thread, NULL);
	else
		pthread_detach(own.thread); /* it ends with the process */
}

bool
logmsg_last(const char *text)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = own.queued;
	if (queued && own.n == LINES) { /* rather this one than the one before it */
		own.n--;
		own.lost += 1 + own.ring[(own.first + own.n) % LINES].lost;
		stat_add(STAT_MESSAGES_LOST, 1);
	}
	if (queued) {
		push(LEVEL_PANIC, text);
		pthread_cond_signal(&own.wake);
		(void)taken(false);
	}
	pthread_mutex_unlock(&lock);
	return queued;
}

/* ---- saying ---- */

void
logmsg_open(const char *ident, bool on_stderr)
{
	pthread_mutex_lock(&lock);
	name = ident;
	own.to_stderr = on_stderr;
	pthread_mutex_unlock(&lock);
	openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

/* Queue it, or write it when there is no queue. */
static void
put(struct line *l)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = own.queued;
	l->to_stderr = own.to_stderr;
	if (queued)
		push(l->level, l->text);
	pthread_mutex_unlock(&lock);
	if (queued)
		pthread_cond_signal(&own.wake); /* now: who wakes while we hold the lock goes to sleep for it again */
	else
		write_line(l);
}

void
logmsg(enum level level, const char *fmt, ...)
{
	struct line l = { .level = level };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(l.text, sizeof l.text, fmt, ap);
	va_end(ap);
	put(&l);
}

static bool
may_say(struct flood *f)
{
	bool may;

	pthread_mutex_lock(&lock);
	may = flood_take(f, monotonic());
	if (!may) {
		stat_add(STAT_MESSAGES_LEFT_OUT, 1);
		list(f);
	}
	pthread_mutex_unlock(&lock);
	return may;
}

void
logmsg_flood(struct flood *f, enum level level, const char *fmt, ...)
{
	struct line l = { .level = level };
	va_list ap;

	if (!may_say(f))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(l.text, sizeof l.text, fmt, ap);
	va_end(ap);
	put(&l);
}
