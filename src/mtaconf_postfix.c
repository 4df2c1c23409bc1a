/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtaconf_postfix.c - Postfix: main.cf(5) and master.cf(5)
 *
 * Every smtpd has its parameters from main.cf, and above them its -o options in master.cf.  Of both only what decides
 * whether mail can come past the milter is kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mtaconf_priv.h"

enum { DEFAULT_ACTION, MILTERS, MILTER_MAPS, OVERRIDES, QUEUE, PARAMS };

static const char *const names[PARAMS] = {
	[DEFAULT_ACTION] = "milter_default_action", [MILTERS] = "smtpd_milters", [MILTER_MAPS] = "smtpd_milter_maps",
	[OVERRIDES] = "receive_override_options",   [QUEUE] = "queue_directory",
};

/* A file being read; its parameters, or those of one smtpd. */
struct postfix {
	const char *milter; /* ours, in libmilter's form */
	char path[4096];
	char *value[PARAMS]; /* NULL: not set */
	bool smtpd;	     /* one that others can reach */
};

static char *
copy(struct str s)
{
	char *p = xmalloc(s.n + 1);

	return str_copy(p, s.n + 1, s);
}

static void
set(struct postfix *pf, struct str name, struct str value)
{
	for (unsigned i = 0; i < PARAMS; i++)
		if (str_eq(name, str_of(names[i]))) {
			free(pf->value[i]);
			pf->value[i] = copy(value);
		}
}

static void
clear(struct postfix *pf)
{
	for (unsigned i = 0; i < PARAMS; i++) {
		free(pf->value[i]);
		pf->value[i] = NULL;
	}
}

static int
main_line(void *arg, struct str line, unsigned lineno, struct err *e)
{
	struct postfix *pf = arg;
	struct str name = mtaconf_word(&line, "=");

	(void)lineno;
	(void)e;
	set(pf, name, str_trim(line));
	return 0;
}

/* ---- what the parameters mean ---- */

static bool
closes(struct str action)
{
	return str_caseeq(action, STR("tempfail")) || str_caseeq(action, STR("reject")) ||
	    str_caseeq(action, STR("shutdown"));
}

static const char *
after(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0 ? s + strlen(prefix) : NULL;
}

static struct str
bare_host(struct str h)
{
	return h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']' ? (struct str){ h.p + 1, h.n - 2 } : h;
}

static bool
is_loopback(struct str h)
{
	return mtaconf_begins(h, STR("127.")) || str_caseeq(h, STR("localhost")) || str_eq(h, STR("::1"));
}

/* A name is not asked for: what it stands for is no file's word.  Where we listen everywhere the MTA may come by loopback. */
static bool
same_host(struct str theirs, struct str ours)
{
	bool everywhere = ours.n == 0 || str_eq(ours, STR("0.0.0.0")) || str_eq(ours, STR("::"));

	return str_caseeq(theirs, ours) || (is_loopback(theirs) && (everywhere || is_loopback(ours)));
}

/* Postfix's inet:HOST:PORT, and libmilter's inet:PORT@HOST, inet6:PORT@HOST or without a host. */
static bool
is_our_port(struct str s, const char *milter)
{
	struct str ours = str_of(milter), port;
	const char *colon = s.n == 0 ? NULL : memrchr(s.p, ':', s.n);

	if (!mtaconf_begins(ours, STR("inet")) || colon == NULL || !str_caseeq(mtaconf_word(&s, ":"), STR("inet")) || colon < s.p)
		return false;
	(void)mtaconf_word(&ours, ":");
	port = mtaconf_word(&ours, "@");
	return str_eq((struct str){ colon + 1, (size_t)(s.p + s.n - colon - 1) }, port) &&
	    same_host(bare_host((struct str){ s.p, (size_t)(colon - s.p) }), bare_host(ours));
}

/* Postfix says unix:PATH, below its queue directory if it is no absolute path or smtpd is chrooted; and
 * inet:HOST:PORT. */
static bool
is_ours(const struct postfix *pf, struct str s)
{
	const char *queue = pf->value[QUEUE] == NULL ? "/var/spool/postfix" : pf->value[QUEUE];
	const char *path = after(pf->milter, "unix:"), *below;

	if (path == NULL)
		path = after(pf->milter, "local:");
	if (path == NULL)
		return is_our_port(s, pf->milter);
	if (!mtaconf_begins(s, STR("unix:")) && !mtaconf_begins(s, STR("local:")))
		return false;
	(void)mtaconf_word(&s, ":");
	below = after(path, queue);
	if (s.n > 0 && s.p[0] == '/')
		return str_eq(s, str_of(path)) || (below != NULL && str_eq(s, str_of(below)));
	return below != NULL && below[0] == '/' && str_eq(s, str_of(below + 1));
}

/* One element of smtpd_milters: an endpoint, or { endpoint, name = value, ... }.  The action in *action is left alone
 * when it has none of its own. */
