/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_packed.c - compressed siblings: reading them, and finding our place in one
 *
 * A compressed file cannot be looked into at an offset: it is unpacked from its start, and what is before the offset
 * thrown away.  That takes seconds where the log is large, so it is done a piece at a time, and the reader's other work
 * in between.  The place is found by the mark, as anywhere; an offset in a compressed file is one in what it holds.
 *
 * Packing leaves the time of the last change alone: what was last written to before our place was, cannot hold it.
 */
#include <string.h>
#include <unistd.h>

#include "follow_parts.h"
#include "unpack.h"

#define PIECE  (1 << 20)      /* bytes unpacked before others have their turn */
#define COARSE 1000000000LL   /* ns: some packers keep whole seconds only */

ssize_t
logfile_read(const struct logfile *lf, char *buf, size_t n, uint64_t offset, struct err *e)
{
	ssize_t got;

	if (lf->unpack != NULL)
		return unpack_read(lf->unpack, buf, n, e); /* it is always read from end to end */
	got = pread(lf->fd, buf, n, (off_t)offset);
	return got == -1 ? err_sys(e, "cannot be read") : got;
}

void
logfile_close(struct logfile *lf)
{
	unpack_close(lf->unpack);
	if (lf->fd != -1)
		(void)close(lf->fd);
	*lf = (struct logfile){ .fd = -1 };
}

void
packed_reset(struct follow *f)
{
	logfile_close(&f->search.file);
	f->search.tried_written = INT64_MIN;
	f->search.tried_ino = 0;
}

/* In the order in which they are tried. */
static bool
comes_after(const struct sibling *s, int64_t written, uint64_t ino)
{
	return s->written > written || (s->written == written && s->ino > ino);
}

static const struct sibling *
next_candidate(const struct follow *f, const struct family *fam)
{
	const struct sibling *best = NULL;

	for (size_t i = 0; i < fam->n; i++) {
		const struct sibling *s = &fam->v[i];

		if (s->packed && s->written > f->at.written - COARSE &&
		    comes_after(s, f->search.tried_written, f->search.tried_ino) &&
		    (best == NULL || comes_after(best, s->written, s->ino)))
			best = s;
	}
	return best;
}

/* Take the next one in hand.  STEP_YIELD: done; STEP_ON: the directory has changed; STEP_END: there is none. */
static enum step
take_next(struct follow *f, const struct family *fam)
{
	const struct sibling *s;

	while ((s = next_candidate(f, fam)) != NULL) {
		int rc = family_open(fam, s, &f->search.file);

		if (rc == 0 && f->search.file.fd == -1)
			return STEP_ON;
		f->search.tried_written = s->written;
		f->search.tried_ino = s->ino;
		f->pos = f->scan = f->len = 0;
		f->end = 0;
		if (rc == 0)
			return STEP_YIELD;
	}
	return STEP_END;
}

/* Unpack on towards the place, keeping the last bytes in the buffer.  false: it does not reach so far. */
static bool
unpack_piece(struct follow *f)
{
	for (size_t done = 0; done < PIECE && f->end < f->at.offset;) {
		size_t want;
		ssize_t n;

		follow_make_room(f);
		want = FOLLOW_SPACE(f);
		if (want > f->at.offset - f->end)
			want = (size_t)(f->at.offset - f->end);
		n = logfile_read(&f->search.file, f->buf + f->len, want, f->end, NULL);
		if (n <= 0)
			return false;
		f->len += (size_t)n;
		f->pos = f->scan = f->len;
		f->end += (uint64_t)n;
		done += (size_t)n;
	}
	return true;
}

enum step
packed_locate(struct follow *f, const struct family *fam)
{
	const struct position *p = &f->at;
	enum step step;

	if (f->search.file.fd == -1 && (step = take_next(f, fam)) != STEP_YIELD)
		return step;
	if (!unpack_piece(f))
		logfile_close(&f->search.file);
	else if (f->end == p->offset && mark_hash(f->buf + f->len - p->mark_len, p->mark_len) == p->mark) {
		f->file = f->search.file;
		f->search.file = (struct logfile){ .fd = -1 };
		f->midline = p->midline;
		return STEP_ON;
	} else if (f->end == p->offset)
		logfile_close(&f->search.file);
	return STEP_YIELD;
}
