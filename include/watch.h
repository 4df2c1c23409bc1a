/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - live events for whoever is looking
 *
 * One ring of the latest events.  The threads that bring events write into it and never wait; each watcher reads
 * with a cursor of its own.  A watcher that falls a whole ring behind loses the oldest events: they are counted
 * (STAT_WATCH_DROPPED) and it is told how many.  While nobody watches, watch_told() costs one atomic load.
 *
 * The ring's mutex is a leaf: only memory is copied under it.
 */
#ifndef WATCH_H
#define WATCH_H

#include "pipeline.h"

#define WATCH_SLOTS 1024

/* An event as a watcher gets it.  Texts are masked and showable, "" when absent. */
struct watched {
	enum event_kind kind; /* EVENT_KINDS: somebody's hand, through the control socket */
	enum event_source source;
	struct addr client;
	time_t time;
	unsigned changes; /* CHANGE_ bits */
	char user[80], recipient[160], zone[80], rule[48];
	char evidence[320];
	char notice[512]; /* not "": no event but something said, of a breaker or an incident */
};

struct watch;

struct watch *watch_new(void);
void watch_free(struct watch *w); /* NULL is fine; nobody may be using it */

/* For effects.told: any thread.  `ev` NULL: not an event but somebody's hand. */
void watch_told(struct watch *w, const struct event *ev, const struct addr *client, unsigned changes);

void watch_notice(struct watch *w, time_t at, const char *text);

/* Be called when there is something new, by the thread that brought it; not again before watch_next() has said that
 * there is nothing more.  To be set before the first watcher joins; `fn` must not block. */
void watch_notify(struct watch *w, void (*fn)(void *arg), void *arg);

/* A watcher's place in the ring.  From watch_join() on nothing is missed but what is counted. */
struct watcher {
	uint64_t next;
};
void watch_join(struct watch *w, struct watcher *me);
void watch_leave(struct watch *w);
unsigned watch_watchers(const struct watch *w); /* how many there are */
/* The next event; false when there is none yet.  *missed is how many were lost before this one. */
bool watch_next(struct watch *w, struct watcher *me, struct watched *out, uint64_t *missed);

#endif
