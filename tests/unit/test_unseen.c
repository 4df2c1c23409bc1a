/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_unseen.c - lines that nobody wrote rules from
 *
 * The samples beside the rules show that a rule does what its author meant.  Here lines are made from the shapes that
 * the programs' sources and manuals give, with values that are legal and unusual: names, users, recipients and HELO of
 * all kinds, other people's addresses in them, IPv4 and IPv6 in each program's own writing, long and short queue ids,
 * fields that may be missing.  Nearly all must be recognised, and not one with another address than the client's.
 *
 * A shape is text with {a|b|} for a choice and $word for a value; the values of one line are drawn once, so that $ip is
 * the same address wherever it stands, and in both lines of a pair (a newline stands between these).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "correlate.h"
#include "rules_rig.h"

#define NOW	  1735689600
#define ROUNDS	  150	/* lines of each shape */
#define MISSED	  5	/* of a thousand, at most */
#define NO_EVENT  EVENT_KINDS

enum { V4 = 1, USER = 2, RCPT = 4, ZONE = 8, PLAIN = 16 }; /* IPv4 only; fields that must come out; plain names only */

static const struct shape {
	enum event_kind kind;
	unsigned flags;
	const char *tags, *text;
} shapes[] = {
	/* logins */
	{ EVENT_LOGIN, USER, "dovecot", "{imap|pop3|managesieve|submission}-login: {Info: |}Login: user=<$user>, method=$mech, rip=$dip, lip=$other{, mpid=$num|}{, TLS|, secured|}{, session=<$sid>|}" },
	{ EVENT_LOGIN, USER, "imap-login pop3-login", "{Info: |}Login: user=<$user>, method=$mech, rip=$dip{, rport=$port|}, lip=$other{, lport=993|}{, mpid=$num|}, TLS" },
	{ EVENT_LOGIN, USER, "dovecot", "{imap|pop3}-login: Logged in: user=<$user>, method=$mech, rip=$dip, lip=$other, mpid=$num, TLS, session=<$sid>" },
	{ EVENT_LOGIN, USER | PLAIN, "imap-login pop3-login", "{Info: |}Login: $user [$dip]" },
	{ EVENT_LOGIN, USER, "imapd", "{Login|Authenticated|Auth} user=$user host=$bracket{ mech=$mech|}" },
	{ EVENT_LOGIN, USER, "ipop3d", "{Admin |}{Login|APOP|Auth} user=$user host=$bracket{ nmsgs=$num/$num| no mailbox}" },
	{ EVENT_LOGIN, USER, "imapd imapd-ssl pop3d pop3d-ssl imaplogin courierpop3login", "LOGIN, user=$user, ip=[$cip]{, port=[{$port|}]|}{, protocol={IMAP|POP3}{, {stls|starttls}=1|}|}" },
	{ EVENT_LOGIN, USER, "imap pop3 cyrus/imap cyrus-2/imap cyrus/pop3 mail/imap", "login: $bracket $user {plaintext|PLAIN|CRAM-MD5|DIGEST-MD5|LOGIN}{+TLS|} User logged in{ SESSIONID=<$sid>|}" },
	{ EVENT_LOGIN, USER | PLAIN, "qpopper popper in.qpopper", "(v4.{0|1}.$digit) POP login by user \"$user\" at ($fqdn) $ip [pop_log.c:$num]" },
	{ EVENT_LOGIN, USER | PLAIN, "popper", "Stats: $user $num $num $num $num {$fqdn |}$ip" },
	{ EVENT_LOGIN, USER | PLAIN, "popper", "($user,$ip) Authenticated." },
	{ EVENT_LOGIN, USER, "vpop3d", "($user,$ip) Authenticated" },
	{ EVENT_LOGIN, USER | V4, "vchkpw-pop3 vchkpw-pop3s vchkpw-imap vchkpw-imaps vchkpw-smtp vchkpw-submission vchkpw-webmail", "({PLAIN|LOGIN|CRAM-MD5}) login success $user:$ip" },
	{ EVENT_LOGIN, USER | V4, "vchkpw", "login success $user:$ip" },
	{ EVENT_LOGIN, USER | V4, "vpopmail", "vchkpw{-pop3|-pop3s|-imap|-imaps|-smtp|-smtps|-submission|-webmail|-$port|}: {({PLAIN|CRAM-MD5|APOP}) |system password }login success $user:$ip" },
	{ EVENT_LOGIN, USER, "popa3d", "Session from $ip\nAuthentication passed for $user" },
	{ EVENT_LOGIN, USER, "vm-pop3d", "User '$user' logged in from $ip, nmsgs=$num" },
	{ EVENT_LOGIN, USER | PLAIN, "vm-pop3d", "Connect from $ip\nUser '$user' {of 'example.org' |}logged in" },
	{ EVENT_LOGIN, PLAIN | USER, "gnu-pop3d", "User '$user' logged in with mailbox '/var/mail/$user' from $ip" },
	{ EVENT_LOGIN, USER | V4, "perdition perdition.imaps perdition.pop3", "Auth: $ip{:$port|}->$other4{:$port|} user=\"$user\" server=\"$fqdn\" port=\"143\" status=\"ok\"" },
	{ EVENT_LOGIN, USER | V4, "perdition.imaps", "Auth: $ip:$port->$other4:993 client-secure={ssl|plaintext} authorisation_id=NONE authentication_id=\"$user\" server=\"$fqdn:993\" protocol=IMAP4S server-secure={ssl|plaintext} status=\"ok\"" },
	{ EVENT_LOGIN, USER, "solid-pop3d spop3d", "{mapped |}user $user authenticated{ through APOP|} - {$ip|$fqdn ($ip)}" },
	{ EVENT_LOGIN, USER, "solid-pop3d", "connect from {$ip|$fqdn ($ip)}\n{mapped |}user $user authenticated{ through APOP|}" },
	{ EVENT_LOGIN, USER, "teapop", "Successful login for $user [$other] from $fqdn [$ip]" },
	{ EVENT_LOGIN, USER | PLAIN, "cucipop", "$user $ip $num, $num ($num), $num ($num)" },
	{ EVENT_LOGIN, USER, "AppleMailServer", "IMAP User \"$user\" log on successful from $ip" },
	{ EVENT_LOGIN, 0, "nginx", "{2024/01/02 03:04:05 [info] $num#$num: *$num |}client logged in, client: $ip, server: $other4:143, login: \"$user\", upstream: 127.0.0.1:143" },
	{ EVENT_LOGIN, USER, "sendmail sm-mta", "AUTH=server, relay=$relay, authid=$user, mech=$mech, bits=$num" },
	{ EVENT_LOGIN, USER, "postfix/smtpd postfix/submission/smtpd postfix-out/smtpd", "$qid: client=$peer, sasl_method=$mech, sasl_username=$user" },
	{ EVENT_LOGIN, 0, "dracd", "authorized ip $ip" },
	/* wrong passwords */
	{ EVENT_AUTH_FAILURE, USER, "dovecot", "{imap|pop3}-login: {Info: |}{Disconnected|Aborted login|Disconnected: Inactivity|Disconnected: Connection closed} (auth failed, $num attempts{ in $num secs|}): user=<$user>, method=$mech, rip=$dip, lip=$other{, TLS|}{, session=<$sid>|}" },
	{ EVENT_AUTH_FAILURE, USER, "dovecot", "imap-login: Login aborted: {Logged out|Connection closed} (auth failed, $num attempts in $num secs) (auth_failed): user=<$user>, method=$mech, rip=$dip, lip=$other, TLS, session=<$sid>" },
	{ EVENT_AUTH_FAILURE, 0, "postfix/smtpd postfix/smtps/smtpd", "warning: $peer: SASL $mech authentication failed: {authentication failure|UGFzc3dvcmQ6|}{, sasl_username=$user|}" },
	{ EVENT_AUTH_FAILURE, 0, "postfix/smtpd", "warning: SASL authentication failure: Password verification failed\nwarning: $peer: SASL PLAIN authentication failed: authentication failure" },
	{ EVENT_AUTH_FAILURE, 0, "sm-mta sendmail", "$sqid: AUTH failure ($mech): authentication failure (-13) SASL(-13): authentication failure: checkpass failed{, user=$user|}, relay=$relay" },
	{ EVENT_AUTH_FAILURE, 0, "sm-mta", "$sqid: $relay: possible SMTP attack: command=AUTH, count=$num" },
	{ EVENT_AUTH_FAILURE, 0, "pop3d imaplogin courierpop3login", "LOGIN FAILED, {method=$mech, |}ip=[$cip]" },
	{ EVENT_AUTH_FAILURE, USER, "imapd pop3d courierpop3login", "LOGIN FAILED, user=$user, ip=[$cip]{, port=[$port]|}" },
	{ EVENT_AUTH_FAILURE, 0, "cyrus/imap imaps", "badlogin: $bracket {plaintext|PLAIN|LOGIN} $user SASL(-13): authentication failure: checkpass failed" },
	{ EVENT_AUTH_FAILURE, 0, "imapd ipop3d", "Login failed user=$user auth=$user host=$bracket" },
	{ EVENT_AUTH_FAILURE, 0, "solid-pop3d spop3d", "connect from {$ip|$fqdn ($ip)}\n{authentication failed: {no such user|can't map user name}:|authentication failed for{ mapped|} user|APOP authentication failed for user|can't find APOP secret for user} $user{| - $ip| - $fqdn ($ip)}" },
	{ NO_EVENT, 0, "solid-pop3d", "{authentication failed: no such user:|APOP authentication failed for user} $user{| - $other}" },
	{ EVENT_AUTH_FAILURE, V4, "vchkpw-pop3", "password fail (pass: '$user') $user:$ip" },
	{ EVENT_AUTH_FAILURE, V4, "vpopmail", "vchkpw-{pop3|smtps|$port}: {{vpopmail|system} user not found|{system |}password fail{ (pass: '$user')|}|system user shadow entry not found|null password given|invalid user/domain characters} $user:$ip" },
	{ EVENT_AUTH_FAILURE, USER, "popa3d", "Session from $ip\nAuthentication failed for $user" },
	/* Postfix smtpd */
	{ EVENT_RBL, ZONE, "postfix/smtpd postfix-in/smtpd", "$q: reject: {RCPT|MAIL|DATA} from $peer: 554{ 5.7.1|} Service unavailable; Client host [$ip] blocked using $zone;{ $url;| $url / $url;|} $from_to" },
	{ EVENT_RBL, ZONE, "postfix/smtpd", "NOQUEUE: reject: CONNECT from $peer: 554 5.7.1 Service unavailable; Client host [$ip] blocked using $zone;{ $url;|} proto=SMTP" },
	{ EVENT_RBL, ZONE, "postfix/smtpd", "NOQUEUE: reject: RCPT from $peer: 554 5.7.1 {<$name[$ip]>: |}Client host rejected: Your IP address has been blacklisted by $zone. Visit their website; $from_to" },
	{ EVENT_POLICY, 0, "postfix/smtpd", "$q: reject: RCPT from $peer: 554 5.7.1 Service unavailable; {Helo command|Sender address} [$plain] blocked using $zone; $url; $from_to" },
	{ EVENT_HELO_FORGERY, 0, "postfix/smtpd", "NOQUEUE: reject: {RCPT|HELO|EHLO} from $peer: 554{ 5.7.1|} <$helo>: Helo command rejected: {Access denied;|Your machine is not part of this network. Go away;} $from_to" },
	{ EVENT_SENDER_FORGERY, 0, "postfix/smtpd", "NOQUEUE: reject: {RCPT|MAIL} from $peer: 55{3|4} 5.7.1 <$sender>: Sender address rejected: {Access denied|not owned by user $plain|not logged in}; $from_to" },
	{ EVENT_RECIPIENT_FORGERY, RCPT, "postfix/smtpd", "$q: reject: RCPT from $peer: 554 5.7.1 <$rcpt>: Recipient address rejected: Access denied; $from_to" },
	{ EVENT_UNKNOWN_USER, RCPT, "postfix/smtpd postfix/submission/smtpd", "$q: reject: {RCPT|VRFY} from $peer: {550 5.1.1|450 4.1.1|550|550 5.1.0} <$rcpt>: {Recipient address rejected: |}User unknown in {local recipient|virtual alias|virtual mailbox|relay recipient} table; $from_to" },
	{ EVENT_UNKNOWN_USER, RCPT, "postfix/smtpd", "$q: reject: RCPT from $peer: 550 5.1.1 <$rcpt>: Recipient address rejected: undeliverable address: host $fqdn[$other] said: 550 5.1.1 <$rcpt>: no such user (in reply to RCPT TO command); $from_to" },
	{ EVENT_RELAY_DENIED, RCPT, "postfix/smtpd", "$q: reject: RCPT from $peer: {554 5.7.1|554} <$rcpt>: {Recipient address rejected: |}Relay access denied; $from_to" },
	{ EVENT_POLICY, 0, "postfix/smtpd", "$q: reject: RCPT from $peer: {450 4.7.1|504 5.5.2|550 5.7.1} <$helo>: Helo command rejected: {Host not found|need fully-qualified hostname|Invalid name}; $from_to" },
	{ EVENT_POLICY, 0, "postfix/smtpd", "$q: reject: RCPT from $peer: {450 4.1.8|550 5.1.8} <$sender>: Sender address rejected: Domain not found; $from_to" },
	{ EVENT_POLICY, 0, "postfix/smtpd", "$q: reject: RCPT from $peer: {450 4.7.1|550 5.7.25} Client host rejected: cannot find your {reverse |}hostname, [$ip]; $from_to" },
	{ EVENT_POLICY, 0, "postfix/smtpd", "$q: reject: RCPT from $peer: 450 4.2.0 <$rcpt>: Recipient address rejected: Greylisted, see $url; $from_to" },
	{ EVENT_RATE_LIMIT, 0, "postfix/smtpd", "warning: {Connection rate|Connection concurrency|Message delivery request rate|Recipient address rate|AUTH command rate|New TLS session rate} limit exceeded: $num from $peer for service {smtp|submission|$other4:25}" },
	{ EVENT_PROTOCOL, 0, "postfix/smtpd", "{$qid: |NOQUEUE: |}too many errors after {RCPT|AUTH|UNKNOWN|DATA ($num bytes)} from $peer" },
	{ EVENT_PROTOCOL, 0, "postfix/smtpd", "improper command pipelining after {EHLO|HELO|DATA|MAIL|END-OF-MESSAGE} from $peer: $junk" },
	{ EVENT_PROTOCOL, 0, "postfix/smtpd", "warning: non-SMTP command from $peer: $junk" },
	{ EVENT_PROTOCOL, 0, "postfix/smtpd", "bare <LF> received after {DATA|BDAT} from $peer" },
	/* postscreen */
	{ EVENT_RBL, ZONE, "postfix/postscreen postfix-in/postscreen", "NOQUEUE: reject: RCPT from [$ip]:$port: 550 5.7.1 Service unavailable; client [$ip] blocked using $zone; from=<$sender>, to=<$rcpt>, proto={ESMTP|SMTP}, helo=<$helo>" },
	{ EVENT_RBL, 0, "postfix/postscreen", "DNSBL rank $num for [$ip]:$port" },
	{ EVENT_PROTOCOL, 0, "postfix/postscreen", "PREGREET $num after 0.{0|}$num from [$ip]:$port: $junk" },
	{ EVENT_PROTOCOL, 0, "postfix/postscreen", "{COMMAND {PIPELINING|COUNT LIMIT|LENGTH LIMIT|TIME LIMIT}|BARE NEWLINE|NON-SMTP COMMAND} from [$ip]:$port after {CONNECT|EHLO|RCPT}{: $junk|}" },
	/* sendmail */
	{ EVENT_RBL, ZONE, "sm-mta sendmail", "{$sqid: |}ruleset=check_relay, arg1={$fqdn|[$sip]}, arg2={$ip|127.0.0.4}, relay=$relay, reject=55{0 5.7.1|3 5.3.0} Rejected: $ip listed at $zone" },
	{ EVENT_RBL, 0, "sm-mta", "ruleset=check_relay, arg1=$fqdn, arg2={$ip|127.0.0.2}, relay=$relay, reject=553 5.3.0 Spam blocked see: $url" },
	{ EVENT_RBL, ZONE, "sm-mta", "$sqid: ruleset=check_rcpt, arg1=<$box>, relay=$relay, reject=550 5.7.1 <$box>... Rejected: $ip listed at $zone" },
	{ EVENT_RELAY_DENIED, 0, "sm-mta sendmail sm-acceptingconnections", "$sqid: ruleset=check_rcpt, arg1=<$box>, relay=$relay, reject=550 5.7.1 <$box>... Relaying denied{. Proper authentication required.|. IP name lookup failed [$ip]|. IP name possibly forged [$ip]|}" },
	{ EVENT_UNKNOWN_USER, 0, "sm-mta", "$sqid: ruleset=check_rcpt, arg1=<$box>, relay=$relay, reject=550 5.1.1 <$box>... User unknown" },
	{ EVENT_UNKNOWN_USER, RCPT, "sm-mta sendmail", "$sqid: <$rcpt>... User unknown\n$sqid: from=<$sender>, size=$num, class=0, nrcpts=0, {bodytype=8BITMIME, |}proto={E|}SMTP, daemon=MTA{-v4|}, relay=$relay" },
	{ EVENT_UNKNOWN_USER, RCPT, "sm-mta", "NOQUEUE: connect from $relay\n$sqid: <$rcpt>... User unknown" },
	{ EVENT_POLICY, 0, "sm-mta", "$sqid: ruleset=check_mail, arg1=<$box>, relay=$relay, reject={553 5.1.8|451 4.1.8} <$box>... Domain of sender address $box does not {exist|resolve}" },
	{ EVENT_POLICY, 0, "sm-mta", "$sqid: ruleset=check_{mail|rcpt}, arg1=<$box>, relay=$relay, reject=55{3 5.3.0|0 5.0.0} <$box>... {Access denied|Spam not welcome, see $url}" },
	{ EVENT_RATE_LIMIT, 0, "sm-mta", "ruleset=check_relay, arg1={$fqdn|[$sip]}, arg2=$ip, relay=$relay, reject=421 4.3.2 {Connection rate limit exceeded|Too many open connections}." },
	{ EVENT_PROTOCOL, 0, "sm-mta", "$sqid: rejecting commands from $relay due to pre-greeting traffic{ after $num seconds|}" },
	{ EVENT_PROTOCOL, 0, "sm-mta", "$sqid: $relay: {Possible SMTP RCPT flood, throttling.|probable open proxy: command=$junk}" },
	/* nobody's fault */
	{ NO_EVENT, 0, "postfix/smtpd", "{lost connection|timeout} after {AUTH|CONNECT|DATA ($num bytes)|STARTTLS} from $peer" },
	{ NO_EVENT, 0, "postfix/smtpd", "$q: {reject_warning|hold|filter|discard}: RCPT from $peer: 554 5.7.1 <$rcpt>: Relay access denied; $from_to" },
	{ NO_EVENT, 0, "postfix/smtpd", "$q: reject: RCPT from $peer: {451 4.3.0 <$rcpt>: Temporary lookup failure|452 4.3.1 Insufficient system storage}; $from_to" },
	{ NO_EVENT, 0, "postfix/submission/smtpd", "$q: reject: RCPT from $peer: 554 5.7.1 <$rcpt>: {Relay access denied|Recipient address rejected: Access denied}; $from_to sasl_method=$mech sasl_username=$plain" },
	{ NO_EVENT, 0, "postfix/smtpd", "warning: $peer: SASL $mech authentication failed: {(reason unavailable)|Connection lost to authentication server}" },
	{ NO_EVENT, 0, "postfix/smtpd", "{connect|disconnect} from $peer{ ehlo=1 auth=0/1 quit=1 commands=2/3|}" },
	{ NO_EVENT, 0, "postfix/smtpd postfix/submission/smtpd", "$qid: client=$peer" },
	{ NO_EVENT, 0, "postfix/smtp", "$qid: to=<$rcpt>, relay=$fqdn[$other]:25, delay=$num, dsn=5.1.1, status=bounced (host $fqdn[$other] said: 550 5.1.1 <$rcpt>: User unknown)" },
	{ NO_EVENT, 0, "postfix/postscreen", "{CONNECT from [$ip]:$port to [$other4]:25|PASS NEW [$ip]:$port|HANGUP after $num from [$ip]:$port in tests before SMTP handshake|NOQUEUE: reject: CONNECT from [$ip]:$port: {too many connections|all server ports busy}}" },
	{ NO_EVENT, 0, "sm-mta", "$sqid: $relay did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA" },
	{ NO_EVENT, 0, "sm-mta", "$sqid: {Milter: data, reject=550 5.7.1 no|to=<$rcpt>, relay=$relay, dsn=5.1.1, stat=User unknown}" },
	{ NO_EVENT, 0, "dovecot", "imap-login: Disconnected (no auth attempts in $num secs): user=<>, rip=$dip, lip=$other, TLS" },
	{ NO_EVENT, 0, "dovecot", "imap($plain)<$num><$sid>: {Disconnected: Logged out in=$num out=$num|Logged out rip=$other}" },
	{ NO_EVENT, 0, "sendmail", "f0123456: from=\"POP login by user \"$user\" at ($other) $other@example.org\", size=$num, nrcpts=1, relay=$relay" },
};

