/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - see server.h
 *
 * One epoll set, level-triggered.  Connections live in two queues, those still to prove themselves and those that
 * have, in order of arrival and of their last sign of life: the heads are the first to go.  A closed connection is kept in the
 * graveyard until the batch of events in which it died is done, because a later event of the batch may name it.
 */
#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "logmsg.h"
#include "stats.h"
#include "unixsock.h"

#define EVENTS_AT_ONCE 64
#define ROUNDS	       8 /* of one connection before the others have their turn */

TAILQ_HEAD(conns, conn);

struct conn {
	TAILQ_ENTRY(conn) link;	 /* in fresh or proved, then in graveyard */
	SLIST_ENTRY(conn) kick;	 /* in kicked, if is_kicked */
	struct server *server;
	int fd;			 /* -1: dead */
	uint32_t armed;		 /* the epoll events asked for */
	time_t active;		 /* monotonic */
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

static time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

static struct conns *
queue_of(struct conn *c)
{
	return c->proved ? &c->server->proved : &c->server->fresh;
}

/* A sign of life.  One that has yet to make its first request gets no longer term by sending it in crumbs. */
static void
touch(struct conn *c)
{
	if (!c->proved)
		return;
	TAILQ_REMOVE(queue_of(c), c, link);
	TAILQ_INSERT_TAIL(queue_of(c), c, link);
	c->active = monotonic();
}

void
conn_kick(struct conn *c)
{
	if (c->is_kicked)
		return;
	c->is_kicked = true;
	SLIST_INSERT_HEAD(&c->server->kicked, c, kick);
}

static void
end(struct conn *c, enum conn_end why)
{
	struct server *s = c->server;

	if (c->fd == -1)
		return;
	s->setup.ops->closed(s->setup.arg, c, why, c->in_len);
	close(c->fd);
	c->fd = -1;
	s->conns--;
	TAILQ_REMOVE(queue_of(c), c, link);
	TAILQ_INSERT_TAIL(&s->graveyard, c, link);
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
	end(c, END_FULL);
}

/* ---- one connection ---- */

static void
arm(struct conn *c)
{
	struct epoll_event ev = { .data.ptr = c };

	if (!c->eof && !c->last && c->in_len < c->server->setup.in_size)
		ev.events |= EPOLLIN;
	if (c->out_len > 0)
		ev.events |= EPOLLOUT;
	if (ev.events == c->armed)
		return;
	c->armed = ev.events;
	epoll_ctl(c->server->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

/* false: the connection broke. */
static bool
fill(struct conn *c)
{
	size_t room = c->server->setup.in_size - c->in_len;
	ssize_t n;

	if (room == 0 || c->eof || c->last)
		return true;
	n = recv(c->fd, c->in + c->in_len, room, 0);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		c->eof = true;
		return true;
	}
	c->in_len += (size_t)n;
	touch(c);
	return true;
}

/* How much was written; -1: the connection broke. */
static ssize_t
drain(struct conn *c)
{
	ssize_t n;

	if (c->out_len == 0)
		return 0;
	n = send(c->fd, c->out + c->out_at, c->out_len, MSG_NOSIGNAL);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->out_len -= (size_t)n;
	c->out_at = c->out_len == 0 ? 0 : c->out_at + (size_t)n;
	touch(c);
	return n;
}

static bool
wants_more(const struct conn *c)
{
	return c->more && !c->last && conn_room(c) >= c->server->setup.out_size / 2;
}

/* Let the handler work once.  Returns whether it took input. */
static bool
handle(struct conn *c, enum conn_next *next)
{
	const struct server_setup *setup = &c->server->setup;
	size_t used = 0;

	if (c->in_len > 0) {
		*next = setup->ops->input(setup->arg, c, (struct str){ c->in, c->in_len }, &used);
		if (used > c->in_len)
			panic("server: a handler used more than there was");
		c->in_len -= used;
		memmove(c->in, c->in + used, c->in_len);
	}
	if (*next == CONN_KEEP && wants_more(c))
		*next = setup->ops->more(setup->arg, c);
	return used > 0;
}

/* Do all that can be done for a connection now. */
static void
serve(struct conn *c)
{
	enum conn_next next = CONN_KEEP;
	bool moved = true;

	for (unsigned round = 0; moved && round < ROUNDS; round++) {
		ssize_t wrote;

		moved = !c->last && handle(c, &next);
		if (next == CONN_FLUSH)
			c->last = true;
		wrote = next == CONN_DROP ? 0 : drain(c);
		if (next == CONN_DROP || wrote == -1) {
			end(c, next == CONN_DROP ? END_OURS : END_PEER);
			return;
		}
		moved = moved || (wrote > 0 && !c->last);
	}
	if (c->out_len == 0 && (c->last || (c->eof && !moved && !c->pending && !wants_more(c)))) {
		end(c, c->last ? END_OURS : END_PEER);
		return;
	}
	if (moved || wants_more(c))
		conn_kick(c);
	arm(c);
}

static void
conn_event(struct conn *c, uint32_t events)
{
	if (c->fd == -1)
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !fill(c)) {
		end(c, END_PEER);
		return;
	}
	serve(c);
	/* Nobody is left to take answers; without this, a hangup that we do not read from would wake us for ever. */
	if (c->fd != -1 && (events & (EPOLLHUP | EPOLLERR)))
		end(c, END_PEER);
}

/* ---- the listener ---- */

static void
conn_new(struct server *s, int fd)
{
	const struct server_setup *setup = &s->setup;
	struct epoll_event ev = { .events = EPOLLIN };
	struct conn *c;

	c = xmalloc(sizeof(*c) + setup->data_size + setup->in_size + setup->out_size);
	memset(c, 0, sizeof(*c) + setup->data_size);
	c->server = s;
	c->fd = fd;
	c->data = (char *)(c + 1);
	c->in = c->data + setup->data_size;
	c->out = c->in + setup->in_size;
	c->armed = ev.events;
	c->active = monotonic();
	ev.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) == -1) {
		stat_add(STAT_CONNECTIONS_FULL, 1);
		close(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&s->fresh, c, link);
	s->conns++;
}

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
		if (c->pending && c->out_len == 0)
			touch(c);
		else
			end(c, END_IDLE);
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
			serve(c);
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

		now = monotonic();
		for (int i = 0; i < n; i++)
			dispatch(s, &evs[i]);
		if (s->setup.ops->tick != NULL && (s->woken || now != ticked))
			s->setup.ops->tick(s->setup.arg, s);
		s->woken = false;
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
		end(c, END_OURS);
	bury(s);
	unixsock_remove(s->setup.path, &s->file);
	close_fd(s->listener);
	close_fd(s->epoll);
	close_fd(s->wakeup);
	close_fd(s->spare);
	free((char *)s->setup.path);
	free(s);
}

