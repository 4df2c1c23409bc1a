/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The circuit breaker and the look-out for distributed attacks, by themselves and on the way of events. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "pipeline.h"
#include "stats.h"
#include "unit.h"

#define T0 1000000

static struct policy policy;

static int
fresh(void **state)
{
	(void)state;
	policy_defaults(&policy);
	return 0;
}

static struct addr
nth(unsigned n)
{
	char text[32];

	(void)snprintf(text, sizeof text, "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	return address(text);
}

/* ---- the breaker's zones ---- */

/* A window's worth of clients, `listed` of `of` by this zone.  true: it opened. */
static bool
window_of(struct breaker *b, const char *zone, unsigned listed, unsigned of, unsigned round)
{
	bool opened = false;

	for (unsigned i = 0; i < of; i++) {
		struct addr a = nth(round << 12 | i);
		uint32_t at = T0 + round * policy.breaker_zone.span + i * policy.breaker_zone.span / of;
		struct trip t;

		/* The few that are not listed come evenly. */
		opened |= breaker_heard(b, &policy, i * (of - listed) % of < of - listed ? NULL : zone, &a, at, at, &t);
	}
	return opened;
}

static void
a_share_that_jumps_opens(void **state)
{
	static const struct {
		const char *name;
		unsigned usual, then, of; /* listed */
		bool opens;
	} rows[] = {
		{ "from few to all", 10, 200, 200, true },
		{ "from most to all", 160, 200, 200, true },
		{ "from most to more", 160, 190, 200, false },
		{ "as ever", 160, 160, 200, false },
		{ "from nearly all to all", 194, 200, 200, true },
		{ "nearly all as ever", 194, 195, 200, false },
		{ "all, of too few", 10, 60, 60, false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct breaker *b = breaker_new();
		const char *zone = intern(STR("zen.example.net"));
		unsigned round;

		for (round = 0; round < 200; round++) {
			(void)window_of(b, zone, rows[i].usual, 200, round);
			if (round < 190) /* what is usual here had to be learned first, by hand or by time */
				(void)breaker_reset(b, T0 + (round + 1) * policy.breaker_zone.span - 1);
		}
		for (; round < 201; round++)
			row_eq(rows[i].name, window_of(b, zone, rows[i].then, rows[i].of, round), rows[i].opens);
		breaker_free(b);
	}
}

/* A list that always has said yes to 97 of 100 is not broken, and not for long held to be. */
static void
gets_used_to_a_high_share(void **state)
{
	struct breaker *b = breaker_new();
	const char *zone = intern(STR("zen.example.net"));
	unsigned opened = 0, late = 0;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		bool now = window_of(b, zone, 194, 200, round);

		opened += now;
		late += now && round > 50;
	}
	assert_true(opened < 15);
	assert_int_equal(late, 0);
	breaker_free(b);
}

/* After a start nobody knows whether it has been like this for years. */
static void
what_is_usual_is_learned_first(void **state)
{
	static const struct {
		const char *name;
		unsigned usual, windows; /* listed of 200 in so many whole windows, */
		unsigned not, told, open; /* then all but so many */
	} rows[] = {
		{ "just started", 0, 0, 0, 1, 0 },
		{ "three windows", 160, 3, 0, 1, 0 },
		{ "four windows", 160, 4, 0, 1, 1 },
		{ "always nearly all", 190, 4, 2, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct breaker *b = breaker_new();
		const char *zone = intern(STR("zen.example.net"));
		struct trip t;
		unsigned told = 0, last = rows[i].windows == 0 ? 0 : rows[i].windows + 1;
		uint32_t at = T0 + last * policy.breaker_zone.span;

		for (unsigned k = 0; k < last; k++) /* the first one is no whole one: the zone is new in it */
			(void)window_of(b, zone, rows[i].usual, 200, k);
		for (unsigned k = 0; k < 200; k++) {
			struct addr a = nth(1 << 20 | k);

			told += breaker_heard(b, &policy, k < rows[i].not ? NULL : zone, &a, at, at, &t);
			at = T0 + (last + 1) * policy.breaker_zone.span - 1;
		}
		row_eq(rows[i].name, told, rows[i].told);
		row_eq(rows[i].name, breaker_open(b, at, &t, 1), rows[i].open);
		breaker_free(b);
	}
}

/* No DNSBL is asked about them, so that they say nothing of it: our users, and who never came to name a recipient. */
static void
a_share_is_of_those_asked_about(void **state)
{
	static const struct {
		const char *name;
		enum event_kind kind;
		bool logs_in;
		bool opens;
	} rows[] = {
		{ "strangers", EVENT_UNKNOWN_USER, false, false },
		{ "users", EVENT_UNKNOWN_USER, true, true },
		{ "guessers", EVENT_AUTH_FAILURE, false, true },
		{ "babblers", EVENT_PROTOCOL, false, true },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct guard *g = guard_new();
		bool opened = false;

		fresh(state);
		for (unsigned k = 0; k < 200; k++) {
			struct addr other = nth(1000 + k);
			struct event ev = { .kind = rows[i].kind, .addr = nth(k), .time = T0 };

			(void)guard_after(g, &policy, &ev, &ev.addr, CHANGE_COUNTED, T0);
			ev.kind = EVENT_LOGIN;
			if (rows[i].logs_in)
				(void)guard_after(g, &policy, &ev, &ev.addr, CHANGE_GRANTED, T0);
			ev = (struct event){ .kind = EVENT_RBL, .addr = other, .time = T0, .zone = STR("z.example.net") };
			opened |= guard_after(g, &policy, &ev, &other, CHANGE_COUNTED, T0);
		}
		row_eq(rows[i].name, opened, rows[i].opens);
		guard_free(g);
	}
}

static void
too_many_zones_do_no_harm(void **state)
{
	struct breaker *b = breaker_new();
	struct trip t;

	(void)state;
	for (unsigned i = 0; i < 10 * BREAKER_ZONES; i++) {
		struct addr a = nth(i);
		char zone[32];

		(void)snprintf(zone, sizeof zone, "z%u.example.net", i);
		assert_false(breaker_heard(b, &policy, intern(str_of(zone)), &a, T0 + i, T0 + i, &t));
	}
	breaker_free(b);
}

/* ---- an open breaker is kept ---- */

/* What an effect was told of. */
static struct {
	unsigned kernel, taken_back, notices;
} heard;

static void
hear_kernel(void *arg, const struct addr *client)
{
	(void)arg;
	(void)client;
	heard.kernel++;
}

static void
hear_told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	(void)arg;
	(void)client;
	heard.taken_back += changes == CHANGE_UNBLOCKED && strcmp(ev->rule, "breaker") == 0 &&
	    str_eq(ev->evidence, STR("protocol: 5 clients newly blocked within 1m"));
}

static void
hear_notice(void *arg, const struct notice *n)
{
	(void)arg;
	heard.notices += n->gravity == GRAVITY_ALARM;
}

static void
outlives_a_restart(void **state)
{
	static const struct effects fx = { .block_changed = hear_kernel, .told = hear_told };
	struct ledger *l = ledger_new(1000);
	struct guard *g = guard_new(), *after = guard_new();
	struct trip before[2], again[2];
	struct withdrawal w;
	struct pipeline pl;
	struct cut c;
	struct cut_item it;
	size_t at = 0;
	struct err e;

	(void)state;
	policy.breaker_blocks.n = 5;
	pipeline_init(&pl, l, &fx);
	pipeline_guard(&pl, g, NULL, hear_notice);
	for (unsigned i = 0; i < 5; i++) {
		struct event ev = { .kind = EVENT_PROTOCOL, .addr = nth(i), .time = T0, .rule = "x" };

		for (unsigned k = 0; k < 20; k++)
			pipeline_event(&pl, &policy, &ev, T0);
	}
	assert_int_equal(guard_trips(g, T0, before, 2), 1);
	assert_int_equal(heard.kernel, 10); /* each blocked, and freed */
	assert_int_equal(heard.taken_back, 5);
	assert_int_equal(heard.notices, 2); /* open; taken back */
	cut_init(&c);
	guard_cut(g, &c, T0, false);
	assert_int_equal(c.items, 1);
	assert_true(cut_next(&c, &at, &it));
	assert_int_equal(guard_restore(after, (const uint8_t *)"halfxx", 6, it.val, it.vlen, &e), 0); /* not ours */
	assert_int_equal(guard_trips(after, T0, again, 2), 0);
	for (size_t n = 0; n < it.vlen; n++)
		assert_int_equal(guard_restore(after, it.key, it.klen, it.val, n, &e), -1);
	assert_int_equal(guard_restore(after, it.key, it.klen, it.val, it.vlen, &e), 0);
	assert_int_equal(guard_trips(after, T0, again, 2), 1);
	assert_memory_equal(&before[0], &again[0], sizeof before[0]);
	assert_true(guard_withdrawal(after, &w, &again[1])); /* it may not have been taken back in time */
	assert_int_equal(w.kind, EVENT_PROTOCOL);
	assert_int_equal(w.since, again[0].since);
	assert_int_equal(w.until, again[0].until);
	assert_false(guard_withdrawal(after, &w, &again[1]));
	cut_clear(&c);
	guard_cut(g, &c, T0, false); /* nothing new */
	assert_int_equal(c.items, 0);
	assert_int_equal(guard_reset(after, T0 + 1), 1);
	guard_cut(after, &c, T0 + 1, false);
	at = 0;
	assert_true(cut_next(&c, &at, &it));
	assert_true(it.deleted);
	cut_clear(&c);
	guard_free(g);
	guard_free(after);
	ledger_free(l);
}

/* ---- incidents ---- */

static bool
fail_at(struct swarm *s, struct str account, unsigned client, uint32_t at, struct incident *out)
{
	struct addr a = nth(client);

	return swarm_hear(s, &policy, &(struct aim){ TARGET_ACCOUNT, account, false }, &a, at, at, out);
}

static bool
attacked(const struct swarm *s, enum target t, struct str name, uint32_t at)
{
	struct addr nobody = nth(0);

	return swarm_attacked(s, &(struct aim){ t, name, false }, &nobody, at);
}

/* A flood of invented names makes room for itself only among its own. */
static void
invented_names_push_out_nobody(void **state)
{
	struct swarm *s = swarm_new();
	struct incident i;

	(void)state;
	for (unsigned k = 0; k < 24; k++)
		assert_false(fail_at(s, STR("alice"), k, T0, &i));
	for (unsigned k = 0; k < 200000; k++) {
		char name[32];

		(void)snprintf(name, sizeof name, "x%u", k);
		assert_false(fail_at(s, str_of(name), k, T0 + 1, &i));
	}
	assert_true(fail_at(s, STR("alice"), 24, T0 + 2, &i));
	assert_int_equal(i.members, 25);
	assert_int_equal(i.shown, SWARM_SHOWN);
	assert_true(attacked(s, TARGET_ACCOUNT, STR("ALICE"), T0 + 2));
	assert_false(attacked(s, TARGET_ACCOUNT, STR("alice2"), T0 + 2));
	assert_false(attacked(s, TARGET_LOGIN, STR("alice"), T0 + 2));
	swarm_free(s);
}

/* More attacks than can be told of: those that are known stay, and nothing breaks. */
static void
there_can_be_too_many(void **state)
{
	struct swarm *s = swarm_new();
	struct incident i;
	unsigned begun = 0, over = 0;

	(void)state;
	policy.incident_account.n = 2;
	for (unsigned k = 0; k < 5000; k++) {
		char name[32];

		(void)snprintf(name, sizeof name, "x%u", k);
		for (unsigned client = 0; client < 3; client++)
			begun += fail_at(s, str_of(name), client, T0, &i);
	}
	assert_int_equal(begun, SWARM_EACH);
	assert_int_equal(swarm_live(s), SWARM_EACH);
	assert_false(swarm_over(s, T0 + 3599, &i));
	while (swarm_over(s, T0 + 3600, &i))
		over++;
	assert_int_equal(over, SWARM_EACH);
	assert_true(fail_at(s, STR("x1"), 1, T0 + 3600, &i) || fail_at(s, STR("x1"), 2, T0 + 3600, &i));
	swarm_free(s);
}

/* Attacks on invented accounts must not hide the one on a real account. */
static void
a_bigger_attack_makes_room_for_itself(void **state)
{
	struct swarm *s = swarm_new();
	uint64_t before = stat_get(STAT_INCIDENTS_DROPPED);
	struct incident i;
	unsigned standing = 0, clients = 0;
	char name[32];

	(void)state;
	policy.incident_account.n = 3;
	for (unsigned k = 0; swarm_live(s) < SWARM_EACH; k++) {
		(void)snprintf(name, sizeof name, "x%u", k);
		for (unsigned client = 0; client < (k == 7 ? 3 : 4); client++)
			(void)fail_at(s, str_of(name), client, T0, &i);
	}
	while (!fail_at(s, STR("alice"), clients++, T0, &i))
		assert_true(clients < 10);
	assert_int_equal(clients, 4); /* more than x7's three */
	assert_string_equal(i.name, "alice");
	assert_int_equal(i.most, 4);
	assert_true(attacked(s, TARGET_ACCOUNT, STR("alice"), T0));
	assert_false(attacked(s, TARGET_ACCOUNT, STR("x7"), T0));
	assert_int_equal(swarm_live(s), SWARM_EACH);
	assert_int_equal(stat_get(STAT_INCIDENTS_DROPPED) - before, 1);
	for (unsigned k = 0; k < SWARM_EACH; k++) {
		(void)snprintf(name, sizeof name, "x%u", k);
		standing += attacked(s, TARGET_ACCOUNT, str_of(name), T0);
	}
	assert_int_equal(standing, SWARM_EACH - 1);
	for (unsigned client = 0; client < 4; client++) /* as big as others is not bigger */
		assert_false(fail_at(s, STR("x7"), client, T0, &i));
	swarm_free(s);
}

static void
names_are_made_harmless(void **state)
{
	struct guard *g = guard_new();
	struct notice n;
	char name[300];

	(void)state;
	memset(name, 'a', sizeof name);
	memcpy(name, "%n%s\r\n\033[2J", 10);
	for (unsigned i = 0; i < 25; i++) {
		struct event ev = { .kind = EVENT_AUTH_FAILURE, .addr = nth(i), .time = T0, .user = { name, sizeof name } };

		(void)guard_after(g, &policy, &ev, &ev.addr, CHANGE_COUNTED, T0);
	}
	assert_true(guard_notice(g, &n));
	assert_non_null(strstr(n.text, "25 clients fail to log in to %n%s\\x0d\\x0a\\x1b[2Jaaa"));
	for (const char *p = n.text; *p != '\0'; p++)
		assert_true((unsigned char)*p >= ' ');
	assert_true(strlen(n.text) < 400);
	guard_free(g);
}

/* A client of IPv6 is a whole /64, and is named so. */
static void
names_clients_whole(void **state)
{
	struct guard *g = guard_new();
	struct notice n;

	(void)state;
	for (unsigned i = 0; i < 25; i++) {
		struct event ev = { .kind = EVENT_AUTH_FAILURE, .time = T0, .user = STR("alice") };
		char text[ADDR_TEXT];

		(void)snprintf(text, sizeof text, "2001:db8:1:%x::", i + 1);
		ev.addr = address(text);
		(void)guard_after(g, &policy, &ev, &ev.addr, CHANGE_COUNTED, T0);
	}
	assert_true(guard_notice(g, &n));
	assert_non_null(strstr(n.text, "among them 2001:db8:1:"));
	for (const char *p = strstr(n.text, "2001:"); p != NULL; p = strstr(p + 1, "2001:"))
		assert_memory_equal(p + strcspn(p, " ") - 5, "::/64", 5);
	guard_free(g);
}

/* What our own users do, and what was told before, is no attack. */
static void
some_do_not_count(void **state)
{
	static const unsigned without[] = { CHANGE_FORGIVEN, CHANGE_DUPLICATE, CHANGE_TRUSTED };
	struct guard *g = guard_new();

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct event ev = { .kind = EVENT_AUTH_FAILURE, .addr = nth(i), .time = T0, .user = STR("alice") };

		assert_false(guard_after(g, &policy, &ev, &ev.addr, without[i % ROWS(without)], T0));
	}
	assert_int_equal(guard_live(g), 0);
	guard_free(g);
}

