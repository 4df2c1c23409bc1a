/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "correlate.h"
#include "rules_rig.h"
#include "stats.h"

#define NOW 1735689600

static struct rules *set;
static struct rules_scratch *scratch;

struct heard {
	unsigned n;
	char text[4096]; /* "kind address user recipient time; " of each */
};

static void
hear(void *arg, const struct event *ev, unsigned times, bool again)
{
	struct heard *h = arg;
	size_t used = strlen(h->text);
	char addr[ADDR_TEXT];

	h->n += times;
	assert_true((ev->user.n > 0) == (ev->user.p != NULL) && (ev->recipient.n > 0) == (ev->recipient.p != NULL));
	(void)snprintf(h->text + used, sizeof(h->text) - used, "%s%s %s %.*s%.*s;", again ? "again " : "", event_kind_name(ev->kind),
	    addr_format(addr, &ev->addr), (int)ev->user.n, ev->user.p == NULL ? "" : ev->user.p, (int)ev->recipient.n,
	    ev->recipient.p == NULL ? "" : ev->recipient.p);
}

static void
say(struct correlate *c, struct heard *h, const char *text)
{
	struct logline l;
	struct stamp stamp;

	stamp_init(&stamp);
	assert_int_equal(logline_parse(&l, &stamp, str_of(text), NOW), LOGLINE_OK);
	(void)correlate_line(c, set, scratch, &l, NOW, hear, h);
}

#define PAM  "pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=x rhost=192.0.2.9"
#define SASL "warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: authentication failure"
#define LEFT "Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, rip=192.0.2.9, lip=203.0.113.1"

