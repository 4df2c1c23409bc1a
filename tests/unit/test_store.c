/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_store.c - what is committed stays, whole, whatever happens to the process, the disk or the files
 *
 * The invariant that most tests ask for: a cut writes KEYS keys with one generation number, so after any accident all
 * of them have the same number, and none lower than the last one that was said to be committed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "store.h"
#include "unit.h"

#define KEYS	 200
#define VAL_SIZE 100

static char root[64], dir[80];

static int
fresh(void **state)
{
	(void)state;
	(void)snprintf(root, sizeof root, "/tmp/store.XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	(void)snprintf(dir, sizeof dir, "%s/state", root);
	return 0;
}

static int
done(void **state)
{
	(void)state;
	(void)chmod(dir, 0700);
	return remove_tree(root);
}

static struct store *
open_as(enum store_state want)
{
	enum store_state state = STORE_SET_ASIDE;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);

	if (s == NULL)
		fail_msg("store_open: %s", e.text);
	if (state != want)
		fail_msg("store_open: state %d, want %d: %s", (int)state, (int)want, e.text);
	return s;
}

/* KEYS keys of one generation, and the generation once more among the sources: one of `parts` parts of it, from 0. */
static void
fill(struct cut *c, uint32_t generation, uint32_t part, uint32_t parts)
{
	uint8_t val[VAL_SIZE];

	memset(val, (int)generation, sizeof val);
	memcpy(val, &generation, sizeof generation);
	for (uint32_t i = part; i < KEYS; i += parts) {
		uint32_t key = i * 2654435761u;

		cut_put(c, CUT_CLIENTS, &key, sizeof key, val, sizeof val);
	}
	c->more = part + 1 < parts;
	if (!c->more)
		cut_put(c, CUT_SOURCES, "log", 3, &generation, sizeof generation);
}

/* Every other generation comes in three parts. */
static enum store_answer
commit_generation(struct store *s, uint32_t generation, struct err *e)
{
	uint32_t parts = generation % 2 == 0 ? 3 : 1;
	enum store_answer is = STORE_DONE;
	struct cut c;

	cut_init(&c);
	for (uint32_t i = 0; i < parts && is == STORE_DONE; i++) {
		cut_go_on(&c);
		fill(&c, generation, i, parts);
		is = store_commit(s, &c, e);
	}
	cut_clear(&c);
	return is;
}

struct seen {
	uint32_t first;
	unsigned clients, sources, others, broken;
};

static int
see(void *arg, enum cut_table t, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	struct seen *seen = arg;
	uint32_t generation = 0;

	(void)key;
	(void)e;
	if (vlen >= sizeof generation)
		memcpy(&generation, val, sizeof generation);
	if (seen->clients + seen->sources == 0)
		seen->first = generation;
	if (t == CUT_CLIENTS && (klen != 4 || vlen != VAL_SIZE || val[VAL_SIZE - 1] != (uint8_t)generation))
		seen->broken++;
	if (generation != seen->first)
		seen->broken++;
	*(t == CUT_CLIENTS ? &seen->clients : t == CUT_SOURCES ? &seen->sources : &seen->others) += 1;
	return 0;
}

/* The generation in the store, which must be whole; 0: it is empty. */
static uint32_t
generation_in(struct store *s, struct err *e, enum store_answer *is)
{
	struct seen seen = { 0 };

	*is = store_load(s, see, &seen, e);
	if (*is != STORE_DONE)
		return 0;
	assert_int_equal(seen.broken, 0);
	assert_int_equal(seen.others, 0);
	assert_int_equal(seen.clients, seen.sources == 0 ? 0 : KEYS);
	return seen.first;
}

static uint32_t
generation(struct store *s)
{
	struct err e = { "" };
	enum store_answer is;
	uint32_t g = generation_in(s, &e, &is);

	if (is != STORE_DONE)
		fail_msg("store_load: %s", e.text);
	return g;
}

static void
commit(struct store *s, uint32_t g)
{
	struct err e = { "" };

	if (commit_generation(s, g, &e) != STORE_DONE)
		fail_msg("store_commit: %s", e.text);
}

/* --- in peace --- */

