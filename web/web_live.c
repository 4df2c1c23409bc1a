/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_live.c - the daemon's `watch`, once for everybody who looks
 *
 * A thread listens while somebody has been interested within the last minutes, and keeps the latest lines.  Readers have a
 * number each, as watchers of the daemon have, and are told how many they missed.
 *
 * What is kept is an event that was read and written anew, and so one line without a control character whatever came: it goes
 * into a stream in which a line has a meaning.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "err.h"
#include "unixsock.h"
#include "web.h"

#define LINES	  256
#define LINE	  8192
#define WANTED_S  300
#define RETRY_MS  2000
#define CONNECT_S 5

struct live {
	const char *socket;
	int bell; /* rung when the thread should look around */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	/* guarded by lock */
	bool stop;
	time_t wanted;
	uint64_t head; /* lines ever; the next goes to head % LINES */
	char *ring[LINES];
	char state[256];
	/* the thread's own */
	char buf[4 * LINE]; /* as long as the daemon's lines may be */
	size_t have;
};

static void
set_state(struct live *l, const char *text)
{
	pthread_mutex_lock(&l->lock);
	str_copy(l->state, sizeof l->state, str_of(text));
	pthread_mutex_unlock(&l->lock);
}

static void
keep_text(struct live *l, const char *text, size_t n)
{
	char *copy = xmalloc(n + 1);

	str_copy(copy, n + 1, (struct str){ text, n });
	pthread_mutex_lock(&l->lock);
	free(l->ring[l->head % LINES]);
	l->ring[l->head++ % LINES] = copy;
	pthread_cond_broadcast(&l->news);
	pthread_mutex_unlock(&l->lock);
}

/* What was not taken, or is too long: a row like any other says so. */
static void
keep_missed(struct live *l, long long n)
{
	struct json *o = json_new();
	char text[80], line[200];

	(void)snprintf(text, sizeof text, "%lld events were not shown", n);
	json_put_int(o, "time", (int64_t)time(NULL));
	json_put_cstr(o, "notice", text);
	keep_text(l, line, json_write(o, line, sizeof line));
	json_free(o);
}

static void
keep(struct live *l, const struct json *event)
{
	char text[LINE];
	size_t n = json_write(event, text, sizeof text);

	if (n < sizeof text)
		keep_text(l, text, n);
	else
		keep_missed(l, 1);
}

/* false: nothing more is to be expected on this connection; the state says why. */
static bool
take(struct live *l, struct str line)
{
	struct err e;
	struct json *o = json_parse(line, &e);
	bool go_on = o != NULL && !json_has(o, "end");

	if (o == NULL)
		set_state(l, "the daemon says something that is not understood");
	else if (json_has(o, "end"))
		set_state(l, *text_of(o, "message") != '\0' ? text_of(o, "message") : "the daemon tells no events");
	else if (json_has(o, "missed"))
		keep_missed(l, number_of(o, "missed"));
	else if (!json_has(o, "watching"))
		keep(l, o);
	json_free(o);
	return go_on;
}

static bool
take_lines(struct live *l)
{
	char *nl;

	while ((nl = memchr(l->buf, '\n', l->have)) != NULL) {
		size_t n = (size_t)(nl - l->buf);

		if (!take(l, (struct str){ l->buf, n }))
			return false;
		l->have -= n + 1;
		memmove(l->buf, nl + 1, l->have);
	}
	if (l->have < sizeof l->buf)
		return true;
	set_state(l, "the daemon's lines are too long"); /* none of ours is */
	return false;
}

static bool
wanted(struct live *l)
{
	bool yes;

	pthread_mutex_lock(&l->lock);
	yes = !l->stop && l->wanted != 0 && monotonic() - l->wanted < WANTED_S;
	pthread_mutex_unlock(&l->lock);
	return yes;
}

static void
hear_bell(struct live *l)
{
	uint64_t n;

	(void)!read(l->bell, &n, sizeof n);
}

/* Until nobody is interested any more, or the daemon goes. */
static void
listen_to(struct live *l, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = l->bell, .events = POLLIN } };
	ssize_t n;

	l->have = 0;
	while (wanted(l)) {
		if (poll(fds, 2, 10000) == -1) {
			if (errno != EINTR)
				panic("live: poll: %s", strerror(errno));
			continue;
		}
		if (fds[1].revents != 0)
			hear_bell(l);
		if (fds[0].revents == 0)
			continue;
		n = recv(fd, l->buf + l->have, sizeof l->buf - l->have, 0);
		if (n <= 0) {
			set_state(l, "the daemon has closed the connection");
			return;
		}
		l->have += (size_t)n;
		if (!take_lines(l))
			return;
	}
}

