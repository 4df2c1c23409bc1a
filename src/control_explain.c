/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_explain.c - all that is known of one client, and what would change it */
#include <stdio.h>

#include "control_priv.h"
#include "ref.h"

/* Copied out under the shard's lock; the formatting comes after. */
struct known {
	const struct policy *policy;
	uint32_t now;
	uint32_t seen, login;
	bool in[SETS];
	struct entry entry[SETS];
	uint8_t blocks;
	char user[256];
	struct counter {
		bool any;
		struct policy_count is;
	} counter[EVENT_KINDS];
	unsigned about; /* kinds that there is evidence of */
	struct around around;
};

static void
copy(void *arg, const struct addr *client, const struct record *r)
{
	struct known *k = arg;

	k->seen = r->seen;
	k->login = r->login;
	k->blocks = r->blocks;
	for (enum set s = 0; s < SETS; s++) {
		k->in[s] = record_in(r, s, k->now);
		if (k->in[s])
			k->entry[s] = entry_of(s, client, r, (time_t)k->now);
	}
	if (k->in[SET_RELAY])
		str_copy(k->user, sizeof(k->user), str_of(r->grant->user));
	for (enum event_kind e = 0; e < EVENT_KINDS; e++)
		k->counter[e].any = policy_count(k->policy, r, e, k->now, &k->counter[e].is);
	around_client(&k->around, k->policy, client, r, k->about);
}

static void
put_threshold(struct json *o, const char *key, unsigned have, enum counted of, const struct threshold *th)
{
	struct json *t;

	if (th->n == 0)
		return;
	t = json_new();
	json_put_int(t, "have", have);
	json_put_int(t, "of", th->n);
	json_put_cstr(t, "counts", counted_name(of));
	json_put_int(t, "span", th->span);
	json_put_int(t, "term", th->term);
	json_put(o, key, t);
}

static void
put_counters(struct json *o, const struct known *k)
{
	struct json *list = json_list();

	for (enum event_kind e = 0; e < EVENT_KINDS; e++) {
		const struct policy_count *c = &k->counter[e].is;
		struct json *one;

		if (!k->counter[e].any)
			continue;
		one = json_new();
		json_put_cstr(one, "kind", event_kind_name(e));
		put_threshold(one, "rate", c->rate, c->rate_of, &k->policy->kind[e].rate);
		put_threshold(one, "total", c->total, c->total_of, &k->policy->kind[e].total);
		json_put_int(one, "last", c->last);
		json_add(list, one);
	}
	json_put(o, "counters", list);
}

static void
put_origin(struct json *o, const struct control_host *host, const char *rule)
{
	struct rule_origin at;

	if (host->origin == NULL || !host->origin(host->arg, rule, &at))
		return;
	json_put_cstr(o, "file", at.file);
	json_put_int(o, "line", at.line);
	if (at.written != 0)
		json_put_int(o, "written", at.written);
}

/* `moment`: what a reference speaks of is pointed out. */
static void
put_evidence(struct json *o, const struct control_host *host, const struct evidence_entry *got, unsigned n,
    time_t moment)
{
	struct json *list = json_list();

	for (unsigned i = n; i-- > 0;) {
		struct json *one = json_new();

		json_put_int(one, "time", got[i].time);
		json_put_cstr(one, "event", event_kind_name(got[i].kind));
		json_put_cstr(one, "source", source_text(got[i].source));
		json_put_cstr(one, "rule", got[i].rule);
		changes_put(one, "changes", got[i].changes);
		json_put_cstr(one, "text", got[i].text);
		put_origin(one, host, got[i].rule);
		if (moment != 0 && got[i].time == moment)
			json_put_bool(one, "referred", true);
		json_add(list, one);
	}
	json_put(o, "evidence", list);
}

