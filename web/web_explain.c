/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_explain.c - all that is known of one client, and what can be done about it */
#include <stdio.h>
#include <stdlib.h>

#include "phrase.h"
#include "web.h"

static void
asker(struct visit *v, const char *what)
{
	html_put(&v->out, "<h1>Explain</h1><p class=\"lead\">What is known of a client, and why: by its address, or by the reference "
	    "in the text that it got.</p><div class=\"tools\"><form class=\"search\" method=\"get\" action=\"/explain\" role=\"search\">"
	    "<label class=\"hide\" for=\"q\">Address or reference</label><input id=\"q\" type=\"search\" name=\"q\" value=\"%s\" "
	    "maxlength=\"100\" required placeholder=\"192.0.2.7 or R0004-1V89V-GR0NY\" autocapitalize=\"none\" spellcheck=\"false\">"
	    "<button>Explain</button></form></div>\n", what);
}

/* ---- the three sets ---- */

static void
button(struct visit *v, const char *action, const char *set, const char *client, const char *text, bool bad)
{
	struct html *h = &v->out;
	char query[200];

	html_put(h, "<form method=\"post\" action=\"%s\">", action);
	page_csrf(v);
	html_put(h, "<input type=\"hidden\" name=\"set\" value=\"%s\"><input type=\"hidden\" name=\"address\" value=\"%s\">"
	    "<input type=\"hidden\" name=\"back\" value=\"/explain?q=%s\"><button class=\"quiet%s\">%s</button></form>", set, client,
	    html_query(query, sizeof query, str_of(client)), bad ? " bad" : "", text);
}

static void
term(struct html *h, const char *name, const char *value)
{
	html_put(h, "<dt>%s</dt><dd>%s</dd>", name, value);
}

static void
amount(struct html *h, const char *name, long long n)
{
	html_put(h, "<dt>%s</dt><dd>", name);
	page_count(h, n);
	html_put(h, "</dd>");
}

static void
moment(struct html *h, const char *name, long long at)
{
	html_put(h, "<dt>%s</dt><dd>", name);
	page_time(h, at);
	html_put(h, "</dd>");
}

static void
of_relay(struct html *h, const struct json *en)
{
	char sent[PHRASE_SENT];

	term(h, "User", json_has(en, "user") ? text_of(en, "user") : "not known");
	amount(h, "Logins", number_of(en, "logins"));
	moment(h, "Last", number_of(en, "last"));
	html_put(h, "<dt>Sent</dt><dd>%s <small>recipients within the hour</small></dd>", phrase_sent(sent, en));
}

static void
of_refusal(struct html *h, enum set s, const struct json *en)
{
	html_put(h, "<dt>For</dt><dd><span class=\"kind k-%s\">%s</span> %s%s</dd>", text_of(en, "kind"), text_of(en, "kind"),
	    text_of(en, "zone"), text_of(en, "reason"));
	if (s == SET_BLOCK)
		term(h, "By", text_of(en, "by"));
	else
		amount(h, "Hits", number_of(en, "hits"));
}

static void
entry(struct visit *v, const struct json *o, enum set s, const char *client)
{
	static const char *const titles[SETS] = { "May relay", "Cached", "Blocked" },
	    *const adds[SETS] = { "Let it relay", "Refuse its mail", "Block it" };
	const struct json *en = json_get(o, set_name(s));
	struct html *h = &v->out;

	html_put(h, "<section class=\"card state s-%s\"><h2>%s</h2>", en != NULL ? set_name(s) : "none", titles[s]);
	if (en == NULL) {
		html_put(h, "<p class=\"empty\">No.</p>");
		button(v, "/add", set_name(s), client, adds[s], false);
		html_put(h, "</section>\n");
		return;
	}
	html_put(h, "<dl>");
	if (s == SET_RELAY)
		of_relay(h, en);
	else
		of_refusal(h, s, en);
	moment(h, "Since", number_of(en, "since"));
	html_put(h, "<dt>Until</dt><dd>");
	page_time(h, number_of(en, "until"));
	html_put(h, " (");
	page_span(h, number_of(en, "until") - v->now);
	html_put(h, " left)</dd></dl>");
	button(v, "/del", set_name(s), client, "Delete", true);
	html_put(h, "</section>\n");
}

