/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.h - what happened, hour by hour, for a month
 *
 * One row of counters for each of the last HISTORY_HOURS hours, by the clock of the events.  It is kept in the store, in
 * the same transaction as the records, so that no restart counts anything twice (for what the log told) or loses more than
 * a flush interval (for the rest).  What is older than the rows go is counted as lost.
 *
 * Any thread; one mutex, a leaf, under which only numbers are added and copied.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "cut.h"
#include "err.h"
#include "event.h"

#define HISTORY_HOURS (31 * 24)

/* Refusals that the milter gave. */
enum history_refusal { REFUSED_CACHE, REFUSED_BLOCK, REFUSED_FORGERY, HISTORY_REFUSALS };

/* Offences that were not held against anybody. */
enum history_mercy { MERCY_FORGIVEN, MERCY_TRUSTED, MERCY_HELD, HISTORY_MERCIES };

struct history_hour {
	uint32_t hour; /* hours since 1970; 0: none */
	uint32_t events[EVENT_KINDS];
	uint32_t blocks[EVENT_KINDS + 1]; /* begun or prolonged; the last: by hand */
	uint32_t cached;		  /* clients that came into the cache */
	uint32_t refused[HISTORY_REFUSALS];
	uint32_t mercy[HISTORY_MERCIES];
};

struct history;

struct history *history_new(void);
void history_free(struct history *h); /* NULL is fine */

/* What policy_apply() said of an event. */
void history_event(struct history *h, const struct event *ev, unsigned changes, time_t now);
/* What an administrator did. */
void history_hand(struct history *h, unsigned changes, time_t now);
/* The milter's refusals since its start, as of now: what is more than the last time belongs to this hour. */
void history_refusals(struct history *h, const uint64_t since_start[HISTORY_REFUSALS], time_t now);

/* Copy the hours from `from` to `to` (seconds, to excluded) of which anything is known, oldest first; returns how many. */
unsigned history_get(struct history *h, time_t from, time_t to, struct history_hour *out, unsigned max);
uint64_t history_lost(struct history *h);

void history_cut(struct history *h, struct cut *c, bool whole);
/* Other keys of CUT_META are passed over. */
int history_restore(struct history *h, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e);

/* Take back what was restored. */
void history_clear(struct history *h);

const char *history_refusal_name(enum history_refusal r);
const char *history_mercy_name(enum history_mercy m);

#endif
