/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_day.c - busy days, one after the other, on a virtual clock: memory, descriptors and database stay flat
 *
 * The ledger and a real store, driven as the daemon's threads drive them: events at their times, sweeps, a cut and
 * a commit every ten minutes.  Clients mostly come once and are forgotten a day or two later; who was blocked is
 * remembered for POLICY_REPEAT, so that it takes a month until as many go as come.  What is held after each day from
 * then on must not be more than on the first of them, but for a little that depends on chance.
 *
 * CLIENTS=N has N new ones a day instead of 3000; DAYS=N goes on for N days after that month instead of 4.
 */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/unit.h"
#include "ledger.h"
#include "store.h"

#define DAY	  86400
#define T0	  1700000000
#define SLOTS	  32768 /* as the log thread does each second */
#define SWEEP	  10	/* seconds: it is more often in the daemon, which may have a hundred times as many */
#define COMMIT	  600
#define REGULARS  500	/* clients that come every day */
#define CHANCE	  8	/* a share of 1/8 */
#define MONTH	  (POLICY_REPEAT / DAY + 2)

struct held {
	size_t clients, memory, store;
	unsigned descriptors;
};

static char dir[32]; /* in memory where it can be: nothing here is about power failures */
static unsigned seed = 1;

static unsigned
from_env(const char *name, unsigned otherwise)
{
	const char *s = getenv(name);

	return s == NULL ? otherwise : (unsigned)strtoul(s, NULL, 10);
}

static unsigned
any(unsigned below)
{
	return (unsigned)rand_r(&seed) % below;
}

static struct addr
nth(uint32_t n)
{
	struct addr a = { .b = { [10] = 0xff, [11] = 0xff } };

	n = 16u << 24 | (n * 2654435761u & 0x3ffffff);
	for (unsigned i = 0; i < 4; i++)
		a.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
	return a;
}

static unsigned
entries(const char *path, size_t *bytes)
{
	DIR *dp = opendir(path);
	struct dirent *d;
	struct stat st;
	unsigned n = 0;

	assert_non_null(dp);
	while ((d = readdir(dp)) != NULL) {
		n++;
		if (bytes != NULL && fstatat(dirfd(dp), d->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			*bytes += (size_t)st.st_blocks * 512;
	}
	(void)closedir(dp);
	return n;
}

static struct held
look(const struct ledger *l)
{
	struct held h = { .clients = ledger_size(l) };
	struct mallinfo2 m = mallinfo2();
	char home[64];

	h.memory = m.uordblks + m.hblkhd;
	h.descriptors = entries("/proc/self/fd", NULL);
	(void)snprintf(home, sizeof home, "%s/state/store", dir);
	(void)entries(home, &h.store);
	return h;
}

/* Logins of people, single rejections of many, and some that go on until they are blocked. */
static void
event(struct ledger *l, const struct policy *p, uint32_t fresh, time_t now)
{
	static const enum event_kind kinds[] = { EVENT_RBL, EVENT_AUTH_FAILURE, EVENT_UNKNOWN_USER, EVENT_RELAY_DENIED };
	bool person = any(4) == 0;
	struct event ev = { .time = now, .addr = nth(person ? any(REGULARS) : REGULARS + fresh) };
	unsigned times = person ? 1 : any(20) == 0 ? 12 : 1;

	ev.kind = person ? EVENT_LOGIN : kinds[any(4)];
	ev.user = person ? STR("anna") : STR_NONE;
	ev.zone = ev.kind == EVENT_RBL ? STR("zen.example.net") : STR_NONE;
	while (times-- > 0)
		(void)ledger_apply(l, p, &ev, now);
}

static void
commit(struct ledger *l, struct store *s)
{
	struct cut c;
	struct err e = { "" };

	cut_init(&c);
	ledger_cut(l, &c, false);
	if (store_commit(s, &c, &e) != STORE_DONE)
		fail_msg("%s", e.text);
	cut_clear(&c);
}

static void
day(struct ledger *l, struct store *s, const struct policy *p, unsigned number, unsigned clients)
{
	uint32_t fresh = number * clients, end = fresh + clients;

	for (time_t now = T0 + (time_t)number * DAY, last = now + DAY; now < last; now++) {
		while (fresh < end && (uint64_t)(fresh - number * clients) * DAY < (uint64_t)clients * (uint64_t)(now - (last - DAY)))
			event(l, p, fresh++, now);
		if (now % SWEEP == 0)
			ledger_sweep(l, p, now, SLOTS);
		if (now % COMMIT == 0)
			commit(l, s);
	}
}

static void
not_more(const char *what, unsigned number, size_t got, size_t before)
{
	if (got > before + before / CHANCE)
		fail_msg("after day %u: %zu %s, after day %u: %zu", number + 1, got, what, MONTH, before);
}

static void
test_days(void **state)
{
	unsigned days = MONTH + from_env("DAYS", 4), clients = from_env("CLIENTS", 3000);
	struct ledger *l = ledger_new(10000000);
	struct held before = { 0 }, now;
	enum store_state is;
	struct policy p;
	struct store *s;
	struct err e;
	char path[64];

	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* a month in one thread */
#endif
	policy_defaults(&p);
	(void)snprintf(path, sizeof path, "%s/state", dir);
	s = store_open(path, &is, &e);
	assert_non_null(s);
	for (unsigned i = 0; i < days; i++) {
		day(l, s, &p, i, clients);
		now = look(l);
		if (i % 10 == 0 || i + 2 >= MONTH)
			print_message("day %u: %zu clients, memory %zu kB, store %zu kB, %u descriptors\n", i + 1, now.clients,
			    now.memory >> 10, now.store >> 10, now.descriptors);
		if (i + 1 == MONTH)
			before = now;
		if (i + 1 <= MONTH)
			continue;
		not_more("clients", i, now.clients, before.clients);
		not_more("bytes of memory", i, now.memory, before.memory);
		not_more("bytes on disk", i, now.store, before.store + (8u << 20)); /* of the log, a file more or less */
		assert_int_equal(now.descriptors, before.descriptors);
	}
	store_close(s);
	ledger_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_days) };
	char cmd[64];
	int rc;

	(void)strcpy(dir, "/dev/shm/day.XXXXXX");
	if (mkdtemp(dir) == NULL && mkdtemp(strcpy(dir, "/tmp/day.XXXXXX")) == NULL)
		return 99;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd) == 0 ? rc : 99;
}
