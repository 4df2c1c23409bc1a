/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c - all that is known of one client, and its form in the store */
#include "record.h"

#include <stdlib.h>
#include <string.h>


#define RECORD_VERSION 1
#define RECORD_SPENT   2 /* the version of a record with the recipients of its grant behind the rest */
#define USER_MAX       255

const char *
threshold_kind_name(enum threshold_kind by)
{
	static const char *const names[] = { [BY_NONE] = "none", [BY_RATE] = "rate", [BY_TOTAL] = "total",
		[BY_HAND] = "hand" };

	return names[by];
}

void
record_init(struct record *r)
{
	memset(r, 0, sizeof *r);
}

void
record_clear(struct record *r)
{
	while (r->tallies != NULL) {
		struct tally *t = r->tallies;

		r->tallies = t->next;
		free(t);
	}
	record_ungrant(r);
	record_init(r);
}

const struct tally *
record_tally(const struct record *r, enum event_kind kind)
{
	const struct tally *t = r->tallies;

	while (t != NULL && t->kind != kind)
		t = t->next;
	return t;
}

/* The link that holds the tally of this kind, or the one at the end. */
static struct tally **
tally_link(struct record *r, enum event_kind kind)
{
	struct tally **link = &r->tallies;

	while (*link != NULL && (*link)->kind != kind)
		link = &(*link)->next;
	return link;
}

/* Room for one more hit as long as there are fewer than `cap`; where the configuration has become smaller since, the
 * oldest go. */
static struct tally *
tally_room(struct record *r, enum event_kind kind, uint16_t cap)
{
	struct tally **link = tally_link(r, kind), *t = *link;
	unsigned want;

	if (t != NULL && t->len > cap) {
		memmove(t->hits, t->hits + (t->len - cap), cap * sizeof *t->hits);
		t->len = cap;
	}
	if (t != NULL && (t->len < t->cap || t->cap >= cap))
		return t;
	want = t == NULL ? 1 : t->cap * 2u; /* most clients have one hit */
	if (want > cap)
		want = cap;
	*link = xrealloc(t, sizeof *t + want * sizeof *t->hits);
	if (t == NULL)
		**link = (struct tally){ .kind = (uint8_t)kind };
	(*link)->cap = (uint16_t)want;
	return *link;
}

enum window_hit
record_hit(struct record *r, enum event_kind kind, struct hit hit, uint16_t cap,
    enum window_same same)
{
	struct tally *t = tally_room(r, kind, cap);

	return window_hit(t->hits, &t->len, t->cap < cap ? t->cap : cap, hit, same);
}

void
record_forgive(struct record *r, uint32_t upto)
{
	struct tally **link = &r->tallies;

	while (*link != NULL) {
		struct tally *t = *link;
		uint16_t gone = 0;

		while (gone < t->len && t->hits[gone].at <= upto)
			gone++;
		t->len = (uint16_t)(t->len - gone);
		memmove(t->hits, t->hits + gone, t->len * sizeof *t->hits);
		if (t->len > 0) {
			link = &t->next;
			continue;
		}
		*link = t->next;
		free(t);
	}
}

void
record_unhit(struct record *r, enum event_kind kind, uint32_t since)
{
	struct tally **link = tally_link(r, kind), *t = *link;

	if (t == NULL)
		return;
	while (t->len > 0 && t->hits[t->len - 1].at >= since)
		t->len--;
	if (t->len > 0)
		return;
	*link = t->next;
	free(t);
}

void
record_grant(struct record *r, struct str user, uint32_t at, uint32_t until)
{
	struct grant *old = r->grant, *g;
	bool alive = old != NULL && at < old->until;

	if (user.n > USER_MAX)
		user.n = USER_MAX;
	if (alive && at < old->last && until <= old->until) { /* read late: all it adds is one login */
		old->logins++;
		return;
	}
	g = xmalloc(sizeof *g + user.n + 1);
	g->spent = old == NULL ? NULL : old->spent; /* a login does not bring the budget back */
	g->first = alive && old->first < at ? old->first : at;
	g->last = at;
	g->until = alive && old->until > until ? old->until : until;
	g->logins = alive ? old->logins + 1 : 1;
	str_copy(g->user, user.n + 1, user);
	free(old);
	r->grant = g;
}

