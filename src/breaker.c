/* SPDX-License-Identifier: GPL-2.0-or-later */
/* breaker.c - the circuit breaker
 *
 * An IPv6 customer has thousands of /64 networks to be blocked in: here each /48 is one client, so that nobody opens
 * the breaker alone.
 */
#include "breaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "addrhash.h"

#define BLOCKED	   128	/* clients kept of those newly blocked for one kind */
#define CENSUS	   512	/* and of all that were heard of */
#define CENSUS_BITS 9	/* of the chains by which they are found */
#define CUSTOMER   48	/* bits: what one IPv6 customer is given at most (RFC 6177) */
#define USUAL	   250	/* per thousand that a zone usually leaves unlisted, as long as we do not know */
#define USUAL_MOVE 32	/* each window moves it by the 32nd part of the difference; the first ones make their mean, */
#define LEARN	   4	/* which is believed after so many */
#define JUMP	   8	/* the unlisted must have become so many times fewer than usual */

struct kind_state {
	struct crowd blocked;
	struct member members[BLOCKED]; /* mark: GOOD */
	struct trip trips[2];		/* by its cause, BREAKER_BLOCKS and BREAKER_GOOD */
};
enum { GOOD = 1 };

struct zone_state {
	const char *zone; /* interned; NULL: free */
	uint32_t began, heard;
	uint32_t usual;	  /* unlisted, per thousand */
	uint32_t windows; /* that it was learned from; no more than USUAL_MOVE - 1 are counted */
	uint32_t warned;  /* what it has not learned enough to open for was told then; 0: never */
	struct trip trip;
};

struct breaker {
	uint64_t salt;
	struct kind_state kinds[EVENT_KINDS];
	struct crowd census;
	struct member members[CENSUS]; /* mark: 1 + the place of its zone; 0: not listed */
	uint16_t heads[1 << CENSUS_BITS];
	uint32_t window;	       /* when the current window of `usual` began */
	struct zone_state zones[BREAKER_ZONES];
};

static void
begin_census(struct breaker *b)
{
	b->census = (struct crowd){ .bits = CENSUS_BITS, .heads = b->heads };
	memset(b->heads, 0, sizeof b->heads);
}

struct breaker *
breaker_new(void)
{
	struct breaker *b = xcalloc(1, sizeof *b);

	if (getrandom(&b->salt, sizeof b->salt, 0) != (ssize_t)sizeof b->salt)
		panic("no random numbers from the system");
	begin_census(b);
	return b;
}

void
breaker_free(struct breaker *b)
{
	free(b);
}

static bool
open_at(const struct trip *t, uint32_t at)
{
	return t->until != 0 && at < t->until && at >= t->since;
}

uint8_t
breaker_holds(const struct breaker *b, enum event_kind kind, struct str zone, uint32_t at)
{
	const struct trip *of = b->kinds[kind].trips;
	unsigned held = open_at(&of[BREAKER_BLOCKS], at) ? HELD_BLOCK : 0;

	if (open_at(&of[BREAKER_GOOD], at))
		held |= HELD_GOOD;
	for (unsigned i = 0; kind == EVENT_RBL && zone.n > 0 && i < BREAKER_ZONES; i++)
		if (open_at(&b->zones[i].trip, at) && str_eq(str_of(b->zones[i].zone), zone))
			held |= HELD_BLOCK | HELD_CACHE;
	return (uint8_t)held;
}

static void
trip(struct trip *t, const struct threshold *th, uint32_t at)
{
	t->since = at >= th->span ? at - th->span + 1 : 0;
	t->at = at;
	t->until = at + th->term;
}

static bool
too_many_good(const struct policy *p, const struct kind_state *k, uint32_t at, uint32_t *good, uint32_t *of)
{
	const struct threshold *th = &p->breaker_good;
	uint32_t n = 0;

	for (uint16_t i = 0; i < k->blocked.n; i++)
		n += k->members[i].mark == GOOD && k->members[i].at + th->span > at;
	*good = n << k->blocked.level;
	*of = crowd_count(&k->blocked, k->members, at, th->span);
	return th->n > 0 && *good >= th->n && *good * 100 >= *of * p->breaker_good_share;
}

