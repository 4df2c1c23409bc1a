/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_rules_load.c - from rule files to a set: mistakes, the proof, tags, which file comes first */
#include "rules_rig.h"

#define P(tag, n) "program " tag "\nrule r" n " none\nmatch x\n"
#define P9(tag)                                                                                                       \
	P(tag, "1") P(tag, "2") P(tag, "3") P(tag, "4") P(tag, "5") P(tag, "6") P(tag, "7") P(tag, "8") P(tag, "9")
#define NAMED "rule named none\nremember pid\nmatch hello {client}\n"

/* A mistake is named with its place, and the old set stays. */
static void
names_the_place(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "there are no rules" },
		{ "rule r login\n", "1:1: a rule belongs to a program" },
		{ "program\n", "1:1: program wants the tags" },
		{ "hello\n", "1:1: a line begins with" },
		{ "program p\n  hello\n", "2:3: a line begins with" },
		{ HEAD "login\n", "2:6: rule r has no `match'" },
		{ HEAD "logon\nmatch {client}\n", "2:8: there is no event kind logon" },
		{ HEAD "login x\nmatch {client}\n", ": only `bounce' may follow" },
		{ HEAD "login bounce\nmatch {client}\n", ": only `bounce' may follow" },
		{ HEAD "unknown-user bounce x\nmatch {client}\n", "2:1: rule wants a name" },
		{ HEAD "login\nmatch from {client}\nrule r rbl\n", "4:6: there is a rule r already" },
		{ HEAD "login\nmatch from {cliemt}\n", "3:12: there is no field type {cliemt}" },
		{ HEAD "login\nmatch from {client\n", "3:12: this { is never closed" },
		{ HEAD "login\nmatch from {a|{client}\n", "3:12: this { is never closed" },
		{ HEAD "login\nmatch from {A}{client}\n", "3:12: neither a field nor a choice" },
		{ HEAD "login\nmatch from } {client}\n", "3:12: this } closes nothing" },
		{ HEAD "login\nmatch a\\n {client}\n", "3:8: \\ stands before" },
		{ HEAD "login\nmatch {$x} {client}\n", "3:7: nothing is called {$x}" },
		{ "let a b\nlet a c\n", "2:5: a is defined already" },
		{ "let a x {user:first}\n", "1:9: neither a field nor" },
		{ HEAD "login\nmatch {client:last} x\n", "3:7: {client} cannot be :last" },
		{ HEAD "login\nmatch from {name}\n", "3:7: {client} is missing" },
		{ HEAD "none\nmatch {?a}\n", "3:7: the pattern matches an empty line" },
		{ HEAD "none\nmatch {*{?a}}b\n", "3:7: what may come any number of times may not be empty" },
		{ HEAD "login\nmatch {user} logged in from {client}\n", "3:7: an event cannot begin with {user}" },
		{ HEAD "login\nmatch x {name}{client}\n", "3:9: {name} could swallow what follows it" },
		{ HEAD "login\nmatch x {user}{text} {client}\n", "3:9: nothing says where {user} ends" },
		{ HEAD "login\nmatch x {client} {user:last}\n", "3:18: {user:last} has nothing behind it" },
		{ HEAD "login\nmatch x {user:last} a {text:last} b {client}\n", "quadratic time" },
		{ HEAD "login\nmatch x {user:last}, {client}, {msg}\n", "3:9: what ends {user:last}" },
		{ HEAD "login\nmatch x {user:last} {*{word} }{client}\n", "3:9: what ends {user:last} may come any number" },
		{ HEAD "login\nmatch x {client}\nsample foo\nrule s login\n", "4:1: this sample has no `expect'" },
		{ HEAD "login\nmatch x {client}\nsample foo\n", "4:1: this sample has no `expect'" },
		{ HEAD "login\nmatch x {client}\nexpect none\n", "4:1: expect wants a sample" },
		{ "program *\nrule r login\nmatch x {client}\n", "1:1: no log has the tag *" },
		{ "program a postfix/*\nrule r login\nmatch x {client}\n", "1:1: no log has the tag postfix/*" },
		{ "program */*\nrule r login\nmatch x {client}\n", "1:1: no log has the tag */*" },
		{ "program mypop:\nrule r login\nmatch x {client}\n", "1:1: no log has the tag mypop:" },
		{ HEAD "login\nmatch x {client} {client}\n", "3:7: {client} stands here more than once" },
		{ HEAD "login\nmatch x {*{client},}\n", "3:7: {client} stands here more than once" },
		{ HEAD "login\nmatch x{? from {client}} ok\n", "3:7: {client} may be missing" },
		{ HEAD "none\nremember pid\nmatch x {{client}|{name}}!\n", "4:7: {client} may be missing" },
		{ HEAD "login\nneed pid\nmatch x {user}\nrule s none\nremember qid\nmatch {qid} {client}\n",
		    "2:6: rule r needs a client by its pid" },
		{ HEAD "login\nneed pid\nmatch x {user}\nprogram gorp\nrule s none\nremember pid\nmatch {client}\n",
		    "2:6: rule r needs a client by its pid" },
		{ HEAD "login\nneed qid\nmatch x {qid}\nrule s none\nremember pid\nmatch y {client}\n",
		    "2:6: rule r needs a client by its qid" },
		{ HEAD "none\nmatch x\nbefore a line\nrule s none\nmatch y\n", "4:1: there is no sample behind" },
		{ "let Peer x\n", "1:5: a let has small letters" },
		{ HEAD "login\nafter s within\nmatch x {client}\n", "3:15: within wants a number" },
		{ HEAD "login\nafter s within 601\nmatch x {client}\n", "3:16: within wants a number" },
		{ HEAD "login\nafter s within 0\nmatch x {client}\n", "3:16: within wants a number" },
		{ HEAD "login\nafter s within 1s\nmatch x {client}\n", "3:16: within wants a number" },
		{ HEAD "login\nafter s within 1 2\nmatch x {client}\n", "3:16: within wants a number" },
		{ HEAD "rbl\nmatch x {client} 1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}"
		    "1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}1{text}\n", "3:7: more than 22 fields" },
		{ P9("p"), "1:1: more than 8 times `program' for the tag p" },
		{ P9("*/p") "program x-y/p\nrule z none\nmatch x\n", "1:1: more than 8 times `program' for the tag */p" },
		{ HEAD "none\nneed pid\nmatch x {user}\n", "2:6: `need' is for an event" },
		{ HEAD "login\nneed pid\nremember pid\nmatch x {user}\n", "2:6: `need' is for an event" },
		{ HEAD "login\nneed pid\nmatch x {client}\n", "{client} is here" },
		{ HEAD "none\nremember pid\nmatch x {user}\n", "{client} is missing" },
		{ HEAD "none\nremember qid\nmatch x {client}\n", "{qid} or {sqid} is missing" },
		{ HEAD "login\nneed qid\nmatch {user} came\n", "an event cannot begin with {user}" },
		{ HEAD "none\nremember pod\nmatch x {client}\n", "3:10: lines are paired by pid or by qid" },
		{ HEAD "none\nremember\nmatch x {client}\n", "3:1: this wants pid or qid" },
		{ "program prog\nneed pid\n", "2:1: this wants pid or qid, and a rule" },
		{ HEAD "login\nmatch x {client}\nsample a\nexpect login\n", "5:1: an address must follow" },
		{ HEAD "login\nmatch x {client}\nsample a\nexpect login 1.2.3.4 user=a user=b\n", "5:29: expected is user=" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct rules *old = (struct rules *)&rows, *set = old;
		struct err e = { "" };

		if (load_text(rows[i].text, &set, &e) != -1)
			fail_msg("%s: loaded", rows[i].text);
		assert_ptr_equal(set, old);
		if (strncmp(e.text, path, strlen(path)) != 0 || strstr(e.text, rows[i].want) == NULL)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].text, e.text, rows[i].want);
	}
}

