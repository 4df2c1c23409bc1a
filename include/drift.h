/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drift.h - is what the programs write still what the rules know?
 *
 * A program's new version may say the same in other words; then its lines are recognised no more, nobody is let in or
 * turned away because of them, and nothing complains.  So for each program that has rules the share of its lines that
 * they recognise is watched: where it was steady and falls to a quarter or less, the program has *drifted*.  Lines are
 * judged in blocks, each so long that DRIFT_EXPECTED of its lines should be recognised: a quarter of that is then no
 * accident.  What is recognised so rarely that a block would be longer than DRIFT_LEARN / DRIFT_SHARE_MIN lines is not
 * judged.
 *
 * A plain value: no allocation, no clock, no lock.
 */
#ifndef DRIFT_H
#define DRIFT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "str.h"

#define DRIFT_PROGRAMS	64
#define DRIFT_TAG	48
#define DRIFT_LEARN	200  /* lines from which a program's share is learned first: the least length of a block */
#define DRIFT_EXPECTED	50   /* lines of a block that should be recognised */
#define DRIFT_SHARE_MIN 0.05 /* less than that, and a program is not judged */

struct drift_program {
	char tag[DRIFT_TAG];
	uint64_t lines, recognised; /* since drift_init() */
	time_t since;		    /* when it was found to have drifted; 0: it has not */
	double share;		    /* of lines recognised, in the long run; below 0: not yet known */
	uint32_t block_lines, block_recognised;
};

struct drift {
	unsigned n;
	uint64_t untold; /* lines of programs that there was no room for */
	struct drift_program v[DRIFT_PROGRAMS];
	uint8_t slots[2 * DRIFT_PROGRAMS]; /* by the tag's hash: number in v, from 1 */
};

void drift_init(struct drift *d);

enum drift_news {
	DRIFT_NONE,
	DRIFT_BEGAN, /* *which has drifted, and it was not said before */
	DRIFT_ENDED  /* its lines are recognised again */
};

/* Count a line.  *which is set when there are news, and good until the next call. */
enum drift_news drift_line(struct drift *d, struct str tag, bool recognised, time_t now,
    const struct drift_program **which);

#endif
