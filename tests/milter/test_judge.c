/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of judgement, and what is learned from a session, as an MTA sees it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "rig.h"
#include "stats.h"

static void
lets_strangers_pass(void **state)
{
	static const char *const clients[] = { "203.0.113.7", "2001:db8:7::7", "::ffff:203.0.113.8" };
	struct mta m;

	(void)state;
	for (size_t i = 0; i < ROWS(clients); i++) {
		rig_open(&m);
		assert_int_equal(mta_client(&m, clients[i]), MTA_CONTINUE);
		assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
		assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
		assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_CONTINUE);
		mta_abort(&m);
		assert_int_equal(mta_mail(&m, "<>"), MTA_CONTINUE);
		mta_quit(&m);
	}
	assert_int_equal(rig_events(), 0);
}

static void
accepts_friends(void **state)
{
	static const char *const clients[] = { "198.51.100.9", "127.0.0.1", "::1", "203.0.113.20", "2001:db8:20::1" };
	struct mta m;

	(void)state;
	rig_put(SET_RELAY, "203.0.113.20", "anna", 600);
	rig_put(SET_RELAY, "2001:db8:20::2", "anna", 600); /* of the same /64 */
	(void)rig_events();
	for (size_t i = 0; i < ROWS(clients); i++) {
		rig_open(&m);
		assert_int_equal(mta_client(&m, clients[i]), MTA_ACCEPT);
		/* An MTA that goes on asking gets the same answer. */
		assert_int_equal(mta_helo(&m, "mail.example.org"), MTA_ACCEPT);
		assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_ACCEPT);
		mta_quit(&m);
	}
	assert_int_equal(rig_events(), 0);
}

static const char refused[] = "550 5.7.1 Your IP address has been blacklisted by zen.example.net. "
			      "Visit their website or write <postmaster@example.org> to argue.";

static void
refuses_at_the_stage_that_is_set(void **state)
{
	static const char *const stages[] = { "connect", "helo", "mail", "rcpt" };
	char more[100];

	(void)state;
	for (size_t s = 0; s < ROWS(stages); s++) {
		enum mta_answer a[4];
		struct mta m;

		(void)snprintf(more, sizeof more, "reject_at = %s\n", stages[s]);
		rig_conf(more);
		rig_listed("203.0.113.30", "zen.example.net");
		rig_open(&m);
		a[0] = mta_client(&m, "203.0.113.30");
		a[1] = s < 1 ? MTA_TEXT : mta_helo(&m, "pc.example.com");
		a[2] = s < 2 ? MTA_TEXT : mta_mail(&m, "<someone@example.com>");
		a[3] = s < 3 ? MTA_TEXT : mta_rcpt(&m, "<you@example.org>");
		for (size_t i = 0; i < 4; i++)
			row_eq(stages[s], a[i], i < s ? MTA_CONTINUE : MTA_TEXT);
		row_str_eq(stages[s], rig_told(&m, NULL), refused);
		mta_quit(&m);
		row_eq(stages[s], rig_events(), 1);
		assert_int_equal(rig_heard.kind, EVENT_RBL);
		assert_string_equal(rig_heard.zone, "zen.example.net");
		assert_string_equal(rig_heard.client, "203.0.113.30");
	}
}

