/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - see watch.h */
#include "watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "evidence.h"
#include "stats.h"

struct watch {
	_Atomic unsigned watchers;
	void (*notify)(void *arg);
	void *arg;
	pthread_mutex_t lock;	/* guards all that follows */
	bool told;		/* notify() was called and nobody has come to the end since */
	uint64_t head;		/* number of events ever written; the next goes to slot head % WATCH_SLOTS */
	struct watched ring[WATCH_SLOTS];
};

struct watch *
watch_new(void)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	pthread_mutex_init(&w->lock, NULL);
	return w;
}

void
watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void
watch_notify(struct watch *w, void (*fn)(void *arg), void *arg)
{
	w->notify = fn;
	w->arg = arg;
}

static void
fill(struct watched *out, const struct event *ev, const struct addr *client, unsigned changes)
{
	out->kind = EVENT_KINDS;
	out->source = SOURCE_CONTROL;
	out->client = *client;
	out->changes = changes;
	out->time = time(NULL);
	out->notice[0] = out->user[0] = out->recipient[0] = out->zone[0] = out->rule[0] = out->evidence[0] = '\0';
	if (ev == NULL)
		return;
	out->kind = ev->kind;
	out->source = ev->source;
	out->time = ev->time;
	str_show(out->user, sizeof(out->user), ev->user);
	str_show(out->recipient, sizeof(out->recipient), ev->recipient);
	str_show(out->zone, sizeof(out->zone), ev->zone);
	str_show(out->rule, sizeof(out->rule), str_of(ev->rule));
	evidence_text(out->evidence, sizeof(out->evidence), ev->evidence);
}

static void
put(struct watch *w, const struct watched *now)
{
	bool tell;

	pthread_mutex_lock(&w->lock);
	w->ring[w->head++ % WATCH_SLOTS] = *now;
	tell = !w->told;
	w->told = true;
	pthread_mutex_unlock(&w->lock);
	if (tell && w->notify != NULL)
		w->notify(w->arg);
}

void
watch_told(struct watch *w, const struct event *ev, const struct addr *client, unsigned changes)
{
	struct watched now;

	if (atomic_load_explicit(&w->watchers, memory_order_relaxed) == 0)
		return;
	fill(&now, ev, client, changes);
	put(w, &now);
}

void
watch_notice(struct watch *w, time_t at, const char *text)
{
	static const struct addr nobody;
	struct watched now;

	if (atomic_load_explicit(&w->watchers, memory_order_relaxed) == 0)
		return;
	fill(&now, NULL, &nobody, 0);
	now.time = at;
	str_copy(now.notice, sizeof now.notice, str_of(text));
	put(w, &now);
}

void
watch_join(struct watch *w, struct watcher *me)
{
	atomic_fetch_add(&w->watchers, 1);
	pthread_mutex_lock(&w->lock);
	me->next = w->head;
	pthread_mutex_unlock(&w->lock);
}

void
watch_leave(struct watch *w)
{
	atomic_fetch_sub(&w->watchers, 1);
}

unsigned
watch_watchers(const struct watch *w)
{
	return atomic_load(&w->watchers);
}

bool
watch_next(struct watch *w, struct watcher *me, struct watched *out, uint64_t *missed)
{
	bool found;

	*missed = 0;
	pthread_mutex_lock(&w->lock);
	if (w->head - me->next > WATCH_SLOTS) {
		*missed = w->head - me->next - WATCH_SLOTS;
		me->next = w->head - WATCH_SLOTS;
	}
	found = me->next != w->head;
	if (found)
		*out = w->ring[me->next++ % WATCH_SLOTS];
	else
		w->told = false;
	pthread_mutex_unlock(&w->lock);
	if (*missed > 0)
		stat_add(STAT_WATCH_DROPPED, *missed);
	return found;
}
