/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_show.c - answers of the daemon as people read them
 *
 * The daemon has made all foreign text harmless (json_put_text); what it says is shown as it is.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "stats.h"

/* "2026-07-04 12:34:56 (5m left)". */
const char *
until_text(const struct json *o)
{
	static char buf[2 * TIME_TEXT + 8];
	char at[TIME_TEXT], left[TIME_TEXT];
	int64_t until = json_get_int(o, "until", 0);

	snprintf(buf, sizeof(buf), "%s (%s left)", time_text(at, until), span_text(left, until - time(NULL)));
	return buf;
}

static void
show_json(struct view *v, const struct json *line)
{
	static char buf[65536];
	size_t n;

	if (line == NULL || (v->verb->id == VERB_WATCH && json_has(line, "watching")))
		return;
	n = json_write(line, buf, sizeof(buf));
	if (n > sizeof(buf))
		n = 0;
	fwrite(buf, 1, n, stdout);
	putchar('\n');
	if (v->verb->id == VERB_WATCH)
		fflush(stdout);
}

/* ---- lists ---- */

#define COLUMNS 7

static void
head(struct view *v)
{
	static const char *const heads[SETS][COLUMNS] = {
		[SET_RELAY] = { "CLIENT", "USER", "SINCE", "LAST LOGIN", "LOGINS", "LEFT", "SENT" },
		[SET_CACHE] = { "CLIENT", "KIND", "SINCE", "HITS", "LEFT", "ZONE OR REASON" },
		[SET_BLOCK] = { "CLIENT", "KIND", "BY", "SINCE", "TIMES", "LEFT", "REASON" },
	};

	v->table = table_new(heads[v->verb->set], v->verb->set == SET_CACHE ? 6 : 7);
}

const char *
reason_of(const struct json *o)
{
	const char *zone = text_of(o, "zone");

	return *zone != '\0' ? zone : text_of(o, "reason");
}

/* "12 of 500", "500 of 500, 31 refused". */
const char *
sent_text(char buf[SENT_TEXT], const struct json *o)
{
	int n = snprintf(buf, SENT_TEXT, "%lld", number_of(o, "sent"));

	if (json_has(o, "budget"))
		n += snprintf(buf + n, SENT_TEXT - (size_t)n, " of %lld", number_of(o, "budget"));
	if (json_has(o, "beyond"))
		(void)snprintf(buf + n, SENT_TEXT - (size_t)n, ", %lld refused", number_of(o, "beyond"));
	return buf;
}

static void
row(struct view *v, const struct json *o)
{
	char since[TIME_TEXT], last[TIME_TEXT], left[TIME_TEXT], count[24], sent[SENT_TEXT];
	const char *client = text_of(o, "client");

	time_text(since, json_get_int(o, "since", 0));
	time_text(last, json_get_int(o, "last", 0));
	span_text(left, json_get_int(o, "until", 0) - time(NULL));
	if (v->verb->set == SET_RELAY) {
		snprintf(count, sizeof(count), "%lld", number_of(o, "logins"));
		table_row(v->table, (const char *[]){ client, text_of(o, "user"), since, last, count, left,
		    sent_text(sent, o) });
	} else if (v->verb->set == SET_CACHE) {
		snprintf(count, sizeof(count), "%lld", number_of(o, "hits"));
		table_row(v->table, (const char *[]){ client, text_of(o, "kind"), since, count, left, reason_of(o) });
	} else {
		snprintf(count, sizeof(count), "%lld", number_of(o, "blocks"));
		table_row(v->table, (const char *[]){ client, text_of(o, "kind"), text_of(o, "by"), since, count,
		    left, reason_of(o) });
	}
}

static void
show_list(struct view *v, const struct json *o)
{
	if (v->table == NULL)
		head(v);
	if (o != NULL && json_has(o, "total")) {
		v->total = number_of(o, "total");
		v->paged = true;
	} else if (o != NULL) {
		row(v, o);
	} else {
		table_end(v->table);
		if (v->paged)
			printf("%lld in all\n", v->total);
	}
}

static void
show_add(struct view *v, const struct json *o)
{
	if (o == NULL)
		return;
	printf("%s: %s until %s\n", set_name(v->verb->set), text_of(o, "client"), until_text(o));
}

/* ---- what a report is made of ---- */

static void
counts(const char *title, const struct json *o)
{
	const char *key;
	struct json *v;
	void *at = NULL;
	bool any = false;

	while (json_next(o, &at, &key, &v)) {
		printf("%s%s %lld", any ? ", " : title, key, (long long)json_number(v, 0));
		any = true;
	}
}