static void
test_round_trip(void **state)
{
	struct store *s = open_as(STORE_CREATED);
	struct stat st;

	(void)state;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(generation(s), 0);
	commit(s, 1);
	commit(s, 2);
	assert_int_equal(generation(s), 2);
	store_close(s);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation(s), 2);
	assert_string_equal(store_aside(s), "");
	store_close(s);
}

struct gathered {
	char text[512];
};

static int
gather(void *arg, enum cut_table t, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	struct gathered *g = arg;
	size_t n = strlen(g->text);

	(void)e;
	(void)snprintf(g->text + n, sizeof g->text - n, "%d:%.*s=%.*s ", (int)t, (int)klen, (const char *)key, (int)vlen,
	    (const char *)val);
	return 0;
}

static void
test_items(void **state)
{
	struct store *s = open_as(STORE_CREATED);
	struct gathered g = { "" };
	struct cut c;
	struct err e;

	(void)state;
	cut_init(&c);
	assert_int_equal(store_commit(s, &c, &e), STORE_DONE); /* nothing at all */
	cut_put(&c, CUT_META, "b", 1, "1", 1);
	cut_put(&c, CUT_CLIENTS, "a", 1, "1", 1);
	cut_put(&c, CUT_CLIENTS, "gone", 4, "1", 1);
	cut_put(&c, CUT_CLIENTS, "a", 1, "2", 1);
	cut_del(&c, CUT_CLIENTS, "gone", 4);
	cut_del(&c, CUT_SOURCES, "back", 4);
	cut_put(&c, CUT_SOURCES, "back", 4, "", 0);
	cut_del(&c, CUT_SOURCES, "never", 5);
	assert_int_equal(store_commit(s, &c, &e), STORE_DONE);
	assert_int_equal(store_load(s, gather, &g, &e), STORE_DONE);
	assert_string_equal(g.text, "0:a=2 1:back= 2:b=1 ");
	cut_clear(&c);
	store_close(s);
}

static int
refuse(void *arg, enum cut_table t, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	(void)t;
	(void)key;
	(void)klen;
	(void)val;
	(void)vlen;
	++*(unsigned *)arg;
	return err_set(e, "no");
}

static void
test_refused_load(void **state)
{
	struct store *s = open_as(STORE_CREATED);
	struct err e = { "" };
	unsigned calls = 0;

	(void)state;
	commit(s, 1);
	assert_int_equal(store_load(s, refuse, &calls, &e), STORE_FAILED);
	assert_int_equal(calls, 1);
	assert_string_equal(e.text, "no");
	assert_int_equal(generation(s), 1);
	store_close(s);
}

static int
measure(void *arg, enum cut_table t, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	(void)t;
	(void)key;
	(void)klen;
	(void)e;
	assert_true(vlen == 0 || (val[0] == 7 && val[vlen - 1] == 7));
	*(size_t *)arg += vlen;
	return 0;
}

static void
test_large_values(void **state)
{
	static const size_t sizes[] = { 0, 1, 4000, 65536, 5u << 20 };
	struct store *s = open_as(STORE_CREATED);
	size_t sum = 0, want = 0;
	uint8_t *val = malloc(5u << 20);
	struct cut c;
	struct err e;

	(void)state;
	assert_non_null(val);
	memset(val, 7, 5u << 20);
	cut_init(&c);
	for (unsigned i = 0; i < ROWS(sizes); i++) {
		cut_put(&c, CUT_META, &i, sizeof i, val, sizes[i]);
		want += sizes[i];
	}
	/* The key of number 0 begins with a NUL; such keys are the store's own and are not told. */
	assert_int_equal(store_commit(s, &c, &e), STORE_DONE);
	assert_int_equal(store_load(s, measure, &sum, &e), STORE_DONE);
	assert_int_equal(sum, want);
	cut_clear(&c);
	free(val);
	store_close(s);
}

static off_t total;

static int
add_size(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	total += type == FTW_F ? st->st_size : 0;
	return 0;
}

/* The environment must not grow with the number of commits. */
static void
test_flat(void **state)
{
	struct store *s = open_as(STORE_CREATED);

	(void)state;
	for (uint32_t g = 1; g <= 1000; g++) /* some 50 MB of log */
		commit(s, g);
	total = 0;
	assert_int_equal(nftw(dir, add_size, 16, FTW_PHYS), 0);
	row_eq("more than 40 MB", total > 40 << 20, false);
	store_close(s);
}