/* What one line is made of. */
struct values {
	struct addr client;
	char ip[ADDR_TEXT], other[ADDR_TEXT], other4[ADDR_TEXT];
	char user[200], rcpt[200], zone[80], qid[20], sqid[20], box[100];
	unsigned pid;
};

static uint64_t seed;

/* SplitMix64: the same lines on every machine. */
static uint32_t
below(uint32_t n)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) >> 16) % n;
}

static const char *
one_of(const char *const *list)
{
	unsigned n = 0;

	while (list[n] != NULL)
		n++;
	return list[below(n)];
}

#define ONE_OF(...) one_of((const char *const[]){ __VA_ARGS__, NULL })

static void
draw_address(struct addr *a, char *text, bool v4)
{
	if (v4 || below(3) > 0)
		(void)snprintf(text, ADDR_TEXT, "%u.%u.%u.%u", 11 + below(200), below(256), below(256), 1 + below(254));
	else if (below(2) == 0)
		(void)snprintf(text, ADDR_TEXT, "2001:db8:%x::%x", below(65536), 1 + below(65535));
	else
		(void)snprintf(text, ADDR_TEXT, "2a02:%x:%x:%x:%x:%x:%x:%x", below(65536), below(65536), below(65536),
		    below(65536), below(65536), below(65536), 1 + below(65535));
	*a = address(text);
	addr_format(text, a);
}

