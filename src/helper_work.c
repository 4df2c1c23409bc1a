/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_work.c - the worker: requests in, changes to the kernel's sets, replies out
 *
 * One thread, one packet at a time.  The changes of a packet are gathered per set and handed to the kernel together;
 * anything else in the packet waits for them.
 *
 * A sync is a comparison, not a rebuilding: what is wanted is collected in a table, and at the end the kernel's list is
 * held against it and only the differences are changed, so an address that stays wanted is never out of the set, and a
 * set that is right is only read.  A set of the wrong shape is replaced as a whole.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "helper.h"

/* A list of changes that grows. */
struct changes {
	struct kset_change *v;
	size_t n, cap;
};

struct worker {
	const struct helper_conf *conf;
	struct kset *set[FW_SETS];
	struct want *want[FW_SETS];    /* during a sync, else NULL */
	struct changes batch[FW_SETS]; /* of this packet */
	struct kset_refusal refused;   /* in this packet, or in this sync */
	bool synced; /* before the first sync a set of the wrong shape is no news: it is about to be replaced */
};

/* What the comparison of one set comes to. */
struct repair {
	struct want *want;
	struct changes todo;
	uint32_t now, added, removed, corrected;
};

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

	snprintf(r.text, sizeof(r.text), "%s", text);
	reply_send(&r);
}

static uint32_t
now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)ts.tv_sec;
}

static void
changes_add(struct changes *c, const struct addr *a, uint32_t timeout)
{
	if (c->n == c->cap) {
		c->cap = c->cap != 0 ? 2 * c->cap : FW_BATCH;
		c->v = xrealloc(c->v, c->cap * sizeof(*c->v));
	}
	c->v[c->n].addr = *a;
	c->v[c->n++].timeout = timeout;
}

/* Remember the first refusal of a packet and count them all. */
static void
note_refusals(struct worker *w, const struct kset_refusal *r)
{
	uint32_t before = w->refused.count;

	if (before == 0)
		w->refused = *r;
	else
		w->refused.count = before + r->count;
}

static void
tell_refusals(struct worker *w)
{
	struct fw_reply r = { .op = FW_FAILED, .a = w->refused.count, .addr = w->refused.first };

	if (w->refused.count != 0) {
		memcpy(r.text, w->refused.text, sizeof(r.text));
		reply_send(&r);
	}
	w->refused.count = 0;
}

static void
tell_status(struct worker *w, enum fw_set set, uint32_t seq, const struct err *trouble)
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
			snprintf(r.text, sizeof(r.text), "%s", info.why);
	}
	if (trouble != NULL && trouble->text[0] != '\0')
		snprintf(r.text, sizeof(r.text), "%.*s", FW_TEXT - 1, trouble->text);
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
	if (kset_create(w->set[set], &e) == -1) {
		reply_trouble(e.text);
		return false;
	}
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
			note_refusals(w, &r);
		w->batch[set].n = 0;
	}
}

static void
sync_drop(struct worker *w)
{
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		want_free(w->want[set]);
		w->want[set] = NULL;
	}
}

static void
sync_begin(struct worker *w)
{
	sync_drop(w);
	for (enum fw_set set = 0; set < FW_SETS; set++)
		w->want[set] = want_new(w->conf->maxelem);
}

static void
sync_entry(struct worker *w, enum fw_set set, const struct fw_request *q)
{
	struct kset_refusal r = { .count = 1, .first = q->addr, .text = "more blocked clients than the set may hold" };

	if (!want_put(w->want[set], &q->addr, q->timeout, now_seconds()))
		note_refusals(w, &r);
}

static void
compare(void *arg, const struct addr *a, uint32_t timeout)
{
	struct repair *p = arg;
	uint32_t should;

	switch (want_check(p->want, a, timeout, p->now, &should)) {
	case WANT_OK:
		return;
	case WANT_FOREIGN:
		p->removed++;
		break;
	case WANT_OTHER_TERM:
		p->corrected++;
		break;
	case WANT_RENEW:
		break;
	}
	changes_add(&p->todo, a, should);
}

