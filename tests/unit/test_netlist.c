/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearby.h"
#include "unit.h"

#define NETS  400
#define ASKED 20000

static uint32_t seed = 1;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

/* Addresses from a small place, so that networks overlap and touch. */
static struct addr
some_addr(bool six)
{
	struct addr a = six ? (struct addr){ .b = { 0x20, 1, 0x0d, 0xb8 } } : (struct addr){ .b = { [10] = 0xff, [11] = 0xff, 10 } };

	for (unsigned i = six ? 4 : 14; i < 16; i++)
		a.b[i] = (uint8_t)(i < 14 && i > 5 ? 0 : rnd(256));
	return a;
}

struct plain {
	struct addr base;
	unsigned bits;
};

static bool
agree(const struct addr *a, const struct addr *b, unsigned bits)
{
	for (unsigned i = 0; i < bits; i++)
		if ((a->b[i / 8] ^ b->b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static void
clear_behind(struct addr *a, unsigned bits)
{
	for (unsigned i = bits; i < 128; i++)
		a->b[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

/* Against a plain list of prefixes, sealed and not. */
static void
finds_what_a_plain_list_finds(void **state)
{
	static struct plain plain[NETS];
	struct netlist *l = netlist_new();

	(void)state;
	for (unsigned i = 0; i < NETS; i++) {
		bool six = rnd(2) == 0;
		unsigned bits = six ? 32 + rnd(97) : 16 + rnd(17);
		char text[ADDR_TEXT + 8];

		plain[i].base = some_addr(six);
		plain[i].bits = six ? bits : bits + 96;
		clear_behind(&plain[i].base, plain[i].bits);
		addr_format(text, &plain[i].base);
		(void)snprintf(text + strlen(text), 8, "/%u", bits);
		assert_int_equal(netlist_add(l, str_of(text), NULL), 0);
		if (i == NETS / 2)
			netlist_seal(l);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < ASKED; i++) {
			struct addr a = some_addr(rnd(2) == 0);
			bool want = false;

			for (unsigned k = 0; k < NETS && !want; k++)
				want = agree(&a, &plain[k].base, plain[k].bits);
			row_eq(round == 0 ? "half sealed" : "sealed", netlist_has(l, &a), want);
		}
		netlist_seal(l);
	}
	assert_int_equal(netlist_size(l), NETS);
	netlist_free(l);
}

static void
holds_the_ends_of_the_world(void **state)
{
	struct netlist *l = netlist_new();
	struct addr last = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), zero = address("::");

	(void)state;
	assert_false(netlist_has(NULL, &zero));
	assert_false(netlist_has(l, &zero));
	assert_int_equal(netlist_add(l, STR("ffff::/16"), NULL), 0);
	assert_int_equal(netlist_add(l, STR("ffff:ffff::/32"), NULL), 0);
	netlist_seal(l);
	assert_true(netlist_has(l, &last));
	assert_false(netlist_has(l, &zero));
	assert_int_equal(netlist_add(l, STR("::/0"), NULL), 0);
	netlist_seal(l);
	assert_true(netlist_has(l, &zero));
	netlist_free(l);
}

/* Where a client is a /64, the allowlisted host in it is not to be blocked with its neighbours. */
static void
widens_to_clients(void **state)
{
	struct netlist *from = netlist_new(), *l = netlist_new(), *same = netlist_new();
	struct addr in = address("2001:db8:1:2:ffff::1"), out = address("2001:db8:1:3::1"), four = address("192.0.2.2");
	char text[NETLIST_TEXT];

	(void)state;
	assert_int_equal(netlist_add(from, STR("2001:db8:1:2::5"), NULL), 0);
	assert_int_equal(netlist_add(from, STR("2001:db8:9::/48"), NULL), 0);
	assert_int_equal(netlist_add(from, STR("192.0.2.1"), NULL), 0);
	netlist_add_clients(l, from, 64);
	netlist_seal(l);
	assert_true(netlist_has(l, &in));
	assert_false(netlist_has(l, &out));
	assert_false(netlist_has(l, &four));
	netlist_add_clients(same, from, 64);
	netlist_seal(same);
	assert_true(netlist_eq(l, same));
	assert_string_equal(netlist_text(l, 1, text), "2001:db8:1:2::-2001:db8:1:2:ffff:ffff:ffff:ffff");
	assert_false(netlist_eq(l, NULL));
	netlist_free(from);
	netlist_free(l);
	netlist_free(same);
}

static FILE *
file_of(const char *text)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r"); /* only read */

	assert_non_null(in);
	return in;
}

static void
knows_gateways_and_resolvers(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} rows[] = {
		{ "192.0.2.1", true }, { "192.0.2.9", false }, { "198.51.100.0", false }, { "2001:db8::1", true },
		{ "2001:db8::2", false }, { "203.0.113.53", true }, { "203.0.113.54", false }, { "2001:db8:5::53", true },
	};
	/* 192.0.2.1 as this machine writes it */
	const uint8_t b[4] = { 192, 0, 2, 1 };
	uint32_t gateway;
	char route[512], text[NETLIST_TEXT];
	struct netlist *l = netlist_new();
	FILE *in;

	(void)state;
	memcpy(&gateway, b, 4);
	(void)snprintf(route, sizeof route,
	    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"
	    "eth0\t00000000\t%08X\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
	    "eth0\t006433C6\t%08X\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
	    "rubbish\n\n", gateway, gateway ^ 0x08000008u);
	nearby_gateways4(l, in = file_of(route));
	fclose(in);
	nearby_gateways6(l, in = file_of(
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 "
	    "00000400 00000001 00000000 00000003 eth0\n"
	    "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 20010db8000000000000000000000002 "
	    "00000100 00000001 00000000 00000003 eth0\n"
	    "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 "
	    "00000400 00000001 00000000 00000003 eth0\nrubbish\n"));
	fclose(in);
	nearby_resolvers(l, in = file_of("# nameserver 203.0.113.54\n  nameserver 203.0.113.53\nnameserver 2001:db8:5::53\n"
	    "nameserver 127.0.0.53\nnameserver x\nsearch example.org\n"));
	fclose(in);
	netlist_seal(l);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].in);

		row_eq(rows[i].in, netlist_has(l, &a), rows[i].want);
	}
	assert_int_equal(netlist_size(l), 4);
	assert_string_equal(netlist_text(l, 0, text), "192.0.2.1");
	assert_string_equal(netlist_text(l, 3, text), "2001:db8:5::53");
	assert_null(netlist_text(l, 4, text));
	netlist_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_plain_list_finds),
		cmocka_unit_test(holds_the_ends_of_the_world),
		cmocka_unit_test(widens_to_clients),
		cmocka_unit_test(knows_gateways_and_resolvers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
