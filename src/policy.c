/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.c - what follows from what is known
 *
 *	event      record changes                              see
 *	login      relay granted; cache, block and hits lifted policy_login()
 *	offence    a hit; cached at once (rbl, forgeries);     offence()
 *	           blocked at a threshold
 */
#include "policy_priv.h"

#define STRICT_MIN 3 /* no lowered threshold is below this */

void
policy_defaults(struct policy *p)
{
	static const struct kind_policy usual = {
		.rate = { 10, MINUTE, HOUR }, .total = { 25, DAY, DAY }, .on = true
	};
	static const struct kind_policy noisy = { .rate = { 20, MINUTE, HOUR }, .on = true };

	*p = (struct policy){
		.relay_for = CREDIT,
		.relay_budget = 500,
		.cache_for = DAY,
		.block_max = 7 * DAY,
		.login_credit = true,
		.bounces_count = true,
		.ipv6_prefix = 64,
		.breaker_blocks = { 1000, MINUTE, HOUR / 2 },
		.breaker_good = { 5, 10 * MINUTE, HOUR / 2 },
		.breaker_good_share = 25,
		.breaker_zone = { 100, 15 * MINUTE, HOUR },
		.breaker_zone_share = 95,
		.incident_account = { 25, HOUR, HOUR },
		.incident_login = { 40, HOUR, HOUR },
		.incident_domain = { 300, 10 * MINUTE, HOUR / 2 },
		.incident_network = { 30, HOUR, HOUR },
		.incident_client = { 30, HOUR, HOUR },
		.incident_factor = 3,
	};
	for (unsigned k = 0; k < EVENT_KINDS; k++)
		p->kind[k] = usual;
	for (unsigned k = EVENT_HELO_FORGERY; k <= EVENT_RECIPIENT_FORGERY; k++)
		p->kind[k].caches = true;
	p->kind[EVENT_RBL].caches = true;
	p->kind[EVENT_AUTH_FAILURE].rate = (struct threshold){ 10, 10 * MINUTE, HOUR };
	p->kind[EVENT_AUTH_FAILURE].total = (struct threshold){ 100, DAY, DAY };
	p->kind[EVENT_UNKNOWN_USER].distinct = true;
	p->kind[EVENT_UNKNOWN_USER].total.n = 50;
	p->kind[EVENT_RATE_LIMIT] = noisy;
	p->kind[EVENT_PROTOCOL] = noisy;
	p->kind[EVENT_LOGIN] = (struct kind_policy){ .on = true };
	p->kind[EVENT_POLICY] = (struct kind_policy){ .on = true };
}

bool
policy_ignores(const struct policy *p, const struct addr *a, enum event_kind kind)
{
	return addr_is_special(a) || netlist_has(p->own, a) || (kind != EVENT_LOGIN && netlist_has(p->allow, a));
}

bool
policy_trusts(const struct policy *p, const struct addr *a)
{
	return addr_is_special(a) || netlist_has(p->own, a) || netlist_has(p->allow, a);
}

static uint16_t
remembered(const struct kind_policy *kp)
{
	uint32_t n = kp->rate.n > kp->total.n ? kp->rate.n : kp->total.n;

	return (uint16_t)(n > RECORD_HITS_MAX ? RECORD_HITS_MAX : n);
}

bool
policy_known_good(const struct record *r, uint32_t at)
{
	return r->login > 0 && at < record_until(r->login, POLICY_GOOD);
}

/* Of the hits whose tag is `like` in the bits of `mask`. */
static bool
reached(const struct threshold *th, uint32_t n, const struct record *r, enum event_kind kind, uint32_t at,
    uint32_t like, uint32_t mask)
{
	const struct tally *t = record_tally(r, kind);

	return n > 0 && t != NULL && t->len >= n && window_most_like(t->hits, t->len, at, th->span, like, mask) >= n;
}

/* Where somebody has logged in of late, a device that keeps trying an old password is more likely than a guesser, who
 * would try many accounts: for the rate, each account counts once.  For the total every failure does. */
static bool
one_device(const struct kind_policy *kp, const struct record *r, enum event_kind kind, uint32_t at)
{
	const struct tally *t = record_tally(r, kind);

	return kind == EVENT_AUTH_FAILURE && policy_known_good(r, at) &&
	    window_distinct(t->hits, t->len, at, kp->rate.span) < kp->rate.n;
}

