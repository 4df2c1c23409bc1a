/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_status.c - status and stats */
#include <stdatomic.h>

#include "control_priv.h"
#include "gauge.h"
#include "stats.h"

/* Counters of what was lost or refused: status shows those that are not zero. */
static const enum counter losses[] = {
	STAT_LINES_LONG, STAT_LINES_PARTIAL, STAT_LINES_REFUSED, STAT_LINES_OVERFLOWN, STAT_LINES_FUTURE, STAT_LOG_LOST,
	STAT_RULES_LIMIT, STAT_INCIDENTS_DROPPED, STAT_TARGETS_DROPPED, STAT_NOTICES_DROPPED, STAT_CLIENTS_EVICTED, STAT_STRINGS_REFUSED, STAT_SESSIONS_UNKNOWN, STAT_MAP_REFUSED, STAT_MAP_UNKNOWN,
	STAT_CONTROL_REFUSED, STAT_CONNECTIONS_FULL, STAT_WATCH_DROPPED, STAT_FLUSH_FAILED, STAT_FIREWALL_FAILED,
	STAT_FIREWALL_RESTARTS, STAT_RELOADS_FAILED, STAT_MESSAGES_LOST, STAT_MESSAGES_LEFT_OUT,
};

static struct json *
kinds_json(const struct pipeline *pl)
{
	struct json *o = json_new();

	for (enum event_kind k = 0; k < EVENT_KINDS; k++) {
		uint64_t n = atomic_load_explicit(&pl->kinds[k], memory_order_relaxed);

		json_put_int(o, event_kind_name(k), (int64_t)n);
	}
	return o;
}

struct json *
status_json(struct control *ctl)
{
	struct json *o = json_new(), *lost = json_new();

	json_put_int(o, "started", ctl->started);
	if (ctl->host.status != NULL)
		ctl->host.status(ctl->host.arg, o);
	json_put(o, "events", kinds_json(ctl->host.pipeline));
	json_put(o, "breaker", trips_json(ctl->host.pipeline->guard, ctl->host.now(ctl->host.arg)));
	json_put_int(o, "incidents", guard_live(ctl->host.pipeline->guard));
	json_put_int(o, "sessions", (int64_t)stat_get(STAT_SESSIONS));
	json_put_int(o, "rejected",
	    (int64_t)(stat_get(STAT_REJECTED_CACHE) + stat_get(STAT_REJECTED_BLOCK) + stat_get(STAT_REJECTED_FORGERY) +
	    stat_get(STAT_REJECTED_RELAY) + stat_get(STAT_REJECTED_BUDGET)));
	if (ctl->host.watch != NULL)
		json_put_int(o, "watchers", watch_watchers(ctl->host.watch));
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		if (stat_get(losses[i]) > 0)
			json_put_int(lost, stat_name(losses[i]), (int64_t)stat_get(losses[i]));
	}
	json_put(o, "lost", lost);
	return o;
}

struct json *
stats_json(struct control *ctl)
{
	struct json *o = json_new(), *status = status_json(ctl);

	for (enum counter s = 0; s < STATS; s++)
		json_put_int(o, stat_name(s), (int64_t)stat_get(s));
	json_put(o, "events_by_kind", kinds_json(ctl->host.pipeline));
	json_put(o, "now", gauges_of(status, ledger_size(ctl->host.pipeline->ledger)));
	json_free(status);
	return o;
}
