/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.h - which log lines are events: a language, its proof, and the matcher
 *
 * Rules are text files (popauth-milter.rules(5)), not code.  A set is loaded whole or not at all, never changes, and
 * may be used by any number of threads, each with a scratch of its own; matching allocates nothing.  The only user of
 * PCRE2 is rules_regex.c.
 */
#ifndef RULES_H
#define RULES_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "event.h"
#include "logline.h"

struct rules;
struct rules_scratch;

/* Load every *.rules file of the directories, in the order given (NULL-terminated) and by name within each; a path
 * that is a file is loaded as one.  "" is passed over, and so is what does not exist, but for the last path: the
 * shipped rules must be there.  Earlier rules win, so the administrator's own come first.  On success *out is the
 * caller's, to be freed with rules_free(), and must outlive its scratches and the events it has given.  On failure -1,
 * *out is untouched and e says "FILE:LINE:COLUMN: what". */
int rules_load(const char *const *paths, struct rules **out, struct err *e);
void rules_free(struct rules *set); /* NULL is fine */
/* Names that programs have here: "TAG=PROGRAM", TAG being read as PROGRAM, a tag of the rules, would be.  NULL, or
 * NULL-terminated.  Before anything is matched; after -1 (e says why) the set is good for rules_free() only. */
int rules_alias(struct rules *set, char *const *tags, struct err *e);

/* What one thread needs to match with `set`. */
struct rules_scratch *rules_scratch_new(const struct rules *set);
void rules_scratch_free(struct rules_scratch *s); /* NULL is fine */

enum rules_result {
	RULES_NOTHING,	/* no rule knows the line */
	RULES_EVENT,	/* *out is filled */
	RULES_IGNORED,	/* a rule knows the line: it is no event */
	RULES_HALF	/* *out is filled but for its client; or has a client alone, kind EVENT_KINDS */
};

/* What one line has to do with others: sets of keys, 1 << RULES_PID | 1 << RULES_QID. */
enum rules_key { RULES_PID, RULES_QID, RULES_KEYS };

#define RULES_AFTER 4

struct rules_part {
	uint8_t remember; /* the client is also that of later lines with such a key */
	uint8_t settle;	  /* the client is also that of earlier lines */
	uint8_t need;	  /* the client is that of another line with the first of these keys that finds one */
	bool told;	  /* other rules are named to tell this again */
	const char *after[RULES_AFTER + 1]; /* rules that may have told this before, of the same client; NULL ends */
	uint16_t within;  /* no longer ago than so many seconds; 0: CORRELATE_SECONDS */
	struct str qid;	  /* borrowed from the line; STR_NONE: there is none */
};

/* What does a line mean?  On RULES_EVENT everything in *out is set: slices borrow from the line, `rule` from the set;
 * time is the line's, or -1.  It is for correlate.h to put halves together: this knows of one line only. */
enum rules_result rules_match(const struct rules *set, struct rules_scratch *s, const struct logline *line,
    struct event *out);
/* Of the line last matched, when that gave RULES_EVENT or RULES_HALF. */
const struct rules_part *rules_part(const struct rules_scratch *s);
/* Is there any rule for lines of this tag? */
bool rules_know_tag(const struct rules *set, struct rules_scratch *s, struct str tag);

unsigned rules_count(const struct rules *set);

/* For popauth-milterctl; each writes to `out` for people to read. */
void rules_list(const struct rules *set, FILE *out);
/* The samples that stand beside the rules, or those of `path` when it is not NULL: a rule file, tested alone, or a file
 * of samples only, tested with the set's rules.  Returns how many gave something else than expected; -1: see e. */
int rules_test(const struct rules *set, const char *path, FILE *out, struct err *e);
/* Put hostile text into every field of every sample that a client controls: the client must stay the same, and the
 * work must grow with the length of the line only.  Returns the number of things found wrong. */
int rules_check(const struct rules *set, FILE *out);

/* Classify lines from `in`; `each` is called for every line that gave an event.  Returns the number of lines, -1 on a
 * read error. */
typedef void rules_try_fn(void *arg, uint64_t lineno, const struct event *ev);
int64_t rules_try(const struct rules *set, FILE *in, time_t now, rules_try_fn *each, void *arg);

#endif
