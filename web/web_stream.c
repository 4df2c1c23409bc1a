/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_stream.c - /events: what happens, as it happens (server-sent events)
 *
 * Each reader has a thread of its own, the library's; their number is bounded, for they stay.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_serve.h"

#define STREAMS	     32
#define KEEPALIVE_MS 10000

struct stream {
	struct serving *s;
	char token[TOKEN_TEXT];
	uint64_t last;
	time_t counted;
	size_t n, at; /* of text that is still to be sent */
	char text[16384];
};

/* The numbers on the tiles, as the page's script wants them, and why nothing more comes. */
static void
put_counts(struct stream *st)
{
	struct ask_ending end;
	struct json *status = status_get(st->s->web->status, &end), *o = json_new();
	const struct json *clients = json_get(status, "clients");
	static const char *const of_clients[] = { "known", "relay", "cache", "block" }, *const of_status[] = { "sessions", "rejected" };
	char state[256];
	size_t n;

	live_state(st->s->web->live, state, sizeof state);
	for (unsigned i = 0; clients != NULL && i < 4; i++)
		json_put_int(o, of_clients[i], json_get_int(clients, of_clients[i], 0));
	for (unsigned i = 0; status != NULL && i < 2; i++)
		json_put_int(o, of_status[i], json_get_int(status, of_status[i], 0));
	if (status == NULL || state[0] != '\0')
		json_put_cstr(o, "error", status == NULL ? end.message : state);
	n = (size_t)sprintf(st->text, "event: counts\ndata: ");
	n += json_write(o, st->text + n, sizeof st->text - n - 3);
	st->n = n + (size_t)sprintf(st->text + n, "\n\n");
	st->at = 0;
	json_free(o);
	json_free(status);
}

static void
put_line(struct stream *st)
{
	char line[8192];
	uint64_t missed;

	st->at = 0;
	if (!live_next(st->s->web->live, &st->last, line, sizeof line, &missed, KEEPALIVE_MS / 2)) {
		st->n = (size_t)sprintf(st->text, ": \n\n");
		return;
	}
	st->n = missed == 0 ? 0 : (size_t)sprintf(st->text, "event: missed\ndata: %llu\n\n", (unsigned long long)missed);
	st->n += (size_t)snprintf(st->text + st->n, sizeof st->text - st->n, "id: %llu\ndata: %s\n\n",
	    (unsigned long long)st->last, line);
}

/* The password file is not read for each line. */
static bool
stream_over(const struct stream *st, bool count)
{
	const struct web *w = st->s->web;
	struct session session;

	return live_stopping(w->live) || !(count ? route_session(w, st->token, false, &session) :
	    sessions_find(w->sessions, st->token, monotonic(), false, &session));
}

/* Also ends with the session, and when the program ends. */
static ssize_t
stream_more(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct stream *st = arg;
	size_t n;

	(void)pos;
	if (st->at == st->n) {
		bool count = monotonic() - st->counted >= 5;

		if (stream_over(st, count))
			return MHD_CONTENT_READER_END_OF_STREAM;
		live_want(st->s->web->live);
		if (count) {
			st->counted = monotonic();
			put_counts(st);
		} else {
			put_line(st);
		}
	}
	n = st->n - st->at < max ? st->n - st->at : max;
	memcpy(buf, st->text + st->at, n);
	st->at += n;
	return (ssize_t)n;
}

static void
stream_free(void *arg)
{
	struct stream *st = arg;

	pthread_mutex_lock(&st->s->lock);
	st->s->streams--;
	pthread_mutex_unlock(&st->s->lock);
	free(st);
}

enum MHD_Result
send_stream(struct serving *s, struct MHD_Connection *c, struct visit *v)
{
	const char *last = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID");
	struct peer *peer = peer_of(c);
	struct stream *st;
	bool room;

	pthread_mutex_lock(&s->lock);
	room = s->streams < STREAMS;
	if (room) {
		s->streams++;
		if (peer != NULL)
			peer->streaming = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (!room) {
		v->retry = 30;
		page_refuse(v, 503, "Too many are watching", "");
		return send_page(c, v);
	}
	st = xcalloc(1, sizeof *st);
	st->s = s;
	(void)strcpy(st->token, v->session.token);
	st->last = last != NULL ? strtoull(last, NULL, 10) : live_head(s->web->live);
	if (last == NULL && form_get(&v->query, "after") != NULL)
		st->last = strtoull(form_get(&v->query, "after"), NULL, 10);
	v->status = 200;
	v->type = "text/event-stream";
	return send_response(c, v, MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_more, st, stream_free),
	    "no-store");
}
