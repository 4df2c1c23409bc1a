/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulate.c - the whole policy over logs of the past: see simulate.h
 *
 * Logs are merged by their clocks: as long as a log's clock is not ahead of all others', its lines come next.
 */
#include "simulate.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "intake.h"
#include "pipeline.h"
#include "simulate_batch.h"
#include "simulate_log.h"
#include "simulate_mail.h"
#include "simulate_seen.h"

#define DAY	86400
#define MINUTE	60
#define NOTICES_MAX 1000

struct side {
	const struct conf *conf;
	struct ledger *ledger;
	struct guard *guard;
	struct history *history;
	struct pipeline pipeline;
	struct seen seen;
	struct notice *notices;
	size_t nnotices, notices_cap;
	uint64_t notices_left_out;
	uint64_t trusted, forgiven;
};

struct simulate {
	struct intake intake;
	struct mails *mails;
	struct simlog *logs;
	unsigned nlogs;
	struct side sides[SIMULATE_SIDES];
	unsigned nsides;
	time_t present, clock; /* -1: no line with a time yet */
	time_t swept, tended;
	uint64_t matched;
	struct batch batch;
};

static void
told(void *arg, const struct event *ev, const struct addr *client, unsigned changes)
{
	struct side *side = arg;

	if (ev->source == SOURCE_CONTROL) { /* by a breaker */
		seen_taken_back(&side->seen, client, changes, ev->time);
		return;
	}
	side->trusted += (changes & CHANGE_TRUSTED) != 0;
	side->forgiven += (changes & CHANGE_FORGIVEN) != 0;
	seen_event(&side->seen, side->ledger, &side->conf->policy, ev, client, changes);
}

static void
notice(void *arg, const struct notice *n)
{
	struct side *side = arg;

	if (side->nnotices == NOTICES_MAX) {
		side->notices_left_out++;
		return;
	}
	if (side->nnotices == side->notices_cap) {
		side->notices_cap = side->notices_cap == 0 ? 16 : side->notices_cap * 2;
		side->notices = xrealloc(side->notices, side->notices_cap * sizeof *side->notices);
	}
	side->notices[side->nnotices++] = *n;
}

static void
add_side(struct simulate *s, const struct conf *c)
{
	struct side *side = &s->sides[s->nsides++];
	const struct effects fx = { .arg = side, .told = told };

	side->conf = c;
	side->ledger = ledger_new(c->max_clients);
	side->guard = guard_new();
	pipeline_init(&side->pipeline, side->ledger, &fx);
	pipeline_guard(&side->pipeline, side->guard, NULL, notice);
	side->pipeline.history = side->history = history_new();
	seen_init(&side->seen);
}

/* The same file, under whatever name. */
static int
check_twice(char *const *logs, unsigned n, struct err *e)
{
	struct stat a, b;

	if (strcmp(logs[n], "-") != 0 && stat(logs[n], &a) == -1)
		return err_sys(e, "%s", logs[n]);
	for (unsigned i = 0; i < n; i++) {
		bool same = strcmp(logs[i], logs[n]) == 0;

		if (!same && strcmp(logs[i], "-") != 0 && strcmp(logs[n], "-") != 0 && S_ISREG(a.st_mode))
			same = stat(logs[i], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
		if (same)
			return err_set(e, "%s: is given twice", logs[n]);
	}
	return 0;
}

/* A log and its packed copy, which are both there while logrotate packs; a copy under another name. */
static int
check_copies(const struct simlog *logs, unsigned n, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (simlog_same(&logs[i], &logs[n]))
			return err_set(e, "%s: is given twice: %s begins with the same lines", logs[n].name, logs[i].name);
	return 0;
}

static int
open_logs(struct simulate *s, char *const *logs, struct err *e)
{
	unsigned n = 0;

	while (logs[n] != NULL)
		if (check_twice(logs, n++, e) == -1)
			return -1;
	if (n == 0)
		return err_set(e, "a log is missing");
	s->logs = xcalloc(n, sizeof *s->logs);
	while (s->nlogs < n) {
		unsigned i = s->nlogs++;

		if (simlog_open(&s->logs[i], logs[i], s->present, e) == -1 || check_copies(s->logs, i, e) == -1)
			return -1;
	}
	simlog_order(s->logs, n);
	return 0;
}

struct simulate *
simulate_open(const struct simulate_setup *setup, struct err *e)
{
	struct simulate *s = xcalloc(1, sizeof *s);

	s->present = setup->present;
	s->clock = -1;
	s->mails = mails_new();
	intake_init(&s->intake);
	intake_use(&s->intake, setup->rules);
	add_side(s, setup->conf);
	if (setup->other != NULL)
		add_side(s, setup->other);
	if (open_logs(s, setup->logs, e) == 0)
		return s;
	simulate_free(s);
	return NULL;
}

void
simulate_free(struct simulate *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->nlogs; i++)
		simlog_close(&s->logs[i]);
	free(s->logs);
	for (unsigned i = 0; i < s->nsides; i++) {
		seen_clear(&s->sides[i].seen);
		ledger_free(s->sides[i].ledger);
		guard_free(s->sides[i].guard);
		history_free(s->sides[i].history);
		free(s->sides[i].notices);
	}
	intake_clear(&s->intake);
	mails_free(s->mails);
	free(s);
}

