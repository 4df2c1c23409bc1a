/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate, for an MTA that relays for everybody; and what a grant may spend. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"
#include "stats.h"

static const char gate[] = "gate = fail-closed\nown_networks = { 203.0.113.240/28 }\n"
			   "gate_domains = { example.org, '[192.0.2.25]' }\ngate_mailers = { local, virtual }\n";

static void
with_gate(const char *more)
{
	char text[1200];

	(void)snprintf(text, sizeof text, "%s%s", gate, more);
	rig_conf(text);
}

/* A session as far as MAIL, which goes on. */
static void
mail_from(struct mta *m, const char *ip)
{
	rig_open(m);
	assert_int_equal(mta_client(m, ip), MTA_CONTINUE);
	assert_int_equal(mta_helo(m, "pc.example.com"), MTA_CONTINUE);
	assert_int_equal(mta_mail(m, "<someone@example.com>"), MTA_CONTINUE);
}

static enum mta_answer
rcpt(struct mta *m, const char *mailer, const char *to)
{
	mta_macros(m, 'R', "{rcpt_mailer}", mailer, "{rcpt_host}", "", "{rcpt_addr}", "", NULL);
	return mta_rcpt(m, to);
}

static void
is_shut_for_strangers(void **state)
{
	uint64_t before = stat_get(STAT_REJECTED_RELAY);
	struct mta m;

	(void)state;
	with_gate("");
	mail_from(&m, "203.0.113.150");
	assert_int_equal(rcpt(&m, "smtp", "<alice@example.org>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL), "550 5.7.1 Relay access denied: bob@elsewhere.example is not here. "
						"Read your mail first, or log in to send.");
	assert_int_equal(rcpt(&m, "smtp", "<bob%elsewhere.example@example.org>"), MTA_TEXT);
	assert_int_equal(rcpt(&m, "smtp", "<Alice@EXAMPLE.org.>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "local", "<whoever@hosted.example>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "", "<whoever@hosted.example>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 3);
	assert_int_equal(rig_heard.kind, EVENT_RELAY_DENIED);
	assert_string_equal(rig_heard.rule, "milter-gate");
	assert_string_equal(rig_heard.recipient, "whoever@hosted.example");
	assert_int_equal(stat_get(STAT_REJECTED_RELAY) - before, 3);
}

/* To be spared is not to be let relay; nor is to have no address, or one that only looks like our own. */
static void
is_shut_for_friends_without_a_grant(void **state)
{
	static const char *const clients[] = { "198.51.100.9", "fe80::1", "169.254.3.4", "::", "224.0.0.1", NULL,
		"/run/x.sock" };
	struct mta m;

	(void)state;
	with_gate("");
	for (size_t i = 0; i < ROWS(clients); i++) {
		mail_from(&m, clients[i]);
		row_eq(clients[i] == NULL ? "none" : clients[i], rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
		row_eq(clients[i] == NULL ? "none" : clients[i], rcpt(&m, "smtp", "<alice@example.org>"), MTA_CONTINUE);
		mta_quit(&m);
	}
	(void)rig_events(); /* which are about nobody that anything is learned of */
}

static void
is_open_for_those_at_home(void **state)
{
	static const char *const clients[] = { "203.0.113.241", "127.0.0.1", "::1", "127.8.8.8" };
	struct mta m;

	(void)state;
	with_gate("");
	for (size_t i = 0; i < ROWS(clients); i++) {
		rig_open(&m);
		row_eq(clients[i], mta_client(&m, clients[i]), MTA_ACCEPT);
		mta_quit(&m);
	}
}

static void
is_open_for_whoever_has_proved_himself(void **state)
{
	struct mta m;

	(void)state;
	with_gate("");
	/* Authenticated: for this message, and not for the next one without. */
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.151"), MTA_CONTINUE);
	mta_macros(&m, 'M', "{auth_authen}", "anna", NULL);
	assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
	mta_abort(&m);
	mta_macros(&m, 'M', "{auth_authen}", "", NULL);
	assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	mta_quit(&m);
	/* A grant that comes in mid-session, and goes. */
	mail_from(&m, "203.0.113.152");
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	rig_put(SET_RELAY, "203.0.113.152", "anna", 600);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_CONTINUE);
	rig_put(SET_BLOCK, "203.0.113.152", "enough", 600);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	mta_quit(&m);
	/* An allowlisted client with a grant. */
	rig_put(SET_RELAY, "198.51.100.77", "anna", 600);
	mail_from(&m, "198.51.100.77");
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_CONTINUE);
	mta_quit(&m);
}

/* Postfix calls the mailer of virtual alias domains "error" without refusing the recipient. */
static void
believes_no_refusal(void **state)
{
	struct mta m;

	(void)state;
	with_gate("");
	mail_from(&m, "203.0.113.153");
	mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "", "{rcpt_addr}",
	    "User unknown in virtual alias table", NULL);
	assert_int_equal(mta_rcpt(&m, "<bob@elsewhere.example>"), MTA_TEXT);
	assert_int_equal(rig_events(), 0);
	mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "User unknown", NULL);
	assert_int_equal(mta_rcpt(&m, "<nobody@example.org>"), MTA_CONTINUE);
	assert_int_equal(rig_events(), 1);
	mta_quit(&m);
}

