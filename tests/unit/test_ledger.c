/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ledger.h"
#include "pipeline.h"
#include "stats.h"
#include "unit.h"

#define T0 1000000

static struct policy policy;

static int
fresh(void **state)
{
	policy_defaults(&policy);
	*state = ledger_new(100000);
	return 0;
}

static int
done(void **state)
{
	ledger_free(*state);
	return 0;
}

static struct addr
nth(unsigned n)
{
	char text[32];

	(void)snprintf(text, sizeof text, "10.%u.%u.%u", n >> 16, (n >> 8) & 255, n & 255);
	return address(text);
}

static unsigned
tell(struct ledger *l, enum event_kind kind, const struct addr *a, time_t at)
{
	struct event ev = { .kind = kind, .addr = *a, .time = at };

	return ledger_apply(l, &policy, &ev, at);
}

static void
count_one(void *arg, const struct addr *client, const struct record *r)
{
	(void)client;
	(void)r;
	(*(unsigned *)arg)++;
}

/* A record of one ledger, as it is kept on disk, against the other ledger's. */
struct comparison {
	struct ledger *other;
	uint8_t buf[512];
	size_t len;
	unsigned same;
};

static void
encode(void *arg, const struct addr *client, const struct record *r)
{
	struct comparison *cmp = arg;

	(void)client;
	cmp->len = record_encode(r, cmp->buf, sizeof cmp->buf);
}

static void
compare(void *arg, const struct addr *client, const struct record *r)
{
	struct comparison *cmp = arg;
	uint8_t mine[512];
	size_t n = record_encode(r, mine, sizeof mine);

	cmp->same += ledger_view(cmp->other, &policy, client, encode, cmp) && cmp->len == n &&
	    memcmp(mine, cmp->buf, n) == 0;
}

static void
finds_what_was_put_in(void **state)
{
	struct ledger *l = *state;
	struct answer ans;

	for (unsigned i = 0; i < 20000; i++) {
		struct addr a = nth(i);

		tell(l, EVENT_RBL, &a, T0);
	}
	assert_int_equal(ledger_size(l), 20000);
	for (unsigned i = 0; i < 20000; i++) {
		struct addr a = nth(i), other = nth(i + 20000);

		ledger_judge(l, &policy, &a, T0 + 1, &ans);
		assert_int_equal(ans.verdict, VERDICT_CACHED);
		ledger_judge(l, &policy, &other, T0 + 1, &ans);
		assert_int_equal(ans.verdict, VERDICT_CONTINUE);
	}
}

static void
folds_ipv6(void **state)
{
	struct addr one = address("2001:db8:1:2::1"), two = address("2001:db8:1:2:ffff::9"), far = address("2001:db8:1:3::1");
	struct answer ans;

	tell(*state, EVENT_LOGIN, &one, T0);
	ledger_judge(*state, &policy, &two, T0, &ans);
	assert_int_equal(ans.verdict, VERDICT_RELAY);
	ledger_judge(*state, &policy, &far, T0, &ans);
	assert_int_equal(ans.verdict, VERDICT_CONTINUE);
}

static void
keeps_nothing_for_nothing(void **state)
{
	struct addr a = nth(1), lo = address("127.0.0.1");
	struct answer ans;

	ledger_judge(*state, &policy, &a, T0, &ans);
	tell(*state, EVENT_POLICY, &a, T0);
	assert_int_equal(tell(*state, EVENT_LOGIN, &lo, T0), CHANGE_TRUSTED);
	assert_int_equal(ledger_del(*state, &policy, SET_BLOCK, &a, T0), 0);
	assert_int_equal(ledger_size(*state), 0);
}

static void
cuts_hold_what_changed(void **state)
{
	struct ledger *l = *state, *copy = ledger_new(100000);
	struct comparison cmp = { .other = copy };
	struct cut_item item;
	struct cut c;
	size_t at = 0;
	struct err e;

	for (unsigned i = 0; i < 5000; i++) {
		struct addr a = nth(i);

		tell(l, i % 3 == 0 ? EVENT_LOGIN : EVENT_RBL, &a, T0 + i);
	}
	cut_init(&c);
	ledger_cut(l, &c, false);
	assert_int_equal(c.items, 5000);
	while (cut_next(&c, &at, &item))
		assert_int_equal(ledger_restore(copy, &policy, item.key, item.klen, item.val, item.vlen, T0, &e), 0);
	ledger_restored(copy, T0);
	cut_clear(&c);
	ledger_cut(l, &c, false);
	assert_int_equal(c.items, 0);
	ledger_cut(l, &c, true);
	assert_int_equal(c.items, 5000);
	ledger_walk(l, compare, &cmp);
	assert_int_equal(cmp.same, 5000);
	assert_int_equal(ledger_size(copy), 5000);
	cut_clear(&c);
	ledger_free(copy);
}

