/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_serve.h - between the files that see libmicrohttpd: web_serve.c, web_reply.c, web_stream.c */
#ifndef WEB_SERVE_H
#define WEB_SERVE_H

#include <pthread.h>
#include <sys/queue.h>

#include <microhttpd.h>

#include "unixsock.h"
#include "web.h"

/* A connection; the library keeps it with its own. */
struct peer {
	LIST_ENTRY(peer) link;
	int fd;
	time_t since;
	bool streaming;
};

struct serving {
	struct web *web;
	struct MHD_Daemon *mhd;
	struct listener listener;
	pthread_t reaper;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	bool stop;
	unsigned streams;
	LIST_HEAD(, peer) peers;
};

/* NULL: the library knows of none. */
struct peer *peer_of(struct MHD_Connection *c);

/* web_reply.c: with the headers that every answer has.  The response is the library's then; NULL: no memory, and the
 * connection is closed. */
enum MHD_Result send_response(struct MHD_Connection *c, const struct visit *v, struct MHD_Response *r, const char *cache);
enum MHD_Result send_page(struct MHD_Connection *c, struct visit *v);
enum MHD_Result send_asset(struct MHD_Connection *c, struct visit *v, const struct asset *a);
enum MHD_Result send_refusal(struct MHD_Connection *c, struct visit *v, unsigned status, const char *what);

/* web_stream.c: the live events, until the reader goes. */
enum MHD_Result send_stream(struct serving *s, struct MHD_Connection *c, struct visit *v);

#endif
