/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reply.c - the texts that a refused client gets to read */
#include "reply.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 100 /* of any one thing that came from outside */

/* What an offender has done, to follow "after". */
static const char *const deeds[EVENT_KINDS] = {
	[EVENT_LOGIN] = "a login",
	[EVENT_AUTH_FAILURE] = "too many wrong passwords",
	[EVENT_RBL] = "being listed by a DNS blacklist",
	[EVENT_HELO_FORGERY] = "greeting us with a name or address of ours",
	[EVENT_SENDER_FORGERY] = "using a sender address that is not its own",
	[EVENT_RECIPIENT_FORGERY] = "writing to an address that nobody has",
	[EVENT_UNKNOWN_USER] = "writing to too many people who do not exist",
	[EVENT_RELAY_DENIED] = "too many attempts to relay",
	[EVENT_RATE_LIMIT] = "too many connections",
	[EVENT_PROTOCOL] = "breaking the protocol too often",
	[EVENT_POLICY] = "too many refused commands",
};

/* SMTP replies are ASCII (RFC 5321, 4.2; without SMTPUTF8). */
static char *
show_ascii(char *dst, size_t size, struct str s)
{
	str_show(dst, size, s);
	for (char *p = dst; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return dst;
}

static void
begin(struct reply *r)
{
	r->code = "550";
	r->dsn = "5.7.1";
	r->text[0] = '\0';
}

static void
add(struct reply *r, const char *text)
{
	size_t used = strlen(r->text);

	(void)snprintf(r->text + used, sizeof r->text - used, "%s", text);
}

static void
add_shown(struct reply *r, struct str s)
{
	char shown[SHOWN];

	add(r, show_ascii(shown, sizeof shown, s));
}

static void
add_postmaster(struct reply *r, const struct conf *c, const char *before)
{
	add(r, before);
	add_shown(r, str_of(c->postmaster));
	add(r, "> to argue.");
}

void
reply_refused(struct reply *r, const struct conf *c, const struct answer *a)
{
	begin(r);
	if (a->kind == EVENT_RBL && a->zone != NULL && *a->zone != '\0') {
		add(r, "Your IP address has been blacklisted by ");
		add_shown(r, str_of(a->zone));
		add_postmaster(r, c, ". Visit their website or write <");
		return;
	}
	add(r, a->verdict == VERDICT_BLOCKED ? "Your IP address is blocked here" : "Your IP address is refused here");
	if (a->kind < EVENT_KINDS) {
		add(r, " after ");
		add(r, deeds[a->kind]);
	} else if (a->zone != NULL && *a->zone != '\0') {
		add(r, ": ");
		add_shown(r, str_of(a->zone));
	}
	add_postmaster(r, c, ". Write <");
}

void
reply_forgery(struct reply *r, const struct conf *c, struct str helo)
{
	begin(r);
	add(r, "You are not ");
	add_shown(r, helo);
	add_postmaster(r, c, ": that is us. Greet with a name of your own, or write <");
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
