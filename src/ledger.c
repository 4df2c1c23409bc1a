/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - all that is known of all clients, in memory
 *
 * Each shard is an open-addressed table of pointers (linear probing, deletion by moving back), at most three quarters
 * full, and a list of the keys that changed since the last cut.  The hash is keyed at random in each run: nobody can
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
#include "stats.h"

#define SHARD_MIN 8 /* slots; a power of two */
#define RIVALS	  8 /* how many are compared when one must go */

struct entry {
	struct addr client;
	bool dirty; /* its key is on the shard's list */
	struct record record;
};

struct shard {
	alignas(64) pthread_mutex_t lock; /* a leaf; guards all below */
	struct entry **slots;
	uint32_t size, used;
	struct addr *dirty;
	uint32_t ndirty, dirty_size;
};

struct ledger {
	struct shard shards[LEDGER_SHARDS];
	uint64_t salt;
	size_t max_clients;
	_Atomic size_t clients;
	_Atomic unsigned swept; /* the shard that ledger_sweep() looks at next */
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
		s->slots = xcalloc(s->size, sizeof(struct entry *));
	}
	return l;
}

static void
empty(struct shard *s)
{
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slots[i] != NULL) {
			record_clear(&s->slots[i]->record);
			free(s->slots[i]);
			s->slots[i] = NULL;
		}
	s->used = 0;
	s->ndirty = 0;
}

