/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reply.c - the texts that a refused client gets to read */
#include "reply.h"

#include <stdio.h>
#include <string.h>

#include "template.h"

/* What an address has done, to follow "refused here:". */
static const char *const deeds[EVENT_KINDS] = {
	[EVENT_LOGIN] = "somebody has logged in from it",
	[EVENT_AUTH_FAILURE] = "too many wrong passwords came from it",
	[EVENT_RBL] = "a DNS blacklist lists it",
	[EVENT_HELO_FORGERY] = "it has greeted us with a name or address of ours",
	[EVENT_SENDER_FORGERY] = "it has used a sender address of somebody else's provider",
	[EVENT_RECIPIENT_FORGERY] = "it has written to an address that nobody has",
	[EVENT_UNKNOWN_USER] = "it has written to too many people who do not exist",
	[EVENT_RELAY_DENIED] = "it has tried too often to have mail relayed",
	[EVENT_RATE_LIMIT] = "too many connections came from it",
	[EVENT_PROTOCOL] = "it has broken the protocol too often",
	[EVENT_POLICY] = "too many of its commands were refused",
};

static void
begin(struct reply *r, const struct reply_to *to)
{
	bool later = to->answer == REFUSE_TEMPFAIL;

	r->code = later ? "450" : "550";
	r->dsn = later ? "4.7.1" : "5.7.1";
	r->first = false;
	addr_format(r->client, to->client);
}

/* All that is the same for every text; room for the reference is kept behind it. */
static void
fill(struct reply *r, const struct reply_to *to, const char *wording, struct str values[PLACES])
{
	struct addr client = addr_client(to->client, to->conf->policy.ipv6_prefix);
	char id[REF_TEXT], ref[REF_TEXT + 8];
	size_t n;

	(void)snprintf(ref, sizeof ref, "(ref %s)", ref_format(id, &client, to->at));
	values[PLACE_CLIENT] = str_of(r->client);
	values[PLACE_POSTMASTER] = str_of(to->conf->postmaster);
	values[PLACE_REF] = str_of(ref);
	if (template_fill(r->text, sizeof r->text - strlen(ref) - 1, wording, values))
		return;
	n = strlen(r->text);
	(void)snprintf(r->text + n, sizeof r->text - n, "%s%s", n == 0 || r->text[n - 1] == ' ' ? "" : " ", ref);
}

void
reply_refused(struct reply *r, const struct reply_to *to, const struct answer *a)
{
	const char *wording = a->verdict == VERDICT_BLOCKED ? to->conf->text_blocked : to->conf->text_cached;
	struct str values[PLACES] = { { NULL, 0 } }, zone = str_of(a->zone);
	const struct zone_text *known;

	begin(r, to);
	if (a->kind < EVENT_KINDS)
		values[PLACE_REASON] = str_of(deeds[a->kind]);
	else
		values[PLACE_REASON] = zone.n > 0 ? zone : STR("the administrator has decided so");
	if (a->kind == EVENT_RBL && zone.n > 0) {
		known = conf_zone(to->conf, zone);
		wording = to->conf->text_listed;
		values[PLACE_ZONE] = known != NULL && known->show != NULL ? str_of(known->show) : zone;
		values[PLACE_EXPLANATION] = str_of(known == NULL ? NULL : known->explanation);
	}
	fill(r, to, wording, values);
}

void
reply_forgery(struct reply *r, const struct reply_to *to, enum event_kind kind, struct str said)
{
	const struct conf *c = to->conf;
	const char *wording = kind == EVENT_HELO_FORGERY ? c->text_helo :
	    kind == EVENT_SENDER_FORGERY ? c->text_sender : c->text_recipient;
	struct str values[PLACES] = { [PLACE_SAID] = said, [PLACE_REASON] = str_of(deeds[kind]) };

	begin(r, to);
	fill(r, to, wording, values);
}

void
reply_relay(struct reply *r, const struct reply_to *to, struct str recipient)
{
	struct str values[PLACES] = { [PLACE_SAID] = recipient, [PLACE_REASON] = STR("it may not relay") };

	begin(r, to);
	fill(r, to, to->conf->text_relay, values);
}

void
reply_budget(struct reply *r, const struct reply_to *to)
{
	const struct reply_to later = { to->conf, to->client, to->at, REFUSE_TEMPFAIL };
	struct str values[PLACES] = { [PLACE_REASON] = STR("it has sent to too many recipients within the hour") };

	begin(r, &later);
	fill(r, &later, to->conf->text_budget, values);
}

char *
reply_for_milter(char *dst, const struct reply *r)
{
	char *out = dst;

	for (const char *p = r->text; *p != '\0'; p++) {
		if (*p == '%')
			*out++ = '%';
		*out++ = *p;
	}
	*out = '\0';
	return dst;
}
