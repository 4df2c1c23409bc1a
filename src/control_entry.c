/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_entry.c - what is told of a client in one of the three sets */
#include "control_priv.h"

struct entry
entry_of(enum set s, const struct addr *client, const struct record *r, time_t now)
{
	struct entry en = { .client = *client };

	switch (s) {
	case SET_RELAY:
		en.since = r->grant->first;
		en.last = r->grant->last;
		en.until = r->grant->until;
		en.count = r->grant->logins;
		en.sent = record_spent(r, (uint32_t)now);
		en.beyond = record_beyond(r, (uint32_t)now);
		break;
	case SET_CACHE:
		en.since = r->cached_at;
		en.until = r->cached_until;
		en.count = r->cached_hits;
		en.kind = r->cached_kind;
		en.text = r->cached_zone;
		break;
	case SET_BLOCK:
		en.since = r->blocked_at;
		en.until = r->blocked_until;
		en.count = r->blocks;
		en.kind = r->blocked_kind;
		en.by = r->blocked_by;
		en.text = r->blocked_note;
		break;
	case SETS:
		break;
	}
	return en;
}

void
entry_put(struct json *o, enum set s, const struct entry *en, struct str user, const struct policy *p)
{
	static const char *const count_key[SETS] = { "logins", "hits", "blocks" };

	if (s == SET_RELAY) {
		json_put_text(o, "user", user.n > 0 ? user : STR_NONE);
	} else {
		json_put_cstr(o, "kind", kind_text(en->kind));
		if (s == SET_BLOCK)
			json_put_cstr(o, "by", threshold_kind_name(en->by));
		json_put_cstr(o, en->kind == EVENT_KINDS ? "reason" : "zone", en->text);
	}
	json_put_int(o, "since", en->since);
	if (s == SET_RELAY)
		json_put_int(o, "last", en->last);
	json_put_int(o, "until", en->until);
	json_put_int(o, count_key[s], en->count);
	if (s != SET_RELAY)
		return;
	json_put_int(o, "sent", en->sent);
	if (p->relay_budget != 0)
		json_put_int(o, "budget", p->relay_budget);
	if (en->beyond != 0)
		json_put_int(o, "beyond", en->beyond);
}

void
client_put(struct json *o, const char *key, const struct addr *client, const struct policy *p)
{
	char buf[ADDR_TEXT];

	json_put_cstr(o, key, addr_format_client(buf, client, p->ipv6_prefix));
}

const char *
kind_text(unsigned kind)
{
	return kind < EVENT_KINDS ? event_kind_name((enum event_kind)kind) : "hand";
}

const char *
source_text(enum event_source source)
{
	static const char *const names[] = { [SOURCE_LOG] = "log", [SOURCE_MILTER] = "milter",
		[SOURCE_CONTROL] = "control" };

	return names[source];
}

static const char *
given(const char *text)
{
	return *text != '\0' ? text : NULL;
}

void
changes_put(struct json *o, const char *key, unsigned changes)
{
	static const struct {
		unsigned bit;
		struct str name;
	} names[] = {
		{ CHANGE_COUNTED, { "counted", 7 } },	  { CHANGE_GRANTED, { "granted", 7 } },
		{ CHANGE_RENEWED, { "renewed", 7 } },	  { CHANGE_UNGRANTED, { "ungranted", 9 } },
		{ CHANGE_CACHED, { "cached", 6 } },	  { CHANGE_UNCACHED, { "uncached", 8 } },
		{ CHANGE_BLOCKED, { "blocked", 7 } },	  { CHANGE_UNBLOCKED, { "unblocked", 9 } },
		{ CHANGE_FORGIVEN, { "forgiven", 8 } },	  { CHANGE_DUPLICATE, { "duplicate", 9 } },
		{ CHANGE_TRUSTED, { "trusted", 7 } },	  { CHANGE_EXPIRED, { "expired", 7 } },
		{ CHANGE_HELD, { "held", 4 } },		  { CHANGE_STRICT, { "strict", 6 } },
	};
	struct json *list = json_list();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (changes & names[i].bit)
			json_add_text(list, names[i].name);
	}
	json_put(o, key, list);
}

const char *
address_trusted(const struct policy *p, const struct addr *a)
{
	if (addr_is_special(a))
		return "loopback, link-local or the like: nothing is ever learned about it";
	if (netlist_has(p->own, a))
		return "one of our own: nothing is ever learned about it";
	if (netlist_has(p->allow, a))
		return "allowlisted: never cached, never blocked";
	return NULL;
}

struct json *
watched_json(const struct watched *ev, const struct policy *p)
{
	struct json *o = json_new();

	json_put_int(o, "time", ev->time);
	if (*ev->notice != '\0') {
		json_put_cstr(o, "notice", ev->notice);
		return o;
	}
	json_put_cstr(o, "event", kind_text(ev->kind));
	client_put(o, "client", &ev->client, p);
	json_put_cstr(o, "source", source_text(ev->source));
	json_put_cstr(o, "user", given(ev->user));
	json_put_cstr(o, "recipient", given(ev->recipient));
	json_put_cstr(o, "zone", given(ev->zone));
	json_put_cstr(o, "rule", given(ev->rule));
	changes_put(o, "changes", ev->changes);
	json_put_cstr(o, "text", given(ev->evidence));
	return o;
}
