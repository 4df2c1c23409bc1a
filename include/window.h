/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window.h - the times of the last hits of one client for one kind, oldest first
 *
 * A window is a plain value in the caller's memory: no allocation, no clock, no lock.  The caller passes the time,
 * so a test can live through a week in a millisecond.  It is a sliding window in the strict sense: "n in any span
 * seconds" is answered from the times themselves, never from fixed buckets.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct hit {
	uint32_t at;	/* seconds since 1970; good until 2106 */
	uint32_t tag;	/* what was hit (TAG_HASH bits: a recipient's hash, 0 = nothing in particular), and by whom seen */
};

#define TAG_HASH   0x3fffffffu
#define TAG_DOMAIN 0x3fc00000u /* those of TAG_HASH that are its domain's, where a recipient was hit */
#define TAG_MILTER 0x40000000u /* seen by the milter; clear: read in the log */
#define TAG_PAIRED 0x80000000u /* the other witness of the same rejection has already been heard */

/* Milter and log tell of one rejection at most this many seconds apart. */
#define WINDOW_PAIR 10

/* Until when the same TAG_HASH is the same thing again. */
enum window_same {
	SAME_NEVER,   /* every hit counts */
	SAME_SHORTLY, /* one session, told of in several lines: for WINDOW_PAIR seconds from the first one */
	SAME_ALWAYS   /* a distinct count: as long as it is remembered, by its latest time */
};

enum window_hit {
	WINDOW_COUNTED,
	WINDOW_REPEATED, /* the same thing again */
	WINDOW_PAIRED,	 /* the other witness of a hit already counted */
	WINDOW_TOO_OLD	 /* older than everything in a full window */
};

/* Count one hit at `at`.  Holds at most `cap` hits (the oldest goes first); a hit that comes late is put in its place.
 * A tag of hash 0 never pairs and is never a repeat. */
enum window_hit window_hit(struct hit *hits, uint16_t *len, uint16_t cap, struct hit new, enum window_same same);

/* How many different things were hit within the `span` seconds that end with `at`; each hit of hash 0 is one of its own. */
unsigned window_distinct(const struct hit *hits, uint16_t len, uint32_t at, uint32_t span);

/* The greatest number of hits within any `span` seconds that include the moment `at`: hits at t and t + span are
 * one second too far apart to be in the same span. */
unsigned window_most(const struct hit *hits, uint16_t len, uint32_t at, uint32_t span);
/* Of those alone whose tag is `like` in the bits of `mask`. */
unsigned window_most_like(const struct hit *hits, uint16_t len, uint32_t at, uint32_t span, uint32_t like,
    uint32_t mask);

#endif
