/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_event.c - one row of the live table; live.js makes the same of what comes later */
#include "web.h"

static void
changes(struct html *h, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++)
		html_put(h, "<span class=\"change ch-%s\">%s</span> ", json_text(json_at(list, i)).p, json_text(json_at(list, i)).p);
}

static void
detail(struct html *h, const struct json *o)
{
	static const char *const keys[] = { "user", "recipient", "zone" };

	for (unsigned i = 0; i < 3; i++)
		if (json_has(o, keys[i]))
			html_put(h, "<span class=\"part\">%s %s</span> ", keys[i], text_of(o, keys[i]));
}

void
event_row(struct html *h, const struct json *o)
{
	char query[200];
	struct tm tm;
	time_t at = (time_t)number_of(o, "time");
	char text[16];

	if (!json_has(o, "time"))
		return;
	if (localtime_r(&at, &tm) == NULL || strftime(text, sizeof text, "%T", &tm) == 0)
		text[0] = '\0';
	html_put(h, "<tr><td data-label=\"Time\">%s</td>", text);
	if (json_has(o, "notice")) {
		html_put(h, "<td colspan=\"4\" class=\"notice\">%s</td></tr>\n", text_of(o, "notice"));
		return;
	}
	html_put(h, "<td data-label=\"Event\"><span class=\"kind k-%s\">%s</span></td>", text_of(o, "event"), text_of(o, "event"));
	html_put(h, "<td class=\"addr\" data-label=\"Client\"><a href=\"/explain?q=%s\">%s</a></td><td data-label=\"About\">",
	    html_query(query, sizeof query, json_get_text(o, "client")), text_of(o, "client"));
	detail(h, o);
	html_put(h, "</td><td data-label=\"What came of it\">");
	changes(h, json_get(o, "changes"));
	html_put(h, "</td></tr>\n");
}
