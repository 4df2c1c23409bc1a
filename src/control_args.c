/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control_args.c - the arguments of a request */
#include <stdio.h>
#include <string.h>

#include "control_priv.h"
#include "ref.h"


/* One address; or a client as we print it, `2001:db8:1:2::/64`, so that what was listed can be typed. */
static int
parse_client(const struct request *rq, struct str text, struct addr *a, struct err *e)
{
	const char *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	struct str alone = text, rest = STR_NONE;
	unsigned bits = rq->policy->ipv6_prefix;
	char shown[80], own_form[8];
	struct addr folded;

	str_show(shown, sizeof(shown), text);
	if (slash != NULL) {
		alone.n = (size_t)(slash - text.p);
		rest = (struct str){ slash, text.n - alone.n };
	}
	if (addr_parse(a, alone) == -1)
		return err_set(e, "not an address: %s", shown);
	if (slash == NULL)
		return 0;
	snprintf(own_form, sizeof(own_form), "/%u", addr_is4(a) ? 32 : bits);
	folded = addr_client(a, bits);
	if (!str_eq(rest, str_of(own_form)) || !addr_eq(a, &folded))
		return err_set(e, "not one client but a network: %s (a client is one IPv4 address or one IPv6 /%u)",
		    shown, bits);
	return 0;
}

static int
parse_address(struct request *rq, const struct json *v, struct err *e)
{
	char shown[80];

	if ((rq->verb->args & ARG_REF) == 0)
		return parse_client(rq, json_text(v), &rq->addr, e);
	if (parse_client(rq, json_text(v), &rq->addr, e) == 0 || ref_parse(json_text(v), &rq->addr, &rq->moment) == 0)
		return 0;
	if (json_text(v).n > 0 && strpbrk(json_text(v).p, ".:/") != NULL)
		return -1; /* meant as an address, and that is what it says */
	return err_set(e, "neither an address nor the reference of a refusal, or mistyped: %s",
	    str_show(shown, sizeof(shown), json_text(v)));
}

static int
parse_term(struct request *rq, const struct json *v, struct err *e)
{
	struct str text = json_text(v);
	int64_t term = json_is_text(v) ? str_duration(text) : json_number(v, -1);
	char shown[80];

	if (term < 1 || term > POLICY_TERM_MAX)
		return err_set(e, "not a term of 1 s to 10 years, such as 90s, 15m, 1h, 7d: %s",
		    str_show(shown, sizeof(shown), text));
	rq->term = (uint32_t)term;
	return 0;
}

static int
parse_text(struct str *to, const char *what, const struct json *v, struct err *e)
{
	*to = json_text(v);
	if (to->n == 0 || to->n > ARG_TEXT_MAX)
		return err_set(e, "%s: must be a text of 1 to %d bytes", what, ARG_TEXT_MAX);
	for (size_t i = 0; i < to->n; i++) {
		if ((unsigned char)to->p[i] < ' ' || to->p[i] == 0x7f)
			return err_set(e, "%s: holds a control character", what);
	}
	return 0;
}

static int
parse_user(struct request *rq, const struct json *v, struct err *e)
{
	return parse_text(&rq->user, "user", v, e);
}

static int
parse_reason(struct request *rq, const struct json *v, struct err *e)
{
	return parse_text(&rq->reason, "reason", v, e);
}

static int
parse_match(struct request *rq, const struct json *v, struct err *e)
{
	return parse_text(&rq->match, "match", v, e);
}

static int
parse_bounded(uint32_t *to, const char *what, const struct json *v, uint32_t least, uint32_t most, struct err *e)
{
	int64_t n = json_number(v, -1);

	if (n < least || n > most)
		return err_set(e, "%s: must be a number from %u to %u", what, least, most);
	*to = (uint32_t)n;
	return 0;
}

static int
parse_number(struct request *rq, uint32_t *to, const char *what, int64_t max, const struct json *v, struct err *e)
{
	int64_t n = json_number(v, -1);

	if (n < 1 || n > max)
		return err_set(e, "%s: not a number of 1 to %lld", what, (long long)max);
	*to = (uint32_t)n;
	rq->history = true;
	return 0;
}

static int
parse_offset(struct request *rq, const struct json *v, struct err *e)
{
	return parse_bounded(&rq->offset, "offset", v, 0, PAGE_OFFSET_MAX, e);
}

static int
parse_limit(struct request *rq, const struct json *v, struct err *e)
{
	return parse_bounded(&rq->limit, "limit", v, 1, PAGE_LIMIT_MAX, e);
}

static int
parse_span(struct request *rq, const struct json *v, struct err *e)
{
	if (parse_term(rq, v, e) == -1)
		return -1;
	rq->since = rq->term;
	return 0;
}

