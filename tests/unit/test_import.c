/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_import.c - what older systems wrote, line by line; and any bytes at all */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"
#include "unit.h"

static const char *
shown(const struct import_row *row)
{
	static char buf[2200];
	char client[200], text[1100];

	(void)snprintf(buf, sizeof buf, "%s %lld %lld %s", str_copy(client, sizeof client, row->client),
	    (long long)row->last, (long long)row->until, str_copy(text, sizeof text, row->text));
	return buf;
}

static void
lines(void **state)
{
	static const struct {
		const char *name;
		enum import_kind kind;
		const char *line, *want; /* NULL: nothing in it; "!…": that mistake */
	} rows[] = {
		{ "as described", IMPORT_ACCESS_INFO, "2005-11-22 alice 192.0.2.1 1132650000", "192.0.2.1 1132650000 0 alice" },
		{ "date of two pieces", IMPORT_ACCESS_INFO, "22/11/05 10:11:12 bob 192.0.2.1 1132650000\r",
		    "192.0.2.1 1132650000 0 bob" },
		{ "date of five", IMPORT_ACCESS_INFO, "Tue Nov 22 10:11:12 2005\tcarol\t[192.0.2.1]\t1132650000",
		    "192.0.2.1 1132650000 0 carol" },
		{ "commas", IMPORT_ACCESS_INFO, "2005-11-22,dave,192.0.2.1,1132650000", "192.0.2.1 1132650000 0 dave" },
		{ "no user", IMPORT_ACCESS_INFO, "Tue Nov 22 10:11:12 192.0.2.1 1132650000", "192.0.2.1 1132650000 0 " },
		{ "user behind", IMPORT_ACCESS_INFO, "192.0.2.1 1132650000 erin", "192.0.2.1 1132650000 0 erin" },
		{ "user of digits is a date", IMPORT_ACCESS_INFO, "2005-11-22 4711 192.0.2.1 1132650000", "192.0.2.1 1132650000 0 " },
		{ "user with a domain", IMPORT_ACCESS_INFO, "2005-11-22 a@b.example 192.0.2.1 1132650000",
		    "192.0.2.1 1132650000 0 a@b.example" },
		{ "IPv6", IMPORT_ACCESS_INFO, "2005-11-22 alice 2001:db8::1 1132650000", "2001:db8::1 1132650000 0 alice" },
		{ "empty", IMPORT_ACCESS_INFO, " \t", NULL },
		{ "comment", IMPORT_ACCESS_INFO, "# 192.0.2.1 1132650000", NULL },
		{ "no time", IMPORT_ACCESS_INFO, "2005-11-22 alice 192.0.2.1", "!no time" },
		{ "no address", IMPORT_ACCESS_INFO, "2005-11-22 alice 192.0.2 1132650000", "!no address" },
		{ "octal", IMPORT_ACCESS_INFO, "alice 192.0.2.010 1132650000", "!no address" },
		{ "two addresses", IMPORT_ACCESS_INFO, "192.0.2.1 192.0.2.2 1132650000", "!more than one address" },
		{ "a zone", IMPORT_RBL_CACHE, "192.0.2.1 1132650000 zen.example", "192.0.2.1 1132650000 0 zen.example" },
		{ "a text", IMPORT_RBL_CACHE, "192.0.2.1 listed by zen.example, go away 1132650000",
		    "192.0.2.1 1132650000 0 listed by zen.example, go away" },
		{ "nothing but the address", IMPORT_RBL_CACHE, "192.0.2.1", "192.0.2.1 0 0 " },
		{ "a process id is no time", IMPORT_RBL_CACHE, "192.0.2.1 12345678 x", "192.0.2.1 0 0 12345678 x" },
		{ "plain", IMPORT_RELAY_LIST, "192.0.2.1", "192.0.2.1 0 0 " },
		{ "plain with its end", IMPORT_RELAY_LIST, "192.0.2.1 1132650000 al ice", "192.0.2.1 0 1132650000 al ice" },
		{ "plain without", IMPORT_CACHE_LIST, "192.0.2.1 - a pest", "192.0.2.1 0 0 a pest" },
		{ "plain IPv6", IMPORT_BLOCK_LIST, "2001:db8:1:2::/64 1132650000", "2001:db8:1:2::/64 0 1132650000 " },
		{ "plain, no end", IMPORT_RELAY_LIST, "192.0.2.1 tomorrow", "!neither seconds" },
		{ "plain, no address", IMPORT_RELAY_LIST, "example.com", "!no address" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct import_row row;
		struct err e = { "" };
		int rc = import_line(rows[i].kind, str_of(rows[i].line), &row, &e);

		if (rows[i].want == NULL)
			row_eq(rows[i].name, rc, 0);
		else if (rows[i].want[0] == '!' && (rc != -1 || strstr(e.text, rows[i].want + 1) == NULL))
			fail_msg("%s: got %d \"%s\", want \"%s\"", rows[i].name, rc, e.text, rows[i].want);
		else if (rows[i].want[0] != '!') {
			row_eq(rows[i].name, rc, 1);
			row_str_eq(rows[i].name, shown(&row), rows[i].want);
		}
	}
}

static void
files(void **state)
{
	static const struct {
		const char *name;
		enum import_kind kind;
		const char *file, *line, *want;
	} rows[] = {
		{ "empty", IMPORT_POPIPS, "192.0.2.1", "", "192.0.2.1 77 0 " },
		{ "user", IMPORT_POPIPS, "192.0.2.1", "alice", "192.0.2.1 77 0 alice" },
		{ "time", IMPORT_AUTHENTICATED, "192.0.2.1", "1132650000", "192.0.2.1 1132650000 0 " },
		{ "both", IMPORT_AUTHENTICATED, "192.0.2.1", "1132650000 alice", "192.0.2.1 1132650000 0 alice" },
		{ "the other way round", IMPORT_AUTHENTICATED, "192.0.2.1", "alice 1132650000", "192.0.2.1 1132650000 0 alice" },
		{ "address again", IMPORT_AUTHENTICATED, "192.0.2.1", "192.0.2.1 alice", "192.0.2.1 77 0 alice" },
		{ "zone", IMPORT_RBL_CACHE, "192.0.2.1", "zen.example says no", "192.0.2.1 77 0 zen.example says no" },
		{ "zone and time", IMPORT_RBL_CACHE, "192.0.2.1", "zen.example 1132650000", "192.0.2.1 1132650000 0 zen.example" },
		{ "not an address", IMPORT_POPIPS, "README", "", "!its name" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct import_row row;
		struct err e = { "" };
		int rc = import_file(rows[i].kind, str_of(rows[i].file), str_of(rows[i].line), 77, &row, &e);

		if (rows[i].want[0] == '!' ? rc != -1 || strstr(e.text, rows[i].want + 1) == NULL : rc != 1)
			fail_msg("%s: got %d \"%s\"", rows[i].name, rc, e.text);
		if (rc == 1)
			row_str_eq(rows[i].name, shown(&row), rows[i].want);
	}
}

static void
bounds(void **state)
{
	char line[IMPORT_LINE + 2];
	struct import_row row;
	struct err e;

	(void)state;
	memset(line, 'x', sizeof line);
	assert_int_equal(import_line(IMPORT_RBL_CACHE, (struct str){ line, sizeof line }, &row, &e), -1);
	memset(line, ' ', sizeof line);
	for (size_t i = 0; i < 200; i += 2)
		line[i] = 'x';
	assert_int_equal(import_line(IMPORT_RBL_CACHE, (struct str){ line, 200 }, &row, &e), -1);
	assert_int_equal(import_line(IMPORT_RBL_CACHE, STR("192.0.2.1 a\0b"), &row, &e), -1);
	assert_int_equal(import_file(IMPORT_POPIPS, STR("192.0.2.1"), STR("a\0b"), 1, &row, &e), -1);
}

static bool
within(struct str part, struct str whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* Pieces of good lines and single bytes, in any order: what is accepted has a client, lies in the line, and means the
 * same a second time. */
static void
anything(void **state)
{
	static const char *const parts[] = { "192.0.2.1", "2001:db8::1", " ", "\t", ",", "|", "1132650000", "alice", "-", "#",
		"[", "]", "/64", "9999999999999999999", "10:11:12", "::", "0", "\r", "\xff", "\x1b" };
	unsigned accepted = 0;

	(void)state;
	srand(4711);
	for (unsigned round = 0; round < 200000; round++) {
		enum import_kind k = (enum import_kind)((unsigned)rand() % IMPORT_JSON);
		struct import_row row, again;
		struct err e;
		size_t n = 0;
		int rc;

		char *line = malloc(200); /* exactly as much as there is: ASan sees the rest */
		for (unsigned i = (unsigned)rand() % 9; i > 0; i--) {
			const char *part = parts[(unsigned)rand() % ROWS(parts)];

			memcpy(line + n, part, strlen(part));
			n += strlen(part);
		}
		line = realloc(line, n > 0 ? n : 1);
		rc = import_line(k, (struct str){ line, n }, &row, &e);
		if (rc == 1) {
			struct str s = { line, n };

			accepted++;
			assert_true(row.client.n > 0 && within(row.client, s) && within(row.text, s));
			assert_true(row.last >= 0 && row.until >= 0);
			assert_int_equal(import_line(k, s, &again, &e), 1);
			assert_memory_equal(&row, &again, sizeof row);
		}
		(void)import_file(k, (struct str){ line, n }, (struct str){ line, n }, 1, &row, &e);
		free(line);
	}
	assert_true(accepted > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(files),
		cmocka_unit_test(bounds),
		cmocka_unit_test(anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
