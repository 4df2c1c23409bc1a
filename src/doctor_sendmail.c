/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_sendmail.c - sendmail's configuration, as sendmail.cf has it
 *
 * Of its lines these matter (sendmail: op.me, "The configuration file"):
 *	O InputMailFilters=name,name		filters that are asked, in this order
 *	O DaemonPortOptions=..., I=name:name	the same for one listener (InputMailFilters=)
 *	Xname, S=unix:PATH, F=T, T=...		a filter; F= is what happens when it is not there: R rejects, T defers,
 *						4 ends the session, nothing passes it over
 *	Kname socket -T... unix:PATH		a map that is asked at a socket
 *	Sname, then R lines			a ruleset; $(name key $) asks a map, $>name calls another
 * What to change is told for sendmail.mc, from which it is made.
 */
#include <string.h>

#include "doctor_priv.h"

#define MAP_NAME   "popauth_relay" /* sendmail sends the map's name, and the daemon answers to this one */
#define MAX_NAME   64
#define CALLS_DEEP 4

bool
sendmail_seen(const struct doctor_facts *f)
{
	return f->captures[CAPTURE_SENDMAIL].text != NULL;
}

static struct str
cf(const struct doctor_facts *f)
{
	return capture_text(&f->captures[CAPTURE_SENDMAIL]);
}

/* The next field of "name, S=..., F=..."; blanks around it are taken off. */
static bool
field(struct str *rest, struct str *out)
{
	const char *comma;

	if (rest->n == 0)
		return false;
	comma = memchr(rest->p, ',', rest->n);
	*out = (struct str){ rest->p, comma != NULL ? (size_t)(comma - rest->p) : rest->n };
	rest->n -= out->n + (comma != NULL);
	rest->p += out->n + (comma != NULL);
	*out = str_trim(*out);
	return true;
}

/* ---- filters ---- */

struct filter {
	struct str name, socket, flags;
};

static bool
parse_filter(struct str line, struct filter *x)
{
	struct str rest = { line.p + 1, line.n - 1 }, part;

	*x = (struct filter){ .flags = STR("") };
	if (!text_starts(line, "X") || !field(&rest, &x->name))
		return false;
	while (field(&rest, &part)) {
		if (text_starts(part, "S="))
			x->socket = (struct str){ part.p + 2, part.n - 2 };
		else if (text_starts(part, "F="))
			x->flags = (struct str){ part.p + 2, part.n - 2 };
	}
	return true;
}

/* unix:PATH and local:PATH are the same; the rest is compared as it is written. */
static bool
same_socket(const char *ours, struct str theirs)
{
	char path[512];
	const char *mine = strncmp(ours, "unix:", 5) == 0 ? ours + 5 : strncmp(ours, "local:", 6) == 0 ? ours + 6 : ours;

	str_copy(path, sizeof path, theirs);
	if (strncmp(path, "unix:", 5) == 0)
		memmove(path, path + 5, strlen(path + 5) + 1);
	else if (strncmp(path, "local:", 6) == 0)
		memmove(path, path + 6, strlen(path + 6) + 1);
	return *mine == '/' ? postfix_same(mine, path) : strcmp(mine, path) == 0;
}

static bool
find_filter(const struct doctor_facts *f, struct filter *x)
{
	struct str rest = cf(f), line;

	while (doctor_line(&rest, &line))
		if (parse_filter(line, x) && same_socket(f->conf->milter_socket, x->socket))
			return true;
	return false;
}

/* The value of an option line; STR_NONE: it is not set. */
static struct str
option_value(const struct doctor_facts *f, const char *name)
{
	struct str rest = cf(f), line, value = STR_NONE;
	size_t n = strlen(name);

	while (doctor_line(&rest, &line)) {
		struct str key = { line.p + 2, n };

		if (text_starts(line, "O ") && line.n > n + 2 && str_caseeq(key, (struct str){ name, n }) &&
		    str_trim((struct str){ line.p + 2 + n, line.n - 2 - n }).p[0] == '=') {
			value = str_trim((struct str){ line.p + 2 + n, line.n - 2 - n });
			value = str_trim((struct str){ value.p + 1, value.n - 1 });
		}
	}
	return value;
}

