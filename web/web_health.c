/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_health.c - is all well: the daemon's parts, as `popauth-milterctl status` has them, and what is wrong with each */
#include <stdio.h>

#include "trouble.h"
#include "web.h"

#define WHAT 300

static void
item_begin(struct visit *v, bool good, const char *name, const char *what)
{
	html_put(&v->out, "<li class=\"%s\"><span class=\"dot\" aria-hidden=\"true\"></span><span><b>%s</b> %s", good ? "good" : "bad",
	    name, what);
}

static void
item_end(struct visit *v)
{
	html_put(&v->out, "</span></li>\n");
}

static void
add_trouble(void *arg, const char *text)
{
	html_put(arg, "<br><em>%s</em>", text);
}

static void
item(struct visit *v, const char *name, const char *what, const char *part, const struct json *o)
{
	struct html troubles;

	html_init(&troubles);
	trouble_of(part, o, add_trouble, &troubles);
	item_begin(v, troubles.n == 0, name, what);
	html_raw(&v->out, &troubles);
	item_end(v);
	html_clear(&troubles);
}

static void
logs(struct visit *v, const struct json *list)
{
	char text[WHAT];

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);
		bool seconds = json_has(o, "lag_seconds");

		(void)snprintf(text, sizeof text, "%.200s: %.20s, %lld %s behind", text_of(o, "path"), text_of(o, "state"),
		    number_of(o, seconds ? "lag_seconds" : "lag"), seconds ? "seconds" : "bytes");
		item(v, "Log", text, "logs", o);
	}
}

static void
firewall(struct visit *v, const struct json *o)
{
	char text[WHAT];

	if (o == NULL)
		return;
	if (json_has(o, "wanted"))
		(void)snprintf(text, sizeof text, "%.40s: %lld of %lld enforced", text_of(o, "state"), number_of(o, "enforced"),
		    number_of(o, "wanted"));
	else
		(void)snprintf(text, sizeof text, "%.40s", text_of(o, "state"));
	item(v, "Firewall", text, "firewall", o);
}

/* Those that not every configuration has. */
static void
relaying(struct visit *v, const struct json *status)
{
	const struct json *map = json_get(status, "relay_map"), *gate = json_get(status, "gate"), *socket = json_get(status, "socketmap");
	long long beyond = number_of(json_get(status, "clients"), "beyond");
	char text[WHAT];

	if (socket != NULL)
		item(v, "Socketmap", text_of(socket, "path"), "socketmap", socket);
	if (map != NULL) {
		(void)snprintf(text, sizeof text, "%.200s: %lld clients", text_of(map, "path"), number_of(map, "grants"));
		item(v, "Relay map", text, "relay_map", map);
	}
	if (gate != NULL) {
		(void)snprintf(text, sizeof text, "shut; %lld domains are ours", number_of(gate, "domains"));
		item(v, "Gate", text, "gate", gate);
	}
	if (beyond > 0) {
		(void)snprintf(text, sizeof text, "%lld clients have named more recipients than relay_budget allows", beyond);
		item_begin(v, false, "Budget:", text);
		item_end(v);
	}
}

static void
breakers(struct visit *v, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *o = json_at(list, i);

		item_begin(v, false, "Breaker open:", json_has(o, "zone") ? text_of(o, "zone") : text_of(o, "kind"));
		html_put(&v->out, "<br><em>Nobody is blocked for this until ");
		page_time(&v->out, number_of(o, "until"));
		html_put(&v->out, "</em>");
		item_end(v);
	}
}

static void
losses(struct visit *v, const struct json *lost)
{
	const char *key;
	struct json *n;
	void *at = NULL;
	bool any = false;

	while (json_next(lost, &at, &key, &n)) {
		if (!any)
			item_begin(v, false, "Lost or refused:", "");
		html_put(&v->out, any ? ", %s %lld" : "%s %lld", key, (long long)json_number(n, 0));
		any = true;
	}
	if (any)
		item_end(v);
}

void
page_health(struct visit *v, const struct json *status)
{
	const struct json *allowlist = json_get(status, "allowlist"), *store = json_get(status, "store");
	struct html *h = &v->out;
	char text[WHAT];

	html_put(h, "<section class=\"card health\"><h2>Is all well</h2><ul class=\"states\">");
	item_begin(v, true, "Running", "since ");
	page_time(h, number_of(status, "started"));
	item_end(v);
	if (store != NULL)
		item(v, "Store", text_of(store, "state"), "store", store);
	logs(v, json_get(status, "logs"));
	firewall(v, json_get(status, "firewall"));
	if (allowlist != NULL) {
		(void)snprintf(text, sizeof text, "%lld networks", number_of(allowlist, "allow"));
		item(v, "Allowlist", text, "allowlist", allowlist);
	}
	relaying(v, status);
	breakers(v, json_get(status, "breaker"));
	if (number_of(status, "incidents") > 0) {
		(void)snprintf(text, sizeof text, "%lld going on; see popauth-milterctl incidents", number_of(status, "incidents"));
		item_begin(v, false, "Distributed attacks:", text);
		item_end(v);
	}
	losses(v, json_get(status, "lost"));
	html_put(h, "</ul></section>\n");
}
