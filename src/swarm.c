/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swarm.c - distributed attacks
 *
 * The targets' names are the clients' text: they are only ever hashed, with a salt, and shown.
 */
#include "swarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "addrhash.h"
#include "crowd.h"
#include "stats.h"

#define WAYS	8	/* places where one target can stand: a set */
#define KEPT	64	/* clients kept of a target */
#define KEPT_BITS 5	/* of the chains by which they are found */
#define JUMP	4	/* a domain's clients must be so many times as many as usual */
#define LEARN	6	/* windows that must have been seen before a domain's usual is believed */
#define MOVE	8	/* each window moves it by the 8th part of the difference */
#define STALE	86400	/* seconds after which a target's clients weigh nothing any more */
#define SETS_OF (SWARM_TARGETS / WAYS)

/* What is needed to find one, or to see who makes room: those of one set fill two lines of the cache. */
struct head {
	uint64_t key; /* 0: free */
	uint32_t newest;
	uint16_t n;
	bool live;    /* an incident */
};

/* In the order of use: most have one member, and one or two lines of the cache are all that is touched of them. */
struct attacked {
	struct crowd crowd;
	uint32_t window, usual;	/* domain: when the window began, clients in one as a rule */
	uint32_t since, until, most; /* of the incident */
	uint32_t hash; /* of the name, as policy.c makes it */
	uint8_t target;
	uint16_t heads[1 << KEPT_BITS];
	struct member members[KEPT];
	char name[SWARM_NAME];
};

struct swarm {
	uint64_t salt;
	uint32_t began;		 /* the first event that was heard of */
	unsigned n;
	uint16_t live[SWARM_LIVE]; /* places of those with an incident */
	struct head heads[SWARM_TARGETS];
	struct attacked places[SWARM_TARGETS];
};

struct swarm *
swarm_new(void)
{
	struct swarm *s = xcalloc(1, sizeof *s);

	if (getrandom(&s->salt, sizeof s->salt, 0) != (ssize_t)sizeof s->salt)
		panic("no random numbers from the system");
	return s;
}

void
swarm_free(struct swarm *s)
{
	free(s);
}

enum target
swarm_target(const struct event *ev, struct str *name)
{
	switch (ev->kind) {
	case EVENT_AUTH_FAILURE:
		*name = ev->user;
		return name->n > 0 ? TARGET_ACCOUNT : TARGETS;
	case EVENT_LOGIN:
		*name = ev->user;
		return name->n > 0 ? TARGET_LOGIN : TARGETS;
	case EVENT_UNKNOWN_USER:
	case EVENT_RECIPIENT_FORGERY:
		*name = event_domain(ev->recipient);
		return name->n > 0 ? TARGET_DOMAIN : TARGETS;
	default:
		return TARGETS;
	}
}

bool
swarm_lowers(enum target t, enum event_kind kind)
{
	return (t == TARGET_ACCOUNT && kind == EVENT_AUTH_FAILURE) ||
	    (t == TARGET_DOMAIN && (kind == EVENT_UNKNOWN_USER || kind == EVENT_RECIPIENT_FORGERY));
}

static const struct threshold *
threshold_of(const struct policy *p, enum target t)
{
	return t == TARGET_ACCOUNT ? &p->incident_account : t == TARGET_LOGIN ? &p->incident_login : &p->incident_domain;
}

/* Eight bytes at once, capital letters of ASCII made small: adding carries into a byte's highest bit from 'A' on, and from
 * behind 'Z' on; other bytes have theirs set already. */
static uint64_t
lower8(uint64_t w)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = w & 0x7f * each, from_a = low + (0x80 - 'A') * each, behind_z = low + (0x80 - 'Z' - 1) * each;

	return w | ((from_a & ~behind_z & ~w & 0x80 * each) >> 2);
}

static uint64_t
key_of(const struct swarm *s, enum target t, struct str name)
{
	uint64_t h = addrhash_mix(s->salt + (uint64_t)t), word;
	size_t i;

	for (i = 0; i + sizeof word <= name.n; i += sizeof word) {
		memcpy(&word, name.p + i, sizeof word);
		h = addrhash_mix(h ^ lower8(word));
	}
	word = 0;
	if (i < name.n)
		memcpy(&word, name.p + i, name.n - i);
	h = addrhash_mix(addrhash_mix(h ^ lower8(word)) ^ name.n);
	return h == 0 ? 1 : h;
}

