/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall_push.c - the pusher: tells the helper what the kernel should hold
 *
 * One packet is under way at a time.  While the socket is full, the queue gathers and merges what comes; when the
 * packet is gone the next one is made of, in this order: what is left of the shard that a sync is at (it was read
 * before anything that is queued now, so it must not be sent after it), the queue, the sync's next shard, a query.
 *
 * A minute after the last, the sets are looked at: by a sync, or, where the last one took long, by a question for their
 * heads, which is answered at once.  Who finds a head that is wrong asks for a sync.
 *
 * What is said of an address is read from the ledger at the moment the packet is made, so the later packet is always
 * the truer one.
 */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "firewall_int.h"
#include "logmsg.h"
#include "stats.h"

#define SHARDS_AT_ONCE 2 /* then the queue is looked at again: a millisecond's worth where there are ten million clients */

uint64_t
firewall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

time_t
firewall_monotonic(void)
{
	return (time_t)(firewall_clock() / 1000);
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
		put(fw, FW_SYNC_END)->seq = ++fw->sync_seq | FIREWALL_SYNC_SEQ;
		fw->stage = SYNC_ASKED;
	}
}

static void
begin_sync(struct firewall *fw)
{
	put(fw, FW_SYNC_BEGIN);
	fw->stage = SYNC_TELLING;
	fw->sync_failed = false;
	fw->began = firewall_clock();
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
	fw->called = !pending_empty(fw->in);
	*sync = fw->stage == SYNC_IDLE && (fw->sync_wanted || firewall_monotonic() >= fw->sync_at);
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
	else if (fw->look_shard < LEDGER_SHARDS)
		firewall_look_on(fw, SHARDS_AT_ONCE);
	if (asked != fw->queried && fw->n < FW_BATCH) {
		fw->queried = asked;
		put(fw, FW_QUERY)->seq = asked;
	}
	if (fw->stage == SYNC_IDLE && firewall_monotonic() >= fw->look_at && fw->n < FW_BATCH) {
		fw->look_at = firewall_monotonic() + FIREWALL_LOOK;
		put(fw, FW_QUERY)->seq = FIREWALL_LOOK_SEQ;
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
			firewall_hear(fw, &r);
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
	if (fw->called || !pending_empty(fw->out) || fw->stage == SYNC_TELLING || fw->look_shard < LEDGER_SHARDS)
		return 0;
	if (fw->stage == SYNC_ASKED)
		return -1;
	left = (fw->sync_at < fw->look_at ? fw->sync_at : fw->look_at) - firewall_monotonic();
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
	if (p[1].revents != 0) {
		eventfd_read(fw->wake, &count);
		fw->called = true;
	}
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
	void (*lost)(void *arg) = NULL;
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
	if (fw->greeted != 0 && firewall_clock() - fw->greeted >= fw->lost_after)
		lost = fw->lost;
	pthread_cond_broadcast(&fw->told);
	pthread_mutex_unlock(&fw->lock);
	logmsg(LEVEL_ERROR, "firewall: the helper is gone (%s%s%s): new blocks are not enforced by the kernel until the "
	    "daemon is started again", text, strcmp(text, fw->st.trouble) != 0 ? "; " : "",
	    strcmp(text, fw->st.trouble) != 0 ? fw->st.trouble : "");
	if (lost != NULL)
		lost(fw->lost_arg);
}

void *
firewall_push(void *arg)
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
