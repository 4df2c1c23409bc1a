/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.h - what older systems have written down of clients: one line, or one small file named by an address
 *
 * The programs are old and were changed where they ran; so it is not columns that are read but what a piece is: the
 * piece that is an address is the client, the number of nine to eleven digits is a time in seconds since 1970, and what
 * else there is, is the user or the reason.  A line in which that is not clear is a mistake and not guessed at.
 *
 *	access.info	lines: date, user, address, time (POPauthd)
 *	popips		a directory of files named by the address, as old as the last login (the SMTP-after-POP HOWTO)
 *	authenticated	the same (popAuth3)
 *	rbl_cache	the same, or lines: address, time, what lists it (popAuth3)
 *	relay-list, cache-list, block-list	lines: ADDRESS [UNTIL [TEXT]]; UNTIL in seconds since 1970, or -
 *	json		lines as export writes them
 */
#ifndef IMPORT_H
#define IMPORT_H

#include <time.h>

#include "err.h"
#include "policy.h"

enum import_kind {
	IMPORT_ACCESS_INFO,
	IMPORT_POPIPS,
	IMPORT_AUTHENTICATED,
	IMPORT_RBL_CACHE,
	IMPORT_RELAY_LIST,
	IMPORT_CACHE_LIST,
	IMPORT_BLOCK_LIST,
	IMPORT_JSON,
	IMPORT_KINDS
};

/* IMPORT_KINDS: none of that name. */
enum import_kind import_kind_of(const char *name);
const char *import_kind_name(enum import_kind k);
enum set import_set(enum import_kind k); /* SETS: the entry says which (json) */
bool import_is_list(enum import_kind k); /* our own plain form, in which the time is an end and not a beginning */

#define IMPORT_LINE 1000 /* bytes of a line or a file that are looked at; longer ones are a mistake */

struct import_row {
	struct str client;  /* an address, or a client's 2001:db8:1:2::/64 */
	int64_t last;	    /* 0: not said */
	int64_t until;	    /* 0: not said */
	struct str text;    /* the user, or the reason; STR_NONE: none */
};

/* A line without its newline.  1: *row is filled, with slices of the line; 0: nothing in it; -1: a mistake.  Not for
 * json. */
int import_line(enum import_kind k, struct str line, struct import_row *row, struct err *e);
/* A file of that name in the directory, with its first line and its time of change. */
int import_file(enum import_kind k, struct str name, struct str line, time_t changed, struct import_row *row, struct err *e);

#endif
