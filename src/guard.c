/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard.c - the circuit breaker and the look-out for distributed attacks, on the way of every event */
#include "guard.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrhash.h"
#include "stats.h"

#define TODO_MAX (2 * BREAKER_OPEN_MAX)

struct guard {
	_Atomic unsigned alert; /* trips and incidents: while it is 0, nothing needs to be looked up */
	pthread_mutex_t lock;	/* a leaf; guards all below */
	struct breaker *breaker;
	struct swarm *swarm;
	unsigned trips;		/* open when last looked */
	bool changed;		/* the trips, since the last cut */
	uint8_t saved;		/* how many the store holds */
	struct trip todo[TODO_MAX]; /* to be withdrawn */
	unsigned n_todo;
	struct notice notices[NOTICES]; /* a ring */
	unsigned first, n_notices;
};

struct guard *
guard_new(void)
{
	struct guard *g = xcalloc(1, sizeof *g);

	pthread_mutex_init(&g->lock, NULL);
	g->breaker = breaker_new();
	g->swarm = swarm_new();
	return g;
}

void
guard_free(struct guard *g)
{
	if (g == NULL)
		return;
	breaker_free(g->breaker);
	swarm_free(g->swarm);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

struct heard {
	const struct event *ev;
	const struct addr *client;
	uint32_t at, now;
};

/* ---- with the lock held ---- */

static struct notice *
new_notice(struct guard *g, enum gravity gravity, time_t now)
{
	static const struct notice blank;
	struct notice *n;

	if (g->n_notices == NOTICES) {
		stat_add(STAT_NOTICES_DROPPED, 1);
		return NULL;
	}
	n = &g->notices[(g->first + g->n_notices++) % NOTICES];
	*n = blank;
	n->time = now;
	n->gravity = gravity;
	return n;
}

static void
count_alert(struct guard *g)
{
	atomic_store(&g->alert, g->trips + swarm_live(g->swarm));
}

static void
tripped(struct guard *g, const struct trip *t)
{
	static const char *const held[BREAKER_CAUSES] = { "blocks nobody", "blocks none of these",
		"puts nobody into the cache and blocks nobody" };
	struct notice *n = new_notice(g, GRAVITY_ALARM, t->at);
	char text[256], term[16];

	stat_add(STAT_BREAKER_TRIPS, 1);
	g->trips++;
	g->changed = true;
	count_alert(g);
	if (g->n_todo < TODO_MAX)
		g->todo[g->n_todo++] = *t;
	if (n != NULL)
		(void)snprintf(n->text, sizeof n->text,
		    "BREAKER OPEN: %s; it %s for %s, what came of it is taken back (popauth-milterctl breaker reset ends it)",
		    trip_text(text, sizeof text, t), held[t->cause],
		    str_term(term, sizeof term, (int64_t)t->until - t->at));
}

/* It might have gone wrong, or have been so ever since before we were started. */
static void
suspected(struct guard *g, const struct trip *t)
{
	struct notice *n = new_notice(g, GRAVITY_WARNING, t->at);
	char text[256];

	if (n != NULL)
		(void)snprintf(n->text, sizeof n->text,
		    "%s; nothing is done about it, because too little has been seen yet to tell what is usual",
		    trip_text(text, sizeof text, t));
}

static void
begun(struct guard *g, const struct policy *p, const struct incident *i)
{
	struct notice *n = new_notice(g, GRAVITY_WARNING, i->since);
	char text[256], clients[240];

	stat_add(STAT_INCIDENTS, 1);
	count_alert(g);
	if (n == NULL)
		return;
	(void)snprintf(n->text, sizeof n->text, "INCIDENT: %s%s%s", incident_text(text, sizeof text, i),
	    i->shown > 0 ? ", among them " : "", incident_clients(clients, sizeof clients, i, p->ipv6_prefix));
}

static void
over(struct guard *g, const struct incident *i, time_t now)
{
	struct notice *n = new_notice(g, GRAVITY_NOTICE, now);
	char text[256];

	if (n != NULL)
		(void)snprintf(n->text, sizeof n->text, "incident over: %s", incident_text(text, sizeof text, i));
}

/* Which clients a DNSBL's share is of: those that have come as far as naming a recipient, and are not our users.  Of
 * the others (who only guess passwords, or break the protocol) no DNSBL was asked. */
static bool
hear_zone(struct guard *g, const struct policy *p, const struct heard *h, const char *zone)
{
	struct trip t;

	switch (h->ev->kind) {
	case EVENT_LOGIN:
		breaker_excused(g->breaker, h->client);
		return false;
	case EVENT_RBL:
		if (zone == NULL)
			return false;
		break;
	case EVENT_UNKNOWN_USER:
	case EVENT_RELAY_DENIED:
	case EVENT_RECIPIENT_FORGERY:
	case EVENT_POLICY:
		break;
	default:
		return false;
	}
	if (!breaker_heard(g->breaker, p, zone, h->client, h->at, h->now, &t))
		return false;
	if (t.until == 0)
		suspected(g, &t);
	else
		tripped(g, &t);
	return true;
}

static bool
hear_block(struct guard *g, const struct policy *p, const struct heard *h, unsigned changes)
{
	struct trip t;

	if (!(changes & CHANGE_BLOCKED) || !breaker_blocked(g->breaker, p, h->ev->kind, h->client,
	    (changes & CHANGE_GOOD) != 0, h->at, h->now, &t))
		return false;
	tripped(g, &t);
	return true;
}

static bool
hear_targets(struct guard *g, const struct policy *p, const struct heard *h, unsigned changes)
{
	struct aim aims[SWARM_AIMS];
	unsigned n = swarm_aims(h->ev, changes, aims);
	struct incident one;
	bool news = false;

	for (unsigned i = 0; i < n; i++)
		if (swarm_hear(g->swarm, p, &aims[i], h->client, h->at, h->now, &one)) {
			begun(g, p, &one);
			news = true;
		}
	return news;
}

/* ---- on the way of an event ---- */

void
guard_before(struct guard *g, const struct policy *p, struct event *ev, const struct addr *client, time_t now)
{
	uint32_t at = record_time_of(ev->time, now);
	struct aim aims[SWARM_AIMS];
	unsigned n;

	if (atomic_load_explicit(&g->alert, memory_order_relaxed) == 0 || ev->kind == EVENT_LOGIN)
		return;
	/* Mail returned to names that were forged comes in storms, from honest servers: it may be the attack's echo. */
	n = ev->bounce ? 0 : swarm_aims(ev, 0, aims);
	pthread_mutex_lock(&g->lock);
	ev->held = breaker_holds(g->breaker, ev->kind, ev->zone, at);
	for (unsigned i = 0; i < n; i++)
		if (swarm_attacked(g->swarm, &aims[i], client, at))
			*(aims[i].target == TARGET_NETWORK ? &ev->strict_around : &ev->strict) = (uint8_t)p->incident_factor;
	pthread_mutex_unlock(&g->lock);
}

bool
guard_after(struct guard *g, const struct policy *p, const struct event *ev, const struct addr *client,
    unsigned changes, time_t now)
{
	const struct heard h = { ev, client, record_time_of(ev->time, now), record_time(now) };
	const char *zone;
	bool news;

	if (changes & (CHANGE_TRUSTED | CHANGE_DUPLICATE) || !p->kind[ev->kind].on)
		return false; /* what was told before was heard before */
	/* What our own users do is no attack, unless one fails on everybody's accounts. */
	if ((changes & CHANGE_FORGIVEN) && ev->kind != EVENT_AUTH_FAILURE)
		return false;
	zone = ev->kind == EVENT_RBL ? intern(ev->zone) : NULL; /* has a lock of its own */
	pthread_mutex_lock(&g->lock);
	news = hear_zone(g, p, &h, zone);
	news |= hear_block(g, p, &h, changes);
	news |= hear_targets(g, p, &h, changes);
	pthread_mutex_unlock(&g->lock);
	return news;
}

void
guard_fetch(const struct guard *g, const struct event *ev, const struct addr *client, struct swarm_fetch *f)
{
	swarm_fetch(g->swarm, ev, client, f);
}

void
guard_came(struct guard *g, const struct policy *p, const struct addr *client, time_t at, time_t now)
{
	struct trip t;

	pthread_mutex_lock(&g->lock);
	(void)breaker_heard(g->breaker, p, NULL, client, record_time_of(at, now), record_time(now), &t);
	pthread_mutex_unlock(&g->lock);
}

/* ---- what follows ---- */

bool
guard_withdrawal(struct guard *g, struct withdrawal *w, struct trip *why)
{
	bool any;

	pthread_mutex_lock(&g->lock);
	any = g->n_todo > 0;
	if (any) {
		*why = g->todo[0];
		memmove(g->todo, g->todo + 1, --g->n_todo * sizeof g->todo[0]);
		*w = (struct withdrawal){ why->kind, why->zone, why->since, why->until,
			why->cause == BREAKER_GOOD };
	}
	pthread_mutex_unlock(&g->lock);
	return any;
}

void
guard_withdrawn(struct guard *g, const struct trip *why, size_t clients, time_t now)
{
	char text[256];
	struct notice *n;

	if (clients == 0)
		return;
	stat_add(STAT_BREAKER_WITHDRAWN, clients);
	pthread_mutex_lock(&g->lock);
	n = new_notice(g, GRAVITY_ALARM, now);
	if (n != NULL)
		(void)snprintf(n->text, sizeof n->text, "breaker: taken back from %zu clients (%s)", clients,
		    trip_text(text, sizeof text, why));
	pthread_mutex_unlock(&g->lock);
}

void
guard_look(struct guard *g, time_t now)
{
	struct trip open[BREAKER_OPEN_MAX];
	struct incident i;
	struct notice *n;
	unsigned trips;

	if (atomic_load_explicit(&g->alert, memory_order_relaxed) == 0)
		return;
	pthread_mutex_lock(&g->lock);
	while (swarm_over(g->swarm, record_time(now), &i))
		over(g, &i, now);
	trips = breaker_open(g->breaker, record_time(now), open, BREAKER_OPEN_MAX);
	if (trips < g->trips) {
		if ((n = new_notice(g, GRAVITY_WARNING, now)) != NULL)
			(void)snprintf(n->text, sizeof n->text, "breaker: %u closed again, %u open", g->trips - trips,
			    trips);
		g->changed = true;
	}
	g->trips = trips;
	count_alert(g);
	pthread_mutex_unlock(&g->lock);
}

bool
guard_notice(struct guard *g, struct notice *out)
{
	bool any;

	pthread_mutex_lock(&g->lock);
	any = g->n_notices > 0;
	if (any) {
		*out = g->notices[g->first];
		g->first = (g->first + 1) % NOTICES;
		g->n_notices--;
	}
	pthread_mutex_unlock(&g->lock);
	return any;
}

/* ---- listings and hands ---- */

unsigned
guard_trips(struct guard *g, time_t now, struct trip *out, unsigned max)
{
	unsigned n;

	pthread_mutex_lock(&g->lock);
	n = breaker_open(g->breaker, record_time(now), out, max);
	pthread_mutex_unlock(&g->lock);
	return n;
}

unsigned
guard_live(struct guard *g)
{
	unsigned n;

	if (g == NULL)
		return 0;
	pthread_mutex_lock(&g->lock);
	n = swarm_live(g->swarm);
	pthread_mutex_unlock(&g->lock);
	return n;
}

unsigned
guard_incidents(struct guard *g, const struct policy *p, time_t now, struct incident *out, unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < swarm_live(g->swarm) && n < max; i++) {
		swarm_incident(g->swarm, p, i, record_time(now), &out[n]);
		if (record_time(now) < out[n].until)
			n++;
	}
	pthread_mutex_unlock(&g->lock);
	return n;
}

