/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_log.h - one log, from its start to its end, line by line, with a time for each
 *
 * The times of one log make a clock.  A stamp without a year is of the year in which it comes closest to the line
 * before it; the first one's year is told by the end of the log, by the time of its last change, and by the files that
 * were rotated after it.
 *
 * A stamp that leaps, by more than an hour, is believed when most of the lines behind it agree.  If not, a stamp of the
 * past is one line's own, and a stamp far ahead is taken for now.  So is one from after the present, whatever the lines
 * behind it say.
 *
 * A log that could be opened is not kept open until its first line's turn has come, so that a year of packed logs needs
 * the memory of one.
 */
#ifndef SIMULATE_LOG_H
#define SIMULATE_LOG_H

#include "err.h"
#include "logline.h"
#include "unpack.h"

struct simlog_counts {
	uint64_t lines, headless, undated, too_long;
	uint64_t late;	   /* dated before a line that came before */
	uint64_t future;   /* dated after the present */
	uint64_t outliers; /* dated so far ahead of all lines around that they were taken as now */
	uint64_t set_back; /* times that the log's clock went back, for good */
	uint64_t gaps;	   /* times without a line for more than 30 days */
};

struct simlog {
	const char *name;
	time_t present;		/* no line was written after it */
	struct simlog_counts counts;
	time_t first, last;	/* the clock, from and to; -1: no line with a time yet */
	struct err error;	/* "": none; else what made it end before its end */
	/* the line in hand, if any */
	bool ready, ended; /* there is one; there will be none any more */
	bool headless;		/* only line.line is good then */
	bool went_back;		/* with it the clock was set back for good */
	struct logline line;	/* its time is when it is to be judged */
	time_t at;		/* the clock at this line: what logs are merged by; -1: no time known yet */
	/* its own */
	int fd;
	bool awake, eof, damaged, skipping;
	struct unpack *unpack; /* NULL: it is not packed, and can be read from its start again */
	char *buf;
	char *head;		/* the log's first bytes, unpacked: simlog_same() */
	size_t nhead;
	size_t start, pos, len; /* of the line in hand; behind it; of what was read */
	struct stamp stamp;
	time_t near;		/* what decides on the year of a stamp that has none */
};

/* Look at the beginning (and the end) of a log, "-" being standard input.  -1: it cannot be read; simlog_close() is due
 * all the same. */
int simlog_open(struct simlog *l, const char *name, time_t present, struct err *e);
void simlog_close(struct simlog *l);
/* Both have been opened: is one the other's copy, packed or not? */
bool simlog_same(const struct simlog *a, const struct simlog *b);
/* All logs have been opened: those that are one log, rotated, agree on their years. */
void simlog_order(struct simlog *logs, unsigned n);

/* Take the next line in hand; at the end of the log, set `ended`.  Slices are valid until the next call. */
void simlog_next(struct simlog *l);

#endif
