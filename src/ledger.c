/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - all that is known of all clients, in memory
 *
 * Here is what is done with one client, under its shard's lock.  The table itself is in ledger_table.h, and what goes to
 * the store and comes from it in ledger_keep.c.
 */
#include "ledger_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SHARD_MIN 8 /* slots; a power of two */
#define SETTLE_MAX (31 * 86400) /* a clock further back than that has not been set yet, and will be */

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

void
ledger_clear(struct ledger *l)
{
	ledger_turn_away(l);
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		pthread_mutex_lock(&l->shards[i].lock);
		shard_empty(&l->shards[i]);
		pthread_mutex_unlock(&l->shards[i].lock);
	}
	atomic_store(&l->clients, 0);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	ledger_turn_away(l);
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		shard_empty(&l->shards[i]);
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
	return w->del ? policy_del(w->policy, r, w->set, w->now) : policy_add(w->policy, r, w->set, w->now, w->term, w->text);
}

/* The record in a slot that is not free, as of `now`: a clock that was set back has been seen to. */
static struct record *
record_now(const struct policy *p, struct shard *s, uint32_t slot, time_t now)
{
	struct record *r = &entry_in(s, slot)->record;

	if (policy_settle(p, r, now))
		shard_touch(s, slot);
	return r;
}

static unsigned
with_record(struct ledger *l, const struct addr *a, const struct work *w)
{
	struct addr client = addr_client(a, w->policy->ipv6_prefix);
	uint64_t h = ledger_hash(l, &client);
	struct shard *s = shard_of(l, h);
	unsigned changes;
	uint32_t slot;

	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	if (s->slots[slot] != 0) {
		changes = change(w, record_now(w->policy, s, slot, w->now));
		shard_touch(s, slot);
	} else {
		struct record fresh;

		record_init(&fresh);
		changes = change(w, &fresh);
		if (policy_forgets(w->policy, &fresh, moment(w)))
			record_clear(&fresh);
		else
			shard_touch(s, shard_insert(l, s, h, &client, &fresh));
	}
	pthread_mutex_unlock(&s->lock);
	ledger_make_room(l, w->now);
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
		f->hash = ledger_hash(l, client);
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
	uint64_t h = ledger_hash(l, &client);
	struct shard *s = shard_of(l, h);
	enum spend is = SPEND_NOT_GRANTED;
	uint32_t slot;

	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	if (s->slots[slot] != 0)
		is = policy_spend(p, record_now(p, s, slot, now), now);
	if (is != SPEND_NOT_GRANTED && p->relay_budget != 0)
		shard_touch(s, slot);
	pthread_mutex_unlock(&s->lock);
	return is;
}

void
ledger_judge(struct ledger *l, const struct policy *p, const struct addr *a, time_t now, struct answer *out)
{
	struct addr client = addr_client(a, p->ipv6_prefix);
	uint64_t h = ledger_hash(l, &client);
	struct shard *s = shard_of(l, h);
	const struct record *r;
	uint32_t slot;

	*out = (struct answer){ .kind = EVENT_KINDS };
	pthread_mutex_lock(&s->lock);
	slot = slot_of(s, h, &client);
	r = s->slots[slot] == 0 ? NULL : &entry_in(s, slot)->record;
	if (r != NULL && record_in(r, SET_RELAY, now))
		r = record_now(p, s, slot, now);
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
	uint64_t h = ledger_hash(l, &client);
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
	/* Bit 1 + number, bit 0 for all that are free: without a branch, which half the time would be guessed wrong. */
	for (uint32_t i = 0; i < s->size; i++)
		used[(s->slots[i] & SLOT_NUMBER) / 64] |= UINT64_C(1) << (s->slots[i] & SLOT_NUMBER) % 64;
	for (uint32_t i = 0; i < s->pool.n; i++) {
		if (i + AHEAD < s->pool.n) {
			__builtin_prefetch(pool_entry(&s->pool, i + AHEAD));
			__builtin_prefetch((const char *)pool_entry(&s->pool, i + AHEAD) + 64);
		}
		if (used[(i + 1) / 64] >> (i + 1) % 64 & 1)
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

void
ledger_settle(struct ledger *l, const struct policy *p, time_t now)
{
	for (unsigned i = 0; i < LEDGER_SHARDS; i++) {
		struct shard *s = &l->shards[i];

		pthread_mutex_lock(&s->lock);
		for (uint32_t slot = 0; slot < s->size; slot++)
			if (s->slots[slot] != 0 && (time_t)entry_in(s, slot)->record.seen <= now + SETTLE_MAX)
				(void)record_now(p, s, slot, now);
		pthread_mutex_unlock(&s->lock);
	}
}
