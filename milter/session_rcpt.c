/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session_rcpt.c - what the MTA says of a recipient that it refused by itself, and of itself */
#include "session_priv.h"

static bool
take(struct str *s, struct str prefix)
{
	if (s->n < prefix.n || !str_caseeq((struct str){ s->p, prefix.n }, prefix))
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

static void
take_code(struct str *s)
{
	size_t n = 0;

	while (n < s->n && ((s->p[n] >= '0' && s->p[n] <= '9') || s->p[n] == '.'))
		n++;
	if (n > 0 && n < s->n && s->p[n] == ' ') {
		s->p += n + 1;
		s->n -= n + 1;
	}
}

/* What the MTA's text says of the recipient.  Before it there may be the codes and the recipient itself, which is the
 * client's own text and must not be read as the MTA's:
 *	Postfix		Recipient address rejected: User unknown in local recipient table
 *			(behind the second blank of its reply: smtpd_milter_eval(), S8_MAC_RCPT_ADDR)
 *	sendmail	550 5.1.1 <R>... User unknown */
static struct str
said(struct str text, struct str recipient)
{
	take_code(&text);
	take_code(&text);
	(void)take(&text, recipient);
	if (!take(&text, STR(": ")))
		(void)take(&text, STR("... "));
	(void)take(&text, STR("Recipient address rejected: "));
	return text;
}

/* From the texts of both MTAs.  The phrase is the end of the text or goes on as given: what goes on otherwise may be a
 * piece of a recipient with blanks in it.  A temporary refusal counts only where it says that the user is unknown. */
enum event_kind
session_refusal(const struct rcpt_facts *facts, struct str recipient)
{
	static const struct {
		const char *dsn, *says, *then;
		enum event_kind kind;
	} known[] = {
		{ "5.1.1", "User unknown", " in ", EVENT_UNKNOWN_USER },
		{ "4.1.1", "User unknown", " in ", EVENT_UNKNOWN_USER },
		{ "5.1.1", "undeliverable address", ": ", EVENT_UNKNOWN_USER },
		{ "5.7.1", "Relay access denied", NULL, EVENT_RELAY_DENIED },
		{ "5.7.1", "Relaying denied", ".", EVENT_RELAY_DENIED },
	};
	struct str text = said(facts->text, recipient);

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct str rest = text;

		if (str_eq(facts->host, str_of(known[i].dsn)) && take(&rest, str_of(known[i].says)) &&
		    (rest.n == 0 || (known[i].then != NULL && take(&rest, str_of(known[i].then)))))
			return known[i].kind;
	}
	return EVENT_KINDS;
}

/* Did the MTA itself refuse because of a DNSBL?  (Postfix, smtpd_check.c.) */
bool
session_listed(struct str text)
{
	take_code(&text);
	take_code(&text);
	return take(&text, STR("Service unavailable; Client host ["));
}

/* Eight letters and digits for the moment, and six or seven digits for the process (assign_queueid() in queue.c, since
 * 8.12).  One of Postfix's that looks like it names some number by which its log calls no session of this client. */
void
session_process(char to[PROCESS_TEXT], struct str queue_id)
{
	struct str pid;

	to[0] = '\0';
	if (queue_id.n < 14 || queue_id.n > 15)
		return;
	pid = (struct str){ queue_id.p + 8, queue_id.n - 8 };
	for (size_t i = 0; i < pid.n; i++)
		if (pid.p[i] < '0' || pid.p[i] > '9')
			return;
	while (pid.n > 1 && pid.p[0] == '0') {
		pid.p++;
		pid.n--;
	}
	str_copy(to, PROCESS_TEXT, pid);
}
