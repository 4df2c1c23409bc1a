/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_check.c - what rules_proof.c proves, tried
 *
 * Each sample is a line that a program wrote.  Where a client could have put other text there, it does: whole lines,
 * the ends of lines, heads of lines, each with a victim's address in the client's place; delimiters, controls, and
 * 64 kB of everything.  Then the victim's address must not come out, and nothing must become a login that was none.
 * Time is counted in PCRE2's steps, so that a slow machine cannot fail.
 */
#include <stdlib.h>
#include <string.h>

#include "rules_priv.h"

#define VICTIM4	    "198.51.100.66"
#define VICTIM6	    "2001:db8:bad::66"
#define LONG	    65536
#define RUNS	    REGEX_GROUPS
#define STEPS(n)    (20 * (uint32_t)(n) + 20000) /* the most steps that a line of n bytes may take */
#define COMPLAINTS  20

struct checker {
	const struct rules *set;
	struct rules_scratch *scratch;
	FILE *out;
	uint64_t tried;
	int wrong;
	struct addr victim4, victim6;
	/* the sample at hand */
	const struct rule *rule;
	const struct sample *sample;
	const struct pattern *timed;
	const struct regex *regex; /* of the pattern that it matches, with all runs */
	struct str text;	   /* its text, part of sample->line */
	struct str spans[RUNS];
	const struct node *runs[RUNS];
	unsigned nruns;
	char *line; /* the line being tried */
	size_t cap;
};

static const char *const poisons[] = {
	VICTIM4, "[" VICTIM4 "]", "[" VICTIM4 "]: ", " [" VICTIM4 "]", "rip=" VICTIM4, ", rip=" VICTIM4 ", lip=" VICTIM4,
	">, method=PLAIN, rip=" VICTIM4 ", lip=203.0.113.1, TLS, session=<", "Login: user=<", "ip=[" VICTIM4 "]",
	" from x[" VICTIM4 "]: ", "x[" VICTIM4 "]:25: 550 5.7.1 ", "relay=[" VICTIM4 "]", "\" at (x) " VICTIM4,
	"rhost=" VICTIM4, VICTIM6, "[IPv6:" VICTIM6 "]", "::ffff:" VICTIM4, "%n%s%n", "\r", "\n", "\r\n", "\t", " ", "", ">",
	"<", "\"", "'", ")", "(", "]", "[", ",", ";", ":", ": ", "=", "\\", "\xff\xfe\xc0\x80", "\xe2\x80\xa8", "#012",
	"Jan  2 03:04:05 mx dovecot: imap-login: Login: user=<x>, method=PLAIN, rip=" VICTIM4 ", lip=203.0.113.1",
	"<22>1 2024-01-02T03:04:05Z mx imap-login - - - Login: user=<x>, rip=" VICTIM4,
	"message repeated 2 times: [ Login: user=<x>, rip=" VICTIM4 "]",
};

#define POISONS (sizeof(poisons) / sizeof(poisons[0]))

static void
complain(struct checker *c, const char *what, struct str line)
{
	char shown[240];

	if (c->wrong++ < COMPLAINTS)
		fprintf(c->out, "%s:%u: rule %s: %s: %s\n", c->sample->at.file, c->sample->at.line, c->rule->name, what,
		    str_show(shown, sizeof(shown), line));
}

static void
judge(struct checker *c, struct str line)
{
	struct event ev;
	enum rules_result is = sample_match(c->set, c->scratch, line, &ev);
	bool need = is == RULES_HALF && rules_part(c->scratch)->need != 0;

	c->tried++;
	if (is != RULES_EVENT && is != RULES_HALF)
		return;
	if (!need && (addr_eq(&ev.addr, &c->victim4) || addr_eq(&ev.addr, &c->victim6)))
		complain(c, "takes the address from the client's text", line);
	else if (need && (c->rule->part.need == 0 || c->rule->kind != ev.kind))
		complain(c, "becomes half of an event", line);
	else if (!need && ev.kind == EVENT_LOGIN && (c->sample->none || c->sample->kind != EVENT_LOGIN))
		complain(c, "becomes a login", line);
}

/* The sample with `text` in place of run `which`, or of every run (which = nruns). */
static struct str
line_with(struct checker *c, unsigned which, struct str text)
{
	struct str line = c->sample->line;
	size_t n = 0, from = 0, need = line.n + (which == c->nruns ? c->nruns : 1) * text.n;

	if (need > c->cap) {
		c->cap = need * 2;
		c->line = xrealloc(c->line, c->cap);
	}
	for (unsigned i = 0; i < c->nruns; i++) {
		size_t start = (size_t)(c->spans[i].p - line.p);

		if (i != which && which != c->nruns)
			continue;
		memcpy(c->line + n, line.p + from, start - from);
		n += start - from;
		if (text.n > 0)
			memcpy(c->line + n, text.p, text.n);
		n += text.n;
		from = start + c->spans[i].n;
	}
	memcpy(c->line + n, line.p + from, line.n - from);
	return (struct str){ c->line, n + line.n - from };
}

static void
try_text(struct checker *c, struct str text)
{
	for (unsigned i = 0; i <= c->nruns; i++)
		if (i < c->nruns || c->nruns > 1)
			judge(c, line_with(c, i, text));
}

/* A sample's text with the victim's address for its client's; the caller frees it. */
static char *
with_victim(struct str text, struct str client, const char *victim)
{
	size_t n = 0, v = strlen(victim);
	char *out = xmalloc(text.n * (v + 1) + 1);

	for (size_t i = 0; i < text.n;) {
		if (client.n > 0 && text.n - i >= client.n && memcmp(text.p + i, client.p, client.n) == 0) {
			memcpy(out + n, victim, v);
			n += v;
			i += client.n;
		} else {
			out[n++] = text.p[i++];
		}
	}
	out[n] = '\0';
	return out;
}

