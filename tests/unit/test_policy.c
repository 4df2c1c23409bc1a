/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "unit.h"

static struct policy policy;
static struct record record;

static int
fresh(void **state)
{
	(void)state;
	policy_defaults(&policy);
	record_init(&record);
	return 0;
}

static int
done(void **state)
{
	(void)state;
	record_clear(&record);
	return 0;
}

static unsigned
tell(enum event_kind kind, time_t at, const char *recipient)
{
	struct event ev = { .kind = kind, .time = at, .recipient = str_of(recipient), .zone = STR("zen.example") };

	if (kind == EVENT_LOGIN)
		ev.user = STR("alice");
	return policy_apply(&policy, &record, &ev, at);
}

/* `n` offences from `at` on, `step` seconds apart, each against a recipient of its own. */
static unsigned
offend(enum event_kind kind, unsigned n, time_t at, time_t step)
{
	unsigned changes = 0;

	for (unsigned i = 0; i < n; i++) {
		char recipient[32];

		(void)snprintf(recipient, sizeof recipient, "u%u@example.org", i);
		changes |= tell(kind, at + step * (time_t)i, recipient);
	}
	return changes;
}

#define T0 1000000

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

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)

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
		TEST(a_login_forgives),
		TEST(a_login_forgives_earlier_blocks),
		TEST(an_older_offence_is_forgiven),
		TEST(the_order_of_reading_does_not_matter),
		TEST(credit_begins_with_the_login),
		TEST(without_grants_the_order_does_not_matter_either),
		TEST(no_order_of_reading_harms),
		TEST(an_older_login_does_not_lift),
		TEST(a_clock_set_back_keeps_distances),
		TEST(a_clock_set_back_keeps_a_user),
		TEST(a_clock_set_back_prolongs_nothing),
		TEST(an_old_line_grants_what_is_left),
		TEST(a_line_from_the_future_is_now),
		TEST(terms_double),
		TEST(a_graver_threshold_prolongs),
		TEST(a_hand_outweighs),
		TEST(credit_is_taken_back),
		TEST(credit_lasts_as_long_as_a_grant_by_hand),
		TEST(an_unblocked_client_starts_anew),
		TEST(kinds_can_be_switched_off),
		TEST(trusts_its_own),
		TEST(an_attack_lowers_the_rate),
		TEST(an_attack_elsewhere_is_another),
		TEST(a_few_accounts_in_a_network_that_attacks),
		TEST(who_behaves_is_judged_as_ever),
		TEST(an_old_password_shuts_no_office_out),
		TEST(what_is_held_does_not_follow),
		TEST(takes_back_what_a_cause_brought),
		TEST(what_good_clients_get_strangers_do_not),
		TEST(every_number_is_the_configurations),
		TEST(windows_end_on_the_second),
		TEST(forgets_what_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