/* Does what is remembered reach the usual threshold? */
static bool
reached_rate(const struct policy *p, const struct record *r, enum event_kind kind, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[kind];

	return reached(&kp->rate, kp->rate.n, r, kind, at, 0, 0) && !one_device(kp, r, kind, at);
}

static bool
reached_total(const struct policy *p, const struct record *r, enum event_kind kind, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[kind];

	return reached(&kp->total, kp->total.n, r, kind, at, 0, 0);
}

/* Would it have been blocked if what is forgiven by now had been from the beginning? */
static bool
is_due(const struct policy *p, const struct record *r)
{
	enum event_kind kind = (enum event_kind)r->blocked_kind;

	if (r->blocked_by != BY_RATE && r->blocked_by != BY_TOTAL)
		return true; /* by hand, and of no kind */
	return reached_rate(p, r, kind, r->blocked_at) || reached_total(p, r, kind, r->blocked_at);
}

/* What the client does before this is forgiven, by a login at `at`: also when the login is read later, from another log. */
static uint32_t
forgiven_until(const struct policy *p, uint32_t at, uint32_t term)
{
	return record_until(at, !p->login_credit ? 1 : term != 0 ? term : CREDIT);
}

/* A person is there: what this address did before was hers, and forgiven.  What an administrator said stays. */
unsigned
policy_login(const struct policy *p, struct record *r, struct str user, uint32_t at, uint32_t term)
{
	uint32_t until = forgiven_until(p, at, term);
	unsigned changes = 0;
	bool granted = record_granted(r, at);

	if (at > r->login)
		r->login = at;
	if (record_cached(r, at) && r->cached_at < until && r->cached_kind != EVENT_KINDS) {
		record_uncache(r);
		changes |= CHANGE_UNCACHED;
	}
	record_forgive(r, until - 1);
	if (record_blocked(r, at) && !is_due(p, r)) {
		record_unblock(r);
		changes |= CHANGE_UNBLOCKED;
	} else if (!record_blocked(r, at)) {
		r->blocks = 0; /* those that have run their course are forgiven, too */
	}
	if (term == 0)
		return changes;
	record_grant(r, user, at, record_until(at, term));
	return changes | (granted ? CHANGE_RENEWED : CHANGE_GRANTED);
}

/* Mercy needs no grant: where logins give none, it lasts as long as a grant does by default.  But a grant that began with
 * the last login or after it, and is over, has taken the mercy with it. */
bool
policy_credit(const struct policy *p, const struct record *r, uint32_t at)
{
	if (!p->login_credit)
		return false;
	if (record_granted(r, at) && r->grant->first <= at)
		return true;
	if (p->relay_for != 0 || r->login == 0 || (r->grant != NULL && r->grant->last >= r->login))
		return false;
	return r->login <= at && at - r->login < CREDIT;
}

/* The MTA's own word renews the entry; the milter's refusals from the cache do not, so that a list that has taken the
 * client off is asked again after cache_for at the latest. */
static unsigned
cache(const struct policy *p, struct record *r, const struct event *ev, uint32_t at)
{
	if (record_cached(r, at)) {
		r->cached_hits++;
		if (ev->source == SOURCE_LOG && r->cached_kind == ev->kind && r->cached_until < record_until(at, p->cache_for))
			r->cached_until = record_until(at, p->cache_for);
		return 0;
	}
	if (p->cache_for == 0)
		return 0;
	r->cached_at = at;
	r->cached_until = record_until(at, p->cache_for);
	r->cached_hits = 1;
	r->cached_kind = (uint8_t)ev->kind;
	r->cached_zone = intern(ev->zone);
	return CHANGE_CACHED;
}

uint32_t
policy_doubled(uint32_t term, unsigned times, uint32_t most)
{
	while (times-- > 0 && term < most)
		term = term > most / 2 ? most : term * 2;
	return term < most ? term : most;
}

/* A client that is blocked already is blocked anew only by a graver threshold, and then for the longer of the two. */
static unsigned
block(const struct policy *p, struct record *r, enum event_kind kind, enum threshold_kind by, uint32_t term,
    uint32_t at)
{
	bool blocked = record_blocked(r, at);
	uint32_t until;

	if (blocked && r->blocked_by >= by)
		return 0;
	if (!blocked) {
		bool again = r->blocks > 0 && at - r->blocked_at <= POLICY_REPEAT;

		r->blocks = !again ? 1 : r->blocks == UINT8_MAX ? UINT8_MAX : (uint8_t)(r->blocks + 1);
		r->blocked_at = at;
		r->blocked_until = 0;
	}
	until = record_until(at, policy_doubled(term, r->blocks - 1u, p->block_max));
	if (until > r->blocked_until)
		r->blocked_until = until;
	r->blocked_kind = (uint8_t)kind;
	r->blocked_by = (uint8_t)by;
	r->blocked_note = NULL;
	return CHANGE_BLOCKED;
}