/* What a store makes of it: the last item of a key is what it has. */
static void
assert_kept(const struct cut *c, struct ledger *l, const struct addr *client)
{
	struct comparison now = { .len = 0 };
	struct cut_item item, last = { .deleted = true };
	size_t at = 0;

	while (cut_next(c, &at, &item))
		if (item.klen == sizeof client->b && memcmp(item.key, client->b, item.klen) == 0)
			last = item;
	assert_int_equal(ledger_view(l, &policy, client, encode, &now), !last.deleted);
	assert_int_equal(now.len, last.vlen);
	if (now.len > 0)
		assert_memory_equal(now.buf, last.val, now.len);
}

/* Between the parts the ledger lives on: clients change, are forgotten, and come back. */
static void
cuts_come_in_parts(void **state, bool whole)
{
	struct ledger *l = *state;
	struct cut all, c;
	struct cut_item item;
	unsigned parts = 0;

	for (unsigned i = 0; i < 2000; i++) {
		struct addr a = nth(i);

		tell(l, EVENT_RELAY_DENIED, &a, T0 + (i % 2) * 86400);
	}
	cut_init(&all);
	cut_init(&c);
	c.part = 10000;
	do {
		cut_go_on(&c);
		ledger_cut(l, &c, whole);
		parts++;
		for (size_t at = 0; cut_next(&c, &at, &item);)
			if (item.deleted)
				cut_del(&all, item.table, item.key, item.klen);
			else
				cut_put(&all, item.table, item.key, item.klen, item.val, item.vlen);
		if (parts == 3)
			ledger_sweep(l, &policy, T0 + 86400, UINT32_MAX);
		for (unsigned i = parts; i < 2000 && c.more; i += 37) {
			struct addr a = nth(i);

			tell(l, EVENT_RELAY_DENIED, &a, T0 + 86400 + parts);
		}
	} while (c.more);
	assert_in_range(parts, 5, 50);
	for (unsigned i = 0; i < 2000; i++) {
		struct addr a = nth(i);

		assert_kept(&all, l, &a);
	}
	cut_clear(&c);
	ledger_cut(l, &c, false);
	assert_int_equal(c.items, 0);
	cut_clear(&all);
}

static void
cuts_of_changes_come_in_parts(void **state)
{
	cuts_come_in_parts(state, false);
}

static void
cuts_of_everything_come_in_parts(void **state)
{
	cuts_come_in_parts(state, true);
}

static void
forgets_and_says_so(void **state)
{
	struct ledger *l = *state;
	struct cut_item item;
	struct cut c;
	size_t at = 0;
	unsigned deleted = 0;

	for (unsigned i = 0; i < 3000; i++) {
		struct addr a = nth(i);

		tell(l, EVENT_RELAY_DENIED, &a, T0 + (i % 2) * 86400);
	}
	cut_init(&c);
	ledger_cut(l, &c, false);
	cut_clear(&c);
	ledger_sweep(l, &policy, T0 + 86400, UINT32_MAX);
	assert_int_equal(ledger_size(l), 1500);
	for (unsigned i = 0; i < 3000; i++) {
		struct addr a = nth(i);
		unsigned n = 0;

		assert_int_equal(ledger_view(l, &policy, &a, count_one, &n), i % 2);
	}
	ledger_cut(l, &c, false);
	while (cut_next(&c, &at, &item))
		deleted += item.deleted;
	assert_int_equal(deleted, 1500);
	cut_clear(&c);
}

/* However many have ended at once, one call does not forget more than it was told to look at; many calls forget all. */
static void
sweeps_in_slices(void **state)
{
	struct ledger *l = *state;

	/* 39 a shard: whatever the salt, none has more than the 96 with which a call is done with it. */
	for (unsigned i = 0; i < 40000; i++) {
		struct addr a = nth(i);

		tell(l, EVENT_RELAY_DENIED, &a, T0);
	}
	for (unsigned calls = 0; calls < LEDGER_SHARDS; calls++) {
		size_t before = ledger_size(l);

		ledger_sweep(l, &policy, T0 + 86400, 256);
		assert_in_range(before - ledger_size(l), 0, 256);
	}
	assert_int_equal(ledger_size(l), 0);
}

