/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.h - what the MTA asks and what it is answered
 *
 * The only user of libmilter; its header is seen in milter/filter*.c alone.  libmilter knows one filter per process,
 * so there is no object to pass around.  In main(), in this order:
 *
 *	filter_register()	anything wrong with the library
 *	filter_open_socket()	before privileges are given up and before threads start (it sets the umask for a moment)
 *	filter_run()		in a thread of its own, so that the main thread is free to wait for signals
 *	filter_stop()		when it is time to end; then flush, and leave by exit()
 *
 * libmilter has a thread that takes SIGTERM, SIGHUP and SIGINT by sigwait(3) and stops upon each of them; filter_run()
 * then returns, up to 5 s later (MI_CHK_TIME); with -1 where its loop had not begun yet.  A main thread that has them
 * unblocked gets them first (Linux: complete_signal() asks the thread group's leader), but for one that comes at the
 * very moment at which libmilter begins to wait.  So the thread of filter_run() should end the program when filter_run()
 * returns, whatever the reason.
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
/* Serve until a signal that libmilter took; -1: it gave up by itself.  A conf must be in force. */
int filter_run(struct err *e);
/* Any thread, once; not a signal handler.  When it returns, no callback is running and none will touch the pipeline
 * again: the MTA gets no answer any more and sees its connections close when the process ends.  It does not make
 * filter_run() return: nobody need wait for that. */
void filter_stop(void);
/* libmilter would remove its socket's file too late, after the process has ended.  Does nothing if there is none. */
void filter_remove_socket(void);

#endif
