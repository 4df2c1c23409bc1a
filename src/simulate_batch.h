/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_batch.h - some events that wait for each other
 *
 * What is known of a client lies somewhere in megabytes, and the processor waits for it several times: for the slot, for
 * the entry, for what hangs off it.  Of a batch it waits once: all slots are fetched, then all entries, and so on, and
 * only then is one event after the other applied, in the order in which they came.
 */
#ifndef SIMULATE_BATCH_H
#define SIMULATE_BATCH_H

#include "ledger.h"
#include "simulate.h"
#include "simulate_seen.h"

#define BATCH	   16
#define BATCH_TEXT 4096

/* Where one side's fetching has come to. */
struct fetch {
	struct addr client;
	struct ledger_fetch ledger;
	struct seen_fetch seen;
	struct swarm_fetch target;
};

struct waiting {
	struct event ev; /* its texts are the batch's; evidence and rule, which nobody asks for here, are gone */
	time_t now;
	unsigned times; /* 0: no event, but that a message from ev.addr was accepted at ev.time */
	struct fetch fetch[SIMULATE_SIDES];
};

struct batch {
	unsigned n;
	size_t used; /* of text */
	struct waiting v[BATCH];
	char text[BATCH_TEXT];
};

/* `fetch` is the caller's to begin.  NULL: there is no room left; in an empty batch: there is none for texts as long as
 * these. */
struct waiting *batch_add(struct batch *b, const struct event *ev, unsigned times, time_t now);
void batch_clear(struct batch *b);

#endif
