/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swarm.c - distributed attacks
 *
 * The targets' names are the clients' text: they are only ever hashed, with a salt, and shown.  What an event is aimed
 * at, and what is said of an incident, is in swarm_aim.c.
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
#define BY_ADDR (UINT64_C(1) << 63) /* a key of the other half, where no invented name takes anybody's place */

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
	struct addr addr; /* of a network, of a client */
	char name[SWARM_NAME];
};

struct swarm {
	uint64_t salt;
	uint32_t began;		 /* the first event that was heard of */
	unsigned watched;	 /* places of clients: of others nobody needs to know who logs in */
	unsigned n, of[TARGETS];   /* incidents, and how many of each sort */
	uint16_t live[SWARM_LIVE]; /* places of those with an incident */
	struct head heads[2 * SWARM_TARGETS];
	struct attacked places[2 * SWARM_TARGETS];
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

static const struct threshold *
threshold_of(const struct policy *p, enum target t)
{
	switch (t) {
	case TARGET_ACCOUNT:
		return &p->incident_account;
	case TARGET_LOGIN:
		return &p->incident_login;
	case TARGET_DOMAIN:
		return &p->incident_domain;
	case TARGET_NETWORK:
		return &p->incident_network;
	case TARGET_CLIENT:
		return &p->incident_client;
	case TARGETS:
		break;
	}
	panic("no target %d", (int)t);
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
name_hash(const struct swarm *s, enum target t, struct str name)
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
	return addrhash_mix(addrhash_mix(h ^ lower8(word)) ^ name.n);
}

static bool
is_address(enum target t)
{
	return t == TARGET_NETWORK || t == TARGET_CLIENT;
}

static struct addr
addr_of(enum target t, const struct addr *client)
{
	return t == TARGET_NETWORK ? swarm_network(client) : *client;
}

static uint64_t
key_of(const struct swarm *s, const struct aim *aim, const struct addr *client)
{
	struct addr a;
	uint64_t h;

	if (is_address(aim->target)) {
		a = addr_of(aim->target, client);
		return addrhash(&a, s->salt + (uint64_t)aim->target) | BY_ADDR;
	}
	h = name_hash(s, aim->target, aim->name) & ~BY_ADDR;
	return h == 0 ? 1 : h;
}

/* The first place of its set. */
static unsigned
set_of(uint64_t key)
{
	return (unsigned)(key % SETS_OF) * WAYS + (key & BY_ADDR ? SWARM_TARGETS : 0);
}

/* What would be lost with it: an incident, then clients; of equals the newer one stays. */
static uint64_t
worth(const struct head *h, uint32_t at)
{
	bool stale = at > h->newest && at - h->newest > STALE;

	return h->key == 0 ? 0 : (uint64_t)h->live << 60 | (uint64_t)(stale ? 0 : h->n) << 32 | h->newest;
}

#define NOWHERE (2 * SWARM_TARGETS)

static unsigned
find(const struct swarm *s, uint64_t key)
{
	for (unsigned i = set_of(key), end = i + WAYS; i < end; i++)
		if (s->heads[i].key == key)
			return i;
	return NOWHERE;
}

/* The least one of its set. */
static unsigned
least_of(const struct swarm *s, uint64_t key, uint32_t at)
{
	unsigned set = set_of(key), least = set;

	for (unsigned i = set + 1; i < set + WAYS; i++)
		if (worth(&s->heads[i], at) < worth(&s->heads[least], at))
			least = i;
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
	s->of[a->target]--;
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

/* Is there room for an incident so big?  A smaller one of its sort makes room, or invented accounts would leave none. */
static bool
make_room(struct swarm *s, const struct attacked *new, uint32_t members)
{
	const struct attacked *least = NULL;

	if (s->of[new->target] < SWARM_EACH)
		return true;
	for (unsigned i = 0; i < s->n; i++) {
		const struct attacked *a = &s->places[s->live[i]];

		if (a->target == new->target && (least == NULL || a->most < least->most))
			least = a;
	}
	if (least->most >= members)
		return false;
	displace(s, (unsigned)(least - s->places));
	return true;
}

/* A text of the client's has to be kept from the beginning; an address is shown when there is something to say of it. */
static void
name_it(struct attacked *a, const struct aim *aim, const struct addr *client)
{
	a->target = (uint8_t)aim->target;
	a->hash = 0;
	if (is_address(aim->target)) {
		a->addr = addr_of(aim->target, client);
		return;
	}
	str_show(a->name, sizeof a->name, aim->name);
	a->hash = str_hash(aim->name);
}

static void
show_address(struct attacked *a, unsigned ipv6_prefix)
{
	char text[ADDR_TEXT];
	bool net = a->target == TARGET_NETWORK;

	addr_format_client(text, &a->addr, net ? SWARM_NET6 : ipv6_prefix);
	(void)snprintf(a->name, sizeof a->name, "%s%s", text, net && addr_is4(&a->addr) ? "/24" : "");
}

static struct attacked *
add(struct swarm *s, uint64_t key, const struct aim *aim, const struct addr *client, uint32_t at)
{
	unsigned i = least_of(s, key, at);
	struct attacked *a = &s->places[i];

	if (s->heads[i].live)
		displace(s, i); /* incidents all around: nobody can aim at that, the sets are salted */
	if (s->heads[i].n > 1)
		stat_add(STAT_TARGETS_DROPPED, 1);
	if (s->heads[i].key != 0 && a->target == TARGET_CLIENT)
		s->watched--;
	s->watched += aim->target == TARGET_CLIENT;
	/* The members behind `n` are not looked at: they need no clearing. */
	s->heads[i] = (struct head){ .key = key };
	a->window = at;
	a->usual = a->since = a->until = a->most = 0;
	a->crowd = (struct crowd){ .bits = KEPT_BITS, .heads = a->heads };
	memset(a->heads, 0, sizeof a->heads);
	name_it(a, aim, client);
	return a;
}

/* NULL: it is not there, and is not worth a place. */
static struct attacked *
find_or_add(struct swarm *s, const struct aim *aim, const struct addr *client, uint32_t at)
{
	uint64_t key;
	unsigned i;

	if (aim->well && s->watched == 0)
		return NULL;
	key = key_of(s, aim, client);
	if ((i = find(s, key)) != NOWHERE)
		return &s->places[i];
	return aim->well ? NULL : add(s, key, aim, client, at);
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

/* Of a client: the accounts that have not logged in there. */
static uint32_t
members_of(const struct attacked *a, uint32_t at, uint32_t span)
{
	uint32_t all = crowd_count(&a->crowd, a->members, at, span);

	return a->target == TARGET_CLIENT ? all - crowd_count_marked(&a->crowd, a->members, at, span) : all;
}

static bool
unusual(const struct swarm *s, const struct attacked *a, uint32_t members, uint32_t at, uint32_t span)
{
	switch (a->target) {
	case TARGET_DOMAIN:
		return at > s->began && at - s->began >= LEARN * span && members >= JUMP * a->usual;
	case TARGET_CLIENT: /* where more log in than fail is an office, or half a town behind one address */
		return members > crowd_count_marked(&a->crowd, a->members, at, span);
	default:
		return true;
	}
}

static void
describe(const struct attacked *a, uint32_t at, uint32_t span, struct incident *out)
{
	*out = (struct incident){ .target = (enum target)a->target, .since = a->since, .last = a->crowd.newest,
		.until = a->until, .hash = a->hash, .addr = a->addr, .members = members_of(a, at, span), .most = a->most };
	str_copy(out->name, sizeof out->name, str_of(a->name));
	while (a->target != TARGET_CLIENT && out->shown < SWARM_SHOWN && out->shown < a->crowd.n) {
		out->who[out->shown] = a->members[out->shown].who;
		out->shown++;
	}
}

/* One more of its clients; or accounts, if it is a client itself. */
static void
add_member(const struct swarm *s, struct attacked *a, const struct aim *aim, const struct addr *client, uint32_t at,
    uint32_t now, uint32_t span)
{
	uint64_t hash = aim->target == TARGET_CLIENT ? name_hash(s, TARGET_ACCOUNT, aim->name) : addrhash(client, s->salt);
	struct member *m = crowd_hear(&a->crowd, a->members, KEPT, hash, client, at, now, span);

	if (m != NULL && aim->well)
		m->mark = 1;
}

bool
swarm_hear(struct swarm *s, const struct policy *p, const struct aim *aim, const struct addr *client, uint32_t at,
    uint32_t now, struct incident *out)
{
	const struct threshold *th = threshold_of(p, aim->target);
	struct attacked *a;
	struct head *h;
	uint32_t members;

	if (th->n == 0 || (a = find_or_add(s, aim, client, at)) == NULL)
		return false;
	h = head_of(s, a);
	if (s->began == 0 || s->began > now)
		s->began = at;
	if (aim->target == TARGET_DOMAIN && !h->live)
		learn_usual(a, at, th->span);
	add_member(s, a, aim, client, at, now, th->span);
	h->n = a->crowd.n;
	h->newest = at = a->crowd.newest; /* a late one does not turn the time back */
	if (aim->well || (uint32_t)a->crowd.n << a->crowd.level < th->n)
		return false; /* nor within the window: most are looked at no further */
	members = members_of(a, at, th->span);
	if (members > a->most)
		a->most = members;
	if (members < th->n || !unusual(s, a, members, at, th->span))
		return false;
	a->until = at + th->term;
	if (h->live || a->until <= now || !make_room(s, a, members))
		return false;
	if (is_address(aim->target))
		show_address(a, p->ipv6_prefix);
	h->live = true;
	a->since = at;
	a->most = members; /* not what it may have been when there was no room */
	s->of[a->target]++;
	s->live[s->n++] = (uint16_t)(a - s->places);
	describe(a, at, th->span, out);
	return true;
}

static void
fetch_set(const struct swarm *s, uint64_t key)
{
	const struct head *set = &s->heads[set_of(key)];

	__builtin_prefetch(set);
	__builtin_prefetch(set + WAYS / 2);
}

static void
fetch_place(const struct swarm *s, uint64_t key)
{
	unsigned i = find(s, key);

	if (i != NOWHERE) {
		__builtin_prefetch(&s->places[i]);
		__builtin_prefetch(&s->places[i].members);
	}
}

void
swarm_fetch(const struct swarm *s, const struct event *ev, const struct addr *client, struct swarm_fetch *f)
{
	struct aim aims[SWARM_AIMS];
	unsigned n;

	switch (f->step++) {
	case 0:
		n = swarm_aims(ev, 0, aims);
		for (unsigned i = 0; i < SWARM_AIMS; i++) {
			f->keys[i] = i < n && !aims[i].well ? key_of(s, &aims[i], client) : 0;
			if (f->keys[i] != 0)
				fetch_set(s, f->keys[i]);
		}
		break;
	case 1:
		for (unsigned i = 0; i < SWARM_AIMS && f->keys[i] != 0; i++)
			fetch_place(s, f->keys[i]);
		break;
	default:
		break;
	}
}

bool
swarm_attacked(const struct swarm *s, const struct aim *aim, const struct addr *client, uint32_t at)
{
	unsigned i = s->of[aim->target] == 0 ? NOWHERE : find(s, key_of(s, aim, client));

	return i != NOWHERE && s->heads[i].live && at >= s->places[i].since && at < s->places[i].until;
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