/* --- running --- */

/* The time that a line is read at: only a late line's own is another. */
static time_t
present(const struct simulate *s, time_t at)
{
	return at > s->clock ? at : s->clock;
}

/* No DNSBL has refused it, and whom it would be a pity to shut out is known better. */
static void
apply_accepted(struct simulate *s, const struct addr *from, time_t at, time_t now)
{
	struct side *side = &s->sides[0];
	const struct policy *p = &side->conf->policy;
	struct addr client = addr_client(from, p->ipv6_prefix);
	struct seen_client *c;

	for (unsigned i = 0; i < s->nsides; i++)
		pipeline_came(&s->sides[i].pipeline, &s->sides[i].conf->policy, from, at, now);
	if (!policy_trusts(p, from) && (c = seen_client(&side->seen, &client, false)) != NULL)
		c->mails++;
}

static void
apply(struct simulate *s, const struct event *ev, unsigned times, time_t now)
{
	if (times == 0)
		apply_accepted(s, &ev->addr, ev->time, now);
	for (unsigned i = 0; i < s->nsides; i++)
		for (unsigned n = 0; n < times; n++)
			pipeline_event(&s->sides[i].pipeline, &s->sides[i].conf->policy, ev, now);
}

/* One step nearer to what the event is about. */
static void
fetch(struct simulate *s, struct waiting *w)
{
	for (unsigned i = 0; i < s->nsides; i++) {
		struct side *side = &s->sides[i];
		struct fetch *f = &w->fetch[i];

		seen_fetch(&side->seen, &f->client, &f->seen);
		if (w->times == 0)
			continue;
		guard_fetch(side->guard, &w->ev, &f->client, &f->target);
		ledger_fetch(side->ledger, &f->client, &f->ledger);
	}
}

static void
apply_batch(struct simulate *s)
{
	struct batch *b = &s->batch;

	for (unsigned step = 0; step < LEDGER_STEPS && b->n > 1; step++)
		for (unsigned i = 0; i < b->n; i++)
			fetch(s, &b->v[i]);
	for (unsigned i = 0; i < b->n; i++)
		apply(s, &b->v[i].ev, b->v[i].times, b->v[i].now);
	batch_clear(b);
}

static void
on_event(void *arg, const struct event *ev, unsigned times)
{
	struct simulate *s = arg;
	time_t now = present(s, ev->time);
	struct waiting *w = batch_add(&s->batch, ev, times, now);

	if (w == NULL) {
		apply_batch(s);
		w = batch_add(&s->batch, ev, times, now);
	}
	if (w == NULL) {
		apply(s, ev, times, now);
		return;
	}
	for (unsigned i = 0; i < s->nsides; i++) {
		struct fetch *f = &w->fetch[i];

		f->client = addr_client(&ev->addr, s->sides[i].conf->policy.ipv6_prefix);
		f->seen.step = f->target.step = f->ledger.step = 0;
	}
}

static void
accepted(struct simulate *s, const struct addr *from, time_t at)
{
	const struct event ev = { .kind = EVENT_KINDS, .addr = *from, .time = at };

	on_event(s, &ev, 0);
}

/* What has ended by itself is seen once a minute; what can no longer matter is forgotten once a day. */
static void
tend(struct simulate *s, bool at_end)
{
	bool forget = s->clock >= s->swept + DAY;

	if (s->clock < s->tended + MINUTE && !at_end)
		return;
	apply_batch(s);
	for (unsigned i = 0; i < s->nsides; i++) {
		struct side *side = &s->sides[i];

		pipeline_tend(&side->pipeline, &side->conf->policy, s->clock);
		if (forget)
			ledger_sweep(side->ledger, &side->conf->policy, s->clock, LEDGER_ALL);
	}
	s->tended = s->clock;
	if (forget)
		s->swept = s->clock;
}

