/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cut.h"
#include "learner.h"
#include "../unit/unit.h"

#define ROUNDS 50 /* each a race between the line and the log thread's first look */

static char dir[] = "/tmp/popauth-learner-XXXXXX";
static char conf_path[sizeof dir + 8], log_path[sizeof dir + 8];

static void
write_conf(void)
{
	char *src = realpath(getenv("srcdir") == NULL ? "." : getenv("srcdir"), NULL);
	FILE *out = fopen(conf_path, "w");

	assert_non_null(out);
	fprintf(out, "user = ''\nrules_dir = '%s/rules'\nrules_local = ''\nlogs = { '%s' }\n", src, log_path);
	assert_int_equal(fclose(out), 0);
	free(src);
}

static void
append(const char *client)
{
	FILE *out = fopen(log_path, "a");
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];

	assert_non_null(out);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	fprintf(out, "%s mx dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=%s, lip=203.0.113.1\n", stamp,
	    client);
	assert_int_equal(fclose(out), 0);
}

/* Whoever was told that the daemon runs can rely on it that what he logs from then on is read. */
static void
hears_all_since_it_started(void **state)
{
	char rules_path[512];
	struct err e;

	(void)state;
	write_conf();
	(void)snprintf(rules_path, sizeof rules_path, "%s/rules/dovecot.rules", getenv("srcdir") == NULL ? "." : getenv("srcdir"));
	for (int i = 0; i < ROUNDS; i++) {
		struct ledger *l = ledger_new(1000);
		struct pipeline pl;
		struct learner *le;
		struct rules *rules;
		struct conf *c = conf_read(conf_path, &e);
		struct cut cut;

		assert_non_null(c);
		assert_int_equal(rules_load((const char *const[]){ rules_path, NULL }, &rules, &e), 0);
		conf_install(c);
		append("203.0.113.8"); /* before */
		pipeline_init(&pl, l, NULL);
		le = learner_new(&pl);
		assert_int_equal(learner_start(le, rules, &e), 0);
		append("203.0.113.9");
		cut_init(&cut);
		learner_cut(le, &cut, false); /* a cut or two, and it has looked */
		learner_cut(le, &cut, false);
		learner_stop(le);
		row_eq("clients heard of", ledger_size(l), 1);
		cut_clear(&cut);
		learner_free(le);
		ledger_free(l);
	}
	conf_install(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(hears_all_since_it_started) };
	int rc;

	if (mkdtemp(dir) == NULL)
		return 99;
	(void)snprintf(conf_path, sizeof conf_path, "%s/conf", dir);
	(void)snprintf(log_path, sizeof log_path, "%s/log", dir);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(conf_path);
	(void)unlink(log_path);
	(void)rmdir(dir);
	return rc;
}
