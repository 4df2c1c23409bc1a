/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_work.c - the worker: requests in, changes to the kernel's sets, replies out
 *
 * One thread, one packet at a time.  The changes of a packet are gathered per set and handed to the kernel together;
 * anything else in the packet waits for them.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "helper_work.h"

void
reply_send(const struct fw_reply *r)
{
	while (send(FW_FD, r, sizeof(*r), MSG_NOSIGNAL) == -1 && errno == EINTR)
		;
}

void
reply_trouble(const char *text)
{
	struct fw_reply r = { .op = FW_TROUBLE };

	snprintf(r.text, sizeof(r.text), "%.*s", FW_TEXT - 1, text);
	reply_send(&r);
}

uint32_t
now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)ts.tv_sec;
}

void
changes_add(struct changes *c, const struct addr *a, uint32_t timeout)
{
	if (c->n == c->cap) {
		c->cap = c->cap != 0 ? 2 * c->cap : FW_BATCH;
		c->v = xrealloc(c->v, c->cap * sizeof(*c->v));
	}
	c->v[c->n].addr = *a;
	c->v[c->n++].timeout = timeout;
}

void
refusals_note(struct worker *w, const struct kset_refusal *r)
{
	uint32_t before = w->refused.count;

	if (before == 0)
		w->refused = *r;
	else
		w->refused.count = before + r->count;
}

void
refusals_tell(struct worker *w)
{
	struct fw_reply r = { .op = FW_FAILED, .a = w->refused.count, .addr = w->refused.first };

	if (w->refused.count != 0) {
		memcpy(r.text, w->refused.text, sizeof(r.text));
		reply_send(&r);
	}
	w->refused.count = 0;
}

void
status_tell(struct worker *w, enum fw_set set, uint32_t seq)
{
	struct fw_reply r = { .op = FW_STATUS, .set = (uint8_t)set, .seq = seq };
	struct kset_info info;
	struct err e;

	if (kset_look(w->set[set], &info, &e) == -1) {
		r.c = FW_SET_MISSING;
		snprintf(r.text, sizeof(r.text), "%.*s", FW_TEXT - 1, e.text);
	} else {
		r.a = info.entries;
		r.b = info.references;
		if (info.shape == KSET_MISSING)
			r.c = FW_SET_MISSING;
		else if (info.shape == KSET_WRONG && w->synced)
			r.c = FW_SET_WRONG;
		if (r.c != 0)
			snprintf(r.text, sizeof(r.text), "%s", r.c == FW_SET_MISSING ? "it is not there" : info.why);
	}
	if (w->trouble[set].text[0] != '\0')
		snprintf(r.text, sizeof(r.text), "%.*s", FW_TEXT - 1, w->trouble[set].text);
	reply_send(&r);
}

/* The kernel refused something: was it because somebody destroyed the set?  Then there is a new one, and the daemon
 * has been told to send everything. */
static bool
made_missing(struct worker *w, enum fw_set set)
{
	struct fw_reply r = { .op = FW_RESYNC, .set = (uint8_t)set };
	struct kset_info info;
	struct err e;

	if (kset_look(w->set[set], &info, &e) == -1 || info.shape != KSET_MISSING)
		return false;
	if (kset_create(w->set[set], &e) == -1)
		return false;
	snprintf(r.text, sizeof(r.text), "the set %s was gone", w->conf->name[set]);
	reply_send(&r);
	return true;
}

static void
flush_batches(struct worker *w)
{
	struct kset_refusal r;

	for (enum fw_set set = 0; set < FW_SETS; set++) {
		if (w->batch[set].n == 0)
			continue;
		kset_apply(w->set[set], w->batch[set].v, w->batch[set].n, &r);
		if (r.count != 0 && !made_missing(w, set))
			refusals_note(w, &r);
		w->batch[set].n = 0;
	}
}

/* Is every field what it may be? */
static bool
sane(const struct worker *w, const struct fw_request *q)
{
	static const struct addr none;
	bool timed = q->op == FW_ADD || q->op == FW_SYNC_ENTRY;

	if (q->op < FW_ADD || q->op > FW_QUERY || q->zero != 0 || q->zero2 != 0)
		return false;
	if (timed != (q->timeout != 0))
		return false;
	if (sync_comparing(w) && (q->op == FW_SYNC_BEGIN || q->op == FW_SYNC_ENTRY || q->op == FW_SYNC_END))
		return false; /* the daemon waits for the end of one sync before it begins another */
	if (!timed && q->op != FW_DEL)
		return q->family == 0 && addr_eq(&q->addr, &none);
	if (q->family != (addr_is4(&q->addr) ? 4 : 6))
		return false;
	return q->op == FW_DEL || !addr_is_special(&q->addr);
}

