/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_regex.c - where are the fields?  The only file that knows PCRE2.
 *
 * The tree is written as a PCRE2 pattern and compiled by its JIT.  Runs are possessive but for :last ones, since
 * rules_nfa.c has made sure that they end where they end.  What may match is decided by the automata; the limits below
 * are there in case of a mistake of ours.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

#define MATCH_LIMIT 1000000 /* PCRE2's steps; a line of 64 kB needs some 100,000 */
#define HEAP_LIMIT  1024    /* kB */

struct group {
	enum slot slot;
	const struct node *run; /* of an open run, when all are wanted */
	unsigned over;		/* bytes that it holds beyond its field: see ends_before_text() */
};

struct regex {
	pcre2_code *code;
	bool jit, all;
	struct group groups[REGEX_GROUPS];
	unsigned ngroups; /* groups[1] .. groups[ngroups] */
	size_t written;	  /* while it is being made: bytes of the next text that stand in the group before it */
	char *text;
	size_t len, cap;
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static void
put(struct regex *re, const char *s)
{
	size_t n = strlen(s);

	if (re->len + n + 1 > re->cap) {
		re->cap = (re->len + n + 1) * 2;
		re->text = xrealloc(re->text, re->cap);
	}
	memcpy(re->text + re->len, s, n + 1);
	re->len += n;
}

static void
put_byte(struct regex *re, unsigned c)
{
	char buf[8];

	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == ' ')
		(void)snprintf(buf, sizeof(buf), "%c", (char)c);
	else
		(void)snprintf(buf, sizeof(buf), "\\x%02x", c);
	put(re, buf);
}

static void
put_set(struct regex *re, const struct bytes *set)
{
	struct bytes none = bytes_not(*set);

	if (bytes_empty(&none)) {
		put(re, ".");
		return;
	}
	put(re, "[");
	for (unsigned c = 0; c < 256; c++) {
		unsigned to = c;

		if (!bytes_has(set, (unsigned char)c))
			continue;
		while (to < 255 && bytes_has(set, (unsigned char)(to + 1)))
			to++;
		put_byte(re, c);
		if (to > c) {
			put(re, "-");
			put_byte(re, to);
		}
		c = to;
	}
	put(re, "]");
}

static void
put_run(struct regex *re, const struct node *n)
{
	static const struct bytes all = { { ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0 } };

	put_set(re, n->open && n->last ? &all : &n->set);
	if (n->one)
		return;
	put(re, n->empty ? "*" : "+");
	if (!n->last)
		put(re, "+");
}

static void write_node(struct regex *re, const struct node *n);

static void
write_kids(struct regex *re, const struct node *n, const char *between)
{
	for (const struct node *kid = n->kids; kid != NULL; kid = kid->next) {
		write_node(re, kid);
		if (kid->next != NULL)
			put(re, between);
	}
}

/* Begin a group; "(" when it captures. */
static bool
open_group(struct regex *re, enum slot slot, const struct node *run)
{
	if (re->ngroups + 1 >= REGEX_GROUPS)
		return false;
	re->groups[++re->ngroups] = (struct group){ .slot = slot, .run = run };
	put(re, "(");
	return true;
}

/* A :last field with text behind it, as in user=<{user:last}>.  The JIT goes back to the last place where the rest fits by
 * steps over that byte alone when it stands right behind the run, not behind the end of a group: a third of the time for
 * a login of Dovecot's.  So the group takes the byte in. */
static bool
ends_before_text(const struct regex *re, const struct node *n)
{
	const struct node *run = n->kids, *text = n->next;

	return !re->all && run != NULL && run->kind == NODE_RUN && run->next == NULL && run->open && run->last &&
	    !run->one && text != NULL && text->kind == NODE_TEXT && text->text.n > 0;
}

static void
write_node(struct regex *re, const struct node *n)
{
	bool group = false;

	switch (n->kind) {
	case NODE_TEXT:
		for (size_t i = re->written; i < n->text.n; i++)
			put_byte(re, (unsigned char)n->text.p[i]);
		re->written = 0;
		return;
	case NODE_RUN:
		group = re->all && n->open && open_group(re, SLOT_NONE, n);
		put_run(re, n);
		break;
	case NODE_SEQ:
		group = n->slot != SLOT_NONE && open_group(re, n->slot, NULL);
		write_kids(re, n, "");
		if (group && ends_before_text(re, n)) {
			put_byte(re, (unsigned char)n->next->text.p[0]);
			re->groups[re->ngroups].over = 1;
			re->written = 1;
		}
		break;
	case NODE_ALT:
		put(re, "(?:");
		write_kids(re, n, "|");
		put(re, n->many ? ")*" : ")");
		break;
	}
	if (group)
		put(re, ")");
}

