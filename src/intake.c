/* SPDX-License-Identifier: GPL-2.0-or-later */
/* intake.c - see intake.h */
#include "intake.h"

#include <string.h>

#include "record.h"
#include "stats.h"

struct telling {
	intake_fn *fn;
	void *arg;
	time_t now;
};

void
intake_init(struct intake *in)
{
	memset(in, 0, sizeof *in);
	in->correlate = correlate_new();
}

void
intake_clear(struct intake *in)
{
	rules_scratch_free(in->scratch);
	correlate_free(in->correlate);
	rules_free(in->rules);
	memset(in, 0, sizeof *in);
}

void
intake_use(struct intake *in, struct rules *rules)
{
	rules_scratch_free(in->scratch);
	rules_free(in->rules);
	in->rules = rules;
	in->scratch = rules_scratch_new(rules);
}

static void
on_event(void *arg, const struct event *told, unsigned times, bool again)
{
	const struct telling *t = arg;
	struct event ev = *told;

	if (again) {
		stat_add(STAT_EVENTS_DUPLICATE, times);
		return;
	}
	if (ev.time == (time_t)-1)
		ev.time = t->now;
	t->fn(t->arg, &ev, times > RECORD_HITS_MAX ? RECORD_HITS_MAX : times);
}

bool
intake_line(struct intake *in, const struct logline *line, time_t now, intake_fn *fn, void *arg)
{
	struct telling t = { .fn = fn, .arg = arg, .now = now };

	return correlate_line(in->correlate, in->rules, in->scratch, line, now, on_event, &t) != RULES_NOTHING;
}
