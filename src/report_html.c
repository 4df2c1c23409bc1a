/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report_html.c - a report as part of a page, and as a file of its own */
#include <string.h>
#include <time.h>

#include "report.h"

#define BARS_MAX (HISTORY_HOURS + 2)

/* Kinds in the order of the plots; what is left goes with the last. */
static const struct {
	const char *name;
	enum event_kind kinds[4];
	unsigned n;
} causes[] = {
	{ "listed by a DNSBL", { EVENT_RBL }, 1 },
	{ "wrong password", { EVENT_AUTH_FAILURE }, 1 },
	{ "unknown user", { EVENT_UNKNOWN_USER }, 1 },
	{ "forgery", { EVENT_HELO_FORGERY, EVENT_SENDER_FORGERY, EVENT_RECIPIENT_FORGERY }, 3 },
	{ "relaying denied", { EVENT_RELAY_DENIED }, 1 },
	{ "protocol, rate", { EVENT_RATE_LIMIT, EVENT_PROTOCOL }, 2 },
	{ "policy", { EVENT_POLICY }, 1 },
};

#define CAUSES (sizeof causes / sizeof causes[0])

static uint32_t
by_cause(const uint32_t *kinds, size_t cause)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < causes[cause].n; i++)
		n += kinds[causes[cause].kinds[i]];
	return n;
}

/* ---- plots ---- */

static void
plot_causes(const struct report *r, struct html *h, bool blocks)
{
	static const char *const titles[] = { "Rejections and failures by cause", "Blocks by cause" };
	static _Thread_local uint32_t n[CAUSES + 1][BARS_MAX];
	struct chart_series s[CAUSES + 1];
	unsigned bars = report_bars(r), series = CAUSES;
	time_t at, first = 0;

	for (unsigned i = 0; i < bars && i < BARS_MAX; i++) {
		struct history_hour sum;

		report_bar(r, i, &sum, &at);
		first = i == 0 ? at : first;
		for (size_t c = 0; c < CAUSES; c++)
			n[c][i] = by_cause(blocks ? sum.blocks : sum.events, c);
		n[CAUSES][i] = sum.blocks[EVENT_KINDS];
	}
	for (size_t c = 0; c < CAUSES; c++)
		s[c] = (struct chart_series){ causes[c].name, n[c] };
	if (blocks)
		s[series++] = (struct chart_series){ "by hand", n[CAUSES] };
	chart_stack(h, titles[blocks], s, series, bars < BARS_MAX ? bars : BARS_MAX, first, report_step(r));
}

static void
plot_refusals(const struct report *r, struct html *h)
{
	static const char *const names[HISTORY_REFUSALS] = { "from the cache", "because of a block", "forgery" };
	static _Thread_local uint32_t n[HISTORY_REFUSALS][BARS_MAX];
	struct chart_series s[HISTORY_REFUSALS];
	unsigned bars = report_bars(r);
	time_t at, first = 0;

	for (unsigned i = 0; i < bars && i < BARS_MAX; i++) {
		struct history_hour sum;

		report_bar(r, i, &sum, &at);
		first = i == 0 ? at : first;
		for (unsigned k = 0; k < HISTORY_REFUSALS; k++)
			n[k][i] = sum.refused[k];
	}
	for (unsigned k = 0; k < HISTORY_REFUSALS; k++)
		s[k] = (struct chart_series){ names[k], n[k] };
	chart_stack(h, "Refused by the milter itself", s, HISTORY_REFUSALS, bars < BARS_MAX ? bars : BARS_MAX, first, report_step(r));
}

/* ---- numbers and tables ---- */

static void
number(struct html *h, const char *name, uint64_t n, const char *under)
{
	html_put(h, "<div class=\"tile\"><span class=\"name\">%s</span><b>%llu</b><span class=\"under\">%s</span></div>", name,
	    (unsigned long long)n, under);
}

static void
numbers(const struct report *r, struct html *h)
{
	struct history_hour sum;

	report_sum(r, &sum);
	html_put(h, "<section class=\"tiles\" aria-label=\"Numbers\">");
	number(h, "Rejections and failures", report_events(&sum), "told by the log and the milter");
	number(h, "Blocks", report_blocks(&sum), r->rehearsal ? "that would have begun" : "begun or prolonged");
	if (r->rehearsal)
		number(h, "Came into the cache", sum.cached, "would be refused at once");
	else
		number(h, "Refused at once", report_refused(&sum), "without asking a DNSBL again");
	number(h, "Logins", sum.events[EVENT_LOGIN], "by POP, IMAP or SMTP");
	html_put(h, "</section>\n");
}

