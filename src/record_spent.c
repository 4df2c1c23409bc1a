/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record_spent.c - the recipients that a grant was used for within the last hour
 *
 * A second is one entry, however many recipients it had: a sliding window in the strict sense, in at most as many entries
 * as there are seconds in it.
 */
#include <stdlib.h>
#include <string.h>

#include "record.h"

/* What has left the window goes; and what is dated after `at`, because the clock was set back, is of `at`: nobody waits
 * longer than the span for his own recipients. */
static void
slide(struct spent *s, uint32_t at)
{
	uint16_t gone = 0;

	for (uint16_t i = 0; i < s->len; i++)
		if (s->v[i].at > at)
			s->v[i].at = at;
	while (gone < s->len && at - s->v[gone].at >= SPENT_SPAN)
		gone++;
	s->len = (uint16_t)(s->len - gone);
	memmove(s->v, s->v + gone, s->len * sizeof *s->v);
}

static uint32_t
total(const struct spent *s, uint32_t at)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < s->len; i++)
		if (s->v[i].at > at || at - s->v[i].at < SPENT_SPAN)
			n += s->v[i].n;
	return n;
}

/* Room for one entry more.  Several may be of one second after a clock was set back, so the oldest two are made one
 * where there is no room: never later than it was. */
static struct spent *
roomy(struct spent *s)
{
	unsigned cap = s == NULL ? 4 : s->cap * 2u;

	if (s != NULL && s->len < s->cap)
		return s;
	if (s != NULL && s->len == SPENT_SPAN) {
		s->v[1].n += s->v[0].n;
		s->len--;
		memmove(s->v, s->v + 1, s->len * sizeof *s->v);
		return s;
	}
	if (cap < 4)
		cap = 4;
	if (cap > SPENT_SPAN)
		cap = SPENT_SPAN;
	if (s == NULL)
		s = xcalloc(1, sizeof *s + cap * sizeof *s->v);
	else
		s = xrealloc(s, sizeof *s + cap * sizeof *s->v);
	s->cap = (uint16_t)cap;
	return s;
}

static void
add(struct grant *g, uint32_t at)
{
	struct spent *s = g->spent;

	if (s == NULL || s->len == 0 || s->v[s->len - 1].at != at) {
		s = g->spent = roomy(s);
		s->v[s->len].at = at;
		s->v[s->len++].n = 0;
	}
	s->v[s->len - 1].n++;
}

bool
record_spend(struct record *r, uint32_t at, uint32_t budget)
{
	struct grant *g = r->grant;

	if (g->spent != NULL)
		slide(g->spent, at);
	if (g->spent != NULL && total(g->spent, at) >= budget) {
		g->spent->beyond++;
		g->spent->beyond_at = at;
		return false;
	}
	add(g, at);
	g->spent->beyond = 0;
	return true;
}

uint32_t
record_spent(const struct record *r, uint32_t at)
{
	return r->grant == NULL || r->grant->spent == NULL ? 0 : total(r->grant->spent, at);
}

uint32_t
record_beyond(const struct record *r, uint32_t at)
{
	const struct spent *s = r->grant == NULL ? NULL : r->grant->spent;

	return s == NULL || (at > s->beyond_at && at - s->beyond_at >= SPENT_SPAN) ? 0 : s->beyond;
}
