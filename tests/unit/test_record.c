/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "record.h"
#include "unit.h"

static void
fill(struct record *r)
{
	record_init(r);
	r->seen = 1000;
	r->login = 900;
	r->cached_at = 800;
	r->cached_until = 8000;
	r->cached_hits = 3;
	r->cached_kind = EVENT_RBL;
	r->cached_zone = intern(STR("zen.example.net"));
	r->blocked_at = 850;
	r->blocked_until = 0xffffffff;
	r->blocked_kind = EVENT_KINDS;
	r->blocked_by = BY_HAND;
	r->blocked_note = intern(STR("asked for it"));
	r->blocks = 2;
	record_grant(r, STR("alice"), 700, 1600);
	record_grant(r, STR("bob"), 900, 1800);
	for (uint32_t i = 0; i < 5; i++)
		record_hit(r, EVENT_RBL, (struct hit){ 100 + i, 0 }, 25, SAME_NEVER);
	record_hit(r, EVENT_UNKNOWN_USER, (struct hit){ 90, 77 | TAG_MILTER }, 50, SAME_ALWAYS);
}

static void
survives_the_store(void **state)
{
	uint8_t buf[512], again[512];
	struct record r, back;
	struct err e;
	size_t n;

	(void)state;
	fill(&r);
	n = record_encode(&r, buf, sizeof buf);
	assert_true(n < sizeof buf);
	assert_int_equal(record_encode(&r, NULL, 0), n);
	record_init(&back);
	assert_int_equal(record_decode(&back, buf, n, &e), 0);
	assert_int_equal(record_encode(&back, again, sizeof again), n);
	assert_memory_equal(buf, again, n);
	assert_string_equal(back.grant->user, "bob");
	assert_int_equal(back.grant->first, 700);
	assert_int_equal(back.grant->logins, 2);
	assert_ptr_equal(back.cached_zone, r.cached_zone);
	assert_int_equal(record_tally(&back, EVENT_RBL)->len, 5);
	record_clear(&r);
	record_clear(&back);
}

/* As many entries as there are seconds, whatever the number of recipients, and they come back from the store. */
static void
remembers_what_was_spent(void **state)
{
	static uint8_t buf[64 * 1024], again[64 * 1024];
	struct record r, back;
	struct err e;
	size_t n;

	(void)state;
	fill(&r);
	r.grant->until = 100000;
	for (uint32_t at = 1000; at < 1000 + 2 * SPENT_SPAN; at++)
		for (unsigned k = 0; k < 3; k++)
			assert_true(record_spend(&r, at, 1000000));
	assert_int_equal(record_spent(&r, 1000 + 2 * SPENT_SPAN - 1), 3 * SPENT_SPAN);
	assert_true(r.grant->spent->cap <= SPENT_SPAN);
	assert_false(record_spend(&r, 1000 + 2 * SPENT_SPAN, 3));
	assert_int_equal(record_beyond(&r, 1000 + 2 * SPENT_SPAN), 1);
	n = record_encode(&r, buf, sizeof buf);
	assert_true(n < sizeof buf);
	record_init(&back);
	assert_int_equal(record_decode(&back, buf, n, &e), 0);
	assert_int_equal(record_encode(&back, again, sizeof again), n);
	assert_memory_equal(buf, again, n);
	assert_int_equal(record_spent(&back, 1000 + 2 * SPENT_SPAN), 3 * (SPENT_SPAN - 1));
	/* Cut short: refused, at any place in what was spent. */
	for (size_t cut = n - 1; cut > n - 100; cut--) {
		struct record half;

		record_init(&half);
		assert_int_equal(record_decode(&half, buf, cut, &e), -1);
	}
	/* A second after a clock that went back is one entry more each time, and there is still room. */
	for (uint32_t i = 0; i < 3 * SPENT_SPAN; i++)
		assert_true(record_spend(&r, 5000 + i % 2, 1000000));
	assert_true(r.grant->spent->len <= SPENT_SPAN);
	/* All of it over. */
	assert_int_equal(record_spent(&r, 50000), 0);
	assert_int_equal(record_beyond(&r, 50000), 0);
	assert_true(record_spend(&r, 50000, 1));
	assert_false(record_spend(&r, 50000, 1));
	record_ungrant(&r);
	assert_int_equal(record_spent(&r, 50000), 0);
	record_clear(&r);
	record_clear(&back);
}

