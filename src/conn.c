/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conn.c - one connection of a server: its buffers and its turns */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_priv.h"
#include "stats.h"

#define ROUNDS 8 /* of one connection before the others have their turn */

static struct conns *
queue_of(struct conn *c)
{
	return c->proved ? &c->server->proved : &c->server->fresh;
}

void
conn_touch(struct conn *c)
{
	if (!c->proved)
		return;
	TAILQ_REMOVE(queue_of(c), c, link);
	TAILQ_INSERT_TAIL(queue_of(c), c, link);
	c->active = server_now();
}

void
conn_kick(struct conn *c)
{
	if (c->is_kicked)
		return;
	c->is_kicked = true;
	SLIST_INSERT_HEAD(&c->server->kicked, c, kick);
}

void
conn_end(struct conn *c, enum conn_end why)
{
	struct server *s = c->server;

	if (c->fd == -1)
		return;
	s->setup.ops->closed(s->setup.arg, c, why, c->in_len);
	/* To close is not enough: a process forked a moment ago may still hold the connection.  Then the peer would see
	 * no end, and epoll would go on telling of it. */
	shutdown(c->fd, SHUT_RDWR);
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	c->fd = -1;
	s->conns--;
	TAILQ_REMOVE(queue_of(c), c, link);
	TAILQ_INSERT_TAIL(&s->graveyard, c, link);
}

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
	if (c->in_len == 0)
		c->half = server_now();
	c->in_len += (size_t)n;
	conn_touch(c);
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
	conn_touch(c);
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
		if (used > 0)
			c->half = server_now();
		memmove(c->in, c->in + used, c->in_len);
	}
	if (*next == CONN_KEEP && wants_more(c))
		*next = setup->ops->more(setup->arg, c);
	return used > 0;
}

void
conn_serve(struct conn *c)
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
			conn_end(c, next == CONN_DROP ? END_OURS : END_PEER);
			return;
		}
		moved = moved || (wrote > 0 && !c->last);
	}
	if (c->out_len == 0 && (c->last || (c->eof && !moved && !c->pending && !wants_more(c)))) {
		conn_end(c, c->last ? END_OURS : END_PEER);
		return;
	}
	if (moved || wants_more(c))
		conn_kick(c);
	arm(c);
}

void
conn_event(struct conn *c, uint32_t events)
{
	if (c->fd == -1)
		return;
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !fill(c)) {
		conn_end(c, END_PEER);
		return;
	}
	conn_serve(c);
	/* Nobody is left to take answers; without this, a hangup that we do not read from would wake us for ever. */
	if (c->fd != -1 && (events & (EPOLLHUP | EPOLLERR)))
		conn_end(c, END_PEER);
}

void
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
	c->active = server_now();
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
	c->active = server_now();
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
