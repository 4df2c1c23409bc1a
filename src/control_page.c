/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_page.c - one page of a list: the newest first, and how many there are in all
 *
 * The ledger is in no order, and an index by time would cost every client memory for what is looked at now and then.  So a
 * page goes through all of it and keeps twice as many as it needs; then the older half is thrown away, and what is older than
 * the rest is no longer taken.  Most entries are compared once and forgotten.
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
	struct entry *kept;
	size_t n, cap;
	bool has_bar;
	struct entry bar; /* the last of those that are sure to be kept */
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

/* Bring the first k of n to the front, in any order: C. A. R. Hoare, FIND (Algorithm 65). */
static void
select_first(struct entry *e, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		struct entry pivot = e[low + (high - low) / 2];
		size_t i = low, j = high;

		while (i <= j) {
			while (order(&e[i], &pivot) < 0)
				i++;
			while (order(&pivot, &e[j]) < 0)
				j--;
			if (i > j)
				break;
			swap(&e[i], &e[j]);
			i++;
			if (j == 0)
				break;
			j--;
		}
		if (k <= j + 1 && j < high)
			high = j;
		else if (k > i)
			low = i;
		else
			return;
	}
}

/* Keep the first `want` and remember the last of them: what does not come before it need not be kept. */
static void
prune(struct page *pg, size_t want)
{
	select_first(pg->kept, pg->n, want);
	pg->n = want;
	pg->bar = pg->kept[0];
	for (size_t i = 1; i < want; i++)
		if (order(&pg->bar, &pg->kept[i]) < 0)
			pg->bar = pg->kept[i];
	pg->has_bar = true;
}

static uint32_t
since_of(enum set s, const struct record *r)
{
	return s == SET_RELAY ? r->grant->first : s == SET_CACHE ? r->cached_at : r->blocked_at;
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
	if (pg->has_bar && since_of(pg->set, r) < pg->bar.since)
		return; /* nearly all, and without a copy */
	en = entry_of(pg->set, client, r, pg->g.now);
	if (pg->has_bar && order(&pg->bar, &en) <= 0)
		return;
	if (pg->n == pg->cap) {
		pg->cap = pg->cap == 0 ? 256 : 2 * pg->cap;
		pg->kept = xrealloc(pg->kept, pg->cap * sizeof(*pg->kept));
	}
	pg->kept[pg->n++] = en;
	if (pg->n >= 2 * ((size_t)pg->offset + pg->limit) + 100)
		prune(pg, (size_t)pg->offset + pg->limit);
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
	const struct entry *en = &pg->kept[pg->at];
	struct json *o = json_new();
	char user[256] = "";

	if (pg->set == SET_RELAY)
		(void)ledger_view(ctl->host.pipeline->ledger, p, &en->client, copy_user, user);
	client_put(o, "client", &en->client, p);
	entry_put(o, pg->set, en, str_of(user), p);
	control_say(ctl, c, o);
}

static bool
say(struct gather *g, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct page *pg = (struct page *)g;
	struct json *o;

	if (!pg->sorted) {
		if (pg->n > (size_t)pg->offset + pg->limit)
			prune(pg, (size_t)pg->offset + pg->limit);
		if (pg->n > 0)
			qsort(pg->kept, pg->n, sizeof(*pg->kept), order_void);
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
	free(pg->kept);
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
