/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta.c - the MTA's side of the milter protocol */
#include "mta.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PACKET 65536

int
mta_open(struct mta *m, const char *socket_path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };

	memset(m, 0, sizeof *m);
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s", socket_path);
	m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (m->fd == -1)
		return -1;
	(void)setsockopt(m->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(m->fd, (const struct sockaddr *)&sun, sizeof sun) == 0)
		return 0;
	close(m->fd);
	m->fd = -1;
	return -1;
}

static void
put32(char *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof v);
}

static uint32_t
get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return ntohl(v);
}

/* Errors show as MTA_EOF when the answer is read. */
void
mta_send(struct mta *m, char command, const void *data, size_t len)
{
	char buf[PACKET];
	size_t done = 0;
	ssize_t n = 0;

	if (len > sizeof buf - 5)
		len = sizeof buf - 5;
	put32(buf, (uint32_t)len + 1);
	buf[4] = command;
	if (len > 0)
		memcpy(buf + 5, data, len);
	for (; done < len + 5 && n >= 0; done += (size_t)n)
		n = send(m->fd, buf + done, len + 5 - done, MSG_NOSIGNAL);
}

/* A wait with a limit is cut short, too, when the process was stopped and goes on. */
static ssize_t
get_some(struct mta *m, void *p, size_t len)
{
	ssize_t n;

	do
		n = recv(m->fd, p, len, 0);
	while (n == -1 && errno == EINTR);
	return n;
}

static bool
get_bytes(struct mta *m, void *p, size_t len)
{
	size_t done = 0;
	ssize_t n;

	for (; done < len; done += (size_t)n)
		if ((n = get_some(m, (char *)p + done, len - done)) <= 0)
			return false;
	return true;
}

static enum mta_answer
get_answer(struct mta *m)
{
	char head[5];

	m->len = 0;
	m->text[0] = '\0';
	if (!get_bytes(m, head, sizeof head) || get32(head) == 0 || get32(head) > sizeof m->text)
		return MTA_EOF;
	m->len = get32(head) - 1;
	if (!get_bytes(m, m->text, m->len))
		return MTA_EOF;
	m->text[m->len] = '\0';
	return (enum mta_answer)head[4];
}

enum mta_answer
mta_command(struct mta *m, char command, const void *data, size_t len)
{
	mta_send(m, command, data, len);
	return get_answer(m);
}

enum mta_answer
mta_negotiate(struct mta *m, uint32_t version, uint32_t actions, uint32_t steps)
{
	char buf[12];
	enum mta_answer a;

	put32(buf, version);
	put32(buf + 4, actions);
	put32(buf + 8, steps);
	a = mta_command(m, 'O', buf, sizeof buf);
	if (a == MTA_NEGOTIATED && m->len >= sizeof buf) {
		m->version = get32(m->text);
		m->actions = get32(m->text + 4);
		m->steps = get32(m->text + 8);
	}
	return a;
}

void
mta_macros(struct mta *m, int command, ...)
{
	char buf[PACKET / 2];
	size_t len = 1;
	const char *s;
	va_list ap;

	buf[0] = (char)command;
	va_start(ap, command);
	while ((s = va_arg(ap, const char *)) != NULL && len + strlen(s) < sizeof buf) {
		memcpy(buf + len, s, strlen(s) + 1);
		len += strlen(s) + 1;
	}
	va_end(ap);
	mta_send(m, 'D', buf, len);
}

enum mta_answer
mta_client(struct mta *m, const char *ip)
{
	char buf[256];
	uint16_t port = htons(40000);
	size_t len = (size_t)snprintf(buf, 200, "client.example") + 1;

	if (ip == NULL) {
		buf[len++] = 'U';
		return mta_command(m, 'C', buf, len);
	}
	buf[len++] = ip[0] == '/' ? 'L' : strchr(ip, ':') != NULL ? '6' : '4';
	memcpy(buf + len, &port, sizeof port);
	len += sizeof port;
	len += (size_t)snprintf(buf + len, sizeof buf - len, "%s", ip) + 1;
	return mta_command(m, 'C', buf, len);
}

static enum mta_answer
with_text(struct mta *m, char command, const char *text)
{
	return mta_command(m, command, text, strlen(text) + 1);
}

enum mta_answer
mta_helo(struct mta *m, const char *name)
{
	return with_text(m, 'H', name);
}

enum mta_answer
mta_mail(struct mta *m, const char *sender)
{
	return with_text(m, 'M', sender);
}

enum mta_answer
mta_rcpt(struct mta *m, const char *recipient)
{
	return with_text(m, 'R', recipient);
}

void
mta_abort(struct mta *m)
{
	mta_send(m, 'A', NULL, 0);
}

void
mta_next(struct mta *m)
{
	mta_send(m, 'K', NULL, 0);
}

size_t
mta_vanish(struct mta *m)
{
	char rest[256];
	size_t came = 0;
	ssize_t n;

	/* The filter closes its end when it has done with the session. */
	(void)shutdown(m->fd, SHUT_WR);
	while ((n = get_some(m, rest, sizeof rest)) > 0)
		came += (size_t)n;
	close(m->fd);
	m->fd = -1;
	return came;
}

void
mta_quit(struct mta *m)
{
	mta_send(m, 'Q', NULL, 0);
	(void)mta_vanish(m);
}
