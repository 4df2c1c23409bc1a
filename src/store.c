/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c - what must survive: whose it is, where it lies, and what happens when it is damaged
 *
 * A store is made under another name and renamed when it is whole, so a STATE_DIR/store without our tables is always
 * a damaged one and never one half made.
 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store_env.h"

#define ASIDE	   "corrupt-" /* the names of damaged stores begin so, and go on with the time */
#define ASIDE_KEPT 3

/* The names given to damaged stores, newest first.  Asked for by other threads: none is freed before the end. */
struct aside {
	struct aside *next;
	char path[];
};

struct store {
	char *dir, *home;    /* STATE_DIR, STATE_DIR/store */
	int dirfd, lock;     /* -1: not open */
	struct env *env;     /* NULL: closed after a failure, to be opened again */
	dev_t dev;	     /* of its database file, while it is open */
	ino_t ino;
	_Atomic(struct aside *) aside;
	bool anew;	 /* a new store is to be begun before anything else */
	struct err why;	 /* then: what was wrong with the old one */
	const struct aside *aside_before; /* and what was set aside before it */
	bool parts;	 /* some of a cut were taken, and the last is yet to come */
};

static char *
join(const char *dir, const char *name)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(size);

	(void)snprintf(path, size, "%s/%s", dir, name);
	return path;
}

/* --- whose --- */

/* Say who holds the lock: what he wrote into the file. */
static int
in_use(struct store *s, struct err *e)
{
	char pid[24] = "";
	ssize_t n = pread(s->lock, pid, sizeof pid - 1, 0);

	if (n > 0)
		pid[strspn(pid, "0123456789")] = '\0';
	return err_set(e, "%s: in use by process %s", s->dir, pid[0] == '\0' ? "(unknown)" : pid);
}

static int
take_lock(struct store *s, struct err *e)
{
	char pid[24];
	int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());

	s->lock = openat(s->dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock == -1)
		return err_sys(e, "%s/lock", s->dir);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? in_use(s, e) : err_sys(e, "%s/lock", s->dir);
	if (ftruncate(s->lock, 0) == -1 || pwrite(s->lock, pid, (size_t)n, 0) != n)
		return err_sys(e, "%s/lock", s->dir);
	return 0;
}

static int
take_dir(struct store *s, struct err *e)
{
	if (mkdir(s->dir, 0700) == -1 && errno != EEXIST)
		return err_sys(e, "%s", s->dir);
	s->dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd == -1)
		return err_sys(e, "%s", s->dir);
	return take_lock(s, e);
}

/* --- where --- */

