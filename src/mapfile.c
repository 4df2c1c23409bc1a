/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapfile.c - a map file of our own: written beside its place, and put there */
#include "mapfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mapfile_db.h"

#define BESIDE ".popauth-new" /* a name of its own: what a crash leaves behind is one file, replaced by the next */
#define MARK   MAPFILE_MARK "map"
#define PIECE  32768 /* of a copy */
#define WHOSE  "written by popauth-milter, and written anew at every change"
#define MODE	   0640 /* of a new file whose group is set */
#define MODE_OPEN  0644 /* of any other: sendmail opens only what root could read without being root */

struct mapfile {
	const struct mapfile_spec *spec;
	struct hash *hash;
	char *beside;
	struct listfile_stamp old; /* what is to be replaced */
	bool same; /* it is a copy of that, and nothing is other in it */
};

/* What was written by a part only is read again. */
int
mapfile_copy(int from, int to, off_t size)
{
	char piece[PIECE];

	for (off_t at = 0; at < size;) {
		ssize_t n = pread(from, piece, size - at < PIECE ? (size_t)(size - at) : PIECE, at);

		if (n > 0)
			n = pwrite(to, piece, (size_t)n, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* shorter than it was */
		if (n <= 0)
			return -1;
		at += n;
	}
	return 0;
}

static char *
dir_of(const char *path)
{
	char *copy = xstrdup(path), *dir = xstrdup(dirname(copy));

	free(copy);
	return dir;
}

/* Who may write in the directory may put something else there at any time.  /etc/mail may be the MTA's own user's. */
static int
directory_safe(const char *path, bool mine, struct err *e)
{
	char *dir = dir_of(path);
	struct stat st;
	int rc = 0;

	if (stat(dir, &st) == -1)
		rc = errno != ENOENT ? err_sys(e, "%s: its directory", path) :
		    err_set(e, "%s: there is no directory %s; make it, for us to write in, or name another place in relay_map", path,
			dir);
	else if (st.st_mode & S_IWOTH)
		rc = err_set(e, "%s: everybody may write in %s", path, dir);
	else if (mine && st.st_uid != geteuid() && st.st_uid != 0)
		rc = err_set(e, "%s: %s belongs neither to us nor to root", path, dir);
	free(dir);
	return rc;
}

int
mapfile_plain(const struct mapfile_spec *sp, bool mine, struct listfile_stamp *stamp, struct err *e)
{
	struct stat st;

	*stamp = (struct listfile_stamp){ .error = ENOENT };
	if (directory_safe(sp->path, mine, e) == -1)
		return -1;
	if (lstat(sp->path, &st) == -1)
		return errno == ENOENT ? 0 : err_sys(e, "%s", sp->path);
	*stamp = listfile_stamp_of(&st);
	if (S_ISLNK(st.st_mode))
		return err_set(e, "%s: is a symbolic link", sp->path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, "%s: is a directory", sp->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s: is not a file", sp->path);
	if (mine && st.st_uid != geteuid())
		return err_set(e, "%s: belongs to somebody else (uid %ld, not %ld)", sp->path, (long)st.st_uid,
		    (long)geteuid());
	if (mine && st.st_nlink > 1)
		return err_set(e, "%s: has a second name (a hard link), so that Postfix would not notice when it is replaced",
		    sp->path);
	return 0;
}

static bool
has_mark(struct hash *h, struct str mark)
{
	struct err ignored;

	return hash_get(h, mark, NULL, &ignored) == HASH_DONE;
}

/* Ours says so itself, in whichever form it was written last. */
static int
is_ours(const struct mapfile_spec *sp, struct err *e)
{
	struct hash *h = hash_open(sp->path, false, false, e);
	struct err ignored;
	bool ours;

	if (h == NULL)
		return -1;
	ours = has_mark(h, STR(MARK)) || has_mark(h, (struct str){ MARK, sizeof MARK });
	(void)hash_close(h, &ignored);
	return ours ? 0 :
	    err_set(e, "%s: was not written by popauth-milter, and is not overwritten; move it away, and name what it held in "
	    "relay_map_static", sp->path);
}

static int
allowed(const struct mapfile_spec *sp, struct listfile_stamp *stamp, struct err *e)
{
	if (mapfile_plain(sp, true, stamp, e) == -1)
		return -1;
	return stamp->error != 0 ? 0 : is_ours(sp, e);
}

int
mapfile_allowed(const struct mapfile_spec *sp, struct err *e)
{
	struct listfile_stamp stamp;

	return allowed(sp, &stamp, e);
}

/* With the place beside cleared, and nothing there yet. */
static struct mapfile *
prepare(const struct mapfile_spec *sp, struct err *e)
{
	struct mapfile *m = xcalloc(1, sizeof *m);

	m->spec = sp;
	m->beside = xmalloc(strlen(sp->path) + sizeof BESIDE);
	(void)strcpy(stpcpy(m->beside, sp->path), BESIDE);
	if (allowed(sp, &m->old, e) == 0) {
		if (unlink(m->beside) == 0 || errno == ENOENT)
			return m;
		err_sys(e, "%s: removing what was left", m->beside);
	}
	mapfile_abort(m);
	return NULL;
}

struct mapfile *
mapfile_begin(const struct mapfile_spec *sp, unsigned n, struct err *e)
{
	struct mapfile *m = prepare(sp, e);

	if (m == NULL)
		return NULL;
	m->hash = hash_create(m->beside, sp->form == MAP_POSTFIX, n + 1, e);
	if (m->hash != NULL && mapfile_put(m, STR(MARK), STR(WHOSE), e) == 0)
		return m;
	mapfile_abort(m);
	return NULL;
}

/* The copy has the identity that Berkeley DB knows files by within an environment; no two of an MTA's handles share one. */
static int
copy_beside(const struct mapfile *m)
{
	int from = open(m->spec->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int to = open(m->beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = from == -1 || to == -1 ? -1 : mapfile_copy(from, to, m->old.size);

	if (from != -1)
		close(from);
	if (to != -1)
		close(to);
	return rc;
}

struct mapfile *
mapfile_again(const struct mapfile_spec *sp, const struct listfile_stamp *left)
{
	struct err ignored;
	struct mapfile *m = left->error != 0 ? NULL : prepare(sp, &ignored);

	if (m == NULL)
		return NULL;
	if (listfile_same(&m->old, left) && copy_beside(m) == 0)
		m->hash = hash_open(m->beside, sp->form == MAP_POSTFIX, true, &ignored);
	m->same = true;
	if (m->hash != NULL)
		return m;
	(void)unlink(m->beside);
	mapfile_abort(m);
	return NULL;
}

int
mapfile_put(struct mapfile *m, struct str key, struct str value, struct err *e)
{
	enum hash_answer is = hash_add(m->hash, key, value, e);

	m->same = m->same && is == HASH_NOT;
	return is == HASH_FAILED ? -1 : 0;
}

int
mapfile_del(struct mapfile *m, struct str key, struct err *e)
{
	enum hash_answer is = hash_del(m->hash, key, e);

	m->same = m->same && is == HASH_NOT;
	return is == HASH_FAILED ? -1 : 0;
}

static void
discard(struct mapfile *m)
{
	free(m->beside);
	free(m);
}

void
mapfile_abort(struct mapfile *m)
{
	struct err ignored;

	if (m == NULL)
		return;
	if (m->hash != NULL) {
		(void)hash_close(m->hash, &ignored);
		(void)unlink(m->beside);
	}
	discard(m);
}

int
mapfile_later(int fd, time_t than)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = 0 } };

	(void)clock_gettime(CLOCK_REALTIME, &ts[1]);
	if (ts[1].tv_sec <= than)
		ts[1] = (struct timespec){ .tv_sec = than + 1 };
	return futimens(fd, ts);
}

/* Mode and group as they were, or as they should be at first.  A group that cannot be given is an error: the MTA could
 * not read the file, or others could. */
static int
dress(const struct mapfile *m, int fd, struct err *e)
{
	gid_t group = m->spec->group;
	mode_t mode = group != (gid_t)-1 ? MODE : MODE_OPEN;
	struct stat old;

	if (m->old.error == 0 && lstat(m->spec->path, &old) == 0) {
		mode = old.st_mode & 0777;
		group = old.st_gid;
	}
	if (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) == -1)
		return err_sys(e, "%s: giving it to group %ld, of which our user must be a member", m->beside, (long)group);
	return fchmod(fd, mode) == -1 ? err_sys(e, "%s: setting its mode", m->beside) : 0;
}

