/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relaymap_write.c - grants and the administrator's entries, into the file
 *
 * What was written is remembered, so that only who has come or gone since then is looked at: in a file of our own in a
 * copy that takes its place, in access.db in the file itself.  Whatever makes that doubtful - another file in the place,
 * other entries of the administrator's, a failure - has everything written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relaymap_priv.h"

/* --- what has changed --- */

/* A client that has come, or gone. */
typedef void change_fn(void *arg, const struct addr *client, bool gone);

/* Both lists are sorted: who is in one of them alone has come or gone. */
static void
each_change(const struct grants *was, const struct grants *is, change_fn *fn, void *arg)
{
	size_t i = 0, j = 0;

	while (i < was->n || j < is->n) {
		int order = i == was->n ? 1 : j == is->n ? -1 :
		    memcmp(&was->v[i].client, &is->v[j].client, sizeof was->v[i].client);

		if (order != 0)
			fn(arg, order < 0 ? &was->v[i].client : &is->v[j].client, order < 0);
		i += order <= 0;
		j += order >= 0;
	}
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

/* --- a file of our own --- */

#define CHANGES 1000 /* and as many as stay: beyond, it is written anew, which costs less and leaves no gaps */

struct putting {
	struct mapfile *file;
	const struct mapstatic *fixed;
	enum map_form form;
	unsigned ipv6_prefix, left_out, overruled;
	size_t changes;
	struct err *e;
	int rc;
};

static void
put_key(void *arg, const char *key)
{
	struct putting *pt = arg;

	if (mapstatic_decides(pt->fixed, key))
		pt->overruled++;
	else if (pt->rc == 0)
		pt->rc = mapfile_put(pt->file, str_of(key), str_of(map_form_value(pt->form)), pt->e);
}

static void
take_key(void *arg, const char *key)
{
	struct putting *pt = arg;

	if (mapstatic_decides(pt->fixed, key))
		pt->overruled--;
	else if (pt->rc == 0)
		pt->rc = mapfile_del(pt->file, str_of(key), pt->e);
}

static void
put_client(struct putting *pt, const struct addr *client)
{
	pt->left_out += mapkey_each(pt->form, client, pt->ipv6_prefix, put_key, pt) == 0;
}

static void
change_client(void *arg, const struct addr *client, bool gone)
{
	struct putting *pt = arg;

	pt->changes++;
	if (gone)
		pt->left_out -= mapkey_each(pt->form, client, pt->ipv6_prefix, take_key, pt) == 0;
	else
		put_client(pt, client);
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

/* The copy that was begun gets what has changed, the empty one everything. */
static void
fill(struct putting *pt, const struct grants *g, const struct held *held, bool again)
{
	if (again) {
		pt->left_out = held->left_out;
		pt->overruled = held->counts.overruled;
		pt->changes = held->changes;
		each_change(&held->grants, g, change_client, pt);
		return;
	}
	pt->rc = put_fixed(pt->file, pt->fixed, pt->e);
	for (size_t i = 0; i < g->n && pt->rc == 0; i++)
		put_client(pt, &g->v[i].client);
}

static void
count_change(void *arg, const struct addr *client, bool gone)
{
	(void)client;
	(void)gone;
	++*(size_t *)arg;
}

/* As long as most stays: when all grants are taken back, they are to be gone at once. */
static bool
worth_a_copy(const struct held *held, const struct grants *g)
{
	size_t changes = held->changes, stay = held->grants.n < g->n ? held->grants.n : g->n;

	each_change(&held->grants, g, count_change, &changes);
	return changes <= stay + CHANGES;
}

static int
write_own(const struct mapfile_spec *sp, const struct mapstatic *fixed, const struct grants *g, unsigned ipv6_prefix,
    struct held *held, struct err *e)
{
	struct putting pt = { .fixed = fixed, .form = sp->form, .ipv6_prefix = ipv6_prefix, .e = e };
	bool again;

	if (held->ipv6_prefix == ipv6_prefix && worth_a_copy(held, g))
		pt.file = mapfile_again(sp, &held->stamp);
	again = pt.file != NULL;
	if (!again && (pt.file = mapfile_begin(sp, (unsigned)g->n + mapstatic_size(fixed), e)) == NULL)
		return -1;
	fill(&pt, g, held, again);
	held->ipv6_prefix = 0; /* if this does not work, all is written the next time */
	if (pt.rc == -1) {
		mapfile_abort(pt.file);
		return -1;
	}
	if (mapfile_commit(pt.file, &held->stamp, e) == -1)
		return -1;
	held->left_out = pt.left_out;
	held->counts.overruled = pt.overruled;
	held->changes = pt.changes;
	remember(held, g, ipv6_prefix);
	return 0;
}

/* --- our records in access.db --- */

#define TRIES 3 /* for a file that somebody else changes while we are at it */

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
add_client(struct keys *k, const struct addr *client, unsigned ipv6_prefix)
{
	return mapkey_each(MAP_ACCESS, client, ipv6_prefix, keep_key, k) == 0;
}

/* The whole file is compared with what should be in it. */
static enum mapfile_answer
compare_all(const struct mapfile_spec *sp, const struct grants *g, unsigned ipv6_prefix, struct held *held, struct err *e)
{
	enum mapfile_answer answer = MAPFILE_OTHER;
	struct keys k = { 0 };

	held->left_out = 0;
	for (size_t i = 0; i < g->n; i++)
		held->left_out += add_client(&k, &g->v[i].client, ipv6_prefix);
	if (k.n > 0)
		qsort(k.v, k.n, sizeof *k.v, compare);
	for (unsigned i = 0; i < TRIES && answer == MAPFILE_OTHER; i++)
		answer = mapfile_sync(sp, (const char *const *)k.v, (unsigned)k.n, &held->counts, &held->stamp, e);
	keys_free(&k);
	return answer == MAPFILE_DONE ? MAPFILE_DONE : MAPFILE_FAILED;
}

struct changing {
	struct keys gone, fresh;
	unsigned ipv6_prefix, left_out;
};

static void
note_change(void *arg, const struct addr *client, bool gone)
{
	struct changing *ch = arg;

	if (gone)
		ch->left_out -= add_client(&ch->gone, client, ch->ipv6_prefix);
	else
		ch->left_out += add_client(&ch->fresh, client, ch->ipv6_prefix);
}

static enum mapfile_answer
change_some(const struct mapfile_spec *sp, const struct grants *g, struct held *held, struct err *e)
{
	struct changing ch = { .ipv6_prefix = held->ipv6_prefix, .left_out = held->left_out };
	struct mapfile_change change;
	enum mapfile_answer answer;

	each_change(&held->grants, g, note_change, &ch);
	change = (struct mapfile_change){ (const char *const *)ch.gone.v, (const char *const *)ch.fresh.v, (unsigned)ch.gone.n,
		(unsigned)ch.fresh.n };
	answer = mapfile_update(sp, &change, &held->counts, &held->stamp, e);
	if (answer == MAPFILE_DONE)
		held->left_out = ch.left_out;
	keys_free(&ch.gone);
	keys_free(&ch.fresh);
	return answer;
}

static int
write_access(const struct mapfile_spec *sp, const struct grants *g, unsigned ipv6_prefix, struct held *held, struct err *e)
{
	enum mapfile_answer answer = held->ipv6_prefix == ipv6_prefix ? change_some(sp, g, held, e) : MAPFILE_OTHER;

	if (answer == MAPFILE_OTHER)
		answer = compare_all(sp, g, ipv6_prefix, held, e);
	if (answer == MAPFILE_FAILED)
		held->ipv6_prefix = 0;
	if (answer != MAPFILE_DONE)
		return -1;
	remember(held, g, ipv6_prefix);
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
    struct held *held, struct err *e)
{
	return sp->form == MAP_ACCESS ? write_access(sp, g, ipv6_prefix, held, e)
				      : write_own(sp, fixed, g, ipv6_prefix, held, e);
}
