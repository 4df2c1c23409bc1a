/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_ledger.c - the ledger with a million clients and more
 *
 * 1. Beside a plain uthash table of the same records: nanoseconds per client learned, nanoseconds of an answer at connect
 *    (known and unknown clients mixed), bytes per client.  The uthash table has one lock and no list of changes: it
 *    shows what a library's table costs, not what would do.
 * 2. With a million and with ten million: the process's memory per client, what one second's sweep costs, and the cut
 *    of everything.
 * 3. Answers while others work: nobody, a log thread that learns without a pause, and one that makes cuts of all
 *    clients without a pause as well.  Two threads ask, so that all three fight for two cores: the processor time that a
 *    question had to wait for is in the figures.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
#define SWEEP_SLOTS 32768 /* as the log thread does each second */

static struct policy policy;

static struct addr
nth(uint32_t n)
{
	struct addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	n = 16u << 24 | (n * 2654435761u & 0x3ffffff); /* all over 16.0.0.0/6, none twice */
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

/* --- 2 --- */

static size_t
resident(void)
{
	unsigned long pages = 0;
	FILE *fp = fopen("/proc/self/statm", "re");

	if (fp == NULL || fscanf(fp, "%*u %lu", &pages) != 1)
		pages = 0;
	if (fp != NULL)
		(void)fclose(fp);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct ledger *
learn(uint32_t n, time_t at)
{
	struct ledger *l = ledger_new(n);
	struct cut c;

	cut_init(&c);
	for (uint32_t i = 0; i < n; i++) {
		struct event ev = { .kind = EVENT_RBL, .addr = nth(i), .time = at, .zone = STR("zen.example.net") };

		ledger_apply(l, &policy, &ev, at);
		if (i % 10000 == 0) {
			ledger_cut(l, &c, false);
			cut_clear(&c);
		}
	}
	ledger_cut(l, &c, false);
	cut_clear(&c);
	return l;
}

/* In a process of its own, so that the memory is this part's alone. */
static void
bench_size(uint32_t n)
{
	size_t before = resident();
	struct ledger *l = learn(n, T0);
	double bytes = (double)(resident() - before) / n, t, sweep = 0;
	struct cut c;

	for (unsigned i = 0; i < 100; i++) {
		t = ns_now();
		ledger_sweep(l, &policy, T0 + 1, SWEEP_SLOTS);
		t = ns_now() - t;
		sweep = t > sweep ? t : sweep;
	}
	cut_init(&c);
	t = ns_now();
	ledger_cut(l, &c, true);
	t = ns_now() - t;
	(void)printf("%8u clients: %4.0f bytes/client resident, %5.0f MB; sweep of a second, worst of 100: %.2f ms; cut of "
	    "all: %.0f ms, %zu MB\n", n, bytes, bytes * n / 1e6, sweep / 1e6, t / 1e6, c.len >> 20);
	cut_clear(&c);
	t = ns_now();
	while (ledger_size(l) > 0)
		ledger_sweep(l, &policy, T0 + 400 * 86400, SWEEP_SLOTS);
	(void)printf("%8u clients: all expired at once and swept: %.0f ns/client\n", n, (ns_now() - t) / n);
	ledger_free(l);
}

static void
in_child(void (*fn)(uint32_t), uint32_t arg)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fn(arg);
		(void)fflush(stdout);
		_exit(0);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0)
		(void)printf("it did not end well; is there memory enough?\n");
}

/* --- 3 --- */

enum load { ALONE, LEARNING, CUTTING, LOADS };

static struct {
	struct ledger *l;
	enum load load;
	atomic_bool stop;
} shared;

static void *
work(void *arg)
{
	struct cut c;

	(void)arg;
	cut_init(&c);
	for (uint32_t i = 0; !shared.stop; i++) {
		struct event ev = { .kind = EVENT_RBL, .addr = nth(i % CLIENTS), .time = T0 + i / 100000,
			.zone = STR("zen.example.net") };

		ledger_apply(shared.l, &policy, &ev, ev.time);
		if (shared.load == CUTTING && i % 1000 == 0) {
			ledger_cut(shared.l, &c, true);
			cut_clear(&c);
		}
	}
	return NULL;
}

static void *
ask(void *arg)
{
	float *took = arg;
	uint32_t seed = 1;

	for (unsigned i = 0; i < ASKED; i++) {
		struct answer ans;
		struct addr a;
		double t;

		seed = seed * 1664525 + 1013904223;
		a = nth(seed % (2 * CLIENTS));
		t = ns_now();
		ledger_judge(shared.l, &policy, &a, T0 + 1, &ans);
		took[i] = (float)(ns_now() - t);
	}
	return NULL;
}

static void
bench_contention(uint32_t asked)
{
	static const char *const names[LOADS] = { "nobody", "learning", "learning, cutting" };
	static float took[2 * ASKED];
	pthread_t worker, asker[2];

	shared.l = learn(CLIENTS, T0);
	for (shared.load = ALONE; shared.load < LOADS; shared.load++) {
		shared.stop = false;
		if (shared.load != ALONE)
			pthread_create(&worker, NULL, work, NULL);
		for (unsigned i = 0; i < 2; i++)
			pthread_create(&asker[i], NULL, ask, took + i * ASKED);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(asker[i], NULL);
		shared.stop = true;
		if (shared.load != ALONE)
			pthread_join(worker, NULL);
		qsort(took, 2 * asked, sizeof took[0], by_value);
		(void)printf("answers beside %-18s p50 %6.2f us  p99 %7.2f us  p99.9 %8.2f us  max %8.2f us\n",
		    names[shared.load], (double)took[asked] / 1e3, (double)took[2 * asked / 100 * 99] / 1e3,
		    (double)took[2 * asked / 1000 * 999] / 1e3, (double)took[2 * asked - 1] / 1e3);
	}
	ledger_free(shared.l);
}

int
main(void)
{
	policy_defaults(&policy);
	/* First what must not find the memory of those before it. */
	in_child(bench_size, CLIENTS);
	in_child(bench_size, 10 * CLIENTS);
	in_child(bench_contention, ASKED);
	(void)printf("%u clients, %u questions\n", CLIENTS, ASKED);
	bench_ledger();
#ifdef HAVE_UTHASH_H
	bench_uthash();
#else
	(void)printf("uthash    not installed (Debian: uthash-dev)\n");
#endif
	return 0;
}
