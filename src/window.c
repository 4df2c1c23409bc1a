/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window.c - the times of the last hits */
#include "window.h"

#include <string.h>

static void
remove_at(struct hit *hits, uint16_t *len, uint16_t i)
{
	memmove(hits + i, hits + i + 1, (size_t)(*len - i - 1) * sizeof *hits);
	(*len)--;
}

static enum window_hit
insert(struct hit *hits, uint16_t *len, uint16_t cap, struct hit new)
{
	uint16_t i;

	if (*len >= cap) {
		if (cap == 0 || new.at < hits[0].at)
			return WINDOW_TOO_OLD;
		remove_at(hits, len, 0);
	}
	for (i = *len; i > 0 && hits[i - 1].at > new.at; i--)
		hits[i] = hits[i - 1];
	hits[i] = new;
	(*len)++;
	return WINDOW_COUNTED;
}

static uint32_t
apart(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

/* The same thing, told by the other witness at about the same time, and not yet paired. */
static bool
pairs(struct hit a, struct hit b)
{
	return ((a.tag ^ b.tag) & (TAG_HASH | TAG_MILTER)) == TAG_MILTER && (a.tag & TAG_PAIRED) == 0 &&
	    apart(a.at, b.at) <= WINDOW_PAIR;
}

enum window_hit
window_hit(struct hit *hits, uint16_t *len, uint16_t cap, struct hit new, enum window_same same)
{
	enum window_hit is = WINDOW_COUNTED;

	if ((new.tag & TAG_HASH) == 0)
		return insert(hits, len, cap, new);
	for (uint16_t i = *len; i-- > 0;) {
		if (pairs(hits[i], new)) {
			hits[i].tag |= TAG_PAIRED;
			return WINDOW_PAIRED;
		}
		if (same == SAME_NEVER || ((hits[i].tag ^ new.tag) & TAG_HASH) != 0)
			continue;
		if (same == SAME_SHORTLY && apart(hits[i].at, new.at) > WINDOW_PAIR)
			continue;
		if (same == SAME_SHORTLY || hits[i].at >= new.at)
			return WINDOW_REPEATED;
		remove_at(hits, len, i);
		is = WINDOW_REPEATED;
		break;
	}
	insert(hits, len, cap, new);
	return is;
}

unsigned
window_most_like(const struct hit *hits, uint16_t len, uint32_t at, uint32_t span, uint32_t like, uint32_t mask)
{
	unsigned most = 0, n = 0;
	uint16_t start = 0, end;

	while (start < len && hits[start].at <= at && at - hits[start].at >= span)
		start++;
	for (end = start; start < len && hits[start].at <= at; start++) {
		for (; end < len && hits[end].at - hits[start].at < span; end++)
			n += ((hits[end].tag ^ like) & mask) == 0;
		if (n > most)
			most = n;
		n -= ((hits[start].tag ^ like) & mask) == 0;
	}
	return most;
}

unsigned
window_most(const struct hit *hits, uint16_t len, uint32_t at, uint32_t span)
{
	return window_most_like(hits, len, at, span, 0, 0);
}

/* Was the same thing hit before hits[i], not earlier than hits[from]? */
static bool
again(const struct hit *hits, uint16_t from, uint16_t i)
{
	if ((hits[i].tag & TAG_HASH) == 0)
		return false;
	for (uint16_t k = from; k < i; k++)
		if (((hits[k].tag ^ hits[i].tag) & TAG_HASH) == 0)
			return true;
	return false;
}

unsigned
window_distinct(const struct hit *hits, uint16_t len, uint32_t at, uint32_t span)
{
	uint16_t from = 0;
	unsigned n = 0;

	while (from < len && hits[from].at <= at && at - hits[from].at >= span)
		from++;
	for (uint16_t i = from; i < len && hits[i].at <= at; i++)
		n += !again(hits, from, i);
	return n;
}
