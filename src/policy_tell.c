/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_tell.c - what the thresholds go by, for people */
#include "policy_priv.h"

const char *
counted_name(enum counted c)
{
	static const char *const names[] = { [COUNTED_EVENTS] = "events", [COUNTED_SESSIONS] = "sessions",
		[COUNTED_RECIPIENTS] = "recipients", [COUNTED_ACCOUNTS] = "accounts" };

	return names[c];
}

static enum counted
counted(const struct kind_policy *kp)
{
	return kp->caches ? COUNTED_SESSIONS : kp->distinct ? COUNTED_RECIPIENTS : COUNTED_EVENTS;
}

bool
policy_count(const struct policy *p, const struct record *r, enum event_kind kind, time_t now,
    struct policy_count *out)
{
	const struct kind_policy *kp = &p->kind[kind];
	const struct tally *t = record_tally(r, kind);
	uint32_t at = record_time(now);

	if (t == NULL || t->len == 0)
		return false;
	*out = (struct policy_count){ .rate_of = counted(kp), .total_of = counted(kp), .last = t->hits[t->len - 1].at };
	out->rate = window_most(t->hits, t->len, at, kp->rate.span);
	out->total = window_most(t->hits, t->len, at, kp->total.span);
	if (kind == EVENT_AUTH_FAILURE && policy_known_good(r, at)) {
		out->rate_of = COUNTED_ACCOUNTS;
		out->rate = window_distinct(t->hits, t->len, at, kp->rate.span);
	}
	return true;
}

/* `have` of what counts against the lowered threshold: is that lower for this client, and is there any? */
static bool
lowering(const struct policy *p, const struct kind_policy *kp, const struct record *r, uint32_t at, unsigned have,
    struct policy_lowering *out)
{
	*out = (struct policy_lowering){ .have = have, .of = policy_lowered(kp->rate.n, p->incident_factor, r, at) };
	return out->of < kp->rate.n && have > 0;
}

bool
policy_lowering(const struct policy *p, const struct record *r, enum event_kind kind, uint32_t hash, time_t now,
    struct policy_lowering *out)
{
	const struct kind_policy *kp = &p->kind[kind];
	const struct tally *t = record_tally(r, kind);
	uint32_t at = record_time(now), aim = policy_aim(kp, kind);
	uint32_t tag = aim == TAG_DOMAIN ? hash << 22 & TAG_DOMAIN : (hash & TAG_HASH) | 1u;

	return t != NULL && aim != 0 && kp->on &&
	    lowering(p, kp, r, at, window_most_like(t->hits, t->len, at, kp->rate.span, tag, aim), out);
}

bool
policy_lowering_around(const struct policy *p, const struct record *r, time_t now, struct policy_lowering *out)
{
	const struct kind_policy *kp = &p->kind[EVENT_AUTH_FAILURE];
	const struct tally *t = record_tally(r, EVENT_AUTH_FAILURE);
	uint32_t at = record_time(now);

	return t != NULL && kp->on &&
	    lowering(p, kp, r, at, window_distinct(t->hits, t->len, at, kp->rate.span), out);
}
