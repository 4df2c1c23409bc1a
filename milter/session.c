/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c - one SMTP session */
#include "session_priv.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"

#define EVIDENCE     512
#define NAMELESS_MAX 20

/* The networks of clients in a row whose name the MTA did not know.  Where it never knows one (Postfix:
 * smtpd_peername_lookup = no, or a chroot without what the resolver needs) it says FAIL of everybody, as if the DNS had: then
 * nobody's lack of a name is believed, and neither is it before the first name was known.  Each network is there once: nobody
 * can bring that about alone by coming often. */
static pthread_mutex_t nameless_lock = PTHREAD_MUTEX_INITIALIZER; /* leaf */
static struct {
	struct addr net[NAMELESS_MAX];
	unsigned n;
} nameless = { .n = NAMELESS_MAX }; /* guarded by nameless_lock */

struct session {
	struct pipeline *pl;
	struct conf *conf;   /* a reference: in force when it began; its stages and texts, and nothing that is learned */
	struct conf *latest; /* a reference: in force when last looked */
	struct lists *lists; /* a reference, or NULL */
	struct addr addr;
	struct answer answer; /* of the last judgement */
	enum stage reject_at, forgery_at;
	enum refusal refusal;
	time_t refused;	    /* when it was first told so; 0: not yet */
	unsigned caught;    /* forgeries that were counted, by 1 << kind */
	bool retry;	    /* was in the cache when it came, and that is not yet counted */
	bool authenticated; /* at its last MAIL */
	bool bounces;	    /* the last MAIL was from nobody, <> */
	bool asked;	    /* for its name; `named` is what came of it */
	enum named named;
	bool waved;	    /* accepted, and that is counted */
	char helo[64];	    /* the forged one, cut; "": none */
	char process[PROCESS_TEXT]; /* that serves it, by which the log calls the session; "": not known */
	time_t mailed;	    /* its last MAIL; 0: none */
};

struct session *
session_open(struct pipeline *pl, const struct addr *a, const char *daemon_name)
{
	struct session *s = xcalloc(1, sizeof *s);

	s->pl = pl;
	s->conf = conf_current();
	s->latest = conf_get(s->conf);
	s->lists = lists_current();
	s->addr = *a;
	s->reject_at = conf_reject_at(s->conf, daemon_name);
	s->forgery_at = conf_forgery_at(s->conf, daemon_name);
	s->refusal = conf_answer(s->conf, daemon_name);
	return s;
}

void
session_drop(struct session *s)
{
	if (s == NULL)
		return;
	lists_put(s->lists);
	conf_put(s->latest);
	conf_put(s->conf);
	free(s);
}

/* What is in force now.  It is asked for at every command, and a lock that all sessions want at every command would be
 * the dearest part of it. */
static const struct policy *
latest(struct session *s)
{
	if (!conf_is_current(s->latest)) {
		conf_put(s->latest);
		s->latest = conf_current();
	}
	return &s->latest->policy;
}

/* A command of the client's, as it is learned from and shown. */
struct command {
	enum stage stage;
	const char *verb;
	struct str arg;
	time_t now;
};

static void
learn(struct session *s, struct event ev, const struct command *c)
{
	char evidence[EVIDENCE];
	int n = snprintf(evidence, sizeof evidence, "%s%.*s", c->verb, c->arg.n > EVIDENCE ? EVIDENCE : (int)c->arg.n,
	    c->arg.n == 0 ? "" : c->arg.p);

	ev.source = SOURCE_MILTER;
	ev.addr = s->addr;
	if (ev.time == 0)
		ev.time = c->now;
	ev.evidence = (struct str){ evidence, n < 0 ? 0 : strlen(evidence) };
	pipeline_event(s->pl, latest(s), &ev, c->now);
}

/* A client of the cache has come again.  Where the MTA was first without telling us, the log tells the same of the
 * session, and they are one hit. */
