/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reply.h - the texts that a refused client gets to read
 *
 * Pure functions.  The wording is the configuration's (template.h); whatever came from outside is shown escaped and
 * cut, so that a reply is always one line of printable ASCII.  Every one holds "(ref ...)", where `explain` finds the
 * client and the moment again, and by which the log rules know our own refusals: where the wording does not say where,
 * it stands at the end.
 */
#ifndef REPLY_H
#define REPLY_H

#include "conf.h"
#include "ledger.h"
#include "ref.h"

#define REPLY_TEXT 400 /* room for a text; with code and line end below RFC 5321's 512 */

struct reply {
	const char *code; /* "550" or "450" */
	const char *dsn;  /* "5.7.1" or "4.7.1" */
	char text[REPLY_TEXT];
	bool first;	        /* of its session: to be logged */
	char client[ADDR_TEXT]; /* whom it is for */
};

/* To whom, when and how. */
struct reply_to {
	const struct conf *conf;
	const struct addr *client;
	time_t at; /* of the reference */
	enum refusal answer;
};

/* Why this client is cached or blocked. */
void reply_refused(struct reply *r, const struct reply_to *to, const struct answer *a);
/* Why this HELO, this sender or this recipient (`kind`) was not believed. */
void reply_forgery(struct reply *r, const struct reply_to *to, enum event_kind kind, struct str said);
/* This recipient is not ours, and the client may not relay. */
void reply_relay(struct reply *r, const struct reply_to *to, struct str recipient);
/* The client's budget is spent: 450, however it is refused otherwise. */
void reply_budget(struct reply *r, const struct reply_to *to);
/* The text as smfi_setreply(3) wants it: it formats what it is given, so that '%' must be doubled.  dst holds
 * 2 * REPLY_TEXT bytes.  Returns dst. */
char *reply_for_milter(char *dst, const struct reply *r);

#endif