static void
put_lift(struct json *o, const struct known *k, const char *client)
{
	struct json *list = json_list();
	bool by_login = false;
	char text[160];

	for (enum set s = SET_CACHE; s < SETS; s++) {
		if (!k->in[s])
			continue;
		by_login = by_login || (k->entry[s].kind != EVENT_KINDS && k->entry[s].by != BY_HAND);
		snprintf(text, sizeof(text), "popauth-milterctl %s del %s", set_name(s), client);
		json_add_text(list, str_of(text));
	}
	if (by_login && k->policy->kind[EVENT_LOGIN].on)
		json_add_text(list, k->in[SET_BLOCK] ? STR("a POP or IMAP login from there") /* the kernel drops his SMTP */
						     : STR("a POP, IMAP or SMTP login from there"));
	if (k->in[SET_CACHE] || k->in[SET_BLOCK])
		json_add_text(list, STR("the end of the term"));
	if (k->in[SET_CACHE] || k->in[SET_BLOCK])
		json_add_text(list, STR("for ever: its address in allow"));
	json_put(o, "lifted_by", list);
}

static const char *
verdict_text(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_CONTINUE] = "continue", [VERDICT_TRUSTED] = "trusted", [VERDICT_RELAY] = "relay",
		[VERDICT_BLOCKED] = "blocked",	 [VERDICT_CACHED] = "cached",
	};

	return names[v];
}

static void
put_known(struct json *o, const struct known *k)
{
	if (k->seen != 0)
		json_put_int(o, "seen", k->seen);
	if (k->login != 0)
		json_put_int(o, "login", k->login);
	if (k->blocks != 0)
		json_put_int(o, "blocks", k->blocks);
	for (enum set s = 0; s < SETS; s++) {
		struct json *one;

		if (!k->in[s])
			continue;
		one = json_new();
		entry_put(one, s, &k->entry[s], str_of(k->user), k->policy);
		json_put(o, set_name(s), one);
	}
	put_counters(o, k);
}

/* What was known when the text was sent may be forgotten by now; who and when is not. */
static void
put_ref(struct json *o, const struct request *rq)
{
	char text[REF_TEXT];
	struct json *ref;

	if (rq->moment == 0)
		return;
	ref = json_new();
	json_put_cstr(ref, "text", ref_format(text, &rq->addr, rq->moment));
	json_put_int(ref, "time", rq->moment);
	json_put(o, "ref", ref);
}

void
explain(struct request *rq)
{
	struct control *ctl = rq->ctl;
	struct ledger *ledger = ctl->host.pipeline->ledger;
	struct known k = { .policy = rq->policy, .now = (uint32_t)rq->now };
	struct addr client = addr_client(&rq->addr, rq->policy->ipv6_prefix);
	struct evidence_entry got[EVIDENCE_EACH];
	struct json *o = json_new();
	char text[ADDR_TEXT];
	const char *why = address_trusted(rq->policy, &rq->addr);
	struct answer verdict;
	unsigned lines = ctl->host.evidence == NULL ? 0 : evidence_of(ctl->host.evidence, &client, got, EVIDENCE_EACH);
	bool known;

	for (unsigned i = 0; i < lines; i++)
		k.about |= 1u << got[i].kind;
	around_begin(&k.around, rq);
	ledger_judge(ledger, rq->policy, &rq->addr, rq->now, &verdict);
	known = ledger_view(ledger, rq->policy, &rq->addr, copy, &k);
	client_put(o, "client", &client, rq->policy);
	put_ref(o, rq);
	json_put_cstr(o, "verdict", verdict_text(verdict.verdict));
	json_put_bool(o, "known", known);
	json_put_cstr(o, "trusted", why);
	put_known(o, &k);
	around_put(o, &k.around, rq->policy);
	put_lift(o, &k, addr_format(text, &client));
	put_evidence(o, &ctl->host, got, lines, rq->moment);
	control_say(ctl, rq->conn, o);
	if (known || why != NULL || lines > 0)
		control_end(ctl, rq->conn, 0, "%s", "");
	else
		control_end(ctl, rq->conn, 1, "nothing is known of %s%s",
		    addr_format_client(text, &client, rq->policy->ipv6_prefix), rq->moment != 0 ? " any more" : "");
}
