/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stamp.h"
#include "unit.h"

#define NONE -7 /* not a stamp */

static void
set_zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static time_t
utc(const char *text)
{
	struct tm tm = { 0 };

	if (strptime(text, "%Y-%m-%d %H:%M:%S", &tm) == NULL)
		fail_msg("the test's own time \"%s\" is none", text);
	return timegm(&tm);
}

/* The year is the latest that is not more than a day after now; UTC, so that the table can be read. */
static void
picks_the_year(void **state)
{
	static const struct {
		const char *stamp, *now, *want;
	} rows[] = {
		{ "Jun 15 12:00:00", "2025-06-15 12:00:05", "2025-06-15 12:00:00" },
		{ "Jun 15 12:00:00", "2025-06-15 11:00:00", "2025-06-15 12:00:00" }, /* an hour ahead */
		{ "Jun 16 12:00:00", "2025-06-15 12:00:00", "2025-06-16 12:00:00" }, /* exactly a day ahead */
		{ "Jun 16 12:00:01", "2025-06-15 12:00:00", "2024-06-16 12:00:01" }, /* a second more */
		{ "Dec 31 23:59:59", "2026-01-01 00:00:01", "2025-12-31 23:59:59" },
		{ "Jan  1 00:00:01", "2025-12-31 23:59:59", "2026-01-01 00:00:01" }, /* the other clock is faster */
		{ "Feb 29 10:00:00", "2025-03-01 00:00:00", "2024-02-29 10:00:00" },
		{ "Feb 29 10:00:00", "2024-02-29 10:00:00", "2024-02-29 10:00:00" },
		{ "Jan 02 2019 03:04:05", "2025-06-15 12:00:00", "2019-01-02 03:04:05" },
		{ "Jan 2 03:04:05", "2025-06-15 12:00:00", "2025-01-02 03:04:05" },
		{ "Jan  2 03:04:05.678901", "2025-06-15 12:00:00", "2025-01-02 03:04:05" },
		{ "Jun 30 23:59:60", "2025-06-30 23:59:59", "2025-06-30 23:59:59" }, /* a leap second */
	};
	struct stamp once;

	(void)state;
	set_zone("UTC");
	stamp_init(&once);
	for (int round = 0; round < 2; round++) /* again, with a memory full of other days */
		for (size_t i = 0; i < ROWS(rows); i++) {
			struct stamp fresh;
			time_t got = 0, again = 0;

			stamp_init(&fresh);
			row_eq(rows[i].stamp, stamp_bsd(&fresh, str_of(rows[i].stamp), utc(rows[i].now), &got),
			    strlen(rows[i].stamp));
			row_eq(rows[i].stamp, got, utc(rows[i].want));
			stamp_bsd(&once, str_of(rows[i].stamp), utc(rows[i].now), &again);
			row_eq(rows[i].stamp, again, got);
		}
}

/* The same line again, a year later: what was remembered must not be believed. */
static void
forgets_last_year(void **state)
{
	const char *line = "Jun 15 12:00:00 host";
	struct stamp s;
	time_t t = 0;

	(void)state;
	set_zone("UTC");
	stamp_init(&s);
	assert_int_equal(stamp_bsd(&s, str_of(line), utc("2024-06-15 12:00:00"), &t), 15);
	assert_int_equal(t, utc("2024-06-15 12:00:00"));
	assert_int_equal(stamp_bsd(&s, str_of(line), utc("2025-06-15 12:00:00"), &t), 15);
	assert_int_equal(t, utc("2025-06-15 12:00:00"));
	assert_int_equal(stamp_bsd(&s, str_of(line), utc("2024-06-15 12:00:00"), &t), 15);
	assert_int_equal(t, utc("2024-06-15 12:00:00"));
}

/* Against localtime(3), every 53 minutes for two years, in zones with and without clock changes: an hour that comes
 * twice is read as what follows the line before. */
static void
agrees_with_mktime(void **state)
{
	static const char *const zones[] = { "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
		"Australia/Lord_Howe" };

	(void)state;
	for (size_t z = 0; z < ROWS(zones); z++) {
		struct stamp s, other;

		set_zone(zones[z]);
		stamp_init(&s);
		stamp_init(&other);
		for (time_t t = 1704067200; t < 1704067200 + 2 * 366 * 86400; t += 53 * 60) {
			struct tm tm;
			char bsd[32], iso[32];
			time_t got = 0;

			localtime_r(&t, &tm);
			(void)strftime(bsd, sizeof(bsd), "%b %e %H:%M:%S ", &tm);
			(void)strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%S", &tm);
			assert_int_equal(stamp_bsd(&s, str_of(bsd), t + 3600, &got), 15);
			row_eq(bsd, got, t);
			assert_int_equal(stamp_iso(&other, str_of(iso), &got), 19);
			row_eq(iso, got, t);
		}
	}
}