static void
handle(struct worker *w, const struct fw_request *q)
{
	enum fw_set set = q->family == 4 ? FW_SET4 : FW_SET6;

	if (q->op != FW_ADD && q->op != FW_DEL && q->op != FW_SYNC_ENTRY)
		flush_batches(w);
	switch ((enum fw_op)q->op) {
	case FW_ADD:
		changes_add(&w->batch[set], &q->addr, q->timeout);
		sync_note(w, set, q);
		break;
	case FW_DEL:
		changes_add(&w->batch[set], &q->addr, 0);
		if (w->want[set] != NULL)
			want_del(w->want[set], &q->addr);
		break;
	case FW_SYNC_BEGIN:
		sync_begin(w);
		break;
	case FW_SYNC_ENTRY:
		sync_entry(w, set, q);
		break;
	case FW_SYNC_END:
		/* When the packet is done: what comes in during the comparison is later than all of it. */
		w->ending = sync_running(w);
		w->end_seq = q->seq;
		break;
	case FW_QUERY:
		status_tell(w, FW_SET4, q->seq);
		status_tell(w, FW_SET6, q->seq);
		break;
	}
}

static void
handle_packet(struct worker *w, const struct fw_request *q, size_t len)
{
	struct fw_reply r = { .op = FW_IGNORED };

	if (len % sizeof(*q) != 0 || len > FW_BATCH * sizeof(*q)) {
		r.a = 1;
		reply_send(&r);
		return;
	}
	for (size_t i = 0; i < len / sizeof(*q); i++) {
		if (sane(w, &q[i]))
			handle(w, &q[i]);
		else
			r.a++;
	}
	flush_batches(w);
	if (w->ending) {
		w->ending = false;
		sync_end(w, w->end_seq);
	}
	/* During a sync the refusals are told at its end: they are many and of one kind, if any. */
	if (!sync_running(w))
		refusals_tell(w);
	if (r.a != 0)
		reply_send(&r);
}

/* Open both sets, making those that are missing. */
static int
open_sets(struct worker *w, struct err *e)
{
	struct kset_info info;

	for (enum fw_set set = 0; set < FW_SETS; set++) {
		w->set[set] = kset_open(w->conf, set, e);
		if (w->set[set] == NULL || kset_look(w->set[set], &info, e) == -1)
			return -1;
		if (info.shape == KSET_MISSING && kset_create(w->set[set], e) == -1)
			return -1;
	}
	return 0;
}

/* One packet; false: there is none (now, with MSG_DONTWAIT), or no daemon any more. */
static bool
serve_one(struct worker *w, int flags)
{
	/* One byte more than a packet may have, so that a longer one shows.  Not static: serve_waiting() comes back. */
	union {
		struct fw_request q[FW_BATCH];
		uint8_t room[FW_BATCH * sizeof(struct fw_request) + 1];
	} packet;
	ssize_t n;

	do
		n = recv(FW_FD, &packet, sizeof(packet.room), flags);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return false;
	handle_packet(w, packet.q, (size_t)n);
	return true;
}

void
serve_waiting(struct worker *w)
{
	while (serve_one(w, MSG_DONTWAIT))
		;
}

static int
serve(struct worker *w, uint32_t generation)
{
	struct fw_reply hello = { .op = FW_HELLO, .a = generation };

	reply_send(&hello);
	while (serve_one(w, 0))
		if (kset_lost(w->set[FW_SET4]) || kset_lost(w->set[FW_SET6]))
			return EX_PROTOCOL;
	return EX_OK;
}

int
worker_run(const struct helper_conf *c, uint32_t generation)
{
	struct worker w = { .conf = c };
	int status = EX_OK;
	struct err e;

	if (open_sets(&w, &e) == -1 || (!c->create_only && priv_confine_worker(&e) == -1)) {
		fprintf(stderr, "popauth-firewall: %s\n", e.text);
		if (!c->create_only)
			reply_trouble(e.text);
		status = EX_UNAVAILABLE;
	} else if (!c->create_only) {
		status = serve(&w, generation);
	}
	sync_drop(&w);
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		kset_close(w.set[set]);
		free(w.batch[set].v);
	}
	return status;
}
