/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_priv.h - what the parts of the rule engine share
 *
 *	rules_parse.c	a rule file: programs and their rules
 *	rules_sample.c	the same: samples
 *	rules_pattern.c	one pattern: text to tree; the table of field types
 *	rules_nfa.c	tree to automaton (Glushkov): one state per byte of text and per field
 *	rules_proof.c	is there a line that could be read with another client in it?  (see the head of that file)
 *	rules_sense.c	what is safe, and could never work
 *	rules_dfa.c	all automata of one program into one table: which rules may match this line?
 *	rules_walk.c	the table in memory, and the walk
 *	rules_regex.c	tree to PCRE2: where are the fields?  The only file that knows PCRE2.
 *	rules_tag.c	which program wrote the line
 *	rules_load.c	directories, and all of the above in their order
 *	rules.c		what does a line mean?
 */
#ifndef RULES_PRIV_H
#define RULES_PRIV_H

#include "rules.h"

#define PATTERN_ATOMS 1500 /* the longest pattern, in bytes of text and fields */
#define PATTERN_DEPTH 16   /* groups within groups */
#define RULE_NAME     64   /* bytes, with a NUL */
#define TAIL_LINE     900  /* see rules_proof.c: lines this long may have lost their tail */

/* A set of bytes. */
struct bytes {
	uint64_t w[4];
};

static inline bool
bytes_has(const struct bytes *b, unsigned char c)
{
	return b->w[c >> 6] >> (c & 63) & 1;
}

static inline void
bytes_add(struct bytes *b, unsigned char c)
{
	b->w[c >> 6] |= (uint64_t)1 << (c & 63);
}

static inline void
bytes_add_all(struct bytes *b, const struct bytes *more)
{
	for (int i = 0; i < 4; i++)
		b->w[i] |= more->w[i];
}

static inline struct bytes
bytes_not(struct bytes b)
{
	for (int i = 0; i < 4; i++)
		b.w[i] = ~b.w[i];
	return b;
}

static inline struct bytes
bytes_both(const struct bytes *a, const struct bytes *b)
{
	struct bytes both;

	for (int i = 0; i < 4; i++)
		both.w[i] = a->w[i] & b->w[i];
	return both;
}

static inline bool
bytes_empty(const struct bytes *b)
{
	return (b->w[0] | b->w[1] | b->w[2] | b->w[3]) == 0;
}

/* What an event takes from a line. */
enum slot { SLOT_NONE, SLOT_CLIENT, SLOT_USER, SLOT_RECIPIENT, SLOT_ZONE, SLOT_QID, SLOT_SESSION, SLOTS };

struct place {
	const char *file; /* the set's */
	unsigned line, column;
};

enum node_kind { NODE_TEXT, NODE_RUN, NODE_SEQ, NODE_ALT };

struct node {
	enum node_kind kind;
	struct place at;
	struct node *next;  /* of the same parent */
	struct node *kids;  /* SEQ: one after the other; ALT: one of them */
	bool many;	    /* ALT: one of them, any number of times, or none */
	enum slot slot;	    /* SEQ: what it captures */
	struct str text;    /* TEXT; owned */
	/* RUN: as many bytes of `set` as there are */
	const char *name;   /* of its type */
	struct bytes set;   /* what the matcher takes; of a free run set by nfa_build() from what follows */
	bool free;	    /* open, and its type names no bytes */
	bool empty;	    /* may be none */
	bool one;	    /* is exactly one */
	bool open;	    /* the client decides what stands here, whatever the bytes */
	bool last;	    /* ends at the last place where the rest still fits, not at the first */
};

void node_free(struct node *n); /* with its kids, not its next */
/* Do not capture this any more. */
void node_forget(struct node *n, enum slot slot);

/* A named piece of pattern. */
struct let {
	struct let *next;
	char *name;
	struct node *tree;
};

