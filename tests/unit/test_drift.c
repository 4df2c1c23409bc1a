/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_drift.c - when a program's lines are recognised no more
 *
 * A row is what a program writes: runs of lines, "N:P" being N lines of which P in a hundred are recognised, spread
 * evenly, "N:P/B" the same in bursts of B lines of a kind.  Wanted is when it is said to have drifted, and not to have
 * any more: "+" and "-" with the run it was in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drift.h"
#include "unit.h"

static const struct row {
	const char *name, *runs, *want;
} rows[] = {
	{ "steady", "10000:60", "" },
	{ "few lines", "150:90 100:0", "" },
	{ "from most to none", "1000:60 1000:0", "+2 " },
	{ "said once", "1000:60 100000:0", "+2 " },
	{ "from most to few", "1000:60 1000:10", "+2 " },
	{ "from most to half of it", "1000:60 100000:30", "" },
	{ "slowly is no accident of the rules", "1000:60 3000:40 3000:26 3000:17 3000:12", "" },
	{ "and back", "1000:60 1000:0 1000:60", "+2 -3 " },
	{ "and back and away", "1000:60 1000:0 1000:60 1000:0", "+2 -3 +4 " },
	{ "not back by half", "1000:60 1000:0 3000:20 1000:60", "+2 -4 " },
	{ "a small share", "5000:6 2000:0", "+2 " },
	{ "too small a share", "5000:3 100000:0", "" },
	{ "never recognised", "100000:0", "" },
	{ "recognised from some day on, then not", "10000:0 10000:60 1000:0", "+3 " },
	{ "bursts", "20000:60/40", "" },
	{ "a long burst of other lines", "2000:10 240:0 2000:10", "" },
};

static void
run(struct drift *d, const struct row *row, unsigned number, const char *text, char *got)
{
	unsigned lines = 0, percent = 0, burst = 1;
	const struct drift_program *which;

	assert_true(sscanf(text, "%u:%u/%u", &lines, &percent, &burst) >= 2);
	for (unsigned i = 0; i < lines; i++) {
		unsigned k = i / burst;
		bool yes = (k + 1) * percent / 100 > k * percent / 100;
		enum drift_news news = drift_line(d, STR("dovecot"), yes, (time_t)(1000 * number), &which);

		if (news == DRIFT_NONE)
			continue;
		row_str_eq(row->name, which->tag, "dovecot");
		row_eq(row->name, which->since, news == DRIFT_BEGAN ? 1000 * number : 0);
		(void)sprintf(got + strlen(got), "%c%u ", news == DRIFT_BEGAN ? '+' : '-', number);
	}
}

static void
says_what_it_should(void **state)
{
	static struct drift d;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char runs[128], got[256] = "", *at = runs, *word;

		drift_init(&d);
		(void)strcpy(runs, rows[i].runs);
		for (unsigned number = 1; (word = strsep(&at, " ")) != NULL; number++)
			run(&d, &rows[i], number, word, got);
		row_str_eq(rows[i].name, got, rows[i].want);
	}
}

static void
keeps_programs_apart(void **state)
{
	static struct drift d;
	const struct drift_program *which;
	char tag[DRIFT_TAG + 8];

	(void)state;
	drift_init(&d);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < DRIFT_PROGRAMS + 6; i++) {
			(void)snprintf(tag, sizeof tag, "program-%u", i);
			(void)drift_line(&d, str_of(tag), i % 2 == 0, 1, &which);
		}
	assert_int_equal(d.n, DRIFT_PROGRAMS);
	assert_int_equal(d.untold, 3 * 6);
	for (unsigned i = 0; i < d.n; i++) {
		(void)snprintf(tag, sizeof tag, "program-%u", i);
		row_str_eq("tag", d.v[i].tag, tag);
		row_eq(tag, d.v[i].lines, 3);
		row_eq(tag, d.v[i].recognised, i % 2 == 0 ? 3 : 0);
	}
}

static void
leaves_out_what_has_no_room(void **state)
{
	static struct drift d;
	const struct drift_program *which;
	char tag[DRIFT_TAG + 1];

	(void)state;
	drift_init(&d);
	memset(tag, 'x', sizeof tag);
	(void)drift_line(&d, (struct str){ tag, DRIFT_TAG }, true, 1, &which);
	(void)drift_line(&d, STR_NONE, true, 1, &which);
	assert_int_equal(d.n, 0);
	assert_int_equal(d.untold, 2);
	(void)drift_line(&d, (struct str){ tag, DRIFT_TAG - 1 }, true, 1, &which);
	(void)drift_line(&d, (struct str){ tag, DRIFT_TAG - 2 }, true, 1, &which);
	assert_int_equal(d.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_should),
		cmocka_unit_test(keeps_programs_apart),
		cmocka_unit_test(leaves_out_what_has_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
