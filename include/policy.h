/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.h - what follows from what is known: the one place that decides
 *
 * Pure functions: settings, a record and an event go in, the changed record and the verdict come out.  No clock, no
 * lock, no I/O.  An event is judged at its own time, so a line read late grants and blocks only for what is left.
 */
#ifndef POLICY_H
#define POLICY_H

#include "netlist.h"
#include "record.h"

#define POLICY_REPEAT	(30 * 86400)	 /* blocks at most this far apart make a repeat offender */
#define POLICY_GOOD	(7 * 86400)	 /* who has logged in is known to behave for so long */
#define POLICY_TERM_MAX (10 * 365 * 86400) /* the longest term anywhere */

/* n or more within any `span` seconds: blocked for `term`.  n = 0: off. */
struct threshold {
	uint32_t n, span, term;
};

struct kind_policy {
	struct threshold rate, total;
	bool distinct; /* the same recipient counts once */
	bool caches;   /* the first offence puts the client into the cache */
	bool on;       /* off: such events are counted in the statistics and nowhere else */
};

struct policy {
	struct kind_policy kind[EVENT_KINDS];
	uint32_t relay_for;	      /* 0: no POP before SMTP */
	unsigned relay_budget;	      /* recipients an hour for one grant; 0: any number */
	uint32_t cache_for;
	uint32_t block_max;	      /* terms double up to here */
	bool login_credit;	      /* while its grant is alive a client's failures do not count; without grants, for 15 min */
	bool bounces_count;	      /* mail from <> to unknown users, too */
	unsigned ipv6_prefix;	      /* 1..128 */
	/* The circuit breaker (breaker.h).  Of a threshold here the term is how long it stays open. */
	struct threshold breaker_blocks; /* so many clients newly blocked for one kind */
	struct threshold breaker_good;	 /* so many of them known to behave, */
	unsigned breaker_good_share;	 /* and at least so many percent */
	struct threshold breaker_zone;	 /* of so many clients */
	unsigned breaker_zone_share;	 /* one zone lists at least so many percent */
	/* Distributed attacks (swarm.h).  The term: how long one lasts beyond the last time it was above its n. */
	struct threshold incident_account, incident_login, incident_domain, incident_network, incident_client;
	unsigned incident_factor;	 /* rate thresholds of strangers that take part are divided by this; 1: not */
	const struct netlist *allow;  /* no offence of theirs counts: never cached, never blocked */
	const struct netlist *own;    /* our own addresses and proxies: nothing is ever learned about them */
};

/* What an event changed; several can be true. */
enum {
	CHANGE_COUNTED = 1 << 0,   /* a hit was added to a tally */
	CHANGE_GRANTED = 1 << 1,   /* may relay, and could not before */
	CHANGE_RENEWED = 1 << 2,   /* may relay for longer */
	CHANGE_UNGRANTED = 1 << 3,
	CHANGE_CACHED = 1 << 4,
	CHANGE_UNCACHED = 1 << 5,
	CHANGE_BLOCKED = 1 << 6,   /* newly, or for longer */
	CHANGE_UNBLOCKED = 1 << 7,
	CHANGE_FORGIVEN = 1 << 8,  /* would have counted, but for login_credit or bounces_count */
	CHANGE_DUPLICATE = 1 << 9, /* told before, by the other witness */
	CHANGE_TRUSTED = 1 << 10,  /* allowlisted or our own: nothing was done */
	CHANGE_EXPIRED = 1 << 11,  /* so old that nothing of its term is left */
	CHANGE_HELD = 1 << 12,	   /* not counted, or not cached, because a breaker is open */
	CHANGE_STRICT = 1 << 13,   /* blocked by a threshold that was lowered during an attack */
	CHANGE_GOOD = 1 << 14	   /* an offence, perhaps a block, of who is known to behave */
};

enum verdict {
	VERDICT_CONTINUE, /* nothing known that matters */
	VERDICT_TRUSTED,  /* allowlisted or our own */
	VERDICT_RELAY,	  /* a live relay grant */
	VERDICT_BLOCKED,  /* should not have come through the firewall */
	VERDICT_CACHED
};

/* The defaults of popauth-milter.conf(5). */
void policy_defaults(struct policy *p);
/* Events of this kind about this address teach nothing: it is loopback or the like, or one of our own; or allowlisted,
 * and the event is an offence. */
bool policy_ignores(const struct policy *p, const struct addr *a, enum event_kind kind);
/* Loopback and the like, our own addresses, or the allowlist. */
bool policy_trusts(const struct policy *p, const struct addr *a);
/* Apply one event to the client's record, at the event's own time: reading a log late or twice as fast gives the same
 * record.  `now` is the present; it only tells CHANGE_EXPIRED from the changes that matter still.  An event dated
 * after `now` is taken as now.  Returns CHANGE_ bits. */