/* ---- counters and evidence ---- */

static void
threshold(struct html *h, const char *label, const struct json *t)
{
	char span[16], term[16];

	html_put(h, "<td data-label=\"%s\">", label);
	if (t != NULL)
		html_put(h, "<meter min=\"0\" max=\"%lld\" value=\"%lld\"></meter> %lld of %lld%s in %s "
		    "<small>blocks for %s</small>", number_of(t, "of"), number_of(t, "have"), number_of(t, "have"), number_of(t, "of"),
		    phrase_counted(t), str_term(span, sizeof span, number_of(t, "span")), str_term(term, sizeof term, number_of(t, "term")));
	else
		html_put(h, "–");
	html_put(h, "</td>");
}

static void
counters(struct html *h, const struct json *list)
{
	if (json_count(list) == 0)
		return;
	html_put(h, "<section class=\"card\"><h2>Counters</h2><div class=\"wide\"><table class=\"list\"><thead><tr><th scope=\"col\">Kind</th>"
	    "<th scope=\"col\">Rate</th><th scope=\"col\">Total</th><th scope=\"col\">Last</th></tr></thead><tbody>");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);

		html_put(h, "<tr><th scope=\"row\"><span class=\"kind k-%s\">%s</span></th>", text_of(o, "kind"), text_of(o, "kind"));
		threshold(h, "Rate", json_get(o, "rate"));
		threshold(h, "Total", json_get(o, "total"));
		html_put(h, "<td data-label=\"Last\">");
		page_time(h, number_of(o, "last"));
		html_put(h, "</td></tr>\n");
	}
	html_put(h, "</tbody></table></div></section>\n");
}

static void
and_more(struct html *h, const struct json *o, const char *key)
{
	if (json_has(o, key))
		html_put(h, "<li>and %lld more</li>\n", number_of(o, key));
}

static void
lowered(struct html *h, const struct json *l)
{
	char span[16];

	html_put(h, "<li><span class=\"kind k-%s\">%s</span> A lower threshold: rate %lld of %lld in %s, usually of %lld, because %s, "
	    "until ", text_of(l, "kind"), text_of(l, "kind"), number_of(l, "have"), number_of(l, "of"),
	    str_term(span, sizeof span, number_of(l, "span")), number_of(l, "usually"), text_of(l, "text"));
	page_time(h, number_of(l, "until"));
	html_put(h, "</li>\n");
}

static void
held(struct html *h, const struct json *t)
{
	html_put(h, "<li><span class=\"kind k-%s\">%s</span> A breaker is open: no %s, because %s, until ", text_of(t, "kind"),
	    text_of(t, "kind"), text_of(t, "holds"), text_of(t, "text"));
	page_time(h, number_of(t, "until"));
	html_put(h, "</li>\n");
}

/* It changes nothing: somebody is to look at it. */
static void
incident(struct html *h, const struct json *i)
{
	html_put(h, "<li><span class=\"kind k-auth-failure\">auth-failure</span> An incident: %s, until ", text_of(i, "text"));
	page_time(h, number_of(i, "until"));
	html_put(h, "</li>\n");
}

/* Attacks and breakers that change how the client is judged now, or that it is itself. */
static void
around(struct html *h, const struct json *o)
{
	const struct json *low = json_get(o, "lowered"), *holding = json_get(o, "held"), *own = json_get(o, "incident");

	if (json_count(low) + json_count(holding) == 0 && own == NULL)
		return;
	html_put(h, "<section class=\"card\"><h2>At the moment</h2><ul>");
	if (own != NULL)
		incident(h, own);
	for (size_t i = 0; i < json_count(low); i++)
		lowered(h, json_at(low, i));
	and_more(h, o, "lowered_left_out");
	for (size_t i = 0; i < json_count(holding); i++)
		held(h, json_at(holding, i));
	and_more(h, o, "held_left_out");
	html_put(h, "</ul></section>\n");
}

