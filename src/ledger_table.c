/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger_table.c - the ledger's table: entries come, go, and make room for others */
#include "ledger_table.h"

#include <stdlib.h>

#include "stats.h"

#define RIVALS	  8  /* how many are compared when one must go */
#define RIVALS_MAX 64 /* while each of them is of value */

void
shard_note_dirty(struct shard *s, const struct addr *client)
{
	if (s->ndirty == s->dirty_size) {
		s->dirty_size = s->dirty_size == 0 ? 8 : s->dirty_size * 2;
		s->dirty = xrealloc(s->dirty, s->dirty_size * sizeof *s->dirty);
	}
	s->dirty[s->ndirty++] = *client;
}

static void
grow(struct ledger *l, struct shard *s)
{
	uint32_t *old = s->slots, size = s->size;

	s->size *= 2;
	s->slots = xcalloc(s->size, sizeof *s->slots);
	for (uint32_t i = 0; i < size; i++) {
		const struct addr *client;

		if (i + AHEAD < size && old[i + AHEAD] != 0)
			__builtin_prefetch(pool_entry(&s->pool, (old[i + AHEAD] & SLOT_NUMBER) - 1));
		if (old[i] == 0)
			continue;
		client = &pool_entry(&s->pool, (old[i] & SLOT_NUMBER) - 1)->client;
		s->slots[slot_of(s, ledger_hash(l, client), client)] = old[i];
	}
	free(old);
}

/* And close the gap behind it. */
void
shard_forget(struct ledger *l, struct shard *s, uint32_t i)
{
	struct entry *en = entry_in(s, i);

	if (!(s->slots[i] & SLOT_DIRTY))
		shard_note_dirty(s, &en->client);
	record_clear(&en->record);
	pool_give_back(&s->pool, number_in(s, i));
	s->used--;
	atomic_fetch_sub(&l->clients, 1);
	for (uint32_t k = (i + 1) & (s->size - 1); s->slots[k] != 0; k = (k + 1) & (s->size - 1)) {
		uint32_t home = (uint32_t)ledger_hash(l, &entry_in(s, k)->client) & (s->size - 1);

		if (((k - home) & (s->size - 1)) < ((k - i) & (s->size - 1)))
			continue; /* at home between the gap and here: it stays */
		s->slots[i] = s->slots[k];
		i = k;
	}
	s->slots[i] = 0;
}

/* What would be lost with this record: an administrator's word weighs most, then what is in force, then who is known to
 * behave, then how recently it was heard of. */
#define WORTH_SHIFT 32
static uint64_t
worth(const struct record *r, time_t now)
{
	uint64_t weight = 0;

	if (record_in(r, SET_BLOCK, now))
		weight += r->blocked_by == BY_HAND ? 16 : 8;
	if (record_in(r, SET_RELAY, now))
		weight += 8;
	if (record_in(r, SET_CACHE, now))
		weight += r->cached_kind == EVENT_KINDS ? 16 : 4;
	if (r->login > 0 && now < (time_t)r->login + POLICY_GOOD)
		weight += 2;
	return weight << WORTH_SHIFT | r->seen;
}

/* The one to go, as far as looked. */
struct loser {
	struct addr client;
	uint64_t worth;
	unsigned rivals; /* how many were compared */
};

/* Compare the next few of one shard, so that in the end each has its turn. */
static void
compare_rivals(struct shard *s, time_t now, struct loser *worst)
{
	unsigned seen = 0;

	pthread_mutex_lock(&s->lock);
	for (uint32_t n = 0; n < s->size && seen < RIVALS; n++) {
		uint32_t i = s->hand++ & (s->size - 1);
		uint64_t w;

		if (s->slots[i] == 0)
			continue;
		seen++;
		w = worth(&entry_in(s, i)->record, now);
		if (worst->rivals++ == 0 || w < worst->worth) {
			worst->worth = w;
			worst->client = entry_in(s, i)->client;
		}
	}
	pthread_mutex_unlock(&s->lock);
}

/* Above max_clients the least worth of the next few go.  Where all of these are of value more are looked at: whoever
 * brings clients in any number, as an attacker with many addresses can, pushes out what is of no value, and that is
 * mostly his own. */
void
ledger_make_room(struct ledger *l, time_t now)
{
	while (atomic_load(&l->clients) > l->max_clients) {
		struct loser worst = { .rivals = 0 };
		struct shard *s;
		uint32_t slot;
		uint64_t h;

		for (unsigned n = 0; n < LEDGER_SHARDS && (worst.rivals < RIVALS ||
		    (worst.rivals < RIVALS_MAX && worst.worth >> WORTH_SHIFT > 0)); n++)
			compare_rivals(&l->shards[atomic_fetch_add(&l->hand, 1) % LEDGER_SHARDS], now, &worst);
		if (worst.rivals == 0)
			return;
		h = ledger_hash(l, &worst.client);
		s = shard_of(l, h);
		pthread_mutex_lock(&s->lock);
		slot = slot_of(s, h, &worst.client);
		if (s->slots[slot] != 0) { /* else another thread was quicker */
			shard_forget(l, s, slot);
			stat_add(STAT_CLIENTS_EVICTED, 1);
		}
		pthread_mutex_unlock(&s->lock);
	}
}

uint32_t
shard_insert(struct ledger *l, struct shard *s, uint64_t h, const struct addr *client, const struct record *r)
{
	uint32_t slot, number;

	if ((s->used + 1) * 4 > s->size * 3)
		grow(l, s);
	number = pool_take(&s->pool);
	if (number >= SLOT_NUMBER)
		panic("more than %u clients in one of %d shards", SLOT_NUMBER, LEDGER_SHARDS);
	*pool_entry(&s->pool, number) = (struct entry){ .client = *client, .record = *r };
	slot = slot_of(s, h, client);
	s->slots[slot] = tag_of(h) | (number + 1);
	s->used++;
	atomic_fetch_add(&l->clients, 1);
	return slot;
}

void
shard_empty(struct shard *s)
{
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slots[i] != 0) {
			record_clear(&entry_in(s, i)->record);
			s->slots[i] = 0;
		}
	pool_free(&s->pool);
	s->used = 0;
	s->ndirty = 0;
}
