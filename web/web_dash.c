/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_dash.c - the dashboard: how much is there, what is going on; whether all is well has a file of its own */
#include <stdio.h>
#include <stdlib.h>

#include "report.h"
#include "web.h"

#define HOURS 24
#define ROWS  30

typedef uint64_t hour_fn(const struct history_hour *h);

static uint64_t
logins(const struct history_hour *h)
{
	return h->events[EVENT_LOGIN];
}

static uint64_t
cached(const struct history_hour *h)
{
	return h->cached;
}

static void
spark(struct visit *v, const struct report *r, hour_fn *fn, const char *what)
{
	uint32_t n[HOURS] = { 0 }, now = (uint32_t)(v->now / 3600);

	for (unsigned i = 0; i < r->hours; i++)
		if (r->hour[i].hour <= now && now - r->hour[i].hour < HOURS)
			n[HOURS - 1 - (now - r->hour[i].hour)] = (uint32_t)fn(&r->hour[i]);
	chart_spark(&v->out, what, n, HOURS);
}

static void
tile(struct visit *v, const char *key, const char *name, long long n, const char *link)
{
	struct html *h = &v->out;

	if (link != NULL)
		html_put(h, "<a class=\"tile t-%s\" href=\"%s\">", key, link);
	else
		html_put(h, "<div class=\"tile t-%s\">", key);
	html_put(h, "<span class=\"name\">%s</span><b data-count=\"%s\">", name, key);
	page_count(h, n);
	html_put(h, "</b>");
}

static void
tile_end(struct visit *v, const char *under, bool link)
{
	html_put(&v->out, link ? "<span class=\"under\">%s</span></a>" : "<span class=\"under\">%s</span></div>", under);
}

static void
tiles(struct visit *v, const struct json *status, const struct report *r)
{
	const struct json *clients = json_get(status, "clients");

	html_put(&v->out, "<section class=\"tiles\" aria-label=\"Numbers\">");
	tile(v, "block", "Blocked", number_of(clients, "block"), "/block");
	spark(v, r, report_blocks, "blocks in the last 24 hours");
	tile_end(v, "blocks, last 24 h", true);
	tile(v, "cache", "Cached", number_of(clients, "cache"), "/cache");
	spark(v, r, cached, "clients that came into the cache in the last 24 hours");
	tile_end(v, "new in the cache, last 24 h", true);
	tile(v, "relay", "May relay", number_of(clients, "relay"), "/relay");
	spark(v, r, logins, "logins in the last 24 hours");
	tile_end(v, "logins, last 24 h", true);
	tile(v, "rejected", "Refused", number_of(status, "rejected"), "/report");
	spark(v, r, report_refused, "what was refused in the last 24 hours");
	tile_end(v, "refused, last 24 h", true);
	html_put(&v->out, "</section>\n");
}

/* ---- what is going on ---- */

static void
put_event(void *arg, uint64_t number, const char *line)
{
	struct html *h = arg, row;
	struct err e;
	struct json *o = json_parse(str_of(line), &e);

	(void)number;
	if (o == NULL)
		return;
	/* The newest first. */
	html_init(&row);
	event_row(&row, o);
	html_raw(&row, h);
	html_clear(h);
	*h = row;
	json_free(o);
}

static void
events(struct visit *v)
{
	struct html *h = &v->out, rows;
	char state_text[256];
	uint64_t head = live_head(v->web->live);
	struct tm tm;
	long offset = 0; /* from UTC, in seconds */

	html_init(&rows);
	live_recent(v->web->live, ROWS, put_event, &rows);
	live_state(v->web->live, state_text, sizeof state_text);
	html_put(h, "<section class=\"card live\" aria-labelledby=\"livehead\"><div class=\"headline\"><h2 id=\"livehead\">Live</h2>"
	    "<span id=\"livestate\" class=\"livestate\">%s</span>"
	    "<button id=\"pause\" class=\"quiet\" hidden>Pause</button></div>"
	    "<noscript><p class=\"lead\">Reload the page for what has come since.</p></noscript>", state_text);
	/* What the script adds has the time of this machine, as all else on the page: the browser's may be another. */
	if (localtime_r(&v->now, &tm) != NULL)
		offset = tm.tm_gmtoff;
	html_put(h, "<div class=\"wide\"><table class=\"list\"><thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Event</th>"
	    "<th scope=\"col\">Client</th><th scope=\"col\">About</th><th scope=\"col\">What came of it</th></tr></thead>"
	    "<tbody id=\"events\" data-after=\"%llu\" data-offset=\"%lld\">", (unsigned long long)head, (long long)offset);
	html_raw(h, &rows);
	html_put(h, "</tbody></table></div>");
	html_put(h, rows.n > 0 ? "</section>\n" :
	    "<p id=\"none\" class=\"empty\">Nothing has happened since this page began to listen.</p></section>\n");
	html_clear(&rows);
}

static bool
take_line(void *arg, const struct json *o)
{
	report_take(arg, o);
	return true;
}

void
page_dashboard(struct visit *v)
{
	struct report *r = report_new();
	struct json *status, *request;
	struct ask_ending end;

	live_want(v->web->live);
	status = status_get(v->web->status, &end);
	if (status == NULL) {
		page_trouble(v, &end);
		free(r);
		return;
	}
	request = json_new();
	json_put_cstr(request, "verb", "history");
	json_put_cstr(request, "since", "1d");
	if (page_must_ask(v, request, take_line, r)) {
		page_begin(v, "Dashboard");
		html_put(&v->out, "<h1 class=\"hide\">Dashboard</h1>");
		tiles(v, status, r);
		html_put(&v->out, "<div class=\"columns\">");
		events(v);
		page_health(v, status);
		html_put(&v->out, "</div><script src=\"");
		page_asset(&v->out, "/live.js");
		html_put(&v->out, "\" defer></script>\n");
		page_end(v);
	}
	json_free(status);
	free(r);
}
