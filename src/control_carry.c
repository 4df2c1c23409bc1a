/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_carry.c - entries from elsewhere, with their own times
 *
 * They come in thousands: each is answered with one line, and durable with the last of them.
 */
#include "control_priv.h"

static void
answer(struct request *rq, int code, const char *text)
{
	if (rq->more)
		control_end(rq->ctl, rq->conn, code, "%s", text);
	else
		control_end_saved(rq->ctl, rq->conn, code, "%s", text);
}

/* What was not said: the term is the one given, or the configured one, from the last login or the offence on. */
static void
complete(struct request *rq)
{
	struct carried *c = &rq->carried;
	uint32_t now = (uint32_t)rq->now;
	uint32_t term = rq->term != 0 ? rq->term : rq->verb->set == SET_RELAY ? rq->policy->relay_for :
	    rq->verb->set == SET_CACHE ? rq->policy->cache_for : 0;

	c->set = rq->verb->set;
	c->text = c->set == SET_RELAY ? rq->user : rq->reason;
	if (c->last == 0)
		c->last = c->since != 0 ? c->since : now;
	if (c->since == 0)
		c->since = c->last;
	if (c->until == 0)
		c->until = c->last + (term != 0 ? term : c->set == SET_RELAY ? 15 * 60 : 86400);
	if (c->by == BY_NONE)
		c->by = BY_HAND;
}

void
add_carried(struct request *rq)
{
	struct control_host *host = &rq->ctl->host;
	struct addr client = addr_client(&rq->addr, rq->policy->ipv6_prefix);
	unsigned changes;

	complete(rq);
	changes = pipeline_carry(host->pipeline, rq->policy, &rq->addr, &rq->carried, rq->now);
	if (changes & CHANGE_TRUSTED) {
		answer(rq, 1, "trusted");
	} else if (changes & CHANGE_EXPIRED) {
		answer(rq, 0, "expired");
	} else {
		if (host->watch != NULL && changes != 0)
			watch_told(host->watch, NULL, &client, changes);
		answer(rq, 0, changes != 0 ? "added" : "known");
	}
}
