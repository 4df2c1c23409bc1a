/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - all that is known of all clients, in memory
 *
 * Each shard is an open-addressed table of entries' numbers (linear probing, deletion by moving back), at most three
 * quarters full, a pool that the entries lie in, and a list of the keys that changed since the last cut.  The hash is keyed at random in each run: nobody can
 * choose addresses that fall into one place.
 */
#include "ledger.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "addrhash.h"
#include "ledger_pool.h"
#include "stats.h"

#define AHEAD 12 /* entries of a walk that are fetched while one is looked at: a fifth less time with a million */
#define SHARD_MIN 8 /* slots; a power of two */

/* A slot: 0 is free; else 1 + an entry's number, some bits of the hash so that strangers are known without a look at the
 * entry, which lies far away, and whether its key is on the shard's list. */
#define SLOT_NUMBER 0x3ffffu
#define SLOT_TAG    0x7ffc0000u
#define SLOT_DIRTY  0x80000000u
#define RIVALS	  8  /* how many are compared when one must go */
#define RIVALS_MAX 64 /* while each of them is of value */

#define SWEEP_PIECE 256 /* slots looked at under one lock: some 10 us */
#define DIRTY_KEPT  64	/* a longer list is given back after a cut: after a cut of everything it would stay for ever */

struct shard {
	alignas(64) pthread_mutex_t lock; /* a leaf; guards all below */
	uint32_t *slots;
	uint32_t size, used;
	struct pool pool;
	struct addr *dirty;
	uint32_t ndirty, dirty_size;
	uint32_t hand; /* the slot that make_room() goes on from */
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
	_Atomic unsigned hand; /* the shard that make_room() goes on from */
	unsigned sweep_shard; /* ledger_sweep()'s own: where it goes on */
	uint32_t sweep_slot;
};

struct ledger *
ledger_new(size_t max_clients)
{
	struct ledger *l = aligned_alloc(64, sizeof *l);

	if (l == NULL)
		panic("out of memory asking for a ledger");
	memset(l, 0, sizeof *l);
	l->max_clients = max_clients;
	if (getrandom(&l->salt, sizeof l->salt, 0) != (ssize_t)sizeof l->salt)
		panic("no random numbers from the system");
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		pthread_mutex_init(&s->lock, NULL);
		s->size = SHARD_MIN;
		s->slots = xcalloc(s->size, sizeof *s->slots);
	}
	return l;
}

static uint32_t
number_in(const struct shard *s, uint32_t slot)
{
	return (s->slots[slot] & SLOT_NUMBER) - 1;
}

/* What is in this slot, which is not free. */
static struct entry *
entry_in(const struct shard *s, uint32_t slot)
{
	return pool_entry(&s->pool, number_in(s, slot));
}

static void
empty(struct shard *s)
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

static void
turn_away(struct ledger *l)
{
	for (uint32_t i = 0; l->arrivals != NULL && i < l->arrivals->n; i++)
		record_clear(&l->arrivals->v[i].record);
	free(l->arrivals);
	l->arrivals = NULL;
}

void
ledger_clear(struct ledger *l)
{
	turn_away(l);
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		pthread_mutex_lock(&l->shards[i].lock);
		empty(&l->shards[i]);
		pthread_mutex_unlock(&l->shards[i].lock);
	}
	atomic_store(&l->clients, 0);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	turn_away(l);
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		empty(&l->shards[i]);
		free(l->shards[i].slots);
		free(l->shards[i].dirty);
		pthread_mutex_destroy(&l->shards[i].lock);
	}
	free(l);
}

size_t
ledger_size(const struct ledger *l)
{
	return atomic_load(&l->clients);
}

static uint64_t
hash(const struct ledger *l, const struct addr *a)
{
	return addrhash(a, l->salt);
}

static unsigned
shard_number(uint64_t h)
{
	return (unsigned)(h >> 54);
}

static struct shard *
shard_of(struct ledger *l, uint64_t h)
{
	return &l->shards[shard_number(h)];
}

_Static_assert(LEDGER_SHARDS == 1u << (64 - 54), "shard_number takes as many bits of the hash as there are shards");

static uint32_t
tag_of(uint64_t h)
{
	return (uint32_t)(h >> 22) & SLOT_TAG; /* neither the shard's bits nor the slot's */
}

