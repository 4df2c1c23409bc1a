/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_seen.h - who was ever granted, cached or blocked, and what else is known of them
 *
 * The ledger forgets what no longer matters; a rehearsal must not.  Filled from the pipeline's effects, in bounded
 * memory: what there is no room for is counted.
 */
#ifndef SIMULATE_SEEN_H
#define SIMULATE_SEEN_H

#include "ledger.h"
#include "simulate.h"

struct seen_slot {
	uint32_t hash;
	uint32_t place; /* 1 + where in clients; 0: free */
};

struct seen {
	struct seen_client *clients;
	size_t nclients, clients_cap;
	struct seen_slot *slots; /* open addressing */
	size_t nslots;	 /* a power of two */
	struct seen_block *blocks;
	size_t nblocks, blocks_cap;
	uint64_t clients_left_out, blocks_left_out;
	uint64_t salt;
};

void seen_init(struct seen *s);
void seen_clear(struct seen *s);
/* It will be asked for soon: have it fetched into the processor's cache; each call needs what the one before has fetched,
 * and nothing may be changed in between. */
struct seen_fetch {
	unsigned step; /* 0 at first */
	uint32_t hash;
	const struct seen_client *client;
};
void seen_fetch(const struct seen *s, const struct addr *client, struct seen_fetch *f);
/* NULL: there is no room for one more.  `matters` false: a client that is of interest only if it shows up otherwise. */
struct seen_client *seen_client(struct seen *s, const struct addr *client, bool matters);
/* NULL: not there. */
const struct seen_client *seen_known(const struct seen *s, const struct addr *client);
/* Take down what an event changed; `l` and `p` are what it was applied to. */
void seen_event(struct seen *s, struct ledger *l, const struct policy *p, const struct event *ev,
    const struct addr *client, unsigned changes);
/* A block or a cache entry was withdrawn by something other than an event. */
void seen_taken_back(struct seen *s, const struct addr *client, unsigned changes, time_t at);

#endif
