/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "unit.h"
#include "window.h"

#define CAP 10

/* `hits` hits from `first` on, `step` seconds apart; then one at `now`: how many in 60 s around it? */
static void
counts_a_sliding_window(void **state)
{
	static const struct {
		const char *name;
		unsigned first, hits, step, now, want;
	} rows[] = {
		{ "first of all", 0, 0, 0, 1000, 1 },
		{ "all at once", 1000, 4, 0, 1000, 5 },
		{ "just inside", 1000, 4, 0, 1059, 5 },
		{ "on the edge", 1000, 4, 0, 1060, 1 },
		{ "clock went back far", 1000, 4, 0, 900, 1 },
		{ "clock went back a little", 1000, 4, 0, 950, 5 },
		{ "some have left", 1000, 4, 20, 1085, 3 },
		{ "more than are kept", 1000, 15, 0, 1000, CAP },
		{ "came late, in the middle", 1000, 4, 10, 1015, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct hit hits[CAP];
		uint16_t len = 0;

		for (unsigned k = 0; k < rows[i].hits; k++)
			window_hit(hits, &len, CAP, (struct hit){ rows[i].first + k * rows[i].step, 0 }, SAME_NEVER);
		window_hit(hits, &len, CAP, (struct hit){ rows[i].now, 0 }, SAME_NEVER);
		row_eq(rows[i].name, window_most(hits, len, rows[i].now, 60), rows[i].want);
	}
}

/* Against counting by hand, over every window that holds the moment. */
static void
agrees_with_brute_force(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct hit hits[32];
		uint16_t len = 0;
		uint32_t at = 0;
		unsigned most = 0;

		for (unsigned k = 0; k < 20; k++) {
			seed = seed * 1664525 + 1013904223;
			at = 1000 + (seed >> 16) % 200;
			window_hit(hits, &len, 32, (struct hit){ at, 0 }, SAME_NEVER);
		}
		for (uint32_t start = at - 29; start <= at; start++) {
			unsigned n = 0;

			for (uint16_t k = 0; k < len; k++)
				n += hits[k].at >= start && hits[k].at < start + 30;
			most = n > most ? n : most;
		}
		assert_int_equal(window_most(hits, len, at, 30), most);
	}
}

static void
counts_only_what_is_alike(void **state)
{
	const struct hit hits[] = { { 1000, 5 }, { 1010, 6 }, { 1020, 5 | TAG_MILTER }, { 1040, 5 }, { 1041, 13 }, { 1070, 5 } };

	(void)state;
	assert_int_equal(window_most_like(hits, 6, 1041, 60, 5, TAG_HASH), 3);
	assert_int_equal(window_most_like(hits, 6, 1041, 60, 6, TAG_HASH), 1);
	assert_int_equal(window_most_like(hits, 6, 1041, 60, 7, TAG_HASH), 0);
	assert_int_equal(window_most_like(hits, 6, 1041, 60, 5, 7), 4);
	assert_int_equal(window_most_like(hits, 6, 1041, 60, 7, 0), 5);
	assert_int_equal(window_most_like(hits, 6, 1090, 60, 5, TAG_HASH), 2);
}

static void
keeps_the_latest_in_order(void **state)
{
	static const uint32_t times[] = { 5, 3, 9, 1, 7, 2 };
	struct hit hits[4];
	uint16_t len = 0;

	(void)state;
	for (size_t i = 0; i < ROWS(times); i++)
		window_hit(hits, &len, 4, (struct hit){ times[i], 0 }, SAME_NEVER);
	assert_int_equal(len, 4);
	assert_int_equal(hits[0].at, 3);
	assert_int_equal(hits[1].at, 5);
	assert_int_equal(hits[2].at, 7);
	assert_int_equal(hits[3].at, 9);
	assert_int_equal(window_hit(hits, &len, 4, (struct hit){ 1, 0 }, SAME_NEVER), WINDOW_TOO_OLD);
	assert_int_equal(window_hit(hits, &len, 0, (struct hit){ 1, 0 }, SAME_NEVER), WINDOW_TOO_OLD);
}

#define M TAG_MILTER
static void
hears_two_witnesses_once(void **state)
{
	static const struct {
		const char *name;
		enum window_same same;
		struct hit a, b;
		enum window_hit want;
	} rows[] = {
		{ "milter, then log", SAME_NEVER, { 100, 7 | M }, { 101, 7 }, WINDOW_PAIRED },
		{ "log, then milter", SAME_NEVER, { 101, 7 }, { 100, 7 | M }, WINDOW_PAIRED },
		{ "as far apart as they may be", SAME_NEVER, { 100, 7 | M }, { 100 + WINDOW_PAIR, 7 }, WINDOW_PAIRED },
		{ "another recipient", SAME_NEVER, { 100, 7 | M }, { 101, 8 }, WINDOW_COUNTED },
		{ "too far apart", SAME_NEVER, { 100, 7 | M }, { 100 + WINDOW_PAIR + 1, 7 }, WINDOW_COUNTED },
		{ "the same witness twice", SAME_NEVER, { 100, 7 }, { 101, 7 }, WINDOW_COUNTED },
		{ "the same twice, distinct", SAME_ALWAYS, { 100, 7 }, { 101, 7 }, WINDOW_REPEATED },
		{ "late repeat, distinct", SAME_ALWAYS, { 100, 7 }, { 99, 7 }, WINDOW_REPEATED },
		{ "two witnesses, distinct", SAME_ALWAYS, { 100, 7 | M }, { 101, 7 }, WINDOW_PAIRED },
		{ "no tag", SAME_NEVER, { 100, M }, { 100, 0 }, WINDOW_COUNTED },
		{ "no tag, distinct", SAME_ALWAYS, { 100, 0 }, { 100, 0 }, WINDOW_COUNTED },
		{ "the same session", SAME_SHORTLY, { 100, 7 }, { 100 + WINDOW_PAIR, 7 }, WINDOW_REPEATED },
		{ "the same process later", SAME_SHORTLY, { 100, 7 }, { 101 + WINDOW_PAIR, 7 }, WINDOW_COUNTED },
		{ "another session", SAME_SHORTLY, { 100, 7 }, { 100, 8 }, WINDOW_COUNTED },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct hit hits[CAP];
		uint16_t len = 0;

		window_hit(hits, &len, CAP, rows[i].a, rows[i].same);
		row_eq(rows[i].name, window_hit(hits, &len, CAP, rows[i].b, rows[i].same), rows[i].want);
		row_eq(rows[i].name, len, rows[i].want == WINDOW_COUNTED ? 2 : 1);
	}
}

