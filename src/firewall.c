/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.c - the pusher: tells the helper what the kernel should hold
 *
 * One packet is under way at a time.  While the socket is full, the queue gathers and merges what comes; when the
 * packet is gone the next one is made of, in this order: what is left of the shard that a sync is at (it was read
 * before anything that is queued now, so it must not be sent after it), the queue, the sync's next shard, a query.
 *
 * What is said of an address is read from the ledger at the moment the packet is made, so the later packet is always
 * the truer one.
 */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "firewall.h"
#include "ledger.h"
#include "logmsg.h"
#include "pending.h"
#include "stats.h"

#define QUEUE_MAX	16384 /* addresses; beyond that a sync costs less than the list */
#define SYNC_EVERY	60    /* seconds */
#define SHARDS_AT_ONCE	8     /* then the queue is looked at again */
#define STATUS_WAIT	1     /* seconds that a status waits for the helper */
#define STOP_WAIT	2000  /* milliseconds that the helper has for ending by itself */
#define SYNC_SEQ	(1U << 31) /* marks a sync's sequence numbers; a query's have it clear */

enum sync_stage {
	SYNC_IDLE,
	SYNC_TELLING, /* shard by shard */
	SYNC_ASKED    /* all told, the helper compares */
};

enum said { SAID_NOTHING, SAID_NO, SAID_YES };

struct firewall {
	struct ledger *ledger;
	struct policy fold; /* nothing but the ipv6_prefix */
	int fd, wake;
	pthread_t thread;
	bool threaded;

	pthread_mutex_t lock; /* a leaf; guards all down to the blank line */
	pthread_cond_t told;  /* the helper answered a query, or died */
	struct pending *in;
	bool woken, stop;
	bool sync_wanted;
	bool gap_wanted; /* and there is a gap that we know of */
	uint32_t asked, answered; /* queries */
	struct firewall_status st;

	/* the pusher's own */
	pid_t pid;
	struct pending *out;
	struct fw_request packet[FW_BATCH];
	size_t n;
	struct fw_request *shard; /* what a sync has read and not yet put into a packet */
	size_t shard_n, shard_at, shard_cap;
	enum sync_stage stage;
	unsigned next_shard;
	uint32_t sync_seq, queried;
	time_t sync_at; /* on the monotonic clock */
	time_t now;	/* on the ledger's clock, for the packet in the making */
	size_t changes;	/* ADD and DEL in the packet */
	bool gap;	/* the running sync closes a gap that we know of: to find things missing is no news */
	bool misunderstood;
	bool failing;	/* something was refused since the last sync */
	enum said said[FW_SETS]; /* about references */
};

static time_t
monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- what the helper is told ---- */

static struct fw_request *
put(struct firewall *fw, enum fw_op op)
{
	struct fw_request *q = &fw->packet[fw->n++];

	*q = (struct fw_request){ .op = (uint8_t)op };
	return q;
}

static void
set_addr(struct fw_request *q, const struct addr *client, uint32_t timeout)
{
	q->family = addr_is4(client) ? 4 : 6;
	q->addr = *client;
	q->timeout = timeout;
}

/* Seconds for which the kernel should hold it; 0: not at all. */
static uint32_t
term_left(const struct record *r, time_t now)
{
	return record_blocked(r, (uint32_t)now) ? r->blocked_until - (uint32_t)now : 0;
}

struct view {
	time_t now;
	uint32_t timeout;
};

static void
view_term(void *arg, const struct addr *client, const struct record *r)
{
	struct view *v = arg;

	(void)client;
	v->timeout = term_left(r, v->now);
}

static void
put_queue(struct firewall *fw)
{
	struct addr a;

	while (fw->n < FW_BATCH && pending_next(fw->out, &a)) {
		struct view v = { .now = fw->now };

		ledger_view(fw->ledger, &fw->fold, &a, view_term, &v);
		set_addr(put(fw, v.timeout != 0 ? FW_ADD : FW_DEL), &a, v.timeout);
		fw->changes++;
	}
}

/* A ledger_fn: the shard is locked. */
static void
read_record(void *arg, const struct addr *client, const struct record *r)
{
	struct firewall *fw = arg;
	uint32_t timeout = term_left(r, fw->now);

	if (timeout == 0)
		return;
	if (fw->shard_n == fw->shard_cap) {
		fw->shard_cap = fw->shard_cap != 0 ? 2 * fw->shard_cap : FW_BATCH;
		fw->shard = xrealloc(fw->shard, fw->shard_cap * sizeof(*fw->shard));
	}
	fw->shard[fw->shard_n] = (struct fw_request){ .op = FW_SYNC_ENTRY };
	set_addr(&fw->shard[fw->shard_n++], client, timeout);
}

