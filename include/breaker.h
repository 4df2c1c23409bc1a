/* SPDX-License-Identifier: GPL-2.0-or-later */
/* breaker.h - the circuit breaker: notices that something other than the clients has gone wrong
 *
 *	cause	opens when					holds
 *	blocks	too many clients are newly blocked for one kind	blocks for that kind
 *	good	too many of them are known to behave		blocks of such clients for that kind
 *	zone	a DNSBL suddenly lists nearly everybody		blocks and cache entries that come from it
 *
 * A plain value: no clock, no lock, no I/O.  It lives on the events' own time, so that a log that is read late opens it
 * as it would have been.  Whoever calls takes back what the cause had already brought (policy_withdraw()).
 *
 * One account that logs in from five addresses makes five clients that are known to behave, and whoever has it can have
 * them blocked: `good` therefore does nothing for strangers.
 *
 * We ask the DNS nothing.  Whether a list is sound (RFC 5782, section 5, has test points for that) is seen by what it
 * says of everybody: a list's share of the clients is high on many servers, but it does not jump.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include "crowd.h"
#include "policy.h"

#define BREAKER_ZONES 32

enum breaker_cause { BREAKER_BLOCKS, BREAKER_GOOD, BREAKER_ZONE, BREAKER_CAUSES };

/* Why it opened, and until when.  until = 0: it is closed. */
struct trip {
	enum breaker_cause cause;
	enum event_kind kind;
	const char *zone; /* interned; NULL: not about one */
	uint32_t since;	  /* the beginning of the window: what came from the cause since then is taken back */
	uint32_t at, until;
	uint32_t n, of;	  /* clients: n blocked; n known to behave of so many blocked; n listed of so many */
};

struct breaker;

struct breaker *breaker_new(void);
void breaker_free(struct breaker *b); /* NULL is fine */

/* HELD_ bits for an event at `at`.  `zone`: as in the event, "" for none. */
uint8_t breaker_holds(const struct breaker *b, enum event_kind kind, struct str zone, uint32_t at);

/* A client was newly blocked; `good`: although it is known to behave.  true: it has just opened, *out says why. */
bool breaker_blocked(struct breaker *b, const struct policy *p, enum event_kind kind, const struct addr *client,
    bool good, uint32_t at, uint32_t now, struct trip *out);
/* A client was heard of, and `zone` refused it; NULL (interned): nobody did, yet.  true: as above; or, with until = 0,
 * it would have opened if more were known of what is usual: worth a warning. */
bool breaker_heard(struct breaker *b, const struct policy *p, const char *zone, const struct addr *client,
    uint32_t at, uint32_t now, struct trip *out);
/* A client that logs in is asked no DNSBL: it does not belong to the clients that a zone's share is of. */
void breaker_excused(struct breaker *b, const struct addr *client);

/* Close all, and take what is now for what is usual.  Returns how many were open. */
unsigned breaker_reset(struct breaker *b, uint32_t at);
/* Those open at `at`: up to `max`, returns how many. */
unsigned breaker_open(const struct breaker *b, uint32_t at, struct trip *out, unsigned max);
#define BREAKER_OPEN_MAX (2 * EVENT_KINDS + BREAKER_ZONES)
/* Open it as it was before a restart. */
void breaker_restore(struct breaker *b, const struct trip *t);

const char *breaker_cause_name(enum breaker_cause c);
/* "relay-denied: 1003 clients blocked within 1m", for people.  Returns buf. */
char *trip_text(char *buf, size_t size, const struct trip *t);

#endif
