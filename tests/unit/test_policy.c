/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_policy.c - what offences bring about, by how many and for how long, and what an administrator says */
#include "policy_rig.h"

static void
blocks_at_the_thresholds(void **state)
{
	static const struct {
		const char *name;
		enum event_kind kind;
		unsigned n;
		time_t step;
		enum threshold_kind by;
		uint32_t term;
	} rows[] = {
		{ "9 in a minute", EVENT_RBL, 9, 6, BY_NONE, 0 },
		{ "10 in 54 s", EVENT_RBL, 10, 6, BY_RATE, 3600 },
		{ "10 in 60 s are 10 in 61", EVENT_RELAY_DENIED, 10, 60 / 9 + 1, BY_NONE, 0 },
		{ "24 in a day", EVENT_RBL, 24, 3000, BY_NONE, 0 },
		{ "25 in 20 hours", EVENT_RBL, 25, 3000, BY_TOTAL, 86400 },
		{ "25 in 25 hours", EVENT_RBL, 25, 3750, BY_NONE, 0 },
		{ "10 wrong passwords in 9 min", EVENT_AUTH_FAILURE, 10, 60, BY_RATE, 3600 },
		{ "99 wrong passwords in a day", EVENT_AUTH_FAILURE, 99, 800, BY_NONE, 0 },
		{ "100 wrong passwords in a day", EVENT_AUTH_FAILURE, 100, 800, BY_TOTAL, 86400 },
		{ "dictionary", EVENT_UNKNOWN_USER, 10, 1, BY_RATE, 3600 },
		{ "slow dictionary", EVENT_UNKNOWN_USER, 50, 1000, BY_TOTAL, 86400 },
		{ "slow dictionary, not yet", EVENT_UNKNOWN_USER, 49, 1000, BY_NONE, 0 },
		{ "19 protocol errors", EVENT_PROTOCOL, 19, 1, BY_NONE, 0 },
		{ "20 protocol errors", EVENT_PROTOCOL, 20, 1, BY_RATE, 3600 },
		{ "19 times too fast", EVENT_RATE_LIMIT, 19, 1, BY_NONE, 0 },
		{ "20 times too fast", EVENT_RATE_LIMIT, 20, 1, BY_RATE, 3600 },
		{ "protocol errors have no total", EVENT_PROTOCOL, 1000, 10, BY_NONE, 0 },
		{ "policy never counts", EVENT_POLICY, 1000, 0, BY_NONE, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		time_t last = T0 + rows[i].step * (time_t)(rows[i].n - 1);

		fresh(state);
		offend(rows[i].kind, rows[i].n, T0, rows[i].step);
		row_eq(rows[i].name, record.blocked_by, rows[i].by);
		if (rows[i].by != BY_NONE) {
			row_eq(rows[i].name, record.blocked_until, last + rows[i].term);
			row_eq(rows[i].name, record.blocked_kind, rows[i].kind);
		}
		done(state);
	}
}

static void
one_typing_error_repeated_is_one(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		tell(EVENT_UNKNOWN_USER, T0 + i, "alcie@example.org");
	assert_int_equal(record.blocked_by, BY_NONE);
	assert_int_equal(record_tally(&record, EVENT_UNKNOWN_USER)->len, 1);
}

/* Ten in a minute are ten, though one of them had been tried before. */
static void
a_name_tried_before_counts_anew(void **state)
{
	(void)state;
	tell(EVENT_UNKNOWN_USER, T0, "u0@example.org");
	offend(EVENT_UNKNOWN_USER, 10, T0 + 300, 1);
	assert_int_equal(record.blocked_until, T0 + 309 + 3600);
	record_clear(&record);
	tell(EVENT_UNKNOWN_USER, T0, "u9@example.org");
	offend(EVENT_UNKNOWN_USER, 9, T0 + 300, 1);
	assert_int_equal(record.blocked_by, BY_NONE);
	assert_int_equal(tell(EVENT_UNKNOWN_USER, T0 + 309, "u9@example.org"), CHANGE_BLOCKED);
}

/* The breaker wants to know whom a block hits, whichever way the last hit was counted. */
static void
a_block_of_who_is_known_says_so(void **state)
{
	(void)state;
	tell(EVENT_LOGIN, T0 - 3600, NULL);
	tell(EVENT_UNKNOWN_USER, T0, "u9@example.org");
	offend(EVENT_UNKNOWN_USER, 9, T0 + 300, 1);
	assert_int_equal(tell(EVENT_UNKNOWN_USER, T0 + 309, "u9@example.org"), CHANGE_BLOCKED | CHANGE_GOOD);
}

static void
caches_what_is_certain_at_once(void **state)
{
	for (unsigned k = 0; k < EVENT_KINDS; k++) {
		bool want = k == EVENT_RBL || k == EVENT_HELO_FORGERY || k == EVENT_SENDER_FORGERY ||
		    k == EVENT_RECIPIENT_FORGERY;

		fresh(state);
		row_eq(event_kind_name(k), (tell(k, T0, "x@example.org") & CHANGE_CACHED) != 0, want);
		row_eq(event_kind_name(k), record_cached(&record, T0), want);
		done(state);
	}
}

static void
cache_entries_end(void **state)
{
	struct addr a = address("192.0.2.1");
	struct event retry = { .kind = EVENT_RBL, .source = SOURCE_MILTER, .time = T0 + 80000 };

	(void)state;
	tell(EVENT_RBL, T0, NULL);
	assert_string_equal(record.cached_zone, "zen.example");
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 86399), VERDICT_CACHED);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 86400), VERDICT_CONTINUE);
	policy_apply(&policy, &record, &retry, T0 + 80000); /* our own refusal does not prolong */
	assert_int_equal(record.cached_until, T0 + 86400);
	assert_int_equal(record.cached_hits, 2);
	tell(EVENT_RBL, T0 + 80001, NULL); /* the MTA's does */
	assert_int_equal(record.cached_until, T0 + 80001 + 86400);
}