static void
put_shard(struct firewall *fw)
{
	while (fw->n < FW_BATCH && fw->shard_at < fw->shard_n)
		fw->packet[fw->n++] = fw->shard[fw->shard_at++];
}

static void
put_sync(struct firewall *fw)
{
	unsigned shards;

	for (shards = 0; shards < SHARDS_AT_ONCE && fw->n < FW_BATCH && fw->next_shard < LEDGER_SHARDS; shards++) {
		fw->shard_n = fw->shard_at = 0;
		ledger_walk_shard(fw->ledger, fw->next_shard++, read_record, fw);
		put_shard(fw);
	}
	if (fw->next_shard == LEDGER_SHARDS && fw->shard_at == fw->shard_n && fw->n < FW_BATCH) {
		put(fw, FW_SYNC_END)->seq = ++fw->sync_seq | SYNC_SEQ;
		fw->stage = SYNC_ASKED;
	}
}

static void
begin_sync(struct firewall *fw)
{
	put(fw, FW_SYNC_BEGIN);
	fw->stage = SYNC_TELLING;
	fw->next_shard = 0;
	fw->shard_n = fw->shard_at = 0;
}

/* Look at what the other threads want. */
static void
take(struct firewall *fw, bool *sync, uint32_t *asked)
{
	struct pending *p;

	pthread_mutex_lock(&fw->lock);
	fw->woken = false;
	if (pending_empty(fw->out)) {
		p = fw->in;
		fw->in = fw->out;
		fw->out = p;
	}
	*sync = fw->stage == SYNC_IDLE && (fw->sync_wanted || monotonic() >= fw->sync_at);
	if (*sync) {
		fw->gap = fw->gap_wanted;
		fw->sync_wanted = fw->gap_wanted = false;
	}
	*asked = fw->asked;
	pthread_mutex_unlock(&fw->lock);
}

/* Make the next packet; see the head of this file for the order. */
static void
fill(struct firewall *fw)
{
	uint32_t asked;
	bool sync;

	fw->now = time(NULL);
	put_shard(fw);
	if (fw->n == FW_BATCH)
		return;
	take(fw, &sync, &asked);
	if (sync)
		begin_sync(fw);
	put_queue(fw);
	if (fw->stage == SYNC_TELLING)
		put_sync(fw);
	if (asked != fw->queried && fw->n < FW_BATCH) {
		fw->queried = asked;
		put(fw, FW_QUERY)->seq = asked & ~SYNC_SEQ;
	}
}

/* ---- what the helper says ---- */

/* Its words go through str_show: it is trusted with the kernel's sets, not with our log. */
static void
keep_text(char *dst, const struct fw_reply *r)
{
	str_show(dst, FW_TEXT, (struct str){ r->text, strnlen(r->text, sizeof(r->text)) });
}

static void
hear_hello(struct firewall *fw, const struct fw_reply *r)
{
	/* Nothing that was under way counts any more. */
	fw->n = fw->changes = 0;
	fw->shard_n = fw->shard_at = 0;
	fw->stage = SYNC_IDLE;
	pthread_mutex_lock(&fw->lock);
	fw->queried = fw->answered;
	fw->sync_wanted = fw->gap_wanted = true;
	fw->st.state = FIREWALL_UP;
	fw->st.generation = r->a;
	fw->st.trouble[0] = '\0';
	pthread_mutex_unlock(&fw->lock);
	if (r->a <= 1) {
		logmsg(LEVEL_INFO, "firewall: the helper is ready");
		return;
	}
	stat_add(STAT_FIREWALL_RESTARTS, 1);
	logmsg(LEVEL_WARNING, "firewall: the helper died and has been started again (generation %u); "
	    "telling it everything", r->a);
}

static void
say_references(struct firewall *fw, const struct fw_reply *r)
{
	static const char *const family[FW_SETS] = { "IPv4", "IPv6" };
	enum said now = r->b != 0 ? SAID_YES : SAID_NO;

	if (fw->said[r->set] == now)
		return;
	if (now == SAID_NO)
		logmsg(LEVEL_WARNING, "firewall: no rule refers to the set of %s addresses: blocks drop no packet until "
		    "one does", family[r->set]);
	else if (fw->said[r->set] == SAID_NO)
		logmsg(LEVEL_NOTICE, "firewall: a rule refers to the set of %s addresses", family[r->set]);
	fw->said[r->set] = now;
}

