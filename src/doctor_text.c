/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor_text.c - lines and words of what others have written */
#include <string.h>

#include "doctor_priv.h"

bool
doctor_line(struct str *rest, struct str *line)
{
	const char *nl;

	if (rest->n == 0)
		return false;
	nl = memchr(rest->p, '\n', rest->n);
	*line = (struct str){ rest->p, nl != NULL ? (size_t)(nl - rest->p) : rest->n };
	rest->p += line->n + (nl != NULL);
	rest->n -= line->n + (nl != NULL);
	return true;
}

bool
text_word(struct str *rest, struct str *word)
{
	*rest = str_trim(*rest);
	if (rest->n == 0)
		return false;
	*word = (struct str){ rest->p, 0 };
	while (word->n < rest->n && !str_blank(rest->p[word->n]))
		word->n++;
	rest->p += word->n;
	rest->n -= word->n;
	return true;
}

bool
text_starts(struct str s, const char *start)
{
	size_t n = strlen(start);

	return s.n >= n && memcmp(s.p, start, n) == 0;
}

bool
text_has(struct str s, const char *what)
{
	return s.n > 0 && memmem(s.p, s.n, what, strlen(what)) != NULL;
}

struct str
capture_text(const struct capture *c)
{
	return (struct str){ c->text != NULL ? c->text : "", c->text != NULL ? c->len : 0 };
}
