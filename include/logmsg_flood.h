/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logmsg_flood.h - messages of one kind: n at once, and from then on n in each `span` seconds; the rest is counted
 *
 * A token bucket: a plain value, no clock, no lock.  Times are seconds of any clock that does not go back.
 */
#ifndef LOGMSG_FLOOD_H
#define LOGMSG_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

struct flood {
	const char *what; /* they are, in the plural: "refusals" */
	uint32_t n, span;
	/* Zero in the beginning. */
	uint64_t spent;	  /* of n * span; a message costs span, and n come back every second */
	uint64_t at;	  /* when that was so */
	uint64_t untold;  /* how many were left out since it was last said, */
	uint64_t since;	  /* the first of them then */
	bool listed;	  /* logmsg.c's own, as is next */
	struct flood *next;
};

/* One more.  false: it is not to be logged, and is counted. */
bool flood_take(struct flood *f, uint64_t now);
/* How many were left out, when it is time to say that: a span after the first of them, or `at_once`.  0: nothing is to
 * be said. */
uint64_t flood_tell(struct flood *f, uint64_t now, bool at_once);

#endif
