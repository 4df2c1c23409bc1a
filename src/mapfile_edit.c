/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapfile_edit.c - our records in a file that is the administrator's
 *
 * The file has no transactions: a process that is killed in the middle of a change may leave it damaged, as makemap(8)
 * itself may.  So the changes are made in memory and written at the end, and nothing is written when there are none.
 *	All lookups of sendmail's wait as long as we have the lock.  Where only a few records have changed they are looked at,
 * and nothing else.  To compare all records of a large file, when somebody else has written it, takes a good part of a
 * second; this is done in a copy of it in memory, without the lock, which is then held for writing the outcome over the
 * file, if it is still the one that was copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mapfile_db.h"
#include "mapstatic.h"

#define PATIENCE_MS 400	 /* for the lock: makemap holds it while it writes, and a login should be there in a second */
#define PAUSE_MS    10
#define FEW	    1000 /* changes that are made under the lock */

struct edit {
	struct hash *hash;
	const char *const *keys;
	unsigned n;
	char **gone; /* ours in the file, but not to be there any more */
	unsigned n_gone, cap;
	bool *there; /* keys[i] is marked as ours */
	bool compared; /* gone and there were found by looking through the whole file */
	char around[MAPKEY_TEXT]; /* the network of the last key that was looked at, */
	bool refused;		  /* and what the administrator has for it: keys of one network follow each other */
	struct mapfile_counts *counts;
};

/* --- the lock --- */

static int
try_lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		return -1;
	return fcntl(fd, F_OFD_SETLK, &whole); /* of this descriptor, or Berkeley DB's closing would end it */
}

