/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "unit.h"

#define S(literal) { literal, sizeof(literal) - 1 }
#define BAD "\xef\xbf\xbd" /* U+FFFD */

static void
escapes(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		const char *want;
	} rows[] = {
		{ "plain", S("alice@example.org"), "alice@example.org" },
		{ "empty", S(""), "" },
		{ "tag", S("<script>"), "&lt;script&gt;" },
		{ "end of a value", S("\" onload='x'"), "&quot; onload=&#39;x&#39;" },
		{ "entity", S("&lt;"), "&amp;lt;" },
		{ "NUL", S("a\0b"), "a" BAD "b" },
		{ "control", S("a\033[2J"), "a" BAD "[2J" },
		{ "newline and tab stay", S("a\n\tb"), "a\n\tb" },
		{ "C1", S("\xc2\x9b"), BAD },
		{ "UTF-8", S("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "broken UTF-8 before a quote", S("\xc3\""), BAD "&quot;" },
		{ "cut UTF-8", S("\xe2\x82"), BAD BAD },
		{ "overlong <", S("\xc0\xbc"), BAD BAD },
		{ "overlong < of three", S("\xe0\x80\xbc"), BAD BAD BAD },
		{ "surrogate", S("\xed\xa0\x80"), BAD BAD BAD },
		{ "beyond Unicode", S("\xf4\x90\x80\x80"), BAD BAD BAD BAD },
		{ "turns the writing", S("a\xe2\x80\xae" "b"), "a" BAD "b" },
		{ "isolates", S("\xe2\x81\xa6"), BAD },
		{ "has no width", S("\xe2\x80\x8b"), BAD },
		{ "byte order mark", S("\xef\xbb\xbf"), BAD },
		{ "no character", S("\xef\xbf\xbf"), BAD },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct html h;

		html_init(&h);
		html_put(&h, "%s", "");
		html_text(&h, rows[i].in);
		row_str_eq(rows[i].name, h.p, rows[i].want);
		html_clear(&h);
	}
}

/* Whatever comes, no byte that could end text or a value comes out of it. */
static void
nothing_gets_out(void **state)
{
	char text[200];

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 5000; round++) {
		size_t n = (size_t)rand() % sizeof text;
		struct html h;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rand() % 3 == 0 ? "<>\"'&"[rand() % 5] : rand());
		html_init(&h);
		html_put(&h, "%s", "");
		html_text(&h, (struct str){ text, n });
		if (strpbrk(h.p, "<>\"'") != NULL || strlen(h.p) != h.n)
			fail_msg("round %u: \"%s\"", round, h.p);
		html_clear(&h);
	}
}

static void
formats(void **state)
{
	const char *volatile none = NULL;
	struct html h, inner;

	(void)state;
	html_init(&h);
	html_init(&inner);
	html_put(&inner, "<b>%d</b>", -3);
	html_put(&h, "<i title=\"%s\">%u %lld %llu %zu %.1f 100%%</i>", "<\">", 7u, -8ll, 9ull, (size_t)10, 1.25);
	html_raw(&h, &inner);
	assert_string_equal(h.p, "<i title=\"&lt;&quot;&gt;\">7 -8 9 10 1.2 100%</i><b>-3</b>");
	html_put(&h, "%s", (const char *)none);
	assert_int_equal(h.n, strlen(h.p));
	html_clear(&h);
	html_clear(&inner);
	assert_null(h.p);
}

static void
queries(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} rows[] = {
		{ "client", "2001:db8:1:2::/64", "2001%3Adb8%3A1%3A2%3A%3A%2F64" },
		{ "plain", "a-b._~9Z", "a-b._~9Z" },
		{ "hostile", "\"><a&b=c#d%", "%22%3E%3Ca%26b%3Dc%23d%25" },
		{ "newline", "a\r\nSet-Cookie: x", "a%0D%0ASet-Cookie%3A%20x" },
		{ "UTF-8", "\xc3\xa4", "%C3%A4" },
	};
	char buf[100], tiny[6];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_str_eq(rows[i].name, html_query(buf, sizeof buf, str_of(rows[i].in)), rows[i].want);
	row_str_eq("no half of a byte", html_query(tiny, sizeof tiny, STR("aaa%")), "aaa");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(nothing_gets_out),
		cmocka_unit_test(formats),
		cmocka_unit_test(queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
