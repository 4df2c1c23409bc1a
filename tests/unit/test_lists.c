/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Freemail senders and their hosts, traps, and the files that both are listed in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "freemail.h"
#include "listfile.h"
#include "stats.h"
#include "traps.h"
#include "unit.h"

static char path[] = "/tmp/popauth-list-XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd == -1 ? -1 : 0;
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static struct freemail *
shipped(void)
{
	const char *top = getenv("top_srcdir");
	struct freemail *f = freemail_new();
	char list[4096];
	struct err e;

	(void)snprintf(list, sizeof list, "%s/rules/freemail.list", top == NULL ? "." : top);
	if (freemail_load(f, list, &e) == -1)
		fail_msg("%s", e.text);
	return f;
}

/* Every provider with the name that one of its hosts has had. */
static void
knows_the_providers(void **state)
{
	static const struct {
		const char *sender, *host;
	} rows[] = {
		{ "<x@gmail.com>", "mail-ed1-f54.google.com" },
		{ "<x@googlemail.com>", "mail-pl1-x636.google.com" },
		{ "<x@yahoo.com>", "sonic306-47.consmr.mail.ne1.yahoo.com" },
		{ "<x@yahoo.co.uk>", "sonic305-21.consmr.mail.ir2.yahoo.com" },
		{ "<x@ymail.com>", "sonic315-9.consmr.mail.gq1.yahoo.com" },
		{ "<x@aol.com>", "sonic303-25.consmr.mail.gq1.yahoo.com" },
		{ "<x@outlook.com>", "mail-db8eur05olkn2104.outbound.protection.outlook.com" },
		{ "<x@hotmail.com>", "mail-oln040092003019.outbound.protection.outlook.com" },
		{ "<x@live.com>", "mail-sy4aus01olkn2081d.outbound.protection.outlook.com" },
		{ "<x@msn.com>", "mail-ukwestazolkn19011024.outbound.protection.outlook.com" },
		{ "<x@icloud.com>", "p-west2-cluster5-host1-snip4-10.eps.apple.com" },
		{ "<x@me.com>", "st43p00im-ztbu10073701.me.com" },
		{ "<x@mac.com>", "pv50p00im-zteg10011401.me.com" },
		{ "<x@gmx.de>", "mout.gmx.net" },
		{ "<x@gmx.net>", "mout.gmx.net" },
		{ "<x@gmx.com>", "mout.gmx.net" },
		{ "<x@web.de>", "mout.web.de" },
		{ "<x@mail.ru>", "f394.i.mail.ru" },
		{ "<x@inbox.ru>", "fallback18.m.smailru.net" },
		{ "<x@yandex.ru>", "forward500c.mail.yandex.net" },
		{ "<x@protonmail.com>", "mail-40133.protonmail.ch" },
		{ "<x@proton.me>", "mail-10630.protonmail.ch" },
	};
	struct freemail *f = shipped();

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct str sender = str_of(rows[i].sender), host = str_of(rows[i].host);

		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_ALL, sender, NAMED_YES, host), false);
		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_ALL, sender, NAMED_YES, STR("pc.example.com")), true);
		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_UNNAMED, sender, NAMED_YES, STR("pc.example.com")),
		    false);
		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_UNNAMED, sender, NAMED_NO, host), true);
		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_ALL, sender, NAMED_NO, STR_NONE), true);
		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_ALL, sender, NAMED_UNSURE, STR_NONE), false);
		row_eq(rows[i].sender, freemail_forged(f, FREEMAIL_OFF, sender, NAMED_NO, STR_NONE), false);
	}
	freemail_free(f);
}

static void
tells_senders_apart(void **state)
{
	static const struct {
		const char *sender, *name;
		bool want;
	} rows[] = {
		{ "<x@ONE.example>", "a.host.example", false },
		{ "x@one.example", "HOST.Example.", false },
		{ "<x@two.example>", "relay.other.example", false },
		{ "<x@one.example.>", "bad.example", true },
		{ "<@a.example,@b.example:x@one.example>", "bad.example", true },
		{ "<\"@two\"@one.example>", "bad.example", true },
		{ "<x@one.example>", "nohost.example", true },
		{ "<x@one.example>", "host.example.evil.example", true },
		{ "<x@one.example>", "xhost.example", true },
		{ "<x@one.example>", "ample", true },
		{ "<x@sub.one.example>", "bad.example", false },
		{ "<x@one.example.org>", "bad.example", false },
		{ "<x@never.example>", "bad.example", false },
		{ "<one.example>", "bad.example", false },
		{ "<>", "bad.example", false },
		{ "", "bad.example", false },
		{ "<@>", "bad.example", false },
		{ "@", "bad.example", false },
	};
	struct freemail *f = freemail_new();
	struct err e;

	(void)state;
	write_text(path, "# ours\none.example,Two.example   host.example\tother.example # both\n\nnever.example\n"
		   "one.example bad.example\n");
	assert_int_equal(freemail_load(f, path, &e), 0);
	assert_int_equal(freemail_domains(f), 3);
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].sender,
		    freemail_forged(f, FREEMAIL_ALL, str_of(rows[i].sender), NAMED_YES, str_of(rows[i].name)), rows[i].want);
	freemail_free(f);
	f = freemail_new();
	assert_false(freemail_forged(f, FREEMAIL_ALL, STR("<x@one.example>"), NAMED_NO, STR_NONE));
	freemail_free(f);
}

