/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench.h - what benchmarks have in common */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The clock of a host that is part of the benchmark. */
static inline time_t
wall_clock(void *arg)
{
	(void)arg;
	return time(NULL);
}

static inline void
must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

#endif
