/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.h - all that is known of one client
 *
 * A record is plain data: whoever owns it guards it (in the ledger: the lock of its shard).  Times are seconds since
 * 1970; 0 means never.  An entry "until t" is alive while now < t.
 *
 * Most clients are seen once or twice, so a record is small and what few need hangs off it.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "err.h"
#include "event.h"
#include "window.h"

#define RECORD_HITS_MAX 1000 /* hits remembered of one kind, and so the greatest n of a threshold */

/* The hits of one kind.  Owned by the record, newest kind first. */
struct tally {
	struct tally *next;
	uint8_t kind; /* enum event_kind */
	uint16_t len, cap;
	struct hit hits[];
};

/* Recipients that a grant was used for, within the last SPENT_SPAN seconds: how many in which second, oldest first. */
#define SPENT_SPAN 3600
struct spent {
	uint16_t len, cap;	  /* at most SPENT_SPAN */
	uint32_t beyond;	  /* recipients refused since the budget was last not spent */
	uint32_t beyond_at;	  /* the last of these */
	struct {
		uint32_t at, n;
	} v[];
};

/* Leave to relay, because somebody read mail from there. */
struct grant {
	struct spent *spent; /* the grant's; NULL: nothing */
	uint32_t first, last, until;
	uint32_t logins;
	char user[]; /* of the last login; "" when not known */
};

enum threshold_kind { BY_NONE, BY_RATE, BY_TOTAL, BY_HAND };

struct record {
	struct tally *tallies;
	struct grant *grant;	  /* NULL: none; may have run out */
	const char *cached_zone;  /* rbl: which list; by hand: the reason; interned, never freed; NULL: none */
	const char *blocked_note; /* by hand: the reason; interned, never freed; NULL: none */
	uint32_t seen;		  /* the last event */
	uint32_t login;		  /* the last login, kept when the grant has gone */
	uint32_t cached_at, cached_until;
	uint32_t cached_hits;	  /* events of the cached kind since, the first included */
	uint32_t blocked_at, blocked_until;
	uint8_t cached_kind;	  /* enum event_kind; EVENT_KINDS: by hand */
	uint8_t blocked_kind;	  /* the same; a threshold is of a kind */
	uint8_t blocked_by;	  /* enum threshold_kind */
	uint8_t blocks;		  /* how often blocked, each within 30 days of the one before; stays at 255 */
};

const char *threshold_kind_name(enum threshold_kind by);

void record_init(struct record *r);
/* Free what hangs off it; the record itself is the caller's and is as after record_init(). */
void record_clear(struct record *r);

/* A time as a record has it: never 0. */
static inline uint32_t
record_time(time_t t)
{
	return t <= 0 ? 1 : (uint64_t)t >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)t;
}

/* The time of an event: what is dated after `now` is taken as now. */
static inline uint32_t
record_time_of(time_t t, time_t now)
{
	return record_time(t < now ? t : now);
}

/* The end of a term that begins at `at`. */
static inline uint32_t
record_until(uint32_t at, uint32_t term)
{
	return term < UINT32_MAX - at ? at + term : UINT32_MAX;
}

static inline bool
record_granted(const struct record *r, uint32_t now)
{
	return r->grant != NULL && now < r->grant->until;
}

static inline bool
record_cached(const struct record *r, uint32_t now)
{
	return now < r->cached_until;
}

static inline bool
record_blocked(const struct record *r, uint32_t now)
{
	return now < r->blocked_until;
}

const struct tally *record_tally(const struct record *r, enum event_kind kind); /* NULL: no hits */
/* Count a hit, keeping at most the last `cap` of its kind. */
enum window_hit record_hit(struct record *r, enum event_kind kind, struct hit hit, uint16_t cap,
    enum window_same same);
/* Forget all hits up to and including the moment `upto`, of all kinds. */
void record_forgive(struct record *r, uint32_t upto);
/* Forget the hits of one kind from the moment `since` on. */
void record_unhit(struct record *r, enum event_kind kind, uint32_t since);
/* Grant relaying from `at` to `until`.  A live grant is prolonged, never cut short. */
void record_grant(struct record *r, struct str user, uint32_t at, uint32_t until);
void record_ungrant(struct record *r);
void record_uncache(struct record *r);
/* Also of what a repeat offender would have to expect. */
void record_unblock(struct record *r);
/* One recipient more at `at`, if there were less than `budget` within any SPENT_SPAN seconds that include it; false: there
 * were not, and it was counted as refused.  The record has a grant.  A clock that was set back prolongs nothing. */
bool record_spend(struct record *r, uint32_t at, uint32_t budget);
/* How many within the span that ends with `at`; and how many were refused since it was last less than the budget, as long
 * as the last of these is within it. */
uint32_t record_spent(const struct record *r, uint32_t at);
uint32_t record_beyond(const struct record *r, uint32_t at);

/* The same text gives the same pointer, good until the process ends.  Zones and reasons are few; once the table's
 * bound is reached a new text comes out as "(other)", and that is counted.  Any thread. */
const char *intern(struct str text);

/* Portable bytes for the store (little-endian, versioned).  Returns the length; nothing is written beyond `size`,
 * so a result greater than `size` asks for that much room. */
size_t record_encode(const struct record *r, uint8_t *buf, size_t size);
/* r as after record_init() before; on failure it is so again. */
int record_decode(struct record *r, const uint8_t *buf, size_t len, struct err *e);

#endif
