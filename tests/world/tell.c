/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tell.c - visits become lines, and facts
 *
 * Fields of shapes:
 *	%i address  %m the same, mapped into IPv6   %S with sendmail's IPv6:  %b postscreen's [address]:port
 *	%P Postfix's name[address]   %R sendmail's name [address]   %W others' name [address]   %X name and a blank, or
 *	nothing   %H name or address   %A name or [address]   %p port
 *	%u user  %r recipient  %z zone  %f sender  %e HELO  %E protocol  %d service  %s session  %q %N queue id
 *	%n number  %D small number
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct line **lines;
size_t lines_n;
struct fact **facts;
size_t facts_n;
struct visit **visits;
size_t visits_n;

/* ---- visits ---- */

struct visit *
visit_new(const struct peer *p, const struct server *s, time_t at)
{
	struct visit *v = keep(sizeof *v);

	*v = (struct visit){ .at = at, .peer = p, .server = s };
	do
		v->log = any(LOGS);
	while (!(s->logs & 1u << v->log));
	v->helo = one_in(3) ? ONE_OF("ylmf-pc", "localhost", "[192.168.1.5]", "User") : p->host;
	v->sender = one_in(8) ? "" : keepf("x%u@example.net", any(100000));
	visits = grow(visits, visits_n, sizeof(struct visit *));
	visits[visits_n++] = v;
	return v;
}

struct deed *
visit_deed(struct visit *v, unsigned after, enum kind kind, const char *text)
{
	v->deeds = grow(v->deeds, v->n, sizeof(struct deed));
	v->deeds[v->n] = (struct deed){ after, kind, text != NULL ? text : some_text(kind), 0 };
	return &v->deeds[v->n++];
}

struct visit *
visit_once(const struct peer *p, const struct server *s, time_t at, enum kind kind, const char *text)
{
	struct visit *v = visit_new(p, s, at);

	visit_deed(v, s->hello != NULL ? any(3) : 0, kind, text);
	return v;
}

const char *
some_text(enum kind kind)
{
	return kind == LOGIN || kind == AUTH_FAILURE ? some_user() : kind == RBL ? some_zone() : some_recipient();
}

/* ---- processes ---- */

#define PROCESSES 400

struct pool {
	struct {
		unsigned pid, served;
		time_t busy;
	} process[PROCESSES];
};

static unsigned
fork_pid(unsigned log)
{
	static unsigned last[LOGS];

	return 300 + last[log]++ % 9000; /* comes round within the day */
}

/* On the first log a client may meet any idle process, on the others the first: a quiet server has but one. */
static unsigned
pool_pid(struct pool *pool, const struct visit *v, time_t until)
{
	unsigned i = v->log == 0 ? any(40) : 0;

	while (i < PROCESSES && pool->process[i].busy >= v->at)
		i++;
	if (i == PROCESSES)
		die("%s has too few processes", v->server->name);
	if (pool->process[i].pid == 0 || pool->process[i].served++ >= 100) {
		pool->process[i].pid = fork_pid(v->log);
		pool->process[i].served = 0;
	}
	pool->process[i].busy = until;
	return pool->process[i].pid;
}

static unsigned
pid_of(const struct visit *v, time_t until)
{
	static struct pool pools[8][LOGS]; /* of the servers that have one */
	unsigned i = (unsigned)(v->server - servers);

	switch (v->server->pids) {
	case FORKS:
		return fork_pid(v->log);
	case POOL:
		if (i >= sizeof pools / sizeof pools[0])
			die("%s: no room for its processes", v->server->name);
		return pool_pid(&pools[i][v->log], v, until);
	case ONE:
		return 10001 + i;
	case NO_PID:
		break;
	}
	return 0;
}

/* ---- words ---- */

struct words {
	const struct visit *v;
	const char *user, *recipient, *zone, *session;
};

struct text {
	char *p;
	size_t n, size;
};

