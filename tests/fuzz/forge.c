/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forge.c - fuzz target: genuine lines with any text where the client chooses it
 *
 * The lines below are those of the programs themselves, taken from their format strings and not from our rules.  A
 * client with a known address puts what it likes into user name, HELO, sender, recipient, command and password, and
 * what DNS allows into its host name.  Whatever that is: the event is about that client, or there is none; and nothing
 * becomes a login that was none.
 *
 * Input: a byte that picks the line, one for the head and the client, one for where syslog cuts the line; then the
 * texts, in the order in which they stand, separated by newlines.  The last is used for all that are left.  In a text
 * the byte 5 and two more stand for the end of a forged line: which one, and from where.  A line numbered 255 is every
 * line, one after the other; a forged one of that number is the same as the genuine one.
 */
#include "fuzz.h"
#include "rules.h"

#define T "\1" /* text of the client's */
#define N "\2" /* a name that DNS gave */
#define H "\3" /* name [address] as UW writes it: cut to 80 bytes */
#define C "\4" /* the client's address */
#define FORGED 5 /* in the input, not in the lines */

struct form {
	const char *tag, *text;
	bool login; /* may give one */
	bool only4; /* the program, or the rule for it, knows IPv4 only; the address is written out */
};

#define REJECT	"NOQUEUE: reject: RCPT from " N "[" C "]: "
#define TAIL	" from=<" T "> to=<" T "> proto=ESMTP helo=<" T ">"
#define RCPT	"402348aB000811: ruleset=check_rcpt, arg1=<" T ">, relay=" N " [" C "], reject="
#define CONN	"ruleset=check_relay, arg1=" N ", arg2=" C ", relay=" N " [" C "], reject="
#define DOVECOT "method=PLAIN, rip=" C ", lip=203.0.113.1, TLS, session=<q8dYy2sXzsDAAAIH>"

