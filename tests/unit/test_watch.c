/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "stats.h"
#include "unit.h"
#include "watch.h"

static void
tell(struct watch *w, unsigned n)
{
	struct addr a = address("192.0.2.1");
	char user[16];
	struct event ev = { .kind = EVENT_LOGIN, .addr = a, .time = n, .rule = "r", .evidence = STR("pass=x") };

	(void)snprintf(user, sizeof user, "u%u", n);
	ev.user = str_of(user);
	watch_told(w, &ev, &a, CHANGE_GRANTED);
}

static void
tells_who_watches(void **state)
{
	struct watch *w = watch_new();
	struct watcher one, two;
	struct watched got;
	struct addr a = address("192.0.2.9");
	uint64_t missed;

	(void)state;
	tell(w, 1);
	watch_join(w, &one);
	assert_false(watch_next(w, &one, &got, &missed));
	tell(w, 2);
	watch_join(w, &two);
	watch_told(w, NULL, &a, CHANGE_BLOCKED);
	assert_true(watch_next(w, &one, &got, &missed));
	assert_string_equal(got.user, "u2");
	assert_string_equal(got.evidence, "pass=***");
	assert_int_equal(missed, 0);
	assert_true(watch_next(w, &one, &got, &missed));
	assert_int_equal(got.kind, EVENT_KINDS);
	assert_true(addr_eq(&got.client, &a));
	assert_false(watch_next(w, &one, &got, &missed));
	assert_true(watch_next(w, &two, &got, &missed));
	assert_int_equal(got.changes, CHANGE_BLOCKED);
	assert_false(watch_next(w, &two, &got, &missed));
	watch_leave(w);
	watch_leave(w);
	watch_free(w);
}

static void
counts_what_a_slow_one_missed(void **state)
{
	struct watch *w = watch_new();
	struct watcher me;
	struct watched got;
	uint64_t missed, before = stat_get(STAT_WATCH_DROPPED);
	unsigned heard = 0;

	(void)state;
	watch_join(w, &me);
	for (unsigned i = 0; i < WATCH_SLOTS + 10; i++)
		tell(w, i);
	assert_true(watch_next(w, &me, &got, &missed));
	assert_int_equal(missed, 10);
	assert_string_equal(got.user, "u10");
	do {
		heard++;
	} while (watch_next(w, &me, &got, &missed));
	assert_int_equal(heard, WATCH_SLOTS);
	assert_int_equal(stat_get(STAT_WATCH_DROPPED) - before, 10);
	watch_leave(w);
	watch_free(w);
}

static void
count_call(void *arg)
{
	atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

static void
rings_once_until_answered(void **state)
{
	struct watch *w = watch_new();
	_Atomic unsigned rung = 0;
	struct watcher me;
	struct watched got;
	uint64_t missed;

	(void)state;
	watch_notify(w, count_call, &rung);
	tell(w, 0);
	assert_int_equal(rung, 0); /* nobody watches */
	watch_join(w, &me);
	tell(w, 1);
	tell(w, 2);
	assert_int_equal(rung, 1);
	while (watch_next(w, &me, &got, &missed))
		;
	tell(w, 3);
	assert_int_equal(rung, 2);
	watch_leave(w);
	watch_free(w);
}

enum { TELLERS = 3, EACH = 20000 };

static void *
keep_telling(void *arg)
{
	for (unsigned i = 0; i < EACH; i++)
		tell(arg, i);
	return NULL;
}

/* What is heard and what is missed is together what was told. */
static void
loses_none_uncounted(void **state)
{
	struct watch *w = watch_new();
	pthread_t threads[TELLERS];
	struct watcher me;
	struct watched got;
	uint64_t missed, sum = 0;

	(void)state;
	watch_join(w, &me);
	for (unsigned i = 0; i < TELLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, keep_telling, w), 0);
	while (sum < TELLERS * EACH) {
		sum += watch_next(w, &me, &got, &missed);
		sum += missed;
	}
	for (unsigned i = 0; i < TELLERS; i++)
		pthread_join(threads[i], NULL);
	assert_false(watch_next(w, &me, &got, &missed));
	assert_int_equal(sum, TELLERS * EACH);
	watch_leave(w);
	watch_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_who_watches),
		cmocka_unit_test(counts_what_a_slow_one_missed),
		cmocka_unit_test(rings_once_until_answered),
		cmocka_unit_test(loses_none_uncounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
