/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_metrics.c - /metrics: the daemon's counters, as Prometheus wants them
 *
 * Numbers only, no address and no name; all the same it is for this machine, or for who has logged in.  It costs the daemon
 * nothing but reading its counters.
 */
#include <string.h>

#include "stats.h"
#include "web.h"

struct sample {
	struct html *h;
	bool any;
};

/* The format's own escapes are not needed: names are ours, values are numbers. */
static bool
take(void *arg, const struct json *o)
{
	struct sample *s = arg;
	struct json *kinds = json_get(o, "events_by_kind"), *n;
	const char *key;
	void *at = NULL;

	for (enum counter c = 0; c < STATS; c++) {
		html_put(s->h, "# HELP popauth_%s_total %s\n# TYPE popauth_%s_total counter\npopauth_%s_total %lld\n", stat_name(c),
		    stat_help(c), stat_name(c), stat_name(c), number_of(o, stat_name(c)));
	}
	html_put(s->h, "# HELP popauth_events_by_kind_total events learned, by kind\n"
	    "# TYPE popauth_events_by_kind_total counter\n");
	while (json_next(kinds, &at, &key, &n))
		if (event_kind_of(str_of(key)) != EVENT_KINDS)
			html_put(s->h, "popauth_events_by_kind_total{kind=\"%s\"} %lld\n", key, (long long)json_number(n, 0));
	s->any = true;
	return true;
}

void
page_metrics(struct visit *v)
{
	struct sample s = { .h = &v->out };
	struct json *request;
	struct ask_ending end;
	enum ask_answer is;

	if (!v->local && !v->logged_in) {
		page_refuse(v, 403, "Only from this machine", "");
		return;
	}
	request = json_new();
	json_put_cstr(request, "verb", "stats");
	is = ask(v->web->socket, request, 10, take, &s, &end);
	json_free(request);
	html_put(&v->out, "# HELP popauth_up whether the daemon answers\n# TYPE popauth_up gauge\npopauth_up %d\n",
	    is == ASK_DONE && s.any);
	v->type = "text/plain; version=0.0.4; charset=utf-8";
}
