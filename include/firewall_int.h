/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall_int.h - the inside of the firewall's daemon side, for its own files only
 *
 *   firewall.c        what other threads call
 *   firewall_push.c   the pusher: what the helper is told, and when
 *   firewall_hear.c   what the helper says
 */
#ifndef FIREWALL_INT_H
#define FIREWALL_INT_H

#include <pthread.h>

#include "firewall.h"
#include "ledger.h"
#include "pending.h"

#define FIREWALL_SYNC_SEQ (1U << 31) /* marks a sync's sequence numbers; a query's have it clear */
#define FIREWALL_LOOK_SEQ 0	     /* of a query that is the pusher's own */
#define FIREWALL_LOOK	  60	     /* seconds between two looks, of which a sync is one */

enum sync_stage {
	SYNC_IDLE,
	SYNC_TELLING, /* shard by shard */
	SYNC_ASKED    /* all told, the helper compares */
};

enum said { SAID_NOTHING, SAID_NO, SAID_YES };

struct firewall {
	struct ledger *ledger;
	struct policy fold; /* nothing but the ipv6_prefix */
	int fd, wake;
	pthread_t thread;
	bool threaded;

	pthread_mutex_t lock; /* a leaf; guards all down to the blank line */
	pthread_cond_t told;  /* the helper answered a query, or died */
	struct pending *in;
	bool woken, stop;
	bool sync_wanted;
	bool gap_wanted; /* and there is a gap that we know of */
	uint32_t asked, answered; /* queries, numbered from 1; below FIREWALL_SYNC_SEQ for longer than anybody lives */
	struct firewall_status st;
	void (*lost)(void *arg); /* NULL: nobody is to be told */
	void *lost_arg;
	uint64_t lost_after; /* milliseconds of work */

	/* the pusher's own */
	pid_t pid;
	struct pending *out;
	bool called; /* there may be something in `in` that nobody will wake us for again */
	struct fw_request packet[FW_BATCH];
	size_t n;
	struct fw_request *shard; /* what a sync has read and not yet put into a packet */
	size_t shard_n, shard_at, shard_cap;
	enum sync_stage stage;
	unsigned next_shard;
	unsigned look_shard; /* that a look has come to; LEDGER_SHARDS: there is none */
	uint32_t look[FW_SETS]; /* blocked so far */
	uint32_t sync_seq, queried;
	time_t sync_at, look_at; /* on the monotonic clock */
	uint64_t began, took; /* this sync, the last one; milliseconds */
	uint64_t greeted; /* when the helper first said hello, on the same clock; 0: never */
	time_t now;	/* on the ledger's clock, for the packet in the making */
	size_t changes;	/* ADD and DEL in the packet */
	bool gap;	/* the running sync closes a gap that we know of: to find things missing is no news */
	bool misunderstood;
	bool sync_failed; /* something was refused in the last sync: another one would do no better */
	enum said said[FW_SETS]; /* about references */
};

/* The thread's function; arg is the struct firewall. */
void *firewall_push(void *arg);
/* One reply, checked for its size only. */
void firewall_hear(struct firewall *fw, const struct fw_reply *r);
/* Milliseconds of the monotonic clock. */
uint64_t firewall_clock(void);
time_t firewall_monotonic(void);
/* How many are blocked in one shard of the ledger, added to `blocked`. */
void firewall_count(const struct firewall *fw, unsigned shard, uint32_t blocked[FW_SETS]);
/* Count on, for the look at the sets' heads that the helper has answered; at the last shard judge them. */
void firewall_look_on(struct firewall *fw, unsigned shards);

/* Seconds until the next sync that nobody asked for, after one that took so long: a sync of many costs seconds of
 * processor time, and is to cost no more than a hundredth of all. */
static inline time_t
firewall_rest(uint64_t took)
{
	uint64_t rest = took / 10;

	return rest < FIREWALL_LOOK ? FIREWALL_LOOK : rest > 10 * FIREWALL_LOOK ? 10 * FIREWALL_LOOK : (time_t)rest;
}

/* Seconds until a sync after a change that was refused, which may be all that is left of a set: a tenth of a processor at
 * most. */
static inline time_t
firewall_soon(uint64_t took)
{
	return 1 + (time_t)(took / 100);
}

/* Do the kernel's entries and ours differ by more than what comes and goes meanwhile? */
static inline bool
firewall_differ(uint32_t kernel, uint32_t ours)
{
	return (kernel > ours ? kernel - ours : ours - kernel) > 16 + ours / 128;
}

#endif
