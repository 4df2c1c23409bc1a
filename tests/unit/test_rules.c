/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules.c - lines and what they mean: the table against PCRE2, cut lines, threads, samples */
#include <pthread.h>

#include "rules_rig.h"

/* The table only says which patterns to try: on any line the answer is that of trying them all. */
static enum rules_result
match_slowly(const struct rules *set, struct rules_scratch *s, const struct logline *l, const char **rule)
{
	for (const struct program *p = set->programs; p != NULL; p = p->next) {
		bool ours = false;

		for (unsigned i = 0; i < p->ntags; i++)
			ours = ours || tag_matches(p->tags[i], l->tag);
		for (unsigned i = 0; ours && i < p->npatterns; i++) {
			struct str slots[SLOTS];
			struct addr a;

			if (regex_match(p->table[i]->regex, s->regex, l->text, slots) != REGEX_YES)
				continue;
			*rule = p->table[i]->rule->name;
			if (p->table[i]->rule->part.need != 0)
				return RULES_HALF;
			if (addr_parse(&a, slots[SLOT_CLIENT]) == -1)
				return RULES_IGNORED;
			return !p->table[i]->rule->none ? RULES_EVENT : p->table[i]->has_part ? RULES_HALF : RULES_IGNORED;
		}
	}
	return RULES_NOTHING;
}

static void
compare(const struct rules *set, struct rules_scratch *s, struct str line)
{
	struct logline l;
	struct stamp stamp;
	struct event ev;
	const char *rule = "";
	enum rules_result fast, slow;

	stamp_init(&stamp);
	if (logline_parse(&l, &stamp, line, 1735689600) != LOGLINE_OK)
		return;
	fast = rules_match(set, s, &l, &ev);
	slow = match_slowly(set, s, &l, &rule);
	if (fast != slow || (fast == RULES_EVENT && strcmp(ev.rule, rule) != 0))
		fail_msg("%.*s: got %d %s, want %d %s", (int)line.n, line.p, fast, fast == RULES_EVENT ? ev.rule : "", slow,
		    rule);
}

/* Samples, and samples cut, spliced and overwritten. */
static void
table_agrees_with_regex(void **state)
{
	struct rules *set = shipped();
	struct rules_scratch *s = rules_scratch_new(set);
	struct str last = STR("x");
	uint32_t seed = 1;

	(void)state;
	for (const struct program *p = set->programs; p != NULL; p = p->next)
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			for (const struct sample *sm = r->samples; sm != NULL; last = sm->line, sm = sm->next)
				for (unsigned round = 0; round < 300; round++) {
					char buf[4096];
					size_t cut, n;

					if (sm->line.n + last.n > sizeof(buf))
						continue;
					seed = seed * 1664525 + 1013904223;
					cut = (seed >> 8) % (sm->line.n + 1);
					memcpy(buf, sm->line.p, sm->line.n);
					n = sm->line.n;
					if (round % 3 == 1)
						n = cut;
					if (round % 3 == 2) {
						memcpy(buf + cut, last.p, last.n);
						n = cut + last.n;
					}
					if (round % 3 == 0 && round > 0 && cut < n)
						buf[cut] = (char)(seed >> 24);
					compare(set, s, (struct str){ buf, n });
				}
	rules_scratch_free(s);
	rules_free(set);
}

/* A line that may have lost its tail is not believed where the tail is what makes it safe. */
static void
distrusts_cut_lines(void **state)
{
	struct rules *set = shipped();
	struct rules_scratch *s = rules_scratch_new(set);
	char line[2000];
	struct event ev;

	(void)state;
	for (unsigned n = 100; n < 1500; n += 50) {
		int len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx dovecot: imap-login: Login: user=<%0*d>, "
		    "method=PLAIN, rip=192.0.2.7, lip=203.0.113.1", (int)n, 0);

		row_eq("trailing", sample_match(set, s, (struct str){ line, (size_t)len }, &ev),
		    len < TAIL_LINE ? RULES_EVENT : RULES_NOTHING);
		len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from "
		    "unknown[192.0.2.9]: 554 5.7.1 <%0*d@x>: Relay access denied; from=<>", (int)n, 0);
		row_eq("leading", sample_match(set, s, (struct str){ line, (size_t)len }, &ev), RULES_EVENT);
		len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from "
		    "unknown[192.0.2.9]: 554 5.7.1 <x@x>: Relay access denied; from=<> to=<x@x> proto=ESMTP helo=<x> "
		    "proto=ESMTP sasl_method=PLAIN sasl_username=%0*d", (int)n, 0);
		row_eq("no offence, by its tail", sample_match(set, s, (struct str){ line, (size_t)len }, &ev),
		    len < TAIL_LINE ? RULES_IGNORED : RULES_EVENT);
	}
	rules_scratch_free(s);
	rules_free(set);
}

/* A line that another one completes says something of that client, and hangs on all of its own words. */
static void
distrusts_cut_lines_of_two(void **state)
{
	struct rules *set = shipped();
	struct rules_scratch *s = rules_scratch_new(set);
	char line[2000];
	struct event ev;

	(void)state;
	for (unsigned n = 100; n < 1500; n += 50) {
		int len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx popa3d[8]: Authentication passed for %0*d", (int)n, 0);

		row_eq("open end", sample_match(set, s, (struct str){ line, (size_t)len }, &ev),
		    len < TAIL_LINE ? RULES_HALF : RULES_NOTHING);
	}
	rules_scratch_free(s);
	rules_free(set);
}

