/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crowd.c - how many different clients there were of late
 *
 * The members are in no order; a few dozen are looked through quicker than any index is kept.
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
			m[i] = m[--c->n];
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
				m[i] = m[--c->n];
	}
}

struct member *
crowd_hear(struct crowd *c, struct member *m, uint16_t cap, uint64_t hash, const struct addr *who, uint32_t at,
    uint32_t now, uint32_t span)
{
	if (c->newest > now)
		clock_set_back(c, m, now);
	if (!within(at, c->newest, span))
		return NULL;
	if (at > c->newest)
		c->newest = at;
	if (!sampled(hash, c->level))
		return NULL;
	for (uint16_t i = 0; i < c->n; i++) {
		if (m[i].hash != hash)
			continue;
		if (!within(m[i].at, c->newest, span))
			m[i].mark = 0; /* back after having been away for a whole window */
		if (at > m[i].at)
			m[i].at = at;
		return &m[i];
	}
	if (c->n >= cap) {
		make_room(c, m, cap, span);
		if (!sampled(hash, c->level) || c->n >= cap)
			return NULL;
	}
	m[c->n] = (struct member){ .hash = hash, .who = *who, .at = at };
	return &m[c->n++];
}

void
crowd_forget(struct crowd *c, struct member *m, uint64_t hash)
{
	if (!sampled(hash, c->level))
		return;
	for (uint16_t i = 0; i < c->n; i++)
		if (m[i].hash == hash) {
			m[i] = m[--c->n];
			return;
		}
}

uint32_t
crowd_count(const struct crowd *c, const struct member *m, uint32_t at, uint32_t span)
{
	uint32_t n = 0;

	for (uint16_t i = 0; i < c->n; i++)
		n += within(m[i].at, at, span);
	return n << c->level;
}
