/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_journal.c - the systemd journal: the only user of libsystemd here
 *
 * What the journal knows is taken as it is; no line is made of it: the identifier is the tag, the message the text, the
 * time the one at which journald took the entry.  A message may have newlines in it; it stays one.  The position is the
 * cursor of the entry handed out last.
 *
 * libsystemd passes over files that it may not read, without a word.  A journal in which there is nothing is therefore
 * taken for one that cannot be read; and it is opened anew until there is something, as a directory that was removed
 * and made again is another one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

#include "source_parts.h"
#include "stats.h"

#define OVERHEAD 64 /* what an entry counts beside its text */
#define TAG_MAX	 128
#define PID_MAX	 16

struct journal {
	struct source base;
	sd_journal *j;			  /* NULL: not open */
	struct stat dir;		  /* of the directory opened, if one is named */
	char cursor[SOURCE_POSITION_MAX]; /* "" = nothing was ever read */
	bool appeared;			  /* there was no journal when we looked first: all of it is new */
	bool pending;			  /* j is at an entry that is not handed out yet */
	uint64_t last;			  /* microseconds: the time of the entry handed out last */
	uint64_t behind;		  /* seconds that the newest entry is younger than that */
	char tag[TAG_MAX], pid[PID_MAX];
};

static struct source *
journal_alloc(void)
{
	struct journal *y = xcalloc(1, sizeof *y);

	return &y->base;
}

static int
journal_init(struct source *s, const uint8_t *position, size_t len, struct err *e)
{
	struct journal *y = (struct journal *)s;

	if (len >= sizeof y->cursor)
		return err_set(e, "a journal cursor of %zu bytes", len);
	for (size_t i = 0; i < len; i++)
		if (position[i] <= ' ' || position[i] > '~')
			return err_set(e, "a journal cursor that cannot be");
	if (len > 0) /* NULL where there is no position yet */
		memcpy(y->cursor, position, len);
	return 0;
}

static void
journal_close(struct journal *y)
{
	if (y->j != NULL)
		sd_journal_close(y->j);
	y->j = NULL;
	y->pending = false;
}

static void
journal_release(struct source *s)
{
	journal_close((struct journal *)s);
}

/* The matches may be others: they are set when it is opened. */
static void
journal_configure(struct source *s)
{
	journal_close((struct journal *)s);
}

static int
journal_fd(const struct source *s)
{
	const struct journal *y = (const struct journal *)s;

	return y->j == NULL ? -1 : sd_journal_get_fd(y->j);
}

static int
failed(const struct journal *y, int rc, struct err *e)
{
	errno = -rc;
	return err_sys(e, "%s", y->base.name);
}

/* --- opening, and finding the place --- */

static int
add_matches(struct journal *y, struct err *e)
{
	int rc = 0;

	for (char *const *m = y->base.setup.matches; m != NULL && *m != NULL && rc >= 0; m++)
		rc = strcmp(*m, "+") == 0 ? sd_journal_add_disjunction(y->j) : sd_journal_add_match(y->j, *m, 0);
	return rc < 0 ? failed(y, rc, e) : 0;
}

static void
keep_cursor(struct journal *y)
{
	char *cursor;

	if (sd_journal_get_cursor(y->j, &cursor) < 0)
		return;
	if (strlen(cursor) < sizeof y->cursor)
		str_copy(y->cursor, sizeof y->cursor, str_of(cursor));
	free(cursor);
}

/* When the entry of the cursor was written, in microseconds; 0: the cursor does not tell. */
static uint64_t
time_of_cursor(const char *cursor)
{
	const char *t = strstr(cursor, ";t=");

	return t == NULL ? 0 : strtoull(t + 3, NULL, 16);
}

static enum source_result
gap(const struct journal *y, struct err *e, const char *why)
{
	stat_add(STAT_LOG_LOST, 1);
	(void)err_set(e, "%s: %s", y->base.name, why);
	return SOURCE_GAP;
}

/* Behind the entry that was read last; if it is gone, to the one that came after it. */
static enum source_result
seek_cursor(struct journal *y, struct err *e)
{
	uint64_t oldest = 0, newest;
	int rc = sd_journal_seek_cursor(y->j, y->cursor);

	if (rc == -EINVAL) {
		y->cursor[0] = '\0';
		(void)sd_journal_seek_head(y->j);
		return gap(y, e, "where it was left is not known: it is read from its beginning");
	}
	if (rc >= 0)
		rc = sd_journal_next(y->j);
	if (rc < 0) {
		(void)failed(y, rc, e);
		return SOURCE_LOST;
	}
	y->pending = rc > 0 && sd_journal_test_cursor(y->j, y->cursor) <= 0;
	(void)sd_journal_get_cutoff_realtime_usec(y->j, &oldest, &newest);
	if (!y->pending || oldest <= time_of_cursor(y->cursor))
		return SOURCE_MORE;
	return gap(y, e, "the entry read last is gone, and what came after it until the oldest that is there is missed");
}

/* Of a journal never read: to its start, or behind its last entry. */
static int
seek_first(struct journal *y)
{
	int rc;

	if (!y->base.setup.from_start && !y->appeared) {
		rc = sd_journal_seek_tail(y->j);
		if (rc >= 0)
			rc = sd_journal_previous(y->j);
		if (rc > 0)
			keep_cursor(y);
		if (rc != 0)
			return rc;
	}
	return sd_journal_seek_head(y->j);
}

/* Is there anything in it? */
static bool
readable(const struct journal *y)
{
	uint64_t oldest, newest;

	return sd_journal_get_cutoff_realtime_usec(y->j, &oldest, &newest) > 0;
}