static void
listeners_differ(void **state)
{
	struct mta m;

	(void)state;
	rig_conf("reject_at = connect\nlistener submission { reject_at = mail }\n");
	rig_listed("203.0.113.31", "zen.example.net");
	assert_int_equal(mta_open(&m, rig_socket), 0);
	assert_int_equal(mta_negotiate(&m, 6, MTA_ACTIONS_V6, MTA_STEPS_V6), MTA_NEGOTIATED);
	mta_macros(&m, 'C', "{daemon_name}", "submission", NULL);
	assert_int_equal(mta_client(&m, "203.0.113.31"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_TEXT);
	mta_quit(&m);
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.31"), MTA_TEXT);
	mta_quit(&m);
}

/* However many recipients it tries, a cached client's session counts once. */
static void
counts_a_session_once(void **state)
{
	struct mta m;

	(void)state;
	rig_listed("203.0.113.32", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.32"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
		assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
		assert_int_equal(mta_rcpt(&m, "<me@example.org>"), MTA_TEXT);
		mta_abort(&m);
	}
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
	assert_string_equal(rig_heard.evidence, "RCPT TO:<you@example.org>");
	assert_string_equal(rig_heard.rule, "milter-cache");
	/* Gone before it could be told. */
	for (int polite = 0; polite < 2; polite++) {
		rig_open(&m);
		assert_int_equal(mta_client(&m, "203.0.113.32"), MTA_CONTINUE);
		assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
		if (polite)
			mta_quit(&m);
		else
			mta_vanish(&m);
		assert_int_equal(rig_events(), 1);
		assert_string_equal(rig_heard.evidence, "CONNECT");
	}
}

/* The MTA's own refusal put it into the cache while it was here: the log has counted that. */
static void
does_not_count_what_the_log_counted(void **state)
{
	struct mta m;

	(void)state;
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.33"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	rig_listed("203.0.113.33", "zen.example.net");
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

static void
never_counts_the_authenticated(void **state)
{
	struct mta m;

	(void)state;
	rig_listed("203.0.113.34", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.34"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "laptop"), MTA_CONTINUE);
	for (int i = 0; i < 2; i++) {
		mta_macros(&m, 'M', "{auth_type}", "PLAIN", "{auth_authen}", "anna", NULL);
		assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
	}
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

static void
sees_a_login_in_mid_session(void **state)
{
	struct mta m;

	(void)state;
	rig_listed("203.0.113.35", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.35"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "laptop"), MTA_CONTINUE);
	rig_put(SET_RELAY, "203.0.113.35", "anna", 600);
	assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
	mta_quit(&m);
	/* The same without a MAIL: nothing is counted, and it stays out of the cache. */
	rig_listed("203.0.113.36", "zen.example.net");
	rig_conf("login_credit = no\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.36"), MTA_CONTINUE);
	rig_put(SET_RELAY, "203.0.113.36", "anna", 600);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

static void
refuses_the_blocked(void **state)
{
	struct mta m;

	(void)state;
	rig_put(SET_BLOCK, "203.0.113.37", "too 100% bad\r\n250 ok", 600);
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.37"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	/* sendmail takes the text for a format, and Postfix acts as if it did. */
	assert_string_equal(rig_told(&m, NULL), "550 5.7.1 Your IP address is blocked here: too 100%% bad\\x0d\\x0a250 ok. "
	    "Write <postmaster@example.org> to argue.");
	mta_quit(&m);
	rig_put(SET_CACHE, "203.0.113.38", "enough", 600);
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.38"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL), "550 5.7.1 Your IP address is refused here: enough. "
	    "Write <postmaster@example.org> to argue.");
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

static void
refuses_forgers_at_helo(void **state)
{
	struct mta m;

	(void)state;
	rig_conf("reject_at = mail\nkind helo-forgery { cache = no }\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.40"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "Mail.Example.ORG"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL), "550 5.7.1 You are not Mail.Example.ORG: that is us. Greet with a name of your own, "
	    "or write <postmaster@example.org> to argue.");
	assert_int_equal(rig_events(), 1);
	assert_int_equal(rig_heard.kind, EVENT_HELO_FORGERY);
	assert_string_equal(rig_heard.evidence, "HELO Mail.Example.ORG");
	assert_string_equal(rig_heard.rule, "milter-helo");
	/* Once is enough, and it stays refused if the MTA lets it go on. */
	assert_int_equal(mta_helo(&m, "mail.example.org"), MTA_TEXT);
	assert_int_equal(mta_helo(&m, "honest.example.com"), MTA_TEXT);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_TEXT);
	mta_macros(&m, 'M', "{auth_authen}", "anna", NULL);
	assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

/* Where users authenticate, who calls himself us may yet be one. */
static void
lets_users_call_themselves_us(void **state)
{
	static const char *const confs[] = { "reject_at = mail\nlistener smtpd { reject_at = mail }\n",
		"reject_at = connect\nlistener smtpd { reject_at = rcpt }\n", "reject_at = rcpt\n" };

	(void)state;
	for (size_t i = 0; i < ROWS(confs); i++) {
		struct mta m;
		char ip[ADDR_TEXT];

		rig_conf(confs[i]);
		(void)snprintf(ip, sizeof ip, "203.0.113.%u", 150 + (unsigned)i);
		rig_open(&m);
		row_eq(confs[i], mta_client(&m, ip), MTA_CONTINUE);
		row_eq(confs[i], mta_helo(&m, "mail.example.org"), MTA_CONTINUE);
		mta_macros(&m, 'M', "{auth_authen}", "anna", NULL);
		row_eq(confs[i], mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
		mta_quit(&m);
		/* Only tried its password, or was turned away by it. */
		rig_open(&m);
		row_eq(confs[i], mta_client(&m, ip), MTA_CONTINUE);
		row_eq(confs[i], mta_helo(&m, "mail.example.org"), MTA_CONTINUE);
		mta_quit(&m);
		row_eq(confs[i], rig_events(), 0);
		/* A stranger. */
		rig_open(&m);
		row_eq(confs[i], mta_client(&m, ip), MTA_CONTINUE);
		row_eq(confs[i], mta_helo(&m, "mail.example.org"), MTA_CONTINUE);
		row_eq(confs[i], mta_mail(&m, "<someone@example.com>"), MTA_TEXT);
		row_eq(confs[i], strncmp(m.text, "550 5.7.1 You are not mail.example.org", 38), 0);
		row_eq(confs[i], mta_mail(&m, "<someone@example.com>"), MTA_TEXT);
		mta_quit(&m);
		row_eq(confs[i], rig_events(), 1);
		row_eq(confs[i], rig_heard.kind, EVENT_HELO_FORGERY);
		row_str_eq(confs[i], rig_heard.evidence, "HELO mail.example.org");
	}
}

/* A cached client that forges counts once, as a forger. */
static void
counts_forgery_or_retry(void **state)
{
	struct mta m;

	(void)state;
	rig_conf("reject_at = mail\n");
	rig_listed("203.0.113.39", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.39"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "mail.example.org"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
	assert_int_equal(rig_heard.kind, EVENT_HELO_FORGERY);
}

static void
knows_us_in_many_forms(void **state)
{
	static const struct {
		const char *client, *helo;
		unsigned events;
	} rows[] = {
		{ "203.0.113.41", "[192.0.2.25]", 1 },	   /* own_names */
		{ "203.0.113.42", "mx.example.net.", 1 },  /* {j} */
		{ "203.0.113.43", "203.0.113.1", 1 },	   /* {daemon_addr} */
		{ "203.0.113.1", "[203.0.113.1]", 0 },	   /* which it is */
		{ "203.0.113.44", "[203.0.113.44]", 0 },
		{ "2001:db8:44::1", "[IPv6:2001:db8:44::1]", 0 },
		{ "203.0.113.45", "mail.example.org.example.com", 0 },
	};

	(void)state;
	rig_conf("reject_at = mail\n");
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct mta m;

		rig_open(&m);
		assert_int_equal(mta_client(&m, rows[i].client), MTA_CONTINUE);
		row_eq(rows[i].helo, mta_helo(&m, rows[i].helo), rows[i].events ? MTA_TEXT : MTA_CONTINUE);
		mta_quit(&m);
		row_eq(rows[i].helo, rig_events(), rows[i].events);
	}
	/* Into the cache at once: the next session is a retry. */
	struct mta m;
	rig_conf("");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.41"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "honest.example.com"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
	assert_int_equal(rig_heard.kind, EVENT_HELO_FORGERY);
	/* Off is off. */
	rig_conf("kind helo-forgery { enabled = no }\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.46"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "mail.example.org"), MTA_CONTINUE);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

static void
learns_from_the_mtas_refusals(void **state)
{
	static const struct {
		const char *host, *text, *rcpt, *recipient;
		enum event_kind kind;
	} rows[] = {
		{ "5.1.1", "Recipient address rejected: User unknown in local recipient table", "<no@example.org>",
		    "no@example.org", EVENT_UNKNOWN_USER },
		{ "5.7.1", "Relay access denied", "<x@example.com>", "x@example.com", EVENT_RELAY_DENIED },
		{ "5.1.1", "550 5.1.1 <no@example.org>: Recipient address rejected: User unknown in local recipient table",
		    "<no@example.org>", "no@example.org", EVENT_UNKNOWN_USER },
		{ "5.1.1", "<no@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
		    "<no@example.org>", "no@example.org", EVENT_UNKNOWN_USER },
		{ "4.1.1", "450 4.1.1 <no@example.org>: Recipient address rejected: User unknown in local recipient table",
		    "<no@example.org>", "no@example.org", EVENT_UNKNOWN_USER },
		{ "5.1.1", "<no@example.org>: User unknown in relay recipient table", "<no@example.org>", "no@example.org",
		    EVENT_UNKNOWN_USER },
		{ "5.1.1", "<no@example.org>: Recipient address rejected: undeliverable address: host says no",
		    "<no@example.org>", "no@example.org", EVENT_UNKNOWN_USER },
		{ "5.1.1", "550 5.1.1 <no@example.org>... User unknown", "<no@example.org>", "no@example.org",
		    EVENT_UNKNOWN_USER },
		{ "5.1.1", "User unknown", "no", "no", EVENT_UNKNOWN_USER },
		{ "5.7.1", "554 5.7.1 <x@example.com>: Relay access denied", "<x@example.com>", "x@example.com",
		    EVENT_RELAY_DENIED },
		{ "5.7.1", "<x@example.com>: Recipient address rejected: Relay access denied", "<x@example.com>",
		    "x@example.com", EVENT_RELAY_DENIED },
		{ "5.7.1", "550 5.7.1 <x@example.com>... Relaying denied. Proper authentication required.",
		    "<x@example.com>", "x@example.com", EVENT_RELAY_DENIED },
		/* somebody else's business, or nobody's fault */
		{ "4.7.1", "454 4.7.1 <x@example.com>: Relay access denied", "<x@example.com>", "", EVENT_KINDS },
		{ "4.1.1", "<no@example.org>: Recipient address rejected: undeliverable address: timed out",
		    "<no@example.org>", "", EVENT_KINDS },
		{ "4.1.1", "<no@example.org>: Recipient address rejected: unverified address: in progress",
		    "<no@example.org>", "", EVENT_KINDS },
		{ "4.2.0", "<you@example.org>: Recipient address rejected: Greylisted", "<you@example.org>", "",
		    EVENT_KINDS },
		{ "5.7.1", "Service unavailable; Client host [203.0.113.50] blocked using zen.example.net",
		    "<you@example.org>", "", EVENT_KINDS },
		{ "5.1.1", "<no@example.org>: Recipient address rejected: Access denied", "<no@example.org>", "",
		    EVENT_KINDS },
		{ "5.2.1", "User unknown", "<no@example.org>", "", EVENT_KINDS },
		{ "", "", "<no@example.org>", "", EVENT_KINDS },
		/* the client's own words are not the MTA's */
		{ "5.7.1", "<\"Relay access denied\"@example.org>: Recipient address rejected: Access denied",
		    "<\"Relay access denied\"@example.org>", "", EVENT_KINDS },
		{ "5.7.1", "Relay access denied\"@example.org>: Recipient address rejected: Access denied",
		    "<\"x Relay access denied\"@example.org>", "", EVENT_KINDS },
		{ "5.7.1", "<\">: Relay access denied\"@example.org>: Recipient address rejected: Access denied",
		    "<\">: Relay access denied\"@example.org>", "", EVENT_KINDS },
	};
	struct mta m;

	(void)state;
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.50"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	for (size_t i = 0; i < ROWS(rows); i++) {
		mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", rows[i].host, "{rcpt_addr}", rows[i].text,
		    NULL);
		assert_int_equal(mta_rcpt(&m, rows[i].rcpt), MTA_CONTINUE);
		row_eq(rows[i].text, rig_events(), rows[i].kind != EVENT_KINDS);
		if (rows[i].kind == EVENT_KINDS)
			continue;
		row_eq(rows[i].text, rig_heard.kind, rows[i].kind);
		row_str_eq(rows[i].text, rig_heard.recipient, rows[i].recipient);
	}
	/* A recipient that the MTA takes. */
	mta_macros(&m, 'R', "{rcpt_mailer}", "local", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "User unknown", NULL);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_CONTINUE);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

/* A reload in mid-session: who is trusted from then on is let through, and nothing of it counts. */
static void
heeds_a_reload_in_mid_session(void **state)
{
	struct mta m, other;
	char rcpt[40];

	(void)state;
	rig_listed("203.0.113.52", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.52"), MTA_CONTINUE);
	rig_open(&other);
	assert_int_equal(mta_client(&other, "203.0.113.53"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&other, "<someone@example.com>"), MTA_CONTINUE);
	rig_conf("allow += { 203.0.113.52, 203.0.113.53 }\n");
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_ACCEPT);
	mta_quit(&m);
	mta_macros(&other, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "User unknown", NULL);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(rcpt, sizeof rcpt, "<no%d@example.org>", i);
		assert_int_equal(mta_rcpt(&other, rcpt), MTA_CONTINUE);
	}
	mta_quit(&other);
	rig_conf("");
	rig_open(&other);
	assert_int_equal(mta_client(&other, "203.0.113.53"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&other, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&other, "<you@example.org>"), MTA_CONTINUE);
	mta_quit(&other);
}

static unsigned suspicions;

static void
hear_notice(void *arg, const struct notice *n)
{
	(void)arg;
	suspicions += strstr(n->text, "all.example.net: lists") != NULL;
}

/* Whether the mail is from nobody is told with the refusal. */
static void
tells_bounces(void **state)
{
	static const char *const senders[] = { "<>", "<x@example.net>", "<>" };
	struct mta m;

	(void)state;
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.51"), MTA_CONTINUE);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(mta_mail(&m, senders[i]), MTA_CONTINUE);
		mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "User unknown", NULL);
		assert_int_equal(mta_rcpt(&m, "<no@example.org>"), MTA_CONTINUE);
		assert_int_equal(rig_events(), 1);
		assert_int_equal(rig_heard.kind, EVENT_UNKNOWN_USER);
		assert_int_equal(rig_heard.bounce, senders[i][1] == '>');
	}
	mta_quit(&m);
}

