/* SPDX-License-Identifier: GPL-2.0-or-later */
/* truth.c - what must become of each client
 *
 * The rules of behaviour, said once more in the plainest way: for every offence all earlier ones of the client are
 * looked at again.  From the design's words, not from src/policy.c:
 *
 *	n or more in any T seconds		two hits are in the same T seconds if less than T lies between them
 *	unknown-user counts distinct recipients
 *	rbl and forgeries enter the cache at the first offence; one session (a process, ten seconds) is one hit
 *	a login grants for 15 minutes, forgives everything before it, and while the grant lasts nothing counts
 *	a block that has run its course is followed by one of twice the term, for 30 days, up to 7 days
 *	while a block lasts, only a graver threshold (total, after rate) makes another
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define GRANT	  900
#define MOST	  (7 * DAY)
#define SESSION	  10
#define TOTAL_MOST 100

static const char *const names[KINDS] = { "login", "auth-failure", "rbl", "helo-forgery", "sender-forgery",
	"recipient-forgery", "unknown-user", "relay-denied", "rate-limit", "protocol", "policy", "none" };

static const struct limit {
	unsigned n, span, term;
} rates[KINDS] = {
	[AUTH_FAILURE] = { 10, 600, HOUR }, [RBL] = { 10, 60, HOUR }, [HELO_FORGERY] = { 10, 60, HOUR },
	[SENDER_FORGERY] = { 10, 60, HOUR }, [RECIPIENT_FORGERY] = { 10, 60, HOUR }, [UNKNOWN_USER] = { 10, 60, HOUR },
	[RELAY_DENIED] = { 10, 60, HOUR }, [RATE_LIMIT] = { 20, 60, HOUR }, [PROTOCOL] = { 20, 60, HOUR },
}, totals[KINDS] = {
	[AUTH_FAILURE] = { TOTAL_MOST, DAY, DAY }, [RBL] = { 25, DAY, DAY }, [HELO_FORGERY] = { 25, DAY, DAY },
	[SENDER_FORGERY] = { 25, DAY, DAY }, [RECIPIENT_FORGERY] = { 25, DAY, DAY }, [UNKNOWN_USER] = { 50, DAY, DAY },
	[RELAY_DENIED] = { 25, DAY, DAY },
};

struct hit {
	time_t at;
	enum kind kind;
	const char *text;
	unsigned session;
};

enum gravity { FREE, RATE, TOTAL };

/* What is known of a client at a moment. */
struct life {
	struct hit *hits; /* since the last login */
	size_t n;
	const char *user;
	time_t first_login, last_login, granted_until;
	unsigned logins;
	bool cached; /* ever */
	const char *zone;
	time_t first_cached, last_cached, last_blocked, blocked_until;
	unsigned retries; /* hits of the kinds that cache, the first included */
	enum gravity gravity;
	unsigned blocks; /* in a row */
	/* What was told late, or by two logs in one second, has no order that could be known before it is read: at which
	 * hit a threshold is passed, and by which list the client is cached first, is then open. */
	bool loose;
	char *told;
	size_t told_size;
	FILE *blocked; /* writes to told */
};

static const char *
stamp(time_t t)
{
	char buf[24];
	struct tm tm;

	strftime(buf, sizeof buf, "%FT%TZ", gmtime_r(&t, &tm));
	return keepf("%s", buf);
}

static bool
caches(enum kind k)
{
	return k == RBL || k == HELO_FORGERY || k == SENDER_FORGERY || k == RECIPIENT_FORGERY;
}

/* How many hits of this kind, distinct ones if that is what counts, lie in the last `span` seconds; no more than n. */
static unsigned
count(const struct life *l, enum kind k, time_t now, unsigned span, unsigned n)
{
	const char *seen[TOTAL_MOST];
	unsigned found = 0;

	for (size_t i = l->n; i-- > 0 && found < n;) {
		const struct hit *h = &l->hits[i];
		bool again = false;

		if (h->kind != k || now - h->at >= (time_t)span)
			continue;
		for (unsigned j = 0; k == UNKNOWN_USER && j < found; j++)
			again |= strcmp(seen[j], h->text) == 0;
		if (!again)
			seen[found++] = h->text;
	}
	return found;
}

static bool
reached(const struct life *l, const struct limit *limit, enum kind k, time_t now)
{
	return limit->n > 0 && count(l, k, now, limit->span, limit->n) >= limit->n;
}

