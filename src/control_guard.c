/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_guard.c - open breakers and distributed attacks */
#include <stdlib.h>

#include "control_priv.h"
#include "logmsg.h"

#define ONE_INCIDENT 2048 /* bytes of a line that describes one, at most: 80 of its name, escaped, and 8 clients */

struct json *
trip_json(const struct trip *t)
{
	static const char *const holds[BREAKER_CAUSES] = { "blocks", "blocks of clients with a login within 7 days",
		"cache entries and blocks" };
	struct json *o = json_new();
	char text[256];

	json_put_cstr(o, "cause", breaker_cause_name(t->cause));
	json_put_cstr(o, "kind", event_kind_name(t->kind));
	json_put_cstr(o, "zone", t->zone);
	json_put_int(o, "since", t->at);
	json_put_int(o, "until", t->until);
	json_put_cstr(o, "holds", holds[t->cause]);
	json_put_cstr(o, "text", trip_text(text, sizeof text, t));
	return o;
}

struct json *
trips_json(struct guard *g, time_t now)
{
	struct trip open[BREAKER_OPEN_MAX];
	unsigned n = g == NULL ? 0 : guard_trips(g, now, open, BREAKER_OPEN_MAX);
	struct json *list = json_list();

	for (unsigned i = 0; i < n; i++)
		json_add(list, trip_json(&open[i]));
	return list;
}

void
run_breaker(struct request *rq)
{
	struct json *list = trips_json(rq->ctl->host.pipeline->guard, rq->now);
	size_t n = json_count(list);

	json_free(list);
	if (n == 0) {
		control_end(rq->ctl, rq->conn, 0, "no breaker is open");
		return;
	}
	list = json_new();
	json_put(list, "breaker", trips_json(rq->ctl->host.pipeline->guard, rq->now));
	control_say(rq->ctl, rq->conn, list);
	control_end(rq->ctl, rq->conn, 0, "%s", "");
}

void
run_breaker_reset(struct request *rq)
{
	struct guard *g = rq->ctl->host.pipeline->guard;
	unsigned n = g == NULL ? 0 : guard_reset(g, rq->now);

	if (n == 0)
		control_end(rq->ctl, rq->conn, 0, "no breaker was open");
	else
		control_end_saved(rq->ctl, rq->conn, 0, "%u closed", n);
}

struct json *
incident_json(const struct incident *i, const struct policy *p)
{
	struct json *o = json_new(), *clients = json_list();
	char text[256];

	json_put_cstr(o, "target", target_name(i->target));
	json_put_cstr(o, "name", i->name);
	json_put_int(o, "since", i->since);
	json_put_int(o, "last", i->last);
	json_put_int(o, "until", i->until);
	json_put_int(o, members_name(i->target), i->members);
	json_put_int(o, "most", i->most);
	json_put_cstr(o, "text", incident_text(text, sizeof text, i));
	for (unsigned k = 0; k < i->shown; k++)
		json_add_text(clients, str_of(addr_format_client(text, &i->who[k], p->ipv6_prefix)));
	json_put(o, "sample", clients);
	return o;
}

static int
by_size(const void *a, const void *b)
{
	const struct incident *x = a, *y = b;

	return (x->most < y->most) - (x->most > y->most);
}

void
run_incidents(struct request *rq)
{
	struct guard *g = rq->ctl->host.pipeline->guard;
	struct incident *all = xcalloc(SWARM_LIVE, sizeof *all);
	unsigned n = g == NULL ? 0 : guard_incidents(g, rq->policy, rq->now, all, SWARM_LIVE), i;

	qsort(all, n, sizeof *all, by_size);
	for (i = 0; i < n && conn_room(rq->conn) >= ONE_INCIDENT + 1024; i++)
		control_say(rq->ctl, rq->conn, incident_json(&all[i], rq->policy));
	free(all);
	if (n == 0)
		control_end(rq->ctl, rq->conn, 0, "no distributed attack is going on");
	else if (i < n)
		control_end(rq->ctl, rq->conn, 0, "and %u smaller ones", n - i);
	else
		control_end(rq->ctl, rq->conn, 0, "%s", "");
}
