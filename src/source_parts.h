/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source_parts.h - what the kinds of sources share, and nobody else sees
 *
 *	source.c		the interface: names, counters, heads of lines
 *	source_file.c		a file: follow.h does the work
 *	source_fifo.c		a FIFO
 *	source_syslog.c		datagrams, unix and UDP
 *	source_journal.c	the systemd journal: the only user of libsystemd here
 */
#ifndef SOURCE_PARTS_H
#define SOURCE_PARTS_H

#include "logspec.h"
#include "source.h"

/* The first member of each kind's own struct. */
struct source {
	const struct source_kind *kind;
	char *name;
	struct logspec spec; /* borrows from the name */
	struct source_setup setup;
	struct stamp stamp;
	struct source_status status; /* present and why are kept by source_read(), lag is the kind's */
	/* of the source_read() that is going on */
	time_t now;
	source_line_fn *fn;
	void *arg;
};

struct source_kind {
	struct source *(*alloc)(void); /* zeroed, but for what release() would stumble over */
	/* struct source is filled in by then.  NULL: nothing to do. */
	int (*init)(struct source *s, const uint8_t *position, size_t len, struct err *e);
	void (*release)(struct source *s);   /* what the kind has; struct source itself is the caller's to free */
	void (*configure)(struct source *s); /* NULL: the setup is looked at when it is needed */
	int (*fd)(const struct source *s);
	enum source_result (*read)(struct source *s, size_t max_bytes, struct err *e);
	size_t (*position)(const struct source *s, uint8_t *buf);	  /* NULL: there is none */
	void (*status)(const struct source *s, struct source_status *st); /* NULL: nothing to add */
};

extern const struct source_kind source_file, source_fifo, source_unix, source_udp, source_journal;

/* Hand out a line, as it was written. */
void source_line(struct source *s, struct str line);
/* Hand out a line whose head is known; `bytes` are what it takes in the log. */
void source_head(struct source *s, const struct logline *line, size_t bytes);
void source_headless(struct source *s, size_t bytes);
enum source_drop { SOURCE_TOO_LONG, SOURCE_PARTIAL, SOURCE_REFUSED, SOURCE_OVERFLOWN };
void source_drop(struct source *s, enum source_drop why, uint64_t n);

#endif
