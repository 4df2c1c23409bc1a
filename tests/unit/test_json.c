/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "unit.h"

#define S(literal) { literal, sizeof(literal) - 1 }

static void
takes_any_text(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want;
	} rows[] = {
		{ "plain", S("alice"), "{\"k\":\"alice\"}" },
		{ "empty", S(""), "{\"k\":\"\"}" },
		{ "quote", S("a\"b"), "{\"k\":\"a\\\"b\"}" },
		{ "newline", S("a\nb"), "{\"k\":\"a\\\\x0ab\"}" },
		{ "NUL", S("a\0b"), "{\"k\":\"a\\\\x00b\"}" },
		{ "escape", S("\033[2J"), "{\"k\":\"\\\\x1b[2J\"}" },
		{ "broken UTF-8", S("\xc3("), "{\"k\":\"\\\\xc3(\"}" },
		{ "good UTF-8", S("\xc3\xa4"), "{\"k\":\"\xc3\xa4\"}" },
		{ "overlong UTF-8", S("\xc0\xaf"), "{\"k\":\"\\\\xc0\\\\xaf\"}" },
		{ "absent", STR_NONE, "{}" },
	};
	char buf[200];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct json *j = json_new();
		size_t n;

		json_put_text(j, "k", rows[i].in);
		n = json_write(j, buf, sizeof buf - 1);
		buf[n] = '\0';
		row_str_eq(rows[i].name, buf, rows[i].want);
		json_free(j);
	}
}

/* Every single byte, and long random text: what is written can be read again. */
static void
reads_what_it_wrote(void **state)
{
	static char buf[2 * JSON_TEXT + 100], text[5000];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 600; round++) {
		struct json *j = json_new(), *back;
		size_t n = round < 256 ? 1 : (size_t)rand() % sizeof text;
		struct err e = { "" };

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(round < 256 ? round : (unsigned)rand());
		json_put_text(j, "k", (struct str){ text, n });
		n = json_write(j, buf, sizeof buf);
		assert_true(n <= sizeof buf);
		back = json_parse((struct str){ buf, n }, &e);
		if (back == NULL)
			fail_msg("round %u: %s", round, e.text);
		assert_true(str_eq(json_get_text(back, "k"), json_get_text(j, "k")));
		json_free(back);
		json_free(j);
	}
}

static void
refuses(void **state)
{
	static const struct {
		const char *name;
		struct str in;
	} rows[] = {
		{ "nothing", S("") },
		{ "spaces", S("   ") },
		{ "a word", S("status") },
		{ "a list", S("[]") },
		{ "a text", S("\"x\"") },
		{ "a number", S("1") },
		{ "half", S("{\"verb\":") },
		{ "two", S("{}{}") },
		{ "the same key twice", S("{\"a\":1,\"a\":2}") },
		{ "NUL inside", S("{\"a\":\"\\u0000\"}") },
		{ "a NUL byte", S("{\"a\":\"\0\"}") },
		{ "broken UTF-8", S("{\"a\":\"\xff\"}") },
		{ "a lone surrogate", S("{\"a\":\"\\ud800\"}") },
		{ "too deep", S("{\"a\":[[[[[[[[[]]]]]]]]]}") },
		{ "a number too great", S("{\"a\":99999999999999999999}") },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct err e = { "" };
		struct json *j = json_parse(rows[i].in, &e);

		if (j != NULL)
			fail_msg("%s: taken", rows[i].name);
		if (e.text[0] == '\0')
			fail_msg("%s: no reason given", rows[i].name);
	}
}

static void
refuses_a_deep_pit(void **state)
{
	static char pit[8000];
	struct err e = { "" };

	(void)state;
	memset(pit, '[', sizeof pit);
	assert_null(json_parse((struct str){ pit, sizeof pit }, &e));
	assert_true(e.text[0] != '\0');
}

static void
gives_what_is_there(void **state)
{
	struct err e = { "" };
	struct json *j = json_parse(STR("{\"t\":\"x\",\"n\":5,\"b\":true,\"l\":[\"a\",{}]}"), &e), *v;
	const char *key;
	void *at = NULL;
	char keys[16] = "";

	(void)state;
	assert_non_null(j);
	assert_true(str_eq(json_get_text(j, "t"), STR("x")));
	assert_null(json_get_text(j, "n").p);
	assert_null(json_get_text(j, "none").p);
	assert_int_equal(json_get_int(j, "n", 9), 5);
	assert_int_equal(json_get_int(j, "t", 9), 9);
	assert_int_equal(json_get_int(j, "none", 9), 9);
	assert_true(json_get_bool(j, "b", false));
	assert_true(json_get_bool(j, "none", true));
	assert_int_equal(json_count(json_get(j, "l")), 2);
	assert_int_equal(json_count(NULL), 0);
	assert_true(str_eq(json_text(json_at(json_get(j, "l"), 0)), STR("a")));
	assert_null(json_at(json_get(j, "l"), 2));
	while (json_next(j, &at, &key, &v))
		strcat(keys, key);
	assert_string_equal(keys, "tnbl");
	json_free(j);
}

static void
says_when_it_does_not_fit(void **state)
{
	struct json *j = json_new();
	char buf[8];

	(void)state;
	json_put_int(j, "key", 12345);
	assert_int_equal(json_write(j, buf, sizeof buf), sizeof "{\"key\":12345}" - 1);
	json_free(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_any_text),
		cmocka_unit_test(reads_what_it_wrote),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_a_deep_pit),
		cmocka_unit_test(gives_what_is_there),
		cmocka_unit_test(says_when_it_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
