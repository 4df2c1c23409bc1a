/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_find.c - the log and its siblings: which of them holds our place, and which comes next
 *
 * Which file holds our place is decided by its bytes alone.  Which one comes after it is decided by the names where
 * they tell (numbers fall, dates rise) and otherwise by the time of the last change, which renaming, chmod, gzip and
 * logrotate all leave alone.
 *
 * Every file is opened in family_open(), also what is compressed (follow_packed.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow_parts.h"
#include "unpack.h"

#define LOOKS 20 /* how often a directory is read again because somebody is renaming in it */

int64_t
stat_written(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int
regular(const char *path, const struct stat *st, struct err *e)
{
	if (S_ISREG(st->st_mode))
		return 0;
	return err_set(e, "%s: is a %s, not a log file", path,
	    S_ISDIR(st->st_mode)      ? "directory"
		: S_ISFIFO(st->st_mode) ? "FIFO"
		: S_ISSOCK(st->st_mode) ? "socket"
					: "device");
}

static bool
has_prefix(struct str s, struct str prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

static bool
has_suffix(struct str s, struct str suffix)
{
	return s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

static struct str
without_compression(struct str s)
{
	static const char *const suffixes[] = { ".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z" };

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		if (has_suffix(s, str_of(suffixes[i])))
			return (struct str){ s.p, s.n - strlen(suffixes[i]) };
	return s;
}

/* `mark` is what rotation put into the name: ".1", "-20260131", ".2026-01-31T00:00". */
static enum rotated
classify(struct str mark, struct sibling *s)
{
	size_t digits = 0, others = 0;

	if (mark.n < 2 || strchr(".-_", mark.p[0]) == NULL)
		return ROTATED_ODDLY;
	s->number = 0;
	s->date = (struct str){ mark.p + 1, mark.n - 1 };
	for (size_t i = 0; i < s->date.n; i++) {
		char c = s->date.p[i];

		if (c >= '0' && c <= '9') {
			digits++;
			s->number = s->number * 10 + (unsigned long)(c - '0');
		} else if (c != '\0' && strchr("-_.:T+", c) != NULL)
			others++;
		else
			return ROTATED_ODDLY;
	}
	if (others == 0 && digits <= 4)
		return ROTATED_NUMBER;
	return digits >= 6 ? ROTATED_DATE : ROTATED_ODDLY;
}

/* false: not one of the family.  Known forms: BASE, BASE.1, BASE-20260131, and with the log's own extension at the
 * end: STEM-20260131.EXT. */
static bool
belongs(struct str base, struct str name, struct sibling *s)
{
	struct str bare = without_compression(name), ext = STR_NONE;
	const char *dot = memrchr(base.p, '.', base.n);

	if (str_eq(name, base)) {
		s->how = ROTATED_NOT;
		return true;
	}
	if (has_prefix(name, base)) {
		s->how = bare.n <= base.n
		    ? ROTATED_ODDLY
		    : classify((struct str){ bare.p + base.n, bare.n - base.n }, s);
		return true;
	}
	if (dot == NULL || dot == base.p)
		return false;
	ext = (struct str){ dot, base.n - (size_t)(dot - base.p) };
	base.n -= ext.n;
	if (!has_prefix(bare, base) || !has_suffix(bare, ext) || bare.n <= base.n + ext.n)
		return false;
	s->how = classify((struct str){ bare.p + base.n, bare.n - base.n - ext.n }, s);
	return s->how != ROTATED_ODDLY;
}

static void
add(struct family *fam, struct str base, const struct dirent *d, uint64_t ino)
{
	struct sibling s = { .how = ROTATED_ODDLY };
	struct stat st;

	s.name = xstrdup(d->d_name); /* s.date borrows from it */
	if ((!belongs(base, str_of(s.name), &s) && (ino == 0 || d->d_ino != ino)) ||
	    fstatat(fam->dirfd, s.name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode)) {
		free(s.name);
		return;
	}
	s.packed = s.how != ROTATED_NOT && without_compression(str_of(s.name)).n < strlen(s.name);
	s.dev = st.st_dev;
	s.ino = st.st_ino;
	s.written = stat_written(&st);
	if (fam->n == fam->cap) {
		fam->cap = fam->cap == 0 ? 16 : fam->cap * 2;
		fam->v = xrealloc(fam->v, fam->cap * sizeof *fam->v);
	}
	fam->v[fam->n++] = s;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct sibling *)a)->name, ((const struct sibling *)b)->name);
}

static int
look(struct family *fam, const char *dir, struct str base, uint64_t ino)
{
	struct dirent *d;
	DIR *dp;
	int fd;

	*fam = (struct family){ .dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (fam->dirfd == -1 || (fd = dup(fam->dirfd)) == -1)
		return -1;
	if ((dp = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return -1;
	}
	while ((d = readdir(dp)) != NULL)
		add(fam, base, d, ino);
	(void)closedir(dp);
	if (fam->n > 1)
		qsort(fam->v, fam->n, sizeof *fam->v, by_name);
	return 0;
}

static bool
alike(const struct family *a, const struct family *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].ino != b->v[i].ino || a->v[i].dev != b->v[i].dev || by_name(&a->v[i], &b->v[i]) != 0)
			return false;
	return true;
}

static int
scan_once(struct family *fam, const char *path, uint64_t ino, struct err *e)
{
	char *real = realpath(path, NULL), *slash;
	const char *dir;
	struct str base;
	int rc;

	if (real == NULL)
		real = xstrdup(path);
	slash = strrchr(real, '/');
	base = str_of(slash == NULL ? real : slash + 1);
	if (slash != NULL)
		*slash = '\0';
	dir = slash == NULL ? "." : slash == real ? "/" : real;
	rc = look(fam, dir, base, ino);
	if (rc == -1)
		(void)err_sys(e, "%s: listing the directory, to find rotated logs", dir);
	free(real);
	return rc;
}

bool
family_stands(const struct family *fam, const char *path, uint64_t ino)
{
	struct family now;
	bool same;

	same = scan_once(&now, path, ino, NULL) == 0 && alike(fam, &now);
	family_clear(&now);
	return same;
}

/* readdir() may miss or repeat a file that is renamed meanwhile. */
int
family_scan(struct family *fam, const char *path, uint64_t ino, struct err *e)
{
	int rc = scan_once(fam, path, ino, e);

	for (int i = 0; rc == 0 && i < LOOKS && !family_stands(fam, path, ino); i++) {
		family_clear(fam);
		rc = scan_once(fam, path, ino, e);
	}
	return rc;
}

void
family_clear(struct family *fam)
{
	for (size_t i = 0; i < fam->n; i++)
		free(fam->v[i].name);
	free(fam->v);
	if (fam->dirfd != -1)
		(void)close(fam->dirfd);
	*fam = (struct family){ .dirfd = -1 };
}

struct sibling *
family_current(const struct family *fam)
{
	for (size_t i = 0; i < fam->n; i++)
		if (fam->v[i].how == ROTATED_NOT)
			return &fam->v[i];
	return NULL;
}

struct sibling *
family_file(const struct family *fam, uint64_t dev, uint64_t ino)
{
	for (size_t i = 0; i < fam->n; i++)
		if (fam->v[i].ino == ino && fam->v[i].dev == dev)
			return &fam->v[i];
	return NULL;
}

int
family_open(const struct family *fam, const struct sibling *s, struct logfile *lf)
{
	struct stat st;

	*lf = (struct logfile){ .fd = -1 };
	lf->fd = openat(fam->dirfd, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (lf->fd == -1)
		return errno == ENOENT || errno == ELOOP ? 0 : -1;
	if (fstat(lf->fd, &st) == -1 || st.st_dev != s->dev || st.st_ino != s->ino) {
		logfile_close(lf);
		return 0;
	}
	if (s->packed && (lf->unpack = unpack_open(lf->fd, NULL)) == NULL) {
		logfile_close(lf);
		errno = EIO;
		return -1;
	}
	lf->dev = s->dev;
	lf->ino = s->ino;
	lf->written = stat_written(&st);
	return 0;
}

bool
family_carries(const struct family *fam, const struct sibling *s, const struct position *p)
{
	char buf[FOLLOW_MARK];
	struct logfile lf;
	ssize_t n;

	if (s->packed || p->mark_len == 0 || p->mark_len > sizeof buf || p->mark_len > p->offset || family_open(fam, s, &lf) == -1 ||
	    lf.fd == -1)
		return false;
	n = pread(lf.fd, buf, p->mark_len, (off_t)(p->offset - p->mark_len));
	(void)close(lf.fd);
	return n == (ssize_t)p->mark_len && mark_hash(buf, p->mark_len) == p->mark;
}

/* Copies of a log hold the mark as well.  The log itself is the best: while it holds the mark, a copy is not finished,
 * or is nobody's business. */
static int
likelihood(const struct sibling *s)
{
	return s->how == ROTATED_NOT ? 2 : s->how == ROTATED_ODDLY ? 0 : 1;
}

static struct sibling *
best_marked(const struct family *fam, const struct position *p)
{
	struct sibling *best = NULL;

	for (size_t i = 0; i < fam->n; i++) {
		struct sibling *s = &fam->v[i];
		int more = best == NULL ? 1 : likelihood(s) - likelihood(best);

		if ((more > 0 || (more == 0 && s->written > best->written)) && family_carries(fam, s, p))
			best = s;
	}
	return best;
}

/* Twice: the copy may have been looked at before it was whole, and the log after it was truncated. */
struct sibling *
family_marked(const struct family *fam, const struct position *p)
{
	struct sibling *s = best_marked(fam, p);

	return s != NULL ? s : best_marked(fam, p);
}

static bool
newer(const struct sibling *a, const struct sibling *b)
{
	if (a->how == ROTATED_NOT || b->how == ROTATED_NOT)
		return b->how != ROTATED_NOT;
	if (a->how == ROTATED_NUMBER && b->how == ROTATED_NUMBER)
		return a->number < b->number;
	if (a->how == ROTATED_DATE && b->how == ROTATED_DATE) {
		size_t n = a->date.n < b->date.n ? a->date.n : b->date.n;
		int order = memcmp(a->date.p, b->date.p, n);

		return order > 0 || (order == 0 && a->date.n > b->date.n);
	}
	return a->written > b->written;
}

struct sibling *
family_after(const struct family *fam, const struct sibling *than, int64_t written, uint64_t ino)
{
	struct sibling *oldest = NULL;

	for (size_t i = 0; i < fam->n; i++) {
		struct sibling *s = &fam->v[i];
		bool after = than != NULL ? s != than && newer(s, than)
					  : s->how == ROTATED_NOT || s->written > written || (ino != 0 && s->ino == ino);

		if (after && (s->how != ROTATED_ODDLY || (ino != 0 && s->ino == ino)) &&
		    (oldest == NULL || newer(oldest, s)))
			oldest = s;
	}
	return oldest;
}
