/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who claims to be us in HELO. */
#include <string.h>

#include "helo.h"
#include "unit.h"

static char *names[] = { "mail.example.org", "example.org.", "192.168.7.7", "alone", "m\xc3\xbcller.example",
	"xn--mller-kva.example", NULL };

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
		{ "[IPv6:::ffff:192.0.2.25]", true },
		{ "[192.0.2.25].", true },
		{ "[mail.example.org]", true },
		{ "m\xc3\xbcller.example", true }, /* listed in both forms */
		{ "XN--Mller-kva.example", true },
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
		{ "[198.51.100.9].", false },
		{ "[192.0.2.26]", false },
		{ "[[mail.example.org]]", false },
		{ "[mail.example.org", false },
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_us_from_others),
		cmocka_unit_test(believes_the_mta_with_care),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
