/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of popauth-web that need no connection: forms, cookies, hosts, sessions, attempts, passwords; and its arguments. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../web/web.h"
#include "../unit/program.h"
#include "../unit/unit.h"

#define S(literal) { literal, sizeof(literal) - 1 }

static void
forms(void **state)
{
	static const struct {
		const char *name;
		struct str in;
		int rc;
		const char *field, *want;
	} rows[] = {
		{ "one", S("a=b"), 0, "a", "b" },
		{ "of two", S("a=b&c=d"), 0, "c", "d" },
		{ "decoded", S("q=a%3Cb%3e+c%2B"), 0, "q", "a<b> c+" },
		{ "an = in the value", S("q=a=b"), 0, "q", "a=b" },
		{ "decoded name", S("%71=x"), 0, "q", "x" },
		{ "no value", S("q&r=1"), 0, "q", "" },
		{ "empty value", S("q="), 0, "q", "" },
		{ "nothing", S(""), 0, "q", NULL },
		{ "only separators", S("&&&"), 0, "q", NULL },
		{ "an & decoded is none", S("a=b%26c=d"), 0, "a", "b&c=d" },
		{ "half a byte", S("q=%4"), -1, NULL, NULL },
		{ "no byte", S("q=%zz"), -1, NULL, NULL },
		{ "NUL", S("q=a%00b"), -1, NULL, NULL },
		{ "raw NUL", S("q=a\0b"), -1, NULL, NULL },
		{ "twice", S("q=1&q=2"), -1, NULL, NULL },
		{ "twice in disguise", S("q=1&%71=2"), -1, NULL, NULL },
		{ "too many", S("a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q="), -1, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *text = malloc(rows[i].in.n + 1);
		struct form f;

		memcpy(text, rows[i].in.p, rows[i].in.n + 1);
		row_eq(rows[i].name, form_parse(&f, text, rows[i].in.n), rows[i].rc);
		if (rows[i].rc == 0 && rows[i].want == NULL)
			assert_null(form_get(&f, rows[i].field));
		else if (rows[i].rc == 0)
			row_str_eq(rows[i].name, form_get(&f, rows[i].field), rows[i].want);
		form_clear(&f);
	}
}

static void
cookies(void **state)
{
	static const struct {
		const char *name, *header;
		const char *want; /* NULL: none */
	} rows[] = {
		{ "alone", "popauth=abc", "abc" },
		{ "among others", "x=1; popauth=abc; y=2", "abc" },
		{ "without blanks", "x=1;popauth=abc;y=2", "abc" },
		{ "a name that ends so", "xpopauth=evil; popauth=abc", "abc" },
		{ "a name that begins so", "popauthx=evil", NULL },
		{ "twice", "popauth=abc; popauth=evil", NULL },
		{ "too long", "popauth=0123456789012345678901234567890123456789012345678901234567890", NULL },
		{ "none", "", NULL },
		{ "no header", NULL, NULL },
	};
	char value[TOKEN_TEXT];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		row_eq(rows[i].name, cookie_get(rows[i].header, "popauth", value, sizeof value), rows[i].want != NULL);
		if (rows[i].want != NULL)
			row_str_eq(rows[i].name, value, rows[i].want);
	}
}

static void
hosts(void **state)
{
	static const char *const names[] = { "mail.example.org", NULL };
	static const struct {
		const char *host;
		bool ours;
	} rows[] = {
		{ "localhost", true }, { "LOCALHOST:8025", true }, { "127.0.0.1:8025", true }, { "[::1]:8025", true },
		{ "mail.example.org", true }, { "Mail.Example.Org:443", true }, { "192.0.2.1", true },
		{ "evil.example", false }, { "mail.example.org.evil.example", false }, { "localhost.evil.example", false },
		{ "", false }, { "127.0.0.1:80x", false }, { "[::1", false }, { "[evil]", false }, { "[::1]x", false },
		{ "127.0.0.1.evil.example", false }, { NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].host != NULL ? rows[i].host : "none", host_ours(rows[i].host, names), rows[i].ours);
	assert_true(origin_same("http://127.0.0.1:8025", "127.0.0.1:8025"));
	assert_true(origin_same("https://mail.example.org", "mail.example.org"));
	assert_false(origin_same("http://127.0.0.1:8026", "127.0.0.1:8025"));
	assert_false(origin_same("null", "127.0.0.1:8025"));
	assert_false(origin_same("http://evil.example", "127.0.0.1:8025"));
	assert_false(origin_same("ftp://127.0.0.1:8025", "127.0.0.1:8025"));
	assert_false(origin_same("http://127.0.0.1:8025", NULL));
}