/* The slot that holds the client, or the free one where it belongs. */
static uint32_t
slot_of(const struct shard *s, uint64_t h, const struct addr *client)
{
	uint32_t i = (uint32_t)h & (s->size - 1), tag = tag_of(h);

	while (s->slots[i] != 0 &&
	    ((s->slots[i] & SLOT_TAG) != tag || !addr_eq(&entry_in(s, i)->client, client)))
		i = (i + 1) & (s->size - 1);
	return i;
}

static void
note_dirty(struct shard *s, const struct addr *client)
{
	if (s->ndirty == s->dirty_size) {
		s->dirty_size = s->dirty_size == 0 ? 8 : s->dirty_size * 2;
		s->dirty = xrealloc(s->dirty, s->dirty_size * sizeof *s->dirty);
	}
	s->dirty[s->ndirty++] = *client;
}

static void
touch(struct shard *s, uint32_t slot)
{
	if (s->slots[slot] & SLOT_DIRTY)
		return;
	s->slots[slot] |= SLOT_DIRTY;
	note_dirty(s, &entry_in(s, slot)->client);
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
		s->slots[slot_of(s, hash(l, client), client)] = old[i];
	}
	free(old);
}

/* Take out the entry in slot i and close the gap behind it. */
static void
forget(struct ledger *l, struct shard *s, uint32_t i)
{
	struct entry *en = entry_in(s, i);

	if (!(s->slots[i] & SLOT_DIRTY))
		note_dirty(s, &en->client);
	record_clear(&en->record);
	pool_give_back(&s->pool, number_in(s, i));
	s->used--;
	atomic_fetch_sub(&l->clients, 1);
	for (uint32_t k = (i + 1) & (s->size - 1); s->slots[k] != 0; k = (k + 1) & (s->size - 1)) {
		uint32_t home = (uint32_t)hash(l, &entry_in(s, k)->client) & (s->size - 1);

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
static void
make_room(struct ledger *l, time_t now)
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
		h = hash(l, &worst.client);
		s = shard_of(l, h);
		pthread_mutex_lock(&s->lock);
		slot = slot_of(s, h, &worst.client);
		if (s->slots[slot] != 0) { /* else another thread was quicker */
			forget(l, s, slot);
			stat_add(STAT_CLIENTS_EVICTED, 1);
		}
		pthread_mutex_unlock(&s->lock);
	}
}

/* The entry takes over what hangs off *r.  Returns its slot. */
static uint32_t
insert(struct ledger *l, struct shard *s, uint64_t h, const struct addr *client, const struct record *r)
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

/* One record's work under its shard's lock: `fn` changes the record that is there, or a fresh one, which is kept only
 * if there is something in it to keep. */
struct work {
	const struct policy *policy;
	const struct event *event; /* or, where NULL: */
	const struct withdrawal *withdrawal; /* or, where NULL: */
	const struct carried *carried; /* or, where NULL, an administrator's word: */
	enum set set;
	uint32_t term;
	struct str text;
	bool del;
	time_t now;
};

/* When it happened.  What a line read late says may be over by now, and still be what tips a later one. */
static time_t
moment(const struct work *w)
{
	return w->event != NULL && w->event->time < w->now ? w->event->time : w->now;
}

static unsigned
change(const struct work *w, struct record *r)
{
	if (w->event != NULL)
		return policy_apply(w->policy, r, w->event, w->now);
	if (w->withdrawal != NULL)
		return policy_withdraw(r, w->withdrawal, w->now);
	if (w->carried != NULL)
		return policy_carry(r, w->carried, w->now);
	return w->del ? policy_del(r, w->set, w->now) : policy_add(w->policy, r, w->set, w->now, w->term, w->text);
}

static unsigned
with_record(struct ledger *l, const struct addr *a, const struct work *w)
{
	struct addr client = addr_client(a, w->policy->ipv6_prefix);
	uint64_t h = hash(l, &client);
	struct shard *s = shard_of(l, h);
	unsigned changes;
	uint32_t slot;

	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	if (s->slots[slot] != 0) {
		changes = change(w, &entry_in(s, slot)->record);
		touch(s, slot);
	} else {
		struct record fresh;

		record_init(&fresh);
		changes = change(w, &fresh);
		if (policy_forgets(w->policy, &fresh, moment(w)))
			record_clear(&fresh);
		else
			touch(s, insert(l, s, h, &client, &fresh));
	}
	pthread_mutex_unlock(&s->lock);
	make_room(l, w->now);
	return changes;
}

