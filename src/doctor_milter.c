/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_milter.c - does Postfix ask the milter, and what does it do when the milter is not there
 *
 * smtpd_milters is a list of unix:PATH and inet:HOST:PORT, or, since 3.0, of { ENDPOINT, name = value ... } with settings
 * for that milter alone (Postfix: MILTER_README).
 */
#include <string.h>

#include "doctor_priv.h"

#define PATH_BUF 512

/* Not text of the configuration, where that is NULL in tests of other things. */
const char *
milter_path(const struct conf *c)
{
	const char *s = c->milter_socket;

	return strncmp(s, "unix:", 5) == 0 ? s + 5 : strncmp(s, "local:", 6) == 0 ? s + 6 : *s == '/' ? s : "";
}

/* What stands between { and }; the element itself where there are none. */
static struct str
inside(struct str element)
{
	if (element.n >= 2 && element.p[0] == '{')
		return str_trim((struct str){ element.p + 1, element.n - 2 });
	return element;
}

static struct str
endpoint_of(struct str element)
{
	struct str rest = inside(element), first = STR_NONE;

	(void)postfix_element(&rest, &first);
	return first;
}

/* PORT@HOST is ours, HOST:PORT is Postfix's; hosts have many names, so the port decides. */
static bool
same_port(const char *ours, struct str theirs)
{
	const char *digits = strchr(ours, ':'), *colon = memrchr(theirs.p, ':', theirs.n);
	size_t n;

	if (digits == NULL || colon == NULL)
		return false;
	n = strspn(++digits, "0123456789");
	return n > 0 && str_eq((struct str){ digits, n },
	    (struct str){ colon + 1, (size_t)(theirs.p + theirs.n - colon - 1) });
}

/* Does this element of smtpd_milters lead to our socket? */
static bool
is_ours(const struct doctor_facts *f, const struct service *s, struct str element)
{
	struct str end = endpoint_of(element);
	const char *path = milter_path(f->conf);
	char theirs[PATH_BUF];

	if (text_starts(end, "inet:"))
		return *path == '\0' && same_port(f->conf->milter_socket, end);
	if (*path == '\0' || !text_starts(end, "unix:"))
		return false;
	postfix_path(f, s, (struct str){ end.p + 5, end.n - 5 }, theirs, sizeof theirs);
	return postfix_same(theirs, path);
}

static bool
find_ours(const struct doctor_facts *f, const struct service *s, struct str *found)
{
	struct str rest = postfix_param(f, s, "smtpd_milters");

	while (postfix_element(&rest, found))
		if (is_ours(f, s, *found))
			return true;
	return false;
}

/* An element that was meant for us and leads elsewhere: the same path but for the chroot, or the same last part. */
static bool
find_meant(const struct doctor_facts *f, const struct service *s, struct str *meant)
{
	struct str rest = postfix_param(f, s, "smtpd_milters");
	const char *name = strrchr(milter_path(f->conf), '/');

	while (name != NULL && postfix_element(&rest, meant)) {
		struct str end = endpoint_of(*meant);

		if (end.n > strlen(name) && text_starts(end, "unix:") &&
		    memcmp(end.p + end.n - strlen(name), name, strlen(name)) == 0 && text_has(end, "popauth"))
			return true;
	}
	return false;
}

/* "unix:popauth/milter.sock" as this service must say it; false: from its chroot it cannot. */
static bool
wanted_endpoint(const struct doctor_facts *f, const struct service *s, char *buf, size_t size)
{
	const char *path = milter_path(f->conf), *ours = f->conf->milter_socket, *at = strchr(ours, '@');
	char name[PATH_BUF];
	bool can = true;

	if (*path != '\0') {
		can = postfix_name_of(f, s, path, name, sizeof name);
		(void)snprintf(buf, size, "unix:%s", name);
	} else {
		const char *port = strchr(ours, ':');
		int digits = (int)strspn(port != NULL ? port + 1 : "", "0123456789");

		(void)snprintf(buf, size, "inet:%s:%.*s", at != NULL ? at + 1 : "localhost", digits,
		    port != NULL ? port + 1 : "");
	}
	return can;
}