static int
lock(int fd, const char *path, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	for (int ms = 0; try_lock(fd) == -1; ms += PAUSE_MS) {
		if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR)
			return err_sys(e, "%s: locking it", path);
		if (ms >= PATIENCE_MS)
			return err_set(e, "%s: somebody else has it locked", path);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* The file that the path names, locked.  -1: not. */
static int
open_locked(const struct mapfile_spec *sp, struct listfile_stamp *stamp, struct err *e)
{
	struct stat st, now;
	int fd;

	if (mapfile_plain(sp, false, stamp, e) == -1)
		return -1;
	if (stamp->error != 0)
		return err_set(e, "%s: is not there; it is made with makemap(8)", sp->path);
	fd = open(sp->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, "%s: opening it for writing", sp->path);
	if (lock(fd, sp->path, e) == 0) {
		if (fstat(fd, &st) == 0 && lstat(sp->path, &now) == 0 && st.st_ino == now.st_ino && st.st_dev == now.st_dev) {
			*stamp = listfile_stamp_of(&st);
			return fd;
		}
		err_set(e, "%s: was replaced meanwhile", sp->path);
	}
	close(fd);
	return -1;
}

/* --- the records --- */

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
note_ours(void *arg, struct str key)
{
	struct edit *ed = arg;
	char text[MAPKEY_TEXT];
	const char *p = str_copy(text, sizeof text, key), *const *at;

	at = ed->n == 0 || key.n >= sizeof text ? NULL : bsearch(&p, ed->keys, ed->n, sizeof *ed->keys, compare);
	if (at != NULL) {
		ed->there[at - ed->keys] = true;
		return;
	}
	if (ed->n_gone == ed->cap) {
		ed->cap = ed->cap == 0 ? 64 : 2 * ed->cap;
		ed->gone = xrealloc(ed->gone, ed->cap * sizeof *ed->gone);
	}
	ed->gone[ed->n_gone++] = xmalloc(key.n + 1);
	str_copy(ed->gone[ed->n_gone - 1], key.n + 1, key);
}

/* "popauth-milter:KEY"; a key that is too long for it was never ours. */
static bool
mark_of(const char *key, char *buf, size_t size)
{
	if (strlen(key) + sizeof MAPFILE_MARK > size)
		return false;
	(void)strcpy(stpcpy(buf, MAPFILE_MARK), key);
	return true;
}

/* A record whose value has become another is not ours any more; one without a mark never was. */
static int
take_out(struct edit *ed, const char *key, struct err *e)
{
	char mark[MAPKEY_TEXT + sizeof MAPFILE_MARK];
	struct str value;

	if (!mark_of(key, mark, sizeof mark))
		return 0;
	switch (hash_get(ed->hash, str_of(mark), NULL, e)) {
	case HASH_FAILED:
		return -1;
	case HASH_NOT:
		ed->counts->overruled--;
		return 0;
	case HASH_DONE:
		break;
	}
	switch (hash_get(ed->hash, str_of(key), &value, e)) {
	case HASH_FAILED:
		return -1;
	case HASH_DONE:
		if (str_eq(value, str_of(map_form_value(MAP_ACCESS))) && hash_del(ed->hash, str_of(key), e) == HASH_FAILED)
			return -1;
		break;
	case HASH_NOT:
		break;
	}
	ed->counts->removed++;
	if (!ed->compared)
		ed->counts->ours--;
	return hash_del(ed->hash, str_of(mark), e) == HASH_FAILED ? -1 : 0;
}

struct asking {
	struct hash *hash;
	struct err *e;
	bool failed;
};

static bool
value_of(void *arg, const char *key, struct str *value)
{
	struct asking *as = arg;
	enum hash_answer answer = hash_get(as->hash, str_of(key), value, as->e);

	as->failed = as->failed || answer == HASH_FAILED;
	return answer == HASH_DONE;
}

/* Does he refuse a network around this key?  What we have for one would not, so it need not be told from his. */
static int
ask_around(struct edit *ed, const char *key, bool *refused, struct err *e)
{
	struct asking as = { ed->hash, e, false };
	size_t n = strlen(key);

	while (n > 0 && key[n - 1] != '.' && key[n - 1] != ':')
		n--;
	if (strlen(ed->around) != n || memcmp(ed->around, key, n) != 0) {
		ed->refused = mapstatic_refused(key, value_of, &as);
		str_copy(ed->around, sizeof ed->around, (struct str){ key, n });
	}
	*refused = ed->refused;
	return as.failed ? -1 : 0;
}

/* Asked first: Berkeley DB writes the page to which a record could not be added.  The mark first: whenever this ends,
 * there is no record of ours that would be taken for the administrator's and stay for ever. */
static int
add(struct edit *ed, const char *key, struct err *e)
{
	struct str value = str_of(map_form_value(MAP_ACCESS));
	char mark[MAPKEY_TEXT + sizeof MAPFILE_MARK];

	if (!mark_of(key, mark, sizeof mark))
		panic("mapfile: a key as long as \"%s\"", key);
	ed->counts->added++;
	ed->counts->ours++;
	return hash_add(ed->hash, str_of(mark), value, e) == HASH_FAILED ||
	    hash_add(ed->hash, str_of(key), value, e) == HASH_FAILED ? -1 : 0;
}

static int
put_in(struct edit *ed, unsigned i, struct err *e)
{
	const char *key = ed->keys[i];
	enum hash_answer there = hash_get(ed->hash, str_of(key), NULL, e);
	bool refused;

	if (there == HASH_FAILED || ask_around(ed, key, &refused, e) == -1)
		return -1;
	if (refused || (there == HASH_DONE && !ed->there[i])) {
		ed->counts->overruled++;
		return ed->there[i] ? take_out(ed, key, e) : 0;
	}
	if (there == HASH_NOT)
		return add(ed, key, e);
	ed->counts->ours++;
	return 0;
}

static int
change(struct edit *ed, struct err *e)
{
	if (ed->compared && hash_each(ed->hash, STR(MAPFILE_MARK), note_ours, ed, e) == -1)
		return -1;
	for (unsigned i = 0; i < ed->n_gone; i++)
		if (take_out(ed, ed->gone[i], e) == -1)
			return -1;
	for (unsigned i = 0; i < ed->n; i++)
		if (put_in(ed, i, e) == -1)
			return -1;
	return 0;
}

static void
edit_free(struct edit *ed)
{
	for (unsigned i = 0; i < ed->n_gone; i++)
		free(ed->gone[i]);
	free(ed->gone);
	free(ed->there);
}

/* sendmail compares whole seconds: what has changed must be later than whatever it may have seen, also when makemap
 * was run in a second that we have used up already. */
static int
be_noticed(int fd, const struct edit *ed, const struct listfile_stamp *left, const struct listfile_stamp *found)
{
	bool seen = left->error == 0 && !listfile_same(left, found) && found->written.tv_sec <= left->written.tv_sec;
	bool changed = ed->counts->added + ed->counts->removed > 0;
	time_t than = seen ? left->written.tv_sec : found->written.tv_sec;

	if (!changed && !seen)
		return 0;
	return fsync(fd) == -1 || mapfile_later(fd, than) == -1 ? -1 : 0;
}

/* Make the changes in `file`, which is the one at `path` or a copy of it. */
static int
work(struct edit *ed, const char *file, const char *path, struct err *e)
{
	struct err at_close;
	int rc;

	ed->hash = hash_open_as(file, path, e);
	if (ed->hash == NULL)
		return -1;
	rc = change(ed, e);
	return hash_close(ed->hash, rc == -1 ? &at_close : e) == -1 ? -1 : rc;
}

/* The file was locked, and this came of it: let it go. */
static int
leave(const struct edit *ed, const char *path, int fd, int rc, const struct listfile_stamp *found, struct listfile_stamp *stamp,
    struct err *e)
{
	struct stat st;

	if (be_noticed(fd, ed, stamp, found) == -1 && rc == 0)
		rc = err_sys(e, "%s: writing it", path);
	if (fstat(fd, &st) == 0)
		*stamp = listfile_stamp_of(&st);
	close(fd);
	return rc;
}

/* --- all of them --- */

static int
take_copy(const struct mapfile_spec *sp, int aside, struct listfile_stamp *found, struct err *e)
{
	int fd = open_locked(sp, found, e), rc;

	if (fd == -1)
		return -1;
	rc = mapfile_copy(fd, aside, found->size) == -1 ? err_sys(e, "%s: copying it", sp->path) : 0;
	close(fd);
	return rc;
}

/* Room for all of it first: a file that is written by half is of no use to anybody. */
static int
write_over(int aside, int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(aside, &st) == -1)
		return err_sys(e, "%s: its copy", path);
	errno = posix_fallocate(fd, 0, st.st_size);
	if (errno != 0 || mapfile_copy(aside, fd, st.st_size) == -1)
		return err_sys(e, "%s: writing it", path);
	return 0;
}