unsigned policy_apply(const struct policy *p, struct record *r, const struct event *ev, time_t now);
/* The order of judgement: trusted, blocked by hand, relay, blocked, cached.  `r` may be NULL: nothing known. */
enum verdict policy_judge(const struct policy *p, const struct addr *a, const struct record *r, time_t now);

/* What a cause brought that proved wrong: everything of this kind from `since` on, before `until`.  `zone` (interned):
 * only what came from that list, and the cache entries too. */
struct withdrawal {
	enum event_kind kind;
	const char *zone; /* NULL: blocks alone, whatever the zone */
	uint32_t since, until;
	bool good;	  /* only of clients that were known to behave when they were blocked */
};
/* What there is of it in a record: CHANGE_UNBLOCKED, CHANGE_UNCACHED. */
unsigned policy_owes(const struct record *r, const struct withdrawal *w, time_t now);
/* Take that back, with the hits of that kind since, as if it had not happened; returns the same. */
unsigned policy_withdraw(struct record *r, const struct withdrawal *w, time_t now);

/* A client names a recipient that is not ours: may it, by its grant?  Counted here, for relay_budget. */
enum spend {
	SPEND_NOT_GRANTED, /* no live grant, or blocked by hand: nothing was counted */
	SPEND_WITHIN,
	SPEND_BEYOND	   /* granted, but its budget for this hour is spent */
};
enum spend policy_spend(const struct policy *p, struct record *r, time_t now);

enum set { SET_RELAY, SET_CACHE, SET_BLOCK, SETS };
const char *set_name(enum set s);
/* An administrator's hand.  `term` 0 takes the configured one; `text` is the user (relay) or the reason. */
unsigned policy_add(const struct policy *p, struct record *r, enum set s, time_t now, uint32_t term, struct str text);
/* Of SET_RELAY also the credit that came with the login; there may be credit without a grant (relay_for = off). */
unsigned policy_del(const struct policy *p, struct record *r, enum set s, time_t now);
/* An entry as another system, or this one's export, knew it: with its own times, which are kept, and not as if it were
 * made now.  `until` is not 0; the others are not after the present. */
struct carried {
	enum set set;
	uint32_t since, last, until;
	uint32_t count;	  /* logins, hits, or blocks; 0: not told */
	uint8_t kind, by; /* cache and block; EVENT_KINDS, BY_HAND: an administrator's */
	struct str text;  /* the user, the zone, or the reason */
};
/* An entry that lasts as long already stays as it is: then the answer is 0. */
unsigned policy_carry(struct record *r, const struct carried *c, time_t now);
bool record_in(const struct record *r, enum set s, time_t now);

/* What there is of one kind at the moment, as the thresholds see it.  For people: nothing is decided by these. */
enum counted {
	COUNTED_EVENTS,
	COUNTED_SESSIONS,   /* however many lines tell of one */
	COUNTED_RECIPIENTS, /* different ones */
	COUNTED_ACCOUNTS    /* the same: somebody has logged in from there, and a device may keep trying an old password */
};
struct policy_count {
	unsigned rate, total;
	enum counted rate_of, total_of;
	uint32_t last;
};
const char *counted_name(enum counted c);
/* false: nothing. */
bool policy_count(const struct policy *p, const struct record *r, enum event_kind kind, time_t now,
    struct policy_count *out);
/* While what has this str_hash() is under attack: the rate threshold of `kind` as it is for this client (`of`), and how
 * much of it there is.  false: it is as ever, or there is nothing. */
struct policy_lowering {
	unsigned have;
	uint32_t of;
};
bool policy_lowering(const struct policy *p, const struct record *r, enum event_kind kind, uint32_t hash, time_t now,
    struct policy_lowering *out);
/* The same of auth-failure while its client's network attacks: there it is different accounts that count. */
bool policy_lowering_around(const struct policy *p, const struct record *r, time_t now, struct policy_lowering *out);
/* Has somebody logged in from there of late? */
bool policy_known_good(const struct record *r, uint32_t at);

/* Has the clock been set back since the last event?  Then what is dated after the present is moved before it: no term ends
 * later than one that begins now, and what the client does from now on counts as ever.  Returns whether it was. */
bool policy_settle(const struct policy *p, struct record *r, time_t now);

/* Nothing in it can matter any more. */
bool policy_forgets(const struct policy *p, const struct record *r, time_t now);

#endif
