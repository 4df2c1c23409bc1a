/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.c - see control.h: connections, requests, answers
 *
 * A connection is busy with one request at a time; further lines wait in its buffer.
 */
#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control_priv.h"
#include "logmsg.h"
#include "stats.h"

#define CONNS_MAX  64
#define FRESH_S	   30
#define IDLE_S	   600
#define PATIENCE_S 10	/* for a change to become durable; flushes that fail are tried again for ever */
#define LINE_MAX_IN 8192

static time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- answers ---- */

void
control_say(struct control *ctl, struct conn *c, struct json *j)
{
	size_t n = json_write(j, ctl->line, sizeof(ctl->line) - 1);

	json_free(j);
	if (n > sizeof(ctl->line) - 1)
		n = (size_t)snprintf(ctl->line, sizeof(ctl->line), "{\"error\":\"an answer of %zu bytes is too long\"}", n);
	ctl->line[n++] = '\n';
	if (!conn_put(c, ctl->line, n))
		panic("control: no room for an answer");
}

static void
say_end(struct control *ctl, struct conn *c, const struct ending *en)
{
	struct session *s = conn_data(c);
	struct json *j = json_new();

	json_put_int(j, "end", en->code);
	json_put_cstr(j, "message", en->message[0] != '\0' ? en->message : NULL);
	control_say(ctl, c, j);
	s->busy = BUSY_NOT;
}

void
control_end(struct control *ctl, struct conn *c, int code, const char *fmt, ...)
{
	struct session *s = conn_data(c);
	va_list ap;

	s->ending.code = code;
	va_start(ap, fmt);
	vsnprintf(s->ending.message, sizeof(s->ending.message), fmt, ap);
	va_end(ap);
	say_end(ctl, c, &s->ending);
}

void
control_end_saved(struct control *ctl, struct conn *c, int code, const char *fmt, ...)
{
	struct session *s = conn_data(c);
	va_list ap;

	s->ending.code = code;
	va_start(ap, fmt);
	vsnprintf(s->ending.message, sizeof(s->ending.message), fmt, ap);
	va_end(ap);
	if (ctl->host.durable_request == NULL) {
		say_end(ctl, c, &s->ending);
		return;
	}
	s->ticket = ctl->host.durable_request(ctl->host.arg);
	s->patience = monotonic() + PATIENCE_S;
	s->busy = BUSY_SAVE;
}

/* The ticket of a change may have become durable. */
static void
check_saved(struct control *ctl, struct conn *c, struct session *s)
{
	struct err e = { "" };

	switch (ctl->host.durable_check(ctl->host.arg, s->ticket, &e)) {
	case DURABLE_DONE:
		say_end(ctl, c, &s->ending);
		break;
	case DURABLE_FAILED:
		control_end(ctl, c, 1, "done, but it would not outlive the daemon: %s", e.text);
		break;
	case DURABLE_WAIT:
		if (monotonic() >= s->patience)
			control_end(ctl, c, 1, "done, but not on disk after %d seconds; see status", PATIENCE_S);
		break;
	}
}

/* ---- requests ---- */

static void
refused(struct request *rq, int code, const char *what, struct str detail)
{
	char shown[128];

	stat_add(STAT_CONTROL_REFUSED, 1);
	control_end(rq->ctl, rq->conn, code, "%s%s%s", what, detail.n > 0 ? ": " : "",
	    str_show(shown, sizeof(shown), detail));
}

/* Who has changed what, or tried to; the answer says why it was not done. */
static void
log_change(const struct request *rq)
{
	struct str about = rq->user.n > 0 ? rq->user : rq->reason;
	char addr[ADDR_TEXT] = "", shown[128] = "";

	if (rq->verb->args & ARG_ADDRESS)
		addr_format(addr, &rq->addr);
	if (about.n > 0)
		str_show(shown, sizeof(shown), about);
	logmsg(LEVEL_NOTICE, "control: %s%s%s%s%s%s, by uid %ld%s", rq->verb->name, *addr != '\0' ? " " : "", addr,
	    about.n > 0 ? " (" : "", shown, about.n > 0 ? ")" : "", conn_uid(rq->conn),
	    rq->session->ending.code == 0 ? "" : ": not done");
}

static void
perform(struct request *rq, struct json *j)
{
	struct control *ctl = rq->ctl;
	struct err e;
	void *hold;

	rq->verb = verb_of(json_get_text(j, "verb"));
	if (rq->verb == NULL) {
		refused(rq, 2, "no such verb", json_get_text(j, "verb"));
		return;
	}
	if (rq->verb->access == ACCESS_WRITE && !conn_privileged(rq->conn)) {
		refused(rq, 1, "not allowed: this takes root, the daemon's user or its socket's group", STR_NONE);
		return;
	}
	rq->policy = ctl->host.policy_get(ctl->host.arg, &hold);
	filter_clear(&rq->session->filter);
	if (request_args(rq, j, &e) == -1) {
		refused(rq, 2, e.text, STR_NONE);
	} else {
		rq->session->ending.code = 0;
		control_do(rq);
		if (rq->verb->access == ACCESS_WRITE && !rq->more)
			log_change(rq);
	}
	ctl->host.policy_put(ctl->host.arg, hold);
}