bool
breaker_blocked(struct breaker *b, const struct policy *p, enum event_kind kind, const struct addr *client, bool good,
    uint32_t at, uint32_t now, struct trip *out)
{
	const struct threshold *th = &p->breaker_blocks;
	struct kind_state *k = &b->kinds[kind];
	struct addr who = addr_client(client, CUSTOMER);
	uint32_t span = th->span > p->breaker_good.span ? th->span : p->breaker_good.span;
	struct member *m = crowd_hear(&k->blocked, k->members, BLOCKED, addrhash(&who, b->salt), &who, at, now, span);
	uint32_t n, of;

	at = k->blocked.newest; /* a late one does not turn the time back */
	if (m != NULL && good)
		m->mark = GOOD;
	if (open_at(&k->trips[BREAKER_BLOCKS], at))
		return false; /* held already: this one slipped through, and will be met by the withdrawal */
	n = crowd_count(&k->blocked, k->members, at, th->span);
	if (th->n > 0 && n >= th->n) {
		k->trips[BREAKER_BLOCKS] = (struct trip){ .cause = BREAKER_BLOCKS, .kind = kind, .n = n };
		trip(&k->trips[BREAKER_BLOCKS], th, at);
		*out = k->trips[BREAKER_BLOCKS];
		return true;
	}
	if (open_at(&k->trips[BREAKER_GOOD], at) || !too_many_good(p, k, at, &n, &of))
		return false;
	k->trips[BREAKER_GOOD] = (struct trip){ .cause = BREAKER_GOOD, .kind = kind, .n = n, .of = of };
	trip(&k->trips[BREAKER_GOOD], &p->breaker_good, at);
	*out = k->trips[BREAKER_GOOD];
	return true;
}

/* Per thousand of those heard of within the window that this zone does not list; SIZE in *all. */
static uint32_t
unlisted(const struct breaker *b, unsigned place, uint32_t at, uint32_t span, uint32_t *listed, uint32_t *all)
{
	uint32_t n = 0, of = 0;

	for (uint16_t i = 0; i < b->census.n; i++) {
		if (at >= b->members[i].at && at - b->members[i].at >= span)
			continue;
		of++;
		n += b->members[i].mark == place + 1;
	}
	*listed = n << b->census.level;
	*all = of << b->census.level;
	return of == 0 ? 1000 : (of - n) * 1000 / of;
}

/* Does the zone leave too many unlisted to be suspected?  Mostly it does, and some dozens of members tell: more than the
 * share of all members is more than that of those within the window. */
static bool
leaves_enough(const struct breaker *b, unsigned place, uint32_t at, uint32_t span, uint32_t share)
{
	uint32_t enough = b->census.n * ((100 - share) * 10 + 1), n = 0; /* thousandths */

	for (uint16_t i = 0; i < b->census.n && n < enough; i++)
		if (b->members[i].mark != place + 1 && (at < b->members[i].at || at - b->members[i].at < span))
			n += 1000;
	return n >= enough;
}

/* Once in a window: what is usual moves a little. */
static void
learn_usual(struct breaker *b, const struct threshold *th, uint32_t at)
{
	uint32_t listed, all;

	if (at >= b->window && at - b->window < th->span)
		return;
	b->window = at;
	for (unsigned i = 0; i < BREAKER_ZONES; i++) {
		struct zone_state *z = &b->zones[i];
		uint32_t now;

		if (z->zone == NULL || at - z->began < th->span) /* no whole window of it */
			continue;
		now = unlisted(b, i, at, th->span, &listed, &all);
		if (all < th->n / 2)
			continue;
		z->usual = (z->usual * z->windows + now) / (z->windows + 1);
		if (z->windows < USUAL_MOVE - 1)
			z->windows++;
	}
}

/* The zone's place; a new one takes that of the one not heard of for longest.  Members keep the old one's mark until
 * they are heard of again: nothing worse than a zone that begins with a few too many. */
static unsigned
place_of(struct breaker *b, const char *zone, uint32_t at)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < BREAKER_ZONES; i++) {
		if (b->zones[i].zone == zone)
			return i;
		if (!open_at(&b->zones[i].trip, at) && b->zones[i].heard < b->zones[oldest].heard)
			oldest = i;
	}
	b->zones[oldest] = (struct zone_state){ .zone = zone, .usual = USUAL, .began = at };
	for (uint16_t i = 0; i < b->census.n; i++)
		if (b->members[i].mark == oldest + 1)
			b->members[i].mark = 0;
	return oldest;
}