/* What is said between slashes are lines; the events that come of them. */
static const struct row {
	const char *name, *lines, *want;
} rows[] = {
	{ "popa3d", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:04:06 mx popa3d[8]: Authentication passed for anna",
	    "login 192.0.2.7 anna;" },
	{ "two at once", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:04:05 mx popa3d[9]: Session from 192.0.2.8|"
	    "Jan  2 03:04:06 mx popa3d[9]: Authentication passed for bob|Jan  2 03:04:06 mx popa3d[8]: Authentication passed for anna",
	    "login 192.0.2.8 bob;login 192.0.2.7 anna;" },
	{ "used up", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:04:06 mx popa3d[8]: Authentication passed for anna|"
	    "Jan  2 03:04:07 mx popa3d[8]: Authentication passed for bob", "login 192.0.2.7 anna;" },
	{ "used up by a failure", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|"
	    "Jan  2 03:04:06 mx popa3d[8]: Authentication failed for anna|Jan  2 03:04:07 mx popa3d[8]: Authentication passed for anna",
	    "auth-failure 192.0.2.7 anna;" },
	{ "a process id used again", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.9|Jan  2 03:04:06 mx popa3d[8]: Session from 192.0.2.7|"
	    "Jan  2 03:04:07 mx popa3d[8]: Authentication passed for anna", "login 192.0.2.7 anna;" },
	{ "the wrong order", "Jan  2 03:04:06 mx popa3d[8]: Authentication passed for anna|Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7", "" },
	{ "another host", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:04:06 my popa3d[8]: Authentication passed for anna", "" },
	{ "another program", "Jan  2 03:04:05 mx vm-pop3d[8]: Connect from 192.0.2.7|Jan  2 03:04:06 mx popa3d[8]: Authentication passed for anna", "" },
	{ "no process id", "Jan  2 03:04:05 mx popa3d: Session from 192.0.2.7|Jan  2 03:04:06 mx popa3d: Authentication passed for anna", "" },
	{ "host and tag run together", "Jan  2 03:04:05 m xpopa3d[8]: Session from 192.0.2.7|Jan  2 03:04:06 mx popa3d[8]: Authentication passed for anna", "" },
	{ "ten minutes", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:14:05 mx popa3d[8]: Authentication passed for anna",
	    "login 192.0.2.7 anna;" },
	{ "more", "Jan  2 03:04:05 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:14:06 mx popa3d[8]: Authentication passed for anna", "" },
	{ "the clock set back", "Jan  2 03:14:06 mx popa3d[8]: Session from 192.0.2.7|Jan  2 03:04:05 mx popa3d[8]: Authentication passed for anna", "" },
	{ "solid-pop3d", "Jan  2 03:04:05 mx solid-pop3d[8]: connect from 192.0.2.7|Jan  2 03:04:06 mx solid-pop3d[8]: user anna authenticated",
	    "login 192.0.2.7 anna;" },
	{ "vm-pop3d", "Jan  2 03:04:05 mx vm-pop3d[8]: Connect from 192.0.2.7|Jan  2 03:04:06 mx vm-pop3d[8]: User 'anna' logged in",
	    "login 192.0.2.7 anna;" },
	{ "the address later", "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown|"
	    "Jan  2 03:04:06 mx sm-mta[9]: 26H0: <b@example.org>... User unknown|"
	    "Jan  2 03:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=h.example.net [192.0.2.9]",
	    "unknown-user 192.0.2.9 a@example.org;unknown-user 192.0.2.9 b@example.org;" },
	{ "once", "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown|"
	    "Jan  2 03:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=[192.0.2.9]|"
	    "Jan  2 03:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=[192.0.2.8]",
	    "unknown-user 192.0.2.9 a@example.org;" },
	{ "another message", "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown|"
	    "Jan  2 03:04:07 mx sm-mta[9]: 26H1: from=<x@example.net>, size=0, nrcpts=0, relay=[192.0.2.9]", "" },
	{ "too late", "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown|"
	    "Jan  2 04:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=[192.0.2.9]", "" },
	{ "a connection before", "Jan  2 03:04:05 mx sm-mta[9]: NOQUEUE: connect from h.example.net [192.0.2.9]|"
	    "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown|"
	    "Jan  2 03:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=h.example.net [192.0.2.9]",
	    "unknown-user 192.0.2.9 a@example.org;" },
	{ "a rejection before", "Jan  2 03:04:05 mx sm-mta[9]: 26H0: ruleset=check_rcpt, arg1=<c@example.com>, relay=[192.0.2.9], "
	    "reject=550 5.7.1 <c@example.com>... Relaying denied|Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown",
	    "relay-denied 192.0.2.9 c@example.com;unknown-user 192.0.2.9 a@example.org;" },
	{ "said three times", "Jan  2 03:04:05 mx sm-mta[9]: message repeated 3 times: [ 26H0: <a@example.org>... User unknown]|"
	    "Jan  2 03:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=[192.0.2.9]",
	    "unknown-user 192.0.2.9 a@example.org;" },
	{ "told for each attempt, and in the end", "Jan  2 03:04:05 mx dovecot: auth-worker(8): pam(anna,192.0.2.9,<s>): unknown user|"
	    "Jan  2 03:04:06 mx dovecot: auth-worker(8): pam(bob,192.0.2.9,<s>): unknown user|"
	    "Jan  2 03:04:07 mx dovecot: imap-login: Disconnected (auth failed, 2 attempts in 2 secs): user=<bob>, method=PLAIN, "
	    "rip=192.0.2.9, lip=203.0.113.1",
	    "auth-failure 192.0.2.9 anna;auth-failure 192.0.2.9 bob;again auth-failure 192.0.2.9 bob;" },
	{ "told of another client", "Jan  2 03:04:05 mx dovecot: auth-worker(8): pam(anna,192.0.2.8,<s>): unknown user|"
	    "Jan  2 03:04:07 mx dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, "
	    "rip=192.0.2.9, lip=203.0.113.1", "auth-failure 192.0.2.8 anna;auth-failure 192.0.2.9 bob;" },
	{ "one telling is good for one", "Jan  2 03:04:05 mx auth: " PAM "|"
	    "Jan  2 03:04:07 mx postfix/smtpd[9]: " SASL "|Jan  2 03:04:08 mx postfix/smtpd[9]: " SASL,
	    "auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 ;auth-failure 192.0.2.9 ;" },
	{ "two for two", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:04:06 mx auth: " PAM "|"
	    "Jan  2 03:04:07 mx postfix/smtpd[9]: " SASL "|Jan  2 03:04:08 mx postfix/smtpd[9]: " SASL "|"
	    "Jan  2 03:04:09 mx postfix/smtpd[9]: " SASL,
	    "auth-failure 192.0.2.9 x;auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 ;again auth-failure 192.0.2.9 ;"
	    "auth-failure 192.0.2.9 ;" },
	{ "two of three that are one line", "Jan  2 03:04:05 mx auth: message repeated 2 times: [ " PAM "]|"
	    "Jan  2 03:04:07 mx postfix/smtpd[9]: message repeated 3 times: [ " SASL "]",
	    "auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 ;auth-failure 192.0.2.9 ;" },
	{ "ten seconds", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:04:15 mx postfix/smtpd[9]: " SASL,
	    "auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 ;" },
	{ "eleven", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:04:16 mx postfix/smtpd[9]: " SASL,
	    "auth-failure 192.0.2.9 x;auth-failure 192.0.2.9 ;" },
	{ "told by all three", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:04:06 mx dovecot: auth-worker(8): "
	    "pam(anna,192.0.2.9,<s>): unknown user|Jan  2 03:04:07 mx dovecot: imap-login: " LEFT,
	    "auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 anna;again auth-failure 192.0.2.9 bob;" },
	{ "ten minutes of excuse", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:14:05 mx dovecot: imap-login: " LEFT,
	    "auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 bob;" },
	{ "no more", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:14:06 mx dovecot: imap-login: " LEFT,
	    "auth-failure 192.0.2.9 x;auth-failure 192.0.2.9 bob;" },
	{ "old tellings are not added up", "Jan  2 03:04:05 mx auth: " PAM "|Jan  2 03:15:05 mx auth: " PAM "|"
	    "Jan  2 03:15:06 mx dovecot: imap-login: " LEFT "|Jan  2 03:15:06 mx dovecot: imap-login: " LEFT,
	    "auth-failure 192.0.2.9 x;auth-failure 192.0.2.9 x;again auth-failure 192.0.2.9 bob;auth-failure 192.0.2.9 bob;" },
	{ "SASL's own warning", "Jan  2 03:04:05 mx postfix/smtpd[9]: warning: SASL authentication failure: Password verification failed|"
	    "Jan  2 03:04:05 mx postfix/smtpd[9]: warning: unknown[192.0.2.9]: SASL PLAIN authentication failed: authentication failure",
	    "auth-failure 192.0.2.9 ;" },
};

struct records {
	uint8_t bytes[CORRELATE_HALVES][CORRELATE_RECORD];
	size_t len[CORRELATE_HALVES];
};

static void
record(void *arg, unsigned place, const uint8_t *bytes, size_t len)
{
	struct records *r = arg;

	r->len[place] = len;
	if (len > 0)
		memcpy(r->bytes[place], bytes, len);
}

static struct correlate *
restored(const struct records *r)
{
	struct correlate *c = correlate_new();
	struct err e = { "" };

	for (unsigned i = CORRELATE_HALVES; i-- > 0;)
		if (r->len[i] > 0 && correlate_restore(c, i, r->bytes[i], r->len[i], &e) == -1)
			fail_msg("%s", e.text);
	return c;
}

/* Say a row's lines.  After line `killed` the process ends and another goes on from what was saved; -1: never. */
static void
live(const struct row *row, int killed, struct heard *h)
{
	struct correlate *c = correlate_new();
	struct records *r = calloc(1, sizeof(*r));
	char *lines = strdup(row->lines), *rest = lines, *line;

	memset(h, 0, sizeof(*h));
	for (int i = 0; (line = strsep(&rest, "|")) != NULL; i++) {
		say(c, h, line);
		correlate_save(c, false, record, r);
		if (i == killed) {
			correlate_free(c);
			c = restored(r);
		}
	}
	correlate_free(c);
	free(r);
	free(lines);
}

static void
pairs_lines(void **state)
{
	struct heard h;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		live(&rows[i], -1, &h);
		row_str_eq(rows[i].name, h.text, rows[i].want);
	}
}