static void
block(struct life *l, enum kind k, time_t now, enum gravity by)
{
	bool blocked = now < l->blocked_until;
	time_t term = by == RATE ? rates[k].term : totals[k].term;

	if (blocked && l->gravity >= by)
		return;
	if (!blocked) {
		l->blocks = l->blocks > 0 && now - l->last_blocked <= 30 * DAY ? l->blocks + 1 : 1;
		l->last_blocked = now;
		l->blocked_until = 0;
	}
	for (unsigned i = 1; i < l->blocks && term < MOST; i++)
		term *= 2;
	term = term > MOST ? MOST : term;
	if (now + term > l->blocked_until)
		l->blocked_until = now + term;
	l->gravity = by;
	fprintf(l->blocked, "%s%s:%s:%s:%d", ftell(l->blocked) > 0 ? "," : "", names[k], by == RATE ? "rate" : "total",
	    l->loose ? "*" : stamp(now), (int)(l->blocked_until - now));
}

static void
login(struct life *l, const struct fact *f)
{
	if (l->logins++ == 0)
		l->first_login = f->at;
	l->last_login = f->at;
	l->granted_until = f->at + GRANT;
	if (!f->no_user)
		l->user = f->text;
	l->n = 0;
	l->blocked_until = 0;
	l->blocks = 0;
}

/* The log says the same of one session in several lines. */
static bool
same_session(const struct life *l, const struct fact *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->hits[i].kind == f->kind && l->hits[i].session == f->session && f->at - l->hits[i].at <= SESSION)
			return true;
	return false;
}

static void
offence(struct life *l, const struct fact *f)
{
	if (f->at < l->granted_until || (caches(f->kind) && f->session != 0 && same_session(l, f)))
		return;
	l->hits = grow(l->hits, l->n, sizeof(struct hit));
	l->hits[l->n++] = (struct hit){ f->at, f->kind, f->text, f->session };
	if (caches(f->kind) && !l->cached) {
		l->cached = true;
		l->first_cached = f->at;
		l->zone = f->kind == RBL ? f->text : "";
	}
	if (caches(f->kind)) {
		l->last_cached = f->at;
		l->retries++;
	}
	if (reached(l, &rates[f->kind], f->kind, f->at))
		block(l, f->kind, f->at, RATE);
	if (reached(l, &totals[f->kind], f->kind, f->at))
		block(l, f->kind, f->at, TOTAL);
}

static int
by_time(const void *a, const void *b)
{
	const struct fact *const *f = a, *const *g = b;

	if ((*f)->at != (*g)->at)
		return (*f)->at < (*g)->at ? -1 : 1;
	return (*f)->line->order < (*g)->line->order ? -1 : (*f)->line->order > (*g)->line->order;
}

static void
live(struct life *l, const struct client *c)
{
	qsort(c->facts, c->n, sizeof(struct fact *), by_time);
	for (size_t i = 0; i < c->n; i++) {
		l->loose |= c->facts[i]->late;
		for (size_t j = i; j-- > 0 && c->facts[j]->at == c->facts[i]->at;)
			l->loose |= c->facts[j]->line->log != c->facts[i]->line->log;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct fact *f = c->facts[i];

		if (f->again || (c->is & OWN) || ((c->is & ALLOWED) && f->kind != LOGIN))
			continue;
		for (unsigned n = 0; n < f->times; n++) {
			if (f->kind == LOGIN)
				login(l, f);
			else
				offence(l, f);
		}
	}
}

/* client, role, p(erson) or l(iar) or -, user|first|last|logins, zone|first|last|hits, kind:threshold:at:for,...; each "-" for
 * never.  "*" is any time, any zone. */
static void
write_client(FILE *out, const struct client *c)
{
	struct life l = { .user = "" };

	if ((l.blocked = open_memstream(&l.told, &l.told_size)) == NULL)
		die("out of memory");
	if (c->n > 0)
		live(&l, c);
	fclose(l.blocked);
	fprintf(out, "%s\t%s\t%s\t", c->name, c->role, c->is & PERSON ? "p" : c->is & LIAR ? "l" : "-");
	if (l.logins > 0)
		fprintf(out, "%s|%s|%s|%u\t", l.user, stamp(l.first_login), stamp(l.last_login), l.logins);
	else
		fputs("-\t", out);
	if (l.cached)
		fprintf(out, "%s|%s|%s|%u\t", l.loose ? "*" : l.zone, stamp(l.first_cached), stamp(l.last_cached), l.retries);
	else
		fputs("-\t", out);
	fprintf(out, "%s\n", l.told_size > 0 ? l.told : "-");
	free(l.told);
	free(l.hits);
}

void
truth_write(FILE *out)
{
	for (size_t i = 0; i < clients_n; i++)
		write_client(out, clients[i]);
}

struct said *saids;
size_t saids_n;

void
say(const char *name, bool surely)
{
	saids = grow(saids, saids_n, sizeof *saids);
	saids[saids_n++] = (struct said){ name, surely };
}

void
truth_write_said(FILE *out)
{
	for (size_t i = 0; i < saids_n; i++)
		fprintf(out, "%s\t%s\n", saids[i].name, saids[i].surely ? "must" : "may");
}
