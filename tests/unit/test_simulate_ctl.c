/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `popauth-milterctl simulate` itself: what it prints, and its exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "json.h"
#include "program.h"

static char dir[] = "/tmp/popauth-simulate-XXXXXX";
static char printed[65536];

static void
write_file(const char *name, const char *text)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	write_text(path, text);
}

/* Run it in a directory of the test's; both outputs are in `printed`. */
static int
run(const char *words, const char *behind)
{
	char cmd[1000], *program = realpath(built_in(), NULL);

	assert_non_null(program);
	(void)snprintf(cmd, sizeof cmd, "cd %s && { %s/popauth-milterctl -c conf %s; } 2>&1 %s", dir, program, words,
	    behind);
	free(program);
	return shell(printed, sizeof printed, cmd);
}

#define LOGIN(time, user, client) \
	time " mx dovecot: imap-login: Login: user=<" user ">, method=PLAIN, rip=" client ", lip=203.0.113.1, TLS\n"
#define LISTED(time, client, zone) \
	time " mx postfix/smtpd[811]: NOQUEUE: reject: RCPT from x.example.com[" client "]: 554 5.7.1 Service unavailable; " \
	"Client host [" client "] blocked using " zone "; from=<x@example.com> to=<a@example.org> proto=ESMTP helo=<x>\n"
#define PROBE(time, client) \
	time " mx postfix/smtpd[811]: NOQUEUE: reject: RCPT from x.example.com[" client "]: 554 5.7.1 <a@example.com>: " \
	"Relay access denied; from=<x@example.com> to=<a@example.com> proto=ESMTP helo=<x>\n"
#define MINUTE "2026-01-02T03:04:0"

static const char log_text[] =
	LOGIN(MINUTE "0Z", "anna", "2001:db8:1:2::9") LISTED(MINUTE "0Z", "192.0.2.9", "zen.example.org")
	LOGIN(MINUTE "0Z", "b\033[2Job", "192.0.2.1")
	PROBE(MINUTE "0Z", "192.0.2.66") PROBE(MINUTE "1Z", "192.0.2.66") PROBE(MINUTE "2Z", "192.0.2.66")
	PROBE(MINUTE "3Z", "192.0.2.66") PROBE(MINUTE "4Z", "192.0.2.66") PROBE(MINUTE "5Z", "192.0.2.66")
	PROBE(MINUTE "6Z", "192.0.2.66") PROBE(MINUTE "7Z", "192.0.2.66") PROBE(MINUTE "8Z", "192.0.2.66")
	PROBE(MINUTE "9Z", "192.0.2.66")
	LOGIN("2026-01-02T05:00:00Z", "carla", "192.0.2.66");

static int
set_up(void **state)
{
	const char *src = getenv("top_srcdir");
	char conf[600], *rules;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(conf, sizeof conf, "%s/rules", src != NULL ? src : ".");
	rules = realpath(conf, NULL);
	assert_non_null(rules);
	(void)snprintf(conf, sizeof conf, "rules_dir = '%s'\nrules_local = ''\n", rules);
	free(rules);
	write_file("conf", conf);
	strcat(conf, "kind relay-denied { enabled = no }\nkind rbl { cache = no }\n");
	write_file("other", conf);
	write_file("log", log_text);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return remove_tree(dir);
}

