/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nobody takes our messages: standard error is a full pipe, and (where there may be a /dev of our own) syslogd is stuck.
 * The MTA gets its answers all the same. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "logmsg.h"
#include "rig.h"
#include "stats.h"

#define SESSIONS 500 /* refused, each with a message of its own */

static bool own_dev;
static int saved, out[2], syslogd = -1;

/* Before any thread is there. */
static bool
take_dev(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", "/dev", "tmpfs", 0, NULL) == 0;
}

static void
fill(int fd)
{
	static const char nothing[4096];
	int flags = fcntl(fd, F_GETFL);

	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, nothing, sizeof nothing) > 0)
		;
	while (write(fd, nothing, 1) > 0)
		;
	(void)fcntl(fd, F_SETFL, flags);
}

static int
stuck_pipe(void **state)
{
	(void)rig_plain(state);
	saved = dup(STDERR_FILENO);
	if (saved == -1 || pipe(out) == -1 || dup2(out[1], STDERR_FILENO) == -1)
		return -1;
	fill(out[1]);
	return 0;
}

/* It listens, and never reads. */
static int
stuck_syslogd(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd;

	(void)rig_plain(state);
	if (!own_dev)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	syslogd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd == -1 || syslogd == -1 || bind(syslogd, (struct sockaddr *)&sun, sizeof sun) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof sun) == -1)
		return -1;
	fill(fd);
	close(fd);
	return 0;
}

static unsigned
refused_sessions(void)
{
	enum mta_answer is = MTA_TEXT;
	unsigned n = 0;
	struct mta m;

	rig_listed("203.0.113.80", "zen.example.net");
	while (n < SESSIONS && is == MTA_TEXT) {
		rig_open(&m);
		(void)mta_client(&m, "203.0.113.80");
		(void)mta_mail(&m, "<someone@example.com>");
		is = mta_rcpt(&m, "<you@example.org>");
		n += is == MTA_TEXT;
		mta_quit(&m);
	}
	return n;
}

static void
answers_beside_a_full_pipe(void **state)
{
	uint64_t lost = stat_get(STAT_MESSAGES_LOST), left_out = stat_get(STAT_MESSAGES_LEFT_OUT);
	unsigned n;
	struct err e;
	int rc;

	(void)state;
	logmsg_open("test", true);
	rc = logmsg_start(&e);
	n = refused_sessions();
	close(out[0]); /* who waits is told now that nobody will ever read */
	dup2(saved, STDERR_FILENO);
	close(out[1]);
	logmsg_stop();
	assert_int_equal(rc, 0);
	assert_int_equal(n, SESSIONS);
	assert_true(stat_get(STAT_MESSAGES_LOST) > lost);
	assert_true(stat_get(STAT_MESSAGES_LEFT_OUT) > left_out);
}

static void
answers_beside_a_stuck_syslogd(void **state)
{
	unsigned n;
	struct err e;
	int rc;

	(void)state;
	if (!own_dev) {
		print_message("needs root and a mount namespace\n");
		skip();
	}
	logmsg_open("test", false);
	rc = logmsg_start(&e);
	n = refused_sessions();
	close(syslogd);
	logmsg_stop();
	assert_int_equal(rc, 0);
	assert_int_equal(n, SESSIONS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(answers_beside_a_full_pipe, stuck_pipe),
		cmocka_unit_test_setup(answers_beside_a_stuck_syslogd, stuck_syslogd),
	};

	own_dev = take_dev();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(300);
	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
