/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake_server.c - see fake_server.h */
#include "fake_server.h"
#include "fuzz.h"

#define ANSWER_MAX (1 << 20)
#define TURNS_MAX  100000 /* more than any request can need */

struct conn {
	void *data;
	char in[1 << 16];
	size_t in_len;
	char out[1 << 17]; /* what the peer has not taken yet */
	size_t out_len;
	bool more, open;
};

struct server {
	struct server_setup setup;
	struct conn conn;
};

static struct server *last;
static bool may;
static char answered[ANSWER_MAX];
static size_t answered_len;

struct server *
server_open(const struct server_setup *setup, struct err *e)
{
	(void)e;
	last = xcalloc(1, sizeof *last);
	last->setup = *setup;
	MUST(setup->in_size <= sizeof last->conn.in && setup->out_size <= sizeof last->conn.out);
	last->conn.data = xcalloc(1, setup->data_size + 1);
	return last;
}

int
server_start(struct server *s, const char *thread_name, struct err *e)
{
	(void)s;
	(void)thread_name;
	(void)e;
	return 0;
}

void
server_wake(struct server *s)
{
	(void)s;
}

void
server_close(struct server *s)
{
	if (s != NULL)
		free(s->conn.data);
	free(s);
}

struct conn *
server_next(struct server *s, struct conn *c)
{
	return c == NULL && s->conn.open ? &s->conn : NULL;
}

void *
conn_data(struct conn *c)
{
	return c->data;
}

size_t
conn_room(const struct conn *c)
{
	return last->setup.out_size - c->out_len;
}

bool
conn_put(struct conn *c, const void *p, size_t n)
{
	if (n > conn_room(c))
		return false;
	memcpy(c->out + c->out_len, p, n);
	c->out_len += n;
	return true;
}

void
conn_more(struct conn *c, bool on)
{
	c->more = on;
}

void
conn_kick(struct conn *c)
{
	(void)c;
}

void
conn_proved(struct conn *c)
{
	(void)c;
}

void
conn_pending(struct conn *c, bool on)
{
	(void)c;
	(void)on;
}

bool
conn_privileged(struct conn *c)
{
	(void)c;
	return may;
}

long
conn_uid(struct conn *c)
{
	(void)c;
	return 1000;
}

/* The peer takes what is there; what it has no room for is forgotten. */
static void
take_output(struct conn *c)
{
	size_t n = c->out_len;

	if (n > ANSWER_MAX - answered_len)
		n = ANSWER_MAX - answered_len;
	memcpy(answered + answered_len, c->out, n);
	answered_len += n;
	c->out_len = 0;
}

/* One turn of the server; false when nothing has moved. */
static bool
turn(struct server *s, enum conn_next *next)
{
	struct conn *c = &s->conn;
	size_t used = 0, said = c->out_len;

	if (s->setup.ops->tick != NULL)
		s->setup.ops->tick(s->setup.arg, s);
	if (c->more && s->setup.ops->more != NULL)
		*next = s->setup.ops->more(s->setup.arg, c);
	/* In a block of its own, so that a sanitizer sees a step beyond what has come. */
	if (*next == CONN_KEEP && c->in_len > 0) {
		char *copy = xmalloc(c->in_len);

		memcpy(copy, c->in, c->in_len);
		*next = s->setup.ops->input(s->setup.arg, c, (struct str){ copy, c->in_len }, &used);
		free(copy);
		MUST(used <= c->in_len);
		memmove(c->in, c->in + used, c->in_len - used);
		c->in_len -= used;
	}
	said = c->out_len - said;
	take_output(c);
	return used > 0 || said > 0;
}

/* Returns how much could be sent. */
static size_t
send_bytes(struct server *s, struct str in, enum conn_next *next)
{
	struct conn *c = &s->conn;
	size_t sent = 0;

	for (unsigned turns = 0; *next == CONN_KEEP; turns++) {
		size_t n = s->setup.in_size - c->in_len;

		if (n > in.n - sent)
			n = in.n - sent;
		if (n > 0)
			memcpy(c->in + c->in_len, in.p + sent, n);
		c->in_len += n;
		sent += n;
		if (!turn(s, next) && n == 0)
			break;
		MUST(turns < TURNS_MAX);
	}
	return sent;
}

struct str
fake_connection(struct str in, size_t cut, bool privileged)
{
	struct server *s = last;
	enum conn_next next = CONN_KEEP;
	size_t sent;

	may = privileged;
	answered_len = 0;
	memset(s->conn.data, 0, s->setup.data_size);
	s->conn.in_len = s->conn.out_len = 0;
	s->conn.more = false;
	s->conn.open = true;
	sent = send_bytes(s, (struct str){ in.p, cut < in.n ? cut : in.n }, &next);
	if (next == CONN_KEEP && sent < in.n)
		(void)send_bytes(s, (struct str){ in.p + sent, in.n - sent }, &next);
	if (s->setup.ops->closed != NULL)
		s->setup.ops->closed(s->setup.arg, &s->conn, next == CONN_KEEP ? END_PEER : END_OURS, s->conn.in_len);
	s->conn.open = false;
	return (struct str){ answered, answered_len };
}