static void
lives_through_a_kill(void **state)
{
	struct heard h;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		for (int killed = 0; killed < 4; killed++) {
			live(&rows[i], killed, &h);
			row_str_eq(rows[i].name, h.text, rows[i].want);
		}
}

static void
session(struct correlate *c, struct heard *h, unsigned pid, const char *text)
{
	char line[200];

	(void)snprintf(line, sizeof(line), "Jan  2 03:04:05 mx popa3d[%u]: %s", pid, text);
	say(c, h, line);
}

/* The oldest goes first, and is counted; all others are still known. */
static void
is_bounded(void **state)
{
	struct correlate *c = correlate_new();
	uint64_t before = stat_get(STAT_HALVES_DROPPED);
	struct heard h = { 0 };

	(void)state;
	for (unsigned pid = 0; pid <= CORRELATE_HALVES; pid++)
		session(c, &h, pid, "Session from 192.0.2.7");
	assert_int_equal(stat_get(STAT_HALVES_DROPPED) - before, 1);
	session(c, &h, 0, "Authentication passed for anna");
	assert_int_equal(h.n, 0);
	for (unsigned pid = 1; pid <= CORRELATE_HALVES; pid++, h.text[0] = '\0')
		session(c, &h, pid, "Authentication passed for anna");
	assert_int_equal(h.n, CORRELATE_HALVES);
	correlate_free(c);
}