static unsigned
count_fields(const struct node *n)
{
	unsigned fields = n->slot != SLOT_NONE || (n->kind == NODE_RUN && n->open);

	for (const struct node *kid = n->kids; kid != NULL; kid = kid->next)
		fields += count_fields(kid);
	return fields;
}

struct regex *
regex_new(const struct node *tree, bool all, struct err *e)
{
	struct regex *re = xcalloc(1, sizeof(*re));
	PCRE2_SIZE offset;
	PCRE2_UCHAR why[256];
	int error;

	re->all = all;
	if (count_fields(tree) > REGEX_GROUPS - 2) { /* with `all', or rules_check() could not do its work */
		err_place(e, tree->at, "more than %d fields in one pattern", REGEX_GROUPS - 2);
		goto failed;
	}
	write_node(re, tree);
	put(re, "\\z");
	re->code = pcre2_compile((PCRE2_SPTR)re->text, re->len,
	    PCRE2_ANCHORED | PCRE2_DOTALL | PCRE2_NO_START_OPTIMIZE, &error, &offset, NULL);
	if (re->code == NULL) {
		pcre2_get_error_message(error, why, sizeof(why));
		err_place(e, tree->at, "PCRE2: %s", (const char *)why);
		goto failed;
	}
	re->jit = pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0;
	return re;
failed:
	regex_free(re);
	return NULL;
}

void
regex_free(struct regex *re)
{
	if (re == NULL)
		return;
	pcre2_code_free(re->code);
	free(re->text);
	free(re);
}

static void *
must(void *p)
{
	if (p == NULL)
		panic("out of memory");
	return p;
}

struct regex_scratch *
regex_scratch_new(void)
{
	struct regex_scratch *s = xcalloc(1, sizeof(*s));

	s->data = must(pcre2_match_data_create(REGEX_GROUPS, NULL));
	s->context = must(pcre2_match_context_create(NULL));
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT);
	s->stack = pcre2_jit_stack_create(32 * 1024, 512 * 1024, NULL);
	if (s->stack != NULL)
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	return s;
}

void
regex_scratch_free(struct regex_scratch *s)
{
	if (s == NULL)
		return;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
}

static enum regex_result
run(const struct regex *re, struct regex_scratch *s, struct str text)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)(text.n == 0 ? "" : text.p);
	int rc = re->jit ? pcre2_jit_match(re->code, subject, text.n, 0, 0, s->data, s->context)
			 : pcre2_match(re->code, subject, text.n, 0, 0, s->data, s->context);

	if (rc >= 0)
		return REGEX_YES;
	return rc == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_LIMIT;
}

static struct str
group_span(struct regex_scratch *s, struct str text, unsigned group, unsigned over)
{
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(s->data) + 2 * group;

	if (group >= pcre2_get_ovector_count(s->data) || at[0] == PCRE2_UNSET || at[0] == at[1] - over)
		return STR_NONE;
	return (struct str){ text.p + at[0], at[1] - over - at[0] };
}

enum regex_result
regex_match(const struct regex *re, struct regex_scratch *s, struct str text, struct str *slots)
{
	enum regex_result r = run(re, s, text);

	memset(slots, 0, SLOTS * sizeof(*slots));
	for (unsigned g = 1; r == REGEX_YES && g <= re->ngroups; g++) {
		struct str span = group_span(s, text, g, re->groups[g].over);

		if (span.p != NULL)
			slots[re->groups[g].slot] = span;
	}
	slots[SLOT_NONE] = STR_NONE;
	return r;
}

unsigned
regex_runs(const struct regex *re, struct regex_scratch *s, struct str text, struct str *spans,
    const struct node **runs, unsigned max)
{
	const PCRE2_SIZE *at;
	unsigned n = 0;

	if (run(re, s, text) != REGEX_YES)
		return 0;
	at = pcre2_get_ovector_pointer(s->data);
	for (unsigned g = 1; g <= re->ngroups && n < max; g++) {
		if (re->groups[g].run == NULL || at[2 * g] == PCRE2_UNSET)
			continue;
		spans[n] = (struct str){ text.p + at[2 * g], at[2 * g + 1] - at[2 * g] };
		runs[n++] = re->groups[g].run;
	}
	return n;
}

bool
regex_exceeds(const struct regex *re, struct str text, uint32_t limit)
{
	pcre2_match_data *data = must(pcre2_match_data_create(REGEX_GROUPS, NULL));
	pcre2_match_context *context = must(pcre2_match_context_create(NULL));
	int rc;

	pcre2_set_match_limit(context, limit);
	rc = pcre2_match(re->code, (PCRE2_SPTR)text.p, text.n, 0, PCRE2_NO_JIT, data, context);
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return rc == PCRE2_ERROR_MATCHLIMIT;
}