static void
add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->n + n + 1 > t->size && (t->p = realloc(t->p, t->size = 2 * (t->n + n + 1))) == NULL)
		die("out of memory");
	memcpy(t->p + t->n, s, n + 1);
	t->n += n;
}

static const char *
upper(const char *s)
{
	char *copy = keep(strlen(s) + 1);

	for (size_t i = 0; s[i] != '\0'; i++)
		copy[i] = (char)(s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 'A' : s[i]);
	return copy;
}

static bool
tells_port(const struct visit *v)
{
	return strcmp(v->server->name, "postscreen") == 0 || (ports_told && v->log == 0 && v->server->pids == POOL);
}

static const char *
address_field(char name, const struct visit *v)
{
	const struct peer *p = v->peer;
	bool named = strcmp(p->host, "unknown") != 0;
	const char *ip = name == 'm' && p->v4 ? keepf("::ffff:%s", p->ip)
	    : strchr("SRA", name) != NULL && !p->v4 ? keepf("IPv6:%s", upper(p->ip)) : p->ip;

	switch (name) {
	case 'b':
		return keepf("[%s]:%u", ip, v->port);
	case 'P':
		return tells_port(v) ? keepf("%s[%s]:%u", p->host, ip, v->port) : keepf("%s[%s]", p->host, ip);
	case 'R':
	case 'W':
		return named ? keepf("%s [%s]", p->host, ip) : keepf("[%s]", ip);
	case 'X':
		return named ? keepf("%s ", p->host) : "";
	case 'H':
		return named ? p->host : ip;
	case 'A':
		return named ? p->host : keepf("[%s]", ip);
	}
	return ip; /* i, m, S */
}

static const char *
field(char name, const struct words *w)
{
	switch (name) {
	case 'u':
		return w->user;
	case 'r':
		return w->recipient;
	case 'z':
		return w->zone;
	case 's':
		return w->session;
	case 'f':
		return w->v->sender;
	case 'e':
		return w->v->helo;
	case 'E':
		return ONE_OF("SMTP", "ESMTP");
	case 'd':
		return ONE_OF("imap", "pop3", "imap", "managesieve");
	case 'q':
		return w->v->id;
	case 'N':
		return one_in(2) ? "NOQUEUE" : w->v->id;
	case 'n':
		return keepf("%u", between(10, 60000));
	case 'D':
		return keepf("%u", between(1, 9));
	case 'p':
		return keepf("%u", w->v->port);
	}
	return address_field(name, w->v);
}

/* The first line of the shape.  Returns what follows its newline, or NULL. */
static const char *
expand(struct text *t, const char *shape, const struct words *w)
{
	for (; *shape != '\0' && *shape != '\n'; shape++) {
		const char one[] = { *shape, '\0' };

		add(t, *shape == '%' ? field(*++shape, w) : one);
	}
	return *shape == '\n' ? shape + 1 : NULL;
}

static const char *
some_id(const struct visit *v)
{
	static unsigned n;

	n++;
	if (v->server->is & SETTLES)
		return keepf("4AL%c%c%c%c%c%06u", 'A' + any(20), '0' + any(10), 'a' + any(20), '0' + any(10), 'A' + any(20), n);
	return one_in(2) ? keepf("4%05X%05X", n, any(0xfffff)) : keepf("4bXk%c%cz%06uRjz", 'B' + any(2), 'p' + any(3), n);
}

static struct words
words_of(const struct visit *v, const struct deed *d)
{
	struct words w = { .v = v, .user = some_user(), .recipient = some_recipient(), .zone = some_zone() };

	w.session = keepf("q%xYy2sX%xzsDA", any(0xfffff), any(0xffff));
	switch (d->kind) {
	case LOGIN:
	case AUTH_FAILURE:
		w.user = d->text;
		break;
	case RBL:
		w.zone = d->text;
		break;
	default:
		w.recipient = d->text;
	}
	return w;
}

/* ---- lines ---- */

static const char *
zone_offset(const struct tm *tm)
{
	char buf[8];

	strftime(buf, sizeof buf, "%z", tm);
	return keepf("%.3s:%s", buf, buf + 3);
}