static void
pause_ms(struct live *l, int ms)
{
	struct pollfd fd = { .fd = l->bell, .events = POLLIN };

	if (poll(&fd, 1, ms) > 0)
		hear_bell(l);
}

static bool
stopping(struct live *l)
{
	bool stop;

	pthread_mutex_lock(&l->lock);
	stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	return stop;
}

static void *
live_main(void *arg)
{
	static const char request[] = "{\"verb\":\"watch\"}\n";
	struct live *l = arg;
	struct err e;
	int fd;

	while (!stopping(l)) {
		if (!wanted(l)) {
			pause_ms(l, -1);
			continue;
		}
		fd = unixsock_connect_within(l->socket, CONNECT_S, &e);
		if (fd == -1) {
			set_state(l, e.text);
			pause_ms(l, RETRY_MS);
			continue;
		}
		if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)(sizeof request - 1)) {
			set_state(l, "");
			listen_to(l, fd);
		}
		close(fd);
		if (wanted(l))
			pause_ms(l, RETRY_MS);
	}
	return NULL;
}

struct live *
live_new(const char *socket)
{
	struct live *l = xcalloc(1, sizeof *l);
	pthread_condattr_t attr;

	l->socket = socket;
	l->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->news, &attr);
	pthread_condattr_destroy(&attr);
	errno = pthread_create(&l->thread, NULL, live_main, l);
	if (errno != 0)
		panic("live: thread: %s", strerror(errno));
	return l;
}

static void
ring(struct live *l)
{
	uint64_t one = 1;

	(void)!write(l->bell, &one, sizeof one);
}

void
live_stop(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_broadcast(&l->news);
	pthread_mutex_unlock(&l->lock);
	ring(l);
	pthread_join(l->thread, NULL);
}

void
live_free(struct live *l)
{
	for (unsigned i = 0; i < LINES; i++)
		free(l->ring[i]);
	close(l->bell);
	pthread_cond_destroy(&l->news);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void
live_want(struct live *l)
{
	time_t now = monotonic();
	bool first;

	pthread_mutex_lock(&l->lock);
	first = l->wanted == 0 || now - l->wanted >= WANTED_S;
	l->wanted = now;
	pthread_mutex_unlock(&l->lock);
	if (first)
		ring(l);
}

bool
live_next(struct live *l, uint64_t *last, char *line, size_t size, uint64_t *missed, unsigned ms)
{
	struct timespec until;
	bool there;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	*missed = 0;
	pthread_mutex_lock(&l->lock);
	if (*last > l->head)
		*last = 0; /* a number of a process before this one */
	while (!l->stop && l->head == *last)
		if (pthread_cond_timedwait(&l->news, &l->lock, &until) == ETIMEDOUT)
			break;
	there = !l->stop && l->head != *last;
	if (there) {
		if (l->head - *last > LINES) {
			*missed = l->head - *last - LINES;
			*last = l->head - LINES;
		}
		str_copy(line, size, str_of(l->ring[*last % LINES]));
		++*last;
	}
	pthread_mutex_unlock(&l->lock);
	return there;
}

/* Copies: what fn does may take its time. */
void
live_recent(struct live *l, unsigned max, void (*fn)(void *arg, uint64_t number, const char *line), void *arg)
{
	char **copies = xcalloc(max, sizeof *copies);
	uint64_t first;
	unsigned n = 0;

	pthread_mutex_lock(&l->lock);
	if (max > LINES)
		max = LINES;
	first = l->head > max ? l->head - max : 0;
	for (uint64_t i = first; i < l->head; i++)
		copies[n++] = xstrdup(l->ring[i % LINES]);
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < n; i++) {
		fn(arg, first + i + 1, copies[i]);
		free(copies[i]);
	}
	free(copies);
}

uint64_t
live_head(struct live *l)
{
	uint64_t head;

	pthread_mutex_lock(&l->lock);
	head = l->head;
	pthread_mutex_unlock(&l->lock);
	return head;
}

bool
live_stopping(struct live *l)
{
	return stopping(l);
}

void
live_state(struct live *l, char *buf, size_t size)
{
	pthread_mutex_lock(&l->lock);
	str_copy(buf, size, str_of(l->state));
	pthread_mutex_unlock(&l->lock);
}
