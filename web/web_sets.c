/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_sets.c - the three sets: a page of each, adding, deleting */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logmsg.h"
#include "phrase.h"
#include "web.h"

#define ROWS  50
#define PAGES (PAGE_OFFSET_MAX / ROWS + 1) /* that can be had */

static const char *const set_help[SETS] = {
	[SET_RELAY] = "Clients that may relay because somebody there has logged in.",
	[SET_CACHE] = "Clients that are refused without asking anybody.",
	[SET_BLOCK] = "Clients whose packets the kernel drops.",
};

struct listing {
	struct visit *v;
	enum set set;
	const char *match; /* NULL: all */
	unsigned page;	   /* 1.. */
	long long total;
	unsigned rows;
	char here[WEB_PATH]; /* this page's address */
	struct html table; /* the rows: what is said above them is known after them */
};

static enum set
set_of(const char *name)
{
	for (enum set s = 0; s < SETS; s++)
		if (name != NULL && strcmp(set_name(s), name) == 0)
			return s;
	return SETS;
}

static void
address_of_page(const struct listing *l, unsigned page, char *buf, size_t size)
{
	char query[3 * ARG_TEXT_MAX + 1];
	int n = snprintf(buf, size, "/%s", set_name(l->set));

	if (l->match != NULL)
		n += snprintf(buf + n, size - (size_t)n, "?q=%s", html_query(query, sizeof query, str_of(l->match)));
	if (page > 1)
		(void)snprintf(buf + n, size - (size_t)n, "%cpage=%u", l->match != NULL ? '&' : '?', page);
}

/* The label is what a narrow screen shows before the value. */
static void
cell(struct html *h, const char *label, const char *value)
{
	html_put(h, "<td data-label=\"%s\">%s</td>", label, value);
}

static void
kind_cell(struct html *h, const struct json *o)
{
	html_put(h, "<td data-label=\"Kind\"><span class=\"kind k-%s\">%s</span></td>", text_of(o, "kind"), text_of(o, "kind"));
}

static void
row_end(struct listing *l, const struct json *o)
{
	struct html *h = &l->table;

	html_put(h, "<td class=\"do\"><form method=\"post\" action=\"/del\"><input type=\"hidden\" name=\"csrf\" value=\"%s\">"
	    "<input type=\"hidden\" name=\"set\" value=\"%s\"><input type=\"hidden\" name=\"address\" value=\"%s\">"
	    "<input type=\"hidden\" name=\"back\" value=\"%s\"><button class=\"quiet bad\" aria-label=\"Delete %s\">Delete</button>"
	    "</form></td></tr>\n", l->v->session.csrf, set_name(l->set), text_of(o, "client"), l->here, text_of(o, "client"));
}

static bool
take_row(void *arg, const struct json *o)
{
	struct listing *l = arg;
	struct html *h = &l->table;
	char query[200], sent[PHRASE_SENT];

	if (json_has(o, "total")) {
		l->total = number_of(o, "total");
		return true;
	}
	l->rows++;
	html_put(h, "<tr><th scope=\"row\" class=\"addr\"><a href=\"/explain?q=%s\">%s</a></th>",
	    html_query(query, sizeof query, json_get_text(o, "client")), text_of(o, "client"));
	if (l->set == SET_RELAY)
		cell(h, "User", text_of(o, "user"));
	else
		kind_cell(h, o);
	if (l->set == SET_BLOCK)
		cell(h, "By", text_of(o, "by"));
	if (l->set != SET_RELAY)
		cell(h, "Zone or reason", json_has(o, "zone") ? text_of(o, "zone") : text_of(o, "reason"));
	html_put(h, "<td data-label=\"Since\">");
	page_time(h, number_of(o, "since"));
	html_put(h, "</td><td class=\"num\" data-label=\"%s\">", l->set == SET_RELAY ? "Logins" : l->set == SET_CACHE ? "Hits" : "Times");
	page_count(h, number_of(o, l->set == SET_RELAY ? "logins" : l->set == SET_CACHE ? "hits" : "blocks"));
	html_put(h, "</td><td class=\"num\" data-label=\"Left\">");
	page_span(h, number_of(o, "until") - l->v->now);
	html_put(h, "</td>");
	if (l->set == SET_RELAY)
		html_put(h, "<td class=\"num\" data-label=\"Sent\">%s</td>", phrase_sent(sent, o));
	row_end(l, o);
	return true;
}

