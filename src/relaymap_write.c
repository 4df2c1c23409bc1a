/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap_write.c - grants and the administrator's entries, into the file */
#include <errno.h>
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

static void
keys_free(struct keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i]);
	free(k->v);
}

/* Tell the keys of a client; 1: it has none. */
static unsigned
add_client(struct keys *k, const struct granted *g, unsigned ipv6_prefix)
{
	return mapkey_each(MAP_ACCESS, &g->client, ipv6_prefix, keep_key, k) == 0;
}

/* The whole file is compared with what should be in it. */
static int
compare_all(const struct mapfile_spec *sp, const struct grants *g, unsigned ipv6_prefix, struct held *held, struct err *e)
{
	struct keys k = { 0 };
	int rc;

	held->left_out = 0;
	for (size_t i = 0; i < g->n; i++)
		held->left_out += add_client(&k, &g->v[i], ipv6_prefix);
	if (k.n > 0)
		qsort(k.v, k.n, sizeof *k.v, compare);
	rc = mapfile_sync(sp, (const char *const *)k.v, (unsigned)k.n, &held->counts, &held->stamp, e);
	keys_free(&k);
	return rc;
}

/* Both lists are sorted: who is in one of them alone has come or gone. */
static enum mapfile_answer
change_some(const struct mapfile_spec *sp, const struct grants *g, struct held *held, struct err *e)
{
	const struct grants *was = &held->grants;
	struct keys gone = { 0 }, fresh = { 0 };
	unsigned left_out = held->left_out;
	struct mapfile_change change;
	enum mapfile_answer answer;
	size_t i = 0, j = 0;

	while (i < was->n || j < g->n) {
		int order = i == was->n ? 1 : j == g->n ? -1 :
		    memcmp(&was->v[i].client, &g->v[j].client, sizeof was->v[i].client);

		if (order < 0)
			left_out -= add_client(&gone, &was->v[i], held->ipv6_prefix);
		else if (order > 0)
			left_out += add_client(&fresh, &g->v[j], held->ipv6_prefix);
		i += order <= 0;
		j += order >= 0;
	}
	change = (struct mapfile_change){ (const char *const *)gone.v, (const char *const *)fresh.v, (unsigned)gone.n,
		(unsigned)fresh.n };
	answer = mapfile_update(sp, &change, &held->counts, &held->stamp, e);
	if (answer == MAPFILE_DONE)
		held->left_out = left_out;
	keys_free(&gone);
	keys_free(&fresh);
	return answer;
}

static void
remember(struct held *held, const struct grants *g, unsigned ipv6_prefix)
{
	if (held->grants.cap < g->n) {
		held->grants.cap = g->cap;
		held->grants.v = xrealloc(held->grants.v, g->cap * sizeof *g->v);
	}
	if (g->n > 0)
		memcpy(held->grants.v, g->v, g->n * sizeof *g->v);
	held->grants.n = g->n;
	held->ipv6_prefix = ipv6_prefix;
}

static int
write_access(const struct mapfile_spec *sp, const struct grants *g, unsigned ipv6_prefix, struct tally_of_keys *tally,
    struct held *held, struct err *e)
{
	enum mapfile_answer answer = held->ipv6_prefix == ipv6_prefix ? change_some(sp, g, held, e) : MAPFILE_OTHER;

	if (answer == MAPFILE_OTHER)
		answer = compare_all(sp, g, ipv6_prefix, held, e) == 0 ? MAPFILE_DONE : MAPFILE_FAILED;
	if (answer == MAPFILE_FAILED)
		held->ipv6_prefix = 0;
	if (answer != MAPFILE_DONE)
		return -1;
	remember(held, g, ipv6_prefix);
	tally->left_out = held->left_out;
	tally->overruled = held->counts.overruled;
	return 0;
}

void
held_forget(struct held *h)
{
	grants_clear(&h->grants);
	*h = (struct held){ .stamp = { .error = ENOENT } };
}

int
relaymap_write(const struct mapfile_spec *sp, const struct mapstatic *fixed, const struct grants *g, unsigned ipv6_prefix,
    struct tally_of_keys *tally, struct held *held, struct err *e)
{
	*tally = (struct tally_of_keys){ 0 };
	return sp->form == MAP_ACCESS ? write_access(sp, g, ipv6_prefix, tally, held, e)
				      : write_own(sp, fixed, g, ipv6_prefix, tally, &held->stamp, e);
}
