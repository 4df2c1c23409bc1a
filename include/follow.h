/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow.h - one log file, read line by line for ever, each line exactly once
 *
 * A log is one stream of bytes that its keepers cut into files: by renaming (`mail.log` becomes `mail.log.1`), by
 * copying and truncating, by deleting, by pointing a symlink elsewhere, at any moment and also while nobody reads.
 * The follower knows where it is by a *position*: a file, an offset at a line's start, and a hash of the bytes just
 * before it (the mark).  Where the path no longer leads to a file that carries the mark, the file that does is found
 * among its siblings (same directory, a rotated form of the same name), read to its end, then the siblings that came
 * after it, then the path's own file from its start.  The same search serves a rotation, a truncation and a restart.
 *
 * What cannot be had: lines that a copytruncate loses between copy and truncation; a deleted file's rest after a
 * restart; lines that some second writer appends to a rotated file after the new one has begun.
 *
 * A follower belongs to one thread.  It counts STAT_LINES_LONG, STAT_LINES_PARTIAL and STAT_LOG_LOST.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define FOLLOW_LINE_MAX 65536 /* a longer line is passed over and counted */
#define FOLLOW_MARK	1024  /* the mark covers at most this many bytes: enough to hold a time stamp */

/* How far a log was read.  All zero: nothing of it was ever seen. */
struct position {
	uint64_t dev, ino;   /* of the file; a hint, the mark decides */
	uint64_t offset;     /* of the first byte not yet handed out */
	uint64_t mark;	     /* hash of the mark_len bytes before the offset: a hash, as log lines may hold passwords */
	uint32_t mark_len;   /* FOLLOW_MARK, or all there is before the offset */
	bool midline;	     /* the offset is inside a line that is too long: its rest is to be passed over */
	int64_t written;     /* ns since 1970: last change of the file, as of the last look at it */
};

#define POSITION_SIZE 44 /* bytes of the encoded form, the same on every machine */

void position_encode(const struct position *p, uint8_t buf[POSITION_SIZE]);
int position_decode(struct position *p, const uint8_t *buf, size_t len, struct err *e);

struct follow;

/* `path` is copied.  `resume` NULL: this log was never read; then begin with its first line (`from_start`) or with
 * what is written from now on.  Nothing is opened yet; a log that is not there is waited for. */
struct follow *follow_new(const char *path, const struct position *resume, bool from_start);
void follow_free(struct follow *f); /* NULL is fine */

/* Readable when there may be something new; to be given to poll(), never read.  -1: this system cannot tell.
 * In any case call follow_read() once a second as well: a directory that appears, a symlink changed far up the path
 * or a file that becomes readable makes no sound here. */
int follow_fd(const struct follow *f);

enum follow_result {
	FOLLOW_IDLE, /* nothing more for now */
	FOLLOW_MORE, /* the budget is used up: call again */
	FOLLOW_GAP,  /* the unread rest of a file that was replaced cannot be found; err says what; call again */
	FOLLOW_LOST  /* the path cannot be read now: err says why.  Nothing is forgotten; call again as when idle.
		      * Every rename has such a moment: worth a message only when it lasts some seconds. */
};

/* One complete line without its LF or CR LF; may hold any byte, NUL too, but not NULs at its start: those are the hole
 * that a truncation left before a writer who did not append.  Valid during the call. */
typedef void follow_line_fn(void *arg, struct str line);

/* Hand out lines until at least `max_bytes` bytes of the log were used up (1: one line) or there are no more.
 * `e` is set with FOLLOW_GAP and FOLLOW_LOST only. */
enum follow_result follow_read(struct follow *f, size_t max_bytes, follow_line_fn *fn, void *arg, struct err *e);

/* The position behind the last line handed out; from within fn: behind the line that fn has in hand. */
void follow_position(const struct follow *f, struct position *p);

struct follow_status {
	const char *path;      /* the follower's own */
	bool present;	       /* the path led to a file we can read when last looked at */
	char why[256];	       /* and if not, why not */
	uint64_t lines, bytes; /* handed out since follow_new() */
	uint64_t lag;	       /* bytes not yet handed out, as far as known: rotated files still to come are not counted */
};
void follow_status(const struct follow *f, struct follow_status *st);

#endif
