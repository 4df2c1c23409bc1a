/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_top.c - the worst clients: those with the most hits of late
 *
 * Hits are what the ledger remembers of each kind (record.h): no more than it takes to reach the greater threshold; and the
 * recipients that a client with a grant has named beyond its budget, within the hour that this is about.  Who has as many as
 * another and came later is the worse.
 * The best TOP_ROWS are kept while the ledger is walked, the least of them first.
 */
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"

#define TOP_ROWS 20
#define TOP_SPAN 3600 /* seconds, when the request does not say */

struct row {
	struct addr client;
	uint32_t hits, of_kind; /* all, and those of the kind with the most */
	uint8_t kind;		/* EVENT_KINDS: beyond its budget */
	uint8_t in; /* 1 << set */
	uint32_t last;
};

struct top {
	const struct filter *filter; /* the session's */
	uint32_t from;
	time_t now;
	unsigned n;
	struct row rows[TOP_ROWS]; /* the least first */
};

struct top *
top_new(const struct request *rq)
{
	struct top *t = xcalloc(1, sizeof *t);
	uint32_t span = rq->term != 0 ? rq->term : TOP_SPAN;

	t->filter = &rq->session->filter;
	t->now = rq->now;
	t->from = rq->now > (time_t)span ? (uint32_t)(rq->now - span) : 0;
	return t;
}

void
top_free(struct top *t)
{
	free(t);
}

/* Hits are in the order of their time. */
static uint32_t
hits_since(const struct tally *t, uint32_t from)
{
	uint32_t n = 0;

	while (n < t->len && t->hits[t->len - 1 - n].at > from)
		n++;
	return n;
}

static void
count(struct row *row, const struct top *t, const struct record *r)
{
	for (const struct tally *y = r->tallies; y != NULL; y = y->next) {
		uint32_t n = filter_kind(t->filter, y->kind) ? hits_since(y, t->from) : 0;

		row->hits += n;
		if (n > row->of_kind) {
			row->of_kind = n;
			row->kind = y->kind;
		}
		if (n > 0 && y->hits[y->len - 1].at > row->last)
			row->last = y->hits[y->len - 1].at;
	}
}

/* Only when no kinds are asked for: it is none. */
static void
count_beyond(struct row *row, const struct top *t, const struct record *r)
{
	uint32_t n = t->filter->kinds == 0 && record_in(r, SET_RELAY, t->now) ? record_beyond(r, (uint32_t)t->now) : 0;

	row->hits += n;
	if (n <= row->of_kind)
		return;
	row->of_kind = n;
	row->kind = EVENT_KINDS;
	row->last = (uint32_t)t->now;
}

static bool
is_worse(const struct row *a, const struct row *b)
{
	return a->hits != b->hits ? a->hits > b->hits : a->last > b->last;
}

/* Into its place; when all are taken the least goes. */
static void
insert(struct top *t, const struct row *row)
{
	unsigned at = t->n < TOP_ROWS ? t->n : 0;

	if (t->n == TOP_ROWS && !is_worse(row, &t->rows[0]))
		return;
	if (t->n < TOP_ROWS) {
		while (at > 0 && is_worse(&t->rows[at - 1], row))
			at--;
		memmove(&t->rows[at + 1], &t->rows[at], (t->n - at) * sizeof t->rows[0]);
		t->n++;
	} else {
		while (at + 1 < TOP_ROWS && is_worse(row, &t->rows[at + 1])) {
			t->rows[at] = t->rows[at + 1];
			at++;
		}
	}
	t->rows[at] = *row;
}

/* Called under the shard's lock. */
void
top_see(void *arg, const struct addr *client, const struct record *r)
{
	struct top *t = arg;
	struct row row = { .client = *client };

	if ((r->tallies == NULL && r->grant == NULL) || !filter_client(t->filter, client))
		return;
	count(&row, t, r);
	count_beyond(&row, t, r);
	if (row.hits == 0)
		return;
	for (enum set s = 0; s < SETS; s++)
		row.in |= (uint8_t)(record_in(r, s, t->now) ? 1u << s : 0);
	insert(t, &row);
}

/* The worst first; false when there is no more. */
bool
top_say(struct top *t, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct json *o, *in;
	const struct row *row;

	if (t->n == 0)
		return false;
	row = &t->rows[--t->n];
	o = json_new();
	in = json_list();
	client_put(o, "client", &row->client, p);
	json_put_int(o, "hits", row->hits);
	json_put_cstr(o, "kind", row->kind == EVENT_KINDS ? "budget" : kind_text(row->kind));
	json_put_int(o, "of_kind", row->of_kind);
	json_put_int(o, "last", row->last);
	for (enum set s = 0; s < SETS; s++)
		if (row->in & 1u << s)
			json_add_text(in, str_of(set_name(s)));
	json_put(o, "in", in);
	control_say(ctl, c, o);
	return true;
}