static void
draw_name(char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s%u%s.%s%s", ONE_OF("mail", "dsl-", "host_", "a.b-c.", "x--", "12-34-", ""), below(1000),
	    ONE_OF("", "-pool", ".dyn", ".198.51.100.66"), ONE_OF("example.net", "example.org", "xn--mnchen-3ya.example", "EXAMPLE.COM"),
	    ONE_OF("", "", "."));
	if (dst[strlen(dst) - 1] == '.')
		dst[strlen(dst) - 1] = '\0';
}

static void
draw_user(char *dst, size_t size, const char *other, bool plain)
{
	const char *base = plain ? ONE_OF("anna", "b.c_d", "x", "info@example.org", "web-1", "UPPER", "o0+tag@example.org")
		: ONE_OF("anna", "o'neil", "a+b@example.org", "DOM\\anna", "two words", "m\xc3\xbcller", "root", "a=b", "x%s%n", "[x]",
		    "(x)", "user=<x", "a, b", "a:b", "q\"uote", "-", "g>t", "x>, method=PLAIN, rip=", "x{y}|z", " lead", "a/b", "x at y", "tab\\tx", "very.long.name.of.somebody.who.has.many.names");

	if (!plain && below(6) == 0)
		(void)snprintf(dst, size, "%s%s%s", base, ONE_OF(" [", ", rip=", " - ", ":", ", ip=[", " from ", ", relay=["), other);
	else
		(void)snprintf(dst, size, "%s%u", base, below(50));
}