/* Remove a directory that holds plain files only, as ours do.  One that is not there is fine. */
static int
remove_dir(struct store *s, const char *name)
{
	int fd = openat(s->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *d;
	DIR *dp;

	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	if ((dp = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return -1;
	}
	while ((d = readdir(dp)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			(void)unlinkat(fd, d->d_name, 0);
	(void)closedir(dp);
	return unlinkat(s->dirfd, name, AT_REMOVEDIR);
}

static int
create(struct store *s, struct err *e)
{
	char *new = join(s->dir, "store.new");
	int rc = -1;

	if (remove_dir(s, "store.new") == -1 || mkdirat(s->dirfd, "store.new", 0700) == -1)
		(void)err_sys(e, "%s", new);
	else if (env_create(new, e) == ENV_DONE) {
		if (renameat(s->dirfd, "store.new", s->dirfd, "store") == -1 || fsync(s->dirfd) == -1)
			(void)err_sys(e, "%s", s->home);
		else
			rc = 0;
	}
	free(new);
	return rc;
}

static int
is_aside(const struct dirent *d)
{
	return strncmp(d->d_name, ASIDE, sizeof ASIDE - 1) == 0;
}

/* A machine whose disk goes bad damages one store after the other: the oldest of them go.  What cannot be removed stays
 * and is tried again the next time; it is no reason not to begin a new store. */
static void
remove_old(struct store *s)
{
	struct dirent **names;
	int n = scandirat(s->dirfd, ".", &names, is_aside, alphasort); /* the oldest first */

	for (int i = 0; i < n; i++) {
		if (i < n - ASIDE_KEPT && remove_dir(s, names[i]->d_name) == -1)
			(void)unlinkat(s->dirfd, names[i]->d_name, 0); /* it was never a directory */
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* Give the damaged store a name that says when, and keep it. */
static int
set_aside(struct store *s, struct err *e)
{
	struct aside *aside;
	char name[64];
	time_t now = time(NULL);
	struct tm tm;
	size_t len;
	int rc = -1;

	if (localtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof tm);
	len = strftime(name, sizeof name, ASIDE "%Y%m%d-%H%M%S", &tm);
	for (int i = 2; i < 100; i++) {
		rc = renameat2(s->dirfd, "store", s->dirfd, name, RENAME_NOREPLACE);
		if (rc == 0 || errno != EEXIST)
			break;
		(void)snprintf(name + len, sizeof name - len, "-%d", i);
	}
	if (rc == -1 && errno == ENOENT)
		return 0; /* done before, but then something else failed */
	if (rc == -1)
		return err_sys(e, "%s: cannot be renamed", s->home);
	aside = xmalloc(sizeof *aside + strlen(s->dir) + strlen(name) + 2);
	(void)sprintf(aside->path, "%s/%s", s->dir, name);
	aside->next = s->aside;
	s->aside = aside;
	remove_old(s);
	return 0;
}

static enum env_answer
open_env(struct store *s, struct err *e)
{
	enum env_answer is = env_open(s->home, &s->env, e);
	struct stat st;

	if (is == ENV_DONE && fstatat(s->dirfd, "store/" STORE_DB, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		s->dev = st.st_dev;
		s->ino = st.st_ino;
	}
	return is;
}

static void
condemn(struct store *s, const struct err *e)
{
	if (s->anew)
		return;
	s->anew = true;
	s->why = *e;
	s->aside_before = s->aside;
}

/* The store is damaged, as e says: begin a new one.  e then says both, or why that cannot be done yet; then it is to
 * be tried again before anything else is. */
static int
begin_anew(struct store *s, struct err *e)
{
	struct err trouble;

	condemn(s, e);
	env_close(s->env);
	s->env = NULL;
	if (set_aside(s, &trouble) == -1 || create(s, &trouble) == -1 || open_env(s, &trouble) != ENV_DONE)
		return err_set(e, "%.200s; and no new store can be begun: %.250s", s->why.text, trouble.text);
	s->anew = false;
	if (s->aside == s->aside_before) /* there was nothing left of it */
		*e = s->why;
	else
		(void)err_set(e, "%.250s; kept as %s", s->why.text, store_aside(s));
	return 0;
}

static int
open_store(struct store *s, enum store_state *state, struct err *e)
{
	*state = STORE_OPENED;
	if (faccessat(s->dirfd, "store", F_OK, AT_SYMLINK_NOFOLLOW) == -1) {
		*state = STORE_CREATED;
		if (create(s, e) == -1)
			return -1;
	}
	switch (open_env(s, e)) {
	case ENV_DONE:
		return 0;
	case ENV_REFUSED:
		return -1;
	case ENV_DAMAGED:
		break;
	}
	*state = STORE_SET_ASIDE;
	return begin_anew(s, e);
}

struct store *
store_open(const char *dir, enum store_state *state, struct err *e)
{
	struct store *s = xcalloc(1, sizeof *s);

	s->dir = xstrdup(dir);
	s->home = join(dir, "store");
	s->dirfd = s->lock = -1;
	if (take_dir(s, e) == 0 && open_store(s, state, e) == 0)
		return s;
	store_close(s);
	return NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	env_close(s->env);
	if (s->lock != -1)
		(void)close(s->lock);
	if (s->dirfd != -1)
		(void)close(s->dirfd);
	for (struct aside *a = s->aside, *next; a != NULL; a = next) {
		next = a->next;
		free(a);
	}
	free(s->dir);
	free(s->home);
	free(s);
}

const char *
store_aside(const struct store *s)
{
	const struct aside *a = s->aside;

	return a == NULL ? "" : a->path;
}

/* --- what --- */

/* Is what we have open still what lies there?  A store that was removed or replaced beneath us takes everything we
 * write with it; nothing in it is worth keeping that we do not know. */
static enum env_answer
still_there(struct store *s, struct err *e)
{
	struct stat st;

	if (fstatat(s->dirfd, "store/" STORE_DB, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == s->dev &&
	    st.st_ino == s->ino)
		return ENV_DONE;
	(void)err_set(e, "%s was removed or replaced while it was in use", s->home);
	env_abandon(s->env);
	s->env = NULL;
	condemn(s, e); /* not to be tried once more */
	return ENV_DAMAGED;
}

/* Something opened, or what is in the way. */
static enum env_answer
reopen(struct store *s, struct err *e)
{
	if (s->anew)
		return ENV_DAMAGED;
	return s->env != NULL ? still_there(s, e) : open_env(s, e);
}

static enum store_answer
answer(struct store *s, enum env_answer is, struct err *e)
{
	switch (is) {
	case ENV_DONE:
		return STORE_DONE;
	case ENV_REFUSED:
		return STORE_FAILED;
	case ENV_DAMAGED:
		break;
	}
	return begin_anew(s, e) == 0 ? STORE_EMPTIED : STORE_FAILED;
}

enum store_answer
store_load(struct store *s, store_fn *fn, void *arg, struct err *e)
{
	enum env_answer is = reopen(s, e);

	if (is == ENV_DONE)
		is = env_load(s->env, fn, arg, e);
	return answer(s, is, e);
}

/* One try.  The environment is closed if it did not go well: opening recovers, and that may be all it needs. */
static enum env_answer
try_commit(struct store *s, const struct cut *c, struct err *e)
{
	enum env_answer is = reopen(s, e);

	if (is == ENV_DONE)
		is = env_commit(s->env, c, e);
	if (is != ENV_DONE) {
		env_close(s->env);
		s->env = NULL;
	}
	return is;
}

enum store_answer
store_commit(struct store *s, const struct cut *c, struct err *e)
{
	enum env_answer is = try_commit(s, c, e);
	struct err again;

	if (is == ENV_DAMAGED && !s->parts)
		is = try_commit(s, c, e);
	else if (is == ENV_DAMAGED && !s->anew && open_env(s, &again) == ENV_DONE)
		is = ENV_REFUSED; /* sound, but without the parts before this one */
	s->parts = is == ENV_DONE && c->more;
	return answer(s, is, e);
}

enum store_answer
store_probe(struct store *s, struct err *e)
{
	static const char key[] = "\0probe"; /* the store's own */
	enum store_answer is;
	struct cut c;

	cut_init(&c);
	cut_put(&c, CUT_META, key, sizeof key - 1, "", 0);
	is = store_commit(s, &c, e);
	cut_clear(&c);
	return is;
}
