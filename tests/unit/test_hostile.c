/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shipped rules under attack; and rule sets that must not survive one. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/rules_priv.h"
#include "unit.h"

static void
shipped_rules_stand(void **state)
{
	const char *top = getenv("top_srcdir");
	char dir[1024];
	const char *const paths[] = { dir, NULL };
	struct rules *set;
	struct err e;

	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* the longest of all there, and one thread's own work: the other builds do it */
#endif
	(void)snprintf(dir, sizeof(dir), "%s/rules", top == NULL ? "." : top);
	if (rules_load(paths, &set, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(rules_check(set, stderr), 0);
	rules_free(set);
}

/* Built, but not proven: what the proof refuses, the attack finds, too. */
static void
bad_rules_fall(void **state)
{
	static const struct {
		const char *name, *match, *sample;
	} rows[] = {
		{ "greedy", "in: user=<{user:last}>, rip={client}, {text}", "in: user=<anna>, rip=192.0.2.7, x" },
		{ "first", "in: user=<{user}>, rip={client}, {text}", "in: user=<anna>, rip=192.0.2.7, x" },
		{ "name", "in: {text} [{client}] {text}", "in: host [192.0.2.7] a" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char path[] = "/tmp/popauth-hostile-XXXXXX";
		struct rules *set = xcalloc(1, sizeof(*set));
		FILE *fp = fdopen(mkstemp(path), "w"), *null = fopen("/dev/null", "w");
		struct err e = { "" };

		fprintf(fp, "program prog\nrule r login\nmatch %s\nsample prog: %s\nexpect login 192.0.2.7\n", rows[i].match,
		    rows[i].sample);
		fclose(fp);
		if (rules_parse_file(set, path, &e) == -1 || rules_build(set, &e) == -1)
			fail_msg("%s: %s", rows[i].name, e.text);
		if (rules_prove(set, &e) == 0)
			fail_msg("%s: proven", rows[i].name);
		if (rules_check(set, null) == 0)
			fail_msg("%s: survived", rows[i].name);
		rules_free(set);
		fclose(null);
		(void)unlink(path);
	}
}

/* A rule that hopes for one that there is not: another file's, or a slip of the pen. */
static void
misses_a_teller(void **state)
{
	static const char *const texts[] = { "after s\n", "after t\n", NULL };

	(void)state;
	for (unsigned i = 0; texts[i] != NULL; i++) {
		char path[] = "/tmp/popauth-hostile-XXXXXX", *said;
		const char *const paths[] = { path, NULL };
		FILE *fp = fdopen(mkstemp(path), "w"), *out;
		struct rules *set;
		struct err e;
		size_t n;

		fprintf(fp, "program prog\nrule r rbl\n%smatch x {client}\nrule s rbl\nmatch y {client}\n", texts[i]);
		fclose(fp);
		assert_int_equal(rules_load(paths, &set, &e), 0);
		out = open_memstream(&said, &n);
		row_eq(texts[i], rules_check(set, out), i);
		fclose(out);
		row_eq(texts[i], strstr(said, ":2: rule r: after names t, and") != NULL, i);
		free(said);
		rules_free(set);
		(void)unlink(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_rules_stand),
		cmocka_unit_test(bad_rules_fall),
		cmocka_unit_test(misses_a_teller),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
