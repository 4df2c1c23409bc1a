/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_durability.c - whatever happens to the daemon and its disk, what it has learned in the end is what one learns
 * that was never disturbed
 *
 * The real daemon follows four logs that are written and rotated (renamed, copied and truncated, each also packed) while
 * it is killed again and again, its disk fills up, becomes read-only, or its store is cut off anywhere.  In the end the
 * records of all clients in its store are compared, byte by byte, with those of a daemon that read the same lines from
 * files that nobody touched.  What the control socket said is durable must be there too.  So it is with a store in which a
 * program of another version has left something.
 *
 * KILLS=N kills N times instead of 20, and does the rest in proportion; SEED=N plays another game.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/unit.h"
#include "game.h"
#include "store.h"

#define KILLS	   20
#define SMALL_DISK "size=64m"

static unsigned
kills(void)
{
	const char *n = getenv("KILLS");

	return n == NULL ? KILLS : (unsigned)strtoul(n, NULL, 10);
}

/* --- killed --- */

static void
test_killed(void **state)
{
	unsigned n = kills();

	(void)state;
	write_some(50);
	catch_up(); /* one who never came to know a place in a log begins with the log as it then is */
	kill_it();
	while (g.kills < n) {
		unsigned rotations = 3;

		if (g.kills % 10 == 9) {
			catch_up();
			busy_until(milliseconds() + keeper_any(&g.k, 100), &rotations);
		} else
			let_run(&rotations);
		kill_it();
		if (keeper_any(&g.k, 3) == 0) {
			write_some(keeper_any(&g.k, 20));
			keeper_rotate(&g.k);
			write_some(keeper_any(&g.k, 20));
		}
	}
	finish("killed at any moment");
}

/* --- a small disk --- */

static void
small_disk(void)
{
	/* In a mount namespace of our own: what is mounted here ends with us. */
	if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", g.small, "tmpfs", 0, SMALL_DISK) == -1) {
		print_message("skipped: a small tmpfs cannot be mounted: %s\n", strerror(errno));
		skip();
	}
}

static void
fill_disk(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	(void)close(fd);
}

/* With no room on the disk it may start or refuse to, but must say why. */
static void
restart_when_full(void)
{
	kill_it();
	proc_start(&g.p);
	if (proc_await(&g.p, "clients known"))
		return;
	if (!proc_said(&g.p, "No space left on device"))
		fail_msg("on a full disk the daemon ended with:\n%s", g.p.said);
	(void)proc_end(&g.p, SIGKILL);
	g.refused++;
}

static void
test_disk_full(void **state)
{
	unsigned n = 1 + kills() / 20, rotations = 2 * n;
	char filler[96];

	(void)state;
	small_disk();
	(void)snprintf(filler, sizeof filler, "%s/filler", g.small);
	write_some(50);
	for (unsigned i = 0; i < n; i++) {
		if (g.p.pid == -1)
			await_start();
		busy_until(milliseconds() + keeper_any(&g.k, 300), &rotations);
		fill_disk(filler);
		while (!proc_said(&g.p, "cannot be written")) { /* there is room in the log's file: this takes some */
			busy_until(0, &rotations);
			if (!proc_listen(&g.p, 0))
				fail_msg("on a full disk the daemon ended:\n%s", g.p.said);
		}
		add_reap(0);
		if (keeper_any(&g.k, 2) == 0)
			restart_when_full();
		assert_int_equal(remove(filler), 0);
		if (g.p.pid != -1 && proc_said(&g.p, "cannot be written") && !proc_await(&g.p, "can be written again"))
			fail_msg("the daemon ended when there was room again:\n%s", g.p.said);
		if (g.p.pid != -1 && keeper_any(&g.k, 2) == 0)
			kill_it();
	}
	print_message("disk full %u times, refused to start on it %u times\n", n, g.refused);
	finish("disk full");
}

