/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rulebook.c - which version of which file a rule was read from */
#include "rulebook.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rules_where.h"

struct entry {
	char *name, *file;
	unsigned line;
	time_t written;
};

struct book {
	struct entry *entries; /* sorted by name */
	unsigned n;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* leaf */
static struct book book;				 /* guarded by lock */

static void
add(void *arg, const char *name, const char *file, unsigned line)
{
	struct book *b = arg;
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

static void
clear(struct book *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		free(b->entries[i].name);
		free(b->entries[i].file);
	}
	free(b->entries);
}

void
rulebook_use(const struct rules *set)
{
	struct book new = { NULL, 0 }, old;

	if (set != NULL)
		rules_where(set, add, &new);
	if (new.n > 0)
		qsort(new.entries, new.n, sizeof *new.entries, compare);
	pthread_mutex_lock(&lock);
	old = book;
	book = new;
	pthread_mutex_unlock(&lock);
	clear(&old);
}

static int
compare_name(const void *name, const void *entry)
{
	return strcmp(name, ((const struct entry *)entry)->name);
}

bool
rulebook_find(void *arg, const char *rule, struct rule_origin *out)
{
	const struct entry *en = NULL;

	(void)arg;
	pthread_mutex_lock(&lock);
	if (book.n > 0)
		en = bsearch(rule, book.entries, book.n, sizeof *book.entries, compare_name);
	if (en != NULL) {
		str_copy(out->file, sizeof out->file, str_of(en->file));
		out->line = en->line;
		out->written = en->written;
	}
	pthread_mutex_unlock(&lock);
	return en != NULL;
}
