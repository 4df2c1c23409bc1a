/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_policy_login.c - what a login forgives, in whatever order it is read, and for how long */
#include "policy_rig.h"

static void
a_login_forgives(void **state)
{
	struct addr a = address("192.0.2.1");
	unsigned changes;

	(void)state;
	offend(EVENT_RBL, 10, T0, 1);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 20), VERDICT_BLOCKED);
	changes = tell(EVENT_LOGIN, T0 + 20, NULL);
	assert_int_equal(changes, CHANGE_GRANTED | CHANGE_UNBLOCKED | CHANGE_UNCACHED);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 20), VERDICT_RELAY);
	assert_null(record.tallies);
	assert_int_equal(record.blocks, 0);
	assert_int_equal(offend(EVENT_AUTH_FAILURE, 50, T0 + 21, 1), CHANGE_FORGIVEN);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 20 + 899), VERDICT_RELAY);
	assert_int_equal(policy_judge(&policy, &a, &record, T0 + 20 + 900), VERDICT_CONTINUE);
	assert_int_equal(tell(EVENT_LOGIN, T0 + 100, NULL), CHANGE_RENEWED);
	policy.login_credit = false;
	assert_true(offend(EVENT_RELAY_DENIED, 10, T0 + 101, 1) & CHANGE_BLOCKED);
}

/* Also a block that is over: the next one is a first one. */
static void
a_login_forgives_earlier_blocks(void **state)
{
	(void)state;
	offend(EVENT_RELAY_DENIED, 10, T0, 1);
	tell(EVENT_LOGIN, T0 + 7200, NULL);
	offend(EVENT_RELAY_DENIED, 10, T0 + 10000, 1);
	assert_int_equal(record.blocked_until, T0 + 10009 + 3600);
	/* But not one that came later, when the login is read late. */
	tell(EVENT_LOGIN, T0 + 9000, NULL);
	assert_int_equal(record.blocks, 1);
}

/* It was before the login, though it is told later: by another log, or when its session ends. */
static void
an_older_offence_is_forgiven(void **state)
{
	(void)state;
	tell(EVENT_LOGIN, T0, NULL);
	assert_int_equal(offend(EVENT_UNKNOWN_USER, 10, T0 - 100, 1), CHANGE_FORGIVEN);
	assert_int_equal(tell(EVENT_RBL, T0 - 1, NULL), CHANGE_FORGIVEN);
	assert_null(record.tallies);
	assert_false(record_cached(&record, T0));
	assert_int_equal(tell(EVENT_RBL, T0 + 900, NULL), CHANGE_COUNTED | CHANGE_CACHED | CHANGE_GOOD);
}

/* Two logs are not read in the order of their lines.  What comes of them is the same. */
static void
the_order_of_reading_does_not_matter(void **state)
{
	(void)state;
	offend(EVENT_RBL, 10, T0, 1);
	assert_int_equal(tell(EVENT_LOGIN, T0 - 10, NULL), CHANGE_GRANTED | CHANGE_UNBLOCKED | CHANGE_UNCACHED);
	assert_int_equal(record.blocks, 0);
	assert_null(record.tallies);
	record_clear(&record);
	/* To the second: what came when the credit was over stays. */
	tell(EVENT_RELAY_DENIED, T0 + 899, NULL);
	tell(EVENT_RELAY_DENIED, T0 + 900, NULL);
	tell(EVENT_LOGIN, T0, NULL);
	assert_int_equal(record_tally(&record, EVENT_RELAY_DENIED)->len, 1);
	record_clear(&record);
	/* Neither is more forgiven than in their order. */
	policy.login_credit = false;
	offend(EVENT_RBL, 10, T0, 1);
	assert_int_equal(tell(EVENT_LOGIN, T0 - 1, NULL), CHANGE_GRANTED);
	assert_true(record_blocked(&record, T0 + 10));
}

/* One client in two logs, a day's worth of events in half an hour: the mail server's of one kind mostly, and logins. */
#define TOLD 50
struct told {
	struct event ev;
	char recipient[16];
};

static uint32_t seed;

