/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_follow_stress.c - numbered lines, written and rotated by one thread, read and read again after every kind of
 * accident by another: each number comes once, in order
 *
 * The keeper thread writes in pieces of any size and rotates at any moment between two lines (in the middle of one
 * nobody could put the halves together again).  The reader is killed at any moment and goes on from the last position
 * it saved, forgetting what it had been handed since.  FOLLOW_STRESS=N plays N seeds instead of a few.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "follow.h"
#include "pack.h"
#include "unit.h"

#define KEPT 9 /* rotated files that are kept */

enum way { RENAME, RENAME_LATE, COPY, COPY_GROW, DELETE, WAYS };

struct run {
	const char *name;
	unsigned ways;	/* bits */
	bool dates;	/* names of rotated files carry a date, not a number */
	unsigned lines;
	bool packed; /* rotated files are compressed at once */
};

static const struct run runs[] = {
	{ "renamed", 1 << RENAME, false, 30000, false },
	{ "renamed, dates", 1 << RENAME | 1 << RENAME_LATE, true, 30000, false },
	{ "renamed, old one written on", 1 << RENAME_LATE, false, 30000, false },
	{ "copied and truncated", 1 << COPY | 1 << COPY_GROW, false, 30000, false },
	{ "copied and truncated, dates", 1 << COPY | 1 << COPY_GROW, true, 30000, false },
	{ "deleted", 1 << DELETE, false, 30000, false },
	{ "renamed and packed", 1 << RENAME | 1 << RENAME_LATE, false, 30000, true },
	{ "renamed and packed, dates", 1 << RENAME | 1 << RENAME_LATE, true, 30000, true },
	{ "copied, truncated and packed", 1 << COPY | 1 << COPY_GROW, false, 30000, true },
	{ "everything", 1 << RENAME | 1 << RENAME_LATE | 1 << COPY | 1 << COPY_GROW | 1 << DELETE, false, 60000, false },
	{ "everything, packed", 1 << RENAME | 1 << RENAME_LATE | 1 << COPY | 1 << COPY_GROW | 1 << DELETE, false, 60000, true },
};

static struct world {
	const struct run *run;
	char dir[64], log[80];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned rotations;	       /* guarded by lock, as are those below */
	unsigned written;	       /* lines */
	unsigned at_rotation[KEPT + 1]; /* lines written when a file was rotated away, newest first */
	unsigned saved, handed;	       /* by the reader: lines behind its saved position; in its hands */
	bool waiting;		       /* the keeper for the reader */
	bool no_kill;		       /* what the reader has open is all there is of a file */
} w;

/* --- the keeper --- */

struct keeper {
	unsigned seed;
	int fd;
	unsigned next;	  /* number of the line in hand */
	char line[3000];
	size_t len, done; /* of it */
	unsigned serial;
};

static unsigned
some(struct keeper *k, unsigned n)
{
	return (unsigned)rand_r(&k->seed) % n;
}

static void
new_line(struct keeper *k)
{
	int n = snprintf(k->line, sizeof k->line, "%08u ", k->next);
	unsigned fill = some(k, 40) == 0 ? some(k, 2900) : some(k, 120);

	memset(k->line + n, 'a' + (int)(k->next % 26), fill);
	k->line[(unsigned)n + fill] = '\n';
	k->len = (unsigned)n + fill + 1;
	k->done = 0;
}

/* Write up to n bytes on, and then, `whole`, to the end of the line. */
static void
write_on(struct keeper *k, size_t n, bool whole)
{
	char block[16384];
	size_t used = 0;
	unsigned lines = 0;

	while (k->next < w.run->lines && (n > 0 || (whole && k->done > 0))) {
		size_t piece = k->len - k->done;

		if (piece > n && !whole)
			piece = n;
		if (used + piece > sizeof block)
			break;
		memcpy(block + used, k->line + k->done, piece);
		used += piece;
		k->done += piece;
		n -= piece < n ? piece : n;
		if (k->done == k->len) {
			lines++;
			k->next++;
			new_line(k);
		}
	}
	if (used > 0 && write(k->fd, block, used) != (ssize_t)used)
		abort();
	pthread_mutex_lock(&w.lock);
	w.written += lines;
	pthread_mutex_unlock(&w.lock);
}

