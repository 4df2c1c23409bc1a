/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_page.c - one page of a list: the newest first, and how many there are in all
 *
 * The ledger is in no order, and an index by time would cost every client memory for what is looked at now and then.  So a
 * page goes through all of it and keeps the newest offset + limit in a heap whose root is the oldest of them: most entries
 * are compared with the root and forgotten.
 */
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"

struct page {
	struct gather g;
	enum set set;
	struct match *match;
	uint32_t offset, limit;
	uint64_t total;
	struct entry *heap;
	size_t n, cap;
	size_t at; /* while it is said */
	bool sorted, said_total;
};

/* Negative: a comes before b in the list. */
static int
order(const struct entry *a, const struct entry *b)
{
	if (a->since != b->since)
		return a->since > b->since ? -1 : 1;
	return memcmp(&a->client, &b->client, sizeof(a->client));
}

static int
order_void(const void *a, const void *b)
{
	return order(a, b);
}

static void
swap(struct entry *a, struct entry *b)
{
	struct entry t = *a;

	*a = *b;
	*b = t;
}

static void
sink(struct page *pg)
{
	size_t i = 0;

	for (;;) {
		size_t last = i, l = 2 * i + 1, r = l + 1;

		if (l < pg->n && order(&pg->heap[l], &pg->heap[last]) > 0)
			last = l;
		if (r < pg->n && order(&pg->heap[r], &pg->heap[last]) > 0)
			last = r;
		if (last == i)
			return;
		swap(&pg->heap[i], &pg->heap[last]);
		i = last;
	}
}

static void
rise(struct page *pg)
{
	for (size_t i = pg->n - 1; i > 0; i = (i - 1) / 2) {
		if (order(&pg->heap[i], &pg->heap[(i - 1) / 2]) <= 0)
			return;
		swap(&pg->heap[i], &pg->heap[(i - 1) / 2]);
	}
}

/* Called under the shard's lock. */
static void
see(void *arg, const struct addr *client, const struct record *r)
{
	struct page *pg = arg;
	struct entry en;

	if (!record_in(r, pg->set, pg->g.now) || !match_fits(pg->match, pg->set, client, r))
		return;
	pg->total++;
	en = entry_of(pg->set, client, r);
	if (pg->n < (size_t)pg->offset + pg->limit) {
		if (pg->n == pg->cap) {
			pg->cap = pg->cap == 0 ? 64 : 2 * pg->cap;
			pg->heap = xrealloc(pg->heap, pg->cap * sizeof(*pg->heap));
		}
		pg->heap[pg->n++] = en;
		rise(pg);
	} else if (order(&en, &pg->heap[0]) < 0) {
		pg->heap[0] = en;
		sink(pg);
	}
}

/* Called under the shard's lock. */
static void
copy_user(void *arg, const struct addr *client, const struct record *r)
{
	(void)client;
	if (r->grant != NULL)
		str_copy(arg, 256, str_of(r->grant->user));
}

static void
say_one(struct page *pg, struct control *ctl, struct conn *c, const struct policy *p)
{
	const struct entry *en = &pg->heap[pg->at];
	struct json *o = json_new();
	char user[256] = "";

	if (pg->set == SET_RELAY)
		(void)ledger_view(ctl->host.pipeline->ledger, p, &en->client, copy_user, user);
	client_put(o, "client", &en->client, p);
	entry_put(o, pg->set, en, str_of(user));
	control_say(ctl, c, o);
}

static bool
say(struct gather *g, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct page *pg = (struct page *)g;
	struct json *o;

	if (!pg->sorted) {
		if (pg->n > 0)
			qsort(pg->heap, pg->n, sizeof(*pg->heap), order_void);
		pg->sorted = true;
		pg->at = pg->offset;
	}
	for (; pg->at < pg->n; pg->at++) {
		if (conn_room(c) < ANSWER_ROOM)
			return false;
		say_one(pg, ctl, c, p);
	}
	if (pg->said_total)
		return true;
	if (conn_room(c) < ANSWER_ROOM)
		return false;
	o = json_new();
	json_put_int(o, "total", (int64_t)pg->total);
	control_say(ctl, c, o);
	pg->said_total = true;
	return true;
}

static void
page_free(struct gather *g)
{
	struct page *pg = (struct page *)g;

	match_free(pg->match);
	free(pg->heap);
	free(pg);
}

struct gather *
page_gather(const struct request *rq)
{
	struct page *pg = xcalloc(1, sizeof(*pg));

	pg->g = (struct gather){ .see = see, .say = say, .free = page_free };
	pg->set = rq->verb->set;
	pg->match = match_new(rq->match, rq->policy);
	pg->offset = rq->offset;
	pg->limit = rq->limit;
	return &pg->g;
}
