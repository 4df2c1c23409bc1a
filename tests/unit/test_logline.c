/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "logline.h"
#include "mask.h"
#include "unit.h"

#define NOW ((time_t)1735700000) /* 2025-01-01 02:53:20 UTC */
#define T   ((time_t)1704164645) /* 2024-01-02 03:04:05 UTC */
#define T0  ((time_t)-1)

struct row {
	const char *line;
	time_t time;
	const char *host, *tag, *pid, *text;
	unsigned repeat;
};

static struct str
line_of(struct logline *l, const char *text, enum logline_result want)
{
	struct stamp s;

	stamp_init(&s);
	row_eq(text, logline_parse(l, &s, str_of(text), NOW), want);
	return l->text;
}

static void
same(const struct row *r, const char *what, struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("%s: %s: got \"%.*s\", want \"%s\"", r->line, what, (int)got.n, got.n == 0 ? "" : got.p, want);
}

static void
reads_heads(void **state)
{
	static const struct row rows[] = {
		{ "Jan  2 03:04:05 mx postfix/smtpd[811]: connect", T, "mx", "postfix/smtpd", "811", "connect", 1 },
		{ "Jan  2 03:04:05 mx dovecot: imap-login: x", T, "mx", "dovecot", "", "imap-login: x", 1 },
		{ "Jan 2 03:04:05 mx imapd: x", T, "mx", "imapd", "", "x", 1 },
		{ "Jan  2 03:04:05 imap-login: Info: Login: x", T, "", "imap-login", "", "Info: Login: x", 1 },
		{ "Jan  2 03:04:05 cyrus/pop3[4297]: x", T, "", "cyrus/pop3", "4297", "x", 1 },
		{ "Jan  2 03:04:05 auth-worker(22401): Info: x", T, "", "auth-worker", "22401", "Info: x", 1 },
		{ "2024-01-02T03:04:05.678+00:00 mx postfix/smtpd[811]: x", T, "mx", "postfix/smtpd", "811", "x", 1 },
		{ "2024-01-02T03:04:05Z mx.example.org sm-mta[1]: x", T, "mx.example.org", "sm-mta", "1", "x", 1 },
		{ "2024-01-02 03:04:05 imap-login: Info: x", T, "", "imap-login", "", "Info: x", 1 },
		{ "<22>Jan  2 03:04:05 mx sendmail[1]: x", T, "mx", "sendmail", "1", "x", 1 },
		{ "<22>1 2024-01-02T03:04:05Z mx postfix/smtpd 811 - - x y", T, "mx", "postfix/smtpd", "811", "x y", 1 },
		{ "<22>1 2024-01-02T03:04:05Z mx imapd - ID7 [a@1 b=\"]\\\"\" c=\"\"][d] \xef\xbb\xbfx", T, "mx", "imapd", "", "x",
		    1 },
		{ "<22>1 - - imapd - - - x", T0, "", "imapd", "", "x", 1 },
		{ "@400000006593" "7c7f12345678 imap-login: x", 0x65937c7f - 10, "", "imap-login", "", "x", 1 },
		{ "dovecot: Jan 02 03:04:05 Info: imap-login: x", T, "", "dovecot", "", "Info: imap-login: x", 1 },
		{ "Jan  2 03:04:05 mx sendmail[1]: [ID 801593 mail.notice] x", T, "mx", "sendmail", "1", "x", 1 },
		{ "Jan  2 03:04:05 <mail.notice> mx sm-mta[1]: x", T, "mx", "sm-mta", "1", "x", 1 },
		{ "Jan  2 03:04:05 [exim] x: y", T, "", "exim", "", "x: y", 1 },
		{ "Jan  2 03:04:05 mx imapd: message repeated 3 times: [ LOGIN, x]", T, "mx", "imapd", "", "LOGIN, x", 3 },
		{ "Jan  2 03:04:05 mx imapd: message repeated 3 times: [ LOGIN", T, "mx", "imapd", "",
		    "message repeated 3 times: [ LOGIN", 1 },
		{ "Jan  2 03:04:05 mx imapd: message repeated 0 times: [ x]", T, "mx", "imapd", "",
		    "message repeated 0 times: [ x]", 1 },
		{ "Jan  2 03:04:05 mx imapd: message repeated 999999999999 times: [ x]", T, "mx", "imapd", "",
		    "message repeated 999999999999 times: [ x]", 1 },
		{ "Jan  2 03:04:05 auth(22) x", T, "", "auth", "", "(22) x", 1 },
		{ "Jan  2 03:04:05 mx imapd: x\r", T, "mx", "imapd", "", "x", 1 },
		{ "Jan  2 03:04:05 2001:db8::1 imapd[1]: x", T, "2001:db8::1", "imapd", "1", "x", 1 },
		{ "postfix/smtpd[811]: x", T0, "", "postfix/smtpd", "811", "x", 1 },
		{ "Jan  2 03:04:05 mx imapd[]: x", T, "mx", "imapd", "", "x", 1 },
		{ "Jan  2 03:04:05 mx imapd[1", T, "mx", "imapd", "", "[1", 1 },
		/* What a client calls itself in Dovecot's own log must not become host and tag. */
		{ "Jan  2 03:04:05 auth(x imap-login: Login: y", T, "", "auth", "", "(x imap-login: Login: y", 1 },
		{ "Jan  2 03:04:05 auth(a,1.2.3.4)<x>: Info: y", T, "", "auth", "", "(a,1.2.3.4)<x>: Info: y", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct logline l;

		line_of(&l, rows[i].line, LOGLINE_OK);
		row_eq(rows[i].line, l.time, rows[i].time);
		row_eq(rows[i].line, l.repeat, rows[i].repeat);
		same(&rows[i], "host", l.host, rows[i].host);
		same(&rows[i], "tag", l.tag, rows[i].tag);
		same(&rows[i], "pid", l.pid, rows[i].pid);
		same(&rows[i], "text", l.text, rows[i].text);
	}
}

static void
refuses_what_has_no_tag(void **state)
{
	static const char *const rows[] = { "", "\r", " ", "Jan  2 03:04:05", "Jan  2 03:04:05 ", "Jan  2 03:04:05 mx",
		"Jan  2 03:04:05 mx last message repeated 2 times", "<22>1 2024-01-02T03:04:05Z mx", "<22>1 ",
		"<22>1 2024-01-02T03:04:05Z mx imapd - - [x", "<22>1 2024-01-02T03:04:05Z mx - - - - x",
		"Jan  2 03:04:05 mx \xff\xfe: x", "[x]: y", "\tat java.lang", "Jan  2 03:04:05 mx imapd said: x" };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct logline l;

		line_of(&l, rows[i], LOGLINE_HEADLESS);
	}
}

