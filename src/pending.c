/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pending.c - addresses that wait, each once: a list, and a table of places in it
 *
 * The table is twice the list's size and is cleaned entry by entry, so that emptying costs what was in it.
 */
#include <sys/random.h>

#include <stdint.h>
#include <stdlib.h>

#include "addrhash.h"
#include "err.h"
#include "pending.h"

struct waiting {
	struct addr addr;
	unsigned slot;
};

struct pending {
	unsigned max, n, at;
	uint64_t salt;
	unsigned *slot; /* place in the list + 1; 0 = free */
	struct waiting list[];
};

struct pending *
pending_new(unsigned max)
{
	struct pending *p = xcalloc(1, sizeof(*p) + max * sizeof(p->list[0]));

	p->max = max;
	p->slot = xcalloc(2UL * max, sizeof(*p->slot));
	if (getrandom(&p->salt, sizeof(p->salt), 0) != (ssize_t)sizeof(p->salt))
		p->salt = (uint64_t)(uintptr_t)p;
	return p;
}

void
pending_free(struct pending *p)
{
	if (p == NULL)
		return;
	free(p->slot);
	free(p);
}

bool
pending_add(struct pending *p, const struct addr *a)
{
	unsigned i = (unsigned)addrhash(a, p->salt) & (2 * p->max - 1);

	for (; p->slot[i] != 0; i = (i + 1) & (2 * p->max - 1))
		if (addr_eq(&p->list[p->slot[i] - 1].addr, a))
			return true;
	if (p->n == p->max)
		return false;
	p->list[p->n] = (struct waiting){ *a, i };
	p->slot[i] = ++p->n;
	return true;
}

bool
pending_empty(const struct pending *p)
{
	return p->n == 0;
}

bool
pending_next(struct pending *p, struct addr *out)
{
	if (p->n == 0)
		return false;
	*out = p->list[p->at++].addr;
	if (p->at < p->n)
		return true;
	while (p->n > 0)
		p->slot[p->list[--p->n].slot] = 0;
	p->at = 0;
	return true;
}