static unsigned
any(unsigned below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static int
by_time(const void *a, const void *b)
{
	time_t at = ((const struct told *)a)->ev.time, other = ((const struct told *)b)->ev.time;

	return at < other ? -1 : at > other;
}

static void
tell_story(struct told story[TOLD], unsigned span)
{
	static const enum event_kind kinds[] = { EVENT_AUTH_FAILURE, EVENT_UNKNOWN_USER, EVENT_RELAY_DENIED, EVENT_RBL,
		EVENT_PROTOCOL };
	enum event_kind mostly = kinds[any(ROWS(kinds))];

	for (unsigned i = 0; i < TOLD; i++) {
		story[i].ev = (struct event){ .kind = any(10) == 0 ? kinds[any(ROWS(kinds))] : mostly, .time = T0 + 2 * any(span) };
		if (any(25) == 0) { /* in a second of its own: within one nobody knows what came first */
			story[i].ev.kind = EVENT_LOGIN;
			story[i].ev.time++;
		}
	}
	qsort(story, TOLD, sizeof story[0], by_time);
	for (unsigned i = 0; i < TOLD; i++) {
		(void)snprintf(story[i].recipient, sizeof story[i].recipient, "u%u@a.example", any(60));
		story[i].ev.recipient = story[i].ev.user = str_of(story[i].recipient);
		story[i].ev.zone = STR("zen.example");
	}
}

static void
read_story(struct record *r, const struct told story[TOLD], bool logins, bool others, time_t now)
{
	for (unsigned i = 0; i < TOLD; i++)
		if (story[i].ev.kind == EVENT_LOGIN ? logins : others)
			(void)policy_apply(&policy, r, &story[i].ev, now == 0 ? story[i].ev.time : now);
}

/* Whichever log is read first, nobody is shut out whom the order of the lines would not have shut out. */
static void
no_order_of_reading_harms(void **state)
{
	unsigned shut_out = 0, free = 0;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct told story[TOLD];
		unsigned span;
		time_t now;

		seed = round;
		span = 1 + any(1000);
		now = T0 + 2 * span;
		policy.login_credit = any(4) != 0;
		policy.relay_for = any(4) == 0 ? 0 : 900;
		tell_story(story, span);
		read_story(&record, story, true, true, 0);
		for (int first = 0; first < 2; first++) {
			struct record other;

			record_init(&other);
			read_story(&other, story, first == 0, first == 1, now);
			read_story(&other, story, first == 1, first == 0, now);
			for (enum set s = SET_CACHE; s < SETS; s++)
				if (record_in(&other, s, now) && !record_in(&record, s, now))
					fail_msg("round %u, %s read first: in the %s without need", round,
					    first == 0 ? "logins" : "offences", set_name(s));
			record_clear(&other);
		}
		shut_out += record_in(&record, SET_BLOCK, now);
		free += !record_in(&record, SET_BLOCK, now);
		record_clear(&record);
	}
	assert_true(shut_out > 1000 && free > 1000); /* or nothing was tried */
}

/* Within one second nobody knows what came first: it is the user's. */
static void
credit_begins_with_the_login(void **state)
{
	(void)state;
	for (uint32_t relay_for = 0; relay_for <= 900; relay_for += 900) {
		policy.relay_for = relay_for;
		tell(EVENT_LOGIN, T0, NULL);
		assert_int_equal(tell(EVENT_RBL, T0, NULL), CHANGE_FORGIVEN);
		record_clear(&record);
	}
}

static void
without_grants_the_order_does_not_matter_either(void **state)
{
	(void)state;
	policy.relay_for = 0;
	offend(EVENT_RBL, 10, T0, 1);
	assert_int_equal(tell(EVENT_LOGIN, T0 - 890, NULL), CHANGE_UNBLOCKED | CHANGE_UNCACHED);
	assert_null(record.tallies);
}

/* A login that is read late does not undo what came after its credit. */
static void
an_older_login_does_not_lift(void **state)
{
	(void)state;
	offend(EVENT_RBL, 10, T0, 1);
	tell(EVENT_LOGIN, T0 - 1000, NULL);
	assert_true(record_blocked(&record, T0 + 10));
	assert_true(record_cached(&record, T0 + 10));
	assert_int_equal(record_tally(&record, EVENT_RBL)->len, 10);
}

static void
an_old_line_grants_what_is_left(void **state)
{
	struct event ev = { .kind = EVENT_LOGIN, .time = T0 };

	(void)state;
	assert_int_equal(policy_apply(&policy, &record, &ev, T0 + 899), CHANGE_GRANTED);
	assert_int_equal(record.grant->until, T0 + 900);
	record_clear(&record);
	assert_int_equal(policy_apply(&policy, &record, &ev, T0 + 900), CHANGE_EXPIRED);
	assert_false(record_granted(&record, T0 + 900));
}

