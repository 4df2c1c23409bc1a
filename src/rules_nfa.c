/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_nfa.c - from tree to automaton
 *
 * Glushkov's construction: one state for every byte of text and every run of a field, no empty moves.  "State a" means
 * that the byte just read was a's.  It is built from four things known of every subtree: may it be empty, which states
 * can be its first, which its last, and who can follow whom.
 *
 * Then it is settled where each run ends:
 *  - a run of fixed bytes must not hold a byte that can follow it, so that it ends where it ends;
 *  - an open run (client's text) ends before the first byte that can follow it;
 *  - a run marked :last ends as late as possible.  One open and one fixed run of a pattern may be so.  Some bytes must
 *    follow it, and no run or {*...} behind it may hold one of those (but a run to the end of the line, which cannot
 *    fail, and for the fixed one what is behind the open one).  Then each try of the rest ends at the k-th next such
 *    byte, k being how many of them the pattern has; all tries together read no byte of the line more than k times; and
 *    no more than k tries of the fixed one reach the open one, because that has to begin behind the same byte each time.
 * So matching time is linear in the length of the line.  rules_check() counts PCRE2's steps to see it.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

/* A set of states. */
struct states {
	uint64_t w[(PATTERN_ATOMS + 64) / 64];
};

struct part {
	bool empty; /* may be */
	struct states first, last;
};

struct builder {
	struct nfa *nfa;
	struct states *follow; /* of every state */
	unsigned client, qid, many; /* > 0: inside the client's address; a queue id; {*...} */
	struct err *e;
};

static void
states_add(struct states *s, unsigned i)
{
	s->w[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool
states_have(const struct states *s, unsigned i)
{
	return s->w[i / 64] >> (i % 64) & 1;
}

/* List them, ascending; returns how many.  Not into NULL. */
static unsigned
states_list(const struct states *s, uint16_t *list)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(s->w) / sizeof(s->w[0]); i++)
		for (uint64_t w = s->w[i]; w != 0; w &= w - 1, n++)
			if (list != NULL)
				list[n] = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(w));
	return n;
}

static void
states_add_all(struct states *s, const struct states *more)
{
	for (size_t i = 0; i < sizeof(s->w) / sizeof(s->w[0]); i++)
		s->w[i] |= more->w[i];
}

/* Whatever is in `from` may be followed by whatever is in `to`. */
static void
connect(struct builder *b, const struct states *from, const struct states *to)
{
	for (unsigned i = 0; i < b->nfa->n; i++)
		if (states_have(from, i))
			states_add_all(&b->follow[i], to);
}

/* How many states the tree makes, the start included; no more than there may be. */
static unsigned
states_of(const struct node *n)
{
	size_t states = n->kind == NODE_TEXT ? n->text.n : n->kind == NODE_RUN;

	for (const struct node *kid = n->kids; kid != NULL; kid = kid->next)
		states += states_of(kid) - 1;
	return states + 1 < PATTERN_ATOMS ? (unsigned)states + 1 : PATTERN_ATOMS;
}

static int
add_atom(struct builder *b, struct node *n, struct bytes set, unsigned *state)
{
	if (b->nfa->n == PATTERN_ATOMS)
		return err_place(b->e, n->at, "the pattern is too long");
	*state = b->nfa->n++;
	b->nfa->atoms[*state] = (struct atom){ .reads = set, .writes = set,
		.mark = (uint8_t)((b->client > 0 ? MARK_CLIENT : 0) | (b->qid > 0 ? MARK_QID : 0)),
		.many = b->many > 0, .run = n->kind == NODE_RUN ? n : NULL };
	return 0;
}

static int
build_text(struct builder *b, struct node *n, struct part *out)
{
	unsigned state, prev = 0;

	out->empty = n->text.n == 0;
	for (size_t i = 0; i < n->text.n; i++, prev = state) {
		struct bytes one = { { 0 } };

		bytes_add(&one, (unsigned char)n->text.p[i]);
		if (add_atom(b, n, one, &state) == -1)
			return -1;
		if (i == 0)
			states_add(&out->first, state);
		else
			states_add(&b->follow[prev], state);
	}
	if (!out->empty)
		states_add(&out->last, prev);
	return 0;
}

static int
build_run(struct builder *b, struct node *n, struct part *out)
{
	static const struct bytes all = { { ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0 } };
	unsigned state;

	if (add_atom(b, n, n->free || (n->open && n->last) ? all : n->set, &state) == -1)
		return -1;
	if (n->open)
		b->nfa->atoms[state].writes = all;
	out->empty = n->empty;
	states_add(&out->first, state);
	states_add(&out->last, state);
	if (!n->one)
		states_add(&b->follow[state], state);
	return 0;
}

static int build(struct builder *b, struct node *n, struct part *out);