static void
notices_are_bounded(void **state)
{
	struct guard *g = guard_new();
	uint64_t before = stat_get(STAT_NOTICES_DROPPED);
	struct notice n;
	unsigned got = 0;

	(void)state;
	policy.incident_account.n = 1;
	for (unsigned i = 0; i < 2 * NOTICES; i++) {
		char name[16];
		struct event ev = { .kind = EVENT_AUTH_FAILURE, .addr = nth(i), .time = T0 };

		(void)snprintf(name, sizeof name, "u%u", i);
		ev.user = str_of(name);
		(void)guard_after(g, &policy, &ev, &ev.addr, CHANGE_COUNTED, T0);
	}
	while (guard_notice(g, &n))
		got++;
	assert_int_equal(got, NOTICES);
	assert_true(stat_get(STAT_NOTICES_DROPPED) - before >= SWARM_EACH - NOTICES);
	guard_free(g);
}

/* ---- many threads ---- */

#define THREADS 4
#define EACH	20000

static struct pipeline shared;
static _Atomic unsigned rung;

static void
ring(void *arg)
{
	(void)arg;
	rung++;
}

static void *
attack(void *arg)
{
	unsigned me = *(unsigned *)arg;

	for (unsigned i = 0; i < EACH; i++) {
		struct event ev = { .kind = i % 7 == 0 ? EVENT_RBL : i % 3 == 0 ? EVENT_LOGIN : EVENT_AUTH_FAILURE,
			.addr = nth(me * 64 + i % 1000), .time = T0 + i / 100, .user = STR("alice"),
			.zone = STR("zen.example.net") };

		pipeline_event(&shared, &policy, &ev, T0 + i / 100);
		if (i % 64 == 0)
			pipeline_came(&shared, &policy, &ev.addr, T0 + i / 100, T0 + i / 100);
	}
	return NULL;
}

