/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_carry.c - entries that another system made
 *
 * Nothing else follows from them: no login lifts a block, no offence counts.  What was there and lasts as long is newer
 * than anything that is brought from elsewhere.
 */
#include "policy.h"

static unsigned
carry_grant(struct record *r, const struct carried *c, time_t now)
{
	bool alive = record_granted(r, (uint32_t)now);

	if (alive && r->grant->until >= c->until)
		return 0;
	record_grant(r, c->text, c->last, c->until);
	if (c->since < r->grant->first)
		r->grant->first = c->since;
	if (!alive && c->count > 0)
		r->grant->logins = c->count;
	if (c->last > r->login)
		r->login = c->last;
	return alive ? CHANGE_RENEWED : CHANGE_GRANTED;
}

static unsigned
carry_cached(struct record *r, const struct carried *c, time_t now)
{
	if (record_cached(r, (uint32_t)now) && r->cached_until >= c->until)
		return 0;
	r->cached_at = c->since;
	r->cached_until = c->until;
	r->cached_hits = c->count;
	r->cached_kind = c->kind;
	r->cached_zone = intern(c->text);
	return CHANGE_CACHED;
}

static unsigned
carry_block(struct record *r, const struct carried *c, time_t now)
{
	if (record_blocked(r, (uint32_t)now) && r->blocked_until >= c->until)
		return 0;
	r->blocked_at = c->since;
	r->blocked_until = c->until;
	r->blocked_kind = c->kind;
	r->blocked_by = c->kind == EVENT_KINDS ? BY_HAND : c->by; /* of no kind: no threshold has said so */
	r->blocks = (uint8_t)(c->count > UINT8_MAX ? UINT8_MAX : c->count);
	r->blocked_note = intern(c->text);
	return CHANGE_BLOCKED;
}

unsigned
policy_carry(struct record *r, const struct carried *c, time_t now)
{
	unsigned changes = 0;

	if ((time_t)c->until <= now)
		return CHANGE_EXPIRED;
	switch (c->set) {
	case SET_RELAY:
		changes = carry_grant(r, c, now);
		break;
	case SET_CACHE:
		changes = carry_cached(r, c, now);
		break;
	case SET_BLOCK:
		changes = carry_block(r, c, now);
		break;
	case SETS:
		break;
	}
	if (changes != 0 && c->last > r->seen)
		r->seen = c->last;
	return changes;
}
