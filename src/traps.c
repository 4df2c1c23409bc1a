/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traps.c - addresses that nobody has and no honest sender can know */
#include "traps.h"

#include <stdlib.h>
#include <string.h>

#include "listfile.h"
#include "rules_search.h"

#define ADDRESS_MAX  512 /* RFC 5321, 4.5.3.1: 64 + 1 + 255; what is longer is no address of ours */
#define PATTERNS_MAX 200 /* each is tried for each recipient */

struct traps {
	char **exact; /* in small letters, sorted */
	unsigned n;
	struct search **patterns;
	unsigned n_patterns;
};

struct traps *
traps_new(void)
{
	return xcalloc(1, sizeof(struct traps));
}

void
traps_free(struct traps *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n; i++)
		free(t->exact[i]);
	for (unsigned i = 0; i < t->n_patterns; i++)
		search_free(t->patterns[i]);
	free(t->exact);
	free(t->patterns);
	free(t);
}

unsigned
traps_count(const struct traps *t)
{
	return t->n + t->n_patterns;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Without brackets, a dot at the end and a source route. */
static struct str
bare(struct str s)
{
	const char *colon;

	while (s.n > 0 && (s.p[s.n - 1] == '>' || s.p[s.n - 1] == '.'))
		s.n--;
	if (s.n > 0 && s.p[0] == '<') {
		s.p++;
		s.n--;
	}
	if (s.n > 0 && s.p[0] == '@' && (colon = memchr(s.p, ':', s.n)) != NULL) {
		s.n -= (size_t)(colon + 1 - s.p);
		s.p = colon + 1;
	}
	return s;
}

/* The address in small letters and in its plainest form; nothing when it is too long for one. */
static struct str
plain(char dst[ADDRESS_MAX], struct str s)
{
	const char *at;
	size_t n = 0, close; /* where the quotes around the name end; 0: there are none */

	s = bare(s);
	if (s.n == 0 || s.n >= ADDRESS_MAX)
		return STR_NONE;
	at = memrchr(s.p, '@', s.n);
	close = at == NULL || at - s.p < 3 ? 0 : (size_t)(at - s.p) - 1;
	if (close > 0 && (s.p[0] != '"' || s.p[close] != '"'))
		close = 0;
	for (size_t i = close > 0; i < s.n; i++) {
		if (i < close && s.p[i] == '\\' && i + 1 < close)
			i++; /* it means what is behind it */
		if (close == 0 || i != close)
			dst[n++] = lower(s.p[i]);
	}
	return (struct str){ dst, n };
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `key` ends with a NUL. */
static bool
listed(const struct traps *t, const char *key)
{
	return t->n > 0 && bsearch(&key, t->exact, t->n, sizeof *t->exact, compare) != NULL;
}

/* Everybody may write to these. */
static bool
is_public(struct str address)
{
	static const char *const names[] = { "postmaster", "abuse" };
	const char *at = address.n == 0 ? NULL : memrchr(address.p, '@', address.n);
	struct str name = { address.p, at == NULL ? address.n : (size_t)(at - address.p) };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (str_eq(name, str_of(names[i])))
			return true;
	return false;
}

/* The address itself, its domain, its name; then the patterns. */
static bool
fits(const struct traps *t, char *address, size_t n)
{
	char *at, kept;
	bool found;

	address[n] = '\0';
	if (listed(t, address))
		return true;
	at = memrchr(address, '@', n);
	if (at != NULL) {
		if (listed(t, at))
			return true;
		kept = at[1];
		at[1] = '\0';
		found = listed(t, address);
		at[1] = kept;
		if (found)
			return true;
	}
	for (unsigned i = 0; i < t->n_patterns; i++)
		if (search_has(t->patterns[i], (struct str){ address, n }))
			return true;
	return false;
}

bool
traps_has(const struct traps *t, struct str recipient)
{
	char address[ADDRESS_MAX];
	struct str s = plain(address, recipient);

	return s.n > 0 && !is_public(s) && fits(t, address, s.n);
}

static int
add_pattern(struct traps *t, struct str line, struct err *e)
{
	static const char stranger[] = "q7-nobody-can-guess.this@host.of-somebody.invalid";
	struct search *s;

	if (line.n < 3 || line.p[line.n - 1] != '/')
		return err_set(e, "a pattern stands between two slashes");
	if (t->n_patterns == PATTERNS_MAX)
		return err_set(e, "more than %d patterns: each is tried for each recipient", PATTERNS_MAX);
	s = search_new((struct str){ line.p + 1, line.n - 2 }, e);
	if (s == NULL)
		return -1;
	if (search_has(s, STR(stranger))) {
		search_free(s);
		return err_set(e, "this pattern fits people: even %s", stranger);
	}
	t->patterns = xrealloc(t->patterns, (t->n_patterns + 1) * sizeof *t->patterns);
	t->patterns[t->n_patterns++] = s;
	return 0;
}

static int
add_line(void *arg, struct str line, struct err *e)
{
	struct traps *t = arg;
	char shown[80];
	char *copy;

	if (line.p[0] == '/')
		return add_pattern(t, line, e);
	if (memchr(line.p, '@', line.n) == NULL || line.n < 2 || memchr(line.p, ' ', line.n) != NULL ||
	    line.n >= ADDRESS_MAX)
		return err_set(e, "\"%s\" is neither an address, nor @domain, nor name@, nor a /pattern/",
		    str_show(shown, sizeof shown, line));
	copy = xmalloc(line.n + 1);
	str_copy(copy, line.n + 1, line);
	for (char *p = copy; *p != '\0'; p++)
		*p = lower(*p);
	if (is_public(str_of(copy))) {
		free(copy);
		return err_set(e, "everybody may write to %s", str_show(shown, sizeof shown, line));
	}
	t->exact = xrealloc(t->exact, (t->n + 1) * sizeof *t->exact);
	t->exact[t->n++] = copy;
	return 0;
}

int
traps_load(struct traps *t, const char *path, struct err *e)
{
	int rc = listfile_read(path, add_line, t, e);

	if (t->n > 0)
		qsort(t->exact, t->n, sizeof *t->exact, compare);
	return rc;
}
