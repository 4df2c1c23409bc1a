/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap.h - who may relay, as a map file that the MTA reads
 *
 * A thread of its own keeps the file that `relay_map` names in step with the ledger: a login is in it within a second.
 * What it works by is a list of the grants, kept up to date from the addresses that are queued (relaymap_changed()) and
 * from the terms as they run out; the ledger says what holds of each.  The file is written when that list, the
 * administrator's entries (`relay_map_static`), the settings, or the file itself have changed: at once, or 0.4 s after the
 * writing before was begun.
 *
 * A file that may not be written, or cannot be, stays as it is; that is said once in the log and shown in the status,
 * and tried again.  When the daemon ends in good order, and when a reload takes the setting away, the grants are taken
 * out of the file: nobody would take them out later.  After any other end relaymap_clear() does that; and as long as the
 * administrator's entries have never been read, the file is kept without grants, for terms run out meanwhile.
 */
#ifndef RELAYMAP_H
#define RELAYMAP_H

#include <time.h>

#include "err.h"
#include "mapkey.h"
#include "str.h"

struct addr;
struct ledger;
struct relaymap;

struct relaymap_setup {
	struct ledger *ledger; /* borrowed; conf_current() is asked for the settings */
	time_t (*now)(void *arg);
	void *arg;
};

struct relaymap *relaymap_new(const struct relaymap_setup *setup);
void relaymap_free(struct relaymap *rm); /* NULL is fine */
/* A client's grant may have changed.  Any thread; does not block. */
void relaymap_changed(struct relaymap *rm, const struct addr *client);
/* Do what there is to do; the thread's work, for tests and benchmarks that have no thread.  false: something failed. */
bool relaymap_round(struct relaymap *rm);
/* Take all grants out of the file.  No thread may run. */
void relaymap_withdraw(struct relaymap *rm);
/* The same for the file of a daemon that is not there any more.  Neither clock nor ledger is needed.  No file is no error. */
int relaymap_clear(struct relaymap *rm, struct err *e);

int relaymap_start(struct relaymap *rm, struct err *e);
void relaymap_stop(struct relaymap *rm); /* joins the thread, and withdraws; fine if it was never started */

struct relaymap_status {
	char path[256]; /* "": there is none */
	enum map_form form;
	size_t grants;	   /* clients that may relay */
	unsigned left_out; /* of these: have no key in this form, mapkey.h */
	unsigned overruled; /* keys for which the administrator's entry counts, or his refusal of a network around them */
	unsigned fixed;	   /* his entries in a file of ours */
	time_t written;	   /* 0: not yet */
	struct err trouble;
};
void relaymap_status(struct relaymap *rm, struct relaymap_status *out);

#endif