unsigned
guard_reset(struct guard *g, time_t now)
{
	unsigned n;

	pthread_mutex_lock(&g->lock);
	n = breaker_reset(g->breaker, record_time(now));
	g->n_todo = 0;
	g->trips = 0;
	g->changed = true;
	count_alert(g);
	pthread_mutex_unlock(&g->lock);
	return n;
}

/* ---- the store ----
 *
 * Keys "trip" and a number; values: version, cause, kind, five numbers (little-endian), the zone's text. */

#define TRIP_VERSION 1
#define TRIP_HEAD    (3 + 5 * 4)

static void
put32(uint8_t *to, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t
get32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void
cut_trip(struct cut *c, unsigned place, const struct trip *t)
{
	const uint8_t key[] = { 't', 'r', 'i', 'p', (uint8_t)place };
	const uint32_t numbers[] = { t->since, t->at, t->until, t->n, t->of };
	uint8_t val[TRIP_HEAD + 256] = { TRIP_VERSION, (uint8_t)t->cause, (uint8_t)t->kind };
	size_t zone = t->zone == NULL ? 0 : strlen(t->zone);

	for (unsigned i = 0; i < 5; i++)
		put32(val + 3 + 4 * i, numbers[i]);
	if (zone > 255)
		zone = 255;
	if (zone > 0)
		memcpy(val + TRIP_HEAD, t->zone, zone);
	cut_put(c, CUT_META, key, sizeof key, val, TRIP_HEAD + zone);
}

void
guard_cut(struct guard *g, struct cut *c, time_t now, bool whole)
{
	struct trip open[BREAKER_OPEN_MAX];
	unsigned n = 0, saved = 0;
	bool changed;

	pthread_mutex_lock(&g->lock);
	changed = g->changed || whole;
	if (changed) {
		n = breaker_open(g->breaker, record_time(now), open, BREAKER_OPEN_MAX);
		saved = g->saved;
		g->saved = (uint8_t)n;
		g->changed = false;
	}
	pthread_mutex_unlock(&g->lock);
	if (!changed)
		return;
	for (unsigned i = 0; i < n; i++)
		cut_trip(c, i, &open[i]);
	for (unsigned i = n; i < saved; i++) {
		const uint8_t key[] = { 't', 'r', 'i', 'p', (uint8_t)i };

		cut_del(c, CUT_META, key, sizeof key);
	}
}

int
guard_restore(struct guard *g, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	struct trip t = { 0 };
	uint32_t *numbers[] = { &t.since, &t.at, &t.until, &t.n, &t.of };

	if (klen != 5 || memcmp(key, "trip", 4) != 0)
		return 0;
	if (vlen < TRIP_HEAD || val[0] != TRIP_VERSION || val[1] >= BREAKER_CAUSES || val[2] >= EVENT_KINDS ||
	    (val[1] == BREAKER_ZONE) != (vlen > TRIP_HEAD))
		return err_set(e, "an open breaker of %zu bytes is damaged", vlen);
	t.cause = (enum breaker_cause)val[1];
	t.kind = (enum event_kind)val[2];
	for (unsigned i = 0; i < 5; i++)
		*numbers[i] = get32(val + 3 + 4 * i);
	if (vlen > TRIP_HEAD)
		t.zone = intern((struct str){ (const char *)val + TRIP_HEAD, vlen - TRIP_HEAD });
	pthread_mutex_lock(&g->lock);
	breaker_restore(g->breaker, &t);
	if (key[4] >= g->saved)
		g->saved = (uint8_t)(key[4] + 1);
	g->trips++;
	count_alert(g);
	/* What the cause had brought may have been on disk before it was taken back. */
	if (g->n_todo < TODO_MAX)
		g->todo[g->n_todo++] = t;
	pthread_mutex_unlock(&g->lock);
	return 0;
}