static void
count_retry(struct session *s, const struct command *c, time_t at)
{
	struct event ev = { .kind = s->answer.kind, .zone = str_of(s->answer.zone), .session = str_of(s->process),
		.time = at, .rule = "milter-cache" };

	if (s->retry && ev.kind < EVENT_KINDS)
		learn(s, ev, c);
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

/* By what is in force now: who has been added to `allow` meanwhile is free at once. */
static void
judge(struct session *s, time_t now)
{
	ledger_judge(s->pl->ledger, latest(s), &s->addr, now, &s->answer);
}

static bool
is_friend(const struct session *s)
{
	return s->answer.verdict == VERDICT_TRUSTED || s->answer.verdict == VERDICT_RELAY;
}

/* The reference is that of the session's first refusal: its line in our log and its evidence are of that second. */
static struct reply_to
reply_to(struct session *s, const struct command *c)
{
	if (s->refused == 0)
		s->refused = c->now;
	return (struct reply_to){ s->conf, &s->addr, s->refused, s->refusal };
}

static enum say
refuse(struct session *s, const struct command *c, struct reply *r)
{
	bool first = s->refused == 0;
	struct reply_to to = reply_to(s, c);

	stat_add(s->answer.verdict == VERDICT_BLOCKED ? STAT_REJECTED_BLOCK : STAT_REJECTED_CACHE, 1);
	reply_refused(r, &to, &s->answer);
	r->first = first;
	if (s->answer.verdict == VERDICT_CACHED)
		count_retry(s, c, c->now);
	return SAY_REJECT;
}

static enum say
refuse_forgery(struct session *s, enum event_kind kind, struct str said, const struct command *c, struct reply *r)
{
	bool first = s->refused == 0;
	struct reply_to to = reply_to(s, c);

	stat_add(STAT_REJECTED_FORGERY, 1);
	reply_forgery(r, &to, kind, said);
	r->first = first;
	return SAY_REJECT;
}

/* Once a session for each kind.  It sends the client into the cache at once: that is this session's count, there is no
 * retry to add. */
static void
catch(struct session *s, struct event ev, const struct command *c)
{
	if ((s->caught & 1u << ev.kind) != 0)
		return;
	s->caught |= 1u << ev.kind;
	learn(s, ev, c);
	s->retry = false;
}

static enum say
refuse_impostor(struct session *s, time_t now, struct reply *r)
{
	const struct command c = { STAGE_HELO, "HELO ", str_of(s->helo), now };
	const struct event ev = { .kind = EVENT_HELO_FORGERY, .rule = "milter-helo" };

	catch(s, ev, &c);
	return refuse_forgery(s, EVENT_HELO_FORGERY, c.arg, &c, r);
}

/* Each recipient is to be looked at, although the client is a friend: by the gate, or because its grant has a budget. */
static enum say
looked_at(const struct session *s, enum say say)
{
	bool budget = s->answer.verdict == VERDICT_RELAY && s->conf->policy.relay_budget != 0;
	bool gate = s->conf->gate != GATE_MODE_OFF && !session_at_home(s->conf, &s->addr);

	return say == SAY_ACCEPT && (budget || gate) ? SAY_CONTINUE : say;
}

/* What follows from the judgement, at this stage of the session. */
static enum say
decide(struct session *s, const struct command *c, struct reply *r)
{
	if (is_friend(s))
		return wave_through(s);
	if (s->helo[0] != '\0' && c->stage >= s->forgery_at)
		return refuse_impostor(s, c->now, r);
	if (c->stage >= s->reject_at && s->answer.verdict != VERDICT_CONTINUE)
		return refuse(s, c, r);
	return SAY_CONTINUE;
}

/* What is known of the client may have changed since the stage before. */
static enum say
consider(struct session *s, const struct command *c, struct reply *r)
{
	judge(s, c->now);
	return decide(s, c, r);
}

static bool
is_on(const struct session *s, enum event_kind kind)
{
	return s->conf->policy.kind[kind].on;
}

enum say
session_connect(struct session *s, time_t now, struct reply *r)
{
	const struct command c = { STAGE_CONNECT, "CONNECT", STR_NONE, now };

	stat_add(STAT_SESSIONS, 1);
	judge(s, now);
	s->retry = s->answer.verdict == VERDICT_CACHED;
	return looked_at(s, decide(s, &c, r));
}

enum say
session_helo(struct session *s, const struct mta_self *self, struct str helo, time_t now, struct reply *r)
{
	const struct command c = { STAGE_HELO, "HELO ", helo, now };

	if (s->helo[0] == '\0' && is_on(s, EVENT_HELO_FORGERY) && helo_forged(s->conf, self, &s->addr, helo))
		str_copy(s->helo, sizeof s->helo, helo);
	return looked_at(s, consider(s, &c, r));
}

/* One more that has no name.  False: there have been so many that this means nothing. */
static bool
believe_nameless(const struct addr *a)
{
	struct addr net = addr_client(a, 32);
	bool believed;
	unsigned i = 0;

	if (addr_is4(a))
		net.b[15] = 0;
	pthread_mutex_lock(&nameless_lock);
	while (i < nameless.n && !addr_eq(&nameless.net[i], &net))
		i++;
	believed = nameless.n < NAMELESS_MAX;
	if (believed && i == nameless.n)
		nameless.net[nameless.n++] = net;
	pthread_mutex_unlock(&nameless_lock);
	return believed;
}

static void
name_known(void)
{
	pthread_mutex_lock(&nameless_lock);
	nameless.n = 0;
	pthread_mutex_unlock(&nameless_lock);
}

/* Does the client have a name, as far as the MTA can be believed?  Hosts in private networks can only be behind our own
 * server: nothing outside could have sent them here, and their names are nobody's business. */
static enum named
named(struct session *s, const struct mail_facts *facts)
{
	if (s->asked)
		return s->named;
	s->asked = true;
	s->named = helo_is_telling(&s->addr) ? freemail_named(facts->resolve, facts->name) : NAMED_UNSURE;
	if (s->named == NAMED_YES)
		name_known();
	else if (s->named == NAMED_NO && !believe_nameless(&s->addr))
		s->named = NAMED_UNSURE;
	return s->named;
}

static bool
sender_forged(struct session *s, const struct mail_facts *facts, struct str sender)
{
	return s->lists != NULL && is_on(s, EVENT_SENDER_FORGERY) &&
	    freemail_forged(s->lists->freemail, s->conf->freemail, sender, named(s, facts), facts->name);
}

static struct str
bare(struct str address)
{
	if (address.n >= 2 && address.p[0] == '<' && address.p[address.n - 1] == '>')
		return (struct str){ address.p + 1, address.n - 2 };
	return address;
}

enum say
session_mail(struct session *s, const struct mail_facts *facts, struct str sender, time_t now, struct reply *r)
{
	const struct command c = { STAGE_MAIL, "MAIL FROM:", sender, now };
	const struct event ev = { .kind = EVENT_SENDER_FORGERY, .rule = "milter-sender" };
	enum say say;

	s->mailed = now;
	session_process(s->process, facts->queue_id);
	s->authenticated = facts->user.n > 0;
	s->bounces = bare(sender).n == 0;
	if (s->authenticated)
		return SAY_ACCEPT;
	say = consider(s, &c, r);
	if (say != SAY_CONTINUE || !sender_forged(s, facts, sender))
		return looked_at(s, say);
	catch(s, ev, &c);
	return refuse_forgery(s, EVENT_SENDER_FORGERY, bare(sender), &c, r);
}

/* Not for bounces: they come from servers that somebody else has written to in the trap's name. */
static bool
is_trap(const struct session *s, struct str recipient)
{
	return s->lists != NULL && is_on(s, EVENT_RECIPIENT_FORGERY) && !s->bounces &&
	    traps_has(s->lists->traps, recipient);
}

/* The MTA has refused the recipient by itself: we only learn. */
static void
learn_refused(struct session *s, const struct rcpt_facts *facts, const struct command *c)
{
	struct event ev = { .kind = session_refusal(facts, c->arg), .recipient = bare(c->arg), .rule = "milter-rcpt",
		.bounce = s->bounces };
	struct event trap = { .kind = EVENT_RECIPIENT_FORGERY, .recipient = bare(c->arg), .rule = "milter-trap" };

	judge(s, c->now);
	if (ev.kind != EVENT_KINDS)
		learn(s, ev, c);
	if (!is_friend(s) && is_trap(s, c->arg))
		catch(s, trap, c);
	if (session_listed(facts->text))
		s->retry = false; /* the MTA was first, and its log counts this session */
}

/* The MTA has taken a recipient of the client's. */
static void
came(struct session *s, time_t now)
{
	pipeline_came(s->pl, latest(s), &s->addr, now, now);
}

static enum say
refuse_relay(struct session *s, const struct command *c, struct reply *r)
{
	bool first = s->refused == 0;
	struct reply_to to = reply_to(s, c);

	stat_add(STAT_REJECTED_RELAY, 1);
	reply_relay(r, &to, bare(c->arg));
	r->first = first;
	return SAY_REJECT;
}

/* Told once a session, as policy: that never counts.  It is there for whoever asks about the reference. */
static enum say
refuse_for_now(struct session *s, const struct command *c, struct reply *r)
{
	const struct event ev = { .kind = EVENT_POLICY, .recipient = bare(c->arg), .rule = "milter-budget" };
	bool first = s->refused == 0;
	struct reply_to to = reply_to(s, c);

	stat_add(STAT_REJECTED_BUDGET, 1);
	reply_budget(r, &to);
	r->first = first;
	if (first)
		learn(s, ev, c);
	return SAY_REJECT;
}

/* A recipient that is not ours.  A grant lets the client, as long as its budget lasts; whoever is trusted has no budget,
 * but is let by the gate only if he is at home or has a grant. */
static enum say
send_elsewhere(struct session *s, const struct command *c, bool refused, struct reply *r)
{
	const struct event ev = { .kind = EVENT_RELAY_DENIED, .recipient = bare(c->arg), .rule = "milter-gate" };
	bool gate = s->conf->gate != GATE_MODE_OFF && !session_at_home(s->conf, &s->addr);
	struct conf *conf;
	enum spend spend;

	if (!gate && s->answer.verdict != VERDICT_RELAY)
		return SAY_CONTINUE;
	conf = conf_current();
	spend = ledger_spend(s->pl->ledger, &conf->policy, &s->addr, c->now);
	conf_put(conf);
	if (spend == SPEND_BEYOND && s->answer.verdict != VERDICT_TRUSTED)
		return refuse_for_now(s, c, r);
	if (spend != SPEND_NOT_GRANTED || !gate)
		return SAY_CONTINUE;
	if (!refused)
		learn(s, ev, c);
	return refuse_relay(s, c, r);
}

/* The MTA's refusal stands.  Where it is the gate that refuses relaying, an MTA that only seems to have refused does not
 * open it: Postfix says "error" of virtual alias domains as well. */
static enum say
refused_by_mta(struct session *s, const struct rcpt_facts *facts, const struct command *c, struct reply *r)
{
	learn_refused(s, facts, c);
	if (s->conf->gate == GATE_MODE_OFF || session_ours(s->conf, s->lists, facts, c->arg))
		return SAY_CONTINUE;
	return send_elsewhere(s, c, true, r);
}

enum say
session_rcpt(struct session *s, const struct rcpt_facts *facts, struct str recipient, time_t now, struct reply *r)
{
	const struct command c = { STAGE_RCPT, "RCPT TO:", recipient, now };
	const struct event ev = { .kind = EVENT_RECIPIENT_FORGERY, .recipient = bare(recipient), .rule = "milter-trap" };
	bool refused = str_eq(facts->mailer, STR("error"));
	enum say say;

	if (s->authenticated)
		return refused ? SAY_CONTINUE : SAY_ACCEPT;
	if (refused)
		return refused_by_mta(s, facts, &c, r);
	say = consider(s, &c, r);
	if (say != SAY_REJECT && !session_ours(s->conf, s->lists, facts, recipient) &&
	    send_elsewhere(s, &c, false, r) == SAY_REJECT)
		return SAY_REJECT;
	if (say != SAY_CONTINUE)
		return looked_at(s, say);
	if (!is_trap(s, recipient)) {
		came(s, now);
		return say;
	}
	catch(s, ev, &c);
	return refuse_forgery(s, EVENT_RECIPIENT_FORGERY, bare(recipient), &c, r);
}

void
session_close(struct session *s, time_t now)
{
	const struct command c = { STAGE_CONNECT, "CONNECT", STR_NONE, now };

	if (s == NULL)
		return;
	if (s->retry && !s->authenticated) {
		/* A login may have taken it out of the cache meanwhile. */
		judge(s, now);
		if (s->answer.verdict == VERDICT_CACHED)
			count_retry(s, &c, s->mailed != 0 ? s->mailed : now); /* about when the MTA refused it */
	}
	session_drop(s);
}
