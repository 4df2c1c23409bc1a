/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "str.h"
#include "unit.h"

static void
shows_foreign_text(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		size_t size;
		const char *want;
	} rows[] = {
		{ "plain", STR("abc"), 64, "abc" },
		{ "empty", STR(""), 64, "" },
		{ "control", STR("a\tb\r\n"), 64, "a\\x09b\\x0d\\x0a" },
		{ "NUL", STR("a\0b"), 64, "a\\x00b" },
		{ "escape sequence", STR("\033[2J"), 64, "\\x1b[2J" },
		{ "umlaut", STR("\xc3\xbc"), 64, "\xc3\xbc" },
		{ "four bytes", STR("\xf0\x9f\x93\xa7"), 64, "\xf0\x9f\x93\xa7" },
		{ "C1 control", STR("\xc2\x9b"), 64, "\\xc2\\x9b" },
		{ "overlong slash", STR("\xc0\xaf"), 64, "\\xc0\\xaf" },
		{ "overlong in three", STR("\xe0\x80\xaf"), 64, "\\xe0\\x80\\xaf" },
		{ "surrogate", STR("\xed\xa0\x80"), 64, "\\xed\\xa0\\x80" },
		{ "from right to left", STR("a\xe2\x80\xae" "b"), 64, "a\\xe2\\x80\\xae" "b" },
		{ "isolates and marks", STR("\xe2\x81\xa6\xd8\x9c"), 64, "\\xe2\\x81\\xa6\\xd8\\x9c" },
		{ "no width", STR("\xe2\x80\x8b\xef\xbb\xbf"), 64, "\\xe2\\x80\\x8b\\xef\\xbb\\xbf" },
		{ "a dash and a quotation mark", STR("\xe2\x80\x93\xe2\x80\x9d"), 64, "\xe2\x80\x93\xe2\x80\x9d" },
		{ "line separator", STR("\xe2\x80\xa8"), 64, "\\xe2\\x80\\xa8" },
		{ "broken off", STR("a\xe2\x82"), 64, "a\\xe2\\x82" },
		{ "fits exactly", STR("abcdefg"), 8, "abcdefg" },
		{ "one too long", STR("abcdefgh"), 8, "abcd..." },
		{ "not cut in a character", STR("abc\xc3\xbc\xc3\xbc\xc3\xbc"), 8, "abc..." },
		{ "not cut in an escape", STR("abc\n\n\n"), 10, "abc..." },
		{ "no room at all", STR("abcdef"), 4, "..." },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char out[64];

		row_str_eq(rows[i].name, str_show(out, rows[i].size, rows[i].in), rows[i].want);
	}
}

static void
trims(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want;
	} rows[] = {
		{ "nothing to take", STR("a b"), "a b" },
		{ "both ends", STR(" \t\ra \r\n"), "a" },
		{ "blanks alone", STR(" \t\r\n"), "" },
		{ "empty", STR(""), "" },
		{ "other controls stay", STR("\va\f"), "\va\f" },
	};
	struct str nul = str_trim(STR(" a\0"));

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char out[64];

		row_str_eq(rows[i].name, str_copy(out, sizeof out, str_trim(rows[i].in)), rows[i].want);
	}
	assert_int_equal(nul.n, 2);
	assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void
reads_durations(void **state)
{
	static const struct {
		const char *text;
		long long want;
	} rows[] = {
		{ "0", 0 }, { "90", 90 }, { "90s", 90 }, { "15m", 900 }, { "1h", 3600 }, { "7d", 604800 },
		{ "2w", 1209600 }, { "3650d", 315360000 }, { "3651d", -1 }, { "99999999999999999999", -1 },
		{ "", -1 }, { "m", -1 }, { "-5", -1 }, { "5 m", -1 }, { "5min", -1 }, { "5M", -1 }, { "1.5h", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].text, str_duration(str_of(rows[i].text)), rows[i].want);
}

static void
writes_terms(void **state)
{
	static const struct {
		long long seconds;
		const char *want;
	} rows[] = { { 0, "0s" }, { 59, "59s" }, { 60, "1m" }, { 5400, "90m" }, { 86400, "1d" }, { 604800, "1w" },
		{ 90000, "25h" } };
	char out[16];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_str_eq(rows[i].want, str_term(out, sizeof out, rows[i].seconds), rows[i].want);
}

static void
hashes_without_case(void **state)
{
	(void)state;
	assert_int_equal(str_hash(STR("")), 2166136261u); /* FNV-1a's offset basis */
	assert_int_equal(str_hash(STR("a")), 0xe40c292c); /* from the FNV test vectors */
	assert_int_equal(str_hash(STR("Alice@Example.ORG")), str_hash(STR("alice@example.org")));
	assert_int_not_equal(str_hash(STR("alice")), str_hash(STR("alicf")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_foreign_text),
		cmocka_unit_test(trims),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(writes_terms),
		cmocka_unit_test(hashes_without_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
