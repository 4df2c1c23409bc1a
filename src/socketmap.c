/* SPDX-License-Identifier: GPL-2.0-or-later */
/* socketmap.c - see socketmap.h
 *
 * Who asks for a map that there is not is answered each time, for the MTA must be told; who breaks the protocol is answered
 * and cut off, who sends half a request is cut off after half a minute.  All of it is counted, and one line a minute logged.
 *
 * An idle connection is let live long: Postfix closes its own after seconds, but sendmail keeps one for the length of
 * an SMTP session and answers 451 when it finds it closed.
 */
#include "socketmap.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logmsg.h"
#include "netstring.h"
#include "server.h"
#include "stats.h"

#define CONNS_MAX   2048
#define FRESH_S	    30
#define IDLE_S	    3600
#define REQUEST_MAX 1024
#define REPLY_MAX   512

struct socketmap {
	struct socketmap_host host;
	struct server *server;
	char *path;
	struct {
		_Atomic uint64_t n;
		_Atomic int64_t last;
	} asked[SOCKETMAP_MAPS + 1]; /* of each map; behind them, of others */
};

/* One lookup on its way. */
struct query {
	const struct socketmap_host *host;
	const struct policy *policy;
	time_t now;
	struct addr addr;
	bool granted;
	bool lost; /* there is no such map */
	char user[96];
	char out[REPLY_MAX];
};

static void __attribute__((format(printf, 2, 3)))
reply(struct query *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(q->out, sizeof(q->out), fmt, ap);
	va_end(ap);
}

/* Called under the shard's lock.  A block by an administrator's hand outranks a grant, as in policy_judge(). */
static void
copy_grant(void *arg, const struct addr *client, const struct record *r)
{
	struct query *q = arg;

	(void)client;
	q->granted = record_granted(r, (uint32_t)q->now) &&
	    !(record_blocked(r, (uint32_t)q->now) && r->blocked_by == BY_HAND);
	if (q->granted)
		str_copy(q->user, sizeof(q->user), str_of(r->grant->user));
}

/* A grant alone counts: to be allowlisted is not to be let relay. */
static bool
granted(struct query *q)
{
	q->granted = false;
	ledger_view(q->host->ledger, q->policy, &q->addr, copy_grant, q);
	return q->granted;
}

static void
map_relay(struct query *q)
{
	char user[2 * sizeof(q->user)];

	if (!granted(q))
		return;
	str_show(user, sizeof(user), str_of(q->user));
	reply(q, "OK OK%s%s", *user != '\0' ? " " : "", user);
}

static void
map_popauth_relay(struct query *q)
{
	if (granted(q))
		reply(q, "OK RELAY");
}

static void
plain_text(const struct addr *a, const struct answer *why, char *buf, size_t size)
{
	char addr[ADDR_TEXT], zone[128];

	addr_format(addr, a);
	if (why->verdict == VERDICT_CACHED && why->zone != NULL)
		snprintf(buf, size, "%s is refused: listed by %s", addr,
		    str_show(zone, sizeof(zone), str_of(why->zone)));
	else if (why->kind < EVENT_KINDS)
		snprintf(buf, size, "%s is refused: %s", addr, event_kind_name(why->kind));
	else
		snprintf(buf, size, "%s is refused by the administrator", addr);
}

static void
map_verdict(struct query *q)
{
	struct answer why;
	char text[REPLY_MAX - 16];

	ledger_judge(q->host->ledger, q->policy, &q->addr, q->now, &why);
	if (why.verdict != VERDICT_CACHED && why.verdict != VERDICT_BLOCKED)
		return;
	if (q->host->reject_text != NULL)
		q->host->reject_text(q->host->arg, &q->addr, &why, text, sizeof(text));
	else
		plain_text(&q->addr, &why, text, sizeof(text));
	reply(q, "OK REJECT %s", text);
}

static void
map_postscreen(struct query *q)
{
	struct answer why;

	ledger_judge(q->host->ledger, q->policy, &q->addr, q->now, &why);
	if (why.verdict == VERDICT_CACHED || why.verdict == VERDICT_BLOCKED)
		reply(q, "OK reject");
	else if (why.verdict == VERDICT_RELAY || why.verdict == VERDICT_TRUSTED)
		reply(q, "OK permit");
}

static const struct map {
	struct str name;
	void (*look)(struct query *q); /* leaves q->out alone when there is nothing */
} maps[SOCKETMAP_MAPS] = {
	{ { "relay", 5 }, map_relay },
	{ { "popauth_relay", 13 }, map_popauth_relay },
	{ { "verdict", 7 }, map_verdict },
	{ { "postscreen", 10 }, map_postscreen },
};

/* Its place; SOCKETMAP_MAPS: there is none of this name. */
static size_t
map_of(struct str name)
{
	size_t i = 0;

	while (i < SOCKETMAP_MAPS && !str_eq(name, maps[i].name))
		i++;
	return i;
}

