/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rank.h - who leads: sums by name, in bounded memory
 *
 * Exact for all names there is room for.  Names that come when it is full are added up as `left_out`; when what is
 * ranked comes in no order, the leaders are not among them.  Not for several threads.
 */
#ifndef RANK_H
#define RANK_H

#include "str.h"

#define RANK_NAME 255 /* bytes of a name; what is longer is cut */

struct rank;

struct rank_row {
	struct str name; /* the rank's */
	uint64_t n, weight;
};

struct rank *rank_new(size_t max);
void rank_free(struct rank *r); /* NULL is fine */
/* One more of that name, with so much weight. */
void rank_add(struct rank *r, struct str name, uint64_t weight);
/* The heaviest first, at most `max`; of the same weight those with the greater n, then by name.  Returns how many. */
unsigned rank_top(const struct rank *r, struct rank_row *out, unsigned max);
uint64_t rank_left_out(const struct rank *r); /* additions that there was no room for */

#endif