static const struct form forms[] = {
	{ "postfix/smtpd", "connect from " N "[" C "]", false, false },
	{ "postfix/smtpd", "warning: hostname " N " does not resolve to address " C ": Name or service not known", false, false },
	{ "postfix/smtpd", "4F0A21C0A7F: client=" N "[" C "]", false, false },
	{ "postfix/smtpd", "4F0A21C0A7F: client=" N "[" C "], sasl_method=PLAIN, sasl_username=" T, true, false },
	{ "postfix/smtpd", REJECT "554 5.7.1 Service unavailable; Client host [" C "] blocked using zen.example.org; "
	    "https://www.example.org/query/" C ";" TAIL, false, false },
	{ "postfix/smtpd", REJECT "554 5.7.1 Service unavailable; Sender address [" T "] blocked using rhsbl.example.org;" TAIL,
	    false, false },
	{ "postfix/smtpd", REJECT "554 5.7.1 <" T ">: Relay access denied;" TAIL, false, false },
	{ "postfix/smtpd", REJECT "550 5.1.1 <" T ">: Recipient address rejected: User unknown in virtual mailbox table;" TAIL,
	    false, false },
	{ "postfix/smtpd", REJECT "550 5.1.1 <" T ">: Recipient address rejected: undeliverable address: host x[203.0.113.5] "
	    "said: 550 5.1.1 <" T ">: " T " (in reply to RCPT TO command);" TAIL, false, false },
	{ "postfix/smtpd", REJECT "554 5.7.1 <" T ">: Helo command rejected: Access denied;" TAIL, false, false },
	{ "postfix/smtpd", REJECT "504 5.5.2 <" T ">: Helo command rejected: need fully-qualified hostname;" TAIL, false, false },
	{ "postfix/smtpd", REJECT "553 5.7.1 <" T ">: Sender address rejected: not owned by user " T ";" TAIL
	    " sasl_method=PLAIN sasl_username=" T, false, false },
	{ "postfix/smtpd", REJECT "450 4.2.0 <" T ">: Recipient address rejected: Greylisted;" TAIL, false, false },
	{ "postfix/smtpd", REJECT "550 5.7.25 Client host rejected: cannot find your hostname, [" C "];" TAIL, false, false },
	{ "postfix/smtpd", "NOQUEUE: reject: VRFY from " N "[" C "]: 550 5.1.1 <" T ">: Recipient address rejected: User unknown "
	    "in local recipient table; to=<" T "> proto=SMTP helo=<" T ">", false, false },
	{ "postfix/smtpd", "NOQUEUE: reject: UNKNOWN from " N "[" C "]: 502 5.5.2 Error: command not recognized; from=<" T
	    "> proto=SMTP", false, false },
	{ "postfix/smtpd", "warning: " N "[" C "]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=" T, false,
	    false },
	{ "postfix/smtpd", "warning: " N "[" C "]: SASL PLAIN authentication failed: " T, false, false },
	{ "postfix/smtpd", "warning: SASL authentication failure: " T, false, false },
	{ "postfix/smtpd", "improper command pipelining after DATA from " N "[" C "]: " T, false, false },
	{ "postfix/smtpd", "warning: non-SMTP command from " N "[" C "]: " T, false, false },
	{ "postfix/smtpd", "too many errors after AUTH from " N "[" C "]", false, false },
	{ "postfix/smtpd", "lost connection after RCPT from " N "[" C "]", false, false },
	{ "postfix/smtpd", "warning: Illegal address syntax from " N "[" C "] in MAIL command: <" T ">", false, false },
	{ "postfix/smtpd", "4F0A21C0A7F: milter-reject: END-OF-MESSAGE from " N "[" C "]: 5.7.1 " T ";" TAIL, false, false },
	{ "postfix/cleanup", "4F0A21C0A7F: message-id=<" T ">", false, false },
	{ "postfix/cleanup", "4F0A21C0A7F: warning: header Subject: " T " from " N "[" C "];" TAIL ": " T, false, false },
	{ "postfix/smtp", "4F0A21C0A7F: to=<" T ">, relay=" N "[203.0.113.5]:25, delay=1, dsn=5.0.0, status=bounced (host " N
	    "[203.0.113.5] said: " T " (in reply to RCPT TO command))", false, false },
	{ "postfix/postscreen", "NOQUEUE: reject: RCPT from [" C "]:40112: 550 5.7.1 Service unavailable; client [" C "] blocked "
	    "using zen.example.org; from=<" T ">, to=<" T ">, proto=ESMTP, helo=<" T ">", false, false },
	{ "postfix/postscreen", "PREGREET 14 after 0.04 from [" C "]:40112: " T, false, false },
	{ "postfix/postscreen", "COMMAND PIPELINING from [" C "]:40112 after HELO: " T, false, false },
	{ "postfix/postscreen", "NON-SMTP COMMAND from [" C "]:40112 after CONNECT: " T, false, false },
	{ "postfix/postscreen", "NOQUEUE: reject: CONNECT from [" C "]:40112: too many connections", false, false },
	{ "sm-mta", RCPT "550 5.7.1 <" T ">... Relaying denied. Proper authentication required.", false, false },
	{ "sm-mta", RCPT "550 5.7.1 <" T ">... Relaying denied. IP name lookup failed [" C "]", false, false },
	{ "sm-mta", RCPT "550 5.1.1 <" T ">... User unknown", false, false },
	{ "sm-mta", RCPT "550 5.7.1 <" T ">... Rejected: " C " listed at zen.example.org", false, false },
	{ "sm-mta", RCPT "553 5.1.8 <" T ">... Domain of sender address " T " does not exist", false, false },
	{ "sm-mta", "402348aB000811: ruleset=check_mail, arg1=<" T ">, relay=" N " [" C "], reject=553 5.1.8 <" T ">... Domain "
	    "of sender address " T " does not exist", false, false },
	{ "sm-mta", CONN "550 5.7.1 Rejected: " C " listed at zen.example.org", false, false },
	{ "sm-mta", CONN "421 4.3.2 Connection rate limit exceeded.", false, false },
	{ "sm-mta", "402348aB000811: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: "
	    "checkpass failed, user=" T ", relay=" N " [" C "]", false, false },
	{ "sm-mta", "402348aB000811: " N " [" C "]: possible SMTP attack: command=AUTH, count=5", false, false },
	{ "sm-mta", "402348aB000811: " N " [" C "]: probable open proxy: command=" T, false, false },
	{ "sm-mta", "402348aB000811: " N " [" C "]: VRFY " T " [rejected]", false, false },
	{ "sm-mta", "402348aB000811: from=" T ", size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=" N " [" C "]", false,
	    false },
	{ "sm-mta", "402348aB000811: to=" T ", delay=00:00:00, pri=30000, stat=" T, false, false },
	{ "sm-mta", "402348aB000811: " T "... User unknown", false, false },
	{ "sm-mta", "402348aB000811: Milter: data, reject=550 5.7.1 " T, false, false },
	{ "sm-mta", "AUTH=server, relay=" N " [" C "], authid=" T ", mech=PLAIN, bits=0", true, false },
	{ "dovecot", "imap-login: Login: user=<" T ">, " DOVECOT, true, false },
	{ "dovecot", "pop3-login: Login: user=<" T ">, method=PLAIN, rip=" C ", lip=203.0.113.1", true, false },
	{ "imap-login", "Info: Login: user=<" T ">, method=PLAIN, rip=" C ", lip=203.0.113.1, mpid=9, secured", true, false },
	{ "dovecot", "imap-login: Disconnected (auth failed, 2 attempts in 4 secs): user=<" T ">, " DOVECOT, false, false },
	{ "dovecot", "imap-login: Aborted login (auth failed, 1 attempts): user=<" T ">, method=PLAIN, rip=" C
	    ", lip=203.0.113.1", false, false },
	{ "dovecot", "imap-login: Login aborted: Logged out (auth failed, 1 attempts in 2 secs) (auth_failed): user=<" T ">, "
	    DOVECOT, false, false },
	{ "dovecot", "imap-login: Disconnected: Too many invalid commands (no auth attempts in 0 secs): user=<>, rip=" C
	    ", lip=203.0.113.1", false, false },
	{ "dovecot", "auth: passwd-file(" T "," C ",<q8dYy2sXzsDAAAIH>): unknown user (given password: " T ")", false, false },
	{ "dovecot", "imap(" T ")<812><q8dYy2sXzsDAAAIH>: Disconnected: Logged out in=1 out=2", false, false },
	{ "dovecot", "lmtp(" T ")<812><x>: sieve: msgid=<" T ">: stored mail into mailbox '" T "'", false, false },
	{ "auth", "Info: sql(" T "," C "): Password mismatch (given password: " T ")", false, false },
	{ "dovecot", "auth-worker(304): pam(" T "," C "): pam_authenticate() failed: Authentication failure (password "
	    "mismatch?)", false, false },
	{ "dovecot", "auth: ldap(" T "," C ",<q8dYy2sXzsDAAAIH>): invalid credentials", false, false },
	{ "imapd", "LOGIN, user=" T ", ip=[::ffff:192.0.2.9], port=[40112], protocol=IMAP", true, true },
	{ "imapd", "LOGIN FAILED, user=" T ", ip=[::ffff:192.0.2.9]", false, true },
	{ "imapd", "LOGOUT, user=" T ", ip=[::ffff:192.0.2.9], headers=0, body=0, rcvd=1, sent=2, time=3", false, true },
	{ "courieresmtpd", "error,relay=" C ",from=<" T ">,to=<" T ">: 550 User unknown.", false, false },
	{ "courieresmtpd", "error,relay=" C ",from=<" T ">,to=<" T ">: 513 Relaying denied.", false, false },
	{ "courieresmtpd", "error,relay=" C ",msg=\"535 Authentication failed.\",cmd: " T, false, false },
	{ "cyrus/imap", "login: " N " [" C "] " T " plaintext+TLS User logged in SESSIONID=<mx-811-1704164645-1-123>", true,
	    false },
	{ "cyrus/imap", "login: " N " [" C "] anonymous " T, false, false },
	{ "imapd", "badlogin: " N " [" C "] plaintext " T " SASL(-13): authentication failure: checkpass failed", false, false },
	{ "cyrus/pop3", "badlogin: " N " [" C "] plaintext " T " invalid user", false, false },
	{ "imapd", "Login user=" T " host=" H, true, false },
	{ "ipop3d", "Login user=" T " host=" H " nmsgs=12/12", true, false },
	{ "imapd", "Login failed user=" T " auth=" T " host=" H, false, false },
	{ "qpopper", "(v4.0.9) POP login by user \"" T "\" at (" N ") " C " [pop_log.c:244]", true, false },
	{ "qpopper", "(v4.0.9) Stats: " T " 0 0 12 34567 " N " " C " [pop_updt.c:300]", true, false },
	{ "qpopper", "[AUTH] Failed attempted login to " T " from host (" N ") " C " [pop_pass.c:1307]", false, false },
	{ "qpopper", T " at " N " (" C "): -ERR [AUTH] Password supplied for \"" T "\" is incorrect. [pop_get_command.c:162]",
	    false, false },
	{ "qpopper", T " at " N " (" C "): -ERR Unknown command: \"" T "\". [pop_get_command.c:152]", false, false },
	{ "qpopper", T " at " N " (" C "): -ERR Unknown LIST argument: " T " [pop_list.c:129]", false, false },
	{ "popper", "(" T "," C ") Authenticated.", true, false },
	{ "vchkpw-pop3", "(PLAIN) login success " T ":192.0.2.9", true, true },
	{ "vpopmail", "vchkpw-pop3: (PLAIN) login success " T ":192.0.2.9", true, true },
	{ "vpopmail", "vchkpw-imap: system password login success " T ":192.0.2.9", true, true },
	{ "vpopmail", "vchkpw-pop3: password fail (pass: '" T "') " T ":192.0.2.9", false, true },
	{ "vpopmail", "vchkpw-2525: invalid user/domain characters " T ":192.0.2.9", false, true },
	{ "vpopmail", "vchkpw-smtp: vpopmail user not found " T "@" T ":192.0.2.9", false, true },
	{ "vm-pop3d", "User '" T "' logged in from " C ", nmsgs=3", true, false },
	{ "gnu-pop3d", "User '" T "' logged in with mailbox '/var/mail/anna' from " C, true, false },
	{ "solid-pop3d", "user " T " authenticated - " C, true, false },
	{ "solid-pop3d", "mapped user " T " authenticated - " N " (" C ")", true, false },
	{ "solid-pop3d", "user " T " authenticated through APOP", true, false },
	{ "solid-pop3d", "authentication failed: no such user: " T " - " C, false, false },
	{ "solid-pop3d", "authentication failed: no such user: " T, false, false },
	{ "solid-pop3d", "authentication failed for mapped user " T, false, false },
	{ "solid-pop3d", "APOP authentication failed for user " T, false, false },
	{ "solid-pop3d", "can't find APOP secret for user " T, false, false },
	{ "teapop", "Successful login for " T " [203.0.113.1] from " N " [" C "]", true, false },
	{ "perdition", "Auth: 192.0.2.9->203.0.113.1 user=\"" T "\" server=\"imap.example.org\" port=\"143\" status=\"ok\"", true,
	    true },
	{ "perdition.imaps", "Auth: 192.0.2.9:2274->203.0.113.1:993 client-secure=ssl authorisation_id=NONE authentication_id=\""
	    T "\" server=\"imap.example.org:993\" protocol=IMAP4S server-secure=ssl status=\"failed: Re-Authentication Failure\"",
	    false, true },
	{ "popa3d", "Authentication passed for " T, true, false },
	{ "vm-pop3d", "User '" T "' of '" T "' logged in", true, false },
};

