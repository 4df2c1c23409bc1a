/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_status.c - how the daemon is, as people and Prometheus read it */
#include <time.h>

#include "ctl.h"
#include "gauge.h"
#include "stats.h"
#include "trouble.h"

static void
problem(void *arg, const char *text)
{
	(void)arg;
	printf("           %sPROBLEM%s: %s\n", colour_on(COLOUR_BAD), colour_off(), text);
}

static void
status_store(const struct json *o)
{
	char at[TIME_TEXT];

	printf("store      %s %s%s%s\n", text_of(o, "state"), text_of(o, "path"), *text_of(o, "note") ? ": " : "",
	    text_of(o, "note"));
	if (json_has(o, "flushed"))
		printf("           last flush %s\n", time_text(at, json_get_int(o, "flushed", 0)));
	trouble_of("store", o, problem, NULL);
}

/* What share of the lines of programs that have rules these did not recognise. */
static void
status_programs(const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);
		long long lines = number_of(o, "lines"), unknown = lines - number_of(o, "recognised");

		printf("%s%s %lld %% of %lld", i == 0 ? "           unrecognised: " : ", ", text_of(o, "program"),
		    lines == 0 ? 0 : unknown * 100 / lines, lines);
	}
	if (json_count(list) > 0)
		putchar('\n');
}

static void
status_log(const struct json *o)
{
	char at[TIME_TEXT];
	bool seconds = json_has(o, "lag_seconds");

	printf("log        %s: %s, %lld %s behind", text_of(o, "path"), text_of(o, "state"),
	    number_of(o, seconds ? "lag_seconds" : "lag"), seconds ? "seconds" : "bytes");
	if (number_of(o, "last") != 0)
		printf(", last line %s", time_text(at, json_get_int(o, "last", 0)));
	putchar('\n');
	trouble_of("logs", o, problem, NULL);
	if (json_has(o, "lines"))
		printf("           lines %lld, recognised %lld, without a head %lld, missed %lld\n", number_of(o, "lines"),
		    number_of(o, "recognised"), number_of(o, "headless"), number_of(o, "dropped"));
	status_programs(json_get(o, "programs"));
	if (json_has(o, "programs_left_out"))
		printf("           and %lld more programs\n", number_of(o, "programs_left_out"));
	if (json_has(o, "untold"))
		printf("           and %lld lines of more programs than are counted\n", number_of(o, "untold"));
}

static void
status_firewall(const struct json *o)
{
	char at[TIME_TEXT];

	printf("firewall   %s", text_of(o, "state"));
	if (json_has(o, "wanted"))
		printf(": enforced %lld of %lld, referenced %s", number_of(o, "enforced"), number_of(o, "wanted"),
		    !json_has(o, "referenced") ? "not known" : json_get_bool(o, "referenced", false) ? "yes" : "NO");
	if (json_has(o, "repaired"))
		printf(", last repair %s", time_text(at, json_get_int(o, "repaired", 0)));
	putchar('\n');
	trouble_of("firewall", o, problem, NULL);
}

static void
status_allowlist(const struct json *o)
{
	const struct json *nearby = json_get(o, "nearby");

	printf("allowlist  %lld networks, %lld of our own and around us\n", number_of(o, "allow"), number_of(o, "own"));
	for (size_t i = 0; i < json_count(nearby); i++)
		printf("%s%s%s", i == 0 ? "           never blocked:" : "", " ", json_text(json_at(nearby, i)).p);
	if (json_count(nearby) > 0)
		putchar('\n');
	trouble_of("allowlist", o, problem, NULL);
}

/* A map that nobody asks is one that the MTA was not told of. */
static void
status_socketmap(const struct json *o)
{
	const struct json *maps = json_get(o, "maps");
	const char *before = "           never asked:";
	char at[TIME_TEXT];

	printf("socketmap  %s\n", text_of(o, "path"));
	for (size_t i = 0; i < json_count(maps); i++) {
		const struct json *map = json_at(maps, i);

		if (json_has(map, "last"))
			printf("           %s: asked %lld times, last %s\n", text_of(map, "name"), number_of(map, "asked"),
			    time_text(at, json_get_int(map, "last", 0)));
	}
	for (size_t i = 0; i < json_count(maps); i++) {
		const struct json *map = json_at(maps, i);

		if (json_has(map, "last"))
			continue;
		printf("%s %s", before, text_of(map, "name"));
		before = "";
	}
	if (*before == '\0')
		putchar('\n');
	trouble_of("socketmap", o, problem, NULL);
}

