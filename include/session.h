/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.h - one SMTP session: the order of judgement, and what is learned on the way
 *
 * Knows nothing of libmilter: filter.c translates.  A session belongs to one client connection and is used by one
 * thread at a time (not always the same one).  Where and how it answers was settled when it began; whom to believe and
 * what counts is read from the conf in force.
 *
 * Judged anew at every command, because a POP login may arrive at any time:
 *
 *	authenticated (MAIL)			accept, and nothing counts
 *	trusted, or a relay grant		accept
 *	said HELO with a name of ours		refuse, from HELO on (from MAIL, where users authenticate)
 *	blocked, or in the cache		refuse, from reject_at on
 *	a freemail sender, and not its host	refuse this MAIL
 *	a recipient elsewhere, and with a gate	refuse this RCPT, unless there is a grant
 *	a grant's budget is spent		refuse this RCPT for now
 *	the recipient is a trap			refuse this RCPT, unless it is a bounce
 *
 * To accept is to be asked nothing more by the MTA.  So friends are accepted only where no recipient of theirs is to be
 * looked at: not those with a grant while there is a budget, and with a gate only who is at home or has authenticated.
 *
 * Counted: a forgery of each kind once, each recipient that the MTA refused, and one retry for a session of a client
 * that was in the cache when it came - when it is refused, or at the end if it was never told.  A user who
 * authenticates from a listed address is never counted.
 */
#ifndef SESSION_H
#define SESSION_H

#include "helo.h"
#include "pipeline.h"
#include "reply.h"

enum say {
	SAY_CONTINUE,
	SAY_ACCEPT, /* connect, HELO: the whole session; else the message */
	SAY_REJECT  /* *r says why, and whether for good */
};

/* What the MTA tells of a recipient: {rcpt_mailer}, {rcpt_host}, {rcpt_addr}.  When it has refused the recipient
 * itself, they are "error", the enhanced status code and the text. */
struct rcpt_facts {
	struct str mailer, host, text;
};

/* What the MTA knows when MAIL comes. */
struct mail_facts {
	struct str user;    /* {auth_authen}; empty: not authenticated */
	struct str resolve; /* {client_resolve} */
	struct str name;    /* {client_name} */
	struct str queue_id; /* i */
};

struct session;

/* `daemon_name` is {daemon_name} or NULL.  `a` is the client. */
struct session *session_open(struct pipeline *pl, const struct addr *a, const char *daemon_name);
/* Counts what is still to be counted, and frees.  NULL is fine. */
void session_close(struct session *s, time_t now);
/* Frees only. */
void session_drop(struct session *s);

enum say session_connect(struct session *s, time_t now, struct reply *r);
enum say session_helo(struct session *s, const struct mta_self *self, struct str helo, time_t now, struct reply *r);
/* `sender` as the client wrote it. */
enum say session_mail(struct session *s, const struct mail_facts *facts, struct str sender, time_t now,
    struct reply *r);
enum say session_rcpt(struct session *s, const struct rcpt_facts *facts, struct str recipient, time_t now,
    struct reply *r);

#endif