/* The new file gets the name, and who has the old one open is told. */
static int
take_place(const struct mapfile *m, struct err *e)
{
	const char *path = m->spec->path;
	struct listfile_stamp now;
	int old = -1, rc = -1;

	if (mapfile_plain(m->spec, true, &now, e) == -1)
		return -1;
	if (!listfile_same(&now, &m->old))
		return err_set(e, "%s: has changed meanwhile", path);
	if (now.error == 0) {
		old = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (old == -1)
			return err_sys(e, "%s: opening the one to be replaced", path);
	}
	if (rename(m->beside, path) == -1) {
		err_sys(e, "%s: renaming %s to it", path, m->beside);
		goto done;
	}
	rc = 0;
	if (old != -1 && mapfile_later(old, now.written.tv_sec) == -1)
		rc = err_sys(e, "%s: telling sendmail that it was replaced", path);
done:
	if (old != -1)
		close(old);
	return rc;
}

int
mapfile_commit(struct mapfile *m, struct listfile_stamp *stamp, struct err *e)
{
	struct stat st;
	int fd = -1, rc = -1;
	struct hash *h = m->hash;

	if (m->same) { /* nor would it be on the disk: Berkeley DB syncs what it has written, and that is nothing */
		*stamp = m->old;
		mapfile_abort(m);
		return 0;
	}
	m->hash = NULL; /* it is freed whether this works or not, and its records are on the disk if it does */
	if (hash_close(h, e) == -1)
		goto done;
	fd = open(m->beside, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		err_sys(e, "%s", m->beside);
		goto done;
	}
	if (dress(m, fd, e) == -1)
		goto done;
	rc = take_place(m, e);
	if (fstat(fd, &st) == 0)
		*stamp = listfile_stamp_of(&st);
done:
	if (rc == -1)
		(void)unlink(m->beside); /* nothing any more, if it was renamed */
	if (fd != -1)
		close(fd);
	discard(m);
	return rc;
}