unsigned
ledger_apply(struct ledger *l, const struct policy *p, const struct event *ev, time_t now)
{
	struct work w = { .policy = p, .event = ev, .now = now };

	if (policy_ignores(p, &ev->addr, ev->kind))
		return CHANGE_TRUSTED;
	return with_record(l, &ev->addr, &w);
}

/* Where the hash says that the client is; NULL: nowhere.  Strangers may share a tag, but few do. */
static const uint32_t *
likely_slot(const struct shard *s, uint64_t h)
{
	uint32_t i = (uint32_t)h & (s->size - 1), tag = tag_of(h);

	for (; s->slots[i] != 0; i = (i + 1) & (s->size - 1))
		if ((s->slots[i] & SLOT_TAG) == tag)
			return &s->slots[i];
	return NULL;
}

void
ledger_fetch(struct ledger *l, const struct addr *client, struct ledger_fetch *f)
{
	const struct shard *s = shard_of(l, f->hash);
	const struct entry *en = f->entry;

	switch (f->step++) {
	case 0:
		f->hash = hash(l, client);
		f->entry = NULL;
		s = shard_of(l, f->hash);
		__builtin_prefetch(&s->lock);
		__builtin_prefetch(&s->slots);
		break;
	case 1:
		__builtin_prefetch(&s->slots[(uint32_t)f->hash & (s->size - 1)]);
		break;
	case 2:
		if ((f->slot = likely_slot(s, f->hash)) != NULL)
			__builtin_prefetch(&s->pool.blocks[((*f->slot & SLOT_NUMBER) - 1) / POOL_BLOCK]);
		break;
	case 3:
		if (f->slot == NULL)
			break;
		f->entry = en = pool_entry(&s->pool, (*f->slot & SLOT_NUMBER) - 1);
		__builtin_prefetch(en);
		__builtin_prefetch(&en->record.blocks);
		break;
	case 4:
		if (en == NULL)
			break;
		__builtin_prefetch(en->record.tallies); /* NULL is fine */
		__builtin_prefetch(en->record.grant);
		break;
	default:
		break;
	}
}

unsigned
ledger_add(struct ledger *l, const struct policy *p, enum set s, const struct addr *a, time_t now, uint32_t term,
    struct str text)
{
	struct work w = { .policy = p, .set = s, .term = term, .text = text, .now = now };

	if (policy_ignores(p, a, s == SET_RELAY ? EVENT_LOGIN : EVENT_POLICY))
		return CHANGE_TRUSTED;
	return with_record(l, a, &w);
}

unsigned
ledger_carry(struct ledger *l, const struct policy *p, const struct addr *a, const struct carried *c, time_t now)
{
	struct work w = { .policy = p, .carried = c, .now = now };

	if (policy_ignores(p, a, c->set == SET_RELAY ? EVENT_LOGIN : EVENT_POLICY))
		return CHANGE_TRUSTED;
	return with_record(l, a, &w);
}

unsigned
ledger_del(struct ledger *l, const struct policy *p, enum set s, const struct addr *a, time_t now)
{
	struct work w = { .policy = p, .set = s, .del = true, .now = now };

	return with_record(l, a, &w);
}

unsigned
ledger_withdraw(struct ledger *l, const struct policy *p, const struct withdrawal *wd, const struct addr *client,
    time_t now)
{
	struct work w = { .policy = p, .withdrawal = wd, .now = now };

	return with_record(l, client, &w);
}

/* Nothing known: nothing is made of it. */
enum spend
ledger_spend(struct ledger *l, const struct policy *p, const struct addr *a, time_t now)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	uint64_t h = hash(l, &client);
	struct shard *s = shard_of(l, h);
	enum spend is = SPEND_NOT_GRANTED;
	uint32_t slot;

	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	if (s->slots[slot] != 0)
		is = policy_spend(p, &entry_in(s, slot)->record, now);
	if (is != SPEND_NOT_GRANTED && p->relay_budget != 0)
		touch(s, slot);
	pthread_mutex_unlock(&s->lock);
	return is;
}

void
ledger_judge(struct ledger *l, const struct policy *p, const struct addr *a, time_t now, struct answer *out)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	uint64_t h = hash(l, &client);
	struct shard *s = shard_of(l, h);
	const struct record *r;
	uint32_t slot;

	*out = (struct answer){ .kind = EVENT_KINDS };
	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	r = s->slots[slot] == 0 ? NULL : &entry_in(s, slot)->record;
	out->verdict = policy_judge(p, a, r, now);
	if (out->verdict == VERDICT_CACHED) {
		out->kind = (enum event_kind)r->cached_kind;
		out->zone = r->cached_zone;
		out->until = r->cached_until;
	} else if (out->verdict == VERDICT_BLOCKED) {
		out->kind = (enum event_kind)r->blocked_kind;
		out->zone = r->blocked_note;
		out->until = r->blocked_until;
	} else if (out->verdict == VERDICT_RELAY)
		out->until = r->grant->until;
	pthread_mutex_unlock(&s->lock);
}