static void
many_threads(void **state)
{
	static struct incident list[SWARM_LIVE];
	struct ledger *l = ledger_new(10000);
	struct guard *g = guard_new();
	pthread_t threads[THREADS];
	unsigned who[THREADS];
	struct cut c;

	(void)state;
	policy.breaker_blocks.n = 50;
	policy.kind[EVENT_LOGIN].on = true;
	policy.relay_for = 0; /* no credit: all is counted */
	policy.login_credit = false;
	pipeline_init(&shared, l, NULL);
	pipeline_guard(&shared, g, ring, NULL);
	cut_init(&c);
	for (unsigned i = 0; i < THREADS; i++) {
		who[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, attack, &who[i]), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		pipeline_tend(&shared, &policy, T0 + i);
		(void)guard_incidents(g, &policy, T0 + i, list, SWARM_LIVE);
		guard_cut(g, &c, T0 + i, false);
		if (i % 50 == 0)
			(void)guard_reset(g, T0 + i);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(rung > 0);
	assert_true(guard_live(g) > 0);
	cut_clear(&c);
	guard_free(g);
	ledger_free(l);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_share_that_jumps_opens),
		TEST(gets_used_to_a_high_share),
		TEST(what_is_usual_is_learned_first),
		TEST(a_share_is_of_those_asked_about),
		TEST(too_many_zones_do_no_harm),
		TEST(outlives_a_restart),
		TEST(invented_names_push_out_nobody),
		TEST(there_can_be_too_many),
		TEST(a_bigger_attack_makes_room_for_itself),
		TEST(names_are_made_harmless),
		TEST(names_clients_whole),
		TEST(some_do_not_count),
		TEST(notices_are_bounded),
		TEST(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
