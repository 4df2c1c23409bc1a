/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_around.c - what else is going on that changes how a client is judged: attacks that it takes part in, and
 * breakers that keep it from being blocked */
#include <stdlib.h>

#include "control_priv.h"

void
around_begin(struct around *a, const struct request *rq)
{
	struct guard *g = rq->ctl->host.pipeline->guard;

	*a = (struct around){ .now = rq->now };
	if (g == NULL)
		return;
	a->incidents = xcalloc(SWARM_LIVE, sizeof *a->incidents);
	a->n_incidents = guard_incidents(g, rq->policy, rq->now, a->incidents, SWARM_LIVE);
	a->n_trips = guard_trips(g, rq->now, a->trips, BREAKER_OPEN_MAX);
}

static unsigned
missing(const struct lowered *l)
{
	return l->is.of > l->is.have ? l->is.of - l->is.have : 0;
}

static void
add_lowered(struct around *a, const struct lowered *l)
{
	struct lowered *place = &a->nearest[0];

	if (a->lowered < AROUND_SHOWN)
		place = &a->nearest[a->lowered];
	else
		for (unsigned i = 1; i < AROUND_SHOWN; i++)
			if (missing(&a->nearest[i]) > missing(place))
				place = &a->nearest[i];
	if (a->lowered++ < AROUND_SHOWN || missing(l) < missing(place))
		*place = *l;
}

static void
take_part(struct around *a, const struct policy *p, const struct addr *client, const struct record *r,
    const struct incident *i)
{
	for (enum event_kind e = 0; e < EVENT_KINDS; e++) {
		struct lowered l = { .why = i, .kind = e };

		if (incident_lowers(i, p, client, r, e, a->now, &l.is))
			add_lowered(a, &l);
	}
	if (i->target == TARGET_CLIENT && addr_eq(&i->addr, client))
		a->own = i;
}

/* Would it be blocked, or cached, if the breaker were not open? */
static bool
concerns(const struct trip *t, const struct record *r, unsigned about, time_t now)
{
	bool cached = record_in(r, SET_CACHE, now);

	if (t->cause == BREAKER_GOOD && !policy_known_good(r, (uint32_t)now))
		return false;
	if (t->zone != NULL && cached && r->cached_kind == EVENT_RBL)
		return r->cached_zone == t->zone;
	return record_tally(r, t->kind) != NULL || (about & 1u << t->kind) != 0;
}

void
around_client(struct around *a, const struct policy *p, const struct addr *client, const struct record *r, unsigned about)
{
	for (unsigned i = 0; i < a->n_incidents; i++)
		take_part(a, p, client, r, &a->incidents[i]);
	for (unsigned i = 0; i < a->n_trips; i++)
		if (concerns(&a->trips[i], r, about, a->now) && a->held++ < AROUND_SHOWN)
			a->holding[a->held - 1] = a->trips[i];
}

static struct json *
lowered_json(const struct lowered *l, const struct policy *p)
{
	const struct threshold *usual = &p->kind[l->kind].rate;
	struct json *o = json_new();
	char text[256];

	json_put_cstr(o, "kind", event_kind_name(l->kind));
	json_put_cstr(o, "target", target_name(l->why->target));
	json_put_cstr(o, "name", l->why->name);
	json_put_int(o, "have", l->is.have);
	json_put_int(o, "of", l->is.of);
	json_put_int(o, "usually", usual->n);
	json_put_int(o, "span", usual->span);
	json_put_int(o, "term", usual->term);
	json_put_int(o, "since", l->why->since);
	json_put_int(o, "until", l->why->until);
	json_put_cstr(o, "text", incident_text(text, sizeof text, l->why));
	return o;
}

static unsigned
shown(struct json *o, const char *left_out, unsigned n)
{
	if (n <= AROUND_SHOWN)
		return n;
	json_put_int(o, left_out, n - AROUND_SHOWN);
	return AROUND_SHOWN;
}

void
around_put(struct json *o, struct around *a, const struct policy *p)
{
	unsigned lowered = shown(o, "lowered_left_out", a->lowered), held = shown(o, "held_left_out", a->held);
	struct json *list = json_list();

	for (unsigned i = 0; i < lowered; i++)
		json_add(list, lowered_json(&a->nearest[i], p));
	json_put(o, "lowered", list);
	list = json_list();
	for (unsigned i = 0; i < held; i++)
		json_add(list, trip_json(&a->holding[i]));
	json_put(o, "held", list);
	if (a->own != NULL)
		json_put(o, "incident", incident_json(a->own, p));
	free(a->incidents);
	a->incidents = NULL;
	a->own = NULL;
}
