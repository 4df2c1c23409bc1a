/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.c - counters since start */
#include "stats.h"

#include <stdatomic.h>

static _Atomic uint64_t counters[STATS];

static const struct {
	const char *name, *help;
} table[STATS] = {
#define X(id, name, help) { name, help },
	STATS_TABLE(X)
#undef X
};

void
stat_add(enum counter c, uint64_t n)
{
	atomic_fetch_add_explicit(&counters[c], n, memory_order_relaxed);
}

uint64_t
stat_get(enum counter c)
{
	return atomic_load_explicit(&counters[c], memory_order_relaxed);
}

const char *
stat_name(enum counter c)
{
	return table[c].name;
}

const char *
stat_help(enum counter c)
{
	return table[c].help;
}
