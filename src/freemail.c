/* SPDX-License-Identifier: GPL-2.0-or-later */
/* freemail.c - does mail from a freemail provider's domain come from a host of that provider? */
#include "freemail.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "listfile.h"

/* Kept in the order of their domains, for bsearch(3). */
struct entry {
	char *domain;	 /* in small letters */
	char **suffixes; /* NULL-terminated; none: not checked */
};

struct freemail {
	struct entry *entries;
	unsigned n;
};

struct freemail *
freemail_new(void)
{
	return xcalloc(1, sizeof(struct freemail));
}

static void
entry_clear(struct entry *en)
{
	for (size_t i = 0; en->suffixes != NULL && en->suffixes[i] != NULL; i++)
		free(en->suffixes[i]);
	free(en->suffixes);
	free(en->domain);
}

void
freemail_free(struct freemail *f)
{
	if (f == NULL)
		return;
	for (unsigned i = 0; i < f->n; i++)
		entry_clear(&f->entries[i]);
	free(f->entries);
	free(f);
}

unsigned
freemail_domains(const struct freemail *f)
{
	return f->n;
}

static char *
lower_copy(struct str s)
{
	char *copy = xmalloc(s.n + 1);

	str_copy(copy, s.n + 1, s);
	for (char *p = copy; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

static int
compare(const void *key, const void *entry)
{
	const struct str *domain = key;
	const char *have = ((const struct entry *)entry)->domain;
	size_t n = strlen(have);
	int rc = strncasecmp(domain->p, have, domain->n < n ? domain->n : n);

	return rc != 0 ? rc : (domain->n > n) - (domain->n < n);
}

static const struct entry *
find(const struct freemail *f, struct str domain)
{
	return f->n == 0 || domain.n == 0 ? NULL : bsearch(&domain, f->entries, f->n, sizeof *f->entries, compare);
}

/* Cut the first word off *rest, which ends at any byte of `until`. */
static struct str
word(struct str *rest, const char *until)
{
	struct str w = { rest->p, 0 };

	while (w.n < rest->n && strchr(until, w.p[w.n]) == NULL)
		w.n++;
	rest->p += w.n;
	rest->n -= w.n;
	while (rest->n > 0 && strchr(until, *rest->p) != NULL) {
		rest->p++;
		rest->n--;
	}
	return w;
}

static bool
is_domain(struct str s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	if (s.n == 0 || memchr(s.p, '.', s.n) == NULL || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(letters, s.p[i]) == NULL)
			return false;
	return true;
}

static void
insert(struct freemail *f, struct str domain, struct str suffixes)
{
	unsigned at = 0, n = 0;
	struct entry *en;

	f->entries = xrealloc(f->entries, (f->n + 1) * sizeof *f->entries);
	while (at < f->n && compare(&domain, &f->entries[at]) > 0)
		at++;
	en = &f->entries[at];
	memmove(en + 1, en, (f->n - at) * sizeof *en);
	f->n++;
	*en = (struct entry){ .domain = lower_copy(domain), .suffixes = xcalloc(1, sizeof *en->suffixes) };
	while (suffixes.n > 0) {
		en->suffixes = xrealloc(en->suffixes, (n + 2) * sizeof *en->suffixes);
		en->suffixes[n++] = lower_copy(word(&suffixes, " \t"));
		en->suffixes[n] = NULL;
	}
}

static int
add_line(void *arg, struct str line, struct err *e)
{
	struct str suffixes = line, domains = word(&suffixes, " \t"), check = suffixes;
	char shown[80];

	while (check.n > 0) {
		struct str suffix = word(&check, " \t");

		if (!is_domain(suffix))
			return err_set(e, "\"%s\" is not the end of host names", str_show(shown, sizeof shown, suffix));
	}
	while (domains.n > 0) {
		struct str domain = word(&domains, ",");

		if (!is_domain(domain))
			return err_set(e, "\"%s\" is not a mail domain", str_show(shown, sizeof shown, domain));
		if (find(arg, domain) == NULL)
			insert(arg, domain, suffixes);
	}
	return 0;
}

int
freemail_load(struct freemail *f, const char *path, struct err *e)
{
	return listfile_read(path, add_line, f, e);
}

/* What stands behind the last @, without the bracket and a dot at the end. */
static struct str
domain_of(struct str sender)
{
	size_t at;

	while (sender.n > 0 && (sender.p[sender.n - 1] == '>' || sender.p[sender.n - 1] == '.'))
		sender.n--;
	for (at = sender.n; at > 0 && sender.p[at - 1] != '@'; at--)
		;
	return at == 0 ? STR_NONE : (struct str){ sender.p + at, sender.n - at };
}

static bool
is_below(struct str name, struct str suffix)
{
	struct str tail;

	if (name.n < suffix.n)
		return false;
	tail = (struct str){ name.p + name.n - suffix.n, suffix.n };
	return str_caseeq(tail, suffix) && (name.n == suffix.n || tail.p[-1] == '.');
}

bool
freemail_forged(const struct freemail *f, enum freemail_mode mode, struct str sender, enum named named,
    struct str name)
{
	const struct entry *en;

	if (mode == FREEMAIL_OFF || named == NAMED_UNSURE || (mode == FREEMAIL_UNNAMED && named == NAMED_YES))
		return false;
	en = find(f, domain_of(sender));
	if (en == NULL || en->suffixes[0] == NULL)
		return false;
	if (name.n > 1 && name.p[name.n - 1] == '.')
		name.n--;
	for (char **s = en->suffixes; named == NAMED_YES && *s != NULL; s++)
		if (is_below(name, str_of(*s)))
			return false;
	return true;
}

enum named
freemail_named(struct str resolve, struct str name)
{
	if (str_eq(resolve, STR("OK")))
		return NAMED_YES;
	if (str_eq(resolve, STR("FAIL")) || str_eq(resolve, STR("FORGED")))
		return NAMED_NO;
	if (resolve.n > 0 || name.n == 0 || name.p[0] == '[' || str_caseeq(name, STR("unknown")))
		return NAMED_UNSURE;
	return NAMED_YES;
}

const char *
freemail_mode_name(enum freemail_mode m)
{
	static const char *const names[FREEMAIL_MODES] = { "off", "unnamed", "all" };

	return names[m];
}
