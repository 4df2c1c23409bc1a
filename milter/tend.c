/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tend.c - the thread that looks after what must not hold up mail or log */
#include "tend.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lists.h"
#include "logmsg.h"

#define AROUND 60 /* seconds between looks at this system's addresses */

/* Those that are no alarm: whoever attacks brings them about. */
static struct flood notices = { .what = "notices (popauth-milterctl incidents)", .n = 20, .span = 60 };

struct tend {
	struct pipeline *pipeline;
	struct watch *watch;
	pthread_t thread;
	bool running;
	/* the thread's own */
	struct conf_look look;
	time_t around;
	pthread_mutex_t confs; /* who makes a conf from the one in force; held while files are read */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, alarm;      /* guarded by lock, as is trouble */
	struct err trouble;
};

struct tend *
tend_new(struct pipeline *pl, struct watch *w)
{
	struct tend *t = xcalloc(1, sizeof *t);
	pthread_condattr_t attr;

	t->pipeline = pl;
	t->watch = w;
	pthread_mutex_init(&t->confs, NULL);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	return t;
}

void
tend_free(struct tend *t)
{
	if (t == NULL)
		return;
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->confs);
	free(t);
}

void
tend_alarm(struct tend *t)
{
	pthread_mutex_lock(&t->lock);
	t->alarm = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

void
tend_notice(struct tend *t, const struct notice *n)
{
	static const enum level levels[] = { [GRAVITY_NOTICE] = LEVEL_NOTICE, [GRAVITY_WARNING] = LEVEL_WARNING,
		[GRAVITY_ALARM] = LEVEL_ERROR };

	watch_notice(t->watch, n->time, n->text);
	if (n->gravity == GRAVITY_ALARM)
		logmsg(levels[n->gravity], "%s", n->text);
	else
		logmsg_flood(&notices, levels[n->gravity], "%s", n->text);
}

void
tend_trouble(struct tend *t, struct err *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->trouble;
	pthread_mutex_unlock(&t->lock);
}

static void
note_trouble(struct tend *t, const struct err *e)
{
	pthread_mutex_lock(&t->lock);
	t->trouble = *e;
	pthread_mutex_unlock(&t->lock);
}

void
tend_lock(struct tend *t)
{
	pthread_mutex_lock(&t->confs);
}

void
tend_unlock(struct tend *t)
{
	pthread_mutex_unlock(&t->confs);
}

static void
refresh(struct tend *t)
{
	time_t now = time(NULL);
	bool around = now - t->around >= AROUND || now < t->around;
	struct conf *c, *fresh;
	struct err e;

	tend_lock(t);
	c = conf_current();
	fresh = conf_refresh(c, &t->look, around, &e);
	if (fresh != NULL)
		conf_install(conf_get(fresh));
	lists_look();
	tend_unlock(t);
	if (around)
		t->around = now;
	if (e.text[0] != '\0')
		logmsg(LEVEL_ERROR, "the networks read before stay allowlisted: %s", e.text);
	if (e.text[0] != '\0' || !t->look.is_bad)
		note_trouble(t, &e);
	if (fresh != NULL) {
		logmsg(LEVEL_NOTICE, "allowlist: %u networks, of our own and around us: %u",
		    netlist_size(fresh->policy.allow), netlist_size(fresh->policy.own));
		(void)pipeline_trust(t->pipeline, &fresh->policy, now);
	}
	conf_put(fresh);
	conf_put(c);
}

static void
tend(struct tend *t)
{
	struct conf *c = conf_current();

	pipeline_tend(t->pipeline, &c->policy, time(NULL));
	conf_put(c);
}

/* false: the end. */
static bool
rest(struct tend *t)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_mutex_lock(&t->lock);
	while (!t->stop && !t->alarm)
		if (pthread_cond_timedwait(&t->wake, &t->lock, &until) == ETIMEDOUT)
			break;
	t->alarm = false;
	stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return !stop;
}

static void *
tend_main(void *arg)
{
	struct tend *t = arg;

	do {
		tend(t);
		refresh(t);
	} while (rest(t));
	tend(t);
	return NULL;
}

int
tend_start(struct tend *t, struct err *e)
{
	errno = pthread_create(&t->thread, NULL, tend_main, t);
	if (errno != 0)
		return err_sys(e, "tending thread");
	t->running = true;
	return 0;
}

void
tend_stop(struct tend *t)
{
	if (!t->running)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	t->running = false;
}
