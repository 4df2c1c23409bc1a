/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - the control socket: what popauth-milterctl talks to
 *
 * A thread of its own with a unix stream socket.  A request is one line of JSON, `{"verb":"relay add","address":…}`
 * (verbs.h has the table).  The answer is lines of JSON, one object each, the last of which has the key "end": the
 * exit status (0 done, 1 no or not found, 2 bad input) with "message" where there is something to say.  A connection
 * may carry any number of requests, one after the other.
 *
 * Long lists are walked shard by shard as the reader takes them, and a change is answered when it is durable; neither
 * keeps another connection waiting.
 *
 * Who may connect is a matter of the socket's mode.  Whoever can connect may read; to change something takes root,
 * the daemon's own user, or membership in the socket's group (SO_PEERCRED, SO_PEERGROUPS).
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <sys/types.h>

#include "evidence.h"
#include "json.h"
#include "pipeline.h"
#include "watch.h"

/* Where a rule stands. */
struct rule_origin {
	char file[256]; /* its path, cut */
	unsigned line;
	time_t written; /* the file; 0: not known */
};

enum durable { DURABLE_WAIT, DURABLE_DONE, DURABLE_FAILED };

/* What the daemon lends.  All are called by the control thread. */
struct control_host {
	void *arg;
	struct pipeline *pipeline;
	struct evidence *evidence;	/* NULL: none kept */
	struct watch *watch;		/* NULL: no watching */
	time_t (*now)(void *arg);
	/* The policy in force, held until policy_put(). */
	const struct policy *(*policy_get)(void *arg, void **hold);
	void (*policy_put)(void *arg, void *hold);
	/* A ticket for everything changed until now; it is not to wait for a whole flush interval.  Then, as often as
	 * control_wake() is called: is it on disk?  DURABLE_FAILED says why.  NULL: nothing is kept on disk. */
	uint64_t (*durable_request)(void *arg);
	enum durable (*durable_check)(void *arg, uint64_t ticket, struct err *e);
	/* Read the configuration again; the old one stays when this fails.  Added to the list `restart`: the names of options
	 * whose new value waits for a restart. */
	int (*reload)(void *arg, struct json *restart, struct err *e);
	/* Add what only the daemon knows to the object: the keys below.  NULL: nothing. */
	void (*status)(void *arg, struct json *status);
	/* Where does the log rule of this name stand?  false: there is none.  NULL: nobody knows. */
	bool (*origin)(void *arg, const char *rule, struct rule_origin *out);
};

/* Keys that host.status() may add, and the control program shows; all but "state" and "path" may be absent:
 *	"version": text
 *	"started": seconds since 1970
 *	"store": { "state": "opened" | "created" | "set aside", "path": text, "note": text, "flushed": seconds since
 *	    1970, "error": text }
 *	"logs": [ { "path": text, "state": "reading" | "missing", "lag": bytes or "lag_seconds": seconds not yet read,
 *	    "lines": read, "recognised": of these, "headless": of these, "dropped": known to be missed, "last": time of
 *	    the last line, "error": text, "programs": [ { "program": tag, "lines": of it, "recognised": of these,
 *	    "drifted": since when they are hardly recognised any more } … ],
 *	    "programs_left_out": further programs, "untold": lines of programs that were not counted by program } … ]
 *	"logs_left_out": further logs, for which the answer has no room
 *	"firewall": { "state": text, "wanted": entries that the ledger holds, "enforced": entries that the kernel
 *	    holds, "referenced": does a firewall rule name each of the sets, "error": text, "sets": [ { "name": text,
 *	    "wanted", "enforced", "referenced" (not there: no rule names it, and none need), "error": the same for
 *	    this one } … ] }
 *	"relay_map": { "path": text, "form": text, "grants": clients, "fixed": the administrator's entries, "overruled": keys
 *	    for which his entry counts, or that of a network around them, "left_out": clients without a key in this form, "written": seconds since 1970,
 *	    0: never, "error": text }
 *	"allowlist": { "allow": networks, "own": networks, "nearby": [ our own addresses, gateways, resolvers ],
 *	    "file": path, "error": text }
 *	"socketmap": { "path": text, "maps": [ { "name": text, "asked": times, "last": when } … ], "unknown": times that a map
 *	    of another name was asked for }
 *	"gate": { "domains": of ours that are listed, "mta": path or "elsewhere", "error": text }
 */

struct control_setup {
	const char *path;
	mode_t mode;
	uid_t uid; /* owner of the socket; (uid_t)-1, (gid_t)-1: as it comes */
	gid_t gid;
	struct control_host host;
};

struct control;

/* Bind and listen, but answer nobody yet: may be done before privileges are dropped.  NULL and *e on failure. */
struct control *control_open(const struct control_setup *setup, struct err *e);
/* Start the thread.  Signals should be blocked by then. */
int control_start(struct control *c, struct err *e);
/* Any thread, after a commit: tickets may have become durable.  Does not block. */
void control_wake(struct control *c);
/* Stop and join the thread if there is one, close everything, remove the socket.  NULL is fine. */
void control_close(struct control *c);

#endif