/* --- refused, not damaged --- */

static void
expect_refusal(const char *want)
{
	enum store_state state;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);

	assert_null(s);
	if (strstr(e.text, want) == NULL)
		fail_msg("got \"%s\", want \"%s\" in it", e.text, want);
}

static void
test_in_use(void **state)
{
	struct store *s = open_as(STORE_CREATED);
	char want[64];

	(void)state;
	(void)snprintf(want, sizeof want, "in use by process %ld", (long)getpid());
	expect_refusal(want);
	commit(s, 1);
	store_close(s);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation(s), 1);
	store_close(s);
}

static void
test_no_parent(void **state)
{
	(void)state;
	(void)strcat(dir, "/below");
	expect_refusal("No such file or directory");
}

static void
test_not_a_directory(void **state)
{
	int fd = open(dir, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	(void)close(fd);
	expect_refusal("Not a directory");
}

/* What a child process does with the store; its exit status. */
typedef int child_fn(void);

static int
in_child(child_fn *fn)
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)alarm(60); /* a hang is a failure, too */
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int
open_as_nobody(void)
{
	enum store_state state;
	struct err e = { "" };

	if (geteuid() == 0 && (setgid(65534) == -1 || setuid(65534) == -1))
		return 2;
	if (store_open(dir, &state, &e) != NULL)
		return 3;
	(void)fprintf(stderr, "%s\n", e.text);
	return strstr(e.text, "Permission denied") == NULL;
}

static void
test_read_only(void **state)
{
	(void)state;
	store_close(open_as(STORE_CREATED));
	assert_int_equal(chmod(root, 0755), 0);
	assert_int_equal(chmod(dir, 0500), 0);
	assert_int_equal(in_child(open_as_nobody), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	store_close(open_as(STORE_OPENED));
}

/* --- killed --- */

static volatile uint32_t *committed; /* shared with the child */
static uint32_t first_generation;

static int
commit_for_ever(void)
{
	enum store_state state;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);

	for (uint32_t g = first_generation; s != NULL && commit_generation(s, g, &e) == STORE_DONE; g++)
		*committed = g;
	(void)fprintf(stderr, "%s\n", e.text);
	return 1;
}

/* Let the child get on a little, and kill it at no moment in particular. */
static void
kill_soon(pid_t pid)
{
	uint32_t until = *committed + (uint32_t)(rand() % 4);
	struct timespec pause = { .tv_nsec = rand() % 5000000 };
	int status;

	while (*committed < until && waitpid(pid, &status, WNOHANG) == 0)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	(void)nanosleep(&pause, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void
test_killed(void **state)
{
	(void)state;
	committed = mmap(NULL, sizeof *committed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(committed != MAP_FAILED);
	srand(1);
	store_close(open_as(STORE_CREATED));
	for (unsigned round = 0; round < 60; round++) {
		struct store *s;
		uint32_t g;
		pid_t pid;

		first_generation = *committed + 1;
		pid = fork();
		assert_int_not_equal(pid, -1);
		if (pid == 0)
			_exit(commit_for_ever());
		kill_soon(pid);
		s = open_as(STORE_OPENED);
		g = generation(s);
		if (g != *committed && g != *committed + 1)
			fail_msg("round %u: generation %u after %u was committed", round, g, *committed);
		*committed = g;
		store_close(s);
	}
	(void)munmap((void *)(uintptr_t)committed, sizeof *committed);
}

/* --- no room --- */

static int
limited(void)
{
	struct rlimit limit = { 300000, RLIM_INFINITY };
	enum store_answer is;
	enum store_state state;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);
	uint32_t g = 1;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (s == NULL || commit_generation(s, g, &e) != STORE_DONE || setrlimit(RLIMIT_FSIZE, &limit) == -1)
		return 2;
	while ((is = commit_generation(s, g + 1, &e)) == STORE_DONE && g < 1000)
		g++;
	if (is != STORE_FAILED || strstr(e.text, "File too large") == NULL)
		return 3;
	if (commit_generation(s, g + 1, &e) != STORE_FAILED)
		return 4;
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) == -1 || generation_in(s, &e, &is) != g || is != STORE_DONE)
		return 5;
	if (commit_generation(s, g + 1, &e) != STORE_DONE || generation_in(s, &e, &is) != g + 1)
		return 6;
	store_close(s);
	return 0;
}

