/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evidence.c - see evidence.h
 *
 * A fixed array of nodes.  Each used node is in a chain of its hash bucket, newest first, and in one list of all
 * nodes by age.  A new entry takes the client's own oldest node when the client has its share, else the oldest of all.
 * The hash has a secret: who owns a /48 must not be able to choose 65,536 clients of one bucket.
 */
#include "evidence.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "err.h"
#include "mask.h"

struct node {
	TAILQ_ENTRY(node) age;
	LIST_ENTRY(node) chain;
	bool used;
	struct evidence_entry entry;
};

LIST_HEAD(bucket, node);

struct evidence {
	pthread_mutex_t lock; /* guards all but `secret`, `mask` and the pointers */
	uint64_t secret[2];
	uint32_t mask;
	TAILQ_HEAD(, node) oldest; /* unused nodes first */
	struct bucket *buckets;
	struct node *nodes;
};

struct evidence *
evidence_new(unsigned entries)
{
	struct evidence *e = xcalloc(1, sizeof(*e));

	for (e->mask = 1; e->mask < entries; e->mask <<= 1)
		;
	e->buckets = xcalloc(e->mask, sizeof(*e->buckets));
	e->mask--;
	e->nodes = xcalloc(entries, sizeof(*e->nodes));
	TAILQ_INIT(&e->oldest);
	for (unsigned i = 0; i < entries; i++)
		TAILQ_INSERT_TAIL(&e->oldest, &e->nodes[i], age);
	if (getrandom(e->secret, sizeof(e->secret), GRND_NONBLOCK) == -1)
		e->secret[0] = (uint64_t)(uintptr_t)e;
	pthread_mutex_init(&e->lock, NULL);
	return e;
}

void
evidence_free(struct evidence *e)
{
	if (e == NULL)
		return;
	pthread_mutex_destroy(&e->lock);
	free(e->buckets);
	free(e->nodes);
	free(e);
}

static struct bucket *
bucket_of(struct evidence *e, const struct addr *client)
{
	uint64_t half[2], h;

	memcpy(half, client->b, sizeof(half));
	h = (half[0] ^ e->secret[0]) * (half[1] ^ e->secret[1] ^ 0x9e3779b97f4a7c15u);
	h ^= h >> 29;
	h = (h ^ half[0]) * 0xbf58476d1ce4e5b9u;
	h = (h ^ half[1] ^ e->secret[1]) * 0x94d049bb133111ebu;
	return &e->buckets[(h >> 32) & e->mask];
}

/* The node for a new entry of this client: its own oldest when it has its share, else the oldest of all. */
static struct node *
victim(struct evidence *e, struct bucket *b, const struct addr *client)
{
	struct node *n, *own = NULL;
	unsigned have = 0;

	LIST_FOREACH(n, b, chain) {
		if (addr_eq(&n->entry.client, client)) {
			own = n;
			have++;
		}
	}
	return have >= EVIDENCE_EACH ? own : TAILQ_FIRST(&e->oldest);
}

/* Of an endless line only the beginning is looked at; a secret that has no end there is masked to the end. */
void
evidence_text(char *dst, size_t size, struct str line)
{
	if (line.n > 2 * size)
		line.n = 2 * size;
	mask_line(dst, size, line);
}

void
evidence_told(struct evidence *e, const struct event *ev, const struct addr *client, unsigned changes)
{
	struct evidence_entry new;
	struct bucket *b;
	struct node *n;

	if (ev == NULL || ev->evidence.n == 0)
		return;
	new = (struct evidence_entry){ .client = *client, .time = ev->time, .kind = ev->kind, .source = ev->source,
		.changes = changes };
	str_show(new.rule, sizeof(new.rule), str_of(ev->rule));
	evidence_text(new.text, sizeof(new.text), ev->evidence);
	b = bucket_of(e, client);

	pthread_mutex_lock(&e->lock);
	n = victim(e, b, client);
	if (n->used)
		LIST_REMOVE(n, chain);
	n->used = true;
	n->entry = new;
	LIST_INSERT_HEAD(b, n, chain);
	TAILQ_REMOVE(&e->oldest, n, age);
	TAILQ_INSERT_TAIL(&e->oldest, n, age);
	pthread_mutex_unlock(&e->lock);
}

unsigned
evidence_of(struct evidence *e, const struct addr *client, struct evidence_entry *out, unsigned max)
{
	struct node *n;
	unsigned found = 0;

	pthread_mutex_lock(&e->lock);
	LIST_FOREACH(n, bucket_of(e, client), chain) {
		if (found < max && addr_eq(&n->entry.client, client))
			out[found++] = n->entry;
	}
	pthread_mutex_unlock(&e->lock);
	return found;
}