static struct str
endpoint(struct str element, struct str *action)
{
	struct str end;

	if (element.n < 2 || element.p[0] != '{')
		return element;
	element = (struct str){ element.p + 1, element.n - 2 };
	end = mtaconf_word(&element, ", \t\r\n");
	while (element.n > 0) {
		struct str value = mtaconf_word(&element, ","), name = mtaconf_word(&value, "=");

		if (str_caseeq(name, STR("default_action")))
			*action = str_trim(value);
	}
	return end;
}

/* Is our milter there, and does it fail closed? */
static int
check_milters(const struct postfix *pf, const char *who, struct err *e)
{
	struct str list = str_of(pf->value[MILTERS]), element, action;
	char shown[80];

	while ((element = mtaconf_word(&list, ", \t\r\n")).n > 0 || list.n > 0) {
		action = pf->value[DEFAULT_ACTION] == NULL ? STR("tempfail") : str_of(pf->value[DEFAULT_ACTION]);
		if (!is_ours(pf, endpoint(element, &action)))
			continue;
		if (closes(action))
			return 0;
		return err_set(e, "%s: without the milter, mail would be let in: its default action is \"%s\", and must be "
		    "tempfail, reject or shutdown", who, str_show(shown, sizeof shown, action));
	}
	return err_set(e, "%s: smtpd_milters does not name our milter, %s", who, pf->milter);
}

static int
check_params(const struct postfix *pf, const char *who, struct err *e)
{
	struct str overrides = str_of(pf->value[OVERRIDES]), word;

	while ((word = mtaconf_word(&overrides, ", \t\r\n")).n > 0 || overrides.n > 0)
		if (str_caseeq(word, STR("no_milters")) || memchr(word.p, '$', word.n) != NULL)
			return err_set(e, "%s: receive_override_options switches milters off", who);
	if (pf->value[MILTER_MAPS] != NULL && pf->value[MILTER_MAPS][0] != '\0')
		return err_set(e, "%s: smtpd_milter_maps may switch milters off", who);
	return check_milters(pf, who, e);
}

/* ---- master.cf ---- */

/* name=value or { name = value } behind -o. */
static void
override(struct postfix *pf, struct str option)
{
	struct str name;

	if (option.n >= 2 && option.p[0] == '{')
		option = str_trim((struct str){ option.p + 1, option.n - 2 });
	name = mtaconf_word(&option, "=");
	set(pf, name, str_trim(option));
}

/* 127.0.0.1:25, localhost:25, [::1]:25 */
static bool
on_loopback(struct str service)
{
	return mtaconf_begins(service, STR("127.")) || mtaconf_begins(service, STR("localhost:")) ||
	    mtaconf_begins(service, STR("[::1]:"));
}

static struct str
base_name(struct str path)
{
	const char *slash = path.n == 0 ? NULL : memrchr(path.p, '/', path.n);

	return slash == NULL ? path : (struct str){ slash + 1, (size_t)(path.p + path.n - slash - 1) };
}

/* Service, type, private, unprivileged, chroot, wakeup, limit, command, arguments. */
static int
master_line(void *arg, struct str line, unsigned lineno, struct err *e)
{
	const struct postfix *pf = arg;
	struct postfix one = { .milter = pf->milter };
	struct str field[8], word;
	char who[sizeof pf->path + 300], shown[200];
	int rc;

	for (unsigned i = 0; i < 8; i++)
		field[i] = mtaconf_word(&line, " \t\r\n");
	if (!str_eq(base_name(field[7]), STR("smtpd")) || !(str_eq(field[1], STR("inet")) || str_eq(field[1], STR("pass"))) ||
	    on_loopback(field[0]))
		return 0;
	for (unsigned i = 0; i < PARAMS; i++)
		one.value[i] = pf->value[i] == NULL ? NULL : xstrdup(pf->value[i]);
	while ((word = mtaconf_word(&line, " \t\r\n")).n > 0) {
		if (str_eq(word, STR("-o")))
			override(&one, mtaconf_word(&line, " \t\r\n"));
		else if (mtaconf_begins(word, STR("-o")))
			override(&one, (struct str){ word.p + 2, word.n - 2 });
	}
	(void)snprintf(who, sizeof who, "%s:%u: %s", pf->path, lineno, str_show(shown, sizeof shown, field[0]));
	rc = check_params(&one, who, e);
	clear(&one);
	return rc;
}

int
postfix_closed(const char *dir, const char *milter, struct err *e)
{
	struct postfix pf = { .milter = milter };
	int rc;

	(void)snprintf(pf.path, sizeof pf.path, "%s/main.cf", dir);
	rc = mtaconf_lines(pf.path, main_line, &pf, e);
	if (rc == 0)
		rc = check_params(&pf, pf.path, e);
	(void)snprintf(pf.path, sizeof pf.path, "%s/master.cf", dir);
	if (rc == 0)
		rc = mtaconf_lines(pf.path, master_line, &pf, e);
	clear(&pf);
	return rc;
}
