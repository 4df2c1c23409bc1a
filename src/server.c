/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - see server.h
 *
 * One epoll set, level-triggered.  Connections live in two queues, those still to prove themselves and those that
 * have, in order of arrival and of their last sign of life: the heads are the first to go.  A closed connection is
 * kept in the graveyard until the batch of events in which it died is done, because a later event of the batch may
 * name it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_priv.h"
#include "stats.h"

#define EVENTS_AT_ONCE 64

time_t
server_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

static void
bury(struct server *s)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&s->graveyard)) != NULL) {
		TAILQ_REMOVE(&s->graveyard, c, link);
		if (c->is_kicked)
			SLIST_REMOVE(&s->kicked, c, conn, kick);
		free(c);
	}
}

static void
make_room(struct server *s)
{
	struct conn *c = TAILQ_FIRST(&s->fresh);

	if (c == NULL)
		c = TAILQ_FIRST(&s->proved);
	if (c == NULL)
		return;
	stat_add(STAT_CONNECTIONS_FULL, 1);
	conn_end(c, END_FULL);
}

/* ---- the listener ---- */

/* Descriptors have run out: close our quietest connection, or refuse this one by means of the spare descriptor.
 * Leaving it in the queue would wake us again at once, for ever. */
static void
out_of_descriptors(struct server *s)
{
	int fd;

	if (s->conns > 0) {
		make_room(s);
		return;
	}
	if (s->spare != -1)
		close(s->spare);
	fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd != -1) {
		stat_add(STAT_CONNECTIONS_FULL, 1);
		close(fd);
	}
	s->spare = eventfd(0, EFD_CLOEXEC);
}

static void
accept_some(struct server *s)
{
	for (unsigned i = 0; i < EVENTS_AT_ONCE; i++) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
			out_of_descriptors(s);
		if (fd == -1)
			return;
		if (s->conns >= s->setup.conns_max)
			make_room(s);
		conn_new(s, fd);
	}
}

/* ---- the loop ---- */

/* End what has been quiet for longer than `limit` in one queue.  A connection that waits for us is not quiet. */
static void
expire(struct conns *queue, time_t now, time_t limit)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(queue)) != NULL && now - c->active >= limit) {
		if (c->pending && c->proved && c->out_len == 0)
			conn_touch(c);
		else
			conn_end(c, END_IDLE);
	}
}

/* A request that was begun is to be ended, also by who has made proper ones before, and however he draws it out.  What waits
 * for us, or for its answers to be taken, is no half. */
static void
expire_halves(struct server *s, time_t now)
{
	struct conn *c = TAILQ_FIRST(&s->proved), *next;

	for (; c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->in_len > 0 && c->out_len == 0 && !c->pending && now - c->half >= (time_t)s->setup.fresh_s)
			conn_end(c, END_IDLE);
	}
}

static void
serve_kicked(struct server *s)
{
	SLIST_HEAD(, conn) batch = SLIST_HEAD_INITIALIZER(batch);
	struct conn *c;

	/* Taken off first: a connection may kick itself again. */
	while ((c = SLIST_FIRST(&s->kicked)) != NULL) {
		SLIST_REMOVE_HEAD(&s->kicked, kick);
		SLIST_INSERT_HEAD(&batch, c, kick);
	}
	while ((c = SLIST_FIRST(&batch)) != NULL) {
		SLIST_REMOVE_HEAD(&batch, kick);
		c->is_kicked = false;
		if (c->fd != -1)
			conn_serve(c);
	}
}

static void
dispatch(struct server *s, const struct epoll_event *ev)
{
	uint64_t n;

	if (ev->data.ptr == &s->listener) {
		accept_some(s);
	} else if (ev->data.ptr == &s->wakeup) {
		s->woken = read(s->wakeup, &n, sizeof(n)) == sizeof(n);
	} else {
		conn_event(ev->data.ptr, ev->events);
	}
}

static void *
run(void *arg)
{
	struct server *s = arg;
	struct epoll_event evs[EVENTS_AT_ONCE];
	time_t now, ticked = 0;

	while (!s->stopping) {
		int timeout = !SLIST_EMPTY(&s->kicked) ? 0 : s->conns > 0 ? 1000 : -1;
		int n = epoll_wait(s->epoll, evs, EVENTS_AT_ONCE, timeout);

		now = server_now();
		for (int i = 0; i < n; i++)
			dispatch(s, &evs[i]);
		if (s->setup.ops->tick != NULL && (s->woken || now != ticked))
			s->setup.ops->tick(s->setup.arg, s);
		s->woken = false;
		if (now != ticked)
			expire_halves(s, now);
		ticked = now;
		serve_kicked(s);
		expire(&s->fresh, now, (time_t)s->setup.fresh_s);
		expire(&s->proved, now, (time_t)s->setup.idle_s);
		bury(s);
	}
	return NULL;
}

/* ---- life ---- */

static int
add(struct server *s, int fd, void *tag, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = tag };

	if (fd == -1 || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) == -1)
		return err_sys(e, "%s: epoll", s->setup.path);
	return 0;
}

struct server *
server_open(const struct server_setup *setup, struct err *e)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->setup = *setup;
	s->setup.path = xstrdup(setup->path);
	s->setup.data_size = (setup->data_size + 15) & ~(size_t)15;
	TAILQ_INIT(&s->fresh);
	TAILQ_INIT(&s->proved);
	TAILQ_INIT(&s->graveyard);
	SLIST_INIT(&s->kicked);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->spare = eventfd(0, EFD_CLOEXEC);
	s->listener = unixsock_listen(setup->path, setup->mode, setup->uid, setup->gid, &s->file, e);
	if (s->listener == -1 || add(s, s->listener, &s->listener, e) == -1 ||
	    add(s, s->wakeup, &s->wakeup, e) == -1)
		goto fail;
	return s;
fail:
	server_close(s);
	return NULL;
}

int
server_start(struct server *s, const char *thread_name, struct err *e)
{
	int error = pthread_create(&s->thread, NULL, run, s);

	if (error != 0)
		return err_set(e, "%s: cannot start a thread: %s", s->setup.path, strerror(error));
	s->running = true;
	pthread_setname_np(s->thread, thread_name);
	return 0;
}

void
server_wake(struct server *s)
{
	uint64_t one = 1;

	/* The counter can only be full when a wake-up is under way already. */
	if (write(s->wakeup, &one, sizeof(one)) == -1 && errno != EAGAIN)
		panic("server: eventfd: %s", strerror(errno));
}

static void
close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

void
server_close(struct server *s)
{
	struct conn *c;

	if (s == NULL)
		return;
	if (s->running) {
		s->stopping = true;
		server_wake(s);
		pthread_join(s->thread, NULL);
	}
	while ((c = server_next(s, NULL)) != NULL)
		conn_end(c, END_OURS);
	bury(s);
	unixsock_remove(s->setup.path, &s->file);
	close_fd(s->listener);
	close_fd(s->epoll);
	close_fd(s->wakeup);
	close_fd(s->spare);
	free((char *)s->setup.path);
	free(s);
}

struct conn *
server_next(struct server *s, struct conn *c)
{
	struct conn *next = c == NULL ? TAILQ_FIRST(&s->fresh) : TAILQ_NEXT(c, link);

	if (next == NULL && (c == NULL || !c->proved))
		next = TAILQ_FIRST(&s->proved);
	return next;
}
