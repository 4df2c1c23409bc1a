/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger_table.h - the table that the ledger is; for ledger*.c only
 *
 * Each shard is an open-addressed table of entries' numbers (linear probing, deletion by moving back), at most three
 * quarters full, a pool that the entries lie in, and a list of the keys that changed since the last cut.  The hash is
 * keyed at random in each run: nobody can choose addresses that fall into one place.
 *
 * What is named shard_ wants the shard's lock held; ledger_make_room() takes the locks that it needs.
 */
#ifndef LEDGER_TABLE_H
#define LEDGER_TABLE_H

#include "ledger.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "addrhash.h"
#include "ledger_pool.h"

/* A slot: 0 is free; else 1 + an entry's number, some bits of the hash so that strangers are known without a look at the
 * entry, which lies far away, and whether its key is on the shard's list. */
#define SLOT_NUMBER 0x3ffffu
#define SLOT_TAG    0x7ffc0000u
#define SLOT_DIRTY  0x80000000u

#define AHEAD 12 /* entries of a walk that are fetched while one is looked at: a fifth less time with a million */

struct shard {
	alignas(64) pthread_mutex_t lock; /* a leaf; guards all below */
	uint32_t *slots;
	uint32_t size, used;
	struct pool pool;
	struct addr *dirty;
	uint32_t ndirty, dirty_size;
	uint32_t hand; /* the slot that ledger_make_room() goes on from */
};

/* Records from the store.  It tells clients in the order of their addresses, and neighbours there lie far apart here: each
 * would take its shard's memory out of the processor's cache again.  So they are gathered, and go in shard by shard. */
#define ARRIVALS_MAX 8192 /* a megabyte */
struct arrival {
	struct addr stored, client;
	uint64_t hash;
	struct record record;
	uint32_t next; /* of its shard, in the order of the store; 1 + its index, 0: none */
};

struct arrivals {
	uint32_t n, first[LEDGER_SHARDS], last[LEDGER_SHARDS]; /* 1 + an index; 0: none */
	struct arrival v[ARRIVALS_MAX];
};

struct ledger {
	struct shard shards[LEDGER_SHARDS];
	struct arrivals *arrivals; /* the restoring thread's own; NULL: none */
	uint64_t salt;
	size_t max_clients;
	_Atomic size_t clients;
	_Atomic unsigned hand; /* the shard that ledger_make_room() goes on from */
	unsigned sweep_shard; /* ledger_sweep()'s own: where it goes on */
	uint32_t sweep_slot;
};

static inline uint32_t
number_in(const struct shard *s, uint32_t slot)
{
	return (s->slots[slot] & SLOT_NUMBER) - 1;
}

/* What is in this slot, which is not free. */
static inline struct entry *
entry_in(const struct shard *s, uint32_t slot)
{
	return pool_entry(&s->pool, number_in(s, slot));
}

static inline uint64_t
ledger_hash(const struct ledger *l, const struct addr *a)
{
	return addrhash(a, l->salt);
}

static inline unsigned
shard_number(uint64_t h)
{
	return (unsigned)(h >> 54);
}

static inline struct shard *
shard_of(struct ledger *l, uint64_t h)
{
	return &l->shards[shard_number(h)];
}

_Static_assert(LEDGER_SHARDS == 1u << (64 - 54), "shard_number takes as many bits of the hash as there are shards");

static inline uint32_t
tag_of(uint64_t h)
{
	return (uint32_t)(h >> 22) & SLOT_TAG; /* neither the shard's bits nor the slot's */
}

/* The slot that holds the client, or the free one where it belongs. */
static inline uint32_t
slot_of(const struct shard *s, uint64_t h, const struct addr *client)
{
	uint32_t i = (uint32_t)h & (s->size - 1), tag = tag_of(h);

	while (s->slots[i] != 0 &&
	    ((s->slots[i] & SLOT_TAG) != tag || !addr_eq(&entry_in(s, i)->client, client)))
		i = (i + 1) & (s->size - 1);
	return i;
}

/* The key is to be written, or taken out of the store, at the next cut. */
void shard_note_dirty(struct shard *s, const struct addr *client);

static inline void
shard_touch(struct shard *s, uint32_t slot)
{
	if (s->slots[slot] & SLOT_DIRTY)
		return;
	s->slots[slot] |= SLOT_DIRTY;
	shard_note_dirty(s, &entry_in(s, slot)->client);
}

/* The entry takes over what hangs off *r.  Returns its slot. */
uint32_t shard_insert(struct ledger *l, struct shard *s, uint64_t h, const struct addr *client, const struct record *r);
/* Take out the entry in slot i; another may move into the slot. */
void shard_forget(struct ledger *l, struct shard *s, uint32_t i);
/* Take out all of them, leaving nothing to be cut. */
void shard_empty(struct shard *s);
/* Above max_clients the least of value go.  Call it without a lock. */
void ledger_make_room(struct ledger *l, time_t now);

/* Let go what ledger_restore() has gathered. */
void ledger_turn_away(struct ledger *l);

#endif
