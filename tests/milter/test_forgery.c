/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How clients are refused; senders that are not theirs, and traps, as an MTA sees it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lists.h"
#include "rig.h"
#include "session.h"
#include "stats.h"

/* At every stage, for good and for now; and the reference leads back to the client. */
static void
refuses_for_now_if_told_to(void **state)
{
	static const char *const stages[] = { "connect", "helo", "mail", "rcpt" };
	char more[100], ref[REF_TEXT];

	(void)state;
	for (size_t s = 0; s < ROWS(stages); s++) {
		struct addr client = address("203.0.113.71"), back;
		enum mta_answer a;
		struct mta m;
		time_t at;

		(void)snprintf(more, sizeof more, "reject_at = %s\nlistener smtpd { answer = tempfail }\n", stages[s]);
		rig_conf(more);
		rig_listed("203.0.113.71", "zen.example.net");
		rig_open(&m);
		a = mta_client(&m, "203.0.113.71");
		if (s > 0)
			a = mta_helo(&m, "pc.example.com");
		if (s > 1)
			a = mta_mail(&m, "<someone@example.com>");
		if (s > 2)
			a = mta_rcpt(&m, "<you@example.org>");
		row_eq(stages[s], a, MTA_TEXT);
		row_eq(stages[s], strncmp(rig_told(&m, ref), "450 4.7.1 Your IP address has been", 34), 0);
		row_eq(ref, ref_parse(str_of(ref), &back, &at), 0);
		assert_true(addr_eq(&back, &client));
		assert_in_range(at, time(NULL) - 60, time(NULL));
		mta_quit(&m);
	}
	assert_int_equal(rig_events(), 4);
}

static void
listeners_answer_differently(void **state)
{
	struct mta m;

	(void)state;
	rig_conf("answer = tempfail\nlistener submission { answer = reject }\nlistener other { reject_at = connect }\n");
	rig_listed("203.0.113.72", "zen.example.net");
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = { "smtpd", "submission", "other" };

		assert_int_equal(mta_open(&m, rig_socket), 0);
		assert_int_equal(mta_negotiate(&m, 6, MTA_ACTIONS_V6, MTA_STEPS_V6), MTA_NEGOTIATED);
		mta_macros(&m, 'C', "{daemon_name}", names[i], NULL);
		if (mta_client(&m, "203.0.113.72") == MTA_CONTINUE) {
			assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
			assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
		} else
			assert_int_equal(i, 2);
		row_eq(names[i], m.text[0], i == 1 ? '5' : '4');
		mta_quit(&m);
	}
	/* Forgeries are refused in the same way. */
	rig_conf("reject_at = mail\nanswer = tempfail\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.73"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "mail.example.org"), MTA_TEXT);
	assert_int_equal(strncmp(m.text, "450 4.7.1 You are not", 21), 0);
	mta_quit(&m);
}

/* However often it is refused and whatever for, a session has one reference and one line in our log. */
static void
keeps_a_sessions_reference(void **state)
{
	const struct mta_self self = { STR("mx.example.net"), { STR_NONE, STR_NONE } };
	const struct mail_facts nobody = { .user = STR_NONE };
	const struct rcpt_facts accepted = { STR("local"), STR_NONE, STR("you") };
	struct addr client = address("2001:db8:74::9");
	struct ledger *ledger = ledger_new(1000);
	struct reply first, second, third;
	struct pipeline pl;
	struct session *s;

	(void)state;
	rig_conf("reject_at = mail\nkind helo-forgery { cache = no }\n");
	pipeline_init(&pl, ledger, NULL);
	s = session_open(&pl, &client, NULL);
	assert_int_equal(session_connect(s, 1750000000, &first), SAY_CONTINUE);
	assert_int_equal(session_helo(s, &self, STR("mail.example.org"), 1750000005, &first), SAY_REJECT);
	assert_int_equal(session_mail(s, &nobody, STR("<x@example.com>"), 1750000010, &second), SAY_REJECT);
	assert_int_equal(session_rcpt(s, &accepted, STR("<you@example.org>"), 1750000015, &third), SAY_REJECT);
	assert_true(first.first && !second.first && !third.first);
	assert_string_equal(first.text, second.text);
	assert_string_equal(first.text, third.text);
	assert_string_equal(first.client, "2001:db8:74::9");
	session_close(s, 1750000020);
	ledger_free(ledger);
}

static void
hits_of(void *arg, const struct addr *client, const struct record *r)
{
	(void)client;
	*(unsigned *)arg = r->cached_hits;
}

/* A DNSBL's client in the cache comes again, and sendmail refuses it before the milter would: its log tells of the
 * session as well.  What came first was the hit that put it there. */
