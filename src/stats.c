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
stat_add(enum stat s, uint64_t n)
{
	atomic_fetch_add_explicit(&counters[s], n, memory_order_relaxed);
}

uint64_t
stat_get(enum stat s)
{
	return atomic_load_explicit(&counters[s], memory_order_relaxed);
}

const char *
stat_name(enum stat s)
{
	return table[s].name;
}

const char *
stat_help(enum stat s)
{
	return table[s].help;
}