/* What would be lost with it: an incident, then clients; of equals the newer one stays. */
static uint64_t
worth(const struct head *h, uint32_t at)
{
	bool stale = at > h->newest && at - h->newest > STALE;

	return h->key == 0 ? 0 : (uint64_t)h->live << 60 | (uint64_t)(stale ? 0 : h->n) << 32 | h->newest;
}

/* Its place, or the least one of its set, whose key is then another. */
static unsigned
place_of(const struct swarm *s, uint64_t key, uint32_t at)
{
	unsigned set = (unsigned)(key % SETS_OF) * WAYS, least = set;

	for (unsigned i = set; i < set + WAYS; i++) {
		if (s->heads[i].key == key)
			return i;
		if (worth(&s->heads[i], at) < worth(&s->heads[least], at))
			least = i;
	}
	return least;
}

static struct head *
head_of(struct swarm *s, const struct attacked *a)
{
	return &s->heads[a - s->places];
}

/* The i-th incident is none any more. */
static void
end(struct swarm *s, unsigned i)
{
	struct attacked *a = &s->places[s->live[i]];

	head_of(s, a)->live = false;
	a->since = a->until = a->most = 0;
	s->live[i] = s->live[--s->n];
}

/* The same for one that has to make room. */
static void
displace(struct swarm *s, unsigned place)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->live[i] == place) {
			stat_add(STAT_INCIDENTS_DROPPED, 1);
			end(s, i);
			return;
		}
}

/* Is there room for an incident of so many clients?  A smaller one makes room, or invented accounts would leave none. */
static bool
make_room(struct swarm *s, uint32_t clients)
{
	uint16_t least = s->live[0];

	if (s->n < SWARM_LIVE)
		return true;
	for (unsigned i = 1; i < s->n; i++)
		if (s->places[s->live[i]].most < s->places[least].most)
			least = s->live[i];
	if (s->places[least].most >= clients)
		return false;
	displace(s, least);
	return true;
}

static struct attacked *
find_or_add(struct swarm *s, enum target t, struct str name, uint32_t at)
{
	uint64_t key = key_of(s, t, name);
	unsigned i = place_of(s, key, at);
	struct attacked *a = &s->places[i];

	if (s->heads[i].key == key)
		return a;
	if (s->heads[i].live)
		displace(s, i); /* incidents all around: nobody can aim at that, the sets are salted */
	if (s->heads[i].n > 1)
		stat_add(STAT_TARGETS_DROPPED, 1);
	/* The members behind `n` are not looked at: they need no clearing. */
	s->heads[i] = (struct head){ .key = key };
	a->target = (uint8_t)t;
	a->window = at;
	a->usual = a->since = a->until = a->most = 0;
	a->crowd = (struct crowd){ .bits = KEPT_BITS, .heads = a->heads };
	memset(a->heads, 0, sizeof a->heads);
	str_show(a->name, sizeof a->name, name);
	a->hash = str_hash(name);
	return a;
}

/* Once in a window, before the first client of the next: what is usual moves a little. */
static void
learn_usual(struct attacked *a, uint32_t at, uint32_t span)
{
	uint32_t windows = at > a->window ? (at - a->window) / span : 0, clients;

	if (windows == 0)
		return;
	clients = crowd_count(&a->crowd, a->members, at, span);
	a->window = at;
	a->usual = windows > LEARN ? clients : (a->usual * (MOVE - 1) + clients) / MOVE;
}

static bool
unusual(const struct swarm *s, const struct attacked *a, uint32_t clients, uint32_t at, uint32_t span)
{
	return a->target != TARGET_DOMAIN ||
	    (at > s->began && at - s->began >= LEARN * span && clients >= JUMP * a->usual);
}