static void
counts_a_session_once(void **state)
{
	static const struct {
		const char *name, *queue_id, *pid;
		time_t told;
		bool log_first;
		unsigned hits;
	} rows[] = {
		{ "sendmail's", "6AM7Nx0P000811", "811", 2, true, 2 },
		{ "a long number", "6AM7Nx0P1234567", "1234567", 2, true, 2 },
		{ "the log is read later", "6AM7Nx0P000811", "811", 2, false, 2 },
		{ "another session's", "6AM7Nx0P000811", "812", 2, true, 3 },
		{ "another session's, of the number before", "6AM7Nx0P000811", "811", 20, true, 3 },
		{ "Postfix's", "4F0A21C0A7F", "811", 2, true, 3 },
		{ "Postfix's long one", "3Pt2mN2VXxznjll", "811", 2, true, 3 },
		{ "not told", "", "811", 2, true, 3 },
	};
	struct addr client = address("192.0.2.1");
	const time_t t = 1750000000;

	(void)state;
	rig_conf("reject_at = rcpt\n");
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct mail_facts facts = { .user = STR_NONE, .queue_id = str_of(rows[i].queue_id) };
		struct event ev = { .kind = EVENT_RBL, .source = SOURCE_LOG, .addr = client, .time = t - 100,
			.zone = STR("zen.example"), .session = STR("7"), .rule = "test" };
		struct ledger *ledger = ledger_new(1000);
		struct conf *c = conf_current();
		struct pipeline pl;
		struct session *s;
		struct reply r;
		unsigned hits = 0;

		pipeline_init(&pl, ledger, NULL);
		pipeline_event(&pl, &c->policy, &ev, ev.time);
		s = session_open(&pl, &client, NULL);
		assert_int_equal(session_connect(s, t, &r), SAY_CONTINUE);
		assert_int_equal(session_mail(s, &facts, STR("<x@example.com>"), t, &r), SAY_CONTINUE);
		ev.time = t + rows[i].told;
		ev.session = str_of(rows[i].pid);
		if (!rows[i].log_first)
			session_close(s, t + 300);
		pipeline_event(&pl, &c->policy, &ev, ev.time);
		if (rows[i].log_first)
			session_close(s, t + 300);
		(void)ledger_view(ledger, &c->policy, &client, hits_of, &hits);
		row_eq(rows[i].name, hits, rows[i].hits);
		conf_put(c);
		ledger_free(ledger);
	}
}

static void
believes_senders_of_their_providers_hosts(void **state)
{
	static const struct {
		const char *client, *resolve, *name, *sender;
		bool unnamed, all; /* refused in which mode */
	} rows[] = {
		{ "203.0.113.80", "OK", "mail-ed1-f54.google.com", "<x@gmail.com>", false, false },
		{ "203.0.113.81", "OK", "mail.forwarder.example", "<x@gmail.com>", false, true },
		{ "203.0.113.82", "FAIL", "unknown", "<x@gmail.com>", true, true },
		{ "203.0.113.83", "FORGED", "mail-ed1-f54.google.com", "<x@GMail.com>", true, true },
		{ "203.0.113.84", "TEMP", "unknown", "<x@gmail.com>", false, false },
		{ "203.0.113.85", "", "unknown", "<x@gmail.com>", false, false },
		{ "203.0.113.86", "FAIL", "unknown", "<x@example.com>", false, false },
		{ "203.0.113.87", "FAIL", "unknown", "<>", false, false },
		{ "192.168.4.9", "FAIL", "unknown", "<x@gmail.com>", false, false },
		{ "2001:db8:88::1", "FAIL", "unknown", "<x@web.de>", true, true },
		{ "198.51.100.9", "FAIL", "unknown", "<x@gmail.com>", false, false }, /* allowlisted */
		{ "203.0.113.89", "FAIL", "unknown", "<x@gmail.com>", false, false }, /* may relay */
	};

	(void)state;
	rig_names_known();
	rig_put(SET_RELAY, "203.0.113.89", "anna", 600);
	for (size_t i = 0; i < 2 * ROWS(rows); i++) {
		const char *client = rows[i / 2].client;
		bool want = i % 2 == 0 ? rows[i / 2].unnamed : rows[i / 2].all;
		enum mta_answer a;
		struct mta m;

		rig_conf(i % 2 == 0 ? "kind sender-forgery { cache = no }\n" :
		    "freemail = all\nkind sender-forgery { cache = no }\n");
		rig_open(&m);
		rig_named(&m, rows[i / 2].resolve, rows[i / 2].name);
		(void)mta_client(&m, client);
		a = mta_mail(&m, rows[i / 2].sender);
		row_eq(client, a == MTA_TEXT, want);
		if (want)
			row_eq(client, strncmp(m.text, "550 5.7.1 Mail from x@", 22), 0);
		mta_quit(&m);
		row_eq(client, rig_events(), want);
		if (want)
			row_eq(client, rig_heard.kind, EVENT_SENDER_FORGERY);
	}
}