static void
open_new(struct keeper *k)
{
	if (k->fd != -1)
		(void)close(k->fd);
	k->fd = open(w.log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (k->fd == -1)
		abort();
}

/* Make room for, and give, the name of the newest rotated file. */
static void
rotated_name(struct keeper *k, char *name, size_t size)
{
	char from[132], to[132];

	k->serial++;
	if (w.run->dates) {
		(void)snprintf(from, sizeof from, "%s-%08u", w.log, 20260101 + k->serial - KEPT);
		(void)remove(from);
		(void)strcat(from, ".gz");
		(void)remove(from);
		(void)snprintf(name, size, "%s-%08u", w.log, 20260101 + k->serial);
		return;
	}
	for (unsigned i = KEPT; i > 1; i--) {
		(void)snprintf(from, sizeof from, "%s.%u", w.log, i - 1);
		(void)snprintf(to, sizeof to, "%s.%u", w.log, i);
		(void)rename(from, to);
		(void)strcat(from, ".gz");
		(void)strcat(to, ".gz");
		(void)rename(from, to);
	}
	(void)snprintf(name, size, "%s.1", w.log);
}

static void
copy_and_truncate(struct keeper *k, const char *to)
{
	char block[4096];
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(k->fd, block, sizeof block, at)) > 0) {
		if (write(out, block, (size_t)n) != n)
			abort();
		at += n;
	}
	(void)close(out);
	if (ftruncate(k->fd, 0) == -1)
		abort();
}

/* Until the reader has saved, or has in hand, that many lines. */
static void
wait_for(const unsigned *what, unsigned lines)
{
	pthread_mutex_lock(&w.lock);
	w.waiting = true;
	pthread_cond_broadcast(&w.changed);
	while (*what < lines)
		pthread_cond_wait(&w.changed, &w.lock);
	w.waiting = false;
	pthread_mutex_unlock(&w.lock);
}

static void
forbid_kill(bool yes)
{
	pthread_mutex_lock(&w.lock);
	w.no_kill = yes;
	pthread_mutex_unlock(&w.lock);
}

/* The reader can have a deleted file's rest only if it has the file open. */
static void
delete(struct keeper *k)
{
	forbid_kill(true);
	wait_for(&w.handed, w.written);
	write_on(k, some(k, 3000), true);
	if (remove(w.log) == -1)
		abort();
	write_on(k, some(k, 3000), true);
	open_new(k);
	write_on(k, 1, true);
	wait_for(&w.saved, w.written); /* in the new file */
	forbid_kill(false);
}

