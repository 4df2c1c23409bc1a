/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapstatic.c - see mapstatic.h */
#include "mapstatic.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "listfile.h"

/* Key and value with a NUL behind each, in one piece of memory; sorted by key once all are read. */
struct entry {
	char *text;
	size_t key, value;
};

struct mapstatic {
	struct entry *v;
	unsigned n, cap;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
fold(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static void
keep(struct mapstatic *ms, struct str key, struct str value)
{
	struct entry en = { .key = key.n, .value = value.n, .text = xmalloc(key.n + value.n + 2) };

	str_copy(en.text, key.n + 1, key);
	fold(en.text);
	str_copy(en.text + key.n + 1, value.n + 1, value);
	if (ms->n == ms->cap) {
		ms->cap = ms->cap == 0 ? 64 : 2 * ms->cap;
		ms->v = xrealloc(ms->v, ms->cap * sizeof *ms->v);
	}
	ms->v[ms->n++] = en;
}

static int
add_line(void *arg, struct str line, struct err *e)
{
	struct str key = line, value;
	size_t k = 0, v;

	while (k < line.n && !is_blank(line.p[k]))
		k++;
	for (v = k; v < line.n && is_blank(line.p[v]);)
		v++;
	key.n = k;
	value = (struct str){ line.p + v, line.n - v };
	if (value.n == 0)
		return err_set(e, "an entry is a key, a blank and a value");
	if (key.n > MAPSTATIC_KEY)
		return err_set(e, "a key of more than %d bytes", MAPSTATIC_KEY);
	if (key.p[0] == '"')
		return err_set(e, "keys with blanks or quotes are not understood here");
	if (memchr(line.p, '\0', line.n) != NULL)
		return err_set(e, "a NUL in a text file");
	keep(arg, key, value);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

static int
unique(const struct mapstatic *ms, const char *path, struct err *e)
{
	char shown[100];

	for (unsigned i = 1; i < ms->n; i++)
		if (compare(&ms->v[i - 1], &ms->v[i]) == 0)
			return err_set(e, "%s: %s is there more than once", path,
			    str_show(shown, sizeof shown, str_of(ms->v[i].text)));
	return 0;
}

struct mapstatic *
mapstatic_read(const char *path, struct err *e)
{
	struct mapstatic *ms = xcalloc(1, sizeof *ms);

	if (listfile_read(path, add_line, ms, e) == 0) {
		if (ms->n > 0)
			qsort(ms->v, ms->n, sizeof *ms->v, compare);
		if (unique(ms, path, e) == 0)
			return ms;
	}
	mapstatic_free(ms);
	return NULL;
}

void
mapstatic_free(struct mapstatic *ms)
{
	if (ms == NULL)
		return;
	for (unsigned i = 0; i < ms->n; i++)
		free(ms->v[i].text);
	free(ms->v);
	free(ms);
}

unsigned
mapstatic_size(const struct mapstatic *ms)
{
	return ms == NULL ? 0 : ms->n;
}

void
mapstatic_at(const struct mapstatic *ms, unsigned i, struct str *key, struct str *value)
{
	const struct entry *en = &ms->v[i];

	*key = (struct str){ en->text, en->key };
	*value = (struct str){ en->text + en->key + 1, en->value };
}

/* What a word of a value does about somebody who is a stranger to the MTA: a login by POP is no authentication there. */
enum says { SAYS_LET, SAYS_REFUSE, SAYS_GO_ON, SAYS_GO_ON_ARG /* and the next word is its argument */ };

/* access(5)'s actions, the restrictions that it may name instead, and the words of sendmail's access map, by how they begin.
 * Some reject_ and defer_ do so to some clients only: he does not want everybody from there, and that is enough. */
static enum says
says(struct str word)
{
	static const struct {
		const char *start;
		enum says says;
	} words[] = {
		{ "4", SAYS_REFUSE }, { "5", SAYS_REFUSE }, { "error:", SAYS_REFUSE }, { "reject", SAYS_REFUSE },
		{ "discard", SAYS_REFUSE }, { "defer_if_reject", SAYS_LET }, { "defer", SAYS_REFUSE },
		{ "permit_dnswl_client", SAYS_GO_ON_ARG }, { "permit_rhswl_client", SAYS_GO_ON_ARG },
		{ "permit_", SAYS_GO_ON }, { "check_", SAYS_GO_ON_ARG }, { "warn_if_reject", SAYS_GO_ON_ARG },
		{ "sleep", SAYS_GO_ON_ARG },
	};

	for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct str start = str_of(words[i].start);

		if (word.n >= start.n && str_caseeq((struct str){ word.p, start.n }, start))
			return words[i].says;
	}
	return SAYS_LET;
}

static bool
next_word(struct str *rest, struct str *word)
{
	size_t from = 0, to;

	while (from < rest->n && (is_blank(rest->p[from]) || rest->p[from] == ','))
		from++;
	for (to = from; to < rest->n && !is_blank(rest->p[to]) && rest->p[to] != ',';)
		to++;
	*word = (struct str){ rest->p + from, to - from };
	*rest = (struct str){ rest->p + to, rest->n - to };
	return word->n > 0;
}

/* "554 Go away", "REJECT", "permit_sasl_authenticated, reject": the first word that decides. */
static bool
refuses(struct str value)
{
	struct str word;

	while (next_word(&value, &word)) {
		enum says is = says(word);

		if (is == SAYS_LET || is == SAYS_REFUSE)
			return is == SAYS_REFUSE;
		if (is == SAYS_GO_ON_ARG)
			(void)next_word(&value, &word);
	}
	return false;
}

/* Both MTAs cut an address at its last dot or colon. */
static bool
widen(char *key)
{
	char *dot = strrchr(key, '.'), *last = dot == NULL ? strrchr(key, ':') : dot;

	if (last == NULL)
		return false;
	*last = '\0';
	return true;
}

bool
mapstatic_refused(const char *key, mapstatic_fn *fn, void *arg)
{
	char tagged[MAPSTATIC_KEY + 1] = "connect:", *bare = tagged + strlen(tagged);
	struct str value;

	str_copy(bare, sizeof tagged - (size_t)(bare - tagged), str_of(key));
	while (widen(bare))
		if (fn(arg, tagged, &value) || fn(arg, bare, &value))
			return refuses(value);
	return false;
}

static const struct entry *
find(const struct mapstatic *ms, const char *key)
{
	struct entry wanted = { .text = (char *)(uintptr_t)key };

	return ms->n == 0 ? NULL : bsearch(&wanted, ms->v, ms->n, sizeof *ms->v, compare);
}

static bool
value_of(void *arg, const char *key, struct str *value)
{
	const struct entry *en = find(arg, key);

	if (en != NULL)
		*value = (struct str){ en->text + en->key + 1, en->value };
	return en != NULL;
}

bool
mapstatic_decides(const struct mapstatic *ms, const char *key)
{
	if (mapstatic_size(ms) == 0)
		return false;
	return find(ms, key) != NULL || mapstatic_refused(key, value_of, (void *)(uintptr_t)ms);
}
