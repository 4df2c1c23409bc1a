/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_probe.c - knock at the daemon's three sockets, each in its own language
 *
 * A milter is asked to negotiate, as an MTA would, and then told that this was all; a socketmap is asked for what it does
 * not count as the MTA asking (SOCKETMAP_PROBE).
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "err.h"
#include "netstring.h"
#include "socketmap.h"
#include "unixsock.h"

#define PATIENCE_S 5

static int
failed(struct knock *k, int fd, const char *what, const char *why)
{
	(void)snprintf(k->why, sizeof k->why, "%.120s: %.120s", what, why);
	if (fd != -1)
		close(fd);
	return -1;
}

static void
have_patience(int fd)
{
	struct timeval tv = { .tv_sec = PATIENCE_S };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static int
open_unix(struct knock *k, const char *path)
{
	struct err e;
	int fd = unixsock_connect(path, &e);

	k->tried = true;
	if (fd == -1)
		(void)snprintf(k->why, sizeof k->why, "%.250s", e.text);
	else
		have_patience(fd);
	return fd;
}

/* A wait with a limit ends early when the process was stopped and goes on (socket(7), signal(7)); then it begins anew. */
static ssize_t
hear(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n == -1 && errno == EINTR);
	return n;
}

static bool
read_exactly(int fd, char *buf, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = hear(fd, buf + got, size - got);

		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/* ---- the control socket ---- */

static struct json *
read_answer(int fd)
{
	static char buf[262144];
	size_t n = 0;
	ssize_t got;
	char *nl = NULL;
	struct err e;

	while (nl == NULL && n < sizeof buf && (got = hear(fd, buf + n, sizeof buf - n)) > 0) {
		nl = memchr(buf + n, '\n', (size_t)got);
		n += (size_t)got;
	}
	return nl != NULL ? json_parse((struct str){ buf, (size_t)(nl - buf) }, &e) : NULL;
}

void
knock_control(struct knock *k, const char *path, struct json **status)
{
	static const char request[] = "{\"verb\":\"status\"}\n";
	int fd = open_unix(k, path);

	*status = NULL;
	if (fd == -1)
		return;
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1)
		*status = read_answer(fd);
	if (*status == NULL) {
		(void)failed(k, fd, path, "it does not answer");
		return;
	}
	k->answered = true;
	close(fd);
}

/* ---- the milter ---- */

/* PORT@HOST: the first of its addresses that anybody listens at. */
static int
open_inet(struct knock *k, const char *spec)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	const char *colon = strchr(spec, ':'), *at = strchr(spec, '@');
	char port[16] = "";
	int fd = -1;

	k->tried = true;
	if (colon != NULL)
		(void)snprintf(port, sizeof port, "%.*s", (int)strspn(colon + 1, "0123456789"), colon + 1);
	if (getaddrinfo(at != NULL ? at + 1 : "localhost", port, &hints, &list) != 0)
		return failed(k, -1, spec, "there is no such address");
	for (struct addrinfo *ai = list; ai != NULL && fd == -1; ai = ai->ai_next) {
		fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd == -1)
			continue;
		have_patience(fd);
		if (connect(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd != -1 ? fd : failed(k, -1, spec, strerror(errno));
}

/* length, 'O', version 6, all actions, all steps: as an MTA offers them. */
static const char offer[] = "\0\0\0\015O\0\0\0\006\0\0\1\377\0\037\377\377";
static const char quit[] = "\0\0\0\001Q";

void
knock_milter(struct knock *k, const char *spec)
{
	const char *path = strncmp(spec, "unix:", 5) == 0 ? spec + 5 : strncmp(spec, "local:", 6) == 0 ? spec + 6 :
	    *spec == '/' ? spec : NULL;
	int fd = path != NULL ? open_unix(k, path) : open_inet(k, spec);
	char answer[17];

	if (fd == -1)
		return;
	if (send(fd, offer, sizeof offer - 1, MSG_NOSIGNAL) != sizeof offer - 1 ||
	    !read_exactly(fd, answer, sizeof answer) || answer[4] != 'O') {
		(void)failed(k, fd, spec, "what answers there is no milter");
		return;
	}
	(void)send(fd, quit, sizeof quit - 1, MSG_NOSIGNAL);
	k->answered = true;
	close(fd);
}

/* ---- the socketmap ---- */

void
knock_map(struct knock *k, const char *path)
{
	char question[sizeof SOCKETMAP_PROBE + NETSTRING_EXTRA], answer[5] = "";
	size_t n = netstring_write(question, sizeof question, STR(SOCKETMAP_PROBE));
	int fd = open_unix(k, path);
	const char *colon;

	if (fd == -1)
		return;
	if (send(fd, question, n, MSG_NOSIGNAL) == (ssize_t)n &&
	    read_exactly(fd, answer, sizeof answer - 1)) {
		colon = strchr(answer, ':');	/* LENGTH:NOTFOUND or LENGTH:OK */
		k->answered = colon != NULL && (colon[1] == 'N' || colon[1] == 'O');
	}
	if (!k->answered) {
		(void)failed(k, fd, path, "what answers there is no socketmap");
		return;
	}
	close(fd);
}
