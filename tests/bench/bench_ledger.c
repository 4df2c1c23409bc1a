/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_ledger.c - the ledger with a million clients, beside a plain uthash table of the same records
 *
 * Prints, for each: nanoseconds per client learned, median nanoseconds of an answer at connect (known and unknown
 * clients mixed), bytes per client.  The uthash table has one lock and no list of changes: it shows what a library's
 * table costs, not what would do.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "ledger.h"
#ifdef HAVE_UTHASH_H
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <uthash.h>
#pragma GCC diagnostic pop
#endif

#define CLIENTS	 1000000u
#define ASKED	 200000u
#define T0	 1700000000

static struct policy policy;

static struct addr
nth(uint32_t n)
{
	struct addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	n = (n + 1) * 2654435761u; /* spread over all of IPv4, none twice */
	for (unsigned i = 0; i < 4; i++)
		a.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	return a;
}

static double
ns_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static size_t
memory(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

typedef void ask_fn(void *table, const struct addr *a);

static void
report(const char *name, double learned, void *table, ask_fn *ask, size_t bytes)
{
	static float took[ASKED];
	uint32_t seed = 1;

	for (unsigned i = 0; i < ASKED; i++) {
		struct addr a;
		double t;

		seed = seed * 1664525 + 1013904223;
		a = nth(seed % (2 * CLIENTS));
		t = ns_now();
		ask(table, &a);
		took[i] = (float)(ns_now() - t);
	}
	qsort(took, ASKED, sizeof took[0], by_value);
	(void)printf("%-8s  %7.0f ns/client learned  answer median %5.0f ns  p99 %6.0f ns  %5.0f bytes/client\n", name,
	    learned / CLIENTS, (double)took[ASKED / 2], (double)took[ASKED / 100 * 99], (double)bytes / CLIENTS);
}

static void
ask_ledger(void *table, const struct addr *a)
{
	struct answer ans;

	ledger_judge(table, &policy, a, T0 + 1, &ans);
}

static void
bench_ledger(void)
{
	size_t before = memory();
	struct ledger *l = ledger_new(2 * CLIENTS);
	double t = ns_now();
	struct cut c;

	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct event ev = { .kind = EVENT_RBL, .addr = nth(i), .time = T0, .zone = STR("zen.example.net") };

		ledger_apply(l, &policy, &ev, T0);
		if (i % 10000 == 0) { /* as the log thread does */
			cut_init(&c);
			ledger_cut(l, &c, false);
			cut_clear(&c);
		}
	}
	report("ledger", ns_now() - t, l, ask_ledger, memory() - before);
	ledger_free(l);
}

#ifdef HAVE_UTHASH_H
struct element {
	struct addr client;
	struct record record;
	UT_hash_handle hh;
};

struct table {
	pthread_mutex_t lock;
	struct element *elements;
};

static void
ask_uthash(void *arg, const struct addr *a)
{
	struct table *t = arg;
	struct element *el;
	volatile enum verdict v;

	pthread_mutex_lock(&t->lock);
	HASH_FIND(hh, t->elements, a->b, sizeof a->b, el);
	v = policy_judge(&policy, a, el == NULL ? NULL : &el->record, T0 + 1);
	pthread_mutex_unlock(&t->lock);
	(void)v;
}

static void
bench_uthash(void)
{
	struct table t = { PTHREAD_MUTEX_INITIALIZER, NULL };
	struct element *el, *next;
	size_t before = memory();
	double start = ns_now();

	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct event ev = { .kind = EVENT_RBL, .addr = nth(i), .time = T0, .zone = STR("zen.example.net") };

		HASH_FIND(hh, t.elements, ev.addr.b, sizeof ev.addr.b, el);
		if (el == NULL) {
			el = xcalloc(1, sizeof *el);
			el->client = ev.addr;
			HASH_ADD(hh, t.elements, client, sizeof el->client, el);
		}
		policy_apply(&policy, &el->record, &ev, T0);
	}
	report("uthash", ns_now() - start, &t, ask_uthash, memory() - before);
	HASH_ITER(hh, t.elements, el, next) {
		HASH_DEL(t.elements, el);
		record_clear(&el->record);
		free(el);
	}
}
#endif

int
main(void)
{
	policy_defaults(&policy);
	(void)printf("%u clients, %u questions\n", CLIENTS, ASKED);
	bench_ledger();
#ifdef HAVE_UTHASH_H
	bench_uthash();
#else
	(void)printf("uthash    not installed (Debian: uthash-dev)\n");
#endif
	return 0;
}
