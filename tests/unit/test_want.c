/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "helper.h"
#include "unit.h"

#define NOW 1000000
#define DAY 86400

static const char *const found_name[] = { "right", "foreign", "another term", "to be renewed" };

/* An entry of the kernel's held against what is wanted. */
static void
judges_entries(void **state)
{
	static const struct {
		const char *name;
		uint32_t wanted, kernel, later; /* the check is `later` seconds after the wish */
		enum want_found found;
		uint32_t term;
	} rows[] = {
		{ "the same",			600, 600, 0, WANT_OK, 600 },
		{ "both run down",		600, 500, 100, WANT_OK, 500 },
		{ "a little off",		600, 597, 0, WANT_OK, 600 },
		{ "a little off, other way",	600, 603, 0, WANT_OK, 600 },
		{ "too short",			600, 596, 0, WANT_OTHER_TERM, 600 },
		{ "too long",			600, 604, 0, WANT_OTHER_TERM, 600 },
		{ "for ever",			600, 0, 0, WANT_OTHER_TERM, 600 },
		{ "not wanted",			0, 600, 0, WANT_FOREIGN, 0 },
		{ "not wanted, for ever",	0, 0, 0, WANT_FOREIGN, 0 },
		{ "not wanted, going",		0, 3, 0, WANT_OK, 0 },
		{ "no longer wanted",		60, 600, 60, WANT_FOREIGN, 0 },
		{ "no longer wanted, going",	60, 1, 61, WANT_OK, 0 },
		{ "longer than can be",		FW_TIMEOUT_MAX + 1, FW_TIMEOUT_MAX, 0, WANT_OK, FW_TIMEOUT_MAX },
		{ "just as long as can be",	FW_TIMEOUT_MAX, FW_TIMEOUT_MAX - 9, 0, WANT_OTHER_TERM, FW_TIMEOUT_MAX },
		{ "ten days into ten years",	3650 * DAY, FW_TIMEOUT_MAX - 10 * DAY, 0, WANT_OK, FW_TIMEOUT_MAX },
		{ "half way into ten years",	3650 * DAY, FW_TIMEOUT_MAX / 2, 0, WANT_RENEW, FW_TIMEOUT_MAX },
		{ "ten years, for ever",	3650 * DAY, 0, 0, WANT_OTHER_TERM, FW_TIMEOUT_MAX },
	};
	struct addr a = address("192.0.2.1"), other = address("2001:db8::");

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct want *w = want_new(10, 0);

		assert_true(want_put(w, &other, 600, NOW));
		if (rows[i].wanted != 0)
			assert_true(want_put(w, &a, rows[i].wanted, NOW));
		row_str_eq(rows[i].name, found_name[want_check(w, &a, rows[i].kernel, NOW + rows[i].later)],
		    found_name[rows[i].found]);
		row_eq(rows[i].name, want_term(w, &a, NOW + rows[i].later), rows[i].term);
		want_free(w);
	}
}

static struct addr
nth(uint32_t i)
{
	return (struct addr){ { [3] = 1, [12] = (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
}

static void
finds_what_is_missing(void **state)
{
	struct want *w = want_new(100000, 10);
	unsigned missing = 0;
	struct addr a;
	size_t at = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		a = nth(i);
		assert_true(want_put(w, &a, 600, NOW));
		assert_true(want_put(w, &a, 601, NOW));
	}
	assert_int_equal(want_size(w), 100000);
	for (uint32_t i = 0; i < 100000; i += 2) {
		a = nth(i);
		want_check(w, &a, 601, NOW);
	}
	for (uint32_t i = 1; i < 100000; i += 4) {
		a = nth(i);
		want_del(w, &a);
		want_del(w, &a);
	}
	assert_int_equal(want_size(w), 75000);
	while (want_missing(w, &at, NOW, &a)) {
		assert_int_equal(a.b[15] & 3, 3);
		missing++;
	}
	assert_int_equal(missing, 25000);
	at = 0;
	assert_false(want_missing(w, &at, NOW + 600, &a)); /* as good as gone */
	want_free(w);
}

static void
is_bounded(void **state)
{
	struct want *w = want_new(3, 1000000); /* whatever is expected */
	struct addr a[4] = { nth(0), nth(1), nth(2), nth(3) };

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(want_put(w, &a[i], 60, NOW));
	assert_false(want_put(w, &a[3], 60, NOW));
	assert_int_equal(want_term(w, &a[3], NOW), 0);
	assert_true(want_put(w, &a[0], 90, NOW));
	want_del(w, &a[1]);
	assert_true(want_put(w, &a[3], 60, NOW));
	assert_false(want_put(w, &a[1], 60, NOW));
	want_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_entries),
		cmocka_unit_test(finds_what_is_missing),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