/* What the proof is for.  Each row is a whole rule set; `forged`: it must be refused. */
static void
proves_the_client(void **state)
{
	static const struct {
		const char *name, *text;
		bool forged;
	} rows[] = {
		{ "client first", HEAD "rbl\nmatch from {name}[{client}]: {text}", false },
		{ "only closed fields before", HEAD "rbl\nmatch {qid}: {word} from {name}[{client}]:{num}: {text}", false },
		{ "user before, open end", HEAD "login\nmatch user=<{user}>, rip={client}, {text}", true },
		{ "the same to the last fit", HEAD "login\nmatch user=<{user:last}>, rip={client}, {text}", true },
		{ "user before, closed end", HEAD "login\nmatch user=<{user:last}>, rip={client}, lip={ip}", false },
		{ "the same to the first fit", HEAD "login\nmatch user=<{user}>, rip={client}, lip={ip}", false },
		{ "an end that can hold the rest", HEAD "login\nmatch x {user:last}!{client}{? !{num}}", true },
		{ "an end that cannot", HEAD "login\nmatch <{user:last}>, rip={client}{*, {elem}}", false },
		{ "a session that catches the >", HEAD "login\nmatch <{user:last}>, rip={client}{?, s=<{sid}>}{*, {elem}}",
		    true },
		{ "a session at the end", HEAD "login\nmatch <{user:last}>, rip={client}{*, {elem}}{?, s=<{sid}>}", false },
		{ "the second address", HEAD "login\nmatch for {user:last} [{ip}] from {name} [{client}]", false },
		{ "which of two", HEAD "login\nmatch for {user:last} [{client}] from {?{name} }[{ip}]", false },
		{ "which of two, with open end", HEAD "login\nmatch for {user} [{client}] from {text}", true },
		{ "a list of equals", HEAD "login\nmatch x {*a={ip}, }a={client}{*, a={ip}}", true },
		{ "two shapes of one rule", HEAD "login\nmatch x {name} {client}\nmatch x {user} {client}", false },
		{ "two shapes that cross", HEAD "login\nmatch x {client} {ip}\nmatch x {ip} {client}", true },
		{ "two rules that cross", HEAD "rbl\nmatch x {client} {text}\nrule s rbl\nmatch x {ip} {client}", true },
		{ "a shape without client", HEAD "rbl\nmatch x {name} {client}\nrule s none\nmatch x {text}", true },
		{ "the same, another word", HEAD "rbl\nmatch x {name} {client}\nrule s none\nmatch y {text}", false },
		{ "a failure that is a login", HEAD "login\nmatch from [{client}]: in\nrule s rbl\nmatch from [{client}]: {text}",
		    true },
		{ "a failure that takes the line first", HEAD "rbl\nmatch from [{client}]: {text}\nrule s login\n"
		    "match from [{client}]: in", false },
		{ "one that may not", HEAD "rbl\nmatch from [{client}]: {text} failed{?{text}}\nrule s login\n"
		    "match from [{client}]: {name} failed in", true },
		{ "one that takes the last fit", HEAD "rbl\nmatch from [{client}]: {text:last} x\nrule s login\n"
		    "match from [{client}]: in x", true },
		{ "one of another program", HEAD "rbl\nmatch from [{client}]: {text}\nprogram prog\nrule f none\nmatch x\n"
		    "rule s login\nmatch from [{client}]: in", true },
		{ "a login that is a failure", HEAD "rbl\nmatch from [{client}]: no {text}\nrule s login\nmatch from [{client}]: in",
		    false },
		{ "a shape that the client begins", HEAD "login\nmatch in {user:last} {client}\nrule s none\n"
		    "match {text} failed", false },
		{ "the same, with open end", HEAD "login\nmatch in {client} {text}\nrule s none\nmatch {text} failed", true },
		{ "a shape that may be taken for several", HEAD "login\nmatch ok {client} x {text} from {ip}\nrule s none\n"
		    "match {text} from {ip}]", true },
		{ "the same, of a program that begins it", HEAD "login\nmatch ok {client} x {text} from {ip}\nrule s none\n"
		    "match no {text} from {ip}]", false },
		{ "the same, with no end of that kind", HEAD "login\nmatch ok {client} x {text} from {ip}\nrule s none\n"
		    "match {text} from {ip})", false },
		{ "the same, with an end that cannot be read", HEAD "login\nmatch ok {client} x {text} from {ip}\nrule s none\n"
		    "match {text} from {ip}, {plain}", false },
		{ "other program, same tag", HEAD "rbl\nmatch x {client} {text}\nprogram prog\nrule s rbl\nmatch x {ip} {client}",
		    true },
		{ "other program", HEAD "rbl\nmatch x {client} {text}\nprogram gorp\nrule s rbl\nmatch x {ip} {client}", false },
		{ "remembering what the client wrote", HEAD "none\nremember pid\nmatch from {user} {client} {text}", true },
		{ "remembering what a program wrote", HEAD "none\nremember pid\nmatch from {client} {text}", false },
		{ "remembering another line's text", HEAD "none\nremember pid\nmatch from {name} [{client}]\n"
		    "rule s none\nmatch from {text}", true },
		{ "completing another line", HEAD "login\nneed pid\nmatch in {user}\n" NAMED "rule s none\nmatch in {text} failed", true },
		{ "completing a line with a client", HEAD "login\nneed pid\nmatch in {user}\n" NAMED "rule s login\n"
		    "match in {user:last} from {client}", true },
		{ "completing its own line", HEAD "login\nneed pid\nmatch in {user}\n" NAMED "rule s none\nmatch out {text}", false },
		{ "a failure that completes a failure", HEAD "auth-failure\nneed pid\nmatch no {user}\n" NAMED "rule s auth-failure\n"
		    "match no {client}", true },
		{ "a queue id of the client's", HEAD "none\nsettle qid\nmatch {client} x{text}, {qid}: {text}", true },
		{ "tags that overlap", "program */a\nrule r rbl\nmatch x {client} {text}\nprogram b/a\nrule s rbl\n"
		    "match x {ip} {client}", true },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct rules *set = NULL;
		struct err e = { "" };
		int rc = load_text(rows[i].text, &set, &e);

		if (rc == 0 && rows[i].forged)
			fail_msg("%s: loaded", rows[i].name);
		if (rc == -1 && !rows[i].forged)
			fail_msg("%s: %s", rows[i].name, e.text);
		if (rc == -1 && strstr(e.text, "from the line") == NULL && strstr(e.text, "read the line") == NULL)
			fail_msg("%s: %s", rows[i].name, e.text);
		rules_free(set);
	}
}

