/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.c - see ask.h */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "unixsock.h"

#define REQUEST_MAX 8192

/* An answer on its way.  What was received and not yet used lies in buf[at] to buf[n]. */
struct hearing {
	int fd;
	int64_t until; /* milliseconds, monotonic; 0: for ever */
	size_t at, n;
	char buf[ASK_LINE_MAX];
};

static int64_t
monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
fail(struct ask_ending *end, const char *path, const char *what)
{
	end->code = ASK_NO_CODE;
	(void)snprintf(end->message, sizeof end->message, "%s: %s", path, what);
	return -1;
}

static int
send_request(int fd, const char *path, const struct json *request, struct ask_ending *end)
{
	char line[REQUEST_MAX];
	size_t n = json_write(request, line, sizeof line - 1);

	if (n > sizeof line - 1)
		return fail(end, path, "the request is too long");
	line[n++] = '\n';
	return send(fd, line, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : fail(end, path, strerror(errno));
}

/* Wait for more, and take it.  NULL, or what is wrong. */
static const char *
take_more(struct hearing *h)
{
	struct pollfd fd = { .fd = h->fd, .events = POLLIN };
	int64_t left = h->until - monotonic_ms();
	ssize_t n;

	if (h->n == sizeof h->buf)
		return "a line of the answer is too long";
	if (h->until != 0 && left <= 0)
		return "no answer for too long";
	if (poll(&fd, 1, h->until == 0 ? -1 : (int)left) == -1)
		return errno == EINTR ? NULL : strerror(errno);
	n = recv(h->fd, h->buf + h->n, sizeof h->buf - h->n, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return NULL; /* the time may be over, and is looked at */
	if (n <= 0)
		return n == 0 ? "the answer is not complete" : strerror(errno);
	h->n += (size_t)n;
	return NULL;
}

/* The next line, without its newline; good until the next call.  NULL, or what is wrong. */
static const char *
next_line(struct hearing *h, struct str *line)
{
	const char *nl, *wrong;

	while ((nl = memchr(h->buf + h->at, '\n', h->n - h->at)) == NULL) {
		memmove(h->buf, h->buf + h->at, h->n - h->at);
		h->n -= h->at;
		h->at = 0;
		if ((wrong = take_more(h)) != NULL)
			return wrong;
	}
	*line = (struct str){ h->buf + h->at, (size_t)(nl - (h->buf + h->at)) };
	h->at += line->n + 1;
	return NULL;
}

static enum ask_answer
hear(struct hearing *h, const char *path, ask_fn *fn, void *arg, struct ask_ending *end)
{
	bool go_on = true, ended = false;

	while (go_on && !ended) {
		struct str line;
		const char *wrong = next_line(h, &line);
		struct err e;
		struct json *j = wrong != NULL ? NULL : json_parse(line, &e);

		if (j == NULL) {
			fail(end, path, wrong != NULL ? wrong : "the answer is not understood");
			return ASK_BROKEN;
		}
		ended = json_has(j, "end");
		if (ended) {
			end->code = (int)json_get_int(j, "end", 1);
			str_copy(end->message, sizeof end->message, json_get_text(j, "message"));
		} else if (fn != NULL) {
			go_on = fn(arg, j);
		}
		json_free(j);
	}
	return ASK_DONE;
}

enum ask_answer
ask(const char *path, const struct json *request, unsigned seconds, ask_fn *fn, void *arg, struct ask_ending *end)
{
	int64_t until = seconds == 0 ? 0 : monotonic_ms() + (int64_t)seconds * 1000;
	enum ask_answer is = ASK_BROKEN;
	struct hearing *h;
	struct err e;
	int fd;

	memset(end, 0, sizeof *end);
	fd = unixsock_connect_within(path, seconds, &e);
	if (fd == -1) {
		int saved = errno;

		end->code = ASK_NO_CODE;
		(void)snprintf(end->message, sizeof end->message, "%s", e.text);
		errno = saved;
		return ASK_UNREACHABLE;
	}
	h = xmalloc(sizeof *h);
	h->fd = fd;
	h->until = until;
	h->at = h->n = 0;
	if (send_request(fd, path, request, end) == 0)
		is = hear(h, path, fn, arg, end);
	close(fd);
	free(h);
	return is;
}
