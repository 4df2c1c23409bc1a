/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - what happened, for people: the numbers, and how they are shown
 *
 * The numbers come from the daemon (its answers to `history`, `summary`, `status`, one line at a time) or from a rehearsal.  A
 * report is a plain value without anything to free, but it is large: not for a stack.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdio.h>

#include "history.h"
#include "html.h"
#include "json.h"

#define REPORT_LEADERS 20
#define REPORT_HARM    50

/* A network, a zone or a user. */
struct report_leader {
	char name[160];
	uint64_t clients, weight; /* weight: events; of users, logins */
};

struct report_ladder {
	unsigned n;
	struct report_leader row[REPORT_LEADERS];
	uint64_t left_out; /* clients whose names there was no room to count */
};

enum report_ladders { LADDER_NETWORKS, LADDER_ZONES, LADDER_USERS, REPORT_LADDERS };

/* Somebody good who would have been shut out; known in a rehearsal only. */
struct report_harm {
	char client[64], user[80], why[160];
	uint64_t logins, mails;
};

struct report {
	char source[160];   /* where it comes from */
	bool rehearsal;	    /* nothing of it has happened */
	time_t from, to;    /* the span that was asked for, or that the logs have */
	unsigned hours;
	uint64_t lost;	    /* events that were older than the hours go */
	struct history_hour hour[HISTORY_HOURS + 1];
	struct report_ladder ladder[REPORT_LADDERS];
	bool has_sets;
	uint64_t known, relay, cache, block; /* clients: now; of a rehearsal, ever */
	uint64_t harmed;    /* how many; `harm` lists the first of them */
	unsigned nharm;
	struct report_harm harm[REPORT_HARM];
};

struct report *report_new(void);

/* A line of `history`, `summary` or `status`; what is none is passed over. */
void report_take(struct report *r, const struct json *line);
/* All hours together. */
void report_sum(const struct report *r, struct history_hour *sum);
uint64_t report_events(const struct history_hour *h);	 /* of all kinds but login */
uint64_t report_blocks(const struct history_hour *h);
uint64_t report_refused(const struct history_hour *h);

/* A bar of a chart is so many hours. */
unsigned report_step(const struct report *r);
/* The sum of the hours of bar i, which begins at *at. */
unsigned report_bars(const struct report *r);
void report_bar(const struct report *r, unsigned i, struct history_hour *sum, time_t *at);

void report_text(const struct report *r, FILE *out);
struct json *report_json(const struct report *r);
/* The inner part of a page: headings, tables, plots.  Needs report_style() somewhere. */
void report_body(const struct report *r, struct html *h);
/* One file with all that it needs in it. */
void report_html(const struct report *r, struct html *h);

/* Small plots in SVG.  Colours are classes: c0, c1, … */
struct chart_series {
	const char *name;
	const uint32_t *n; /* one for each bar */
};
/* Stacked bars, each so many hours wide, the first beginning at `first`, with a legend and a table for those who cannot see. */
void chart_stack(struct html *h, const char *title, const struct chart_series *s, unsigned series, unsigned bars,
    time_t first, unsigned hours);
/* One line without any text; `what` says what it is. */
void chart_spark(struct html *h, const char *what, const uint32_t *n, unsigned points);

#endif