static bool
is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

/* The forged text whole, and what is left of it from each place where a field could end. */
static void
try_forgery(struct checker *c, const struct sample *of, const char *victim)
{
	struct str line = of->line;
	char *forged = with_victim(line, of->addr, victim);
	size_t n = strlen(forged);

	for (size_t i = 0; i < n; i++)
		if (i == 0 || !is_word(forged[i]) || !is_word(forged[i - 1]))
			try_text(c, (struct str){ forged + i, n - i });
	free(forged);
}

static void
try_forgeries(struct checker *c, const struct program *prog)
{
	for (const struct rule *r = prog->rules; r != NULL; r = r->next)
		for (const struct sample *s = r->samples; s != NULL; s = s->next) {
			try_forgery(c, s, VICTIM4);
			if (s == c->sample)
				try_forgery(c, s, VICTIM6);
		}
}

/* Is matching linear: when the line matches in the end, and when it is given up at the last byte? */
static void
count_steps(struct checker *c, struct str line, size_t last)
{
	for (int i = 0; i < 2; i++, line.n = last) {
		if (regex_exceeds(c->regex, line, STEPS(line.n)))
			complain(c, "takes more than linear time", line);
		c->line[line.p - c->line + (ptrdiff_t)last - 1] = '\n';
	}
}

/* 64 kB of `unit` in each run: neither the client nor the time may go astray. */
static void
try_long(struct checker *c, struct str unit)
{
	size_t head = (size_t)(c->text.p - c->sample->line.p), tail = c->sample->line.n - head - c->text.n;
	char *text = xmalloc(LONG);

	for (size_t i = 0; unit.n > 0 && i < LONG; i++)
		text[i] = unit.p[i % unit.n];
	for (unsigned i = 0; unit.n > 0 && i < c->nruns; i++) {
		struct str line = line_with(c, i, (struct str){ text, LONG });

		judge(c, line);
		line = (struct str){ line.p + head, line.n - head - tail };
		count_steps(c, line, (size_t)(c->spans[i].p - c->text.p) + LONG);
	}
	free(text);
}

static void
try_slow(struct checker *c)
{
	for (size_t i = 0; i < POISONS; i++)
		try_long(c, str_of(poisons[i]));
	for (unsigned i = 0; i < c->nruns; i++) {
		const char *end = c->text.p + c->text.n, *behind = c->spans[i].p + c->spans[i].n;

		try_long(c, (struct str){ behind, (size_t)(end - behind) });
		if (behind < end)
			try_long(c, (struct str){ behind, 1 });
	}
	try_long(c, (struct str){ "", 1 }); /* NUL */
}

/* Find the pattern that the sample matches, and what the client could write in it. */
static bool
prepare(struct checker *c, const struct pattern *p)
{
	struct regex *re = regex_new(p->tree, true, NULL);
	struct logline l;
	struct stamp stamp;

	stamp_init(&stamp);
	if (re == NULL || logline_parse(&l, &stamp, c->sample->line, 0) != LOGLINE_OK)
		panic("%s:%u: this pattern compiled a moment ago", p->at.file, p->at.line);
	c->text = l.text;
	c->regex = re;
	c->nruns = regex_runs(re, c->scratch->regex, l.text, c->spans, c->runs, RUNS);
	return c->nruns > 0;
}

static void
check_sample(struct checker *c, const struct program *prog, const struct pattern *patterns)
{
	for (const struct pattern *p = patterns; p != NULL; p = p->next) {
		bool done = prepare(c, p);

		if (done) {
			for (size_t i = 0; i < POISONS; i++)
				try_text(c, str_of(poisons[i]));
			try_text(c, (struct str){ "", 1 }); /* NUL */
			try_forgeries(c, prog);
			if (p != c->timed) /* once is enough for each pattern */
				try_slow(c);
			c->timed = p;
		}
		regex_free((struct regex *)c->regex);
		if (done)
			return;
	}
}

static void
check_rule(struct checker *c, const struct program *prog, const struct rule *r)
{
	c->rule = r;
	for (const char *const *name = r->part.after; *name != NULL; name++)
		if (rules_find(c->set, str_of(*name)) == NULL) {
			fprintf(c->out, "%s:%u: rule %s: after names %s, and there is no such rule\n", r->at.file, r->at.line,
			    r->name, *name);
			c->wrong++;
		}
	for (const struct sample *s = r->samples; s != NULL; s = s->next) {
		struct stamp stamp;
		struct logline l;

		stamp_init(&stamp);
		c->sample = s;
		if (logline_parse(&l, &stamp, s->line, 0) == LOGLINE_OK)
			check_sample(c, prog, r->patterns);
	}
}

int
rules_check(const struct rules *set, FILE *out)
{
	struct checker c = { .set = set, .out = out };

	c.scratch = rules_scratch_new(set);
	if (addr_parse(&c.victim4, STR(VICTIM4)) == -1 || addr_parse(&c.victim6, STR(VICTIM6)) == -1)
		panic("rules_check: the victims' addresses");
	for (const struct program *p = set->programs; p != NULL; p = p->next)
		for (const struct rule *r = p->rules; r != NULL; r = r->next)
			check_rule(&c, p, r);
	fprintf(out, "%llu hostile lines tried, %d wrong\n", (unsigned long long)c.tried, c.wrong);
	free(c.line);
	rules_scratch_free(c.scratch);
	return c.wrong;
}