static void
show_history(struct view *v, const struct json *o)
{
	char at[TIME_TEXT];

	(void)v;
	if (o == NULL)
		return;
	if (json_has(o, "lost")) {
		printf("%lld events were older than the history goes\n", number_of(o, "lost"));
		return;
	}
	time_text(at, json_get_int(o, "hour", 0));
	printf("%.13s h", at);
	counts("  ", json_get(o, "events"));
	counts("; blocks: ", json_get(o, "blocks"));
	counts("; refused: ", json_get(o, "refused"));
	counts("; not held against them: ", json_get(o, "mercy"));
	putchar('\n');
}

static void
show_summary(struct view *v, const struct json *o)
{
	static const char *const names[] = { "network", "zone", "user" };

	(void)v;
	for (unsigned i = 0; o != NULL && i < 3; i++) {
		if (json_has(o, names[i]))
			printf("%-8s %-40s clients %lld, %s %lld\n", names[i], text_of(o, names[i]),
			    number_of(o, "clients"), i == 2 ? "logins" : "events", number_of(o, i == 2 ? "logins" : "events"));
	}
	if (o != NULL && json_has(o, "left_out"))
		printf("%-8s and %lld that there was no room to count\n", text_of(o, "left_out"), number_of(o, "clients"));
}

/* del, flush, reload: the last line says it all. */
static void
show_del(struct view *v, const struct json *o)
{
	(void)v;
	(void)o;
}

static void
show_flush(struct view *v, const struct json *o)
{
	(void)v;
	(void)o;
}

static void
show_reload(struct view *v, const struct json *o)
{
	(void)v;
	(void)o;
}

/* ---- status and stats ---- */

static void
problem(const struct json *o)
{
	printf("           %sPROBLEM%s: %s\n", colour_on(COLOUR_BAD), colour_off(), text_of(o, "error"));
}

static void
status_store(const struct json *o)
{
	char at[TIME_TEXT];

	printf("store      %s %s%s%s\n", text_of(o, "state"), text_of(o, "path"), *text_of(o, "note") ? ": " : "",
	    text_of(o, "note"));
	if (json_has(o, "flushed"))
		printf("           last flush %s\n", time_text(at, json_get_int(o, "flushed", 0)));
	if (json_has(o, "error"))
		problem(o);
}

/* What share of the lines of programs that have rules these did not recognise. */
static void
status_programs(const struct json *list)
{
	char at[TIME_TEXT];

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);
		long long lines = number_of(o, "lines"), unknown = lines - number_of(o, "recognised");

		printf("%s%s %lld %% of %lld", i == 0 ? "           unrecognised: " : ", ", text_of(o, "program"),
		    lines == 0 ? 0 : unknown * 100 / lines, lines);
	}
	if (json_count(list) > 0)
		putchar('\n');
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);

		if (json_has(o, "drifted"))
			printf("           PROBLEM: the lines of %s are hardly recognised any more since %s: did its format "
			    "change?\n", text_of(o, "program"), time_text(at, json_get_int(o, "drifted", 0)));
	}
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
	if (json_has(o, "error"))
		problem(o);
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
	const struct json *sets = json_get(o, "sets");
	char at[TIME_TEXT];

	printf("firewall   %s", text_of(o, "state"));
	if (json_has(o, "wanted"))
		printf(": enforced %lld of %lld, referenced %s", number_of(o, "enforced"), number_of(o, "wanted"),
		    !json_has(o, "referenced") ? "not known" : json_get_bool(o, "referenced", false) ? "yes" : "NO");
	if (json_has(o, "repaired"))
		printf(", last repair %s", time_text(at, json_get_int(o, "repaired", 0)));
	putchar('\n');
	if (strcmp(text_of(o, "state"), "up") == 0 && !json_get_bool(o, "fresh", true))
		printf("           PROBLEM: no answer from the helper within a second; what it is told waits\n");
	if (json_has(o, "error"))
		problem(o);
	for (size_t i = 0; i < json_count(sets); i++)
		if (json_has(json_at(sets, i), "error"))
			printf("           PROBLEM: set %s: %s\n", text_of(json_at(sets, i), "name"),
			    text_of(json_at(sets, i), "error"));
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
	if (json_has(o, "error"))
		problem(o);
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
	if (json_has(o, "unknown"))
		printf("           PROBLEM: asked %lld times for maps that are not there\n", number_of(o, "unknown"));
}