/* Lines read a day late: the record must come out as it would have at the time. */
static void
late_is_as_good(void **state)
{
	struct ledger *at_once = ledger_new(100000);
	struct addr a = nth(1);
	struct answer ans;

	policy.kind[EVENT_RELAY_DENIED].total = (struct threshold){ 3, 86400, 86400 };
	for (time_t t = T0; t < T0 + 3 * 20000; t += 20000) {
		struct event ev = { .kind = EVENT_RELAY_DENIED, .addr = a, .time = t };

		tell(at_once, EVENT_RELAY_DENIED, &a, t);
		(void)ledger_apply(*state, &policy, &ev, T0 + 100000);
	}
	ledger_judge(at_once, &policy, &a, T0 + 100000, &ans);
	assert_int_equal(ans.verdict, VERDICT_BLOCKED);
	ledger_judge(*state, &policy, &a, T0 + 100000, &ans);
	assert_int_equal(ans.verdict, VERDICT_BLOCKED);
	ledger_free(at_once);
}

/* The clock is found to be two years back: that may be a machine that does not know the time yet.  Those of whom something
 * is heard are seen to, and who may relay, may not do so for two years more; the others' terms are left alone, but not when
 * it is a week. */
static void
the_clock_is_set_back(void **state)
{
	static const struct {
		time_t back;
		bool all;
	} rows[] = { { 2 * 365 * 86400, false }, { 7 * 86400, true } };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ledger *l = ledger_new(1000);
		struct addr user = nth(1), full = nth(2), other = nth(3);
		const time_t then = T0 + 3 * 365 * 86400, now = then - rows[i].back;
		struct answer ans;

		policy.kind[EVENT_RELAY_DENIED].rate = (struct threshold){ 3, 60, 3600 };
		policy.kind[EVENT_RELAY_DENIED].total = (struct threshold){ 0 };
		tell(l, EVENT_LOGIN, &user, then);
		for (time_t t = then - 300; t < then; t += 100)
			tell(l, EVENT_RELAY_DENIED, &full, t);
		ledger_add(l, &policy, SET_BLOCK, &other, then, 3600, STR_NONE);
		ledger_settle(l, &policy, now);
		ledger_judge(l, &policy, &user, now, &ans);
		row_eq("the grant", ans.until, now + policy.relay_for);
		for (time_t t = now + 100; t < now + 103; t++)
			tell(l, EVENT_RELAY_DENIED, &full, t);
		ledger_judge(l, &policy, &full, now + 103, &ans);
		row_eq("the full tally", ans.verdict, VERDICT_BLOCKED);
		ledger_judge(l, &policy, &other, now, &ans);
		row_eq("the others", ans.until, (rows[i].all ? now : then) + 3600);
		ledger_free(l);
	}
}

static void
is_bounded(void **state)
{
	struct ledger *small = ledger_new(20000);
	uint64_t before = stat_get(STAT_CLIENTS_EVICTED);
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) { /* worth keeping */
		struct addr a = nth(i);

		ledger_add(small, &policy, SET_BLOCK, &a, T0, 86400, STR_NONE);
	}
	for (unsigned i = 100; i < 60000; i++) {
		struct addr a = nth(i);

		tell(small, EVENT_RELAY_DENIED, &a, T0 + i);
	}
	assert_in_range(ledger_size(small), 20000, 20200);
	assert_int_equal(stat_get(STAT_CLIENTS_EVICTED) - before, 60000 - ledger_size(small));
	for (unsigned i = 0; i < 100; i++) {
		struct addr a = nth(i);
		struct answer ans;

		ledger_judge(small, &policy, &a, T0 + 1, &ans);
		kept += ans.verdict == VERDICT_BLOCKED;
	}
	assert_in_range(kept, 95, 100);
	ledger_free(small);
}

/* An attacker with any number of addresses: what goes is mostly his own.  What else goes, one in a hundred, are those of
 * least value, who have only logged in once: a tenth of them here. */
static void
keeps_what_is_of_value(void **state)
{
	struct ledger *full = ledger_new(10000);
	unsigned kept = 0, good = 0;

	(void)state;
	policy.relay_for = 60;
	for (unsigned i = 0; i < 9000; i++) {
		struct addr a = nth(i);

		tell(full, i % 9 == 0 ? EVENT_LOGIN : EVENT_RBL, &a, T0);
	}
	for (unsigned i = 0; i < 200000; i++) {
		struct addr a = nth(100000 + i);

		tell(full, EVENT_AUTH_FAILURE, &a, T0 + 3600);
	}
	for (unsigned i = 0; i < 9000; i++) {
		struct addr a = nth(i);
		unsigned n = 0;

		ledger_view(full, &policy, &a, count_one, &n);
		kept += n;
		good += i % 9 == 0 ? n : 0;
	}
	assert_in_range(kept, 8800, 9000);
	assert_in_range(good, 800, 1000); /* 910 on the average, by the hash's salt */
	assert_in_range(ledger_size(full), 10000, 10000);
	ledger_free(full);
}

