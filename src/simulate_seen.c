/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate_seen.c - see simulate_seen.h */
#include "simulate_seen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "addrhash.h"

#define CLIENTS_MAX (1u << 20)
#define BYSTANDERS  (CLIENTS_MAX / 2) /* no more than this many of those that are of no interest yet */
#define BLOCKS_MAX  (1u << 20)
#define USER_MAX    128
#define USER_STEP   31 /* room is made by the 32 bytes */

void
seen_clear(struct seen *s)
{
	for (size_t i = 0; i < s->nclients; i++)
		free(s->clients[i].user);
	free(s->clients);
	free(s->slots);
	free(s->blocks);
	memset(s, 0, sizeof *s);
}

void
seen_fetch(const struct seen *s, const struct addr *client, struct seen_fetch *f)
{
	const struct seen_client *c = f->client;
	size_t i = f->hash & (s->nslots - 1);

	switch (f->step++) {
	case 0:
		f->hash = (uint32_t)addrhash(client, s->salt);
		f->client = NULL;
		__builtin_prefetch(&s->slots[f->hash & (s->nslots - 1)]);
		break;
	case 1:
		while (s->slots[i].place != 0 && s->slots[i].hash != f->hash)
			i = (i + 1) & (s->nslots - 1);
		if (s->slots[i].place != 0) {
			f->client = c = &s->clients[s->slots[i].place - 1];
			__builtin_prefetch(c);
			__builtin_prefetch(&c->uncached);
		}
		break;
	case 2:
		if (c != NULL)
			__builtin_prefetch(c->user); /* NULL is fine */
		break;
	default:
		break;
	}
}

/* Where the client is, or would be; its hash is there, too. */
static struct seen_slot *
slot_of(const struct seen *s, const struct addr *client)
{
	uint32_t hash = (uint32_t)addrhash(client, s->salt);
	size_t i = hash & (s->nslots - 1);

	for (; s->slots[i].place != 0; i = (i + 1) & (s->nslots - 1))
		if (s->slots[i].hash == hash && addr_eq(&s->clients[s->slots[i].place - 1].client, client))
			return &s->slots[i];
	s->slots[i].hash = hash;
	return &s->slots[i];
}

/* Twice as many slots as there may be clients. */
static void
grow(struct seen *s)
{
	s->clients_cap = s->clients_cap == 0 ? 512 : s->clients_cap * 2;
	s->clients = xrealloc(s->clients, s->clients_cap * sizeof *s->clients);
	free(s->slots);
	s->nslots = s->clients_cap * 2;
	s->slots = xcalloc(s->nslots, sizeof *s->slots);
	for (size_t i = 0; i < s->nclients; i++)
		slot_of(s, &s->clients[i].client)->place = (uint32_t)i + 1;
}

void
seen_init(struct seen *s)
{
	memset(s, 0, sizeof *s);
	if (getrandom(&s->salt, sizeof s->salt, 0) != (ssize_t)sizeof s->salt)
		panic("no random numbers from the system");
	grow(s);
}

struct seen_client *
seen_client(struct seen *s, const struct addr *client, bool matters)
{
	struct seen_slot *slot = slot_of(s, client);

	if (slot->place != 0)
		return &s->clients[slot->place - 1];
	if (s->nclients >= (matters ? CLIENTS_MAX : BYSTANDERS)) {
		s->clients_left_out += matters;
		return NULL;
	}
	if (s->nclients == s->clients_cap) {
		grow(s);
		slot = slot_of(s, client);
	}
	s->clients[s->nclients] = (struct seen_client){ .client = *client };
	slot->place = (uint32_t)++s->nclients;
	return &s->clients[s->nclients - 1];
}

const struct seen_client *
seen_known(const struct seen *s, const struct addr *client)
{
	uint32_t place = slot_of(s, client)->place;

	return place == 0 ? NULL : &s->clients[place - 1];
}