/* The list has become shorter, or somebody wrote a number. */
static void
past_the_end(const struct listing *l)
{
	unsigned last = l->total < (long long)PAGES * ROWS ? (unsigned)((l->total + ROWS - 1) / ROWS) : PAGES;
	char path[WEB_PATH];

	address_of_page(l, last, path, sizeof path);
	html_put(&l->v->out, "<p class=\"empty\">There is no page %u: the list ends at page %u.</p>\n"
	    "<p><a class=\"button\" href=\"%s\">To page %u</a></p>\n", l->page, last, path, last);
}

static void
pager(const struct listing *l)
{
	struct html *h = &l->v->out;
	long long last = (long long)(l->page - 1) * ROWS + l->rows;
	char path[WEB_PATH];

	if (l->page == 1 && last >= l->total)
		return;
	html_put(h, "<nav class=\"pager\" aria-label=\"Parts of the list\">");
	if (l->page > 1) {
		address_of_page(l, l->page - 1, path, sizeof path);
		html_put(h, "<a class=\"button quiet\" rel=\"prev\" href=\"%s\">← Newer</a>", path);
	}
	html_put(h, "<span>%lld – %lld of ", last - l->rows + (l->rows > 0), last);
	page_count(h, l->total);
	html_put(h, "</span>");
	if (last < l->total && l->page < PAGES) {
		address_of_page(l, l->page + 1, path, sizeof path);
		html_put(h, "<a class=\"button quiet\" rel=\"next\" href=\"%s\">Older →</a>", path);
	} else if (last < l->total) {
		html_put(h, "<span>The list goes on: search, or use popauth-milterctl</span>");
	}
	html_put(h, "</nav>\n");
}

static void
tools(const struct listing *l)
{
	struct html *h = &l->v->out;

	html_put(h, "<div class=\"tools\"><form class=\"search\" method=\"get\" action=\"/%s\" role=\"search\">"
	    "<label class=\"hide\" for=\"q\">Search</label><input id=\"q\" type=\"search\" name=\"q\" value=\"%s\" maxlength=\"%d\" "
	    "placeholder=\"%s\" autocapitalize=\"none\" spellcheck=\"false\"><button>Search</button>",
	    set_name(l->set), l->match != NULL ? l->match : "", ARG_TEXT_MAX,
	    l->set == SET_RELAY ? "Address, network or user" : "Address, network, kind or reason");
	if (l->match != NULL)
		html_put(h, "<a class=\"button quiet\" href=\"/%s\">All</a>", set_name(l->set));
	html_put(h, "</form><details class=\"adder\"><summary class=\"button\">Add…</summary>"
	    "<form class=\"card\" method=\"post\" action=\"/add\">");
	page_csrf(l->v);
	html_put(h, "<input type=\"hidden\" name=\"set\" value=\"%s\"><input type=\"hidden\" name=\"back\" value=\"/%s\">"
	    "<label>Address<input name=\"address\" required maxlength=\"64\" autocapitalize=\"none\" spellcheck=\"false\"></label>"
	    "<label>For how long<input name=\"for\" maxlength=\"12\" placeholder=\"as configured\" "
	    "aria-describedby=\"forhelp\"><small id=\"forhelp\">such as 90s, 15m, 1h, 7d</small></label>"
	    "<label>%s<input name=\"text\" maxlength=\"200\"></label><button>Add</button></form></details></div>\n",
	    set_name(l->set), set_name(l->set), l->set == SET_RELAY ? "User" : "Reason");
}

static void
heads(struct html *h, enum set s)
{
	static const char *const names[SETS][8] = {
		[SET_RELAY] = { "Client", "User", "Since", "Logins", "Left", "Sent" },
		[SET_CACHE] = { "Client", "Kind", "Zone or reason", "Since", "Hits", "Left" },
		[SET_BLOCK] = { "Client", "Kind", "By", "Zone or reason", "Since", "Times", "Left" },
	};
	static const char numbers[] = "Logins Hits Times Left Sent";

	for (unsigned i = 0; names[s][i] != NULL; i++)
		html_put(h, strstr(numbers, names[s][i]) != NULL ? "<th scope=\"col\" class=\"num\">%s</th>" :
		    "<th scope=\"col\">%s</th>", names[s][i]);
	html_put(h, "<th scope=\"col\"><span class=\"hide\">Delete</span></th>");
}

