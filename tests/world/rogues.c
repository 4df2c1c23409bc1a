/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rogues.c - those who do harm, and those who stay just below the thresholds
 *
 * How many and how fast is said here, not what follows: that is truth.c's.  So a role may be off by one without making
 * the test wrong; world(1) prints how many of each role are to be blocked.
 */
#include "world.h"

static const struct {
	enum kind kind;
	unsigned n, span, total;
} limits[] = {
	{ AUTH_FAILURE, 10, 600, 100 }, { RBL, 10, 60, 25 }, { HELO_FORGERY, 10, 60, 25 }, { SENDER_FORGERY, 10, 60, 25 },
	{ RECIPIENT_FORGERY, 10, 60, 25 }, { UNKNOWN_USER, 10, 60, 50 }, { RELAY_DENIED, 10, 60, 25 },
	{ RATE_LIMIT, 20, 60, 0 }, { PROTOCOL, 20, 60, 0 },
};

#define KINDS_OF_HARM (sizeof limits / sizeof limits[0])

static time_t
moment(unsigned before_end)
{
	return dawn + any(SPAN - before_end);
}

/* n deeds, the first at `at`, the last `span` seconds later, one visit each. */
static void
visits_over(const struct peer *p, const struct server *s, enum kind k, time_t at, unsigned n, unsigned span)
{
	for (unsigned i = 0; i < n; i++) {
		struct visit *v = visit_new(p, s, at + (time_t)((uint64_t)i * span / (n > 1 ? n - 1 : 1)));

		visit_deed(v, 0, k, NULL);
	}
}

/* The same in one session.  No more than 128: of so many unknown recipients in a session of sendmail's the program
 * remembers that they wait for their client (CORRELATE_OF_KEY). */
static void
session_over(const struct peer *p, const struct server *s, enum kind k, time_t at, unsigned n, unsigned span)
{
	struct visit *v = visit_new(p, s, at);

	for (unsigned i = 0; i < n; i++)
		visit_deed(v, (unsigned)((uint64_t)i * span / (n > 1 ? n - 1 : 1)), k, NULL);
}

/* At the threshold's edges: the last hit one second before the first one leaves the window, or just then; one too few. */
static void
rate_edge(const char *role)
{
	size_t i = any(KINDS_OF_HARM);
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(limits[i].kind, p);
	unsigned n = limits[i].n, span = limits[i].span;
	time_t at = moment(HOUR);

	switch (any(4)) {
	case 0:
		visits_over(p, s, limits[i].kind, at, n, span - 1);
		break;
	case 1:
		visits_over(p, s, limits[i].kind, at, n, span);
		break;
	case 2:
		visits_over(p, s, limits[i].kind, at, n - 1, span / 2);
		break;
	default:
		session_over(p, s, limits[i].kind, at, n, span - 1);
	}
}

static void
total_edge(const char *role)
{
	size_t i;
	struct peer *p = peer_new(role, EITHER, 0);
	time_t at = dawn + any(HOUR);

	do
		i = any(KINDS_OF_HARM);
	while (limits[i].total == 0);
	switch (any(3)) {
	case 0:
		visits_over(p, server_for(limits[i].kind, p), limits[i].kind, at, limits[i].total, DAY - 1);
		break;
	case 1:
		visits_over(p, server_for(limits[i].kind, p), limits[i].kind, at, limits[i].total, DAY);
		break;
	default:
		visits_over(p, server_for(limits[i].kind, p), limits[i].kind, at, limits[i].total - 1, between(8, 23) * HOUR);
	}
}

/* One kind, far above the threshold; some stop when they would have been blocked, some go on. */
static void
fast(const char *role, enum kind k)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(k, p);
	unsigned n = between(12, one_in(4) ? 128 : 40);
	time_t at = moment(3 * HOUR);

	if (k != RBL && one_in(3))
		session_over(p, s, k, at, n, n / 2);
	else
		visits_over(p, s, k, at, n, n + any(n));
}

static void
dictionary(const char *role)
{
	fast(role, UNKNOWN_USER);
}

static void
guesser(const char *role)
{
	fast(role, AUTH_FAILURE);
}

static void
relay_prober(const char *role)
{
	fast(role, RELAY_DENIED);
}

static void
abuser(const char *role)
{
	fast(role, one_in(2) ? PROTOCOL : RATE_LIMIT);
}

static void
forger(const char *role)
{
	fast(role, (enum kind)between(HELO_FORGERY, RECIPIENT_FORGERY));
}

static void
listed_many(const char *role)
{
	fast(role, RBL);
}

