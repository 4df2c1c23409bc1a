/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctl.h - between the files of popauth-milterctl */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "json.h"
#include "verbs.h"

#define PROGRAM "popauth-milterctl"
#define CTL_SOCKET RUNSTATEDIR "/popauth-milter/control.sock" /* where no configuration names another */

enum exit_code { EXIT_DONE, EXIT_NO, EXIT_USAGE, EXIT_UNREACHABLE };

struct options {
	const char *conf, *socket;
	bool json, count, prometheus, help, version, parse_only;
	const char *term, *user, *reason, *against, *postfix, *sendmail_cf, *kind, *client, *match, *offset, *limit, *since, *html;
	unsigned args; /* ARG_ and LOCAL_ bits of those given */
};

/* ctl.c: say what is wrong with the command line; returns EXIT_USAGE. */
int complain(const char *what, const char *detail);
/* The configuration that the options name.  *out is the caller's, and NULL when there is none at the usual place.
 * -1, after a complaint: there is one and it cannot be used. */
struct conf;
struct rules;
int ctl_conf(const struct options *o, struct conf **out);

/* A connection to the daemon's control socket: *out, the caller's, is for reading and, by its descriptor, for writing.
 * Otherwise the exit status, after a complaint. */
int ctl_connect(const struct options *o, FILE **out);

/* ctl_rules.c: the rules that the configuration names, or, `c` NULL, those at the usual place; NULL after a complaint. */
struct rules *ctl_rules(const struct conf *c);

/* What the program does itself, without the daemon: name, function, options, usage, help. */
#define LOCAL_COUNT   (1u << 16)
#define LOCAL_FILE    (1u << 17) /* an argument, optional */
#define LOCAL_FILES   (1u << 18) /* any number of them */
#define LOCAL_AGAINST (1u << 19)
#define LOCAL_MTA     (1u << 20)
#define LOCAL_HTML    (1u << 21)
#define LOCALS_TABLE(X) \
	X("rules list", rules_list, 0, "", "the log rules: what each looks for") \
	X("rules check", rules_check, 0, "", "prove that no hostile line can mislead a rule") \
	X("rules test", rules_test, LOCAL_FILE, "[FILE]", "run the sample lines of the rules, or those of FILE") \
	X("rules try", rules_try, LOCAL_COUNT, "[--json | --count]", "classify log lines from standard input") \
	X("simulate", simulate, LOCAL_FILES | LOCAL_AGAINST | LOCAL_HTML, "[--json] [--against OTHER.conf] [--html FILE] LOG...", \
	    "say what would have followed from these logs") \
	X("import", import, LOCAL_FILES | ARG_FOR, "KIND FILE [--for TERM]", "take over entries of an older system, or of export") \
	X("export", export, LOCAL_FILES, "KIND [FILE]", "write the entries down in the form of KIND") \
	X("doctor", doctor, LOCAL_MTA, "[--json] [--postfix DIR | --sendmail-cf FILE]", \
	    "look for mistakes in the wiring, and say what to change") \
	X("report", report, LOCAL_HTML | ARG_SINCE, "[--html FILE] [--since TERM]", \
	    "what happened, with plots in the HTML file")

#define X(name, function, args, usage, help) int local_##function(const struct options *o, char **argv);
LOCALS_TABLE(X)
#undef X

/* How the answer is to be shown. */
struct view {
	bool json, prometheus;
	const struct verb *verb;
	struct table *table; /* lists: rows so far */
	long long total;     /* a page: of how many */
	bool paged;
};

/* Called for each line of the answer but the last; then once with NULL. */
typedef void show_fn(struct view *v, const struct json *line);
show_fn *show_of(const struct view *v);

/* ctl_show.c: what an answer holds, for those who print it. */
const char *until_text(const struct json *o);  /* "2026-07-04 12:34:56 (5m left)"; good until the next call */
const char *reason_of(const struct json *o);   /* the zone, or the reason */
void print_list(const char *before, const struct json *list);
/* ctl_explain.c */
void show_explain(struct view *v, const struct json *o);

/* ctl_status.c */
show_fn show_status, show_stats;

/* ctl_top.c: the worst clients; on a terminal again and again, until interrupted. */
bool top_is_live(const struct verb *verb, const struct options *o);
bool top_again(void); /* wait for the next time */
show_fn show_top;

/* ctl_colour.c: colours for people at a terminal, nothing for anybody else (isatty, NO_COLOR, TERM=dumb). */
enum colour { COLOUR_BAD, COLOUR_WARN, COLOUR_GOOD, COLOUR_HEAD };
const char *colour_on(enum colour c);
const char *colour_off(void);
unsigned terminal_width(void); /* 0: standard output is no terminal */

/* ctl_guard.c */
show_fn show_breaker, show_breaker_reset, show_incidents;
void show_trips(const char *before, const struct json *list);

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