static void
hear_status(struct firewall *fw, const struct fw_reply *r)
{
	struct firewall_set_status *s;
	char text[FW_TEXT];
	bool news;

	if (r->set >= FW_SETS)
		return;
	keep_text(text, r);
	s = &fw->st.set[r->set];
	pthread_mutex_lock(&fw->lock);
	news = strcmp(s->trouble, text) != 0;
	memcpy(s->trouble, text, sizeof(text));
	s->entries = r->a;
	s->references = r->b;
	/* The answer to a query is complete with the last set. */
	if (r->set == FW_SETS - 1 && (r->seq & SYNC_SEQ) == 0 && r->seq == (fw->queried & ~SYNC_SEQ)) {
		fw->answered = fw->queried;
		pthread_cond_broadcast(&fw->told);
	}
	pthread_mutex_unlock(&fw->lock);
	if (news && text[0] != '\0')
		logmsg(LEVEL_ERROR, "firewall: a kernel set cannot be used: %s", text);
	say_references(fw, r);
}

static void
hear_synced(struct firewall *fw, const struct fw_reply *r)
{
	bool repaired = !fw->gap && (r->a != 0 || r->b != 0 || r->c != 0);

	if (fw->stage != SYNC_ASKED || r->seq != (fw->sync_seq | SYNC_SEQ))
		return;
	fw->stage = SYNC_IDLE;
	fw->sync_at = monotonic() + SYNC_EVERY;
	stat_add(STAT_FIREWALL_SYNCS, 1);
	pthread_mutex_lock(&fw->lock);
	fw->st.synced = time(NULL);
	if (repaired)
		fw->st.repaired = fw->st.synced;
	if (!fw->failing)
		fw->st.trouble[0] = '\0';
	fw->failing = false;
	pthread_mutex_unlock(&fw->lock);
	if (repaired)
		logmsg(LEVEL_NOTICE, "firewall: the kernel's sets were not as they should be: %u added, %u removed, "
		    "%u terms corrected", r->a, r->b, r->c);
}

static void
hear_failed(struct firewall *fw, const struct fw_reply *r)
{
	char client[ADDR_TEXT], text[FW_TEXT];
	bool news;

	keep_text(text, r);
	stat_add(STAT_FIREWALL_FAILED, r->a);
	fw->failing = true;
	pthread_mutex_lock(&fw->lock);
	news = strcmp(fw->st.trouble, text) != 0;
	memcpy(fw->st.trouble, text, sizeof(text));
	fw->st.failures += r->a;
	pthread_mutex_unlock(&fw->lock);
	if (news)
		logmsg(LEVEL_ERROR, "firewall: the kernel refused %u changes, %s first: %s", r->a,
		    addr_format(client, &r->addr), text);
}

/* A bug of ours, or two builds mixed; the next one would be no news. */
static void
hear_ignored(struct firewall *fw, const struct fw_reply *r)
{
	stat_add(STAT_FIREWALL_FAILED, r->a);
	if (!fw->misunderstood)
		logmsg(LEVEL_ERROR, "firewall: the helper did not understand %u requests; is it of this version?", r->a);
	fw->misunderstood = true;
}

static void
hear_resync(struct firewall *fw, const struct fw_reply *r)
{
	char text[FW_TEXT];

	keep_text(text, r);
	pthread_mutex_lock(&fw->lock);
	fw->sync_wanted = fw->gap_wanted = true;
	fw->st.repaired = time(NULL);
	pthread_mutex_unlock(&fw->lock);
	logmsg(LEVEL_WARNING, "firewall: %s; telling the helper everything", text);
}

static void
hear_trouble(struct firewall *fw, const struct fw_reply *r)
{
	char text[FW_TEXT];
	bool news;

	keep_text(text, r);
	pthread_mutex_lock(&fw->lock);
	news = strcmp(fw->st.trouble, text) != 0;
	memcpy(fw->st.trouble, text, sizeof(text));
	pthread_mutex_unlock(&fw->lock);
	if (news)
		logmsg(LEVEL_ERROR, "firewall: the helper cannot work: %s", text);
}

