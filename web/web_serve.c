/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_serve.c - HTTP: requests come in, and what they may cost
 *
 * libmicrohttpd has a thread for each connection, so that a page may wait for the daemon; there are few connections, and what a
 * connection may cost is bounded: the size of head and body, the time a request may take (`reaper`), the number of
 * connections, the number of streams.
 *
 * A request passes, in this order: target, Host, method, length, body; then web_route.c has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "web_serve.h"

#define CONNECTIONS   64
#define HEAD_MAX      16384 /* bytes of a request's head, with the library's own */
#define QUIET_S	      30    /* no byte came or went */
#define REQUEST_S     60    /* from its first byte, or the end of the one before, to the end of its answer */

/* A request while it comes in. */
struct incoming {
	struct visit v;
	char *target; /* path and query, as sent */
	char *body;
	size_t n;
	bool seen, too_long;
};

/* ---- a request comes in ---- */

/* A proxy adds its word at the end, to the line that is there or as a line of its own: what comes before is the client's. */
static enum MHD_Result
take_forwarded(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	if (strcasecmp(name, "X-Forwarded-For") == 0)
		*(const char **)arg = value != NULL ? value : "";
	return MHD_YES;
}

static void
look_at_peer(struct visit *v, struct MHD_Connection *c)
{
	static const char *const no_names[] = { NULL };
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const char *forwarded = NULL;
	char client[sizeof v->address];
	struct addr a;

	(void)MHD_get_connection_values(c, MHD_HEADER_KIND, take_forwarded, &forwarded);
	/* Under a name of its own the page is reached through a proxy, even if that leaves no trace. */
	v->local = host_ours(v->host, no_names) && forwarded == NULL && MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Forwarded") == NULL &&
	    MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Via") == NULL;
	if (info == NULL || addr_from_sockaddr(&a, info->client_addr) == -1) {
		(void)strcpy(v->address, "local");
	} else {
		addr_format(v->address, &a);
		v->local = v->local && addr_is_here(&a);
	}
	/* Only the nearest proxy's word is worth anything, and only if there is one. */
	if (v->web->https && forwarded != NULL)
		forwarded_client(forwarded, client, sizeof client);
	else
		client[0] = '\0';
	if (client[0] != '\0')
		(void)strcpy(v->address, client);
}

struct peer *
peer_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static void *
on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	struct serving *s = arg;
	struct incoming *in = xcalloc(1, sizeof *in);

	(void)c;
	in->v.web = s->web;
	in->v.status = 200;
	in->v.type = "text/html; charset=utf-8";
	in->target = xstrdup(target);
	return in;
}

static void
on_completed(void *arg, struct MHD_Connection *c, void **of_request, enum MHD_RequestTerminationCode why)
{
	struct serving *s = arg;
	struct incoming *in = *of_request;
	struct peer *peer = peer_of(c);

	(void)why;
	if (peer != NULL) {
		pthread_mutex_lock(&s->lock);
		peer->since = monotonic();
		peer->streaming = false;
		pthread_mutex_unlock(&s->lock);
	}
	if (in == NULL)
		return;
	form_clear(&in->v.query);
	form_clear(&in->v.form);
	html_clear(&in->v.out);
	explicit_bzero(&in->v.session, sizeof in->v.session);
	free(in->body);
	free(in->target);
	free(in);
	*of_request = NULL;
}

/* Path and query of the target.  -1: malformed. */
static int
split_target(struct incoming *in)
{
	char *query = strchr(in->target, '?');
	struct visit *v = &in->v;

	v->path = in->target;
	if (query == NULL)
		return in->target[0] == '/' ? 0 : -1;
	*query++ = '\0';
	v->query_text = query;
	return in->target[0] == '/' ? form_parse(&v->query, xstrdup(query), strlen(query)) : -1;
}

static bool
is_form(struct MHD_Connection *c)
{
	static const char want[] = "application/x-www-form-urlencoded";
	const char *type = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Type");

	return type != NULL && strncasecmp(type, want, sizeof want - 1) == 0 &&
	    (type[sizeof want - 1] == '\0' || type[sizeof want - 1] == ';');
}

