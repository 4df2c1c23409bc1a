/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.h - a thread that serves many connections on one unix socket, and never waits for any of them
 *
 * Used twice, for the control socket and for the socketmap, so that a long list never delays a lookup.  All callbacks
 * run in the server's thread; a conn belongs to it.  Buffers are bounded: a peer that does not take its answers is not
 * read from either.  When too many connections are open, the one that has been quiet for longest goes, those that
 * never made a proper request first; so there is always a place for a newcomer.
 */
#ifndef SERVER_H
#define SERVER_H

#include <sys/types.h>

#include "err.h"
#include "str.h"

struct server;
struct conn;

enum conn_next {
	CONN_KEEP,
	CONN_FLUSH, /* read no more; close when the output has gone */
	CONN_DROP   /* close now */
};

/* Why a connection ended. */
enum conn_end {
	END_PEER, /* the other side closed it, or it broke */
	END_IDLE, /* nothing came for too long, or answers were not taken */
	END_FULL, /* its place was needed */
	END_OURS  /* the handler wished so, or the server stops */
};

struct server_ops {
	/* Something came, or there is room again for answers: take whole requests from the front of `in`, say in *used
	 * how many bytes that was.  To be left alone, use nothing: it comes again with more. */
	enum conn_next (*input)(void *arg, struct conn *c, struct str in, size_t *used);
	/* At least half of the output buffer is free and conn_more() is on: write some of it.  NULL: never. */
	enum conn_next (*more)(void *arg, struct conn *c);
	/* After server_wake(), and about every second while connections are open.  NULL: nothing to do. */
	void (*tick)(void *arg, struct server *s);
	/* The connection is about to go; `unread` bytes of an unfinished request are left. */
	void (*closed)(void *arg, struct conn *c, enum conn_end why, size_t unread);
};

struct server_setup {
	const char *path;
	mode_t mode;
	uid_t uid; /* owner; (uid_t)-1, (gid_t)-1: as it comes */
	gid_t gid;
	unsigned conns_max;
	size_t in_size, out_size; /* of the buffers of one connection */
	size_t data_size;	  /* zeroed memory for the handler in each connection */
	unsigned fresh_s;	  /* seconds until the first proper request, and for each that was begun */
	unsigned idle_s;	  /* seconds of quiet afterwards */
	const struct server_ops *ops;
	void *arg;
};

/* Bind and listen.  A socket file that nobody answers on is replaced; anything else in its place is an error. */
struct server *server_open(const struct server_setup *setup, struct err *e);
int server_start(struct server *s, const char *thread_name, struct err *e);
/* Have ops.tick() called.  Any thread; does not block. */
void server_wake(struct server *s);
/* Stop, join, close every connection, remove the socket file if it is still ours.  NULL is fine. */
void server_close(struct server *s);
/* All connections, in no order; NULL first and at the end.  For the server's thread. */
struct conn *server_next(struct server *s, struct conn *c);

void *conn_data(struct conn *c);
size_t conn_room(const struct conn *c);
/* false: no room; nothing was written. */
bool conn_put(struct conn *c, const void *p, size_t n);
/* Have ops.more() called, now and whenever there is room. */
void conn_more(struct conn *c, bool on);
/* Have the connection served soon although nothing came from the peer. */
void conn_kick(struct conn *c);
/* A proper request was made: idle_s holds from now on. */
void conn_proved(struct conn *c);
/* An answer is still to come: do not close at the peer's end-of-file, nor for being idle unless output is stuck. */
void conn_pending(struct conn *c, bool on);
/* May the peer change things: root, our own user, or a member of the socket's group. */
bool conn_privileged(struct conn *c);
long conn_uid(struct conn *c); /* of the peer; -1: not known */

#endif