static uint32_t
seconds(time_t t)
{
	return t <= 0 ? 1 : (uint64_t)t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

/* Lines may come in any order. */
static void
span(uint32_t *first, uint32_t *last, uint32_t at)
{
	if (*first == 0 || at < *first)
		*first = at;
	if (at > *last)
		*last = at;
}

static void
remember_user(struct seen_client *c, struct str user)
{
	if (user.n == 0)
		return;
	if (user.n >= USER_MAX)
		user.n = USER_MAX - 1;
	if (c->user == NULL || user.n > (c->user_len | USER_STEP)) {
		free(c->user);
		c->user = xmalloc((user.n | USER_STEP) + 1);
	}
	memcpy(c->user, user.p, user.n);
	c->user_len = (uint8_t)user.n;
}

static void
login(struct seen_client *c, struct str user, uint32_t at, unsigned changes)
{
	c->logins++;
	remember_user(c, user);
	if ((changes & (CHANGE_GRANTED | CHANGE_RENEWED)) == 0)
		return;
	c->grants++;
	span(&c->granted_first, &c->granted_last, at);
}

static void
cached(struct seen_client *c, const struct event *ev, uint32_t at, unsigned changes)
{
	if (c->cached_first == 0 && (changes & CHANGE_CACHED) == 0)
		return;
	if (c->cached_first == 0) {
		c->cached_kind = (uint8_t)ev->kind;
		c->cached_zone = intern(ev->zone);
	}
	c->cached_hits++;
	span(&c->cached_first, &c->cached_last, at);
}

static void
copy_block(void *arg, const struct addr *client, const struct record *r)
{
	struct seen_block *b = arg;

	b->client = *client;
	b->kind = r->blocked_kind;
	b->by = r->blocked_by;
	b->term = r->blocked_until > b->at ? r->blocked_until - b->at : 0;
}

static void
blocked(struct seen *s, struct seen_client *c, const struct seen_block *b)
{
	if (s->nblocks == BLOCKS_MAX) {
		s->blocks_left_out++;
		return;
	}
	if (s->nblocks == s->blocks_cap) {
		s->blocks_cap = s->blocks_cap == 0 ? 256 : s->blocks_cap * 2;
		s->blocks = xrealloc(s->blocks, s->blocks_cap * sizeof *s->blocks);
	}
	if (c->blocks++ == 0)
		c->block = (uint32_t)s->nblocks;
	c->last_block = (uint32_t)s->nblocks;
	s->blocks[s->nblocks++] = *b;
}

void
seen_event(struct seen *s, struct ledger *l, const struct policy *p, const struct event *ev,
    const struct addr *client, unsigned changes)
{
	struct seen_block b = { .at = seconds(ev->time) };
	struct seen_client *c;

	if (changes & CHANGE_TRUSTED)
		return;
	c = seen_client(s, client, (changes & (CHANGE_GRANTED | CHANGE_CACHED | CHANGE_BLOCKED)) != 0);
	if (c == NULL)
		return;
	if (changes & CHANGE_UNBLOCKED && c->blocks > 0)
		s->blocks[c->last_block].lifted = b.at;
	if (ev->kind == EVENT_LOGIN) {
		login(c, ev->user, b.at, changes);
		return;
	}
	c->offences++;
	if (p->kind[ev->kind].caches && (changes & (CHANGE_CACHED | CHANGE_COUNTED)))
		cached(c, ev, b.at, changes);
	if (changes & CHANGE_BLOCKED && ledger_view(l, p, client, copy_block, &b))
		blocked(s, c, &b);
}

void
seen_taken_back(struct seen *s, const struct addr *client, unsigned changes, time_t at)
{
	struct seen_slot *slot = slot_of(s, client);
	struct seen_client *c = slot->place == 0 ? NULL : &s->clients[slot->place - 1];

	if (c == NULL)
		return;
	if (changes & CHANGE_UNBLOCKED && c->blocks > 0) {
		s->blocks[c->last_block].lifted = seconds(at);
		s->blocks[c->last_block].withdrawn = true;
	}
	c->uncached |= (changes & CHANGE_UNCACHED) != 0;
}