/* Two rejections, each told by both: two hits, in whatever order they are told. */
static void
pairs_one_to_one(void **state)
{
	struct hit hits[CAP];
	uint16_t len = 0;

	(void)state;
	window_hit(hits, &len, CAP, (struct hit){ 100, 7 | M }, SAME_NEVER);
	window_hit(hits, &len, CAP, (struct hit){ 101, 7 | M }, SAME_NEVER);
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 100, 7 }, SAME_NEVER), WINDOW_PAIRED);
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 101, 7 }, SAME_NEVER), WINDOW_PAIRED);
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 102, 7 }, SAME_NEVER), WINDOW_COUNTED);
	assert_int_equal(len, 3);
}

static void
assert_hits(const struct hit *hits, uint16_t len, const struct hit *want, uint16_t n)
{
	assert_int_equal(len, n);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(hits[i].at, want[i].at);
		assert_int_equal(hits[i].tag, want[i].tag);
	}
}

/* A thing is remembered by its latest time; one that is told late does not take it back. */
static void
a_thing_is_where_it_was_last(void **state)
{
	struct hit hits[CAP] = { { 100, 1 }, { 101, 2 }, { 102, 3 } };
	uint16_t len = 3;

	(void)state;
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 103, 2 }, SAME_ALWAYS), WINDOW_REPEATED);
	assert_hits(hits, len, (const struct hit[]){ { 100, 1 }, { 102, 3 }, { 103, 2 } }, 3);
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 99, 3 }, SAME_ALWAYS), WINDOW_REPEATED);
	assert_hits(hits, len, (const struct hit[]){ { 100, 1 }, { 102, 3 }, { 103, 2 } }, 3);
}

/* One session is one hit for so long from its first line: a process that serves one client after the other is not one
 * session for ever. */
static void
a_session_is_where_it_began(void **state)
{
	struct hit hits[CAP];
	uint16_t len = 0;

	(void)state;
	window_hit(hits, &len, CAP, (struct hit){ 100, 7 }, SAME_SHORTLY);
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 109, 7 }, SAME_SHORTLY), WINDOW_REPEATED);
	assert_int_equal(window_hit(hits, &len, CAP, (struct hit){ 111, 7 }, SAME_SHORTLY), WINDOW_COUNTED);
	assert_hits(hits, len, (const struct hit[]){ { 100, 7 }, { 111, 7 } }, 2);
}

static void
counts_different_ones(void **state)
{
	static const struct {
		const char *name;
		struct hit hits[5];
		uint16_t len;
		uint32_t at;
		unsigned want;
	} rows[] = {
		{ "none", { { 0, 0 } }, 0, 1000, 0 },
		{ "all different", { { 1000, 1 }, { 1001, 2 }, { 1002, 3 } }, 3, 1002, 3 },
		{ "one and the same", { { 1000, 1 }, { 1001, 1 }, { 1002, 1 } }, 3, 1002, 1 },
		{ "nothing in particular", { { 1000, 0 }, { 1001, 0 }, { 1002, 0 } }, 3, 1002, 3 },
		{ "whoever saw it", { { 1000, 1 }, { 1001, 1 | TAG_MILTER }, { 1002, 2 | TAG_PAIRED } }, 3, 1002, 2 },
		{ "on the edge", { { 1000, 1 }, { 1001, 2 }, { 1059, 3 } }, 3, 1060, 2 },
		{ "the same, but before", { { 1000, 1 }, { 1001, 2 }, { 1059, 1 } }, 3, 1060, 2 },
		{ "not what comes later", { { 1000, 1 }, { 1001, 2 }, { 1059, 3 } }, 3, 1001, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].name, window_distinct(rows[i].hits, rows[i].len, rows[i].at, 60), rows[i].want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_different_ones),
		cmocka_unit_test(a_thing_is_where_it_was_last),
		cmocka_unit_test(a_session_is_where_it_began),
		cmocka_unit_test(counts_a_sliding_window),
		cmocka_unit_test(agrees_with_brute_force),
		cmocka_unit_test(counts_only_what_is_alike),
		cmocka_unit_test(keeps_the_latest_in_order),
		cmocka_unit_test(hears_two_witnesses_once),
		cmocka_unit_test(pairs_one_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
