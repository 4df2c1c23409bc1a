/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate.h - the whole policy over logs of the past, on their own clock
 *
 * The same pipeline as the daemon's: rules, correlation, ledger, policy.  There is no store, no firewall, no milter; the
 * time is that of the logs.  A line is judged at its own time; where that is long past when its turn comes, as a late one
 * that the daemon reads: what it would have brought may be over.  With two configurations the lines are read once, by
 * the rules of the first, and each event goes to a ledger for either.
 */
#ifndef SIMULATE_H
#define SIMULATE_H

#include "conf.h"
#include "guard.h"
#include "rules.h"

#define SIMULATE_SIDES 2

struct simulate_setup {
	struct rules *rules;	   /* taken over, also on failure */
	struct conf *conf, *other; /* borrowed, after conf_lists(); other NULL: none to compare with */
	char *const *logs;	   /* NULL-terminated; "-" is standard input */
	time_t present;		   /* the real time: no log has lines from after it */
};

struct simulate;

/* Looks at every log first: NULL when one cannot be read, is given twice, or there is none.  A copy
 * of a log, packed or not, is the same log. */
struct simulate *simulate_open(const struct simulate_setup *setup, struct err *e);
void simulate_free(struct simulate *s); /* NULL is fine */
/* Read everything.  -1: not all could be read: see simulate_logs(). */
int simulate_run(struct simulate *s);

/* --- what came of it; borrowed --- */

struct simulate_counts {
	uint64_t lines;
	uint64_t headless, too_long; /* not understood, and longer than any line may be */
	uint64_t undated;  /* without a time, taken as written when the one before was */
	uint64_t late;	   /* dated before a line that came earlier in the same log */
	uint64_t future;   /* dated after the present */
	uint64_t outliers; /* dated so far ahead of the lines around that they were taken as now */
	uint64_t set_back; /* times that a log's clock went back for good */
	uint64_t gaps;	   /* times that a log has no line for more than 30 days */
	uint64_t matched;  /* known to the rules */
	time_t first, last; /* -1: no line has a time */
};
void simulate_counts(const struct simulate *s, struct simulate_counts *out);

struct simulate_log {
	const char *name;
	uint64_t lines;
	time_t first, last; /* -1: no line has a time */
	const char *error;  /* NULL: read to its end */
};
/* Returns how many logs there are; fills *out for log i, if there is such. */
unsigned simulate_log(const struct simulate *s, unsigned i, struct simulate_log *out);

/* One client, over all the logs.  Times are 0 for never. */
struct seen_client {
	struct addr client;
	uint32_t logins;    /* times that somebody logged in */
	uint32_t offences;  /* everything else that was told of it */
	uint32_t mails;	    /* accepted from it */
	char *user;	    /* user_len bytes: of the last login, cut to fit; NULL: none known */
	uint32_t granted_first, granted_last, grants;
	uint32_t cached_first, cached_last, cached_hits;
	const char *cached_zone; /* of the first time; NULL: none */
	uint32_t block, last_block; /* its first and last one, as indices; if blocks > 0 */
	uint32_t blocks;
	uint8_t cached_kind;
	uint8_t user_len;
	bool uncached; /* the cache entry was withdrawn, as its cause was found to be wrong */
};

struct seen_block {
	struct addr client;
	uint32_t at, term;
	uint32_t lifted;  /* before its end, then; 0: no */
	uint8_t kind, by; /* enum event_kind, enum threshold_kind */
	bool withdrawn;	  /* lifted, as its cause was found to be wrong */
};

struct simulate_side {
	const struct conf *conf;
	const struct seen_client *clients;
	const struct seen_block *blocks; /* in the order in which they were imposed */
	const struct notice *notices;	 /* of breakers and incidents */
	struct history *history;	 /* hour by hour, the last month of it */
	size_t nclients, nblocks, nnotices;
	size_t nkept; /* clients not forgotten by the end */
	uint64_t kinds[EVENT_KINDS];
	uint64_t trusted, forgiven; /* events that did not count */
	uint64_t clients_left_out, blocks_left_out, notices_left_out; /* more than can be listed */
};
/* `side` 0 is the configuration, 1 the other. */
void simulate_side(const struct simulate *s, unsigned side, struct simulate_side *out);
/* What the same client was under the other configuration, NULL: nothing. */
const struct seen_client *simulate_client(const struct simulate *s, unsigned side, const struct addr *client);

#endif