static int
build_seq(struct builder *b, struct node *n, struct part *out)
{
	out->empty = true;
	for (struct node *kid = n->kids; kid != NULL; kid = kid->next) {
		struct part part;

		if (build(b, kid, &part) == -1)
			return -1;
		connect(b, &out->last, &part.first);
		if (out->empty)
			states_add_all(&out->first, &part.first);
		if (!part.empty)
			memset(&out->last, 0, sizeof(out->last));
		states_add_all(&out->last, &part.last);
		out->empty = out->empty && part.empty;
	}
	return 0;
}

static int
build_alt(struct builder *b, struct node *n, struct part *out)
{
	for (struct node *kid = n->kids; kid != NULL; kid = kid->next) {
		struct part part;

		if (build(b, kid, &part) == -1)
			return -1;
		states_add_all(&out->first, &part.first);
		states_add_all(&out->last, &part.last);
		out->empty = out->empty || part.empty;
	}
	if (!n->many)
		return 0;
	if (out->empty)
		return err_place(b->e, n->at, "what may come any number of times may not be empty");
	out->empty = true;
	connect(b, &out->last, &out->first);
	return 0;
}

static int
build(struct builder *b, struct node *n, struct part *out)
{
	int rc = -1;

	memset(out, 0, sizeof(*out));
	b->client += n->slot == SLOT_CLIENT;
	b->qid += n->slot == SLOT_QID;
	b->many += n->many;
	switch (n->kind) {
	case NODE_TEXT:
		rc = build_text(b, n, out);
		break;
	case NODE_RUN:
		rc = build_run(b, n, out);
		break;
	case NODE_SEQ:
		rc = build_seq(b, n, out);
		break;
	case NODE_ALT:
		rc = build_alt(b, n, out);
		break;
	}
	b->client -= n->slot == SLOT_CLIENT;
	b->qid -= n->slot == SLOT_QID;
	b->many -= n->many;
	return rc;
}

static void
list_follows(struct builder *b)
{
	struct nfa *nfa = b->nfa;

	for (unsigned i = 0; i < nfa->n; i++) {
		struct atom *a = &nfa->atoms[i];

		a->follows = states_list(&b->follow[i], NULL);
		a->follow = xcalloc(a->follows + 1, sizeof(*a->follow));
		states_list(&b->follow[i], a->follow);
	}
}

static bool
is_open_last(const struct atom *a)
{
	return a->run != NULL && a->run->open && a->run->last;
}

/* An open run to the end of the line. */
static bool
is_rest(const struct atom *a)
{
	return a->run != NULL && a->run->free && !a->run->last && a->final && a->follows == 1;
}

/* The bytes that can follow run `i`; -1 if an open run can. */
static int
bytes_behind(const struct nfa *nfa, unsigned i, struct bytes *set, struct err *e)
{
	const struct atom *a = &nfa->atoms[i];

	memset(set, 0, sizeof(*set));
	for (unsigned f = 0; f < a->follows; f++) {
		const struct atom *next = &nfa->atoms[a->follow[f]];

		if (a->follow[f] == i)
			continue;
		if (next->run != NULL && next->run->free)
			return err_place(e, a->run->at, "nothing says where {%s} ends and {%s} begins", a->run->name,
			    next->run->name);
		bytes_add_all(set, &next->reads);
	}
	return 0;
}

/* Behind a :last run: bytes that no later run may hold. */
static int
check_last(const struct nfa *nfa, unsigned i, struct err *e)
{
	const struct atom *a = &nfa->atoms[i];
	bool seen[PATTERN_ATOMS] = { false };
	uint16_t queue[PATTERN_ATOMS];
	unsigned head = 0, tail = 0;
	struct bytes ends;

	if (bytes_behind(nfa, i, &ends, e) == -1)
		return -1;
	if (a->final || bytes_empty(&ends))
		return err_place(e, a->run->at, "{%s:last} has nothing behind it that must follow", a->run->name);
	for (queue[tail++] = (uint16_t)i; head < tail; head++) {
		const struct atom *from = &nfa->atoms[queue[head]];

		for (unsigned f = 0; f < from->follows; f++) {
			const struct atom *to = &nfa->atoms[from->follow[f]];
			struct bytes both = bytes_both(&to->reads, &ends);

			if (seen[from->follow[f]] || from->follow[f] == i || is_rest(to) || is_open_last(to))
				continue;
			if (((to->run != NULL && !to->run->one) || to->many) && !bytes_empty(&both))
				return err_place(e, a->run->at, "what ends {%s:last} may come any number of times "
				    "behind it: matching could take quadratic time", a->run->name);
			seen[from->follow[f]] = true;
			queue[tail++] = from->follow[f];
		}
	}
	return 0;
}