static void
ladder(const struct report *r, struct html *h, unsigned which)
{
	static const char *const titles[REPORT_LADDERS] = { "Networks with most offenders", "DNSBLs", "Users who relay" },
	    *const names[REPORT_LADDERS] = { "Network", "Zone", "User" },
	    *const weights[REPORT_LADDERS] = { "Events", "Events", "Logins" };
	const struct report_ladder *l = &r->ladder[which];

	html_put(h, "<section class=\"card\"><h2>%s</h2>", titles[which]);
	if (l->n == 0)
		html_put(h, "<p class=\"empty\">None.</p>");
	else
		html_put(h, "<div class=\"wide\"><table class=\"list\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\" class=\"num\">"
		    "Clients</th><th scope=\"col\" class=\"num\">%s</th></tr></thead><tbody>", names[which], weights[which]);
	for (unsigned i = 0; i < l->n; i++)
		html_put(h, "<tr><th scope=\"row\">%s</th><td class=\"num\" data-label=\"Clients\">%llu</td><td class=\"num\" "
		    "data-label=\"%s\">%llu</td></tr>\n", l->row[i].name, (unsigned long long)l->row[i].clients, weights[which],
		    (unsigned long long)l->row[i].weight);
	if (l->n > 0)
		html_put(h, "</tbody></table></div>");
	if (l->left_out > 0)
		html_put(h, "<p class=\"lead\">And %llu clients of more names than were counted.</p>", (unsigned long long)l->left_out);
	html_put(h, "</section>\n");
}

static void
avoided(const struct report *r, struct html *h)
{
	struct history_hour sum;

	report_sum(r, &sum);
	html_put(h, "<section class=\"card\"><h2>Harm avoided</h2><dl>"
	    "<dt>Offences forgiven, as somebody there had just logged in</dt><dd>%llu</dd>"
	    "<dt>Passed over, as the client is allowlisted or our own</dt><dd>%llu</dd>"
	    "<dt>Not held against anybody, as a breaker was open</dt><dd>%llu</dd></dl></section>\n",
	    (unsigned long long)sum.mercy[MERCY_FORGIVEN], (unsigned long long)sum.mercy[MERCY_TRUSTED],
	    (unsigned long long)sum.mercy[MERCY_HELD]);
}

static void
harm(const struct report *r, struct html *h)
{
	html_put(h, "<section class=\"card\"><h2>Look at these first</h2><p class=\"lead\">They logged in, or mail was accepted from them, "
	    "and they would have been shut out: %llu.</p>", (unsigned long long)r->harmed);
	if (r->nharm > 0)
		html_put(h, "<div class=\"wide\"><table class=\"list\"><thead><tr><th scope=\"col\">Client</th><th scope=\"col\">User</th>"
		    "<th scope=\"col\">Why</th><th scope=\"col\" class=\"num\">Logins</th><th scope=\"col\" class=\"num\">Mails</th></tr>"
		    "</thead><tbody>");
	for (unsigned i = 0; i < r->nharm; i++)
		html_put(h, "<tr><th scope=\"row\" class=\"addr\">%s</th><td data-label=\"User\">%s</td><td data-label=\"Why\">%s</td>"
		    "<td class=\"num\" data-label=\"Logins\">%llu</td><td class=\"num\" data-label=\"Mails\">%llu</td></tr>\n",
		    r->harm[i].client, r->harm[i].user, r->harm[i].why, (unsigned long long)r->harm[i].logins,
		    (unsigned long long)r->harm[i].mails);
	if (r->nharm > 0)
		html_put(h, "</tbody></table></div>");
	html_put(h, "</section>\n");
}

static void
period(const struct report *r, struct html *h)
{
	char from[40], to[40];
	struct tm tm;

	if (r->from > 0 && localtime_r(&r->from, &tm) != NULL && strftime(from, sizeof from, "%F %H:%M", &tm) > 0 &&
	    localtime_r(&r->to, &tm) != NULL && strftime(to, sizeof to, "%F %H:%M", &tm) > 0)
		html_put(h, "<p class=\"lead\">%s – %s%s%s</p>\n", from, to, r->source[0] != '\0' ? ", " : "", r->source);
	if (r->has_sets)
		html_put(h, r->rehearsal ?
		    "<p class=\"lead\">%llu clients would have been granted, %llu cached, %llu blocked.</p>\n" :
		    "<p class=\"lead\">At the moment %llu clients may relay, %llu are cached, %llu are blocked.</p>\n",
		    (unsigned long long)r->relay, (unsigned long long)r->cache, (unsigned long long)r->block);
	if (r->lost > 0)
		html_put(h, "<p class=\"lead\">%llu events were older than the hours that are kept.</p>\n", (unsigned long long)r->lost);
}

