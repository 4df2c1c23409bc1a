/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl_table.c - tables and times as people read them */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "err.h"

#define ROWS_KEPT   500
#define COLUMNS_MAX 8
#define CELL_MAX    48 /* wider cells do not widen their column */
#define CELL_MIN    5  /* of a terminal that is too narrow for all */
#define GAP	    2

struct table {
	unsigned columns, rows;
	unsigned width[COLUMNS_MAX];
	unsigned room; /* columns of the terminal; 0: it is none, and nothing is cut */
	bool fitted;   /* the rows kept have been printed */
	char *kept[ROWS_KEPT][COLUMNS_MAX];
};

/* Columns on a terminal: characters, not bytes (what is shown is well-formed UTF-8). */
static unsigned
width_of(const char *s)
{
	unsigned n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* At most `width` characters of it, the last one "…" when it is cut.  Returns how many were printed. */
static unsigned
print_cell(const char *s, unsigned width)
{
	bool cut = width_of(s) > width;
	unsigned n = 0;
	const char *p = s;

	while (*p != '\0' && (n < width - cut || ((unsigned char)*p & 0xc0) == 0x80)) {
		putchar(*p++);
		if (((unsigned char)*p & 0xc0) != 0x80)
			n++;
	}
	if (cut)
		fputs("\u2026", stdout);
	return n + cut;
}

static void
print_row(const struct table *t, char *const *cells)
{
	for (unsigned i = 0; i < t->columns; i++) {
		unsigned limit = t->room != 0 ? t->width[i] : width_of(cells[i]);
		unsigned n = print_cell(cells[i], limit);

		if (i + 1 == t->columns)
			putchar('\n');
		else
			printf("%*s", (int)((t->width[i] > n ? t->width[i] - n : 0) + GAP), "");
	}
}

/* Take from the widest column until the row fits the terminal. */
static void
fit(struct table *t)
{
	for (;;) {
		unsigned widest = 0, all = (t->columns - 1) * GAP;

		for (unsigned i = 0; i < t->columns; i++) {
			all += t->width[i];
			if (t->width[i] > t->width[widest])
				widest = i;
		}
		if (all <= t->room || t->width[widest] <= CELL_MIN)
			return;
		t->width[widest]--;
	}
}

static void
print_kept(struct table *t)
{
	if (!t->fitted && t->room != 0)
		fit(t);
	for (unsigned r = 0; r < t->rows; r++) {
		if (!t->fitted && r == 0)
			fputs(colour_on(COLOUR_HEAD), stdout);
		print_row(t, t->kept[r]);
		if (!t->fitted && r == 0)
			fputs(colour_off(), stdout);
		for (unsigned i = 0; i < t->columns; i++)
			free(t->kept[r][i]);
	}
	t->rows = 0;
	t->fitted = true;
}

static void
keep(struct table *t, const char *const *cells)
{
	for (unsigned i = 0; i < t->columns; i++) {
		char *s = xstrdup(cells[i] != NULL ? cells[i] : "");
		unsigned w = width_of(s);

		t->kept[t->rows][i] = s;
		if (w > t->width[i])
			t->width[i] = w < CELL_MAX || (t->room != 0 && i + 1 == t->columns) ? w : CELL_MAX;
	}
	t->rows++;
}

struct table *
table_new(const char *const *heads, unsigned columns)
{
	struct table *t = xcalloc(1, sizeof(*t));

	if (columns > COLUMNS_MAX)
		panic("table: %u columns", columns);
	t->columns = columns;
	t->room = terminal_width();
	keep(t, heads);
	return t;
}

void
table_row(struct table *t, const char *const *cells)
{
	if (t->fitted || t->rows == ROWS_KEPT)
		print_kept(t);
	keep(t, cells);
}

void
table_end(struct table *t)
{
	print_kept(t);
	free(t);
}

char *
time_text(char *buf, int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (at == 0 || localtime_r(&t, &tm) == NULL || strftime(buf, TIME_TEXT, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strcpy(buf, "-");
	return buf;
}

char *
span_text(char *buf, int64_t s)
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	unsigned u = 0;
	int64_t rest;
	size_t n;

	if (s < 0)
		s = 0;
	while (u < 3 && s < units[u].seconds)
		u++;
	rest = u < 3 ? s % units[u].seconds / units[u + 1].seconds : 0;
	snprintf(buf, TIME_TEXT, "%lld%c", (long long)(s / units[u].seconds), units[u].letter);
	if (rest > 0) {
		n = strlen(buf);
		snprintf(buf + n, TIME_TEXT - n, " %d%c", (int)rest, units[u + 1].letter);
	}
	return buf;
}