static void
hear(struct firewall *fw, const struct fw_reply *r)
{
	switch ((enum fw_reply_op)r->op) {
	case FW_HELLO:
		hear_hello(fw, r);
		break;
	case FW_STATUS:
		hear_status(fw, r);
		break;
	case FW_SYNCED:
		hear_synced(fw, r);
		break;
	case FW_FAILED:
		hear_failed(fw, r);
		break;
	case FW_IGNORED:
		hear_ignored(fw, r);
		break;
	case FW_RESYNC:
		hear_resync(fw, r);
		break;
	case FW_TROUBLE:
		hear_trouble(fw, r);
		break;
	}
}

/* ---- the thread ---- */

/* Everything that has come; false: the helper is gone. */
static bool
drain(struct firewall *fw)
{
	struct fw_reply r;
	ssize_t n;

	for (;;) {
		n = recv(fw->fd, &r, sizeof(r), MSG_DONTWAIT | MSG_TRUNC);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		if ((size_t)n == sizeof(r))
			hear(fw, &r);
	}
}

static bool
push(struct firewall *fw)
{
	ssize_t n = send(fw->fd, fw->packet, fw->n * sizeof(fw->packet[0]), MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	stat_add(STAT_FIREWALL_SENT, fw->changes);
	fw->n = fw->changes = 0;
	return true;
}

/* How long there is nothing to do but to listen, in milliseconds. */
static int
patience(const struct firewall *fw)
{
	time_t left;

	if (fw->n > 0 || fw->st.state != FIREWALL_UP)
		return -1; /* only the helper can change that */
	if (!pending_empty(fw->out) || fw->stage == SYNC_TELLING)
		return 0;
	if (fw->stage == SYNC_ASKED)
		return -1;
	left = fw->sync_at - monotonic();
	return left <= 0 ? 0 : (int)left * 1000;
}

/* false: the helper is gone. */
static bool
listen_or_sleep(struct firewall *fw)
{
	struct pollfd p[2] = {
		{ .fd = fw->fd, .events = (short)(POLLIN | (fw->n > 0 ? POLLOUT : 0)) },
		{ .fd = fw->wake, .events = POLLIN },
	};
	eventfd_t count;

	if (poll(p, 2, patience(fw)) <= 0)
		return true;
	if (p[1].revents != 0)
		eventfd_read(fw->wake, &count);
	return (p[0].revents & ~POLLOUT) == 0 || drain(fw);
}

static bool
stopping(struct firewall *fw)
{
	bool stop;

	pthread_mutex_lock(&fw->lock);
	stop = fw->stop;
	pthread_mutex_unlock(&fw->lock);
	return stop;
}

/* There is no helper any more, and it is not ours to start another. */
static void
die(struct firewall *fw)
{
	char text[FW_TEXT];
	int status = 0;

	if (fw->pid > 0 && waitpid(fw->pid, &status, 0) == fw->pid)
		fw->pid = -1;
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed by signal %d", WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "exit status %d", WEXITSTATUS(status));
	pthread_mutex_lock(&fw->lock);
	fw->st.state = FIREWALL_DEAD;
	if (fw->st.trouble[0] == '\0')
		memcpy(fw->st.trouble, text, sizeof(text));
	pthread_cond_broadcast(&fw->told);
	pthread_mutex_unlock(&fw->lock);
	logmsg(LEVEL_ERROR, "firewall: the helper is gone (%s%s%s): new blocks are not enforced by the kernel until the "
	    "daemon is started again", text, strcmp(text, fw->st.trouble) != 0 ? "; " : "",
	    strcmp(text, fw->st.trouble) != 0 ? fw->st.trouble : "");
}

static void *
pusher(void *arg)
{
	struct firewall *fw = arg;

	while (!stopping(fw)) {
		if (fw->n == 0 && fw->st.state == FIREWALL_UP)
			fill(fw);
		if ((fw->n > 0 && !push(fw)) || !listen_or_sleep(fw)) {
			if (!stopping(fw))
				die(fw);
			break;
		}
	}
	return NULL;
}

/* ---- starting and stopping ---- */

static void
init_told(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void
destroy(struct firewall *fw)
{
	if (fw->fd != -1)
		close(fw->fd);
	if (fw->wake != -1)
		close(fw->wake);
	pthread_cond_destroy(&fw->told);
	pthread_mutex_destroy(&fw->lock);
	pending_free(fw->in);
	pending_free(fw->out);
	free(fw->shard);
	free(fw);
}

struct firewall *
firewall_start(struct firewall_helper h, struct ledger *l, unsigned ipv6_prefix, struct err *e)
{
	struct firewall *fw = xcalloc(1, sizeof(*fw));

	fw->ledger = l;
	fw->fold.ipv6_prefix = ipv6_prefix;
	fw->fd = h.fd;
	fw->pid = h.pid;
	fw->wake = -1;
	pthread_mutex_init(&fw->lock, NULL);
	init_told(&fw->told);
	fw->in = pending_new(QUEUE_MAX);
	fw->out = pending_new(QUEUE_MAX);
	fw->st.state = h.fd == -1 ? FIREWALL_DEAD : FIREWALL_STARTING;
	if (h.fd == -1)
		return fw;
	fw->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fw->wake == -1) {
		err_sys(e, "cannot make an eventfd for the firewall");
		goto fail;
	}
	errno = pthread_create(&fw->thread, NULL, pusher, fw);
	if (errno != 0) {
		err_sys(e, "cannot start the firewall's thread");
		goto fail;
	}
	fw->threaded = true;
	return fw;
fail:
	destroy(fw);
	return NULL;
}

/* With the lock held. */
static void
wake(struct firewall *fw)
{
	if (fw->woken || fw->wake == -1)
		return;
	fw->woken = true;
	eventfd_write(fw->wake, 1);
}

/* It ends when it sees our side closed; one that hangs is ended. */
static void
reap(struct firewall *fw)
{
	struct pollfd p = { .fd = fw->fd, .events = POLLIN };
	struct fw_reply r;

	if (fw->pid <= 0)
		return;
	shutdown(fw->fd, SHUT_WR);
	while (poll(&p, 1, STOP_WAIT) > 0)
		if (recv(fw->fd, &r, sizeof(r), 0) <= 0)
			break;
	if (p.revents == 0)
		kill(fw->pid, SIGKILL);
	waitpid(fw->pid, NULL, 0);
}

void
firewall_stop(struct firewall *fw)
{
	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	fw->stop = true;
	fw->woken = false;
	wake(fw);
	pthread_mutex_unlock(&fw->lock);
	if (fw->threaded)
		pthread_join(fw->thread, NULL);
	reap(fw);
	destroy(fw);
}

/* ---- what the others may ask ---- */

void
firewall_block_changed(void *arg, const struct addr *client)
{
	struct firewall *fw = arg;
	bool dead;

	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	dead = fw->st.state == FIREWALL_DEAD;
	if (!dead) {
		if (!pending_add(fw->in, client))
			fw->sync_wanted = fw->gap_wanted = true;
		wake(fw);
	}
	pthread_mutex_unlock(&fw->lock);
	if (dead)
		stat_add(STAT_FIREWALL_FAILED, 1);
}

void
firewall_sync(struct firewall *fw)
{
	if (fw == NULL)
		return;
	pthread_mutex_lock(&fw->lock);
	fw->sync_wanted = true;
	wake(fw);
	pthread_mutex_unlock(&fw->lock);
}

struct tally_arg {
	uint32_t now, blocked[FW_SETS];
};

static void
count_blocked(void *arg, const struct addr *client, const struct record *r)
{
	struct tally_arg *t = arg;

	if (record_blocked(r, t->now))
		t->blocked[addr_is4(client) ? FW_SET4 : FW_SET6]++;
}

/* With the lock held. */
static bool
ask(struct firewall *fw)
{
	struct timespec until;
	uint32_t mine = ++fw->asked;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += STATUS_WAIT;
	wake(fw);
	while (fw->st.state == FIREWALL_UP && (int32_t)(fw->answered - mine) < 0)
		if (pthread_cond_timedwait(&fw->told, &fw->lock, &until) != 0)
			return false;
	return fw->st.state == FIREWALL_UP;
}

void
firewall_status(struct firewall *fw, struct firewall_status *out)
{
	struct tally_arg t = { .now = (uint32_t)time(NULL) };
	bool fresh;

	memset(out, 0, sizeof(*out));
	if (fw == NULL)
		return;
	ledger_walk(fw->ledger, count_blocked, &t);
	pthread_mutex_lock(&fw->lock);
	fresh = fw->st.state == FIREWALL_UP && ask(fw);
	*out = fw->st;
	pthread_mutex_unlock(&fw->lock);
	out->fresh = fresh;
	for (enum fw_set set = 0; set < FW_SETS; set++)
		out->set[set].wanted = t.blocked[set];
}

const char *
firewall_state_name(enum firewall_state s)
{
	static const char *const name[] = { "off", "starting", "up", "dead" };

	return name[s];
}
