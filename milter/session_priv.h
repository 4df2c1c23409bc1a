/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session_priv.h - between session*.c */
#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include "lists.h"
#include "session.h"

/* What the MTA refused the recipient for; EVENT_KINDS: nobody's fault, or somebody else's business. */
enum event_kind session_refusal(const struct rcpt_facts *facts, struct str recipient);
#define PROCESS_TEXT 12
/* The process that serves the session, as sendmail's queue id tells it; "": another's. */
void session_process(char to[PROCESS_TEXT], struct str queue_id);
/* Did it refuse because of a DNSBL? */
bool session_listed(struct str text);

/* May this client send anywhere without asking? */
bool session_at_home(const struct conf *c, const struct addr *a);
/* Is this recipient delivered here, or relayed for everybody? */
bool session_ours(const struct conf *c, const struct lists *l, const struct rcpt_facts *facts, struct str recipient);

#endif
