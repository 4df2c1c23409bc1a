/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_want.c - what a set should hold, for the time of one sync
 *
 * A table with open addressing and linear probing that never forgets a key: an address taken out again stays with
 * deadline 0.
 */
#include <sys/random.h>

#include <stdlib.h>

#include "addrhash.h"
#include "helper.h"

#define SLOTS_FIRST 1024
#define SLACK	    3 /* seconds by which kernel and ledger may differ without being wrong */

struct slot {
	struct addr addr;
	uint32_t deadline; /* 0: not wanted */
	bool used, seen;
	bool cut; /* wanted for longer than the kernel can hold it: renewed at half time */
};

struct want {
	struct slot *slot;
	size_t slots, used; /* slots is a power of two */
	uint32_t size, max;
	uint64_t salt;
};

struct want *
want_new(uint32_t max, uint32_t expect)
{
	struct want *w = xcalloc(1, sizeof(*w));

	for (w->slots = SLOTS_FIRST; w->slots / 4 * 3 <= expect && expect <= max;)
		w->slots *= 2;
	w->slot = xcalloc(w->slots, sizeof(*w->slot));
	w->max = max;
	if (getrandom(&w->salt, sizeof(w->salt), 0) != (ssize_t)sizeof(w->salt))
		w->salt = (uint64_t)(uintptr_t)w->slot;
	return w;
}

void
want_free(struct want *w)
{
	if (w == NULL)
		return;
	free(w->slot);
	free(w);
}

/* The slot of an address: its own, or the free one where it belongs. */
static struct slot *
find(const struct want *w, const struct addr *a)
{
	for (size_t i = addrhash(a, w->salt);; i++) {
		struct slot *s = &w->slot[i & (w->slots - 1)];

		if (!s->used || addr_eq(&s->addr, a))
			return s;
	}
}

static void
grow(struct want *w)
{
	struct slot *old = w->slot;
	size_t i, n = w->slots;

	w->slots *= 2;
	w->slot = xcalloc(w->slots, sizeof(*w->slot));
	for (i = 0; i < n; i++)
		if (old[i].used)
			*find(w, &old[i].addr) = old[i];
	free(old);
}

bool
want_put(struct want *w, const struct addr *a, uint32_t timeout, uint32_t now)
{
	struct slot *s;

	if (w->used >= w->slots / 4 * 3)
		grow(w);
	s = find(w, a);
	if (s->deadline == 0) {
		if (w->size >= w->max)
			return false;
		w->size++;
	}
	if (!s->used) {
		s->used = true;
		s->addr = *a;
		w->used++;
	}
	s->cut = timeout > FW_TIMEOUT_MAX;
	s->deadline = now + (s->cut ? FW_TIMEOUT_MAX : timeout);
	return true;
}

void
want_del(struct want *w, const struct addr *a)
{
	struct slot *s = find(w, a);

	if (s->used && s->deadline != 0) {
		s->deadline = 0;
		w->size--;
	}
}

uint32_t
want_size(const struct want *w)
{
	return w->size;
}

uint32_t
want_term(const struct want *w, const struct addr *a, uint32_t now)
{
	const struct slot *s = find(w, a);

	return s->used && s->deadline > now ? s->deadline - now : 0;
}

enum want_found
want_check(struct want *w, const struct addr *a, uint32_t timeout, uint32_t now)
{
	struct slot *s = find(w, a);
	uint32_t left;

	if (!s->used || s->deadline <= now)
		return timeout != 0 && timeout <= SLACK ? WANT_OK : WANT_FOREIGN; /* it goes by itself */
	s->seen = true;
	left = s->deadline - now;
	if (timeout != 0 && s->cut)
		return timeout > FW_TIMEOUT_MAX / 2 ? WANT_OK : WANT_RENEW;
	if (timeout == 0 || timeout > left + SLACK || left > timeout + SLACK)
		return WANT_OTHER_TERM;
	return WANT_OK;
}

bool
want_missing(const struct want *w, size_t *at, uint32_t now, struct addr *out)
{
	for (; *at < w->slots; ++*at) {
		const struct slot *s = &w->slot[*at];

		/* What has a second left may just have gone from the kernel by itself. */
		if (!s->used || s->seen || s->deadline <= now + 1)
			continue;
		*out = s->addr;
		++*at;
		return true;
	}
	return false;
}
