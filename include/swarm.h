/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swarm.h - distributed attacks: many clients after one account or one domain
 *
 * Each of them stays below every threshold; together they do not.  What is looked at:
 *
 *	target	an event's			is under attack when so many different clients in a window
 *	account	auth-failure's user		fail to log in to it
 *	login	login's user			log in to it: its password is known to many
 *	domain	unknown-user's, recipient-	write to people who do not exist there, and they are several times
 *		forgery's recipient domain	as many as usual
 *
 * Bounded memory, nothing allocated after swarm_new(): SWARM_TARGETS targets, of each a sample of clients (crowd.h).
 * Those with fewest clients make room, so that a flood of invented names costs nothing but other invented names; of
 * incidents, too, the bigger ones stay.
 * No clock, no lock, no I/O.
 */
#ifndef SWARM_H
#define SWARM_H

#include "policy.h"

#define SWARM_TARGETS 2048
#define SWARM_LIVE    128 /* incidents at a time */
#define SWARM_NAME    80
#define SWARM_SHOWN   8	  /* clients shown of an incident */

enum target { TARGET_ACCOUNT, TARGET_LOGIN, TARGET_DOMAIN, TARGETS };

struct incident {
	enum target target;
	char name[SWARM_NAME]; /* showable: the client's own text */
	uint32_t hash;	       /* str_hash() of it as it was, and whole */
	uint32_t since, last, until;
	uint32_t clients;      /* in the last window */
	uint32_t most;	       /* the most there ever were in one */
	unsigned shown;
	struct addr who[SWARM_SHOWN]; /* a fair sample of them */
};

struct swarm;

struct swarm *swarm_new(void);
void swarm_free(struct swarm *s); /* NULL is fine */

/* What an event is aimed at; TARGETS: nothing of ours. */
enum target swarm_target(const struct event *ev, struct str *name);
/* Does the threshold of this kind depend on whether such a target is under attack? */
bool swarm_lowers(enum target t, enum event_kind kind);
/* A client of one more event.  true: an incident has just begun, *out describes it. */
bool swarm_hear(struct swarm *s, const struct policy *p, enum target t, struct str name, const struct addr *client,
    uint32_t at, uint32_t now, struct incident *out);
/* It will be heard soon: have its target fetched into the processor's cache; each call needs what the one before has
 * fetched.  Only for who is alone with it. */
struct swarm_fetch {
	unsigned step; /* 0 at first */
	uint64_t key;
};
void swarm_fetch(const struct swarm *s, const struct event *ev, struct swarm_fetch *f);
/* Is it under attack? */
bool swarm_attacked(const struct swarm *s, enum target t, struct str name, uint32_t at);
/* How many incidents there are; swarm_incident() describes one of them, 0.. */
unsigned swarm_live(const struct swarm *s);
void swarm_incident(const struct swarm *s, const struct policy *p, unsigned i, uint32_t now, struct incident *out);
/* Take out one that is over at `now`; false: there is none. */
bool swarm_over(struct swarm *s, uint32_t now, struct incident *out);

const char *target_name(enum target t);
/* "account alice@example.org: 31 clients", for people.  Returns buf. */
char *incident_text(char *buf, size_t size, const struct incident *i);

#endif
