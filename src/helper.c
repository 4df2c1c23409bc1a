/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper.c - popauth-firewall: arguments, and the keeper
 *
 * The daemon starts it with one end of a socket pair as descriptor 3 and talks to nobody else; see fwproto.h.
 *
 * libipset reports some mistakes by ending the process, and the daemon has no right to start another helper.  So this
 * is two processes: the worker does the work, and the keeper, which holds the same single capability and hears
 * nothing, starts a new worker when one has died.  Both end when the daemon closes the socket.
 *
 * With --create-only it makes the empty sets and ends: for the time before the firewall's rules are loaded, which
 * refuse to load when they name a set that is not there.
 */
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

#define LIVED_WELL  10	 /* seconds after which a worker's death starts the back-off anew */
#define BACKOFF_MIN 50	 /* milliseconds */
#define BACKOFF_MAX 5000

static _Noreturn void
usage(void)
{
	fputs("usage: popauth-firewall [--create-only] [--set4 NAME] [--set6 NAME] [--ipv6-prefix N]\n"
	      "                        [--maxelem N] [--user NAME]\n"
	      "started by popauth-milter, with a socket as descriptor 3; by hand only with --create-only\n",
	    stderr);
	exit(EX_USAGE);
}

static unsigned long
number(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max)
		usage();
	return n;
}

static void
take_name(char *dst, const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= FW_SETNAME || name[0] == '-' ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:")] != '\0')
		usage();
	memcpy(dst, name, n + 1);
}

static void
parse(int argc, char **argv, struct helper_conf *c)
{
	static const struct option options[] = {
		{ "create-only", no_argument, NULL, 'c' },	{ "set4", required_argument, NULL, '4' },
		{ "set6", required_argument, NULL, '6' },	{ "ipv6-prefix", required_argument, NULL, 'p' },
		{ "maxelem", required_argument, NULL, 'm' },	{ "user", required_argument, NULL, 'u' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	*c = (struct helper_conf){ .name = { "popauth4", "popauth6" }, .ipv6_prefix = 64, .maxelem = 1048576 };
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			c->create_only = true;
			break;
		case '4':
			take_name(c->name[FW_SET4], optarg);
			break;
		case '6':
			take_name(c->name[FW_SET6], optarg);
			break;
		case 'p':
			c->ipv6_prefix = (uint8_t)number(optarg, 1, 128);
			break;
		case 'm':
			c->maxelem = (uint32_t)number(optarg, 1, 1UL << 28);
			break;
		case 'u':
			c->user = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || strcmp(c->name[FW_SET4], c->name[FW_SET6]) == 0)
		usage();
}

/* Wait before the next worker; true: the daemon has gone meanwhile. */
static bool
backoff_wait(int ms)
{
	struct pollfd p = { .fd = FW_FD, .events = POLLRDHUP };

	return poll(&p, 1, ms) == 1;
}

static _Noreturn void
worker_start(const struct helper_conf *c, uint32_t generation, pid_t keeper)
{
	/* Without its keeper a worker would be one that nobody starts again. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != keeper)
		_exit(EX_OSERR);
	_exit(worker_run(c, generation));
}

/* Start workers until one ends because the daemon has gone. */
static int
keep(const struct helper_conf *c)
{
	struct timespec born, died;
	pid_t self = getpid(), pid;
	int status, ms = 0;

	for (uint32_t generation = 1;; generation++) {
		clock_gettime(CLOCK_MONOTONIC, &born);
		pid = fork();
		if (pid == 0)
			worker_start(c, generation, self);
		if (pid != -1 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
			return EX_OK;
		clock_gettime(CLOCK_MONOTONIC, &died);
		if (died.tv_sec - born.tv_sec >= LIVED_WELL)
			ms = 0;
		if (backoff_wait(ms))
			return EX_OK;
		ms = ms == 0 ? BACKOFF_MIN : 2 * ms < BACKOFF_MAX ? 2 * ms : BACKOFF_MAX;
	}
}

int
main(int argc, char **argv)
{
	struct helper_conf c;
	struct err e;

	parse(argc, argv, &c);
	if (!c.create_only && fcntl(FW_FD, F_GETFD) == -1)
		usage();
	close_range(FW_FD + (c.create_only ? 0 : 1), ~0U, 0);
	/* They are sent to the whole group, and our end is the daemon's closing the socket, after it is done with us. */
	if (!c.create_only) {
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
	}
	kset_load();
	if (priv_drop(c.user, &e) == -1 || (!c.create_only && priv_confine_keeper(&e) == -1)) {
		fprintf(stderr, "popauth-firewall: %s\n", e.text);
		if (!c.create_only)
			reply_trouble(e.text);
		return EX_NOPERM;
	}
	if (c.create_only)
		return worker_run(&c, 0);
	_exit(keep(&c)); /* confined: whatever would run at exit may ask for more than is left */
}
