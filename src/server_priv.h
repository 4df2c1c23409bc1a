/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server_priv.h - between server.c (listening, the loop) and conn.c (one connection) only */
#ifndef SERVER_PRIV_H
#define SERVER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "server.h"
#include "unixsock.h"

TAILQ_HEAD(conns, conn);

struct conn {
	TAILQ_ENTRY(conn) link;	 /* in fresh or proved, then in graveyard */
	SLIST_ENTRY(conn) kick;	 /* in kicked, if is_kicked */
	struct server *server;
	int fd;			 /* -1: dead */
	uint32_t armed;		 /* the epoll events asked for */
	time_t active;		 /* monotonic */
	time_t half;		 /* the same: since when there is a request begun and not ended; meaningless if in_len is 0 */
	bool proved, pending, more, is_kicked;
	bool eof;		 /* the peer will send no more */
	bool last;		 /* CONN_FLUSH */
	size_t in_len;
	size_t out_at, out_len;	 /* what is still to be written starts at out_at */
	char *in, *out, *data;	 /* behind the struct */
};

struct server {
	struct server_setup setup;
	int listener, epoll, wakeup;
	int spare;		 /* given up when descriptors run out, to be able to refuse */
	_Atomic bool stopping;
	bool running, woken;
	pthread_t thread;
	struct unixsock_file file;
	unsigned conns;
	struct conns fresh, proved, graveyard;
	SLIST_HEAD(, conn) kicked;
};

time_t server_now(void); /* monotonic seconds */

void conn_new(struct server *s, int fd);
/* epoll has told of it. */
void conn_event(struct conn *c, uint32_t events);
/* Do all that can be done for a connection now. */
void conn_serve(struct conn *c);
/* A sign of life.  One that has yet to make its first request gets no longer term by sending it in crumbs. */
void conn_touch(struct conn *c);
/* Close it, and put it into the graveyard. */
void conn_end(struct conn *c, enum conn_end why);

#endif
