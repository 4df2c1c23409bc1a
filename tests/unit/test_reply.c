/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What refused clients get to read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reply.h"
#include "template.h"
#include "unit.h"

static const char usual[] =
    "own_names = mail.example.org\npostmaster = postmaster@example.org\n"
    "zone example.net { explanation = 'Ask at the gate.' }\n"
    "zone key.dq.example.net { show = 'our list' }\n";

static struct conf *
conf_of(const char *text, struct err *e)
{
	char path[] = "/tmp/popauth-reply-XXXXXX";
	int fd = mkstemp(path);
	struct conf *c;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	c = conf_read(path, e);
	unlink(path);
	return c;
}

static struct conf *
conf_with(const char *more)
{
	char text[4096];
	struct err e;
	struct conf *c;

	(void)snprintf(text, sizeof text, "%s%s", usual, more);
	c = conf_of(text, &e);
	if (c == NULL)
		fail_msg("%s", e.text);
	return c;
}

/* The reference is tested by itself. */
static void
without_ref(char *text)
{
	char *at = strstr(text, "(ref ");
	size_t n;

	assert_non_null(at);
	n = strcspn(at, ")");
	assert_int_equal(at[n], ')');
	memmove(at + 5, at + n, strlen(at + n) + 1);
}

static void
says_why(void **state)
{
	static const struct {
		struct answer a;
		const char *want;
	} rows[] = {
		{ { VERDICT_CACHED, EVENT_RBL, "zen.example.com", 0 },
		    "Your IP address has been blacklisted by zen.example.com. "
		    "Visit their website or write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_CACHED, EVENT_RBL, "zen.Example.net", 0 },
		    "Your IP address has been blacklisted by zen.Example.net. "
		    "Visit their website or write <postmaster@example.org> to argue. Ask at the gate. (ref )" },
		{ { VERDICT_CACHED, EVENT_RBL, "a1b2.key.dq.example.net", 0 },
		    "Your IP address has been blacklisted by our list. "
		    "Visit their website or write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_CACHED, EVENT_RBL, NULL, 0 },
		    "Your IP address is refused here: a DNS blacklist lists it. "
		    "Write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_CACHED, EVENT_HELO_FORGERY, NULL, 0 },
		    "Your IP address is refused here: it has greeted us with a name or address of ours. "
		    "Write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_CACHED, EVENT_KINDS, "spam run of June", 0 },
		    "Your IP address is refused here: spam run of June. Write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_BLOCKED, EVENT_UNKNOWN_USER, NULL, 0 },
		    "Your IP address is blocked here: it has written to too many people who do not exist. "
		    "Write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_BLOCKED, EVENT_KINDS, NULL, 0 },
		    "Your IP address is blocked here: the administrator has decided so. "
		    "Write <postmaster@example.org> to argue. (ref )" },
		{ { VERDICT_CACHED, EVENT_RBL, "a\r\n250 ok\x01\xc3\xa4", 0 },
		    "Your IP address has been blacklisted by a\\x0d\\x0a250 ok\\x01??. "
		    "Visit their website or write <postmaster@example.org> to argue. (ref )" },
	};
	struct conf *c = conf_with("");
	struct addr client = address("192.0.2.7");
	const struct reply_to to = { c, &client, 1750000000, REFUSE_REJECT };
	struct reply r;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		reply_refused(&r, &to, &rows[i].a);
		without_ref(r.text);
		row_str_eq("text", r.text, rows[i].want);
		assert_string_equal(r.code, "550");
		assert_string_equal(r.dsn, "5.7.1");
	}
	for (enum event_kind k = 0; k < EVENT_KINDS; k++) {
		reply_refused(&r, &to, &(struct answer){ .verdict = VERDICT_BLOCKED, .kind = k });
		assert_null(strstr(r.text, "(null)"));
		assert_null(strstr(r.text, ": ."));
	}
	reply_forgery(&r, &to, EVENT_HELO_FORGERY, STR("mail.example.org"));
	without_ref(r.text);
	assert_string_equal(r.text, "You are not mail.example.org: that is us. Greet with a name of your own, "
	    "or write <postmaster@example.org> to argue. (ref )");
	reply_forgery(&r, &to, EVENT_SENDER_FORGERY, STR("x@gmail.com"));
	without_ref(r.text);
	assert_string_equal(r.text, "Mail from x@gmail.com does not come from 192.0.2.7. Send it through its own "
	    "provider, or write <postmaster@example.org> to argue. (ref )");
	reply_forgery(&r, &to, EVENT_RECIPIENT_FORGERY, STR("trap@example.org"));
	without_ref(r.text);
	assert_string_equal(r.text,
	    "Nobody has ever been at trap@example.org. Write <postmaster@example.org> to argue. (ref )");
	conf_put(c);
}

