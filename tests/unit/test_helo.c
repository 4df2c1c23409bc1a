/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who claims to be us in HELO, and what refused clients get to read. */
#include <string.h>

#include "helo.h"
#include "reply.h"
#include "unit.h"

static char *names[] = { "mail.example.org", "example.org.", "192.168.7.7", "alone", NULL };

static void
tells_us_from_others(void **state)
{
	static const struct {
		const char *helo;
		bool want;
	} rows[] = {
		{ "mail.example.org", true },
		{ "MAIL.Example.Org", true },
		{ "mail.example.org.", true },
		{ "example.org", true },
		{ "alone", true }, /* listed by hand */
		{ "mx.example.net", true }, /* {j} */
		{ "MX.example.net.", true },
		{ "[192.0.2.25]", true }, /* own_addrs */
		{ "192.0.2.25", true },
		{ "192.0.2.25.", true },
		{ "[192.168.7.7]", true }, /* private, but listed by hand */
		{ "[203.0.113.1]", true }, /* {daemon_addr} */
		{ "[IPv6:2001:db8::25]", true }, /* {if_addr}, as sendmail writes it */
		{ "[ipv6:2001:DB8:0::25]", true },
		{ "2001:db8::25", true },
		{ "[2001:db8::25]", true },
		{ "[::ffff:192.0.2.25]", true },
		{ "", false },
		{ ".", false },
		{ "[]", false },
		{ "[", false },
		{ "org", false },
		{ "ample.org", false },
		{ "mail.example.org..", false },
		{ " mail.example.org", false },
		{ "mail.example.org.evil.example", false },
		{ "mailxexample.org", false },
		{ "sub.example.org", false },
		{ "[198.51.100.9]", false }, /* the client's own address */
		{ "[192.0.2.26]", false },
		{ "[192.0.2.25", false },
		{ "192.0.2.025", false },
		{ "[127.0.0.1]", false },
		{ "localhost", false },
	};
	struct addr own[] = { address("192.0.2.25"), address("192.168.7.7") };
	struct addr client = address("198.51.100.9");
	struct conf c = { .own_names = names, .own_addrs = own, .n_own_addrs = 2 };
	struct mta_self self = { STR("mx.example.net"), { STR("203.0.113.1"), STR("IPv6:2001:db8::25") } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].helo, helo_forged(&c, &self, &client, str_of(rows[i].helo)), rows[i].want);
}

/* What the MTA tells of itself behind NAT is not ours alone. */
static void
believes_the_mta_with_care(void **state)
{
	static const struct {
		const char *j, *addr, *helo;
		bool want;
	} rows[] = {
		{ "mail", "", "mail", false },
		{ "localhost", "", "localhost", false },
		{ "localhost.localdomain", "", "localhost.localdomain", false },
		{ "macbook.local", "", "macbook.local", false },
		{ "mail.example.org", "", "mail.example.org", true },
		{ "", "192.168.1.5", "[192.168.1.5]", false },
		{ "", "10.0.0.1", "[10.0.0.1]", false },
		{ "", "172.16.0.1", "172.16.0.1", false },
		{ "", "172.32.0.1", "172.32.0.1", true },
		{ "", "100.64.0.1", "[100.64.0.1]", false },
		{ "", "127.0.0.1", "[127.0.0.1]", false },
		{ "", "0.0.0.0", "[0.0.0.0]", false },
		{ "", "::", "[IPv6:::]", false },
		{ "", "fd00::1", "[IPv6:fd00::1]", false },
		{ "", "fe80::1", "[IPv6:fe80::1]", false },
		{ "", "IPv6:2001:db8::1", "[IPv6:2001:db8::1]", true },
		{ "", "nonsense", "nonsense", false },
		{ "", "", "", false },
	};
	struct addr client = address("198.51.100.9");
	struct conf c = { .own_names = NULL };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct mta_self self = { str_of(rows[i].j), { str_of(rows[i].addr), STR_NONE } };

		row_eq(rows[i].helo, helo_forged(&c, &self, &client, str_of(rows[i].helo)), rows[i].want);
	}
}

static void
says_why(void **state)
{
	static const struct {
		struct answer a;
		const char *want;
	} rows[] = {
		{ { VERDICT_CACHED, EVENT_RBL, "zen.example.net", 0 },
		    "Your IP address has been blacklisted by zen.example.net. "
		    "Visit their website or write <postmaster@example.org> to argue." },
		{ { VERDICT_CACHED, EVENT_RBL, NULL, 0 },
		    "Your IP address is refused here after being listed by a DNS blacklist. "
		    "Write <postmaster@example.org> to argue." },
		{ { VERDICT_CACHED, EVENT_HELO_FORGERY, NULL, 0 },
		    "Your IP address is refused here after greeting us with a name or address of ours. "
		    "Write <postmaster@example.org> to argue." },
		{ { VERDICT_CACHED, EVENT_KINDS, "spam run of June", 0 },
		    "Your IP address is refused here: spam run of June. Write <postmaster@example.org> to argue." },
		{ { VERDICT_BLOCKED, EVENT_UNKNOWN_USER, NULL, 0 },
		    "Your IP address is blocked here after writing to too many people who do not exist. "
		    "Write <postmaster@example.org> to argue." },
		{ { VERDICT_BLOCKED, EVENT_KINDS, NULL, 0 },
		    "Your IP address is blocked here. Write <postmaster@example.org> to argue." },
		{ { VERDICT_CACHED, EVENT_RBL, "a\r\n250 ok\x01\xc3\xa4", 0 },
		    "Your IP address has been blacklisted by a\\x0d\\x0a250 ok\\x01??. "
		    "Visit their website or write <postmaster@example.org> to argue." },
	};
	struct conf c = { .postmaster = "postmaster@example.org" };
	struct reply r;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		reply_refused(&r, &c, &rows[i].a);
		row_str_eq("text", r.text, rows[i].want);
		assert_string_equal(r.code, "550");
		assert_string_equal(r.dsn, "5.7.1");
	}
	for (enum event_kind k = 0; k < EVENT_KINDS; k++) {
		reply_refused(&r, &c, &(struct answer){ .verdict = VERDICT_BLOCKED, .kind = k });
		assert_null(strstr(r.text, "(null)"));
	}
	reply_forgery(&r, &c, STR("mail.example.org"));
	assert_string_equal(r.text, "You are not mail.example.org: that is us. Greet with a name of your own, "
	    "or write <postmaster@example.org> to argue.");
}

static void
keeps_one_short_line(void **state)
{
	static char flood[65536];
	struct conf c = { .postmaster = flood };
	struct reply r;
	char wire[2 * REPLY_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof flood - 1; i++)
		flood[i] = (char)(i % 255 + 1);
	reply_refused(&r, &c, &(struct answer){ VERDICT_CACHED, EVENT_RBL, flood, 0 });
	assert_true(strlen(r.text) < REPLY_TEXT);
	reply_forgery(&r, &c, (struct str){ flood, sizeof flood - 1 });
	for (const char *p = r.text; *p != '\0'; p++)
		assert_in_range(*p, 0x20, 0x7e);
	memset(flood, '%', sizeof flood - 1);
	reply_forgery(&r, &c, (struct str){ flood, sizeof flood - 1 });
	reply_for_milter(wire, &r);
	assert_int_equal(strspn(strchr(wire, '%'), "%") % 2, 0);
	assert_true(strlen(wire) < sizeof wire);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_us_from_others),
		cmocka_unit_test(believes_the_mta_with_care),
		cmocka_unit_test(says_why),
		cmocka_unit_test(keeps_one_short_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
