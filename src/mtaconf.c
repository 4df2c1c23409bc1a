/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mtaconf.c - an MTA's configuration files: their lines and words */
#include "mtaconf_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOGICAL_MAX (1 << 20) /* bytes of one logical line */

bool
mtaconf_begins(struct str s, struct str with)
{
	return s.n >= with.n && str_caseeq((struct str){ s.p, with.n }, with);
}

struct str
mtaconf_word(struct str *s, const char *until)
{
	struct str word;
	unsigned depth = 0;
	size_t n = 0;

	*s = str_trim(*s);
	while (n < s->n && (depth > 0 || strchr(until, s->p[n]) == NULL)) {
		depth += s->p[n] == '{';
		depth -= depth > 0 && s->p[n] == '}';
		n++;
	}
	word = str_trim((struct str){ s->p, n });
	if (n < s->n)
		n++;
	s->p += n;
	s->n -= n;
	return word;
}

/* A logical line on its way. */
struct logical {
	char *text;
	size_t n;
	unsigned lineno;
};

static int
hand_over(struct logical *l, mtaconf_fn *fn, void *arg, struct err *e)
{
	struct str line = str_trim((struct str){ l->text, l->n });

	l->n = 0;
	return line.n == 0 ? 0 : fn(arg, line, l->lineno, e);
}

static int
append(struct logical *l, const char *path, const char *line, size_t n, struct err *e)
{
	if (l->n + n > LOGICAL_MAX)
		return err_set(e, "%s:%u: a line without end", path, l->lineno);
	l->text = xrealloc(l->text, l->n + n + 1);
	memcpy(l->text + l->n, line, n);
	l->n += n;
	return 0;
}

/* A comment or an empty line does not end a logical one (postconf(5), sendmail's op.me). */
int
mtaconf_lines(const char *path, mtaconf_fn *fn, void *arg, struct err *e)
{
	FILE *in = fopen(path, "re");
	struct logical l = { NULL, 0, 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	if (in == NULL)
		return err_sys(e, "%s", path);
	for (unsigned lineno = 1; rc == 0 && (n = getline(&line, &cap, in)) > 0; lineno++) {
		struct str s = str_trim((struct str){ line, (size_t)n });

		if (s.n == 0 || s.p[0] == '#')
			continue;
		if (!str_blank(line[0])) {
			rc = hand_over(&l, fn, arg, e);
			l.lineno = lineno;
		}
		if (rc == 0)
			rc = append(&l, path, line, (size_t)n, e);
	}
	if (rc == 0 && ferror(in))
		rc = err_sys(e, "%s: cannot be read", path);
	if (rc == 0)
		rc = hand_over(&l, fn, arg, e);
	free(line);
	free(l.text);
	fclose(in);
	return rc;
}

int
mtaconf_closed(const char *where, const char *milter, struct err *e)
{
	struct stat st;

	if (stat(where, &st) == -1)
		return err_sys(e, "%s", where);
	return S_ISDIR(st.st_mode) ? postfix_closed(where, milter, e) : sendmail_closed(where, milter, e);
}