static void
draw(struct values *v, unsigned flags)
{
	struct addr a;

	memset(v, 0, sizeof(*v));
	draw_address(&v->client, v->ip, flags & V4);
	do
		draw_address(&a, v->other, false);
	while (addr_eq(&a, &v->client));
	draw_address(&a, v->other4, true);
	draw_user(v->user, sizeof(v->user), v->other, flags & PLAIN);
	(void)snprintf(v->box, sizeof(v->box), "%s%u@%s", ONE_OF("a", "b.c", "d+e", "f_g", "h-i", "j=k"), below(999),
	    ONE_OF("example.org", "example.net", "mail.example.com", "xn--mnchen-3ya.example"));
	(void)snprintf(v->rcpt, sizeof(v->rcpt), "%s%u%s", ONE_OF("a", "b.c", "\"x y\"", "d'e", "x[198.51.100.66]", "m\xc3\xbc", "user%example.net", "\"g>t\"", "\"a>, b\"", "x{y}|z", "a,b", "i=j"),
	    below(999), ONE_OF("@example.org", "@example.net", "@[198.51.100.66]", ""));
	(void)snprintf(v->zone, sizeof(v->zone), "%s%s", ONE_OF("zen.", "bl", "dnsbl-1.", "b.", "_x."), ONE_OF("example.org", "spam.example.net"));
	for (unsigned i = 0, n = below(2) ? 6 + below(6) : 10 + below(6); i < n; i++)
		v->qid[i] = n < 10 || v->qid[0] == 'A' ? "0123456789ABCDEF"[below(16)] : "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"[below(52)];
	(void)snprintf(v->sqid, sizeof(v->sqid), "%c%cA%c%c%c%c%c%06u", "0123456"[below(7)], "123456789ABC"[below(12)], "12345abcXYZ"[below(11)],
	    "0123456789"[below(10)], "0aZ"[below(3)], "1bY"[below(3)], "2cX"[below(3)], below(999999));
	v->pid = 1 + below(99999);
}