/* Writes fail, and later succeed: nothing is lost, nothing is set aside. */
static void
test_file_limit(void **state)
{
	(void)state;
	assert_int_equal(in_child(limited), 0);
	store_close(open_as(STORE_OPENED));
}

static void
fill_disk(const char *name)
{
	char block[4096] = { 0 };
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, block, sizeof block) > 0)
		;
	(void)close(fd);
}

/* May or may not need room; Berkeley DB does not free all of an environment that cannot be opened. */
static int
open_when_full(void)
{
	enum store_state state = STORE_OPENED;
	struct err e;

	store_close(store_open(dir, &state, &e));
	return state != STORE_OPENED;
}

static void
on_full_disk(void)
{
	struct store *s = open_as(STORE_CREATED);
	struct err e = { "" };
	char filler[160];
	uint32_t g = 1;

	commit(s, g);
	(void)snprintf(filler, sizeof filler, "%s/filler", root);
	fill_disk(filler);
	while (g < 1000 && commit_generation(s, g + 1, &e) == STORE_DONE)
		g++;
	assert_non_null(strstr(e.text, "No space left on device"));
	store_close(s);
	assert_int_equal(in_child(open_when_full), 0);
	assert_int_equal(remove(filler), 0);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation(s), g);
	commit(s, g + 1);
	store_close(s);
}

static void
test_full_disk(void **state)
{
	(void)state;
	/* In a mount namespace of our own: what is mounted here ends with us. */
	if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", root, "tmpfs", 0, "size=16m") == -1) {
		print_message("skipped: a small tmpfs cannot be mounted: %s\n", strerror(errno));
		skip();
	}
	on_full_disk();
	(void)umount(root);
}

/* --- damaged --- */

struct image {
	char name[32];
	uint8_t *data;
	size_t size;
};

static struct image images[8];
static unsigned nimages;

static int
keep_image(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct image *im = &images[nimages];
	int fd;

	if (type != FTW_F)
		return 0;
	assert_true(++nimages <= ROWS(images));
	(void)snprintf(im->name, sizeof im->name, "%s", path + ftw->base);
	im->size = (size_t)st->st_size;
	im->data = malloc(im->size + 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(im->data != NULL && fd != -1);
	assert_int_equal(read(fd, im->data, im->size), st->st_size);
	(void)close(fd);
	return 0;
}

static void
put_image(const struct image *im, const uint8_t *data, size_t size)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof path, "%s/store/%s", dir, im->name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	(void)close(fd);
}

static uint32_t kept_generation;

/* 0: it is as it was; 1: it is an older state, but a whole one; 2: it was set aside. */
static int
use_damaged(void)
{
	enum store_state state;
	enum store_answer is;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);
	bool aside = state == STORE_SET_ASIDE;
	struct seen seen = { 0 };
	int rc;

	if (s == NULL) {
		(void)fprintf(stderr, "store_open: %s\n", e.text);
		return 10;
	}
	is = store_load(s, see, &seen, &e);
	aside = aside || is == STORE_EMPTIED;
	if (is == STORE_DONE && (seen.broken > 0 || seen.clients != (seen.sources == 0 ? 0 : KEYS)))
		return 11;
	rc = aside ? 2 : seen.first == kept_generation ? 0 : 1;
	is = commit_generation(s, kept_generation + 1, &e);
	if (is == STORE_EMPTIED) {
		rc = 2;
		is = commit_generation(s, kept_generation + 1, &e);
	}
	if (is != STORE_DONE) {
		(void)fprintf(stderr, "store_commit: %s\n", e.text);
		return 12;
	}
	if (rc == 2 && access(store_aside(s), F_OK) == -1)
		return 13;
	store_close(s);
	return rc;
}

static int
use_after(void)
{
	enum store_state state;
	enum store_answer is;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);
	struct seen seen = { 0 };

	if (s == NULL || state != STORE_OPENED)
		return 20;
	is = store_load(s, see, &seen, &e);
	if (is != STORE_DONE || seen.broken > 0 || seen.clients != KEYS || seen.first != kept_generation + 1)
		return 21;
	store_close(s);
	return 0;
}