static int
settle_run(struct nfa *nfa, unsigned i, struct err *e)
{
	struct atom *a = &nfa->atoms[i];
	struct bytes behind, both;

	if (a->run->one || a->run->last)
		return 0;
	if (bytes_behind(nfa, i, &behind, e) == -1)
		return -1;
	if (a->run->free) {
		a->reads = a->run->set = bytes_not(behind);
		return 0;
	}
	both = bytes_both(&a->reads, &behind);
	if (!bytes_empty(&both))
		return err_place(e, a->run->at, "{%s} could swallow what follows it", a->run->name);
	return 0;
}

static int
settle_runs(struct nfa *nfa, struct err *e)
{
	unsigned open = 0, fixed = 0;

	for (unsigned i = 1; i < nfa->n; i++) {
		const struct node *run = nfa->atoms[i].run;

		if (run == NULL)
			continue;
		if (settle_run(nfa, i, e) == -1)
			return -1;
		open += run->last && run->open;
		fixed += run->last && !run->open;
		if (open > 1 || fixed > 1)
			return err_place(e, run->at, "a second :last field: matching could take quadratic time");
	}
	for (unsigned i = 1; i < nfa->n; i++)
		if (nfa->atoms[i].run != NULL && nfa->atoms[i].run->last && check_last(nfa, i, e) == -1)
			return -1;
	return 0;
}

static void
mark(struct nfa *nfa)
{
	for (unsigned i = 0; i < nfa->n; i++) {
		struct atom *a = &nfa->atoms[i];

		nfa->marks |= a->mark;
		for (unsigned f = 0; f < a->follows; f++) {
			const struct atom *next = &nfa->atoms[a->follow[f]];

			a->cut = a->cut || is_open_last(next);
			a->rest = a->rest || (a->final && is_rest(next));
		}
	}
}

/* Is what the rule hangs on ever behind an open run?  A rule that guards nothing hangs on all of its own text. */
static bool
is_trailing(const struct nfa *nfa)
{
	bool behind[PATTERN_ATOMS] = { false };
	bool changed = true;

	while (changed) {
		changed = false;
		for (unsigned i = 1; i < nfa->n; i++) {
			const struct atom *a = &nfa->atoms[i];

			if (!behind[i] && !(a->run != NULL && a->run->open))
				continue;
			for (unsigned f = 0; f < a->follows; f++) {
				changed = changed || !behind[a->follow[f]];
				behind[a->follow[f]] = true;
				if (nfa->guards == 0 ? nfa->atoms[a->follow[f]].run == NULL :
				    nfa->atoms[a->follow[f]].mark & nfa->guards)
					return true;
			}
		}
	}
	return false;
}

/* Where the client decides nothing, or only how the line goes on to its end, there is one way to read it: runs of fixed
 * bytes end where they end. */
static bool
is_sure(const struct nfa *nfa)
{
	for (unsigned i = 1; i < nfa->n; i++) {
		const struct atom *a = &nfa->atoms[i];

		if (a->run != NULL && (a->run->last || (a->run->open && !is_rest(a))))
			return false;
	}
	return true;
}

/* May a line begin with what the client decides? */
static const struct node *
open_start(const struct nfa *nfa)
{
	const struct atom *start = &nfa->atoms[0];

	for (unsigned f = 0; f < start->follows; f++) {
		const struct node *run = nfa->atoms[start->follow[f]].run;

		if (run != NULL && run->open)
			return run;
	}
	return NULL;
}

int
nfa_build(struct nfa *nfa, struct node *tree, struct err *e)
{
	struct builder b = { .nfa = nfa, .e = e };
	unsigned most = states_of(tree);
	struct part whole;
	int rc = -1;

	*nfa = (struct nfa){ .atoms = xcalloc(most, sizeof(*nfa->atoms)), .n = 1 };
	b.follow = xcalloc(most, sizeof(*b.follow));
	if (build(&b, tree, &whole) == -1)
		goto done;
	if (whole.empty) {
		err_place(e, tree->at, "the pattern matches an empty line");
		goto done;
	}
	b.follow[0] = whole.first;
	list_follows(&b);
	for (unsigned i = 1; i < nfa->n; i++)
		nfa->atoms[i].final = states_have(&whole.last, i);
	if (settle_runs(nfa, e) == -1)
		goto done;
	mark(nfa);
	nfa->opening = open_start(nfa);
	nfa->sure = is_sure(nfa);
	rc = 0;
done:
	free(b.follow);
	if (rc == -1)
		nfa_free(nfa);
	return rc;
}

void
nfa_guard(struct nfa *nfa, uint8_t guards, bool whole)
{
	nfa->guards = guards;
	nfa->trailing = whole || is_trailing(nfa);
}

void
nfa_free(struct nfa *nfa)
{
	for (unsigned i = 0; nfa->atoms != NULL && i < nfa->n; i++)
		free(nfa->atoms[i].follow);
	free(nfa->atoms);
	nfa->atoms = NULL;
	nfa->n = 0;
}