static void expand(struct values *v, const char *shape, const char *end, char *dst, size_t size);

static void
value(struct values *v, struct str name, char *dst, size_t size)
{
	char text[400] = "", fqdn[100];
	const bool is4 = addr_is4(&v->client);
	const struct {
		const char *name, *text;
	} fixed[] = { { "ip", v->ip }, { "other", v->other }, { "other4", v->other4 }, { "user", v->user }, { "rcpt", v->rcpt },
		{ "zone", v->zone }, { "qid", v->qid }, { "sqid", v->sqid }, { "box", v->box } };
	const struct {
		const char *name, *shape;
	} composed[] = { { "q", "{NOQUEUE|$qid}" }, { "peer", "{$name|unknown}[$ip]{:$port|}" }, { "name", "$fqdn" },
		{ "bracket", "{$fqdn |}[$ip]" }, { "relay", "{$fqdn |}[$sip]{ (may be forged)|}" },
		{ "from_to", "from=<$sender> to=<$rcpt> proto={E|}SMTP helo=<$helo>" },
		{ "url", "http{s|}://www.example.org/{query?ip=$ip|lookup/$other4|}" },
		{ "sender", "{|$plain@example.net|\"g>t\"@example.net|\"x y\"@example.net|MAILER-DAEMON|x, relay=[$other]}" },
		{ "helo", "{$fqdn|[$other4]|$other4|localhost|g>t|<>|x y|from x[$other4]:|$other}" },
		{ "junk", "{GET / HTTP/1.1|EHLO x\\r\\nMAIL FROM:<a@b>|QUIT\\r\\n|from x[$other4]: |\\200\\001}" },
		{ "mech", "{PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5}" } };

	for (size_t i = 0; i < ROWS(fixed); i++)
		if (str_eq(name, str_of(fixed[i].name)))
			(void)snprintf(text, sizeof(text), "%s", fixed[i].text);
	for (size_t i = 0; i < ROWS(composed); i++)
		if (str_eq(name, str_of(composed[i].name)))
			expand(v, composed[i].shape, composed[i].shape + strlen(composed[i].shape), text, sizeof(text));
	draw_name(fqdn, sizeof(fqdn));
	if (str_eq(name, STR("fqdn")))
		(void)snprintf(text, sizeof(text), "%s", fqdn);
	else if (str_eq(name, STR("dip")))
		(void)snprintf(text, sizeof(text), "%s%s", is4 && below(4) == 0 ? "::ffff:" : "", v->ip);
	else if (str_eq(name, STR("cip")))
		(void)snprintf(text, sizeof(text), "%s%s", is4 ? "::ffff:" : "", v->ip);
	else if (str_eq(name, STR("sip")))
		(void)snprintf(text, sizeof(text), "%s%s", is4 ? "" : "IPv6:", v->ip);
	else if (str_eq(name, STR("plain")))
		(void)snprintf(text, sizeof(text), "%s%u", ONE_OF("anna", "b.c", "d_e"), below(99));
	else if (str_eq(name, STR("port")))
		(void)snprintf(text, sizeof(text), "%u", 1024 + below(64000));
	else if (str_eq(name, STR("num")))
		(void)snprintf(text, sizeof(text), "%u", 1 + below(below(2) ? 9 : 99999));
	else if (str_eq(name, STR("digit")))
		(void)snprintf(text, sizeof(text), "%u", below(10));
	else if (str_eq(name, STR("sid")))
		(void)snprintf(text, sizeof(text), "%s%x/%x+%s", ONE_OF("q8d", "mx-", ""), below(1 << 30), below(1 << 30), ONE_OF("AAAB", "=", ""));
	if (str_eq(name, STR("sip")) && !is4)
		for (char *p = text + 5; *p != '\0' && v->pid % 2; p++)
			*p = (char)toupper((unsigned char)*p);
	(void)snprintf(dst, size, "%s", text);
}

