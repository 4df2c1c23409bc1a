/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger_keep.c - what the ledger gives to the store, takes from it, and forgets */
#include "ledger_table.h"

#include <stdlib.h>
#include <string.h>

#include "stats.h"

#define SWEEP_PIECE 256 /* slots looked at under one lock: some 10 us */
#define DIRTY_KEPT  64	/* a longer list is given back after a cut: after a cut of everything it would stay for ever */

static void
cut_client(struct cut *c, struct shard *s, uint32_t slot, const struct addr *client)
{
	uint8_t buf[512], *big = buf;
	const struct record *r;
	size_t n;

	if (s->slots[slot] == 0) {
		cut_del(c, CUT_CLIENTS, client->b, sizeof client->b);
		return;
	}
	if (!(s->slots[slot] & SLOT_DIRTY))
		return; /* forgotten, come back, and written already */
	r = &entry_in(s, slot)->record;
	n = record_encode(r, buf, sizeof buf);
	if (n > sizeof buf) {
		big = xmalloc(n);
		record_encode(r, big, n);
	}
	cut_put(c, CUT_CLIENTS, client->b, sizeof client->b, big, n);
	if (big != buf)
		free(big);
	s->slots[slot] &= ~SLOT_DIRTY;
}

static void
touch_all(struct shard *s)
{
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slots[i] != 0)
			shard_touch(s, i);
}

static void
cut_shard(struct ledger *l, struct cut *c, struct shard *s, bool whole)
{
	pthread_mutex_lock(&s->lock);
	if (whole)
		touch_all(s);
	for (uint32_t k = 0; k < s->ndirty; k++)
		cut_client(c, s, slot_of(s, ledger_hash(l, &s->dirty[k]), &s->dirty[k]), &s->dirty[k]);
	s->ndirty = 0;
	if (s->dirty_size > DIRTY_KEPT) {
		free(s->dirty);
		s->dirty = NULL;
		s->dirty_size = 0;
	}
	pthread_mutex_unlock(&s->lock);
}

void
ledger_cut(struct ledger *l, struct cut *c, bool whole)
{
	unsigned first = c->shard;

	for (; c->shard < LEDGER_SHARDS; c->shard++) {
		c->more = c->len >= c->part;
		if (c->more)
			return;
		cut_shard(l, c, &l->shards[c->shard], whole);
	}
	for (unsigned i = 0; i < first; i++) /* what changed since the parts before this one, however much */
		cut_shard(l, c, &l->shards[i], false);
	c->shard = 0;
	c->more = false;
}

/* The key that a record from the store goes by.  Another ipv6_prefix than the one it was written under may make it part
 * of a larger client: then the old key is to go from the store. */
static struct addr
restored_client(struct ledger *l, const struct policy *p, const struct addr *key)
{
	struct addr client = addr_client(key, p->ipv6_prefix);

	if (!addr_eq(&client, key)) {
		struct shard *s = shard_of(l, ledger_hash(l, key));

		pthread_mutex_lock(&s->lock);
		shard_note_dirty(s, key);
		pthread_mutex_unlock(&s->lock);
	}
	return client;
}

void
ledger_turn_away(struct ledger *l)
{
	for (uint32_t i = 0; l->arrivals != NULL && i < l->arrivals->n; i++)
		record_clear(&l->arrivals->v[i].record);
	free(l->arrivals);
	l->arrivals = NULL;
}

/* The shard takes over what hangs off the record. */
static void
settle(struct ledger *l, struct shard *s, struct arrival *a)
{
	uint32_t slot;

	if (s->slots[slot_of(s, a->hash, &a->client)] != 0) {
		record_clear(&a->record);
		stat_add(STAT_CLIENTS_EVICTED, 1);
		return;
	}
	slot = shard_insert(l, s, a->hash, &a->client, &a->record);
	if (!addr_eq(&a->client, &a->stored))
		shard_touch(s, slot);
}

static void
settle_all(struct ledger *l, time_t now)
{
	struct arrivals *as = l->arrivals;

	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		pthread_mutex_lock(&l->shards[i].lock);
		for (uint32_t k = as->first[i]; k != 0; k = as->v[k - 1].next) {
			if (as->v[k - 1].next != 0)
				__builtin_prefetch(&as->v[as->v[k - 1].next - 1]);
			settle(l, &l->shards[i], &as->v[k - 1]);
		}
		pthread_mutex_unlock(&l->shards[i].lock);
		as->first[i] = as->last[i] = 0;
		ledger_make_room(l, now);
	}
	as->n = 0;
}

static void
arrive(struct arrivals *as, uint64_t h)
{
	unsigned shard = shard_number(h);

	as->n++;
	as->v[as->n - 1].next = 0;
	if (as->first[shard] == 0)
		as->first[shard] = as->n;
	else
		as->v[as->last[shard] - 1].next = as->n;
	as->last[shard] = as->n;
}

int
ledger_restore(struct ledger *l, const struct policy *p, const uint8_t *key, size_t klen, const uint8_t *val,
    size_t vlen, time_t now, struct err *e)
{
	struct arrival *a;

	if (klen != sizeof a->stored.b)
		return err_set(e, "client key of %zu bytes", klen);
	if (l->arrivals == NULL)
		l->arrivals = xcalloc(1, sizeof *l->arrivals);
	if (l->arrivals->n == ARRIVALS_MAX)
		settle_all(l, now);
	a = &l->arrivals->v[l->arrivals->n];
	memcpy(a->stored.b, key, sizeof a->stored.b);
	record_init(&a->record);
	if (record_decode(&a->record, val, vlen, e) == -1)
		return -1;
	a->client = restored_client(l, p, &a->stored);
	a->hash = ledger_hash(l, &a->client);
	arrive(l->arrivals, a->hash);
	return 0;
}

void
ledger_restored(struct ledger *l, time_t now)
{
	if (l->arrivals != NULL)
		settle_all(l, now);
	ledger_turn_away(l); /* there is nobody left */
}

/* Look at up to `n` slots from `at` on, under one lock; returns where to go on, UINT32_MAX: the shard is done. */
static uint32_t
sweep_piece(struct ledger *l, struct shard *s, uint32_t at, unsigned n, const struct policy *p, time_t now)
{
	pthread_mutex_lock(&s->lock);
	for (; n > 0 && at < s->size; n--)
		if (s->slots[at] != 0 && policy_forgets(p, &entry_in(s, at)->record, now))
			shard_forget(l, s, at); /* and look at this slot again: another may have moved in */
		else
			at++;
	at = at < s->size ? at : UINT32_MAX;
	pthread_mutex_unlock(&s->lock);
	return at;
}

void
ledger_sweep(struct ledger *l, const struct policy *p, time_t now, unsigned slots)
{
	for (unsigned done = 0, ends = 0; done < slots && ends <= LEDGER_SHARDS; done += SWEEP_PIECE) {
		l->sweep_slot = sweep_piece(l, &l->shards[l->sweep_shard], l->sweep_slot, SWEEP_PIECE, p, now);
		if (l->sweep_slot != UINT32_MAX)
			continue;
		l->sweep_slot = 0;
		l->sweep_shard = (l->sweep_shard + 1) % LEDGER_SHARDS;
		ends++;
	}
}
