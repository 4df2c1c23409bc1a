/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_dfa.c - all patterns of one program in one table
 *
 * Most lines are nobody's business, and most of those are known for it after a few bytes.  So the automata of all
 * patterns are run at once, by the subset construction: a row of the table stands for the set of states that they may
 * be in together, and reading a byte is one look at the row.  The walk ends as soon as the answer is known:
 *
 *  - no pattern is left;
 *  - a pattern is left that matches whatever follows, and no better one is (patterns of a program are numbered in the
 *    order of their rules; the lowest wins);
 *  - only patterns are left that stand before an open :last run.  A table for those would have a row for every
 *    combination of half-read texts; they are left to PCRE2 to try.
 *
 * A program whose rows would exceed DFA_ROWS is cut short there: the patterns still alive are all tried.  That costs
 * time, never a match.  How the rows lie in memory and are walked is said in rules_walk.c.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

#define DFA_ROWS 16384
#define TABLE	 32768

/* What a row stands for: sorted items, pattern << 16 | state, or pattern << 16 | one of these. */
#define ITEM_TRY     0xfffeu /* must be tried, whatever follows */
#define ITEM_CERTAIN 0xffffu /* matches, whatever follows */

struct row {
	uint32_t *items;
	unsigned n;
	uint32_t next_same; /* the next row in the hash chain; 0: none */
};

struct builder {
	const struct nfa *const *patterns;
	unsigned npatterns;
	struct rows *rows;
	struct row *row;
	unsigned n, cap;
	uint32_t *table; /* hash: row number + 1 */
	uint32_t *items; /* being collected */
	unsigned nitems, citems;
	size_t clists;
};

/* The bytes of a class that are in the set, when not all are, make a class of their own. */
static void
split_classes(struct rows *rows, const struct bytes *set)
{
	unsigned in[256] = { 0 }, out[256] = { 0 };

	for (unsigned c = 0; c < 256; c++)
		(bytes_has(set, (unsigned char)c) ? in : out)[rows->class[c]]++;
	for (unsigned k = 0, n = rows->classes; k < n; k++) {
		if (in[k] == 0 || out[k] == 0)
			continue;
		for (unsigned c = 0; c < 256; c++)
			if (rows->class[c] == k && bytes_has(set, (unsigned char)c))
				rows->class[c] = (unsigned char)rows->classes;
		rows->classes++;
	}
}

/* Bytes that no pattern tells apart make one class: those of text are alone, fields may split the others. */
static void
find_classes(struct builder *b)
{
	struct rows *rows = b->rows;
	struct bytes text = { { 0 } };

	rows->classes = 1;
	for (unsigned p = 0; p < b->npatterns; p++)
		for (unsigned a = 1; a < b->patterns[p]->n; a++)
			if (b->patterns[p]->atoms[a].run != NULL)
				split_classes(rows, &b->patterns[p]->atoms[a].reads);
			else
				bytes_add_all(&text, &b->patterns[p]->atoms[a].reads);
	for (unsigned c = 0; c < 256; c++)
		if (bytes_has(&text, (unsigned char)c)) {
			struct bytes one = { { 0 } };

			bytes_add(&one, (unsigned char)c);
			split_classes(rows, &one);
		}
	for (unsigned c = 0; c < 256; c++) {
		rows->sample[rows->class[c]] = (unsigned char)c;
		rows->size[rows->class[c]]++;
	}
}

static void
collect(struct builder *b, uint32_t item)
{
	if (b->nitems == b->citems) {
		b->citems = b->citems == 0 ? 256 : b->citems * 2;
		b->items = xrealloc(b->items, b->citems * sizeof(*b->items));
	}
	b->items[b->nitems++] = item;
}

static void
collect_state(struct builder *b, unsigned pattern, unsigned state)
{
	const struct nfa *nfa = b->patterns[pattern];
	const struct atom *a = &nfa->atoms[state];
	uint32_t rest = nfa->trailing ? ITEM_TRY : ITEM_CERTAIN; /* of a line that may be cut nothing is certain */

	collect(b, pattern << 16 | (a->rest ? rest : a->cut ? ITEM_TRY : state));
}

/* Few, and mostly in order already. */
static void
sort(uint32_t *items, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		uint32_t item = items[i];
		unsigned k = i;

		for (; k > 0 && items[k - 1] > item; k--)
			items[k] = items[k - 1];
		items[k] = item;
	}
}

