/* SPDX-License-Identifier: GPL-2.0-or-later */
/* people.c - those who mean no harm: readers, mistypers, phones with an old password, offices, other mail servers
 *
 * None of them may ever be blocked, but where the design says so: a phone that tries an old password every five
 * minutes, and from whose address nobody logs in, passes 100 failures a day.
 */
#include <string.h>

#include "world.h"

static time_t
moment(void)
{
	return dawn + any(SPAN - 2 * HOUR);
}

/* Reads mail now and then, from one or more addresses. */
static void
reader(const char *role)
{
	const char *user = some_user();

	for (unsigned places = 1 + (one_in(5) ? any(3) : 0); places-- > 0;) {
		struct peer *p = peer_new(role, EITHER, PERSON);
		const struct server *s = mailbox_for(p);

		for (unsigned n = between(1, 8); n-- > 0;) {
			struct visit *v = visit_once(p, s, moment(), LOGIN, user);

			if (s->hello == NULL && one_in(10)) /* and once more, in the same words */
				v->deeds[0].times = between(1, 3);
		}
	}
}

/* Every so many minutes, the whole day. */
static void
poller(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = mailbox_for(p);
	const char *user = some_user();
	unsigned every = between(600, 5400);

	for (time_t at = dawn + any(every); at < dawn + SPAN - HOUR; at += every + any(20))
		visit_once(p, s, at, LOGIN, user);
}

/* One address after the other of the same network. */
static void
household(const char *role)
{
	struct peer *p = peer_new(role, V6, PERSON);

	for (unsigned n = between(3, 9); n-- > 0;) {
		p = peer_beside(p);
		visit_once(p, mailbox_for(p), moment(), LOGIN, some_user());
		if (one_in(3))
			visit_once(p, server_for(AUTH_FAILURE, p), moment(), AUTH_FAILURE, NULL);
	}
}

/* Sends with SMTP AUTH, which is a login for each message. */
static void
sender(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = server_named("submission");
	const char *user = some_user();

	for (unsigned n = between(1, 20); n-- > 0;)
		visit_once(p, s, moment(), LOGIN, user);
}

static void
mistyper(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = server_for(UNKNOWN_USER, p);
	time_t at = moment();

	for (unsigned n = between(2, 6); n-- > 0; at += between(20, 1200))
		visit_once(p, s, at, UNKNOWN_USER, NULL);
	if (one_in(3))
		visit_once(p, server_for(RELAY_DENIED, p), at, RELAY_DENIED, NULL);
}

/* One message to a list, with as many as nine that are gone, tried again and again. */
static void
old_list(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = server_for(UNKNOWN_USER, p);
	const char *gone[9];
	unsigned n = between(3, 9);
	time_t at = moment();

	for (unsigned i = 0; i < n; i++)
		gone[i] = some_recipient();
	for (unsigned tries = between(1, 7); tries-- > 0; at += between(10, 900)) {
		struct visit *v = visit_new(p, s, at);

		for (unsigned i = 0; i < n; i++)
			visit_deed(v, i / 2, UNKNOWN_USER, gone[i]);
	}
}

/* Sends before reading: is refused to relay, reads, and goes on. */
static void
forgot_to_read(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = server_for(RELAY_DENIED, p);
	time_t at = moment();

	for (unsigned n = between(1, 5); n-- > 0; at += between(5, 60))
		visit_once(p, s, at, RELAY_DENIED, NULL);
	visit_once(p, mailbox_for(p), at + 10, LOGIN, NULL);
}

/* A list of forty who are gone, slowly, in a session that lasts: this sendmail tells whose it was when it ends.  By then
 * mail has been read there, and what was before is forgiven; so that thirty others later are no fifty. */
static void
long_session(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = server_named("sendmail-terse");
	struct visit *v = visit_new(p, s, dawn + any(SPAN - 3 * HOUR));

	for (unsigned i = 0; i < 40; i++)
		visit_deed(v, 8 * i, UNKNOWN_USER, NULL);
	visit_deed(v, between(360, 400), NOTHING, NULL);
	visit_once(p, mailbox_for(p), v->at + between(320, 350), LOGIN, NULL);
	v = visit_new(p, s, v->at + 2000);
	for (unsigned i = 0; i < 30; i++)
		visit_deed(v, 10 * i, UNKNOWN_USER, NULL);
}

/* Tries some passwords, and has one of them right; or gives up. */
static void
forgot_password(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s;
	const char *user = some_user();
	time_t at = moment();

	do
		s = server_for(AUTH_FAILURE, p);
	while (!server_says(s, LOGIN, p));
	for (unsigned n = between(1, 8); n-- > 0; at += between(3, 40))
		visit_once(p, s, at, AUTH_FAILURE, user);
	if (!one_in(4))
		visit_once(p, s, at + 5, LOGIN, user);
}

static void
phone(struct peer *p, unsigned every)
{
	const struct server *s = server_for(AUTH_FAILURE, p);
	const char *user = some_user();

	for (time_t at = dawn + any(every); at < dawn + SPAN - HOUR; at += every)
		visit_once(p, s, at, AUTH_FAILURE, user);
}

/* 96 in 24 hours. */
static void
phone_15(const char *role)
{
	phone(peer_new(role, EITHER, PERSON), 900);
}

/* 288: no person is helped by it, but nobody reads mail there either. */
static void
phone_5(const char *role)
{
	phone(peer_new(role, EITHER, 0), 300);
}

