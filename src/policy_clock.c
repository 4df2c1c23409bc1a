/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_clock.c - records from before the clock was set back
 *
 * What is dated after the present would make its client free of everything until the clock has caught up (a tally full of
 * later hits takes no earlier one, a later login forgives all before it), and would keep it blocked, cached or granted for
 * as long beyond the term.  So it is moved as a whole, by what the last event is ahead: distances stay, and nobody reaches
 * a threshold by it.
 */
#include "policy_priv.h"

/* `now` is taken by several threads, and at the beginning of what they do. */
#define SLACK 10

struct shift {
	uint32_t now, by;
};

static uint32_t
moved(const struct shift *s, uint32_t at)
{
	return at > s->by ? at - s->by : 1;
}

static void
move(const struct shift *s, uint32_t *at)
{
	if (*at > s->now)
		*at = moved(s, *at);
}

/* Those that were moved may be older now than some that were not. */
static void
move_hits(const struct shift *s, struct tally *t)
{
	for (uint16_t i = 0; i < t->len; i++) {
		struct hit hit = t->hits[i];
		uint16_t k = i;

		move(s, &hit.at);
		for (; k > 0 && t->hits[k - 1].at > hit.at; k--)
			t->hits[k] = t->hits[k - 1];
		t->hits[k] = hit;
	}
}

/* A term that began after the present begins earlier; one that was only prolonged then is at most a whole term from now. */
static void
move_term(const struct shift *s, uint32_t *since, uint32_t *until, uint32_t most)
{
	if (*since > s->now) {
		*since = moved(s, *since);
		*until = moved(s, *until);
	} else if (*until > s->now && *until - s->now > most)
		*until = s->now + most;
}

static void
move_block(const struct policy *p, const struct shift *s, struct record *r)
{
	uint32_t most = UINT32_MAX;

	if (r->blocked_by == BY_RATE || r->blocked_by == BY_TOTAL) {
		const struct kind_policy *kp = &p->kind[r->blocked_kind];

		most = kp->rate.term > kp->total.term ? kp->rate.term : kp->total.term;
		most = policy_doubled(most, r->blocks > 0 ? r->blocks - 1u : 0, p->block_max);
	}
	move_term(s, &r->blocked_at, &r->blocked_until, most);
}

bool
policy_settle(const struct policy *p, struct record *r, time_t now)
{
	struct shift s = { .now = now <= 0 ? 1 : (uint32_t)now };

	if ((time_t)r->seen <= now + SLACK)
		return false;
	s.by = r->seen - s.now;
	for (struct tally *t = r->tallies; t != NULL; t = t->next)
		move_hits(&s, t);
	if (r->grant != NULL) {
		move_term(&s, &r->grant->last, &r->grant->until, UINT32_MAX);
		move(&s, &r->grant->first);
	}
	move_term(&s, &r->cached_at, &r->cached_until, r->cached_kind == EVENT_KINDS ? UINT32_MAX : p->cache_for);
	move_block(p, &s, r);
	move(&s, &r->login);
	r->seen = s.now;
	return true;
}