/* Answer one request `NAME KEY` into q->out. */
static void
answer(struct socketmap *m, struct query *q, struct str body)
{
	const char *space = memchr(body.p, ' ', body.n);
	struct str name = body, key;
	char shown[64];
	size_t map;

	stat_add(STAT_MAP_LOOKUPS, 1);
	if (space != NULL)
		name.n = (size_t)(space - body.p);
	map = space == NULL ? SOCKETMAP_MAPS : map_of(name);
	if (!str_eq(body, STR(SOCKETMAP_PROBE))) {
		m->asked[map].n++;
		m->asked[map].last = q->now;
	}
	if (map == SOCKETMAP_MAPS) {
		reply(q, "PERM no such map: %s", str_show(shown, sizeof(shown), name));
		q->lost = true;
		return;
	}
	key = (struct str){ space + 1, body.n - name.n - 1 };
	reply(q, "NOTFOUND ");
	if (addr_parse(&q->addr, key) == -1)
		return;
	maps[map].look(q);
	if (q->out[0] == 'O')
		stat_add(STAT_MAP_FOUND, 1);
}

static void
broken(const struct socketmap *m, const char *how)
{
	static struct flood cut_off = { .what = "clients of the map socket cut off", .n = 5, .span = 300 };

	stat_add(STAT_MAP_REFUSED, 1);
	logmsg_flood(&cut_off, LEVEL_WARNING, "%s: a client was cut off: %s", m->path, how);
}

/* The MTA asks for what there is not: a mistake in its configuration, to be said even while others are cut off. */
static void
unknown_map(const struct socketmap *m, const struct query *q)
{
	static struct flood unknown = { .what = "requests for maps that there are not", .n = 5, .span = 300 };

	stat_add(STAT_MAP_UNKNOWN, 1);
	logmsg_flood(&unknown, LEVEL_WARNING, "%s: a client was told: %s", m->path, q->out);
}

static enum conn_next
refuse(struct socketmap *m, struct conn *c, const char *how, const char *perm)
{
	char buf[128];
	size_t n = netstring_write(buf, sizeof(buf), str_of(perm));

	broken(m, how);
	conn_put(c, buf, n);
	return CONN_FLUSH;
}

static enum conn_next
take(struct socketmap *m, struct conn *c, struct query *q, struct str in, size_t *used)
{
	char wire[REPLY_MAX + NETSTRING_EXTRA];

	while (*used < in.n && conn_room(c) >= sizeof(wire)) {
		struct str rest = { in.p + *used, in.n - *used }, body;
		size_t len;

		switch (netstring_parse(rest, REQUEST_MAX, &body, &len)) {
		case NETSTRING_PART:
			return CONN_KEEP;
		case NETSTRING_BAD:
			return refuse(m, c, "not a netstring", "PERM not a netstring");
		case NETSTRING_LONG:
			return refuse(m, c, "request too long", "PERM request too long");
		case NETSTRING_WHOLE:
			q->lost = false;
			answer(m, q, body);
			if (q->lost)
				unknown_map(m, q);
			conn_put(c, wire, netstring_write(wire, sizeof(wire), str_of(q->out)));
			conn_proved(c);
			*used += len;
		}
	}
	return CONN_KEEP;
}

static enum conn_next
on_input(void *arg, struct conn *c, struct str in, size_t *used)
{
	struct socketmap *m = arg;
	struct query q = { .host = &m->host, .now = m->host.now(m->host.arg) };
	enum conn_next next;
	void *hold;

	q.policy = m->host.policy_get(m->host.arg, &hold);
	next = take(m, c, &q, in, used);
	m->host.policy_put(m->host.arg, hold);
	return next;
}

static void
on_closed(void *arg, struct conn *c, enum conn_end why, size_t unread)
{
	(void)c;
	if (why == END_FULL)
		broken(arg, "too many connections, and it was the quietest");
	else if (unread > 0 && why != END_OURS)
		broken(arg, why == END_PEER ? "half a request, then the end" : "half a request, then silence");
}

static const struct server_ops ops = { .input = on_input, .closed = on_closed };

struct socketmap *
socketmap_open(const struct socketmap_setup *setup, struct err *e)
{
	struct socketmap *m = xcalloc(1, sizeof(*m));
	struct server_setup ss = { .path = setup->path, .mode = setup->mode, .uid = setup->uid, .gid = setup->gid,
		.conns_max = CONNS_MAX, .in_size = 2 * (REQUEST_MAX + NETSTRING_EXTRA), .out_size = 8 * REPLY_MAX,
		.fresh_s = FRESH_S, .idle_s = IDLE_S, .ops = &ops, .arg = m };

	m->host = setup->host;
	m->path = xstrdup(setup->path);
	m->server = server_open(&ss, e);
	if (m->server == NULL) {
		socketmap_close(m);
		return NULL;
	}
	return m;
}

int
socketmap_start(struct socketmap *m, struct err *e)
{
	return server_start(m->server, "socketmap", e);
}

void
socketmap_status(struct socketmap *m, struct socketmap_status *out)
{
	*out = (struct socketmap_status){ .path = m->path, .unknown = m->asked[SOCKETMAP_MAPS].n };
	for (size_t i = 0; i < SOCKETMAP_MAPS; i++) {
		out->map[i].name = maps[i].name.p;
		out->map[i].asked = m->asked[i].n;
		out->map[i].last = (time_t)m->asked[i].last;
	}
}

void
socketmap_close(struct socketmap *m)
{
	if (m == NULL)
		return;
	server_close(m->server);
	free(m->path);
	free(m);
}
