/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "rank.h"
#include "unit.h"

static void
leads(void **state)
{
	struct rank *r = rank_new(100);
	struct rank_row rows[3];

	(void)state;
	assert_int_equal(rank_top(r, rows, 3), 0);
	rank_add(r, STR("b"), 5);
	rank_add(r, STR("a"), 5);
	rank_add(r, STR("c"), 1);
	rank_add(r, STR("c"), 1);
	rank_add(r, STR("d"), 9);
	rank_add(r, STR("a\0z"), 5);
	assert_int_equal(rank_top(r, rows, 3), 3);
	assert_true(str_eq(rows[0].name, STR("d")));
	assert_true(str_eq(rows[1].name, STR("a")));
	assert_true(str_eq(rows[2].name, STR("a\0z")));
	assert_int_equal(rows[0].n, 1);
	assert_int_equal(rows[0].weight, 9);
	assert_int_equal(rank_top(r, rows, 0), 0);
	assert_int_equal(rank_left_out(r), 0);
	rank_free(r);
}

/* Ten thousand names, the i-th of them i times; what there is no room for is counted. */
static void
adds_up(void **state)
{
	struct rank *r = rank_new(1000), *all = rank_new(10000);
	struct rank_row rows[2];
	uint64_t left = 0;
	char name[20];

	(void)state;
	for (unsigned i = 1; i <= 10000; i++) {
		(void)snprintf(name, sizeof name, "name%u", i);
		for (unsigned k = 0; k < 1 + i % 7; k++) {
			rank_add(r, str_of(name), 2);
			rank_add(all, str_of(name), i);
			left += i > 1000;
		}
	}
	assert_int_equal(rank_left_out(r), left);
	assert_int_equal(rank_left_out(all), 0);
	assert_int_equal(rank_top(all, rows, 2), 2);
	assert_true(str_eq(rows[0].name, STR("name9995"))); /* 9995 % 7 == 6: seven times */
	assert_int_equal(rows[0].n, 7);
	assert_int_equal(rows[0].weight, 7 * 9995);
	assert_true(str_eq(rows[1].name, STR("name9988")));
	rank_free(r);
	rank_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads),
		cmocka_unit_test(adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
