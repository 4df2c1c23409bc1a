/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_rig.h - one policy and one client's record, new for each test, and what the client is told to have done */
#ifndef POLICY_RIG_H
#define POLICY_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "unit.h"

static struct policy policy;
static struct record record;

static int
fresh(void **state)
{
	(void)state;
	policy_defaults(&policy);
	record_init(&record);
	return 0;
}

static int
done(void **state)
{
	(void)state;
	record_clear(&record);
	return 0;
}

static unsigned
tell(enum event_kind kind, time_t at, const char *recipient)
{
	struct event ev = { .kind = kind, .time = at, .recipient = str_of(recipient), .zone = STR("zen.example") };

	if (kind == EVENT_LOGIN)
		ev.user = STR("alice");
	return policy_apply(&policy, &record, &ev, at);
}

/* `n` offences from `at` on, `step` seconds apart, each against a recipient of its own. */
static unsigned
offend(enum event_kind kind, unsigned n, time_t at, time_t step)
{
	unsigned changes = 0;

	for (unsigned i = 0; i < n; i++) {
		char recipient[32];

		(void)snprintf(recipient, sizeof recipient, "u%u@example.org", i);
		changes |= tell(kind, at + step * (time_t)i, recipient);
	}
	return changes;
}

#define T0 1000000

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)

#endif