/* Cut short anywhere or with any byte changed: refused or read, never a crash; and what is cut short is refused. */
static void
refuses_damage(void **state)
{
	uint8_t buf[512], bad[512];
	struct record r;
	struct err e;
	size_t n;

	(void)state;
	fill(&r);
	n = record_encode(&r, buf, sizeof buf);
	record_clear(&r);
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_equal(record_decode(&r, buf, cut, &e), -1);
		assert_null(r.grant);
		assert_null(r.tallies);
	}
	for (size_t i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, buf, n);
			bad[i] ^= (uint8_t)(1u << bit);
			(void)record_decode(&r, bad, n, &e);
			record_clear(&r);
		}
	record_init(&r);
	r.blocked_by = BY_TOTAL;
	r.blocked_kind = EVENT_KINDS; /* a threshold of nothing */
	assert_int_equal(record_decode(&r, bad, record_encode(&r, bad, sizeof bad), &e), -1);
	buf[0] = 9;
	assert_int_equal(record_decode(&r, buf, n, &e), -1);
	assert_string_equal(e.text, "record of version 9, this program knows versions 1 and 2");
}

static void
prolongs_grants(void **state)
{
	struct record r;

	(void)state;
	record_init(&r);
	record_grant(&r, STR("alice"), 1000, 1900);
	record_grant(&r, STR("alice"), 1500, 2400);
	assert_int_equal(r.grant->first, 1000);
	assert_int_equal(r.grant->until, 2400);
	assert_int_equal(r.grant->logins, 2);
	record_grant(&r, STR("bob"), 1200, 2100); /* read late: the later login's user stays */
	assert_int_equal(r.grant->until, 2400);
	assert_string_equal(r.grant->user, "alice");
	assert_int_equal(r.grant->logins, 3);
	record_grant(&r, STR("carol"), 5000, 5900); /* the old one had run out */
	assert_int_equal(r.grant->first, 5000);
	assert_int_equal(r.grant->logins, 1);
	record_clear(&r);
}

static void
forgives_up_to_a_moment(void **state)
{
	struct record r;

	(void)state;
	record_init(&r);
	for (uint32_t t = 1; t <= 6; t++)
		record_hit(&r, EVENT_RBL, (struct hit){ t, 0 }, 25, SAME_NEVER);
	record_hit(&r, EVENT_AUTH_FAILURE, (struct hit){ 2, 0 }, 25, SAME_NEVER);
	record_forgive(&r, 4);
	assert_null(record_tally(&r, EVENT_AUTH_FAILURE));
	assert_int_equal(record_tally(&r, EVENT_RBL)->len, 2);
	assert_int_equal(record_tally(&r, EVENT_RBL)->hits[0].at, 5);
	record_clear(&r);
}

static void
keeps_no_more_than_asked(void **state)
{
	struct record r;

	(void)state;
	record_init(&r);
	for (uint32_t t = 1; t <= 100; t++)
		record_hit(&r, EVENT_RBL, (struct hit){ t, 0 }, 25, SAME_NEVER);
	assert_int_equal(record_tally(&r, EVENT_RBL)->len, 25);
	record_hit(&r, EVENT_RBL, (struct hit){ 101, 0 }, 10, SAME_NEVER); /* the configuration has become smaller */
	assert_int_equal(record_tally(&r, EVENT_RBL)->len, 10);
	assert_int_equal(record_tally(&r, EVENT_RBL)->hits[9].at, 101);
	record_clear(&r);
}

/* Last: it fills the table for good. */
static void
bounds_the_strings(void **state)
{
	char text[32];

	(void)state;
	assert_null(intern(STR("")));
	assert_ptr_equal(intern(STR("zen.example.net")), intern(STR("zen.example.net")));
	for (unsigned i = 0; i < 10000; i++) {
		(void)snprintf(text, sizeof text, "zone%u.example", i);
		assert_non_null(intern(str_of(text)));
	}
	assert_string_equal(intern(STR("one.more.example")), "(other)");
	assert_string_equal(intern(STR("zen.example.net")), "zen.example.net");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_the_store),
		cmocka_unit_test(remembers_what_was_spent),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(prolongs_grants),
		cmocka_unit_test(forgives_up_to_a_moment),
		cmocka_unit_test(keeps_no_more_than_asked),
		cmocka_unit_test(bounds_the_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