/* The administrator has made clients larger: what was known of the parts is of the whole now. */
static void
folds_what_was_stored(void **state)
{
	const char *const parts[] = { "2001:db8:1:2::1", "2001:db8:1:3::1", "192.0.2.1" };
	struct ledger *l = *state, *after = ledger_new(1000);
	struct cut_item item;
	struct answer ans;
	unsigned put = 0, deleted = 0;
	struct addr a;
	struct cut c;
	size_t at = 0;
	struct err e;

	for (size_t i = 0; i < ROWS(parts); i++) {
		a = address(parts[i]);
		ledger_add(l, &policy, SET_BLOCK, &a, T0, 3600, STR_NONE);
	}
	cut_init(&c);
	ledger_cut(l, &c, false);
	policy.ipv6_prefix = 48;
	while (cut_next(&c, &at, &item))
		assert_int_equal(ledger_restore(after, &policy, item.key, item.klen, item.val, item.vlen, T0, &e), 0);
	ledger_restored(after, T0);
	cut_clear(&c);
	assert_int_equal(ledger_size(after), 2);
	a = address("2001:db8:1:ffff::1");
	ledger_judge(after, &policy, &a, T0, &ans);
	assert_int_equal(ans.verdict, VERDICT_BLOCKED);
	assert_int_equal(ledger_del(after, &policy, SET_BLOCK, &a, T0), CHANGE_UNBLOCKED);
	at = 0;
	ledger_cut(after, &c, false);
	while (cut_next(&c, &at, &item))
		*(item.deleted ? &deleted : &put) += 1;
	assert_int_equal(put, 1);
	assert_int_equal(deleted, 2);
	cut_clear(&c);
	ledger_free(after);
}

static void *
hammer(void *arg)
{
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < 5000; i++) {
			struct addr a = nth(i);
			struct answer ans;

			tell(arg, i % 7 == 0 ? EVENT_LOGIN : EVENT_RBL, &a, T0 + round);
			ledger_judge(arg, &policy, &a, T0 + round, &ans);
		}
	return NULL;
}

/* For the thread sanitizer, and for counts that must come out right without it. */
static void
bears_many_threads(void **state)
{
	pthread_t threads[4];
	struct cut c;

	cut_init(&c);
	for (size_t i = 0; i < ROWS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, *state), 0);
	for (unsigned i = 0; i < 20; i++) {
		unsigned n = 0;

		ledger_cut(*state, &c, false);
		ledger_walk(*state, count_one, &n);
		ledger_sweep(*state, &policy, T0, 100);
	}
	for (size_t i = 0; i < ROWS(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ledger_size(*state), 5000);
	cut_clear(&c);
}

struct heard {
	struct addr blocked;
	unsigned blocks, tellings;
};

static void
hear_block(void *arg, const struct addr *client)
{
	struct heard *h = arg;

	h->blocked = *client;
	h->blocks++;
}

static void
hear(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)ev;
	(void)client;
	(void)changes;
	((struct heard *)arg)->tellings++;
}

static void
effects_follow(void **state)
{
	struct heard h = { .blocks = 0 };
	struct effects fx = { &h, hear_block, hear };
	struct addr a = address("2001:db8::7"), client = address("2001:db8::");
	struct event ev = { .kind = EVENT_RELAY_DENIED, .addr = a, .time = T0 };
	struct pipeline pl;

	pipeline_init(&pl, *state, &fx);
	for (unsigned i = 0; i < 12; i++)
		pipeline_event(&pl, &policy, &ev, T0);
	assert_int_equal(h.blocks, 1);
	assert_int_equal(h.tellings, 12);
	assert_true(addr_eq(&h.blocked, &client));
	assert_int_equal(pl.kinds[EVENT_RELAY_DENIED], 12);
	assert_int_equal(pipeline_del(&pl, &policy, SET_BLOCK, &a, T0), CHANGE_UNBLOCKED);
	assert_int_equal(pipeline_del(&pl, &policy, SET_BLOCK, &a, T0), 0);
	assert_int_equal(h.blocks, 2);
	assert_int_equal(h.tellings, 13);
	assert_int_equal(pipeline_add(&pl, &policy, SET_BLOCK, &a, T0, 60, STR("x")), CHANGE_BLOCKED);
	assert_int_equal(h.blocks, 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, done)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_what_was_put_in),
		TEST(folds_ipv6),
		TEST(keeps_nothing_for_nothing),
		TEST(cuts_hold_what_changed),
		TEST(cuts_of_changes_come_in_parts),
		TEST(cuts_of_everything_come_in_parts),
		TEST(forgets_and_says_so),
		TEST(sweeps_in_slices),
		TEST(late_is_as_good),
		TEST(the_clock_is_set_back),
		TEST(is_bounded),
		TEST(keeps_what_is_of_value),
		TEST(folds_what_was_stored),
		TEST(bears_many_threads),
		TEST(effects_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