static void
ways_back(void **state)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "/cache?q=x&page=2", "/cache?q=x&page=2" }, { "/?//evil.example", "/?//evil.example" }, { "//evil.example", "/" }, { "/\\evil.example", "/" },
		{ "https://evil.example/", "/" }, { "javascript:alert(1)", "/" }, { "/a\r\nSet-Cookie: x=y", "/" }, { "", "/" },
		{ "/a b", "/" }, { "/\xc3\xa4", "/" }, { NULL, "/" },
	};
	static const struct {
		const char *address;
		bool is;
	} here[] = {
		{ "127.0.0.1", true }, { "127.9.9.9", true }, { "::1", true }, { "169.254.7.7", false }, { "fe80::1", false },
		{ "192.0.2.1", false }, { "0.0.0.0", false }, { "::", false }, { "ff02::1", false },
	};
	char address[64];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_str_eq(rows[i].path != NULL ? rows[i].path : "none", path_back(rows[i].path, "/"), rows[i].want);
	forwarded_client("198.51.100.7, 192.0.2.1", address, sizeof address);
	assert_string_equal(address, "192.0.2.1");
	forwarded_client("evil", address, sizeof address);
	assert_string_equal(address, "");
	for (size_t i = 0; i < ROWS(here); i++) {
		assert_int_equal(addr_parse(&a, str_of(here[i].address)), 0);
		row_eq(here[i].address, addr_is_here(&a), here[i].is);
	}
}

static void
sessions_live_and_end(void **state)
{
	struct sessions *s = sessions_new();
	struct session a, b, got;

	(void)state;
	sessions_begin(s, "anna", "$y$hash", 1000, &a);
	sessions_begin(s, "ben", "$y$hash", 1000, &b);
	assert_int_equal(strlen(a.token), TOKEN_TEXT - 1);
	assert_string_not_equal(a.token, b.token);
	assert_string_not_equal(a.token, a.csrf);
	assert_true(sessions_find(s, a.token, 1001, true, &got));
	assert_string_equal(got.user, "anna");
	assert_string_equal(got.csrf, a.csrf);
	assert_false(sessions_find(s, "", 1001, true, &got));
	assert_false(sessions_find(s, "x", 1001, true, &got));
	sessions_say(s, a.token, true, "what");
	assert_true(sessions_find(s, a.token, 1002, true, &got));
	assert_string_equal(got.said, "what");
	assert_true(sessions_find(s, a.token, 1002, true, &got));
	assert_string_equal(got.said, ""); /* once */
	/* Used every 20 minutes it lives for half a day; unused, for half an hour. */
	assert_false(sessions_find(s, b.token, 1000 + 1801, true, &got));
	for (time_t t = 1002; t < 1000 + 12 * 3600; t += 1200)
		assert_true(sessions_find(s, a.token, t, true, &got));
	assert_false(sessions_find(s, a.token, 1001 + 12 * 3600, true, &got));
	/* A look that is no use does not prolong. */
	sessions_begin(s, "anna", "h", 100000, &a);
	assert_true(sessions_find(s, a.token, 101000, false, &got));
	assert_false(sessions_find(s, a.token, 102000, false, &got));
	sessions_begin(s, "anna", "h", 200000, &a);
	sessions_end(s, a.token);
	assert_false(sessions_find(s, a.token, 200000, true, &got));
	sessions_free(s);
}

static void
sessions_are_bounded(void **state)
{
	struct sessions *s = sessions_new();
	struct session first, last, got;

	(void)state;
	sessions_begin(s, "anna", "h", 1000, &first);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		sessions_begin(s, "ben", "h", 1001 + (time_t)i, &last);
	assert_false(sessions_find(s, first.token, 1100, true, &got)); /* the one unused for longest went */
	assert_true(sessions_find(s, last.token, 1100, true, &got));
	sessions_free(s);
}

static void
attempts_are_few(void **state)
{
	struct attempts *a = attempts_new();
	char address[32];
	unsigned ok = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(attempts_try(a, "192.0.2.1", "anna", 1000), 0);
	assert_true(attempts_try(a, "192.0.2.1", "anna", 1000) > 0);
	assert_true(attempts_try(a, "192.0.2.1", "carla", 1000) > 0);	 /* the address */
	assert_true(attempts_try(a, "192.0.2.2", "anna", 1000) > 0);	 /* the name */
	assert_int_equal(attempts_try(a, "192.0.2.2", "carla", 1000), 0);
	assert_true(attempts_try(a, "192.0.2.1", "anna", 1059) > 0);
	assert_int_equal(attempts_try(a, "192.0.2.1", "anna", 1060), 0); /* one a minute */
	assert_true(attempts_try(a, "192.0.2.1", "anna", 1060) > 0);
	attempts_forget(a, "192.0.2.1", "anna");
	assert_int_equal(attempts_try(a, "192.0.2.1", "anna", 1060), 0);
	/* All of a /64 is one, as a customer has it. */
	for (unsigned i = 0; i < 5; i++) {
		(void)snprintf(address, sizeof address, "2001:db8:1:2::%x", i);
		assert_int_equal(attempts_try(a, address, address, 1500), 0);
	}
	assert_true(attempts_try(a, "2001:db8:1:2:3:4:5:6", "dora", 1500) > 0);
	assert_int_equal(attempts_try(a, "2001:db8:1:3::1", "dora", 1500), 0);
	attempts_forget(a, "2001:db8:1:2::7", "nobody");
	assert_int_equal(attempts_try(a, "2001:db8:1:2:3:4:5:6", "dora", 1500), 0);
	/* From everywhere and for everybody: all together are few. */
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(address, sizeof address, "198.51.%u.%u", i / 250, i % 250);
		ok += attempts_try(a, address, address, 2000) == 0;
	}
	assert_int_equal(ok, 60);
	attempts_free(a);
}