/* The same where the table is sure of its answer, and PCRE2 is not asked. */
static void
distrusts_cut_lines_that_are_certain(void **state)
{
	static const char text[] = "program p\n"
	    "rule its-tail none\nmatch no {client} {text}; {text}\n"
	    "rule its-end none\nmatch nor {client} {text}; {num}\n"
	    "rule its-head none\nmatch not {client} {text}\n"
	    "rule r rbl\nmatch no {client} {text}\nmatch nor {client} {text}\nmatch not {client} {text}\n";
	struct rules *set;
	struct rules_scratch *s;
	struct event ev;
	struct err e;
	char line[2000];

	(void)state;
	if (load_text(text, &set, &e) == -1)
		fail_msg("%s", e.text);
	s = rules_scratch_new(set);
	for (unsigned n = 100; n < 1500; n += 50) {
		int len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx p: no 192.0.2.9 x; %0*d", (int)n, 0);

		row_eq("tail", sample_match(set, s, (struct str){ line, (size_t)len }, &ev),
		    len < TAIL_LINE ? RULES_IGNORED : RULES_EVENT);
		len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx p: nor 192.0.2.9 x; %0*d", (int)n, 0);
		row_eq("end", sample_match(set, s, (struct str){ line, (size_t)len }, &ev),
		    len < TAIL_LINE ? RULES_IGNORED : RULES_EVENT);
		len = snprintf(line, sizeof(line), "Jan  2 03:04:05 mx p: not 192.0.2.9 x; %0*d", (int)n, 0);
		row_eq("head", sample_match(set, s, (struct str){ line, (size_t)len }, &ev), RULES_IGNORED);
	}
	rules_scratch_free(s);
	rules_free(set);
}

static void *
match_samples(void *arg)
{
	const struct rules *set = arg;
	struct rules_scratch *s = rules_scratch_new(set);
	struct event ev;

	for (unsigned round = 0; round < 20; round++)
		for (const struct program *p = set->programs; p != NULL; p = p->next)
			for (const struct rule *r = p->rules; r != NULL; r = r->next)
				for (const struct sample *sm = r->samples; sm != NULL; sm = sm->next)
					(void)sample_match(set, s, sm->line, &ev);
	rules_scratch_free(s);
	return NULL;
}

static void
threads_share_a_set(void **state)
{
	struct rules *set = shipped();
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ROWS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, match_samples, set), 0);
	for (size_t i = 0; i < ROWS(threads); i++)
		pthread_join(threads[i], NULL);
	rules_free(set);
}

static void
samples_are_as_expected(void **state)
{
	struct rules *set = shipped();

	(void)state;
	assert_int_equal(rules_test(set, NULL, stderr, NULL), 0);
	rules_free(set);
}

/* A test that could not fail would be none. */
static void
wrong_samples_are_seen(void **state)
{
	struct rules *set;
	struct err e;
	FILE *null = fopen("/dev/null", "w");

	(void)state;
	if (load_text(HEAD "login\nmatch in {client} {user}\n"
		"sample prog: in 192.0.2.7 anna\nexpect login 192.0.2.8 user=anna\n"
		"sample prog: in 192.0.2.7 anna\nexpect login 192.0.2.7\n"
		"sample prog: in 192.0.2.7 anna\nexpect rbl 192.0.2.7 user=anna\n"
		"sample prog: in 192.0.2.7 anna\nexpect none\n"
		"sample prog: out 192.0.2.7\nexpect login 192.0.2.7\n"
		"sample prog: in 192.0.2.7 anna\nexpect login 192.0.2.7 user=anna\n", &set, &e) == -1)
		fail_msg("%s", e.text);
	assert_int_equal(rules_test(set, NULL, null, NULL), 5);
	rules_free(set);
	fclose(null);
}

static struct rules_seen {
	uint64_t lines, last;
	unsigned events;
} seen;

static void
see(void *arg, uint64_t lineno, const struct event *ev)
{
	(void)arg;
	assert_int_equal(ev->kind, EVENT_LOGIN);
	seen.events++;
	seen.last = lineno;
}

/* The middle of a line is never a line, however long it is. */
static void
tries_lines(void **state)
{
	static const char login[] = "Jan  2 03:04:05 mx dovecot: imap-login: Login: user=<anna>, rip=192.0.2.7";
	struct rules *set = shipped();
	FILE *fp = tmpfile();

	(void)state;
	fprintf(fp, "%s\n\n", login);
	for (unsigned i = 0; i < 40000; i++)
		fprintf(fp, "%s%c", login, i % 10 == 9 ? '\0' : ' ');
	fprintf(fp, "\n%s\n%s", login, login);
	rewind(fp);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(rules_try(set, fp, 1735689600, see, NULL), 5);
	assert_int_equal(seen.events, 3);
	assert_int_equal(seen.last, 5);
	fclose(fp);
	rules_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_agrees_with_regex),
		cmocka_unit_test(distrusts_cut_lines),
		cmocka_unit_test(distrusts_cut_lines_of_two),
		cmocka_unit_test(distrusts_cut_lines_that_are_certain),
		cmocka_unit_test(threads_share_a_set),
		cmocka_unit_test(samples_are_as_expected),
		cmocka_unit_test(wrong_samples_are_seen),
		cmocka_unit_test(tries_lines),
	};
	int fd = mkstemp(path), rc;

	setenv("TZ", "UTC", 1);
	if (fd == -1)
		return 99;
	close(fd);
	rc = cmocka_run_group_tests_name("rules", tests, NULL, NULL);
	(void)unlink(path);
	return rc;
}
