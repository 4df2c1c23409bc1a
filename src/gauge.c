/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gauge.c - see gauge.h */
#include "gauge.h"

#include <string.h>

#include "event.h"
#include "stats.h"
#include "trouble.h"

#define UNKNOWN (-1)

static int64_t
started(const struct json *status)
{
	return json_get_int(status, "started", UNKNOWN);
}

static int64_t
flushed(const struct json *status)
{
	return json_get_int(json_get(status, "store"), "flushed", UNKNOWN);
}

static int64_t
logs_missing(const struct json *status)
{
	const struct json *logs = json_get(status, "logs");
	int64_t n = 0;

	for (size_t i = 0; i < json_count(logs); i++)
		n += json_has(json_at(logs, i), "error");
	return logs != NULL ? n : UNKNOWN;
}

/* Of the log that is furthest behind. */
static int64_t
behind(const struct json *status, const char *key)
{
	const struct json *logs = json_get(status, "logs");
	int64_t most = UNKNOWN;

	for (size_t i = 0; i < json_count(logs); i++) {
		int64_t n = json_get_int(json_at(logs, i), key, UNKNOWN);

		most = n > most ? n : most;
	}
	return most;
}

static int64_t
log_bytes(const struct json *status)
{
	return behind(status, "lag");
}

static int64_t
log_seconds(const struct json *status)
{
	return behind(status, "lag_seconds");
}

static const struct json *
firewall_of(const struct json *status)
{
	const struct json *o = json_get(status, "firewall");

	return strcmp(text_of(o, "state"), "off") == 0 ? NULL : o;
}

static int64_t
firewall_up(const struct json *status)
{
	const struct json *o = firewall_of(status);

	return o == NULL ? UNKNOWN : strcmp(text_of(o, "state"), "up") == 0 && json_get_bool(o, "fresh", true);
}

static int64_t
wanted(const struct json *status)
{
	return json_get_int(firewall_of(status), "wanted", UNKNOWN);
}

static int64_t
enforced(const struct json *status)
{
	return json_get_int(firewall_of(status), "enforced", UNKNOWN);
}

static int64_t
referenced(const struct json *status)
{
	const struct json *o = firewall_of(status);

	return json_has(o, "referenced") ? json_get_bool(o, "referenced", false) : UNKNOWN;
}

static int64_t
map_grants(const struct json *status)
{
	return json_get_int(json_get(status, "relay_map"), "grants", UNKNOWN);
}

static int64_t
breakers(const struct json *status)
{
	return (int64_t)json_count(json_get(status, "breaker"));
}

static int64_t
incidents(const struct json *status)
{
	return json_get_int(status, "incidents", UNKNOWN);
}

static int64_t
troubles(const struct json *status)
{
	return trouble_count(status);
}

static const struct {
	const char *name, *help;
	int64_t (*look)(const struct json *status); /* NULL: it is not in the status */
} gauges[] = {
	{ "clients", "clients known", NULL },
	{ "start_time_seconds", "when the daemon was started, in seconds since 1970", started },
	{ "flush_time_seconds", "when the store was written last, in seconds since 1970", flushed },
	{ "troubles", "what status calls a PROBLEM", troubles },
	{ "logs_missing", "logs that cannot be read", logs_missing },
	{ "log_behind_bytes", "bytes not yet read of the log furthest behind", log_bytes },
	{ "log_behind_seconds", "seconds that the journal furthest behind is behind", log_seconds },
	{ "firewall_up", "whether the firewall helper answers", firewall_up },
	{ "firewall_wanted", "entries that the kernel's sets should have", wanted },
	{ "firewall_enforced", "entries that the kernel's sets have", enforced },
	{ "firewall_referenced", "whether a firewall rule names each set", referenced },
	{ "relay_map_grants", "clients in the relay map file", map_grants },
	{ "breakers_open", "causes for which nobody is blocked at the moment", breakers },
	{ "incidents", "distributed attacks that are going on", incidents },
};
#define GAUGES (sizeof gauges / sizeof gauges[0])

struct json *
gauges_of(const struct json *status, uint64_t known)
{
	struct json *o = json_new();

	for (size_t i = 0; i < GAUGES; i++) {
		int64_t n = gauges[i].look == NULL ? (int64_t)known : gauges[i].look(status);

		if (n != UNKNOWN)
			json_put_int(o, gauges[i].name, n);
	}
	return o;
}

const char *
gauge_help(const char *name)
{
	for (size_t i = 0; i < GAUGES; i++)
		if (strcmp(gauges[i].name, name) == 0)
			return gauges[i].help;
	return NULL;
}

/* The format's own escapes are not needed: names are ours, values are numbers. */
void
prometheus_put(FILE *out, const struct json *stats)
{
	struct json *kinds = json_get(stats, "events_by_kind"), *n;
	const struct json *now = json_get(stats, "now");
	const char *key;
	void *at = NULL;

	for (enum counter c = 0; c < STATS; c++)
		fprintf(out, "# HELP popauth_%s_total %s\n# TYPE popauth_%s_total counter\npopauth_%s_total %lld\n", stat_name(c),
		    stat_help(c), stat_name(c), stat_name(c), number_of(stats, stat_name(c)));
	fprintf(out, "# HELP popauth_events_by_kind_total events learned, by kind\n"
		     "# TYPE popauth_events_by_kind_total counter\n");
	while (json_next(kinds, &at, &key, &n))
		if (event_kind_of(str_of(key)) != EVENT_KINDS)
			fprintf(out, "popauth_events_by_kind_total{kind=\"%s\"} %lld\n", key, (long long)json_number(n, 0));
	for (size_t i = 0; i < GAUGES; i++)
		if (json_has(now, gauges[i].name))
			fprintf(out, "# HELP popauth_%s %s\n# TYPE popauth_%s gauge\npopauth_%s %lld\n", gauges[i].name, gauges[i].help,
			    gauges[i].name, gauges[i].name, number_of(now, gauges[i].name));
}