/* What was dated after the present is moved before it, and may then be older than what was not. */
static void
a_clock_set_back_keeps_distances(void **state)
{
	static const struct {
		time_t at;
		const char *recipient;
	} hits[] = { { T0 + 10, "b@a.example" }, { T0 + 110, "a@a.example" }, { T0 + 300, "c@a.example" } };
	const struct tally *t;
	uint32_t tags[ROWS(hits)];

	(void)state;
	for (size_t i = 0; i < ROWS(hits); i++)
		tell(EVENT_RELAY_DENIED, hits[i].at, hits[i].recipient);
	t = record_tally(&record, EVENT_RELAY_DENIED);
	for (size_t i = 0; i < ROWS(hits); i++)
		tags[i] = t->hits[i].tag;
	assert_false(policy_settle(&policy, &record, T0 + 290)); /* no more than a second thread's idea of now */
	assert_true(policy_settle(&policy, &record, T0 + 50));
	assert_int_equal(t->hits[0].at, T0 + 110 - 250);
	assert_int_equal(t->hits[1].at, T0 + 10);
	assert_int_equal(t->hits[2].at, T0 + 50);
	assert_int_equal(t->hits[0].tag, tags[1]);
	assert_int_equal(t->hits[1].tag, tags[0]);
	assert_int_equal(t->hits[2].tag, tags[2]);
	assert_int_equal(record.seen, T0 + 50);
	assert_false(policy_settle(&policy, &record, T0 + 50));
}

static void
a_clock_set_back_keeps_a_user(void **state)
{
	(void)state;
	tell(EVENT_LOGIN, T0 + 300, NULL);
	tell(EVENT_LOGIN, T0 + 400, NULL);
	assert_true(policy_settle(&policy, &record, T0));
	assert_int_equal(record.grant->first, T0 - 100);
	assert_int_equal(record.grant->last, T0);
	assert_int_equal(record.grant->until, T0 + 900);
	assert_int_equal(record.login, T0);
	assert_int_equal(tell(EVENT_RBL, T0 + 1, NULL), CHANGE_FORGIVEN);
}

/* Begun before what is the present now, and prolonged after it: no longer than one that begins now.  What an administrator
 * has said stays. */
