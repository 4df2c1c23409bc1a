/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "netlist.h"
#include "unit.h"

static void
parses_strictly(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "192.0.2.256", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.1.", NULL },
		{ "192.0.2.01", NULL },
		{ "0300.0.2.1", NULL },
		{ "0xc0.0.2.1", NULL },
		{ "3221225985", NULL },
		{ " 192.0.2.1", NULL },
		{ "192.0.2.1 ", NULL },
		{ "192.0.2.1/32", NULL },
		{ "unknown", NULL },
		{ "", NULL },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:192.0.2.1", "192.0.2.1" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "IPv6:2001:DB8::1", "2001:db8::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "fe80::1%eth0", "fe80::1" },
		{ "fe80::1%", NULL },
		{ "IPv6:192.0.2.1", NULL },
		{ "IPv6:", NULL },
		{ "2001:db8::1::2", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "::1", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char text[ADDR_TEXT];
		struct addr a;
		int rc = addr_parse(&a, str_of(rows[i].in));

		row_eq(rows[i].in, rc, rows[i].want == NULL ? -1 : 0);
		if (rc == 0)
			row_str_eq(rows[i].in, addr_format(text, &a), rows[i].want);
	}
}

static void
stops_at_a_nul(void **state)
{
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse(&a, STR("192.0.2.1\0")), -1);
	assert_int_equal(addr_parse(&a, STR("2001:db8::1\0x")), -1);
}

static void
folds_clients(void **state)
{
	static const struct {
		const char *in;
		unsigned prefix;
		const char *want;
	} rows[] = {
		{ "192.0.2.77", 64, "192.0.2.77" },
		{ "2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64" },
		{ "2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6" },
		{ "2001:db8:1:ffff::", 60, "2001:db8:1:fff0::/60" },
		{ "2001:db8:1:ffff::", 49, "2001:db8:1:8000::/49" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].in), c = addr_client(&a, rows[i].prefix);
		char text[ADDR_TEXT];

		row_str_eq(rows[i].in, addr_format_client(text, &c, rows[i].prefix), rows[i].want);
	}
}

static void
knows_special_addresses(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} rows[] = {
		{ "127.0.0.1", true }, { "127.8.9.10", true }, { "0.0.0.0", true }, { "224.0.0.1", true },
		{ "255.255.255.255", true }, { "169.254.1.1", true }, { "10.0.0.1", false }, { "128.0.0.1", false },
		{ "::1", true }, { "::", true }, { "::2", false }, { "fe80::1", true }, { "fec0::1", false },
		{ "ff02::1", true }, { "::ffff:127.0.0.1", true }, { "2001:db8::1", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].in);

		row_eq(rows[i].in, addr_is_special(&a), rows[i].want);
	}
}

static void
finds_networks(void **state)
{
	static const char *const good[] = { "192.0.2.0/24", "198.51.100.7", "2001:db8:5::/48", "::ffff:203.0.113.0/120" };
	static const char *const bad[] = { "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "2001:db8::1/64", "x", "",
		"192.0.2.0/2x", "2001:db8::/129" };
	static const struct {
		const char *in;
		bool want;
	} rows[] = {
		{ "192.0.2.0", true }, { "192.0.2.255", true }, { "192.0.3.0", false }, { "198.51.100.7", true },
		{ "198.51.100.8", false }, { "203.0.113.200", true }, { "2001:db8:5:ffff::1", true },
		{ "2001:db8:6::1", false },
	};
	struct netlist *l = netlist_new();
	struct err e;

	(void)state;
	for (size_t i = 0; i < ROWS(good); i++)
		row_eq(good[i], netlist_add(l, str_of(good[i]), &e), 0);
	for (size_t i = 0; i < ROWS(bad); i++)
		row_eq(bad[i], netlist_add(l, str_of(bad[i]), &e), -1);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].in);

		row_eq(rows[i].in, netlist_has(l, &a), rows[i].want);
	}
	assert_int_equal(netlist_size(l), ROWS(good));
	netlist_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_strictly),
		cmocka_unit_test(stops_at_a_nul),
		cmocka_unit_test(folds_clients),
		cmocka_unit_test(knows_special_addresses),
		cmocka_unit_test(finds_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
