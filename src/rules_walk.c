/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_walk.c - walking the table of rules_dfa.c
 *
 * One array holds the rows, one behind the other, and a cell says where in it the next row begins, so that a byte costs
 * two loads and an addition.  Most bytes cost less:
 *
 *  - a chain: where only one text can follow, byte for byte, it is compared at once;
 *  - a find: where all bytes but one lead back to the same row, memchr(3) looks for that one;
 *  - any other run of bytes that lead back to the row they come from, as those of a name or an address do: the
 *    processor need not wait for one look at the row to begin with the next.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

#define CHAIN_MIN 4
#define CHAIN_MAX 32

/* Nothing is left unless this text follows; then the walk goes on at row `to`. */
struct chain {
	char text[CHAIN_MAX];
	unsigned n;
	uint32_t to; /* as in cells */
};

/* Rows are numbered by kind, so that comparing where a row begins tells what it is. */
enum kind {
	KIND_STOP, /* the walk ends; the first is row 0, where nothing is left */
	KIND_CHAIN,
	KIND_FIND,
	KIND_PLAIN,
	KINDS
};

struct dfa {
	unsigned char class[256];
	unsigned rows, classes, width;
	uint32_t *cells;	/* by row: for each class where the next row begins; then a list; then the number of the
				 * chain, or the byte to find */
	uint32_t first[KINDS];	/* where the first row of the kind, or a later one, begins */
	uint32_t start;
	struct chain *chains;
	uint16_t *lists; /* count, patterns, count, patterns... */
};

/* The one byte that leads on from row r, to *to; -1: there are others, or the line may end here. */
static int
only_byte(const struct rows *rows, unsigned r, unsigned *to)
{
	uint32_t found = 0;
	int only = -1;

	if (rows->answer[r].stops || rows->answer[r].list != 0)
		return -1;
	for (unsigned c = 0; c < rows->classes; c++) {
		uint32_t next = rows->next[(size_t)r * rows->classes + c];

		if (next == 0)
			continue;
		if (only != -1 || rows->size[c] > 1)
			return -1;
		only = rows->sample[c];
		found = next;
	}
	if (only != -1)
		*to = found;
	return only;
}

/* The chain that begins with row r; `to` is a row as found, not yet as numbered. */
static struct chain
chain_from(const struct rows *rows, unsigned r)
{
	struct chain chain = { .n = 0, .to = r };
	int byte;

	while (chain.n < CHAIN_MAX && (byte = only_byte(rows, chain.to, &chain.to)) != -1)
		chain.text[chain.n++] = (char)byte;
	return chain;
}

/* Where do chains begin?  In the middle of another it is not worth it: nobody stops there. */
static bool *
find_heads(const struct rows *rows)
{
	bool *head = xcalloc(rows->n, sizeof(*head));
	unsigned to;

	head[rows->start] = true;
	for (unsigned r = 0; r < rows->n; r++) {
		if (only_byte(rows, r, &to) != -1)
			continue;
		for (unsigned c = 0; c < rows->classes; c++)
			head[rows->next[(size_t)r * rows->classes + c]] = true;
	}
	for (unsigned r = 0; r < rows->n; r++)
		head[r] = head[r] && chain_from(rows, r).n >= CHAIN_MIN;
	return head;
}

/* The one byte that does not lead back to row r; -1: there are others, or none. */
static int
find_byte(const struct rows *rows, unsigned r)
{
	int end = -1;

	for (unsigned c = 0; c < rows->classes; c++) {
		if (rows->next[(size_t)r * rows->classes + c] == r)
			continue;
		if (end != -1 || rows->size[c] > 1)
			return -1;
		end = rows->sample[c];
	}
	return end;
}

static void
judge_kinds(const struct rows *rows, unsigned char *kind)
{
	bool *head = find_heads(rows);

	for (unsigned r = 0; r < rows->n; r++)
		kind[r] = rows->answer[r].stops ? KIND_STOP :
		    head[r]			? KIND_CHAIN :
		    find_byte(rows, r) != -1	? KIND_FIND :
						  KIND_PLAIN;
	free(head);
}

/* Number the rows anew; number[] is where each begins.  Returns how many chains there are. */
static unsigned
number_rows(struct dfa *d, const unsigned char *kind, uint32_t *number)
{
	uint32_t n = 0;

	for (unsigned k = 0; k < KINDS; k++) {
		d->first[k] = n;
		for (unsigned r = 0; r < d->rows; r++)
			if (kind[r] == k) {
				number[r] = n;
				n += d->width;
			}
	}
	return (d->first[KIND_FIND] - d->first[KIND_CHAIN]) / d->width;
}

static void
fill_row(struct dfa *d, const struct rows *rows, unsigned r, const uint32_t *number)
{
	uint32_t *row = d->cells + number[r];

	for (unsigned c = 0; c < d->classes; c++)
		row[c] = number[rows->next[(size_t)r * d->classes + c]];
	row[d->classes] = rows->answer[r].list;
	if (number[r] >= d->first[KIND_PLAIN] || number[r] < d->first[KIND_CHAIN])
		return;
	if (number[r] >= d->first[KIND_FIND]) {
		row[d->classes + 1] = (uint32_t)find_byte(rows, r);
	} else {
		struct chain *chain = &d->chains[(number[r] - d->first[KIND_CHAIN]) / d->width];

		*chain = chain_from(rows, r);
		chain->to = number[chain->to];
		row[d->classes + 1] = (uint32_t)(chain - d->chains);
	}
}

struct dfa *
dfa_pack(const struct rows *rows)
{
	struct dfa *d = xcalloc(1, sizeof(*d));
	uint32_t *number = xcalloc(rows->n, sizeof(*number));
	unsigned char *kind = xcalloc(rows->n, 1);

	memcpy(d->class, rows->class, sizeof(d->class));
	d->rows = rows->n;
	d->classes = rows->classes;
	d->width = rows->classes + 2;
	d->lists = rows->lists;
	judge_kinds(rows, kind);
	d->chains = xcalloc(number_rows(d, kind, number) + 1, sizeof(*d->chains));
	d->cells = xcalloc((size_t)d->rows * d->width, sizeof(*d->cells));
	for (unsigned r = 0; r < d->rows; r++)
		fill_row(d, rows, r, number);
	d->start = number[rows->start];
	free(number);
	free(kind);
	return d;
}

void
dfa_free(struct dfa *d)
{
	if (d == NULL)
		return;
	free(d->cells);
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
	const uint32_t *cells = d->cells, plain = d->first[KIND_PLAIN];
	const uint16_t *list;
	uint32_t at = d->start;

	for (;;) {
		while (at >= plain && p < end) {
			uint32_t to = cells[at + class[*p++]];

			while (to == at && p < end)
				to = cells[at + class[*p++]];
			at = to;
		}
		if (p == end || at < d->first[KIND_CHAIN])
			break;
		if (at < d->first[KIND_FIND]) {
			const struct chain *chain = &d->chains[cells[at + d->classes + 1]];
			bool follows = (size_t)(end - p) >= chain->n && memcmp(p, chain->text, chain->n) == 0;

			at = follows ? chain->to : 0;
			p += follows ? chain->n : 0;
		} else {
			p = memchr(p, (int)cells[at + d->classes + 1], (size_t)(end - p));
			if (p == NULL)
				break;
			at = cells[at + class[*p++]];
		}
	}
	list = d->lists + cells[at + d->classes];
	*patterns = list + 1;
	return list == d->lists ? 0 : list[0];
}
