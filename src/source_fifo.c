/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_fifo.c - a FIFO that a syslog daemon writes to
 *
 * It is opened for reading alone, so that leave to read is all it takes and the end of a writer can be seen: what he
 * did not finish must not become the start of the next one's line.  After an end it is opened anew, before the old
 * descriptor is closed, for as long as one is open the kernel keeps what is in it: a FIFO at its end would make poll()
 * return for ever, a newly opened one waits for the next writer.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_parts.h"

#define BUF_SIZE (SOURCE_LINE_MAX + 65536)

struct fifo {
	struct source base;
	int fd;	      /* -1: not open */
	bool midline; /* inside a line that is too long */
	size_t len;   /* of buf: a line's beginning */
	char buf[BUF_SIZE];
};

static struct source *
fifo_alloc(void)
{
	struct fifo *f = xcalloc(1, sizeof *f);

	f->fd = -1;
	return &f->base;
}

static void
fifo_close(struct fifo *f)
{
	if (f->fd != -1)
		(void)close(f->fd);
	f->fd = -1;
}

static void
fifo_release(struct source *s)
{
	fifo_close((struct fifo *)s);
}

static int
fifo_fd(const struct source *s)
{
	return ((const struct fifo *)s)->fd;
}

/* Open what stands at the path, in place of what was open. */
static int
fifo_open(struct fifo *f, struct err *e)
{
	const char *path = f->base.spec.path;
	struct stat st;
	int fd;

	/* Looked at before it is opened, as opening a device may do something, and again after that. */
	if (stat(path, &st) == -1)
		return err_sys(e, "%s", path);
	if (!S_ISFIFO(st.st_mode))
		return err_set(e, "%s: is not a FIFO", path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, "%s", path);
	if (fstat(fd, &st) == -1 || !S_ISFIFO(st.st_mode)) {
		(void)close(fd);
		return err_set(e, "%s: is not a FIFO", path);
	}
	fifo_close(f);
	f->fd = fd;
	return 0;
}

/* A writer is gone: his last line, if it has no end, is none. */
static void
drop_partial(struct fifo *f)
{
	if (f->len > 0)
		source_drop(&f->base, SOURCE_PARTIAL, 1);
	f->len = 0;
	f->midline = false;
}

static void
give(struct fifo *f, struct str line)
{
	if (f->midline)
		f->midline = false; /* the rest of a line already counted as too long */
	else if (line.n > SOURCE_LINE_MAX)
		source_drop(&f->base, SOURCE_TOO_LONG, 1);
	else
		source_line(&f->base, line);
}

/* Hand out the lines in the buffer, of which the first `seen` bytes are known to have no end. */
static void
hand_out(struct fifo *f, size_t seen)
{
	const char *p = f->buf, *end = f->buf + f->len, *nl;

	for (const char *from = p + seen; (nl = memchr(from, '\n', (size_t)(end - from))) != NULL; from = p) {
		give(f, (struct str){ p, (size_t)(nl - p) });
		p = nl + 1;
	}
	f->len = (size_t)(end - p);
	if (f->len > SOURCE_LINE_MAX && !f->midline) {
		source_drop(&f->base, SOURCE_TOO_LONG, 1);
		f->midline = true;
	}
	if (f->midline)
		f->len = 0;
	memmove(f->buf, p, f->len);
}

static bool
stands(const struct fifo *f)
{
	struct stat ours, there;

	return fstat(f->fd, &ours) == 0 && stat(f->base.spec.path, &there) == 0 && ours.st_dev == there.st_dev &&
	    ours.st_ino == there.st_ino;
}

/* Nothing more is in it for now: is it still the one at the path, and, at its end, ready for the next writer? */
static enum source_result
fifo_rest(struct fifo *f, bool at_end, struct err *e)
{
	bool same = stands(f);

	if (same && !at_end)
		return SOURCE_IDLE;
	if (fifo_open(f, e) == 0) {
		drop_partial(f);
		return same ? SOURCE_IDLE : SOURCE_MORE;
	}
	if (at_end) { /* nobody can open it any more, and poll() would tell of its end again and again */
		drop_partial(f);
		fifo_close(f);
	}
	return SOURCE_LOST;
}

static enum source_result
fifo_read(struct source *s, size_t max_bytes, struct err *e)
{
	struct fifo *f = (struct fifo *)s;
	size_t used = 0;

	if (f->fd == -1 && fifo_open(f, e) == -1)
		return SOURCE_LOST;
	while (used < max_bytes) {
		ssize_t n = read(f->fd, f->buf + f->len, BUF_SIZE - f->len);
		size_t seen = f->len;

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno != EAGAIN) {
			(void)err_sys(e, "%s", s->spec.path);
			fifo_close(f);
			return SOURCE_LOST;
		}
		if (n <= 0)
			return fifo_rest(f, n == 0, e);
		f->len += (size_t)n;
		used += (size_t)n;
		hand_out(f, seen);
	}
	return SOURCE_MORE;
}

static void
fifo_status(const struct source *s, struct source_status *st)
{
	const struct fifo *f = (const struct fifo *)s;
	int waiting;

	if (f->fd != -1 && ioctl(f->fd, FIONREAD, &waiting) == 0)
		st->lag = (uint64_t)waiting + f->len;
}

const struct source_kind source_fifo = {
	.alloc = fifo_alloc,
	.release = fifo_release,
	.fd = fifo_fd,
	.read = fifo_read,
	.status = fifo_status,
};