static void
status_gate(const struct json *o)
{
	printf("gate       shut; %lld domains of ours, MTA %s\n", number_of(o, "domains"), text_of(o, "mta"));
	if (json_has(o, "error"))
		printf("           PROBLEM: %s\n", text_of(o, "error"));
}

static void
status_relay_map(const struct json *o)
{
	char at[TIME_TEXT];

	printf("relay map  %s (%s): %lld clients, %lld entries of yours, written %s\n", text_of(o, "path"), text_of(o, "form"),
	    number_of(o, "grants"), number_of(o, "fixed"), time_text(at, json_get_int(o, "written", 0)));
	if (number_of(o, "overruled") > 0)
		printf("           %lld keys have an entry of yours, which is the one that counts\n", number_of(o, "overruled"));
	if (number_of(o, "left_out") > 0)
		printf("           %lld clients cannot be named in this form: use the socketmap\n", number_of(o, "left_out"));
	if (json_has(o, "error"))
		printf("           PROBLEM: %s\n", text_of(o, "error"));
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

static void
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

static void
prometheus(const struct json *o)
{
	struct json *kinds = json_get(o, "events_by_kind"), *n;
	const char *key;
	void *at = NULL;

	for (enum counter s = 0; s < STATS; s++) {
		printf("# HELP popauth_%s_total %s\n# TYPE popauth_%s_total counter\n", stat_name(s), stat_help(s),
		    stat_name(s));
		printf("popauth_%s_total %lld\n", stat_name(s), number_of(o, stat_name(s)));
	}
	printf("# HELP popauth_events_by_kind_total events learned, by kind\n"
	       "# TYPE popauth_events_by_kind_total counter\n");
	while (json_next(kinds, &at, &key, &n))
		printf("popauth_events_by_kind_total{kind=\"%s\"} %lld\n", key, (long long)json_number(n, 0));
}

static void
show_stats(struct view *v, const struct json *o)
{
	struct json *kinds, *n;
	const char *key;
	void *at = NULL;

	if (o == NULL)
		return;
	if (v->prometheus) {
		prometheus(o);
		return;
	}
	for (enum counter s = 0; s < STATS; s++)
		printf("%-20s %12lld  %s\n", stat_name(s), number_of(o, stat_name(s)), stat_help(s));
	kinds = json_get(o, "events_by_kind");
	while (json_next(kinds, &at, &key, &n))
		printf("%-20s %12lld  events of this kind\n", key, (long long)json_number(n, 0));
}

/* ---- watch ---- */

void
print_list(const char *before, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++)
		printf("%s%s", i == 0 ? before : " ", json_text(json_at(list, i)).p);
}

/* By the gravest of what followed. */
static const char *
change_colour(const struct json *changes)
{
	static const struct {
		const char *change;
		enum colour colour;
	} told[] = { { "blocked", COLOUR_BAD }, { "cached", COLOUR_WARN }, { "granted", COLOUR_GOOD } };

	for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
		for (size_t k = 0; k < json_count(changes); k++)
			if (str_eq(json_text(json_at(changes, k)), str_of(told[i].change)))
				return colour_on(told[i].colour);
	return "";
}

static void
show_watch(struct view *v, const struct json *o)
{
	static const char *const keys[] = { "user", "recipient", "zone" };
	char at[TIME_TEXT];

	(void)v;
	if (o == NULL || json_has(o, "watching"))
		return;
	if (json_has(o, "missed")) {
		printf("(missed %lld)\n", number_of(o, "missed"));
		fflush(stdout);
		return;
	}
	if (json_has(o, "notice")) {
		printf("%s *** %s\n", time_text(at, json_get_int(o, "time", 0)), text_of(o, "notice"));
		fflush(stdout);
		return;
	}
	printf("%s %s%-17s%s %s", time_text(at, json_get_int(o, "time", 0)), change_colour(json_get(o, "changes")),
	    text_of(o, "event"), colour_off(), text_of(o, "client"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_has(o, keys[i]))
			printf(" %s=%s", keys[i], text_of(o, keys[i]));
	}
	print_list(" -> ", json_get(o, "changes"));
	putchar('\n');
	fflush(stdout);
}

show_fn *
show_of(const struct view *v)
{
	static show_fn *const fns[VERBS] = {
#define X(id, name, set, action, args, access, usage, help) [VERB_##id] = show_##action,
		VERBS_TABLE(X)
#undef X
	};

	return v->json ? show_json : fns[v->verb->id];
}
