/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_batch.c - see simulate_batch.h */
#include "simulate_batch.h"

#include <string.h>

static struct str
keep(struct batch *b, struct str s)
{
	char *copy = b->text + b->used;

	if (s.n == 0)
		return STR_NONE;
	memcpy(copy, s.p, s.n);
	b->used += s.n;
	return (struct str){ copy, s.n };
}

struct waiting *
batch_add(struct batch *b, const struct event *ev, unsigned times, time_t now)
{
	struct waiting *w = &b->v[b->n];

	if (b->n == BATCH || ev->user.n + ev->recipient.n + ev->zone.n + ev->session.n > BATCH_TEXT - b->used)
		return NULL;
	b->n++;
	w->now = now;
	w->times = times;
	w->ev = *ev;
	w->ev.user = keep(b, ev->user);
	w->ev.recipient = keep(b, ev->recipient);
	w->ev.zone = keep(b, ev->zone);
	w->ev.session = keep(b, ev->session);
	w->ev.evidence = STR_NONE;
	w->ev.rule = "";
	return w;
}

void
batch_clear(struct batch *b)
{
	b->n = 0;
	b->used = 0;
}