static void
describe(const struct attacked *a, uint32_t at, uint32_t span, struct incident *out)
{
	*out = (struct incident){ .target = (enum target)a->target, .since = a->since, .last = a->crowd.newest,
		.until = a->until, .hash = a->hash, .clients = crowd_count(&a->crowd, a->members, at, span), .most = a->most };
	str_copy(out->name, sizeof out->name, str_of(a->name));
	while (out->shown < SWARM_SHOWN && out->shown < a->crowd.n) {
		out->who[out->shown] = a->members[out->shown].who;
		out->shown++;
	}
}

bool
swarm_hear(struct swarm *s, const struct policy *p, enum target t, struct str name, const struct addr *client,
    uint32_t at, uint32_t now, struct incident *out)
{
	const struct threshold *th = threshold_of(p, t);
	struct attacked *a;
	struct head *h;
	uint32_t clients;

	if (th->n == 0)
		return false;
	a = find_or_add(s, t, name, at);
	h = head_of(s, a);
	if (s->began == 0 || s->began > now)
		s->began = at;
	if (t == TARGET_DOMAIN && !h->live)
		learn_usual(a, at, th->span);
	(void)crowd_hear(&a->crowd, a->members, KEPT, addrhash(client, s->salt), client, at, now, th->span);
	h->n = a->crowd.n;
	h->newest = at = a->crowd.newest; /* a late one does not turn the time back */
	if ((uint32_t)a->crowd.n << a->crowd.level < th->n)
		return false; /* nor within the window: most are looked at no further */
	clients = crowd_count(&a->crowd, a->members, at, th->span);
	if (clients > a->most)
		a->most = clients;
	if (clients < th->n || !unusual(s, a, clients, at, th->span))
		return false;
	a->until = at + th->term;
	if (h->live || a->until <= now || !make_room(s, clients))
		return false;
	h->live = true;
	a->since = at;
	a->most = clients; /* not what it may have been when there was no room */
	s->live[s->n++] = (uint16_t)(a - s->places);
	describe(a, at, th->span, out);
	return true;
}

void
swarm_fetch(const struct swarm *s, const struct event *ev, struct swarm_fetch *f)
{
	const struct head *set = &s->heads[f->key % SETS_OF * WAYS];
	struct str name;
	enum target t;

	switch (f->step++) {
	case 0:
		t = swarm_target(ev, &name);
		f->key = t == TARGETS ? 0 : key_of(s, t, name);
		set = &s->heads[f->key % SETS_OF * WAYS];
		__builtin_prefetch(set);
		__builtin_prefetch(set + WAYS / 2);
		break;
	case 1:
		for (unsigned i = 0; i < WAYS && f->key != 0; i++)
			if (set[i].key == f->key) {
				__builtin_prefetch(&s->places[set - s->heads + i]);
				__builtin_prefetch(&s->places[set - s->heads + i].members);
			}
		break;
	default:
		break;
	}
}

bool
swarm_attacked(const struct swarm *s, enum target t, struct str name, uint32_t at)
{
	uint64_t key = s->n == 0 ? 0 : key_of(s, t, name);
	unsigned i = s->n == 0 ? 0 : place_of(s, key, at);

	return s->n > 0 && s->heads[i].key == key && s->heads[i].live && at >= s->places[i].since &&
	    at < s->places[i].until;
}

unsigned
swarm_live(const struct swarm *s)
{
	return s->n;
}

void
swarm_incident(const struct swarm *s, const struct policy *p, unsigned i, uint32_t now, struct incident *out)
{
	const struct attacked *a = &s->places[s->live[i]];

	describe(a, now, threshold_of(p, (enum target)a->target)->span, out);
}

/* A clock that was set back behind its beginning ends it as well. */
bool
swarm_over(struct swarm *s, uint32_t now, struct incident *out)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct attacked *a = &s->places[s->live[i]];

		if (now >= a->since && now < a->until)
			continue;
		describe(a, now, 1, out);
		end(s, i);
		return true;
	}
	return false;
}

const char *
target_name(enum target t)
{
	static const char *const names[TARGETS] = { "account", "login", "domain" };

	return names[t];
}

char *
incident_text(char *buf, size_t size, const struct incident *i)
{
	static const char *const what[TARGETS] = { "clients fail to log in to", "clients log in to",
		"clients write to people who do not exist in" };

	(void)snprintf(buf, size, "%u %s %s", i->most, what[i->target], i->name);
	return buf;
}
