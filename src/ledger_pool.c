/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger_pool.c - where the entries of one shard of the ledger lie */
#include "ledger_pool.h"

#include <stdlib.h>
#include <string.h>

uint32_t
pool_take(struct pool *p)
{
	uint32_t number = p->n;

	if (p->unused != 0) {
		number = p->unused - 1;
		memcpy(&p->unused, pool_entry(p, number), sizeof p->unused);
		return number;
	}
	if (p->n % POOL_BLOCK == 0) {
		p->blocks = xrealloc(p->blocks, (p->n / POOL_BLOCK + 1) * sizeof *p->blocks);
		p->blocks[p->n / POOL_BLOCK] = xmalloc(POOL_BLOCK * sizeof **p->blocks);
	}
	p->n++;
	return number;
}

void
pool_give_back(struct pool *p, uint32_t number)
{
	memcpy(pool_entry(p, number), &p->unused, sizeof p->unused);
	p->unused = number + 1;
}

void
pool_free(struct pool *p)
{
	for (uint32_t i = 0; i < p->n; i += POOL_BLOCK)
		free(p->blocks[i / POOL_BLOCK]);
	free(p->blocks);
	memset(p, 0, sizeof *p);
}
