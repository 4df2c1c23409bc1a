/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_web.c - popauth-web over loopback, before a real daemon: who may do what, and what is refused */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "page.h"

static struct rig r, proxied;
static char cookie[100], csrf[60];

static int
start(void **state)
{
	(void)state;
	rig_start(&r, NULL);
	rig_ask(&r, "{\"verb\":\"cache add\",\"address\":\"192.0.2.7\",\"reason\":\"<script>alert(1)</script>\"}");
	rig_ask(&r, "{\"verb\":\"relay add\",\"address\":\"192.0.2.8\",\"user\":\"\\\"><img src=x onerror=alert(1)>\"}");
	rig_log(&r, "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 Service unavailable; Client host "
		    "[192.0.2.9] blocked using zen.example; from=<a@b.example> to=<c@d.example> proto=SMTP "
		    "helo=<<script>alert(2)</script>>");
	rig_await(&r, "{\"verb\":\"cache list\"}", "192.0.2.9");
	rig_login(&r, cookie, csrf);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	rig_stop(&r);
	return 0;
}

static int
get(const char *path, const char *with, const char *headers)
{
	return rig_ask_page(&r, path, NULL, with, headers, answer, sizeof answer);
}

static int
post(const char *path, const char *form, const char *with, const char *headers)
{
	return rig_ask_page(&r, path, form, with, headers, answer, sizeof answer);
}

/* ---- who may look ---- */