/* Sort, drop doubles; a pattern that is to be tried anyway needs no states, and behind one that is certain nothing
 * matters. */
static void
tidy(struct builder *b)
{
	unsigned n = 0;

	if (b->nitems == 0)
		return;
	sort(b->items, b->nitems);
	for (unsigned i = 0; i < b->nitems; i++) {
		uint32_t item = b->items[i];

		if (n > 0 && b->items[n - 1] == item)
			continue;
		if ((item & 0xffff) >= ITEM_TRY)
			while (n > 0 && b->items[n - 1] >> 16 == item >> 16)
				n--;
		b->items[n++] = item;
		if ((item & 0xffff) == ITEM_CERTAIN)
			break;
	}
	b->nitems = n;
}

static uint32_t
hash_of(const uint32_t *items, unsigned n)
{
	uint32_t h = 2166136261u;

	for (unsigned i = 0; i < n; i++)
		h = (h ^ items[i]) * 16777619u;
	return (h ^ h >> 15) % TABLE;
}

static uint32_t
add_list(struct builder *b, const uint16_t *list, unsigned n)
{
	struct rows *rows = b->rows;
	uint32_t at = (uint32_t)rows->nlists;

	if (n == 0)
		return 0;
	if (rows->nlists + n + 1 > b->clists) {
		b->clists = (b->clists + n + 1) * 2;
		rows->lists = xrealloc(rows->lists, b->clists * sizeof(*rows->lists));
	}
	rows->lists[rows->nlists++] = (uint16_t)n;
	memcpy(rows->lists + rows->nlists, list, n * sizeof(*list));
	rows->nlists += n;
	return at;
}

/* What is to be tried when the walk ends at this row, and whether it does, whatever follows. */
static struct answer
judge_row(struct builder *b, const struct row *row)
{
	uint16_t stop[512], end[512];
	unsigned nstop = 0, nend = 0, alive = 0;

	for (unsigned i = 0; i < row->n && nend < 512; i++) {
		unsigned pattern = row->items[i] >> 16, state = row->items[i] & 0xffff;
		bool sure = state == ITEM_CERTAIN || (state != ITEM_TRY && b->patterns[pattern]->atoms[state].final);
		uint16_t entry = (uint16_t)(pattern | (sure ? DFA_CERTAIN : 0));

		if (state < ITEM_TRY)
			alive++;
		else
			stop[nstop++] = entry;
		if ((state >= ITEM_TRY || sure) && (nend == 0 || end[nend - 1] != entry))
			end[nend++] = entry;
	}
	return (struct answer){ .stops = alive == 0,
		.list = alive == 0 ? add_list(b, stop, nstop) : add_list(b, end, nend) };
}

/* All rows in use: the patterns alive are to be tried, and the walk ends.  When even such rows are too many: all. */
static void
give_up(struct builder *b)
{
	for (unsigned i = 0; i < b->nitems; i++)
		if ((b->items[i] & 0xffff) < ITEM_TRY)
			b->items[i] |= ITEM_TRY;
	for (unsigned p = 0; b->n >= 2 * DFA_ROWS && b->nitems > 0 && p < b->npatterns; p++)
		collect(b, p << 16 | ITEM_TRY);
	tidy(b);
}

/* The row for the items collected. */
static uint32_t
find_row(struct builder *b)
{
	struct row *row;
	uint32_t h, i;

	tidy(b);
	if (b->n >= DFA_ROWS)
		give_up(b);
	h = hash_of(b->items, b->nitems);
	for (i = b->table[h]; i != 0; i = b->row[i - 1].next_same) {
		row = &b->row[i - 1];
		if (row->n == b->nitems && (row->n == 0 || memcmp(row->items, b->items, row->n * sizeof(*row->items)) == 0))
			return i - 1;
	}
	if (b->n == b->cap) {
		b->cap = b->cap == 0 ? 256 : b->cap * 2;
		b->row = xrealloc(b->row, b->cap * sizeof(*b->row));
		b->rows->answer = xrealloc(b->rows->answer, b->cap * sizeof(*b->rows->answer));
	}
	row = &b->row[b->n++];
	*row = (struct row){ .n = b->nitems, .next_same = b->table[h] };
	row->items = xmalloc(b->nitems * sizeof(*row->items) + 1);
	if (b->nitems > 0)
		memcpy(row->items, b->items, b->nitems * sizeof(*row->items));
	b->table[h] = b->n;
	b->rows->answer[b->n - 1] = judge_row(b, row);
	return b->n - 1;
}