static enum mta_answer
mail_of_the_nameless(const char *ip)
{
	enum mta_answer a;
	struct mta m;

	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, ip), MTA_CONTINUE);
	a = mta_mail(&m, "<x@gmail.com>");
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), a);
	mta_quit(&m);
	return a;
}

/* An MTA that looks no names up says of everybody that there is none. */
static void
doubts_an_mta_that_knows_no_names(void **state)
{
	char ip[32];
	int refused = 0;

	(void)state;
	rig_conf("kind sender-forgery { cache = no }\n");
	assert_int_equal(mail_of_the_nameless("203.0.113.99"), MTA_CONTINUE); /* the first of all */
	rig_names_known();
	for (int i = 0; i < 30; i++) {
		(void)snprintf(ip, sizeof ip, "203.0.%d.9", 120 + i);
		refused += mail_of_the_nameless(ip) == MTA_TEXT;
	}
	assert_int_equal(refused, 20);
	rig_names_known();
	/* One client alone, or the hosts of one network, cannot bring that about. */
	for (int i = 0; i < 60; i++) {
		(void)snprintf(ip, sizeof ip, i % 2 == 0 ? "192.0.2.%d" : "2001:db8:%d::9", 100 + i / 4);
		row_eq(ip, mail_of_the_nameless(ip), MTA_TEXT);
	}
	assert_int_equal(mail_of_the_nameless("192.0.2.99"), MTA_TEXT);
}

static void
counts_a_forged_sender_once(void **state)
{
	struct mta m;

	(void)state;
	rig_names_known();
	rig_conf("kind sender-forgery { cache = no }\n");
	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, "203.0.113.90"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL), "550 5.7.1 Mail from x@gmail.com does not come from 203.0.113.90. Send it "
	    "through its own provider, or write <postmaster@example.org> to argue.");
	assert_int_equal(rig_events(), 1);
	assert_string_equal(rig_heard.evidence, "MAIL FROM:<x@gmail.com>");
	assert_string_equal(rig_heard.rule, "milter-sender");
	assert_int_equal(mta_mail(&m, "<y@web.de>"), MTA_TEXT);
	assert_int_equal(mta_mail(&m, "<x@example.com>"), MTA_CONTINUE); /* an honest one */
	mta_macros(&m, 'M', "{auth_authen}", "anna", NULL);
	assert_int_equal(mta_mail(&m, "<anna@gmail.com>"), MTA_ACCEPT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
	/* By default it is in the cache from then on, and told so where others are. */
	rig_conf("");
	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, "203.0.113.91"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), MTA_TEXT);
	assert_int_equal(mta_mail(&m, "<x@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL), "550 5.7.1 Your IP address is refused here: it has used a sender address of "
	    "somebody else's provider. Write <postmaster@example.org> to argue.");
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
	/* Off is off. */
	rig_conf("freemail = off\n");
	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, "203.0.113.92"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), MTA_CONTINUE);
	mta_quit(&m);
	rig_conf("kind sender-forgery { enabled = no }\n");
	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, "203.0.113.92"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), MTA_CONTINUE);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

/* A cached client that forges its sender counts once, as a forger. */
static void
counts_a_forged_sender_or_a_retry(void **state)
{
	struct mta m;

	(void)state;
	rig_names_known();
	rig_listed("203.0.113.93", "zen.example.net");
	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, "203.0.113.93"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
	assert_int_equal(rig_heard.kind, EVENT_SENDER_FORGERY);
	/* Refused as cached before it could forge. */
	rig_conf("reject_at = mail\n");
	rig_listed("203.0.113.94", "zen.example.net");
	rig_open(&m);
	rig_named(&m, "FAIL", "unknown");
	assert_int_equal(mta_client(&m, "203.0.113.94"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<x@gmail.com>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
	assert_int_equal(rig_heard.kind, EVENT_RBL);
}

static void
with_traps(const char *more)
{
	char text[400];

	rig_file("traps", "sales1999@example.org\n/^[a-z]{3}[0-9]{5}@example\\.org$/\n");
	(void)snprintf(text, sizeof text, "traps = '%s'\n%s", rig_path("traps"), more);
	rig_conf(text);
}

static void
refuses_who_writes_to_a_trap(void **state)
{
	struct mta m;

	(void)state;
	with_traps("kind recipient-forgery { cache = no }\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.100"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_CONTINUE);
	assert_int_equal(rig_events(), 0);
	assert_int_equal(mta_rcpt(&m, "<Sales1999@example.org>"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL),
	    "550 5.7.1 Nobody has ever been at Sales1999@example.org. Write <postmaster@example.org> to argue.");
	assert_int_equal(rig_events(), 1);
	assert_int_equal(rig_heard.kind, EVENT_RECIPIENT_FORGERY);
	assert_string_equal(rig_heard.recipient, "Sales1999@example.org");
	assert_string_equal(rig_heard.evidence, "RCPT TO:<Sales1999@example.org>");
	assert_string_equal(rig_heard.rule, "milter-trap");
	assert_int_equal(mta_rcpt(&m, "<abc12345@example.org>"), MTA_TEXT);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_CONTINUE);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
	/* A bounce of what somebody sent in the trap's name is nobody's forgery. */
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.101"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_CONTINUE);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
	/* Into the cache. */
	with_traps("reject_at = mail\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.102"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_TEXT);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 1);
}