/* A DNSBL that has everybody who comes has gone wrong, it seems; one that has many, beside those whose recipients the
 * MTA takes, has not. */
static void
clients_that_were_taken_speak_for_a_list(void **state)
{
	static const struct {
		unsigned taken, told;
	} rows[] = { { 0, 1 }, { 30, 0 } };
	char ip[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct guard *g = guard_new();

		suspicions = 0;
		rig_guard(g, hear_notice);
		for (unsigned n = 0; n < rows[i].taken; n++) {
			struct mta m;

			(void)snprintf(ip, sizeof ip, "203.1.%u.%u", (unsigned)i, n);
			rig_open(&m);
			assert_int_equal(mta_client(&m, ip), MTA_CONTINUE);
			assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
			assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
			assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_CONTINUE);
			mta_quit(&m);
		}
		for (unsigned n = 0; n < 110; n++) {
			(void)snprintf(ip, sizeof ip, "203.2.%u.%u", (unsigned)i, n);
			rig_listed(ip, "all.example.net");
		}
		assert_int_equal(suspicions, rows[i].told); /* to be sure it would have to have seen more */
		rig_guard(NULL, NULL);
		guard_free(g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lets_strangers_pass, rig_plain),
		cmocka_unit_test_setup(accepts_friends, rig_plain),
		cmocka_unit_test_setup(refuses_at_the_stage_that_is_set, rig_plain),
		cmocka_unit_test_setup(listeners_differ, rig_plain),
		cmocka_unit_test_setup(counts_a_session_once, rig_plain),
		cmocka_unit_test_setup(does_not_count_what_the_log_counted, rig_plain),
		cmocka_unit_test_setup(never_counts_the_authenticated, rig_plain),
		cmocka_unit_test_setup(sees_a_login_in_mid_session, rig_plain),
		cmocka_unit_test_setup(refuses_the_blocked, rig_plain),
		cmocka_unit_test_setup(refuses_forgers_at_helo, rig_plain),
		cmocka_unit_test_setup(lets_users_call_themselves_us, rig_plain),
		cmocka_unit_test_setup(counts_forgery_or_retry, rig_plain),
		cmocka_unit_test_setup(knows_us_in_many_forms, rig_plain),
		cmocka_unit_test_setup(learns_from_the_mtas_refusals, rig_plain),
		cmocka_unit_test_setup(heeds_a_reload_in_mid_session, rig_plain),
		cmocka_unit_test_setup(tells_bounces, rig_plain),
		cmocka_unit_test_setup(clients_that_were_taken_speak_for_a_list, rig_plain),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