/* The end of the alternative at p: the | or } that is this group's own. */
static const char *
alternative_end(const char *p, const char *end)
{
	for (unsigned depth = 0; p < end && (depth > 0 || (*p != '|' && *p != '}')); p++)
		depth += *p == '{' ? 1u : *p == '}' ? -1u : 0;
	return p;
}

/* Expand one alternative of the group behind the brace; returns what follows the group. */
static const char *
choose(struct values *v, const char *p, const char *end, char *dst, size_t size)
{
	const char *from[16], *to[16];
	unsigned n = 0, pick;

	for (; n < 16; p = to[n - 1] + 1) {
		from[n] = p;
		to[n] = alternative_end(p, end);
		n++;
		if (*to[n - 1] == '}')
			break;
	}
	pick = below(n);
	expand(v, from[pick], to[pick], dst, size);
	return to[n - 1] + 1;
}

static void
expand(struct values *v, const char *shape, const char *end, char *dst, size_t size)
{
	const char *p = shape;
	size_t n = 0;

	dst[0] = '\0';
	while (p < end && n + 2 < size) {
		if (*p == '{') {
			p = choose(v, p + 1, end, dst + n, size - n);
		} else if (*p == '$') {
			struct str name = { ++p, 0 };

			while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
				p++;
			name.n = (size_t)(p - name.p);
			value(v, name, dst + n, size - n);
		} else {
			dst[n] = *p++;
			dst[n + 1] = '\0';
		}
		n += strlen(dst + n);
	}
}

