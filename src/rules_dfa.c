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
 * Where only one text can follow, byte for byte, it is compared at once: such a chain of rows costs one look.
 *
 * A program whose rows would exceed DFA_ROWS is cut short there: the patterns still alive are all tried.  That costs
 * time, never a match.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

#define DFA_ROWS  16384
#define CHAIN_MIN 4
#define CHAIN_MAX 32

/* What a row stands for: sorted items, pattern << 16 | state, or pattern << 16 | one of these. */
#define ITEM_TRY     0xfffeu /* must be tried, whatever follows */
#define ITEM_CERTAIN 0xffffu /* matches, whatever follows */

struct row {
	uint32_t *items;
	unsigned n;
	uint32_t next_same; /* the next row in the hash chain; 0: none */
	uint32_t stop, end; /* lists: what to try when the walk stops here; when the line ends here.  0: nothing */
	bool stops;
};

/* Nothing is left unless this text follows; then the walk goes on at row `to`. */
struct chain {
	char text[CHAIN_MAX];
	unsigned n;
	uint32_t to; /* as in next */
};

/* Rows are numbered so that those that end the walk come first, row 0, where nothing is left, among them; behind them
 * those that chains begin with. */
struct dfa {
	unsigned char class[256];
	unsigned classes;
	uint32_t *next;	      /* by row and class: where the next row begins in this array; behind the classes: a list,
			       * and a chain, or the byte that ends the row's run */
	unsigned rows, width;
	uint32_t heads, finds, plain; /* where the first row of its kind begins */
	uint32_t start;	      /* as in next */
	struct chain *chains;
	uint16_t *lists;      /* count, patterns, count, patterns... */
	size_t nlists;
};

struct builder {
	const struct nfa *const *patterns;
	unsigned npatterns;
	struct dfa *d;
	unsigned char sample[256]; /* a byte of each class */
	unsigned size[256];	   /* how many it has */
	struct row *row;
	unsigned n, cap;
	uint32_t *table; /* hash: row number + 1 */
	uint32_t *items; /* being collected */
	unsigned nitems, citems;
	size_t clists;
};

#define TABLE 32768

/* The bytes of a class that are in the set, when not all are, make a class of their own. */
static void
split_classes(struct dfa *d, const struct bytes *set)
{
	unsigned in[256] = { 0 }, out[256] = { 0 };

	for (unsigned c = 0; c < 256; c++)
		(bytes_has(set, (unsigned char)c) ? in : out)[d->class[c]]++;
	for (unsigned k = 0, n = d->classes; k < n; k++) {
		if (in[k] == 0 || out[k] == 0)
			continue;
		for (unsigned c = 0; c < 256; c++)
			if (d->class[c] == k && bytes_has(set, (unsigned char)c))
				d->class[c] = (unsigned char)d->classes;
		d->classes++;
	}
}

/* Bytes that no pattern tells apart make one class: those of text are alone, fields may split the others. */
static void
find_classes(struct builder *b)
{
	struct dfa *d = b->d;
	struct bytes text = { { 0 } };

	d->classes = 1;
	for (unsigned p = 0; p < b->npatterns; p++)
		for (unsigned a = 1; a < b->patterns[p]->n; a++)
			if (b->patterns[p]->atoms[a].run != NULL)
				split_classes(d, &b->patterns[p]->atoms[a].reads);
			else
				bytes_add_all(&text, &b->patterns[p]->atoms[a].reads);
	for (unsigned c = 0; c < 256; c++)
		if (bytes_has(&text, (unsigned char)c)) {
			struct bytes one = { { 0 } };

			bytes_add(&one, (unsigned char)c);
			split_classes(d, &one);
		}
	for (unsigned c = 0; c < 256; c++) {
		b->sample[d->class[c]] = (unsigned char)c;
		b->size[d->class[c]]++;
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
	const struct atom *a = &b->patterns[pattern]->atoms[state];

	collect(b, pattern << 16 | (a->rest ? ITEM_CERTAIN : a->cut ? ITEM_TRY : state));
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
	struct dfa *d = b->d;
	uint32_t at = (uint32_t)d->nlists;

	if (n == 0)
		return 0;
	if (d->nlists + n + 1 > b->clists) {
		b->clists = (b->clists + n + 1) * 2;
		d->lists = xrealloc(d->lists, b->clists * sizeof(*d->lists));
	}
	d->lists[d->nlists++] = (uint16_t)n;
	memcpy(d->lists + d->nlists, list, n * sizeof(*list));
	d->nlists += n;
	return at;
}

static void
judge_row(struct builder *b, struct row *row)
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
	row->stops = alive == 0;
	row->stop = add_list(b, stop, nstop);
	row->end = add_list(b, end, nend);
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
	}
	row = &b->row[b->n++];
	*row = (struct row){ .n = b->nitems, .next_same = b->table[h] };
	row->items = xmalloc(b->nitems * sizeof(*row->items) + 1);
	if (b->nitems > 0)
		memcpy(row->items, b->items, b->nitems * sizeof(*row->items));
	b->table[h] = b->n;
	judge_row(b, row);
	return b->n - 1;
}