/* The n of a rate threshold while what the client is after is under attack.  Two slips stay free, as people make them;
 * and who is known to behave is judged as ever. */
uint32_t
policy_lowered(uint32_t n, unsigned strict, const struct record *r, uint32_t at)
{
	uint32_t less = strict > 1 ? (n + strict - 1) / strict : n;

	if (less < STRICT_MIN)
		less = STRICT_MIN;
	return less >= n || policy_known_good(r, at) ? n : less;
}

/* Kinds that put a client into the cache are about the client: one session is one hit, however many recipients it
 * named before it was refused.  Of wrong passwords the account tells, of the others each recipient. */
static struct str
told_by(const struct kind_policy *kp, const struct event *ev)
{
	return kp->caches ? ev->session : ev->kind == EVENT_AUTH_FAILURE ? ev->user : ev->recipient;
}

/* The bits of a tag that tell what was under attack: the account, or the recipient's domain.  0: none do. */
uint32_t
policy_aim(const struct kind_policy *kp, enum event_kind kind)
{
	return kp->caches ? 0 : kind == EVENT_AUTH_FAILURE ? TAG_HASH : TAG_DOMAIN;
}

static struct hit
hit_of(const struct kind_policy *kp, const struct event *ev, uint32_t at)
{
	struct str by = told_by(kp, ev);
	bool one = by.n > 0 || ev->kind == EVENT_AUTH_FAILURE; /* whose account is not told: all of them one unknown */
	uint32_t tag = one ? (str_hash(by) & TAG_HASH) | 1u : 0;

	if (tag != 0 && policy_aim(kp, ev->kind) == TAG_DOMAIN)
		tag = (tag & ~TAG_DOMAIN) | (str_hash(event_domain(by)) << 22 & TAG_DOMAIN);
	return (struct hit){ at, tag | (ev->source == SOURCE_MILTER ? TAG_MILTER : 0) };
}

/* The lowered n is reached by what was aimed at the attacked alone: who knocks elsewhere is judged as ever. */
static bool
reached_in_attack(const struct policy *p, const struct record *r, const struct event *ev, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[ev->kind];
	uint32_t n = policy_lowered(kp->rate.n, ev->strict, r, at), aim = policy_aim(kp, ev->kind);

	return n < kp->rate.n && aim != 0 && reached(&kp->rate, n, r, ev->kind, at, hit_of(kp, ev, at).tag, aim);
}

/* One who tries a few accounts from a network where many do; but not who tries one, be it ever so often: that may be
 * anybody's telephone. */
static bool
reached_around(const struct policy *p, const struct record *r, const struct event *ev, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[ev->kind];
	const struct tally *t = record_tally(r, ev->kind);
	uint32_t n = policy_lowered(kp->rate.n, ev->strict_around, r, at);

	return n < kp->rate.n && window_distinct(t->hits, t->len, at, kp->rate.span) >= n;
}

static unsigned
judge(const struct policy *p, struct record *r, const struct event *ev, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[ev->kind];
	bool usual = reached_rate(p, r, ev->kind, at);
	bool strict = !usual && (reached_in_attack(p, r, ev, at) || reached_around(p, r, ev, at));
	unsigned changes = 0;

	if (usual || strict)
		changes |= block(p, r, ev->kind, BY_RATE, kp->rate.term, at);
	if (changes != 0 && strict)
		changes |= CHANGE_STRICT;
	if (reached_total(p, r, ev->kind, at))
		changes |= block(p, r, ev->kind, BY_TOTAL, kp->total.term, at);
	return changes;
}

static enum window_same
sameness(const struct kind_policy *kp)
{
	return kp->distinct ? SAME_ALWAYS : kp->caches ? SAME_SHORTLY : SAME_NEVER;
}

