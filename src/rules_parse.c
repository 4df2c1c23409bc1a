/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_parse.c - a rule file: programs and their rules
 *
 * One directive a line; see popauth-milter.rules(5).  Nothing is done here but to take the text apart: what the
 * patterns mean, and whether they are safe, is for rules_load.c; the samples are taken by rules_sample.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correlate.h"
#include "rules_parse.h"

int
err_place(struct err *e, struct place at, const char *fmt, ...)
{
	char what[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(e, "%s:%u:%u: %s", at.file, at.line, at.column, what);
}

struct place
parser_place(const struct parser *p, const char *at)
{
	return (struct place){ p->path, p->line, (unsigned)(at - p->begin) + 1 };
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* The next word of *s, which is left at what follows it. */
struct str
parser_word(struct str *s)
{
	struct str word;

	*s = trim(*s);
	word = (struct str){ s->p, 0 };
	while (word.n < s->n && word.p[word.n] != ' ' && word.p[word.n] != '\t')
		word.n++;
	*s = trim((struct str){ s->p + word.n, s->n - word.n });
	return word;
}

static bool
is_rule_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.n > 0 && s.n < RULE_NAME;
}

char *
parser_copy(struct str s)
{
	char *p = xmalloc(s.n + 1);

	return str_copy(p, s.n + 1, s);
}

/* program TAG... */
static int
parse_program(struct parser *p, struct str rest)
{
	struct program *prog = xcalloc(1, sizeof(*prog));
	struct str tag;

	prog->at = parser_place(p, p->begin);
	*p->programs_end = prog;
	p->programs_end = &prog->next;
	p->program = prog;
	p->rule = NULL;
	while ((tag = parser_word(&rest)).n > 0) {
		prog->tags = xrealloc(prog->tags, (prog->ntags + 1) * sizeof(*prog->tags));
		prog->tags[prog->ntags++] = parser_copy(tag);
	}
	if (prog->ntags == 0)
		return err_place(p->e, prog->at, "program wants the tags that it writes");
	return 0;
}

/* let NAME PATTERN */
static int
parse_let(struct parser *p, struct str rest)
{
	struct str name = parser_word(&rest);
	struct let *let;
	struct node *tree;

	if (!is_rule_name(name) || rest.n == 0)
		return err_place(p->e, parser_place(p, p->begin), "let wants a name and a pattern");
	for (size_t i = 0; i < name.n; i++)
		if (isupper((unsigned char)name.p[i]))
			return err_place(p->e, parser_place(p, name.p), "a let has small letters, digits, - and _ in its name");
	for (let = p->lets; let != NULL; let = let->next)
		if (str_eq(name, str_of(let->name)))
			return err_place(p->e, parser_place(p, name.p), "%s is defined already", let->name);
	if (pattern_parse(&tree, rest, parser_place(p, rest.p), p->lets, p->e) == -1)
		return -1;
	let = xcalloc(1, sizeof(*let));
	let->name = parser_copy(name);
	let->tree = tree;
	let->next = p->lets;
	p->lets = let;
	return 0;
}

struct rule *
rules_find(const struct rules *set, struct str name)
{
	for (const struct program *prog = set->programs; prog != NULL; prog = prog->next)
		for (struct rule *r = prog->rules; r != NULL; r = r->next)
			if (str_eq(name, str_of(r->name)))
				return r;
	return NULL;
}

/* rule NAME KIND [bounce] */
static int
parse_rule(struct parser *p, struct str rest)
{
	struct str name = parser_word(&rest), kind = parser_word(&rest), bounce = parser_word(&rest);
	const struct rule *other;
	struct rule *rule, **end;

	if (p->program == NULL)
		return err_place(p->e, parser_place(p, p->begin), "a rule belongs to a program: `program' comes first");
	if (!is_rule_name(name) || kind.n == 0 || rest.n > 0)
		return err_place(p->e, parser_place(p, p->begin), "rule wants a name and an event kind, or none");
	if ((other = rules_find(p->set, name)) != NULL)
		return err_place(p->e, parser_place(p, name.p), "there is a rule %s already, at %s:%u", other->name,
		    other->at.file, other->at.line);
	if (!str_eq(kind, STR("none")) && event_kind_of(kind) == EVENT_KINDS)
		return err_place(p->e, parser_place(p, kind.p), "there is no event kind %.*s", (int)kind.n, kind.p);
	if (bounce.n > 0 && (!str_eq(bounce, STR("bounce")) || event_kind_of(kind) != EVENT_UNKNOWN_USER))
		return err_place(p->e, parser_place(p, bounce.p), "only `bounce' may follow here, and only unknown-user");
	rule = xcalloc(1, sizeof(*rule));
	rule->at = parser_place(p, name.p);
	rule->name = parser_copy(name);
	rule->none = str_eq(kind, STR("none"));
	rule->kind = event_kind_of(kind);
	rule->bounce = bounce.n > 0;
	for (end = &p->program->rules; *end != NULL; end = &(*end)->next)
		continue;
	*end = p->rule = rule;
	p->set->nrules++;
	return 0;
}

/* remember KEY..., settle KEY..., need KEY... */
static int
parse_keys(struct parser *p, struct str rest, uint8_t *keys)
{
	static const struct str names[RULES_KEYS] = { [RULES_PID] = STR("pid"), [RULES_QID] = STR("qid") };
	struct str word = parser_word(&rest);
	unsigned k;

	if (keys == NULL || word.n == 0)
		return err_place(p->e, parser_place(p, p->begin), "this wants pid or qid, and a rule before it");
	for (; word.n > 0; word = parser_word(&rest)) {
		for (k = 0; k < RULES_KEYS && !str_eq(word, names[k]); k++)
			continue;
		if (k == RULES_KEYS)
			return err_place(p->e, parser_place(p, word.p), "lines are paired by pid or by qid");
		*keys |= (uint8_t)(1 << k);
	}
	return 0;
}

static int
parse_remember(struct parser *p, struct str rest)
{
	return parse_keys(p, rest, p->rule == NULL ? NULL : &p->rule->part.remember);
}

static int
parse_settle(struct parser *p, struct str rest)
{
	return parse_keys(p, rest, p->rule == NULL ? NULL : &p->rule->part.settle);
}

static int
parse_need(struct parser *p, struct str rest)
{
	return parse_keys(p, rest, p->rule == NULL ? NULL : &p->rule->part.need);
}

/* Behind `within': the last word of the line. */
static int
parse_within(struct parser *p, struct str rest)
{
	struct str word = parser_word(&rest);
	unsigned n = 0;

	for (size_t i = 0; i < word.n && n < 1000; i++)
		n = word.p[i] < '0' || word.p[i] > '9' ? 1000 : n * 10 + (unsigned)(word.p[i] - '0');
	if (n == 0 || n > CORRELATE_SECONDS || rest.n > 0)
		return err_place(p->e, parser_place(p, word.p), "within wants a number of seconds, %d at most", CORRELATE_SECONDS);
	p->rule->part.within = (uint16_t)n;
	return 0;
}

/* after RULE... [within SECONDS] */
static int
parse_after(struct parser *p, struct str rest)
{
	struct str word = parser_word(&rest);
	unsigned n = 0;

	if (p->rule == NULL || word.n == 0)
		return err_place(p->e, parser_place(p, p->begin), "after wants the names of rules, and a rule before it");
	while (p->rule->part.after[n] != NULL)
		n++;
	for (; word.n > 0; word = parser_word(&rest)) {
		if (n > 0 && str_eq(word, STR("within")))
			return parse_within(p, rest);
		if (n == RULES_AFTER || !is_rule_name(word))
			return err_place(p->e, parser_place(p, word.p), "after wants the names of at most %d rules", RULES_AFTER);
		p->rule->part.after[n++] = parser_copy(word);
	}
	return 0;
}

/* match PATTERN */
static int
parse_match(struct parser *p, struct str rest)
{
	struct pattern *pattern, **end;
	struct node *tree;

	if (p->rule == NULL || rest.n == 0)
		return err_place(p->e, parser_place(p, p->begin), "match wants a pattern, and a rule before it");
	if (pattern_parse(&tree, rest, parser_place(p, rest.p), p->lets, p->e) == -1)
		return -1;
	pattern = xcalloc(1, sizeof(*pattern));
	pattern->at = parser_place(p, rest.p);
	pattern->rule = p->rule;
	pattern->tree = tree;
	for (end = &p->rule->patterns; *end != NULL; end = &(*end)->next)
		continue;
	*end = pattern;
	return 0;
}

static const struct directive {
	const char *name;
	int (*parse)(struct parser *p, struct str rest);
	bool of_sample;
} directives[] = {
	{ "program", parse_program, false },
	{ "let", parse_let, false },
	{ "rule", parse_rule, false },
	{ "remember", parse_remember, false },
	{ "settle", parse_settle, false },
	{ "need", parse_need, false },
	{ "after", parse_after, false },
	{ "match", parse_match, false },
	{ "before", parse_before, true },
	{ "sample", parse_sample, true },
	{ "expect", parse_expect, true },
};

static int
parse_line(struct parser *p, struct str line)
{
	struct str rest = line, word;

	p->begin = line.p;
	word = parser_word(&rest);
	if (word.n == 0 || word.p[0] == '#')
		return 0;
	if (!str_eq(word, STR("expect")) && parse_samples_whole(p) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
		if (str_eq(word, str_of(directives[i].name))) {
			p->has_rules = p->has_rules || !directives[i].of_sample;
			return p->samples_only && !directives[i].of_sample ? 0 : directives[i].parse(p, rest);
		}
	return err_place(p->e, parser_place(p, word.p), "a line begins with program, let, rule, remember, settle, need, after, "
	    "match, before, sample or expect");
}

static int
parse_lines(struct parser *p, FILE *fp)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &cap, fp)) != -1) {
		struct str s = { line, (size_t)n };

		p->line++;
		if (s.n > 0 && s.p[s.n - 1] == '\n')
			s.n--;
		if (memchr(s.p, '\0', s.n) != NULL)
			rc = err_set(p->e, "%s:%u:1: a NUL byte", p->path, p->line);
		else
			rc = parse_line(p, s);
	}
	if (rc == 0 && ferror(fp))
		rc = err_sys(p->e, "%s", p->path);
	if (rc == 0)
		rc = parse_samples_end(p);
	free(line);
	return rc;
}