/* Spoil one file; returns what was done in words. */
static const char *
damage(char *words, size_t size)
{
	const struct image *im = &images[(unsigned)rand() % nimages];
	size_t at = (size_t)rand() % (im->size + 1), n = 1u << (rand() % 13);
	uint8_t *copy = malloc(im->size + 1);
	int how = rand() % 4;

	assert_non_null(copy);
	memcpy(copy, im->data, im->size);
	if (n > im->size - at)
		n = im->size - at;
	for (size_t i = at; how != 0 && i < at + n; i++)
		copy[i] = (uint8_t)(how == 1 ? 0 : how == 2 ? rand() : copy[i] ^ (1 << (rand() % 8)));
	put_image(im, copy, how == 0 ? at : im->size);
	(void)snprintf(words, size, "%s, %s at %zu, %zu bytes", im->name,
	    how == 0 ? "cut off" : how == 1 ? "zeros" : how == 2 ? "noise" : "flipped bits", at, n);
	free(copy);
	return words;
}

/* A store that was killed after some commits, so that there is a log to recover from. */
static void
make_victim(void)
{
	struct store *s = open_as(STORE_CREATED);

	kept_generation = 40;
	for (uint32_t g = 1; g <= kept_generation / 2; g++)
		commit(s, g);
	store_close(s);
	s = open_as(STORE_OPENED);
	for (uint32_t g = kept_generation / 2 + 1; g <= kept_generation; g++)
		commit(s, g);
	nimages = 0;
	assert_int_equal(nftw(dir, keep_image, 16, FTW_PHYS), 0); /* as a power loss would leave it */
	store_close(s);
}

static void
test_damaged(void **state)
{
	const char *rounds = getenv("STORE_DAMAGE_ROUNDS");
	unsigned counts[3] = { 0 };
	char words[128];

	(void)state;
	srand(getenv("STORE_SEED") == NULL ? 2 : (unsigned)strtoul(getenv("STORE_SEED"), NULL, 10));
	make_victim();
	for (unsigned round = 0; round < (rounds == NULL ? 100 : strtoul(rounds, NULL, 10)); round++) {
		int rc;

		(void)remove_tree(dir);
		assert_int_equal(mkdir(dir, 0700), 0);
		(void)strcat(strcpy(words, dir), "/store");
		assert_int_equal(mkdir(words, 0700), 0);
		for (unsigned i = 0; i < nimages; i++)
			if (strcmp(images[i].name, "lock") != 0)
				put_image(&images[i], images[i].data, images[i].size);
		(void)damage(words, sizeof words);
		rc = in_child(use_damaged);
		if (rc > 2)
			fail_msg("round %u: %s: got %d", round, words, rc);
		counts[rc]++;
		rc = in_child(use_after);
		if (rc != 0)
			fail_msg("round %u: %s: afterwards got %d", round, words, rc);
	}
	print_message("damaged: %u recovered, %u recovered to an older state, %u set aside\n", counts[0], counts[1],
	    counts[2]);
	for (unsigned i = 0; i < nimages; i++)
		free(images[i].data);
}

/* Damage that comes up while the store is in use. */
static int
spoil_while_open(void)
{
	enum store_state state;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);
	char path[160], below[176], noise[4096 * 8];
	int fd;

	if (s == NULL || commit_generation(s, 1, &e) != STORE_DONE)
		return 2;
	store_close(s);
	s = store_open(dir, &state, &e);
	(void)snprintf(path, sizeof path, "%s/store/popauth.db", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	memset(noise, 0x55, sizeof noise);
	if (s == NULL || fd == -1 || pwrite(fd, noise, sizeof noise, (off_t)4096 * 5) != (ssize_t)sizeof noise)
		return 3;
	(void)snprintf(path, sizeof path, "%s/store.new", dir);
	(void)snprintf(below, sizeof below, "%s/in-the-way", path);
	if (mkdir(path, 0700) == -1 || mkdir(below, 0700) == -1 || commit_generation(s, 2, &e) != STORE_FAILED)
		return 6;
	if (rmdir(below) == -1) /* now there is nothing in the way of a new store */
		return 7;
	if (commit_generation(s, 2, &e) != STORE_EMPTIED || strstr(e.text, store_aside(s)) == NULL)
		return 4;
	if (access(store_aside(s), F_OK) == -1 || commit_generation(s, 3, &e) != STORE_DONE)
		return 5;
	store_close(s);
	return 0;
}

