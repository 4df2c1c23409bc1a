/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline.c - event -> ledger -> effects */
#include "pipeline.h"

#include <stdatomic.h>
#include <string.h>

#include "stats.h"

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
}

static void
block_effect(struct pipeline *pl, const struct addr *client, unsigned changes)
{
	if (changes & (CHANGE_BLOCKED | CHANGE_UNBLOCKED))
		pl->effects.block_changed(pl->effects.arg, client);
}

unsigned
pipeline_event(struct pipeline *pl, const struct policy *p, const struct event *ev, time_t now)
{
	struct addr client = addr_client(&ev->addr, p->ipv6_prefix);
	unsigned changes = ledger_apply(pl->ledger, p, ev, now);

	count(ev, pl, changes);
	block_effect(pl, &client, changes);
	pl->effects.told(pl->effects.arg, ev, &client, changes);
	return changes;
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

	by_hand(pl, &client, changes);
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