static void
nothing_without_a_session(void **state)
{
	static const char *const paths[] = { "/", "/relay", "/cache", "/block", "/explain?q=192.0.2.7", "/report" },
	    *const wrong[] = { NULL, "popauth=", "popauth=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "other=1" };
	static const char *const changes[] = { "/add", "/del", "/logout" };

	(void)state;
	for (size_t i = 0; i < ROWS(paths); i++)
		for (size_t k = 0; k < ROWS(wrong); k++) {
			row_eq(paths[i], get(paths[i], wrong[k], ""), 303);
			has(paths[i], "Location: /login");
			has(paths[i], "Content-Length: 0\r\n");
		}
	assert_int_equal(get("/events", NULL, ""), 401);
	for (size_t i = 0; i < ROWS(changes); i++)
		row_eq(changes[i], post(changes[i], "set=cache&address=192.0.2.7&csrf=x", NULL, ""), 403);
	assert_int_equal(get("/cache", cookie, ""), 200);
	has("cache", "192.0.2.7");
}

static void
every_answer_is_guarded(void **state)
{
	static const char *const paths[] = { "/", "/login", "/nowhere", "/style.css", "/live.js", "/metrics", "/icon.svg" },
	    *const guards[] = { "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'",
		"frame-ancestors 'none'", "X-Content-Type-Options: nosniff", "Referrer-Policy: same-origin", "X-Frame-Options: DENY" };

	(void)state;
	for (size_t i = 0; i < ROWS(paths); i++) {
		(void)get(paths[i], cookie, "");
		for (size_t k = 0; k < ROWS(guards); k++)
			has(paths[i], guards[k]);
		has_not(paths[i], "unsafe");
	}
	assert_int_equal(get("/style.css", NULL, ""), 200);
	has("style", "Content-Type: text/css");
	assert_int_equal(get("/", cookie, ""), 200);
	has_not("no style in the page", "style=");
	has_not("no handler in the page", " onclick");
	has("not kept by anybody", "Cache-Control: no-store");
}

/* For ever under the address that a page of this version gives it; not under another. */
static void
files_change_with_the_version(void **state)
{
	static const char *const files[] = { "/live.js?", "/style.css?", "/icon.svg?" };
	char last[40] = "";

	(void)state;
	for (size_t i = 0; i < ROWS(files); i++) {
		char path[60], quoted[40], *at;

		assert_int_equal(get("/", cookie, ""), 200);
		(void)snprintf(quoted, sizeof quoted, "=\"%s", files[i]);
		has(files[i], quoted);
		at = strstr(answer, quoted) + 2;
		str_copy(path, sizeof path, (struct str){ at, strcspn(at, "\"") });
		assert_int_equal(get(path, NULL, ""), 200);
		has(path, "Cache-Control: public, max-age=31536000, immutable");
		assert_true(strlen(path) > strlen(files[i]));
		assert_string_not_equal(path + strlen(files[i]), last); /* made of what is in it */
		str_copy(last, sizeof last, str_of(path + strlen(files[i])));
		path[strlen(path) - 1] = path[strlen(path) - 1] == '0' ? '1' : '0';
		assert_int_equal(get(path, NULL, ""), 200);
		has(path, "Cache-Control: no-cache");
	}
}

/* After login one is where one wanted to go. */
static void
login_leads_on(void **state)
{
	static char path[2000];

	(void)state;
	assert_int_equal(get("/cache?q=a%26b+c&page=2", NULL, ""), 303);
	has("query", "Location: /login?next=%2Fcache%3Fq%3Da%2526b%2Bc%26page%3D2\r\n");
	assert_int_equal(get("/login?next=%2Fcache%3Fq%3Da%2526b%2Bc%26page%3D2", NULL, ""), 200);
	has("form", "name=\"next\" value=\"/cache?q=a%26b+c&amp;page=2\"");
	assert_int_equal(post("/login", "user=" RIG_USER "&password=correct+horse+battery&next=%2Fcache%3Fq%3Da%2526b%2Bc%26page%3D2",
	    NULL, ""), 303);
	has("there", "Location: /cache?q=a%26b+c&page=2\r\n");
	(void)snprintf(path, sizeof path, "/explain?q=%0900d", 7);
	assert_int_equal(get(path, NULL, ""), 303);
	has("long", "Location: /login?next=%2Fexplain%3Fq%3D0000");
	(void)snprintf(path, sizeof path, "/explain?q=%01500d", 7);
	assert_int_equal(get(path, NULL, ""), 303);
	has("too long", "Location: /login\r\n");
	assert_int_equal(get("/relay?//evil.example", NULL, ""), 303);
	has("a path of ours", "Location: /login?next=%2Frelay%3F%2F%2Fevil.example\r\n");
	assert_int_equal(get("/relay?q=\xff\\", NULL, ""), 303);
	has("no text", "Location: /login\r\n");
}

static void
the_cookie_is_strict(void **state)
{
	(void)state;
	assert_int_equal(post("/login", "user=" RIG_USER "&password=correct+horse+battery&next=//evil.example", NULL, ""), 303);
	has("cookie", "; Path=/; HttpOnly; SameSite=Strict\r\n");
	has("not elsewhere", "Location: /\r\n");
	assert_int_equal(post("/login", "user=" RIG_USER "&password=wrong", NULL, ""), 403);
	has_not("wrong password", "Set-Cookie");
	assert_int_equal(post("/login", "user=nobody&password=wrong", NULL, ""), 403);
	has("the same is said", "Wrong name or password.");
	assert_int_equal(post("/login", "user=" RIG_USER, NULL, ""), 400);
}

/* ---- who may change ---- */

static void
changes_need_the_token(void **state)
{
	char form[200];

	(void)state;
	assert_int_equal(post("/add", "set=block&address=192.0.2.66", cookie, ""), 403);
	assert_int_equal(post("/add", "set=block&address=192.0.2.66&csrf=", cookie, ""), 403);
	assert_int_equal(post("/add", "set=block&address=192.0.2.66&csrf=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", cookie, ""), 403);
	assert_int_equal(get("/add?set=block&address=192.0.2.66", cookie, ""), 405);
	assert_int_equal(get("/block", cookie, ""), 200);
	has_not("not added", "192.0.2.66");
	(void)snprintf(form, sizeof form, "set=block&address=192.0.2.66&for=1h&text=a+%%3Cpest%%3E&back=%%2Fblock&csrf=%s", csrf);
	assert_int_equal(post("/add", form, cookie, ""), 303);
	has("back", "Location: /block\r\n");
	assert_int_equal(get("/block", cookie, ""), 200);
	has("added", "192.0.2.66");
	has("reason", "a &lt;pest&gt;");
	has("said", "192.0.2.66 put into block");
	(void)snprintf(form, sizeof form, "set=block&address=192.0.2.66&csrf=%s", csrf);
	assert_int_equal(post("/del", form, cookie, ""), 303);
	assert_int_equal(get("/block", cookie, ""), 200);
	has("taken out", "192.0.2.66 taken out of block");
	assert_int_equal(post("/del", form, cookie, ""), 303);
	assert_int_equal(get("/block", cookie, ""), 200);
	has("told", "192.0.2.66 is not in block");
}

static void
changes_come_from_here(void **state)
{
	char form[200], own[100];

	(void)state;
	(void)snprintf(form, sizeof form, "set=block&address=192.0.2.67&csrf=%s", csrf);
	assert_int_equal(post("/add", form, cookie, "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(post("/add", form, cookie, "Origin: null\r\n"), 403);
	assert_int_equal(post("/add", form, cookie, "Sec-Fetch-Site: cross-site\r\n"), 403);
	assert_int_equal(post("/add", form, cookie, "Sec-Fetch-Site: same-site\r\n"), 403);
	assert_int_equal(post("/login", "user=" RIG_USER "&password=correct+horse+battery", NULL, "Origin: http://evil.example\r\n"), 403);
	assert_int_equal(get("/block", cookie, ""), 200);
	has_not("not added", "192.0.2.67");
	(void)snprintf(own, sizeof own, "Origin: http://%s\r\nSec-Fetch-Site: same-origin\r\n", r.host);
	assert_int_equal(post("/add", form, cookie, own), 303);
	assert_int_equal(post("/del", form, cookie, own), 303);
}

/* A session of another's token does not help, nor one that has ended. */
static void
a_token_ends_with_its_session(void **state)
{
	char other[100], other_csrf[60], form[200];

	(void)state;
	rig_login(&r, other, other_csrf);
	(void)snprintf(form, sizeof form, "set=block&address=192.0.2.68&csrf=%s", other_csrf);
	assert_int_equal(post("/add", form, cookie, ""), 403);
	assert_int_equal(post("/logout", "csrf=wrong", other, ""), 403);
	(void)snprintf(form, sizeof form, "csrf=%s", other_csrf);
	assert_int_equal(post("/logout", form, other, ""), 303);
	has("cookie taken back", "Max-Age=0");
	assert_int_equal(get("/", other, ""), 303);
	(void)snprintf(form, sizeof form, "set=block&address=192.0.2.68&csrf=%s", other_csrf);
	assert_int_equal(post("/add", form, other, ""), 403);
}

static void
a_new_password_ends_sessions(void **state)
{
	char passwd[100], other[100], other_csrf[60];

	(void)state;
	(void)snprintf(passwd, sizeof passwd, "%s/passwd", r.dir);
	rig_login(&r, other, other_csrf);
	assert_int_equal(rig_run(&r, (const char *const[]){ "./popauth-web", "-p", passwd, "--add-user", RIG_USER, NULL }, "short\n"), 1);
	assert_int_equal(get("/", other, ""), 200);
	assert_int_equal(rig_run(&r, (const char *const[]){ "./popauth-web", "-p", passwd, "--add-user", RIG_USER, NULL },
	    RIG_PASSWORD "\n"), 0);
	assert_int_equal(get("/", other, ""), 303);
	assert_int_equal(get("/", cookie, ""), 303);
	rig_login(&r, cookie, csrf);
}

/* A stream that is open ends, too. */
static void
who_is_taken_out_sees_nothing_more(void **state)
{
	char passwd[100];
	int fd;

	(void)state;
	(void)snprintf(passwd, sizeof passwd, "%s/passwd", r.dir);
	fd = rig_stream(&r, -1, cookie, "event: counts", 1, answer, sizeof answer);
	assert_true(fd != -1);
	assert_int_equal(rig_run(&r, (const char *const[]){ "./popauth-web", "-p", passwd, "--del-user", RIG_USER, NULL }, ""), 0);
	fd = rig_stream(&r, fd, NULL, "event: counts", 3, answer, sizeof answer);
	assert_int_equal(fd, -1);
	assert_int_equal(rig_run(&r, (const char *const[]){ "./popauth-web", "-p", passwd, "--add-user", RIG_USER, NULL },
	    RIG_PASSWORD "\n"), 0);
	rig_login(&r, cookie, csrf);
}

/* ---- what is shown ---- */

static void
foreign_text_is_escaped(void **state)
{
	static const char *const paths[] = { "/", "/relay", "/cache", "/explain?q=192.0.2.9", "/explain?q=%22%3E%3Cscript%3E",
		"/cache?q=%22%3E%3Cscript%3Ealert(3)%3C%2Fscript%3E", "/report", "/%22%3E%3Cscript%3Ealert(4)",
		"/login?next=%22%3E%3Cscript%3E" };

	(void)state;
	for (size_t i = 0; i < ROWS(paths); i++) {
		int status = get(paths[i], cookie, "");

		assert_true(status == 200 || status == 400 || status == 404);
		has_not(paths[i], "<script>");
		has_not(paths[i], "<img");
	}
	assert_int_equal(get("/cache", cookie, ""), 200);
	has("reason", "&lt;script&gt;alert(1)&lt;/script&gt;");
	assert_int_equal(get("/relay", cookie, ""), 200);
	has("user", "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;");
	assert_int_equal(get("/explain?q=192.0.2.9", cookie, ""), 200);
	has("HELO", "alert(2)");
}

/* Is there IPv6 on this machine, if only on loopback? */
static bool
has_ipv6(void)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool yes = fd != -1 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0;

	if (fd != -1)
		close(fd);
	return yes;
}

/* Whoever makes it reachable for others is told what that means. */
static void
warns_of_the_open(void **state)
{
	static const char *const open[] = { "-l", "0.0.0.0:0", NULL }, *const proxied_open[] = { "-l", "0.0.0.0:0", "--https", NULL },
	    *const here[] = { "-l", "[::1]:0", NULL };

	(void)state;
	assert_null(strstr(r.said, "other machines"));
	rig_start(&proxied, open);
	assert_non_null(strstr(proxied.said, "passwords would travel in clear"));
	rig_stop(&proxied);
	rig_start(&proxied, proxied_open);
	assert_non_null(strstr(proxied.said, "X-Forwarded-For is believed"));
	rig_stop(&proxied);
	if (!has_ipv6())
		return;
	rig_start(&proxied, here);
	assert_null(strstr(proxied.said, "other machines"));
	rig_stop(&proxied);
}

static void
metrics_are_for_this_machine(void **state)
{
	(void)state;
	assert_int_equal(get("/metrics", NULL, ""), 200);
	has("type", "Content-Type: text/plain; version=0.0.4");
	has("counter", "# TYPE popauth_lines_total counter\npopauth_lines_total ");
	has("kinds", "popauth_events_by_kind_total{kind=\"rbl\"} 1\n");
	has("up", "popauth_up 1\n");
	has("help", "because of PCRE2's limits\n");
	has("gauge", "# TYPE popauth_troubles gauge\npopauth_troubles 0\n");
	assert_int_equal(get("/metrics", NULL, "X-Forwarded-For: 127.0.0.1\r\n"), 403);
	assert_int_equal(get("/metrics", NULL, "Via: 1.1 proxy\r\n"), 403);
	assert_int_equal(get("/metrics", cookie, "X-Forwarded-For: 192.0.2.1\r\n"), 200);
}

/* ---- what is too much, or makes no sense ---- */

static void
nonsense_is_refused(void **state)
{
	static const struct {
		const char *name, *request;
		int status;
	} rows[] = {
		{ "another's name", "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421 },
		{ "no Host", "GET /login HTTP/1.0\r\nConnection: close\r\n\r\n", 421 },
		{ "method", "DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405 },
		{ "TRACE", "TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405 },
		{ "no form", "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
		  "Content-Length: 2\r\n\r\n{}", 415 },
		{ "announced too long", "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000000\r\n\r\n", 413 },
		{ "body of a GET", "GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde", 413 },
		{ "bad query", "GET /cache?q=%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400 },
		{ "NUL in a query", "GET /cache?q=%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400 },
		{ "whole address", "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400 },
		{ "bad form", "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\nuser=%", 400 },
		{ "dots", "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404 },
		{ "HEAD", "HEAD /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_eq(rows[i].name, rig_http(&r, rows[i].request, answer, sizeof answer), rows[i].status);
}

static void
too_much_is_refused(void **state)
{
	static char big[65000], request[70000];
	int status;

	(void)state;
	memset(big, 'a', 20000);
	(void)snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", big);
	status = rig_http(&r, request, answer, sizeof answer);
	assert_true(status == 414 || status == 413 || status == 431 || status == 0);
	(void)snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: %s\r\nConnection: close\r\n\r\n", big);
	status = rig_http(&r, request, answer, sizeof answer);
	assert_true(status == 431 || status == 413 || status == 0);
	(void)snprintf(request, sizeof request, "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
	    "application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n%s\r\n0\r\n\r\n", big);
	assert_int_equal(rig_http(&r, request, answer, sizeof answer), 413);
	/* And it goes on. */
	assert_int_equal(get("/login", NULL, ""), 200);
}

/* Comes last: nobody can log in for a while. */
static void
guessing_is_slow(void **state)
{
	int status = 0;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		status = post("/login", "user=guessed&password=wrong", NULL, "");
	assert_int_equal(status, 429);
	has("when", "Retry-After: ");
	assert_int_equal(get("/", cookie, ""), 200); /* who is in stays in */
}

/* Only the proxy's word counts, whether it was added to the client's line or stands in one of its own. */
static void
behind_a_proxy(void **state)
{
	static const char *const options[] = { "--https", "--host", "popauth.example", NULL };
	char headers[100], form[60];

	(void)state;
	rig_start(&proxied, options);
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < 6; i++) {
			(void)snprintf(headers, sizeof headers, k == 0 ? "X-Forwarded-For: 198.51.100.%u, 192.0.2.%u\r\n" :
			    "X-Forwarded-For: 198.51.100.%u\r\nX-Forwarded-For: 192.0.2.%u\r\n", i, k);
			(void)snprintf(form, sizeof form, "user=user%u-%u&password=wrong", k, i);
			row_eq(headers, rig_ask_page(&proxied, "/login", form, NULL, headers, answer, sizeof answer), i < 5 ? 403 : 429);
		}
	/* A proxy that leaves no trace still asks for the name. */
	assert_int_equal(rig_http(&proxied, "GET /metrics HTTP/1.1\r\nHost: popauth.example\r\nConnection: close\r\n\r\n",
	    answer, sizeof answer), 403);
	assert_int_equal(rig_http(&proxied, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
	    answer, sizeof answer), 200);
}

static int
stop_proxied(void **state)
{
	(void)state;
	rig_stop(&proxied);
	return 0;
}

static void
without_a_daemon(void **state)
{
	(void)state;
	rig_stop_daemon(&r);
	assert_int_equal(get("/cache", cookie, ""), 503);
	has("said", "The daemon does not answer");
	assert_int_equal(get("/metrics", NULL, ""), 200);
	has("metrics", "popauth_up 0\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_without_a_session),
		cmocka_unit_test(every_answer_is_guarded),
		cmocka_unit_test(files_change_with_the_version),
		cmocka_unit_test(the_cookie_is_strict),
		cmocka_unit_test(login_leads_on),
		cmocka_unit_test(changes_need_the_token),
		cmocka_unit_test(changes_come_from_here),
		cmocka_unit_test(a_token_ends_with_its_session),
		cmocka_unit_test(a_new_password_ends_sessions),
		cmocka_unit_test(who_is_taken_out_sees_nothing_more),
		cmocka_unit_test(foreign_text_is_escaped),
		cmocka_unit_test(metrics_are_for_this_machine),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(guessing_is_slow),
		cmocka_unit_test_teardown(behind_a_proxy, stop_proxied),
		cmocka_unit_test(warns_of_the_open),
		cmocka_unit_test(without_a_daemon),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