static void
test_spoilt_while_open(void **state)
{
	struct store *s;

	(void)state;
	assert_int_equal(in_child(spoil_while_open), 0);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation(s), 3);
	store_close(s);
}

/* What may lie where the database's pages were. */
enum spoil { NOISE, UNSUMMED, ZEROS, MISPLACED, SPOILS };

static enum spoil blinded_by;

static int
find_database(void)
{
	char link[32], path[256];

	for (int fd = 3; fd < 256; fd++) {
		ssize_t n;

		(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof path - 1);
		if (n == -1)
			continue;
		path[n] = '\0';
		if (strstr(path, "/popauth.db") != NULL)
			return fd;
	}
	return -1;
}

/* Whatever is read from the database from now on is spoilt; false: it is not open. */
static bool
blind(void)
{
	int db = find_database(), spoilt = memfd_create("spoilt", MFD_CLOEXEC);
	uint8_t page[4096];

	memset(page, blinded_by == ZEROS ? 0 : 0x55, sizeof page);
	if (blinded_by == UNSUMMED) {
		page[25] = 9; /* metadata, ... */
		page[26] = 0; /* which says that it has no checksum */
	}
	if (blinded_by == MISPLACED && pread(db, page, sizeof page, 0) != sizeof page)
		return false;
	for (int i = 0; i < 64; i++)
		if (write(spoilt, page, sizeof page) != sizeof page)
			return false;
	return db != -1 && dup2(spoilt, db) == db;
}

/* A store that is found damaged is opened once more, which may be all that it needs; but then the parts that came before
 * are lost, and the one in hand must not be taken for all. */
static int
blind_between_parts(void)
{
	enum store_state state;
	struct err e = { "" };
	struct store *s = store_open(dir, &state, &e);
	enum store_answer is;
	struct cut c;

	if (s == NULL || commit_generation(s, 1, &e) != STORE_DONE)
		return 2;
	store_close(s);
	s = store_open(dir, &state, &e);
	cut_init(&c);
	cut_put(&c, CUT_META, "first", 5, "", 0);
	c.more = true;
	if (s == NULL || store_commit(s, &c, &e) != STORE_DONE || !blind())
		return 3;
	cut_go_on(&c);
	fill(&c, 2, 0, 1);
	is = store_commit(s, &c, &e);
	cut_clear(&c);
	if (is != STORE_FAILED || strstr(e.text, "page ") == NULL || generation_in(s, &e, &is) != 1)
		return 4;
	if (commit_generation(s, 2, &e) != STORE_DONE || generation_in(s, &e, &is) != 2)
		return 5;
	store_close(s);
	return 0;
}

static void
test_parts_lost(void **state)
{
	(void)state;
	for (blinded_by = NOISE; blinded_by < SPOILS; blinded_by++)
		assert_int_equal(in_child(blind_between_parts), 0);
}

static void
test_foreign(void **state)
{
	char path[160];
	struct store *s;
	FILE *fp;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	(void)snprintf(path, sizeof path, "%s/store", dir);
	fp = fopen(path, "we");
	assert_non_null(fp);
	(void)fputs("not a store", fp);
	(void)fclose(fp);
	s = open_as(STORE_SET_ASIDE);
	assert_int_equal(access(store_aside(s), F_OK), 0);
	commit(s, 1);
	store_close(s);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation(s), 1);
	store_close(s);
}

static int
is_aside(const struct dirent *d)
{
	return strncmp(d->d_name, "corrupt-", 8) == 0;
}

/* Damaged stores do not fill the disk: of those set aside the oldest go, whatever they are. */
static void
test_few_set_aside(void **state)
{
	static const char *const want[] = { "corrupt-20210101-000000", "corrupt-20210101-000000-2" };
	static const char *const old[] = { "corrupt-20200101-000000", "corrupt-20200102-000000" };
	struct dirent **names;
	char path[200];
	struct store *s;
	FILE *fp;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < ROWS(old) + ROWS(want); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, i < ROWS(old) ? old[i] : want[i - ROWS(old)]);
		if (i != 1) {
			assert_int_equal(mkdir(path, 0700), 0);
			(void)strcat(path, "/popauth.db");
		}
		fp = fopen(path, "we");
		assert_non_null(fp);
		(void)fclose(fp);
	}
	(void)snprintf(path, sizeof path, "%s/store", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	s = open_as(STORE_SET_ASIDE);
	assert_int_equal(scandir(dir, &names, is_aside, alphasort), 3);
	for (size_t i = 0; i < 3; i++) {
		row_str_eq("kept", names[i]->d_name, i < ROWS(want) ? want[i] : store_aside(s) + strlen(dir) + 1);
		free(names[i]);
	}
	free(names);
	store_close(s);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fresh, done)

