/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.c - see history.h: a ring of hours
 *
 * An hour's place is its number modulo the size of the ring, in memory and in the store: a new hour takes the place of
 * one that is 31 days older, so that nothing has ever to be deleted.
 */
#include "history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define VERSION 1
#define COLUMNS (sizeof(struct history_hour) / sizeof(uint32_t))
#define HEAD	2 /* version, columns */

struct slot {
	struct history_hour row;
	bool dirty;
};

struct history {
	pthread_mutex_t lock; /* guards everything */
	struct slot slots[HISTORY_HOURS];
	uint64_t refused[HISTORY_REFUSALS]; /* as last told */
	uint64_t lost;
};

/* The numbers are written one after the other as they stand. */
_Static_assert(sizeof(struct history_hour) == 4 * (1 + EVENT_KINDS + EVENT_KINDS + 1 + 1 + HISTORY_REFUSALS + HISTORY_MERCIES),
    "an hour is nothing but numbers");

struct history *
history_new(void)
{
	struct history *h = xcalloc(1, sizeof *h);

	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void
history_free(struct history *h)
{
	if (h == NULL)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* The row of a moment, to be changed; NULL: it is too long ago. */
static struct history_hour *
row_of(struct history *h, time_t at)
{
	uint32_t hour = at <= 0 ? 0 : (uint32_t)(at / 3600);
	struct slot *s = &h->slots[hour % HISTORY_HOURS];

	if (hour == 0 || hour < s->row.hour) {
		h->lost++;
		return NULL;
	}
	if (hour > s->row.hour) {
		memset(&s->row, 0, sizeof s->row);
		s->row.hour = hour;
	}
	s->dirty = true;
	return &s->row;
}

void
history_event(struct history *h, const struct event *ev, unsigned changes, time_t now)
{
	struct history_hour *row;

	if (changes & CHANGE_DUPLICATE)
		return;
	pthread_mutex_lock(&h->lock);
	row = row_of(h, ev->time > now ? now : ev->time);
	if (row != NULL && changes & CHANGE_TRUSTED) {
		row->mercy[MERCY_TRUSTED]++;
	} else if (row != NULL) {
		row->events[ev->kind]++;
		row->blocks[ev->kind] += (changes & CHANGE_BLOCKED) != 0;
		row->cached += (changes & CHANGE_CACHED) != 0;
		row->mercy[MERCY_FORGIVEN] += (changes & CHANGE_FORGIVEN) != 0;
		row->mercy[MERCY_HELD] += (changes & CHANGE_HELD) != 0;
	}
	pthread_mutex_unlock(&h->lock);
}

void
history_hand(struct history *h, unsigned changes, time_t now)
{
	struct history_hour *row;

	if (!(changes & (CHANGE_BLOCKED | CHANGE_CACHED)))
		return;
	pthread_mutex_lock(&h->lock);
	row = row_of(h, now);
	if (row != NULL) {
		row->blocks[EVENT_KINDS] += (changes & CHANGE_BLOCKED) != 0;
		row->cached += (changes & CHANGE_CACHED) != 0;
	}
	pthread_mutex_unlock(&h->lock);
}

void
history_refusals(struct history *h, const uint64_t since_start[HISTORY_REFUSALS], time_t now)
{
	struct history_hour *row = NULL;

	pthread_mutex_lock(&h->lock);
	if (memcmp(since_start, h->refused, sizeof h->refused) != 0)
		row = row_of(h, now);
	for (unsigned i = 0; row != NULL && i < HISTORY_REFUSALS; i++) {
		row->refused[i] += (uint32_t)(since_start[i] - h->refused[i]);
		h->refused[i] = since_start[i];
	}
	pthread_mutex_unlock(&h->lock);
}

unsigned
history_get(struct history *h, time_t from, time_t to, struct history_hour *out, unsigned max)
{
	uint32_t first = from <= 0 ? 1 : (uint32_t)(from / 3600), end = to <= 0 ? 0 : (uint32_t)((to + 3599) / 3600);
	unsigned n = 0;

	if (end > HISTORY_HOURS && first < end - HISTORY_HOURS)
		first = end - HISTORY_HOURS;
	pthread_mutex_lock(&h->lock);
	for (uint32_t hour = first; hour < end && n < max; hour++)
		if (h->slots[hour % HISTORY_HOURS].row.hour == hour)
			out[n++] = h->slots[hour % HISTORY_HOURS].row;
	pthread_mutex_unlock(&h->lock);
	return n;
}

uint64_t
history_lost(struct history *h)
{
	uint64_t n;

	pthread_mutex_lock(&h->lock);
	n = h->lost;
	pthread_mutex_unlock(&h->lock);
	return n;
}

/* --- in the store: little-endian, so that it can be moved between machines --- */

static void
cut_slot(struct cut *c, unsigned place, const struct history_hour *row)
{
	const uint8_t key[] = { 'h', 'o', 'u', 'r', (uint8_t)(place >> 8), (uint8_t)place };
	uint8_t val[HEAD + 4 * COLUMNS] = { VERSION, COLUMNS };
	uint32_t n[COLUMNS];

	memcpy(n, row, sizeof n);
	for (size_t i = 0; i < COLUMNS; i++)
		for (unsigned b = 0; b < 4; b++)
			val[HEAD + 4 * i + b] = (uint8_t)(n[i] >> (8 * b));
	cut_put(c, CUT_META, key, sizeof key, val, sizeof val);
}

void
history_cut(struct history *h, struct cut *c, bool whole)
{
	pthread_mutex_lock(&h->lock);
	for (unsigned i = 0; i < HISTORY_HOURS; i++) {
		struct slot *s = &h->slots[i];

		if (s->dirty || (whole && s->row.hour != 0))
			cut_slot(c, i, &s->row);
		s->dirty = false;
	}
	pthread_mutex_unlock(&h->lock);
}

int
history_restore(struct history *h, const uint8_t *key, size_t klen, const uint8_t *val, size_t vlen, struct err *e)
{
	uint32_t n[COLUMNS] = { 0 };
	unsigned place;

	if (klen != 6 || memcmp(key, "hour", 4) != 0)
		return 0;
	place = (unsigned)key[4] << 8 | key[5];
	if (vlen != HEAD + 4 * COLUMNS || val[0] != VERSION || val[1] != COLUMNS || place >= HISTORY_HOURS)
		return err_set(e, "an hour of the history, of %zu bytes, is damaged", vlen);
	for (size_t i = 0; i < COLUMNS; i++)
		for (unsigned b = 0; b < 4; b++)
			n[i] |= (uint32_t)val[HEAD + 4 * i + b] << (8 * b);
	if (n[0] == 0 || n[0] % HISTORY_HOURS != place)
		return err_set(e, "an hour of the history is at a place that is not its own");
	pthread_mutex_lock(&h->lock);
	memcpy(&h->slots[place].row, n, sizeof n);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

void
history_clear(struct history *h)
{
	pthread_mutex_lock(&h->lock);
	memset(h->slots, 0, sizeof h->slots);
	pthread_mutex_unlock(&h->lock);
}

const char *
history_refusal_name(enum history_refusal r)
{
	static const char *const names[HISTORY_REFUSALS] = { "cache", "block", "forgery" };

	return names[r];
}

const char *
history_mercy_name(enum history_mercy m)
{
	static const char *const names[HISTORY_MERCIES] = { "forgiven", "trusted", "held" };

	return names[m];
}