static void
test_read_only(void **state)
{
	unsigned n = 1 + kills() / 20, rotations = n;

	(void)state;
	small_disk();
	write_some(50);
	for (unsigned i = 0; i < n; i++) {
		await_start();
		busy_until(milliseconds() + keeper_any(&g.k, 300), &rotations);
		kill_it();
		assert_int_equal(mount("none", g.small, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
		proc_start(&g.p);
		write_some(keeper_any(&g.k, 20));
		if (proc_await(&g.p, "clients known") || !proc_said(&g.p, "Read-only file system"))
			fail_msg("on a read-only disk the daemon said:\n%s", g.p.said);
		(void)proc_end(&g.p, SIGKILL);
		assert_int_equal(mount("none", g.small, NULL, MS_REMOUNT, NULL), 0);
	}
	finish("store read-only");
}

/* --- cut off --- */

/* Cut one of the store's files off anywhere; what of it was done goes into `what`. */
static void
cut_off(const char *home, char *what, size_t size)
{
	static const char *const names[] = { "popauth.db", "log.0000000001", "log.0000000002", "log.0000000003" };
	char path[PATH_ROOM];
	struct stat st;
	const char *name;

	do {
		name = names[keeper_any(&g.k, ROWS(names))];
		(void)snprintf(path, sizeof path, "%s/%s", home, name);
	} while (stat(path, &st) == -1 || st.st_size == 0);
	st.st_size = (off_t)(((uint64_t)keeper_any(&g.k, RAND_MAX) << 16 | keeper_any(&g.k, 65536)) % (uint64_t)st.st_size);
	if (keeper_any(&g.k, 2) == 0 && name != names[0])
		st.st_size %= 1 << 20; /* a log file is much longer than what is written in it */
	assert_int_equal(truncate(path, st.st_size), 0);
	(void)snprintf(what, size, "%s cut off at %lld", name, (long long)st.st_size);
}

/* It starts, and either knows everything or says that it knows nothing. */
static bool
recovers(const char *what)
{
	struct dump got, want;
	char kept[2 * PATH_ROOM];
	bool aside;

	proc_start(&g.p);
	if (!proc_await(&g.p, "clients known"))
		fail_msg("%s: the daemon does not start:\n%s", what, g.p.said);
	await_all(&g.p);
	aside = ctl_says(&g.p, (const char *const[]){ "status", NULL }, "\"state\":\"set aside\"");
	if (aside != proc_said(&g.p, "starting with nothing learned"))
		fail_msg("%s: status and log do not say the same:\n%s", what, g.p.said);
	stop(&g.p);
	(void)snprintf(kept, sizeof kept, "ls -d %s/corrupt-* >/dev/null 2>&1", g.p.state);
	if (aside != (system(kept) == 0))
		fail_msg("%s: the daemon said:\n%s", what, g.p.said);
	if (aside)
		return false;
	undisturbed(&want);
	dump_load(&got, g.p.state);
	dump_compare(&got, &want);
	dump_free(&got);
	dump_free(&want);
	return true;
}

static void
test_cut_off(void **state)
{
	unsigned n = 4 + kills() / 2, rotations = 4, whole = 0;
	char saved[64], home[96], what[128];

	(void)state;
	(void)snprintf(saved, sizeof saved, "%s/saved", g.dir);
	(void)snprintf(home, sizeof home, "%s/store", g.small);
	write_some(2000);
	for (unsigned i = 0; i < 5; i++) {
		await_start();
		busy_until(milliseconds() + 200 + keeper_any(&g.k, 1200), &rotations);
		kill_it();
	}
	keeper_mark(&g.k);
	run("cp -a %s %s", g.small, saved);
	for (unsigned i = 0; i < n; i++) {
		cut_off(home, what, sizeof what);
		whole += recovers(what);
		run("rm -rf %s && cp -a %s %s", g.small, saved, g.small);
	}
	print_message("store cut off %u times: %u times all was there, %u times it was set aside and said so\n", n, whole,
	    n - whole);
}

/* --- of another version --- */

/* What a program of another version keeps beside clients and positions, each in the form of none. */
static const char *const strange[] = { "half\0", "hour\0", "trip" }; /* and a number, here 0 */

static void
write_strange(const char *state)
{
	enum store_state was;
	struct store *s;
	struct cut c;
	struct err e;

	s = store_open(state, &was, &e);
	if (s == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(was, STORE_OPENED);
	cut_init(&c);
	for (size_t i = 0; i < ROWS(strange); i++)
		cut_put(&c, CUT_META, strange[i], i == 2 ? 5 : 6, "\xff of another version", 20);
	assert_int_equal(store_commit(s, &c, &e), STORE_DONE);
	cut_clear(&c);
	store_close(s);
}

/* It starts, says what it has forgotten, and nothing but that; and it says so once. */
static void
test_other_version(void **state)
{
	(void)state;
	write_some(50);
	catch_up();
	stop(&g.p);
	write_strange(g.small);
	await_start();
	if (!proc_said(&g.p, "3 entries of the store are not of this version and are forgotten"))
		fail_msg("the daemon said:\n%s", g.p.said);
	kill_it();
	await_start();
	if (proc_said(&g.p, "not of this version"))
		fail_msg("the daemon said once more:\n%s", g.p.said);
	finish("a store of another version");
}

/* --- undisturbed, for long --- */

struct held {
	unsigned descriptors;
	unsigned long resident; /* kB */
};

static struct held
held(void)
{
	struct held h = { 0, 0 };
	char path[64], line[256];
	FILE *fp;
	DIR *dp;

	(void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)g.p.pid);
	dp = opendir(path);
	assert_non_null(dp);
	while (readdir(dp) != NULL)
		h.descriptors++;
	(void)closedir(dp);
	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)g.p.pid);
	fp = fopen(path, "re");
	assert_non_null(fp);
	while (fgets(line, sizeof line, fp) != NULL)
		(void)sscanf(line, "VmRSS: %lu", &h.resident);
	(void)fclose(fp);
	return h;
}

/* All of a day's rotations and more. */
static struct held
after(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		write_some(200);
		keeper_rotate(&g.k);
		keeper_mark(&g.k);
		await_all(&g.p); /* with a new connection each time */
	}
	return held();
}

/* test_day looks at the ledger and the store; here are the files and sockets. */
static void
test_flat(void **state)
{
	unsigned n = kills();
	struct held first, last;

	(void)state;
	write_some(50);
	await_start();
	first = after(n);
	last = after(3 * n);
	print_message("after %u rotations and %u lines: %u descriptors, %lu kB; after the first quarter %u and %lu kB\n",
	    g.k.rotations, g.k.lines, last.descriptors, last.resident, first.descriptors, first.resident);
	/* Each log may be between two files at the moment of looking; what leaked would be one for each rotation. */
	if (last.descriptors > first.descriptors + LOGS)
		fail_msg("%u descriptors, and %u before most of the rotations", last.descriptors, first.descriptors);
	finish("undisturbed");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, game_fresh, game_done)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed),
		TEST(test_disk_full),
		TEST(test_read_only),
		TEST(test_cut_off),
		TEST(test_other_version),
		TEST(test_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