/* What the logging system writes before the program's words. */
static void
head(struct text *t, const struct line *l, const char *tag, unsigned pid)
{
	static const char *const hosts[LOGS] = { "mx1", "mx2.example.org", "mx3" };
	unsigned form = l->log == 0 ? 0 : l->log == 1 ? 3 : any(7);
	const char *id = pid == 0 ? "" : keepf("[%u]", pid);
	char bsd[24], iso[24], utc[24];
	struct tm tm, gm;

	localtime_r(&l->at, &tm);
	gmtime_r(&l->at, &gm);
	strftime(bsd, sizeof bsd, "%b %e %H:%M:%S", &tm);
	strftime(iso, sizeof iso, "%FT%H:%M:%S", &tm);
	strftime(utc, sizeof utc, "%FT%H:%M:%S", &gm);
	switch (form) {
	case 0:
		add(t, keepf("%s %s %s%s: ", bsd, hosts[l->log], tag, id));
		return;
	case 1:
		add(t, keepf("%s <mail.info> %s %s%s: ", bsd, hosts[l->log], tag, id));
		return;
	case 2:
		add(t, keepf("%s %s %s%s: [ID %u mail.info] ", bsd, hosts[l->log], tag, id, between(1000, 999999)));
		return;
	case 3:
		add(t, keepf("%s%s %s %s%s: ", iso, zone_offset(&tm), hosts[l->log], tag, id));
		return;
	case 4:
		add(t, keepf("%s.%06uZ %s %s%s: ", utc, any(1000000), hosts[l->log], tag, id));
		return;
	}
	add(t, keepf("<22>1 %s.%03u%s %s %s %s - %s ", iso, any(1000), zone_offset(&tm), hosts[l->log], tag,
	    pid == 0 ? "-" : keepf("%u", pid), form == 5 ? "-" : "[meta sequenceId=\"7\" x=\"a\\]b\"]"));
}

/* Takes over what is in t. */
static struct line *
write_line(const struct visit *v, time_t at, const char *tag, unsigned pid, struct text *t)
{
	struct line *l = keep(sizeof *l);
	struct text whole = { NULL, 0, 0 };

	*l = (struct line){ .at = at, .order = (uint32_t)lines_n, .log = v->log };
	head(&whole, l, tag, pid);
	add(&whole, t->p);
	l->text = keepf("%s", whole.p);
	free(whole.p);
	free(t->p);
	*t = (struct text){ NULL, 0, 0 };
	lines = grow(lines, lines_n, sizeof(struct line *));
	lines[lines_n++] = l;
	return l;
}

static struct fact *
fact_new(const struct visit *v, const struct deed *d, time_t at, struct line *l)
{
	struct fact *f = keep(sizeof *f);
	struct client *c = v->peer->client;

	*f = (struct fact){ .peer = v->peer, .kind = d->kind, .at = at, .line = l, .text = d->text, .times = 1 };
	f->session = tells_port(v) ? 1u << 31 | v->port : v->pid == 0 ? 0 : v->log << 20 | v->pid;
	f->lies = v->lies;
	f->no_user = v->server->is & NO_USER;
	facts = grow(facts, facts_n, sizeof(struct fact *));
	facts[facts_n++] = f;
	c->facts = grow(c->facts, c->n, sizeof(struct fact *));
	c->facts[c->n++] = f;
	return f;
}

/* "message repeated n times: [ ...]": the same words, some seconds later. */
static void
repeat(const struct visit *v, const struct deed *d, time_t at, const char *shape, const struct words *w)
{
	struct text t = { NULL, 0, 0 };

	add(&t, keepf("message repeated %u times: [ ", d->times));
	expand(&t, shape, w);
	add(&t, "]");
	fact_new(v, d, at, write_line(v, at, v->server->tag, v->pid, &t))->times = d->times;
}

/* The line says whose the queue id is: that completes what was told of it before. */
static void
settle(struct visit *v, struct line *l)
{
	for (size_t i = v->facts; i < facts_n; i++)
		if (facts[i]->line == NULL) {
			facts[i]->line = l;
			facts[i]->late = true;
		}
	v->known = true;
}

