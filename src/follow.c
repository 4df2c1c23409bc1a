/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow.c - one log file, read line by line for ever, each line exactly once
 *
 * Where something is decided about files that others rename and truncate meanwhile, the order is always: read, then
 * look whether what was read is still ours.  What is not is thrown away and looked for again.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow_count.h"
#include "follow_parts.h"

#define READ_MIN 65536
#define STEPS	 256 /* in one call without using up any bytes; then somebody renames faster than we look */

struct follow *
follow_new(const char *path, const struct position *resume, bool from_start)
{
	struct follow *f = xcalloc(1, sizeof *f);
	char *copy = xstrdup(path);

	f->path = xstrdup(path);
	f->dir = xstrdup(dirname(copy));
	f->buf = xmalloc(FOLLOW_BUF);
	f->file.fd = f->search.file.fd = -1;
	packed_reset(f);
	f->fresh = resume == NULL;
	f->from_start = from_start;
	if (resume != NULL)
		f->at = *resume;
	watch_open(&f->watch);
	free(copy);
	return f;
}

void
follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	follow_detach(f);
	watch_close(&f->watch);
	free(f->path);
	free(f->dir);
	free(f->buf);
	free(f);
}

int
follow_fd(const struct follow *f)
{
	return f->watch.fd;
}

void
follow_position(const struct follow *f, struct position *p)
{
	uint64_t offset = f->end - (f->len - f->pos);

	*p = f->at;
	if (f->file.fd == -1 || offset == 0)
		return; /* a file of which nothing was read leaves no mark: stay at the end of the one before */
	p->dev = f->file.dev;
	p->ino = f->file.ino;
	p->written = f->file.written;
	p->offset = offset;
	p->midline = f->midline;
	p->mark_len = offset < FOLLOW_MARK ? (uint32_t)offset : FOLLOW_MARK;
	p->mark = mark_hash(f->buf + f->pos - p->mark_len, p->mark_len);
}

void
follow_status(const struct follow *f, struct follow_status *st)
{
	uint64_t offset = f->end - (f->len - f->pos);
	struct stat now;

	*st = (struct follow_status){ .path = f->path, .present = f->present, .lines = f->lines, .bytes = f->bytes };
	(void)str_copy(st->why, sizeof st->why, str_of(f->why));
	if (f->file.fd != -1 && fstat(f->file.fd, &now) == 0 && (uint64_t)now.st_size > offset)
		st->lag = (uint64_t)now.st_size - offset;
	if (stat(f->path, &now) == 0 && S_ISREG(now.st_mode) &&
	    (f->file.fd == -1 || now.st_ino != f->file.ino || now.st_dev != f->file.dev))
		st->lag += (uint64_t)now.st_size;
}

int
follow_attach(struct follow *f, const struct logfile *lf, uint64_t offset, bool midline)
{
	size_t n = offset < FOLLOW_MARK ? (size_t)offset : FOLLOW_MARK;

	follow_detach(f);
	f->file = *lf;
	watch_file(&f->watch, WATCH_FILE, lf->fd); /* before the first look into it */
	if (pread(lf->fd, f->buf, n, (off_t)(offset - n)) != (ssize_t)n) {
		follow_detach(f);
		return -1;
	}
	f->pos = f->scan = f->len = n;
	f->end = offset;
	f->midline = midline;
	return 0;
}

int
follow_attach_at(struct follow *f, const struct logfile *lf, const struct position *p)
{
	if (follow_attach(f, lf, p->offset, p->midline) == -1)
		return -1;
	if (f->len >= p->mark_len && mark_hash(f->buf + f->len - p->mark_len, p->mark_len) == p->mark)
		return 0;
	follow_detach(f);
	return -1;
}

void
follow_detach(struct follow *f)
{
	logfile_close(&f->file);
	packed_reset(f);
	f->finished = false;
	f->pos = f->scan = f->len = 0;
	f->end = 0;
}

/* Are the last bytes of the buffer still what the file has there? */
static bool
still_ours(const struct follow *f)
{
	char now[FOLLOW_MARK];
	size_t n = f->len < FOLLOW_MARK ? f->len : FOLLOW_MARK;

	return pread(f->file.fd, now, n, (off_t)(f->end - n)) == (ssize_t)n &&
	    memcmp(now, f->buf + f->len - n, n) == 0;
}

void
follow_make_room(struct follow *f)
{
	size_t drop = f->pos > FOLLOW_MARK ? f->pos - FOLLOW_MARK : 0;

	if (FOLLOW_SPACE(f) >= READ_MIN)
		return;
	memmove(f->buf, f->buf + drop, f->len - drop);
	f->pos -= drop;
	f->scan -= drop;
	f->len -= drop;
}

