/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drift.c - is what the programs write still what the rules know? */
#include "drift.h"

#include <string.h>

#define SLOTS  (2 * DRIFT_PROGRAMS) /* a power of two, so never full */
#define WEIGHT 8		    /* a block's share counts one eighth towards the long run's */

void
drift_init(struct drift *d)
{
	memset(d, 0, sizeof *d);
}

/* Tags are few, written by our own programs, and compared whole. */
static unsigned
slot_of(struct str tag)
{
	unsigned h = (unsigned)tag.n;

	for (size_t i = 0; i < tag.n; i++)
		h = h * 31 + (unsigned char)tag.p[i];
	return h % SLOTS;
}

/* NULL: there is no room for it. */
static struct drift_program *
find(struct drift *d, struct str tag)
{
	struct drift_program *p;
	unsigned i;

	if (tag.n == 0 || tag.n >= DRIFT_TAG)
		return NULL;
	for (i = slot_of(tag); d->slots[i] != 0; i = (i + 1) % SLOTS) {
		p = &d->v[d->slots[i] - 1];
		if (p->tag[tag.n] == '\0' && memcmp(p->tag, tag.p, tag.n) == 0)
			return p;
	}
	if (d->n == DRIFT_PROGRAMS)
		return NULL;
	p = &d->v[d->n++];
	d->slots[i] = (uint8_t)d->n;
	memcpy(p->tag, tag.p, tag.n);
	p->share = -1;
	return p;
}

/* Has it been long enough to judge? */
static bool
block_full(const struct drift_program *p)
{
	return p->block_lines >= DRIFT_LEARN &&
	    (p->share < DRIFT_SHARE_MIN || p->block_lines * p->share >= DRIFT_EXPECTED);
}

/* What a block says of its program.  While it has drifted nothing is learned: the new share is not the usual one. */
static enum drift_news
judge(struct drift_program *p, time_t now)
{
	double share = (double)p->block_recognised / p->block_lines;

	if (p->share < 0) {
		p->share = share;
		return DRIFT_NONE;
	}
	if (p->share >= DRIFT_SHARE_MIN && p->since == 0 && share * 4 <= p->share) {
		p->since = now;
		return DRIFT_BEGAN;
	}
	if (p->since != 0 && share * 2 < p->share)
		return DRIFT_NONE;
	p->share += (share - p->share) / WEIGHT;
	if (p->since == 0)
		return DRIFT_NONE;
	p->since = 0;
	return DRIFT_ENDED;
}

enum drift_news
drift_line(struct drift *d, struct str tag, bool recognised, time_t now, const struct drift_program **which)
{
	struct drift_program *p = find(d, tag);
	enum drift_news news;

	if (p == NULL) {
		d->untold++;
		return DRIFT_NONE;
	}
	p->lines++;
	p->block_lines++;
	p->recognised += recognised;
	p->block_recognised += recognised;
	if (!block_full(p))
		return DRIFT_NONE;
	news = judge(p, now);
	p->block_lines = p->block_recognised = 0;
	*which = p;
	return news;
}