static uint32_t
move(struct builder *b, unsigned from, unsigned char byte)
{
	b->nitems = 0;
	for (unsigned i = 0; i < b->row[from].n; i++) {
		uint32_t item = b->row[from].items[i];
		const struct nfa *nfa = b->patterns[item >> 16];
		const struct atom *a;

		if ((item & 0xffff) >= ITEM_TRY) {
			collect(b, item);
			continue;
		}
		a = &nfa->atoms[item & 0xffff];
		for (unsigned f = 0; f < a->follows; f++)
			if (bytes_has(&nfa->atoms[a->follow[f]].reads, byte))
				collect_state(b, item >> 16, a->follow[f]);
	}
	return find_row(b);
}

/* The bytes that lead from this row to something: mostly few. */
static struct bytes
bytes_on(const struct builder *b, const struct row *row)
{
	struct bytes on = { { 0 } };

	for (unsigned i = 0; i < row->n && !row->stops; i++) {
		const struct nfa *nfa = b->patterns[row->items[i] >> 16];
		unsigned state = row->items[i] & 0xffff;

		if (state >= ITEM_TRY)
			return bytes_not((struct bytes){ { 0 } });
		for (unsigned f = 0; f < nfa->atoms[state].follows; f++)
			bytes_add_all(&on, &nfa->atoms[nfa->atoms[state].follow[f]].reads);
	}
	return on;
}

static void
build_rows(struct builder *b)
{
	struct dfa *d = b->d;
	struct bytes on;
	size_t cap = 0;

	b->nitems = 0;
	find_row(b); /* row 0: nothing left */
	for (unsigned p = 0; p < b->npatterns; p++)
		collect_state(b, p, 0);
	d->start = find_row(b);
	for (unsigned r = 0; r < b->n; r++) {
		if ((size_t)(r + 1) * d->classes > cap) {
			cap = (size_t)(r + 1) * d->classes * 2;
			d->next = xrealloc(d->next, cap * sizeof(*d->next));
		}
		on = bytes_on(b, &b->row[r]);
		for (unsigned c = 0; c < d->classes; c++)
			d->next[(size_t)r * d->classes + c] = bytes_has(&on, b->sample[c]) ? move(b, r, b->sample[c]) : 0;
	}
	d->rows = b->n;
}

/* The one byte that leads on from row r, to *to; -1: there are others, or the line may end here. */
static int
only_byte(const struct builder *b, unsigned r, unsigned *to)
{
	const struct dfa *d = b->d;
	uint32_t found = 0;
	int only = -1;

	if (b->row[r].stops || b->row[r].end != 0)
		return -1;
	for (unsigned c = 0; c < d->classes; c++) {
		uint32_t next = d->next[(size_t)r * d->classes + c];

		if (next == 0)
			continue;
		if (only != -1 || b->size[c] > 1)
			return -1;
		only = b->sample[c];
		found = next;
	}
	if (only != -1)
		*to = found;
	return only;
}

/* The chain that begins with row r; `to` is a row as found, not yet as numbered. */
static struct chain
chain_from(const struct builder *b, unsigned r)
{
	struct chain chain = { .n = 0, .to = r };
	int byte;

	while (chain.n < CHAIN_MAX && (byte = only_byte(b, chain.to, &chain.to)) != -1)
		chain.text[chain.n++] = (char)byte;
	return chain;
}

/* Where do chains begin?  In the middle of another it is not worth it: nobody stops there. */
static bool *
find_heads(const struct builder *b)
{
	const struct dfa *d = b->d;
	bool *head = xcalloc(d->rows, sizeof(*head));
	unsigned to;

	head[d->start] = true;
	for (unsigned r = 0; r < d->rows; r++) {
		if (only_byte(b, r, &to) != -1)
			continue;
		for (unsigned c = 0; c < d->classes; c++)
			head[d->next[(size_t)r * d->classes + c]] = true;
	}
	for (unsigned r = 0; r < d->rows; r++)
		head[r] = head[r] && chain_from(b, r).n >= CHAIN_MIN;
	return head;
}

/* The one byte that does not lead back to row r; -1: there are others, or none. */
static int
run_end(const struct builder *b, unsigned r)
{
	const struct dfa *d = b->d;
	int end = -1;

	for (unsigned c = 0; c < d->classes; c++) {
		if (d->next[(size_t)r * d->classes + c] == r)
			continue;
		if (end != -1 || b->size[c] > 1)
			return -1;
		end = b->sample[c];
	}
	return end;
}

