/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_report.c - the report of popauth-milterctl, as a page */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "web.h"

static const struct {
	const char *term, *name;
	time_t seconds;
} spans[] = { { "1d", "Day", 86400 }, { "7d", "Week", 7 * 86400 }, { "31d", "Month", 31 * 86400 } };

static bool
take_line(void *arg, const struct json *o)
{
	report_take(arg, o);
	return true;
}

static bool
fill(struct visit *v, struct report *r)
{
	struct json *status, *request = json_new();
	char since[30];
	struct ask_ending end;

	(void)snprintf(since, sizeof since, "%llds", (long long)(r->to - r->from));
	json_put_cstr(request, "verb", "history");
	json_put_cstr(request, "since", since);
	if (!page_must_ask(v, request, take_line, r))
		return false;
	if (!summary_get(v->web->status, r, &end) || (status = status_get(v->web->status, &end)) == NULL) {
		page_trouble(v, &end);
		return false;
	}
	report_take(r, status);
	json_free(status);
	return true;
}

void
page_report(struct visit *v)
{
	const char *want = form_get(&v->query, "since");
	struct report *r = report_new();
	struct html *h = &v->out;
	unsigned span = 0;

	for (unsigned i = 0; want != NULL && i < 3; i++)
		if (strcmp(spans[i].term, want) == 0)
			span = i;
	r->to = v->now;
	r->from = (v->now - spans[span].seconds) / 3600 * 3600 + 3600; /* whole hours are counted */
	if (fill(v, r)) {
		page_begin(v, "Report");
		html_put(h, "<div class=\"headline\"><h1>Report</h1><nav class=\"switch\" aria-label=\"How far back\">");
		for (unsigned i = 0; i < 3; i++)
			html_put(h, i == span ? "<a href=\"/report?since=%s\" aria-current=\"true\">%s</a>" :
			    "<a href=\"/report?since=%s\">%s</a>", spans[i].term, spans[i].name);
		html_put(h, "</nav></div>");
		report_body(r, h);
		page_end(v);
	}
	free(r);
}