static void
one_line(struct control *ctl, struct conn *c, struct str line)
{
	struct request rq = { .ctl = ctl, .conn = c, .session = conn_data(c), .now = ctl->host.now(ctl->host.arg),
		.carried = { .kind = EVENT_KINDS } };
	struct json *j;
	struct err e;

	stat_add(STAT_CONTROL_REQUESTS, 1);
	j = json_parse(line, &e);
	if (j == NULL) {
		refused(&rq, 2, e.text, STR_NONE);
		return;
	}
	conn_proved(c);
	perform(&rq, j);
	json_free(j);
}

/* ---- the connection ---- */

/* Say to the server what the session's state asks for. */
static void
settle(struct conn *c)
{
	const struct session *s = conn_data(c);

	conn_pending(c, s->busy != BUSY_NOT);
	conn_more(c, s->busy == BUSY_WALK || s->busy == BUSY_WATCH);
}

static enum conn_next
on_input(void *arg, struct conn *c, struct str in, size_t *used)
{
	struct control *ctl = arg;
	struct session *s = conn_data(c);
	const char *nl;

	while (s->busy == BUSY_NOT && conn_room(c) >= ANSWER_ROOM && *used < in.n) {
		struct str rest = { in.p + *used, in.n - *used };

		nl = memchr(rest.p, '\n', rest.n);
		if (nl == NULL && rest.n < LINE_MAX_IN)
			break;
		if (nl == NULL) {
			stat_add(STAT_CONTROL_REFUSED, 1);
			control_end(ctl, c, 2, "a request has at most %d bytes", LINE_MAX_IN - 1);
			return CONN_FLUSH;
		}
		rest.n = (size_t)(nl - rest.p);
		*used += rest.n + 1;
		one_line(ctl, c, rest);
		if (s->busy != BUSY_NOT)
			settle(c);
	}
	return CONN_KEEP;
}

/* Notices are about everybody. */
static bool
is_asked_for(const struct filter *f, const struct watched *ev)
{
	return *ev->notice != '\0' || (filter_kind(f, ev->kind) && filter_client(f, &ev->client));
}

static void
watch_more(struct control *ctl, struct conn *c, struct session *s, const struct policy *p)
{
	struct watched ev;
	uint64_t missed;

	while (conn_room(c) >= ANSWER_ROOM) {
		bool there = watch_next(ctl->host.watch, &s->watcher, &ev, &missed);

		if (missed > 0) {
			struct json *j = json_new();

			json_put_int(j, "missed", (int64_t)missed);
			control_say(ctl, c, j);
		}
		if (!there) {
			conn_more(c, false);
			return;
		}
		if (is_asked_for(&s->filter, &ev))
			control_say(ctl, c, watched_json(&ev, p));
	}
}

static enum conn_next
on_more(void *arg, struct conn *c)
{
	struct control *ctl = arg;
	struct session *s = conn_data(c);
	const struct policy *p;
	void *hold;

	p = ctl->host.policy_get(ctl->host.arg, &hold);
	if (s->busy == BUSY_WATCH) {
		watch_more(ctl, c, s, p);
	} else if (s->busy == BUSY_WALK && walk_more(ctl, c, s->walk, p, ctl->host.now(ctl->host.arg))) {
		walk_free(s->walk);
		s->walk = NULL;
		settle(c);
	}
	ctl->host.policy_put(ctl->host.arg, hold);
	return CONN_KEEP;
}

static void
on_tick(void *arg, struct server *server)
{
	struct control *ctl = arg;

	for (struct conn *c = server_next(server, NULL); c != NULL; c = server_next(server, c)) {
		struct session *s = conn_data(c);

		if (s->busy == BUSY_WATCH)
			conn_more(c, true);
		if (s->busy == BUSY_SAVE) {
			check_saved(ctl, c, s);
			settle(c);
			conn_kick(c);
		}
	}
}

static void
on_closed(void *arg, struct conn *c, enum conn_end why, size_t unread)
{
	struct control *ctl = arg;
	struct session *s = conn_data(c);

	(void)why;
	(void)unread;
	walk_free(s->walk);
	filter_clear(&s->filter);
	if (s->busy == BUSY_WATCH)
		watch_leave(ctl->host.watch);
}

static const struct server_ops ops = {
	.input = on_input, .more = on_more, .tick = on_tick, .closed = on_closed
};

/* ---- life ---- */

static void
news(void *arg)
{
	server_wake(arg);
}

struct control *
control_open(const struct control_setup *setup, struct err *e)
{
	struct control *ctl = xcalloc(1, sizeof(*ctl));
	struct server_setup ss = { .path = setup->path, .mode = setup->mode, .uid = setup->uid, .gid = setup->gid,
		.conns_max = CONNS_MAX, .in_size = LINE_MAX_IN, .out_size = 2 * ANSWER_ROOM,
		.data_size = sizeof(struct session), .fresh_s = FRESH_S, .idle_s = IDLE_S, .ops = &ops, .arg = ctl };

	ctl->host = setup->host;
	ctl->server = server_open(&ss, e);
	if (ctl->server == NULL) {
		control_close(ctl);
		return NULL;
	}
	return ctl;
}

int
control_start(struct control *ctl, struct err *e)
{
	ctl->started = ctl->host.now(ctl->host.arg);
	if (ctl->host.watch != NULL)
		watch_notify(ctl->host.watch, news, ctl->server);
	return server_start(ctl->server, "control", e);
}

void
control_wake(struct control *ctl)
{
	server_wake(ctl->server);
}

void
control_close(struct control *ctl)
{
	if (ctl == NULL)
		return;
	server_close(ctl->server);
	free(ctl);
}
