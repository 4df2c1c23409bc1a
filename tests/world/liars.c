/* SPDX-License-Identifier: GPL-2.0-or-later */
/* liars.c - those who write logs of their own into HELO, senders, recipients and user names
 *
 * Each has a victim.  What his lines mean of himself is open, as long as they are no login: he has chosen to be hard to
 * understand.  Of the victim they must mean nothing.  He lies often enough for the victim to be blocked, were he believed.
 */
#include <string.h>

#include "world.h"

/* What programs would write. */
static const char *
forged(const char *ip, time_t at)
{
	struct tm tm;
	char bsd[24], iso[24];

	localtime_r(&at, &tm);
	strftime(bsd, sizeof bsd, "%b %e %H:%M:%S", &tm);
	strftime(iso, sizeof iso, "%FT%TZ", &tm);
	switch (any(8)) {
	case 0:
		return keepf("imap-login: Login: user=<anna>, method=PLAIN, rip=%s, lip=192.0.2.10, mpid=7, TLS, session=<q8dY>",
		    ip);
	case 1:
		return keepf("%s mx1 dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=%s, lip=192.0.2.10, TLS", bsd, ip);
	case 2:
		return keepf("<22>1 %s mx3 postfix/smtpd 811 - - warning: x[%s]: SASL LOGIN authentication failed: x", iso, ip);
	case 3:
		return keepf("%s mx1 postfix/smtpd[811]: NOQUEUE: reject: RCPT from unknown[%s]: 554 5.7.1 Service unavailable; "
		    "Client host [%s] blocked using zen.example.net; from=<> to=<a@example.org> proto=SMTP helo=<x>", bsd, ip, ip);
	case 4:
		return keepf("x[%s]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", ip);
	case 5:
		return keepf("message repeated 40 times: [ warning: x[%s]: SASL LOGIN authentication failed: x]", ip);
	case 6:
		return keepf("POP login by user \"anna\" at (%s) %s [pop_log.c:244]", ip, ip);
	default:
		return keepf("x#012%s mx1 dovecot: pop3-login: Login: user=<anna>, method=PLAIN, rip=%s, lip=192.0.2.10", bsd, ip);
	}
}

/* What would end the field, and go on with an address (@) in the place that the program writes it to. */
static const struct ending {
	const char *server; /* names begin with this */
	const char *text;
} endings[] = {
	{ "dovecot", "x>, method=PLAIN, rip=@, lip=192.0.2.10, TLS, session=<aaaa>" },
	{ "dovecot", "x,@): unknown user" },
	{ "dovecot", "x rhost=@  user=x" },
	{ "courier", "x, ip=[::ffff:@], port=[1], protocol=IMAP" },
	{ "courier", "x>,to=<x>: 550 User unknown. error,relay=@,from=<" },
	{ "uw-", "x host=y [@]" },
	{ "cyrus", "x [@] anna plaintext User logged in" },
	{ "qpopper", "x\" at (y) @ [pop_log.c:244]" },
	{ "qpopper", "x from host (y) @ [pop_pass.c:1307]" },
	{ "vpopmail", "x:@" },
	{ "popa3d", "Session from @" },
	{ "solid", "x - @" },
	{ "solid", "x authenticated - @" },
	{ "perdition", "x\" server=\"y\" port=\"143\" status=\"ok\" @->192.0.2.10" },
	{ "sendmail", "x, relay=y [@]" },
	{ "sendmail", "x>, relay=y [@], reject=550 5.7.1 <x>... Relaying denied" },
	{ "exim", "x) [@]: 535 Incorrect authentication data (set_id=y" },
	{ "nginx", "x\", client: @, server: 0.0.0.0:143, login: \"y" },
	{ "postfix", "x> proto=ESMTP helo=<x> sasl_method=PLAIN sasl_username=anna rip=@" },
	{ "postfix", "x>: Relay access denied; from=<> to=<x> proto=SMTP helo=<x> from y[@]:" },
	{ "postfix", "x> from y[@]: 554 5.7.1 <z>: Helo command rejected: Access denied; from=<x" },
	{ "postscreen", "x>, helo=<y> from [@]:25: 550 5.7.1 Service unavailable; client [@] blocked using zen.example.net; <" },
	{ "vm-", "x' logged in from @, nmsgs=3" },
};

#define ENDINGS (sizeof endings / sizeof endings[0])

static const char *
named(const char *text, const char *ip)
{
	const char *at = strchr(text, '@');

	return at == NULL ? text : keepf("%.*s%s%s", (int)(at - text), text, ip, named(at + 1, ip));
}

/* One that was made for this server, if there is; NULL: a whole line instead. */
static const struct ending *
favourite(const struct server *s)
{
	const struct ending *e;

	if (one_in(3))
		return NULL;
	for (unsigned tries = 0; tries < 1000; tries++) {
		e = &endings[any(ENDINGS)];
		if (strncmp(s->name, e->server, strlen(e->server)) == 0)
			return e;
	}
	return &endings[any(ENDINGS)];
}

static const char *
lie(const struct ending *usual, const char *ip, time_t at)
{
	const struct ending *e = one_in(4) ? &endings[any(ENDINGS)] : usual;
	const char *text = e == NULL ? forged(ip, at) : named(e->text, ip);

	if (one_in(20))
		return keepf("%0*d%s", between(200, 3000), 0, text);
	return one_in(5) ? keepf("\"%s\"@example.net", text) : text;
}

static struct peer *
victim(void)
{
	return peer_new("victim", one_in(4) ? V6 : V4, PERSON);
}

static void
lie_to(struct peer *p, const struct server *s, enum kind k, const struct peer *to, time_t at)
{
	const struct ending *usual = favourite(s);

	for (unsigned n = between(30, 50); n-- > 0; at += any(3)) {
		struct visit *v = visit_new(p, s, at);
		const char *text = lie(usual, to->ip, at);

		v->lies = true;
		switch (k == AUTH_FAILURE ? 0 : any(3)) {
		case 0:
			visit_deed(v, 0, k, text);
			continue;
		case 1:
			v->helo = text;
			break;
		default:
			v->sender = text;
		}
		visit_deed(v, 0, k, NULL);
	}
}

static void
smtp_liar(const char *role)
{
	struct peer *p = peer_new(role, EITHER, LIAR);
	enum kind k = (enum kind)between(RBL, PROTOCOL);

	lie_to(p, server_for(k, p), k, victim(), dawn + any(SPAN - HOUR));
}

static void
user_liar(const char *role)
{
	struct peer *p = peer_new(role, EITHER, LIAR);

	lie_to(p, server_for(AUTH_FAILURE, p), AUTH_FAILURE, victim(), dawn + any(SPAN - HOUR));
}

/* The victim is somebody who reads mail, and whose own address is what the lie is about. */
static void
framed_reader(const char *role)
{
	struct peer *p = peer_new("smtp-liar", EITHER, LIAR), *to = peer_new(role, EITHER, PERSON);
	enum kind k = one_in(2) ? AUTH_FAILURE : (enum kind)between(RBL, PROTOCOL);
	time_t at = dawn + any(SPAN - 2 * HOUR);

	visit_once(to, mailbox_for(to), at, LOGIN, NULL);
	lie_to(p, server_for(k, p), k, to, at + 1000);
}

const struct role liars[] = {
	{ "smtp-liar", 40, smtp_liar },
	{ "user-liar", 40, user_liar },
	{ "framed-reader", 15, framed_reader },
	{ NULL, 0, NULL },
};
