/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pipeline_trust.c - who is trusted now, and was not when it was granted, cached or blocked
 *
 * Lists of trusted networks change with a reload, and while the daemon does not run.
 */
#include <stdlib.h>

#include "pipeline.h"

struct found {
	const struct policy *policy;
	time_t now;
	struct addr *v; /* owned */
	size_t n, cap;
};

static bool
out_of_place(const struct policy *p, const struct addr *client, const struct record *r, enum set s, time_t now)
{
	return record_in(r, s, now) && policy_ignores(p, client, s == SET_RELAY ? EVENT_LOGIN : EVENT_POLICY);
}

/* A ledger_fn: the shard is locked. */
static void
note(void *arg, const struct addr *client, const struct record *r)
{
	struct found *f = arg;
	bool any = false;

	for (enum set s = 0; s < SETS; s++)
		any = any || out_of_place(f->policy, client, r, s, f->now);
	if (!any)
		return;
	if (f->n == f->cap) {
		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		f->v = xrealloc(f->v, f->cap * sizeof *f->v);
	}
	f->v[f->n++] = *client;
}

size_t
pipeline_trust(struct pipeline *pl, const struct policy *p, time_t now)
{
	struct found f = { .policy = p, .now = now };

	ledger_walk(pl->ledger, note, &f);
	for (size_t i = 0; i < f.n; i++) {
		if (policy_ignores(p, &f.v[i], EVENT_LOGIN))
			(void)pipeline_del(pl, p, SET_RELAY, &f.v[i], now);
		(void)pipeline_del(pl, p, SET_CACHE, &f.v[i], now);
		(void)pipeline_del(pl, p, SET_BLOCK, &f.v[i], now);
	}
	free(f.v);
	return f.n;
}