static void
a_clock_set_back_prolongs_nothing(void **state)
{
	static const struct {
		const char *name;
		enum threshold_kind by;
		uint8_t blocks;
		uint32_t most; /* seconds from now */
	} rows[] = {
		{ "rate", BY_RATE, 1, 86400 }, /* the greater term of its kind */
		{ "total", BY_TOTAL, 1, 86400 },
		{ "the third time", BY_TOTAL, 3, 4 * 86400 },
		{ "hand", BY_HAND, 1, 20 * 86400 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh(state);
		record.blocked_at = record.cached_at = T0 - 100;
		record.blocked_until = record.cached_until = T0 + 20 * 86400;
		record.blocked_by = (uint8_t)rows[i].by;
		record.blocked_kind = rows[i].by == BY_HAND ? EVENT_KINDS : EVENT_RELAY_DENIED;
		record.cached_kind = record.blocked_kind;
		record.blocks = rows[i].blocks;
		record.seen = T0 + 1000;
		assert_true(policy_settle(&policy, &record, T0));
		row_eq(rows[i].name, record.blocked_until, T0 + rows[i].most);
		row_eq(rows[i].name, record.cached_until, T0 + (rows[i].by == BY_HAND ? 20 : 1) * 86400);
		done(state);
	}
}

static void
a_line_from_the_future_is_now(void **state)
{
	struct event ev = { .kind = EVENT_LOGIN, .time = T0 + 1000000 };

	(void)state;
	policy_apply(&policy, &record, &ev, T0);
	assert_int_equal(record.grant->until, T0 + 900);
}

static void
terms_double(void **state)
{
	time_t at = T0;
	static const uint32_t want[] = { 1, 2, 4, 8, 16, 32, 64, 128, 168, 168 }; /* hours; block_max is a week */

	(void)state;
	policy.kind[EVENT_RBL].total.n = 0;
	for (size_t i = 0; i < ROWS(want); i++) {
		offend(EVENT_RBL, 10, at, 0);
		row_eq("term", record.blocked_until - record.blocked_at, want[i] * 3600);
		at = (time_t)record.blocked_until + 100;
	}
	offend(EVENT_RBL, 10, at + 31 * 86400, 0); /* a month of peace */
	row_eq("after a month", record.blocked_until - record.blocked_at, 3600);
}

static void
a_graver_threshold_prolongs(void **state)
{
	(void)state;
	offend(EVENT_RBL, 10, T0, 1);
	assert_int_equal(record.blocked_by, BY_RATE);
	offend(EVENT_RBL, 15, T0 + 10, 1);
	assert_int_equal(record.blocked_by, BY_TOTAL);
	assert_int_equal(record.blocked_until, T0 + 24 + 86400);
	assert_int_equal(record.blocks, 1);
}

static void
a_hand_outweighs(void **state)
{
	struct addr a = address("192.0.2.1");

	(void)state;
	assert_int_equal(policy_add(&policy, &record, SET_BLOCK, T0, 600, STR("because")), CHANGE_BLOCKED);
	tell(EVENT_LOGIN, T0 + 1, NULL);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 2), VERDICT_BLOCKED);
	assert_string_equal(record.blocked_note, "because");
	assert_int_equal(policy_del(&policy, &record, SET_BLOCK, T0 + 3), CHANGE_UNBLOCKED);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 3), VERDICT_RELAY);
	assert_int_equal(policy_del(&policy, &record, SET_RELAY, T0 + 3), CHANGE_UNGRANTED);
	assert_int_equal(policy_del(&policy, &record, SET_RELAY, T0 + 3), 0);
	assert_int_equal(policy_add(&policy, &record, SET_CACHE, T0 + 3, 0, STR("spammer")), CHANGE_CACHED);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 3), VERDICT_CACHED);
	assert_int_equal(record.cached_kind, EVENT_KINDS);
}

static void
an_unblocked_client_starts_anew(void **state)
{
	(void)state;
	offend(EVENT_RELAY_DENIED, 10, T0, 1);
	policy_del(&policy, &record, SET_BLOCK, T0 + 10);
	assert_int_equal(tell(EVENT_RELAY_DENIED, T0 + 11, "x@example.net"), CHANGE_COUNTED);
}

static void
kinds_can_be_switched_off(void **state)
{
	(void)state;
	policy.kind[EVENT_RBL].on = false;
	policy.kind[EVENT_LOGIN].on = false;
	assert_int_equal(offend(EVENT_RBL, 100, T0, 0), 0);
	assert_int_equal(tell(EVENT_LOGIN, T0, NULL), 0);
	policy.kind[EVENT_LOGIN].on = true;
	policy.relay_for = 0;
	assert_int_equal(tell(EVENT_LOGIN, T0, NULL), 0);
	assert_int_equal(record.login, T0);
}