static void
status_gate(const struct json *o)
{
	printf("gate       shut; %lld domains of ours, MTA %s\n", number_of(o, "domains"), text_of(o, "mta"));
	trouble_of("gate", o, problem, NULL);
}

static void
status_relay_map(const struct json *o)
{
	char at[TIME_TEXT];

	printf("relay map  %s (%s): %lld clients, %lld entries of yours, written %s\n", text_of(o, "path"), text_of(o, "form"),
	    number_of(o, "grants"), number_of(o, "fixed"), time_text(at, json_get_int(o, "written", 0)));
	if (number_of(o, "overruled") > 0)
		printf("           %lld keys are not ours: an entry of yours decides, for them or for their network\n",
		    number_of(o, "overruled"));
	if (number_of(o, "left_out") > 0)
		printf("           %lld clients cannot be named in this form: use the socketmap\n", number_of(o, "left_out"));
	trouble_of("relay_map", o, problem, NULL);
}

/* The non-zero numbers of an object, `name value` after each other. */
static void
numbers(const char *title, const struct json *o)
{
	const char *key;
	struct json *v;
	void *at = NULL;
	bool any = false;

	while (json_next(o, &at, &key, &v)) {
		if (json_number(v, 0) == 0)
			continue;
		printf("%s%s %lld", any ? ", " : title, key, (long long)json_number(v, 0));
		any = true;
	}
	if (any)
		putchar('\n');
}

void
show_status(struct view *v, const struct json *o)
{
	char at[TIME_TEXT], span[TIME_TEXT];
	const struct json *clients, *logs;

	(void)v;
	if (o == NULL)
		return;
	clients = json_get(o, "clients");
	logs = json_get(o, "logs");
	printf("running    since %s (%s)%s%s\n", time_text(at, json_get_int(o, "started", 0)),
	    span_text(span, time(NULL) - json_get_int(o, "started", 0)), json_has(o, "version") ? ", version " : "",
	    text_of(o, "version"));
	printf("clients    known %lld, relay %lld, cache %lld, block %lld\n", number_of(clients, "known"),
	    number_of(clients, "relay"), number_of(clients, "cache"), number_of(clients, "block"));
	if (number_of(clients, "beyond") > 0)
		printf("BUDGET     %lld clients have named more recipients than relay_budget allows, see popauth-milterctl relay "
		    "list\n", number_of(clients, "beyond"));
	if (json_has(o, "store"))
		status_store(json_get(o, "store"));
	for (size_t i = 0; i < json_count(logs); i++)
		status_log(json_at(logs, i));
	if (json_has(o, "logs_left_out"))
		printf("           and %lld more logs\n", number_of(o, "logs_left_out"));
	if (json_has(o, "firewall"))
		status_firewall(json_get(o, "firewall"));
	if (json_has(o, "allowlist"))
		status_allowlist(json_get(o, "allowlist"));
	if (json_has(o, "socketmap"))
		status_socketmap(json_get(o, "socketmap"));
	if (json_has(o, "gate"))
		status_gate(json_get(o, "gate"));
	if (json_has(o, "relay_map"))
		status_relay_map(json_get(o, "relay_map"));
	show_trips("BREAKER    ", json_get(o, "breaker"));
	if (number_of(o, "incidents") > 0)
		printf("INCIDENTS  %lld, see popauth-milterctl incidents\n", number_of(o, "incidents"));
	printf("smtp       sessions %lld, rejected %lld\n", number_of(o, "sessions"), number_of(o, "rejected"));
	numbers("events     ", json_get(o, "events"));
	numbers("LOST       ", json_get(o, "lost"));
}

void
show_stats(struct view *v, const struct json *o)
{
	struct json *kinds, *n;
	const char *key;
	void *at = NULL;

	if (o == NULL)
		return;
	if (v->prometheus) {
		prometheus_put(stdout, o);
		return;
	}
	for (enum counter s = 0; s < STATS; s++)
		printf("%-20s %12lld  %s\n", stat_name(s), number_of(o, stat_name(s)), stat_help(s));
	kinds = json_get(o, "events_by_kind");
	while (json_next(kinds, &at, &key, &n))
		printf("%-20s %12lld  events of this kind\n", key, (long long)json_number(n, 0));
	at = NULL;
	while (json_next(json_get(o, "now"), &at, &key, &n))
		if (gauge_help(key) != NULL)
			printf("%-20s %12lld  now: %s\n", key, (long long)json_number(n, 0), gauge_help(key));
}
