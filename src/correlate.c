/* SPDX-License-Identifier: GPL-2.0-or-later */
/* correlate.c - see correlate.h
 *
 * Every half in use is in the chain of its key's hash and in one list by age.  A key is what both lines must have in
 * common, written out: kind of key, host, tag, id; or rule and client.  Clients choose their addresses, so the hash has
 * a secret.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "correlate.h"
#include "correlate_half.h"
#include "stats.h"

#define BUCKETS 4096 /* a power of two */

struct correlate {
	TAILQ_HEAD(halves_by_age, half) oldest; /* unused ones first */
	LIST_HEAD(, half) buckets[BUCKETS];
	uint64_t told; /* halves so far: their age */
	uint64_t salt;
	struct half halves[CORRELATE_HALVES];
};

struct correlate *
correlate_new(void)
{
	struct correlate *c = xcalloc(1, sizeof(*c));

	if (getrandom(&c->salt, sizeof(c->salt), 0) != (ssize_t)sizeof(c->salt))
		panic("no random numbers from the system");
	TAILQ_INIT(&c->oldest);
	for (unsigned i = 0; i < CORRELATE_HALVES; i++)
		TAILQ_INSERT_TAIL(&c->oldest, &c->halves[i], age);
	return c;
}

void
correlate_free(struct correlate *c)
{
	free(c);
}

/* false: the line has no such id, or names too long to be anybody's. */
static bool
key_make(struct key *k, enum rules_key kind, const struct logline *line, struct str qid)
{
	const struct str parts[] = { line->host, line->tag, kind == RULES_PID ? line->pid : qid };

	k->text[0] = (char)('0' + kind);
	k->n = 1;
	if (parts[2].n == 0)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (k->n + parts[i].n + 1 > sizeof(k->text))
			return false;
		if (parts[i].n > 0)
			memcpy(k->text + k->n, parts[i].p, parts[i].n);
		k->n = (uint8_t)(k->n + parts[i].n);
		k->text[k->n++] = '\0';
	}
	return true;
}

/* FNV-1a, 64 bits, begun with the secret; its high bits are its good ones. */
static unsigned
bucket_of(const struct correlate *c, const struct key *k)
{
	uint64_t h = c->salt;

	for (unsigned i = 0; i < k->n; i++)
		h = (h ^ (unsigned char)k->text[i]) * UINT64_C(0x100000001b3);
	return (unsigned)(h >> 32) % BUCKETS;
}

static bool
is_of(const struct half *h, const struct key *k, enum half_kind kind)
{
	return h->kind == kind && h->key.n == k->n && memcmp(h->key.text, k->text, k->n) == 0;
}

static void
forget(struct correlate *c, struct half *h)
{
	LIST_REMOVE(h, chain);
	TAILQ_REMOVE(&c->oldest, h, age);
	TAILQ_INSERT_HEAD(&c->oldest, h, age);
	h->kind = HALF_NONE;
	h->changed = true;
}

/* The clock may also have been set back. */
static bool
is_older(const struct half *h, time_t now, time_t seconds)
{
	return now - h->time > seconds || h->time - now > seconds;
}

static bool
is_stale(const struct half *h, time_t now)
{
	return is_older(h, now, CORRELATE_SECONDS);
}

/* An event whose address was never told is lost: it is counted.  An address that nobody asked for is not. */
static void
drop(struct correlate *c, struct half *h, enum counter why)
{
	if (h->kind == HALF_EVENT)
		stat_add(why, h->times);
	else if (why == STAT_HALVES_DROPPED)
		stat_add(why, 1);
	forget(c, h);
}

static struct half *
keep(struct correlate *c, const struct key *k, enum half_kind kind, time_t now)
{
	struct half *h = TAILQ_FIRST(&c->oldest);

	if (h->kind != HALF_NONE)
		drop(c, h, is_stale(h, now) ? STAT_HALVES_ALONE : STAT_HALVES_DROPPED);
	TAILQ_REMOVE(&c->oldest, h, age);
	TAILQ_INSERT_TAIL(&c->oldest, h, age);
	LIST_INSERT_HEAD(&c->buckets[bucket_of(c, k)], h, chain);
	h->key = *k;
	h->kind = kind;
	h->time = now;
	h->told = ++c->told;
	h->changed = true;
	return h;
}

/* The newest half of this kind and key. */
static struct half *
find(struct correlate *c, const struct key *k, enum half_kind kind)
{
	struct half *h;

	LIST_FOREACH (h, &c->buckets[bucket_of(c, k)], chain)
		if (is_of(h, k, kind))
			return h;
	return NULL;
}

/* Whom the other line named.  A process that has refused somebody may have ended, and its number be another's: what it is
 * told for later offends nobody new, but no login is believed. */
