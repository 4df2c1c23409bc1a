/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_show.c - answers of the daemon as people read them
 *
 * The daemon has made all foreign text harmless (json_put_text); what it says is shown as it is.
 */
#include <time.h>

#include "ctl.h"
#include "phrase.h"

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

static void
row(struct view *v, const struct json *o)
{
	char since[TIME_TEXT], last[TIME_TEXT], left[TIME_TEXT], count[24], sent[PHRASE_SENT];
	const char *client = text_of(o, "client");

	time_text(since, json_get_int(o, "since", 0));
	time_text(last, json_get_int(o, "last", 0));
	span_text(left, json_get_int(o, "until", 0) - time(NULL));
	if (v->verb->set == SET_RELAY) {
		snprintf(count, sizeof(count), "%lld", number_of(o, "logins"));
		table_row(v->table, (const char *[]){ client, text_of(o, "user"), since, last, count, left,
		    phrase_sent(sent, o) });
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

/* del, flush: the last line says it all. */
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
	if (o == NULL || json_count(json_get(o, "restart")) == 0)
		return;
	print_list("changed, but as before until a restart: ", json_get(o, "restart"));
	putchar('\n');
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