/* A DNS that does not answer makes nobody a forger. */
static void
knows_when_it_does_not_know(void **state)
{
	static const struct {
		const char *resolve, *name;
		enum named want;
	} rows[] = {
		{ "OK", "mx.example.com", NAMED_YES },
		{ "FAIL", "unknown", NAMED_NO },
		{ "FORGED", "mx.example.com", NAMED_NO },
		{ "TEMP", "unknown", NAMED_UNSURE },
		{ "TEMP", "mx.example.com", NAMED_UNSURE },
		{ "new", "mx.example.com", NAMED_UNSURE },
		{ "", "mx.example.com", NAMED_YES },
		{ "", "unknown", NAMED_UNSURE },
		{ "", "[192.0.2.7]", NAMED_UNSURE },
		{ "", "", NAMED_UNSURE },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].resolve, freemail_named(str_of(rows[i].resolve), str_of(rows[i].name)), rows[i].want);
}

static void
catches_who_writes_to_traps(void **state)
{
	static const struct {
		const char *recipient;
		bool want;
	} rows[] = {
		{ "<sales1999@example.org>", true },
		{ "Sales1999@EXAMPLE.org.", true },
		{ "<\"sales1999\"@example.org>", true },
		{ "<\"sa\\les1999\"@example.org>", true },
		{ "<@relay.example,@b.example:sales1999@example.org>", true },
		{ "<anybody@old.example.org>", true },
		{ "<noreply-2004@wherever.example>", true },
		{ "<abc12345@example.org>", true },
		{ "<ABC12345@example.org>", true },
		{ "<sales@example.org>", false },
		{ "<sales1999@example.com>", false },
		{ "<sales1999+x@example.org>", false },
		{ "<xsales1999@example.org>", false },
		{ "<anybody@older.example.org>", false },
		{ "<anybody@x.old.example.org>", false },
		{ "<abcd12345@example.org>", false },
		{ "<postmaster@old.example.org>", false },
		{ "<Abuse@old.example.org>", false },
		{ "<postmaster>", false },
		{ "<\"postmaster\"@old.example.org>", false },
		{ "<>", false },
		{ "", false },
		{ "<@old.example.org>", true },
		{ "<\"\"@old.example.org>", true },
		{ "<\"@old.example.org>", true },
		{ "@", false },
		{ "<<\"@:>", false },
	};
	struct traps *t = traps_new();
	struct err e;

	(void)state;
	write_text(path, "sales1999@Example.org\n@old.example.org  # closed in 2009\nNOREPLY-2004@\n/^[a-z]{3}[0-9]{5}@example\\.org$/\n");
	if (traps_load(t, path, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(traps_count(t), 4);
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].recipient, traps_has(t, str_of(rows[i].recipient)), rows[i].want);
	traps_free(t);
	t = traps_new();
	assert_false(traps_has(t, STR("<sales1999@example.org>")));
	traps_free(t);
}

/* Every length around what is taken for an address, and a pattern that would take for ever. */
static void
bears_endless_recipients(void **state)
{
	static char flood[70000];
	struct traps *t = traps_new();
	uint64_t before = stat_get(STAT_RULES_LIMIT);
	struct err e;

	(void)state;
	write_text(path, "x@example.org\n/^(a+)+[bc]$/\n");
	assert_int_equal(traps_load(t, path, &e), 0);
	memset(flood, 'a', sizeof flood);
	for (size_t n = 0; n < 530; n++)
		assert_false(traps_has(t, (struct str){ flood, n }));
	assert_false(traps_has(t, (struct str){ flood, sizeof flood }));
	assert_true(stat_get(STAT_RULES_LIMIT) > before);
	memset(flood, '"', sizeof flood);
	memset(flood + 200, '\\', 200);
	flood[498] = '@';
	for (size_t n = 0; n < 530; n++)
		assert_false(traps_has(t, (struct str){ flood, n }));
	traps_free(t);
}

