/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap_grants.c - the list of grants */
#include <stdlib.h>
#include <string.h>

#include "relaymap_priv.h"

static int
compare(const void *a, const void *b)
{
	return memcmp(&((const struct granted *)a)->client, &((const struct granted *)b)->client, sizeof(struct addr));
}

/* The place of the client, or where it belongs. */
static size_t
place(const struct grants *g, const struct addr *client)
{
	size_t low = 0, high = g->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(&g->v[mid].client, client, sizeof *client) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
room(struct grants *g)
{
	if (g->n < g->cap)
		return;
	g->cap = g->cap == 0 ? 64 : 2 * g->cap;
	g->v = xrealloc(g->v, g->cap * sizeof *g->v);
}

void
grants_clear(struct grants *g)
{
	free(g->v);
	*g = (struct grants){ 0 };
}

/* A block by an administrator's hand outranks a grant, as in policy_judge() and in the socketmap. */
static bool
may_relay(const struct record *r, time_t now)
{
	return record_in(r, SET_RELAY, now) && !(record_in(r, SET_BLOCK, now) && r->blocked_by == BY_HAND);
}

struct question {
	time_t now;
	uint32_t until; /* 0: may not relay */
};

static void
answer(void *arg, const struct addr *client, const struct record *r)
{
	struct question *q = arg;

	(void)client;
	if (may_relay(r, q->now))
		q->until = r->grant->until;
}

bool
grants_ask(struct grants *g, struct ledger *l, const struct policy *p, const struct addr *client, time_t now)
{
	struct question q = { .now = now };
	size_t i = place(g, client);
	bool in = i < g->n && addr_eq(&g->v[i].client, client);

	(void)ledger_view(l, p, client, answer, &q);
	if (q.until != 0 && in) {
		g->v[i].until = q.until;
	} else if (q.until != 0) {
		room(g);
		memmove(g->v + i + 1, g->v + i, (g->n - i) * sizeof *g->v);
		g->v[i] = (struct granted){ *client, q.until };
		g->n++;
	} else if (in) {
		g->n--;
		memmove(g->v + i, g->v + i + 1, (g->n - i) * sizeof *g->v);
	}
	return in != (q.until != 0);
}

struct loading {
	struct grants *grants;
	time_t now;
};

static void
load(void *arg, const struct addr *client, const struct record *r)
{
	struct loading *ld = arg;

	if (!may_relay(r, ld->now))
		return;
	room(ld->grants);
	ld->grants->v[ld->grants->n++] = (struct granted){ *client, r->grant->until };
}

static bool
same_clients(const struct grants *a, const struct grants *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addr_eq(&a->v[i].client, &b->v[i].client))
			return false;
	return true;
}

bool
grants_load(struct grants *g, struct ledger *l, time_t now)
{
	struct grants fresh = { 0 };
	struct loading ld = { &fresh, now };
	bool same;

	ledger_walk(l, load, &ld);
	if (fresh.n > 0)
		qsort(fresh.v, fresh.n, sizeof *fresh.v, compare);
	same = same_clients(g, &fresh);
	grants_clear(g);
	*g = fresh;
	return !same;
}

bool
grants_expire(struct grants *g, struct ledger *l, const struct policy *p, time_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct question q = { .now = now, .until = g->v[i].until };

		if (now >= q.until) {
			q.until = 0;
			(void)ledger_view(l, p, &g->v[i].client, answer, &q);
		}
		if (q.until != 0)
			g->v[kept++] = (struct granted){ g->v[i].client, q.until };
	}
	if (kept == g->n)
		return false;
	g->n = kept;
	return true;
}
