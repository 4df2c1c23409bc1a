/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domains.c - a set of mail domains */
#include "domains.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "listfile.h"

#define NAME_MAX_IN 255 /* RFC 5321, 4.5.3.1.2 */

struct domains {
	char **v; /* in small letters, sorted */
	unsigned n, size;
};

struct domains *
domains_new(void)
{
	return xcalloc(1, sizeof(struct domains));
}

void
domains_free(struct domains *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < d->n; i++)
		free(d->v[i]);
	free(d->v);
	free(d);
}

unsigned
domains_count(const struct domains *d)
{
	return d->n;
}

static bool
is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	    (unsigned char)c >= 0x80;
}

bool
domains_is_name(struct str s)
{
	bool empty = true; /* the label that is being looked at */

	if (s.n > NAME_MAX_IN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? empty : !is_label_byte(s.p[i]))
			return false;
		empty = s.p[i] == '.';
	}
	return !empty;
}

/* The one form of a literal: two writings of an address are the same entry. */
static bool
literal(char dst[ADDR_TEXT], struct str s)
{
	struct addr a;

	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']' ||
	    addr_parse(&a, (struct str){ s.p + 1, s.n - 2 }) == -1)
		return false;
	addr_format(dst, &a);
	return true;
}

static struct str
below(struct str s)
{
	return s.n > 0 && s.p[0] == '.' ? (struct str){ s.p + 1, s.n - 1 } : s;
}

int
domains_check(struct str s, struct err *e)
{
	char text[ADDR_TEXT], shown[80];
	struct addr a;

	if (literal(text, s) || (domains_is_name(below(s)) && addr_parse(&a, s) == -1))
		return 0;
	return err_set(e, "\"%s\" is neither a domain, nor .domain for all below it, nor an address in brackets",
	    str_show(shown, sizeof shown, s));
}

static char *
small(struct str s)
{
	char *copy = xmalloc(s.n + 1);

	str_copy(copy, s.n + 1, s);
	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

int
domains_add(struct domains *d, struct str s, struct err *e)
{
	char text[ADDR_TEXT];

	if (domains_check(s, e) == -1)
		return -1;
	if (d->n == d->size) {
		d->size = d->size == 0 ? 16 : 2 * d->size;
		d->v = xrealloc(d->v, d->size * sizeof *d->v);
	}
	d->v[d->n++] = small(literal(text, s) ? str_of(text) : s);
	return 0;
}

static int
add_line(void *arg, struct str line, struct err *e)
{
	return domains_add(arg, line, e);
}

int
domains_load(struct domains *d, const char *path, struct err *e)
{
	return listfile_read(path, add_line, d, e);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
domains_seal(struct domains *d)
{
	if (d->n > 0)
		qsort(d->v, d->n, sizeof *d->v, compare);
}

static bool
listed(const struct domains *d, const char *key)
{
	return d->n > 0 && bsearch(&key, d->v, d->n, sizeof *d->v, compare) != NULL;
}

/* A literal's key is its address: no name may read as one. */
bool
domains_has(const struct domains *d, struct str domain)
{
	char text[ADDR_TEXT], key[NAME_MAX_IN + 1];
	struct addr a;

	if (literal(text, domain))
		return listed(d, text);
	if (!domains_is_name(domain) || addr_parse(&a, domain) == 0)
		return false;
	str_copy(key, sizeof key, domain);
	for (char *p = key; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (listed(d, key))
		return true;
	for (const char *dot = strchr(key, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if (listed(d, dot))
			return true;
	return false;
}