static void
knows_tags(void **state)
{
	static const struct {
		const char *spec, *tag;
		bool want;
	} rows[] = {
		{ "imapd", "imapd", true },
		{ "imapd", "imapd-ssl", false },
		{ "imapd", "x/imapd", false },
		{ "postfix/smtpd", "postfix/smtpd", true },
		{ "postfix/smtpd", "postfix-out/smtpd", true },
		{ "postfix/smtpd", "postfix/submission/smtpd", true },
		{ "postfix/smtpd", "postfix-smo/submission/smtpd", true },
		{ "postfix/submission/smtpd", "postfix-smo/submission/smtpd", true },
		{ "postfix/submission/smtpd", "postfix/submissions/smtpd", false },
		{ "postfix/submission/smtpd", "postfix/a/submission/smtpd", false },
		{ "postfix/submission/smtpd", "postfix/smtpd", false },
		{ "postfix/submission/smtpd", "smtpd", false },
		{ "postfix/smtpd", "postfixed/smtpd", false },
		{ "postfix/smtpd", "smtpd", false },
		{ "postfix/smtpd", "postfix", false },
		{ "postfix/smtpd", "postfix/smtpd/error", false },
		{ "*/imap", "cyrus/imap", true },
		{ "*/imap", "cyrus-2/imap", true },
		{ "*/imap", "imap", false },
		{ "*/imap", "cyrus/imaps", false },
		{ "imapd", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].tag, tag_matches(rows[i].spec, str_of(rows[i].tag)), rows[i].want);
}