static bool
listed(struct str list, struct str name)
{
	struct str part;

	while (field(&list, &part))
		if (str_eq(part, name))
			return true;
	return false;
}

/* FEATURE(`popauth_milter') does all of it. */
static void
advise(const struct doctor_facts *f, struct finding *found)
{
	finding_change(found, "sendmail.mc: FEATURE(`popauth_milter', `%s', `socket local:%s'%s)dnl    # then make sendmail.cf anew",
	    f->conf->milter_socket, f->conf->map_socket, f->gate ? ", `T'" : "");
}

void
sendmail_mta_milter(const struct doctor_facts *f, struct doctor_report *r)
{
	struct finding *found;
	struct filter x;
	struct str list = option_value(f, "InputMailFilters");

	if (!find_filter(f, &x))
		found = doctor_found(r, "sendmail.cf: no X line names the milter's socket %s", f->conf->milter_socket);
	else if (!listed(list, x.name))
		found = doctor_found(r, "sendmail.cf: the filter %.*s is defined, but not listed in O InputMailFilters",
		    (int)x.name.n, x.name.p);
	else
		return;
	finding_why(found, "sendmail does not ask the milter: nobody is refused from the cache, and forged names go unnoticed");
	advise(f, found);
}

void
sendmail_failure_action(const struct doctor_facts *f, struct doctor_report *r)
{
	struct finding *found;
	struct filter x;

	if (!find_filter(f, &x))
		return;		/* mta-milter says so */
	if (f->gate ? x.flags.n > 0 : x.flags.n == 0)
		return;
	found = doctor_found(r, "sendmail.cf: the filter %.*s has F=%.*s", (int)x.name.n, x.name.p, (int)x.flags.n, x.flags.p);
	if (f->gate)
		finding_why(found, "The configuration makes the milter the only one that refuses relaying: when it is not there, "
		    "this server would relay for the whole world");
	else
		finding_why(found, "When the milter is not there, %s; the milter is meant to be missed by nobody: relaying has a "
		    "check of its own", x.flags.p[0] == 'R' ? "all mail is refused for good" : "all mail waits until it is back");
	advise(f, found);
}

/* ---- the map ---- */

struct map {
	struct str name, type, options, where;
};

/* "Kname type -option... where" */
static bool
parse_map(struct str line, struct map *m)
{
	struct str rest = { line.p + 1, line.n - 1 }, word;

	*m = (struct map){ .options = STR("") };
	if (!text_starts(line, "K") || !text_word(&rest, &m->name) || !text_word(&rest, &m->type))
		return false;
	m->options = (struct str){ rest.p, 0 };
	while (text_word(&rest, &word))
		if (word.p[0] == '-')
			m->options.n = (size_t)(word.p + word.n - m->options.p);
		else
			m->where = word;
	return true;
}

/* Our socketmap, or a file under our name. */
static bool
find_map(const struct doctor_facts *f, struct map *m)
{
	struct str rest = cf(f), line;

	while (doctor_line(&rest, &line)) {
		if (!parse_map(line, m))
			continue;
		if (str_eq(m->type, STR("socket")) ? f->conf->map_socket[0] != '\0' && same_socket(f->conf->map_socket, m->where) :
		    str_eq(m->name, STR(MAP_NAME)))
			return true;
	}
	return false;
}

/* The next ruleset, from its first, in which a rule has that text; STR_NONE: there is none. */
static struct str
next_with(struct str *rest, struct str *set, const char *what)
{
	struct str line;

	while (doctor_line(rest, &line)) {
		if (text_starts(line, "S")) {
			struct str name = { line.p + 1, line.n - 1 };

			(void)text_word(&name, set);
		} else if (text_starts(line, "R") && text_has(line, what)) {
			return *set;
		}
	}
	return STR_NONE;
}

/* Rulesets that are only asked about relaying, and those that are asked about every recipient. */
enum scope { SCOPE_NONE, SCOPE_OTHER, SCOPE_RECIPIENTS, SCOPE_RELAYING };