void
ledger_clear(struct ledger *l)
{
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

static struct shard *
shard_of(struct ledger *l, uint64_t h)
{
	return &l->shards[h >> 54];
}

_Static_assert(LEDGER_SHARDS == 1u << (64 - 54), "shard_of takes as many bits of the hash as there are shards");

/* The slot that holds the client, or the free one where it belongs. */
static uint32_t
slot_of(const struct shard *s, uint64_t h, const struct addr *client)
{
	uint32_t i = (uint32_t)h & (s->size - 1);

	while (s->slots[i] != NULL && !addr_eq(&s->slots[i]->client, client))
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
touch(struct shard *s, struct entry *en)
{
	if (en->dirty)
		return;
	en->dirty = true;
	note_dirty(s, &en->client);
}

static void
grow(struct ledger *l, struct shard *s)
{
	struct entry **old = s->slots;
	uint32_t size = s->size;

	s->size *= 2;
	s->slots = xcalloc(s->size, sizeof(struct entry *));
	for (uint32_t i = 0; i < size; i++)
		if (old[i] != NULL)
			s->slots[slot_of(s, hash(l, &old[i]->client), &old[i]->client)] = old[i];
	free(old);
}

/* Take out the entry in slot i and close the gap behind it. */
static void
forget(struct ledger *l, struct shard *s, uint32_t i)
{
	struct entry *en = s->slots[i];

	if (!en->dirty)
		note_dirty(s, &en->client);
	record_clear(&en->record);
	free(en);
	s->used--;
	atomic_fetch_sub(&l->clients, 1);
	for (uint32_t k = (i + 1) & (s->size - 1); s->slots[k] != NULL; k = (k + 1) & (s->size - 1)) {
		uint32_t home = (uint32_t)hash(l, &s->slots[k]->client) & (s->size - 1);

		if (((k - home) & (s->size - 1)) < ((k - i) & (s->size - 1)))
			continue; /* at home between the gap and here: it stays */
		s->slots[i] = s->slots[k];
		i = k;
	}
	s->slots[i] = NULL;
}

/* What would be lost with this record: an administrator's word weighs most, then what is in force, then how recently
 * it was heard of. */
static uint64_t
worth(const struct record *r, time_t now)
{
	uint64_t weight = 0;

	if (record_in(r, SET_BLOCK, now))
		weight += r->blocked_by == BY_HAND ? 8 : 4;
	if (record_in(r, SET_RELAY, now))
		weight += 4;
	if (record_in(r, SET_CACHE, now))
		weight += r->cached_kind == EVENT_KINDS ? 8 : 2;
	return weight << 32 | r->seen;
}

/* The least worth of a few neighbours makes room for a newcomer. */
static void
evict(struct ledger *l, struct shard *s, uint64_t h, time_t now)
{
	uint32_t worst = UINT32_MAX;
	unsigned seen = 0;

	for (uint32_t n = 0; n < s->size && seen < RIVALS; n++) {
		uint32_t i = ((uint32_t)(h >> 20) + n) & (s->size - 1);

		if (s->slots[i] == NULL)
			continue;
		seen++;
		if (worst == UINT32_MAX ||
		    worth(&s->slots[i]->record, now) < worth(&s->slots[worst]->record, now))
			worst = i;
	}
	if (worst == UINT32_MAX)
		return;
	forget(l, s, worst);
	stat_add(STAT_CLIENTS_EVICTED, 1);
}

/* The entry takes over what hangs off *r. */
static struct entry *
insert(struct ledger *l, struct shard *s, uint64_t h, const struct addr *client, const struct record *r, time_t now)
{
	struct entry *en = xmalloc(sizeof *en);

	if (atomic_load(&l->clients) >= l->max_clients)
		evict(l, s, h, now);
	if ((s->used + 1) * 4 > s->size * 3)
		grow(l, s);
	*en = (struct entry){ .client = *client, .record = *r };
	s->slots[slot_of(s, h, client)] = en;
	s->used++;
	atomic_fetch_add(&l->clients, 1);
	return en;
}

/* One record's work under its shard's lock: `fn` changes the record that is there, or a fresh one, which is kept only
 * if there is something in it to keep. */
struct work {
	const struct policy *policy;
	const struct event *event; /* or, where NULL: */
	const struct withdrawal *withdrawal; /* or, where NULL, an administrator's word: */
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
	return w->del ? policy_del(r, w->set, w->now) : policy_add(w->policy, r, w->set, w->now, w->term, w->text);
}

static unsigned
with_record(struct ledger *l, const struct addr *a, const struct work *w)
{
	struct addr client = addr_client(a, w->policy->ipv6_prefix);
	uint64_t h = hash(l, &client);
	struct shard *s = shard_of(l, h);
	struct entry *en;
	unsigned changes;

	pthread_mutex_lock(&s->lock);
	en = s->slots[slot_of(s, h, &client)];
	if (en != NULL) {
		changes = change(w, &en->record);
		touch(s, en);
	} else {
		struct record fresh;

		record_init(&fresh);
		changes = change(w, &fresh);
		if (policy_forgets(w->policy, &fresh, moment(w)))
			record_clear(&fresh);
		else
			touch(s, insert(l, s, h, &client, &fresh, w->now));
	}
	pthread_mutex_unlock(&s->lock);
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

void
ledger_judge(struct ledger *l, const struct policy *p, const struct addr *a, time_t now, struct answer *out)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	uint64_t h = hash(l, &client);
	struct shard *s = shard_of(l, h);
	const struct entry *en;
	const struct record *r;

	*out = (struct answer){ .kind = EVENT_KINDS };
	pthread_mutex_lock(&s->lock);
	en = s->slots[slot_of(s, h, &client)];
	r = en == NULL ? NULL : &en->record;
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
	const struct entry *en;

	pthread_mutex_lock(&s->lock);
	en = s->slots[slot_of(s, h, &client)];
	if (en != NULL)
		fn(arg, &en->client, &en->record);
	pthread_mutex_unlock(&s->lock);
	return en != NULL;
}

void
ledger_walk_shard(struct ledger *l, unsigned shard, ledger_fn *fn, void *arg)
{
	struct shard *s = &l->shards[shard];

	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slots[i] != NULL)
			fn(arg, &s->slots[i]->client, &s->slots[i]->record);
	pthread_mutex_unlock(&s->lock);
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
	struct entry *en = s->slots[slot];
	size_t n;

	if (en == NULL) {
		cut_del(c, CUT_CLIENTS, client->b, sizeof client->b);
		return;
	}
	if (!en->dirty)
		return; /* forgotten, come back, and written already */
	n = record_encode(&en->record, buf, sizeof buf);
	if (n > sizeof buf) {
		big = xmalloc(n);
		record_encode(&en->record, big, n);
	}
	cut_put(c, CUT_CLIENTS, client->b, sizeof client->b, big, n);
	if (big != buf)
		free(big);
	en->dirty = false;
}

static void
touch_all(struct shard *s)
{
	for (uint32_t i = 0; i < s->size; i++)
		if (s->slots[i] != NULL)
			touch(s, s->slots[i]);
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
		pthread_mutex_unlock(&s->lock);
	}
}

int
ledger_restore(struct ledger *l, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	struct addr client;
	struct record r;
	struct shard *s;
	uint64_t h;

	if (klen != sizeof client.b)
		return err_set(e, "client key of %zu bytes", klen);
	memcpy(client.b, key, sizeof client.b);
	record_init(&r);
	if (record_decode(&r, val, vlen, e) == -1)
		return -1;
	h = hash(l, &client);
	s = shard_of(l, h);
	pthread_mutex_lock(&s->lock);
	if (s->slots[slot_of(s, h, &client)] == NULL)
		(void)insert(l, s, h, &client, &r, (time_t)r.seen);
	else
		record_clear(&r);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void
sweep_shard(struct ledger *l, struct shard *s, const struct policy *p, time_t now)
{
	pthread_mutex_lock(&s->lock);
	for (uint32_t i = 0; i < s->size;)
		if (s->slots[i] != NULL && policy_forgets(p, &s->slots[i]->record, now))
			forget(l, s, i); /* and look at this slot again: another may have moved in */
		else
			i++;
	pthread_mutex_unlock(&s->lock);
}

void
ledger_sweep(struct ledger *l, const struct policy *p, time_t now, unsigned shards)
{
	while (shards-- > 0)
		sweep_shard(l, &l->shards[atomic_fetch_add(&l->swept, 1) % LEDGER_SHARDS], p, now);
}