bool
breaker_heard(struct breaker *b, const struct policy *p, const char *zone, const struct addr *client, uint32_t at,
    uint32_t now, struct trip *out)
{
	const struct threshold *th = &p->breaker_zone;
	struct addr who = addr_client(client, CUSTOMER);
	struct member *m;
	struct zone_state *z;
	uint32_t left, n, of;
	unsigned place;

	if (th->n == 0)
		return false;
	m = crowd_hear(&b->census, b->members, CENSUS, addrhash(&who, b->salt), &who, at, now, th->span);
	at = b->census.newest; /* a late one does not turn the time back */
	learn_usual(b, th, at);
	if (zone == NULL || m == NULL)
		return false;
	place = place_of(b, zone, at);
	z = &b->zones[place];
	z->heard = at;
	if (m->mark == place + 1)
		return false; /* nothing new */
	m->mark = (uint16_t)(place + 1);
	if (open_at(&z->trip, at) || leaves_enough(b, place, at, th->span, p->breaker_zone_share) ||
	    crowd_count(&b->census, b->members, at, th->span) < th->n)
		return false;
	left = unlisted(b, place, at, th->span, &n, &of);
	if (left > (100 - p->breaker_zone_share) * 10 || left * JUMP > z->usual)
		return false;
	*out = (struct trip){ .cause = BREAKER_ZONE, .kind = EVENT_RBL, .zone = zone, .n = n, .of = of };
	trip(out, th, at);
	if (z->windows >= LEARN)
		z->trip = *out;
	else if (z->warned == 0 || at < z->warned || at - z->warned >= th->term) {
		z->warned = at;
		out->until = 0;
	} else
		return false;
	return true;
}

void
breaker_excused(struct breaker *b, const struct addr *client)
{
	struct addr who = addr_client(client, CUSTOMER);

	crowd_forget(&b->census, b->members, addrhash(&who, b->salt));
}

/* Nothing of the windows is kept either, or the next client would open it again. */
unsigned
breaker_reset(struct breaker *b, uint32_t at)
{
	unsigned n = 0;

	for (unsigned i = 0; i < EVENT_KINDS; i++) {
		for (unsigned cause = 0; cause < 2; cause++)
			n += open_at(&b->kinds[i].trips[cause], at);
		memset(&b->kinds[i], 0, sizeof b->kinds[i]);
	}
	for (unsigned i = 0; i < BREAKER_ZONES; i++) {
		struct zone_state *z = &b->zones[i];

		if (open_at(&z->trip, at)) {
			n++;
			z->usual = z->trip.of == 0 ? USUAL : (z->trip.of - z->trip.n) * 1000 / z->trip.of;
			z->windows = USUAL_MOVE - 1;
		}
		z->trip.until = 0;
	}
	begin_census(b);
	return n;
}

unsigned
breaker_open(const struct breaker *b, uint32_t at, struct trip *out, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 2 * EVENT_KINDS && n < max; i++)
		if (open_at(&b->kinds[i / 2].trips[i % 2], at))
			out[n++] = b->kinds[i / 2].trips[i % 2];
	for (unsigned i = 0; i < BREAKER_ZONES && n < max; i++)
		if (open_at(&b->zones[i].trip, at))
			out[n++] = b->zones[i].trip;
	return n;
}

void
breaker_restore(struct breaker *b, const struct trip *t)
{
	if (t->zone == NULL)
		b->kinds[t->kind].trips[t->cause == BREAKER_GOOD ? BREAKER_GOOD : BREAKER_BLOCKS] = *t;
	else
		b->zones[place_of(b, t->zone, t->at)].trip = *t;
}

const char *
breaker_cause_name(enum breaker_cause c)
{
	static const char *const names[BREAKER_CAUSES] = { "blocks", "good", "zone" };

	return names[c];
}

char *
trip_text(char *buf, size_t size, const struct trip *t)
{
	char zone[96], span[16];

	str_term(span, sizeof span, (int64_t)t->at - t->since + 1);
	if (t->cause == BREAKER_BLOCKS)
		(void)snprintf(buf, size, "%s: %u clients newly blocked within %s", event_kind_name(t->kind), t->n, span);
	else if (t->cause == BREAKER_GOOD)
		(void)snprintf(buf, size, "%s: of %u clients newly blocked within %s %u are known to behave",
		    event_kind_name(t->kind), t->of, span, t->n);
	else
		(void)snprintf(buf, size, "%s: lists %u of %u clients seen within %s",
		    str_show(zone, sizeof zone, str_of(t->zone)), t->n, t->of, span);
	return buf;
}