/* Text to tree; `at` is the place of its first byte. */
int pattern_parse(struct node **out, struct str text, struct place at, const struct let *lets, struct err *e);
/* One line for each type of field. */
void pattern_list_types(FILE *out);

enum { MARK_CLIENT = 1, MARK_QID = 2 };

/* One state of the automaton: a byte that has been read.  States are numbered from 1; 0 is the start. */
struct atom {
	struct bytes reads;  /* the bytes the matcher takes here */
	struct bytes writes; /* the bytes the program may write here: all of them where the client decides */
	bool final;	     /* the pattern may end behind it */
	uint8_t mark;	     /* MARK_*: part of what nobody may forge */
	bool many;	     /* may come any number of times */
	bool cut;	     /* an open ":last" run, or next to one: the table goes no further */
	bool rest;	     /* the pattern matches whatever follows */
	uint16_t *follow;
	unsigned follows;
	struct node *run;    /* NULL: a byte of text */
};

struct nfa {
	struct atom *atoms; /* atoms[0]: the start */
	unsigned n;
	uint8_t marks;	     /* all of its atoms' */
	uint8_t guards;	     /* the marks that the rule's meaning hangs on */
	bool trailing;	     /* an open run stands before one of these */
	bool sure;	     /* matches every line that is written in its shape */
	const struct node *opening; /* an open run that a line may begin with; NULL: none */
};

/* Also settles where each open run ends, and refuses what could take more than linear time. */
int nfa_build(struct nfa *nfa, struct node *tree, struct err *e);
/* Say which marks the rule's meaning hangs on, or that it hangs on the whole line. */
void nfa_guard(struct nfa *nfa, uint8_t guards, bool whole);
void nfa_free(struct nfa *nfa);

enum proof_of {
	PROOF_MARKS, /* no line of `written` is read by `reader` with another client or queue id than the program wrote;
		      * only what the reader guards is looked at */
	PROOF_APART  /* no line of `written` is read by `reader` at all */
};

struct prover;
struct prover *prover_new(void);
void prover_free(struct prover *p);
/* true: proven.  Otherwise `example` (`size` bytes) holds such a line. */
bool prover_try(struct prover *p, enum proof_of what, const struct nfa *written, const struct nfa *reader,
    char *example, size_t size);

/* The table: read a line from its first byte until it is known which patterns are worth trying. */
struct dfa;
#define DFA_CERTAIN 0x8000u /* the pattern matches for certain: only its fields are not known */

/* What is to be tried when the walk ends at a row: the place of a list; 0: nothing. */
struct answer {
	uint32_t list;
	bool stops; /* it does end here, whatever follows */
};

/* The table as it is found.  Row 0: nothing is left. */
struct rows {
	unsigned char class[256];  /* of each byte */
	unsigned char sample[256]; /* a byte of each class */
	unsigned size[256];	   /* how many it has */
	unsigned classes, n;
	uint32_t start, *next;	   /* next: by row and class */
	struct answer *answer;
	uint16_t *lists;	   /* count, patterns, count, patterns... */
	size_t nlists;
};

struct dfa *dfa_new(const struct nfa *const *patterns, unsigned n);
/* Takes the lists, nothing else. */
struct dfa *dfa_pack(const struct rows *rows);
void dfa_free(struct dfa *d);
/* Returns how many patterns (numbers, perhaps with DFA_CERTAIN), best first; 0: no pattern can match. */
unsigned dfa_run(const struct dfa *d, struct str text, const uint16_t **patterns);
unsigned dfa_states(const struct dfa *d);

#define REGEX_GROUPS 24 /* the most fields of a pattern, and two */

struct regex;
struct regex_scratch;
enum regex_result { REGEX_NO, REGEX_YES, REGEX_LIMIT };

