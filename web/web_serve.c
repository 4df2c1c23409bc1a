/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_serve.c - HTTP: who may ask for what, and how much of it
 *
 * The only file that sees libmicrohttpd.  It has a thread for each connection, so that a page may wait for the daemon; there
 * are few connections, and what a connection may cost is bounded: the size of head and body, the time a request may take
 * (`reaper`), the number of connections, the number of streams.
 *
 * A request passes, in this order: Host, method, body, Origin, session, token; then it has its page.
 */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "logmsg.h"
#include "unixsock.h"
#include "web.h"

#define CONNECTIONS   64
#define STREAMS	      32    /* of these: live tables */
#define HEAD_MAX      16384 /* bytes of a request's head, with the library's own */
#define QUIET_S	      30    /* no byte came or went */
#define REQUEST_S     60    /* from its first byte, or the end of the one before, to the end of its answer */
#define KEEPALIVE_MS  10000

struct peer {
	LIST_ENTRY(peer) link;
	int fd;
	time_t since;
	bool streaming;
};

struct serving {
	struct web *web;
	struct MHD_Daemon *mhd;
	int listener;
	char *path; /* unix socket; NULL: none */
	struct unixsock_file file;
	pthread_t reaper;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	bool stop;
	unsigned streams;
	LIST_HEAD(, peer) peers;
};

/* A request while it comes in. */
struct incoming {
	struct visit v;
	char *target; /* path and query, as sent */
	char *body;
	size_t n;
	bool seen, too_long;
};

static time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- what may be asked for ---- */

enum { GET = 1, POST = 2, OPEN = 4 /* without a session */ };

static void page_stream(struct visit *v);

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

/* Answered by stream() instead of a page. */
static void
page_stream(struct visit *v)
{
	v->type = NULL;
}

/* ---- who asks ---- */

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

static const char *
cookie_name(const struct web *w)
{
	return w->https ? "__Host-popauth" : "popauth";
}

/* A session ends with the password it was begun with. */
static bool
find_session(const struct web *w, const char *token, bool touch, struct session *out)
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
		v->logged_in = find_session(v->web, token, page && !v->post, &v->session);
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
	char path[200], query[400];

	if (strcmp(v->path, "/events") == 0) {
		page_refuse(v, 401, "Not logged in", "");
		return;
	}
	html_query(query, sizeof query, str_of(v->path));
	(void)snprintf(path, sizeof path, strcmp(v->path, "/") == 0 ? "/login" : "/login?next=%.150s", query);
	page_go(v, path, false, NULL);
}

