/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_report.c - what a report is made of: the hours, and who leads */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_priv.h"
#include "rank.h"

#define LEADERS	  20
#define NAMES_MAX 65536 /* of networks, and of users; a bound on memory, not on what is told: see rank.h */

/* ---- history ---- */

struct hours {
	struct gather g;
	struct history_hour rows[HISTORY_HOURS + 1];
	unsigned n, at;
	uint64_t lost;
	bool said_lost;
};

static void
put_count(struct json *o, const char *key, uint32_t n)
{
	if (n > 0)
		json_put_int(o, key, n);
}

static struct json *
hour_json(const struct history_hour *row)
{
	struct json *o = json_new(), *events = json_new(), *blocks = json_new(), *refused = json_new(), *mercy = json_new();

	json_put_int(o, "hour", (int64_t)row->hour * 3600);
	for (unsigned k = 0; k < EVENT_KINDS; k++)
		put_count(events, kind_text(k), row->events[k]);
	for (unsigned k = 0; k <= EVENT_KINDS; k++)
		put_count(blocks, kind_text(k), row->blocks[k]);
	for (unsigned i = 0; i < HISTORY_REFUSALS; i++)
		put_count(refused, history_refusal_name(i), row->refused[i]);
	for (unsigned i = 0; i < HISTORY_MERCIES; i++)
		put_count(mercy, history_mercy_name(i), row->mercy[i]);
	json_put(o, "events", events);
	json_put(o, "blocks", blocks);
	json_put(o, "refused", refused);
	json_put(o, "mercy", mercy);
	put_count(o, "cached", row->cached);
	return o;
}

static bool
say_hours(struct gather *g, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct hours *h = (struct hours *)g;
	struct json *o;

	(void)p;
	for (; h->at < h->n; h->at++) {
		if (conn_room(c) < ANSWER_ROOM)
			return false;
		control_say(ctl, c, hour_json(&h->rows[h->at]));
	}
	if (h->lost == 0 || h->said_lost)
		return true;
	if (conn_room(c) < ANSWER_ROOM)
		return false;
	o = json_new();
	json_put_int(o, "lost", (int64_t)h->lost);
	control_say(ctl, c, o);
	h->said_lost = true;
	return true;
}

static void
hours_free(struct gather *g)
{
	free(g);
}

struct gather *
history_gather(const struct request *rq)
{
	struct hours *h = xcalloc(1, sizeof(*h));
	struct history *history = rq->ctl->host.pipeline->history;
	time_t span = rq->since > 0 ? (time_t)rq->since : (time_t)HISTORY_HOURS * 3600;

	h->g = (struct gather){ .say = say_hours, .free = hours_free, .shard = LEDGER_SHARDS };
	if (history != NULL) {
		h->n = history_get(history, rq->now - span, rq->now + 1, h->rows, HISTORY_HOURS + 1);
		h->lost = history_lost(history);
	}
	return &h->g;
}

/* ---- summary ---- */

enum ladder { NETWORKS, ZONES, USERS, LADDERS };

struct summary {
	struct gather g;
	struct rank *ranks[LADDERS];
	enum ladder at;
};

/* A /24, or a /48: what one customer or provider is given, RFC 6177. */
static struct str
network_of(const struct addr *client, struct addr *buf)
{
	*buf = *client;
	if (addr_is4(client))
		buf->b[15] = 0;
	else
		memset(buf->b + 6, 0, sizeof(buf->b) - 6);
	return (struct str){ (const char *)buf->b, sizeof(buf->b) };
}

/* As far as they are remembered: those that came again while cached are only counted. */
static uint64_t
events_of(const struct record *r, bool cached)
{
	uint64_t n = 0;

	for (const struct tally *t = r->tallies; t != NULL; t = t->next)
		n += t->len;
	if (cached && r->cached_hits > n)
		n = r->cached_hits;
	return n > 0 ? n : 1;
}

/* Called under the shard's lock.  A name's n is of clients, its weight of events. */
static void
see_leader(void *arg, const struct addr *client, const struct record *r)
{
	struct summary *s = arg;
	bool cached = record_in(r, SET_CACHE, s->g.now), blocked = record_in(r, SET_BLOCK, s->g.now);
	struct addr network;

	if (cached || blocked)
		rank_add(s->ranks[NETWORKS], network_of(client, &network), events_of(r, cached));
	if (cached && r->cached_kind == EVENT_RBL && r->cached_zone != NULL)
		rank_add(s->ranks[ZONES], str_of(r->cached_zone), r->cached_hits > 0 ? r->cached_hits : 1);
	if (record_in(r, SET_RELAY, s->g.now) && *r->grant->user != '\0')
		rank_add(s->ranks[USERS], str_of(r->grant->user), r->grant->logins);
}

static void
network_put(struct json *o, struct str name)
{
	char text[ADDR_TEXT], whole[ADDR_TEXT + 4];
	struct addr a;

	memcpy(a.b, name.p, sizeof(a.b));
	(void)snprintf(whole, sizeof whole, "%s/%d", addr_format(text, &a), addr_is4(&a) ? 24 : 48);
	json_put_cstr(o, "network", whole);
}

static void
say_ladder(struct control *ctl, struct conn *c, const struct rank *r, enum ladder which)
{
	static const char *const keys[LADDERS] = { "network", "zone", "user" },
	    *const weights[LADDERS] = { "events", "events", "logins" };
	struct rank_row rows[LEADERS];
	unsigned n = rank_top(r, rows, LEADERS);
	struct json *o;

	for (unsigned i = 0; i < n; i++) {
		o = json_new();
		if (which == NETWORKS)
			network_put(o, rows[i].name);
		else
			json_put_text(o, keys[which], rows[i].name);
		json_put_int(o, "clients", (int64_t)rows[i].n);
		json_put_int(o, weights[which], (int64_t)rows[i].weight);
		control_say(ctl, c, o);
	}
	if (rank_left_out(r) == 0)
		return;
	o = json_new();
	json_put_cstr(o, "left_out", keys[which]);
	json_put_int(o, "clients", (int64_t)rank_left_out(r));
	control_say(ctl, c, o);
}

/* A ladder is some kilobytes, well below ANSWER_ROOM: names are at most 255 bytes, four times that when shown. */
static bool
say_summary(struct gather *g, struct control *ctl, struct conn *c, const struct policy *p)
{
	struct summary *s = (struct summary *)g;

	(void)p;
	for (; s->at < LADDERS; s->at++) {
		if (conn_room(c) < ANSWER_ROOM)
			return false;
		say_ladder(ctl, c, s->ranks[s->at], s->at);
	}
	return true;
}

_Static_assert((LEADERS + 1) * (4 * RANK_NAME + 100) < ANSWER_ROOM, "a ladder fits");

static void
summary_free(struct gather *g)
{
	struct summary *s = (struct summary *)g;

	for (unsigned i = 0; i < LADDERS; i++)
		rank_free(s->ranks[i]);
	free(s);
}

struct gather *
summary_gather(const struct request *rq)
{
	struct summary *s = xcalloc(1, sizeof(*s));

	(void)rq;
	s->g = (struct gather){ .see = see_leader, .say = say_summary, .free = summary_free };
	for (unsigned i = 0; i < LADDERS; i++)
		s->ranks[i] = rank_new(NAMES_MAX);
	return &s->g;
}
