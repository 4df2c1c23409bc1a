/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_hand.c - entries that are made and taken back by a decision: an administrator's, or the circuit breaker's
 *
 * What an administrator adds stands until its term is over or until he takes it back: no login lifts it.
 */
#include "policy_priv.h"

static unsigned
add_to_cache(struct record *r, uint32_t at, uint32_t term, struct str reason)
{
	r->cached_at = at;
	r->cached_until = record_until(at, term);
	r->cached_hits = 0;
	r->cached_kind = EVENT_KINDS;
	r->cached_zone = intern(reason);
	return CHANGE_CACHED;
}

static unsigned
add_to_blocks(struct record *r, uint32_t at, uint32_t term, struct str reason)
{
	r->blocked_at = at;
	r->blocked_until = record_until(at, term);
	r->blocked_kind = EVENT_KINDS;
	r->blocked_by = BY_HAND;
	r->blocked_note = intern(reason);
	return CHANGE_BLOCKED;
}

unsigned
policy_add(const struct policy *p, struct record *r, enum set s, time_t now, uint32_t term, struct str text)
{
	uint32_t at = record_time(now);

	if (at > r->seen)
		r->seen = at;
	switch (s) {
	case SET_RELAY:
		return policy_login(p, r, text, at, term != 0 ? term : p->relay_for != 0 ? p->relay_for : CREDIT);
	case SET_CACHE:
		return add_to_cache(r, at, term != 0 ? term : p->cache_for != 0 ? p->cache_for : DAY, text);
	case SET_BLOCK:
		return add_to_blocks(r, at, term != 0 ? term : DAY, text);
	case SETS:
		break;
	}
	panic("policy_add: no set %d", (int)s);
}

/* What a login gave is taken back, not that there was one: what came before it stays forgiven.  Where it gave credit
 * alone, a grant that is over as it begins says that the credit is, too. */
static unsigned
take_back_login(const struct policy *p, struct record *r, uint32_t at)
{
	if (!record_granted(r, at) && !policy_credit(p, r, at))
		return 0;
	record_ungrant(r);
	if (p->relay_for == 0)
		record_grant(r, STR_NONE, at, at);
	return CHANGE_UNGRANTED;
}

unsigned
policy_del(const struct policy *p, struct record *r, enum set s, time_t now)
{
	if (s != SET_RELAY && !record_in(r, s, now))
		return 0;
	switch (s) {
	case SET_RELAY:
		return take_back_login(p, r, record_time(now));
	case SET_CACHE:
		record_uncache(r);
		return CHANGE_UNCACHED;
	case SET_BLOCK: /* with its hits, or the next one would block again at once */
		record_unblock(r);
		record_forgive(r, record_time(now));
		return CHANGE_UNBLOCKED;
	case SETS:
		break;
	}
	panic("policy_del: no set %d", (int)s);
}

static bool
of_its_time(const struct withdrawal *w, uint32_t at)
{
	return at >= w->since && at < w->until;
}

unsigned
policy_owes(const struct record *r, const struct withdrawal *w, time_t now)
{
	uint32_t at = record_time(now);
	bool cached = w->zone != NULL && record_cached(r, at) && r->cached_kind == w->kind &&
	    r->cached_zone == w->zone && of_its_time(w, r->cached_at);
	bool blocked = record_blocked(r, at) && r->blocked_kind == w->kind && /* by hand: of no kind */
	    of_its_time(w, r->blocked_at) && (w->zone == NULL || cached) &&
	    (!w->good || policy_known_good(r, r->blocked_at));

	return (cached ? CHANGE_UNCACHED : 0u) | (blocked ? CHANGE_UNBLOCKED : 0u);
}

unsigned
policy_withdraw(struct record *r, const struct withdrawal *w, time_t now)
{
	unsigned owed = policy_owes(r, w, now);
	uint32_t was = r->blocked_at;
	uint8_t before = r->blocks;

	if (owed & CHANGE_UNBLOCKED)
		record_unblock(r);
	if ((owed & CHANGE_UNBLOCKED) && before > 1) { /* a repeat offender is one still */
		r->blocks = (uint8_t)(before - 1);
		r->blocked_at = was;
	}
	if (owed & CHANGE_UNCACHED)
		record_uncache(r);
	if (owed != 0)
		record_unhit(r, w->kind, w->since);
	return owed;
}
