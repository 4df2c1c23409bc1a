/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_simulate.h - between the files of `simulate` */
#ifndef CTL_SIMULATE_H
#define CTL_SIMULATE_H

#include "ctl.h"
#include "simulate.h"

enum { THIS, OTHER };

struct rehearsal {
	const struct simulate *s;
	struct simulate_counts counts;
	struct simulate_side sides[SIMULATE_SIDES];
	unsigned nsides;
	double seconds; /* that it took */
};

static inline struct str
user_of(const struct seen_client *c)
{
	return c->user == NULL ? STR_NONE : (struct str){ c->user, c->user_len };
}

/* A client that was good and would have been cached or blocked. */
bool is_harmed(const struct seen_client *c);

/* ctl_simulate_json.c: one object */
void rehearsal_json(const struct rehearsal *r);

#endif