/* Credit ends by hand as the grant does that it comes with, or would come with: from then on, and until the next login. */
static void
credit_is_taken_back(void **state)
{
	static const uint32_t relay_for[] = { 900, 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(relay_for); i++) {
		record_clear(&record);
		policy.relay_for = relay_for[i];
		row_eq("nothing to take", policy_del(&policy, &record, SET_RELAY, T0), 0);
		tell(EVENT_LOGIN, T0, NULL);
		row_eq("credit", tell(EVENT_RBL, T0 + 1, NULL), CHANGE_FORGIVEN);
		row_eq("taken", policy_del(&policy, &record, SET_RELAY, T0 + 2), CHANGE_UNGRANTED);
		row_eq("taken once", policy_del(&policy, &record, SET_RELAY, T0 + 2), 0);
		row_eq("in no set", record_in(&record, SET_RELAY, T0 + 2), false);
		row_eq("before the login", tell(EVENT_RBL, T0 - 1, NULL), CHANGE_FORGIVEN);
		row_eq("counts", tell(EVENT_RBL, T0 + 2, NULL), CHANGE_COUNTED | CHANGE_CACHED | CHANGE_GOOD);
		row_eq("known to behave", policy_known_good(&record, T0 + 2), true);
		tell(EVENT_LOGIN, T0 + 3, NULL);
		row_eq("credit again", tell(EVENT_RBL, T0 + 4, NULL), CHANGE_FORGIVEN);
	}
}

/* Where logins grant nothing, a grant by hand is worth its own term of mercy, or that of a later login. */
static void
credit_lasts_as_long_as_a_grant_by_hand(void **state)
{
	(void)state;
	policy.relay_for = 0;
	policy_add(&policy, &record, SET_RELAY, T0, 60, STR("anna"));
	assert_int_equal(tell(EVENT_RBL, T0 + 59, NULL), CHANGE_FORGIVEN);
	assert_int_equal(tell(EVENT_RBL, T0 + 60, NULL), CHANGE_COUNTED | CHANGE_CACHED | CHANGE_GOOD);
	policy_add(&policy, &record, SET_RELAY, T0 + 100, 3600, STR("anna"));
	tell(EVENT_LOGIN, T0 + 200, NULL);
	assert_int_equal(tell(EVENT_RBL, T0 + 3699, NULL), CHANGE_FORGIVEN);
	assert_int_equal(policy_del(&policy, &record, SET_RELAY, T0 + 3699), CHANGE_UNGRANTED);
	policy.login_credit = false;
	tell(EVENT_LOGIN, T0 + 3700, NULL);
	assert_int_equal(policy_del(&policy, &record, SET_RELAY, T0 + 3701), 0);
}

/* In an office somebody's telephone has an old password. */
static void
an_old_password_shuts_no_office_out(void **state)
{
	static const struct {
		const char *name;
		bool login;	   /* somebody there, an hour before */
		unsigned accounts, tries;
		time_t step;
		enum threshold_kind by;
	} rows[] = {
		{ "a telephone", true, 1, 99, 10, BY_NONE },
		{ "one whose account is not told", true, 0, 99, 1, BY_NONE },
		{ "a guesser, neither", false, 0, 10, 10, BY_RATE },
		{ "three of them", true, 3, 99, 10, BY_NONE },
		{ "one that never learns", true, 1, 100, 60, BY_TOTAL },
		{ "nine accounts", true, 9, 90, 1, BY_NONE },
		{ "a guesser among them", true, 10, 10, 1, BY_RATE },
		{ "no office", false, 1, 10, 10, BY_RATE },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		fresh(state);
		if (rows[i].login)
			tell(EVENT_LOGIN, T0 - 3600, NULL);
		for (unsigned k = 0; k < rows[i].tries; k++) {
			char user[16];
			struct event ev = { .kind = EVENT_AUTH_FAILURE, .time = T0 + rows[i].step * (time_t)k };

			(void)snprintf(user, sizeof user, "user%u", rows[i].accounts == 0 ? 0 : k % rows[i].accounts);
			ev.user = rows[i].accounts == 0 ? STR_NONE : str_of(user);
			policy_apply(&policy, &record, &ev, ev.time);
		}
		row_eq(rows[i].name, record.blocked_by, rows[i].by);
		done(state);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_login_forgives),
		TEST(a_login_forgives_earlier_blocks),
		TEST(an_older_offence_is_forgiven),
		TEST(the_order_of_reading_does_not_matter),
		TEST(credit_begins_with_the_login),
		TEST(without_grants_the_order_does_not_matter_either),
		TEST(no_order_of_reading_harms),
		TEST(an_older_login_does_not_lift),
		TEST(an_old_line_grants_what_is_left),
		TEST(credit_is_taken_back),
		TEST(credit_lasts_as_long_as_a_grant_by_hand),
		TEST(an_old_password_shuts_no_office_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
