/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The milter protocol: negotiation, odd and hostile sessions, many at once, the end.  The test that stops the filter
 * comes last. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "filter.h"
#include "rig.h"
#include "stats.h"

#define PARALLEL 1000

static void
asks_for_what_it_needs(void **state)
{
	struct mta m;

	(void)state;
	rig_open(&m);
	assert_int_equal(m.version, 6);
	assert_int_equal(m.steps,
	    MTA_NOBODY | MTA_NOHDRS | MTA_NOEOH | MTA_NODATA | MTA_NOUNKNOWN | MTA_RCPT_REJ);
	assert_int_equal(m.actions, MTA_SETSYMLIST);
	assert_true(m.len > 12);
	assert_string_equal(m.text + 16, "j {daemon_name} {daemon_addr} {if_addr} {client_name} {client_resolve}");
	mta_quit(&m);
	/* An MTA that knows no better. */
	assert_int_equal(mta_open(&m, rig_socket), 0);
	assert_int_equal(mta_negotiate(&m, 2, MTA_ACTIONS_V2, MTA_STEPS_V2), MTA_NEGOTIATED);
	assert_int_equal(m.version, 2);
	assert_int_equal(m.steps, MTA_NOBODY | MTA_NOHDRS | MTA_NOEOH);
	assert_int_equal(m.actions, 0);
	assert_int_equal(m.len, 12);
	assert_int_equal(mta_client(&m, "203.0.113.200"), MTA_CONTINUE);
	mta_quit(&m);
}

static void
accepts_what_has_no_address(void **state)
{
	static const char *const clients[] = { NULL, "/run/x.sock" };
	uint64_t before = stat_get(STAT_SESSIONS_UNKNOWN);
	struct mta m;

	(void)state;
	for (size_t i = 0; i < ROWS(clients); i++) {
		rig_open(&m);
		assert_int_equal(mta_client(&m, clients[i]), MTA_ACCEPT);
		assert_int_equal(mta_helo(&m, "mail.example.org"), MTA_ACCEPT);
		assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_ACCEPT);
		mta_quit(&m);
	}
	assert_int_equal(stat_get(STAT_SESSIONS_UNKNOWN) - before, 2);
	assert_int_equal(rig_events(), 0);
}

static void
survives_odd_sessions(void **state)
{
	struct mta m;

	(void)state;
	/* Gone at once; after negotiating; nothing but the end. */
	assert_int_equal(mta_open(&m, rig_socket), 0);
	mta_vanish(&m);
	rig_open(&m);
	mta_vanish(&m);
	rig_open(&m);
	mta_quit(&m);
	/* Commands without a client: libmilter keeps some of them from us. */
	rig_open(&m);
	mta_send(&m, 'A', NULL, 0);
	mta_send(&m, 'R', "<x>", 4);
	mta_vanish(&m);
	/* A second client on the same connection; libmilter takes no leave but after a message. */
	rig_listed("203.0.113.60", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.60"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	mta_abort(&m);
	mta_next(&m);
	assert_int_equal(mta_client(&m, "203.0.113.61"), MTA_CONTINUE);
	assert_int_equal(rig_events(), 1);
	mta_vanish(&m);
	assert_int_equal(rig_events(), 0);
}

static void
survives_hostile_text(void **state)
{
	static char flood[60000];
	struct mta m;

	(void)state;
	memset(flood, '%', sizeof flood - 1);
	rig_conf("own_names += 'x'\n");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.62"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, flood), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "%n%s%n"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, ""), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, flood), MTA_CONTINUE);
	mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "User unknown", NULL);
	assert_int_equal(mta_rcpt(&m, flood), MTA_CONTINUE);
	assert_int_equal(rig_events(), 1);
	assert_int_equal(strlen(rig_heard.evidence), 511);
	mta_macros(&m, 'R', "{rcpt_mailer}", "error", "{rcpt_host}", "5.1.1", "{rcpt_addr}", "User unknown", NULL);
	assert_int_equal(mta_rcpt(&m, ""), MTA_CONTINUE);
	mta_quit(&m);
	/* Not the protocol at all. */
	for (int i = 0; i < 200; i++) {
		char noise[64];

		for (size_t k = 0; k < sizeof noise; k++)
			noise[k] = (char)(rand() & 0xff);
		if (i % 2 == 0)
			rig_open(&m);
		else
			assert_int_equal(mta_open(&m, rig_socket), 0);
		assert_int_equal(write(m.fd, noise, sizeof noise), sizeof noise);
		mta_vanish(&m);
	}
}

