/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_page.c - what all pages have in common */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "version.h"
#include "web.h"

#define ASK_S 15

static const struct {
	const char *path, *name;
} places[] = {
	{ "/", "Dashboard" }, { "/relay", "Relay" }, { "/cache", "Cache" }, { "/block", "Block" },
	{ "/explain", "Explain" }, { "/report", "Report" },
};

static void
navigation(struct visit *v)
{
	struct html *h = &v->out;

	html_put(h, "<nav aria-label=\"Pages\"><ul>");
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		bool here = strcmp(places[i].path, v->path) == 0;

		html_put(h, here ? "<li><a href=\"%s\" aria-current=\"page\">%s</a></li>" : "<li><a href=\"%s\">%s</a></li>",
		    places[i].path, places[i].name);
	}
	html_put(h, "</ul></nav><form class=\"who\" method=\"post\" action=\"/logout\">");
	page_csrf(v);
	html_put(h, "<span>%s</span><button class=\"quiet\">Log out</button></form>", v->session.user);
}

void
page_begin(struct visit *v, const char *title)
{
	struct html *h = &v->out;

	html_put(h, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	    "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">"
	    "<title>%s · popauth-milter</title><link rel=\"icon\" href=\"", title);
	page_asset(h, "/icon.svg");
	html_put(h, "\"><link rel=\"stylesheet\" href=\"");
	page_asset(h, "/style.css");
	html_put(h, "\"></head>\n<body>"
	    "<a class=\"skip\" href=\"#main\">To the content</a><header><div class=\"bar\">"
	    "<a class=\"brand\" href=\"/\"><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M12 2l8 3v6c0 5-3.4 9.4-8 11"
	    "-4.6-1.6-8-6-8-11V5z\"/><path class=\"tick\" d=\"M8 12l3 3 5-6\"/></svg>popauth</a>");
	if (v->logged_in)
		navigation(v);
	html_put(h, "</div></header>\n<main id=\"main\">\n");
	if (v->logged_in && v->session.said[0] != '\0')
		html_put(h, v->session.said_bad ? "<p class=\"said bad\" role=\"alert\">%s</p>\n" :
		    "<p class=\"said\" role=\"status\">%s</p>\n", v->session.said);
}

void
page_end(struct visit *v)
{
	html_put(&v->out, "</main>\n<footer>popauth-milter %s</footer></body></html>\n", POPAUTH_VERSION);
}

void
page_refuse(struct visit *v, unsigned status, const char *what, const char *detail)
{
	html_clear(&v->out);
	v->status = status;
	v->type = "text/html; charset=utf-8";
	page_begin(v, what);
	html_put(&v->out, "<h1>%s</h1>\n<p>%s</p>\n<p><a href=\"/\">To the dashboard</a></p>\n", what, detail);
	page_end(v);
}

void
page_go(struct visit *v, const char *path, bool bad, const char *said)
{
	html_clear(&v->out);
	v->status = 303;
	(void)snprintf(v->location, sizeof v->location, "%s", path_back(path, "/"));
	if (said != NULL && v->logged_in)
		sessions_say(v->web->sessions, v->session.token, bad, said);
}

void
page_csrf(struct visit *v)
{
	html_put(&v->out, "<input type=\"hidden\" name=\"csrf\" value=\"%s\">", v->session.csrf);
}

void
page_asset(struct html *h, const char *path)
{
	const struct asset *a = asset_of(path);

	if (a == NULL)
		panic("there is no file %s in the program", path);
	html_put(h, "%s?%s", a->path, a->tag);
}

void
page_time(struct html *h, long long at)
{
	time_t t = (time_t)at;
	char iso[32], text[32];
	struct tm tm;

	if (at == 0 || localtime_r(&t, &tm) == NULL || strftime(iso, sizeof iso, "%FT%T%z", &tm) == 0 ||
	    strftime(text, sizeof text, "%F %T", &tm) == 0)
		html_put(h, "–");
	else
		html_put(h, "<time datetime=\"%s\">%s</time>", iso, text);
}

void
page_span(struct html *h, long long s)
{
	if (s < 0)
		s = 0;
	if (s < 60)
		html_put(h, "%llds", s);
	else if (s < 3600)
		html_put(h, "%lldm", s / 60);
	else if (s < 86400)
		html_put(h, "%lldh %lldm", s / 3600, s % 3600 / 60);
	else
		html_put(h, "%lldd %lldh", s / 86400, s % 86400 / 3600);
}

/* With thin spaces, which every language reads. */
void
page_count(struct html *h, long long n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld", n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			html_put(h, "\xe2\x80\xaf");
		html_text(h, (struct str){ digits + i, 1 });
	}
}

void
page_trouble(struct visit *v, const struct ask_ending *end)
{
	bool silent = end->code == ASK_NO_CODE;
	const char *what = silent ? "The daemon does not answer" : "The daemon could not do this";

	html_clear(&v->out);
	v->status = silent ? 503 : 502;
	v->retry = 5;
	v->type = "text/html; charset=utf-8";
	page_begin(v, what);
	html_put(&v->out, "<h1>%s</h1>\n<p class=\"said bad\" role=\"alert\">%s</p>\n", what,
	    end->message[0] != '\0' ? end->message : "It did not say why.");
	html_put(&v->out, silent ? "<p>Is it running? <code>systemctl status popauth-milter</code> shows it, with the last lines of its "
	    "log; <code>popauth-milterctl doctor</code> looks for what is wrong.</p>\n" :
	    "<p>If one of the two was upgraded, restart both: <code>systemctl restart popauth-milter popauth-web</code>. "
	    "Its log says more: <code>journalctl -u popauth-milter</code>.</p>\n");
	html_put(&v->out, "<p><a class=\"button\" href=\"%s", v->post ? path_back(form_get(&v->form, "back"), "/") : v->path);
	if (v->query_text != NULL && !v->post)
		html_put(&v->out, "?%s", v->query_text);
	html_put(&v->out, v->post ? "\">Back</a></p>\n" : "\">Try again</a></p>\n");
	page_end(v);
}

bool
page_ask(struct visit *v, struct json *request, ask_fn *fn, void *arg, struct ask_ending *end)
{
	enum ask_answer is = ask(v->web->socket, request, ASK_S, fn, arg, end);

	json_free(request);
	if (is != ASK_DONE)
		page_trouble(v, end);
	return is == ASK_DONE;
}

bool
page_must_ask(struct visit *v, struct json *request, ask_fn *fn, void *arg)
{
	struct ask_ending end;

	if (!page_ask(v, request, fn, arg, &end))
		return false;
	if (end.code != 0)
		page_trouble(v, &end);
	return end.code == 0;
}
