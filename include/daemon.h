/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon.h - the running filter: all its parts, in the order they start and stop
 *
 *	main()		arguments, configuration, background
 *	daemon_open()	what needs privileges: the helper, the sockets
 *	daemon_start()	as our own user: the store, the ledger, the threads
 *	logmsg_start()	from here on nobody waits for a message to be taken
 *	filter_run()	the milter, in the first thread, until a signal
 *	daemon_stop()	everything learned goes to the disk
 *	logmsg_stop()	the last messages are written
 *
 * Who runs: the milter's threads bring events; the log thread brings events and makes cuts; the writer commits them;
 * the pusher tells the firewall helper; the control and the map thread answer.  The ledger's shard locks are the only
 * thing they share on the way of an event; effects are handed over by queue.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include "err.h"
#include "rules.h"

struct daemon;

/* Do the user and the group of a conf exist?  Only root is asked for the user. */
struct conf;
struct json;
int daemon_check_owner(const struct conf *c, struct err *e);
/* With a conf installed (conf_install()), single-threaded. */
struct daemon *daemon_open(struct err *e);
/* Takes over `rules`. */
int daemon_start(struct daemon *d, struct rules *rules, struct err *e);
/* Have `lost` called, by another thread, when the firewall's helper is gone for good that had worked before. */
void daemon_on_loss(struct daemon *d, void (*lost)(void *arg));
/* Read configuration and rules again; on failure both stay as they are.  Added to the list `restart`, if any: the names of
 * options whose new value waits for a restart.  Any thread. */
int daemon_reload(struct daemon *d, struct json *restart, struct err *e);
void daemon_stop(struct daemon *d);

/* Load the rules that a conf names. */
int daemon_rules(const struct conf *c, struct rules **out, struct err *e);

#endif
