/* SPDX-License-Identifier: GPL-2.0-or-later */
/* genlog.c - a mail log of any length, the same each time for the same seed
 *
 *	genlog LINES [SEED]
 *
 * What a mid-sized server writes in a day, in these shares of lines: deliveries in and out 50 %, connections that come
 * and go 23 %, POP and IMAP sessions that end 7 %, other programs 7 %, and 14 % that mean something to popauth-milter:
 * logins 8 %, rejections 4 %, wrong passwords 1 %.  Made up from the programs' own formats (logs of Postfix 3.7,
 * Dovecot 2.3, rspamd, systemd, sshd, cron); names and addresses are those reserved for documentation.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state;

static uint32_t
any(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(((state >> 33) * below) >> 31);
}

static const char *
client(void)
{
	static char text[4][40];
	static unsigned turn;
	char *t = text[turn++ % 4];

	if (any(10) == 0)
		(void)snprintf(t, 40, "2001:db8:%x:%x::%x", any(256), any(65536), any(65536));
	else
		(void)snprintf(t, 40, "%s.%u", any(2) ? "203.0.113" : "198.51.100", any(256));
	return t;
}

static const char *
user(void)
{
	static char text[4][32];
	static unsigned turn;
	char *t = text[turn++ % 4];

	(void)snprintf(t, 32, "user%u@example.org", any(3000));
	return t;
}

static const char *
qid(void)
{
	static char text[16];

	(void)snprintf(text, sizeof text, "4%X%X%X", any(4096), any(65536), any(65536));
	return text;
}

static struct {
	time_t now;
	char stamp[24];
	uint64_t left;
} out;

static void
head(const char *tag, uint32_t pid)
{
	if (any(4) == 0) {
		struct tm tm;

		out.now++;
		(void)strftime(out.stamp, sizeof out.stamp, "%b %e %H:%M:%S", localtime_r(&out.now, &tm));
	}
	(void)printf("%s mail %s[%" PRIu32 "]: ", out.stamp, tag, pid);
	out.left--;
}

#define LINE(tag, pid, ...)                                                                                            \
	do {                                                                                                           \
		if (out.left == 0)                                                                                     \
			return;                                                                                        \
		head(tag, pid);                                                                                        \
		(void)printf(__VA_ARGS__);                                                                             \
		(void)putchar('\n');                                                                                   \
	} while (0)

static void
delivery_in(void)
{
	uint32_t pid = 10000 + any(5000);
	const char *id = qid(), *ip = client(), *to = user();
	uint32_t n = any(1000000), size = 1000 + any(90000);

	LINE("postfix/smtpd", pid, "connect from mx%u.example.net[%s]", n % 40, ip);
	LINE("postfix/smtpd", pid, "%s: client=mx%u.example.net[%s]", id, n % 40, ip);
	LINE("postfix/cleanup", pid + 1, "%s: message-id=<%u.%u@mx%u.example.net>", id, n, size, n % 40);
	LINE("rspamd", 812, "<%06x>; task; rspamd_task_write_log: id: <%u.%u@mx%u.example.net>, qid: <%s>, ip: %s, "
	    "from: <news%u@example.net>, (default: F (no action): [%u.%02u/15.00] [ARC_NA(0.00){},DMARC_POLICY_ALLOW(-0.50)"
	    "{example.net;none;},R_SPF_ALLOW(-0.20){+ip4:198.51.100.0/24;},MIME_GOOD(-0.10){text/plain;}]), len: %u, "
	    "time: %u.%03ums", n, n, size, n % 40, id, ip, n % 900, any(5), any(100), size, any(300), any(1000));
	LINE("postfix/qmgr", 901, "%s: from=<news%u@example.net>, size=%u, nrcpt=1 (queue active)", id, n % 900, size);
	LINE("postfix/lmtp", pid + 2, "%s: to=<%s>, relay=mail.example.org[private/dovecot-lmtp], delay=0.%02u, "
	    "delays=0.1/0/0.01/0.0%u, dsn=2.0.0, status=sent (250 2.0.0 <%s> %x Saved)", id, to, any(100), any(9), to, n);
	LINE("dovecot", 777, "lmtp(%s)<%u><%x>: sieve: msgid=<%u.%u@mx%u.example.net>: stored mail into mailbox 'INBOX'", to,
	    pid, n, n, size, n % 40);
	LINE("postfix/qmgr", 901, "%s: removed", id);
	LINE("postfix/smtpd", pid, "disconnect from mx%u.example.net[%s] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 "
	    "commands=7", n % 40, ip);
}

static void
delivery_out(void)
{
	uint32_t pid = 10000 + any(5000), n = any(1000000);
	const char *id = qid();

	LINE("postfix/cleanup", pid, "%s: message-id=<%u@mail.example.org>", id, n);
	LINE("postfix/qmgr", 901, "%s: from=<%s>, size=%u, nrcpt=1 (queue active)", id, user(), 500 + any(20000));
	if (any(5) == 0)
		LINE("postfix/smtp", pid + 1, "%s: to=<peer%u@example.com>, relay=mx.example.com[192.0.2.%u]:25, delay=%u, "
		    "delays=%u/0.01/1.2/0, dsn=4.7.1, status=deferred (host mx.example.com[192.0.2.%u] said: 450 4.7.1 "
		    "<peer%u@example.com>: Recipient address rejected: Greylisted (in reply to RCPT TO command))", id,
		    n % 700, any(256), any(3000), any(3000), any(256), n % 700);
	else
		LINE("postfix/smtp", pid + 1, "%s: to=<peer%u@example.com>, relay=mx.example.com[192.0.2.%u]:25, delay=1.%u, "
		    "delays=0.1/0.02/0.6/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as %X)", id, n % 700, any(256),
		    any(10), n);
	LINE("postfix/qmgr", 901, "%s: removed", id);
}

static void
visit(void)
{
	uint32_t pid = 10000 + any(5000);
	const char *ip = client();

	LINE("postfix/smtpd", pid, "connect from unknown[%s]", ip);
	if (any(3) == 0)
		LINE("postfix/smtpd", pid, "lost connection after CONNECT from unknown[%s]", ip);
	LINE("postfix/smtpd", pid, "disconnect from unknown[%s] ehlo=1 quit=1 commands=2", ip);
}

static void
login(void)
{
	uint32_t n = any(1000000);
	const char *u = user(), *ip = client(), *service = any(3) ? "imap" : "pop3";

	LINE("dovecot", 777, "%s-login: Login: user=<%s>, method=PLAIN, rip=%s, lip=192.0.2.10, mpid=%u, TLS, "
	    "session=<%x/%xAbCdEf>", service, u, ip, 20000 + any(9000), n, any(65536));
	if (any(6))
		LINE("dovecot", 777, "%s(%s)<%u><%x/AbCdEf>: Disconnected: Logged out in=%u out=%u deleted=0 expunged=%u "
		    "trashed=0 hdr_count=0 hdr_bytes=0 body_count=%u body_bytes=%u", service, u, n, n, any(999), any(99999),
		    any(3), any(5), any(90000));
}

static void
wrong_password(void)
{
	uint32_t n = any(1000000);
	const char *ip = client();

	if (any(2)) {
		LINE("postfix/smtpd", 10000 + n % 5000, "warning: unknown[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, "
		    "sasl_username=admin%u", ip, n % 90);
		return;
	}
	LINE("dovecot", 777, "imap-login: Disconnected (auth failed, 1 attempts in %u secs): user=<info%u@example.org>, "
	    "method=PLAIN, rip=%s, lip=192.0.2.10, TLS, session=<%x/qrStUv>", 2 + any(5), n % 50, ip, n);
}

static void
rejection(void)
{
	uint32_t pid = 10000 + any(5000), n = any(100000);
	const char *ip = client();

	LINE("postfix/smtpd", pid, "connect from dyn%u.example.com[%s]", n % 999, ip);
	switch (any(4)) {
	case 0:
		LINE("postfix/smtpd", pid, "NOQUEUE: reject: RCPT from dyn%u.example.com[%s]: 554 5.7.1 Service unavailable; "
		    "Client host [%s] blocked using zen.example.net; https://www.example.net/query/ip/%s; "
		    "from=<offer%u@example.com> to=<%s> proto=ESMTP helo=<dyn%u.example.com>", n % 999, ip, ip, ip, n, user(),
		    n % 999);
		break;
	case 1:
		LINE("postfix/smtpd", pid, "NOQUEUE: reject: RCPT from dyn%u.example.com[%s]: 554 5.7.1 <x%u@example.net>: Relay "
		    "access denied; from=<s%u@example.com> to=<x%u@example.net> proto=SMTP helo=<ylmf-pc>", n % 999, ip, n, n, n);
		break;
	case 2:
		LINE("postfix/smtpd", pid, "NOQUEUE: reject: RCPT from dyn%u.example.com[%s]: 450 4.7.25 Client host rejected: "
		    "cannot find your hostname, [%s]; from=<s%u@example.com> to=<%s> proto=ESMTP helo=<x>", n % 999, ip, ip, n,
		    user());
		break;
	default:
		LINE("postfix/smtpd", pid, "NOQUEUE: reject: RCPT from dyn%u.example.com[%s]: 550 5.1.1 <n%u@example.org>: "
		    "Recipient address rejected: User unknown in virtual mailbox table; from=<s%u@example.com> "
		    "to=<n%u@example.org> proto=ESMTP helo=<dyn%u.example.com>", n % 999, ip, n, n, n, n % 999);
	}
	LINE("postfix/smtpd", pid, "disconnect from dyn%u.example.com[%s] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", n % 999,
	    ip);
}

static void
noise(void)
{
	uint32_t n = any(100000);

	switch (any(5)) {
	case 0:
		LINE("CRON", n, "(root) CMD (/usr/lib/sa/sa1 1 1)");
		break;
	case 1:
		LINE("systemd", 1, "Started session-%u.scope - Session %u of user root.", n, n);
		break;
	case 2:
		LINE("sshd", n, "Failed password for invalid user admin from %s port %u ssh2", client(), 1024 + any(60000));
		break;
	case 3:
		LINE("postfix/anvil", n, "statistics: max connection rate %u/60s for (smtp:%s) at Nov 21 10:00:00", any(9), client());
		break;
	default:
		LINE("postfix/tlsproxy", n, "Anonymous TLS connection established from [%s]:%u: TLSv1.3 with cipher "
		    "TLS_AES_256_GCM_SHA384 (256/256 bits)", client(), 1024 + any(60000));
	}
}

static const struct {
	unsigned share; /* of 1000 turns */
	void (*tell)(void);
} turns[] = {
	{ 140, delivery_in }, { 60, delivery_out }, { 180, visit }, { 240, login }, { 40, wrong_password }, { 130, rejection },
	{ 210, noise },
};

int
main(int argc, char **argv)
{
	out.left = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	out.now = 1700000000;
	(void)snprintf(out.stamp, sizeof out.stamp, "Nov 14 22:13:20");
	while (out.left > 0) {
		uint32_t r = any(1000);
		size_t i = 0;

		while (r >= turns[i].share)
			r -= turns[i++].share;
		turns[i].tell();
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
