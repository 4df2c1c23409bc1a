/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall_spawn.c - start the firewall helper
 *
 * Apart from the rest of the daemon's side because it runs at another time: before any thread, and with whatever
 * privileges the daemon was started with.  The helper inherits its socket, standard error for a word on why it cannot
 * start, and an empty environment.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

#include "firewall.h"

static int
spawn(const struct firewall_conf *c, int fd, pid_t *pid, struct err *e)
{
	char prefix[16], maxelem[24];
	char *const env[] = { NULL };
	char *argv[] = { (char *)"popauth-firewall", (char *)"--set4", (char *)c->set4, (char *)"--set6",
		(char *)c->set6, (char *)"--ipv6-prefix", prefix, (char *)"--maxelem", maxelem, (char *)"--user",
		(char *)c->user, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;

	snprintf(prefix, sizeof(prefix), "%u", c->ipv6_prefix);
	snprintf(maxelem, sizeof(maxelem), "%lu", c->maxelem != 0 ? c->maxelem : 1048576);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&files, 0, 1);
	posix_spawn_file_actions_adddup2(&files, fd, FW_FD);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	errno = posix_spawn(pid, c->helper, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return errno == 0 ? 0 : err_sys(e, "cannot start %s", c->helper);
}

int
firewall_spawn(const struct firewall_conf *c, struct firewall_helper *h, struct err *e)
{
	int sv[2], rc;

	*h = (struct firewall_helper){ .fd = -1, .pid = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == -1)
		return err_sys(e, "cannot make a socket pair for the firewall helper");
	rc = spawn(c, sv[1], &h->pid, e);
	close(sv[1]);
	if (rc == -1) {
		close(sv[0]);
		return -1;
	}
	h->fd = sv[0];
	return 0;
}