static enum scope
scope_of(struct str set)
{
	static const struct {
		const char *set;
		enum scope scope;
	} sets[] = {
		{ "Relay_ok", SCOPE_RELAYING }, { "RelayAuth", SCOPE_RELAYING }, { "Local_Relay_Auth", SCOPE_RELAYING },
		{ "Local_check_rcpt", SCOPE_RECIPIENTS }, { "Basic_check_rcpt", SCOPE_RECIPIENTS },
		{ "check_rcpt", SCOPE_RECIPIENTS }, { "Local_check_compat", SCOPE_OTHER },
	};

	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
		if (str_eq(set, str_of(sets[i].set)))
			return sets[i].scope;
	return SCOPE_OTHER;
}

/* The best of the rulesets in which a rule has that text, or which call one that has; *where is one of them. */
static enum scope
scope_with(const struct doctor_facts *f, const char *what, unsigned depth, struct str *where)
{
	struct str rest = cf(f), set = STR("(none)"), one;
	enum scope best = SCOPE_NONE;

	while ((one = next_with(&rest, &set, what)).p != NULL) {
		enum scope s = scope_of(one), of_callers;
		char call[MAX_NAME + 8];

		if (s == SCOPE_OTHER && depth < CALLS_DEEP && one.n < MAX_NAME) {
			(void)snprintf(call, sizeof call, "$>%.*s", (int)one.n, one.p);
			of_callers = scope_with(f, call, depth + 1, where);
			s = of_callers > s ? of_callers : s;
		}
		if (s > best) {
			best = s;
			*where = one;
		}
	}
	return best;
}

static enum scope
map_scope(const struct doctor_facts *f, const struct map *m, struct str *where)
{
	char call[MAX_NAME + 8];

	(void)snprintf(call, sizeof call, "$(%.*s ", (int)(m->name.n < MAX_NAME ? m->name.n : MAX_NAME), m->name.p);
	return scope_with(f, call, 0, where);
}

void
sendmail_relay_lookup(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str where = STR_NONE;
	struct finding *found;
	enum scope scope;
	struct map m;

	if (!find_map(f, &m)) {
		found = doctor_found(r, "sendmail.cf: no K line names the socketmap %s", f->conf->map_socket);
		finding_why(found, "Nobody is let relay for having read his mail");
	} else if (!str_eq(m.name, STR(MAP_NAME))) {
		found = doctor_found(r, "sendmail.cf: the map at %s is called %.*s", f->conf->map_socket, (int)m.name.n, m.name.p);
		finding_why(found, "sendmail sends the map's own name to the daemon, which answers to " MAP_NAME " alone");
	} else if ((scope = map_scope(f, &m, &where)) == SCOPE_NONE) {
		found = doctor_found(r, "sendmail.cf: the map %.*s is there, but no ruleset asks it", (int)m.name.n, m.name.p);
		finding_why(found, "Nobody is let relay for having read his mail");
	} else if (scope == SCOPE_OTHER) {
		found = doctor_found(r, "sendmail.cf: the map %.*s is asked in the ruleset %.*s alone", (int)m.name.n, m.name.p,
		    (int)where.n, where.p);
		finding_why(found, "There it does not decide about relaying, and when the daemon is not there all mail waits");
	} else {
		return;
	}
	advise(f, found);
}

void
sendmail_lookup_deferral(const struct doctor_facts *f, struct doctor_report *r)
{
	struct str where = STR_NONE;
	struct finding *found;
	struct map m;

	if (!find_map(f, &m) || !str_eq(m.type, STR("socket")) || text_has(m.options, "-T"))
		return;
	if (map_scope(f, &m, &where) != SCOPE_RECIPIENTS)
		return;
	found = doctor_found(r, "sendmail.cf: the map %.*s has no -T, and is asked about every recipient (%.*s)", (int)m.name.n,
	    m.name.p, (int)where.n, where.p);
	finding_why(found, "When the daemon is not there the whole ruleset fails, and sendmail defers all mail");
	advise(f, found);
}
