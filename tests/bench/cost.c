/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cost.c - what a command costs
 *
 *	cost FILE COMMAND [ARGUMENT]...
 *
 * Runs it and writes one line to FILE: microseconds of processor time (user and system), microseconds on the clock,
 * and the most memory it had, in kB.  Exits as the command does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long
us_of(struct timeval t)
{
	return t.tv_sec * 1000000L + t.tv_usec;
}

int
main(int argc, char **argv)
{
	struct timespec from, to;
	struct rusage used;
	int status;
	pid_t pid;
	FILE *out;

	if (argc < 3 || clock_gettime(CLOCK_MONOTONIC, &from) == -1 || (pid = fork()) == -1)
		return 2;
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &used) == -1 || clock_gettime(CLOCK_MONOTONIC, &to) == -1 ||
	    (out = fopen(argv[1], "w")) == NULL) {
		perror("cost");
		return 2;
	}
	fprintf(out, "%ld %ld %ld\n", us_of(used.ru_utime) + us_of(used.ru_stime),
	    (to.tv_sec - from.tv_sec) * 1000000L + (to.tv_nsec - from.tv_nsec) / 1000, used.ru_maxrss);
	return fclose(out) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
