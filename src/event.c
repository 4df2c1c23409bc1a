/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.c - the names of event kinds */
#include "event.h"

static const char *const names[EVENT_KINDS] = {
	[EVENT_LOGIN] = "login",
	[EVENT_AUTH_FAILURE] = "auth-failure",
	[EVENT_RBL] = "rbl",
	[EVENT_HELO_FORGERY] = "helo-forgery",
	[EVENT_SENDER_FORGERY] = "sender-forgery",
	[EVENT_RECIPIENT_FORGERY] = "recipient-forgery",
	[EVENT_UNKNOWN_USER] = "unknown-user",
	[EVENT_RELAY_DENIED] = "relay-denied",
	[EVENT_RATE_LIMIT] = "rate-limit",
	[EVENT_PROTOCOL] = "protocol",
	[EVENT_POLICY] = "policy",
};

const char *
event_kind_name(enum event_kind kind)
{
	return kind < EVENT_KINDS ? names[kind] : "by-hand";
}

enum event_kind
event_kind_of(struct str name)
{
	unsigned k = 0;

	while (k < EVENT_KINDS && !str_eq(name, str_of(names[k])))
		k++;
	return (enum event_kind)k;
}

struct str
event_domain(struct str address)
{
	for (size_t i = address.n; i-- > 0;)
		if (address.p[i] == '@')
			return (struct str){ address.p + i + 1, address.n - i - 1 };
	return STR_NONE;
}