/* Everything wanted and not seen. */
static void
complete(struct repair *p)
{
	struct kset_change c;
	size_t at = 0;

	while (want_missing(p->want, &at, p->now, &c)) {
		changes_add(&p->todo, &c.addr, c.timeout);
		p->added++;
	}
}

static int
reconcile(struct worker *w, enum fw_set set, struct repair *p, struct err *e)
{
	struct kset *k = w->set[set];
	struct kset_refusal refused = { 0 };
	struct kset_info info;
	int rc = -1;

	if (kset_look(k, &info, e) == -1)
		return -1;
	if (info.shape == KSET_MISSING && kset_create(k, e) == -1)
		return -1;
	if (info.shape == KSET_GOOD && info.entries != 0 && kset_dump(k, compare, p, e) == -1)
		goto done;
	complete(p);
	rc = 0;
	if (info.shape == KSET_WRONG)
		rc = kset_replace(k, p->todo.v, p->todo.n, &refused, e);
	else
		kset_apply(k, p->todo.v, p->todo.n, &refused);
	if (refused.count != 0)
		note_refusals(w, &refused);
done:
	free(p->todo.v);
	return rc;
}

static void
sync_end(struct worker *w, uint32_t seq)
{
	struct fw_reply r = { .op = FW_SYNCED, .seq = seq };

	w->synced = true;
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		struct repair p = { .want = w->want[set], .now = now_seconds() };
		struct err e = { .text = "" };

		if (reconcile(w, set, &p, &e) == 0) {
			r.a += p.added;
			r.b += p.removed;
			r.c += p.corrected;
		}
		tell_status(w, set, seq, &e);
	}
	sync_drop(w);
	tell_refusals(w);
	reply_send(&r);
}

/* Is every field what it may be? */
static bool
sane(const struct fw_request *q)
{
	static const struct addr none;
	bool timed = q->op == FW_ADD || q->op == FW_SYNC_ENTRY;

	if (q->op < FW_ADD || q->op > FW_QUERY || q->zero != 0 || q->zero2 != 0)
		return false;
	if (timed != (q->timeout != 0))
		return false;
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

	if (q->op != FW_ADD && q->op != FW_DEL)
		flush_batches(w);
	switch ((enum fw_op)q->op) {
	case FW_ADD:
		changes_add(&w->batch[set], &q->addr, q->timeout);
		if (w->want[set] != NULL)
			sync_entry(w, set, q);
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
		/* Without a beginning it was meant for a worker that died. */
		if (w->want[set] != NULL)
			sync_entry(w, set, q);
		break;
	case FW_SYNC_END:
		if (w->want[FW_SET4] != NULL)
			sync_end(w, q->seq);
		break;
	case FW_QUERY:
		tell_status(w, FW_SET4, q->seq, NULL);
		tell_status(w, FW_SET6, q->seq, NULL);
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
		if (sane(&q[i]))
			handle(w, &q[i]);
		else
			r.a++;
	}
	flush_batches(w);
	/* During a sync the refusals are told at its end: they are many and of one kind, if any. */
	if (w->want[FW_SET4] == NULL)
		tell_refusals(w);
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

static int
serve(struct worker *w, uint32_t generation)
{
	/* One byte more than a packet may have, so that a longer one shows. */
	static union {
		struct fw_request q[FW_BATCH];
		uint8_t room[FW_BATCH * sizeof(struct fw_request) + 1];
	} packet;
	struct fw_reply hello = { .op = FW_HELLO, .a = generation };
	ssize_t n;

	reply_send(&hello);
	for (;;) {
		n = recv(FW_FD, &packet, sizeof(packet.room), 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return EX_OK;
		handle_packet(w, packet.q, (size_t)n);
		if (kset_lost(w->set[FW_SET4]) || kset_lost(w->set[FW_SET6]))
			return EX_PROTOCOL;
	}
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
