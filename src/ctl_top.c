/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_top.c - the worst clients, as people read them */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

#define EVERY_S	 2
#define HOME	 "\033[H\033[2J" /* to the upper left corner, all is blank */
#define TOP_COLS 6

bool
top_is_live(const struct verb *verb, const struct options *o)
{
	return verb->id == VERB_TOP && !o->json && isatty(STDOUT_FILENO);
}

/* Until interrupted, or nobody looks any more. */
bool
top_again(void)
{
	sleep(EVERY_S);
	return printf(HOME) > 0 && !ferror(stdout);
}

void
show_top(struct view *v, const struct json *o)
{
	static const char *const heads[TOP_COLS] = { "CLIENT", "HITS", "MOSTLY", "OF THEM", "LAST", "IN" };
	char hits[24], of_kind[24], last[TIME_TEXT], sets[64];
	const struct json *in;
	size_t n = 0;

	if (v->table == NULL)
		v->table = table_new(heads, TOP_COLS);
	if (o == NULL) {
		table_end(v->table);
		return;
	}
	in = json_get(o, "in");
	sets[0] = '\0';
	for (size_t i = 0; i < json_count(in) && n < sizeof sets; i++)
		n += (size_t)snprintf(sets + n, sizeof sets - n, "%s%s", i > 0 ? " " : "", json_text(json_at(in, i)).p);
	(void)snprintf(hits, sizeof hits, "%lld", number_of(o, "hits"));
	(void)snprintf(of_kind, sizeof of_kind, "%lld", number_of(o, "of_kind"));
	table_row(v->table, (const char *[]){ text_of(o, "client"), hits, text_of(o, "kind"), of_kind,
	    time_text(last, json_get_int(o, "last", 0)), sets });
}
