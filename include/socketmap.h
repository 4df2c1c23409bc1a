/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socketmap.h - lookups for the MTA: Postfix socketmap_table(5), sendmail's socket map
 *
 * A thread of its own with a unix socket.  A request is a netstring `NAME KEY`, the answer a netstring `OK DATA`,
 * `NOTFOUND `, `TEMP reason` or `PERM reason`.  The key is an address; anything that is not one whole address (a host
 * name, `192.0.2`) is NOTFOUND.  Names and data:
 *
 *	relay		OK [user]	while the client may relay
 *	popauth_relay	RELAY		the same for sendmail, which sends the name of its K line
 *	verdict		REJECT text	while the client is in the cache or blocked
 *	postscreen	permit, reject	for postscreen_access_list
 *
 * A Postfix access(5) value is an action: a bare user name would be taken for a restriction and refused as a
 * configuration error.  Behind the action OK all text is ignored (smtpd_check.c, "OK or RELAY means YES. Ignore
 * trailing text"), so the user may stand there: on the wire `OK OK alice`.
 *
 * Nothing is allocated per lookup.
 */
#ifndef SOCKETMAP_H
#define SOCKETMAP_H

#include <sys/types.h>

#include "ledger.h"

struct socketmap_host {
	void *arg;
	struct ledger *ledger;
	time_t (*now)(void *arg);
	/* The policy in force, held until policy_put(): once per batch of requests. */
	const struct policy *(*policy_get)(void *arg, void **hold);
	void (*policy_put)(void *arg, void *hold);
	/* The text behind REJECT for a cached or blocked client; NULL: a plain one. */
	void (*reject_text)(void *arg, const struct addr *a, const struct answer *why, char *buf, size_t size);
};

struct socketmap_setup {
	const char *path;
	mode_t mode;
	uid_t uid; /* owner of the socket; (uid_t)-1, (gid_t)-1: as it comes */
	gid_t gid;
	struct socketmap_host host;
};

struct socketmap;

#define SOCKETMAP_MAPS 4

/* For who wants to know whether anybody answers.  A key that no MTA sends, for it is neither an address nor a name: NOTFOUND
 * as any other such key, and not counted as the MTA asking. */
#define SOCKETMAP_PROBE "relay *probe*"

/* What the MTA wants of it; SOCKETMAP_PROBE is left out. */
struct socketmap_status {
	const char *path; /* good until socketmap_close() */
	struct {
		const char *name;
		uint64_t asked;
		time_t last; /* 0: never */
	} map[SOCKETMAP_MAPS];
	uint64_t unknown; /* asked for other names */
};
/* Any thread. */
void socketmap_status(struct socketmap *m, struct socketmap_status *out);

/* Bind and listen, but answer nobody yet: may be done before privileges are dropped.  NULL and *e on failure. */
struct socketmap *socketmap_open(const struct socketmap_setup *setup, struct err *e);
/* Start the thread.  Signals should be blocked by then. */
int socketmap_start(struct socketmap *m, struct err *e);
/* Stop and join the thread if there is one, close everything, remove the socket.  NULL is fine. */
void socketmap_close(struct socketmap *m);

#endif