/* A cut of everything: what it does not have is gone, and the store is still ours afterwards. */
static void
whole_cut(uint32_t parts)
{
	struct store *s = open_as(STORE_CREATED);
	struct seen seen = { 0 };
	struct err e = { "" };
	struct cut c;

	cut_init(&c);
	for (uint32_t i = 0; i < 20000; i++)
		cut_put(&c, CUT_CLIENTS, &i, sizeof i, "old", 3);
	cut_put(&c, CUT_META, "half", 4, "old", 3);
	assert_int_equal(store_commit(s, &c, &e), STORE_DONE);
	cut_clear(&c);
	c.whole = true;
	for (uint32_t i = 0; i < parts; i++) {
		cut_go_on(&c);
		fill(&c, 7, i, parts);
		assert_int_equal(store_commit(s, &c, &e), STORE_DONE);
	}
	cut_clear(&c);
	assert_int_equal(store_probe(s, &e), STORE_DONE);
	store_close(s);
	s = open_as(STORE_OPENED);
	assert_int_equal(store_load(s, see, &seen, &e), STORE_DONE);
	assert_int_equal(seen.clients, KEYS);
	assert_int_equal(seen.sources, 1);
	assert_int_equal(seen.others + seen.broken, 0);
	store_close(s);
}

static void
test_whole_cut(void **state)
{
	(void)state;
	whole_cut(1);
}

static void
test_whole_cut_in_parts(void **state)
{
	(void)state;
	whole_cut(5);
}

/* Whoever goes, or is stopped, before the last part has brought nothing. */
static void
test_parts_alone_are_nothing(void **state)
{
	struct store *s = open_as(STORE_CREATED);
	struct err e = { "" };
	struct cut c;

	(void)state;
	commit(s, 1);
	cut_init(&c);
	for (uint32_t i = 0; i < 2; i++) {
		cut_go_on(&c);
		fill(&c, 2, i, 3);
		assert_int_equal(store_commit(s, &c, &e), STORE_DONE);
	}
	cut_clear(&c);
	store_close(s);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation(s), 1);
	commit(s, 2);
	assert_int_equal(generation(s), 2);
	store_close(s);
}

/* Somebody cleans up: what is said to be committed must not be in files that have no name. */
static void
test_removed_while_open(void **state)
{
	struct store *s = open_as(STORE_CREATED);
	struct err e = { "" };
	enum store_answer is;
	char home[96];

	(void)state;
	(void)snprintf(home, sizeof home, "%s/store", dir);
	assert_int_equal(commit_generation(s, 1, &e), STORE_DONE);
	assert_int_equal(remove_tree(home), 0);
	assert_int_equal(commit_generation(s, 2, &e), STORE_EMPTIED);
	assert_non_null(strstr(e.text, "removed or replaced"));
	assert_int_equal(commit_generation(s, 3, &e), STORE_DONE);
	store_close(s);
	s = open_as(STORE_OPENED);
	assert_int_equal(generation_in(s, &e, &is), 3);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_items),
		TEST(test_refused_load),
		TEST(test_large_values),
		TEST(test_flat),
		TEST(test_in_use),
		TEST(test_no_parent),
		TEST(test_not_a_directory),
		TEST(test_read_only),
		TEST(test_killed),
		TEST(test_file_limit),
		TEST(test_full_disk),
		TEST(test_whole_cut),
		TEST(test_whole_cut_in_parts),
		TEST(test_parts_alone_are_nothing),
		TEST(test_parts_lost),
		TEST(test_removed_while_open),
		TEST(test_damaged),
		TEST(test_spoilt_while_open),
		TEST(test_foreign),
		TEST(test_few_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
