/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c - one SMTP session */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

#define EVIDENCE 512

struct session {
	struct pipeline *pl;
	struct conf *conf; /* a reference */
	struct addr addr;
	struct answer answer; /* of the last judgement */
	enum stage reject_at;
	bool retry;	    /* was in the cache when it came, and that is not yet counted */
	bool forged;	    /* said HELO as us */
	bool authenticated; /* at its last MAIL */
	bool waved;	    /* accepted, and that is counted */
	char helo[64];	    /* the forged one, cut */
};

struct session *
session_open(struct pipeline *pl, const struct addr *a, const char *daemon_name)
{
	struct session *s = xcalloc(1, sizeof *s);

	s->pl = pl;
	s->conf = conf_current();
	s->addr = *a;
	s->reject_at = conf_reject_at(s->conf, daemon_name);
	return s;
}

void
session_drop(struct session *s)
{
	if (s == NULL)
		return;
	conf_put(s->conf);
	free(s);
}

static void
learn(const struct session *s, struct event ev, const char *command, struct str arg, time_t now)
{
	char evidence[EVIDENCE];
	int n = snprintf(evidence, sizeof evidence, "%s%.*s", command, arg.n > EVIDENCE ? EVIDENCE : (int)arg.n,
	    arg.n == 0 ? "" : arg.p);

	ev.source = SOURCE_MILTER;
	ev.addr = s->addr;
	ev.time = now;
	ev.evidence = (struct str){ evidence, n < 0 ? 0 : strlen(evidence) };
	pipeline_event(s->pl, &s->conf->policy, &ev, now);
}

/* A client of the cache has come again. */
static void
count_retry(struct session *s, const char *command, struct str arg, time_t now)
{
	struct event ev = { .kind = s->answer.kind, .zone = str_of(s->answer.zone), .rule = "milter-cache" };

	if (s->retry && ev.kind < EVENT_KINDS)
		learn(s, ev, command, arg, now);
	s->retry = false;
}

static enum say
wave_through(struct session *s)
{
	if (!s->waved)
		stat_add(s->answer.verdict == VERDICT_TRUSTED ? STAT_SESSIONS_TRUSTED : STAT_SESSIONS_RELAY, 1);
	s->waved = true;
	return SAY_ACCEPT;
}

static void
judge(struct session *s, time_t now)
{
	ledger_judge(s->pl->ledger, &s->conf->policy, &s->addr, now, &s->answer);
}

static enum say
refuse(struct session *s, const char *command, struct str arg, time_t now, struct reply *r)
{
	stat_add(s->answer.verdict == VERDICT_BLOCKED ? STAT_REJECTED_BLOCK : STAT_REJECTED_CACHE, 1);
	reply_refused(r, s->conf, &s->answer);
	if (s->answer.verdict == VERDICT_CACHED)
		count_retry(s, command, arg, now);
	return SAY_REJECT;
}

/* What is known of the client now, at this stage of its session. */
static enum say
consider(struct session *s, enum stage stage, const char *command, struct str arg, time_t now, struct reply *r)
{
	judge(s, now);
	if (s->answer.verdict == VERDICT_TRUSTED || s->answer.verdict == VERDICT_RELAY)
		return wave_through(s);
	if (s->forged) {
		stat_add(STAT_REJECTED_FORGERY, 1);
		reply_forgery(r, s->conf, str_of(s->helo));
		return SAY_REJECT;
	}
	if (stage >= s->reject_at && s->answer.verdict != VERDICT_CONTINUE)
		return refuse(s, command, arg, now, r);
	return SAY_CONTINUE;
}

enum say
session_connect(struct session *s, time_t now, struct reply *r)
{
	stat_add(STAT_SESSIONS, 1);
	judge(s, now);
	s->retry = s->answer.verdict == VERDICT_CACHED;
	return consider(s, STAGE_CONNECT, "CONNECT", STR_NONE, now, r);
}

/* A forgery sends the client into the cache at once: that is this session's count, there is no retry to add. */
static void
forgery(struct session *s, struct str helo, time_t now)
{
	struct event ev = { .kind = EVENT_HELO_FORGERY, .rule = "milter-helo" };

	learn(s, ev, "HELO ", helo, now);
	str_copy(s->helo, sizeof s->helo, helo);
	s->forged = true;
	s->retry = false;
}

enum say
session_helo(struct session *s, const struct mta_self *self, struct str helo, time_t now, struct reply *r)
{
	judge(s, now);
	if (s->answer.verdict != VERDICT_TRUSTED && s->answer.verdict != VERDICT_RELAY && !s->forged &&
	    s->conf->policy.kind[EVENT_HELO_FORGERY].on && helo_forged(s->conf, self, &s->addr, helo))
		forgery(s, helo, now);
	return consider(s, STAGE_HELO, "HELO ", helo, now, r);
}

enum say
session_mail(struct session *s, struct str user, struct str sender, time_t now, struct reply *r)
{
	s->authenticated = user.n > 0;
	if (s->authenticated)
		return SAY_ACCEPT;
	return consider(s, STAGE_MAIL, "MAIL FROM:", sender, now, r);
}

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
static enum event_kind
refusal_kind(const struct rcpt_facts *facts, struct str recipient)
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
static bool
listed(struct str text)
{
	take_code(&text);
	take_code(&text);
	return take(&text, STR("Service unavailable; Client host ["));
}

static struct str
bare(struct str address)
{
	if (address.n >= 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
		return (struct str){ address.p + 1, address.n - 2 };
	return address;
}

enum say
session_rcpt(struct session *s, const struct rcpt_facts *facts, struct str recipient, time_t now, struct reply *r)
{
	if (str_eq(facts->mailer, STR("error"))) {
		struct event ev = { .kind = refusal_kind(facts, recipient), .recipient = bare(recipient),
			.rule = "milter-rcpt" };

		if (ev.kind != EVENT_KINDS && !s->authenticated)
			learn(s, ev, "RCPT TO:", recipient, now);
		if (listed(facts->text))
			s->retry = false; /* the MTA was first, and its log counts this session */
		return SAY_CONTINUE;
	}
	if (s->authenticated)
		return SAY_ACCEPT;
	return consider(s, STAGE_RCPT, "RCPT TO:", recipient, now, r);
}

void
session_close(struct session *s, time_t now)
{
	if (s == NULL)
		return;
	if (s->retry && !s->authenticated) {
		/* A login may have taken it out of the cache meanwhile. */
		judge(s, now);
		if (s->answer.verdict == VERDICT_CACHED)
			count_retry(s, "CONNECT", STR_NONE, now);
	}
	session_drop(s);
}
