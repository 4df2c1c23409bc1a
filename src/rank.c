/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rank.c - see rank.h.  Open addressing; the table doubles until it has room for `max`. */
#include "rank.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "err.h"

struct place {
	char *name; /* NULL: free */
	size_t len;
	uint64_t n, weight;
};

struct rank {
	struct place *places;
	size_t size, used, max; /* size: a power of two */
	uint64_t salt, left_out;
};

struct rank *
rank_new(size_t max)
{
	struct rank *r = xcalloc(1, sizeof *r);

	r->max = max;
	r->size = 64;
	r->places = xcalloc(r->size, sizeof *r->places);
	/* The names are strangers': without it they could be chosen to fall into one place. */
	if (getrandom(&r->salt, sizeof r->salt, GRND_NONBLOCK) != sizeof r->salt)
		r->salt = (uintptr_t)r;
	return r;
}

void
rank_free(struct rank *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->size; i++)
		free(r->places[i].name);
	free(r->places);
	free(r);
}

static struct place *
place_of(const struct rank *r, struct str name)
{
	uint64_t h = r->salt, part;
	size_t i;

	for (size_t k = 0; k < name.n; k += sizeof part) {
		part = 0;
		memcpy(&part, name.p + k, name.n - k < sizeof part ? name.n - k : sizeof part);
		h = (h ^ part) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
		h *= 0xd6e8feb86659fd93;
		h ^= h >> 29;
	}
	for (i = (size_t)h & (r->size - 1); r->places[i].name != NULL; i = (i + 1) & (r->size - 1))
		if (r->places[i].len == name.n && memcmp(r->places[i].name, name.p, name.n) == 0)
			break;
	return &r->places[i];
}

static void
grow(struct rank *r)
{
	struct place *old = r->places;
	size_t size = r->size;

	r->size *= 2;
	r->places = xcalloc(r->size, sizeof *r->places);
	for (size_t i = 0; i < size; i++)
		if (old[i].name != NULL)
			*place_of(r, (struct str){ old[i].name, old[i].len }) = old[i];
	free(old);
}

void
rank_add(struct rank *r, struct str name, uint64_t weight)
{
	struct place *p;

	if (name.n > RANK_NAME)
		name.n = RANK_NAME;
	p = place_of(r, name);
	if (p->name == NULL && r->used == r->max) {
		r->left_out++;
		return;
	}
	if (p->name == NULL) {
		if (4 * (r->used + 1) > 3 * r->size) {
			grow(r);
			p = place_of(r, name);
		}
		p->name = xmalloc(name.n + 1);
		str_copy(p->name, name.n + 1, name);
		p->len = name.n;
		r->used++;
	}
	p->n++;
	p->weight += weight;
}

static bool
before(const struct place *p, const struct rank_row *row)
{
	size_t n = p->len < row->name.n ? p->len : row->name.n;
	int order;

	if (p->weight != row->weight)
		return p->weight > row->weight;
	if (p->n != row->n)
		return p->n > row->n;
	order = memcmp(p->name, row->name.p, n);
	return order < 0 || (order == 0 && p->len < row->name.n);
}

unsigned
rank_top(const struct rank *r, struct rank_row *out, unsigned max)
{
	unsigned n = 0, k;

	for (size_t i = 0; i < r->size; i++) {
		const struct place *p = &r->places[i];

		if (p->name == NULL || max == 0 || (n == max && !before(p, &out[n - 1])))
			continue;
		if (n < max)
			n++;
		for (k = n - 1; k > 0 && before(p, &out[k - 1]); k--)
			out[k] = out[k - 1];
		out[k] = (struct rank_row){ { p->name, p->len }, p->n, p->weight };
	}
	return n;
}

uint64_t
rank_left_out(const struct rank *r)
{
	return r->left_out;
}
