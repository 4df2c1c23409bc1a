/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_parse.h - a rule file while it is read: between rules_parse.c and rules_sample.c */
#ifndef RULES_PARSE_H
#define RULES_PARSE_H

#include "rules_priv.h"

struct parser {
	struct rules *set;
	struct file **files; /* names that places point to */
	const char *path;
	unsigned line;
	const char *begin; /* of the line */
	struct let *lets;  /* of this file */
	struct program *program;
	struct program **programs_end;
	struct rule *rule;
	struct sample *sample; /* wants an `expect' */
	struct place before_at;
	struct str *before;	/* lines for the next sample; owned */
	unsigned nbefore;
	struct sample *samples; /* of the file, when samples are all that is read */
	bool samples_only, has_rules;
	struct err *e;
};

/* Where in the file: `at` points into the line that is read. */
struct place parser_place(const struct parser *p, const char *at);
/* The next word of *s, which is left at what follows it. */
struct str parser_word(struct str *s);
char *parser_copy(struct str s);

/* The directives of samples, as they stand in the table of rules_parse.c. */
int parse_before(struct parser *p, struct str rest);
int parse_sample(struct parser *p, struct str rest);
int parse_expect(struct parser *p, struct str rest);
/* Is the last sample whole? */
int parse_samples_whole(const struct parser *p);
/* At the end of the file, where no `before' may wait for one either. */
int parse_samples_end(const struct parser *p);
void parse_samples_free(struct parser *p);

#endif
