/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_count.c - what could not be handed out, counted
 *
 * A file of its own because stats.h has an enum stat, and the rest of the follower lives on struct stat.
 */
#include "follow_count.h"

#include "stats.h"

void
follow_count(enum follow_drop what)
{
	stat_add(what == DROP_LONG ? STAT_LINES_LONG : what == DROP_PARTIAL ? STAT_LINES_PARTIAL : STAT_LOG_LOST, 1);
}
