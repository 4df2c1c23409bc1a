/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helper_sync.c - making the kernel's sets what the daemon wants them to be, as a whole
 *
 * A sync is a comparison, not a rebuilding: what is wanted is collected in a table, and at the end the kernel's list is
 * held against it and only the differences are changed, so an address that stays wanted is never out of the set, and a
 * set that is right is only read.  An empty set is filled while the list still comes in, without a table.  A set of the
 * wrong shape is replaced as a whole.
 *
 * A comparison of a million entries takes a second or more; new blocks must not wait for it.  So it pauses often and
 * serves what has come, and it decides what to do with an address only at the moment of doing it.
 */
#include <stdlib.h>

#include "helper_work.h"

#define MEND_AT_ONCE 2048 /* a few milliseconds' worth */

/* What the comparison of one set comes to. */
struct repair {
	struct worker *worker;
	struct want *want;
	struct changes todo;
	uint32_t now, added, removed, corrected;
};

bool
sync_running(const struct worker *w)
{
	return w->sync[FW_SET4] != SYNC_NONE;
}

bool
sync_comparing(const struct worker *w)
{
	return w->sync[FW_SET4] == SYNC_COMPARES || w->sync[FW_SET6] == SYNC_COMPARES;
}

void
sync_drop(struct worker *w)
{
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		want_free(w->want[set]);
		w->want[set] = NULL;
		w->sync[set] = SYNC_NONE;
	}
}

void
sync_begin(struct worker *w)
{
	struct kset_info info;
	struct err e;

	sync_drop(w);
	w->filled = 0;
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		uint32_t expect = w->wanted[set];

		w->sync[set] = SYNC_COLLECTS;
		if (kset_look(w->set[set], &info, &e) == 0 && info.shape == KSET_GOOD) {
			if (info.entries == 0) {
				w->sync[set] = SYNC_FILLS;
				continue;
			}
			if (info.entries > expect) /* a new worker takes up what an old one left */
				expect = info.entries;
		}
		w->want[set] = want_new(w->conf->maxelem, expect);
	}
}

/* Into the table, when there is one. */
void
sync_note(struct worker *w, enum fw_set set, const struct fw_request *q)
{
	struct kset_refusal r = { .count = 1, .first = q->addr, .text = "more blocked clients than the set may hold" };

	if (w->want[set] != NULL && !want_put(w->want[set], &q->addr, q->timeout, now_seconds()))
		refusals_note(w, &r);
}

void
sync_entry(struct worker *w, enum fw_set set, const struct fw_request *q)
{
	switch (w->sync[set]) {
	case SYNC_FILLS:
		changes_add(&w->batch[set], &q->addr, q->timeout);
		w->filled++;
		break;
	case SYNC_COLLECTS:
		sync_note(w, set, q);
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
			refusals_note(p->worker, &refused);
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
		refusals_note(p->worker, &refused);
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

void
sync_end(struct worker *w, uint32_t seq)
{
	struct fw_reply r = { .op = FW_SYNCED, .seq = seq, .a = w->filled };

	w->synced = true;
	for (enum fw_set set = 0; set < FW_SETS; set++) {
		struct repair p = { .worker = w, .want = w->want[set], .now = now_seconds() };

		w->trouble[set].text[0] = '\0';
		if (w->sync[set] == SYNC_FILLS)
			w->wanted[set] = w->filled;
		if (w->sync[set] == SYNC_COLLECTS) {
			w->sync[set] = SYNC_COMPARES;
			w->wanted[set] = want_size(w->want[set]);
			if (reconcile(&p, w->set[set], &w->trouble[set]) == 0) {
				r.a += p.added;
				r.b += p.removed;
				r.c += p.corrected;
			}
			free(p.todo.v);
		}
		status_tell(w, set, seq);
	}
	sync_drop(w);
	refusals_tell(w);
	reply_send(&r);
}