/* `all`: also capture what no slot is for (every open run, for rules_check()). */
struct regex *regex_new(const struct node *tree, bool all, struct err *e);
void regex_free(struct regex *re);
struct regex_scratch *regex_scratch_new(void);
void regex_scratch_free(struct regex_scratch *s);
/* slots[SLOT_...] are set; STR_NONE where nothing was captured. */
enum regex_result regex_match(const struct regex *re, struct regex_scratch *s, struct str text, struct str *slots);
/* For regexes made with `all`: the runs and what stood in them; returns how many. */
unsigned regex_runs(const struct regex *re, struct regex_scratch *s, struct str text, struct str *spans,
    const struct node **runs, unsigned max);
/* Whether matching `text` takes more than `limit` steps, counted by PCRE2's interpreter, not by a clock. */
bool regex_exceeds(const struct regex *re, struct str text, uint32_t limit);

struct sample {
	struct sample *next;
	struct place at;
	struct str line;     /* owned */
	struct str *before;  /* lines written before it; owned */
	unsigned nbefore;
	bool none;	     /* nothing is expected */
	enum event_kind kind;
	struct str addr, user, recipient, zone; /* owned; addr of an event is always there */
};

struct pattern {
	struct pattern *next; /* of the same rule */
	struct rule *rule;
	struct place at;
	struct node *tree;
	struct nfa nfa;
	struct regex *regex;
	bool has_part;	      /* the rule's lines have to do with others */
	struct str needle;    /* text that must be in the line, behind the point that the table reaches; borrowed */
	size_t rarest;	      /* the place in it of the byte that is rarest in logs */
};

struct rule {
	struct rule *next; /* of the same program */
	struct place at;
	char *name;
	bool none;	   /* lines that are no event */
	bool bounce;	   /* their sender is <> */
	enum event_kind kind;
	struct rules_part part; /* but for the queue id */
	struct pattern *patterns;
	struct sample *samples;
};

/* Rules for the lines of some programs. */
struct program {
	struct program *next;
	struct place at;
	char **tags;
	unsigned ntags;
	struct rule *rules;
	struct pattern **table; /* all patterns, best first */
	unsigned npatterns;
	struct dfa *dfa;
};

struct file {
	struct file *next;
	char *path;
};

struct rules {
	struct program *programs;
	struct file *files;
	unsigned nrules;
};

/* NULL: there is none of this name. */
struct rule *rules_find(const struct rules *set, struct str name);
/* Append the programs of one file to the set. */
int rules_parse_file(struct rules *set, const char *path, struct err *e);
/* Only the samples of a file, and whether there is more in it.  They and *files are the caller's to free, also on
 * failure. */
int rules_parse_samples(struct sample **out, struct file **files, const char *path, bool *has_rules, struct err *e);
void samples_free(struct sample *s);
void files_free(struct file *f);
/* What follows from the text of the whole set: automata and tables; then the proof.  A set that is not proven is for
 * the test of rules_check() only. */
int rules_build(struct rules *set, struct err *e);
int rules_prove(const struct rules *set, struct err *e);
/* Refuses rules that could never match, or not as they are meant. */
int rules_make_sense(const struct rules *set, struct err *e);
int err_place(struct err *e, struct place at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

bool tag_matches(const char *spec, struct str tag);
bool program_has_tag(const struct program *p, struct str tag);
/* Could one line be given to both? */
bool programs_share_tag(const struct program *a, const struct program *b);

#define TAG_PROGRAMS 8 /* the most programs that one tag may mean: rules_make_sense() */

struct tag_cache;
struct tag_cache *tag_cache_new(void);
void tag_cache_free(struct tag_cache *c);
/* The programs that lines of this tag may come from, in order; returns how many.  *out is good until the next call. */
unsigned tag_programs(const struct rules *set, struct tag_cache *c, struct str tag, const struct program *const **out);

struct rules_scratch {
	struct regex_scratch *regex;
	struct tag_cache *tags;
	struct rules_part part; /* of the line last matched */
};

/* Read one sample line as the daemon would, but for correlation. */
enum rules_result sample_match(const struct rules *set, struct rules_scratch *s, struct str line, struct event *out);

#endif