/* Is the directory that was opened still the one at the path?  libsystemd goes on with one that was moved away. */
static bool
stands(const struct journal *y)
{
	struct stat there;

	return y->base.spec.path[0] == '\0' || (stat(y->base.spec.path, &there) == 0 && there.st_dev == y->dir.st_dev &&
	    there.st_ino == y->dir.st_ino);
}

static enum source_result
journal_open(struct journal *y, struct err *e)
{
	const char *dir = y->base.spec.path;
	int rc;

	if (dir[0] == '\0')
		rc = sd_journal_open(&y->j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	else if (stat(dir, &y->dir) == -1)
		rc = -errno;
	else
		rc = sd_journal_open_directory(&y->j, dir, 0);
	if (rc < 0) {
		y->j = NULL;
		y->appeared = y->appeared || rc == -ENOENT;
		(void)failed(y, rc, e);
		return SOURCE_LOST;
	}
	(void)sd_journal_set_data_threshold(y->j, SOURCE_LINE_MAX + 64);
	(void)sd_journal_get_fd(y->j); /* from now on we are told of what comes */
	if (add_matches(y, e) == -1)
		return SOURCE_LOST;
	if (!readable(y)) {
		(void)err_set(e, "%s: there is nothing in this journal, or nothing we may read (group systemd-journal may)",
		    y->base.name);
		return SOURCE_LOST;
	}
	if (y->cursor[0] != '\0')
		return seek_cursor(y, e);
	rc = seek_first(y);
	if (rc < 0)
		(void)failed(y, rc, e);
	return rc < 0 ? SOURCE_LOST : SOURCE_MORE;
}

/* --- entries --- */

/* A field's value; it is good until the next call.  STR_NONE: the entry has none. */
static struct str
field(struct journal *y, const char *name)
{
	size_t len = strlen(name), n;
	const void *data;

	if (sd_journal_get_data(y->j, name, &data, &n) < 0 || n <= len)
		return STR_NONE;
	return (struct str){ (const char *)data + len + 1, n - len - 1 };
}

static struct str
copied(char *buf, size_t size, struct str s)
{
	if (s.n == 0 || s.n > size)
		return STR_NONE;
	memcpy(buf, s.p, s.n);
	return (struct str){ buf, s.n };
}

/* Returns how many bytes it counts. */
static size_t
hand_out(struct journal *y)
{
	struct logline line = { .repeat = 1, .time = -1 };

	line.tag = copied(y->tag, sizeof y->tag, field(y, "SYSLOG_IDENTIFIER"));
	line.pid = copied(y->pid, sizeof y->pid, field(y, "SYSLOG_PID"));
	if (line.pid.n == 0)
		line.pid = copied(y->pid, sizeof y->pid, field(y, "_PID"));
	if (sd_journal_get_realtime_usec(y->j, &y->last) >= 0)
		line.time = (time_t)(y->last / 1000000);
	line.line = line.text = field(y, "MESSAGE");
	if (line.text.n > SOURCE_LINE_MAX)
		source_drop(&y->base, SOURCE_TOO_LONG, 1);
	else if (line.tag.n == 0 || line.text.p == NULL)
		source_headless(&y->base, line.text.n);
	else
		source_head(&y->base, &line, line.text.n);
	return line.text.n + OVERHEAD;
}

static enum source_result
hand_out_all(struct journal *y, size_t max_bytes, struct err *e)
{
	size_t used = 0;
	int rc = 1;

	while (used < max_bytes) {
		rc = y->pending ? 1 : sd_journal_next(y->j);
		if (rc <= 0)
			break;
		y->pending = false;
		used += hand_out(y);
	}
	if (used > 0)
		keep_cursor(y);
	if (rc < 0)
		(void)failed(y, rc, e);
	return rc < 0 ? SOURCE_LOST : rc == 0 ? SOURCE_IDLE : SOURCE_MORE;
}

static void
measure_lag(struct journal *y, enum source_result is)
{
	uint64_t oldest, newest = 0;

	if (is == SOURCE_MORE)
		(void)sd_journal_get_cutoff_realtime_usec(y->j, &oldest, &newest);
	y->behind = newest > y->last ? (newest - y->last) / 1000000 : 0;
}

static enum source_result
journal_read(struct source *s, size_t max_bytes, struct err *e)
{
	struct journal *y = (struct journal *)s;
	enum source_result is = SOURCE_MORE;

	if (y->j == NULL)
		is = journal_open(y, e);
	else if (sd_journal_process(y->j) < 0 || !stands(y) || !readable(y)) {
		(void)err_set(e, "%s: this journal is gone", s->name);
		is = SOURCE_LOST;
	}
	if (is == SOURCE_MORE)
		is = hand_out_all(y, max_bytes, e);
	if (is == SOURCE_LOST)
		journal_close(y);
	else
		measure_lag(y, is);
	return is;
}

static size_t
journal_position(const struct source *s, uint8_t *buf)
{
	const struct journal *y = (const struct journal *)s;
	size_t n = strlen(y->cursor);

	memcpy(buf, y->cursor, n);
	return n;
}

static void
journal_status(const struct source *s, struct source_status *st)
{
	st->lag = ((const struct journal *)s)->behind;
	st->lag_in_seconds = true;
}

const struct source_kind source_journal = {
	.alloc = journal_alloc,
	.init = journal_init,
	.release = journal_release,
	.configure = journal_configure,
	.fd = journal_fd,
	.read = journal_read,
	.position = journal_position,
	.status = journal_status,
};
