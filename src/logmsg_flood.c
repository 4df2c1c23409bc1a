/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logmsg_flood.c - messages of one kind, and when there are too many of them */
#include "logmsg_flood.h"

static void
come_back(struct flood *f, uint64_t now)
{
	uint64_t back = now > f->at ? (now - f->at) * f->n : 0;

	f->spent = back < f->spent ? f->spent - back : 0;
	f->at = now;
}

bool
flood_take(struct flood *f, uint64_t now)
{
	come_back(f, now);
	if (f->spent + f->span <= (uint64_t)f->n * f->span) {
		f->spent += f->span;
		return true;
	}
	if (f->untold++ == 0)
		f->since = now;
	return false;
}

uint64_t
flood_tell(struct flood *f, uint64_t now, bool at_once)
{
	uint64_t n = f->untold;

	if (n == 0 || (!at_once && now - f->since < f->span))
		return 0;
	f->untold = 0;
	return n;
}
