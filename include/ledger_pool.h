/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger_pool.h - where the entries of one shard of the ledger lie; for ledger.c only
 *
 * An entry is known by its number, half as large as a pointer, and entries lie side by side without an allocator's
 * bookkeeping: together some 20 bytes less for each client.  Room once taken stays with the pool until the end, for the
 * next entries.  Entries do not move.
 */
#ifndef LEDGER_POOL_H
#define LEDGER_POOL_H

#include "record.h"

#define POOL_BLOCK 32 /* entries that are made room for at a time */

struct entry {
	struct addr client;
	struct record record;
};

struct pool {
	struct entry **blocks;
	uint32_t n;	/* numbers given out so far */
	uint32_t unused; /* 1 + the first of those given back, which are a list; 0: none */
};

static inline struct entry *
pool_entry(const struct pool *p, uint32_t number)
{
	return &p->blocks[number / POOL_BLOCK][number % POOL_BLOCK];
}

/* All zero is an empty pool.  The entry is not cleared. */
uint32_t pool_take(struct pool *p);
/* What hangs off its record must be gone. */
void pool_give_back(struct pool *p, uint32_t number);
void pool_free(struct pool *p);

#endif