void
report_body(const struct report *r, struct html *h)
{
	period(r, h);
	numbers(r, h);
	plot_causes(r, h, false);
	plot_causes(r, h, true);
	if (!r->rehearsal)
		plot_refusals(r, h);
	html_put(h, "<div class=\"pair\">");
	for (unsigned i = 0; i < REPORT_LADDERS; i++)
		ladder(r, h, i);
	avoided(r, h);
	html_put(h, "</div>\n");
	if (r->rehearsal)
		harm(r, h);
}

/* ---- a file of its own ---- */

/* Ours, without anything to escape; no percent sign but as %%. */
static void
style(struct html *h)
{
	html_put(h, "<style>\n"
	    ":root{color-scheme:light dark;--bg:#f4f6f9;--card:#fff;--ink:#17202e;--dim:#5c6a7d;--line:#dfe5ec;"
	    "--c0:#2f6fed;--c1:#e5484d;--c2:#f0a020;--c3:#8e5bd9;--c4:#22a06b;--c5:#0ea5b7;--c6:#d6409f;--c7:#7c8798}\n"
	    "@media(prefers-color-scheme:dark){:root{--bg:#0f141b;--card:#171e28;--ink:#e4eaf2;--dim:#95a3b6;--line:#2a3442;"
	    "--c0:#5b8df5;--c1:#f2666b;--c2:#f2b544;--c3:#a983ea;--c4:#41bd8a;--c5:#33bfd0;--c6:#e667b4;--c7:#8b97a8}}\n"
	    "*{box-sizing:border-box}body{margin:0 auto;max-width:1100px;padding:1.5rem 1rem;background:var(--bg);color:var(--ink);"
	    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Liberation Sans\",Arial,sans-serif}\n"
	    "h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.05rem;margin:0 0 .7rem}.lead,.empty{color:var(--dim);margin:0 0 1rem}\n"
	    ".card,.tile,.chart{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1rem 1.2rem;"
	    "margin:0 0 1rem}\n"
	    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:1rem}.tile{display:flex;"
	    "flex-direction:column}.tile b{font-size:1.9rem;line-height:1.2}.name,.under{color:var(--dim)}.under{font-size:.82rem}\n"
	    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:0 1rem;align-items:start}\n"
	    ".wide{overflow-x:auto}.list{border-collapse:collapse;width:100%%;font-variant-numeric:tabular-nums}.list th,.list td"
	    "{text-align:left;font-weight:400;padding:.3rem .5rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}"
	    ".list thead th{color:var(--dim);font-size:.82rem;font-weight:600}.list .num{text-align:right;white-space:nowrap}\n"
	    ".chart figcaption{font-weight:600;margin-bottom:.5rem}.chart>svg{width:100%%;height:auto;display:block}"
	    ".grid{stroke:var(--line)}.tick{fill:var(--dim);font-size:11px}.legend{display:flex;flex-wrap:wrap;gap:.3rem 1rem;"
	    "list-style:none;margin:.6rem 0 0;padding:0;color:var(--dim);font-size:.88rem}.legend svg{width:10px;height:10px;"
	    "margin-right:.4rem}.legend b{color:var(--ink)}\n"
	    ".c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}"
	    ".c6{fill:var(--c6)}.c7{fill:var(--c7)}dl{display:grid;grid-template-columns:1fr auto;gap:.3rem 1rem;margin:0}"
	    "dt{color:var(--dim)}dd{margin:0;text-align:right}\n"
	    "@media(max-width:640px){.tick{font-size:27px}.odd{display:none}.chart>svg{overflow:visible}}\n"
	    "@media print{body{background:none}.card,.tile,.chart{break-inside:avoid}}\n"
	    "</style>");
}

void
report_html(const struct report *r, struct html *h)
{
	html_put(h, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
	    "<title>popauth-milter: %s</title>", r->rehearsal ? "rehearsal" : "report");
	style(h);
	html_put(h, "</head>\n<body><main><h1>popauth-milter: %s</h1>\n", r->rehearsal ? "rehearsal" : "report");
	report_body(r, h);
	html_put(h, "</main></body></html>\n");
}