void
record_ungrant(struct record *r)
{
	if (r->grant != NULL)
		free(r->grant->spent);
	free(r->grant);
	r->grant = NULL;
}

void
record_uncache(struct record *r)
{
	r->cached_at = r->cached_until = r->cached_hits = 0;
	r->cached_zone = NULL;
}

void
record_unblock(struct record *r)
{
	r->blocked_at = r->blocked_until = 0;
	r->blocked_by = BY_NONE;
	r->blocked_note = NULL;
	r->blocks = 0;
}

/* Writing: counts every byte, writes those that fit. */
struct writer {
	uint8_t *buf;
	size_t size, len;
};

static void
put(struct writer *w, uint32_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++, w->len++, v >>= 8)
		if (w->len < w->size)
			w->buf[w->len] = (uint8_t)v;
}

static void
put_text(struct writer *w, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	if (n > USER_MAX)
		n = USER_MAX;
	put(w, (uint32_t)n, 1);
	for (size_t i = 0; i < n; i++)
		put(w, (uint8_t)text[i], 1);
}

static void
put_tallies(struct writer *w, const struct record *r)
{
	for (const struct tally *t = r->tallies; t != NULL; t = t->next) {
		put(w, t->kind, 1);
		put(w, t->len, 2);
		for (uint16_t i = 0; i < t->len; i++) {
			put(w, t->hits[i].at, 4);
			put(w, t->hits[i].tag, 4);
		}
	}
	put(w, EVENT_KINDS, 1);
}

static bool
has_spent(const struct record *r)
{
	return r->grant != NULL && r->grant->spent != NULL;
}

static void
put_spent(struct writer *w, const struct spent *s)
{
	put(w, s->beyond, 4);
	put(w, s->beyond_at, 4);
	put(w, s->len, 2);
	for (uint16_t i = 0; i < s->len; i++) {
		put(w, s->v[i].at, 4);
		put(w, s->v[i].n, 4);
	}
}

size_t
record_encode(const struct record *r, uint8_t *buf, size_t size)
{
	struct writer w = { buf, size, 0 };
	const uint32_t times[] = { r->seen, r->login, r->cached_at, r->cached_until, r->cached_hits, r->blocked_at,
		r->blocked_until };
	const uint8_t small[] = { r->cached_kind, r->blocked_kind, r->blocked_by, r->blocks };

	put(&w, has_spent(r) ? RECORD_SPENT : RECORD_VERSION, 1);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		put(&w, times[i], 4);
	for (size_t i = 0; i < sizeof small; i++)
		put(&w, small[i], 1);
	put_text(&w, r->cached_zone);
	put_text(&w, r->blocked_note);
	put(&w, r->grant != NULL, 1);
	if (r->grant != NULL) {
		put(&w, r->grant->first, 4);
		put(&w, r->grant->last, 4);
		put(&w, r->grant->until, 4);
		put(&w, r->grant->logins, 4);
		put_text(&w, r->grant->user);
	}
	put_tallies(&w, r);
	if (has_spent(r))
		put_spent(&w, r->grant->spent);
	return w.len;
}

/* Reading: past the end every value is 0 and `bad` says so once for all. */
struct reader {
	const uint8_t *buf;
	size_t len, at;
	bool bad;
};

static uint32_t
get(struct reader *in, unsigned bytes)
{
	uint32_t v = 0;

	if (in->len - in->at < bytes) {
		in->bad = true;
		in->at = in->len;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint32_t)in->buf[in->at++] << (8 * i);
	return v;
}