/* The rest of what is packed cannot be had: say so once, and let it be the end. */
static enum step
follow_broken(struct follow *f, const struct err *why, struct err *e)
{
	char text[480];

	if (f->file.broken)
		return STEP_END;
	f->file.broken = true;
	(void)snprintf(text, sizeof text, "a rotated file %.440s", why->text);
	return follow_gap(f, e, text);
}

enum step
follow_fill(struct follow *f, struct err *e)
{
	struct err why;
	struct stat st;
	ssize_t n;

	follow_make_room(f);
	do
		n = logfile_read(&f->file, f->buf + f->len, FOLLOW_SPACE(f), f->end, &why);
	while (n == -1 && errno == EINTR && f->file.unpack == NULL);
	if (n == -1 && f->file.unpack != NULL)
		return follow_broken(f, &why, e);
	if (n == -1) {
		(void)err_set(e, "%s: %.400s", f->path, why.text);
		return STEP_LOST;
	}
	if (f->file.unpack == NULL && !still_ours(f)) {
		follow_position(f, &f->at);
		follow_detach(f);
		return STEP_ON;
	}
	f->len += (size_t)n;
	f->end += (uint64_t)n;
	if (n > 0)
		return STEP_ON;
	if (fstat(f->file.fd, &st) == 0)
		f->file.written = stat_written(&st);
	return STEP_END;
}

/* --- lines --- */

static void
skip_hole(struct follow *f)
{
	while (f->pos < f->len && f->buf[f->pos] == '\0')
		f->pos++;
	if (f->scan < f->pos)
		f->scan = f->pos;
}

static void
give(struct follow *f, struct str line, follow_line_fn *fn, void *arg)
{
	if (f->midline) {
		f->midline = false; /* the rest of a line already counted as too long */
		return;
	}
	if (line.n > FOLLOW_LINE_MAX) {
		follow_count(DROP_LONG);
		return;
	}
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	f->lines++;
	fn(arg, line);
}

/* Hand out what the buffer has.  true: `max` bytes are used up. */
static bool
hand_out(struct follow *f, size_t max, size_t *used, follow_line_fn *fn, void *arg)
{
	size_t from = f->pos;
	bool enough = false;

	while (f->pos < f->len && !enough) {
		const char *line, *nl;

		if (!f->midline && f->buf[f->pos] == '\0')
			skip_hole(f);
		line = f->buf + f->pos;
		nl = memchr(f->buf + f->scan, '\n', f->len - f->scan);
		if (nl == NULL) {
			f->scan = f->len;
			break;
		}
		f->pos = f->scan = (size_t)(nl + 1 - f->buf);
		give(f, (struct str){ line, (size_t)(nl - line) }, fn, arg);
		enough = *used + (f->pos - from) >= max;
	}
	if (!enough && !f->midline && f->len - f->pos > FOLLOW_LINE_MAX) {
		follow_count(DROP_LONG);
		f->midline = true;
	}
	if (!enough && f->midline)
		f->pos = f->scan = f->len;
	*used += f->pos - from;
	f->bytes += f->pos - from;
	return enough;
}

static void
watch_dirs(struct follow *f)
{
	char *real = realpath(f->path, NULL);

	watch_dir(&f->watch, WATCH_DIR, f->dir);
	if (real != NULL)
		watch_dir(&f->watch, WATCH_TARGET, dirname(real));
	free(real);
}

static enum follow_result
finish(struct follow *f, enum step step, const struct err *e)
{
	if (step != STEP_LOST)
		return step == STEP_GAP ? FOLLOW_GAP : FOLLOW_IDLE;
	f->present = false;
	(void)str_copy(f->why, sizeof f->why, str_of(e->text));
	return FOLLOW_LOST;
}

enum follow_result
follow_read(struct follow *f, size_t max_bytes, follow_line_fn *fn, void *arg, struct err *e)
{
	struct err ours;
	size_t used = 0;

	if (e == NULL)
		e = &ours;
	if (watch_drain(&f->watch))
		watch_dirs(f);
	for (int steps = 0; steps < STEPS; steps++) {
		enum step step;
		size_t before = used;

		if (hand_out(f, max_bytes, &used, fn, arg))
			return FOLLOW_MORE;
		if (used > before)
			steps = 0;
		step = f->file.fd == -1 ? follow_locate(f, e) : follow_fill(f, e);
		if (step == STEP_END)
			step = follow_turn(f, e);
		if (step == STEP_YIELD)
			return FOLLOW_MORE;
		if (step != STEP_ON)
			return finish(f, step, e);
	}
	return FOLLOW_IDLE;
}
