/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_route.c - who may ask for what: pages, sessions, tokens
 *
 * A request passes, in this order: path, method, Origin, session, token; then it has its page.
 */
#include <stdio.h>
#include <string.h>

#include "logmsg.h"
#include "web.h"

/* Answered by send_stream() instead of a page. */
static void
page_stream(struct visit *v)
{
	v->type = NULL;
}

enum { GET = 1, POST = 2, OPEN = 4 /* without a session */ };

static const struct route {
	const char *path;
	unsigned flags;
	page_fn *page;
} routes[] = {
	{ "/", GET, page_dashboard },	  { "/relay", GET, page_set },	   { "/cache", GET, page_set },
	{ "/block", GET, page_set },	  { "/explain", GET, page_explain }, { "/report", GET, page_report },
	{ "/add", POST, page_add },	  { "/del", POST, page_del },	   { "/logout", POST, page_logout },
	{ "/login", GET | POST | OPEN, page_login },			   { "/metrics", GET | OPEN, page_metrics },
	{ "/events", GET, page_stream },
};

static const struct route *
route_of(const char *path)
{
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (strcmp(routes[i].path, path) == 0)
			return &routes[i];
	return NULL;
}

static const char *
cookie_name(const struct web *w)
{
	return w->https ? "__Host-popauth" : "popauth";
}

bool
route_session(const struct web *w, const char *token, bool touch, struct session *out)
{
	char hash[PASSWD_HASH];
	struct err e;
	bool in;

	if (!sessions_find(w->sessions, token, monotonic(), touch, out))
		return false;
	in = passwd_find(w->passwd, out->user, hash, &e) && strcmp(hash, out->hash) == 0;
	if (!in)
		sessions_end(w->sessions, token);
	explicit_bzero(hash, sizeof hash);
	return in;
}

static void
look_at_session(struct visit *v)
{
	bool page = strcmp(v->path, "/events") != 0;
	char token[TOKEN_TEXT];

	if (cookie_get(v->cookie, cookie_name(v->web), token, sizeof token))
		v->logged_in = route_session(v->web, token, page && !v->post, &v->session);
}

/* Browsers say where a request comes from; other programs need not. */
static bool
from_elsewhere(const struct visit *v)
{
	return (v->origin != NULL && !origin_same(v->origin, v->host)) ||
	    (v->site != NULL && strcmp(v->site, "same-origin") != 0 && strcmp(v->site, "none") != 0);
}

static void
to_login(struct visit *v)
{
	char path[WEB_PATH + 2], query[3 * WEB_PATH];
	int n;

	if (strcmp(v->path, "/events") == 0) {
		page_refuse(v, 401, "Not logged in", "");
		return;
	}
	n = snprintf(path, sizeof path, v->query_text != NULL ? "%s?%s" : "%s", v->path, v->query_text);
	v->status = 303;
	if (n >= (int)sizeof path || strcmp(path_back(path, "/"), "/") == 0)
		(void)strcpy(v->location, "/login");
	else
		(void)snprintf(v->location, sizeof v->location, "/login?next=%s", html_query(query, sizeof query, str_of(path)));
}

void
route(struct visit *v)
{
	const struct route *r = route_of(v->path);
	const char *csrf = form_get(&v->form, "csrf");

	look_at_session(v);
	if (r == NULL) {
		page_refuse(v, 404, "There is no such page", v->path);
	} else if (!(r->flags & (v->post ? POST : GET))) {
		page_refuse(v, 405, "This cannot be done here", v->path);
	} else if (v->post && from_elsewhere(v)) {
		logmsg(LEVEL_WARNING, "refused: a change that another site's page asked for, from %s", v->address);
		page_refuse(v, 403, "This request did not come from here", "Another site's page has sent it.");
	} else if (!v->logged_in && !(r->flags & OPEN)) {
		if (v->post)
			page_refuse(v, 403, "You are not logged in", "Nothing was changed.");
		else
			to_login(v);
	} else if (v->post && v->logged_in && !(r->flags & OPEN) && (csrf == NULL || !token_eq(v->session.csrf, csrf))) {
		page_refuse(v, 403, "This form is too old", "Nothing was changed. Go back, reload the page, and try again.");
	} else {
		r->page(v);
	}
}