/* New York, 2024-11-03: 01:00 to 01:59 comes first at 05:00 and then at 06:00 UTC. */
static void
reads_the_hour_that_comes_twice(void **state)
{
	static const struct {
		const char *before, *stamp, *want;
	} rows[] = {
		{ "Nov  3 00:59:59 ", "Nov  3 01:00:00 ", "2024-11-03 05:00:00" },
		{ "Nov  3 00:30:00 ", "Nov  3 01:30:00 ", "2024-11-03 05:30:00" },
		{ "2024-11-03T05:59:59Z", "Nov  3 01:00:00 ", "2024-11-03 06:00:00" },
		{ "2024-11-03T05:30:10Z", "Nov  3 01:29:50 ", "2024-11-03 05:29:50" }, /* a little late */
		{ "2024-11-03T06:30:00Z", "Nov  3 01:29:59 ", "2024-11-03 06:29:59" },
		{ "Nov  3 02:00:00 ", "Nov  3 01:59:59 ", "2024-11-03 06:59:59" },
		{ "", "Nov  3 01:30:00 ", "2024-11-03 06:30:00" },
		{ "", "Nov  3 02:00:00 ", "2024-11-03 07:00:00" },
		{ "", "Nov  3 00:59:59 ", "2024-11-03 04:59:59" },
	};

	(void)state;
	set_zone("America/New_York");
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct stamp s;
		time_t now = utc("2024-12-01 00:00:00"), got = 0;

		stamp_init(&s);
		if (stamp_iso(&s, str_of(rows[i].before), &got) == 0)
			stamp_bsd(&s, str_of(rows[i].before), now, &got);
		assert_int_equal(stamp_bsd(&s, str_of(rows[i].stamp), now, &got), 15);
		row_eq(rows[i].stamp, got, utc(rows[i].want));
	}
}

static void
reads_iso(void **state)
{
	static const struct {
		const char *text;
		int takes;
		const char *want;
	} rows[] = {
		{ "2024-01-02T03:04:05Z host", 20, "2024-01-02 03:04:05" },
		{ "2024-01-02T03:04:05.678901+01:00 host", 32, "2024-01-02 02:04:05" },
		{ "2024-01-02T03:04:05-0530", 24, "2024-01-02 08:34:05" },
		{ "2024-01-02 03:04:05 host", 19, "2024-01-02 03:04:05" },
		{ "2024-01-02 03:04:05,123 host", 23, "2024-01-02 03:04:05" },
		{ "2024-02-29T00:00:00Z", 20, "2024-02-29 00:00:00" },
		{ "2023-02-29T00:00:00Z", 0, NULL },
		{ "2024-13-02T03:04:05Z", 0, NULL },
		{ "2024-01-02T24:04:05Z", 0, NULL },
		{ "2024-01-02X03:04:05Z", 0, NULL },
		{ "2024-01-02T03:04:0", 0, NULL },
		{ "2024-01-02T03:04:05+01:0", 19, "2024-01-02 03:04:05" },
		{ "2024-01-02T03:04:05+", 19, "2024-01-02 03:04:05" },
	};

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct stamp s;
		time_t got = NONE;

		stamp_init(&s);
		row_eq(rows[i].text, stamp_iso(&s, str_of(rows[i].text), &got), rows[i].takes);
		row_eq(rows[i].text, got, rows[i].want == NULL ? NONE : utc(rows[i].want));
	}
}

static void
reads_tai64n(void **state)
{
	time_t t = NONE;

	(void)state;
	/* 2^62 + 10 is 1970 */
	assert_int_equal(stamp_tai64n(STR("@400000000000000a00000000"), &t), 25);
	assert_int_equal(t, 0);
	assert_int_equal(stamp_tai64n(STR("@4000000065937c7f1234abcd imap"), &t), 25);
	assert_int_equal(t, 0x65937c7f - 10);
	assert_int_equal(stamp_tai64n(STR("@4000000065937c7f1234abc"), &t), 0);
	assert_int_equal(stamp_tai64n(STR("@0000000065937c7f1234abcd"), &t), 0);
	assert_int_equal(stamp_tai64n(STR("@ffffffffffffffff1234abcd"), &t), 0);
	assert_int_equal(stamp_tai64n(STR("@4000000065937C7F1234ABCG"), &t), 0);
}

static void
refuses_what_is_none(void **state)
{
	static const char *const rows[] = { "", "J", "Jan", "Jan  2 03:04:0", "Foo  2 03:04:05", "Jan  0 03:04:05",
		"Jan 32 03:04:05", "Feb 30 03:04:05", "Jan  2 25:04:05", "Jan  2 03:60:05", "Jan  2 03:04:61",
		"Jan  2 03-04-05", "Jan\t 2 03:04:05", "Jan   2 03:04:05", "jan  2 03:04:05", "Jan -2 03:04:05",
		"Apr 31 00:00:00" };

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct stamp s;
		time_t t = NONE;
		size_t n = strlen(rows[i]);
		char *exact = malloc(n + 1); /* a reader beyond the end is seen by ASan */

		memcpy(exact, rows[i], n + 1);
		exact = realloc(exact, n == 0 ? 1 : n);
		stamp_init(&s);
		row_eq(rows[i], stamp_bsd(&s, (struct str){ exact, n }, 1735689600, &t), 0);
		row_eq(rows[i], stamp_iso(&s, (struct str){ exact, n }, &t), 0);
		row_eq(rows[i], t, NONE);
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picks_the_year),
		cmocka_unit_test(forgets_last_year),
		cmocka_unit_test(agrees_with_mktime),
		cmocka_unit_test(reads_the_hour_that_comes_twice),
		cmocka_unit_test(reads_iso),
		cmocka_unit_test(reads_tai64n),
		cmocka_unit_test(refuses_what_is_none),
	};

	return cmocka_run_group_tests_name("stamp", tests, NULL, NULL);
}
