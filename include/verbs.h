/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verbs.h - what can be asked of the daemon: the one table of the control protocol
 *
 * The daemon dispatches by it, popauth-milterctl parses its command line, prints its help and its output by it, and
 * the manual is tested against it.
 *
 * A request is one object: {"verb": NAME, "address": …, "for": …, "user": …, "reason": …, "kind": …, "client": …,
 * "offset": …, "limit": …, "match": …, "since": …} with the arguments that the verb takes and no others.
 */
#ifndef VERBS_H
#define VERBS_H

#include <stdbool.h>

#include "policy.h"

/* Arguments; those marked * are required where the verb has them. */
enum {
	ARG_ADDRESS = 1 << 0,	 /* * */
	ARG_FOR = 1 << 1,	 /* a duration, "90s", "15m", or seconds as a number */
	ARG_USER = 1 << 2,
	ARG_REASON = 1 << 3,
	ARG_PROMETHEUS = 1 << 4, /* the control program's own: how to print */
	ARG_REF = 1 << 5,	 /* the address may also be a reference, ref.h */
	ARG_HISTORY = 1 << 6,	 /* the keys that a list has for the entry, as it was elsewhere: "since", "last", "until",
				  * "logins", "hits", "blocks", "kind", "by", "zone"; and "more": 1, more such requests
				  * follow at once; 0, this is the last of them, answered when all are durable */
	ARG_FILTER = 1 << 12,	 /* "kind" and "client": lists with commas, of kinds of events, of addresses and networks */
	ARG_PAGE = 1 << 13,	 /* offset and limit, numbers: newest first, and how many there are in all */
	ARG_MATCH = 1 << 14,	 /* an address, a network, or part of a text */
	ARG_SINCE = 1 << 15,	 /* a duration: how far to look back */
};

#define ARG_TEXT_MAX 255 /* bytes of a user, a reason, what to match */

/* Of a page.  Who wants more takes the whole list, or says what to match. */
#define PAGE_LIMIT_MAX	1000
#define PAGE_OFFSET_MAX 100000

enum access { ACCESS_READ, ACCESS_WRITE };

#define FILTER_USAGE "[--kind KIND,...] [--client NETWORK,...]"

/* id, name, set, action, arguments, access, usage, help.  The action names the functions: run_ACTION() in the daemon,
 * show_ACTION() in the control program. */
#define LIST_USAGE "[--match TEXT] [--limit N] [--offset N]"
#define VERBS_TABLE(X) \
	X(STATUS, "status", SETS, status, 0, ACCESS_READ, "", "how the daemon is doing, on one screen") \
	X(STATS, "stats", SETS, stats, ARG_PROMETHEUS, ACCESS_READ, "[--prometheus]", "all counters since start") \
	X(TOP, "top", SETS, top, ARG_FILTER | ARG_FOR, ACCESS_READ, "[--for TERM] " FILTER_USAGE, \
	    "the worst clients of the last hour, or TERM; live on a terminal") \
	X(WATCH, "watch", SETS, watch, ARG_FILTER, ACCESS_READ, FILTER_USAGE, "live events, until interrupted") \
	X(EXPLAIN, "explain", SETS, explain, ARG_ADDRESS | ARG_REF, ACCESS_READ, "ADDRESS | REF", \
	    "what is known of a client, why, and what would lift it") \
	X(RELAY_LIST, "relay list", SET_RELAY, list, ARG_PAGE | ARG_MATCH, ACCESS_READ, LIST_USAGE, "clients that may relay") \
	X(RELAY_ADD, "relay add", SET_RELAY, add, ARG_ADDRESS | ARG_FOR | ARG_USER | ARG_HISTORY, ACCESS_WRITE, \
	    "ADDRESS [--for TERM] [--user USER]", "let a client relay, as its login would") \
	X(RELAY_DEL, "relay del", SET_RELAY, del, ARG_ADDRESS, ACCESS_WRITE, "ADDRESS", "withdraw a client's grant") \
	X(RELAY_FLUSH, "relay flush", SET_RELAY, flush, 0, ACCESS_WRITE, "", "withdraw all grants") \
	X(CACHE_LIST, "cache list", SET_CACHE, list, ARG_PAGE | ARG_MATCH, ACCESS_READ, LIST_USAGE, "clients refused without asking anybody") \
	X(CACHE_ADD, "cache add", SET_CACHE, add, ARG_ADDRESS | ARG_FOR | ARG_REASON | ARG_HISTORY, ACCESS_WRITE, \
	    "ADDRESS [--for TERM] [--reason TEXT]", "refuse a client's mail") \
	X(CACHE_DEL, "cache del", SET_CACHE, del, ARG_ADDRESS, ACCESS_WRITE, "ADDRESS", "stop refusing a client") \
	X(CACHE_FLUSH, "cache flush", SET_CACHE, flush, 0, ACCESS_WRITE, "", "stop refusing all of them") \
	X(BLOCK_LIST, "block list", SET_BLOCK, list, ARG_PAGE | ARG_MATCH, ACCESS_READ, LIST_USAGE, "clients that the kernel drops") \
	X(BLOCK_ADD, "block add", SET_BLOCK, add, ARG_ADDRESS | ARG_FOR | ARG_REASON | ARG_HISTORY, ACCESS_WRITE, \
	    "ADDRESS [--for TERM] [--reason TEXT]", "have the kernel drop a client") \
	X(BLOCK_DEL, "block del", SET_BLOCK, del, ARG_ADDRESS, ACCESS_WRITE, "ADDRESS", \
	    "lift a block and forget what led to it") \
	X(BLOCK_FLUSH, "block flush", SET_BLOCK, flush, 0, ACCESS_WRITE, "", "lift all blocks") \
	X(INCIDENTS, "incidents", SETS, incidents, 0, ACCESS_READ, "", "distributed attacks that are going on") \
	X(BREAKER_LIST, "breaker list", SETS, breaker, 0, ACCESS_READ, "", "causes for which nobody is blocked at the moment") \
	X(BREAKER_RESET, "breaker reset", SETS, breaker_reset, 0, ACCESS_WRITE, "", "block for them again") \
	X(HISTORY, "history", SETS, history, ARG_SINCE, ACCESS_READ, "[--since TERM]", "what happened, hour by hour") \
	X(SUMMARY, "summary", SETS, summary, 0, ACCESS_READ, "", "who leads: networks, DNSBLs, users") \
	X(RELOAD, "reload", SETS, reload, 0, ACCESS_WRITE, "", "read configuration and rules again")

enum verb_id {
#define X(id, name, set, action, args, access, usage, help) VERB_##id,
	VERBS_TABLE(X)
#undef X
	VERBS
};

struct verb {
	enum verb_id id;
	const char *name;
	enum set set; /* SETS: not about one of them */
	unsigned args;
	enum access access;
	const char *usage, *help;
};

extern const struct verb verbs[VERBS];

/* NULL: no such verb. */
const struct verb *verb_of(struct str name);

#endif
