/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_tend.c - what follows from the guard
 *
 * As with pipeline_trust.c, who is meant is looked for under the shards' locks, and changed afterwards, one by one.
 */
#include <stdlib.h>

#include "pipeline.h"

struct search {
	const struct withdrawal *withdrawal;
	time_t now;
	struct addr *v; /* owned */
	size_t n, cap;
};

/* A ledger_fn: the shard is locked. */
static void
note(void *arg, const struct addr *client, const struct record *r)
{
	struct search *s = arg;

	if (policy_owes(r, s->withdrawal, s->now) == 0)
		return;
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 16 : s->cap * 2;
		s->v = xrealloc(s->v, s->cap * sizeof *s->v);
	}
	s->v[s->n++] = *client;
}

/* Take it back from one client; the event is only to be told. */
static bool
take_back_one(struct pipeline *pl, const struct policy *p, const struct withdrawal *w, struct event *ev,
    const struct addr *client)
{
	unsigned changes = ledger_withdraw(pl->ledger, p, w, client, ev->time);

	ev->addr = *client;
	if (changes & CHANGE_UNBLOCKED)
		pl->effects.block_changed(pl->effects.arg, client);
	if (changes != 0)
		pl->effects.told(pl->effects.arg, ev, client, changes);
	return changes != 0;
}

static void
take_back(struct pipeline *pl, const struct policy *p, const struct withdrawal *w, const struct trip *why, time_t now)
{
	struct event ev = { .kind = w->kind, .source = SOURCE_CONTROL, .time = now, .rule = "breaker" };
	struct search s = { .withdrawal = w, .now = now };
	char text[256];
	size_t done = 0;

	ev.evidence = str_of(trip_text(text, sizeof text, why));
	ledger_walk(pl->ledger, note, &s);
	for (size_t i = 0; i < s.n; i++)
		done += take_back_one(pl, p, w, &ev, &s.v[i]);
	free(s.v);
	guard_withdrawn(pl->guard, why, done, now);
}

void
pipeline_tend(struct pipeline *pl, const struct policy *p, time_t now)
{
	struct withdrawal w;
	struct notice n;
	struct trip why;

	if (pl->guard == NULL)
		return;
	while (guard_withdrawal(pl->guard, &w, &why))
		take_back(pl, p, &w, &why, now);
	guard_look(pl->guard, now);
	while (guard_notice(pl->guard, &n))
		if (pl->notice != NULL)
			pl->notice(pl->effects.arg, &n);
}
