/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web.h - between the files of popauth-web
 *
 *	web_main.c	options, start, end
 *	web_listen.c	the socket that the page is reached by
 *	web_serve.c	HTTP: requests come in, and what they may cost; with web_reply.c and web_stream.c (web_serve.h) the only
 *			files that see libmicrohttpd
 *	web_route.c	who may ask for what
 *	web_form.c	what clients send: forms, cookies, hosts (pure)
 *	web_session.c	who is logged in; tokens; how often logins may be tried (pure but for randomness)
 *	web_passwd.c	the password file; the only file that sees crypt(3)
 *	web_live.c	the daemon's `watch`, for everybody who looks
 *	web_page.c	what all pages have in common
 *	web_*.c		a page each
 *
 * One thread for each connection (libmicrohttpd's); what they share is guarded where it lives.
 */
#ifndef WEB_H
#define WEB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "ask.h"
#include "html.h"
#include "report.h"
#include "unixsock.h"
#include "verbs.h"

#define WEB_PROGRAM "popauth-web"
#define WEB_PATH    1000 /* bytes of an address of ours, path and query: a search of 255 bytes, percent-encoded, and a page */

/* Seconds of a clock that nobody sets. */
static inline time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- web_form.c ---- */

#define FORM_FIELDS 16
#define FORM_MAX    8192 /* bytes of a request's body */

struct form {
	char *text; /* decoded, in place */
	unsigned n;
	struct {
		const char *name, *value;
	} field[FORM_FIELDS];
};

/* Take over `text` (n bytes and a NUL) as application/x-www-form-urlencoded.  -1: malformed, a NUL, bad UTF-8, too many
 * fields, or one given twice. */
int form_parse(struct form *f, char *text, size_t n);
void form_clear(struct form *f);
const char *form_get(const struct form *f, const char *name); /* NULL: not there */

/* The value of one cookie of a Cookie header, copied; false: not there, given twice, or too long. */
bool cookie_get(const char *header, const char *name, char *value, size_t size);
/* Is `host` (a Host header) one of ours: an address or "localhost", or one of `names` (NULL at the end), with any port? */
bool host_ours(const char *host, const char *const *names);
/* Is this Origin the page that the request went to? */
bool origin_same(const char *origin, const char *host);
bool addr_is_here(const struct addr *a); /* loopback */
/* The last address of an X-Forwarded-For header, which the nearest proxy has added; "" if there is none. */
void forwarded_client(const char *header, char *out, size_t size);
/* A path on this page to go back to: begins with one slash, no control characters, fits WEB_PATH; else `otherwise`. */
const char *path_back(const char *path, const char *otherwise);

/* ---- web_passwd.c ---- */

#define PASSWD_USER 32
#define PASSWD_HASH 256

/* Is it a name that we would write into the file? */
bool passwd_name_ok(const char *user);
/* The hash of a user; false: there is none, or *e says why the file cannot be read ("" otherwise). */
bool passwd_find(const char *path, const char *user, char hash[PASSWD_HASH], struct err *e);
/* Does it fit?  Takes as long for a user who is not there (`hash` ""). */
bool passwd_fits(const char *hash, const char *password);
/* Set a user's password, or with NULL take the user out.  The file is replaced as a whole, with its owner and mode. */
int passwd_set(const char *path, const char *user, const char *password, struct err *e);

/* ---- web_session.c ---- */

#define TOKEN_TEXT 44 /* 32 random bytes, base64url, NUL */
#define SESSIONS_MAX 64

struct session {
	char token[TOKEN_TEXT]; /* the cookie; "" : free */
	char csrf[TOKEN_TEXT];
	char user[PASSWD_USER + 1];
	char hash[PASSWD_HASH]; /* as it was at login: a changed password ends the session */
	time_t begun, used;
	char said[300]; /* to be shown on the next page, once */
	bool said_bad;
};

struct sessions; /* all of them; any thread */

struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);
/* Begin one; the oldest goes when there are too many.  A copy in *out. */
void sessions_begin(struct sessions *s, const char *user, const char *hash, time_t now, struct session *out);
/* Find the living session with this cookie; *out is a copy, its `said` is taken.  `touch`: it was used. */
bool sessions_find(struct sessions *s, const char *token, time_t now, bool touch, struct session *out);
void sessions_end(struct sessions *s, const char *token);
/* Have this shown on its next page. */
void sessions_say(struct sessions *s, const char *token, bool bad, const char *text);
/* Equal, in a time that depends on nothing secret. */
bool token_eq(const char *a, const char *b);

/* How often a login may be tried: by address, by name, and by all together. */
struct attempts;
struct attempts *attempts_new(void);
void attempts_free(struct attempts *a);
/* May this one be tried?  0: yes, and it is counted as a failure until attempts_forget(); otherwise seconds to wait. */
unsigned attempts_try(struct attempts *a, const char *address, const char *user, time_t now);
void attempts_forget(struct attempts *a, const char *address, const char *user);

/* ---- web_live.c ---- */

struct live; /* the daemon's `watch`, while somebody looks */
struct live *live_new(const char *socket);
void live_stop(struct live *l); /* wakes all who wait, joins the thread */
void live_free(struct live *l);
/* Somebody is interested: keep listening for some minutes. */
void live_want(struct live *l);
/* The next event after *last as a line of JSON, copied; waits up to `ms`.  false: none, or it is stopping.  *last is set to
 * its number; *missed to how many were lost in between. */
