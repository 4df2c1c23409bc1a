/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_policy_guard.c - what changes while a breaker is open or a distributed attack goes on */
#include "policy_rig.h"

/* What a guard says of the event. */
static unsigned
tell_under(enum event_kind kind, time_t at, unsigned strict, unsigned held)
{
	struct event ev = { .kind = kind, .time = at, .zone = STR("zen.example"), .strict = (uint8_t)strict,
		.held = (uint8_t)held };

	return policy_apply(&policy, &record, &ev, at);
}

static void
an_attack_lowers_the_rate(void **state)
{
	static const struct {
		const char *name;
		uint32_t n;
		unsigned strict, want; /* hits that block */
	} rows[] = {
		{ "no attack", 10, 0, 10 }, { "1 is none", 10, 1, 10 }, { "a third, rounded up", 10, 3, 4 },
		{ "never below 3", 10, 100, 3 }, { "never above its own", 2, 3, 2 }, { "3 stay 3", 3, 3, 3 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned n = 0, changes;

		fresh(state);
		policy.kind[EVENT_AUTH_FAILURE].rate.n = rows[i].n;
		do
			changes = tell_under(EVENT_AUTH_FAILURE, T0 + n, rows[i].strict, 0);
		while (++n < 20 && !(changes & CHANGE_BLOCKED));
		row_eq(rows[i].name, n, rows[i].want);
		row_eq(rows[i].name, (changes & CHANGE_STRICT) != 0, rows[i].want < rows[i].n);
		done(state);
	}
}

/* The lowered n, here 4, is of what was aimed at the attacked. */
static void
an_attack_elsewhere_is_another(void **state)
{
	static const struct {
		const char *name;
		enum event_kind kind;
		const char *before, *at; /* 9 of the first, the others during an attack */
		bool caches, blocked;
	} rows[] = {
		{ "its account", EVENT_AUTH_FAILURE, "bob", "alice", false, true },
		{ "its domain", EVENT_UNKNOWN_USER, "@example.net", "@example.org", false, true },
		{ "its domain's trap", EVENT_RECIPIENT_FORGERY, "@example.net", "@EXAMPLE.org", false, true },
		{ "of a session no target is known", EVENT_RECIPIENT_FORGERY, "@example.net", "@example.org", true, false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned changes = 0;

		fresh(state);
		policy.kind[rows[i].kind].rate.n = 20;
		policy.kind[rows[i].kind].caches = rows[i].caches;
		for (unsigned k = 0; k < 16; k++) {
			struct event ev = { .kind = rows[i].kind, .time = T0 + 1, .strict = k < 9 ? 0 : 5 };
			char text[32], port[8];

			(void)snprintf(text, sizeof text, "u%u%s", k, k < 9 ? rows[i].before : rows[i].at);
			(void)snprintf(port, sizeof port, "%u", k);
			ev.user = str_of(k < 9 ? rows[i].before : rows[i].at);
			ev.recipient = str_of(text);
			ev.session = str_of(port);
			row_eq(rows[i].name, (changes & CHANGE_BLOCKED) != 0, rows[i].blocked && k >= 13);
			changes |= policy_apply(&policy, &record, &ev, T0 + 1);
		}
		row_eq(rows[i].name, (changes & CHANGE_STRICT) != 0, rows[i].blocked);
		done(state);
	}
}

/* In a network that attacks it is different accounts that count, and a stranger's alone. */
static void
a_few_accounts_in_a_network_that_attacks(void **state)
{
	static const struct {
		const char *name;
		unsigned accounts, span; /* of 9 failures, a second apart, or so many */
		bool login;
		unsigned blocked; /* by which; 0: none */
	} rows[] = {
		{ "one account each", 9, 1, false, 4 },
		{ "three over and over", 3, 1, false, 0 },
		{ "the fourth at last", 4, 1, false, 4 },
		{ "one over and over", 1, 1, false, 0 },
		{ "three in any window", 9, 200, false, 0 },
		{ "known to behave", 9, 1, true, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned changes = 0, blocked = 0;

		fresh(state);
		if (rows[i].login)
			tell(EVENT_LOGIN, T0 - 3600, NULL);
		for (unsigned k = 0; k < 9; k++) {
			struct event ev = { .kind = EVENT_AUTH_FAILURE, .time = T0 + (time_t)k * rows[i].span, .strict_around = 3 };
			struct policy_lowering low;
			char user[16];

			(void)snprintf(user, sizeof user, "u%u", k % rows[i].accounts);
			ev.user = str_of(user);
			changes = policy_apply(&policy, &record, &ev, ev.time);
			row_eq(rows[i].name, (changes & CHANGE_GOOD) != 0, rows[i].login);
			if (blocked == 0 && (changes & CHANGE_BLOCKED))
				blocked = k + 1;
			row_eq(rows[i].name, policy_lowering_around(&policy, &record, ev.time, &low), !rows[i].login);
			if (!rows[i].login && rows[i].span == 1)
				row_eq(rows[i].name, low.have, k + 1 < rows[i].accounts ? k + 1 : rows[i].accounts);
		}
		row_eq(rows[i].name, blocked, rows[i].blocked);
		done(state);
	}
}

static void
who_behaves_is_judged_as_ever(void **state)
{
	static const struct {
		const char *name;
		time_t ago;
		bool good;
	} rows[] = { { "today", 3600, true }, { "in the week", 7 * 86400 - 4, true }, { "before", 7 * 86400, false } };

	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned changes = 0, last = 0;

		fresh(state);
		tell(EVENT_LOGIN, T0 - rows[i].ago, NULL);
		for (int k = 0; k < 4; k++)
			changes |= tell_under(EVENT_RELAY_DENIED, T0 + k, 3, 0);
		row_eq(rows[i].name, (changes & CHANGE_BLOCKED) == 0, rows[i].good);
		for (int k = 4; k < 10; k++)
			changes |= last = tell_under(EVENT_RELAY_DENIED, T0 + k, 3, 0);
		row_eq(rows[i].name, (changes & CHANGE_BLOCKED) != 0, true);
		row_eq(rows[i].name, (last & CHANGE_GOOD) != 0, rows[i].ago == 3600);
		done(state);
	}
}

static void
what_is_held_does_not_follow(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(tell_under(EVENT_RBL, T0 + i, 0, HELD_BLOCK | HELD_CACHE), CHANGE_HELD);
	assert_null(record.tallies);
	assert_int_equal(tell_under(EVENT_RBL, T0 + 20, 0, HELD_BLOCK), CHANGE_HELD | CHANGE_CACHED);
	assert_null(record.tallies);
}

static void
takes_back_what_a_cause_brought(void **state)
{
	const char *zone = intern(STR("zen.example"));
	static const struct {
		const char *name;
		time_t first, again; /* ten hits each; 0: none */
		enum event_kind kind;
		bool of_zone;
		uint32_t since;
		unsigned want;
		unsigned hits, blocks; /* what stays */
	} rows[] = {
		{ "all of it", T0, 0, EVENT_RBL, true, T0, CHANGE_UNBLOCKED | CHANGE_UNCACHED, 0, 0 },
		{ "blocks alone", T0, 0, EVENT_RBL, false, T0, CHANGE_UNBLOCKED, 0, 0 },
		{ "after that", T0 + 6000, 0, EVENT_RBL, true, T0, 0, 10, 1 },
		{ "before that", T0, 0, EVENT_RBL, true, T0 + 1, 0, 10, 1 },
		{ "another kind", T0, 0, EVENT_PROTOCOL, false, T0, 0, 10, 1 },
		{ "a repeat offender is one still", T0, T0 + 5000, EVENT_RBL, false, T0 + 5000, CHANGE_UNBLOCKED, 10, 1 },
		{ "cached before: not of this", T0, T0 + 5000, EVENT_RBL, true, T0 + 5000, 0, 20, 2 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct withdrawal w = { rows[i].kind, rows[i].of_zone ? zone : NULL, rows[i].since, T0 + 6000, false };
		const struct tally *t;

		fresh(state);
		offend(EVENT_RBL, 10, rows[i].first, 0);
		if (rows[i].again != 0)
			offend(EVENT_RBL, 10, rows[i].again, 0);
		row_eq(rows[i].name, policy_withdraw(&record, &w, T0 + 5001 * (rows[i].again != 0)), rows[i].want);
		t = record_tally(&record, EVENT_RBL);
		row_eq(rows[i].name, t == NULL ? 0 : t->len, rows[i].hits);
		row_eq(rows[i].name, record.blocks, rows[i].blocks);
		row_eq(rows[i].name, policy_withdraw(&record, &w, T0 + 5001 * (rows[i].again != 0)), 0);
		if (rows[i].hits == 10 && rows[i].again != 0)
			row_eq(rows[i].name, record.blocked_at, rows[i].again); /* and for as long */
		done(state);
	}
	fresh(state);
	policy_add(&policy, &record, SET_BLOCK, T0, 600, STR("by hand"));
	assert_int_equal(policy_withdraw(&record, &(struct withdrawal){ EVENT_RBL, NULL, 0, UINT32_MAX, false }, T0), 0);
}

/* A breaker that opened because of clients known to behave does nothing for others. */
static void
what_good_clients_get_strangers_do_not(void **state)
{
	static const struct {
		const char *name;
		time_t login; /* before; 0: none */
		bool good;
	} rows[] = { { "a stranger", 0, false }, { "today", 3600, true }, { "last month", 30 * 86400, false } };
	const struct withdrawal w = { EVENT_PROTOCOL, NULL, T0, T0 + 6000, true };

	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh(state);
		if (rows[i].login != 0)
			tell(EVENT_LOGIN, T0 - rows[i].login, NULL);
		offend(EVENT_PROTOCOL, 20, T0, 0);
		row_eq(rows[i].name, policy_withdraw(&record, &w, T0), rows[i].good ? CHANGE_UNBLOCKED : 0);
		row_eq(rows[i].name, tell_under(EVENT_PROTOCOL, T0, 0, HELD_GOOD) == (CHANGE_HELD | CHANGE_GOOD), rows[i].good);
		done(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_attack_lowers_the_rate),
		TEST(an_attack_elsewhere_is_another),
		TEST(a_few_accounts_in_a_network_that_attacks),
		TEST(who_behaves_is_judged_as_ever),
		TEST(what_is_held_does_not_follow),
		TEST(takes_back_what_a_cause_brought),
		TEST(what_good_clients_get_strangers_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