static void
listed_few(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	enum kind k = one_in(3) ? (enum kind)between(HELO_FORGERY, RECIPIENT_FORGERY) : RBL;

	visits_over(p, server_for(k, p), k, moment(6 * HOUR), between(1, 9), any(5 * HOUR));
}

/* A listed server with one message for many: each recipient is refused, in one session. */
static void
listed_list(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(RBL, p);
	time_t at = moment(8 * HOUR);

	for (unsigned n = between(1, 4); n-- > 0; at += between(900, 2 * HOUR))
		session_over(p, s, RBL, at, between(10, 30), any(10));
}

/* A user on a dynamic address that a list names. */
static void
listed_user(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(RBL, p);
	time_t at = moment(6 * HOUR);

	visits_over(p, s, RBL, at, between(1, 8), 600);
	visit_once(p, mailbox_for(p), at + 700, LOGIN, NULL);
	visits_over(p, s, RBL, at + 710, between(5, 40), 850);
	if (one_in(2))
		visits_over(p, s, RBL, at + 1700, between(1, 30), HOUR);
}

/* Slowly, but all day. */
static void
slow(const char *role)
{
	size_t i = any(KINDS_OF_HARM);
	struct peer *p = peer_new(role, EITHER, 0);
	unsigned n = limits[i].total == 0 ? 200 : limits[i].total + between(1, 60);

	visits_over(p, server_for(limits[i].kind, p), limits[i].kind, dawn + any(HOUR), n, between(20, 23) * HOUR);
}

/* Bursts one below the rate, with the window between them: only the total can tell. */
static void
bursts(const char *role)
{
	size_t i = any(KINDS_OF_HARM);
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(limits[i].kind, p);
	time_t at = moment(8 * HOUR);

	for (unsigned n = between(2, 9); n-- > 0; at += limits[i].span + limits[i].span / 2)
		visits_over(p, s, limits[i].kind, at, limits[i].n - 1, limits[i].span / 2);
}

/* Comes back whenever a block has run its course. */
static void
repeater(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	enum kind k = one_in(2) ? PROTOCOL : RATE_LIMIT;
	const struct server *s = server_for(k, p);
	time_t at = dawn + any(HOUR);

	for (unsigned n = 0, wait = HOUR; n < 4; n++, wait *= 2, at += wait / 2 + between(60, 900))
		visits_over(p, s, k, at, 20, 30);
}

/* Blocked for an hour, reads mail when that is over, and begins again: the earlier block is forgiven too. */
static void
relapsed(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(RELAY_DENIED, p);
	time_t at = moment(7 * HOUR);

	visits_over(p, s, RELAY_DENIED, at, 10, 30);
	visit_once(p, mailbox_for(p), at + between(2 * HOUR, 3 * HOUR), LOGIN, NULL);
	visits_over(p, s, RELAY_DENIED, at + 4 * HOUR, 10, 30);
}

/* Fails as fast as any, but somebody has just logged in there.  On accounts that are told: the others are one, and one alone
 * does not make a known client be blocked by the rate. */
static void
credited(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	size_t i = any(KINDS_OF_HARM);
	bool guesses = limits[i].kind == AUTH_FAILURE;
	const struct server *s = guesses ? server_named("dovecot") : server_for(limits[i].kind, p);
	time_t at = moment(4 * HOUR);

	visit_once(p, mailbox_for(p), at, LOGIN, NULL);
	visits_over(p, s, limits[i].kind, at + 10, between(30, 120), between(60, 850));
	if (guesses)
		say(p->client->name, false);
	if (one_in(2)) /* and goes on when that is over */
		visits_over(p, s, limits[i].kind, at + 920, between(5, 30), between(20, 400));
}

/* Blocked, and freed by a login. */
static void
freed(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(UNKNOWN_USER, p);
	time_t at = moment(4 * HOUR);

	visits_over(p, s, UNKNOWN_USER, at, between(10, 20), between(10, 50));
	visit_once(p, mailbox_for(p), at + between(100, 1800), LOGIN, NULL);
}

/* Nine names over and over, then a tenth; or the first one again, when nine others are new. */
static void
nine_names(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(UNKNOWN_USER, p);
	const char *name[9];
	time_t at = moment(HOUR);

	for (unsigned i = 0; i < 9; i++)
		name[i] = some_recipient();
	for (unsigned n = 0; n < 100; n++)
		visit_once(p, s, at + n / 3, UNKNOWN_USER, name[n % 9]);
	if (one_in(2))
		visit_once(p, s, at + 40, UNKNOWN_USER, NULL);
}

