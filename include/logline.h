/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logline.h - one log line, its head taken apart
 *
 * The head is what the logging system wrote: time, host, tag, pid.  What stands behind it is the program's.  The head
 * is read once, from the left, byte by byte; no byte of it is ever looked for in the program's text, which may hold
 * anything, forged heads included.
 *
 *	Jan  2 03:04:05 host tag[pid]: text			RFC 3164; host or [pid] may be missing
 *	2024-01-02T03:04:05.678+01:00 host tag[pid]: text	RFC 3339 (rsyslog's file format); also a blank for the T
 *	<22>1 2024-01-02T03:04:05Z host tag pid msgid [sd] text	RFC 5424; <22> alone may stand before the others too
 *	@400000004c91b044077a9e94 tag: text			multilog
 *	Jan  2 03:04:05 [tag] text				metalog
 *	Jan  2 03:04:05 imap-login: Info: text			Dovecot's own log
 *	dovecot: Jan 02 03:04:05 Info: text			the same, of its first versions
 * Behind the tag "[ID 197553 mail.notice] " (Solaris), and before the host "<mail.notice> " (BSD) are read over.
 */
#ifndef LOGLINE_H
#define LOGLINE_H

#include "stamp.h"
#include "str.h"

/* Slices borrow from the line; what is missing is STR_NONE. */
struct logline {
	struct str line;	/* the whole, without its newline */
	struct str host, tag, pid;
	struct str text;	/* the program's words; of "message repeated n times: [ text]" the inner ones */
	time_t time;		/* -1: no stamp; then `now` is as good as any */
	unsigned repeat;	/* how often it was said: 1, or n */
};

enum logline_result {
	LOGLINE_OK,
	LOGLINE_HEADLESS	/* no tag: no rule may look at it */
};

/* `line` has no newline at its end (a CR there is dropped).  `now` picks the year of stamps that have none. */
enum logline_result logline_parse(struct logline *out, struct stamp *s, struct str line, time_t now);

#endif