static void
passwords(void **state)
{
	char dir[] = "/tmp/popauth-test.XXXXXX", path[64], hash[PASSWD_HASH], again[PASSWD_HASH];
	struct err e = { "" };
	const struct group *page;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/passwd", dir);
	assert_false(passwd_find(path, "anna", hash, &e));
	assert_true(e.text[0] != '\0');
	assert_int_equal(passwd_set(path, "anna", "a secret of hers", &e), 0);
	assert_int_equal(stat(path, &st), 0);
	page = geteuid() == 0 ? getgrnam("popauth-web") : NULL;
	assert_int_equal(st.st_mode & 0777, page != NULL ? 0640 : 0600);
	assert_int_equal(st.st_gid, page != NULL ? page->gr_gid : getegid());
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(passwd_set(path, "ben", "another secret", &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640); /* as it was */
	assert_true(passwd_find(path, "anna", hash, &e));
	assert_int_equal(strncmp(hash, "$y$", 3), 0);
	assert_true(passwd_fits(hash, "a secret of hers"));
	assert_false(passwd_fits(hash, "a secret of his"));
	assert_false(passwd_fits(hash, ""));
	assert_false(passwd_fits("", ""));
	assert_false(passwd_fits("", "nothing"));
	assert_false(passwd_fits("*", "*"));
	assert_false(passwd_fits("!", "!"));
	assert_false(passwd_fits("*0", "x"));
	assert_false(passwd_find(path, "ann", again, &e));
	assert_false(passwd_find(path, "", again, &e));
	assert_false(passwd_find(path, "anna:x\nben", again, &e));
	/* A new password in the old one's place; then she is taken out. */
	assert_int_equal(passwd_set(path, "anna", "a new secret", &e), 0);
	assert_true(passwd_find(path, "anna", again, &e));
	assert_string_not_equal(hash, again);
	assert_true(passwd_find(path, "ben", hash, &e));
	assert_true(passwd_fits(hash, "another secret"));
	assert_int_equal(passwd_set(path, "anna", NULL, &e), 0);
	assert_false(passwd_find(path, "anna", hash, &e));
	assert_true(passwd_find(path, "ben", hash, &e));
	assert_int_equal(passwd_set(path, "anna", NULL, &e), -1);
	assert_int_equal(passwd_set(path, "an:na", "a secret of hers", &e), -1);
	assert_int_equal(passwd_set(path, "an\nna", "a secret of hers", &e), -1);
	assert_int_equal(passwd_set(path, "", "a secret of hers", &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0); /* nothing half done is left */
}

/* What is wrong with an argument is said first, then how it is done.  None is taken; it could listen nowhere, and end. */
static void
arguments(void **state)
{
	static const struct {
		const char *name, *words;
		int code;
		const char *begin, *has;
	} rows[] = {
		{ "help", "--help", 0, "usage: popauth-web [options]\n", "--del-user NAME" },
		{ "version", "-V", 0, "popauth-web ", "" },
		{ "a mode of letters", "--mode rw", 64, "popauth-web: not a mode such as 0660: rw\n\nusage: ", "--mode MODE" },
		{ "no octal mode", "--mode 0680", 64, "popauth-web: not a mode such as 0660: 0680\n\nusage: ", "--mode MODE" },
		{ "a sticky mode", "--mode 1777", 64, "popauth-web: not a mode such as 0660: 1777\n\nusage: ", "--mode MODE" },
		{ "no mode", "--mode ''", 64, "popauth-web: not a mode such as 0660: \n\nusage: ", "--mode MODE" },
		{ "nine names", "--host a --host b --host c --host d --host e --host f --host g --host h --host i", 64,
		  "popauth-web: more than eight names: i\n\nusage: ", "--host NAME" },
		{ "a word", "--https now", 64, "popauth-web: too many words: now\n\nusage: ", "--https" },
		{ "no such option", "--tls", 64, "", "usage: popauth-web [options]\n" },
		{ "a value left out", "--socket", 64, "", "usage: popauth-web [options]\n" },
	};
	char cmd[1000], buf[8000];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)snprintf(cmd, sizeof cmd, "%s/popauth-web --listen unix:/nonexistent/sock %s 2>&1", built_in(), rows[i].words);
		row_eq(rows[i].name, shell(buf, sizeof buf, cmd), rows[i].code);
		if (strncmp(buf, rows[i].begin, strlen(rows[i].begin)) != 0 || strstr(buf, rows[i].has) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" first, and \"%s\"", rows[i].name, buf, rows[i].begin, rows[i].has);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(cookies),
		cmocka_unit_test(hosts),
		cmocka_unit_test(ways_back),
		cmocka_unit_test(sessions_live_and_end),
		cmocka_unit_test(sessions_are_bounded),
		cmocka_unit_test(attempts_are_few),
		cmocka_unit_test(passwords),
		cmocka_unit_test(arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
