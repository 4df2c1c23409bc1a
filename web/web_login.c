/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_login.c - logging in and out */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "logmsg.h"
#include "web.h"

/* A password costs a tenth of a second and some megabytes to check: one at a time. */
static pthread_mutex_t checking = PTHREAD_MUTEX_INITIALIZER;

static void
form_page(struct visit *v, unsigned status, const char *wrong)
{
	const char *next = form_get(v->post ? &v->form : &v->query, "next");
	struct html *h = &v->out;

	v->status = status;
	page_begin(v, "Log in");
	html_put(h, "<form class=\"card login\" method=\"post\" action=\"/login\"><h1>Log in</h1>");
	if (wrong != NULL)
		html_put(h, "<p class=\"said bad\" role=\"alert\">%s</p>", wrong);
	html_put(h, "<input type=\"hidden\" name=\"next\" value=\"%s\">"
	    "<label>Name<input name=\"user\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required "
	    "maxlength=\"%d\" autofocus></label>"
	    "<label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" required "
	    "maxlength=\"500\"></label><button>Log in</button></form>\n", path_back(next, "/"), PASSWD_USER);
	page_end(v);
}

static void
enter(struct visit *v, const char *user, const char *hash)
{
	if (v->logged_in)
		sessions_end(v->web->sessions, v->session.token);
	sessions_begin(v->web->sessions, user, hash, monotonic(), &v->session);
	(void)snprintf(v->set_cookie, sizeof v->set_cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
	    v->web->https ? "__Host-popauth" : "popauth", v->session.token, v->web->https ? "; Secure" : "");
	logmsg(LEVEL_NOTICE, "%s has logged in, from %s", user, v->address);
	summary_want(v->web->status); /* so that the first report need not wait */
	page_go(v, path_back(form_get(&v->form, "next"), "/"), false, NULL);
}

static void
try(struct visit *v, const char *user, const char *password)
{
	char hash[PASSWD_HASH], shown[100], text[100];
	struct err e;
	unsigned wait;
	bool fits;

	str_show(shown, sizeof shown, str_of(user));
	wait = attempts_try(v->web->attempts, v->address, user, monotonic());
	if (wait > 0) {
		v->retry = wait;
		(void)snprintf(text, sizeof text, "Too many attempts. Try again in %u seconds.", wait);
		form_page(v, 429, text);
		return;
	}
	pthread_mutex_lock(&checking);
	(void)passwd_find(v->web->passwd, user, hash, &e);
	fits = passwd_fits(hash, password);
	pthread_mutex_unlock(&checking);
	if (e.text[0] != '\0')
		logmsg(LEVEL_ERROR, "nobody can log in: %s", e.text);
	if (fits) {
		attempts_forget(v->web->attempts, v->address, user);
		enter(v, user, hash);
	} else {
		logmsg(LEVEL_WARNING, "wrong name or password for %s, from %s", shown, v->address);
		form_page(v, 403, "Wrong name or password.");
	}
	explicit_bzero(hash, sizeof hash);
}

void
page_login(struct visit *v)
{
	const char *user = form_get(&v->form, "user"), *password = form_get(&v->form, "password");

	if (!v->post)
		form_page(v, 200, NULL);
	else if (user == NULL || password == NULL || strlen(user) > PASSWD_USER || strlen(password) > 500)
		form_page(v, 400, "A name and a password are needed.");
	else
		try(v, user, password);
}

void
page_logout(struct visit *v)
{
	sessions_end(v->web->sessions, v->session.token);
	logmsg(LEVEL_NOTICE, "%s has logged out", v->session.user);
	v->logged_in = false;
	(void)snprintf(v->set_cookie, sizeof v->set_cookie, "%s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict%s",
	    v->web->https ? "__Host-popauth" : "popauth", v->web->https ? "; Secure" : "");
	page_go(v, "/login", false, NULL);
}
