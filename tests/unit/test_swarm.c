/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Incidents of whole networks, and of a client that is excused: what counts, what does not, and what it costs others.
 * Those of accounts, logins and domains are in test_guard.c. */
#include <stdio.h>
#include <string.h>

#include "pipeline.h"
#include "stats.h"
#include "unit.h"

#define T0 1000000

static struct policy policy;
static struct incident live[SWARM_LIVE];

static int
fresh(void **state)
{
	(void)state;
	policy_defaults(&policy);
	return 0;
}

static void
tell(struct guard *g, enum event_kind kind, const char *from, const char *user, unsigned changes, time_t at)
{
	struct event ev = { .kind = kind, .addr = address(from), .time = at, .user = str_of(user) };
	struct addr client = addr_client(&ev.addr, policy.ipv6_prefix);

	(void)guard_after(g, &policy, &ev, &client, changes, at);
}

/* A number in the place of the #. */
static const char *
nth(const char *with, unsigned n)
{
	static char text[64];
	const char *place = strchr(with, '#');

	(void)snprintf(text, sizeof text, "%.*s%u%s", (int)(place - with), with, n, place + 1);
	return text;
}

static void
a_network_is_its_strangers(void **state)
{
	static const struct {
		const char *name, *from; /* of 30 failures */
		unsigned changes;
		const char *is; /* the incident's name */
	} rows[] = {
		{ "a /24", "203.0.113.#", CHANGE_COUNTED, "203.0.113.0/24" },
		{ "a /48", "2001:db8:5:#::1", CHANGE_COUNTED, "2001:db8:5::/48" },
		{ "over its edge", "203.0.#.1", CHANGE_COUNTED, NULL },
		{ "over the other's edge", "2001:db8:#::1", CHANGE_COUNTED, NULL },
		{ "one client", "2001:db8:5:1::#", CHANGE_COUNTED, NULL },
		{ "while a breaker holds", "203.0.113.#", CHANGE_HELD, "203.0.113.0/24" },
		{ "known to behave", "203.0.113.#", CHANGE_COUNTED | CHANGE_GOOD, NULL },
		{ "known, and a breaker holds", "203.0.113.#", CHANGE_HELD | CHANGE_GOOD, NULL },
		{ "with credit", "203.0.113.#", CHANGE_FORGIVEN, NULL },
		{ "told before", "203.0.113.#", CHANGE_DUPLICATE, NULL },
		{ "trusted", "203.0.113.#", CHANGE_TRUSTED, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct guard *g = guard_new();
		unsigned n;

		for (unsigned k = 1; k <= 30; k++) {
			char user[16];

			(void)snprintf(user, sizeof user, "u%u", k);
			row_eq(rows[i].name, guard_live(g), 0);
			tell(g, EVENT_AUTH_FAILURE, nth(rows[i].from, k), user, rows[i].changes, T0 + k);
		}
		n = guard_incidents(g, &policy, T0 + 40, live, SWARM_LIVE);
		row_eq(rows[i].name, n, rows[i].is != NULL);
		if (n == 1) {
			assert_string_equal(live[0].name, rows[i].is);
			assert_int_equal(live[0].members, 30);
			assert_int_equal(live[0].shown, SWARM_SHOWN);
		}
		guard_free(g);
	}
}

/* Nobody has to be named to be counted. */
static void
an_account_that_is_not_told(void **state)
{
	struct guard *g = guard_new();

	(void)state;
	for (unsigned k = 1; k <= 30; k++)
		tell(g, EVENT_AUTH_FAILURE, nth("203.0.113.#", k), "", CHANGE_COUNTED, T0);
	assert_int_equal(guard_live(g), 1);
	guard_free(g);
}

/* 65 and 97 are 'A' and 'a', which are the same in names. */
static void
addresses_are_no_names(void **state)
{
	struct guard *g = guard_new();

	(void)state;
	for (unsigned k = 1; k <= 20; k++) {
		tell(g, EVENT_AUTH_FAILURE, nth("203.65.65.#", k), "", CHANGE_COUNTED, T0);
		tell(g, EVENT_AUTH_FAILURE, nth("203.97.97.#", k + 20), "", CHANGE_COUNTED, T0);
	}
	assert_int_equal(guard_live(g), 0);
	guard_free(g);
}

/* The event learns that its client's network attacks, or that its account is attacked: they are not the same. */
static void
strictness_says_why(void **state)
{
	static const struct {
		const char *name, *from, *user;
		unsigned strict, around;
	} rows[] = {
		{ "there", "203.0.113.99", "bob", 0, 3 }, { "elsewhere", "203.0.112.99", "bob", 0, 0 },
		{ "its account", "203.0.112.99", "alice", 3, 0 }, { "both", "203.0.113.99", "alice", 3, 3 },
	};
	struct guard *g = guard_new();

	(void)state;
	for (unsigned k = 1; k <= 30; k++)
		tell(g, EVENT_AUTH_FAILURE, nth("203.0.113.#", k), "", CHANGE_COUNTED, T0);
	for (unsigned k = 1; k <= 25; k++)
		tell(g, EVENT_AUTH_FAILURE, nth("10.0.#.1", k), "alice", CHANGE_COUNTED, T0);
	assert_int_equal(guard_live(g), 2);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct event ev = { .kind = EVENT_AUTH_FAILURE, .addr = address(rows[i].from), .time = T0,
			.user = str_of(rows[i].user) };

		guard_before(g, &policy, &ev, &ev.addr, T0);
		row_eq(rows[i].name, ev.strict, rows[i].strict);
		row_eq(rows[i].name, ev.strict_around, rows[i].around);
	}
	guard_free(g);
}

