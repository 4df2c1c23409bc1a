/* SPDX-License-Identifier: GPL-2.0-or-later */
/* servers.c - who writes what
 *
 * From the programs' own formats (Postfix src/smtpd, src/postscreen; sendmail srvrsmtp.c, proto.m4; Dovecot
 * login-common; Courier authlib; Cyrus imapd.c; UW c-client; qpopper pop_log.c; and what their manuals show).
 *
 * A shape is one or more lines, each with a mark before it:
 *	+	what was done	     ?	the same, but not by which list	 -	means nothing
 *	*	the same, told again =	what was done, and whose queue id it is
 *	~	what was done, without an address: that is known from a line marked =, from the last one (bye), or
 *		from the first (hello) of those servers that introduce their clients
 * then perhaps "@tag " when another program writes it; in hello and bye there is no mark.  Fields: see tell.c.
 */
#include <string.h>

#include "world.h"

enum { A = 1 << 0, B = 1 << 1, C = 1 << 2 };

#define FROM_TO	      "from=<%f> to=<%r> proto=%E helo=<%e>"
#define REJECT(text)  "+%N: reject: RCPT from %P: " text "; " FROM_TO
#define RECIPIENT     "<%r>: Recipient address rejected: "
#define DISCONNECT    "disconnect from %P ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"
#define AFTER_DOVECOT "-lost connection after AUTH from %P"

/* What Postfix says of SMTP clients; the failures of SASL differ from site to site. */
#define POSTFIX                                                                                                        \
	.hello = "connect from %P", .bye = DISCONNECT, .says[RBL] = { REJECT("554 5.7.1 Service unavailable; Client "  \
	    "host [%i] blocked using %z; https://www.example.net/query/ip/%i"), REJECT("554 Service unavailable; "	\
	    "Client host [%i] blocked using %z"), REJECT("554 5.7.1 <%P>: Client host rejected: Your IP address has "	\
	    "been blacklisted by %z. Visit their website or write <postmaster@example.org> to argue.") },		\
	.says[HELO_FORGERY] = { REJECT("554 5.7.1 <mx1.example.org>: Helo command rejected: Access denied"),		\
	    "+%N: reject: HELO from %P: 554 5.7.1 <192.0.2.10>: Helo command rejected: Your machine is not part of "	\
	    "this network. Go away; proto=%E helo=<192.0.2.10>" },							\
	.says[SENDER_FORGERY] = { REJECT("553 5.7.1 <%f>: Sender address rejected: not logged in"),			\
	    REJECT("554 5.7.1 <%f>: Sender address rejected: Access denied") },						\
	.says[RECIPIENT_FORGERY] = { REJECT("554 5.7.1 " RECIPIENT "Access denied") },					\
	.says[UNKNOWN_USER] = { REJECT("550 5.1.1 " RECIPIENT "User unknown in local recipient table"),			\
	    REJECT("550 5.1.1 " RECIPIENT "User unknown in virtual mailbox table"),					\
	    REJECT("450 4.1.1 " RECIPIENT "User unknown in relay recipient table"),					\
	    REJECT("550 <%r>: User unknown in virtual alias table"),							\
	    REJECT("550 5.1.1 " RECIPIENT "undeliverable address: host 192.0.2.25[192.0.2.25] said: 550 5.1.1 <%r>: "	\
	    "no such user (in reply to RCPT TO command)") },								\
	.says[RELAY_DENIED] = { REJECT("554 5.7.1 <%r>: Relay access denied"), REJECT("554 <%r>: Relay access denied"),	\
	    REJECT("554 5.7.1 " RECIPIENT "Relay access denied") },							\
	.says[RATE_LIMIT] = { "+warning: Connection rate limit exceeded: %n from %P for service smtp",			\
	    "+warning: Recipient address rate limit exceeded: %n from %P for service 192.0.2.10:25" },			\
	.says[PROTOCOL] = { "+too many errors after RCPT from %P", "+improper command pipelining after EHLO from %P: "	\
	    "QUIT\\r\\n", "+warning: non-SMTP command from %P: GET / HTTP/1.1" },					\
	.says[POLICY] = { REJECT("450 4.2.0 " RECIPIENT "Greylisted, see https://www.example.org/grey?%i"),		\
	    REJECT("550 5.7.25 Client host rejected: cannot find your hostname, [%i]"),					\
	    REJECT("504 5.5.2 <%e>: Helo command rejected: need fully-qualified hostname"),				\
	    REJECT("554 5.7.1 Service unavailable; Sender address [%f] blocked using dbl.example.net") },		\
	.says[NOTHING] = { "-%N: milter-reject: MAIL from %P: 550 5.7.1 Your IP address has been blacklisted by "	\
	    "zen.example.net. Visit their website or write <postmaster@example.org> to argue.; from=<%f> proto=%E "	\
	    "helo=<%e>", "-%N: reject_warning: RCPT from %P: 554 5.7.1 <%r>: Relay access denied; " FROM_TO,		\
	    "-%N: reject: RCPT from %P: 451 4.3.0 <%r>: Temporary lookup failure; " FROM_TO,				\
	    "-%N: reject: RCPT from %P: 550 5.1.1 " RECIPIENT "User unknown in local recipient table; " FROM_TO		\
	    " sasl_method=PLAIN sasl_username=%u", "-warning: %P: SASL LOGIN authentication failed: Connection lost to "\
	    "authentication server", "-timeout after DATA (%n bytes) from %P" },					\
	.says[LOGIN] = { "+%q: client=%P, sasl_method=PLAIN, sasl_username=%u" }