static void
show(struct listing *l)
{
	static const char *const titles[SETS] = { [SET_RELAY] = "Relay", [SET_CACHE] = "Cache", [SET_BLOCK] = "Block" };
	struct html *h = &l->v->out;

	page_begin(l->v, titles[l->set]);
	html_put(h, "<h1>%s <span class=\"count\">", titles[l->set]);
	page_count(h, l->total);
	html_put(h, l->match != NULL ? " found</span></h1>" : "</span></h1>");
	html_put(h, "<p class=\"lead\">%s</p>\n", set_help[l->set]);
	tools(l);
	if (l->rows == 0 && l->page > 1 && l->total > 0) {
		past_the_end(l);
	} else if (l->rows == 0) {
		html_put(h, "<p class=\"empty\">%s</p>\n", l->match != NULL ? "Nothing found." : "Nobody at the moment.");
	} else {
		html_put(h, "<div class=\"wide\"><table class=\"list\"><thead><tr>");
		heads(h, l->set);
		html_put(h, "</tr></thead><tbody>\n");
		html_raw(h, &l->table);
		html_put(h, "</tbody></table></div>\n");
		pager(l);
	}
	page_end(l->v);
}

void
page_set(struct visit *v)
{
	const char *page = form_get(&v->query, "page");
	struct listing l = { .v = v, .set = set_of(v->path + 1), .match = form_get(&v->query, "q"), .page = 1 };
	struct json *request = json_new();
	struct ask_ending end;
	char verb[20];

	if (page != NULL && page[0] != '-' && strtoul(page, NULL, 10) > 1)
		l.page = strtoul(page, NULL, 10) < PAGES ? (unsigned)strtoul(page, NULL, 10) : PAGES;
	if (l.match != NULL && *l.match == '\0')
		l.match = NULL;
	address_of_page(&l, l.page, l.here, sizeof l.here);
	(void)snprintf(verb, sizeof verb, "%s list", set_name(l.set));
	json_put_cstr(request, "verb", verb);
	json_put_cstr(request, "match", l.match);
	json_put_int(request, "limit", ROWS);
	json_put_int(request, "offset", (l.page - 1) * ROWS);
	if (page_ask(v, request, take_row, &l, &end)) {
		if (end.code == 2 && l.match != NULL)
			page_refuse(v, 400, "This cannot be searched for", end.message);
		else if (end.code != 0)
			page_trouble(v, &end);
		else
			show(&l);
	}
	html_clear(&l.table);
}

/* ---- changes ---- */

static bool
take_added(void *arg, const struct json *o)
{
	str_copy(arg, 80, json_get_text(o, "client"));
	return true;
}

static void
change(struct visit *v, struct json *request, const char *what, const char *set, const char *address)
{
	const char *back = path_back(form_get(&v->form, "back"), "/");
	char client[80] = "", said[300], shown[100];
	struct ask_ending end;

	if (!page_ask(v, request, take_added, client, &end))
		return;
	logmsg(LEVEL_NOTICE, "%s: %s %s %s: %s", v->session.user, set, what, str_show(shown, sizeof shown, str_of(address)),
	    end.code == 0 ? "done" : end.message);
	if (end.message[0] != '\0')
		(void)snprintf(said, sizeof said, "%.290s", end.message);
	else
		(void)snprintf(said, sizeof said, "%s put into %s", client, set);
	page_go(v, back, end.code != 0, said);
}

static struct json *
request_of(struct visit *v, const char *what)
{
	const char *set = form_get(&v->form, "set"), *address = form_get(&v->form, "address");
	struct json *request;
	char verb[20];

	if (set_of(set) == SETS || address == NULL) {
		page_refuse(v, 400, "Something is missing in this form", "Nothing was changed.");
		return NULL;
	}
	request = json_new();
	(void)snprintf(verb, sizeof verb, "%s %s", set, what);
	json_put_cstr(request, "verb", verb);
	while (*address == ' ')
		address++;
	json_put_cstr(request, "address", address);
	return request;
}

static const char *
given(const struct visit *v, const char *name)
{
	const char *s = form_get(&v->form, name);

	return s == NULL || *s == '\0' ? NULL : s;
}

void
page_add(struct visit *v)
{
	struct json *request = request_of(v, "add");
	const char *set = form_get(&v->form, "set");

	if (request == NULL)
		return;
	json_put_cstr(request, "for", given(v, "for"));
	json_put_cstr(request, set_of(set) == SET_RELAY ? "user" : "reason", given(v, "text"));
	change(v, request, "add", set, form_get(&v->form, "address"));
}

void
page_del(struct visit *v)
{
	struct json *request = request_of(v, "del");

	if (request != NULL)
		change(v, request, "del", form_get(&v->form, "set"), form_get(&v->form, "address"));
}
