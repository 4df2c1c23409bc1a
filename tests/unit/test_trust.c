/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_trust.c - whom nothing is learned about, whatever form his address has; and who is trusted only later */
#include <string.h>

#include "pipeline.h"
#include "unit.h"

#define T0 1000000

static struct policy policy;
static struct netlist *own, *allow;
static struct pipeline pl;
static unsigned heard; /* times that the kernel's part may have changed */

static void
hear(void *arg, const struct addr *client)
{
	(void)arg;
	(void)client;
	heard++;
}

static int
fresh(void **state)
{
	static const struct effects fx = { .block_changed = hear };

	(void)state;
	policy_defaults(&policy);
	policy.own = own = netlist_new();
	policy.allow = allow = netlist_new();
	heard = 0;
	pipeline_init(&pl, ledger_new(1000), &fx);
	return 0;
}

static int
done(void **state)
{
	(void)state;
	ledger_free(pl.ledger);
	netlist_free(own);
	netlist_free(allow);
	return 0;
}

static void
offend(const struct addr *a)
{
	struct event ev = { .kind = EVENT_RBL, .addr = *a, .time = T0 };

	for (unsigned i = 0; i < 30; i++)
		(void)pipeline_event(&pl, &policy, &ev, T0);
}

static void
look(void *arg, const struct addr *client, const struct record *r)
{
	char *sets = arg;

	(void)client;
	sets[SET_RELAY] = record_in(r, SET_RELAY, T0) ? 'r' : '-';
	sets[SET_CACHE] = record_in(r, SET_CACHE, T0) ? 'c' : '-';
	sets[SET_BLOCK] = record_in(r, SET_BLOCK, T0) ? 'b' : '-';
}

/* The sets that hold it: "rcb". */
static const char *
held(const struct addr *a)
{
	static char sets[SETS + 1];

	(void)memcpy(sets, "---", SETS + 1);
	(void)ledger_view(pl.ledger, &policy, a, look, sets);
	return sets;
}

static const struct {
	const char *addr, *login, *offences;
} rows[] = {
	{ "127.0.0.1", "---", "---" },
	{ "127.8.9.10", "---", "---" },
	{ "::1", "---", "---" },
	{ "::ffff:127.0.0.1", "---", "---" },
	{ "::", "---", "---" },
	{ "0.0.0.0", "---", "---" },
	{ "fe80::1%eth0", "---", "---" },
	{ "169.254.1.1", "---", "---" },
	{ "ff02::1", "---", "---" },
	{ "224.0.0.1", "---", "---" },
	{ "198.51.100.7", "---", "---" }, /* own_networks */
	{ "::ffff:198.51.100.7", "---", "---" },
	{ "IPv6:::ffff:198.51.100.7", "---", "---" },
	{ "2001:db8:5::1", "---", "---" },
	{ "IPv6:2001:DB8:5::1", "---", "---" },
	{ "2001:db8:5::1%3", "---", "---" },
	{ "192.0.2.7", "r--", "---" }, /* allow */
	{ "::ffff:192.0.2.7", "r--", "---" },
	{ "198.51.101.7", "r--", "-cb" }, /* anybody */
	{ "::ffff:203.0.113.7", "r--", "-cb" },
	{ "2001:db8:6::1", "r--", "-cb" },
};

static void
trust_them(void)
{
	assert_int_equal(netlist_add(own, STR("198.51.100.0/24"), NULL), 0);
	assert_int_equal(netlist_add(own, STR("2001:db8:5::/48"), NULL), 0);
	assert_int_equal(netlist_add(allow, STR("192.0.2.0/24"), NULL), 0);
}

static void
learns_nothing_of_the_trusted(void **state)
{
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].addr);
		struct event ev = { .kind = EVENT_LOGIN, .addr = a, .time = T0, .user = STR("anna") };

		trust_them();
		(void)pipeline_event(&pl, &policy, &ev, T0);
		row_str_eq(rows[i].addr, held(&a), rows[i].login);
		done(state);
		fresh(state);
		trust_them();
		offend(&a);
		row_str_eq(rows[i].addr, held(&a), rows[i].offences);
		done(state);
		fresh(state);
	}
}

static void
takes_back_what_it_learned(void **state)
{
	static const struct {
		const char *addr, *before, *after;
	} clients[] = {
		{ "198.51.100.7", "rcb", "---" },
		{ "192.0.2.7", "rcb", "r--" },
		{ "2001:db8:5:1::7", "rcb", "---" },
		{ "203.0.113.7", "rcb", "rcb" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(clients); i++) {
		struct addr a = address(clients[i].addr);

		offend(&a);
		(void)pipeline_add(&pl, &policy, SET_RELAY, &a, T0, 60, STR("anna"));
		(void)pipeline_add(&pl, &policy, SET_CACHE, &a, T0, 60, STR("by hand"));
		(void)pipeline_add(&pl, &policy, SET_BLOCK, &a, T0, 60, STR("by hand"));
		row_str_eq(clients[i].addr, held(&a), clients[i].before);
	}
	assert_int_equal(pipeline_trust(&pl, &policy, T0), 0);
	trust_them();
	heard = 0;
	assert_int_equal(pipeline_trust(&pl, &policy, T0), 3);
	assert_int_equal(heard, 3);
	for (size_t i = 0; i < ROWS(clients); i++) {
		struct addr a = address(clients[i].addr);

		row_str_eq(clients[i].addr, held(&a), clients[i].after);
	}
	assert_int_equal(pipeline_trust(&pl, &policy, T0), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(learns_nothing_of_the_trusted),
		TEST(takes_back_what_it_learned),
	};

	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