#define FORMS	 (sizeof forms / sizeof forms[0])
#define ANY	 255
#define LINE_MAX 8192

#define VICTIM "198.51.100.66"

static const char *const clients[] = { "192.0.2.9", "2001:db8::9" };
static const struct {
	const char *before, *after; /* the tag */
} heads[] = { { "Jan  2 03:04:05 mx ", "[811]: " }, { "2024-01-02T03:04:05.678+01:00 mx ", "[811]: " },
	{ "<22>Jan  2 03:04:05 mx ", ": " }, { "Jan  2 03:04:05 ", ": " } };

static struct rules *set;
static struct rules_scratch *scratch;
static char line[LINE_MAX];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	set = fuzz_rules();
	scratch = rules_scratch_new(set);
	return 0;
}

static void
put(size_t *n, const char *p, size_t len)
{
	if (len > LINE_MAX - *n)
		len = LINE_MAX - *n;
	memcpy(line + *n, p, len);
	*n += len;
}

/* The next of the texts; the last one stays. */
static struct str
next_text(struct str *rest)
{
	struct str text = *rest;
	const char *nl = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

	if (nl != NULL) {
		text.n = (size_t)(nl - rest->p);
		*rest = (struct str){ nl + 1, rest->n - text.n - 1 };
	}
	return text;
}