static struct half *
client_of(struct correlate *c, const struct key *k, bool login)
{
	struct half *h = find(c, k, HALF_CLIENT);

	return h != NULL || login ? h : find(c, k, HALF_SUSPECT);
}

static void
remember(struct correlate *c, const struct key *k, const struct addr *client, time_t now)
{
	struct half *h = client_of(c, k, false);

	if (h != NULL)
		forget(c, h);
	keep(c, k, HALF_CLIENT, now)->addr = *client;
}

/* The oldest event that waits for this key; those that waited too long are lost. */
static struct half *
waiting(struct correlate *c, const struct key *k, time_t now)
{
	struct half *h, *next, *found = NULL;

	for (h = LIST_FIRST(&c->buckets[bucket_of(c, k)]); h != NULL; h = next) {
		next = LIST_NEXT(h, chain);
		if (!is_of(h, k, HALF_EVENT))
			continue;
		if (is_stale(h, now))
			drop(c, h, STAT_HALVES_ALONE);
		else if (found == NULL || h->told < found->told)
			found = h;
	}
	return found;
}

static struct str
word(const char *s)
{
	return *s == '\0' ? STR_NONE : str_of(s);
}

/* Events told by `ev`, the line of the address: what waited for it happened. */
static unsigned
settle(struct correlate *c, const struct key *k, const struct event *ev, time_t now, correlate_fn *fn, void *arg)
{
	struct half *h;
	unsigned n = 0;

	for (; (h = waiting(c, k, now)) != NULL; n++) {
		struct event done = *ev;

		done.kind = h->event;
		done.time = h->time;
		done.user = word(h->words.user);
		done.recipient = word(h->words.recipient);
		done.zone = STR_NONE;
		done.rule = h->words.rule;
		stat_add(STAT_HALVES_PAIRED, h->times);
		fn(arg, &done, h->times, false);
		forget(c, h);
	}
	return n;
}

static void
wait_for(struct correlate *c, const struct key *k, const struct event *ev, unsigned times, time_t now)
{
	struct half *h;
	unsigned n = 0;

	LIST_FOREACH (h, &c->buckets[bucket_of(c, k)], chain)
		n += is_of(h, k, HALF_EVENT);
	if (n >= CORRELATE_OF_KEY) {
		stat_add(STAT_HALVES_DROPPED, times);
		return;
	}
	h = keep(c, k, HALF_EVENT, now);
	h->event = ev->kind;
	h->times = times;
	str_copy(h->words.rule, sizeof(h->words.rule), str_of(ev->rule));
	str_copy(h->words.user, sizeof(h->words.user), ev->user);
	str_copy(h->words.recipient, sizeof(h->words.recipient), ev->recipient);
}

/* Put the address to an event that has none.  The keys are asked in their order, the queue id first: it is one
 * message's, the process id one process's. */
static bool
complete(struct correlate *c, const struct logline *line, const struct rules_part *part, struct event *ev, time_t now)
{
	static const enum rules_key order[] = { RULES_QID, RULES_PID };
	struct half *h;
	struct key k;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(part->need & 1 << order[i]) || !key_make(&k, order[i], line, part->qid) ||
		    (h = client_of(c, &k, ev->kind == EVENT_LOGIN)) == NULL || is_stale(h, now))
			continue;
		ev->addr = h->addr;
		if (ev->kind == EVENT_LOGIN) {
			forget(c, h);
		} else if (ev->kind == EVENT_AUTH_FAILURE) {
			h->changed = h->changed || h->kind != HALF_SUSPECT;
			h->kind = HALF_SUSPECT;
		}
		stat_add(STAT_HALVES_PAIRED, line->repeat);
		return true;
	}
	if (part->need & 1 << RULES_QID && key_make(&k, RULES_QID, line, part->qid))
		wait_for(c, &k, ev, line->repeat, now);
	else
		stat_add(STAT_HALVES_ALONE, line->repeat);
	return false;
}

/* What the line says of others: of those before it, and of those to come. */
static unsigned
tell_others(struct correlate *c, const struct logline *line, const struct rules_part *part, const struct event *ev,
    time_t now, correlate_fn *fn, void *arg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RULES_KEYS; i++) {
		struct key k;

		if (!((part->remember | part->settle) & 1 << i) || !key_make(&k, (enum rules_key)i, line, part->qid))
			continue;
		if (part->settle & 1 << i)
			n += settle(c, &k, ev, now, fn, arg);
		if (part->remember & 1 << i)
			remember(c, &k, &ev->addr, now);
	}
	return n;
}