/* Beside it somebody reads mail every hour: everything is forgiven. */
static void
phone_and_reader(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = mailbox_for(p);
	const char *user = some_user();

	phone(p, between(120, 400));
	for (time_t at = dawn; at < dawn + SPAN - HOUR; at += between(1800, HOUR))
		visit_once(p, s, at, LOGIN, user);
}

/* Many behind one address: readers, mistypers, old passwords. */
static void
office(const char *role)
{
	struct peer *p = peer_new(role, V4, PERSON);
	unsigned heads = between(10, 40);

	for (unsigned i = 0; i < heads; i++) {
		const struct server *s = mailbox_for(p);
		const char *user = some_user();

		for (unsigned n = between(1, 6); n-- > 0;)
			visit_once(p, s, dawn + 8 * HOUR + any(10 * HOUR), LOGIN, user);
		if (one_in(6))
			visit_once(p, server_for(UNKNOWN_USER, p), dawn + 8 * HOUR + any(10 * HOUR), UNKNOWN_USER, NULL);
		if (one_in(8))
			visit_once(p, server_for(AUTH_FAILURE, p), dawn + 8 * HOUR + any(10 * HOUR), AUTH_FAILURE, user);
	}
	phone(p, 1200);
	/* Somebody's machine fetches the whole day: the rest is forgiven once an hour. */
	for (time_t at = dawn; at < dawn + SPAN - HOUR; at += between(1800, HOUR))
		visit_once(p, server_named("dovecot"), at, LOGIN, "fetch");
}

/* The morning after everybody's password was changed: some have the new one, and all telephones the old one.  It may be told
 * of; nobody is shut out for it. */
static void
new_passwords(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	time_t at = dawn + 8 * HOUR + any(HOUR);
	unsigned heads = between(20, 200), wise = between(1, heads);

	for (unsigned i = 0; i < heads; i++) {
		const char *user = keepf("u%u@example.org", i);

		for (unsigned n = between(1, 5); n-- > 0;)
			visit_once(p, server_named("dovecot"), at + 10 + any(2 * HOUR), AUTH_FAILURE, user);
		if (i < wise)
			visit_once(p, server_named("dovecot"), at + any(2 * HOUR), LOGIN, user);
	}
	for (time_t t = at; t < at + 2 * HOUR + 600; t += 600) /* one machine fetches all the time */
		visit_once(p, server_named("dovecot"), t, LOGIN, "u0@example.org");
	say(p->client->name, false);
}

/* Another mail server: greylisted, checked, sometimes wrong; nothing of it counts. */
static void
peer_server(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	const struct server *s = server_for(POLICY, p);

	for (unsigned n = between(5, 60); n-- > 0;)
		visit_once(p, s, moment(), POLICY, NULL);
}

/* Comes and goes, and leaves lines that mean nothing: warnings, our own refusals, trouble of our own. */
static void
passer_by(const char *role)
{
	struct peer *p = peer_new(role, EITHER, PERSON);
	time_t at = moment();

	for (unsigned n = between(3, 40); n-- > 0; at += any(30))
		visit_once(p, server_for(NOTHING, p), at, NOTHING, NULL);
}

/* Proxies and web mail: everybody seems to come from there. */
static void
own(const char *role)
{
	static unsigned n;
	static struct peer *peers[3];
	static const char *const ips[] = { "192.0.2.80", "127.0.0.1", "::1" };
	unsigned i = n++ % 3;

	if (peers[i] == NULL)
		peers[i] = peer_fixed(role, ips[i], OWN | PERSON);
	for (unsigned m = between(5, 20); m-- > 0;) {
		visit_once(peers[i], mailbox_for(peers[i]), moment(), LOGIN, NULL);
		visit_once(peers[i], server_for(AUTH_FAILURE, peers[i]), moment(), AUTH_FAILURE, NULL);
		visit_once(peers[i], server_for(RBL, peers[i]), moment(), RBL, NULL);
	}
}

/* On the allowlist, whatever it does. */
static void
allowed(const char *role)
{
	static unsigned n;
	struct peer *p;
	time_t at = moment();
	enum kind k = (enum kind)between(AUTH_FAILURE, PROTOCOL);

	if (n == 250)
		return;
	p = peer_fixed(role, keepf("198.51.100.%u", ++n), ALLOWED | PERSON);
	for (unsigned m = between(20, 60); m-- > 0; at += any(3))
		visit_once(p, server_for(k, p), at, k, NULL);
	if (one_in(2))
		visit_once(p, mailbox_for(p), at, LOGIN, NULL);
}

const struct role people[] = {
	{ "reader", 300, reader },
	{ "poller", 25, poller },
	{ "household", 30, household },
	{ "sender", 40, sender },
	{ "mistyper", 120, mistyper },
	{ "old-list", 30, old_list },
	{ "forgot-to-read", 40, forgot_to_read },
	{ "long-session", 10, long_session },
	{ "forgot-password", 60, forgot_password },
	{ "phone-15", 6, phone_15 },
	{ "phone-5", 3, phone_5 },
	{ "phone-and-reader", 5, phone_and_reader },
	{ "office", 4, office },
	{ "new-passwords", 2, new_passwords },
	{ "peer-server", 20, peer_server },
	{ "passer-by", 40, passer_by },
	{ "own", 3, own },
	{ "allowed", 6, allowed },
	{ NULL, 0, NULL },
};
