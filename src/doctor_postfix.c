/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_postfix.c - Postfix's configuration, as its postconf(1) tells of it
 *
 * postconf knows the defaults of its version, expands $names, and puts every value on one line, so nothing of main.cf's
 * syntax need be known here.  What a service sets for itself (master.cf, -o) wins.
 *
 * Paths: smtpd works in the queue directory, so a relative path is below it; and where the service is chrooted, that
 * directory is its root, and an absolute path is below it, too (Postfix: MILTER_README, master(5)).
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"

bool
postfix_seen(const struct doctor_facts *f)
{
	return f->captures[CAPTURE_MAIN].text != NULL && f->captures[CAPTURE_MASTER].text != NULL;
}

/* "name = value": the value, when the name is that one. */
static bool
assignment(struct str line, struct str name, struct str *value)
{
	if (line.n < name.n + 2 || memcmp(line.p, name.p, name.n) != 0 ||
	    memcmp(line.p + name.n, " =", 2) != 0)
		return false;
	*value = str_trim((struct str){ line.p + name.n + 2, line.n - name.n - 2 });
	return true;
}

static bool
search(const struct capture *c, struct str name, struct str *value)
{
	struct str rest = capture_text(c), line;

	while (doctor_line(&rest, &line))
		if (assignment(line, name, value))
			return true;
	return false;
}

static bool
overridden(const struct doctor_facts *f, const struct service *s, const char *name, struct str *value)
{
	char key[256];
	int n;

	if (s == NULL)
		return false;
	n = snprintf(key, sizeof key, "%.*s/%.*s/%s", (int)s->name.n, s->name.p, (int)s->type.n, s->type.p, name);
	return n > 0 && (size_t)n < sizeof key &&
	    search(&f->captures[CAPTURE_OVERRIDES], (struct str){ key, (size_t)n }, value);
}

struct str
postfix_param(const struct doctor_facts *f, const struct service *s, const char *name)
{
	struct str value = STR_NONE;

	if (!overridden(f, s, name, &value))
		(void)search(&f->captures[CAPTURE_MAIN], str_of(name), &value);
	return value;
}

const char *
postfix_place(const struct doctor_facts *f, const struct service *s, const char *name, char *buf, size_t size)
{
	struct str value;

	if (overridden(f, s, name, &value))
		(void)snprintf(buf, size, "Postfix, master.cf, service %.*s/%.*s", (int)s->name.n, s->name.p,
		    (int)s->type.n, s->type.p);
	else
		(void)snprintf(buf, size, "Postfix, main.cf");
	return buf;
}

/* ---- services ---- */

/* The column's default: smtpd was chrooted before Postfix 3.0 made "no" the default (compatibility_level). */
static bool
is_chrooted(const struct doctor_facts *f, struct str column)
{
	if (str_eq(column, STR("y")) || str_eq(column, STR("n")))
		return column.p[0] == 'y';
	return str_eq(postfix_param(f, NULL, "compatibility_level"), STR("0"));
}

bool
postfix_service(const struct doctor_facts *f, struct str line, struct service *s)
{
	struct str columns[8];
	unsigned n = 0;

	while (n < 8 && text_word(&line, &columns[n]))
		n++;
	if (n < 8)
		return false;
	*s = (struct service){ columns[0], columns[1], columns[7], is_chrooted(f, columns[4]) };
	return true;
}

/* Submission is for people who authenticate, and loopback for filters that have had the mail already. */
static bool
for_strangers(const struct service *s)
{
	static const char *const ports[] = { "submission", "submissions", "smtps", "587", "465" };
	static const char *const hosts[] = { "127.", "localhost:", "[127.", "[::1]" };
	const char *colon = memrchr(s->name.p, ':', s->name.n);
	struct str port = s->name;

	if (str_eq(s->type, STR("pass")))
		return true;
	if (!str_eq(s->type, STR("inet")))
		return false;
	if (colon != NULL)
		port = (struct str){ colon + 1, (size_t)(s->name.p + s->name.n - colon - 1) };
	for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
		if (str_eq(port, str_of(ports[i])))
			return false;
	for (size_t i = 0; colon != NULL && i < sizeof hosts / sizeof hosts[0]; i++)
		if (text_starts(s->name, hosts[i]))
			return false;
	return true;
}

bool
postfix_next_smtpd(const struct doctor_facts *f, struct str *rest, struct service *s)
{
	struct str line;

	while (doctor_line(rest, &line))
		if (postfix_service(f, line, s) && str_eq(s->command, STR("smtpd")) && for_strangers(s))
			return true;
	return false;
}

/* ---- paths ---- */

/* "a//b" is "a/b". */
static void
squeeze(char *path)
{
	char *to = path;

	for (const char *p = path; *p != '\0'; p++)
		if (p[0] != '/' || p[1] != '/')
			*to++ = *p;
	*to = '\0';
}

void
postfix_path(const struct doctor_facts *f, const struct service *s, struct str path, char *buf, size_t size)
{
	struct str queue = postfix_param(f, NULL, "queue_directory");

	if (path.n > 0 && path.p[0] == '/' && !s->chrooted)
		(void)snprintf(buf, size, "%.*s", (int)path.n, path.p);
	else
		(void)snprintf(buf, size, "%.*s/%.*s", (int)queue.n, queue.p, (int)path.n, path.p);
	squeeze(buf);
}

/* Without links as far as the path exists; else as it is written. */
static void
plain(const char *path, char *buf, size_t size)
{
	char real[PATH_MAX], dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (realpath(path, real) != NULL) {
		(void)snprintf(buf, size, "%s", real);
		return;
	}
	(void)snprintf(dir, sizeof dir, "%.*s", slash != NULL && slash != path ? (int)(slash - path) : 1, path);
	if (slash != NULL && realpath(dir, real) != NULL)
		(void)snprintf(buf, size, "%s%s", strcmp(real, "/") == 0 ? "" : real, slash);
	else
		(void)snprintf(buf, size, "%s", path);
}

bool
postfix_same(const char *a, const char *b)
{
	char pa[PATH_MAX + 256], pb[PATH_MAX + 256];

	plain(a, pa, sizeof pa);
	plain(b, pb, sizeof pb);
	return strcmp(pa, pb) == 0;
}

bool
postfix_name_of(const struct doctor_facts *f, const struct service *s, const char *path, char *buf, size_t size)
{
	struct str queue = postfix_param(f, NULL, "queue_directory");

	if (queue.n > 0 && strncmp(path, queue.p, queue.n) == 0 && path[queue.n] == '/') {
		(void)snprintf(buf, size, "%s", path + queue.n + 1);
		return true;
	}
	(void)snprintf(buf, size, "%s", path);
	return !s->chrooted;
}

bool
postfix_element(struct str *rest, struct str *element)
{
	int depth = 0;

	while (rest->n > 0 && (rest->p[0] == ',' || str_blank(rest->p[0]))) {
		rest->p++;
		rest->n--;
	}
	*element = (struct str){ rest->p, 0 };
	if (rest->n == 0)
		return false;
	while (element->n < rest->n) {
		char c = rest->p[element->n];

		if (depth == 0 && (c == ',' || c == ' ' || c == '\t'))
			break;
		depth += c == '{' ? 1 : c == '}' ? -1 : 0;
		element->n++;
	}
	rest->p += element->n;
	rest->n -= element->n;
	return element->n > 0;
}
