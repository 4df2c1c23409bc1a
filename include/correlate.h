/* SPDX-License-Identifier: GPL-2.0-or-later */
/* correlate.h - events of which the log tells in two lines
 *
 *	popa3d[811]: Session from 192.0.2.7			remember pid
 *	popa3d[811]: Authentication passed for anna		need pid: a login from 192.0.2.7
 *
 *	sm-mta[9]: 26H0: <nobody@example.org>... User unknown	need qid
 *	sm-mta[9]: 26H0: from=<x>, ..., relay=[192.0.2.9]	settle qid: and that was 192.0.2.9
 *
 * Which lines are halves is for the rules to say (popauth-milter.rules(5)), and proven of them like everything else.
 * Halves belong together when host, tag and process id, or host, tag and queue id are the same, and no more than
 * CORRELATE_SECONDS lie between them by the log's own time.  A process that is told of a new client has forgotten the
 * old one; a login uses up the address, and so does a failure, so that a second one needs to be named again.  Only an event
 * with a queue id waits for its address: a process id may be another's by the time that one is named.
 *
 * Some deeds are told twice, whole: by Dovecot's auth process for each attempt, by the login process when the client
 * leaves.  A rule can name others that may have told before (`after'); what one of those has told of the same client,
 * no longer ago than that, or than the rule says (`within'), is told `again'.  Each telling is good for one: ten wrong
 * passwords of which the first program has told one are one again and nine.
 *
 * Halves are kept in a table of fixed size, the oldest going first; nothing is allocated per line.  One thread.
 */
#ifndef CORRELATE_H
#define CORRELATE_H

#include "rules.h"

#define CORRELATE_HALVES  4096 /* kept at most */
#define CORRELATE_OF_KEY  128  /* events that wait for one queue id */
#define CORRELATE_SECONDS 600
#define CORRELATE_RECORD  640  /* the most bytes that a half takes on disk */

struct correlate;

struct correlate *correlate_new(void);
void correlate_free(struct correlate *c); /* NULL is fine */

/* `times`: as often as the log said it.  `again`: not to be counted.  The event is valid during the call. */
typedef void correlate_fn(void *arg, const struct event *ev, unsigned times, bool again);

/* What does the line mean, by itself and together with those before it?  As rules_match(), but that halves are put
 * together: RULES_EVENT after fn was called, once or more; never RULES_HALF.  A completed event has the time of the
 * line that told of the deed.  Lines without a time are from `now`. */
enum rules_result correlate_line(struct correlate *c, const struct rules *set, struct rules_scratch *s,
    const struct logline *line, time_t now, correlate_fn *fn, void *arg);

/* What is kept, as records for the store: each in a place of its own, 0 .. CORRELATE_HALVES - 1.  Those that changed
 * since the last time, or all.  `len` 0: there is none any more. */
typedef void correlate_save_fn(void *arg, unsigned place, const uint8_t *record, size_t len);
void correlate_save(struct correlate *c, bool all, correlate_save_fn *fn, void *arg);
int correlate_restore(struct correlate *c, unsigned place, const uint8_t *record, size_t len, struct err *e);
void correlate_clear(struct correlate *c);

#endif
