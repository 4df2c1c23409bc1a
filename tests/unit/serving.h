/* SPDX-License-Identifier: GPL-2.0-or-later */
/* serving.h - for the tests of the socket servers: a ledger with a clock of its own, and clients that wait for
 * events, with a limit that only a hanging test ever reaches */
#ifndef SERVING_H
#define SERVING_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline.h"
#include "unit.h"
#include "unixsock.h"

#define T0     1750000000
#define HANG_MS 60000

struct fake {
	char dir[64], path[96];
	struct policy policy;
	struct ledger *ledger;
	struct pipeline pipeline;
	_Atomic int64_t now;
};

static inline time_t
fake_now(void *arg)
{
	return (time_t)((struct fake *)arg)->now;
}

static inline const struct policy *
fake_policy_get(void *arg, void **hold)
{
	*hold = arg;
	return &((struct fake *)arg)->policy;
}

static inline void
fake_policy_put(void *arg, void *hold)
{
	assert_ptr_equal(arg, hold);
}

static inline void
fake_init(struct fake *f, const struct effects *fx)
{
	strcpy(f->dir, "/tmp/popauth-test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	(void)snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
	policy_defaults(&f->policy);
	f->ledger = ledger_new(1000000);
	f->now = T0;
	pipeline_init(&f->pipeline, f->ledger, fx);
}

static inline void
fake_done(struct fake *f)
{
	ledger_free(f->ledger);
	assert_int_equal(rmdir(f->dir), 0); /* the server has left nothing behind */
}

static inline void
fake_event(struct fake *f, enum event_kind kind, const char *addr, const char *user, const char *zone)
{
	struct event ev = { .kind = kind, .addr = address(addr), .time = fake_now(f), .user = str_of(user),
		.zone = str_of(zone), .rule = "test-rule", .evidence = STR("a line") };

	(void)pipeline_event(&f->pipeline, &f->policy, &ev, ev.time);
}

static inline int
dial(const struct fake *f)
{
	struct err e = { "" };
	int fd = unixsock_connect(f->path, &e);

	if (fd == -1)
		fail_msg("%s", e.text);
	return fd;
}

static inline void
say(int fd, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);

		if (k == -1 && (errno == EPIPE || errno == ECONNRESET))
			return; /* cut off: hear() will tell */
		if (k == -1)
			fail_msg("send: %s", strerror(errno));
		done += (size_t)k;
	}
}

/* What comes next, at most n bytes; 0 at the end. */
static inline size_t
hear(int fd, void *p, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t k;

	if (poll(&pfd, 1, HANG_MS) != 1)
		fail_msg("no answer");
	k = recv(fd, p, n, 0);
	if (k == -1 && errno == ECONNRESET)
		return 0;
	if (k == -1)
		fail_msg("recv: %s", strerror(errno));
	return (size_t)k;
}

/* All that comes until the end, or until n bytes have come; as a C string.  `buf` has room for n + 1. */
static inline size_t
hear_all(int fd, char *buf, size_t n)
{
	size_t got = 0, k;

	while (got < n && (k = hear(fd, buf + got, n - got)) > 0)
		got += k;
	buf[got] = '\0';
	return got;
}

/* One line, without its newline; "" at the end. */
static inline void
hear_line(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && hear(fd, buf + n, 1) == 1 && buf[n] != '\n')
		n++;
	buf[n] = '\0';
}

#endif
