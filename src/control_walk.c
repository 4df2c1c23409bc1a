/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_walk.c - answers that need the whole ledger: the lists, the flushes, and the numbers of status
 *
 * The ledger is walked one shard at a time.  Under the shard's lock entries are only copied; what is then said or
 * deleted happens with no lock held.  A list goes on when the reader has taken what was said before, so that its
 * memory is one shard's, whatever the size of the ledger.
 */
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"

#define SHARDS_AT_ONCE 16 /* before other connections have their turn */

struct walk {
	const struct verb *verb;
	time_t now;	       /* of this part of the walk */
	unsigned shard;	       /* the next */
	struct entry *entries; /* of the shard before */
	size_t n, at, cap;
	char *text;	       /* users' names of these entries, each with its NUL */
	size_t text_n, text_cap;
	uint64_t known, in[SETS]; /* status: how many clients */
	uint64_t beyond;       /* the same: whose budget is spent */
	uint64_t done;	       /* listed, or deleted */
	struct match *match;   /* NULL: everything */
	struct gather *gather; /* NULL: this file's own business */
	struct top *top;       /* NULL: something else is asked for */
};

void
walk_begin(struct request *rq)
{
	struct walk *w = xcalloc(1, sizeof(*w));

	w->verb = rq->verb;
	w->match = match_new(rq->match, rq->policy);
	if (w->verb->id == VERB_TOP)
		w->top = top_new(rq);
	rq->session->walk = w;
	rq->session->busy = BUSY_WALK;
}

void
walk_gather(struct request *rq, struct gather *g)
{
	struct walk *w = xcalloc(1, sizeof(*w));

	w->verb = rq->verb;
	w->gather = g;
	rq->session->walk = w;
	rq->session->busy = BUSY_WALK;
}

void
walk_free(struct walk *w)
{
	if (w == NULL)
		return;
	if (w->gather != NULL)
		w->gather->free(w->gather);
	match_free(w->match);
	free(w->entries);
	free(w->text);
	top_free(w->top);
	free(w);
}

static size_t
keep_text(struct walk *w, const char *s)
{
	size_t at = w->text_n, n = strlen(s) + 1;

	if (at + n > w->text_cap) {
		w->text_cap = 2 * (at + n);
		w->text = xrealloc(w->text, w->text_cap);
	}
	memcpy(w->text + at, s, n);
	w->text_n += n;
	return at;
}

/* Called under the shard's lock. */
static void
collect(void *arg, const struct addr *client, const struct record *r)
{
	struct walk *w = arg;
	enum set s = w->verb->set;

	if (!record_in(r, s, w->now) || !match_fits(w->match, s, client, r))
		return;
	if (w->n == w->cap) {
		w->cap = w->cap == 0 ? 64 : 2 * w->cap;
		w->entries = xrealloc(w->entries, w->cap * sizeof(*w->entries));
	}
	w->entries[w->n] = entry_of(s, client, r, w->now);
	if (s == SET_RELAY)
		w->entries[w->n].user = keep_text(w, r->grant->user);
	w->n++;
}

/* Called under the shard's lock. */
static void
tally_up(void *arg, const struct addr *client, const struct record *r)
{
	struct walk *w = arg;

	(void)client;
	w->known++;
	for (enum set s = 0; s < SETS; s++)
		w->in[s] += record_in(r, s, w->now);
	w->beyond += record_in(r, SET_RELAY, w->now) && record_beyond(r, (uint32_t)w->now) > 0;
}

static void
list_one(struct control *ctl, struct conn *c, struct walk *w, const struct policy *p)
{
	const struct entry *en = &w->entries[w->at];
	struct json *o = json_new();

	client_put(o, "client", &en->client, p);
	entry_put(o, w->verb->set, en, w->verb->set == SET_RELAY ? str_of(w->text + en->user) : STR_NONE, p);
	control_say(ctl, c, o);
}

static void
flush_one(struct control *ctl, struct walk *w, const struct policy *p)
{
	const struct addr *client = &w->entries[w->at].client;

	(void)pipeline_del(ctl->host.pipeline, p, w->verb->set, client, w->now);
}

/* false: the output is full. */
static bool
use_entries(struct control *ctl, struct conn *c, struct walk *w, const struct policy *p)
{
	for (; w->at < w->n; w->at++, w->done++) {
		if (w->verb->access == ACCESS_WRITE)
			flush_one(ctl, w, p);
		else if (conn_room(c) < ANSWER_ROOM)
			return false;
		else
			list_one(ctl, c, w, p);
	}
	w->n = w->at = w->text_n = 0;
	return true;
}

static void
finish(struct control *ctl, struct conn *c, struct walk *w)
{
	struct json *status, *clients;

	if (w->verb->id == VERB_STATUS) {
		status = status_json(ctl);
		clients = json_new();
		json_put_int(clients, "known", (int64_t)w->known);
		for (enum set s = 0; s < SETS; s++)
			json_put_int(clients, set_name(s), (int64_t)w->in[s]);
		if (w->beyond > 0)
			json_put_int(clients, "beyond", (int64_t)w->beyond);
		json_put(status, "clients", clients);
		control_say(ctl, c, status);
		control_end(ctl, c, 0, "%s", "");
	} else if (w->verb->access == ACCESS_READ) {
		control_end(ctl, c, 0, "%s", "");
	} else {
		control_end_saved(ctl, c, 0, "%llu taken out of %s", (unsigned long long)w->done,
		    set_name(w->verb->set));
	}
}

static bool
gather_more(struct control *ctl, struct conn *c, struct gather *g, const struct policy *p, time_t now)
{
	g->now = now;
	for (unsigned i = 0; i < SHARDS_AT_ONCE && g->shard < LEDGER_SHARDS; i++)
		ledger_walk_shard(ctl->host.pipeline->ledger, g->shard++, g->see, g);
	if (g->shard < LEDGER_SHARDS || !g->say(g, ctl, c, p) || conn_room(c) < ANSWER_ROOM)
		return false;
	control_end(ctl, c, 0, "%s", "");
	return true;
}

bool
walk_more(struct control *ctl, struct conn *c, struct walk *w, const struct policy *p, time_t now)
{
	ledger_fn *fn = w->top != NULL ? top_see : w->verb->id == VERB_STATUS ? tally_up : collect;

	if (w->gather != NULL)
		return gather_more(ctl, c, w->gather, p, now);
	w->now = now;
	for (unsigned i = 0; i < SHARDS_AT_ONCE; i++) {
		if (!use_entries(ctl, c, w, p))
			return false;
		if (w->shard == LEDGER_SHARDS) {
			if (conn_room(c) < ANSWER_ROOM || (w->top != NULL && top_say(w->top, ctl, c, p)))
				return false;
			finish(ctl, c, w);
			return true;
		}
		ledger_walk_shard(ctl->host.pipeline->ledger, w->shard++, fn, w->top != NULL ? (void *)w->top : w);
	}
	return false;
}