/* A line of another client's, from byte `from` on. */
static void
put_forged(size_t *n, const struct form *f, size_t from)
{
	for (const char *p = f->text + from % strlen(f->text); *p != '\0'; p++) {
		if (*p == C[0] || *p == H[0])
			put(n, *p == C[0] ? VICTIM : "[" VICTIM "]", strlen(VICTIM) + (*p == C[0] ? 0 : 2));
		else
			put(n, *p < ' ' ? "x" : p, 1);
	}
}

static void
put_text(size_t *n, const struct form *f, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == FORGED && i + 2 < s.n) {
			unsigned char which = (unsigned char)s.p[i + 1];

			put_forged(n, which == ANY ? f : &forms[which % FORMS], (unsigned char)s.p[i + 2]);
			i += 2;
		} else {
			put(n, s.p + i, 1);
		}
	}
}

/* As much of it as DNS and the programs let through: RFC 1123 with underscores, 255 bytes. */
static void
put_name(size_t *n, struct str s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t start = *n;

	for (size_t i = 0; i < s.n && *n - start < 255; i++)
		if (s.p[i] != '\0' && strchr(allowed, s.p[i]) != NULL)
			put(n, s.p + i, 1);
	if (*n == start)
		put(n, "unknown", 7);
}

static void
put_host(size_t *n, struct str name, const char *client)
{
	size_t start = *n;

	put_name(n, name);
	put(n, " [", 2);
	put(n, client, strlen(client));
	put(n, "]", 1);
	if (*n - start > 80)
		*n = start + 80;
}

