/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.h - between the files of popauth-milterctl */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "json.h"
#include "verbs.h"

/* How the answer is to be shown. */
struct view {
	bool json, prometheus;
	const struct verb *verb;
	struct table *table; /* lists: rows so far */
};

/* Called for each line of the answer but the last; then once with NULL. */
typedef void show_fn(struct view *v, const struct json *line);
show_fn *show_of(const struct view *v);

/* ctl_table.c: columns as wide as what is in them.  The first rows are kept until the widths are known; later ones
 * are printed as they come. */
struct table *table_new(const char *const *heads, unsigned columns);
/* As many cells as columns; NULL is an empty one. */
void table_row(struct table *t, const char *const *cells);
void table_end(struct table *t); /* prints what is left and frees */

/* "2026-07-04 12:34:56" in local time; "-" for 0.  `buf` holds TIME_TEXT bytes.  Returns buf. */
#define TIME_TEXT 32
char *time_text(char *buf, int64_t at);
/* What is left of a term, or how long ago: "59m", "1h 5m", "3d 2h". */
char *span_text(char *buf, int64_t seconds);

#endif