static void
lets_friends_write_to_traps(void **state)
{
	static const char *const clients[] = { "198.51.100.9", "127.0.0.1", "203.0.113.103" };
	struct mta m;

	(void)state;
	with_traps("");
	rig_put(SET_RELAY, "203.0.113.103", "anna", 600);
	(void)rig_events();
	for (size_t i = 0; i < ROWS(clients); i++) {
		rig_open(&m);
		(void)mta_client(&m, clients[i]);
		row_eq(clients[i], mta_mail(&m, "<someone@example.com>"), MTA_ACCEPT);
		mta_quit(&m);
	}
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.104"), MTA_CONTINUE);
	mta_macros(&m, 'M', "{auth_authen}", "anna", NULL);
	assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
	mta_quit(&m);
	/* A login in mid-session is enough. */
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.109"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	rig_put(SET_RELAY, "203.0.113.109", "anna", 600);
	mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.2.1", "{rcpt_addr}", "closed", NULL);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_CONTINUE);
	mta_macros(&m, 'R', "{rcpt_mailer}", "local", "{rcpt_host}", "", "{rcpt_addr}", "sales1999", NULL);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_ACCEPT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
	with_traps("kind recipient-forgery { enabled = no }\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.105"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_CONTINUE);
	mta_quit(&m);
	assert_int_equal(rig_events(), 0);
}

/* The MTA knows first that nobody is there: it is refused by it, and a trap all the same. */
static void
learns_of_traps_that_the_mta_refused(void **state)
{
	struct mta m;

	(void)state;
	with_traps("");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.106"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}",
	    "<sales1999@example.org>: Recipient address rejected: User unknown in local recipient table", NULL);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_CONTINUE);
	assert_int_equal(rig_events(), 2); /* unknown-user, which its log tells again, and the trap */
	assert_int_equal(rig_heard.kind, EVENT_RECIPIENT_FORGERY);
	mta_quit(&m);
}

/* A list that has changed is noticed, one with a mistake is not taken. */
static void
reads_changed_lists_again(void **state)
{
	uint64_t failed = stat_get(STAT_RELOADS_FAILED);
	struct mta m;

	(void)state;
	with_traps("kind recipient-forgery { cache = no }\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.107"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	rig_file("traps", "nobody\n");
	lists_look();
	assert_int_equal(stat_get(STAT_RELOADS_FAILED), failed); /* somebody may still be writing it */
	lists_look();
	lists_look();
	assert_int_equal(stat_get(STAT_RELOADS_FAILED) - failed, 1);
	rig_file("traps", "new@"); /* which would be everybody's new@ */
	lists_look();
	rig_file("traps", "new@example.org\n");
	lists_look();
	lists_look();
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_TEXT); /* the list it began with */
	mta_quit(&m);
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.108"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<sales1999@example.org>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<new@example.org>"), MTA_TEXT);
	mta_quit(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(doubts_an_mta_that_knows_no_names, rig_plain), /* first: it counts from the start */
		cmocka_unit_test_setup(refuses_for_now_if_told_to, rig_plain),
		cmocka_unit_test_setup(listeners_answer_differently, rig_plain),
		cmocka_unit_test_setup(keeps_a_sessions_reference, rig_plain),
		cmocka_unit_test_setup(counts_a_session_once, rig_plain),
		cmocka_unit_test_setup(believes_senders_of_their_providers_hosts, rig_plain),
		cmocka_unit_test_setup(counts_a_forged_sender_once, rig_plain),
		cmocka_unit_test_setup(counts_a_forged_sender_or_a_retry, rig_plain),
		cmocka_unit_test_setup(refuses_who_writes_to_a_trap, rig_plain),
		cmocka_unit_test_setup(lets_friends_write_to_traps, rig_plain),
		cmocka_unit_test_setup(learns_of_traps_that_the_mta_refused, rig_plain),
		cmocka_unit_test_setup(reads_changed_lists_again, rig_plain),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
