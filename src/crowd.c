/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crowd.c - how many different clients there were of late
 *
 * The members are in no order: the last one fills the gap.
 */
#include "crowd.h"

#define LEVEL_MAX 30

static bool
sampled(uint64_t hash, unsigned level)
{
	return (hash & ((UINT64_C(1) << level) - 1)) == 0;
}

/* Hits at t and t + span are one second too far apart to be in the same span (window.h). */
static bool
within(uint32_t t, uint32_t at, uint32_t span)
{
	return t > at || at - t < span;
}

/* What says where m[i] is. */
static uint16_t *
link_of(const struct crowd *c, struct member *m, uint16_t i)
{
	uint16_t *link = &c->heads[m[i].hash >> (64 - c->bits)];

	while (*link != i + 1)
		link = &m[*link - 1].next;
	return link;
}

static struct member *
find(const struct crowd *c, struct member *m, uint64_t hash)
{
	if (c->heads == NULL) {
		for (uint16_t i = 0; i < c->n; i++)
			if (m[i].hash == hash)
				return &m[i];
		return NULL;
	}
	for (uint16_t i = c->heads[hash >> (64 - c->bits)]; i != 0; i = m[i - 1].next)
		if (m[i - 1].hash == hash)
			return &m[i - 1];
	return NULL;
}

static struct member *
add(struct crowd *c, struct member *m, const struct member *new)
{
	m[c->n++] = *new;
	if (c->heads != NULL) {
		uint16_t *head = &c->heads[new->hash >> (64 - c->bits)];

		m[c->n - 1].next = *head;
		*head = c->n;
	}
	return &m[c->n - 1];
}

static void
remove_at(struct crowd *c, struct member *m, uint16_t i)
{
	uint16_t last = (uint16_t)(c->n - 1);

	if (c->heads != NULL) {
		*link_of(c, m, i) = m[i].next;
		if (i != last)
			*link_of(c, m, last) = (uint16_t)(i + 1);
	}
	m[i] = m[last];
	c->n = last;
}

static void
clock_set_back(struct crowd *c, struct member *m, uint32_t now)
{
	c->newest = now;
	for (uint16_t i = 0; i < c->n; i++)
		if (m[i].at > now)
			m[i].at = now;
}

/* Nobody is left: the next few will be counted exactly again. */
static void
settle(struct crowd *c)
{
	if (c->n == 0)
		c->level = 0;
}

void
crowd_trim(struct crowd *c, struct member *m, uint32_t at, uint32_t span)
{
	for (uint16_t i = 0; i < c->n;)
		if (within(m[i].at, at, span))
			i++;
		else
			remove_at(c, m, i);
	settle(c);
}

/* Room for one more: the window first, then half of the sample. */
static void
make_room(struct crowd *c, struct member *m, uint16_t cap, uint32_t span)
{
	crowd_trim(c, m, c->newest, span);
	while (c->n >= cap && c->level < LEVEL_MAX) {
		c->level++;
		for (uint16_t i = 0; i < c->n;)
			if (sampled(m[i].hash, c->level))
				i++;
			else
				remove_at(c, m, i);
	}
}

struct member *
crowd_hear(struct crowd *c, struct member *m, uint16_t cap, uint64_t hash, const struct addr *who, uint32_t at,
    uint32_t now, uint32_t span)
{
	const struct member new = { .hash = hash, .who = *who, .at = at };
	struct member *is;

	if (c->newest > now)
		clock_set_back(c, m, now);
	if (!within(at, c->newest, span))
		return NULL;
	if (at > c->newest)
		c->newest = at;
	if (!sampled(hash, c->level))
		return NULL;
	if ((is = find(c, m, hash)) != NULL) {
		if (!within(is->at, c->newest, span))
			is->mark = 0; /* back after having been away for a whole window */
		if (at > is->at)
			is->at = at;
		return is;
	}
	if (c->n >= cap) {
		make_room(c, m, cap, span);
		if (!sampled(hash, c->level) || c->n >= cap)
			return NULL;
	}
	return add(c, m, &new);
}

void
crowd_forget(struct crowd *c, struct member *m, uint64_t hash)
{
	struct member *is = sampled(hash, c->level) ? find(c, m, hash) : NULL;

	if (is != NULL)
		remove_at(c, m, (uint16_t)(is - m));
}

uint32_t
crowd_count(const struct crowd *c, const struct member *m, uint32_t at, uint32_t span)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < c->n; i++)
		n += within(m[i].at, at, span);
	return n << c->level;
}

uint32_t
crowd_count_marked(const struct crowd *c, const struct member *m, uint32_t at, uint32_t span)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < c->n; i++)
		n += m[i].mark != 0 && within(m[i].at, at, span);
	return n << c->level;
}