/* Any bytes, of any length: nothing is read beyond the end, and slices stay within the line. */
static void
survives_anything(void **state)
{
	static const char *const seeds[] = { "Jan  2 03:04:05 mx postfix/smtpd[811]: message repeated 3 times: [ x]",
		"<22>1 2024-01-02T03:04:05.123+01:00 mx imapd 1 - [a b=\"c\"][d] x", "@4000000065937c7f12345678 a: x",
		"Jan  2 03:04:05 <mail.notice> mx sm-mta[1]: [ID 801593 mail.notice] x" };
	uint32_t seed = 1;
	struct stamp s;

	(void)state;
	stamp_init(&s);
	for (unsigned round = 0; round < 200000; round++) {
		const char *from = seeds[round % ROWS(seeds)];
		struct logline l;
		size_t n;
		char *p;

		seed = seed * 1664525 + 1013904223;
		n = (seed >> 8) % (strlen(from) + 1);
		p = malloc(n + 1);
		memcpy(p, from, n);
		for (unsigned k = 0; n > 0 && k < round % 4; k++) {
			seed = seed * 1664525 + 1013904223;
			p[(seed >> 8) % n] = (char)(seed >> 24);
		}
		p = realloc(p, n == 0 ? 1 : n);
		if (logline_parse(&l, &s, (struct str){ p, n }, NOW) == LOGLINE_OK) {
			assert_true(l.tag.n > 0 && l.tag.p >= p && l.tag.p + l.tag.n <= p + n);
			assert_true(l.text.p >= l.tag.p + l.tag.n && l.text.p + l.text.n <= p + n);
			assert_true(l.repeat > 0);
		}
		free(p);
	}
}