bool
ledger_view(struct ledger *l, const struct policy *p, const struct addr *a, ledger_fn *fn, void *arg)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	uint64_t h = hash(l, &client);
	struct shard *s = shard_of(l, h);
	const struct entry *en = NULL;
	uint32_t slot;

	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	if (s->slots[slot] != 0) {
		en = entry_in(s, slot);
		fn(arg, &en->client, &en->record);
	}
	pthread_mutex_unlock(&s->lock);
	return en != NULL;
}

/* In the order in which the entries lie, not in that of the table: there each would have to be waited for. */
void
ledger_walk_shard(struct ledger *l, unsigned shard, ledger_fn *fn, void *arg)
{
	struct shard *s = &l->shards[shard];
	uint64_t *used;

	pthread_mutex_lock(&s->lock);
	used = xcalloc(s->pool.n / 64 + 1, sizeof *used);
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slots[i] != 0)
			used[number_in(s, i) / 64] |= UINT64_C(1) << number_in(s, i) % 64;
	for (uint32_t i = 0; i < s->pool.n; i++) {
		if (i + AHEAD < s->pool.n) {
			__builtin_prefetch(pool_entry(&s->pool, i + AHEAD));
			__builtin_prefetch((const char *)pool_entry(&s->pool, i + AHEAD) + 64);
		}
		if (used[i / 64] >> i % 64 & 1)
			fn(arg, &pool_entry(&s->pool, i)->client, &pool_entry(&s->pool, i)->record);
	}
	pthread_mutex_unlock(&s->lock);
	free(used);
}

void
ledger_walk(struct ledger *l, ledger_fn *fn, void *arg)
{
	for (unsigned i = 0; i < LEDGER_SHARDS; i++)
		ledger_walk_shard(l, i, fn, arg);
}

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
			touch(s, i);
}

void
ledger_cut(struct ledger *l, struct cut *c, bool whole)
{
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		pthread_mutex_lock(&s->lock);
		if (whole)
			touch_all(s);
		for (uint32_t k = 0; k < s->ndirty; k++)
			cut_client(c, s, slot_of(s, hash(l, &s->dirty[k]), &s->dirty[k]), &s->dirty[k]);
		s->ndirty = 0;
		if (s->dirty_size > DIRTY_KEPT) {
			free(s->dirty);
			s->dirty = NULL;
			s->dirty_size = 0;
		}
		pthread_mutex_unlock(&s->lock);
	}
}

/* The key that a record from the store goes by.  Another ipv6_prefix than the one it was written under may make it part
 * of a larger client: then the old key is to go from the store. */
static struct addr
restored_client(struct ledger *l, const struct policy *p, const struct addr *key)
{
	struct addr client = addr_client(key, p->ipv6_prefix);

	if (!addr_eq(&client, key)) {
		struct shard *s = shard_of(l, hash(l, key));

		pthread_mutex_lock(&s->lock);
		note_dirty(s, key);
		pthread_mutex_unlock(&s->lock);
	}
	return client;
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
	slot = insert(l, s, a->hash, &a->client, &a->record);
	if (!addr_eq(&a->client, &a->stored))
		touch(s, slot);
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
		make_room(l, now);
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
	a->hash = hash(l, &a->client);
	arrive(l->arrivals, a->hash);
	return 0;
}

void
ledger_restored(struct ledger *l, time_t now)
{
	if (l->arrivals != NULL)
		settle_all(l, now);
	turn_away(l); /* there is nobody left */
}

/* Look at up to `n` slots from `at` on, under one lock; returns where to go on, UINT32_MAX: the shard is done. */
static uint32_t
sweep_piece(struct ledger *l, struct shard *s, uint32_t at, unsigned n, const struct policy *p, time_t now)
{
	pthread_mutex_lock(&s->lock);
	for (; n > 0 && at < s->size; n--)
		if (s->slots[at] != 0 && policy_forgets(p, &entry_in(s, at)->record, now))
			forget(l, s, at); /* and look at this slot again: another may have moved in */
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
