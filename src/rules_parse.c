/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_parse.c - a rule file: programs, rules, samples
 *
 * One directive a line; see popauth-milter.rules(5).  Nothing is done here but to take the text apart: what the
 * patterns mean, and whether they are safe, is for rules_load.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correlate.h"
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

static struct place
place_of(const struct parser *p, const char *at)
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
static struct str
next_word(struct str *s)
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

static char *
copy(struct str s)
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

	prog->at = place_of(p, p->begin);
	*p->programs_end = prog;
	p->programs_end = &prog->next;
	p->program = prog;
	p->rule = NULL;
	while ((tag = next_word(&rest)).n > 0) {
		prog->tags = xrealloc(prog->tags, (prog->ntags + 1) * sizeof(*prog->tags));
		prog->tags[prog->ntags++] = copy(tag);
	}
	if (prog->ntags == 0)
		return err_place(p->e, prog->at, "program wants the tags that it writes");
	return 0;
}

/* let NAME PATTERN */
static int
parse_let(struct parser *p, struct str rest)
{
	struct str name = next_word(&rest);
	struct let *let;
	struct node *tree;

	if (!is_rule_name(name) || rest.n == 0)
		return err_place(p->e, place_of(p, p->begin), "let wants a name and a pattern");
	for (size_t i = 0; i < name.n; i++)
		if (isupper((unsigned char)name.p[i]))
			return err_place(p->e, place_of(p, name.p), "a let has small letters, digits, - and _ in its name");
	for (let = p->lets; let != NULL; let = let->next)
		if (str_eq(name, str_of(let->name)))
			return err_place(p->e, place_of(p, name.p), "%s is defined already", let->name);
	if (pattern_parse(&tree, rest, place_of(p, rest.p), p->lets, p->e) == -1)
		return -1;
	let = xcalloc(1, sizeof(*let));
	let->name = copy(name);
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
	struct str name = next_word(&rest), kind = next_word(&rest), bounce = next_word(&rest);
	const struct rule *other;
	struct rule *rule, **end;

	if (p->program == NULL)
		return err_place(p->e, place_of(p, p->begin), "a rule belongs to a program: `program' comes first");
	if (!is_rule_name(name) || kind.n == 0 || rest.n > 0)
		return err_place(p->e, place_of(p, p->begin), "rule wants a name and an event kind, or none");
	if ((other = rules_find(p->set, name)) != NULL)
		return err_place(p->e, place_of(p, name.p), "there is a rule %s already, at %s:%u", other->name,
		    other->at.file, other->at.line);
	if (!str_eq(kind, STR("none")) && event_kind_of(kind) == EVENT_KINDS)
		return err_place(p->e, place_of(p, kind.p), "there is no event kind %.*s", (int)kind.n, kind.p);
	if (bounce.n > 0 && (!str_eq(bounce, STR("bounce")) || event_kind_of(kind) != EVENT_UNKNOWN_USER))
		return err_place(p->e, place_of(p, bounce.p), "only `bounce' may follow here, and only unknown-user");
	rule = xcalloc(1, sizeof(*rule));
	rule->at = place_of(p, name.p);
	rule->name = copy(name);
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
	struct str word = next_word(&rest);
	unsigned k;

	if (keys == NULL || word.n == 0)
		return err_place(p->e, place_of(p, p->begin), "this wants pid or qid, and a rule before it");
	for (; word.n > 0; word = next_word(&rest)) {
		for (k = 0; k < RULES_KEYS && !str_eq(word, names[k]); k++)
			continue;
		if (k == RULES_KEYS)
			return err_place(p->e, place_of(p, word.p), "lines are paired by pid or by qid");
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
	struct str word = next_word(&rest);
	unsigned n = 0;

	for (size_t i = 0; i < word.n && n < 1000; i++)
		n = word.p[i] < '0' || word.p[i] > '9' ? 1000 : n * 10 + (unsigned)(word.p[i] - '0');
	if (n == 0 || n > CORRELATE_SECONDS || rest.n > 0)
		return err_place(p->e, place_of(p, word.p), "within wants a number of seconds, %d at most", CORRELATE_SECONDS);
	p->rule->part.within = (uint16_t)n;
	return 0;
}

/* after RULE... [within SECONDS] */
static int
parse_after(struct parser *p, struct str rest)
{
	struct str word = next_word(&rest);
	unsigned n = 0;

	if (p->rule == NULL || word.n == 0)
		return err_place(p->e, place_of(p, p->begin), "after wants the names of rules, and a rule before it");
	while (p->rule->part.after[n] != NULL)
		n++;
	for (; word.n > 0; word = next_word(&rest)) {
		if (n > 0 && str_eq(word, STR("within")))
			return parse_within(p, rest);
		if (n == RULES_AFTER || !is_rule_name(word))
			return err_place(p->e, place_of(p, word.p), "after wants the names of at most %d rules", RULES_AFTER);
		p->rule->part.after[n++] = copy(word);
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
		return err_place(p->e, place_of(p, p->begin), "match wants a pattern, and a rule before it");
	if (pattern_parse(&tree, rest, place_of(p, rest.p), p->lets, p->e) == -1)
		return -1;
	pattern = xcalloc(1, sizeof(*pattern));
	pattern->at = place_of(p, rest.p);
	pattern->rule = p->rule;
	pattern->tree = tree;
	for (end = &p->rule->patterns; *end != NULL; end = &(*end)->next)
		continue;
	*end = pattern;
	return 0;
}

/* before LINE */
static int
parse_before(struct parser *p, struct str rest)
{
	p->before_at = place_of(p, p->begin);
	p->before = xrealloc(p->before, (p->nbefore + 1) * sizeof(*p->before));
	p->before[p->nbefore++] = (struct str){ copy(rest), rest.n };
	return 0;
}

/* sample LINE */
static int
parse_sample(struct parser *p, struct str rest)
{
	struct sample *s, **end;

	if (rest.n == 0 || (p->rule == NULL && !p->samples_only))
		return err_place(p->e, place_of(p, p->begin), "sample wants a line of log, and a rule before it");
	s = xcalloc(1, sizeof(*s));
	s->at = place_of(p, p->begin);
	s->line = (struct str){ copy(rest), rest.n };
	s->before = p->before;
	s->nbefore = p->nbefore;
	p->before = NULL;
	p->nbefore = 0;
	for (end = p->samples_only ? &p->samples : &p->rule->samples; *end != NULL; end = &(*end)->next)
		continue;
	*end = p->sample = s;
	return 0;
}

/* The value of an expected field: \x20 stands for the blank that would end it. */
static struct str
unescape(struct str s)
{
	char *p = copy(s);
	size_t n = 0;
	unsigned c;

	for (size_t i = 0; i < s.n; i++)
		if (p[i] == '\\' && s.n - i >= 4 && sscanf(p + i, "\\x%2x", &c) == 1) {
			p[n++] = (char)c;
			i += 3;
		} else {
			p[n++] = p[i];
		}
	p[n] = '\0';
	return (struct str){ p, n };
}

/* key=value, the value to the next blank. */
static int
parse_expected(struct parser *p, struct sample *s, struct str word)
{
	const struct {
		struct str key;
		struct str *value;
	} keys[] = { { STR("user="), &s->user }, { STR("recipient="), &s->recipient }, { STR("zone="), &s->zone } };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str k = keys[i].key;

		if (word.n <= k.n || memcmp(word.p, k.p, k.n) != 0 || keys[i].value->p != NULL)
			continue;
		*keys[i].value = unescape((struct str){ word.p + k.n, word.n - k.n });
		return 0;
	}
	return err_place(p->e, place_of(p, word.p), "expected is user=, recipient= or zone=, once each");
}

/* expect none | expect KIND ADDRESS [user=...] [recipient=...] [zone=...] */
static int
parse_expect(struct parser *p, struct str rest)
{
	struct str kind = next_word(&rest), word;
	struct sample *s = p->sample;
	struct addr a;

	if (s == NULL)
		return err_place(p->e, place_of(p, p->begin), "expect wants a sample before it");
	p->sample = NULL;
	s->none = str_eq(kind, STR("none"));
	s->kind = event_kind_of(kind);
	if (s->none && rest.n == 0)
		return 0;
	if (s->kind == EVENT_KINDS)
		return err_place(p->e, place_of(p, p->begin), "expect wants `none', or an event kind and an address");
	word = next_word(&rest);
	if (addr_parse(&a, word) == -1)
		return err_place(p->e, place_of(p, p->begin), "an address must follow the event kind");
	s->addr = (struct str){ copy(word), word.n };
	while ((word = next_word(&rest)).n > 0)
		if (parse_expected(p, s, word) == -1)
			return -1;
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
	word = next_word(&rest);
	if (word.n == 0 || word.p[0] == '#')
		return 0;
	if (p->sample != NULL && !str_eq(word, STR("expect")))
		return err_place(p->e, p->sample->at, "this sample has no `expect' behind it");
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
		if (str_eq(word, str_of(directives[i].name))) {
			p->has_rules = p->has_rules || !directives[i].of_sample;
			return p->samples_only && !directives[i].of_sample ? 0 : directives[i].parse(p, rest);
		}
	return err_place(p->e, place_of(p, word.p), "a line begins with program, let, rule, remember, settle, need, after, "
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
	if (rc == 0 && p->sample != NULL)
		rc = err_place(p->e, p->sample->at, "this sample has no `expect' behind it");
	if (rc == 0 && p->nbefore > 0)
		rc = err_place(p->e, p->before_at, "there is no sample behind this `before'");
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

/* Of lines that no sample came after. */
static void
free_before(struct parser *p)
{
	for (unsigned i = 0; i < p->nbefore; i++)
		free((char *)p->before[i].p);
	free(p->before);
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
	free_before(&p);
	return rc;
}

int
rules_parse_samples(struct sample **out, struct file **files, const char *path, bool *has_rules, struct err *e)
{
	struct parser p = { .samples_only = true, .files = files, .e = e };
	int rc = parse_file(&p, path);

	free_before(&p);
	*out = p.samples;
	*has_rules = p.has_rules;
	return rc;
}