/* One of the tags, and a head of some kind before it. */
static void
draw_head(const struct values *v, const char *tags, unsigned kind, char *dst, size_t size)
{
	unsigned n = 1, pick;
	char tag[80];

	for (const char *p = tags; *p != '\0'; p++)
		n += *p == ' ';
	for (pick = v->pid % n; pick > 0; pick--)
		tags = strchr(tags, ' ') + 1;
	(void)snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(tags, " "), tags);
	switch (kind) {
	case 0:
		(void)snprintf(dst, size, "Jan  2 03:04:05 mx1 %s[%u]: ", tag, v->pid);
		break;
	case 1:
		(void)snprintf(dst, size, "2024-01-02T03:04:05.123456+01:00 mx-1.example.org %s[%u]: ", tag, v->pid);
		break;
	case 2:
		(void)snprintf(dst, size, "<22>1 2024-01-02T03:04:05Z mx1 %s %u - - ", tag, v->pid);
		break;
	case 3:
		(void)snprintf(dst, size, "Jan 2 03:04:05 mx1 %s[%u]: [ID 197553 mail.info] ", tag, v->pid);
		break;
	case 4:
		(void)snprintf(dst, size, "Jan  2 03:04:05 <mail.info> mx1 %s[%u]: ", tag, v->pid);
		break;
	default:
		(void)snprintf(dst, size, "2024-01-02T03:04:05Z %s[%u]: ", tag, v->pid);
	}
}

