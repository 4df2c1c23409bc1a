/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.h - all that is known of all clients, in memory
 *
 * A table of records in LEDGER_SHARDS shards, each under a mutex of its own.  The locks are leaves: they are held for
 * one record's work, never two at a time, and never over I/O, a log message or a callback that takes another lock.
 * Any thread may call anything here, except that ledger_cut() belongs to the thread that also knows the log positions.
 *
 * Keys are clients, not addresses: the ledger folds (policy's ipv6_prefix).
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "cut.h"
#include "policy.h"

#define LEDGER_SHARDS 1024

struct ledger;

/* What a milter callback needs to know of a client, copied out. */
struct answer {
	enum verdict verdict;
	enum event_kind kind; /* cached or blocked: for what; EVENT_KINDS: by hand */
	const char *zone;     /* cached: the zone or the reason, interned; NULL: none */
	uint32_t until;
};

/* Above max_clients the oldest and least valuable of the next few go: what is in force, and who is known to behave, only
 * where some 64 in a row are all of value. */
struct ledger *ledger_new(size_t max_clients);
void ledger_free(struct ledger *l);
size_t ledger_size(const struct ledger *l);

/* Apply one event; returns policy_apply()'s CHANGE_ bits. */
unsigned ledger_apply(struct ledger *l, const struct policy *p, const struct event *ev, time_t now);
/* The client will be asked for soon: have what is known of it fetched into the processor's cache, LEDGER_STEPS calls on
 * end, each of which needs what the one before has fetched.  Takes no lock: only for who is alone with the ledger, and
 * changes nothing in between. */
#define LEDGER_STEPS 5
struct ledger_fetch {
	unsigned step; /* 0 at first */
	uint64_t hash;
	const uint32_t *slot;
	const void *entry;
};
void ledger_fetch(struct ledger *l, const struct addr *client, struct ledger_fetch *f);
void ledger_judge(struct ledger *l, const struct policy *p, const struct addr *a, time_t now, struct answer *out);
unsigned ledger_add(struct ledger *l, const struct policy *p, enum set s, const struct addr *a, time_t now,
    uint32_t term, struct str text);
/* Of another system: policy_carry(). */
unsigned ledger_carry(struct ledger *l, const struct policy *p, const struct addr *a, const struct carried *c, time_t now);
unsigned ledger_del(struct ledger *l, const struct policy *p, enum set s, const struct addr *a, time_t now);

/* policy_spend() of the client's record. */
enum spend ledger_spend(struct ledger *l, const struct policy *p, const struct addr *a, time_t now);

/* Of one client: policy_withdraw(). */
unsigned ledger_withdraw(struct ledger *l, const struct policy *p, const struct withdrawal *wd, const struct addr *client,
    time_t now);

/* Called with the shard locked: copy what you need, quickly; no I/O, no log, no other lock. */
typedef void ledger_fn(void *arg, const struct addr *client, const struct record *r);
/* false: nothing known of that client, fn was not called. */
bool ledger_view(struct ledger *l, const struct policy *p, const struct addr *a, ledger_fn *fn, void *arg);
/* Every record, one shard after the other; what changes meanwhile may be met or missed. */
void ledger_walk(struct ledger *l, ledger_fn *fn, void *arg);
/* The same for one shard only, 0 .. LEDGER_SHARDS - 1: for callers that pause in between. */
void ledger_walk_shard(struct ledger *l, unsigned shard, ledger_fn *fn, void *arg);

/* Append every record changed since the last cut (and the keys of those forgotten) to `c`; `whole`: every record.  Stops
 * when a part is full: see cut.h. */
void ledger_cut(struct ledger *l, struct cut *c, bool whole);
/* Take back one record from the store, before any other thread runs.  One that was written under a narrower ipv6_prefix
 * becomes one of the client it is part of now; of several the first.  Some wait until more have come: when all have,
 * ledger_restored() is to be called.  One thread. */
int ledger_restore(struct ledger *l, const struct policy *p, const uint8_t *key, size_t klen, const uint8_t *val,
    size_t vlen, time_t now, struct err *e);
void ledger_restored(struct ledger *l, time_t now);
/* Forget everything, and that there was anything: for a restore that failed half-way. */
void ledger_clear(struct ledger *l);
#define LEDGER_ALL UINT32_MAX
/* Forget what no longer matters, looking at about so many places of the table and once at each at most: the cost of a
 * call grows neither with the table nor with time, and no lock is held for more than some of them.  LEDGER_ALL: at all,
 * however long it takes.  One thread. */
void ledger_sweep(struct ledger *l, const struct policy *p, time_t now, unsigned slots);
/* The clock was set back, by a month at most: policy_settle() for everybody.  Whom an event is about, or who is to relay, is
 * seen to by that alone; but of whom the kernel drops nothing is heard, and it holds what the ledger says.  A machine that
 * starts in 1970 and learns the time later must not lose all terms by it, so that more than a month is left alone. */
void ledger_settle(struct ledger *l, const struct policy *p, time_t now);

#endif