static void
refuses_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a@b.example\n\nnothing\n", ":3: \"nothing\" is neither an address, nor @domain, nor name@, nor a /pattern/" },
		{ "@\n", ":1: \"@\" is neither" },
		{ "a b@c.example\n", ":1: \"a b@c.example\" is neither" },
		{ "/(/\n", ":1: missing closing parenthesis, behind 1 bytes of the pattern" },
		{ "/abc\n", ":1: a pattern stands between two slashes" },
		{ "//\n", ":1: a pattern stands between two slashes" },
		{ "/.*/\n", ":1: this pattern fits people: even q7-nobody-can-guess.this@host.of-somebody.invalid" },
		{ "/@/\n", ":1: this pattern fits people" },
		{ "Postmaster@example.org\n", ":1: everybody may write to Postmaster@example.org" },
		{ "abuse@\n", ":1: everybody may write to abuse@" },
	};
	static const struct {
		const char *text, *want;
	} freemail_rows[] = {
		{ "gmail.com google.com\ngmx\n", ":2: \"gmx\" is not a mail domain" },
		{ "a.example,, host.example\nb.example .host.example\n", ":2: \".host.example\" is not the end of host names" },
		{ "a.example *.host.example\n", ":1: \"*.host.example\" is not the end of host names" },
		{ "a.example com\n", ":1: \"com\" is not the end of host names" },
		{ "x@a.example host.example\n", ":1: \"x@a.example\" is not a mail domain" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct traps *t = traps_new();

		write_text(path, rows[i].text);
		row_eq(rows[i].text, traps_load(t, path, &e), -1);
		if (strncmp(e.text, path, strlen(path)) != 0 || strncmp(e.text + strlen(path), rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("got \"%s\", want \"%s\"", e.text, rows[i].want);
		traps_free(t);
	}
	for (size_t i = 0; i < ROWS(freemail_rows); i++) {
		struct freemail *f = freemail_new();

		write_text(path, freemail_rows[i].text);
		row_eq(freemail_rows[i].text, freemail_load(f, path, &e), -1);
		if (strstr(e.text, freemail_rows[i].want) == NULL)
			fail_msg("got \"%s\", want \"%s\"", e.text, freemail_rows[i].want);
		freemail_free(f);
	}
}

static int
count_line(void *arg, struct str line, struct err *e)
{
	(void)line;
	(void)e;
	++*(unsigned *)arg;
	return 0;
}

static void
reads_odd_files(void **state)
{
	unsigned n = 0;
	struct err e;
	FILE *out;

	(void)state;
	assert_int_equal(listfile_read("/nonexistent/list", count_line, &n, &e), -1);
	assert_string_equal(e.text, "/nonexistent/list: cannot be opened: No such file or directory");
	assert_int_equal(listfile_read("/tmp", count_line, &n, &e), -1);
	assert_string_equal(e.text, "/tmp: is not a file");
	write_text(path, "a\r\n  b  \n\t# c\nd#d\nlast");
	assert_int_equal(listfile_read(path, count_line, &n, &e), 0);
	assert_int_equal(n, 4);
	out = fopen(path, "w");
	for (int i = 0; i < 1002; i++)
		fputc('x', out);
	fclose(out);
	assert_int_equal(listfile_read(path, count_line, &n, &e), -1);
	assert_non_null(strstr(e.text, ":1: longer than 1000 bytes"));
}

static void
notices_changes(void **state)
{
	struct listfile_stamp none = listfile_stamp(""), before, after;

	(void)state;
	write_text(path, "a");
	before = listfile_stamp(path);
	after = listfile_stamp(path);
	assert_true(listfile_same(&before, &after));
	write_text(path, "ab");
	after = listfile_stamp(path);
	assert_false(listfile_same(&before, &after));
	before = after;
	assert_int_equal(unlink(path), 0);
	after = listfile_stamp(path);
	assert_false(listfile_same(&before, &after));
	assert_false(listfile_same(&none, &after));
	write_text(path, "ab");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_providers),
		cmocka_unit_test(tells_senders_apart),
		cmocka_unit_test(knows_when_it_does_not_know),
		cmocka_unit_test(catches_who_writes_to_traps),
		cmocka_unit_test(bears_endless_recipients),
		cmocka_unit_test(refuses_with_file_and_line),
		cmocka_unit_test(reads_odd_files),
		cmocka_unit_test(notices_changes),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
