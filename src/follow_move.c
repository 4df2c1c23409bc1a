/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_move.c - which file to read: at the start, after its end, after it was taken away
 *
 * An old file is left only when nothing more can come in it: a newer one exists and has something in it (syslog
 * daemons go on writing into a renamed file until they are told), and the old one was read to its end after that.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "follow_count.h"
#include "follow_parts.h"

#define TICK 10000000 /* ns: the file system's clock may be that much behind */

static const struct logfile no_file = { .fd = -1 };

static bool
same_file(const struct logfile *a, const struct sibling *b)
{
	return a->fd != -1 && a->dev == b->dev && a->ino == b->ino;
}

/* Open what the path leads to. */
static int
open_log(struct follow *f, struct logfile *lf, uint64_t *size, struct err *e)
{
	struct stat st;

	*lf = no_file;
	/* Looked at before it is opened, as opening a device may do something, and again after that. */
	if (stat(f->path, &st) == -1)
		return err_sys(e, "%s", f->path);
	if (regular(f->path, &st, e) == -1)
		return -1;
	lf->fd = open(f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (lf->fd == -1 || fstat(lf->fd, &st) == -1) {
		(void)err_sys(e, "%s", f->path);
		logfile_close(lf);
		return -1;
	}
	if (regular(f->path, &st, e) == -1) {
		logfile_close(lf);
		return -1;
	}
	lf->dev = st.st_dev;
	lf->ino = st.st_ino;
	lf->written = stat_written(&st);
	*size = (uint64_t)st.st_size;
	f->present = true;
	f->why[0] = '\0';
	return 0;
}

/* --- at the start --- */

/* Go to the end, but back to the start of the line that is being written: it is among those to come. */
static void
attach_end(struct follow *f, const struct logfile *lf, uint64_t size)
{
	size_t n = size <= FOLLOW_LINE_MAX ? (size_t)size : FOLLOW_LINE_MAX + 1;
	const char *from, *nl;

	if (follow_attach(f, lf, size - n, false) == -1)
		return;
	from = f->buf + f->len;
	if (pread(lf->fd, f->buf + f->len, n, (off_t)f->end) != (ssize_t)n) {
		follow_detach(f);
		return;
	}
	f->len += n;
	f->end += n;
	f->scan = f->len;
	nl = memrchr(from, '\n', n);
	if (nl != NULL)
		f->pos = (size_t)(nl + 1 - f->buf);
}

/* A log never read before.  If it is not there, all that it will have is to come. */
static enum step
begin(struct follow *f, struct err *e)
{
	struct timespec now;
	struct logfile lf;
	uint64_t size;

	if (open_log(f, &lf, &size, e) == -1) {
		if (clock_gettime(CLOCK_REALTIME, &now) == 0)
			f->at.written = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - TICK;
		f->fresh = false;
		return STEP_LOST;
	}
	f->at = (struct position){ .dev = lf.dev, .ino = lf.ino, .written = lf.written };
	if (f->from_start || size == 0)
		(void)follow_attach(f, &lf, 0, false);
	else
		attach_end(f, &lf, size);
	f->fresh = f->file.fd == -1;
	return STEP_ON;
}

/* --- finding the place --- */

enum step
follow_gap(const struct follow *f, struct err *e, const char *why)
{
	follow_count(DROP_GAP);
	(void)err_set(e, "%s: %s", f->path, why);
	return STEP_GAP;
}

/* Open the first that can be read of those that come after `self`, or, NULL, after what family_after() is told.
 * lf->fd stays -1 when there is none, or when the directory has changed since the scan. */
static struct sibling *
open_next(struct family *fam, const struct sibling *self, int64_t written, uint64_t ino, struct logfile *lf,
    bool *missed)
{
	struct sibling *s;

	*lf = no_file;
	while ((s = family_after(fam, self, written, ino)) != NULL && family_open(fam, s, lf) == -1 &&
	    s->how != ROTATED_NOT) {
		s->how = ROTATED_ODDLY; /* out of the row */
		*missed = true;
	}
	return s;
}

static enum step
locate(struct follow *f, struct family *fam, bool there, struct err *e)
{
	const struct sibling *s = family_marked(fam, &f->at);
	bool known = f->at.mark_len > 0, missed = known && !f->finished;
	enum step step;
	struct logfile lf;

	if (s != NULL) {
		if (family_open(fam, s, &lf) == 0 && lf.fd != -1)
			(void)follow_attach_at(f, &lf, &f->at);
		return STEP_ON;
	}
	if (known && !there)
		return STEP_LOST; /* as long as the path leads nowhere our file may be on its way */
	if (known && !family_stands(fam, f->path, f->at.ino))
		return STEP_ON; /* it may have been renamed, or copied, past us */
	if (known && (step = packed_locate(f, fam)) != STEP_END)
		return step;
	s = open_next(fam, NULL, f->at.written, known ? 0 : f->at.ino, &lf, &missed);
	if (s == NULL && !there)
		return STEP_LOST;
	if (lf.fd == -1)
		return STEP_ON;
	if (known)
		f->at = (struct position){ .written = f->at.written };
	(void)follow_attach(f, &lf, 0, false);
	return missed ? follow_gap(f, e, "the file read last is gone or was changed, and what it had to come is missed")
		      : STEP_ON;
}

enum step
follow_locate(struct follow *f, struct err *e)
{
	struct logfile now;
	struct family fam;
	enum step step;
	uint64_t size;
	bool there;

	if (f->fresh)
		return begin(f, e);
	there = open_log(f, &now, &size, e) == 0;
	logfile_close(&now);
	if (family_scan(&fam, f->path, f->at.ino, there ? e : NULL) == 0 || !there)
		step = locate(f, &fam, there, e);
	else
		step = STEP_LOST;
	family_clear(&fam);
	return step;
}

/* --- at the end of a file --- */

/* Is `next` still what comes after the file being read?  Asked after its first bytes were read: it may have been
 * copied and truncated just before, and then its copy comes first. */
static bool
still_next(const struct follow *f, const struct logfile *next)
{
	bool missed, same;
	struct logfile again;
	struct family fam;
	const struct sibling *s;

	if (family_scan(&fam, f->path, f->file.ino, NULL) == -1) {
		family_clear(&fam);
		return false;
	}
	s = open_next(&fam, family_file(&fam, f->file.dev, f->file.ino), f->file.written, 0, &again, &missed);
	same = s != NULL && same_file(next, s);
	logfile_close(&again);
	family_clear(&fam);
	return same;
}

/* Leave the file being read for `next`, whose first n bytes are in `first`. */
static void
take_over(struct follow *f, const struct logfile *next, const char *first, size_t n)
{
	if (f->len > f->pos && !f->midline)
		follow_count(DROP_PARTIAL);
	f->pos = f->len;
	follow_position(f, &f->at);
	(void)follow_attach(f, next, 0, false);
	memcpy(f->buf, first, n);
	f->len = n;
	f->end = n;
}

/* Go on in `next` once it has something and the file being read is at its end for good.  Closes it if not taken. */
static enum step
leave_for(struct follow *f, struct logfile *next, bool newest, struct err *e)
{
	char first[FOLLOW_MARK];
	struct err why;
	enum step step;
	ssize_t n;

	watch_file(&f->watch, WATCH_NEXT, next->fd);
	n = logfile_read(next, first, sizeof first, 0, &why);
	if (n == -1 && next->unpack != NULL)
		n = 0; /* which will be told when it is being read */
	step = n > 0 || (n == 0 && !newest) ? follow_fill(f, e) : n == 0 ? STEP_IDLE : STEP_LOST;
	if (n == -1)
		(void)err_set(e, "%s: %.400s", f->path, why.text);
	if (step != STEP_END) {
		logfile_close(next);
		return step;
	}
	if (still_next(f, next))
		take_over(f, next, first, (size_t)n);
	else
		logfile_close(next);
	return STEP_ON;
}

/* `now` is the log itself, and not the file being read. */
static enum step
turn(struct follow *f, struct family *fam, const struct logfile *now, struct err *e)
{
	const struct sibling *s = family_current(fam), *self;
	struct logfile next;
	struct position p;
	bool missed = false;
	enum step step;

	if (s == NULL || !same_file(now, s))
		return STEP_ON; /* changed meanwhile */
	follow_position(f, &p);
	if (family_carries(fam, s, &p)) { /* it was moved to another disk, or saved by an editor */
		if (family_open(fam, s, &next) == 0 && next.fd != -1 &&
		    follow_attach_at(f, &next, &p) == -1)
			f->at = p;
		return STEP_ON;
	}
	self = family_file(fam, f->file.dev, f->file.ino);
	s = open_next(fam, self, f->file.written, 0, &next, &missed);
	if (next.fd == -1)
		return STEP_ON;
	if (self == NULL && next.unpack != NULL && p.mark_len > 0) { /* it may be what we have just read, packed */
		logfile_close(&next);
		f->at = p;
		follow_detach(f);
		f->finished = true;
		return STEP_ON;
	}
	step = leave_for(f, &next, s->how == ROTATED_NOT, e);
	if (missed && step == STEP_ON && same_file(&f->file, s))
		step = follow_gap(f, e, "a rotated file cannot be read, and what it has is missed");
	return step;
}

enum step
follow_turn(struct follow *f, struct err *e)
{
	struct logfile now;
	struct family fam;
	enum step step;
	uint64_t size;
	struct stat st;

	if (stat(f->path, &st) == 0 && st.st_dev == f->file.dev && st.st_ino == f->file.ino) {
		f->present = true;
		f->why[0] = '\0';
		return STEP_IDLE;
	}
	if (open_log(f, &now, &size, e) == -1)
		return STEP_LOST;
	step = family_scan(&fam, f->path, f->file.ino, e) == -1 ? STEP_LOST : turn(f, &fam, &now, e);
	family_clear(&fam);
	logfile_close(&now);
	return step;
}
