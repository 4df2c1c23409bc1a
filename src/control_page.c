/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_page.c - one page of a list: the newest first, and how many there are in all
 *
 * The ledger is in no order, and an index by time would cost every client memory for what is looked at now and then.  So a
 * page goes through all of it and keeps the keys, a time and an address, of twice as many clients as it needs; then the older
 * half is thrown away, and what is older than the rest is no longer taken.  Most are compared once and forgotten.  What is
 * said of the clients of the page is looked up at the end: of each what is known by then, and nothing of who has left the set.
 */
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"

#define STEPS 4096

/* A client's place in the list. */
struct key {
	uint32_t since;
	struct addr client;
};

struct page {
	struct gather g;
	enum set set;
	struct match *match;
	uint32_t offset, limit;
	uint64_t total;
	struct key *kept;
	size_t n, cap;
	bool has_bar;
	struct key bar; /* `want` at least are not behind it */
	size_t at; /* while it is said */
	bool sorted, said_total;
};

/* Negative: a comes before b in the list. */
static int
order(const struct key *a, const struct key *b)
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
swap(struct key *a, struct key *b)
{
	struct key t = *a;

	*a = *b;
	*b = t;
}

/* Bring the first k of n to the front, in any order: C. A. R. Hoare, FIND (Algorithm 65). */
static void
select_first(struct key *e, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		struct key pivot = e[low + (high - low) / 2];
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

/* Throw away most of what is not among the first `want`, by the time alone, in steps between the newest and the oldest: three
 * straight passes, where FIND jumps. */
static void
thin(struct page *pg, size_t want)
{
	uint32_t newest = 0, oldest = UINT32_MAX, count[STEPS] = { 0 };
	unsigned shift = 0, last = 0;
	size_t sum, n = 0;

	for (size_t i = 0; i < pg->n; i++) {
		newest = pg->kept[i].since > newest ? pg->kept[i].since : newest;
		oldest = pg->kept[i].since < oldest ? pg->kept[i].since : oldest;
	}
	while ((newest - oldest) >> shift >= STEPS)
		shift++;
	for (size_t i = 0; i < pg->n; i++)
		count[(newest - pg->kept[i].since) >> shift]++;
	for (sum = count[0]; sum < want; sum += count[++last])
		;
	for (size_t i = 0; i < pg->n; i++) {
		pg->kept[n] = pg->kept[i];
		n += (newest - pg->kept[n].since) >> shift <= last;
	}
	pg->n = n;
}

/* Keep the first `want` of more than these, and some that were hard to tell from them; remember the last: what does not come
 * before it need not be kept. */
static void
prune(struct page *pg, size_t want)
{
	thin(pg, want);
	if (pg->n > want + want / 2) { /* many of the same time */
		select_first(pg->kept, pg->n, want);
		pg->n = want;
	}
	pg->bar = pg->kept[0];
	for (size_t i = 1; i < pg->n; i++)
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
	size_t want = (size_t)pg->offset + pg->limit;
	struct key key;

	if (!record_in(r, pg->set, pg->g.now) || !match_fits(pg->match, pg->set, client, r))
		return;
	pg->total++;
	key.since = since_of(pg->set, r);
	if (pg->has_bar && key.since < pg->bar.since)
		return; /* nearly all */
	key.client = *client;
	if (pg->has_bar && order(&pg->bar, &key) <= 0)
		return;
	if (pg->n == pg->cap) {
		pg->cap = pg->cap == 0 ? 256 : 2 * pg->cap;
		pg->kept = xrealloc(pg->kept, pg->cap * sizeof(*pg->kept));
	}
	pg->kept[pg->n++] = key;
	if (pg->n >= 2 * want + 100)
		prune(pg, want);
}

/* Of all that was kept only the page itself need be in order. */
static void
sort_page(struct page *pg)
{
	size_t want = (size_t)pg->offset + pg->limit;

	if (pg->n > want)
		prune(pg, want);
	if (pg->n > pg->offset) {
		select_first(pg->kept, pg->n, pg->offset);
		qsort(pg->kept + pg->offset, pg->n - pg->offset, sizeof(*pg->kept), order_void);
		pg->n = pg->n < want ? pg->n : want;
	}
	pg->at = pg->offset;
	pg->sorted = true;
}

struct look {
	enum set set;
	time_t now;
	bool there;
	struct entry entry;
	char user[256];
};

/* Called under the shard's lock. */
static void
look_up(void *arg, const struct addr *client, const struct record *r)
{
	struct look *lk = arg;

	lk->there = record_in(r, lk->set, lk->now);
	if (!lk->there)
		return;
	lk->entry = entry_of(lk->set, client, r, lk->now);
	if (lk->set == SET_RELAY)
		str_copy(lk->user, sizeof(lk->user), str_of(r->grant->user));
}

static void
say_one(struct page *pg, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct look lk = { .set = pg->set, .now = pg->g.now };
	struct json *o;

	if (!ledger_view(ctl->host.pipeline->ledger, p, &pg->kept[pg->at].client, look_up, &lk) || !lk.there)
		return;
	o = json_new();
	client_put(o, "client", &lk.entry.client, p);
	entry_put(o, pg->set, &lk.entry, str_of(lk.user), p);
	control_say(ctl, c, o);
}

static bool
say(struct gather *g, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct page *pg = (struct page *)g;
	struct json *o;

	if (!pg->sorted)
		sort_page(pg);
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