static void
others_that_fail_where_one_logs_in(void **state)
{
	static const struct {
		const char *name;
		unsigned fail, well, known; /* accounts that fail, that log in, and of the first how many have done so before */
		unsigned changes;
		bool is;
	} rows[] = {
		{ "one of his own", 30, 1, 0, CHANGE_FORGIVEN, true },
		{ "too few", 29, 1, 0, CHANGE_FORGIVEN, false },
		{ "his own among them", 30, 1, 1, CHANGE_FORGIVEN, false },
		{ "more log in", 30, 31, 0, CHANGE_FORGIVEN, false },
		{ "as many log in", 30, 30, 0, CHANGE_FORGIVEN, false },
		{ "fewer log in", 31, 30, 0, CHANGE_FORGIVEN, true },
		{ "an office, old passwords beside new ones", 50, 50, 50, CHANGE_FORGIVEN, false },
		{ "nothing excuses it", 60, 1, 0, CHANGE_COUNTED, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct guard *g = guard_new();
		unsigned n;

		tell(g, EVENT_AUTH_FAILURE, "203.0.113.1", rows[i].known > 0 ? "w1" : "f1", rows[i].changes, T0);
		for (unsigned k = 1; k <= rows[i].well; k++)
			tell(g, EVENT_LOGIN, "203.0.113.1", nth("w#", k), CHANGE_GRANTED, T0);
		for (unsigned k = 1; k <= rows[i].fail; k++) /* as other cases have it */
			tell(g, EVENT_AUTH_FAILURE, "203.0.113.1", nth(k <= rows[i].known ? "W#" : "f#", k),
			    rows[i].changes, T0 + k);
		n = guard_incidents(g, &policy, T0 + 61, live, SWARM_LIVE);
		row_eq(rows[i].name, n, rows[i].is);
		if (n == 1) {
			char text[256];

			assert_string_equal(live[0].name, "203.0.113.1");
			assert_int_equal(live[0].shown, 0); /* its members are accounts */
			assert_non_null(strstr(incident_text(text, sizeof text, &live[0]),
			    " accounts fail to log in from 203.0.113.1, where another login excuses it"));
		}
		guard_free(g);
	}
}

/* Slowly is not at once: a failure counts for an hour, and so does a login. */
static void
the_window_slides(void **state)
{
	struct guard *g = guard_new();

	(void)state;
	for (unsigned k = 0; k < 300; k++)
		tell(g, EVENT_AUTH_FAILURE, "203.0.113.1", nth("u#", k), CHANGE_FORGIVEN, T0 + (time_t)k * 130);
	assert_int_equal(guard_live(g), 0); /* 28 an hour */
	for (unsigned k = 0; k < 300; k++)
		tell(g, EVENT_AUTH_FAILURE, "203.0.113.2", nth("u#", k), CHANGE_FORGIVEN, T0 + (time_t)k * 119);
	assert_int_equal(guard_live(g), 1);
	guard_free(g);
}

/* A client is shown as the program names it. */
static void
a_client_of_ipv6_is_named_whole(void **state)
{
	struct guard *g = guard_new();
	struct notice n;

	(void)state;
	for (unsigned k = 0; k < 30; k++)
		tell(g, EVENT_AUTH_FAILURE, "2001:db8::1:2:3", nth("u#", k), CHANGE_FORGIVEN, T0);
	assert_true(guard_notice(g, &n));
	assert_string_equal(n.text,
	    "INCIDENT: 30 accounts fail to log in from 2001:db8::/64, where another login excuses it");
	guard_free(g);
}

/* Whoever has a /32 of IPv6 has 65536 networks of thousands of clients each: they take the places of networks alone, and
 * their incidents the room of networks' incidents. */
static void
networks_push_out_no_account(void **state)
{
	struct swarm *s = swarm_new();
	struct aim alice = { TARGET_ACCOUNT, STR("alice"), false }, bob = { TARGET_ACCOUNT, STR("bob"), false };
	struct aim network = { TARGET_NETWORK, STR_NONE, false };
	struct incident i;

	(void)state;
	policy.incident_network.n = 3;
	for (unsigned k = 0; k < 24; k++) {
		struct addr a = address(nth("10.0.#.1", k));

		assert_false(swarm_hear(s, &policy, &alice, &a, T0, T0, &i));
	}
	for (unsigned k = 0; k < 25; k++) {
		struct addr a = address(nth("10.0.#.2", k));

		assert_int_equal(swarm_hear(s, &policy, &bob, &a, T0, T0, &i), k == 24);
	}
	for (unsigned k = 0; k < 65536; k++)
		for (unsigned c = 0; c < (k < 4096 ? 30 : 4); c++) {
			char text[64];
			struct addr a;

			(void)snprintf(text, sizeof text, "2001:db8:%x:%x::", k, c);
			a = address(text);
			(void)swarm_hear(s, &policy, &network, &a, T0 + 1, T0 + 1, &i);
		}
	assert_int_equal(swarm_live(s), SWARM_EACH + 1);
	assert_true(swarm_attacked(s, &bob, &(struct addr){ { 0 } }, T0 + 1));
	assert_true(swarm_hear(s, &policy, &alice, &(struct addr){ { 1 } }, T0 + 2, T0 + 2, &i));
	assert_string_equal(i.name, "alice");
	assert_int_equal(i.members, 25);
	swarm_free(s);
}

/* So many clients fail on the n-th account; does an incident begin with the last of them? */
static bool
fail_on(struct swarm *s, unsigned n, unsigned clients, uint32_t at)
{
	struct aim account = { TARGET_ACCOUNT, str_of(nth("u#", n)), false };
	struct incident i;
	bool begun = false;

	for (unsigned k = 1; k <= clients; k++) {
		struct addr a = { { [10] = 0xff, 0xff, 10, 0, 0, (uint8_t)k } };

		assert_false(begun);
		begun = swarm_hear(s, &policy, &account, &a, at, at, &i);
	}
	return begun;
}

/* Of 128 accounts the smallest makes room, and never a network, be it smaller; when all is over there is room again. */
static void
a_sort_makes_room_for_its_own(void **state)
{
	struct swarm *s = swarm_new();
	struct aim network = { TARGET_NETWORK, STR_NONE, false };
	struct addr one = address("2001:db8:1:1::"), two = address("2001:db8:1:2::");
	struct incident i;

	(void)state;
	policy.incident_network.n = 2;
	policy.incident_account.n = 4;
	assert_false(swarm_hear(s, &policy, &network, &one, T0, T0, &i));
	assert_true(swarm_hear(s, &policy, &network, &two, T0, T0, &i));
	for (unsigned n = 0; n < SWARM_EACH; n++)
		assert_true(fail_on(s, n, 4, T0));
	assert_false(fail_on(s, SWARM_EACH, 4, T0));
	assert_true(fail_on(s, SWARM_EACH + 1, 5, T0));
	assert_int_equal(swarm_live(s), SWARM_EACH + 1);
	assert_true(swarm_attacked(s, &network, &one, T0));
	for (unsigned n = 0; n <= SWARM_EACH; n++)
		assert_true(swarm_over(s, T0 + 86400, &i));
	assert_false(swarm_over(s, T0 + 86400, &i));
	for (unsigned n = 0; n < SWARM_EACH; n++)
		assert_true(fail_on(s, 1000 + n, 4, T0 + 86400));
	swarm_free(s);
}

/* Logins are heard where something has failed, and take nobody's place elsewhere. */
static void
logins_alone_take_no_place(void **state)
{
	struct swarm *s = swarm_new();
	struct aim well = { TARGET_CLIENT, STR("anna"), true }, net = { TARGET_NETWORK, STR_NONE, false };
	uint64_t before = stat_get(STAT_TARGETS_DROPPED);
	struct incident i;

	(void)state;
	for (unsigned k = 1; k < 30; k++) {
		struct addr a = address(nth("203.0.113.#", k));

		assert_false(swarm_hear(s, &policy, &net, &a, T0, T0, &i));
	}
	for (unsigned k = 0; k < 100000; k++) {
		struct addr a = { { [10] = 0xff, 0xff, 10, (uint8_t)(k >> 16), (uint8_t)(k >> 8), (uint8_t)k } };

		assert_false(swarm_hear(s, &policy, &well, &a, T0 + 1, T0 + 1, &i));
	}
	assert_true(swarm_hear(s, &policy, &net, &(struct addr){ { [10] = 0xff, 0xff, 203, 0, 113, 30 } }, T0 + 2, T0 + 2, &i));
	assert_int_equal(stat_get(STAT_TARGETS_DROPPED) - before, 0);
	swarm_free(s);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_network_is_its_strangers),
		TEST(an_account_that_is_not_told),
		TEST(addresses_are_no_names),
		TEST(strictness_says_why),
		TEST(others_that_fail_where_one_logs_in),
		TEST(the_window_slides),
		TEST(a_client_of_ipv6_is_named_whole),
		TEST(networks_push_out_no_account),
		TEST(a_sort_makes_room_for_its_own),
		TEST(logins_alone_take_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
