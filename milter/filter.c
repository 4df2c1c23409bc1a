/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.c - from libmilter's callbacks to the session, and back
 *
 * libmilter 8.17 as Debian and Fedora build it has a pool of worker threads: the callbacks of one session come one
 * after the other, but from different threads.  xxfi_close may come without xxfi_connect (the MTA opened a connection
 * and thought better of it), and does not come for the sessions that are open when the filter stops.
 *
 * Nothing here waits for anything but a short lock.
 */
#include "filter.h"

#include <libmilter/mfapi.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "logmsg.h"
#include "session.h"
#include "stats.h"

#define NAME "popauth-milter"

static struct pipeline *pipeline;

/* One for each session that is refused, and a client may have as many of these as it likes. */
static struct flood refusals = { .what = "refusals", .n = 300, .span = 60 };

/* Callbacks hold it for reading; filter_stop() takes it for writing and never gives it back. */
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

static bool
enter(void)
{
	return pthread_rwlock_tryrdlock(&gate) == 0;
}

static void
leave(void)
{
	pthread_rwlock_unlock(&gate);
}

/* libmilter takes char * for what it does not change. */
static char *
lent(const char *s)
{
	return (char *)(uintptr_t)s;
}

static struct str
macro(SMFICTX *ctx, const char *name)
{
	return str_of(smfi_getsymval(ctx, lent(name)));
}

/* smfi_setreply(3) is documented not to work in xxfi_connect, where sendmail drops the text and keeps the refusal;
 * Postfix shows it (milter8.c).  libmilter passes it on either way. */
static sfsistat
answer(SMFICTX *ctx, const char *stage, enum say say, const struct reply *r)
{
	char text[2 * REPLY_TEXT];

	if (say == SAY_CONTINUE)
		return SMFIS_CONTINUE;
	if (say == SAY_ACCEPT)
		return SMFIS_ACCEPT;
	if (r->first)
		logmsg_flood(&refusals, LEVEL_INFO, "%s refused at %s: %s %s %s", r->client, stage, r->code, r->dsn, r->text);
	/* If it will not have our text, the MTA's own must do. */
	(void)smfi_setreply(ctx, lent(r->code), lent(r->dsn), reply_for_milter(text, r));
	return r->code[0] == '4' ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

/* A session that we know nothing of, because it began without us.  With a gate nobody passes unseen. */
static sfsistat
unknown_session(void)
{
	struct conf *c = conf_current();
	bool closed = c != NULL && c->gate != GATE_MODE_OFF;

	conf_put(c);
	return closed ? SMFIS_TEMPFAIL : SMFIS_ACCEPT;
}

/* Submitted locally, by a UNIX socket, or by something that Postfix calls "unknown".  With a gate it may write to us and,
 * being nowhere at home, to nobody else. */
static bool
address_missing(struct addr *a)
{
	struct conf *c = conf_current();
	bool closed = c != NULL && c->gate != GATE_MODE_OFF;

	conf_put(c);
	stat_add(STAT_SESSIONS_UNKNOWN, 1);
	*a = (struct addr){ { 0 } };
	return !closed;
}

/* Leave out what nobody here looks at, and ask for recipients that the MTA refuses by itself. */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
    unsigned long *pf0, unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
	(void)f2;
	(void)f3;
	*pf0 = f0 & SMFIF_SETSYMLIST;
	*pf1 = f1 & (SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NODATA | SMFIP_NOUNKNOWN | SMFIP_RCPT_REJ);
	*pf2 = *pf3 = 0;
	if (*pf0 == 0)
		return SMFIS_CONTINUE;
	if (smfi_setsymlist(ctx, SMFIM_CONNECT, lent("j {daemon_name} {daemon_addr} {if_addr} {client_name} {client_resolve}")) ==
		MI_FAILURE ||
	    smfi_setsymlist(ctx, SMFIM_ENVFROM, lent("i {auth_authen} {auth_type}")) == MI_FAILURE ||
	    smfi_setsymlist(ctx, SMFIM_ENVRCPT, lent("{rcpt_mailer} {rcpt_host} {rcpt_addr}")) == MI_FAILURE)
		*pf0 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *sa)
{
	struct session *s = smfi_getpriv(ctx);
	struct addr a;
	struct reply r;
	enum say say;

	(void)host;
	if (!enter())
		return SMFIS_NOREPLY;
	session_drop(s); /* a second connect without a close between */
	(void)smfi_setpriv(ctx, NULL);
	if (addr_from_sockaddr(&a, sa) == -1 && address_missing(&a)) {
		stat_add(STAT_SESSIONS, 1);
		leave();
		return SMFIS_ACCEPT;
	}
	s = session_open(pipeline, &a, smfi_getsymval(ctx, lent("{daemon_name}")));
	(void)smfi_setpriv(ctx, s);
	say = session_connect(s, time(NULL), &r);
	leave();
	return answer(ctx, "connect", say, &r);
}

static sfsistat
on_helo(SMFICTX *ctx, char *helo)
{
	struct session *s = smfi_getpriv(ctx);
	struct mta_self self = { macro(ctx, "j"), { macro(ctx, "{daemon_addr}"), macro(ctx, "{if_addr}") } };
	struct reply r;
	enum say say;

	if (s == NULL)
		return unknown_session();
	if (!enter())
		return SMFIS_NOREPLY;
	say = session_helo(s, &self, str_of(helo), time(NULL), &r);
	leave();
	return answer(ctx, "HELO", say, &r);
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct session *s = smfi_getpriv(ctx);
	struct mail_facts facts = { macro(ctx, "{auth_authen}"), macro(ctx, "{client_resolve}"), macro(ctx, "{client_name}"),
		macro(ctx, "i") };
	struct reply r;
	enum say say;

	if (s == NULL)
		return unknown_session();
	if (!enter())
		return SMFIS_NOREPLY;
	say = session_mail(s, &facts, str_of(argv[0]), time(NULL), &r);
	leave();
	return answer(ctx, "MAIL", say, &r);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct session *s = smfi_getpriv(ctx);
	struct rcpt_facts facts = { macro(ctx, "{rcpt_mailer}"), macro(ctx, "{rcpt_host}"), macro(ctx, "{rcpt_addr}") };
	struct reply r;
	enum say say;

	if (s == NULL)
		return unknown_session();
	if (!enter())
		return SMFIS_NOREPLY;
	say = session_rcpt(s, &facts, str_of(argv[0]), time(NULL), &r);
	leave();
	return answer(ctx, "RCPT", say, &r);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	(void)smfi_setpriv(ctx, NULL);
	if (!enter()) {
		session_drop(s);
		return SMFIS_CONTINUE;
	}
	session_close(s, time(NULL));
	leave();
	return SMFIS_CONTINUE;
}

int
filter_register(struct pipeline *pl, struct err *e)
{
	struct smfiDesc desc = {
		.xxfi_name = lent(NAME),
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	pipeline = pl;
	if (smfi_register(desc) == MI_FAILURE)
		return err_set(e, "libmilter does not accept our version %#x", SMFI_VERSION);
	return 0;
}

void
filter_stop(void)
{
	/* Readers are let in before us until the last one has left, which is soon: no callback waits. */
	pthread_rwlock_wrlock(&gate);
}
