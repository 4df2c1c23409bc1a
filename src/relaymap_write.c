/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap_write.c - grants and the administrator's entries, into the file */
#include <stdlib.h>
#include <string.h>

#include "relaymap_priv.h"

/* --- a file of our own --- */

struct putting {
	struct mapfile *file;
	struct str value;
	struct err *e;
	int rc;
};

static void
put_key(void *arg, const char *key)
{
	struct putting *pt = arg;

	if (pt->rc == 0)
		pt->rc = mapfile_put(pt->file, str_of(key), pt->value, pt->e);
}

static int
put_fixed(struct mapfile *m, const struct mapstatic *fixed, struct err *e)
{
	struct str key, value;

	for (unsigned i = 0; i < mapstatic_size(fixed); i++) {
		mapstatic_at(fixed, i, &key, &value);
		if (mapfile_put(m, key, value, e) == -1)
			return -1;
	}
	return 0;
}

/* The administrator's come first: the first of a key stays. */
static int
write_own(const struct mapfile_spec *sp, const struct mapstatic *fixed, const struct grants *g, unsigned ipv6_prefix,
    struct tally_of_keys *tally, struct listfile_stamp *stamp, struct err *e)
{
	struct mapfile *m = mapfile_begin(sp, (unsigned)g->n + mapstatic_size(fixed), e);
	struct putting pt = { .file = m, .value = str_of(map_form_value(sp->form)), .e = e };

	if (m == NULL)
		return -1;
	pt.rc = put_fixed(m, fixed, e);
	for (size_t i = 0; i < g->n && pt.rc == 0; i++)
		tally->left_out += mapkey_each(sp->form, &g->v[i].client, ipv6_prefix, put_key, &pt) == 0;
	if (pt.rc == 0)
		return mapfile_commit(m, stamp, e);
	mapfile_abort(m);
	return -1;
}

/* --- our records in access.db --- */

struct keys {
	char **v;
	size_t n, cap;
};

static void
keep_key(void *arg, const char *key)
{
	struct keys *k = arg;

	if (k->n == k->cap) {
		k->cap = k->cap == 0 ? 64 : 2 * k->cap;
		k->v = xrealloc(k->v, k->cap * sizeof *k->v);
	}
	k->v[k->n++] = xstrdup(key);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
write_access(const struct mapfile_spec *sp, const struct grants *g, unsigned ipv6_prefix, struct tally_of_keys *tally,
    struct listfile_stamp *stamp, struct err *e)
{
	struct keys k = { 0 };
	struct mapfile_counts counts;
	int rc;

	for (size_t i = 0; i < g->n; i++)
		tally->left_out += mapkey_each(sp->form, &g->v[i].client, ipv6_prefix, keep_key, &k) == 0;
	if (k.n > 0)
		qsort(k.v, k.n, sizeof *k.v, compare);
	rc = mapfile_sync(sp, (const char *const *)k.v, (unsigned)k.n, &counts, stamp, e);
	tally->overruled = counts.overruled;
	for (size_t i = 0; i < k.n; i++)
		free(k.v[i]);
	free(k.v);
	return rc;
}

int
relaymap_write(const struct mapfile_spec *sp, const struct mapstatic *fixed, const struct grants *g, unsigned ipv6_prefix,
    struct tally_of_keys *tally, struct listfile_stamp *stamp, struct err *e)
{
	*tally = (struct tally_of_keys){ 0 };
	return sp->form == MAP_ACCESS ? write_access(sp, g, ipv6_prefix, tally, stamp, e)
				      : write_own(sp, fixed, g, ipv6_prefix, tally, stamp, e);
}
