/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crowd.h - how many different clients there were within the last so many seconds, and who they are
 *
 * A plain value over the caller's memory: no allocation, no clock, no lock.  It is exact as long as the clients fit;
 * beyond that only those are kept whose hash ends in `level` zero bits, and each stands for 2^level (adaptive sampling:
 * Flajolet, "On adaptive sampling", Computing 34, 1990).  With 64 kept the count is then right within some 15 %, with
 * 512 within 5 %.  Unlike the registers of a HyperLogLog, what is kept has its own time, so that the window slides;
 * and it is a fair sample of the clients, to be shown.
 *
 * The hash must be one that nobody outside can foresee (addrhash.h).
 *
 * A few dozen members are looked through quicker than any index is kept; a crowd of hundreds is given one (`heads`).
 */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct member {
	uint64_t hash;
	struct addr who;
	uint32_t at;	/* the last time */
	uint16_t mark;	/* the caller's own */
	uint16_t next;	/* in the chain of its hash: 1 + where it is; 0: the last */
};

struct crowd {
	uint32_t newest; /* the latest time heard of */
	uint16_t n;
	uint8_t level;	 /* each member stands for 1 << level clients */
	uint8_t bits;	 /* of the hash, that make the number of the chain */
	uint16_t *heads; /* the caller's: 1 << bits of them, 0 at first; NULL: no index */
};

/* A client was there at `at`.  `now` is the present: a crowd that is ahead of it is from before the clock was set back,
 * and is taken as of now.  Returns the member, whose mark is 0 when it is new; NULL: not in the sample, or so late
 * that the window has gone by.  `m` has room for `cap`. */
struct member *crowd_hear(struct crowd *c, struct member *m, uint16_t cap, uint64_t hash, const struct addr *who,
    uint32_t at, uint32_t now, uint32_t span);
/* It should not count after all. */
void crowd_forget(struct crowd *c, struct member *m, uint64_t hash);
/* Drop what is older than the window that ends at `at`. */
void crowd_trim(struct crowd *c, struct member *m, uint32_t at, uint32_t span);
/* How many different clients within the last `span` seconds before `at`, `at` included. */
uint32_t crowd_count(const struct crowd *c, const struct member *m, uint32_t at, uint32_t span);
/* Of them, how many have a mark that is not 0. */
uint32_t crowd_count_marked(const struct crowd *c, const struct member *m, uint32_t at, uint32_t span);

#endif