/* --- without its grants --- */

/* What mapkey_each() may have told of a client: an address of IPv4, or anything with colons. */
static bool
may_be_client(struct str key)
{
	struct addr a;

	return (key.n > 0 && memchr(key.p, ':', key.n) != NULL) || addr_parse(&a, key) == 0;
}

/* What is too long was not written by us, although the file was. */
static int
carry(void *arg, struct str key, struct str value, struct err *e)
{
	bool granted = false;

	for (enum map_form f = 0; f < MAP_FORMS; f++)
		granted = granted || str_eq(value, str_of(map_form_value(f)));
	if ((granted && may_be_client(key)) || key.n > HASH_KEY || value.n > HASH_VALUE)
		return 0;
	return mapfile_put(arg, key, value, e);
}

int
mapfile_strip(const struct mapfile_spec *sp, struct listfile_stamp *stamp, struct err *e)
{
	struct mapfile *to;
	struct err ignored;
	struct hash *from;
	struct stat st;
	int rc;

	if (lstat(sp->path, &st) == -1 && errno == ENOENT)
		return 0;
	if ((to = mapfile_begin(sp, 0, e)) == NULL)
		return -1;
	from = hash_open(sp->path, true, false, e);
	rc = from == NULL ? -1 : hash_all(from, carry, to, e);
	if (from != NULL)
		(void)hash_close(from, &ignored);
	if (rc == 0)
		return mapfile_commit(to, stamp, e);
	mapfile_abort(to);
	return -1;
}
