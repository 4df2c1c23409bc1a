/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "addrhash.h"
#include "crowd.h"
#include "unit.h"

#define CAP  64
#define SPAN 600
#define T0   1000000

static struct crowd crowd;
static struct member members[CAP];

static int
fresh(void **state)
{
	(void)state;
	crowd = (struct crowd){ 0 };
	return 0;
}

static struct addr
nth(unsigned n)
{
	char text[32];

	(void)snprintf(text, sizeof text, "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	return address(text);
}

static struct member *
hear(unsigned n, uint32_t at)
{
	struct addr a = nth(n);

	return crowd_hear(&crowd, members, CAP, addrhash(&a, 0x9e3779b97f4a7c15u), &a, at, at, SPAN);
}

static void
is_exact_as_long_as_they_fit(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < CAP; i++) {
			assert_non_null(hear(i, T0 + round));
			row_eq("so far", crowd_count(&crowd, members, T0 + round, SPAN), round == 0 ? i + 1 : CAP);
		}
	assert_int_equal(crowd.level, 0);
}

static void
the_window_slides(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++)
		hear(i, T0 + 10 * i);
	assert_int_equal(crowd_count(&crowd, members, T0 + SPAN - 1, SPAN), 50);
	assert_int_equal(crowd_count(&crowd, members, T0 + SPAN, SPAN), 49);
	assert_int_equal(crowd_count(&crowd, members, T0 + 490 + SPAN - 1, SPAN), 1);
	assert_int_equal(crowd_count(&crowd, members, T0 + 490 + SPAN, SPAN), 0);
	assert_int_equal(crowd_count(&crowd, members, T0 + 490, 100), 10); /* a shorter one inside */
}

static void
estimates_many(void **state)
{
	static const unsigned sizes[] = { 100, 1000, 20000, 500000 };

	for (size_t k = 0; k < ROWS(sizes); k++) {
		uint32_t n;

		fresh(state);
		for (unsigned i = 0; i < sizes[k]; i++)
			hear(i, T0);
		n = crowd_count(&crowd, members, T0, SPAN);
		if (n < sizes[k] / 2 || n > sizes[k] * 3 / 2)
			fail_msg("of %u: %u", sizes[k], n);
		assert_true(crowd.n <= CAP);
	}
}

/* When the crowd has gone, a few are counted exactly again. */
static void
comes_down_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		hear(i, T0);
	assert_true(crowd.level > 5);
	crowd_trim(&crowd, members, T0 + SPAN, SPAN);
	for (unsigned i = 0; i < 5; i++)
		hear(i, T0 + SPAN);
	assert_int_equal(crowd_count(&crowd, members, T0 + SPAN, SPAN), 5);
}

static void
late_ones_are_out(void **state)
{
	struct addr a = nth(2);

	(void)state;
	hear(1, T0);
	assert_non_null(crowd_hear(&crowd, members, CAP, 2, &a, T0 - SPAN + 1, T0, SPAN));
	assert_null(crowd_hear(&crowd, members, CAP, 3, &a, T0 - SPAN, T0, SPAN));
	assert_int_equal(crowd_count(&crowd, members, T0, SPAN), 2);
}

static void
survives_a_clock_set_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		hear(i, T0);
	for (unsigned i = 10; i < 20; i++)
		hear(i, T0 - 86400);
	assert_int_equal(crowd.newest, T0 - 86400);
	assert_int_equal(crowd_count(&crowd, members, T0 - 86400, SPAN), 20);
	assert_int_equal(crowd_count(&crowd, members, T0 - 86400 + SPAN, SPAN), 0);
}

static void
marks_are_of_one_window(void **state)
{
	(void)state;
	hear(1, T0)->mark = 7;
	assert_int_equal(hear(1, T0 + SPAN - 1)->mark, 7);
	assert_int_equal(hear(1, T0 + 3 * SPAN)->mark, 0);
}

static void
marks_are_counted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		hear(i, T0 + i)->mark = i % 3 == 0;
	assert_int_equal(crowd_count_marked(&crowd, members, T0 + 9, SPAN), 4);
	assert_int_equal(crowd_count_marked(&crowd, members, T0 + 2 + SPAN, SPAN), 3); /* 3, 6, 9 */
	assert_int_equal(crowd_count_marked(&crowd, members, T0 + 9 + SPAN, SPAN), 0);
	crowd.level = 2; /* each stands for four */
	assert_int_equal(crowd_count_marked(&crowd, members, T0 + 9, SPAN), 16);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

/* An index changes nothing but the time it takes. */
static void
is_the_same_with_an_index(void **state)
{
	static struct member found[CAP];
	static uint16_t heads[8]; /* few: long chains */
	struct crowd indexed = { .bits = 3, .heads = heads };
	uint64_t any = 1;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t at = T0 + i / 10;
		struct addr a;
		uint64_t hash;

		any = addrhash_mix(any + i);
		a = nth((unsigned)(any % (i < 50000 ? 100 : 5)));
		hash = addrhash(&a, 0x9e3779b97f4a7c15u);
		if (any >> 60 == 0) {
			crowd_forget(&crowd, members, hash);
			crowd_forget(&indexed, found, hash);
		} else if (any >> 54 == 1 << 6) {
			crowd_trim(&crowd, members, at, 1);
			crowd_trim(&indexed, found, at, 1);
		} else {
			struct member *one = crowd_hear(&crowd, members, CAP, hash, &a, at, at, SPAN),
				      *two = crowd_hear(&indexed, found, CAP, hash, &a, at, at, SPAN);

			row_eq("heard", two == NULL ? -1 : two - found, one == NULL ? -1 : one - members);
		}
		row_eq("n", indexed.n, crowd.n);
		for (unsigned k = 0; k < crowd.n; k++)
			if (members[k].hash != found[k].hash || members[k].at != found[k].at)
				fail_msg("after %u: member %u is another", i, k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_exact_as_long_as_they_fit),
		TEST(the_window_slides),
		TEST(estimates_many),
		TEST(comes_down_again),
		TEST(late_ones_are_out),
		TEST(survives_a_clock_set_back),
		TEST(marks_are_of_one_window),
		TEST(marks_are_counted),
		TEST(is_the_same_with_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
