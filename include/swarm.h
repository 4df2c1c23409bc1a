/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swarm.h - attacks that no client's own thresholds can see
 *
 * Many clients stay below every threshold, and together they do not; or one client is excused from all of them, because
 * somebody has just logged in there.  What is looked at:
 *
 *	target	an event's			is an incident when so many different ones in a window
 *	account	auth-failure's user		clients fail to log in to it
 *	login	login's user			clients log in to it: its password is known to many
 *	domain	unknown-user's, recipient-	clients write to people who do not exist there, and they are several
 *		forgery's recipient domain	times as many as usual
 *	network	auth-failure's client, as	clients of it fail to log in, from none of which anybody has done so within
 *		its /24, its /48 of IPv6	a week
 *	client	that of an auth-failure which	accounts fail to log in there, and more than do log in there in that time
 *		its credit excuses
 *
 * Bounded memory, nothing allocated after swarm_new(): SWARM_TARGETS targets that clients name and as many that they are
 * in, of each a sample of its members (crowd.h).  Those with fewest make room, so that a flood of invented names costs
 * nothing but other invented names; of incidents of one sort, too, the bigger ones stay.
 * No clock, no lock, no I/O.
 */
#ifndef SWARM_H
#define SWARM_H

#include "policy.h"

#define SWARM_TARGETS 2048
#define SWARM_EACH    128 /* incidents of one sort at a time: those of another take no room from them */
#define SWARM_LIVE    (SWARM_EACH * TARGETS)
#define SWARM_NAME    80
#define SWARM_NET6    48  /* bits of a network's address; of IPv4 24 */
#define SWARM_SHOWN   8	  /* clients shown of an incident */

enum target { TARGET_ACCOUNT, TARGET_LOGIN, TARGET_DOMAIN, TARGET_NETWORK, TARGET_CLIENT, TARGETS };

struct incident {
	enum target target;
	char name[SWARM_NAME]; /* showable: the client's own text */
	uint32_t hash;	       /* str_hash() of it as it was, and whole; 0: it has an address */
	struct addr addr;      /* network, client */
	uint32_t since, last, until;
	uint32_t members;      /* clients, of a client accounts: in the last window */
	uint32_t most;	       /* the most there ever were in one */
	unsigned shown;
	struct addr who[SWARM_SHOWN]; /* a fair sample of the clients */
};

/* What an event is aimed at. */
struct aim {
	enum target target;
	struct str name; /* network: none; client: the account, which is a member there */
	bool well;	 /* client: the account has logged in */
};
#define SWARM_AIMS 2

struct swarm;

struct swarm *swarm_new(void);
void swarm_free(struct swarm *s); /* NULL is fine */

/* `changes`: what has come of it, or 0, when that is not known yet.  Returns how many there are. */
unsigned swarm_aims(const struct event *ev, unsigned changes, struct aim out[SWARM_AIMS]);
/* A client of one more event.  true: an incident has just begun, *out describes it. */
bool swarm_hear(struct swarm *s, const struct policy *p, const struct aim *aim, const struct addr *client,
    uint32_t at, uint32_t now, struct incident *out);
/* It will be heard soon: have its targets fetched into the processor's cache; each call needs what the one before has
 * fetched.  Only for who is alone with it. */
struct swarm_fetch {
	unsigned step; /* 0 at first */
	uint64_t keys[SWARM_AIMS];
};
void swarm_fetch(const struct swarm *s, const struct event *ev, const struct addr *client, struct swarm_fetch *f);
/* Is what this client aims at under attack? */
bool swarm_attacked(const struct swarm *s, const struct aim *aim, const struct addr *client, uint32_t at);
/* How many incidents there are; swarm_incident() describes one of them, 0.. */
unsigned swarm_live(const struct swarm *s);
void swarm_incident(const struct swarm *s, const struct policy *p, unsigned i, uint32_t now, struct incident *out);
/* Take out one that is over at `now`; false: there is none. */
bool swarm_over(struct swarm *s, uint32_t now, struct incident *out);

/* The network of a client, as these incidents have it. */
struct addr swarm_network(const struct addr *client);

const char *target_name(enum target t);
const char *members_name(enum target t); /* "clients", "accounts" */
/* "31 clients fail to log in to alice@example.org", for people.  Returns buf. */
char *incident_text(char *buf, size_t size, const struct incident *i);
/* "192.0.2.1 192.0.2.7", as far as they fit.  Returns buf. */
char *incident_clients(char *buf, size_t size, const struct incident *i, unsigned ipv6_prefix);
/* Does the incident lower a rate threshold for this client, which is r, and has it done anything towards it? */
bool incident_lowers(const struct incident *i, const struct policy *p, const struct addr *client, const struct record *r,
    enum event_kind kind, time_t now, struct policy_lowering *out);

#endif
