/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.h - one thing learned about a client
 *
 * Everything that the ledger ever learns comes as an event: from a log line, a milter callback or the control socket.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <time.h>

#include "addr.h"
#include "str.h"

/* The only names used in config, rules, JSON and documentation; event_kind_name() gives the text. */
enum event_kind {
	EVENT_LOGIN,		/* somebody proved who he is, by POP, IMAP or SMTP AUTH */
	EVENT_AUTH_FAILURE,	/* a wrong name or password */
	EVENT_RBL,		/* rejected because a DNSBL lists the client's address */
	EVENT_HELO_FORGERY,	/* claims to be us in HELO */
	EVENT_SENDER_FORGERY,	/* claims a sender that is not his to use */
	EVENT_RECIPIENT_FORGERY,/* writes to a trap */
	EVENT_UNKNOWN_USER,	/* writes to somebody who does not exist here */
	EVENT_RELAY_DENIED,	/* wanted us to relay */
	EVENT_RATE_LIMIT,	/* the MTA's own rate or connection limit */
	EVENT_PROTOCOL,		/* breaks SMTP in a way that people's programs do not */
	EVENT_POLICY,		/* any other permanent rejection: kept, never counted by default */
	EVENT_KINDS
};

enum event_source { SOURCE_LOG, SOURCE_MILTER, SOURCE_CONTROL };

/* All slices borrow from the line or the callback's arguments: valid during the call that carries the event.
 * Absent text is STR_NONE. */
struct event {
	enum event_kind kind;
	enum event_source source;
	struct addr addr;	/* as the line or the MTA has it, not folded */
	time_t time;		/* when it happened, by the log's or the system's clock */
	struct str user;
	struct str recipient;
	struct str zone;	/* rbl: the DNSBL's zone */
	struct str session;	/* log: the client's port, or the pid of the process that served it */
	struct str evidence;	/* the line or the SMTP command, not yet masked */
	const char *rule;	/* name of the rule, or of the check in the milter; static or owned by the rule set */
	bool bounce;		/* the mail was from nobody, <>; told of unknown-user only */
	/* What else was going on: the pipeline's to fill in. */
	uint8_t strict;		/* what it was aimed at is under attack: rate thresholds are so many times lower */
	uint8_t strict_around;	/* its client's network attacks: the same, for different accounts */
	uint8_t held;		/* HELD_ bits: a breaker is open, and this is not to follow */
};

enum {
	HELD_BLOCK = 1 << 0,
	HELD_CACHE = 1 << 1,
	HELD_GOOD = 1 << 2 /* as HELD_BLOCK, for a client that is known to behave */
};

const char *event_kind_name(enum event_kind kind);
/* What stands behind the last @ of an address; STR_NONE: there is none. */
struct str event_domain(struct str address);
/* EVENT_KINDS when there is no such kind. */
enum event_kind event_kind_of(struct str name);

#endif
