/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_work.c - the worker: requests in, changes to the kernel's sets, replies out
 *
 * One thread, one packet at a time.  The changes of a packet are gathered per set and handed to the kernel together;
 * anything else in the packet waits for them.
 *
 * A sync is a comparison, not a rebuilding: what is wanted is collected in a table, and at the end the kernel's list is
 * held against it and only the differences are changed, so an address that stays wanted is never out of the set, and a
 * set that is right is only read.  An empty set is filled while the list still comes in, without a table.  A set of the
 * wrong shape is replaced as a whole.
 *
 * A comparison of a million entries takes a second or more; new blocks must not wait for it.  So it pauses often and
 * serves what has come, and it decides what to do with an address only at the moment of doing it.
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

#define MEND_AT_ONCE 2048 /* a few milliseconds' worth */

/* A list of changes that grows. */
struct changes {
	struct kset_change *v;
	size_t n, cap;
};

enum sync {
	SYNC_NONE,
	SYNC_FILLS,  /* the set was empty: entries go straight into it */
	SYNC_COLLECTS, /* into the table */
	SYNC_COMPARES
};

struct worker {
	const struct helper_conf *conf;
	struct kset *set[FW_SETS];
	enum sync sync[FW_SETS];
	struct want *want[FW_SETS];    /* SYNC_COLLECTS, SYNC_COMPARES; else NULL */
	uint32_t filled, wanted[FW_SETS]; /* in this sync by SYNC_FILLS; in the last by SYNC_COLLECTS */
	struct changes batch[FW_SETS]; /* of this packet */
	struct kset_refusal refused;   /* in this packet, or in this sync */
	bool synced; /* before the first sync a set of the wrong shape is no news: it is about to be replaced */
};

/* What the comparison of one set comes to. */
struct repair {
	struct worker *worker;
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

static bool
syncing(const struct worker *w)
{
	return w->sync[FW_SET4] != SYNC_NONE;
}

static void
sync_drop(struct worker *w)
{
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		want_free(w->want[set]);
		w->want[set] = NULL;
		w->sync[set] = SYNC_NONE;
	}
}

static void
sync_begin(struct worker *w)
{
	struct kset_info info;
	struct err e;

	sync_drop(w);
	w->filled = 0;
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		w->sync[set] = SYNC_COLLECTS;
		if (kset_look(w->set[set], &info, &e) == 0 && info.shape == KSET_GOOD && info.entries == 0)
			w->sync[set] = SYNC_FILLS;
		else
			w->want[set] = want_new(w->conf->maxelem, w->wanted[set]);
	}
}

/* Into the table, when there is one. */
static void
note_wanted(struct worker *w, enum fw_set set, const struct fw_request *q)
{
	struct kset_refusal r = { .count = 1, .first = q->addr, .text = "more blocked clients than the set may hold" };

	if (w->want[set] != NULL && !want_put(w->want[set], &q->addr, q->timeout, now_seconds()))
		note_refusals(w, &r);
}

static void
sync_entry(struct worker *w, enum fw_set set, const struct fw_request *q)
{
	switch (w->sync[set]) {
	case SYNC_FILLS:
		changes_add(&w->batch[set], &q->addr, q->timeout);
		w->filled++;
		break;
	case SYNC_COLLECTS:
		note_wanted(w, set, q);
		break;
	case SYNC_NONE: /* meant for a worker that died after hearing the beginning */
	case SYNC_COMPARES:
		break;
	}
}