static void
route(struct visit *v)
{
	const struct route *r = route_of(v->path);
	const char *csrf = form_get(&v->form, "csrf");

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

/* ---- the answer ---- */

static const struct {
	const char *name, *value;
} always[] = {
	/* Everything of this page is its own file; no script or style stands in it. */
	{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
	  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
	  "trusted-types 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "same-origin" }, /* with none, browsers would send forms with Origin: null */
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
};

static enum MHD_Result
send_response(struct MHD_Connection *c, const struct visit *v, struct MHD_Response *r, const char *cache)
{
	enum MHD_Result rc;
	char number[24];

	if (r == NULL)
		return MHD_NO;
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		(void)MHD_add_response_header(r, always[i].name, always[i].value);
	(void)MHD_add_response_header(r, "Content-Type", v->type);
	(void)MHD_add_response_header(r, "Cache-Control", cache);
	if (v->location[0] != '\0')
		(void)MHD_add_response_header(r, "Location", v->location);
	if (v->set_cookie[0] != '\0')
		(void)MHD_add_response_header(r, "Set-Cookie", v->set_cookie);
	if (v->status == 405)
		(void)MHD_add_response_header(r, "Allow", "GET, HEAD, POST");
	if (v->retry > 0) {
		(void)snprintf(number, sizeof number, "%u", v->retry);
		(void)MHD_add_response_header(r, "Retry-After", number);
	}
	rc = MHD_queue_response(c, v->status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result
send_page(struct MHD_Connection *c, struct visit *v)
{
	struct MHD_Response *r = v->out.n > 0 ?
	    MHD_create_response_from_buffer(v->out.n, v->out.p, MHD_RESPMEM_MUST_FREE) :
	    MHD_create_response_from_buffer(0, (void *)(uintptr_t)"", MHD_RESPMEM_PERSISTENT);

	if (r != NULL)
		html_init(&v->out); /* the response's now */
	return send_response(c, v, r, "no-store");
}

static enum MHD_Result
send_asset(struct MHD_Connection *c, struct visit *v, const struct asset *a)
{
	v->status = 200;
	v->type = a->type;
	return send_response(c, v, MHD_create_response_from_buffer(a->n, (void *)(uintptr_t)a->text,
	    MHD_RESPMEM_PERSISTENT), "public, max-age=86400");
}

/* ---- the live stream ---- */

struct stream {
	struct serving *s;
	char token[TOKEN_TEXT];
	uint64_t last;
	time_t counted;
	size_t n, at; /* of text that is still to be sent */
	char text[16384];
};

/* The numbers on the tiles, as the page's script wants them. */
static void
put_counts(struct stream *st)
{
	struct ask_ending end;
	struct json *status = status_get(st->s->web->status, &end), *o = json_new();
	const struct json *clients = json_get(status, "clients");
	static const char *const of_clients[] = { "known", "relay", "cache", "block" }, *const of_status[] = { "sessions", "rejected" };
	size_t n;

	for (unsigned i = 0; clients != NULL && i < 4; i++)
		json_put_int(o, of_clients[i], json_get_int(clients, of_clients[i], 0));
	for (unsigned i = 0; status != NULL && i < 2; i++)
		json_put_int(o, of_status[i], json_get_int(status, of_status[i], 0));
	if (status == NULL)
		json_put_cstr(o, "error", end.message);
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

	return live_stopping(w->live) || !(count ? find_session(w, st->token, false, &session) :
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

static struct peer *
peer_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static enum MHD_Result
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

/* ---- a request comes in ---- */

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

static enum MHD_Result
refuse(struct MHD_Connection *c, struct visit *v, unsigned status, const char *what)
{
	page_refuse(v, status, what, "");
	return send_page(c, v);
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
	*rc = refuse(c, v, status, what);
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
		return refuse(c, v, 413, "The request is too long");
	}
	if (body != NULL && form_parse(&v->form, body, in->n) == -1)
		return refuse(c, v, 400, "The form is malformed");
	if (!v->post && (a = asset_of(v->path)) != NULL)
		return send_asset(c, v, a);
	look_at_session(v);
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

/* ---- listening ---- */

static int
listen_inet(const char *text, struct err *e)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
	char host[64], *port = strrchr(text, ':') == NULL ? NULL : xstrdup(strrchr(text, ':') + 1);
	size_t n = port == NULL ? 0 : (size_t)(strrchr(text, ':') - text);
	struct addrinfo *ai = NULL;
	int fd = -1, one = 1, rc;

	if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
		str_copy(host, sizeof host, (struct str){ text + 1, n - 2 });
	else
		str_copy(host, sizeof host, (struct str){ text, n });
	rc = port == NULL || n == 0 ? EAI_NONAME : getaddrinfo(host, port, &hints, &ai);
	free(port);
	if (rc != 0) {
		err_set(e, "%s: not an address to listen at, like 127.0.0.1:8025, [::1]:8025 or unix:PATH", text);
		return -1;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd == -1 || bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 || listen(fd, CONNECTIONS) == -1) {
		err_sys(e, "%s", text);
		if (fd != -1)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

static int
listen_unix(struct serving *s, const struct server_options *o, struct err *e)
{
	const struct group *gr = o->group == NULL ? NULL : getgrnam(o->group);

	if (o->group != NULL && gr == NULL)
		return err_set(e, "group \"%s\" does not exist", o->group);
	s->path = xstrdup(o->listen + 5);
	return unixsock_listen(s->path, o->mode, (uid_t)-1, gr == NULL ? (gid_t)-1 : gr->gr_gid, &s->file, e);
}

static void
say_where(int fd, const char *text)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;
	struct addr a;
	char addr[ADDR_TEXT], port[8];

	if (strncmp(text, "unix:", 5) != 0 && getsockname(fd, (struct sockaddr *)&sa, &n) == 0 &&
	    addr_from_sockaddr(&a, (struct sockaddr *)&sa) == 0 &&
	    getnameinfo((struct sockaddr *)&sa, n, NULL, 0, port, sizeof port, NI_NUMERICSERV) == 0)
		logmsg(LEVEL_NOTICE, addr_is4(&a) ? "listening at %s:%s" : "listening at [%s]:%s", addr_format(addr, &a), port);
	else
		logmsg(LEVEL_NOTICE, "listening at %s", text);
}

struct serving *
serve_start(struct web *w, const struct server_options *o, struct err *e)
{
	struct serving *s = xcalloc(1, sizeof *s);

	s->web = w;
	LIST_INIT(&s->peers);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	s->listener = strncmp(o->listen, "unix:", 5) == 0 ? listen_unix(s, o, e) : listen_inet(o->listen, e);
	if (s->listener == -1) {
		free(s->path);
		free(s);
		return NULL;
	}
	s->mhd = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
	    on_request, s, MHD_OPTION_LISTEN_SOCKET, s->listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)QUIET_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
	    MHD_OPTION_THREAD_STACK_SIZE, (size_t)512 * 1024, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
	if (s->mhd == NULL || pthread_create(&s->reaper, NULL, reaper_main, s) != 0) {
		err_set(e, "%s: libmicrohttpd cannot be started", o->listen);
		return NULL; /* and the process ends */
	}
	say_where(s->listener, o->listen);
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
	if (s->path != NULL)
		unixsock_remove(s->path, &s->file);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}