static unsigned
offence(const struct policy *p, struct record *r, const struct event *ev, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[ev->kind];
	uint16_t cap = remembered(kp);
	unsigned changes;

	if (!kp->on)
		return 0;
	if (ev->bounce && !p->bounces_count)
		return CHANGE_FORGIVEN;
	if (at < r->login || policy_credit(p, r, at)) /* forgiven, also when it is told only after the login */
		return CHANGE_FORGIVEN;
	changes = policy_known_good(r, at) ? CHANGE_GOOD : 0;
	if ((ev->held & HELD_BLOCK) || ((ev->held & HELD_GOOD) && (changes & CHANGE_GOOD)))
		changes |= CHANGE_HELD;
	else if (cap > 0)
		switch (record_hit(r, ev->kind, hit_of(kp, ev, at), cap, sameness(kp))) {
		case WINDOW_PAIRED:
			return CHANGE_DUPLICATE;
		case WINDOW_TOO_OLD:
			return CHANGE_EXPIRED;
		case WINDOW_REPEATED: /* at a new time, perhaps with others that it was too far from before */
			return kp->distinct ? changes | judge(p, r, ev, at) : 0;
		case WINDOW_COUNTED:
			changes |= CHANGE_COUNTED | judge(p, r, ev, at);
			break;
		}
	if (kp->caches && !(ev->held & HELD_CACHE))
		changes |= cache(p, r, ev, at);
	return changes;
}

/* What was begun and has already ended is no change to anybody outside. */
static unsigned
outlived(const struct record *r, unsigned changes, uint32_t now)
{
	unsigned gone = 0;

	if (!record_granted(r, now))
		gone |= changes & (CHANGE_GRANTED | CHANGE_RENEWED);
	if (!record_cached(r, now))
		gone |= changes & CHANGE_CACHED;
	if (!record_blocked(r, now))
		gone |= changes & (CHANGE_BLOCKED | CHANGE_STRICT);
	return gone == 0 ? changes : (changes & ~gone) | CHANGE_EXPIRED;
}

unsigned
policy_apply(const struct policy *p, struct record *r, const struct event *ev, time_t now)
{
	uint32_t at = record_time_of(ev->time, now);
	unsigned changes;

	if (at > r->seen)
		r->seen = at;
	if (ev->kind != EVENT_LOGIN)
		changes = offence(p, r, ev, at);
	else
		changes = p->kind[EVENT_LOGIN].on ? policy_login(p, r, ev->user, at, p->relay_for) : 0;
	return outlived(r, changes, record_time(now));
}

enum verdict
policy_judge(const struct policy *p, const struct addr *a, const struct record *r, time_t now)
{
	uint32_t at = record_time(now);

	if (policy_trusts(p, a))
		return VERDICT_TRUSTED;
	if (r == NULL)
		return VERDICT_CONTINUE;
	if (record_blocked(r, at) && r->blocked_by == BY_HAND)
		return VERDICT_BLOCKED;
	if (record_granted(r, at))
		return VERDICT_RELAY;
	if (record_blocked(r, at))
		return VERDICT_BLOCKED;
	return record_cached(r, at) ? VERDICT_CACHED : VERDICT_CONTINUE;
}

enum spend
policy_spend(const struct policy *p, struct record *r, time_t now)
{
	uint32_t at = record_time(now);

	if (!record_granted(r, at) || (record_blocked(r, at) && r->blocked_by == BY_HAND))
		return SPEND_NOT_GRANTED;
	if (p->relay_budget == 0)
		return SPEND_WITHIN;
	return record_spend(r, at, p->relay_budget) ? SPEND_WITHIN : SPEND_BEYOND;
}

const char *
set_name(enum set s)
{
	static const char *const names[SETS] = { [SET_RELAY] = "relay", [SET_CACHE] = "cache", [SET_BLOCK] = "block" };

	return names[s];
}

bool
record_in(const struct record *r, enum set s, time_t now)
{
	uint32_t at = record_time(now);

	return s == SET_RELAY ? record_granted(r, at) : s == SET_CACHE ? record_cached(r, at) : record_blocked(r, at);
}

static bool
tally_matters(const struct policy *p, const struct tally *t, uint32_t at)
{
	const struct kind_policy *kp = &p->kind[t->kind];
	uint32_t span = kp->rate.span > kp->total.span ? kp->rate.span : kp->total.span;

	return at < record_until(t->hits[t->len - 1].at, span);
}

bool
policy_forgets(const struct policy *p, const struct record *r, time_t now)
{
	uint32_t at = record_time(now);

	if (record_granted(r, at) || record_cached(r, at) || record_blocked(r, at))
		return false;
	if ((r->blocks > 0 && at < record_until(r->blocked_at, POLICY_REPEAT)) || policy_known_good(r, at))
		return false;
	for (const struct tally *t = r->tallies; t != NULL; t = t->next)
		if (tally_matters(p, t, at))
			return false;
	return true;
}
