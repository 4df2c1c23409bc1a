/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.h - where log lines come from: a file, a FIFO, a syslog socket, the systemd journal
 *
 * One interface for all (their names: logspec.h).  Lines are handed out with their heads taken apart; a line whose head
 * cannot be read is counted and not handed out.  What a source needs to go on after a restart is its *position*: bytes
 * that only the source understands, to be kept in the store.  FIFOs and sockets have none: what is written to them
 * while nobody reads is the writer's business.
 *
 * No call blocks.  A source that cannot be read is not given up: each source_read() tries again.  A source belongs to
 * one thread.  It counts STAT_LINES, STAT_LINES_HEADLESS, and what it could not hand out.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <sys/types.h>

#include "err.h"
#include "logline.h"
#include "netlist.h"

#define SOURCE_LINE_MAX	    65536 /* a longer line, datagram or message is passed over and counted */
#define SOURCE_POSITION_MAX 256

/* What it points to must live until the next source_configure() or source_free(). */
struct source_setup {
	bool from_start;	       /* a log never read before: from its beginning, or only what comes */
	gid_t group;		       /* of sockets made here; (gid_t)-1: as it comes */
	const struct netlist *senders; /* who may send by UDP; NULL: loopback */
	char *const *matches;	       /* of a journal, "FIELD=value", NULL-terminated; NULL: everything */
};

struct source;

/* `name` is copied.  `position` is what source_position() gave once, len 0: this log was never read.  Nothing is opened
 * yet.  NULL: the name is none, or the position is not of such a source; e says why. */
struct source *source_new(const char *name, const struct source_setup *setup, const uint8_t *position, size_t len,
    struct err *e);
void source_free(struct source *s); /* NULL is fine */
/* Go on with another setup. */
void source_configure(struct source *s, const struct source_setup *setup);
const char *source_name(const struct source *s);

/* Readable when there may be something new; to be given to poll(), never read.  -1: nothing to wait for now.  It may
 * change with each source_read(), which is to be called once a second in any case: what appears makes no sound. */
int source_fd(const struct source *s);

enum source_result {
	SOURCE_IDLE, /* nothing more for now */
	SOURCE_MORE, /* the budget is used up: call again */
	SOURCE_GAP,  /* lines are missed; err says which; call again */
	SOURCE_LOST  /* cannot be read now: err says why; call again as when idle.  Every rotation has such a moment:
		      * worth a message only when it lasts some seconds */
};

/* The slices are valid during the call. */
typedef void source_line_fn(void *arg, const struct logline *line);

/* Hand out lines until `max_bytes` were used up or there are no more.  `now` helps stamps that have no year.  `e` is
 * set with SOURCE_GAP and SOURCE_LOST only. */
enum source_result source_read(struct source *s, size_t max_bytes, time_t now, source_line_fn *fn, void *arg,
    struct err *e);

/* Behind the last line handed out.  Returns how many bytes; 0: there is none. */
size_t source_position(const struct source *s, uint8_t buf[SOURCE_POSITION_MAX]);

struct source_status {
	const char *name;		 /* the source's own */
	bool present;			 /* could be read when last looked at */
	char why[256];			 /* and if not, why not */
	uint64_t lines, bytes, headless; /* since source_new(): read; of these, headless */
	uint64_t dropped;		 /* known to be missed: too long, half written, refused, lost by the kernel */
	uint64_t lag;			 /* bytes not yet handed out, as far as known; of a journal, seconds */
	bool lag_in_seconds;
};
void source_status(const struct source *s, struct source_status *st);

#endif