/* The line of smtpd_milters with our endpoint in it, instead of `meant` when that is one of its elements. */
static void
suggest(const struct doctor_facts *f, const struct service *s, struct finding *found, struct str meant)
{
	struct str queue = postfix_param(f, NULL, "queue_directory"), rest = postfix_param(f, s, "smtpd_milters"), e;
	char list[1024], end[PATH_BUF + 8];
	bool can = wanted_endpoint(f, s, end, sizeof end);
	size_t n;

	if (!can)
		(void)snprintf(end, sizeof end, "unix:popauth/milter.sock");
	n = (size_t)snprintf(list, sizeof list, "%s", end);
	while (postfix_element(&rest, &e) && n < sizeof list)
		if (e.p != meant.p)
			n += (size_t)snprintf(list + n, sizeof list - n, ", %.*s", (int)e.n, e.p);
	if (can)
		finding_change(found, "smtpd_milters = %s", list);
	else
		finding_change(found, "%s: milter_socket = \"unix:%.*s/popauth/milter.sock\"\n"
		    "main.cf: smtpd_milters = %s", f->conf_path, (int)queue.n, queue.p, list);
}

static void
not_asked(const struct doctor_facts *f, struct doctor_report *r, const struct service *s)
{
	char place[256], path[PATH_BUF];
	struct str meant = STR_NONE;
	struct finding *found;

	postfix_place(f, s, "smtpd_milters", place, sizeof place);
	if (find_meant(f, s, &meant)) {
		struct str end = endpoint_of(meant);

		postfix_path(f, s, (struct str){ end.p + 5, end.n - 5 }, path, sizeof path);
		found = doctor_found(r, "%s: smtpd_milters = %.*s is %s for the service %.*s, which is %s; the milter's "
		    "socket is %s", place, (int)meant.n, meant.p, path, (int)s->name.n, s->name.p,
		    s->chrooted ? "chrooted" : "not chrooted", milter_path(f->conf));
	} else {
		found = doctor_found(r, "%s: smtpd_milters does not name the milter's socket %s, for the service %.*s",
		    place, f->conf->milter_socket, (int)s->name.n, s->name.p);
		meant = STR_NONE;
	}
	finding_why(found, "Postfix does not find the milter: nobody is refused from the cache, and forged names go unnoticed");
	suggest(f, s, found, meant);
}

/* Also for mail that local programs send: there is no client, so there is nothing to judge. */
static void
asked_for_local(const struct doctor_facts *f, struct doctor_report *r)
{
	struct service none = { STR("cleanup"), STR("unix"), STR("cleanup"), false };
	struct str rest = postfix_param(f, NULL, "non_smtpd_milters"), e;
	struct finding *found;

	while (postfix_element(&rest, &e)) {
		bool ours = is_ours(f, &none, e);

		none.chrooted = true;
		if (!ours && !is_ours(f, &none, e))
			continue;
		found = doctor_found(r, "Postfix, main.cf: non_smtpd_milters names the milter, too: %.*s", (int)e.n, e.p);
		finding_why(found, "Mail of local programs has no client to judge; it only waits for the milter, and "
		    "suffers when that is not there");
		finding_change(found, "non_smtpd_milters = (what is there now, without %.*s)", (int)e.n, e.p);
		return;
	}
}

static bool
is_called(const struct doctor_facts *f, const char *name)
{
	struct str rest = capture_text(&f->captures[CAPTURE_MASTER]), line;
	struct service s;

	while (doctor_line(&rest, &line))
		if (postfix_service(f, line, &s) && str_eq(s.command, STR("smtpd")) &&
		    str_caseeq(postfix_param(f, &s, "milter_macro_daemon_name"), str_of(name)))
			return true;
	return false;
}

