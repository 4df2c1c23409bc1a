/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_file.c - a log file */
#include "follow.h"
#include "source_parts.h"

struct file {
	struct source base;
	struct follow *follow;
};

static struct source *
file_alloc(void)
{
	struct file *f = xcalloc(1, sizeof *f);

	return &f->base;
}

static int
file_init(struct source *s, const uint8_t *position, size_t len, struct err *e)
{
	struct file *f = (struct file *)s;
	struct position p;

	if (len > 0 && position_decode(&p, position, len, e) == -1)
		return -1;
	f->follow = follow_new(s->spec.path, len > 0 ? &p : NULL, s->setup.from_start);
	return 0;
}

static void
file_release(struct source *s)
{
	follow_free(((struct file *)s)->follow);
}

static int
file_fd(const struct source *s)
{
	return follow_fd(((const struct file *)s)->follow);
}

static void
on_line(void *arg, struct str line)
{
	source_line(arg, line);
}

static enum source_result
file_read(struct source *s, size_t max_bytes, struct err *e)
{
	static const enum source_result same[] = {
		[FOLLOW_IDLE] = SOURCE_IDLE,
		[FOLLOW_MORE] = SOURCE_MORE,
		[FOLLOW_GAP] = SOURCE_GAP,
		[FOLLOW_LOST] = SOURCE_LOST,
	};

	return same[follow_read(((struct file *)s)->follow, max_bytes, on_line, s, e)];
}

static size_t
file_position(const struct source *s, uint8_t *buf)
{
	struct position p;

	follow_position(((const struct file *)s)->follow, &p);
	position_encode(&p, buf);
	return POSITION_SIZE;
}

static void
file_status(const struct source *s, struct source_status *st)
{
	struct follow_status fs;

	follow_status(((const struct file *)s)->follow, &fs);
	st->bytes = fs.bytes;
	st->lag = fs.lag;
}

const struct source_kind source_file = {
	.alloc = file_alloc,
	.init = file_init,
	.release = file_release,
	.fd = file_fd,
	.read = file_read,
	.position = file_position,
	.status = file_status,
};
