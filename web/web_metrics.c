/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_metrics.c - /metrics: the daemon's counters, as Prometheus wants them
 *
 * Numbers only, no address and no name; all the same it is for this machine, or for who has logged in.  It costs the daemon
 * nothing but reading its counters and those of its parts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gauge.h"
#include "web.h"

struct sample {
	struct html *h;
	bool any;
};

static bool
take(void *arg, const struct json *o)
{
	struct sample *s = arg;
	struct html text = { 0 };
	FILE *fp = open_memstream(&text.p, &text.n);

	if (fp == NULL)
		return false;
	prometheus_put(fp, o);
	s->any = fclose(fp) == 0;
	if (s->any)
		html_raw(s->h, &text); /* it is no HTML */
	free(text.p);
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