/* Ten names within a minute, of which the last to come is one that was tried long before. */
static void
known_name(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	const struct server *s = server_for(UNKNOWN_USER, p);
	const char *first = some_recipient();
	time_t at = moment(2 * HOUR);

	visit_once(p, s, at, UNKNOWN_USER, first);
	visits_over(p, s, UNKNOWN_USER, at + 300, 9, 40);
	visit_once(p, s, at + 345, UNKNOWN_USER, first);
}

/* Several addresses, one account, a few tries each; too few to be an attack of many on one. */
static void
swarm(const char *role)
{
	const char *user = some_user();
	time_t at = moment(4 * HOUR);

	for (unsigned n = between(8, 20); n-- > 0;) {
		struct peer *p = peer_new(role, EITHER, 0);
		const struct server *s = server_for(AUTH_FAILURE, p);

		for (unsigned m = between(1, 6); m-- > 0;)
			visit_once(p, s, at + any(3 * HOUR), AUTH_FAILURE, user);
	}
}

/* A network that is one guesser's: each address tries three accounts, and no account twice.  In the same network there are
 * people, too: a telephone that tries one old password over and over, and a household whose accounts all fail after one
 * of them has logged in there.  They are not shut out for it. */
static void
network(const char *role)
{
	static unsigned n;
	const char *net = n % 2 == 0 ? keepf("203.0.%u", n) : keepf("2001:db8:%x", 0xfff2 + n / 2);
	time_t at = moment(3 * HOUR);
	struct peer *p;

	if (n++ == 26)
		die("too many actors: no network is left");
	for (unsigned i = 1, last = between(60, 200); i <= last; i++) {
		p = peer_in(net, i, role, 0);
		visits_over(p, server_named("dovecot"), AUTH_FAILURE, at + any(1800), 3, any(600));
	}
	p = peer_in(net, 201, "network-telephone", PERSON);
	for (unsigned i = 0; i < 27; i++) /* 9 in any ten minutes */
		visit_once(p, server_named("dovecot"), at + 1200 + 70 * i, AUTH_FAILURE, "old@example.org");
	p = peer_in(net, 202, "network-household", PERSON);
	visit_once(p, server_named("dovecot"), at + 60, LOGIN, NULL);
	visits_over(p, server_named("dovecot"), AUTH_FAILURE, at + 2000, 9, 300);
	say(n % 2 == 1 ? keepf("%s.0/24", net) : keepf("%s::/48", net), true);
}

/* Has an account, and guesses those of others whenever its login excuses it. */
static void
insider(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	time_t at = moment(3 * HOUR);

	for (unsigned i = between(3, 8); i-- > 0; at += 850) {
		visit_once(p, server_named("dovecot"), at, LOGIN, "mallory@example.org");
		visits_over(p, server_named("dovecot"), AUTH_FAILURE, at + 10, between(20, 60), 800);
	}
	say(p->client->name, true);
}

/* "message repeated n times". */
static void
repeated(const char *role)
{
	struct peer *p = peer_new(role, EITHER, 0);
	enum kind k = one_in(2) ? AUTH_FAILURE : one_in(2) ? PROTOCOL : RELAY_DENIED;
	const struct server *s = server_for(k, p);
	struct visit *v = visit_new(p, s, moment(HOUR));

	visit_deed(v, 0, k, NULL)->times = between(6, 25);
}

/* From all over a network of its own. */
static void
hopper(const char *role)
{
	struct peer *p = peer_new(role, V6, 0);
	size_t i = any(KINDS_OF_HARM);
	const struct server *s = server_for(limits[i].kind, p);
	time_t at = moment(2 * HOUR);

	for (unsigned n = between(8, 40); n-- > 0; at += any(4)) {
		p = peer_beside(p);
		visit_once(p, s, at, limits[i].kind, NULL);
	}
}

/* Few relapsed: when many who have logged in are blocked within minutes, the program may well think that it is wrong. */
const struct role rogues[] = {
	{ "rate-edge", 90, rate_edge }, { "total-edge", 40, total_edge }, { "dictionary", 40, dictionary },
	{ "guesser", 40, guesser }, { "relay-prober", 30, relay_prober }, { "abuser", 20, abuser },
	{ "forger", 40, forger }, { "listed-many", 40, listed_many }, { "listed-few", 120, listed_few },
	{ "listed-list", 20, listed_list }, { "listed-user", 15, listed_user }, { "slow", 12, slow },
	{ "bursts", 20, bursts }, { "repeater", 8, repeater }, { "relapsed", 4, relapsed }, { "credited", 20, credited },
	{ "freed", 15, freed }, { "nine-names", 8, nine_names }, { "known-name", 8, known_name }, { "swarm", 2, swarm },
	{ "network", 1, network }, { "insider", 3, insider },
	{ "repeated", 15, repeated }, { "hopper", 15, hopper }, { NULL, 0, NULL },
};
