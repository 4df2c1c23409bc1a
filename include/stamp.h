/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stamp.h - the times that log lines begin with
 *
 * A struct stamp remembers the last day it worked out, so that mktime(3) is asked once per day of log (twice on the
 * days on which the clocks change), not once per line.  It is the caller's, for one thread.  Local time is that of
 * localtime(3): the log's zone is the machine's.  An hour that comes twice, because the clock is set back, is the first
 * of the two as long as that does not lead back behind the stamp before; without one before, it is the second.
 *
 * Each reader takes the text from its first byte and returns how many bytes the stamp took, 0 when it is none.  The
 * text may hold any bytes.  Fractions of a second are read over.
 */
#ifndef STAMP_H
#define STAMP_H

#include <time.h>

#include "str.h"

struct stamp {
	int year, month, day;	/* the local day below; month 0: nothing remembered */
	time_t midnight;	/* its first second */
	bool even;		/* no clock change in it: second s of the day is midnight + s */
	long set_back;		/* by how many seconds the clock is set back in it; < 0: forward */
	time_t last;		/* the last stamp read; 0: none */
	char minute[13];	/* the last BSD stamp up to its seconds */
	time_t minute_time;	/* its second 0 */
};

void stamp_init(struct stamp *s);

/* "Jan  2 03:04:05", also with one blank before a one-digit day, with fraction (`Jan  2 03:04:05.678901`), and with a
 * year behind the day as some routers and Dovecot sites have it (`Jan 02 2024 03:04:05`).  Without a year the stamp is
 * the latest one that is not more than a day after `now`. */
size_t stamp_bsd(struct stamp *s, struct str text, time_t now, time_t *out);

/* RFC 3339: "2024-01-02T03:04:05", "2024-01-02 03:04:05.678", then "Z", "+01:00", "+0100" or nothing: local time. */
size_t stamp_iso(struct stamp *s, struct str text, time_t *out);

/* "@" and 24 hexadecimal digits, as multilog(8) writes it. */
size_t stamp_tai64n(struct str text, time_t *out);

#endif