gid_t
server_gid(const struct server *s)
{
	return s->file.gid;
}

struct conn *
server_next(struct server *s, struct conn *c)
{
	struct conn *next = c == NULL ? TAILQ_FIRST(&s->fresh) : TAILQ_NEXT(c, link);

	if (next == NULL && (c == NULL || !c->proved))
		next = TAILQ_FIRST(&s->proved);
	return next;
}

/* ---- for handlers ---- */

void *
conn_data(struct conn *c)
{
	return c->data;
}

size_t
conn_room(const struct conn *c)
{
	return c->server->setup.out_size - c->out_len;
}

bool
conn_put(struct conn *c, const void *p, size_t n)
{
	if (n > conn_room(c))
		return false;
	if (c->out_at + c->out_len + n > c->server->setup.out_size) {
		memmove(c->out, c->out + c->out_at, c->out_len);
		c->out_at = 0;
	}
	memcpy(c->out + c->out_at + c->out_len, p, n);
	c->out_len += n;
	return true;
}

void
conn_more(struct conn *c, bool on)
{
	c->more = on;
	if (on)
		conn_kick(c);
}

void
conn_proved(struct conn *c)
{
	if (c->proved)
		return;
	TAILQ_REMOVE(queue_of(c), c, link);
	c->proved = true;
	TAILQ_INSERT_TAIL(queue_of(c), c, link);
	c->active = monotonic();
}

void
conn_pending(struct conn *c, bool on)
{
	c->pending = on;
}

bool
conn_privileged(struct conn *c)
{
	return unixsock_member(c->fd, c->server->file.gid);
}

long
conn_uid(struct conn *c)
{
	return unixsock_uid(c->fd);
}