static void
origin(struct html *h, const struct json *o)
{
	if (!json_has(o, "file"))
		return;
	html_put(h, "<small>%s:%lld", text_of(o, "file"), number_of(o, "line"));
	if (json_has(o, "written")) {
		html_put(h, ", written ");
		page_time(h, number_of(o, "written"));
	}
	html_put(h, "</small>");
}

static void
evidence(struct html *h, const struct json *list)
{
	html_put(h, "<section class=\"card\"><h2>Evidence</h2>");
	if (json_count(list) == 0)
		html_put(h, "<p class=\"empty\">None is kept of this client.</p>");
	html_put(h, "<ol class=\"evidence\">");
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i), *ch = json_get(o, "changes");

		html_put(h, json_get_bool(o, "referred", false) ? "<li class=\"referred\">" : "<li>");
		page_time(h, number_of(o, "time"));
		html_put(h, " <span class=\"kind k-%s\">%s</span> by %s", text_of(o, "event"), text_of(o, "event"), text_of(o, "rule"));
		for (size_t k = 0; k < json_count(ch); k++)
			html_put(h, " <span class=\"change ch-%s\">%s</span>", json_text(json_at(ch, k)).p, json_text(json_at(ch, k)).p);
		html_put(h, "<code>%s</code>", text_of(o, "text"));
		origin(h, o);
		html_put(h, "</li>\n");
	}
	html_put(h, "</ol></section>\n");
}

static void
lifting(struct html *h, const struct json *list)
{
	if (json_count(list) == 0)
		return;
	html_put(h, "<section class=\"card\"><h2>What would lift it</h2><ul>");
	for (size_t i = 0; i < json_count(list); i++)
		html_put(h, "<li>%s</li>", json_text(json_at(list, i)).p);
	html_put(h, "</ul></section>\n");
}

static void
when(struct html *h, const struct json *o)
{
	const struct json *ref = json_get(o, "ref");

	html_put(h, "<p class=\"lead\">");
	if (ref != NULL) {
		html_put(h, "Refused ");
		page_time(h, number_of(ref, "time"));
		html_put(h, " (ref %s). ", text_of(ref, "text"));
	}
	html_put(h, "Last seen ");
	page_time(h, number_of(o, "seen"));
	if (json_has(o, "login")) {
		html_put(h, ", last login ");
		page_time(h, number_of(o, "login"));
	}
	if (number_of(o, "blocks") > 1)
		html_put(h, "; blocked %lld times, each within 30 days of the one before", number_of(o, "blocks"));
	html_put(h, "</p>\n");
}

static bool
show(void *arg, const struct json *o)
{
	struct visit *v = arg;
	struct html *h = &v->out;
	const char *client = text_of(o, "client");

	html_put(h, "<div class=\"headline\"><h2 class=\"addr big\">%s</h2><span class=\"verdict v-%s\">%s</span></div>", client,
	    text_of(o, "verdict"), text_of(o, "verdict"));
	if (json_has(o, "trusted"))
		html_put(h, "<p class=\"said\">%s</p>", text_of(o, "trusted"));
	when(h, o);
	html_put(h, "<div class=\"tiles three\">");
	for (enum set s = 0; s < SETS; s++)
		entry(v, o, s, client);
	html_put(h, "</div>");
	counters(h, json_get(o, "counters"));
	around(h, o);
	lifting(h, json_get(o, "lifted_by"));
	evidence(h, json_get(o, "evidence"));
	return true;
}

void
page_explain(struct visit *v)
{
	const char *what = form_get(&v->query, "q");
	struct ask_ending end;
	struct json *request;

	page_begin(v, "Explain");
	asker(v, what != NULL ? what : "");
	if (what != NULL && *what != '\0') {
		while (*what == ' ')
			what++;
		request = json_new();
		json_put_cstr(request, "verb", "explain");
		json_put_cstr(request, "address", what);
		if (!page_ask(v, request, show, v, &end))
			return;
		if (end.code != 0)
			html_put(&v->out, "<p class=\"said%s\">%s</p>", end.code == 2 ? " bad" : "", end.message);
		v->status = end.code == 2 ? 400 : 200;
	}
	page_end(v);
}