/* One session with very many unknown recipients does not push out what others wait for. */
static void
bounds_each_key(void **state)
{
	struct correlate *c = correlate_new();
	struct heard h = { 0 };

	(void)state;
	session(c, &h, 1, "Session from 192.0.2.7");
	for (unsigned i = 0; i < 2 * CORRELATE_HALVES; i++)
		say(c, &h, "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown");
	session(c, &h, 1, "Authentication passed for anna");
	assert_int_equal(h.n, 1);
	say(c, &h, "Jan  2 03:04:07 mx sm-mta[9]: 26H0: from=<x@example.net>, size=0, nrcpts=0, relay=[192.0.2.9]");
	assert_int_equal(h.n, 1 + CORRELATE_OF_KEY);
	correlate_free(c);
}

/* A record that is not what it should be is refused, whatever it is. */
static void
refuses_nonsense(void **state)
{
	struct correlate *c = correlate_new();
	struct records *r = calloc(1, sizeof(*r));
	struct heard h = { 0 };
	struct err e;

	(void)state;
	session(c, &h, 1, "Session from 192.0.2.7");
	say(c, &h, "Jan  2 03:04:05 mx sm-mta[9]: 26H0: <a@example.org>... User unknown");
	correlate_save(c, true, record, r);
	for (unsigned i = 0; i < CORRELATE_HALVES; i++)
		for (size_t n = 0; n < r->len[i]; n++) {
			uint8_t *cut = malloc(n + 1); /* so that a sanitizer sees a byte too many */

			memcpy(cut, r->bytes[i], n);
			row_eq("cut", correlate_restore(c, i, cut, n, &e), -1);
			free(cut);
			r->bytes[i][n] ^= 0xff;
			(void)correlate_restore(c, i, r->bytes[i], r->len[i], &e);
			r->bytes[i][n] ^= 0xff;
		}
	assert_int_equal(correlate_restore(c, CORRELATE_HALVES, r->bytes[0], r->len[0], &e), -1);
	free(r);
	correlate_free(c);
}

static int
load(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	set = shipped();
	scratch = rules_scratch_new(set);
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	rules_scratch_free(scratch);
	rules_free(set);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_lines),
		cmocka_unit_test(lives_through_a_kill),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(bounds_each_key),
		cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests_name("correlate", tests, load, unload);
}