/* The head is complete.  Returns true when an answer was given, in *rc. */
static bool
first(struct incoming *in, struct MHD_Connection *c, const char *method, enum MHD_Result *rc)
{
	const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");
	struct visit *v = &in->v;
	unsigned status = 0;
	const char *what = "";

	v->cookie = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Cookie");
	v->host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	v->origin = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Origin");
	v->site = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Sec-Fetch-Site");
	v->post = strcmp(method, "POST") == 0;
	v->now = time(NULL);
	look_at_peer(v, c);
	if (split_target(in) == -1)
		status = 400, what = "The address is malformed";
	else if (!host_ours(v->host, v->web->names))
		status = 421, what = "This is not the page of that host; see --host in popauth-web(8)";
	else if (!v->post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		status = 405, what = "This cannot be done here";
	else if (length != NULL && strtoull(length, NULL, 10) > (v->post ? FORM_MAX : 0))
		status = 413, what = "The request is too long";
	else if (v->post && !is_form(c))
		status = 415, what = "This is not a form";
	if (status == 0)
		return false;
	v->path = status == 400 ? "/" : v->path;
	*rc = send_refusal(c, v, status, what);
	return true;
}

static enum MHD_Result
take_body(struct incoming *in, const char *data, size_t *n)
{
	if (in->n + *n > FORM_MAX || !in->v.post) {
		in->too_long = true;
	} else {
		in->body = xrealloc(in->body, in->n + *n + 1);
		memcpy(in->body + in->n, data, *n);
		in->n += *n;
		in->body[in->n] = '\0';
	}
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result
answer(struct serving *s, struct incoming *in, struct MHD_Connection *c)
{
	struct visit *v = &in->v;
	const struct asset *a;
	char *body = in->body;

	in->body = NULL; /* the form's now */
	if (in->too_long) {
		free(body);
		return send_refusal(c, v, 413, "The request is too long");
	}
	if (body != NULL && form_parse(&v->form, body, in->n) == -1)
		return send_refusal(c, v, 400, "The form is malformed");
	if (!v->post && (a = asset_of(v->path)) != NULL)
		return send_asset(c, v, a);
	route(v);
	if (v->type == NULL)
		return send_stream(s, c, v);
	return send_page(c, v);
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method, const char *version,
    const char *data, size_t *n, void **of_request)
{
	struct incoming *in = *of_request;
	enum MHD_Result rc;

	(void)url;
	(void)version;
	if (in == NULL)
		return MHD_NO;
	if (!in->seen) {
		in->seen = true;
		return first(in, c, method, &rc) ? rc : MHD_YES;
	}
	if (*n > 0)
		return take_body(in, data, n);
	return answer(arg, in, c);
}

/* ---- connections and their time ---- */

static void
on_connection(void *arg, struct MHD_Connection *c, void **of_socket, enum MHD_ConnectionNotificationCode what)
{
	struct serving *s = arg;
	struct peer *peer = *of_socket;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

		peer = *of_socket = xcalloc(1, sizeof *peer);
		peer->fd = info == NULL ? -1 : (int)info->connect_fd;
		peer->since = monotonic();
		pthread_mutex_lock(&s->lock);
		LIST_INSERT_HEAD(&s->peers, peer, link);
		pthread_mutex_unlock(&s->lock);
	} else if (peer != NULL) {
		pthread_mutex_lock(&s->lock);
		LIST_REMOVE(peer, link);
		pthread_mutex_unlock(&s->lock);
		free(peer);
		*of_socket = NULL;
	}
}

/* libmicrohttpd ends connections that are quiet, but not those that send a byte now and then.  A descriptor is closed only
 * after on_connection() has taken it off the list. */
static void *
reaper_main(void *arg)
{
	struct serving *s = arg;
	struct timespec until;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		struct peer *p;

		LIST_FOREACH(p, &s->peers, link)
			if (!p->streaming && p->fd != -1 && monotonic() - p->since > REQUEST_S)
				(void)shutdown(p->fd, SHUT_RDWR);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 5;
		(void)pthread_cond_timedwait(&s->wake, &s->lock, &until);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- life ---- */

struct serving *
serve_start(struct web *w, const struct server_options *o, struct err *e)
{
	struct serving *s = xcalloc(1, sizeof *s);

	s->web = w;
	LIST_INIT(&s->peers);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	if (listener_open(&s->listener, o, e) == -1) {
		free(s);
		return NULL;
	}
	s->mhd = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
	    on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listener.fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)QUIET_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
	    MHD_OPTION_THREAD_STACK_SIZE, (size_t)512 * 1024, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
	if (s->mhd == NULL || pthread_create(&s->reaper, NULL, reaper_main, s) != 0) {
		err_set(e, "%s: libmicrohttpd cannot be started", o->listen);
		return NULL; /* and the process ends */
	}
	listener_warn(&s->listener, w->https);
	listener_say(&s->listener, o->listen);
	return s;
}

/* live_stop() was called before: no stream waits any more. */
void
serve_stop(struct serving *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->reaper, NULL);
	MHD_stop_daemon(s->mhd);
	listener_gone(&s->listener);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