static void
trusts_its_own(void **state)
{
	static const struct {
		const char *addr;
		bool trusted, login_ignored, offence_ignored;
	} rows[] = {
		{ "127.0.0.1", true, true, true },   { "::1", true, true, true },
		{ "192.0.2.1", true, true, true },   { "198.51.100.1", true, false, true },
		{ "203.0.113.1", false, false, false },
	};
	struct netlist *own = netlist_new(), *allow = netlist_new();

	(void)state;
	netlist_add(own, STR("192.0.2.1"), NULL);
	netlist_add(allow, STR("198.51.100.0/24"), NULL);
	policy.own = own;
	policy.allow = allow;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct addr a = address(rows[i].addr);

		row_eq(rows[i].addr, policy_trusts(&policy, &a), rows[i].trusted);
		row_eq(rows[i].addr, policy_ignores(&policy, &a, EVENT_LOGIN), rows[i].login_ignored);
		row_eq(rows[i].addr, policy_ignores(&policy, &a, EVENT_RBL), rows[i].offence_ignored);
	}
	netlist_free(own);
	netlist_free(allow);
}

/* Each number of each kind, and off. */
static void
every_number_is_the_configurations(void **state)
{
	for (enum event_kind k = EVENT_AUTH_FAILURE; k < EVENT_KINDS; k++) {
		fresh(state);
		policy.block_max = 1000;
		policy.kind[k] = (struct kind_policy){ .rate = { 3, 7, 50 }, .total = { 5, 1000, 600 }, .on = true };
		offend(k, 3, T0, 3);
		row_eq(event_kind_name(k), record.blocked_until, T0 + 6 + 50);
		offend(k, 2, T0 + 100, 100);
		row_eq(event_kind_name(k), record.blocked_by, BY_TOTAL);
		row_eq(event_kind_name(k), record.blocked_until, T0 + 200 + 1000); /* 600, doubled, and no more than block_max */
		row_eq(event_kind_name(k), record.cached_until, 0);
		done(state);

		fresh(state);
		policy.kind[k].rate.n = policy.kind[k].total.n = 0;
		policy.kind[k].caches = true;
		row_eq(event_kind_name(k), offend(k, 1000, T0, 0), CHANGE_CACHED);
		done(state);
	}
}

/* The 24th hour and the second after; the last second of a month and the one after. */
static void
windows_end_on_the_second(void **state)
{
	offend(EVENT_RBL, 25, T0, 3600);
	assert_int_equal(record.blocked_by, BY_NONE); /* 25 in 24 h and a second */
	done(state);
	fresh(state);
	offend(EVENT_RBL, 24, T0, 3600);
	tell(EVENT_RBL, T0 + 86399, NULL);
	assert_int_equal(record.blocked_by, BY_TOTAL);
	done(state);
	for (int late = 0; late < 2; late++) {
		fresh(state);
		offend(EVENT_PROTOCOL, 20, T0, 0);
		offend(EVENT_PROTOCOL, 20, T0 + POLICY_REPEAT + late, 0);
		assert_int_equal(record.blocked_until - record.blocked_at, late ? 3600 : 7200);
		done(state);
	}
}

static void
forgets_what_is_over(void **state)
{
	(void)state;
	assert_true(policy_forgets(&policy, &record, T0));
	tell(EVENT_RELAY_DENIED, T0, "x@example.net");
	assert_false(policy_forgets(&policy, &record, T0 + 86399));
	assert_true(policy_forgets(&policy, &record, T0 + 86400));
	offend(EVENT_RELAY_DENIED, 10, T0, 0);
	assert_false(policy_forgets(&policy, &record, T0 + 29 * 86400)); /* a repeat offender is remembered */
	assert_true(policy_forgets(&policy, &record, T0 + 31 * 86400));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blocks_at_the_thresholds),
		TEST(one_typing_error_repeated_is_one),
		TEST(a_name_tried_before_counts_anew),
		TEST(a_block_of_who_is_known_says_so),
		TEST(caches_what_is_certain_at_once),
		TEST(cache_entries_end),
		TEST(a_clock_set_back_keeps_distances),
		TEST(a_clock_set_back_keeps_a_user),
		TEST(a_clock_set_back_prolongs_nothing),
		TEST(a_line_from_the_future_is_now),
		TEST(terms_double),
		TEST(a_graver_threshold_prolongs),
		TEST(a_hand_outweighs),
		TEST(an_unblocked_client_starts_anew),
		TEST(kinds_can_be_switched_off),
		TEST(trusts_its_own),
		TEST(every_number_is_the_configurations),
		TEST(windows_end_on_the_second),
		TEST(forgets_what_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
