/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper.h - who writes and rotates the logs, and keeps every line twice: in the log and in a file that nobody rotates
 *
 * Lines have times of their own, in the hours before the test, so that what follows from them does not depend on when
 * they are read.  No client is in two logs, for there is no order between two logs.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "bed.h"

#define LOGS 4

enum way { RENAME, RENAME_PACK, COPY, COPY_PACK };

struct keeper {
	unsigned seed;
	time_t base;
	unsigned lines, rotations, markers;
	struct mail_log {
		enum way way;
		char path[PATH_ROOM];
		int fd, whole;
		char line[512]; /* in hand */
		size_t len, done;
		unsigned due;	/* id of a rejected message whose client is yet to be told; 0: none */
		unsigned newest;
	} log[LOGS];
	char paths[LOGS][PATH_ROOM], wholes[LOGS][PATH_ROOM];
};

void keeper_open(struct keeper *k, const char *dir, unsigned seed);
void keeper_close(struct keeper *k);
unsigned keeper_any(struct keeper *k, unsigned below);
/* Some lines to one log or other; the last may be half a line. */
void keeper_write(struct keeper *k);
/* Rotate one of them. */
void keeper_rotate(struct keeper *k);
/* End every log with a login of a client of its own; how many such clients there were before is in k->markers. */
void keeper_mark(struct keeper *k);
/* The client of that log in the mark before. */
const char *keeper_marker(const struct keeper *k, unsigned log, char buf[ADDR_TEXT]);

#endif
