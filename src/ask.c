/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ask.c - see ask.h */
#include "ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "unixsock.h"

#define REQUEST_MAX 8192

static int
fail(struct ask_ending *end, const char *path, const char *what)
{
	end->code = 1;
	(void)snprintf(end->message, sizeof end->message, "%s: %s", path, what);
	return -1;
}

static int
dial(const char *path, unsigned seconds, struct ask_ending *end)
{
	struct timeval limit = { .tv_sec = seconds };
	struct err e;
	int fd = unixsock_connect(path, &e);

	if (fd == -1) {
		end->code = 1;
		(void)snprintf(end->message, sizeof end->message, "%s", e.text);
		return -1;
	}
	if (seconds > 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	}
	return fd;
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

static enum ask_answer
hear(FILE *in, const char *path, ask_fn *fn, void *arg, struct ask_ending *end)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	bool go_on = true, ended = false;

	while (go_on && !ended && (n = getline(&line, &cap, in)) > 0) {
		struct err e;
		struct json *j = json_parse((struct str){ line, (size_t)n }, &e);

		if (j == NULL)
			break;
		ended = json_has(j, "end");
		if (ended) {
			end->code = (int)json_get_int(j, "end", 1);
			str_copy(end->message, sizeof end->message, json_get_text(j, "message"));
		} else if (fn != NULL) {
			go_on = fn(arg, j);
		}
		json_free(j);
	}
	free(line);
	if (ended || !go_on)
		return ASK_DONE;
	fail(end, path, ferror(in) && errno == EAGAIN ? "no answer for too long" : "the answer is not complete");
	return ASK_BROKEN;
}

enum ask_answer
ask(const char *path, const struct json *request, unsigned seconds, ask_fn *fn, void *arg, struct ask_ending *end)
{
	enum ask_answer is = ASK_UNREACHABLE;
	FILE *in;
	int fd;

	memset(end, 0, sizeof *end);
	if ((fd = dial(path, seconds, end)) == -1)
		return ASK_UNREACHABLE;
	if ((in = fdopen(fd, "r")) == NULL)
		panic("fdopen: %s", strerror(errno));
	if (send_request(fd, path, request, end) == 0)
		is = hear(in, path, fn, arg, end);
	fclose(in);
	return is;
}