static void
key_told(struct key *k, const char *rule, const struct addr *client)
{
	size_t n = strlen(rule);

	k->text[0] = '0' + RULES_KEYS;
	memcpy(k->text + 1, client->b, sizeof(client->b));
	memcpy(k->text + 1 + sizeof(client->b), rule, n);
	k->n = (uint8_t)(1 + sizeof(client->b) + n);
}

/* How many of `times` have other rules told before?  Each telling of theirs is good for one. */
static unsigned
told_before(struct correlate *c, const struct rules_part *part, const struct event *ev, unsigned times, time_t now)
{
	time_t within = part->within == 0 ? CORRELATE_SECONDS : part->within;
	unsigned n = 0, used;
	struct half *h;
	struct key k;

	for (const char *const *name = part->after; *name != NULL; name++) {
		key_told(&k, *name, &ev->addr);
		if ((h = find(c, &k, HALF_TOLD)) == NULL || is_older(h, now, within))
			continue;
		used = h->times < times - n ? h->times : times - n;
		n += used;
		h->times -= used;
		h->changed = true;
		if (h->times == 0)
			forget(c, h);
	}
	return n;
}

/* What this rule tells is kept for those that could tell it again: also when it was told before, for they are asked
 * one after the other. */
static void
keep_told(struct correlate *c, const struct event *ev, unsigned times, time_t now)
{
	unsigned before = 0;
	struct half *h;
	struct key k;

	key_told(&k, ev->rule, &ev->addr);
	if ((h = find(c, &k, HALF_TOLD)) != NULL) {
		before = is_stale(h, now) ? 0 : h->times;
		forget(c, h);
	}
	h = keep(c, &k, HALF_TOLD, now);
	h->times = before > UINT_MAX - times ? UINT_MAX : before + times;
}

static void
tell(struct correlate *c, const struct rules_part *part, const struct event *ev, unsigned times, time_t now,
    correlate_fn *fn, void *arg)
{
	unsigned again = told_before(c, part, ev, times, now);

	if (part->told)
		keep_told(c, ev, times, now);
	if (again > 0)
		fn(arg, ev, again, true);
	if (again < times)
		fn(arg, ev, times - again, false);
}

enum rules_result
correlate_line(struct correlate *c, const struct rules *set, struct rules_scratch *s, const struct logline *line,
    time_t now, correlate_fn *fn, void *arg)
{
	struct event ev;
	enum rules_result is = rules_match(set, s, line, &ev);
	const struct rules_part *part = rules_part(s);
	unsigned n = 0;

	if (is != RULES_EVENT && is != RULES_HALF)
		return is;
	now = line->time == (time_t)-1 ? now : line->time;
	if (is == RULES_EVENT || (part->need != 0 && complete(c, line, part, &ev, now))) {
		tell(c, part, &ev, line->repeat, now, fn, arg);
		n++;
	}
	if ((part->remember | part->settle) != 0)
		n += tell_others(c, line, part, &ev, now, fn, arg);
	return n > 0 ? RULES_EVENT : RULES_IGNORED;
}

void
correlate_clear(struct correlate *c)
{
	for (unsigned i = 0; i < CORRELATE_HALVES; i++)
		if (c->halves[i].kind != HALF_NONE)
			forget(c, &c->halves[i]);
}

void
correlate_save(struct correlate *c, bool all, correlate_save_fn *fn, void *arg)
{
	uint8_t record[CORRELATE_RECORD];

	for (unsigned i = 0; i < CORRELATE_HALVES; i++) {
		struct half *h = &c->halves[i];

		if (h->changed || (all && h->kind != HALF_NONE))
			fn(arg, i, record, h->kind == HALF_NONE ? 0 : half_encode(h, record));
		h->changed = false;
	}
}

int
correlate_restore(struct correlate *c, unsigned place, const uint8_t *record, size_t len, struct err *e)
{
	struct half *h, *older;

	if (place >= CORRELATE_HALVES)
		return err_set(e, "half an event in place %u", place);
	h = &c->halves[place];
	if (h->kind != HALF_NONE)
		forget(c, h);
	if (half_decode(h, record, len, e) == -1)
		return -1;
	LIST_INSERT_HEAD(&c->buckets[bucket_of(c, &h->key)], h, chain);
	TAILQ_REMOVE(&c->oldest, h, age);
	older = TAILQ_LAST(&c->oldest, halves_by_age);
	while (older != NULL && older->kind != HALF_NONE && older->told > h->told)
		older = TAILQ_PREV(older, halves_by_age, age);
	if (older == NULL)
		TAILQ_INSERT_HEAD(&c->oldest, h, age);
	else
		TAILQ_INSERT_AFTER(&c->oldest, older, h, age);
	c->told = h->told > c->told ? h->told : c->told;
	h->changed = false;
	return 0;
}
