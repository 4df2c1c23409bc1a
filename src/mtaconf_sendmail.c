/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtaconf_sendmail.c - sendmail.cf: X lines and InputMailFilters (libmilter's README, op.me 5.1.6 and 5.10)
 *
 *	Xname, S=local:/path, F=T, T=S:10s
 *	O InputMailFilters=name, other
 *	O DaemonPortOptions=Name=MTA, InputMailFilters=name;other
 *
 * The first reading finds the names of our milter, the second where they are asked.
 */
#include <stdio.h>
#include <string.h>

#include "mtaconf_priv.h"

struct sendmail {
	const char *path, *milter;
	char name[128]; /* of our milter; "": not found */
	bool asked;	/* InputMailFilters names it */
};

static struct str
socket_of(struct str s)
{
	if (mtaconf_begins(s, STR("local:")))
		return (struct str){ s.p + 6, s.n - 6 };
	return mtaconf_begins(s, STR("unix:")) ? (struct str){ s.p + 5, s.n - 5 } : s;
}

/* An equate of the X line: its value, when its name begins with this letter. */
static bool
equate(struct str s, char letter, struct str *value)
{
	struct str name = mtaconf_word(&s, "=");

	if (name.n == 0 || name.p[0] != letter)
		return false;
	*value = str_trim(s);
	return true;
}

static int
filter_line(struct sendmail *sm, struct str line, unsigned lineno, struct err *e)
{
	struct str name = mtaconf_word(&line, ","), sock = STR_NONE, flag = STR_NONE;
	char shown[80];

	while (line.n > 0) {
		struct str one = mtaconf_word(&line, ",");

		if (!equate(one, 'S', &sock))
			(void)equate(one, 'F', &flag);
	}
	if (!str_eq(socket_of(sock), socket_of(str_of(sm->milter))))
		return 0;
	if (flag.n != 1 || strchr("TR4", flag.p[0]) == NULL)
		return err_set(e, "%s:%u: without the milter, mail would be let in: F=%s, and must be F=T, F=R or F=4",
		    sm->path, lineno, str_show(shown, sizeof shown, flag));
	str_copy(sm->name, sizeof sm->name, name);
	return 0;
}

static bool
names(struct str list, const char *name)
{
	struct str one;

	while ((one = mtaconf_word(&list, ",;")).n > 0 || list.n > 0)
		if (str_eq(one, str_of(name)))
			return true;
	return false;
}

static int
find_filter(void *arg, struct str line, unsigned lineno, struct err *e)
{
	if (line.p[0] != 'X')
		return 0;
	return filter_line(arg, (struct str){ line.p + 1, line.n - 1 }, lineno, e);
}

/* A daemon with filters of its own must have ours among them; one on loopback need not. */
static int
daemon_line(const struct sendmail *sm, struct str line, unsigned lineno, struct err *e)
{
	bool own = false, has = false, inside = false;

	while (line.n > 0) {
		struct str one = mtaconf_word(&line, ","), value = STR_NONE;

		if (equate(one, 'I', &value)) {
			own = true;
			has = has || names(value, sm->name);
		} else if (equate(one, 'A', &value))
			inside = mtaconf_begins(value, STR("127.")) || str_eq(value, STR("::1"));
	}
	if (!own || has || inside)
		return 0;
	return err_set(e, "%s:%u: this daemon does not ask our milter, %s", sm->path, lineno, sm->name);
}

static int
find_use(void *arg, struct str line, unsigned lineno, struct err *e)
{
	struct sendmail *sm = arg;
	struct str option;

	if (line.n < 2 || line.p[0] != 'O' || line.p[1] != ' ')
		return 0;
	line = (struct str){ line.p + 2, line.n - 2 };
	option = mtaconf_word(&line, "=");
	if (str_caseeq(option, STR("InputMailFilters")))
		sm->asked = names(line, sm->name);
	return str_caseeq(option, STR("DaemonPortOptions")) ? daemon_line(sm, line, lineno, e) : 0;
}

int
sendmail_closed(const char *path, const char *milter, struct err *e)
{
	struct sendmail sm = { .path = path, .milter = milter };

	if (mtaconf_lines(path, find_filter, &sm, e) == -1)
		return -1;
	if (sm.name[0] == '\0')
		return err_set(e, "%s: no X line names our milter, %s", path, milter);
	if (mtaconf_lines(path, find_use, &sm, e) == -1)
		return -1;
	return sm.asked ? 0 : err_set(e, "%s: InputMailFilters does not name our milter, %s", path, sm.name);
}