static void
free_lets(struct let *let)
{
	struct let *next;

	for (; let != NULL; let = next) {
		next = let->next;
		node_free(let->tree);
		free(let->name);
		free(let);
	}
}

/* Open the file and remember its name in the set: places point to it. */
static int
parse_file(struct parser *p, const char *path)
{
	struct file *file = xcalloc(1, sizeof(*file));
	FILE *fp;
	int rc;

	file->path = xstrdup(path);
	file->next = *p->files;
	*p->files = file;
	p->path = file->path;
	if ((fp = fopen(path, "re")) == NULL)
		return err_sys(p->e, "%s", path);
	rc = parse_lines(p, fp);
	(void)fclose(fp);
	return rc;
}

int
rules_parse_file(struct rules *set, const char *path, struct err *e)
{
	struct parser p = { .set = set, .files = &set->files, .e = e, .programs_end = &set->programs };
	int rc;

	while (*p.programs_end != NULL)
		p.programs_end = &(*p.programs_end)->next;
	rc = parse_file(&p, path);
	free_lets(p.lets);
	parse_samples_free(&p);
	return rc;
}

int
rules_parse_samples(struct sample **out, struct file **files, const char *path, bool *has_rules, struct err *e)
{
	struct parser p = { .samples_only = true, .files = files, .e = e };
	int rc = parse_file(&p, path);

	parse_samples_free(&p);
	*out = p.samples;
	*has_rules = p.has_rules;
	return rc;
}