static void
masks_passwords(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "vchkpw-pop3: password fail (pass: 'secret') a@b:192.0.2.9",
		    "vchkpw-pop3: password fail (pass: '***') a@b:192.0.2.9" },
		{ "vchkpw-pop3: password fail (pass: 'a') b') a@b:192.0.2.9",
		    "vchkpw-pop3: password fail (pass: '***') a@b:192.0.2.9" },
		{ "vchkpw-pop3: password fail (pass: 'cut off", "vchkpw-pop3: password fail (pass: '***" },
		{ "vchkpw-pop3: password fail (pass: 'a'b' cut off", "vchkpw-pop3: password fail (pass: '***" },
		{ "sql: Password mismatch (given password: s3)cret)", "sql: Password mismatch (given password: ***)" },
		{ "(SHA1 of given password: f638ff)", "(SHA1 of given password: ***)" },
		{ "cmd: AUTH PLAIN AGFubmEAc2VjcmV0", "cmd: AUTH PLAIN ***" },
		{ "auth plain a b", "auth plain ***" },
		{ "cmd: Auth Login YW5uYQ== b", "cmd: Auth Login ***" },
		{ "auth request", "auth request" },
		{ "PASSWORD=secret, x", "PASSWORD=***" },
		{ "password=my secret", "password=***" },
		{ "password=my secret, ip=[192.0.2.9]", "password=***, ip=[192.0.2.9]" },
		{ "password=my, secret, =; r-ip=x", "password=***; r-ip=x" },
		{ "password=a,b_c=d", "password=***,b_c=d" },
		{ "user=a, pwd=secret, rip=192.0.2.9", "user=a, pwd=***, rip=192.0.2.9" },
		{ "pwd: x y", "pwd: ***" },
		{ "cwd=/var, spwd x", "cwd=/var, spwd x" },
		{ "AUTH  PLAIN AGEA", "AUTH  PLAIN ***" },
		{ "AUTH XOAUTH2 dXNlcj0 x", "AUTH XOAUTH2 ***" },
		{ "cmd: auth oauthbearer bixh", "cmd: auth oauthbearer ***" },
		{ "AUTH SCRAM-SHA-256-PLUS  eSws", "AUTH SCRAM-SHA-256-PLUS  ***" },
		{ "auth scram-sha-1 n, a=anna", "auth scram-sha-1 ***" },
		{ "AUTH PLAIN", "AUTH PLAIN" },
		{ "AUTH command rate limit exceeded: 12", "AUTH command rate limit exceeded: 12" },
		{ "COMMAND PIPELINING from [2001:db8::9]:40112 after AUTH: c2Vj x", "COMMAND PIPELINING from [2001:db8::9]:40112 after AUTH: ***" },
		{ "improper command pipelining after AUTH from x[192.0.2.9]: c2Vj", "improper command pipelining after AUTH from x[192.0.2.9]: ***" },
		{ "lost connection after AUTH from x[2001:db8::9]", "lost connection after AUTH from x[2001:db8::9]" },
		{ "bytes after authentication: 12", "bytes after authentication: 12" },
		{ "Authorization: Basic YTpi", "Authorization:***" },
		{ "authorisation_id=NONE authentication_id=\"a\"", "authorisation_id=NONE authentication_id=\"a\"" },
		{ "password: secret", "password: ***" },
		{ "a password=one and pass=two", "a password=***" },
		{ "a password=one, pass=two", "a password=***, pass=***" },
		{ "pass: x and more", "pass: ***" },
		{ "Pass = x;y", "Pass = ***" },
		{ "Pass = x;y=z", "Pass = ***;y=z" },
		{ "{\"user\":\"a\",\"passwd\" : \"x\\\"y\"}", "{\"user\":\"a\",\"passwd\" : \"***\"}" },
		{ "passphrase='a b', c", "passphrase='***', c" },
		{ "'pass':x", "'pass':***" },
		{ "password: \"cut off", "password: \"***" },
		{ "Password verification failed", "Password verification failed" },
		{ "password:", "password:***" },
		{ "-ERR Unknown command: \"PASS a b\".", "-ERR Unknown command: \"PASS ***" },
		{ "non-SMTP command from x[192.0.2.9]: pass secret", "non-SMTP command from x[192.0.2.9]: pass ***" },
		{ "\"pass secret\"", "\"pass ***" },
		{ "pass secret", "pass ***" },
		{ "command 'pass secret'", "command 'pass ***" },
		{ "<pass secret>", "<pass ***" },
		{ "you said \"x\" pass it on", "you said \"x\" pass it on" },
		{ "cmd PASS secret", "cmd PASS ***" },
		{ "did not pass the test", "did not pass the test" },
		{ "COMPASS NORTH", "COMPASS NORTH" },
		{ "PASS", "PASS" },
		{ "PASS ", "PASS ***" },
		{ "PASS OLD [192.0.2.1]:25", "PASS OLD [192.0.2.1]:25" },
		{ "PASS NEW [192.0.2.1]:25", "PASS NEW [192.0.2.1]:25" },
		{ "nothing\x01here", "nothing\\x01here" },
		{ "", "" },
	};
	char buf[200];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		row_str_eq(rows[i].line, mask_line(buf, sizeof(buf), str_of(rows[i].line)), rows[i].want);
}

/* Neither is anything read behind the line, nor written behind the buffer; and no part of the secret is shown. */
static void
masks_within_bounds(void **state)
{
	static const char text[] = "x (PASS: 'secret') y PASS secret";

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++)
		for (size_t size = 4; size < sizeof(text) + 8; size++) {
			char *line = malloc(n + 1), *dst = malloc(size);

			line = realloc(memcpy(line, text, n), n == 0 ? 1 : n);
			assert_null(strstr(mask_line(dst, size, (struct str){ line, n }), "e"));
			free(line);
			free(dst);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_heads),
		cmocka_unit_test(refuses_what_has_no_tag),
		cmocka_unit_test(survives_anything),
		cmocka_unit_test(masks_passwords),
		cmocka_unit_test(masks_within_bounds),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests_name("logline", tests, NULL, NULL);
}
