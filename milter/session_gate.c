/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session_gate.c - the gate: who may send anywhere without a grant, and which recipients need none
 *
 * Nothing here is told by the allowlist: to be spared is not to be let relay.
 */
#include "session_priv.h"

#include "gate.h"

/* Link-local and the like are special, too, and may be anybody on the wire. */
static bool
is_loopback(const struct addr *a)
{
	static const struct addr six = { { [15] = 1 } };

	return addr_is4(a) ? a->b[12] == 127 : addr_eq(a, &six);
}

/* own_networks as the file has it: a gateway, which policy.own knows as well, may translate addresses, and then behind it
 * is everybody. */
bool
session_at_home(const struct conf *c, const struct addr *a)
{
	return is_loopback(a) || netlist_has(c->own, a);
}

/* The MTA's own word first: it has resolved the address by all its rules. */
bool
session_ours(const struct conf *c, const struct lists *l, const struct rcpt_facts *facts, struct str recipient)
{
	for (size_t i = 0; c->gate_mailers != NULL && c->gate_mailers[i] != NULL; i++)
		if (facts->mailer.n > 0 && str_caseeq(facts->mailer, str_of(c->gate_mailers[i])))
			return true;
	return l != NULL && gate_recipient(l->ours, recipient) == GATE_OURS;
}
