/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keeper.c - who writes and rotates the logs */
#include "keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../unit/pack.h"
#include "../unit/unit.h"

#define HOURS	 11 /* before the test: within every span that counts */
#define PER_SEC	 100 /* lines */
#define KEPT	 60 /* rotated files: more than there can be between two looks of the daemon */
#define AT_ONCE	 12 /* lines */

unsigned
keeper_any(struct keeper *k, unsigned below)
{
	return (unsigned)rand_r(&k->seed) % below;
}

void
keeper_open(struct keeper *k, const char *dir, unsigned seed)
{
	memset(k, 0, sizeof *k);
	k->seed = seed;
	k->base = time(NULL) - HOURS * 3600;
	for (unsigned i = 0; i < LOGS; i++) {
		struct mail_log *l = &k->log[i];

		l->way = (enum way)i;
		(void)snprintf(l->path, sizeof l->path, "%s/mail%u.log", dir, i);
		(void)snprintf(k->paths[i], sizeof k->paths[i], "%s/mail%u.log", dir, i);
		(void)snprintf(k->wholes[i], sizeof k->wholes[i], "%s/whole%u", dir, i);
		l->fd = open(l->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		l->whole = open(k->wholes[i], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		assert_true(l->fd != -1 && l->whole != -1);
	}
}

void
keeper_close(struct keeper *k)
{
	for (unsigned i = 0; i < LOGS; i++) {
		(void)close(k->log[i].fd);
		(void)close(k->log[i].whole);
	}
}

/* --- lines --- */

/* One-time visitors, regular ones, and a few that abuse. */
static const char *
client(struct keeper *k, unsigned log, char buf[ADDR_TEXT])
{
	unsigned r = keeper_any(k, 10);

	if (r < 4)
		(void)snprintf(buf, ADDR_TEXT, "10.%u.%u.%u", 100 + log, keeper_any(k, 2), keeper_any(k, 8));
	else if (r < 9)
		(void)snprintf(buf, ADDR_TEXT, "10.%u.%u.%u", log, keeper_any(k, 60), keeper_any(k, 256));
	else
		(void)snprintf(buf, ADDR_TEXT, "2001:db8:%x:%x::%x", log + 1, keeper_any(k, 300), keeper_any(k, 65536));
	return buf;
}

static size_t
head(const struct keeper *k, const struct mail_log *l, char *buf, size_t size)
{
	time_t at = k->base + k->lines / PER_SEC;
	char stamp[32];
	struct tm tm;

	if (k->lines / PER_SEC >= HOURS * 3600)
		fail_msg("more lines than there is time for");
	(void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", gmtime_r(&at, &tm));
	return (size_t)snprintf(buf, size, "%s.%06uZ mx%d ", stamp, k->lines % PER_SEC * (1000000 / PER_SEC), (int)l->way);
}

static int
body(struct keeper *k, unsigned log, char *buf, size_t size)
{
	unsigned r = keeper_any(k, 100), n = keeper_any(k, 100000), pid = 1000 + keeper_any(k, 30);
	struct mail_log *l = &k->log[log];
	char ip[ADDR_TEXT];

	client(k, log, ip);
	if (l->due != 0 && r < 30) {
		r = l->due;
		l->due = 0;
		return snprintf(buf, size, "sm-mta[%u]: 4K%06u: from=<x@example.net>, size=0, class=0, nrcpts=0, proto=ESMTP, "
		    "daemon=MTA, relay=host.example.net [%s%s]\n", pid, r, strchr(ip, ':') == NULL ? "" : "IPv6:", ip);
	}
	if (r < 40)
		return snprintf(buf, size, "postfix/qmgr[901]: 4K%06u: removed\n", n);
	if (r < 50)
		return snprintf(buf, size, "dovecot: imap-login: Login: user=<user%u>, method=PLAIN, rip=%s, lip=192.0.2.10, "
		    "mpid=%u, TLS, session=<%x>\n", n % 300, ip, pid, n);
	if (r < 68)
		return snprintf(buf, size, "postfix/smtpd[%u]: NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1 Service "
		    "unavailable; Client host [%s] blocked using zen.example.net; from=<s%u@example.com> to=<a@example.org> "
		    "proto=ESMTP helo=<x.example.com>\n", pid, ip, ip, n);
	if (r < 78)
		return snprintf(buf, size, "postfix/smtpd[%u]: warning: unknown[%s]: SASL LOGIN authentication failed: "
		    "UGFzc3dvcmQ6, sasl_username=admin%u\n", pid, ip, n % 90);
	if (r < 88)
		return snprintf(buf, size, "postfix/smtpd[%u]: NOQUEUE: reject: RCPT from unknown[%s]: 550 5.1.1 "
		    "<n%u@example.org>: Recipient address rejected: User unknown in virtual mailbox table; "
		    "from=<s%u@example.com> to=<n%u@example.org> proto=ESMTP helo=<x>\n", pid, ip, n % 50, n, n % 50);
	if (r < 94 || l->due != 0)
		return snprintf(buf, size, "postfix/smtpd[%u]: NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1 "
		    "<x%u@example.net>: Relay access denied; from=<s@example.com> to=<x%u@example.net> proto=SMTP "
		    "helo=<ylmf-pc>\n", pid, ip, n, n);
	l->due = k->lines;
	return snprintf(buf, size, "sm-mta[%u]: 4K%06u: <n%u@example.org>... User unknown\n", pid, l->due, n);
}

static void
new_line(struct keeper *k, unsigned log)
{
	struct mail_log *l = &k->log[log];
	size_t n;

	k->lines++;
	n = head(k, l, l->line, sizeof l->line);
	l->len = n + (size_t)body(k, log, l->line + n, sizeof l->line - n);
	l->done = 0;
	if (l->len >= sizeof l->line)
		fail_msg("the test's own line is too long");
}

static void
put(struct mail_log *l, const char *p, size_t n)
{
	if (write(l->fd, p, n) != (ssize_t)n || write(l->whole, p, n) != (ssize_t)n)
		fail_msg("writing the log failed");
}

static void
finish_line(struct mail_log *l)
{
	put(l, l->line + l->done, l->len - l->done);
	l->done = l->len;
}

void
keeper_write(struct keeper *k)
{
	unsigned log = keeper_any(k, LOGS), n = keeper_any(k, AT_ONCE);
	struct mail_log *l = &k->log[log];

	finish_line(l);
	for (unsigned i = 0; i < n; i++) {
		new_line(k, log);
		finish_line(l);
	}
	if (keeper_any(k, 3) == 0) {
		new_line(k, log);
		n = keeper_any(k, (unsigned)l->len);
		put(l, l->line, n);
		l->done = n;
	}
}

/* --- rotations --- */

static void
name_of(const struct mail_log *l, unsigned number, bool packed, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s.%u%s", l->path, number, packed ? ".gz" : "");
}

static void
shift(struct mail_log *l)
{
	char from[PATH_ROOM + 16], to[PATH_ROOM + 16];

	for (unsigned i = l->newest < KEPT ? l->newest : KEPT; i > 0; i--)
		for (int packed = 0; packed < 2; packed++) {
			name_of(l, i, packed, from, sizeof from);
			name_of(l, i + 1, packed, to, sizeof to);
			(void)rename(from, to);
		}
	l->newest++;
}

static void
copy_and_truncate(const struct mail_log *l, const char *to)
{
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char block[8192];
	off_t at = 0;
	ssize_t n;

	for (; (n = pread(l->fd, block, sizeof block, at)) > 0; at += n)
		assert_int_equal(write(out, block, (size_t)n), n);
	(void)close(out);
	assert_int_equal(ftruncate(l->fd, 0), 0);
}

void
keeper_rotate(struct keeper *k)
{
	unsigned log = keeper_any(k, LOGS);
	struct mail_log *l = &k->log[log];
	char newest[PATH_ROOM + 16], second[PATH_ROOM + 16];

	new_line(k, log); /* an empty file leaves no mark to find the place by */
	finish_line(l);
	shift(l);
	name_of(l, 1, false, newest, sizeof newest);
	name_of(l, 2, false, second, sizeof second);
	if (l->way == COPY || l->way == COPY_PACK)
		copy_and_truncate(l, newest);
	else {
		assert_int_equal(rename(l->path, newest), 0);
		(void)close(l->fd);
		l->fd = open(l->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	if (l->way == RENAME_PACK || l->way == COPY_PACK)
		assert_int_equal(pack(newest, "gz", false), 0);
	else if (access(second, F_OK) == 0 && keeper_any(k, 2) == 0) /* "delaycompress" */
		assert_int_equal(pack(second, "gz", false), 0);
	new_line(k, log);
	finish_line(l);
	k->rotations++;
}

/* --- markers --- */

const char *
keeper_marker(const struct keeper *k, unsigned log, char buf[ADDR_TEXT])
{
	(void)snprintf(buf, ADDR_TEXT, "2001:db8:ffff:%x::1", k->markers * LOGS + log);
	return buf;
}

void
keeper_mark(struct keeper *k)
{
	char ip[ADDR_TEXT];

	k->markers++;
	for (unsigned i = 0; i < LOGS; i++) {
		struct mail_log *l = &k->log[i];
		size_t n;

		finish_line(l);
		n = head(k, l, l->line, sizeof l->line);
		l->len = n + (size_t)snprintf(l->line + n, sizeof l->line - n, "dovecot: imap-login: Login: user=<m>, "
		    "method=PLAIN, rip=%s, lip=192.0.2.10, mpid=1, TLS, session=<m>\n", keeper_marker(k, i, ip));
		l->done = 0;
		finish_line(l);
	}
}
