/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline.h - event -> ledger -> effects: the one entry for everything that is learned
 *
 * The daemon, `simulate` and the replay tests all run this; they differ only in the clock and in the effects.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "guard.h"
#include "history.h"
#include "ledger.h"

/* Called after the ledger's lock is gone, by the thread that brought the event.  They must not block.  NULL: none. */
struct effects {
	void *arg;
	/* What the kernel should hold of this client may have changed: ask the ledger. */
	void (*block_changed)(void *arg, const struct addr *client);
	/* Somebody may want to see this.  `ev` is NULL for an administrator's change. */
	void (*told)(void *arg, const struct event *ev, const struct addr *client, unsigned changes);
};

/* Also called with effects.arg. */
typedef void pipeline_alarm_fn(void *arg);
typedef void pipeline_notice_fn(void *arg, const struct notice *n);

struct pipeline {
	struct ledger *ledger;
	struct effects effects;
	struct guard *guard; /* NULL: no breaker, no look-out for distributed attacks */
	struct history *history; /* borrowed, set before the first event; NULL: none is kept */
	pipeline_alarm_fn *alarm;
	pipeline_notice_fn *notice;
	_Atomic uint64_t kinds[EVENT_KINDS]; /* events by kind since start */
};

void pipeline_init(struct pipeline *pl, struct ledger *l, const struct effects *fx); /* fx NULL: no effects */
/* Before the first event.  `g` is borrowed.  `alarm`: the guard has something to do, have pipeline_tend() called soon; it
 * must not block; NULL: pipeline_tend() is called at once.  `notice`: something is to be told to people; NULL: not. */
void pipeline_guard(struct pipeline *pl, struct guard *g, pipeline_alarm_fn *alarm, pipeline_notice_fn *notice);
unsigned pipeline_event(struct pipeline *pl, const struct policy *p, const struct event *ev, time_t now);
/* A client named a recipient that the MTA takes, at `at`: no DNSBL has refused it. */
void pipeline_came(struct pipeline *pl, const struct policy *p, const struct addr *a, time_t at, time_t now);
/* What follows from the guard: take back what a tripped breaker's cause has brought, say what there is to say; to be
 * called now and then besides, for what is over.  By one thread at a time, which may be kept: it can go through the
 * whole ledger. */
void pipeline_tend(struct pipeline *pl, const struct policy *p, time_t now);
unsigned pipeline_add(struct pipeline *pl, const struct policy *p, enum set s, const struct addr *a, time_t now,
    uint32_t term, struct str text);
unsigned pipeline_carry(struct pipeline *pl, const struct policy *p, const struct addr *a, const struct carried *c,
    time_t now);
unsigned pipeline_del(struct pipeline *pl, const struct policy *p, enum set s, const struct addr *a, time_t now);
/* Take out of the sets who is trusted now, but was not when it was granted, cached or blocked.  Goes through the whole
 * ledger.  Returns how many clients there were. */
size_t pipeline_trust(struct pipeline *pl, const struct policy *p, time_t now);

#endif