/* What the administrator says of his tags. */
static void
takes_other_names(void **state)
{
	static const struct {
		const char *alias, *tag;
		bool known;
	} rows[] = {
		{ "mymail=postfix/smtpd", "mymail", true },
		{ "mymail=postfix-out/smtpd", "mymail", true },
		{ "my/mail=dovecot", "my/mail", true },
		{ "mymail=postfix/smtpd", "mymail2", false },
		{ "dovecot=postfix/smtpd", "dovecot", true },
		{ "mymail=nobody", NULL, false },
		{ "mymail", NULL, false },
		{ "=dovecot", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct rules *set = shipped();
		struct err e = { "" };
		char *const tags[] = { (char *)rows[i].alias, NULL };
		int rc = rules_alias(set, tags, &e);

		row_eq(rows[i].alias, rc, rows[i].tag == NULL ? -1 : 0);
		if (rc == 0) {
			struct rules_scratch *s = rules_scratch_new(set);

			row_eq(rows[i].alias, rules_know_tag(set, s, str_of(rows[i].tag)), rows[i].known);
			rules_scratch_free(s);
		}
		rules_free(set);
	}
}

/* Two programs that were safe apart. */
static void
proves_other_names(void **state)
{
	char *const tags[] = { (char *)"gorp=prog", NULL };
	struct rules *set;
	struct err e = { "" };

	(void)state;
	assert_int_equal(load_text(HEAD "rbl\nmatch x {client} {text}\nprogram gorp\nrule s rbl\nmatch x {ip} {client}\n", &set,
	    &e), 0);
	assert_int_equal(rules_alias(set, tags, &e), -1);
	assert_non_null(strstr(e.text, "from the line"));
	rules_free(set);
}

/* More tags than the cache holds, some too long for it. */
static void
forgets_tags(void **state)
{
	struct rules *set = shipped();
	struct rules_scratch *s = rules_scratch_new(set);
	char tag[128];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		int n = snprintf(tag, sizeof(tag), "postfix-%0*u/smtpd", (int)(i % 90), i);

		assert_true(rules_know_tag(set, s, (struct str){ tag, (size_t)n }));
		n = snprintf(tag, sizeof(tag), "program-%0*u", (int)(i % 90), i);
		assert_false(rules_know_tag(set, s, (struct str){ tag, (size_t)n }));
	}
	rules_scratch_free(s);
	rules_free(set);
}