static void
rotate(struct keeper *k)
{
	char name[128];
	enum way way;

	wait_for(&w.saved, w.at_rotation[KEPT - 2]);
	do
		way = (enum way)some(k, WAYS);
	while ((w.run->ways & 1u << way) == 0);
	if (way == DELETE)
		delete(k);
	else {
		rotated_name(k, name, sizeof name);
		if (way == COPY || way == COPY_GROW)
			copy_and_truncate(k, name);
		else if (rename(w.log, name) == -1)
			abort();
		if (way == RENAME_LATE) {
			int new = some(k, 2) == 0 ? open(w.log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

			write_on(k, some(k, 5000), true);
			if (new != -1)
				(void)close(new);
		}
		if (way == RENAME || way == RENAME_LATE)
			open_new(k);
		if (w.run->packed) {
			write_on(k, some(k, 50), true);
			if (pack(name, "gz", false) == -1)
				abort();
		}
	}
	write_on(k, way == COPY_GROW ? 12000 : 1 + some(k, 50), true); /* an empty file leaves no mark */
	pthread_mutex_lock(&w.lock);
	memmove(w.at_rotation + 1, w.at_rotation, KEPT * sizeof *w.at_rotation);
	w.at_rotation[0] = w.written;
	w.rotations++;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

static void *
keeper_main(void *arg)
{
	struct keeper *k = arg;

	while (k->next < w.run->lines) {
		write_on(k, 1 + some(k, some(k, 8) == 0 ? 12000 : 300), false);
		if (some(k, 20) == 0) {
			write_on(k, 0, true);
			rotate(k);
		}
	}
	(void)close(k->fd);
	pthread_mutex_lock(&w.lock);
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
	return NULL;
}

/* --- the reader --- */

struct reader {
	unsigned seed;
	struct follow *f;
	unsigned expected, saved;
	uint8_t position[POSITION_SIZE];
	unsigned kills, handed;
	bool wrong;
};

static void
take(void *arg, struct str line)
{
	struct reader *r = arg;
	char number[9] = "";

	r->handed++;
	memcpy(number, line.p, line.n < 8 ? line.n : 8);
	if (!r->wrong && (line.n < 9 || strtoul(number, NULL, 10) != r->expected)) {
		print_error("%s: got line %.*s, want %08u\n", w.run->name, (int)(line.n < 40 ? line.n : 40), line.p,
		    r->expected);
		r->wrong = true;
	}
	r->expected++;
}

static void
save(struct reader *r)
{
	struct position p;

	follow_position(r->f, &p);
	position_encode(&p, r->position);
	r->saved = r->expected;
	pthread_mutex_lock(&w.lock);
	w.saved = r->saved;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

/* Be away for some rotations, but not for longer than the keeper can bear. */
static void
stay_away(unsigned rotations)
{
	pthread_mutex_lock(&w.lock);
	rotations += w.rotations;
	while (w.rotations < rotations && !w.waiting && w.written < w.run->lines)
		pthread_cond_wait(&w.changed, &w.lock);
	pthread_mutex_unlock(&w.lock);
}

static void
killed(struct reader *r)
{
	struct position p;
	bool no_kill;

	/* Under the lock: the keeper must not delete what is open at this moment. */
	pthread_mutex_lock(&w.lock);
	no_kill = w.no_kill;
	if (!no_kill) {
		follow_free(r->f);
		r->f = NULL;
		r->expected = r->saved;
		w.handed = 0; /* it has no file open, so nothing in hand, until it has read again */
	}
	pthread_mutex_unlock(&w.lock);
	if (no_kill)
		return;
	r->kills++;
	if (rand_r(&r->seed) % 3 == 0)
		stay_away(1 + (unsigned)rand_r(&r->seed) % 4);
	if (position_decode(&p, r->position, sizeof r->position, NULL) == -1)
		r->wrong = true;
	r->f = follow_new(w.log, &p, true);
}

static void
tell_handed(const struct reader *r)
{
	pthread_mutex_lock(&w.lock);
	w.handed = r->expected;
	pthread_cond_broadcast(&w.changed);
	pthread_mutex_unlock(&w.lock);
}

/* Sleep until told that there is something.  true: nothing was told for long, though there was: what was written by now
 * has been told by now, however long the keeper was kept from writing. */
static bool
rest(struct reader *r)
{
	struct pollfd p = { .fd = follow_fd(r->f), .events = POLLIN };
	unsigned written;

	save(r);
	if (poll(&p, 1, p.fd == -1 ? 100 : 10000) != 0 || p.fd == -1)
		return false;
	pthread_mutex_lock(&w.lock);
	written = w.written;
	pthread_mutex_unlock(&w.lock);
	return written > r->expected && poll(&p, 1, 0) == 0;
}

static void
read_all(struct reader *r)
{
	static const size_t budgets[] = { 1, 100, 5000, 1 << 20 };
	bool overslept = false;
	struct err e;

	save(r);
	while (r->expected < w.run->lines && !r->wrong) {
		unsigned before = r->handed;
		enum follow_result is = follow_read(r->f, budgets[(unsigned)rand_r(&r->seed) % ROWS(budgets)], take, r, &e);

		if (is == FOLLOW_GAP || (overslept && r->handed > before)) {
			print_error("%s: at line %u: %s\n", w.run->name, r->expected,
			    is == FOLLOW_GAP ? e.text : "was not woken");
			r->wrong = true;
		}
		tell_handed(r);
		if (rand_r(&r->seed) % 4 == 0)
			save(r);
		overslept = false;
		if (rand_r(&r->seed) % 8 == 0)
			killed(r);
		else if (r->expected < w.run->lines && (is == FOLLOW_IDLE || is == FOLLOW_LOST))
			overslept = rest(r); /* behind the last line nobody would wake us */
	}
	save(r); /* the keeper may wait for it */
}

static void
finish(const struct reader *r, unsigned seed)
{
	print_message("%s: seed %u: %u lines, %u rotations, killed %u times, %u lines handed out\n", w.run->name, seed,
	    w.run->lines, w.rotations, r->kills, r->handed);
	follow_free(r->f);
	(void)remove_tree(w.dir);
}

static void
play(const struct run *run, unsigned seed)
{
	struct keeper k = { .seed = seed, .fd = -1 };
	struct reader r = { .seed = seed + 1000 };
	pthread_t thread;

	memset(&w, 0, sizeof w);
	w.run = run;
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.changed, NULL);
	(void)snprintf(w.dir, sizeof w.dir, "/tmp/stress.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	(void)snprintf(w.log, sizeof w.log, "%s/mail.log", w.dir);
	open_new(&k);
	new_line(&k);
	write_on(&k, 1, true);
	r.f = follow_new(w.log, NULL, true);
	assert_int_equal(follow_read(r.f, 1, take, &r, NULL), FOLLOW_MORE); /* before anything happens to the log */
	assert_int_equal(pthread_create(&thread, NULL, keeper_main, &k), 0);
	read_all(&r);
	if (r.wrong) { /* the keeper may wait for ever: do not */
		(void)fprintf(stderr, "%s: seed %u; the files are in %s\n", run->name, seed, w.dir);
		exit(1);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	finish(&r, seed);
}

static void
test_stress(void **state)
{
	const char *seeds = getenv("FOLLOW_STRESS");
	unsigned n = seeds == NULL ? 1 : (unsigned)strtoul(seeds, NULL, 10);

	(void)state;
	for (unsigned seed = 1; seed <= n; seed++)
		for (size_t i = 0; i < ROWS(runs); i++)
			play(&runs[i], seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