static enum mapfile_answer
put_back(const struct edit *ed, const struct mapfile_spec *sp, int aside, const struct listfile_stamp *copied,
    struct listfile_stamp *stamp, struct err *e)
{
	struct listfile_stamp found;
	int fd = open_locked(sp, &found, e), rc = 0;

	if (fd == -1)
		return MAPFILE_FAILED;
	if (!listfile_same(&found, copied)) {
		close(fd);
		err_set(e, "%s: has changed meanwhile", sp->path);
		return MAPFILE_OTHER;
	}
	if (ed->counts->added + ed->counts->removed > 0)
		rc = write_over(aside, fd, sp->path, e);
	return leave(ed, sp->path, fd, rc, &found, stamp, e) == 0 ? MAPFILE_DONE : MAPFILE_FAILED;
}

enum mapfile_answer
mapfile_sync(const struct mapfile_spec *sp, const char *const *keys, unsigned n, struct mapfile_counts *counts,
    struct listfile_stamp *stamp, struct err *e)
{
	struct edit ed = { .keys = keys, .n = n, .compared = true, .counts = counts };
	enum mapfile_answer answer = MAPFILE_FAILED;
	int aside = memfd_create("access.db", MFD_CLOEXEC);
	struct listfile_stamp copied;
	char file[40];

	*counts = (struct mapfile_counts){ 0 };
	if (aside == -1) {
		err_sys(e, "%s: room for a copy of it", sp->path);
		return MAPFILE_FAILED;
	}
	(void)snprintf(file, sizeof file, "/proc/self/fd/%d", aside);
	ed.there = xcalloc(n + 1UL, sizeof *ed.there);
	if (take_copy(sp, aside, &copied, e) == 0 && work(&ed, file, sp->path, e) == 0)
		answer = put_back(&ed, sp, aside, &copied, stamp, e);
	edit_free(&ed);
	close(aside);
	return answer;
}

/* --- a few --- */

enum mapfile_answer
mapfile_update(const struct mapfile_spec *sp, const struct mapfile_change *change, struct mapfile_counts *counts,
    struct listfile_stamp *stamp, struct err *e)
{
	struct edit ed = { .keys = change->fresh, .n = change->n_fresh, .n_gone = change->n_gone, .counts = counts };
	struct listfile_stamp found;
	int fd, rc;

	if (change->n_fresh + change->n_gone > FEW)
		return MAPFILE_OTHER;
	fd = open_locked(sp, &found, e);
	if (fd == -1)
		return MAPFILE_KEPT;
	if (!listfile_same(&found, stamp)) {
		close(fd);
		return MAPFILE_OTHER;
	}
	counts->added = counts->removed = 0;
	ed.there = xcalloc(ed.n + 1UL, sizeof *ed.there);
	ed.gone = (char **)(uintptr_t)change->gone; /* borrowed: nothing is added where nothing is compared */
	rc = leave(&ed, sp->path, fd, work(&ed, sp->path, sp->path, e), &found, stamp, e);
	free(ed.there);
	return rc == 0 ? MAPFILE_DONE : MAPFILE_FAILED;
}