static size_t
write_line(const struct form *f, unsigned head, const char *client, struct str texts)
{
	size_t n = (size_t)snprintf(line, sizeof line, "%s%s%s", heads[head].before, f->tag, heads[head].after);

	for (const char *p = f->text; *p != '\0'; p++) {
		struct str text = *p >= 1 && *p <= 3 ? next_text(&texts) : STR_NONE;

		if (*p == T[0])
			put_text(&n, f, text);
		else if (*p == N[0])
			put_name(&n, text);
		else if (*p == H[0])
			put_host(&n, text, client);
		else if (*p == C[0])
			put(&n, client, strlen(client));
		else
			put(&n, p, 1);
	}
	return n;
}

/* Said with the line, which is what one needs to see. */
static void
wrong(const char *what, const struct event *ev, size_t n)
{
	char addr[ADDR_TEXT];

	fprintf(stderr, "%s: %s %s by rule %s from: %.*s\n", what, event_kind_name(ev->kind), addr_format(addr, &ev->addr),
	    ev->rule, (int)n, line);
	abort();
}

static void
try_form(const struct form *f, const uint8_t *data, size_t size)
{
	const char *client = clients[f->only4 ? 0 : data[1] & 1];
	size_t cut = 900 + 4 * (size_t)data[2], n;
	struct logline l;
	struct stamp stamp;
	struct addr genuine;
	struct event ev;

	n = write_line(f, data[1] >> 1 & 3, client, (struct str){ (const char *)data + 3, size - 3 });
	if (data[2] != 0 && n > cut)
		n = cut;
	stamp_init(&stamp);
	MUST(addr_parse(&genuine, str_of(client)) == 0);
	if (logline_parse(&l, &stamp, (struct str){ line, n }, 1743300000) != LOGLINE_OK ||
	    rules_match(set, scratch, &l, &ev) != RULES_EVENT)
		return;
	if (!addr_eq(&ev.addr, &genuine))
		wrong("another client's address", &ev, n);
	if (ev.kind == EVENT_LOGIN && !f->login)
		wrong("a login that was none", &ev, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] != ANY)
		try_form(&forms[data[0] % FORMS], data, size);
	for (size_t i = 0; data[0] == ANY && i < FORMS; i++)
		try_form(&forms[i], data, size);
	return 0;
}
