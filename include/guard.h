/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.h - what stands beside the way of an event: the circuit breaker and the look-out for distributed attacks
 *
 *	guard_before()	the event learns what else is going on: is something held, is its target under attack, does its
 *			network attack?
 *	...		the ledger applies it
 *	guard_after()	breaker and swarm hear what came of it
 *	pipeline_tend()	does what follows: withdrawals (guard_withdrawal()) and notices for people (guard_notice())
 *
 * One mutex, a leaf: nothing is allocated, logged or waited for under it.  Any thread; pipeline_tend() is called by one
 * at a time.
 */
#ifndef GUARD_H
#define GUARD_H

#include "breaker.h"
#include "cut.h"
#include "swarm.h"

#define NOTICES 64 /* that wait to be told; more are counted as lost */

enum gravity { GRAVITY_NOTICE, GRAVITY_WARNING, GRAVITY_ALARM };

struct notice {
	time_t time;
	enum gravity gravity;
	char text[512];
};

struct guard;

struct guard *guard_new(void);
void guard_free(struct guard *g); /* NULL is fine */

/* All take the event with its client, and `now`, the present. */
void guard_before(struct guard *g, const struct policy *p, struct event *ev, const struct addr *client, time_t now);
/* true: pipeline_tend() has something to do. */
bool guard_after(struct guard *g, const struct policy *p, const struct event *ev, const struct addr *client,
    unsigned changes, time_t now);
/* swarm_fetch(), without the lock. */
void guard_fetch(const struct guard *g, const struct event *ev, const struct addr *client, struct swarm_fetch *f);
/* A client named a recipient and no DNSBL refused it. */
void guard_came(struct guard *g, const struct policy *p, const struct addr *client, time_t at, time_t now);

/* What is to be taken back, one at a time; false: nothing. */
bool guard_withdrawal(struct guard *g, struct withdrawal *w, struct trip *why);
/* What a withdrawal has met. */
void guard_withdrawn(struct guard *g, const struct trip *why, size_t clients, time_t now);
/* Incidents and trips that are over; then what is to be told, one at a time. */
void guard_look(struct guard *g, time_t now);
bool guard_notice(struct guard *g, struct notice *out);

/* For the listings: copies. */
unsigned guard_trips(struct guard *g, time_t now, struct trip *out, unsigned max);
unsigned guard_live(struct guard *g); /* how many incidents; NULL: none */
unsigned guard_incidents(struct guard *g, const struct policy *p, time_t now, struct incident *out, unsigned max);
/* By hand: close the breaker.  Returns how many were open. */
unsigned guard_reset(struct guard *g, time_t now);

/* An open breaker outlives a restart.  Its windows do not: they are as new. */
void guard_cut(struct guard *g, struct cut *c, time_t now, bool whole);
int guard_restore(struct guard *g, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e);

#endif
