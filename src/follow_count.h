/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_count.h - what the follower could not hand out */
#ifndef FOLLOW_COUNT_H
#define FOLLOW_COUNT_H

enum follow_drop { DROP_LONG, DROP_PARTIAL, DROP_GAP };

void follow_count(enum follow_drop what);

#endif
