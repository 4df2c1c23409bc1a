/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_explain.c - one client's story, as people read it */
#include <stdio.h>

#include "ctl.h"
#include "phrase.h"

static void
show_sets(const struct json *o)
{
	const struct json *e;
	char since[TIME_TEXT], last[TIME_TEXT], sent[PHRASE_SENT];

	if ((e = json_get(o, "relay")) != NULL)
		printf("  relay     %s, %lld logins, first %s, last %s, until %s; recipients within the hour: %s\n",
		    *text_of(e, "user") ? text_of(e, "user") : "(user not known)", number_of(e, "logins"),
		    time_text(since, json_get_int(e, "since", 0)), time_text(last, json_get_int(e, "last", 0)),
		    until_text(e), phrase_sent(sent, e));
	if ((e = json_get(o, "cache")) != NULL)
		printf("  cached    %s%s%s, since %s, %lld hits, until %s\n", text_of(e, "kind"),
		    *reason_of(e) ? ": " : "", reason_of(e), time_text(since, json_get_int(e, "since", 0)),
		    number_of(e, "hits"), until_text(e));
	if ((e = json_get(o, "block")) != NULL)
		printf("  blocked   %s by %s%s%s, since %s, until %s\n", text_of(e, "kind"), text_of(e, "by"),
		    *reason_of(e) ? ": " : "", reason_of(e), time_text(since, json_get_int(e, "since", 0)),
		    until_text(e));
}

static void
show_threshold(const struct json *counter, const char *key)
{
	const struct json *t = json_get(counter, key);
	char span[16], term[16];

	if (t == NULL)
		return;
	printf("  %s %lld of %lld%s in %s (blocks for %s)", key, number_of(t, "have"), number_of(t, "of"),
	    phrase_counted(t), str_term(span, sizeof(span), json_get_int(t, "span", 0)),
	    str_term(term, sizeof(term), json_get_int(t, "term", 0)));
}

static void
show_counters(const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *c = json_at(list, i);

		printf("  counted   %-17s", text_of(c, "kind"));
		show_threshold(c, "rate");
		show_threshold(c, "total");
		putchar('\n');
	}
}

static void
show_left_out(const struct json *o, const char *key)
{
	if (json_has(o, key))
		printf("            and %lld more\n", number_of(o, key));
}

static void
show_lowered(const struct json *o)
{
	const struct json *list = json_get(o, "lowered");
	char span[16];

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *l = json_at(list, i);

		printf("  lowered   %s: rate %lld of %lld in %s, usually of %lld\n"
		       "            because %s, until %s\n", text_of(l, "kind"), number_of(l, "have"), number_of(l, "of"),
		    str_term(span, sizeof(span), json_get_int(l, "span", 0)), number_of(l, "usually"), text_of(l, "text"),
		    until_text(l));
	}
	show_left_out(o, "lowered_left_out");
}

static void
show_incident(const struct json *o)
{
	const struct json *i = json_get(o, "incident");

	if (i != NULL)
		printf("  incident  %s, until %s\n", text_of(i, "text"), until_text(i));
}

static void
show_held(const struct json *o)
{
	const struct json *list = json_get(o, "held");

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *h = json_at(list, i);

		printf("  held      a breaker is open until %s: no %s\n            because %s\n", until_text(h),
		    text_of(h, "holds"), text_of(h, "text"));
	}
	show_left_out(o, "held_left_out");
}

static void
show_origin(const struct json *e)
{
	char at[TIME_TEXT];

	if (!json_has(e, "file"))
		return;
	printf("        (rule at %s:%lld", text_of(e, "file"), number_of(e, "line"));
	if (json_has(e, "written"))
		printf(", written %s", time_text(at, json_get_int(e, "written", 0)));
	puts(")");
}

/* What a reference speaks of has a > before it. */
static void
show_evidence(const struct json *list)
{
	char at[TIME_TEXT];

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *e = json_at(list, i);

		printf("%s  %c %s  %s by %s", i == 0 ? "  evidence\n" : "",
		    json_get_bool(e, "referred", false) ? '>' : ' ', time_text(at, json_get_int(e, "time", 0)),
		    text_of(e, "event"), text_of(e, "rule"));
		print_list(" -> ", json_get(e, "changes"));
		printf("\n        %s\n", text_of(e, "text"));
		show_origin(e);
	}
}

static void
show_when(const struct json *o)
{
	const struct json *ref = json_get(o, "ref");
	char at[TIME_TEXT];

	if (ref != NULL)
		printf("  refused   %s (ref %s)\n", time_text(at, json_get_int(ref, "time", 0)), text_of(ref, "text"));
	if (json_has(o, "trusted"))
		printf("  trusted   %s\n", text_of(o, "trusted"));
	if (json_has(o, "seen"))
		printf("  seen      %s\n", time_text(at, json_get_int(o, "seen", 0)));
	if (json_has(o, "login"))
		printf("  login     %s\n", time_text(at, json_get_int(o, "login", 0)));
}

void
show_explain(struct view *v, const struct json *o)
{
	const struct json *lift, *evidence;

	(void)v;
	if (o == NULL)
		return;
	lift = json_get(o, "lifted_by");
	evidence = json_get(o, "evidence");
	if (!json_get_bool(o, "known", false) && !json_has(o, "trusted") && !json_has(o, "ref") &&
	    json_count(evidence) == 0)
		return;
	printf("%s  %s\n", text_of(o, "client"), text_of(o, "verdict"));
	show_when(o);
	show_sets(o);
	if (number_of(o, "blocks") > 1)
		printf("  repeated  blocked %lld times, each within 30 days of the one before\n", number_of(o, "blocks"));
	show_counters(json_get(o, "counters"));
	show_lowered(o);
	show_incident(o);
	show_held(o);
	show_evidence(evidence);
	for (size_t i = 0; i < json_count(lift); i++)
		printf("%s    %s\n", i == 0 ? "  lifted by\n" : "", json_text(json_at(lift, i)).p);
}