enum kind { KIND_STOP, KIND_CHAIN, KIND_FIND, KIND_PLAIN, KINDS };

static void
judge_kinds(const struct builder *b, unsigned char *kind)
{
	bool *head = find_heads(b);

	for (unsigned r = 0; r < b->d->rows; r++)
		kind[r] = b->row[r].stops ? KIND_STOP : head[r] ? KIND_CHAIN : run_end(b, r) != -1 ? KIND_FIND : KIND_PLAIN;
	free(head);
}

/* Number the rows anew, by kind; number[] is where each begins. */
static void
number_rows(struct dfa *d, const unsigned char *kind, uint32_t *number)
{
	uint32_t n = 0, first[KINDS];

	for (unsigned k = 0; k < KINDS; k++) {
		first[k] = n;
		for (unsigned r = 0; r < d->rows; r++)
			if (kind[r] == k) {
				number[r] = n;
				n += d->width;
			}
	}
	d->heads = first[KIND_CHAIN];
	d->finds = first[KIND_FIND];
	d->plain = first[KIND_PLAIN];
}

static void
sort_rows(struct builder *b)
{
	struct dfa *d = b->d;
	uint32_t *number = xcalloc(d->rows, sizeof(*number)), *next;
	unsigned char *kind = xcalloc(d->rows, 1);
	unsigned chains = 0;

	d->width = d->classes + 2;
	next = xcalloc((size_t)d->rows * d->width, sizeof(*next));
	judge_kinds(b, kind);
	number_rows(d, kind, number);
	d->chains = xcalloc((d->finds - d->heads) / d->width + 1, sizeof(*d->chains));
	for (unsigned r = 0; r < d->rows; r++) {
		uint32_t *row = next + number[r];

		for (unsigned c = 0; c < d->classes; c++)
			row[c] = number[d->next[(size_t)r * d->classes + c]];
		row[d->classes] = b->row[r].stops ? b->row[r].stop : b->row[r].end;
		if (kind[r] == KIND_CHAIN) {
			struct chain chain = chain_from(b, r);

			chain.to = number[chain.to];
			row[d->classes + 1] = chains;
			d->chains[chains++] = chain;
		} else if (kind[r] == KIND_FIND) {
			row[d->classes + 1] = (uint32_t)run_end(b, r);
		}
	}
	d->start = number[d->start];
	free(d->next);
	free(number);
	free(kind);
	d->next = next;
}

struct dfa *
dfa_new(const struct nfa *const *patterns, unsigned n)
{
	struct builder b = { .patterns = patterns, .npatterns = n };

	b.d = xcalloc(1, sizeof(*b.d));
	b.d->nlists = 1; /* list 0: nothing */
	b.clists = 64;
	b.d->lists = xcalloc(b.clists, sizeof(*b.d->lists));
	b.table = xcalloc(TABLE, sizeof(*b.table));
	find_classes(&b);
	build_rows(&b);
	sort_rows(&b);
	for (unsigned r = 0; r < b.n; r++)
		free(b.row[r].items);
	free(b.row);
	free(b.items);
	free(b.table);
	return b.d;
}

void
dfa_free(struct dfa *d)
{
	if (d == NULL)
		return;
	free(d->next);
	free(d->chains);
	free(d->lists);
	free(d);
}

unsigned
dfa_states(const struct dfa *d)
{
	return d->rows;
}

unsigned
dfa_run(const struct dfa *d, struct str text, const uint16_t **patterns)
{
	const unsigned char *p = (const unsigned char *)text.p, *end = p + text.n, *class = d->class;
	const uint32_t *next = d->next, plain = d->plain;
	const uint16_t *list;
	uint32_t at = d->start;

	for (;;) {
		const struct chain *chain;

		while (at >= plain && p < end) {
			uint32_t to = next[at + class[*p++]];

			while (to == at && p < end)
				to = next[at + class[*p++]];
			at = to;
		}
		if (at < d->heads || p == end)
			break;
		if (at >= d->finds) {
			if (at >= plain) break;
			p = memchr(p, (int)next[at + d->classes + 1], (size_t)(end - p));
			if (p == NULL)
				break;
			at = next[at + class[*p++]];
			continue;
		}
		chain = &d->chains[next[at + d->classes + 1]];
		if ((size_t)(end - p) < chain->n || memcmp(p, chain->text, chain->n) != 0) {
			at = 0;
			break;
		}
		p += chain->n;
		at = chain->to;
	}
	list = d->lists + next[at + d->classes];
	*patterns = list + 1;
	return list == d->lists ? 0 : list[0];
}