static int
parse_since(struct request *rq, const struct json *v, struct err *e)
{
	return parse_number(rq, &rq->carried.since, "since (seconds since 1970, not in the future)", rq->now, v, e);
}

static int
parse_last(struct request *rq, const struct json *v, struct err *e)
{
	return parse_number(rq, &rq->carried.last, "last (seconds since 1970, not in the future)", rq->now, v, e);
}

static int
parse_until(struct request *rq, const struct json *v, struct err *e)
{
	return parse_number(rq, &rq->carried.until, "until (seconds since 1970, at most 10 years ahead)",
	    rq->now + POLICY_TERM_MAX, v, e);
}

static int
parse_count(struct request *rq, const struct json *v, struct err *e)
{
	return json_number(v, -1) == 0 ? 0 : parse_number(rq, &rq->carried.count, "logins, hits or blocks", UINT32_MAX, v, e);
}

static int
parse_kind(struct request *rq, const struct json *v, struct err *e)
{
	struct str text = json_text(v);
	enum event_kind kind = event_kind_of(text);

	if (kind == EVENT_LOGIN || (kind == EVENT_KINDS && !str_eq(text, STR("hand"))))
		return err_set(e, "kind: no offence, nor hand");
	rq->carried.kind = (uint8_t)kind;
	rq->history = true;
	return 0;
}

static int
parse_by(struct request *rq, const struct json *v, struct err *e)
{
	for (enum threshold_kind by = BY_RATE; by <= BY_HAND; by++)
		if (str_eq(json_text(v), str_of(threshold_kind_name(by)))) {
			rq->carried.by = (uint8_t)by;
			return 0;
		}
	return err_set(e, "by: not rate, total or hand");
}

static int
parse_zone(struct request *rq, const struct json *v, struct err *e)
{
	return parse_text(&rq->reason, "zone", v, e);
}

static int
parse_more(struct request *rq, const struct json *v, struct err *e)
{
	(void)e;
	rq->more = json_number(v, 0) != 0;
	rq->history = true;
	return 0;
}

static int
parse_kinds(struct request *rq, const struct json *v, struct err *e)
{
	return filter_kinds(&rq->session->filter, json_text(v), e);
}

static int
parse_clients(struct request *rq, const struct json *v, struct err *e)
{
	return filter_clients(&rq->session->filter, json_text(v), rq->policy->ipv6_prefix, e);
}

static const struct {
	const char *key;
	unsigned arg;
	bool required;
	int (*parse)(struct request *rq, const struct json *v, struct err *e);
} known[] = {
	{ "address", ARG_ADDRESS, true, parse_address },
	{ "for", ARG_FOR, false, parse_term },
	{ "user", ARG_USER, false, parse_user },
	{ "reason", ARG_REASON, false, parse_reason },
	{ "offset", ARG_PAGE, false, parse_offset },
	{ "limit", ARG_PAGE, false, parse_limit },
	{ "match", ARG_MATCH, false, parse_match },
	{ "since", ARG_SINCE, false, parse_span },
	{ "since", ARG_HISTORY, false, parse_since },
	{ "last", ARG_HISTORY, false, parse_last },
	{ "until", ARG_HISTORY, false, parse_until },
	{ "logins", ARG_HISTORY, false, parse_count },
	{ "hits", ARG_HISTORY, false, parse_count },
	{ "blocks", ARG_HISTORY, false, parse_count },
	{ "kind", ARG_HISTORY, false, parse_kind },
	{ "by", ARG_HISTORY, false, parse_by },
	{ "zone", ARG_HISTORY, false, parse_zone },
	{ "more", ARG_HISTORY, false, parse_more },
	{ "kind", ARG_FILTER, false, parse_kinds },
	{ "client", ARG_FILTER, false, parse_clients },
};

static int
parse_one(struct request *rq, const char *key, const struct json *v, unsigned *given, struct err *e)
{
	char shown[80];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(key, known[i].key) != 0 || !(rq->verb->args & known[i].arg))
			continue;
		*given |= known[i].arg;
		return known[i].parse(rq, v, e);
	}
	return err_set(e, "%s takes no \"%s\"", rq->verb->name, str_show(shown, sizeof(shown), str_of(key)));
}

int
request_args(struct request *rq, const struct json *j, struct err *e)
{
	unsigned given = 0;
	struct json *v;
	const char *key;
	void *at = NULL;

	while (json_next(j, &at, &key, &v)) {
		if (strcmp(key, "verb") != 0 && parse_one(rq, key, v, &given, e) == -1)
			return -1;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].required && (rq->verb->args & known[i].arg) && !(given & known[i].arg))
			return err_set(e, "%s needs \"%s\"", rq->verb->name, known[i].key);
	}
	if (rq->offset > 0 && rq->limit == 0)
		return err_set(e, "offset needs limit");
	return 0;
}