static struct str
get_text(struct reader *in)
{
	struct str s = { NULL, get(in, 1) };

	if (in->len - in->at < s.n) {
		in->bad = true;
		return STR_NONE;
	}
	s.p = (const char *)in->buf + in->at;
	in->at += s.n;
	return s;
}

static void
get_grant(struct reader *in, struct record *r)
{
	uint32_t first = get(in, 4), last = get(in, 4), until = get(in, 4), logins = get(in, 4);
	struct str user = get_text(in);

	record_grant(r, user, last, until);
	r->grant->first = first;
	r->grant->logins = logins;
}

static void
get_tallies(struct reader *in, struct record *r)
{
	struct tally **link = &r->tallies;

	for (uint32_t kind; (kind = get(in, 1)) != EVENT_KINDS && !in->bad;) {
		uint32_t len = get(in, 2);
		struct tally *t;

		if (kind > EVENT_KINDS || len == 0 || len > RECORD_HITS_MAX || (in->len - in->at) / 8 < len) {
			in->bad = true;
			return;
		}
		t = xmalloc(sizeof *t + len * sizeof *t->hits);
		*t = (struct tally){ .kind = (uint8_t)kind, .len = (uint16_t)len, .cap = (uint16_t)len };
		for (uint32_t i = 0; i < len; i++) {
			t->hits[i].at = get(in, 4);
			t->hits[i].tag = get(in, 4);
		}
		*link = t;
		link = &t->next;
	}
}

static void
get_spent(struct reader *in, struct record *r)
{
	uint32_t beyond = get(in, 4), beyond_at = get(in, 4), len = get(in, 2);
	struct spent *s;

	if (r->grant == NULL || len > SPENT_SPAN || (in->len - in->at) / 8 < len) {
		in->bad = true;
		return;
	}
	s = xmalloc(sizeof *s + len * sizeof *s->v);
	*s = (struct spent){ .len = (uint16_t)len, .cap = (uint16_t)len, .beyond = beyond, .beyond_at = beyond_at };
	for (uint32_t i = 0; i < len; i++) {
		s->v[i].at = get(in, 4);
		s->v[i].n = get(in, 4);
	}
	r->grant->spent = s;
}

/* A threshold is one of a kind. */
static bool
has_blocker(const struct record *r)
{
	bool by_threshold = r->blocked_by == BY_RATE || r->blocked_by == BY_TOTAL;

	return r->blocked_by <= BY_HAND && (by_threshold ? r->blocked_kind < EVENT_KINDS : r->blocked_kind <= EVENT_KINDS);
}

int
record_decode(struct record *r, const uint8_t *buf, size_t len, struct err *e)
{
	struct reader in = { buf, len, 0, false };
	uint32_t version = get(&in, 1);
	uint32_t *times[] = { &r->seen, &r->login, &r->cached_at, &r->cached_until, &r->cached_hits, &r->blocked_at,
		&r->blocked_until };
	uint8_t *small[] = { &r->cached_kind, &r->blocked_kind, &r->blocked_by, &r->blocks };

	if (version != RECORD_VERSION && version != RECORD_SPENT)
		return err_set(e, "record of version %u, this program knows versions %d and %d", version, RECORD_VERSION,
		    RECORD_SPENT);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		*times[i] = get(&in, 4);
	for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
		*small[i] = (uint8_t)get(&in, 1);
	r->cached_zone = intern(get_text(&in));
	r->blocked_note = intern(get_text(&in));
	if (get(&in, 1) != 0)
		get_grant(&in, r);
	get_tallies(&in, r);
	if (version == RECORD_SPENT && !in.bad)
		get_spent(&in, r);
	if (!in.bad && in.at == in.len && r->cached_kind <= EVENT_KINDS && has_blocker(r))
		return 0;
	record_clear(r);
	return err_set(e, "record of %zu bytes is damaged", len);
}