#define DOVECOT_LOGIN "+%d-login: Login: user=<%u>, method=PLAIN, rip=%i, lip=192.0.2.10, mpid=%n, TLS, session=<%s>"
#define DOVECOT_WRONG \
	"%d-login: Disconnected (auth failed, %D attempts in %D secs): user=<%u>, method=PLAIN, rip=%i, " \
	"lip=192.0.2.10, TLS, session=<%s>"
#define DOVECOT_NOTHING                                                                                                \
	{ "-%d(%u)<%n><%s>: Disconnected: Logged out in=%n out=%n deleted=0 expunged=%D trashed=0",                    \
	    "-%d-login: Disconnected (no auth attempts in %D secs): user=<>, rip=%i, lip=192.0.2.10, TLS, session=<%s>",\
	    "-%d(%u)<%n><%s>: Logged out rip=198.51.100.66" }

/* Has LogLevel 12, or tells who it was at the end. */
#define SENDMAIL_BYE "%q: from=<%f>, size=0, class=0, nrcpts=0, proto=%E, daemon=MTA, relay=%R"
#define RULESET	     "%q: ruleset=check_rcpt, arg1=<%r>, relay=%R, reject="

const struct server servers[] = {
	{ .name = "postfix", .tag = "postfix/smtpd", .logs = C, .pids = POOL, POSTFIX,
	    .says[AUTH_FAILURE] = { "+warning: %P: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=%u",
		"+warning: %P: SASL PLAIN authentication failed: authentication failure\n" AFTER_DOVECOT } },
	/* Asks Dovecot, which tells of every attempt. */
	{ .name = "postfix-dovecot", .tag = "postfix/smtpd", .logs = A, .pids = POOL, POSTFIX,
	    .says[AUTH_FAILURE] = { "+@dovecot auth: sql(%u,%i,<%s>): Password mismatch\n*warning: %P: SASL PLAIN "
		"authentication failed: , sasl_username=%u", "+@dovecot auth: ldap(%u,%i): unknown user\n*warning: %P: "
		"SASL LOGIN authentication failed: UGFzc3dvcmQ6\n" AFTER_DOVECOT } },
	{ .name = "submission", .tag = "postfix/submission/smtpd", .logs = A | C, .pids = POOL,
	    .hello = "connect from %P", .bye = "disconnect from %P ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 "
		"commands=8", .says[LOGIN] = { "+%q: client=%P, sasl_method=PLAIN, sasl_username=%u" } },
	{ .name = "postscreen", .tag = "postfix/postscreen", .logs = A | C, .pids = ONE,
	    .hello = "CONNECT from %b to [192.0.2.10]:25", .bye = "DISCONNECT %b",
	    .says[RBL] = { "+NOQUEUE: reject: RCPT from %b: 550 5.7.1 Service unavailable; client [%i] blocked using %z; "
		"from=<%f>, to=<%r>, proto=%E, helo=<%e>", "?DNSBL rank %D for %b\n*NOQUEUE: reject: RCPT from %b: 550 5.7.1 "
		"Service unavailable; client [%i] blocked using %z; from=<%f>, to=<%r>, proto=%E, helo=<%e>" },
	    .says[PROTOCOL] = { "+PREGREET %D after 0.04 from %b: EHLO %e\\r\\n", "+COMMAND PIPELINING from %b after HELO: "
		"x", "+BARE NEWLINE from %b after RCPT", "+COMMAND TIME LIMIT from %b after CONNECT" },
	    .says[NOTHING] = { "-HANGUP after 0.%D from %b in tests before SMTP handshake", "-NOQUEUE: reject: CONNECT from "
		"%b: all server ports busy", "-PASS NEW %b", "-NOQUEUE: reject: RCPT from %b: 450 4.3.2 Service currently "
		"unavailable; from=<%f>, to=<%r>, proto=%E, helo=<%e>" } },
	{ .name = "sendmail", .tag = "sm-mta", .logs = B, .pids = FORKS, .is = SETTLES,
	    .bye = SENDMAIL_BYE,
	    .says[RBL] = { "+ruleset=check_relay, arg1=%A, arg2=127.0.0.4, relay=%R, reject=550 5.7.1 Rejected: %i listed at "
		"%z", "=" RULESET "550 5.7.1 <%r>... Rejected: %i listed at %z" },
	    .says[UNKNOWN_USER] = { "~%q: <%r>... User unknown", "=" RULESET "550 5.1.1 <%r>... User unknown" },
	    .says[RELAY_DENIED] = { "=" RULESET "550 5.7.1 <%r>... Relaying denied. Proper authentication required.",
		"=" RULESET "550 5.7.1 <%r>... Relaying denied. IP name lookup failed [%i]", "=" RULESET "550 5.7.1 <%r>... "
		"Relaying denied" },
	    .says[RATE_LIMIT] = { "+ruleset=check_relay, arg1=[%S], arg2=%i, relay=%R, reject=421 4.3.2 Connection rate limit "
		"exceeded.", "+ruleset=check_relay, arg1=%A, arg2=%i, relay=%R, reject=421 4.3.2 Too many open connections." },
	    .says[PROTOCOL] = { "+%q: rejecting commands from %R due to pre-greeting traffic after %D seconds",
		"+%q: %R: Possible SMTP RCPT flood, throttling.", "+%q: %R: probable open proxy: command=GET / HTTP/1.0" },
	    .says[POLICY] = { "+%q: ruleset=check_mail, arg1=<x@nowhere.example>, relay=%R, reject=553 5.1.8 "
		"<x@nowhere.example>... Domain of sender address x@nowhere.example does not exist" },
	    .says[AUTH_FAILURE] = { "+%q: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication "
		"failure: checkpass failed, user=%u, relay=%R" },
	    .says[NOTHING] = { "-%q: %R did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA", "-%q: Milter: data, "
		"reject=550 5.7.1 no", "-%q: to=<%r>, delay=00:00:0%D, mailer=local, relay=local, dsn=5.1.1, stat=User "
		"unknown" },
	    .says[LOGIN] = { "+AUTH=server, relay=%R, authid=%u, mech=PLAIN, bits=0" } },
	{ .name = "sendmail-terse", .tag = "sendmail", .logs = C, .pids = FORKS, .is = SETTLES, .bye = SENDMAIL_BYE,
	    .says[UNKNOWN_USER] = { "~%q: <%r>... User unknown" }, .says[NOTHING] = { "-%q: <%r>... Reject spam" } },
	{ .name = "sendmail-talkative", .tag = "sm-mta", .logs = A, .pids = FORKS, .is = SETTLES | INTRODUCES,
	    .hello = "NOQUEUE: connect from %R", .bye = SENDMAIL_BYE,
	    .says[UNKNOWN_USER] = { "~%q: <%r>... User unknown", "~%q: <%r>... No such user here" },
	    .says[RELAY_DENIED] = { "=" RULESET "550 5.7.1 <%r>... Relaying denied" } },
	{ .name = "courier-smtp", .tag = "courieresmtpd", .logs = B, .pids = NO_PID,
	    .says[UNKNOWN_USER] = { "+error,relay=%m,from=<%f>,to=<%r>: 550 User unknown.", "+error,relay=%m,port=%p,from=<%f>,"
		"to=<%r>: 550 User <x> unknown" },
	    .says[RELAY_DENIED] = { "+error,relay=%m,from=<%f>,to=<%r>: 513 Relaying denied." },
	    .says[AUTH_FAILURE] = { "+error,relay=%m,port=%p,msg=\"535 Authentication failed.\",cmd: AUTH LOGIN YW5uYQ==" } },
	{ .name = "exim", .tag = "exim", .logs = B, .pids = FORKS,
	    .says[AUTH_FAILURE] = { "+plain authenticator failed for %X(x) [%i]: 535 Incorrect authentication data "
		"(set_id=%u)" } },
	/* POP and IMAP */
	{ .name = "dovecot", .tag = "dovecot", .logs = C, .pids = ONE, .is = MAILBOX, .says[LOGIN] = { DOVECOT_LOGIN,
		"+%d-login: Info: Login: user=<%u>, method=CRAM-MD5, rip=%m, lip=::ffff:192.0.2.10, secured",
		"+%d-login: Logged in: user=<%u>, method=PLAIN, rip=%i, lip=192.0.2.10, mpid=%n, TLS, session=<%s>" },
	    .says[AUTH_FAILURE] = { "+" DOVECOT_WRONG, "+%d-login: Login aborted: Connection closed (auth failed, %D attempts "
		"in %D secs) (auth_failed): user=<%u>, method=PLAIN, rip=%i, lip=192.0.2.10, TLS, session=<%s>" },
	    .says[NOTHING] = DOVECOT_NOTHING },
	{ .name = "dovecot-verbose", .tag = "dovecot", .logs = A, .pids = ONE, .is = MAILBOX, .says[LOGIN] = { DOVECOT_LOGIN },
	    .says[AUTH_FAILURE] = { "+auth: sql(%u,%i,<%s>): Password mismatch\n*" DOVECOT_WRONG, "+auth-worker(%n): conn "
		"unix:auth-worker (pid=%n,uid=97): auth-worker<%D>: sql(%u,%i,<%s>): unknown user\n*" DOVECOT_WRONG },
	    .says[NOTHING] = DOVECOT_NOTHING },
	{ .name = "dovecot-pam", .tag = "dovecot", .logs = B, .pids = ONE, .is = MAILBOX, .says[LOGIN] = { DOVECOT_LOGIN },
	    .says[AUTH_FAILURE] = { "+@auth pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot "
		"ruser=%u rhost=%i  user=%u\n*auth-worker(%n): pam(%u,%i): pam_authenticate() failed: Authentication failure "
		"(password mismatch?)\n*" DOVECOT_WRONG }, .says[NOTHING] = DOVECOT_NOTHING },
	{ .name = "courier", .tag = "imapd", .logs = B | C, .pids = NO_PID, .is = MAILBOX,
	    .says[LOGIN] = { "+LOGIN, user=%u, ip=[%m], port=[%p], protocol=IMAP", "+INFO: LOGIN, user=%u, ip=[%m], "
		"protocol=IMAP" }, .says[AUTH_FAILURE] = { "+LOGIN FAILED, user=%u, ip=[%m]", "+LOGIN FAILED, method=PLAIN, "
		"ip=[%m], port=[%p]" }, .says[NOTHING] = { "-LOGOUT, user=%u, ip=[%m], headers=0, body=0, time=%n",
		"-DISCONNECTED, ip=[%m], time=%n", "-Connection, ip=[%m]" } },
	{ .name = "courier-pop3", .tag = "courierpop3login", .logs = B, .pids = NO_PID, .is = MAILBOX,
	    .says[LOGIN] = { "+LOGIN, user=%u, ip=[%m]" }, .says[AUTH_FAILURE] = { "+LOGIN FAILED, user=%u, ip=[%m]" } },
	{ .name = "cyrus", .tag = "cyrus/imap", .logs = B | C, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+login: %W %u plaintext+TLS User logged in SESSIONID=<mx-%n-%n-1-%n>", "+login: [%i] %u "
		"CRAM-MD5 User logged in" }, .says[AUTH_FAILURE] = { "+badlogin: %W plaintext %u SASL(-13): authentication "
		"failure: checkpass failed" }, .says[NOTHING] = { "-starttls: TLSv1.3 with cipher (256/256 bits new) no "
		"authentication", "-accepted connection" } },
	{ .name = "uw-imap", .tag = "imapd", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+Login user=%u host=%W", "+Authenticated user=%u host=[%i] mech=PLAIN" },
	    .says[AUTH_FAILURE] = { "+Login failed user=%u auth=%u host=%W", "+AUTHENTICATE PLAIN failure host=%W" },
	    .says[NOTHING] = { "-Logout user=%u host=%W", "-imap service init from %i" } },
	{ .name = "uw-pop3", .tag = "ipop3d", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+Login user=%u host=%W nmsgs=%D/%D", "+APOP user=%u host=%W no mailbox" },
	    .says[AUTH_FAILURE] = { "+Login failed user=%u auth=%u host=%W" },
	    .says[NOTHING] = { "-pop3 service init from %i", "-Logout user=%u host=%W nmsgs=%D ndele=0" } },
	{ .name = "qpopper", .tag = "qpopper", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+(v4.0.9) POP login by user \"%u\" at (%H) %i [pop_log.c:244]" }, .says[AUTH_FAILURE] = {
		"+[AUTH] Failed attempted login to %u from host (%H) %i [pop_pass.c:1307]\n-%u at %H (%i): -ERR [AUTH] "
		"Password supplied for \"%u\" is incorrect. [pop_get_command.c:162]" },
	    .says[NOTHING] = { "-(v4.0.9) Timing for %u@%H (normal) auth=0 init=0 clean=0" } },
	{ .name = "qpopper-old", .tag = "popper", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+Stats: %u 0 0 %D %n %H %i", "+(%u,%i) Authenticated." } },
	{ .name = "vpopmail", .tag = "vchkpw-pop3", .logs = B, .pids = NO_PID, .is = MAILBOX | V4_ONLY,
	    .says[LOGIN] = { "+(PLAIN) login success %u:%i", "+(CRAM-MD5) login success %u:%i" },
	    .says[AUTH_FAILURE] = { "+password fail (pass: 'secret') %u:%i", "+vpopmail user not found %u:%i" } },
	{ .name = "popa3d", .tag = "popa3d", .logs = B, .pids = FORKS, .is = MAILBOX, .hello = "Session from %i",
	    .says[LOGIN] = { "+Authentication passed for %u" }, .says[AUTH_FAILURE] = { "+Authentication failed for %u",
		"+Authentication failed for UNKNOWN USER" }, .says[NOTHING] = { "-%D messages (%n bytes) loaded",
		"-Premature disconnect" } },
	{ .name = "vm-pop3d", .tag = "vm-pop3d", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+User '%u' logged in from %i, nmsgs=%D" } },
	{ .name = "vm-pop3d-old", .tag = "vm-pop3d", .logs = C, .pids = FORKS, .is = MAILBOX, .hello = "Connect from %i",
	    .says[LOGIN] = { "+User '%u' of 'example.org' logged in", "+User '%u' logged in" },
	    .bye = "Session ended for user: '%u'" },
	{ .name = "gnu-pop3d", .tag = "gnu-pop3d", .logs = B, .pids = FORKS, .is = MAILBOX, .hello = "Incoming connection opened",
	    .says[LOGIN] = { "+User '%u' logged in with mailbox '/var/mail/%u' from %i" } },
	{ .name = "perdition", .tag = "perdition.imaps", .logs = B, .pids = FORKS, .is = MAILBOX | V4_ONLY,
	    .hello = "Connect: %i->192.0.2.10", .says[LOGIN] = { "+Auth: %i:%p->192.0.2.10:993 client-secure=ssl "
		"authorisation_id=NONE authentication_id=\"%u\" server=\"imap.example.org:993\" protocol=IMAP4S "
		"server-secure=ssl status=\"ok\"", "+Auth: %i->192.0.2.10 user=\"%u\" server=\"imap.example.org\" port=\"143\" "
		"status=\"ok\"" }, .says[AUTH_FAILURE] = { "+Auth: %i:%p->192.0.2.10:993 client-secure=ssl "
		"authorisation_id=NONE authentication_id=\"%u\" server=\"imap.example.org:993\" protocol=IMAP4S "
		"server-secure=ssl status=\"failed: Re-Authentication Failure\"" } },
	{ .name = "solid-pop3d", .tag = "solid-pop3d", .logs = B, .pids = FORKS, .is = MAILBOX, .hello = "connect from %i",
	    .says[LOGIN] = { "+user %u authenticated - %i" }, .says[AUTH_FAILURE] = { "+authentication failed: no such user: %u "
		"- %i", "+authentication failed for user %u - %i" } },
	{ .name = "solid-pop3d-old", .tag = "spop3d", .logs = C, .pids = FORKS, .is = MAILBOX, .hello = "connect from %i",
	    .says[LOGIN] = { "+user %u authenticated" } },
	{ .name = "teapop", .tag = "teapop", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+Successful login for %u [192.0.2.10] from %W" } },
	{ .name = "cucipop", .tag = "cucipop", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+%u %i %D, 0 (0), %D (%n)" } },
	{ .name = "vpop3d", .tag = "vpop3d", .logs = B, .pids = FORKS, .is = MAILBOX,
	    .says[LOGIN] = { "+(%u,%i) Authenticated" } },
	{ .name = "drac", .tag = "dracd", .logs = B, .pids = ONE, .is = MAILBOX | NO_USER,
	    .says[LOGIN] = { "+authorized ip %i" } },
	{ .name = "nginx", .tag = "nginx", .logs = B, .pids = NO_PID, .is = MAILBOX | NO_USER,
	    .says[LOGIN] = { "+2024/01/02 03:04:05 [info] 811#811: *%n client logged in, client: %i, server: 0.0.0.0:143, "
		"login: \"%u\", upstream: 127.0.0.1:10143, [%i:%p->192.0.2.10:143] <=> [127.0.0.1:%p->127.0.0.1:10143]" },
	    .says[AUTH_FAILURE] = { "+2024/01/02 03:04:05 [info] 811#811: *%n client login failed: \"Invalid login or "
		"password\" while in http auth state, client: %i, server: 0.0.0.0:143, login: \"%u\"" } },
	{ .name = "apple", .tag = "AppleMailServer", .logs = B, .pids = ONE, .is = MAILBOX,
	    .says[LOGIN] = { "+IMAP User \"%u\" log on successful from %i" } },
};

const size_t servers_n = sizeof servers / sizeof servers[0];

bool
server_says(const struct server *s, enum kind kind, const struct peer *p)
{
	return s->says[kind][0] != NULL && (p->v4 || !(s->is & V4_ONLY));
}

static const struct server *
draw_server(enum kind kind, const struct peer *p, unsigned is)
{
	const struct server *s;

	do
		s = &servers[any((uint32_t)servers_n)];
	while (!server_says(s, kind, p) || (s->is & is) != is);
	return s;
}

const struct server *
server_for(enum kind kind, const struct peer *p)
{
	return draw_server(kind, p, 0);
}

const struct server *
mailbox_for(const struct peer *p)
{
	return draw_server(LOGIN, p, MAILBOX);
}

const struct server *
server_named(const char *name)
{
	for (size_t i = 0; i < servers_n; i++)
		if (strcmp(servers[i].name, name) == 0)
			return &servers[i];
	die("no server %s", name);
}