/* The administrator's rules come first, and may say that a line is no event. */
static void
earlier_rules_win(void **state)
{
	const char *top = getenv("top_srcdir");
	char dir[1024];
	const char *const paths[] = { "/nonexistent/rules", "", path, dir, NULL };
	struct rules *set = shipped();
	struct rules_scratch *s = rules_scratch_new(set);
	struct str line = STR("Jan  2 03:04:05 mx dovecot: imap-login: Login: user=<anna>, rip=192.0.2.7");
	struct event ev;
	struct err e;

	(void)state;
	assert_int_equal(sample_match(set, s, line, &ev), RULES_EVENT);
	rules_scratch_free(s);
	rules_free(set);
	write_text(path, "program dovecot\nrule mine none\nmatch imap-login: Login: {text}\n");
	(void)snprintf(dir, sizeof(dir), "%s/rules", top == NULL ? "." : top);
	/* It is also the proof's: a line of mine could be read as the shipped login, whose client I do not name. */
	assert_int_equal(rules_load(paths, &set, &e), -1);
	write_text(path, "program postfix/smtpd\nrule mine none\nmatch too many errors after AUTH from {name}[{client}]\n");
	if (rules_load(paths, &set, &e) == -1)
		fail_msg("%s", e.text);
	s = rules_scratch_new(set);
	assert_int_equal(sample_match(set, s,
	    STR("Jan  2 03:04:05 mx postfix/smtpd[1]: too many errors after AUTH from x[192.0.2.7]"), &ev), RULES_IGNORED);
	assert_int_equal(sample_match(set, s,
	    STR("Jan  2 03:04:05 mx postfix/smtpd[1]: too many errors after RCPT from x[192.0.2.7]"), &ev), RULES_EVENT);
	rules_scratch_free(s);
	rules_free(set);
}

/* Rules of one's own are no must; the shipped ones are. */
static void
misses_the_shipped_rules(void **state)
{
	const char *const own[] = { path, "/nonexistent/rules", NULL };
	struct rules *set;
	struct err e;

	(void)state;
	write_text(path, HEAD "login\nmatch from {client}\n");
	assert_int_equal(rules_load((const char *const[]){ "/nonexistent/rules", path, NULL }, &set, &e), 0);
	rules_free(set);
	assert_int_equal(rules_load(own, &set, &e), -1);
	assert_string_equal(e.text, "/nonexistent/rules: No such file or directory; the rules that come with the program "
	    "should be here: install them, or say in rules_dir where they are");
	assert_int_equal(rules_load((const char *const[]){ "/nonexistent/rules", "/dev", NULL }, &set, &e), -1);
	assert_string_equal(e.text, "/dev: there are no rules: no *.rules file is here, or there is nothing in it");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_place),
		cmocka_unit_test(proves_the_client),
		cmocka_unit_test(knows_tags),
		cmocka_unit_test(takes_other_names),
		cmocka_unit_test(proves_other_names),
		cmocka_unit_test(forgets_tags),
		cmocka_unit_test(earlier_rules_win),
		cmocka_unit_test(misses_the_shipped_rules),
	};
	int fd = mkstemp(path), rc;

	setenv("TZ", "UTC", 1);
	if (fd == -1)
		return 99;
	close(fd);
	rc = cmocka_run_group_tests_name("rules, load", tests, NULL, NULL);
	(void)unlink(path);
	return rc;
}
