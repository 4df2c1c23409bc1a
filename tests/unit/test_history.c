/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "history.h"
#include "policy.h"
#include "unit.h"

#define T0   1750003200 /* a full hour */
#define HOUR 3600

static void
event(struct history *h, enum event_kind kind, time_t at, unsigned changes, time_t now)
{
	const struct event ev = { .kind = kind, .time = at };

	history_event(h, &ev, changes, now);
}

static void
counts_by_hour(void **state)
{
	const uint64_t refused[][HISTORY_REFUSALS] = { { 5, 0, 1 }, { 7, 0, 1 } };
	struct history *h = history_new();
	struct history_hour got[3];

	(void)state;
	event(h, EVENT_RBL, T0 + 10, CHANGE_COUNTED | CHANGE_CACHED, T0 + 20);
	event(h, EVENT_RBL, T0 + HOUR - 1, CHANGE_COUNTED | CHANGE_BLOCKED, T0 + HOUR);
	event(h, EVENT_RBL, T0 + 11, CHANGE_DUPLICATE, T0 + 20);
	event(h, EVENT_AUTH_FAILURE, T0 + HOUR, CHANGE_FORGIVEN, T0 + HOUR);
	event(h, EVENT_AUTH_FAILURE, T0 + HOUR, CHANGE_TRUSTED, T0 + HOUR);
	event(h, EVENT_PROTOCOL, T0 + HOUR, CHANGE_HELD, T0 + HOUR);
	event(h, EVENT_LOGIN, T0 + 99 * HOUR, CHANGE_GRANTED, T0 + HOUR + 5); /* from the future: now */
	history_hand(h, CHANGE_BLOCKED, T0 + HOUR);
	history_hand(h, CHANGE_UNBLOCKED, T0 + HOUR);
	history_refusals(h, refused[0], T0 + 5);
	history_refusals(h, refused[1], T0 + HOUR + 5);
	assert_int_equal(history_get(h, T0, T0 + 2 * HOUR, got, 3), 2);
	assert_int_equal(got[0].hour, T0 / HOUR);
	row_eq("rbl", got[0].events[EVENT_RBL], 2);
	row_eq("rbl blocks", got[0].blocks[EVENT_RBL], 1);
	row_eq("cached", got[0].cached, 1);
	row_eq("refused", got[0].refused[REFUSED_CACHE], 5);
	row_eq("refused as forgery", got[0].refused[REFUSED_FORGERY], 1);
	row_eq("refused later", got[1].refused[REFUSED_CACHE], 2);
	row_eq("forgiven", got[1].mercy[MERCY_FORGIVEN], 1);
	row_eq("forgiven is an event", got[1].events[EVENT_AUTH_FAILURE], 1);
	row_eq("trusted", got[1].mercy[MERCY_TRUSTED], 1);
	row_eq("held", got[1].mercy[MERCY_HELD], 1);
	row_eq("login", got[1].events[EVENT_LOGIN], 1);
	row_eq("by hand", got[1].blocks[EVENT_KINDS], 1);
	assert_int_equal(history_get(h, T0 + HOUR, T0 + HOUR + 1, got, 3), 1);
	assert_int_equal(history_get(h, T0, T0 + 2 * HOUR, got, 1), 1);
	assert_int_equal(history_lost(h), 0);
	history_free(h);
}

/* A year, an event an hour: the last month stays, and what comes late is counted as lost. */
static void
is_bounded(void **state)
{
	static struct history_hour got[2 * HISTORY_HOURS];
	struct history *h = history_new();
	time_t now = T0;

	(void)state;
	for (unsigned i = 0; i < 365 * 24; i++, now += HOUR)
		event(h, EVENT_RBL, now, 0, now);
	assert_int_equal(history_get(h, 0, now, got, 2 * HISTORY_HOURS), HISTORY_HOURS);
	assert_int_equal(got[HISTORY_HOURS - 1].hour, now / HOUR - 1);
	event(h, EVENT_RBL, T0, 0, now);
	assert_int_equal(history_lost(h), 1);
	history_free(h);
}

static void
restore(struct history *h, const struct cut *c)
{
	struct cut_item item;
	struct err e = { "" };
	size_t at = 0;

	while (cut_next(c, &at, &item))
		if (history_restore(h, item.key, item.klen, item.val, item.vlen, &e) == -1)
			fail_msg("%s", e.text);
}

/* Cut by cut, as the store gets it, and all at once. */
static void
outlives_a_restart(void **state)
{
	static struct history_hour a[HISTORY_HOURS], b[HISTORY_HOURS];
	struct history *h = history_new(), *second = history_new(), *third = history_new();
	struct cut c;
	unsigned n;

	(void)state;
	cut_init(&c);
	for (unsigned i = 0; i < 1000; i++) {
		event(h, (enum event_kind)(i % EVENT_KINDS), T0 + (time_t)i * HOUR / 2, CHANGE_BLOCKED, T0 + (time_t)i * HOUR / 2);
		if (i % 10 == 0)
			history_cut(h, &c, false);
	}
	history_cut(h, &c, false);
	restore(second, &c);
	n = c.items;
	history_cut(h, &c, false);
	assert_int_equal(c.items, n); /* nothing has changed since */
	cut_clear(&c);
	history_cut(h, &c, true);
	restore(third, &c);
	n = history_get(h, T0, T0 + 500 * HOUR, a, HISTORY_HOURS);
	assert_int_equal(n, 500);
	assert_int_equal(history_get(second, T0, T0 + 500 * HOUR, b, HISTORY_HOURS), n);
	assert_memory_equal(a, b, n * sizeof a[0]);
	assert_int_equal(history_get(third, T0, T0 + 500 * HOUR, b, HISTORY_HOURS), n);
	assert_memory_equal(a, b, n * sizeof a[0]);
	history_clear(third);
	assert_int_equal(history_get(third, 0, T0 + 500 * HOUR, b, HISTORY_HOURS), 0);
	cut_clear(&c);
	history_free(h);
	history_free(second);
	history_free(third);
}

static void
refuses_what_is_damaged(void **state)
{
	struct history *h = history_new();
	struct cut_item item;
	struct err e = { "" };
	struct cut c;
	size_t at = 0;
	uint8_t val[400];

	(void)state;
	cut_init(&c);
	event(h, EVENT_RBL, T0, 0, T0);
	history_cut(h, &c, false);
	assert_true(cut_next(&c, &at, &item));
	assert_int_equal(history_restore(h, item.key, item.klen, item.val, item.vlen - 1, &e), -1);
	assert_int_equal(history_restore(h, (const uint8_t *)"hour\xff\xff", 6, item.val, item.vlen, &e), -1);
	assert_int_equal(history_restore(h, (const uint8_t *)"hour\0\0", 6, item.val, item.vlen, &e), -1);
	memcpy(val, item.val, item.vlen);
	val[0]++;
	assert_int_equal(history_restore(h, item.key, item.klen, val, item.vlen, &e), -1);
	assert_int_equal(history_restore(h, (const uint8_t *)"half\0\0", 6, val, 3, &e), 0);
	cut_clear(&c);
	history_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_hour),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(outlives_a_restart),
		cmocka_unit_test(refuses_what_is_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
