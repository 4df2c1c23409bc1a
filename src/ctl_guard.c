/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_guard.c - open breakers and distributed attacks, as people read them */
#include <time.h>

#include "ctl.h"

void
show_trips(const char *before, const struct json *list)
{
	char at[TIME_TEXT], left[TIME_TEXT];

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);

		printf("%s%s; since %s, for another %s\n", before, text_of(o, "text"),
		    time_text(at, json_get_int(o, "since", 0)),
		    span_text(left, json_get_int(o, "until", 0) - time(NULL)));
	}
}

void
show_breaker(struct view *v, const struct json *o)
{
	(void)v;
	if (o != NULL)
		show_trips("", json_get(o, "breaker"));
}

/* The last line says it all. */
void
show_breaker_reset(struct view *v, const struct json *o)
{
	(void)v;
	(void)o;
}

void
show_incidents(struct view *v, const struct json *o)
{
	char at[TIME_TEXT], last[TIME_TEXT];
	const struct json *clients;
	const char *of;

	(void)v;
	if (o == NULL)
		return;
	clients = json_get(o, "sample");
	of = json_has(o, "accounts") ? "accounts" : "clients";
	printf("%s\n    since %s, last %s, %lld %s now\n", text_of(o, "text"),
	    time_text(at, json_get_int(o, "since", 0)), time_text(last, json_get_int(o, "last", 0)),
	    number_of(o, of), of);
	print_list("    among them ", clients);
	if (json_count(clients) > 0)
		putchar('\n');
}
