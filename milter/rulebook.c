/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rulebook.c - which version of which file a rule was read from */
#include "rulebook.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rules_where.h"

struct entry {
	char *name, *file;
	unsigned line;
	time_t written;
};

struct rulebook {
	struct entry *entries;
	unsigned n;
};

static void
add(void *arg, const char *name, const char *file, unsigned line)
{
	struct rulebook *b = arg;
	struct stat st;

	b->entries = xrealloc(b->entries, (b->n + 1) * sizeof *b->entries);
	b->entries[b->n++] = (struct entry){ xstrdup(name), xstrdup(file), line,
		stat(file, &st) == -1 ? 0 : st.st_mtime };
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

struct rulebook *
rulebook_new(const struct rules *set)
{
	struct rulebook *b = xcalloc(1, sizeof *b);

	rules_where(set, add, b);
	if (b->n > 0)
		qsort(b->entries, b->n, sizeof *b->entries, compare);
	return b;
}

void
rulebook_free(struct rulebook *b)
{
	if (b == NULL)
		return;
	for (unsigned i = 0; i < b->n; i++) {
		free(b->entries[i].name);
		free(b->entries[i].file);
	}
	free(b->entries);
	free(b);
}

bool
rulebook_find(const struct rulebook *b, const char *rule, struct rule_origin *out)
{
	char *name = xstrdup(rule);
	const struct entry key = { .name = name },
			   *en = b->n == 0 ? NULL : bsearch(&key, b->entries, b->n, sizeof key, compare);

	free(name);
	if (en == NULL)
		return false;
	str_copy(out->file, sizeof out->file, str_of(en->file));
	out->line = en->line;
	out->written = en->written;
	return true;
}
