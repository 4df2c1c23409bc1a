/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline.c - event -> ledger -> effects */
#include "pipeline.h"

#include <stdatomic.h>
#include <string.h>

#include "stats.h"

#define ALARM (1u << 31) /* beside policy_apply()'s bits, inside this file: the guard has something to do */

static void
nobody_hears(void *arg, const struct addr *client)
{
	(void)arg;
	(void)client;
}

static void
nobody_sees(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	(void)ev;
	(void)client;
	(void)changes;
}

void
pipeline_init(struct pipeline *pl, struct ledger *l, const struct effects *fx)
{
	memset(pl, 0, sizeof *pl);
	pl->ledger = l;
	if (fx != NULL)
		pl->effects = *fx;
	if (pl->effects.block_changed == NULL)
		pl->effects.block_changed = nobody_hears;
	if (pl->effects.told == NULL)
		pl->effects.told = nobody_sees;
}

void
pipeline_guard(struct pipeline *pl, struct guard *g, pipeline_alarm_fn *alarm, pipeline_notice_fn *notice)
{
	pl->guard = g;
	pl->alarm = alarm;
	pl->notice = notice;
}

static void
count(const struct event *ev, struct pipeline *pl, unsigned changes)
{
	atomic_fetch_add_explicit(&pl->kinds[ev->kind], 1, memory_order_relaxed);
	stat_add(STAT_EVENTS, 1);
	if (changes & CHANGE_TRUSTED)
		stat_add(STAT_EVENTS_TRUSTED, 1);
	if (changes & CHANGE_FORGIVEN)
		stat_add(STAT_EVENTS_FORGIVEN, 1);
	if (changes & CHANGE_DUPLICATE)
		stat_add(STAT_EVENTS_DUPLICATE, 1);
	if (changes & CHANGE_EXPIRED)
		stat_add(STAT_EVENTS_EXPIRED, 1);
	if (changes & CHANGE_HELD)
		stat_add(STAT_EVENTS_HELD, 1);
}

static void
block_effect(struct pipeline *pl, const struct addr *client, unsigned changes)
{
	if (changes & (CHANGE_BLOCKED | CHANGE_UNBLOCKED))
		pl->effects.block_changed(pl->effects.arg, client);
}

static unsigned
guarded(struct pipeline *pl, const struct policy *p, const struct event *told, const struct addr *client, time_t now)
{
	struct event ev = *told;
	unsigned changes;

	ev.strict = ev.strict_around = ev.held = 0;
	if (pl->guard == NULL)
		return ledger_apply(pl->ledger, p, &ev, now);
	guard_before(pl->guard, p, &ev, client, now);
	changes = ledger_apply(pl->ledger, p, &ev, now);
	return guard_after(pl->guard, p, &ev, client, changes, now) ? changes | ALARM : changes;
}

unsigned
pipeline_event(struct pipeline *pl, const struct policy *p, const struct event *ev, time_t now)
{
	struct addr client = addr_client(&ev->addr, p->ipv6_prefix);
	unsigned changes = guarded(pl, p, ev, &client, now);
	bool alarm = (changes & ALARM) != 0;

	changes &= ~ALARM;
	count(ev, pl, changes);
	if (pl->history != NULL)
		history_event(pl->history, ev, changes, now);
	block_effect(pl, &client, changes);
	pl->effects.told(pl->effects.arg, ev, &client, changes);
	if (alarm && pl->alarm != NULL)
		pl->alarm(pl->effects.arg);
	else if (alarm)
		pipeline_tend(pl, p, now);
	return changes;
}

void
pipeline_came(struct pipeline *pl, const struct policy *p, const struct addr *a, time_t at, time_t now)
{
	struct addr client = addr_client(a, p->ipv6_prefix);

	if (pl->guard != NULL && !policy_ignores(p, a, EVENT_RBL))
		guard_came(pl->guard, p, &client, at, now);
}

static void
by_hand(struct pipeline *pl, const struct addr *client, unsigned changes)
{
	block_effect(pl, client, changes);
	if (changes != 0)
		pl->effects.told(pl->effects.arg, NULL, client, changes);
}

unsigned
pipeline_add(struct pipeline *pl, const struct policy *p, enum set s, const struct addr *a, time_t now, uint32_t term,
    struct str text)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	unsigned changes = ledger_add(pl->ledger, p, s, a, now, term, text);

	if (pl->history != NULL)
		history_hand(pl->history, changes, now);
	by_hand(pl, &client, changes);
	return changes;
}

unsigned
pipeline_carry(struct pipeline *pl, const struct policy *p, const struct addr *a, const struct carried *c, time_t now)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	unsigned changes = ledger_carry(pl->ledger, p, a, c, now);

	by_hand(pl, &client, changes & ~(unsigned)(CHANGE_EXPIRED | CHANGE_TRUSTED));
	return changes;
}

unsigned
pipeline_del(struct pipeline *pl, const struct policy *p, enum set s, const struct addr *a, time_t now)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	unsigned changes = ledger_del(pl->ledger, p, s, a, now);

	by_hand(pl, &client, changes);
	return changes;
}