/* The session began before there was a gate that knows of it: not unseen. */
static void
lets_nobody_pass_unseen(void **state)
{
	struct mta m;

	(void)state;
	rig_conf("");
	rig_open(&m);
	assert_int_equal(mta_client(&m, NULL), MTA_ACCEPT);
	with_gate("");
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_TEMPFAIL);
	mta_quit(&m);
}

static void
reads_its_file_again(void **state)
{
	struct mta m;
	char text[700];

	(void)state;
	rig_file("domains", "# ours\nfirst.example\n");
	(void)snprintf(text, sizeof text, "gate_file = '%s'\nanswer = tempfail\n", rig_path("domains"));
	with_gate(text);
	mail_from(&m, "203.0.113.154");
	assert_int_equal(rcpt(&m, "smtp", "<x@first.example>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "smtp", "<x@second.example>"), MTA_TEXT);
	assert_memory_equal(m.text, "450 4.7.1 ", 10);
	mta_quit(&m);
	rig_file("domains", "second.example\n");
	with_gate(text);
	mail_from(&m, "203.0.113.154");
	assert_int_equal(rcpt(&m, "smtp", "<x@second.example>"), MTA_CONTINUE);
	mta_quit(&m);
	unlink(rig_path("domains"));
}

static void
grants_have_a_budget(void **state)
{
	uint64_t before = stat_get(STAT_REJECTED_BUDGET);
	struct mta m;

	(void)state;
	rig_conf("relay_budget = 3\ngate_domains = example.org\n");
	rig_put(SET_RELAY, "203.0.113.160", "anna", 600);
	mail_from(&m, "203.0.113.160");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_CONTINUE);
	assert_int_equal(rig_events(), 0);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	assert_string_equal(rig_told(&m, NULL), "450 4.7.1 Too many recipients within the hour, try again later. "
						"Write <postmaster@example.org> if you need more.");
	assert_int_equal(rcpt(&m, "local", "<alice@example.org>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	mta_quit(&m);
	/* Nor in another session, nor after another login. */
	rig_put(SET_RELAY, "203.0.113.160", "anna", 600);
	mail_from(&m, "203.0.113.160");
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	mta_quit(&m);
	assert_int_equal(rig_events(), 2); /* once a session */
	assert_int_equal(rig_heard.kind, EVENT_POLICY);
	assert_int_equal(stat_get(STAT_REJECTED_BUDGET) - before, 3);
	/* Nobody else is concerned: not who has authenticated, nor another grant, nor a stranger, nor one of our own. */
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.160"), MTA_CONTINUE);
	mta_macros(&m, 'M', "{auth_authen}", "anna", NULL);
	assert_int_equal(mta_mail(&m, "<anna@example.org>"), MTA_ACCEPT);
	mta_quit(&m);
	rig_put(SET_RELAY, "203.0.113.161", "bert", 600);
	mail_from(&m, "203.0.113.161");
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_CONTINUE);
	mta_quit(&m);
	mail_from(&m, "203.0.113.162");
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_CONTINUE);
	mta_quit(&m);
	rig_open(&m);
	assert_int_equal(mta_client(&m, "198.51.100.9"), MTA_ACCEPT);
	mta_quit(&m);
}

static void
both_together(void **state)
{
	struct mta m;

	(void)state;
	with_gate("relay_budget = 1\n");
	rig_put(SET_RELAY, "203.0.113.163", "anna", 600);
	mail_from(&m, "203.0.113.163");
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_CONTINUE);
	assert_int_equal(rcpt(&m, "smtp", "<bob@elsewhere.example>"), MTA_TEXT);
	assert_memory_equal(m.text, "450 ", 4);
	mta_quit(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_shut_for_strangers, rig_plain),
		cmocka_unit_test_setup(is_shut_for_friends_without_a_grant, rig_plain),
		cmocka_unit_test_setup(is_open_for_those_at_home, rig_plain),
		cmocka_unit_test_setup(is_open_for_whoever_has_proved_himself, rig_plain),
		cmocka_unit_test_setup(believes_no_refusal, rig_plain),
		cmocka_unit_test_setup(lets_nobody_pass_unseen, rig_plain),
		cmocka_unit_test_setup(reads_its_file_again, rig_plain),
		cmocka_unit_test_setup(grants_have_a_budget, rig_plain),
		cmocka_unit_test_setup(both_together, rig_plain),
	};

	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
