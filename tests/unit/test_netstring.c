/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "netstring.h"
#include "unit.h"

#define MAX 100

static void
parses(void **state)
{
	static const struct {
		const char *name, *in;
		enum netstring want;
		const char *body;
		size_t used;
	} rows[] = {
		{ "plain", "5:hello,", NETSTRING_WHOLE, "hello", 8 },
		{ "empty", "0:,", NETSTRING_WHOLE, "", 3 },
		{ "another behind it", "2:ab,3:c", NETSTRING_WHOLE, "ab", 5 },
		{ "holds its own signs", "5:1:,,,,", NETSTRING_WHOLE, "1:,,,", 8 },
		{ "the longest", "100:1234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "012345678901234567890,", NETSTRING_WHOLE, NULL, 105 },
		{ "nothing yet", "", NETSTRING_PART, NULL, 0 },
		{ "a digit", "1", NETSTRING_PART, NULL, 0 },
		{ "no body yet", "5:", NETSTRING_PART, NULL, 0 },
		{ "half a body", "5:hel", NETSTRING_PART, NULL, 0 },
		{ "no comma yet", "5:hello", NETSTRING_PART, NULL, 0 },
		{ "no comma at all", "5:hello;", NETSTRING_BAD, NULL, 0 },
		{ "longer than it says", "4:hello,", NETSTRING_BAD, NULL, 0 },
		{ "leading zero", "05:hello,", NETSTRING_BAD, NULL, 0 },
		{ "two zeros", "00:,", NETSTRING_BAD, NULL, 0 },
		{ "negative", "-1:a,", NETSTRING_BAD, NULL, 0 },
		{ "a space before", " 5:hello,", NETSTRING_BAD, NULL, 0 },
		{ "no length", ":,", NETSTRING_BAD, NULL, 0 },
		{ "a line", "relay 192.0.2.1\n", NETSTRING_BAD, NULL, 0 },
		{ "too long", "101:", NETSTRING_LONG, NULL, 0 },
		{ "far too long", "99999999999999999999999999999999999999:", NETSTRING_LONG, NULL, 0 },
		{ "2^64 + 5", "18446744073709551621:hello,", NETSTRING_LONG, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct str body = STR_NONE;
		size_t used = 0;

		row_eq(rows[i].name, netstring_parse(str_of(rows[i].in), MAX, &body, &used), rows[i].want);
		row_eq(rows[i].name, used, rows[i].used);
		if (rows[i].body != NULL && !str_eq(body, str_of(rows[i].body)))
			fail_msg("%s: got \"%.*s\"", rows[i].name, (int)body.n, body.p);
	}
}

/* Whatever is cut off a good one, it is never BAD and never WHOLE. */
static void
waits_for_the_rest(void **state)
{
	static const char whole[] = "11:hello there,";

	(void)state;
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		struct str body;
		size_t used;

		row_eq("cut", netstring_parse((struct str){ whole, n }, MAX, &body, &used), NETSTRING_PART);
	}
}

static void
writes(void **state)
{
	static const struct {
		const char *name, *body;
		size_t size;
		const char *want;
	} rows[] = {
		{ "plain", "hello", 100, "5:hello," },
		{ "empty", "", 100, "0:," },
		{ "just fits", "hello", 8, "5:hello," },
		{ "one short", "hello", 7, "" },
		{ "no room", "", 0, "" },
	};
	char buf[100];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t n = netstring_write(buf, rows[i].size, str_of(rows[i].body));

		buf[n] = '\0';
		row_str_eq(rows[i].name, buf, rows[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(waits_for_the_rest),
		cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