bool live_next(struct live *l, uint64_t *last, char *line, size_t size, uint64_t *missed, unsigned ms);
/* The newest at most `max` events, oldest first, each handed to fn. */
void live_recent(struct live *l, unsigned max, void (*fn)(void *arg, uint64_t number, const char *line), void *arg);
uint64_t live_head(struct live *l);
bool live_stopping(struct live *l);
void live_state(struct live *l, char *buf, size_t size); /* "": listening; else why not */

/* ---- the program, and a request on its way ---- */

struct web {
	struct status_cache *status;
	const char *socket, *passwd;
	bool https;	 /* behind a proxy that does TLS: cookies are Secure, X-Forwarded-For is believed */
	const char *names[9]; /* of this page, beside addresses and localhost; NULL at the end */
	struct sessions *sessions;
	struct attempts *attempts;
	struct live *live;
};

struct visit {
	struct web *web;
	bool post, local;	/* local: not through a proxy, from loopback or a unix socket */
	const char *path, *query_text; /* the latter as sent; NULL: none */
	const char *cookie, *host, *origin, *site; /* headers; NULL: not sent */
	char address[64];	/* of the client */
	struct form query, form;
	struct session session; /* valid if logged_in */
	bool logged_in;
	time_t now;
	/* The answer. */
	unsigned status;
	const char *type;
	char location[3 * WEB_PATH + 20]; /* "": none */
	char set_cookie[200];	/* "": none */
	unsigned retry;		/* Retry-After; 0: none */
	struct html out;
};

typedef void page_fn(struct visit *v);

/* web_page.c */
void page_begin(struct visit *v, const char *title);
void page_end(struct visit *v);
/* A whole page that says no. */
void page_refuse(struct visit *v, unsigned status, const char *what, const char *detail);
/* Redirect (303) and, if `said` is not NULL, have it shown there. */
void page_go(struct visit *v, const char *path, bool bad, const char *said);
void page_csrf(struct visit *v); /* the hidden field */
/* A file of ours as a page names it: with its tag, so that a browser keeps it for ever and has another one after an upgrade. */
void page_asset(struct html *h, const char *path);
void page_time(struct html *h, long long at);
void page_span(struct html *h, long long seconds);
void page_count(struct html *h, long long n); /* 1 234 567 */
/* Ask the daemon; false: it does not answer, and page_trouble() was called.  Frees the request. */
bool page_ask(struct visit *v, struct json *request, ask_fn *fn, void *arg, struct ask_ending *end);
/* The same, for what no daemon of this version refuses: false also when it did. */
bool page_must_ask(struct visit *v, struct json *request, ask_fn *fn, void *arg);
/* A whole page that says what is wrong with the daemon, and what to do. */
void page_trouble(struct visit *v, const struct ask_ending *end);

/* Whether all is well with each part of the daemon, of its `status`. */
void page_health(struct visit *v, const struct json *status);

page_fn page_dashboard, page_set, page_explain, page_report, page_login, page_logout, page_add, page_del, page_metrics;

/* web_status.c: the daemon's status, which is asked for by many and costs a walk through everything it knows: at most two
 * seconds old.  The caller frees it; NULL: see end. */
struct status_cache;
struct status_cache *status_new(const char *socket);
void status_free(struct status_cache *c); /* waits for what is being asked */
struct json *status_get(struct status_cache *c, struct ask_ending *end);
/* Who leads, for a report: at most some minutes old.  false: there is none, see end. */
void summary_want(struct status_cache *c); /* it will be asked for soon */
bool summary_get(struct status_cache *c, struct report *r, struct ask_ending *end);

/* web_event.c: one row of the live table, from a line of watch. */
void event_row(struct html *h, const struct json *o);

/* web_route.c: have the request answered: by a page, or, if that leaves `type` NULL, by the stream. */
void route(struct visit *v);
/* Find a session as sessions_find() does; it ends with the password that it was begun with. */
bool route_session(const struct web *w, const char *token, bool touch, struct session *out);

/* web_listen.c, web_serve.c */
struct server_options {
	const char *listen; /* "127.0.0.1:8025", "[::1]:8025", "unix:PATH" */
	mode_t mode;	    /* of the unix socket */
	const char *group;  /* its; NULL: as it comes */
};
struct listener {
	int fd;
	char *path; /* unix socket; NULL: none */
	struct unixsock_file file;
};
int listener_open(struct listener *l, const struct server_options *o, struct err *e);
void listener_warn(const struct listener *l, bool https); /* to the log, if other machines can reach it */
void listener_say(const struct listener *l, const char *text); /* where it is, to the log */
void listener_gone(struct listener *l); /* somebody else has closed it */
struct serving;
struct serving *serve_start(struct web *w, const struct server_options *o, struct err *e);
void serve_stop(struct serving *s);

/* The files that are in the program: assets.c is made of them. */
struct asset {
	const char *path, *type;
	const char *tag; /* of its text */
	const char *text;
	size_t n;
};
extern const struct asset assets[];
const struct asset *asset_of(const char *path);

#endif