/* Whatever the wording, the reference is in it, whole, and leads back. */
static void
always_holds_a_reference(void **state)
{
	static const struct {
		const char *wording, *want;
	} rows[] = {
		{ "%{ref}", "(ref )" },
		{ "", "(ref )" },
		{ "No.", "No. (ref )" },
		{ "Ask %{ref}, please.", "Ask (ref ), please." },
		{ "%{zone}%{said} %{zone} or%", "or% (ref )" },
		{ "100% of %{client}: %n%s", "100% of 2001:db8::7: %n%s (ref )" },
	};
	struct addr client = address("2001:db8::7"), folded = address("2001:db8::"), back;
	char more[200], id[REF_TEXT];
	struct reply r;
	time_t at;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf *c;

		(void)snprintf(more, sizeof more, "text_cached = '%s'\n", *rows[i].wording == '\0' ? " " : rows[i].wording);
		c = conf_with(more);
		reply_refused(&r, &(struct reply_to){ c, &client, 1750000000, REFUSE_TEMPFAIL },
		    &(struct answer){ .verdict = VERDICT_CACHED, .kind = EVENT_POLICY });
		str_copy(id, sizeof id, (struct str){ strstr(r.text, "(ref ") + 5, strcspn(strstr(r.text, "(ref ") + 5, ")") });
		row_eq(r.text, ref_parse(str_of(id), &back, &at), 0);
		assert_true(addr_eq(&back, &folded));
		assert_int_equal(at, 1750000000);
		assert_string_equal(r.code, "450");
		assert_string_equal(r.dsn, "4.7.1");
		without_ref(r.text);
		row_str_eq(rows[i].wording, r.text + strspn(r.text, " "), rows[i].want);
		conf_put(c);
	}
}

static void
refuses_bad_wording(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "relay_for = 1h\ntext_helo = 'You %{name}'\n",
		    ":2: text_helo: \"%{name}\" is none of %{client}, %{explanation}, %{postmaster}, %{reason}, %{ref}, "
		    "%{said}, %{zone}" },
		{ "text_listed = '%{zone'\n", ":1: text_listed: \"%{zone\" is none of" },
		{ "text_listed = '%{}'\n", ":1: text_listed: \"%{}\" is none of" },
		{ "text_sender = 'gr\xc3\xbc\xc3\x9f' \n",
		    ":1: text_sender: holds a character that is not printable ASCII" },
		{ "text_sender = ''\n", ":1: text_sender must not be empty" },
		{ "zone x.example { explanation = '\xc3\xbc' }\n",
		    ":1: explanation: holds a character that is not printable ASCII" },
		{ "zone '' { explanation = 'x' }\n", "belongs into a section with a title" },
		{ "zone a.example { text = 'x' }\n", "no such option 'text'" },
		{ "answer = perhaps\n", ":1: answer: \"perhaps\" is neither reject nor tempfail" },
		{ "listener a { answer = no }\n", ":1: answer: \"no\" is neither reject nor tempfail" },
		{ "freemail = yes\n", ":1: freemail: \"yes\" is not off, unnamed or all" },
		{ "traps = traps\n", ":1: traps: \"traps\" is not an absolute path" },
	};
	char flood[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_null(conf_of(rows[i].text, &e));
		if (strstr(e.text, rows[i].want) == NULL)
			fail_msg("got \"%s\", want \"%s\"", e.text, rows[i].want);
	}
	(void)snprintf(flood, sizeof flood, "text_helo = '%0*d'\n", TEMPLATE_MAX + 1, 0);
	assert_null(conf_of(flood, &e));
	assert_non_null(strstr(e.text, "text_helo: longer than 300 bytes"));
}

static void
keeps_one_short_line(void **state)
{
	static char flood[65536];
	struct conf *c = conf_with("text_listed = '%{zone} %{zone} %{zone} %{zone} %{zone} %{ref}'\n");
	struct addr client = address("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	const struct reply_to to = { c, &client, 1750000000, REFUSE_REJECT };
	struct reply r;
	char wire[2 * REPLY_TEXT], *close;

	(void)state;
	c->policy.ipv6_prefix = 128;
	for (size_t i = 0; i < sizeof flood - 1; i++)
		flood[i] = (char)(i % 255 + 1);
	reply_refused(&r, &to, &(struct answer){ VERDICT_CACHED, EVENT_RBL, flood, 0 });
	assert_true(strlen(r.text) < REPLY_TEXT);
	close = strstr(r.text, "(ref ");
	assert_non_null(close);
	assert_string_equal(strchr(close, ')'), ")");
	for (enum event_kind k = EVENT_HELO_FORGERY; k <= EVENT_RECIPIENT_FORGERY; k++) {
		reply_forgery(&r, &to, k, (struct str){ flood, sizeof flood - 1 });
		assert_true(strlen(r.text) < REPLY_TEXT);
		for (const char *p = r.text; *p != '\0'; p++)
			assert_in_range(*p, 0x20, 0x7e);
	}
	memset(flood, '%', sizeof flood - 1);
	reply_forgery(&r, &to, EVENT_HELO_FORGERY, (struct str){ flood, sizeof flood - 1 });
	reply_for_milter(wire, &r);
	assert_int_equal(strspn(strchr(wire, '%'), "%") % 2, 0);
	assert_true(strlen(wire) < sizeof wire);
	conf_put(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_why),
		cmocka_unit_test(always_holds_a_reference),
		cmocka_unit_test(refuses_bad_wording),
		cmocka_unit_test(keeps_one_short_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
