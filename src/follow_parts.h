/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow_parts.h - what the files of the follower share, and nobody else sees */
#ifndef FOLLOW_PARTS_H
#define FOLLOW_PARTS_H

#include <sys/stat.h>
#include <sys/types.h>

#include "follow.h"

/* --- follow_watch.c: being woken.  Nothing is ever concluded from an event but "look again". --- */

enum watch_slot {
	WATCH_DIR,    /* where the path itself is */
	WATCH_TARGET, /* where it leads to, if it is a symlink */
	WATCH_FILE,   /* the file being read */
	WATCH_NEXT,   /* the new file that has nothing in it yet */
	WATCH_SLOTS
};

struct watch {
	int fd; /* -1: cannot tell */
	int wd[WATCH_SLOTS];
};

void watch_open(struct watch *w);
void watch_close(struct watch *w);
/* Forget what was reported.  Returns whether directories should be watched anew: something other than a write
 * happened, or nothing at all and somebody came because of the time. */
bool watch_drain(struct watch *w);
void watch_dir(struct watch *w, enum watch_slot slot, const char *dir);
void watch_file(struct watch *w, enum watch_slot slot, int fd);

/* --- follow_find.c: the log and its siblings --- */

/* What a name says of a file's place in the row of rotated files. */
enum rotated {
	ROTATED_NOT,	/* it is the log itself: the newest */
	ROTATED_NUMBER, /* mail.log.1, mail.log.2: the greater the older */
	ROTATED_DATE,	/* mail.log-20260131: the greater the newer */
	ROTATED_ODDLY	/* mail.log.bak: holds our mark or does not matter */
};

struct sibling {
	char *name;
	enum rotated how;
	unsigned long number; /* ROTATED_NUMBER */
	struct str date;      /* ROTATED_DATE: part of name */
	uint64_t dev, ino;
	int64_t written;
	bool packed; /* compressed, by its name */
};

struct family {
	int dirfd; /* -1: no such directory */
	struct sibling *v;
	size_t n, cap;
};

/* A file open for reading; dev and ino are those of the directory's entry. */
struct logfile {
	int fd;		       /* -1: none */
	struct unpack *unpack; /* NULL: read as it is */
	uint64_t dev, ino;
	int64_t written;
	bool broken; /* it cannot be unpacked to its end, and that was told */
};

int64_t stat_written(const struct stat *st);
/* -1 and the reason when it is not something that a log can be. */
int regular(const char *path, const struct stat *st, struct err *e);
uint64_t mark_hash(const char *p, size_t n);

/* All siblings of `path` (its symlinks resolved), read until two looks in a row found the same.  `ino`: a file of that
 * number is of the family whatever its name.  -1: the directory cannot be listed, and the family is empty.  To be
 * cleared in any case. */
int family_scan(struct family *fam, const char *path, uint64_t ino, struct err *e);
/* Has nothing been renamed, made or removed since? */
bool family_stands(const struct family *fam, const char *path, uint64_t ino);
void family_clear(struct family *fam);
struct sibling *family_current(const struct family *fam); /* NULL: the log itself is not there */
struct sibling *family_file(const struct family *fam, uint64_t dev, uint64_t ino);
/* Open one; -1 and errno when it cannot be opened, 0 also when it is not that file any more (lf->fd stays -1). */
int family_open(const struct family *fam, const struct sibling *s, struct logfile *lf);
/* The one with the bytes that p->mark was made of; the likeliest if there are several. */
struct sibling *family_marked(const struct family *fam, const struct position *p);
bool family_carries(const struct family *fam, const struct sibling *s, const struct position *p);
/* The oldest that is newer than `than`, or, `than` NULL, was written to after `written` or has the number `ino`.
 * NULL: none. */
struct sibling *family_after(const struct family *fam, const struct sibling *than, int64_t written, uint64_t ino);


/* --- follow.c: the file being read ---
 *
 * The buffer is a window on it:
 *
 *	buf          pos              scan        len
 *	 |  handed out |  not yet handed out        |
 *	 |  (the mark) |  no newline   |  unknown   |
 *
 * `end` is the file's offset of buf[len].  At least FOLLOW_MARK bytes before pos, or all that the file has there, stay
 * in the buffer: they are compared with the file after every read, so that bytes of a file that was truncated, or
 * truncated and grown again, are never taken for the ones we were waiting for; and the position is made of them. */
struct packed_search {
	struct logfile file; /* being unpacked, through the buffer, towards `at`; fd -1: none */
	int64_t tried_written; /* of the last one taken in hand; they are tried in the order of these two */
	uint64_t tried_ino;
};

struct follow {
	char *path, *dir;
	struct watch watch;
	struct logfile file; /* being read; fd -1: to be found by `at` */
	struct position at;  /* where to go on while nothing has been read of `file`, or there is none */
	bool fresh;	     /* nothing is known of this log at all */
	bool from_start;
	bool midline;
	char *buf;
	size_t pos, scan, len;
	uint64_t end;
	bool finished; /* what `at` is the place in was read to its end: if it is not found, nothing is missed */
	struct packed_search search;
	bool present;
	char why[256];
	uint64_t lines, bytes;
};

enum step {
	STEP_ON,  /* something was done: look again */
	STEP_END, /* this file has no more for now */
	STEP_YIELD, /* there is more to do, but others should have their turn */
	STEP_IDLE,
	STEP_GAP,
	STEP_LOST
};

/* Take over `lf`, to go on at `offset`, with the bytes before it for comparison.  -1: it has not that many. */
int follow_attach(struct follow *f, const struct logfile *lf, uint64_t offset, bool midline);
/* The same at a place that was found by its mark; -1 also when the mark is no longer there: the file may have been
 * truncated, and have grown again, since. */
int follow_attach_at(struct follow *f, const struct logfile *lf, const struct position *p);
void follow_detach(struct follow *f);
/* Read on.  STEP_ON also when the file turns out to be another one, which is then to be found again. */
enum step follow_fill(struct follow *f, struct err *e);

/* Have space for some more behind buf[len]. */
void follow_make_room(struct follow *f);
#define FOLLOW_BUF	(FOLLOW_MARK + FOLLOW_LINE_MAX + 256 * 1024)
#define FOLLOW_SPACE(f) (FOLLOW_BUF - (f)->len)

/* --- follow_packed.c: compressed siblings --- */

/* Read at `offset`; what is packed is read from end to end, and the offset is where one is.  -1: e says why. */
ssize_t logfile_read(const struct logfile *lf, char *buf, size_t n, uint64_t offset, struct err *e);
void logfile_close(struct logfile *lf);
/* Look on for the place `at` in what is packed.  STEP_ON: found, and the file being read; or look again, the directory
 * has changed.  STEP_YIELD: call again.
 * STEP_END: none of them has it, and none is tried twice until packed_reset(). */
enum step packed_locate(struct follow *f, const struct family *fam);
void packed_reset(struct follow *f);

/* --- follow_move.c: which file to read --- */

enum step follow_gap(const struct follow *f, struct err *e, const char *why);

/* There is none: find where to go on. */
enum step follow_locate(struct follow *f, struct err *e);
/* It is at its end: go on to the next, if there is one. */
enum step follow_turn(struct follow *f, struct err *e);

#endif