/* A listener is known by its {daemon_name}, and Postfix gives all its services that of the host. */
static void
unknown_listeners(const struct doctor_facts *f, struct doctor_report *r)
{
	for (unsigned i = 0; i < f->conf->n_listeners; i++) {
		const char *name = f->conf->listeners[i].name;
		struct finding *found;

		if (is_called(f, name))
			continue;
		found = doctor_found(r, "%s: listener %s: no smtpd of Postfix's gives the milter this name", f->conf_path, name);
		finding_why(found, "All services of Postfix call themselves by milter_macro_daemon_name, which is the host's name: "
		    "what is said of this listener is never heeded");
		finding_change(found, "postconf -P '%s/inet/milter_macro_daemon_name=%s' && postfix reload", name, name);
	}
}

/* Once for services that say the same. */
void
postfix_mta_milter(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str rest = capture_text(&f->captures[CAPTURE_MASTER]), ours;
	struct service s;
	unsigned services = 0;

	for (; postfix_next_smtpd(f, &rest, &s); services++)
		if (!find_ours(f, &s, &ours))
			not_asked(f, r, &s);
	if (services == 0) {
		struct finding *found = doctor_found(r, "Postfix, master.cf: no smtpd takes mail from the network");

		finding_why(found, "There is nobody who could ask the milter");
		finding_change(found, "smtp      inet  n       -       y       -       -       smtpd");
	}
	asked_for_local(f, r);
	unknown_listeners(f, r);
}

/* ---- failure action ---- */

/* name = value within { }; else the service's. */
static struct str
action_of(const struct doctor_facts *f, const struct service *s, struct str element)
{
	struct str rest = inside(element), e, key = STR("default_action");

	while (element.p[0] == '{' && postfix_element(&rest, &e)) {
		e = inside(e);
		if (!text_starts(e, key.p))
			continue;
		e = str_trim((struct str){ e.p + key.n, e.n - key.n });
		if (e.n > 0 && e.p[0] == '=')
			return str_trim((struct str){ e.p + 1, e.n - 1 });
	}
	return postfix_param(f, s, "milter_default_action");
}

static bool
alone(const struct doctor_facts *f, const struct service *s)
{
	struct str rest = postfix_param(f, s, "smtpd_milters"), e;

	return postfix_element(&rest, &e) && !postfix_element(&rest, &e);
}

static void
wrong_action(const struct doctor_facts *f, struct doctor_report *r, const struct service *s, struct str ours,
    struct str action)
{
	const char *want = f->gate ? "tempfail" : "accept";
	struct str end = endpoint_of(ours);
	char place[256], text[80];
	struct finding *found;

	str_copy(text, sizeof text, action);
	postfix_place(f, s, "milter_default_action", place, sizeof place);
	found = doctor_found(r, "%s: when the milter is not there, the service %.*s does this: %s", place,
	    (int)s->name.n, s->name.p, text);
	if (f->gate)
		finding_why(found, "The configuration makes the milter the only one that refuses relaying: without it, this "
		    "server would relay for the whole world");
	else
		finding_why(found, "%s; the milter is meant to be missed by nobody: relaying has a check of its own",
		    str_eq(action, STR("reject")) ? "All mail is refused for good" :
		    str_eq(action, STR("quarantine")) ? "All mail is put on hold" : "All mail waits until the milter is back");
	if (alone(f, s) && ours.p[0] != '{')
		finding_change(found, "milter_default_action = %s", want);
	else
		finding_change(found, "smtpd_milters = ... { %.*s, default_action=%s } ...", (int)end.n, end.p, want);
}

void
postfix_failure_action(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str rest = capture_text(&f->captures[CAPTURE_MASTER]), ours, action;
	struct service s;
	bool good;

	while (postfix_next_smtpd(f, &rest, &s)) {
		if (!find_ours(f, &s, &ours))
			continue;	/* mta-milter says so */
		action = action_of(f, &s, ours);
		good = !f->gate ? str_eq(action, STR("accept")) :
		    str_eq(action, STR("tempfail")) || str_eq(action, STR("reject")) || str_eq(action, STR("shutdown"));
		if (!good)
			wrong_action(f, r, &s, ours, action);
	}
}
