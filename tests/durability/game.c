/* SPDX-License-Identifier: GPL-2.0-or-later */
/* game.c - the moves of the durability tests */
#include "game.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/files.h"
#include "../unit/unit.h"
#include "record.h"

#define WRITES 1000 /* while it runs once: a slow daemon (a sanitizer's) must be able to read it all in the end */

struct game g;

double
milliseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- facts from the control socket --- */

static const char *
nth_added(unsigned n, char buf[ADDR_TEXT])
{
	(void)snprintf(buf, ADDR_TEXT, "2001:db8:ff00:%x::1", n);
	return buf;
}

void
add_reap(int flags)
{
	int status;

	if (g.adding == 0 || waitpid(g.adding, &status, flags) != g.adding)
		return;
	g.adding = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		g.added[g.adds - 1] = true;
		g.added_n++;
	}
}

static void
add_begin(void)
{
	char client[ADDR_TEXT];

	add_reap(WNOHANG);
	if (g.adding == 0 && g.adds < GAME_ADDS)
		g.adding = ctl_start(&g.p,
		    (const char *const[]){ "block", "add", nth_added(g.adds++, client), "--for", "7d", NULL });
}

static void
check_added(const struct dump *d)
{
	char client[ADDR_TEXT];

	for (unsigned i = 0; i < g.adds; i++) {
		struct addr a = address(nth_added(i, client));
		const struct dump_item *it;
		struct record r;
		struct err e;

		a = addr_client(&a, 64);
		it = dump_find(d, &a);
		record_init(&r);
		if (g.added[i] && (it == NULL || record_decode(&r, it->val, it->n, &e) == -1 || r.blocked_by != BY_HAND))
			fail_msg("%s was said to be blocked and on disk, and is not", client);
		record_clear(&r);
	}
}

/* --- the game's moves --- */

int
game_fresh(void **state)
{
	const char *seed = getenv("SEED");
	char run_dir[64];

	(void)state;
	memset(&g, 0, sizeof g);
	g.writes = UINT_MAX;
	(void)strcpy(g.dir, "/tmp/durable.XXXXXX");
	assert_non_null(mkdtemp(g.dir));
	(void)snprintf(g.small, sizeof g.small, "%s/small", g.dir);
	assert_int_equal(mkdir(g.small, 0700), 0);
	keeper_open(&g.k, g.dir, seed == NULL ? 1 : (unsigned)strtoul(seed, NULL, 10));
	(void)snprintf(run_dir, sizeof run_dir, "%s/run", g.dir);
	assert_int_equal(mkdir(run_dir, 0700), 0);
	proc_setup(&g.p, run_dir, g.small, g.k.paths, LOGS);
	return 0;
}

int
game_done(void **state)
{
	(void)state;
	if (g.p.pid > 0)
		(void)proc_end(&g.p, SIGKILL);
	keeper_close(&g.k);
	(void)umount(g.small);
	(void)remove_tree(g.dir);
	return 0;
}

void
write_some(unsigned times)
{
	while (times-- > 0)
		keeper_write(&g.k);
}

/* Until a moment has come, write, rotate and add. */
void
busy_until(double end, unsigned *rotations)
{
	static const struct timespec nap = { .tv_nsec = 300000 };

	do {
		if (g.writes > 0) {
			g.writes--;
			keeper_write(&g.k);
		}
		if (*rotations > 0 && keeper_any(&g.k, 60) == 0) {
			(*rotations)--;
			keeper_rotate(&g.k);
		}
		if (keeper_any(&g.k, 20) == 0)
			add_begin();
		(void)nanosleep(&nap, NULL);
	} while (milliseconds() < end);
}

static void
nothing_was_lost(void)
{
	static const char *const bad[] = { "lines were lost", "damaged", "of no use", "with nothing learned" };

	for (size_t i = 0; i < ROWS(bad); i++)
		if (proc_said(&g.p, bad[i]))
			fail_msg("the daemon said:\n%s", g.p.said);
}

void
let_run(unsigned *rotations)
{
	bool early = keeper_any(&g.k, 4) == 0;

	g.writes = WRITES;
	proc_start(&g.p);
	if (early) /* somewhere in its start */
		busy_until(milliseconds() + keeper_any(&g.k, 250), rotations);
	else {
		while (!proc_said(&g.p, "clients known")) {
			busy_until(0, rotations);
			if (!proc_listen(&g.p, 0))
				fail_msg("the daemon does not start:\n%s", g.p.said);
		}
		busy_until(milliseconds() + keeper_any(&g.k, 300), rotations);
	}
}

void
kill_it(void)
{
	int status = proc_end(&g.p, SIGKILL);

	assert_true(WIFSIGNALED(status));
	g.kills++;
	g.early += !proc_said(&g.p, "clients known");
	nothing_was_lost();
	add_reap(0);
}

void
await_all(const struct proc *p)
{
	char marker[ADDR_TEXT];

	for (unsigned i = 0; i < LOGS; i++)
		await_known(p, keeper_marker(&g.k, i, marker));
}

void
await_start(void)
{
	proc_start(&g.p);
	if (!proc_await(&g.p, "clients known"))
		fail_msg("the daemon does not start:\n%s", g.p.said);
}

/* Until it is on disk: the daemon does not wait for a slow one as long as we do. */
static void
add_for_good(void)
{
	double end = milliseconds() + PATIENCE * 1e3;
	char client[ADDR_TEXT];

	while (ctl(&g.p, (const char *const[]){ "block", "add", nth_added(g.adds, client), NULL }) != 0)
		if (milliseconds() > end)
			fail_msg("nothing becomes durable; the daemon said:\n%s", g.p.said);
	g.added[g.adds++] = true;
}

/* All is read, and on disk: rotated files that are older need not be kept. */
void
catch_up(void)
{
	await_start();
	keeper_mark(&g.k);
	await_all(&g.p);
	add_for_good();
	for (unsigned i = 0; i < LOGS; i++)
		g.k.log[i].newest = 0;
}

void
stop(struct proc *p)
{
	int status = proc_end(p, SIGTERM);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the daemon ended with status %d:\n%s", status, p->said);
}

/* What one learns who reads the same lines in peace. */
void
undisturbed(struct dump *want)
{
	char dir[64], state[80];
	struct proc p;

	(void)snprintf(dir, sizeof dir, "%s/peace", g.dir);
	(void)snprintf(state, sizeof state, "%s/state", dir);
	if (access(dir, F_OK) == -1) {
		assert_int_equal(mkdir(dir, 0700), 0);
		proc_setup(&p, dir, state, g.k.wholes, LOGS);
		proc_start(&p);
		if (!proc_await(&p, "clients known"))
			fail_msg("the daemon does not start:\n%s", p.said);
		await_all(&p);
		stop(&p);
	}
	dump_load(want, state);
}

/* The daemon goes on to the end of all lines, and then its store is as it should be. */
void
finish(const char *what)
{
	struct dump got, want;

	if (g.p.pid == -1)
		await_start();
	keeper_mark(&g.k);
	await_all(&g.p);
	stop(&g.p);
	nothing_was_lost();
	undisturbed(&want);
	dump_load(&got, g.p.state);
	dump_compare(&got, &want);
	check_added(&got);
	print_message("%s: %u kills, %u of them before it was up, %u lines, %u rotations, %zu clients, %u adds of which %u "
	    "were confirmed: all as in an undisturbed run\n", what, g.kills, g.early, g.k.lines, g.k.rotations, want.n,
	    g.adds, g.added_n);
	dump_free(&got);
	dump_free(&want);
}