static void
compare(void *arg, const struct addr *a, uint32_t timeout)
{
	struct repair *p = arg;

	switch (want_check(p->want, a, timeout, p->now)) {
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
	changes_add(&p->todo, a, 0);
}

static void serve_waiting(struct worker *w);

static void
breathe(void *arg)
{
	struct repair *p = arg;

	serve_waiting(p->worker);
	p->now = now_seconds();
}

/* Everything wanted and not seen. */
static void
complete(struct repair *p)
{
	struct addr a;
	size_t at = 0;

	while (want_missing(p->want, &at, p->now, &a)) {
		changes_add(&p->todo, &a, 0);
		p->added++;
	}
}

/* Give `n` changes from `at` on the terms that hold now. */
static void
decide(struct repair *p, size_t at, size_t n)
{
	for (size_t i = at; i < at + n; i++)
		p->todo.v[i].timeout = want_term(p->want, &p->todo.v[i].addr, p->now);
}

static void
mend(struct repair *p, struct kset *k)
{
	struct kset_refusal refused;
	size_t at, n;

	for (at = 0; at < p->todo.n; at += n) {
		n = p->todo.n - at < MEND_AT_ONCE ? p->todo.n - at : MEND_AT_ONCE;
		decide(p, at, n);
		kset_apply(k, p->todo.v + at, n, &refused);
		if (refused.count != 0)
			note_refusals(p->worker, &refused);
		breathe(p);
	}
}

static int
replace(struct repair *p, struct kset *k, struct err *e)
{
	struct kset_refusal refused = { .count = 0 };
	int rc;

	decide(p, 0, p->todo.n);
	rc = kset_replace(k, p->todo.v, p->todo.n, &refused, e);
	if (refused.count != 0)
		note_refusals(p->worker, &refused);
	return rc;
}

static int
reconcile(struct repair *p, struct kset *k, struct err *e)
{
	struct kset_info info;

	if (kset_look(k, &info, e) == -1)
		return -1;
	if (info.shape == KSET_MISSING && kset_create(k, e) == -1)
		return -1;
	if (info.shape == KSET_GOOD && info.entries != 0 && kset_dump(k, compare, breathe, p, e) == -1)
		return -1;
	complete(p);
	if (info.shape == KSET_WRONG)
		return replace(p, k, e);
	mend(p, k);
	return 0;
}

static void
sync_end(struct worker *w, uint32_t seq)
{
	struct fw_reply r = { .op = FW_SYNCED, .seq = seq, .a = w->filled };

	w->synced = true;
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		struct repair p = { .worker = w, .want = w->want[set], .now = now_seconds() };
		struct err e = { .text = "" };

		if (w->sync[set] == SYNC_COLLECTS) {
			w->sync[set] = SYNC_COMPARES;
			w->wanted[set] = want_size(w->want[set]);
			if (reconcile(&p, w->set[set], &e) == 0) {
				r.a += p.added;
				r.b += p.removed;
				r.c += p.corrected;
			}
			free(p.todo.v);
		}
		tell_status(w, set, seq, &e);
	}
	sync_drop(w);
	tell_refusals(w);
	reply_send(&r);
}

/* Is every field what it may be? */
static bool
sane(const struct worker *w, const struct fw_request *q)
{
	static const struct addr none;
	bool comparing = w->sync[FW_SET4] == SYNC_COMPARES || w->sync[FW_SET6] == SYNC_COMPARES;
	bool timed = q->op == FW_ADD || q->op == FW_SYNC_ENTRY;

	if (q->op < FW_ADD || q->op > FW_QUERY || q->zero != 0 || q->zero2 != 0)
		return false;
	if (timed != (q->timeout != 0))
		return false;
	if (comparing && (q->op == FW_SYNC_BEGIN || q->op == FW_SYNC_ENTRY || q->op == FW_SYNC_END))
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
		note_wanted(w, set, q);
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
		if (syncing(w))
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
		if (sane(w, &q[i]))
			handle(w, &q[i]);
		else
			r.a++;
	}
	flush_batches(w);
	/* During a sync the refusals are told at its end: they are many and of one kind, if any. */
	if (!syncing(w))
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

/* One packet; false: there is none (now, with MSG_DONTWAIT), or no daemon any more. */
static bool
serve_one(struct worker *w, int flags)
{
	/* One byte more than a packet may have, so that a longer one shows.  Not static: see serve_waiting(). */
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

/* From within a comparison. */
static void
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