static void
prints(void **state)
{
	static const struct {
		const char *name, *words, *behind;
		int code;
		const char *has, *hasnt;
	} rows[] = {
		{ "totals", "simulate log", "", 0, "\nBlocked 1 client, 1 time\n", NULL },
		{ "period", "simulate log", "", 0, "log: 14 lines", NULL },
		{ "block", "simulate log", "", 0, "192.0.2.66  relay-denied  rate", NULL },
		{ "harm", "simulate log", "", 0, "block: relay-denied, rate", NULL },
		{ "escapes", "--json simulate log", "", 0, "b\\\\x1b[2Job", "\033" },
		{ "standard input", "simulate -", "< log", 0, "-: 14 lines", NULL },
		{ "pipe", "simulate --json - | head -c 5", "", 0, "{\"lin", NULL },
		{ "report", "simulate --html - log", "", 0, "relaying denied <b>10</b>", "\033" },
		{ "report's blocks", "simulate --html - log", "", 0, "1 cached, 1 blocked", "lines in" },
		{ "report's harm", "simulate --html report log; grep -c '192.0.2.66</th>.*carla' report", "", 0, "\n1\n", NULL },
		{ "report that cannot be written", "simulate --html none/report log", "", 2, "none/report: No such file", NULL },
		{ "against", "simulate --against other log", "", 0, "blocked only under conf: 192.0.2.66\n", NULL },
		{ "against itself", "simulate --against conf log", "", 0, "nobody would change", "only under" },
		{ "against nothing", "simulate --against nobody log", "", 2, "nobody: cannot be opened", "lines in" },
		{ "no such log", "simulate log none", "", 2, "none: No such file or directory", "lines in" },
		{ "hostile name", "simulate \"$(printf 'a\\033b')\"", "", 2, "a\\x1bb: No such file", "\033" },
		{ "no log", "simulate", "", 2, "a log is missing", NULL },
		{ "not its option", "simulate --count log", "", 2, "does not take", NULL },
		{ "damaged", "simulate log.gz", "", 2, "log.gz: not read to its end: cannot be unpacked", NULL },
		{ "damaged, JSON", "simulate --json log.gz 2>/dev/null", "", 2, "\"error\":\"cannot be unpacked", NULL },
		{ "an empty log", "simulate /dev/null", "", 0, "No line has a time", NULL },
	};

	(void)state;
	assert_int_equal(run("-V; gzip -k log; head -c 250 log.gz >log.cut; mv log.cut log.gz", ""), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		int code = run(rows[i].words, rows[i].behind);

		if (code != rows[i].code)
			fail_msg("%s: got exit %d, want %d: %s", rows[i].name, code, rows[i].code, printed);
		if (strstr(printed, rows[i].has) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\" in it", rows[i].name, printed, rows[i].has);
		if (rows[i].hasnt != NULL && strstr(printed, rows[i].hasnt) != NULL)
			fail_msg("%s: got \"%s\", with \"%s\" in it", rows[i].name, printed, rows[i].hasnt);
	}
}

static struct json *
row_of(struct json *all, const char *list, size_t n)
{
	if (json_count(json_get(all, list)) != n)
		fail_msg("%s: got %zu rows, want %zu: %s", list, json_count(json_get(all, list)), n, printed);
	return json_at(json_get(all, list), 0);
}

static void
text_is(struct json *row, const char *key, const char *want)
{
	if (!str_eq(json_get_text(row, key), str_of(want)))
		fail_msg("%s: got \"%.*s\", want \"%s\"", key, (int)json_get_text(row, key).n, json_get_text(row, key).p, want);
}

/* The keys that outside checks rely on. */
static void
prints_one_object(void **state)
{
	struct json *all, *row;
	struct err e;

	(void)state;
	assert_int_equal(run("simulate --json --against other log", ""), 0);
	all = json_parse(str_of(strtok(printed, "\n")), &e);
	if (all == NULL)
		fail_msg("%s: %s", e.text, printed);
	assert_null(strtok(NULL, "\n"));
	assert_int_equal(json_get_int(all, "lines", -1), 14);
	assert_true(json_has(all, "seconds"));
	assert_int_equal(json_get_int(json_get(all, "events"), "login", -1), 3);
	assert_int_equal(json_get_int(json_get(all, "events"), "relay-denied", -1), 10);
	assert_int_equal(json_get_int(json_get(all, "events"), "protocol", -1), 0);
	row = row_of(all, "granted", 3);
	text_is(row, "client", "2001:db8:1:2::/64");
	text_is(row, "user", "anna");
	text_is(row, "first", "2026-01-02T03:04:00Z");
	text_is(row, "last", "2026-01-02T03:04:00Z");
	assert_int_equal(json_get_int(row, "logins", -1), 1);
	row = row_of(all, "cached", 1);
	text_is(row, "client", "192.0.2.9");
	text_is(row, "event", "rbl");
	text_is(row, "zone", "zen.example.org");
	assert_int_equal(json_get_int(row, "hits", -1), 1);
	row = row_of(all, "blocked", 1);
	text_is(row, "client", "192.0.2.66");
	text_is(row, "event", "relay-denied");
	text_is(row, "threshold", "rate");
	text_is(row, "at", "2026-01-02T03:04:09Z");
	assert_int_equal(json_get_int(row, "for", -1), 3600);
	row = row_of(all, "harm", 1);
	text_is(row, "client", "192.0.2.66");
	text_is(row, "set", "block");
	text_is(row, "user", "carla");
	text_is(json_get(all, "against"), "config", "other");
	row_of(json_get(json_get(all, "against"), "blocked"), "only_this", 1);
	row_of(json_get(json_get(all, "against"), "cached"), "only_this", 1);
	row_of(json_get(json_get(all, "against"), "granted"), "only_this", 0);
	row_of(json_get(json_get(all, "against"), "blocked"), "only_other", 0);
	json_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints),
		cmocka_unit_test(prints_one_object),
	};

	(void)setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