struct heard {
	unsigned n;
	struct event ev;
	char user[400], recipient[400], zone[200];
};

static void
hear(void *arg, const struct event *ev, unsigned times, bool again)
{
	struct heard *h = arg;

	(void)times;
	(void)again;
	h->n++;
	h->ev = *ev;
	str_copy(h->user, sizeof(h->user), ev->user);
	str_copy(h->recipient, sizeof(h->recipient), ev->recipient);
	str_copy(h->zone, sizeof(h->zone), ev->zone);
}

static bool
is_as_made(const struct shape *s, const struct values *v, const struct heard *h)
{
	if (s->kind == NO_EVENT || h->n == 0)
		return s->kind == NO_EVENT && h->n == 0;
	return h->n == 1 && h->ev.kind == s->kind && (!(s->flags & USER) || strcmp(h->user, v->user) == 0) &&
	    (!(s->flags & RCPT) || strcmp(h->recipient, v->rcpt) == 0) && (!(s->flags & ZONE) || strcmp(h->zone, v->zone) == 0);
}

static struct rules *set;
static struct rules_scratch *scratch;
static struct correlate *halves;

/* Read the lines of one case. */
static void
listen(const struct shape *s, struct values *v, struct heard *h, char *shown, size_t size)
{
	char text[4096], head[200], line[4400];
	unsigned kind = below(6);
	struct stamp stamp;

	correlate_clear(halves);
	stamp_init(&stamp);
	memset(h, 0, sizeof(*h));
	expand(v, s->text, s->text + strlen(s->text), text, sizeof(text));
	for (char *rest = text, *one; (one = strsep(&rest, "\n")) != NULL;) {
		struct logline l;

		draw_head(v, s->tags, kind, head, sizeof(head));
		(void)snprintf(line, sizeof(line), "%s%s", head, one);
		assert_int_equal(logline_parse(&l, &stamp, str_of(line), NOW), LOGLINE_OK);
		(void)correlate_line(halves, set, scratch, &l, NOW, hear, h);
	}
	str_show(shown, size, str_of(line));
}

static void
recognises_unseen_lines(void **state)
{
	unsigned missed = 0, lines = 0, wrong = 0; /* cases of one or two lines */
	struct values v;
	struct heard h;
	char shown[1000];

	(void)state;
	seed = 1;
	for (size_t i = 0; i < ROWS(shapes); i++) {
		unsigned of_shape = 0;

		for (unsigned round = 0; round < ROUNDS; round++, lines++) {
			draw(&v, shapes[i].flags);
			listen(&shapes[i], &v, &h, shown, sizeof(shown));
			if (h.n > 0 && !addr_eq(&h.ev.addr, &v.client)) {
				print_error("another address than %s: %s\n", v.ip, shown);
				wrong++;
			}
			if (is_as_made(&shapes[i], &v, &h))
				continue;
			missed++;
			if (of_shape++ < 2)
				print_error("shape %zu, got %s: %s\n", i, h.n == 0 ? "nothing" : event_kind_name(h.ev.kind), shown);
		}
	}
	print_message("%u lines, %u not as made, %u with another address\n", lines, missed, wrong);
	assert_int_equal(wrong, 0);
	assert_true(missed * 1000 <= lines * MISSED);
}

static int
load(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	set = shipped();
	scratch = rules_scratch_new(set);
	halves = correlate_new();
	return 0;
}

static int
unload(void **state)
{
	(void)state;
	correlate_free(halves);
	rules_scratch_free(scratch);
	rules_free(set);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(recognises_unseen_lines) };

	return cmocka_run_group_tests_name("unseen", tests, load, unload);
}