static void
set_back(struct simulate *s, time_t to)
{
	if (to < s->clock)
		s->clock = to;
	if (to < s->swept)
		s->swept = to;
	if (to < s->tended)
		s->tended = to;
}

static void
take_line(struct simulate *s, struct simlog *l)
{
	struct addr from;
	time_t now;

	if (l->headless)
		return;
	if (l->went_back)
		set_back(s, l->at);
	if (l->at > s->clock) {
		s->clock = l->at;
		tend(s, false);
	}
	now = s->clock == (time_t)-1 ? s->present : s->clock;
	if (mails_line(s->mails, &l->line, &from))
		accepted(s, &from, l->line.time == (time_t)-1 ? now : l->line.time);
	s->matched += intake_line(&s->intake, &l->line, now, on_event, s);
}

/* The log whose line is next, and until which time it stays so. */
static struct simlog *
next_log(const struct simulate *s, time_t *until)
{
	struct simlog *first = NULL;

	*until = INT64_MAX;
	for (unsigned i = 0; i < s->nlogs; i++) {
		struct simlog *l = &s->logs[i];

		if (l->ended)
			continue;
		if (first == NULL || l->at < first->at) {
			if (first != NULL)
				*until = first->at;
			first = l;
		} else if (l->at < *until)
			*until = l->at;
	}
	return first;
}

int
simulate_run(struct simulate *s)
{
	struct simlog *l;
	time_t until;
	int rc = 0;

	while ((l = next_log(s, &until)) != NULL) {
		if (!l->ready)
			simlog_next(l);
		while (!l->ended && l->at <= until) {
			take_line(s, l);
			simlog_next(l);
		}
	}
	apply_batch(s);
	if (s->clock != (time_t)-1)
		tend(s, true);
	for (unsigned i = 0; i < s->nlogs; i++)
		if (s->logs[i].error.text[0] != '\0')
			rc = -1;
	return rc;
}

/* --- what came of it --- */

void
simulate_counts(const struct simulate *s, struct simulate_counts *out)
{
	*out = (struct simulate_counts){ .matched = s->matched, .first = -1, .last = -1 };
	for (unsigned i = 0; i < s->nlogs; i++) {
		const struct simlog *l = &s->logs[i];

		out->lines += l->counts.lines;
		out->headless += l->counts.headless;
		out->too_long += l->counts.too_long;
		out->undated += l->counts.undated;
		out->late += l->counts.late;
		out->future += l->counts.future;
		out->outliers += l->counts.outliers;
		out->set_back += l->counts.set_back;
		out->gaps += l->counts.gaps;
		if (l->first != (time_t)-1 && (out->first == (time_t)-1 || l->first < out->first))
			out->first = l->first;
		if (l->last > out->last)
			out->last = l->last;
	}
}

unsigned
simulate_log(const struct simulate *s, unsigned i, struct simulate_log *out)
{
	if (i < s->nlogs) {
		const struct simlog *l = &s->logs[i];

		*out = (struct simulate_log){ .name = l->name, .lines = l->counts.lines, .first = l->first,
			.last = l->last, .error = l->error.text[0] == '\0' ? NULL : l->error.text };
	}
	return s->nlogs;
}

void
simulate_side(const struct simulate *s, unsigned i, struct simulate_side *out)
{
	const struct side *side = &s->sides[i];
	const struct seen *seen = &side->seen;

	*out = (struct simulate_side){
		.conf = side->conf,
		.history = side->history,
		.clients = seen->clients,
		.nclients = seen->nclients,
		.blocks = seen->blocks,
		.nblocks = seen->nblocks,
		.notices = side->notices,
		.nnotices = side->nnotices,
		.nkept = ledger_size(side->ledger),
		.notices_left_out = side->notices_left_out,
		.trusted = side->trusted,
		.forgiven = side->forgiven,
		.clients_left_out = seen->clients_left_out,
		.blocks_left_out = seen->blocks_left_out,
	};
	for (unsigned k = 0; k < EVENT_KINDS; k++)
		out->kinds[k] = atomic_load_explicit(&side->pipeline.kinds[k], memory_order_relaxed);
}

const struct seen_client *
simulate_client(const struct simulate *s, unsigned i, const struct addr *client)
{
	return seen_known(&s->sides[i].seen, client);
}