/* A reload does not change where a session that has begun is answered. */
static void
keeps_the_stages_it_began_with(void **state)
{
	struct mta m;

	(void)state;
	rig_listed("203.0.113.63", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.63"), MTA_CONTINUE);
	rig_conf("reject_at = helo\n");
	assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_CONTINUE);
	assert_int_equal(mta_mail(&m, "<someone@example.com>"), MTA_CONTINUE);
	assert_int_equal(mta_rcpt(&m, "<you@example.org>"), MTA_TEXT);
	mta_quit(&m);
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.63"), MTA_CONTINUE);
	assert_int_equal(mta_helo(&m, "pc.example.com"), MTA_TEXT);
	mta_quit(&m);
}

/* One of several threads with sessions that are all open at the same time; every second client is in the cache. */
static void *
many(void *arg)
{
	static struct mta all[PARALLEL];
	static _Atomic unsigned next;
	unsigned *wrong = arg, mine[PARALLEL], n = 0, i;
	char ip[32];

	while ((i = next++) < PARALLEL) {
		mine[n++] = i;
		(void)snprintf(ip, sizeof ip, "192.0.%u.%u", 4 + i / 250, 1 + i % 250);
		*wrong += mta_open(&all[i], rig_socket) == -1 ||
		    mta_negotiate(&all[i], 6, MTA_ACTIONS_V6, MTA_STEPS_V6) != MTA_NEGOTIATED ||
		    mta_client(&all[i], ip) != MTA_CONTINUE;
	}
	for (i = 0; i < n; i++)
		*wrong += mta_helo(&all[mine[i]], "pc.example.com") != MTA_CONTINUE;
	for (i = 0; i < n; i++) {
		*wrong += mta_mail(&all[mine[i]], "<someone@example.com>") != MTA_CONTINUE;
		*wrong += mta_rcpt(&all[mine[i]], "<you@example.org>") != (mine[i] % 2 == 0 ? MTA_TEXT : MTA_CONTINUE);
	}
	for (i = 0; i < n; i++)
		mta_quit(&all[mine[i]]);
	return NULL;
}

static void
serves_many_at_once(void **state)
{
	pthread_t t[4];
	unsigned wrong[4] = { 0, 0, 0, 0 };
	struct rlimit files;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < 2 * PARALLEL + 100) {
		print_message("1000 sessions need %d descriptors\n", 2 * PARALLEL + 100);
		skip();
	}
	for (unsigned i = 0; i < PARALLEL; i += 2) {
		char ip[32];

		(void)snprintf(ip, sizeof ip, "192.0.%u.%u", 4 + i / 250, 1 + i % 250);
		rig_listed(ip, "zen.example.net");
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, &wrong[i]), 0);
	for (int i = 0; i < 20; i++)
		rig_conf("");
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	assert_int_equal(rig_events(), PARALLEL / 2);
}

static void
will_not_listen_where_it_cannot(void **state)
{
	struct conf *c = conf_current();
	struct err e;

	(void)state;
	assert_int_equal(filter_open_socket(c, &e), -1);
	assert_non_null(strstr(e.text, ": another program is listening there"));
	conf_put(c);
	rig_conf("milter_socket = unix:/nonexistent/sock\n");
	c = conf_current();
	assert_int_equal(filter_open_socket(c, &e), -1);
	assert_string_equal(e.text,
	    "/nonexistent/sock: there is no directory /nonexistent/; make it, for us to write in, or name another place in "
	    "milter_socket");
	conf_put(c);
}

/* Nobody gets an answer any more, and the pipeline is left alone. */
static void
stops(void **state)
{
	struct mta m, late;

	(void)state;
	rig_listed("203.0.113.70", "zen.example.net");
	rig_open(&m);
	assert_int_equal(mta_client(&m, "203.0.113.70"), MTA_CONTINUE);
	rig_open(&late);
	filter_stop();
	mta_send(&m, 'M', "<someone@example.com>", 22);
	assert_int_equal(mta_vanish(&m), 0);
	assert_int_equal(mta_vanish(&late), 0);
	assert_int_equal(rig_events(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(asks_for_what_it_needs, rig_plain),
		cmocka_unit_test_setup(accepts_what_has_no_address, rig_plain),
		cmocka_unit_test_setup(survives_odd_sessions, rig_plain),
		cmocka_unit_test_setup(survives_hostile_text, rig_plain),
		cmocka_unit_test_setup(keeps_the_stages_it_began_with, rig_plain),
		cmocka_unit_test_setup(serves_many_at_once, rig_plain),
		cmocka_unit_test_setup(will_not_listen_where_it_cannot, rig_plain),
		cmocka_unit_test_setup(stops, rig_plain),
	};

	(void)alarm(300); /* a failing test may leave a session that nobody ends */
	return cmocka_run_group_tests(tests, rig_start, rig_finish);
}
