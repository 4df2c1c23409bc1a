/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_log.c - one log, from its start to its end: see simulate_log.h */
#include "simulate_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listfile.h"
#include "source.h"

#define BUF	   (256 * 1024)
#define HEAD	   4096 /* bytes by which a log is known again */
#define LEAP	   3600 /* seconds; a stamp further off than this needs others to agree */
#define NEIGHBOURS 8	/* dated lines that are asked */
#define HALF_YEAR  (182 * (time_t)86400)
#define GAP	   (30 * (time_t)86400)
#define FUTURE	   300	/* seconds that clocks may differ */

/* --- bytes --- */

static ssize_t
read_some(struct simlog *l, char *buf, size_t n)
{
	ssize_t got;

	if (l->unpack != NULL)
		return unpack_read(l->unpack, buf, n, &l->error);
	got = read(l->fd, buf, n);
	return got == -1 ? err_sys(&l->error, "cannot be read") : got;
}

/* More of the log behind what is there; the line in hand moves to the buffer's start. */
static void
fill(struct simlog *l)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->start, l->len - l->start);
	l->len -= l->start;
	l->pos -= l->start;
	l->start = 0;
	if (l->eof || l->len == BUF)
		return;
	n = read_some(l, l->buf + l->len, BUF - l->len);
	if (n <= 0) {
		l->eof = true;
		l->damaged = n < 0;
		return;
	}
	l->len += (size_t)n;
}