/* The row that a byte leads to; *alike: all bytes that lead there by the same moves, so that they need not be asked. */
static uint32_t
move(struct builder *b, unsigned from, unsigned char byte, struct bytes *alike)
{
	b->nitems = 0;
	*alike = bytes_not((struct bytes){ { 0 } });
	for (unsigned i = 0; i < b->row[from].n; i++) {
		uint32_t item = b->row[from].items[i];
		const struct nfa *nfa = b->patterns[item >> 16];
		const struct atom *a;

		if ((item & 0xffff) >= ITEM_TRY) {
			collect(b, item);
			continue;
		}
		a = &nfa->atoms[item & 0xffff];
		for (unsigned f = 0; f < a->follows; f++) {
			const struct bytes *reads = &nfa->atoms[a->follow[f]].reads;
			struct bytes others = bytes_not(*reads);
			bool takes = bytes_has(reads, byte);

			*alike = bytes_both(alike, takes ? reads : &others);
			if (takes)
				collect_state(b, item >> 16, a->follow[f]);
		}
	}
	return find_row(b);
}

/* The bytes that lead from this row to something: mostly few. */
static struct bytes
bytes_on(const struct builder *b, unsigned r)
{
	const struct row *row = &b->row[r];
	struct bytes on = { { 0 } };

	for (unsigned i = 0; i < row->n && !b->rows->answer[r].stops; i++) {
		const struct nfa *nfa = b->patterns[row->items[i] >> 16];
		unsigned state = row->items[i] & 0xffff;

		if (state >= ITEM_TRY)
			return bytes_not((struct bytes){ { 0 } });
		for (unsigned f = 0; f < nfa->atoms[state].follows; f++)
			bytes_add_all(&on, &nfa->atoms[nfa->atoms[state].follow[f]].reads);
	}
	return on;
}

/* Where each class leads from row r. */
static void
fill_row(struct builder *b, unsigned r)
{
	const struct rows *rows = b->rows;
	uint32_t *next = rows->next + (size_t)r * rows->classes;
	struct bytes on = bytes_on(b, r), alike;

	memset(next, 0, rows->classes * sizeof(*next));
	for (unsigned c = 0; c < rows->classes; c++) {
		uint32_t to;

		if (!bytes_has(&on, rows->sample[c]))
			continue;
		to = move(b, r, rows->sample[c], &alike);
		for (unsigned k = c; k < rows->classes; k++)
			if (bytes_has(&alike, rows->sample[k]))
				next[k] = to;
		alike = bytes_not(alike);
		on = bytes_both(&on, &alike);
	}
}

static void
build_rows(struct builder *b)
{
	struct rows *rows = b->rows;
	size_t cap = 0;

	b->nitems = 0;
	find_row(b); /* row 0: nothing left */
	for (unsigned p = 0; p < b->npatterns; p++)
		collect_state(b, p, 0);
	rows->start = find_row(b);
	for (unsigned r = 0; r < b->n; r++) {
		if ((size_t)(r + 1) * rows->classes > cap) {
			cap = (size_t)(r + 1) * rows->classes * 2;
			rows->next = xrealloc(rows->next, cap * sizeof(*rows->next));
		}
		fill_row(b, r);
	}
	rows->n = b->n;
}

struct dfa *
dfa_new(const struct nfa *const *patterns, unsigned n)
{
	struct rows rows = { .nlists = 1 }; /* list 0: nothing */
	struct builder b = { .patterns = patterns, .npatterns = n, .rows = &rows, .clists = 64 };
	struct dfa *d;

	rows.lists = xcalloc(b.clists, sizeof(*rows.lists));
	b.table = xcalloc(TABLE, sizeof(*b.table));
	find_classes(&b);
	build_rows(&b);
	d = dfa_pack(&rows);
	for (unsigned r = 0; r < b.n; r++)
		free(b.row[r].items);
	free(b.row);
	free(b.items);
	free(b.table);
	free(rows.next);
	free(rows.answer);
	return d;
}