/* One line of a deed: mark, perhaps another tag, words. */
static const char *
tell_line(struct visit *v, const struct deed *d, time_t at, const char *shape, const struct words *w)
{
	char mark = *shape++, tag[32];
	unsigned pid = v->pid;
	struct text t = { NULL, 0, 0 };
	struct line *l;
	struct fact *f;
	int n = 0;

	snprintf(tag, sizeof tag, "%s", v->server->tag);
	if (*shape == '@' && sscanf(shape, "@%31s %n", tag, &n) == 1) {
		shape += n;
		pid = 20000;
	}
	add(&t, "");
	if (d->times > 0 && strchr(shape, '\n') == NULL && strchr("+=", mark) != NULL)
		repeat(v, d, at + 1, shape, w);
	shape = expand(&t, shape, w);
	l = write_line(v, at, tag, pid, &t);
	if (mark != '-') {
		f = fact_new(v, d, at, mark == '~' && !v->known ? NULL : l);
		f->again = mark == '*';
		f->text = mark == '?' ? "" : f->text;
	}
	if (mark == '=')
		settle(v, l);
	return shape;
}

static void
tell_deed(struct visit *v, const struct deed *d)
{
	struct words w = words_of(v, d);
	const char *shape = one_of(v->server->says[d->kind]);

	for (time_t at = v->at + d->after; shape != NULL; at += any(2))
		shape = tell_line(v, d, at, shape, &w);
}

/* Its first or last line. */
static struct line *
tell_frame(const struct visit *v, time_t at, const char *shape)
{
	const struct deed none = { 0, NOTHING, "", 0 };
	struct words w = words_of(v, v->n > 0 ? &v->deeds[0] : &none);
	struct text t = { NULL, 0, 0 };

	add(&t, "");
	expand(&t, shape, &w);
	return write_line(v, at, v->server->tag, v->pid, &t);
}

static void
tell(struct visit *v)
{
	static unsigned visit;
	time_t end = v->at + (v->n > 0 ? v->deeds[v->n - 1].after : 0) + 2 + any(3);

	v->pid = pid_of(v, end);
	v->port = 1024 + visit++ * 7919u % 64007; /* a prime: none comes twice in a while */
	v->id = some_id(v);
	v->facts = facts_n;
	v->known = v->server->is & INTRODUCES;
	if (v->server->hello != NULL)
		tell_frame(v, v->at, v->server->hello);
	for (size_t i = 0; i < v->n; i++)
		tell_deed(v, &v->deeds[i]);
	if (v->server->bye != NULL)
		settle(v, tell_frame(v, end, v->server->bye));
}

static int
by_start(const void *a, const void *b)
{
	const struct visit *const *v = a, *const *w = b;

	if ((*v)->at != (*w)->at)
		return (*v)->at < (*w)->at ? -1 : 1;
	return (*v)->pid < (*w)->pid ? -1 : (*v)->pid > (*w)->pid;
}

static int
by_time(const void *a, const void *b)
{
	const struct line *const *l = a, *const *m = b;

	if ((*l)->at != (*m)->at)
		return (*l)->at < (*m)->at ? -1 : 1;
	return (*l)->order < (*m)->order ? -1 : (*l)->order > (*m)->order;
}

void
tell_all(void)
{
	unsigned number[LOGS] = { 0 };

	for (size_t i = 0; i < visits_n; i++)
		visits[i]->pid = (unsigned)i; /* for now: what was made first comes first */
	qsort(visits, visits_n, sizeof(struct visit *), by_start);
	for (size_t i = 0; i < visits_n; i++)
		tell(visits[i]);
	qsort(lines, lines_n, sizeof(struct line *), by_time);
	for (size_t i = 0; i < lines_n; i++) {
		lines[i]->order = (uint32_t)i;
		lines[i]->number = ++number[lines[i]->log];
	}
}
