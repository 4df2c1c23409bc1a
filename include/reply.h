/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reply.h - the texts that a refused client gets to read
 *
 * Pure functions.  Whatever came from outside is shown escaped and cut, so that a reply is always one line of
 * printable ASCII.
 */
#ifndef REPLY_H
#define REPLY_H

#include "conf.h"
#include "ledger.h"

#define REPLY_TEXT 400 /* room for a text; with code and line end below RFC 5321's 512 */

struct reply {
	const char *code; /* "550" */
	const char *dsn;  /* "5.7.1" */
	char text[REPLY_TEXT];
};

/* Why this client is cached or blocked. */
void reply_refused(struct reply *r, const struct conf *c, const struct answer *a);
/* Why this HELO was not believed. */
void reply_forgery(struct reply *r, const struct conf *c, struct str helo);
/* The text as smfi_setreply(3) wants it: it formats what it is given, so that '%' must be doubled.  dst holds
 * 2 * REPLY_TEXT bytes.  Returns dst. */
char *reply_for_milter(char *dst, const struct reply *r);

#endif