static int
open_file(struct simlog *l, struct stat *st)
{
	if (l->fd == -1 && strcmp(l->name, "-") != 0 && listfile_is_fifo(l->name))
		return err_set(&l->error, "is a FIFO, in which lines come without end, and whoever reads them takes them from "
		    "the daemon; give the log file that is written beside it, or what you have collected");
	if (l->fd == -1 && strcmp(l->name, "-") == 0)
		l->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else if (l->fd == -1)
		l->fd = open(l->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (l->fd == -1 || fstat(l->fd, st) == -1)
		return err_sys(&l->error, "cannot be opened");
	return S_ISDIR(st->st_mode) ? err_set(&l->error, "is a directory") : 0;
}

static int
wake(struct simlog *l, struct stat *st)
{
	off_t start;

	if (open_file(l, st) == -1)
		return -1;
	start = lseek(l->fd, 0, SEEK_CUR);
	if ((l->unpack = unpack_open(l->fd, &l->error)) == NULL)
		l->eof = l->damaged = true; /* at its first byte */
	else if (S_ISREG(st->st_mode) && unpack_is_plain(l->unpack) && lseek(l->fd, start, SEEK_SET) == start) {
		unpack_close(l->unpack);
		l->unpack = NULL;
	}
	l->buf = xmalloc(BUF);
	l->awake = true;
	return 0;
}

static void
sleep_on(struct simlog *l)
{
	unpack_close(l->unpack);
	l->unpack = NULL;
	if (l->fd != -1)
		(void)close(l->fd);
	l->fd = -1;
	free(l->buf);
	l->buf = NULL;
	l->start = l->pos = l->len = 0;
	l->eof = l->awake = false;
}

void
simlog_close(struct simlog *l)
{
	sleep_on(l);
	free(l->head);
	l->head = NULL;
	l->ready = false;
	l->ended = true;
}

/* --- lines --- */

/* The next whole line, without its newline; the last one may lack it, unless that is because the file is damaged.
 * What is too long is passed over, with its end: nobody may take the middle of a line for a line. */
static bool
find_line(struct simlog *l, struct str *line)
{
	for (;;) {
		const char *from = l->buf + l->pos, *nl = memchr(from, '\n', l->len - l->pos);
		size_t n = nl != NULL ? (size_t)(nl - from) : l->len - l->pos;

		l->start = l->pos;
		if (nl == NULL && !l->eof && n <= SOURCE_LINE_MAX) {
			fill(l);
			continue;
		}
		if (nl == NULL && l->eof && (n == 0 || l->damaged) && !l->skipping)
			return false;
		l->pos += nl != NULL ? n + 1 : n;
		if (n <= SOURCE_LINE_MAX && !l->skipping) {
			*line = (struct str){ from, n };
			return true;
		}
		l->skipping = nl == NULL && !l->eof;
		if (l->skipping) {
			l->start = l->pos;
			fill(l);
			continue;
		}
		l->counts.lines++;
		l->counts.too_long++;
	}
}

/* Have some lines behind the one in hand in the buffer, as far as there is room and there are any. */
static void
read_ahead(struct simlog *l)
{
	size_t before;

	do {
		const char *p = l->buf + l->pos, *end = l->buf + l->len;
		unsigned n = 0;

		while (n < NEIGHBOURS && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
			n++;
			p++;
		}
		before = l->len - l->start;
		if (n < NEIGHBOURS)
			fill(l);
		else
			return;
	} while (l->len - l->start > before);
}

static bool
is_future(const struct simlog *l, time_t t)
{
	return t > l->present + FUTURE;
}

/* The times of the dated lines behind the one in hand, as far as they have been read.  Those of the future are no
 * witnesses. */
static unsigned
neighbours(const struct simlog *l, time_t times[NEIGHBOURS])
{
	const char *p = l->buf + l->pos, *end = l->buf + l->len, *nl;
	struct stamp stamp = l->stamp;
	unsigned n = 0;

	while (n < NEIGHBOURS && p < end) {
		struct logline line;

		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		(void)logline_parse(&line, &stamp, (struct str){ p, (size_t)(nl - p) }, l->near);
		if (line.time != (time_t)-1 && !is_future(l, line.time))
			times[n++] = line.time;
		p = nl + 1;
	}
	return n;
}

/* --- time --- */

/* Is the clock now at t, by the lines behind this one?  Of the last line of a log nobody can tell: it may be late, but
 * it is not far ahead. */
static bool
is_believed(const struct simlog *l, time_t t)
{
	time_t times[NEIGHBOURS];
	unsigned n = neighbours(l, times), agree = 0;

	for (unsigned i = 0; i < n; i++)
		agree += t > l->at ? times[i] >= t - LEAP : times[i] < l->at - LEAP;
	return n == 0 ? t > l->at : 2 * agree > n;
}

/* No line before this one had a time: its own, or, if those behind it are all earlier, the first of theirs. */
static void
set_clock(struct simlog *l, time_t t)
{
	time_t times[NEIGHBOURS];
	unsigned n = neighbours(l, times), agree = 0;

	for (unsigned i = 0; i < n; i++)
		agree += times[i] >= t - LEAP;
	l->at = n > 0 && 2 * agree <= n ? times[0] : t;
	l->first = l->last = l->at;
	l->near = l->at + HALF_YEAR;
}

static void
move_clock(struct simlog *l, time_t t)
{
	l->went_back = t < l->at;
	if (l->went_back)
		l->counts.set_back++;
	if (t > l->at + GAP)
		l->counts.gaps++;
	l->at = t;
	l->near = t + HALF_YEAR;
	if (t > l->last)
		l->last = t;
	if (t < l->first)
		l->first = t;
}

/* read_ahead() for a line that has been parsed, and may be moved. */
static void
read_ahead_of(struct simlog *l)
{
	struct str held = l->line.line;
	size_t from = l->start;

	read_ahead(l);
	if (l->start == from)
		return;
	held.p = l->buf + l->start;
	(void)logline_parse(&l->line, &l->stamp, held, l->near);
}

static bool
is_leap(const struct simlog *l, time_t t)
{
	return t > l->at + LEAP || t < l->at - LEAP;
}

/* When is the line in hand to be judged? */
static time_t
judge_time(struct simlog *l, time_t t)
{
	if (t == (time_t)-1) {
		l->counts.undated++;
		return l->at;
	}
	if (is_future(l, t)) { /* whatever the lines around it say */
		l->counts.future++;
		l->counts.outliers++;
		return l->at;
	}
	if (t == l->at)
		return t;
	if (l->at == (time_t)-1 || is_leap(l, t))
		read_ahead_of(l);
	if (l->at == (time_t)-1)
		set_clock(l, t);
	if (is_leap(l, t) && !is_believed(l, t)) {
		l->counts.outliers += t > l->at;
		l->counts.late += t < l->at;
		return t > l->at ? l->at : t;
	}
	if (t < l->at && !is_leap(l, t))
		l->counts.late++;
	else
		move_clock(l, t);
	return t;
}

void
simlog_next(struct simlog *l)
{
	struct str line;
	struct stat st;

	if (!l->awake && wake(l, &st) == -1) {
		simlog_close(l);
		return;
	}
	if (!find_line(l, &line)) {
		simlog_close(l);
		return;
	}
	l->ready = true;
	l->went_back = false;
	l->counts.lines++;
	l->headless = logline_parse(&l->line, &l->stamp, line, l->near) != LOGLINE_OK;
	l->counts.headless += l->headless;
	if (!l->headless)
		l->line.time = judge_time(l, l->line.time);
}

/* --- the beginning --- */

/* The last time in a text, of its last few lines; -1: none. */
static time_t
last_time(const char *text, size_t n, time_t near)
{
	struct stamp stamp;

	stamp_init(&stamp);
	for (unsigned i = 0; i < NEIGHBOURS && n > 0; i++) {
		const char *nl = memrchr(text, '\n', n);
		const char *from = nl == NULL ? text : nl + 1;
		struct logline line;

		(void)logline_parse(&line, &stamp, (struct str){ from, n - (size_t)(from - text) }, near);
		if (line.time != (time_t)-1)
			return line.time;
		n = nl == NULL ? 0 : (size_t)(nl - text);
	}
	return -1;
}

/* When was the log written last?  As its last line says, where that can be had without unpacking all of it. */
static time_t
end_time(struct simlog *l, const struct stat *st)
{
	time_t end = S_ISREG(st->st_mode) && st->st_mtime < l->present ? st->st_mtime : l->present, t = -1;
	char tail[8192];
	ssize_t n;

	if (l->eof)
		t = last_time(l->buf, l->len, end);
	else if (l->unpack == NULL) {
		n = pread(l->fd, tail, sizeof tail, st->st_size - (off_t)sizeof tail);
		t = last_time(tail, n < 0 ? 0 : (size_t)n, end);
	}
	return t != (time_t)-1 && t < end ? t : end;
}

/* Set the clock by the first lines.  The buffer holds the log's beginning. */
static void
look_at_start(struct simlog *l, time_t near)
{
	l->near = near;
	while (l->pos < l->len && l->at == (time_t)-1) {
		const char *from = l->buf + l->pos, *nl = memchr(from, '\n', l->len - l->pos);
		struct logline line;

		if (nl == NULL)
			break;
		l->pos += (size_t)(nl - from) + 1;
		(void)logline_parse(&line, &l->stamp, (struct str){ from, (size_t)(nl - from) }, near);
		if (line.time != (time_t)-1 && !is_future(l, line.time))
			set_clock(l, line.time);
	}
	l->pos = l->start = 0;
}

static void
keep_head(struct simlog *l)
{
	free(l->head);
	l->nhead = l->len < HEAD ? l->len : HEAD;
	l->head = xmalloc(HEAD);
	if (l->nhead > 0)
		memcpy(l->head, l->buf, l->nhead);
}

/* `near` -1: find out. */
static int
look(struct simlog *l, time_t near)
{
	struct stat st;

	l->at = l->first = l->last = -1;
	stamp_init(&l->stamp);
	if (wake(l, &st) == -1)
		return -1;
	while (!l->eof && l->len < BUF)
		fill(l);
	keep_head(l);
	look_at_start(l, near != (time_t)-1 ? near : end_time(l, &st));
	if (S_ISREG(st.st_mode) && l->error.text[0] == '\0' && strcmp(l->name, "-") != 0)
		sleep_on(l);
	return 0;
}

int
simlog_open(struct simlog *l, const char *name, time_t present, struct err *e)
{
	*l = (struct simlog){ .name = name, .present = present, .fd = -1 };
	if (look(l, -1) == 0)
		return 0;
	return err_set(e, "%s: %.400s", name, l->error.text);
}

bool
simlog_same(const struct simlog *a, const struct simlog *b)
{
	return a->nhead > 0 && a->nhead == b->nhead && memcmp(a->head, b->head, a->nhead) == 0;
}

/* --- rotated logs --- */

struct rotated {
	struct simlog *log;
	struct str base; /* the name without what rotation adds */
	uint64_t age;	 /* 0: being written; greater: older */
};

static bool
strip_suffix(struct str *s, struct str suffix)
{
	if (s->n <= suffix.n || memcmp(s->p + s->n - suffix.n, suffix.p, suffix.n) != 0)
		return false;
	s->n -= suffix.n;
	return true;
}

/* "mail.log", "mail.log.3", "mail.log-20261121", each also packed. */
static struct rotated
rotated(struct simlog *l)
{
	static const struct str packed[] = { { ".gz", 3 }, { ".xz", 3 }, { ".zst", 4 }, { ".bz2", 4 }, { ".lz4", 4 },
		{ ".lzma", 5 }, { ".Z", 2 } };
	struct rotated r = { .log = l, .base = str_of(l->name) };
	size_t digits = 0;
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++)
		if (strip_suffix(&r.base, packed[i]))
			break;
	while (digits < r.base.n && digits < 18 && r.base.p[r.base.n - digits - 1] >= '0' &&
	    r.base.p[r.base.n - digits - 1] <= '9')
		digits++;
	if (digits == 0 || digits == r.base.n)
		return r;
	for (size_t i = r.base.n - digits; i < r.base.n; i++)
		n = n * 10 + (uint64_t)(r.base.p[i] - '0');
	r.base.n -= digits;
	if (strip_suffix(&r.base, STR(".")))
		r.age = n + 1;
	else if (digits >= 8 && strip_suffix(&r.base, STR("-")))
		r.age = UINT64_MAX - n;
	else
		r.base.n += digits;
	return r;
}

static int
newest_first(const void *one, const void *two)
{
	const struct rotated *a = one, *b = two;
	size_t n = a->base.n < b->base.n ? a->base.n : b->base.n;
	int order = memcmp(a->base.p, b->base.p, n);

	if (order != 0 || a->base.n != b->base.n)
		return order != 0 ? order : a->base.n < b->base.n ? -1 : 1;
	return a->age == b->age ? 0 : a->age < b->age ? -1 : 1;
}

void
simlog_order(struct simlog *logs, unsigned n)
{
	struct rotated *all = xcalloc(n, sizeof *all);

	for (unsigned i = 0; i < n; i++)
		all[i] = rotated(&logs[i]);
	qsort(all, n, sizeof *all, newest_first);
	for (unsigned i = 1; i < n; i++) {
		struct simlog *older = all[i].log, *newer = all[i - 1].log;

		if (!str_eq(all[i].base, all[i - 1].base) || older->at == (time_t)-1 || newer->at == (time_t)-1)
			continue;
		if (older->at > newer->at && !older->awake)
			(void)look(older, newer->at);
	}
	free(all);
}
