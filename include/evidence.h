/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evidence.h - the last log lines and SMTP commands of each client, for `explain`
 *
 * Fixed memory, nothing is allocated per event.  A client keeps its last EVIDENCE_EACH entries; over all clients the
 * oldest entry goes first, so that one noisy client never pushes out another's.  It lives in memory alone: after a
 * restart the counters remain and the lines do not.
 *
 * What is kept is masked and showable: passwords that some daemons log never get in (mask.h).
 * The mutex is a leaf.  Any thread.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "event.h"

#define EVIDENCE_ENTRIES 16384
#define EVIDENCE_EACH	 16
#define EVIDENCE_TEXT	 240

struct evidence_entry {
	struct addr client;
	time_t time;
	enum event_kind kind;
	enum event_source source;
	unsigned changes; /* CHANGE_ bits of policy.h: what came of it */
	char rule[64];
	char text[EVIDENCE_TEXT];
};

struct evidence;

struct evidence *evidence_new(unsigned entries);
void evidence_free(struct evidence *e); /* NULL is fine */

/* For effects.told.  `ev` NULL or without evidence: nothing is kept. */
void evidence_told(struct evidence *e, const struct event *ev, const struct addr *client, unsigned changes);
/* Copy a client's entries, newest first; returns how many. */
unsigned evidence_of(struct evidence *e, const struct addr *client, struct evidence_entry *out, unsigned max);

/* Copy a line as it is kept: masked, showable, cut to `size` bytes. */
void evidence_text(char *dst, size_t size, struct str line);

#endif
