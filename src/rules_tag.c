/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_tag.c - which program wrote the line?
 *
 * A tag is what the program calls itself in the log, parts joined by slashes.  A rule file names
 *
 *	imapd		exactly that
 *	postfix/smtpd	a first and a last part: also postfix/submission/smtpd (a service of its own name) and
 *			postfix-out/smtpd (an instance of its own name)
 *	postfix/submission/smtpd	that service alone, also of an instance of its own name
 *	* /imap		any first part (without the blank)
 *
 * Logs hold the same few tags over and over, so that what a tag means is remembered, per thread, in a table of fixed
 * size; when it is full it is forgotten and filled anew.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

#define SLOTS_IN_CACHE 512 /* a power of two */
#define TAG_MAX	       48  /* longer tags are looked up each time */

static struct str
first_part(struct str s)
{
	const char *slash = memchr(s.p, '/', s.n);

	return slash == NULL ? s : (struct str){ s.p, (size_t)(slash - s.p) };
}

static struct str
last_part(struct str s)
{
	const char *slash = memrchr(s.p, '/', s.n);

	return slash == NULL ? s : (struct str){ slash + 1, (size_t)(s.p + s.n - slash) - 1 };
}

/* What stands between the first part and the last: "/submission/". */
static struct str
middle(struct str s)
{
	const char *first = memchr(s.p, '/', s.n), *last = memrchr(s.p, '/', s.n);

	return (struct str){ first, (size_t)(last - first) + 1 };
}

bool
tag_matches(const char *spec, struct str tag)
{
	struct str want = str_of(spec), first, have;

	if (memchr(want.p, '/', want.n) == NULL)
		return str_eq(want, tag);
	if (memchr(tag.p, '/', tag.n) == NULL || !str_eq(last_part(want), last_part(tag)))
		return false;
	if (middle(want).n > 1 && !str_eq(middle(want), middle(tag)))
		return false;
	first = first_part(want);
	have = first_part(tag);
	if (str_eq(first, STR("*")) || str_eq(first, have))
		return true;
	return have.n > first.n && memcmp(have.p, first.p, first.n) == 0 && have.p[first.n] == '-';
}

bool
program_has_tag(const struct program *p, struct str tag)
{
	for (unsigned i = 0; i < p->ntags; i++)
		if (tag_matches(p->tags[i], tag))
			return true;
	return false;
}

bool
programs_share_tag(const struct program *a, const struct program *b)
{
	for (unsigned i = 0; i < a->ntags; i++)
		if (program_has_tag(b, str_of(a->tags[i])))
			return true;
	for (unsigned i = 0; i < b->ntags; i++)
		if (program_has_tag(a, str_of(b->tags[i])))
			return true;
	return false;
}

struct entry {
	uint32_t hash;
	uint8_t len; /* 0: unused */
	uint8_t n;
	char tag[TAG_MAX];
	const struct program *programs[TAG_PROGRAMS];
};

struct tag_cache {
	unsigned used;
	const struct program *other[TAG_PROGRAMS]; /* of the last tag that was too long */
	struct entry entries[SLOTS_IN_CACHE];
};

struct tag_cache *
tag_cache_new(void)
{
	return xcalloc(1, sizeof(struct tag_cache));
}

void
tag_cache_free(struct tag_cache *c)
{
	free(c);
}

static unsigned
look_up(const struct rules *set, struct str tag, const struct program **out)
{
	unsigned n = 0;

	for (const struct program *p = set->programs; p != NULL && n < TAG_PROGRAMS; p = p->next)
		if (program_has_tag(p, tag))
			out[n++] = p;
	return n;
}

/* Of the length, the first and the last bytes, up to eight of each: the tag is not hostile, the table small, and all of
 * the tag is compared. */
static uint32_t
hash_of(struct str s)
{
	uint64_t first = 0, last = 0;

	if (s.n >= 8) {
		memcpy(&first, s.p, 8);
		memcpy(&last, s.p + s.n - 8, 8);
	} else if (s.n >= 4) {
		memcpy(&first, s.p, 4);
		memcpy(&last, s.p + s.n - 4, 4);
	} else {
		first = (unsigned char)s.p[0];
		last = (unsigned char)s.p[s.n - 1];
	}
	first = (first ^ s.n) * UINT64_C(0x9e3779b97f4a7c15);
	last = (last ^ first >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)((first ^ last) >> 32);
}

unsigned
tag_programs(const struct rules *set, struct tag_cache *c, struct str tag, const struct program *const **out)
{
	uint32_t hash, i;
	struct entry *e;

	if (tag.n == 0)
		return 0;
	if (tag.n > TAG_MAX) {
		*out = c->other;
		return look_up(set, tag, c->other);
	}
	hash = hash_of(tag);
	for (i = hash % SLOTS_IN_CACHE; c->entries[i].len != 0; i = (i + 1) % SLOTS_IN_CACHE) {
		e = &c->entries[i];
		if (e->hash != hash || e->len != tag.n || memcmp(e->tag, tag.p, tag.n) != 0)
			continue;
		*out = e->programs;
		return e->n;
	}
	if (c->used >= SLOTS_IN_CACHE * 3 / 4) {
		memset(c, 0, sizeof(*c));
		i = hash % SLOTS_IN_CACHE;
	}
	c->used++;
	e = &c->entries[i];
	e->hash = hash;
	e->len = (uint8_t)tag.n;
	memcpy(e->tag, tag.p, tag.n);
	e->n = (uint8_t)look_up(set, tag, e->programs);
	*out = e->programs;
	return e->n;
}
