/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.h - what the MTA asks and what it is answered
 *
 * The only user of libmilter; its header is seen in milter/filter*.c alone.  libmilter knows one filter per process,
 * so there is no object to pass around.  In main(), in this order:
 *
 *	filter_register()	anything wrong with the library
 *	filter_open_socket()	before privileges are given up and before threads start (it sets the umask for a moment)
 *	filter_run()		in the thread that has nothing else to do; returns when the filter has stopped
 *
 * libmilter takes SIGTERM, SIGHUP and SIGINT by sigwait(3) in a thread of its own and stops upon each of them:
 * whoever wants one for himself blocks them all before any thread starts and calls filter_stop() when it is time.
 *
 * Sessions use conf_current() when they begin and keep that conf to their end.
 */
#ifndef FILTER_H
#define FILTER_H

#include "conf.h"
#include "pipeline.h"

/* What the sessions learn goes to `pl`, which is the caller's and outlives filter_run(). */
int filter_register(struct pipeline *pl, struct err *e);
/* Listen on the conf's milter_socket.  A socket file left behind by a dead process is replaced; the new one is open to
 * its owner and group alone (0660), and belongs to socket_group where that is set. */
int filter_open_socket(const struct conf *c, struct err *e);
/* Serve until filter_stop() or a signal; returns -1 when libmilter gave up by itself. */
int filter_run(struct err *e);
/* Any thread; not a signal handler.  New connections are refused, sessions in progress are ended. */
void filter_stop(void);

#endif
