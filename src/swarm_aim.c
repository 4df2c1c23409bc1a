/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swarm_aim.c - what an event is aimed at, and what is said of an incident */
#include <stdio.h>

#include "swarm.h"

static unsigned
add(struct aim *out, unsigned n, enum target t, struct str name)
{
	out[n] = (struct aim){ .target = t, .name = name };
	return n + 1;
}

/* A network's clients are strangers: who has logged in within a week (CHANGE_GOOD) has a slip. */
static unsigned
failure_aims(const struct event *ev, unsigned changes, struct aim *out)
{
	unsigned n = 0;

	if (changes & CHANGE_FORGIVEN)
		return ev->user.n > 0 ? add(out, 0, TARGET_CLIENT, ev->user) : 0;
	if (ev->user.n > 0)
		n = add(out, n, TARGET_ACCOUNT, ev->user);
	return changes & CHANGE_GOOD ? n : add(out, n, TARGET_NETWORK, STR_NONE);
}

static unsigned
login_aims(const struct event *ev, struct aim *out)
{
	if (ev->user.n == 0)
		return 0;
	(void)add(out, 0, TARGET_LOGIN, ev->user);
	(void)add(out, 1, TARGET_CLIENT, ev->user);
	out[1].well = true;
	return 2;
}

unsigned
swarm_aims(const struct event *ev, unsigned changes, struct aim out[SWARM_AIMS])
{
	struct str domain;

	switch (ev->kind) {
	case EVENT_AUTH_FAILURE:
		return failure_aims(ev, changes, out);
	case EVENT_LOGIN:
		return login_aims(ev, out);
	case EVENT_UNKNOWN_USER:
	case EVENT_RECIPIENT_FORGERY:
		domain = event_domain(ev->recipient);
		return domain.n > 0 && !(changes & CHANGE_FORGIVEN) ? add(out, 0, TARGET_DOMAIN, domain) : 0;
	default:
		return 0;
	}
}

struct addr
swarm_network(const struct addr *client)
{
	struct addr a = addr_client(client, SWARM_NET6);

	if (addr_is4(&a))
		a.b[15] = 0;
	return a;
}

const char *
target_name(enum target t)
{
	static const char *const names[TARGETS] = { [TARGET_ACCOUNT] = "account", [TARGET_LOGIN] = "login",
		[TARGET_DOMAIN] = "domain", [TARGET_NETWORK] = "network", [TARGET_CLIENT] = "client" };

	return names[t];
}

const char *
members_name(enum target t)
{
	return t == TARGET_CLIENT ? "accounts" : "clients";
}

char *
incident_text(char *buf, size_t size, const struct incident *i)
{
	static const struct {
		const char *does, *then;
	} what[TARGETS] = {
		[TARGET_ACCOUNT] = { "fail to log in to", "" },
		[TARGET_LOGIN] = { "log in to", "" },
		[TARGET_DOMAIN] = { "write to people who do not exist in", "" },
		[TARGET_NETWORK] = { "fail to log in from", ", none of which has logged in" },
		[TARGET_CLIENT] = { "fail to log in from", ", where another login excuses it" },
	};

	(void)snprintf(buf, size, "%u %s %s %s%s", i->most, members_name(i->target), what[i->target].does, i->name,
	    what[i->target].then);
	return buf;
}

char *
incident_clients(char *buf, size_t size, const struct incident *i, unsigned ipv6_prefix)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned k = 0; k < i->shown && used + ADDR_TEXT + 8 < size; k++) {
		char text[ADDR_TEXT];
		int n = snprintf(buf + used, size - used, "%s%s", k == 0 ? "" : " ",
		    addr_format_client(text, &i->who[k], ipv6_prefix));

		used += n < 0 ? 0 : (size_t)n;
	}
	return buf;
}

bool
incident_lowers(const struct incident *i, const struct policy *p, const struct addr *client, const struct record *r,
    enum event_kind kind, time_t now, struct policy_lowering *out)
{
	struct addr net = swarm_network(client);

	switch (i->target) {
	case TARGET_ACCOUNT:
		return kind == EVENT_AUTH_FAILURE && policy_lowering(p, r, kind, i->hash, now, out);
	case TARGET_DOMAIN:
		return (kind == EVENT_UNKNOWN_USER || kind == EVENT_RECIPIENT_FORGERY) &&
		    policy_lowering(p, r, kind, i->hash, now, out);
	case TARGET_NETWORK:
		return kind == EVENT_AUTH_FAILURE && addr_eq(&net, &i->addr) && policy_lowering_around(p, r, now, out);
	default:
		return false;
	}
}
